"""Options of building a store and of packing it into examples."""

import dataclasses
from typing import Literal

from keras_electra.config.options import Options, option

Packing = Literal["continuous", "original"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoreConfig(Options):
    """How a store is divided: into a training part and a held-out one, and into files.

    Example:

    >>> ke.StoreConfig(held_out_fraction=0.02).to_dict()
    {'held_out_fraction': 0.02, 'seed': 0, 'shard_tokens': 100000000}
    """

    held_out_fraction: float = option(0.01, "fraction of the tokens kept for evaluation")
    seed: int = option(0, "chooses the held-out stretches, and what a mixture takes once more")
    shard_tokens: int = option(100_000_000, "tokens per file of the store")

    def check(self) -> None:
        self.require_range("a fraction in (0, 1)", "held_out_fraction")
        self.require_range("0 or more", "seed")
        self.require_range("at least 1", "shard_tokens")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DuplicatesConfig(Options):
    """Which documents are dropped because they occurred before.

    Example:

    >>> ke.DuplicatesConfig().looks_at_documents
    False
    >>> ke.DuplicatesConfig(near_duplicate_similarity=0.8).looks_at_documents
    True
    """

    drop_duplicates: bool = option(
        False, "whether documents with the same words as an earlier one are dropped"
    )
    near_duplicate_similarity: float | None = option(
        None,
        "documents are dropped that share this fraction, such as 0.8, of their runs of words with an "
        "earlier one; told from 128 MinHashes, which at 0.8 found 93 % of made pairs above 0.8 and 99 % "
        "of those above 0.85; of what was dropped 94 % were above 0.8 and 99 % above 0.75",
    )
    near_duplicate_words: int = option(5, "words of such a run")

    def check(self) -> None:
        self.require_range("a fraction in (0, 1), or none", "near_duplicate_similarity")
        self.require_range("at least 1", "near_duplicate_words")

    @property
    def looks_at_documents(self) -> bool:
        """Whether any duplicate is looked for."""
        return self.drop_duplicates or self.near_duplicate_similarity is not None
