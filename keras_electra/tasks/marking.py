"""Where spans lie in a text, gold beside predicted, cut into the pieces that a page draws.

`one` is an `exploring.Judged`.
"""

import dataclasses
import itertools

from keras_electra.scoring.spans import has_span_tags, spans_of

CONTEXT_CHARACTERS = 160
"""Characters shown on each side of the answers."""


@dataclasses.dataclass(frozen=True)
class Group:
    """Neighbouring words that no gold or predicted span crosses the border of.

    Attributes:
        words: of the group.
        gold, predicted: (label, first, end) of spans, counted from the group's first word.
    """

    words: tuple[str, ...]
    gold: tuple[tuple[str, int, int], ...]
    predicted: tuple[tuple[str, int, int], ...]

    @property
    def verdict(self) -> str:
        """ "right", "wrong", or "" where there is no span."""
        if not self.gold and not self.predicted:
            return ""
        return "right" if self.gold == self.predicted else "wrong"


def tag_groups(one) -> list[Group]:
    """A tagged sentence as groups of words, in order.

    Tags that tell no spans, as parts of speech, are spans of one word each.
    """
    tells_spans = has_span_tags([*(one.gold or ()), *one.predicted])
    predicted = marks_of(one.predicted, tells_spans)
    gold = marks_of(one.gold or [], tells_spans)
    words = one.row["words"]
    crossed = {place for _, first, end in [*gold, *predicted] for place in range(first + 1, end)}
    borders = [place for place in range(len(words) + 1) if place not in crossed]
    groups = []
    for first, end in itertools.pairwise(borders):
        inside = [
            tuple((name, a - first, b - first) for name, a, b in spans if first <= a and b <= end)
            for spans in (gold, predicted)
        ]
        groups.append(Group(tuple(words[first:end]), *inside))
    return groups


def marks_of(tags: list[str], tells_spans: bool) -> list[tuple[str, int, int]]:
    """Spans, or single words where tags tell no spans; a span without a type is called "span"."""
    if tells_spans:
        return [(name or "span", first, end) for name, first, end in spans_of(tags)]
    return [(tag, place, place + 1) for place, tag in enumerate(tags)]


def answer_segments(one) -> list[tuple[str, str]]:
    """The context around the answers of a question: (text, mark), in order.

    Marks: "" plain, "gold", "predicted", "both"; "cut" is text left out, shown as an ellipsis.
    """
    context = one.example.get("context")
    if not context:
        return []
    gold = [
        (answer["start"], answer["start"] + len(answer["text"]))
        for answer in one.example.get("answers", ())
        if answer["start"] >= 0
    ]
    predicted = []
    if one.predicted and one.row.get("n_best"):
        best = one.row["n_best"][0]
        predicted = [(best["start"], best["end"])]
    edges = sorted({0, len(context), *(edge for span in [*gold, *predicted] for edge in span)})
    segments = []
    for start, end in itertools.pairwise(edges):
        is_gold, is_predicted = (covered(start, end, spans) for spans in (gold, predicted))
        mark = {(1, 1): "both", (1, 0): "gold", (0, 1): "predicted", (0, 0): ""}
        segments.append((context[start:end], mark[is_gold, is_predicted]))
    return shortened(segments)


def covered(start: int, end: int, spans: list[tuple[int, int]]) -> bool:
    """Whether some span holds these characters."""
    return any(first <= start and end <= last for first, last in spans)


def shortened(segments: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Long plain segments reduced to what stands next to marked ones."""
    result, last = [], len(segments) - 1
    for number, (text, mark) in enumerate(segments):
        before = CONTEXT_CHARACTERS if number > 0 or last == 0 else 0
        after = CONTEXT_CHARACTERS if number < last else 0
        if mark or len(text) <= before + after + 1:
            result.append((text, mark))
            continue
        kept = [(text[:before], ""), ("…", "cut"), (text[len(text) - after :], "")]
        result.extend(part for part in kept if part[0])
    return result
