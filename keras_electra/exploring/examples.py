"""One example with its prediction, in the same form for every kind of task."""

import dataclasses
import functools

from keras_electra.exploring.records import joined
from keras_electra.tasks.kinds import kind_of


@dataclasses.dataclass(frozen=True)
class Judged:
    """What was given for an example, and what is right.

    Attributes:
        index: place in the split.
        row: the prediction, as `predictions/*.jsonl` hold it.
        example: as `examples/*.jsonl` hold it; {} where it was not written down.
        kind: of the task.
    """

    index: int
    row: dict
    example: dict
    kind: str

    @property
    def id(self) -> str:
        """Name of the example within its split."""
        return self.row["id"]

    @property
    def gold(self):
        """What is right, in the types of JSON; None where it is not known."""
        return self.row["gold"]

    @property
    def predicted(self):
        """What was given, in the types of JSON: of the same type as `gold`, but one text for answers."""
        return self.row[kind_of(self.kind).given]

    @functools.cached_property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """(name, text) of what the model read."""
        return tuple(kind_of(self.kind).texts(self.row, self.example))

    @property
    def num_characters(self) -> int:
        """Length of the texts together."""
        return sum(len(text) for _, text in self.texts)

    @functools.cached_property
    def is_right(self) -> bool | None:
        """Whether the prediction is what is right; None where that is not known, or for numbers."""
        if self.gold is None:
            return None
        return kind_of(self.kind).is_right(self.gold, self.predicted)

    @functools.cached_property
    def confidence(self) -> float | None:
        """How sure the model is of what it gave, in [0, 1]; None where it does not say.

        Of several labels or words, the least sure decision; of an answer, its share among the candidates.
        """
        return kind_of(self.kind).confidence(self.row)

    @functools.cached_property
    def error(self) -> float | None:
        """How wrong the prediction is, 0 at best; None where what is right is not known.

        Each kind's `error` says what it is, such as -log p of the right label.
        """
        return None if self.gold is None else kind_of(self.kind).error(self)

    @property
    def verdict(self) -> str:
        """ "right", "wrong" or "unknown"; of numbers "off by 0.25"."""
        return kind_of(self.kind).verdict(self)


def judged_examples(kind: str, rows: list[dict], examples: list[dict]) -> list[Judged]:
    """Predictions with their examples, in the order of the predictions.

    Args:
        kind: of the task.
        rows: of `predictions/*.jsonl`.
        examples: of `examples/*.jsonl`; may be empty.
    """
    return [
        Judged(index, row, example, kind)
        for index, (row, example) in enumerate(joined(rows, examples))
    ]
