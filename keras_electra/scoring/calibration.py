"""Whether probabilities can be believed: how often what is said with probability p is right.

Shapes: B predictions, N labels.
"""

from collections.abc import Sequence

import numpy as np

from keras_electra.scoring.labels import require_pairs

NUM_BINS = 10


def reliability_bins(
    confidences: Sequence[float], is_right: Sequence[bool], num_bins: int = NUM_BINS
) -> list[dict]:
    """Predictions sorted into bins of equal width by their confidence.

    Args:
        confidences: (B,) probability that each prediction was given, in [0, 1].
        is_right: (B,) whether it is right.
        num_bins: bins; each holds its upper border, the first also 0.

    Returns:
        Per bin {"low", "high", "count", "confidence", "accuracy"}: its borders, the number of
        predictions in it, their mean confidence, and how many of them are right, a fraction; the last
        two are None in an empty bin.
    """
    require_pairs(confidences, is_right)
    confidences, is_right = np.asarray(confidences, np.float64), np.asarray(is_right, bool)
    borders = np.arange(1, num_bins) / num_bins
    places = np.searchsorted(borders, confidences)
    bins = []
    for place in range(num_bins):
        is_in = places == place
        count = int(is_in.sum())
        bins.append(
            {
                "low": place / num_bins,
                "high": (place + 1) / num_bins,
                "count": count,
                "confidence": float(confidences[is_in].mean()) if count else None,
                "accuracy": float(is_right[is_in].mean()) if count else None,
            }
        )
    return bins


def expected_calibration_error(
    confidences: Sequence[float], is_right: Sequence[bool], num_bins: int = NUM_BINS
) -> float:
    """Mean over the predictions of |accuracy - confidence| of their bin; Guo et al. (2017), equation 3.

    Four predictions with confidence 0.8, three of them right, and one with 0.6 that is right give
    (4 · |0.75 - 0.8| + |1 - 0.6|) / 5 = 0.12. Arguments as for `reliability_bins`.
    """
    used = [one for one in reliability_bins(confidences, is_right, num_bins) if one["count"]]
    total = sum(one["count"] * abs(one["accuracy"] - one["confidence"]) for one in used)
    return total / len(confidences)


def brier_score(probabilities, outcomes) -> float:
    """Mean squared difference of probabilities and what happened, 0 at best.

    Args:
        probabilities: (B,) of an event, such as that a prediction is right; or (B, N), of every label.
        outcomes: the same shape: 1 where it happened, or is the gold label, else 0.

    Returns:
        In [0, 1] for (B,). For (B, N) the squares are summed over the labels as in Brier (1950): in
        [0, 2] where each row of probabilities has the sum 1.
    """
    squares = np.square(np.asarray(probabilities, np.float64) - np.asarray(outcomes, np.float64))
    return float(squares.sum() / len(squares))


def calibration_of(
    confidences: Sequence[float], is_right: Sequence[bool], num_bins: int = NUM_BINS
) -> dict:
    """{"expected_calibration_error", "brier_score", "confidence", "accuracy", "bins"} of B predictions.

    The Brier score is that of "this prediction is right"; `confidence` and `accuracy` are means.
    Arguments and bins as for `reliability_bins`.
    """
    return {
        "expected_calibration_error": expected_calibration_error(confidences, is_right, num_bins),
        "brier_score": brier_score(confidences, is_right),
        "confidence": float(np.mean(confidences)),
        "accuracy": float(np.mean(is_right)),
        "bins": reliability_bins(confidences, is_right, num_bins),
    }
