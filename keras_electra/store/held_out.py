"""The held-out part: stretches of text that training never sees, and what is left of the rest."""

from typing import NamedTuple

import numpy as np

from keras_electra.errors import InputError

MAX_STRETCH_TOKENS = 4096
MIN_STRETCH_TOKENS = 16
FULL_TARGET_TOKENS = 64 * 512
SMALL_CORPUS_FRACTION = 0.05
LARGE_TOKENS = 100_000_000
BLOCK_DOCUMENTS = 1 << 20


class Pieces(NamedTuple):
    """Sentences of one part of a store, cut where the part ends.

    Attributes:
        starts: int64 (P,), first token of each piece.
        lengths: int64 (P,), tokens of each piece, at least 1.
        is_last: bool (P,), True where a document ends or the text goes on in the other part.
    """

    starts: np.ndarray
    lengths: np.ndarray
    is_last: np.ndarray


def draw_held_out(document_ends: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Choose stretches of documents until they hold enough tokens.

    Enough is `fraction` of all tokens, but at least 64 examples of 512 tokens or 5 % of the tokens,
    whichever is smaller. A stretch is at most 4096 tokens of one document; in a small corpus about
    an eighth of what is to be held out, so that it comes from several places.

    Args:
        document_ends: int64 (D + 1), 0 and the token at which each document ends; it may be
            memory-mapped, and is read in order.
        fraction: fraction, in (0, 1), of the tokens to hold out.
        seed: chooses the stretches.

    Returns:
        int64 (H, 2), first token and end of each stretch, in order of place.

    Raises:
        InputError: if the corpus is too small to be divided.
    """
    num_tokens = int(document_ends[-1])
    target = max(fraction * num_tokens, min(FULL_TARGET_TOKENS, SMALL_CORPUS_FRACTION * num_tokens))
    longest = int(np.clip(target // 8, MIN_STRETCH_TOKENS, MAX_STRETCH_TOKENS))
    # The lowest keys win. Of a large corpus only the low ones are looked at, to save memory.
    is_large = num_tokens > LARGE_TOKENS
    share = 2 * target / num_tokens if is_large else 1.0
    while True:
        keys, stretches, num_stretches = low_stretches(document_ends, longest, seed, share)
        order = np.argsort(keys, kind="stable")
        totals = np.cumsum((stretches[:, 1] - stretches[:, 0])[order])
        if share >= 1 or totals[-1] >= target:
            break
        share *= 2
    num_chosen = int(np.searchsorted(totals, target)) + 1
    if num_chosen >= num_stretches:
        raise InputError(
            f"corpus: expected enough text to hold out {target:.0f} tokens and train on the rest, "
            f"received {num_tokens} tokens in {len(document_ends) - 1} documents"
        )
    return stretches[np.sort(order[:num_chosen])]


def low_stretches(
    document_ends: np.ndarray, longest: int, seed: int, share: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Stretches of all documents, each with a random key, of which only low keys are kept.

    Args:
        document_ends: int64 (D + 1), as for `draw_held_out`.
        longest: tokens of a stretch at most.
        seed: decides the keys.
        share: the fraction of the range of the keys that is kept.

    Returns:
        keys uint64 (C,), first token and end int64 (C, 2), and how many stretches there are.
    """
    random = np.random.Philox(key=seed)
    bound = None if share >= 1 else np.uint64(share * 2.0**64)
    kept, num_stretches = [], 0
    for first in range(0, len(document_ends) - 1, BLOCK_DOCUMENTS):
        borders = divide(document_ends[first : first + BLOCK_DOCUMENTS + 1], longest)
        keys = random.random_raw(len(borders) - 1)
        num_stretches += len(keys)
        is_low = slice(None) if bound is None else keys < bound
        kept.append((keys[is_low], borders[:-1][is_low], borders[1:][is_low]))
    keys, starts, ends = map(np.concatenate, zip(*kept, strict=True))
    return keys, np.stack([starts, ends], axis=1), num_stretches


def divide(document_ends: np.ndarray, longest: int) -> np.ndarray:
    """Borders that cut every document into nearly equal stretches of at most `longest` tokens.

    >>> divide(np.array([0, 10, 13]), 4)
    array([ 0,  3,  6, 10, 13])
    """
    lengths = np.diff(document_ends)
    counts = -(-lengths // longest)
    document = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(counts.sum()) - (np.cumsum(counts) - counts)[document]
    starts = document_ends[document] + place * lengths[document] // counts[document]
    return np.append(starts, document_ends[-1])


def pieces_of(
    part: str, sentence_offsets: np.ndarray, document_ends: np.ndarray, stretches: np.ndarray
) -> Pieces:
    """The sentences of "train" or "held_out", cut at the borders of the held-out stretches.

    Args:
        part: which part.
        sentence_offsets: int64 (S + 1), 0 and the token at which each sentence ends.
        document_ends: int64 (D + 1), 0 and the token at which each document ends.
        stretches: int64 (H, 2), first token and end of each held-out stretch.
    """
    if part not in ("train", "held_out"):
        raise InputError(f"part: expected 'train' or 'held_out', received {part!r}")
    # All of these are sorted, and looking up the fewer in the more is sixty times faster than sets.
    cuts = np.unique(stretches)
    cuts = cuts[~occurring(cuts, sentence_offsets)]
    borders = np.insert(sentence_offsets, np.searchsorted(sentence_offsets, cuts), cuts)
    steps = np.zeros(len(borders), np.int64)
    np.add.at(steps, np.searchsorted(borders, stretches[:, 0]), 1)
    np.add.at(steps, np.searchsorted(borders, stretches[:, 1]), -1)
    chosen = (np.cumsum(steps)[:-1] > 0) == (part == "held_out")
    starts, ends = borders[:-1][chosen], borders[1:][chosen]
    is_last = np.append(ends[:-1] != starts[1:], True)
    seen = document_ends[occurring(document_ends, ends)]
    is_last[np.searchsorted(ends, seen)] = True
    return Pieces(starts, ends - starts, is_last)


def occurring(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """bool, one for each of `values`: whether it is in `among`, which is sorted."""
    if not len(among):
        return np.zeros(len(values), bool)
    places = np.searchsorted(among, values)
    return among[np.minimum(places, len(among) - 1)] == values
