"""What may be wrong with the rows and labels of a task, one function each."""

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keras_electra.tasks.examples import (
    Example,
    QuestionExample,
    TaggingExample,
    TextExample,
)
from keras_electra.tasks.problems import Problems

NUM_SHOWN = 10
"""Rows that a check keeps to be shown."""
UNEVEN_FRACTION = 0.8
"""Share of the commonest label from which the labels count as uneven."""


@dataclasses.dataclass(frozen=True)
class Check:
    """What one look at the data found.

    Attributes:
        name: what was looked for.
        sentence: what was found, with numbers.
        count: rows, or labels, that it is true of; 0 where all is well.
        is_problem: whether it should be looked into.
        rows: the first of them, each a dict of `split`, `id` and the example's fields.
    """

    name: str
    sentence: str
    count: int = 0
    is_problem: bool = False
    rows: tuple[dict, ...] = ()


def row_of(split: str, example: Example) -> dict:
    """An example as a row to be shown, its empty fields left out."""
    fields = {
        name: value for name, value in dataclasses.asdict(example).items() if value is not None
    }
    return {"split": split, **fields}


def found(name: str, rows: Iterable[dict], what: str, none: str, **more: Any) -> Check:
    """The check of rows that should not be.

    Args:
        what: sentence with `{count}`.
        none: sentence where there are none.
    """
    rows = list(rows)
    if not rows:
        return Check(name, none)
    sentence = what.format(count=f"{len(rows):,}", **more)
    return Check(name, sentence, len(rows), True, tuple(rows[:NUM_SHOWN]))


# Rows


def unusable(left_out: Mapping[str, Problems]) -> list[Check]:
    """Rows that cannot be used, by sort: wrong columns, no label, an answer not in its context."""
    checks = []
    for split, problems in left_out.items():
        for sort, count in problems.counts.items():
            rows = tuple({"split": split, "found": sentence} for sentence in problems.shown[sort])
            sentence = f"{count:,} rows of {split} are left out: {sort}"
            checks.append(Check(sort, sentence, count, True, rows))
    return checks or [Check("unusable rows", "every row can be used")]


def texts_of(example: Example) -> tuple[str, ...]:
    """The texts of an example."""
    if isinstance(example, TextExample):
        second = example.second_text
        return (example.text,) if second is None else (example.text, second)
    if isinstance(example, TaggingExample):
        return (" ".join(example.words),)
    if isinstance(example, QuestionExample):
        return example.question, example.context
    return example.question, *example.choices


def answer_of(example: Example):
    """What is to be learned of an example, to be compared."""
    if isinstance(example, TaggingExample):
        return example.tags
    if isinstance(example, QuestionExample):
        return example.answers
    return example.label


def empty_texts(splits) -> Check:
    """Examples with a text of nothing but blanks."""
    rows = [
        row_of(split, example)
        for split, part in splits.items()
        for example in part
        if not all(text.strip() for text in texts_of(example))
    ]
    return found("empty text", rows, "{count} examples have an empty text", "no text is empty")


def duplicates(splits) -> Check:
    """Examples that stand again in the same part, answer and all."""
    rows = []
    for split, part in splits.items():
        seen = set()
        for example in part:
            key = (texts_of(example), answer_of(example))
            if key in seen:
                rows.append(row_of(split, example))
            seen.add(key)
    return found(
        "duplicate",
        rows,
        "{count} examples stand again in the same part",
        "no example stands twice",
    )


def contradictions(splits) -> Check:
    """Examples of the training part whose texts have another answer elsewhere in it."""
    answers, rows = {}, []
    for example in splits.get("train", ()):
        first = answers.setdefault(texts_of(example), answer_of(example))
        if first != answer_of(example) and not isinstance(example, QuestionExample):
            rows.append(row_of("train", example))
    return found(
        "contradiction",
        rows,
        "{count} examples of train have a text that has another label before",
        "no text of train has two labels",
    )


def shared_texts(splits) -> Check:
    """Examples outside the training part whose texts stand in it: what they measure is memory."""
    known = {texts_of(example) for example in splits.get("train", ())}
    rows = [
        row_of(split, example)
        for split, part in splits.items()
        for example in part
        if split != "train" and texts_of(example) in known
    ]
    return found(
        "text in train and elsewhere",
        rows,
        "{count} examples outside train have a text that stands in train",
        "no text of train stands in another part",
    )


# Labels


def label_counts(part: Sequence[Example]) -> collections.Counter:
    """How often each label or tag occurs."""
    counts = collections.Counter()
    for example in part:
        answer = answer_of(example)
        if answer is not None:
            counts.update(answer if isinstance(answer, tuple) else [answer])
    return counts


def lonely_labels(splits) -> Check:
    """Labels of other parts that training never sees."""
    known = label_counts(splits.get("train", ()))
    unseen = {}
    for split, part in splits.items():
        for label, count in label_counts(part).items():
            if label not in known:
                unseen.setdefault(str(label), {"label": str(label)})[split] = count
    names = ", ".join(map(repr, sorted(unseen)[:5]))
    return found(
        "label not in train",
        unseen.values(),
        "{count} labels occur outside train only: {names}",
        "every label of another part occurs in train",
        names=names,
    )


def evenness(splits) -> Check:
    """Whether one label is nearly all of the training part; what always guessing it is worth."""
    counts = label_counts(splits.get("train", ()))
    total = len(splits.get("train", ()))
    if not counts or not total:
        return Check("uneven labels", "train has no labels")
    (label, most), (rarest, fewest) = counts.most_common(1)[0], counts.most_common()[-1]
    rows = tuple({"label": str(name), "train": count} for name, count in counts.most_common())
    sentence = (
        f"{len(counts)} labels; the commonest, {label!r}, is {most / total:.0%} of train, the rarest, "
        f"{rarest!r}, {fewest:,} examples"
    )
    is_problem = most / total >= UNEVEN_FRACTION
    return Check("uneven labels", sentence, most if is_problem else 0, is_problem, rows[:NUM_SHOWN])


def score_range(splits, value_range: tuple[float, float]) -> Check:
    """Numbers outside the range that the model can give."""
    low, high = value_range
    rows = [
        row_of(split, example)
        for split, part in splits.items()
        for example in part
        if isinstance(example.label, int | float) and not low <= example.label <= high
    ]
    return found(
        "score range",
        rows,
        f"{{count}} examples have a score outside {low:g} to {high:g}, which the model cannot give",
        f"all scores are from {low:g} to {high:g}",
    )


def broken_spans(splits) -> Check:
    """Sentences with a tag I-x that no B-x or I-x stands before, where tags mark spans."""
    rows = [
        row_of(split, example)
        for split, part in splits.items()
        for example in part
        if example.tags and has_broken_span(example.tags)
    ]
    return found(
        "span without a beginning",
        rows,
        "{count} sentences have an I- tag without a B- tag of its type before it",
        "every span begins with its B- tag, or there are no spans",
    )


def has_broken_span(tags: Sequence[str]) -> bool:
    """Whether a span goes on that did not begin.

    >>> has_broken_span(["B-PER", "I-PER", "O"]), has_broken_span(["O", "I-PER"])
    (False, True)
    """
    former = "O"
    for tag in tags:
        if tag.startswith("I-") and former[1:] != tag[1:]:
            return True
        former = tag
    return False
