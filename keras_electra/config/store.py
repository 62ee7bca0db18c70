"""Options of building a store and of packing it into examples."""

import dataclasses
from typing import Literal

from keras_electra.config.options import Options, option

Packing = Literal["continuous", "original"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoreConfig(Options):
    """How `prepare` turns text into a store of token ids."""

    document_boundary: Literal["blank_line", "file", "line"] = option(
        "blank_line", "what ends a document; the end of a file always does"
    )
    encoding: str = option("utf-8", "encoding of the text files")
    held_out_fraction: float = option(0.01, "fraction of the tokens kept for evaluation")
    seed: int = option(0, "chooses the held-out stretches")
    shard_tokens: int = option(100_000_000, "tokens per file of the store")

    def check(self) -> None:
        self.require(0 < self.held_out_fraction < 1, "held_out_fraction", "a fraction in (0, 1)")
        self.require(self.seed >= 0, "seed", "0 or more")
        self.require(self.shard_tokens >= 1, "shard_tokens", "at least 1")
