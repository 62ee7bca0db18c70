"""How far the work is: tallies of what was done, added up and told."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple


class Tally(NamedTuple):
    """Work done since the last one: stored bytes read, documents and tokens made."""

    num_bytes: int = 0
    num_documents: int = 0
    num_tokens: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))


OnTally = Callable[[Tally], None]


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a build is.

    Attributes:
        num_bytes, total_bytes: bytes read in this stage, and bytes there are; None where that is
            not known.
        num_tokens, num_documents: made so far.
        stage: what is being done: "tokenizing", "looking for duplicates" or "assembling".
    """

    num_bytes: int
    total_bytes: int | None
    num_tokens: int
    num_documents: int = 0
    stage: str = "tokenizing"


class Watch:
    """Adds up what was done, and tells it.

    Args:
        total_bytes: what there is to read; None where that is not known.
        on_progress: called after each piece of work; None for nobody.
    """

    def __init__(self, total_bytes: int | None, on_progress: Callable[[Progress], None] | None):
        self._on_progress = on_progress
        self._stage, self._total, self._sum = "tokenizing", total_bytes, Tally()

    def begin(self, stage: str, total_bytes: int | None) -> None:
        """Start counting anew, for another stage."""
        self._stage, self._total, self._sum = stage, total_bytes, Tally()
        self.add(Tally())

    def add(self, tally: Tally) -> None:
        """Take what was done, and tell the sum."""
        self._sum = self._sum.plus(tally)
        if self._on_progress:
            num_bytes, num_documents, num_tokens = self._sum
            self._on_progress(
                Progress(num_bytes, self._total, num_tokens, num_documents, self._stage)
            )

    def add_bytes(self, num_bytes: int) -> None:
        """Take bytes that were read; they are told with the tokens that they make."""
        self._sum = self._sum.plus(Tally(num_bytes))


def total_bytes(sizes: list[int | None]) -> int | None:
    """The sum of sizes; None if one of them is not known."""
    return None if None in sizes else sum(sizes)
