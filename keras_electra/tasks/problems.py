"""Rows of data that a task cannot use: how many, of what sorts, and the first of each."""

from collections import Counter

from keras_electra.errors import InputError

NUM_SHOWN = 5
"""How many rows left out of each sort are kept with their place, to be shown."""


class Problems:
    """Rows that could not be used: counted by sort, the first of each kept with their place.

    Args:
        is_strict: whether the first such row raises `InputError` instead.
    """

    def __init__(self, is_strict: bool = False):
        self.is_strict = is_strict
        self.counts = Counter()
        self.shown = {}

    def add(self, sort: str, sentence: str) -> None:
        """Note one row.

        Args:
            sort: short name such as "wrong number of columns" or "answer not in its context".
            sentence: what, expected, received, with file and line.
        """
        if self.is_strict:
            raise InputError(sentence)
        self.counts[sort] += 1
        shown = self.shown.setdefault(sort, [])
        if len(shown) < NUM_SHOWN:
            shown.append(sentence)

    @property
    def reason(self) -> str:
        """What is to be added to an error where no row is left: how many, of what sorts, and the first."""
        if not self.counts:
            return ""
        total, sorts = sum(self.counts.values()), ", ".join(self.counts)
        first = next(iter(self.shown.values()))[0]
        rows = "row" if total == 1 else "rows"
        return f"; {total:,} {rows} could not be used ({sorts}), the first: {first}"

    def sentences(self) -> list[str]:
        """A sentence for each sort of row left out: how many, and the first with its position."""
        return [
            f"{count:,} row{'s' * (count != 1)} left out, {sort}; first: {self.shown[sort][0]}"
            for sort, count in self.counts.items()
        ]

    def to_dict(self) -> dict:
        """{sort: {"count": n, "first": [sentences]}}, in the types of JSON."""
        return {
            sort: {"count": count, "first": self.shown[sort]} for sort, count in self.counts.items()
        }
