"""Two labels told apart at another probability than one half."""

import dataclasses
from collections.abc import Sequence

from keras_electra.errors import InputError
from keras_electra.exploring.examples import Judged


@dataclasses.dataclass(frozen=True)
class Decisions:
    """Counts at a threshold, of the examples whose right label is one of the two.

    Attributes:
        num_caught: positive ones that were called positive.
        num_false_alarms: negative ones that were called positive.
        num_missed: positive ones that were called negative.
        num_passed: negative ones that were called negative.
    """

    num_caught: int
    num_false_alarms: int
    num_missed: int
    num_passed: int

    @property
    def accuracy(self) -> float | None:
        """Fraction that is right; None without examples."""
        total = sum(dataclasses.astuple(self))
        return (self.num_caught + self.num_passed) / total if total else None

    @property
    def precision(self) -> float | None:
        """Fraction of those called positive that are; None if none was."""
        called = self.num_caught + self.num_false_alarms
        return self.num_caught / called if called else None

    @property
    def recall(self) -> float | None:
        """Fraction of the positive ones that were called so; None if there is none."""
        positive = self.num_caught + self.num_missed
        return self.num_caught / positive if positive else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None if neither any is nor any was called positive."""
        total = 2 * self.num_caught + self.num_false_alarms + self.num_missed
        return 2 * self.num_caught / total if total else None


def positive_label(labels: Sequence[str]) -> str:
    """The last of two labels, the one that the figure `f1` is of.

    Raises:
        InputError: unless there are two labels.
    """
    if len(labels) != 2:
        raise InputError(f"threshold: expected two labels, received {len(labels)}")
    return labels[1]


def with_probability_threshold(
    examples: Sequence[Judged], labels: Sequence[str], threshold: float
) -> list[Judged]:
    """The examples, each called positive where that has at least this probability.

    Args:
        examples: of classification, with probabilities; they are not changed.
        labels: the two names, the positive one last.
        threshold: in [0, 1]; at 0.5 the predictions stay what they were, but for ties.
    """
    positive = positive_label(labels)
    return [
        dataclasses.replace(
            one,
            row={
                **one.row,
                "label": labels[int(one.row["probabilities"][positive] >= threshold)],
            },
        )
        for one in examples
    ]


def decisions_at(examples: Sequence[Judged], labels: Sequence[str]) -> Decisions:
    """Counts of two labels, as the examples are called now."""
    positive = positive_label(labels)
    counts = {(True, True): 0, (False, True): 0, (True, False): 0, (False, False): 0}
    for one in examples:
        if one.gold in labels:
            counts[one.gold == positive, one.predicted == positive] += 1
    return Decisions(*counts.values())
