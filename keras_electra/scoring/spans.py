"""Spans of tagged words, and how many of them were found.

A tag is O, or a prefix and a type such as `B-NP`; without types it is the prefix alone. The schemes:

    BIO (IOB2)  B begins a span, I goes on
    IOB1        I begins a span and goes on; B begins one right after another of the same type
    BIOES       as BIO, but E ends a span of several words, and S is a span of one word

Spans are read by the conventions of conlleval, the script of CoNLL-2000, which fit all three and any
wrong sequence: a span begins at B and S, and at I and E that follow O, the end of a span (E, S) or
another type; it lasts until O, the next beginning, or its E or S.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from keras_electra.errors import InputError

PREFIXES = "BIES"
"""The prefixes of all schemes, besides O."""

Span = tuple[str, int, int]
"""Type, first word, and the word after the last."""
Part = tuple[str, str]
"""Prefix and type of a tag; ("O", "") outside spans."""
OUTSIDE = ("O", "")


def spans_of(tags: Sequence[str]) -> list[Span]:
    """The spans of one sentence, in order.

    spans_of(["B-NP", "I-NP", "I-VP", "O", "I-VP", "B-VP"]) is
    [("NP", 0, 2), ("VP", 2, 3), ("VP", 4, 5), ("VP", 5, 6)].

    Raises:
        InputError: for a tag that is not of this form.
    """
    spans, before, first = [], OUTSIDE, 0
    for place, tag in enumerate([*tags, "O"]):
        part = part_of(tag)
        is_beginning = begins_span(before, part)
        if before != OUTSIDE and (is_beginning or part == OUTSIDE):
            spans.append((before[1], first, place))
        if is_beginning:
            first = place
        before = part
    return spans


def begins_span(before: Part, part: Part) -> bool:
    """Whether a span begins at `part`, which stands after `before`."""
    if part == OUTSIDE:
        return False
    return part[0] in "BS" or before[0] in "OES" or before[1] != part[1]


def part_of(tag: str) -> Part:
    """Prefix and type of a tag; `InputError` if it is neither O nor has one of the prefixes."""
    prefix, dash, type_name = tag.partition("-")
    if tag == "O":
        return OUTSIDE
    if len(prefix) != 1 or prefix not in PREFIXES or (dash and not type_name):
        expected = ", ".join(f"{one}-type" for one in PREFIXES)
        raise InputError(f"tag: expected O or {expected}, received {tag!r}")
    return prefix, type_name


def has_span_tags(tags: Iterable[str]) -> bool:
    """Whether all of these tags, such as the labels of a task, are of this form."""
    try:
        for tag in tags:
            part_of(tag)
    except InputError:
        return False
    return True


def to_bioes(tags: Sequence[str]) -> list[str]:
    """The same spans in BIOES; to_bioes(["B-NP", "I-NP", "O", "B-VP"]) is ["B-NP", "E-NP", "O", "S-VP"]."""
    found = ["O"] * len(tags)
    for type_name, first, end in spans_of(tags):
        prefixes = "S" if end - first == 1 else f"B{'I' * (end - first - 2)}E"
        found[first:end] = [f"{one}-{type_name}" if type_name else one for one in prefixes]
    return found


def span_figures(gold, predicted) -> dict[str, float]:
    """Precision, recall and F1 over the spans of all sentences and types together.

    A span is right if a gold one has its type, beginning and end. What is not defined (precision where
    no span was predicted) is 0.

    Args:
        gold, predicted: one sequence of tags per sentence.

    Returns:
        {"precision", "recall", "f1"}.
    """
    counts = span_counts(gold, predicted)
    return ratios(*(counter.total() for counter in counts))


def per_type_report(gold, predicted) -> dict[str, dict]:
    """{type: {"precision", "recall", "f1", "support"}}, sorted; support is the number of gold spans."""
    right, found, wanted = span_counts(gold, predicted)
    return {
        name: {**ratios(right[name], found[name], wanted[name]), "support": wanted[name]}
        for name in sorted(found.keys() | wanted.keys())
    }


def span_counts(gold, predicted) -> tuple[Counter, Counter, Counter]:
    """Numbers of spans by type: right ones, predicted ones, gold ones."""
    right, found, wanted = Counter(), Counter(), Counter()
    for gold_tags, predicted_tags in zip(gold, predicted, strict=True):
        require_same_words(gold_tags, predicted_tags)
        gold_spans = set(spans_of(gold_tags))
        predicted_spans = set(spans_of(predicted_tags))
        wanted.update(span[0] for span in gold_spans)
        found.update(span[0] for span in predicted_spans)
        right.update(span[0] for span in gold_spans & predicted_spans)
    return right, found, wanted


def ratios(num_right: int, num_found: int, num_wanted: int) -> dict[str, float]:
    """Precision, recall and F1 of three counts; 0 where not defined."""
    total = num_found + num_wanted
    return {
        "precision": num_right / num_found if num_found else 0.0,
        "recall": num_right / num_wanted if num_wanted else 0.0,
        "f1": 2 * num_right / total if total else 0.0,
    }


def token_accuracy(gold, predicted) -> float:
    """Fraction of the words, of all sentences together, whose tag is right; 0 without a word."""
    num_right = num_words = 0
    for gold_tags, predicted_tags in zip(gold, predicted, strict=True):
        require_same_words(gold_tags, predicted_tags)
        num_right += sum(a == b for a, b in zip(gold_tags, predicted_tags, strict=True))
        num_words += len(gold_tags)
    return num_right / num_words if num_words else 0.0


def require_same_words(gold_tags: Sequence[str], predicted_tags: Sequence[str]) -> None:
    """Raise `InputError` unless a sentence has as many predicted tags as gold ones."""
    if len(gold_tags) != len(predicted_tags):
        raise InputError(
            f"tags: expected one for each of {len(gold_tags)} words, received {len(predicted_tags)}"
        )
