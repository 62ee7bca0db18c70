"""Figures of numbers: correlations and the squared error. Shapes: B examples."""

from collections.abc import Sequence

import numpy as np

from keras_electra.errors import MissingExtraError
from keras_electra.scoring.labels import require_pairs

ROUNDING = 1e-12
"""Values that differ by no more than this part of the largest count as equal."""


def pearson(gold: Sequence[float], predicted: Sequence[float]) -> float:
    """Pearson's correlation of two sequences of B numbers, in [-1, 1].

    A constant tells nothing of the other values: where `gold` or `predicted` is constant (and of a
    single example), the correlation, which is not defined, counts as 0. It is nan where a number is not
    finite.
    """
    return correlation("pearsonr", gold, predicted)


def spearman(gold: Sequence[float], predicted: Sequence[float]) -> float:
    """Spearman's correlation: Pearson's of the ranks, equal numbers sharing their mean rank.

    0 and nan as for `pearson`.
    """
    return correlation("spearmanr", gold, predicted)


def mse(gold: Sequence[float], predicted: Sequence[float]) -> float:
    """Mean squared error of B numbers, in the square of their unit."""
    require_pairs(gold, predicted)
    return float(np.mean(np.square(np.subtract(gold, predicted, dtype=np.float64))))


def correlation(name: str, gold: Sequence[float], predicted: Sequence[float]) -> float:
    """A correlation of `scipy.stats` by its name; as for `pearson`."""
    require_pairs(gold, predicted)
    gold, predicted = np.asarray(gold, np.float64), np.asarray(predicted, np.float64)
    if not (np.isfinite(gold).all() and np.isfinite(predicted).all()):
        return float("nan")
    if is_constant(gold) or is_constant(predicted):
        return 0.0
    return float(getattr(statistics(), name)(gold, predicted).statistic)


def is_constant(values: np.ndarray) -> bool:
    """Whether all values are equal, up to rounding."""
    return bool(np.ptp(values) <= ROUNDING * np.abs(values).max())


def statistics():
    """scipy's statistics."""
    try:
        import scipy.stats
    except ImportError as error:
        raise MissingExtraError("statistics of scores", "tasks") from error
    return scipy.stats
