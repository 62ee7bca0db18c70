"""Held-out text in training text: n-grams of words, compared by their hashes."""

import dataclasses
import functools
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np

# Thai, Lao, Burmese, Khmer, kana and ideographs are written without spaces; each letter counts.
WITHOUT_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
WORD = re.compile(f"[{WITHOUT_SPACES}]|[^\\W{WITHOUT_SPACES}]+")
# Shorter ones are often phrases that everybody writes.
MIN_WORDS = 8
FACTOR = 0x9E3779B97F4A7C15
KNOWN_WORDS = 1 << 18


@dataclasses.dataclass(frozen=True)
class HeldOutNgrams:
    """Runs of words that occur in held-out text.

    >>> text = "Call me early, said the cook, for the bread will not bake itself."
    >>> held_out = HeldOutNgrams.from_texts([text], num_words=8)
    >>> held_out.is_shared_with(["He heard: SAID THE COOK,", "for the bread will not come today"])
    True

    Attributes:
        hashes: number of words in a run → sorted uint64 (N,), the hashes of the runs.
        num_too_short: texts of fewer than eight words, which are left out.
    """

    hashes: dict[int, np.ndarray]
    num_too_short: int

    @classmethod
    def from_texts(cls, texts: Iterable[str], num_words: int) -> Self:
        """All runs of `num_words` words of each text; of a shorter text of eight or more, itself."""
        found: dict[int, list[np.ndarray]] = {}
        num_too_short = 0
        for text in texts:
            hashes = word_hashes([text])
            length = min(num_words, len(hashes))
            if length < min(num_words, MIN_WORDS):
                num_too_short += 1
                continue
            found.setdefault(length, []).append(ngram_hashes(hashes, length))
        merged = {
            length: np.unique(np.concatenate(parts)) for length, parts in sorted(found.items())
        }
        return cls(merged, num_too_short)

    def is_shared_with(self, lines: Sequence[str]) -> bool:
        """Whether a document has one of the runs, across its lines too; case and signs are ignored."""
        words = word_hashes(lines)
        return any(
            np.isin(ngram_hashes(words, length), known).any()
            for length, known in self.hashes.items()
        )


def word_hashes(lines: Iterable[str]) -> np.ndarray:
    """uint64 (W,): a hash of each word, the same on every machine."""
    words = [word for line in lines for word in WORD.findall(line.lower())]
    return np.fromiter(map(word_hash, words), np.uint64, len(words))


@functools.lru_cache(KNOWN_WORDS)
def word_hash(word: str) -> int:
    content = word.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def ngram_hashes(words: np.ndarray, length: int) -> np.ndarray:
    """uint64 (W - length + 1,): a hash of each run of `length` words; none if there are fewer."""
    num_runs = max(0, len(words) - length + 1)
    hashes = np.zeros(num_runs, np.uint64)
    for place in range(length):
        hashes = hashes * np.uint64(FACTOR) + words[place : place + num_runs]
    return hashes
