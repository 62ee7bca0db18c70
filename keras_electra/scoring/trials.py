"""What several trials say together: means with intervals, differences, and trials that learned nothing.

All intervals are at 95 %, by Student's t; a trial's value may be None or nan where it was not measured,
and then nothing but the values themselves is known.
"""

import math
from collections.abc import Sequence

import numpy as np

from keras_electra.errors import InputError
from keras_electra.scoring.numbers import statistics

LEVEL = 0.95
LEARNING_SHARE = 0.05
"""A loss less than this part below that of a constant answer may be so by the chance of a few batches."""


def summary(values: Sequence[float]) -> dict:
    """One figure over trials.

    summary([0.8, 0.9, 1.0]) has mean and median 0.9, std 0.1 and interval [0.652, 1.148]: 0.9 ± 4.303 ·
    0.1 / √3.

    Args:
        values: one per trial, at least one.

    Returns:
        {"values", "mean", "median", "std", "interval"}: std divides by the number of trials less 1;
        interval is [low, high], the 95 % confidence interval of the mean. Both are None for one trial.
    """
    array = as_array(values)
    return {
        "values": array.tolist(),
        "mean": float(array.mean()),
        "median": float(np.median(array)),
        **spread(array),
    }


def paired_difference(a: Sequence[float], b: Sequence[float]) -> dict:
    """The mean of a - b over trials that belong together, such as those with the same seed.

    Args:
        a, b: values of as many trials, in the same order.

    Returns:
        {"mean", "std", "interval", "p_value"}: of the differences, as for `summary`; `p_value` is that of
        the two-sided paired t test that their mean is 0. Where all differences are equal it is 0, or 1 if
        they are 0. All but the mean are None for one trial.
    """
    a, b = as_array(a), as_array(b)
    if len(a) != len(b):
        raise InputError(f"trials: expected as many of both, received {len(a)} and {len(b)}")
    differences = a - b
    mean, found = float(differences.mean()), spread(differences)
    p_value = None
    if found["interval"] is not None:
        error = found["std"] / math.sqrt(len(a))
        p_value = two_sided_p(mean, error, len(a) - 1)
    return {"mean": mean, **found, "p_value": p_value}


def difference_of_means(a: Sequence[float], b: Sequence[float]) -> dict:
    """mean(a) - mean(b) of independent trials with spreads of their own; Welch (1947).

    Args:
        a, b: values of the trials, not necessarily as many.

    Returns:
        {"mean", "interval", "p_value"}: the difference, its 95 % interval, and the p value of the
        two-sided test that it is 0. The last two are None if either has one trial.
    """
    a, b = as_array(a), as_array(b)
    mean = float(a.mean() - b.mean())
    if min(len(a), len(b)) < 2 or not math.isfinite(mean):
        return {"mean": mean, "interval": None, "p_value": None}
    parts = [float(values.var(ddof=1)) / len(values) for values in (a, b)]
    error = math.sqrt(sum(parts))
    # Welch and Satterthwaite's number; without any spread every number gives the same interval.
    degrees = 1.0
    if error:
        shares = [part / sum(parts) for part in parts]
        degrees = 1 / (shares[0] ** 2 / (len(a) - 1) + shares[1] ** 2 / (len(b) - 1))
    interval = interval_around(mean, error, degrees)
    return {"mean": mean, "interval": interval, "p_value": two_sided_p(mean, error, degrees)}


def holm(p_values: Sequence[float]) -> list[float]:
    """P values adjusted for there being several of them; Holm (1979).

    The smallest of n is multiplied by n, the next by n - 1, and so on; none gets smaller than the one
    before it, or larger than 1. holm([0.01, 0.04, 0.03]) is [0.03, 0.06, 0.06].
    """
    p_values = np.asarray(p_values, np.float64)
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    factors = np.arange(len(p_values), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1.0)
    return adjusted.tolist()


def entropy(counts) -> float:
    """Entropy (nats) of a distribution given by counts."""
    shares = np.array([count for count in counts if count], np.float64)
    shares /= shares.sum()
    return float(-np.sum(shares * np.log(shares)))


def as_array(values: Sequence[float]) -> np.ndarray:
    """Values as float64, None as nan; `InputError` if there are none."""
    if not len(values):
        raise InputError("trials: expected the values of one or more, received none")
    return np.array([math.nan if value is None else value for value in values], np.float64)


def spread(values: np.ndarray) -> dict:
    """{"std", "interval"} of the values; None where they cannot be known."""
    if len(values) < 2 or not np.isfinite(values).all():
        return {"std": None, "interval": None}
    # Equal values: their mean may round to another number.
    std = float(values.std(ddof=1)) if np.ptp(values) else 0.0
    interval = interval_around(float(values.mean()), std / math.sqrt(len(values)), len(values) - 1)
    return {"std": std, "interval": interval}


def interval_around(mean: float, error: float, degrees: float) -> list[float]:
    """[low, high] at 95 % around a mean with this standard error."""
    width = float(statistics().t.ppf((1 + LEVEL) / 2, degrees)) * error
    return [mean - width, mean + width]


def two_sided_p(mean: float, error: float, degrees: float) -> float:
    """P value of a mean with this standard error being 0."""
    if not error:
        return 0.0 if mean else 1.0
    return float(2 * statistics().t.sf(abs(mean) / error, degrees))
