"""Mixtures: how often each document of a source is taken so that its tokens have the right share."""

from collections.abc import Sequence

import numpy as np

from keras_electra.errors import InputError

# SplitMix64's constants.
STEP, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def repetitions(num_tokens: Sequence[int], weights: Sequence[float]) -> list[float]:
    """How often each source is read so that tokens stand in the proportion of the weights.

    The tokens of all sources together stay as many as they are: what is read less than once makes
    room for what is read more than once.

    >>> repetitions([900, 100], [1, 1])
    [0.5555555555555556, 5.0]

    Args:
        num_tokens: tokens of each source.
        weights: above 0.

    Raises:
        InputError: if a source has no token.
    """
    for place, count in enumerate(num_tokens):
        if count < 1:
            raise InputError(
                f"weights: expected text in every source of a mixture, received none in source {place}"
            )
    total = sum(num_tokens)
    return [
        weight / sum(weights) * total / count
        for weight, count in zip(weights, num_tokens, strict=True)
    ]


def num_copies(document_tokens: np.ndarray, repetition: float, seed: int) -> np.ndarray:
    """How often each document of a source is taken.

    Every document is taken as often as the whole part of `repetition` says; for the rest, documents
    are taken once more in an order that a hash of their number gives, until the tokens are enough.

    >>> num_copies(np.array([10, 10, 10, 10]), 1.5, seed=0)
    array([1, 2, 2, 1])

    Args:
        document_tokens: int64 (D,), tokens of each document.
        repetition: 0 or more.
        seed: chooses the order.

    Returns:
        int64 (D,). The tokens taken differ from `repetition` times all by at most half a document.
    """
    document_tokens = np.asarray(document_tokens, np.int64)
    whole = int(repetition)
    wanted = (repetition - whole) * int(document_tokens.sum())
    order = np.argsort(number_hashes(len(document_tokens), seed), kind="stable")
    tokens = document_tokens[order]
    # A document is taken if the sum is nearer to what is wanted with it than without it.
    is_taken = np.cumsum(tokens) - tokens / 2 <= wanted
    copies = np.full(len(document_tokens), whole, np.int64)
    copies[order[is_taken]] += 1
    return copies


def number_hashes(count: int, seed: int) -> np.ndarray:
    """uint64 (count,): SplitMix64 of the numbers from 0, begun at `seed`."""
    values = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(STEP)
    values += np.uint64(seed % 2**64)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(FIRST)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(SECOND)
    return values ^ (values >> np.uint64(31))
