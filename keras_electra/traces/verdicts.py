"""Verdicts in words: what the discriminator made of a token, held against what it was."""

import dataclasses
from collections.abc import Sequence

from keras_electra.traces.records import Trace

VERDICTS = ("caught", "missed", "false alarm", "lucky", "")
"""Replaced and noticed; replaced and not noticed; original and taken for replaced; masked, but the
generator drew the original, which therefore counts as original; nothing to say."""


def verdict(is_replaced: bool, is_masked: bool, probability: float, threshold: float) -> str:
    """One of `VERDICTS`.

    >>> verdict(is_replaced=True, is_masked=True, probability=0.9, threshold=0.5)
    'caught'
    """
    is_alarmed = probability >= threshold
    if is_replaced:
        return "caught" if is_alarmed else "missed"
    if is_alarmed:
        return "false alarm"
    return "lucky" if is_masked else ""


def verdicts(trace: Trace, threshold: float = 0.5) -> list[str]:
    """The verdict on each of the T tokens; empty strings for [CLS], [SEP] and without a detector."""
    found = [""] * len(trace.tokens)
    if trace.probabilities is None:
        return found
    masked = set(map(int, trace.mask_positions))
    for place in range(1, len(found) - 1):
        facts = (bool(trace.is_replaced[place]), place in masked)
        found[place] = verdict(*facts, float(trace.probabilities[place]), threshold)
    return found


def word_verdicts(trace: Trace, threshold: float = 0.5) -> list[str]:
    """The verdict on each word that fitted: it is replaced if a piece is, and as suspicious as its
    most suspicious piece."""
    masked = set(map(int, trace.mask_positions))
    found = []
    for word in trace.words:
        places = range(word.first, word.last)
        if not places or trace.probabilities is None:
            found.append("")
            continue
        is_replaced = bool(trace.is_replaced[word.first : word.last].any())
        highest = float(trace.probabilities[word.first : word.last].max())
        found.append(verdict(is_replaced, any(p in masked for p in places), highest, threshold))
    return found


@dataclasses.dataclass(frozen=True)
class VerdictCounts:
    """How often each verdict was given.

    Attributes:
        caught, missed: replaced tokens or words that were noticed, and that were not.
        false_alarms: originals that were taken for replaced.
        num_original: all originals.
        lucky: places where the generator drew the original.
    """

    caught: int
    missed: int
    false_alarms: int
    num_original: int
    lucky: int

    @classmethod
    def of(cls, words: Sequence[str]) -> "VerdictCounts":
        """Counted from verdicts."""
        caught, missed, alarms, lucky = (words.count(name) for name in VERDICTS[:4])
        return cls(caught, missed, alarms, len(words) - caught - missed, lucky)

    def sentence(self) -> str:
        """`caught 1 of 1 · false alarms 0 of 7`."""
        replaced = self.caught + self.missed
        return (
            f"caught {self.caught} of {replaced} · "
            f"false alarms {self.false_alarms} of {self.num_original}"
        )
