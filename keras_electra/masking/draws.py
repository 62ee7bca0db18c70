"""Random numbers that are a pure function of (seed, purpose, step, row): the same on every machine.

Philox counts instead of remembering: any row of any step can be drawn on its own, so resuming needs
the step number only, and a rank or a micro-batch draws exactly its slice of the global batch.
"""

import enum
import operator

import numpy as np

from keras_electra.errors import InputError


class Purpose(enum.IntEnum):
    """What random numbers are drawn for; each purpose has a stream of its own."""

    PLACES = 0
    SHOWN = 1
    RANDOM_IDS = 2
    SAMPLING = 3
    ORDER = 4


def draw_bits(seed: int, step: int, first: int, purpose: int, count: int, width: int) -> np.ndarray:
    """Random 64-bit numbers, one row per example: uint64 (count, width).

    Args:
        seed: of the run.
        step: of the optimizer.
        first: index in the global batch of the first row.
        purpose: a `Purpose`.
        count: rows.
        width: numbers per row.

    Row `r` depends on (seed, step, purpose, first + r) and `width` alone. The raw output of
    Philox is used because NumPy promises never to change it, as it does not for `Generator`.

    Raises:
        InputError: if one of the numbers is negative or does not fit 64 bits.
    """
    names = ("seed", "step", "first", "purpose", "count", "width")
    for name, value in zip(names, (seed, step, first, purpose, count, width), strict=True):
        if not 0 <= operator.index(value) < 2**64:
            raise InputError(f"{name}: expected a whole number in [0, 2**64), received {value}")
    # One tick of the counter yields four numbers, so each row starts at a tick of its own.
    ticks_per_row = -(-operator.index(width) // 4)
    carry, tick = divmod(operator.index(first) * ticks_per_row, 2**64)
    stream = np.random.Philox(
        key=np.array([seed, 0], np.uint64),
        counter=np.array([tick, carry, step, purpose], np.uint64),
    )
    numbers = stream.random_raw(count * ticks_per_row * 4)
    return numbers.reshape(count, ticks_per_row * 4)[:, :width]


def draw(seed: int, step: int, first: int, purpose: int, count: int, width: int) -> np.ndarray:
    """Uniform random numbers: float64 (count, width) in [0, 1), keyed as in `draw_bits`.

    A slice of the rows is what a smaller request returns:
    `draw(0, 5, 0, purpose=1, count=8, width=3)[6:]` is `draw(0, 5, 6, purpose=1, count=2, width=3)`.
    """
    return to_unit_interval(draw_bits(seed, step, first, purpose, count, width), bits=53)


def to_unit_interval(random_bits, bits: int) -> np.ndarray:
    """The upper `bits` (at most 53) of uint64 numbers as a float64 fraction in [0, 1), unrounded."""
    return (random_bits >> np.uint64(64 - bits)) * 0.5**bits
