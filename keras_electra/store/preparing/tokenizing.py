"""Lines to parts: cleaned, tokenized, marked for the search for duplicates."""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from keras_electra.config.corpus import CorpusConfig
from keras_electra.config.store import DuplicatesConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.corpus import CleaningCounts, HeldOutNgrams, cleaned
from keras_electra.store.chunk import Chunk
from keras_electra.store.preparing.parts import Part
from keras_electra.store.preparing.signatures import signatures, text_hashes
from keras_electra.store.preparing.watch import OnTally, Tally
from keras_electra.store.writing import token_dtype
from keras_electra.tokenizer import LineEncoder, WordPieceTokenizer
from keras_electra.tokenizer.words import sums

BATCH_CHARACTERS = 1 << 20
BATCH_LINES = 20_000
FIRST_SAMPLE_CHARACTERS, SAMPLE_CHARACTERS = 1 << 14, 1 << 11
"""Of the first and of each further batch: lines by which it is seen whether the tokenizer fits."""

Marked = list[str | None]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All that turns lines into parts; it can be sent to another process."""

    vocabulary: tuple[str, ...]
    tokenizer: TokenizerConfig
    corpus: CorpusConfig
    duplicates: DuplicatesConfig
    held_out: HeldOutNgrams | None = None


class Tokenizing:
    """Turns lists of lines into parts.

    Args:
        recipe: how.
        tokenizer: that of the recipe, where it is there already.
    """

    def __init__(self, recipe: Recipe, tokenizer: WordPieceTokenizer | None = None):
        self._recipe = recipe
        self._tokenizer = tokenizer or WordPieceTokenizer(recipe.vocabulary, recipe.tokenizer)
        self._dtype = token_dtype(len(recipe.vocabulary))
        self._encoder = LineEncoder(
            self._tokenizer, hashes_words=recipe.duplicates.looks_at_documents
        )

    def part(self, lines: Marked, on_tally: OnTally = lambda tally: None) -> Part:
        """The part that some whole documents make.

        Args:
            lines: non-empty, with None after each document.
            on_tally: told from time to time what was done.
        """
        counts = CleaningCounts()
        lines = cleaned(iter(lines), self._recipe.corpus, counts, self._recipe.held_out)
        sample = []
        batches = list(self._encoded(lines, on_tally, sample))
        columns = [np.concatenate(column) for column in zip(*batches, strict=True)]
        token_ids, num_tokens, num_words, num_bytes, ends, word_hashes, num_hashed = columns
        per_document = np.diff(np.flatnonzero(ends), prepend=-1)
        sentences = num_tokens > 0
        part = Part(
            Chunk(
                token_ids,
                num_tokens[sentences],
                sums(sentences, per_document),
            ),
            sums(num_words, per_document),
            sums(num_bytes, per_document),
            *self._marks(word_hashes, sums(num_hashed, per_document)),
            {},
        )
        # Of some documents folding leaves nothing.
        part = without_empty(part)
        part = self._without_unknown(part, counts)
        part.record.update(cleaning=counts.to_dict(), sample=sample)
        return part

    def _encoded(
        self, lines: Iterable[str | None], on_tally: OnTally, sample: list[str]
    ) -> Iterator[tuple]:
        # A first batch without lines makes every column exist.
        for texts, ends in ([], []), *batches_of(lines):
            encoded = self._encoder.encode(texts)
            num_bytes = [
                len(t) if t.isascii() else len(t.encode("utf-8", "replace")) for t in texts
            ]
            if texts:
                most = SAMPLE_CHARACTERS if sample else FIRST_SAMPLE_CHARACTERS
                sample += some_lines(texts, most)
                on_tally(Tally(0, sum(ends), len(encoded.token_ids)))
            yield (
                encoded.token_ids.astype(self._dtype),
                encoded.num_tokens,
                encoded.num_words,
                np.array(num_bytes, np.int64),
                np.array(ends, bool),
                encoded.word_hashes,
                encoded.num_hashed,
            )

    def _marks(self, word_hashes, num_words) -> tuple[np.ndarray, np.ndarray]:
        """Hashes and signatures of the documents, as far as they are wanted."""
        duplicates = self._recipe.duplicates
        hashes = np.zeros((len(num_words), 0), np.uint64)
        near = np.zeros((len(num_words), 0), np.uint16)
        if duplicates.looks_at_documents:
            hashes = text_hashes(word_hashes, num_words)
        if duplicates.near_duplicate_similarity is not None:
            near = signatures(word_hashes, num_words, duplicates.near_duplicate_words)
        return hashes, near

    def _without_unknown(self, part: Part, counts: CleaningCounts) -> Part:
        """The part without documents that hold too many [UNK]."""
        limit = self._recipe.corpus.max_unknown_fraction
        if limit is None:
            return part
        tokens = part.chunk.document_tokens
        num_unknown = sums(part.chunk.token_ids == self._tokenizer.unknown_id, tokens)
        is_kept = num_unknown <= limit * tokens
        counts.num_unknown += int((~is_kept).sum())
        return part.only(is_kept)


def without_empty(part: Part) -> Part:
    """The part without documents that have no token."""
    return part.only(part.chunk.document_sentences > 0)


def some_lines(lines: list[str], most: int) -> list[str]:
    """About `most` characters of lines from everywhere among them, or all.

    >>> some_lines(["ab", "cd", "ef", "gh"], 4)
    ['ab', 'ef']
    """
    step = max(1, -(-sum(map(len, lines)) // most))
    return [line[:most] for line in lines[::step]]


def batches_of(lines: Iterable[str | None]) -> Iterator[tuple[list[str], list[bool]]]:
    """Group lines for the tokenizer, and say after which of them a document ends."""
    texts, ends, num_characters = [], [], 0
    for line in lines:
        if line is None:
            ends[-1] = True
            continue
        if num_characters >= BATCH_CHARACTERS or len(texts) >= BATCH_LINES:
            yield texts, ends
            texts, ends, num_characters = [], [], 0
        texts.append(line)
        ends.append(False)
        num_characters += len(line)
    if texts:
        yield texts, ends
