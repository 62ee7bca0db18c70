"""Options of masking: which places the generator predicts, and what it is shown there."""

import dataclasses
from typing import Literal

from keras_electra.config.options import Options, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskingConfig(Options):
    """How `masking.mask_batch` hides tokens."""

    mask_rate: float = option(0.15, "fraction of the tokens of an example to select")
    keep_rate: float = option(0.15, "fraction of the selected tokens shown unchanged")
    random_rate: float = option(0.0, "fraction of the selected tokens shown as a random token")
    selection: Literal["unique", "original"] = option(
        "unique", "distinct places, or drawn with replacement as in the original program"
    )
    whole_words: bool = option(False, "select all pieces of a word together")

    def check(self) -> None:
        self.require(0 < self.mask_rate < 1, "mask_rate", "a fraction in (0, 1)")
        for name in ("keep_rate", "random_rate"):
            self.require(0 <= getattr(self, name) <= 1, name, "a fraction in [0, 1]")
        self.require(
            self.keep_rate + self.random_rate <= 1, "random_rate", "keep_rate + random_rate <= 1"
        )
        self.require(
            not (self.whole_words and self.selection == "original"),
            "whole_words",
            "false with selection='original', which draws single tokens",
        )

    def max_masked(self, sequence_length: int) -> int:
        """K, the masked places per example: `int((mask_rate + 0.005) * length)`, in [1, length].

        The original's formula: 19 at length 128 and rate 0.15, 79 and 130 for Base and Large.
        """
        return min(sequence_length, max(1, int((self.mask_rate + 0.005) * sequence_length)))
