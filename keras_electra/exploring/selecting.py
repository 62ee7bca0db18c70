"""Which examples to show, and in which order; and how often which label was taken for which."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Literal

from keras_electra.errors import InputError
from keras_electra.exploring.examples import Judged
from keras_electra.tasks.kinds import kind_of

Verdict = Literal["all", "right", "wrong", "unknown", "flagged"]
Order = Literal["as in the data", "most wrong", "least sure", "most sure", "longest", "shortest"]
VERDICTS, ORDERS = Verdict.__args__, Order.__args__


@dataclasses.dataclass(frozen=True, kw_only=True)
class Selection:
    """What the browser of examples shows.

    Attributes:
        verdict: right or wrong ones, those without a gold answer, or those that were flagged.
        gold: label that must be right; of tagging, right for some word. None for any.
        predicted: label that must have been given; of tagging, to the same word. None for any.
        search: text that must occur in the example, case ignored.
        order: what comes first.
    """

    verdict: Verdict = "all"
    gold: str | None = None
    predicted: str | None = None
    search: str = ""
    order: Order = "as in the data"

    def __post_init__(self):
        for name, known in (("verdict", VERDICTS), ("order", ORDERS)):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name}: expected one of {', '.join(known)}, received {getattr(self, name)!r}"
                )


def select(
    examples: Sequence[Judged], selection: Selection, flagged: Collection[str] = ()
) -> list[Judged]:
    """The examples that a selection lets through, in its order.

    Args:
        flagged: ids of the flagged ones.
    """
    wanted = selection.search.casefold()
    found = [
        one
        for one in examples
        if has_verdict(one, selection.verdict, flagged)
        and has_labels(one, selection.gold, selection.predicted)
        and (not wanted or any(wanted in text.casefold() for _, text in one.texts))
    ]
    return ordered(found, selection.order)


def has_verdict(one: Judged, verdict: Verdict, flagged: Collection[str]) -> bool:
    """Whether an example is what the selection's verdict asks for."""
    if verdict == "flagged":
        return one.id in flagged
    if verdict == "unknown":
        return one.gold is None
    return verdict == "all" or one.is_right is (verdict == "right")


def has_labels(one: Judged, gold: str | None, predicted: str | None) -> bool:
    """Whether some decision of an example has these labels."""
    if gold is None and predicted is None:
        return True
    return any(
        (gold is None or right == gold) and (predicted is None or given == predicted)
        for right, given in kind_of(one.kind).decisions(one)
    )


def ordered(examples: list[Judged], order: Order) -> list[Judged]:
    """Sorted; those for which the value is not known come last, equals stay as in the data."""
    value_of = {
        "as in the data": lambda one: one.index,
        "most wrong": lambda one: None if one.error is None else -one.error,
        "least sure": lambda one: one.confidence,
        "most sure": lambda one: None if one.confidence is None else -one.confidence,
        "longest": lambda one: -one.num_characters,
        "shortest": lambda one: one.num_characters,
    }[order]
    values = {one.index: value_of(one) for one in examples}
    return sorted(
        examples,
        key=lambda one: (values[one.index] is None, values[one.index] or 0.0, one.index),
    )


def confusion(
    examples: Sequence[Judged], labels: Sequence[str] = ()
) -> tuple[list[str], list[list[int]]]:
    """How often which label was taken for which, over examples, or over words for tagging.

    Args:
        labels: names in the order wanted; others that occur follow, sorted.

    Returns:
        The N names, and N lists of N counts: row the gold label, column the predicted one. What has no
        gold label is left out.
    """
    found = (pair for one in examples for pair in kind_of(one.kind).decisions(one))
    pairs = Counter(pair for pair in found if pair[0] is not None)
    occurring = {name for pair in pairs for name in pair}
    names = [*labels, *sorted(occurring - set(labels))]
    return names, [[pairs[gold, given] for given in names] for gold in names]
