"""Orders that are computed place by place are permutations, and look random."""

import numpy as np
import pytest

from keras_electra.store.order import permuted


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 16, 17, 1000, 65_537])
def test_every_number_comes_once(size):
    for seed in range(3):
        order = permuted(np.arange(size), size, (seed, 1))
        assert np.array_equal(np.sort(order), np.arange(size))


def test_each_place_stands_by_itself():
    order = permuted(np.arange(1000), 1000, (7, 2))
    places = np.array([999, 3, 500])
    assert np.array_equal(permuted(places, 1000, (7, 2)), order[places])


def test_keys_give_different_orders():
    orders = {tuple(permuted(np.arange(50), 50, (seed, n))) for seed in range(5) for n in range(5)}
    assert len(orders) == 25


def test_small_orders_are_equally_likely():
    """Of 4! orders of four, 24,000 keys give each about 1,000 times: within five deviations."""
    counts = {}
    for seed in range(24_000):
        order = tuple(permuted(np.arange(4), 4, (seed,)))
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 24
    assert max(abs(count - 1000) for count in counts.values()) < 5 * 1000**0.5


def test_neighbours_do_not_stay_near():
    """The mean distance of neighbours is that of random numbers: a third of the length, to 1 %."""
    size = 100_000
    order = permuted(np.arange(size), size, (3,))
    assert np.abs(np.diff(order)).mean() == pytest.approx(size / 3, rel=0.01)
