"""`Store`: opens a store folder, checks it, and hands out examples."""

import functools
import os
import pathlib

import numpy as np

from keras_electra.config.store import Packing
from keras_electra.errors import DamagedDataError, InputError
from keras_electra.files import file_hash
from keras_electra.store import manifest as names
from keras_electra.store.examples import Examples
from keras_electra.store.held_out import Pieces, pieces_of
from keras_electra.store.manifest import Manifest
from keras_electra.store.original_packing import MIN_TARGET_TOKENS, OriginalPacking
from keras_electra.store.packing import ContinuousPacking
from keras_electra.store.tokens import ShardedTokens
from keras_electra.tokenizer import WordPieceTokenizer

MIN_SEQUENCE_TOKENS = {"continuous": 3, "original": MIN_TARGET_TOKENS}


class Store:
    """A corpus as token ids, memory-mapped; one store serves every sequence length.

    Opening checks the manifest, the vocabulary and the size of every file; `verify` reads them all.

    Args:
        path: folder made by `build_store`.

    Raises:
        InputError: if the folder is no store.
        DamagedDataError: if a file is missing, has another size, or the vocabulary was changed.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(os.path.abspath(path))
        self.manifest = Manifest.read(self.path)
        for name in self.manifest.files:
            self._check_size(name)
        self._check_hash(names.VOCABULARY_FILE)
        self.tokens = ShardedTokens(
            self.path,
            self.manifest.num_tokens,
            self.manifest.store.shard_tokens,
            np.dtype(self.manifest.token_dtype).newbyteorder("<"),
        )

    @property
    def vocabulary(self) -> pathlib.Path:
        """Path of the `vocab.txt` inside the store."""
        return self.path / names.VOCABULARY_FILE

    @property
    def num_tokens(self) -> int:
        """Tokens of the whole store."""
        return self.manifest.num_tokens

    @property
    def num_documents(self) -> int:
        """Documents of the whole store."""
        return self.manifest.num_documents

    @property
    def fingerprint(self) -> str:
        """Changes when content or settings change."""
        return self.manifest.fingerprint

    @functools.cached_property
    def token_counts(self) -> np.ndarray:
        """int64 (V,): how often each token occurs in the training part."""
        return self._read(names.COUNTS_FILE)

    @functools.cached_property
    def held_out_stretches(self) -> np.ndarray:
        """int64 (H, 2): first token and end of each held-out stretch."""
        return self._read(names.HELD_OUT_FILE).reshape(-1, 2)

    def tokenizer(self) -> WordPieceTokenizer:
        """The tokenizer that made the ids."""
        return WordPieceTokenizer.from_file(self.vocabulary, self.manifest.tokenizer)

    def check_tokenizer(self, tokenizer: WordPieceTokenizer) -> None:
        """Raise `InputError` unless `tokenizer` gives the ids of this store."""
        if tokenizer.fingerprint != self.manifest.tokenizer_fingerprint:
            raise InputError(
                f"store {self.path}: expected the vocabulary and settings it was made with "
                f"({self.manifest.vocabulary_size} entries, {self.manifest.tokenizer}), received "
                f"others ({tokenizer.vocabulary_size} entries, {tokenizer.config})"
            )

    def examples(
        self, part: str, sequence_length: int, packing: Packing = "continuous", seed: int = 0
    ) -> Examples:
        """Pack one part of the store into examples of T tokens.

        Args:
            part: "train" or "held_out".
            sequence_length: T, tokens per example.
            packing: "continuous" fills every example and loses nothing; "original" makes two
                segments, cut and padded, as the original program does.
            seed: of the random choices in "original".
        """
        if packing not in MIN_SEQUENCE_TOKENS:
            raise InputError(f"packing: expected 'continuous' or 'original', received {packing!r}")
        if sequence_length < MIN_SEQUENCE_TOKENS[packing]:
            raise InputError(
                f"sequence_length: expected at least {MIN_SEQUENCE_TOKENS[packing]} with "
                f"packing={packing!r}, received {sequence_length!r}"
            )
        pieces = self._pieces(part)
        if packing == "continuous":
            index = ContinuousPacking(pieces, sequence_length)
        else:
            index = OriginalPacking(pieces, sequence_length, seed)
        tokenizer = self.tokenizer()
        return Examples(
            self.tokens,
            index,
            sequence_length=sequence_length,
            pad_id=tokenizer.pad_id,
            class_id=tokenizer.class_id,
            separator_id=tokenizer.separator_id,
        )

    def verify(self) -> None:
        """Read and hash every file.

        Raises:
            DamagedDataError: naming the first file that is not as it was written.
        """
        for name in self.manifest.files:
            self._check_hash(name)

    def _pieces(self, part: str) -> Pieces:
        sentences = self._read(names.SENTENCES_FILE)
        document_ends = sentences[self._read(names.DOCUMENTS_FILE)]
        return pieces_of(part, sentences, document_ends, self.held_out_stretches)

    def _read(self, name: str) -> np.ndarray:
        return np.fromfile(self.path / name, "<i8")

    def _check_size(self, name: str) -> None:
        path, expected = self.path / name, self.manifest.files[name].num_bytes
        received = path.stat().st_size if path.is_file() else None
        if received != expected:
            what = "it is missing" if received is None else f"received {received}"
            raise DamagedDataError(f"{path} is damaged: expected {expected} bytes, {what}")

    def _check_hash(self, name: str) -> None:
        self._check_size(name)
        expected, received = self.manifest.files[name].sha256, file_hash(self.path / name)
        if received != expected:
            raise DamagedDataError(
                f"{self.path / name} is damaged: expected SHA-256 {expected}, received {received}"
            )
