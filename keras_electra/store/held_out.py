"""The held-out part: stretches of text that training never sees, and what is left of the rest."""

from typing import NamedTuple

import numpy as np

from keras_electra.errors import InputError

MAX_STRETCH_TOKENS = 4096
MIN_STRETCH_TOKENS = 16
FULL_TARGET_TOKENS = 64 * 512
SMALL_CORPUS_FRACTION = 0.05


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
        document_ends: int64 (D + 1), 0 and the token at which each document ends.
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
    borders = divide(document_ends, longest)
    lengths = np.diff(borders)
    order = np.argsort(np.random.Philox(key=seed).random_raw(len(lengths)), kind="stable")
    num_chosen = int(np.searchsorted(np.cumsum(lengths[order]), target)) + 1
    if num_chosen >= len(lengths):
        raise InputError(
            f"corpus: expected enough text to hold out {target:.0f} tokens and train on the rest, "
            f"received {num_tokens} tokens in {len(document_ends) - 1} documents"
        )
    chosen = np.sort(order[:num_chosen])
    return np.stack([borders[chosen], borders[chosen + 1]], axis=1)


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
    borders = np.union1d(sentence_offsets, stretches)
    starts, ends = borders[:-1], borders[1:]
    num_begun = np.searchsorted(stretches[:, 0], starts, side="right")
    num_ended = np.searchsorted(stretches[:, 1], starts, side="right")
    chosen = (num_begun > num_ended) == (part == "held_out")
    starts, ends = starts[chosen], ends[chosen]
    is_last = np.append(ends[:-1] != starts[1:], True)
    is_last[np.isin(ends, document_ends)] = True
    return Pieces(starts, ends - starts, is_last)
