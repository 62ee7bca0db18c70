"""Random orders of any length, computed place by place: none of it is held in memory."""

import numpy as np

NUM_ROUNDS = 6
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def permuted(places, size: int, key) -> np.ndarray:
    """Where `places` go under a random permutation of the numbers 0 to `size - 1`.

    A Feistel network permutes the numbers of an even number of bits; results that are `size` or more
    are put through it again until they fit, so what is left is a permutation of exactly `size`
    (Black and Rogaway, 2002, "cycle walking"). All places together give each number once:
    `sorted(permuted(range(5), 5, key))` is [0, 1, 2, 3, 4] for any key.

    Args:
        places: (N,) integers from 0 to size - 1.
        size: length of the order, at least 1.
        key: integers that decide the permutation, such as (seed, number of the pass).

    Returns:
        int64 (N,).
    """
    numbers = np.asarray(places, np.uint64).copy()
    half_bits = np.uint64(max(1, (max(size - 1, 1).bit_length() + 1) // 2))
    seeds = np.random.SeedSequence([int(part) for part in key]).generate_state(
        NUM_ROUNDS, np.uint64
    )
    outside = np.ones(len(numbers), bool)
    while outside.any():
        numbers[outside] = _scrambled(numbers[outside], half_bits, seeds)
        outside = numbers >= size
    return numbers.astype(np.int64)


def _scrambled(numbers, half_bits, seeds):
    """One pass through the network: a permutation of the numbers below 4 ** half_bits."""
    low_bits = (np.uint64(1) << half_bits) - np.uint64(1)
    left, right = numbers >> half_bits, numbers & low_bits
    for seed in seeds:
        left, right = right, left ^ (_hashed(right + seed) & low_bits)
    return (left << half_bits) | right


def _hashed(values):
    """64 bits that depend on every bit of the values (Steele et al., 2014, SplitMix64)."""
    values = values + GOLDEN
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
