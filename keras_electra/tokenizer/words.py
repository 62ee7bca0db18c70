"""Token ids of whole corpora: what stands between two spaces is cut once and then looked up."""

import hashlib
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_electra.tokenizer.wordpiece import WordPieceTokenizer

MAX_KNOWN = 500_000
MAX_KNOWN_CHARACTERS = 1 << 23
WORDS_PER_TEXT = 512


class EncodedLines(NamedTuple):
    """The tokens of L lines.

    Attributes:
        token_ids: int32 (N,), the tokens of all lines.
        num_tokens: int64 (L,), tokens of each line.
        num_words: int64 (L,), words of each line: what stands between white space.
        word_hashes: uint64 (W,), a hash of each folded word, signs of punctuation being words;
            empty unless asked for.
        num_hashed: int64 (L,), hashes of each line.
    """

    token_ids: np.ndarray
    num_tokens: np.ndarray
    num_words: np.ndarray
    word_hashes: np.ndarray
    num_hashed: np.ndarray


class LineEncoder:
    """Encodes lines as `tokenizer.encode_many` does, several times as fast where words recur.

    A line is cut at every " ". What lies between is folded and cut into tokens by itself: no step of
    the folding looks across a space. At most half a million of such pieces, with their tokens, are
    remembered, which takes about 100 MB; then all are forgotten.

    Args:
        tokenizer: makes the ids.
        hashes_words: whether hashes of the words are wanted too.
    """

    def __init__(self, tokenizer: WordPieceTokenizer, hashes_words: bool = False):
        self._tokenizer = tokenizer
        self._hashes_words = hashes_words
        self._forget()

    def _forget(self) -> None:
        self._numbers = Numbers()
        self._tokens = Table(np.int32)
        self._hashes = Table(np.uint64)
        self._num_words = np.zeros(0, np.int32)

    def encode(self, lines: Sequence[str]) -> EncodedLines:
        """The tokens of some lines."""
        if len(self._numbers) > MAX_KNOWN or self._numbers.num_characters > MAX_KNOWN_CHARACTERS:
            self._forget()
        pieces = [line.split(" ") for line in lines]
        counts = np.fromiter(map(len, pieces), np.int64, len(pieces))
        numbers = np.fromiter(
            map(self._numbers.__getitem__, itertools.chain.from_iterable(pieces)),
            np.int32,
            int(counts.sum()),
        )
        self._learn(self._numbers.taken_new())
        token_ids, num_tokens = self._tokens.of(numbers, counts)
        word_hashes, num_hashed = self._hashes.of(numbers, counts)
        num_words = sums(self._num_words[numbers], counts)
        return EncodedLines(token_ids, num_tokens, num_words, word_hashes, num_hashed)

    def _learn(self, pieces: list[str]) -> None:
        """Remember what new pieces become."""
        if not pieces:
            return
        words = [self._tokenizer.normalize(piece).split() for piece in pieces]
        flat = list(itertools.chain.from_iterable(words))
        counts = np.fromiter(map(len, words), np.int64, len(words))
        ids, lengths = tokens_of_words(self._tokenizer, flat)
        self._tokens.extend(ids, sums(lengths, counts))
        hashes = np.fromiter(map(word_hash, flat if self._hashes_words else ()), np.uint64)
        self._hashes.extend(hashes, counts if self._hashes_words else np.zeros_like(counts))
        num_words = np.fromiter((len(piece.split()) for piece in pieces), np.int32, len(pieces))
        self._num_words = np.concatenate([self._num_words, num_words])


def tokens_of_words(
    tokenizer: WordPieceTokenizer, words: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """The tokens of folded words, int32 (N,), and how many each has, int64 (W,)."""
    # One long text costs the library far less than many short ones.
    firsts = range(0, len(words), WORDS_PER_TEXT)
    texts = [" ".join(words[first : first + WORDS_PER_TEXT]) for first in firsts]
    ids = np.fromiter(itertools.chain.from_iterable(tokenizer.encode_folded(texts)), np.int32)
    starts = np.flatnonzero(~tokenizer.is_continuation[ids])
    return ids, np.diff(starts, append=len(ids))


class Numbers(dict):
    """Numbers pieces of text in the order in which they are first asked for."""

    def __init__(self):
        super().__init__()
        self.num_characters = 0
        self._new = []

    def __missing__(self, piece: str) -> int:
        number = self[piece] = len(self)
        self._new.append(piece)
        self.num_characters += len(piece)
        return number

    def taken_new(self) -> list[str]:
        """The pieces met since the last call."""
        new, self._new = self._new, []
        return new


class Table:
    """Lists of numbers, end to end in one array.

    Args:
        dtype: of the numbers.
    """

    def __init__(self, dtype):
        self._flat = np.zeros(0, dtype)
        self._starts = np.zeros(0, np.int64)
        self._lengths = np.zeros(0, np.int64)

    def extend(self, flat: np.ndarray, lengths: np.ndarray) -> None:
        """Append lists."""
        starts = len(self._flat) + np.cumsum(lengths) - lengths
        self._starts = np.concatenate([self._starts, starts])
        self._lengths = np.concatenate([self._lengths, lengths])
        self._flat = np.concatenate([self._flat, flat])

    def of(self, numbers: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lists with these numbers, end to end, and how much of it belongs to each line.

        Args:
            numbers: int (P,).
            counts: int64 (L,), how many of them belong to each line.
        """
        lengths = self._lengths[numbers]
        stops = np.cumsum(lengths)
        shifts = self._starts[numbers] - (stops - lengths)
        places = np.repeat(shifts, lengths) + np.arange(stops[-1] if len(stops) else 0)
        return self._flat[places], sums(lengths, counts)


def sums(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """int64 (L,): the sums of consecutive stretches of `values`, `counts` (L,) long.

    >>> sums(np.array([1, 2, 3, 4]), np.array([2, 0, 2]))
    array([3, 0, 7])
    """
    totals = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    return np.diff(totals[np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])])


def word_hash(word: str) -> int:
    """64 bits of a word, the same on every machine."""
    content = word.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
