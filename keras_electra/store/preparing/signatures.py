"""What equal and similar documents have in common: hashes of the text, and signatures of MinHashes.

A document's *shingles* are its runs of some words. The fraction of shingles that two documents share
(Jaccard) is the probability that one MinHash of theirs agrees (Broder, 1997). A *signature* is 128 of
them, 16 bits of each (Li and König, 2010). r MinHashes make a *band*; two documents are looked at if one
of their b bands agrees, which happens with probability 1 - (1 - s^r)^b (Leskovec et al., "Mining of
Massive Datasets", 3.4), and are similar if enough of their signatures agree.
"""

import hashlib
import itertools

import numpy as np

from keras_electra.errors import MissingExtraError

NUM_HASHES = 128
FOUND = 0.95
"""Least fraction of the pairs just as similar as asked for that share a band."""
SEED = 1
BLOCK_WORDS, BLOCK_DOCUMENTS = 1 << 20, 1 << 12
FACTOR = np.uint64(0x9E3779B97F4A7C15)


def text_hashes(word_hashes: np.ndarray, num_words: np.ndarray) -> np.ndarray:
    """uint64 (D, 2): 128 bits of the words of each document.

    Args:
        word_hashes: uint64 (W,), of all documents, end to end.
        num_words: int64 (D,), how many belong to each.
    """
    content, stops = word_hashes.astype("<u8").tobytes(), 8 * np.cumsum(num_words)
    digests = [
        hashlib.blake2b(content[start:stop], digest_size=16).digest()
        for start, stop in zip((stops - 8 * num_words).tolist(), stops.tolist(), strict=True)
    ]
    return np.frombuffer(b"".join(digests), "<u8").reshape(-1, 2).astype(np.uint64)


def bands_and_rows(similarity: float) -> tuple[int, int]:
    """b and r of the longest bands that nearly all pairs of that similarity share one of.

    >>> bands_and_rows(0.8)
    (18, 7)
    """
    choices = [(NUM_HASHES // rows, rows) for rows in range(1, NUM_HASHES + 1)]
    return max(
        (choice for choice in choices if share_of_pairs(similarity, *choice) >= FOUND),
        key=lambda choice: choice[1],
        default=choices[0],
    )


def share_of_pairs(similarity: float, num_bands: int, num_rows: int) -> float:
    """Fraction of the pairs of a similarity that share a band."""
    return 1 - (1 - similarity**num_rows) ** num_bands


def signatures(word_hashes: np.ndarray, num_words: np.ndarray, shingle_words: int) -> np.ndarray:
    """uint16 (D, 128): 16 bits of each MinHash of each document.

    Args:
        word_hashes: uint64 (W,), of all documents, end to end; each has at least one.
        num_words: int64 (D,), how many belong to each.
        shingle_words: words of a shingle; a shorter document is a shingle itself.
    """
    # Documents some at a time: the shingles of a part take far more memory than its words.
    stops = np.cumsum(num_words)
    block = (stops - num_words) // BLOCK_WORDS
    is_new = (np.diff(block, prepend=-1) != 0) | (np.arange(len(block)) % BLOCK_DOCUMENTS == 0)
    borders = [*np.flatnonzero(is_new), len(num_words)]
    result = [np.zeros((0, NUM_HASHES), np.uint16)]
    for first, last in itertools.pairwise(borders):
        words = word_hashes[stops[first] - num_words[first] : stops[last - 1]]
        hashes, num_shingles = shingles(words, num_words[first:last], shingle_words)
        result.append(minhashes(hashes, num_shingles).astype(np.uint16))
    return np.concatenate(result)


def likeness(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """float64 (N,): the fraction that agrees of signatures (N, 128), which estimates the Jaccard."""
    return (one == other).mean(axis=1)


def minhashes(hashes: np.ndarray, num_shingles: np.ndarray) -> np.ndarray:
    """uint64 (D, 128): MinHashes of documents.

    Args:
        hashes: uint64 (N,), of the shingles of all documents, end to end.
        num_shingles: int64 (D,), how many belong to each.
    """
    borders = np.concatenate([[0], np.cumsum(num_shingles)]).astype(np.uint64)
    library = minhash_library().RMinHash
    matrix = library.digest_matrix_from_flat_token_hashes(hashes, borders, NUM_HASHES, SEED)
    return np.array(matrix.to_rows(), np.uint64)


def bands_of(rows: np.ndarray, num_bands: int, num_rows: int) -> np.ndarray:
    """uint64 (D, b): a hash of each band of signatures (D, 128)."""
    rows = rows[:, : num_bands * num_rows].astype(np.uint64)
    result = np.arange(num_bands, dtype=np.uint64) * np.ones((len(rows), 1), np.uint64)
    for row in range(num_rows):
        result = scrambled(result * FACTOR + rows[:, row::num_rows])
    return result


def shingles(
    word_hashes: np.ndarray, num_words: np.ndarray, shingle_words: int
) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the runs of words, uint64 (N,), and how many belong to each document, int64 (D,)."""
    num_shingles = np.maximum(num_words - shingle_words + 1, 1)
    ends = np.cumsum(num_words)
    document = np.repeat(np.arange(len(num_words)), num_shingles)
    within = np.arange(len(document)) - (np.cumsum(num_shingles) - num_shingles)[document]
    places, stops = (ends - num_words)[document] + within, ends[document]
    hashes = np.zeros(len(places), np.uint64)
    if not len(word_hashes):
        return hashes, num_shingles
    for _ in range(shingle_words):
        inside = places < stops
        words = word_hashes[np.minimum(places, len(word_hashes) - 1)]
        hashes = hashes * FACTOR + np.where(inside, words, np.uint64(0))
        places = places + 1
    return scrambled(hashes), num_shingles


def scrambled(values: np.ndarray) -> np.ndarray:
    """64 bits that depend on every bit of the values (Steele et al., 2014, SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def minhash_library():
    """The `rensa` module, an optional dependency.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        import rensa
    except ImportError as error:
        raise MissingExtraError("finding near duplicates", "data") from error
    return rensa


def algorithm_version() -> int:
    """Changes when the same text gives another signature."""
    return int(minhash_library().RMinHash.ALGORITHM_VERSION)
