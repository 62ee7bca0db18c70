"""What a reader passed over, and what it decided by itself: counted sentences for the report."""

import dataclasses
from typing import Self

MAX_EXAMPLES = 5


@dataclasses.dataclass
class Problems:
    """Counts by kind, with the first sentences of each.

    >>> problems = Problems()
    >>> problems.add("encoding", "a.txt: byte 0xe9 at offset 5 is not utf-8", count=2)
    >>> problems.counts, problems.examples
    ({'encoding': 2}, {'encoding': ['a.txt: byte 0xe9 at offset 5 is not utf-8']})

    Attributes:
        counts: kind → how many. Kinds are "encoding" (lines or bytes), "damaged", "link", "member",
            "empty" (files) and "note" (decisions).
        examples: kind → the first five distinct sentences.
    """

    counts: dict[str, int] = dataclasses.field(default_factory=dict)
    examples: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    def add(self, kind: str, sentence: str, count: int = 1) -> None:
        """Count something, and keep the sentence while there is room."""
        self.count(kind, count)
        known = self.examples.setdefault(kind, [])
        if len(known) < MAX_EXAMPLES and sentence not in known:
            known.append(sentence)

    def count(self, kind: str, count: int) -> None:
        """Count something without a sentence."""
        self.counts[kind] = self.counts.get(kind, 0) + count

    def merge(self, other: "Problems") -> None:
        """Add what another reader met after this one."""
        for kind, count in other.counts.items():
            self.count(kind, count)
            for sentence in other.examples.get(kind, ()):
                self.add(kind, sentence, 0)

    def to_dict(self) -> dict:
        """JSON-ready values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> Self:
        """The inverse of `to_dict`."""
        return cls(dict(values["counts"]), {k: list(v) for k, v in values["examples"].items()})
