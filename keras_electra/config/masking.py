"""Options of masking: which places the generator predicts, and what it is shown there."""

import dataclasses
from typing import Literal

from keras_electra.config.options import Options, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskingConfig(Options):
    """How `masking.mask_batch` hides tokens.

    Example:

    >>> masking = ke.MaskingConfig(mask_rate=0.3, final_mask_rate=0.1)
    >>> masking.max_masked(128)
    39
    >>> [round(masking.rate_at(step, total_steps=3), 1) for step in range(3)]
    [0.3, 0.2, 0.1]
    """

    mask_rate: float = option(0.15, "fraction of the tokens of an example to select")
    final_mask_rate: float | None = option(
        None,
        "mask_rate of the last step, to which that of the first goes in equal steps; none for one rate "
        "throughout",
    )
    keep_rate: float = option(0.15, "fraction of the selected tokens shown unchanged")
    random_rate: float = option(0.0, "fraction of the selected tokens shown as a random token")
    selection: Literal["unique", "original"] = option(
        "unique", "distinct places, or drawn with replacement as in the original program"
    )
    whole_words: bool = option(False, "select all pieces of a word together")

    def check(self) -> None:
        self.require_range("a fraction in (0, 1)", "mask_rate")
        self.require_range("a fraction in (0, 1), or none", "final_mask_rate")
        self.require_range("a fraction in [0, 1]", "keep_rate random_rate")
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

        The original's formula: 19 at length 128 and rate 0.15, 79 and 130 for Base and Large. Of two
        rates the larger one counts, so that all batches of a run have one shape.
        """
        rate = max(self.mask_rate, self.final_mask_rate or 0.0)
        return min(sequence_length, max(1, int((rate + 0.005) * sequence_length)))

    def rate_at(self, step: int, total_steps: int) -> float:
        """The mask rate of a step, counted from 0, of a run of `total_steps`.

        With `mask_rate=0.3` and `final_mask_rate=0.1` the three steps of a run have 0.3, 0.2 and 0.1.
        """
        if self.final_mask_rate is None or total_steps < 2:
            return self.mask_rate
        share = min(step, total_steps - 1) / (total_steps - 1)
        return self.mask_rate + share * (self.final_mask_rate - self.mask_rate)

    def at_the_end(self) -> "MaskingConfig":
        """With the one rate that a training ends with: what a trained model is measured with."""
        if self.final_mask_rate is None:
            return self
        return self.replace(mask_rate=self.final_mask_rate, final_mask_rate=None)
