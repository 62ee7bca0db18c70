"""Where the rows of a log stand: steps, tokens or time; how they are smoothed; how long is left."""

import math

import numpy as np

from keras_electra.errors import InputError

AXES = {"steps": "step", "tokens": "tokens", "time": "hours of training"}
"""What stands below the plots, by the name of the axis."""


def axis_values(columns, axis: str) -> np.ndarray:
    """(N,) where each row stands on an axis, never falling.

    Args:
        columns: of the log.
        axis: "steps", "tokens" or "time" (hours). Tokens and time begin again with each trial of a
            fine-tuning run, and are added up here.
    """
    if axis not in AXES:
        raise InputError(f"axis: expected one of {', '.join(AXES)}, received {axis!r}")
    steps = columns["step"] if "step" in columns else np.arange(1.0, len(columns) + 1)
    if axis == "steps":
        return steps
    values = columns["tokens" if axis == "tokens" else "seconds"]
    if not len(values) or np.isnan(values).all():
        return steps
    values = np.nan_to_num(values)
    falls = np.concatenate([[0.0], np.where(np.diff(values) < 0, values[:-1], 0.0)])
    values = values + np.cumsum(falls)
    return values / 3600 if axis == "time" else values


def smoothed(values: np.ndarray, smoothing: float) -> np.ndarray:
    """The exponential moving average with its start corrected; gaps stay gaps.

    smoothed([1, 3], 0.5) is [1, 2.33]: (0.25·1 + 0.5·3) / 0.75.

    Args:
        values: (N,) with NaN where nothing was measured.
        smoothing: weight of what came before, from 0 (none) to less than 1.
    """
    values = np.asarray(values, float)
    if not 0 <= smoothing < 1:
        raise InputError(f"smoothing: expected at least 0 and less than 1, received {smoothing!r}")
    measured = np.isfinite(values)
    known = values[measured]
    if smoothing == 0 or not len(known):
        return values
    # In pieces short enough for the powers of the weight: no loop over 100,000 rows.
    size = max(1, min(len(known), int(20 / -math.log(smoothing))))
    sums, carry = np.empty_like(known), 0.0
    powers = smoothing ** np.arange(1, size + 1)
    for start in range(0, len(known), size):
        part = known[start : start + size]
        power = powers[: len(part)]
        sums[start : start + size] = power * (carry + (1 - smoothing) * np.cumsum(part / power))
        carry = sums[start + len(part) - 1]
    averages = sums / (1 - smoothing ** np.arange(1, len(known) + 1))
    result = values.copy()
    result[measured] = averages
    return result


def seconds_left(columns, steps: int | None, budget_seconds: float | None = None) -> float | None:
    """How long a run still takes at the speed of its last rows; None if that cannot be told yet.

    Args:
        columns: of the log.
        steps: of the whole run, or None.
        budget_seconds: of training, after which it ends, or None.
    """
    if len(columns) < 2 or "seconds" not in columns or "step" not in columns:
        return None
    seconds, done = axis_values(columns, "time") * 3600, columns["step"]
    first = max(0, len(done) - 11)
    num_steps, passed = done[-1] - done[first], seconds[-1] - seconds[first]
    left = []
    if steps is not None and num_steps > 0 and passed > 0:
        left.append((steps - done[-1]) * passed / num_steps)
    if budget_seconds is not None:
        left.append(budget_seconds - seconds[-1])
    return max(0.0, float(min(left))) if left else None
