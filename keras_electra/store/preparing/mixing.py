"""Mixtures: how often each document is taken, so that sources have their share of the tokens."""

import numpy as np

from keras_electra.corpus import num_copies, repetitions
from keras_electra.errors import InputError
from keras_electra.store.preparing.all_parts import Parts

MAX_COPIES = np.iinfo(np.uint16).max


def set_copies(
    parts: Parts, copies: np.ndarray, weights: list[float], names: list[str], seed: int
) -> list[dict]:
    """Say in `copies` how often each document is taken, so that sources have their share of tokens.

    Args:
        parts: of all sources.
        copies: uint16 (D,), 0 for what is dropped anyway; changed in place.
        weights: of the sources.
        names: of the sources.
        seed: chooses what is taken once more.

    Returns:
        what came of it, for each source.
    """
    tokens = parts.document_tokens()
    slices = parts.source_slices()
    num_tokens = [int(tokens[own][copies[own] > 0].sum()) for own in slices]
    mixture = []
    for own, name, weight, repetition in zip(
        slices, names, weights, repetitions(num_tokens, weights), strict=True
    ):
        if repetition >= MAX_COPIES:
            raise InputError(
                f"weights: expected every source to be taken less than {MAX_COPIES} times, "
                f"received {weight} for {name}, which makes {repetition:.0f}"
            )
        is_kept = copies[own] > 0
        kept_tokens = tokens[own][is_kept]
        taken = np.zeros(len(is_kept), np.uint16)
        taken[is_kept] = num_copies(kept_tokens, repetition, seed)
        copies[own] = taken
        mixture.append(
            {
                "source": name,
                "weight": weight,
                "tokens": int(kept_tokens.sum()),
                "tokens_taken": int((tokens[own] * taken).sum()),
            }
        )
    return mixture
