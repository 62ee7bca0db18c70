"""What pretraining is measured by: accuracies, the detector's ROC curve, and two baselines.

Shapes: B examples, T tokens, K slots, V vocabulary entries. Labels are `is_replaced`; a token counts
as judged replaced where its logit is above 0. Weights are 1 where a value counts and 0 where it
does not (padding, unused slots); other weights of 0 or more scale what a value counts for.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_electra.errors import InputError
from keras_electra.masking import never_masked_ids

"""Logits beyond it, about one chance in 160,000, share the outermost bins."""


@dataclasses.dataclass(frozen=True)
class DetectionCounts:
    """The four (weighted) counts of a detector; those of several batches add up.

    `DetectionCounts(hits=3, false_alarms=1, misses=2, correct_rejections=14)` has accuracy 17 / 20,
    precision 3 / 4, recall 3 / 5 and a replaced rate of 5 / 20.
    """

    hits: float = 0.0
    false_alarms: float = 0.0
    misses: float = 0.0
    correct_rejections: float = 0.0

    @classmethod
    def of(
        cls, logits: ArrayLike, is_replaced: ArrayLike, weights: ArrayLike | None = None
    ) -> "DetectionCounts":
        """Count one batch; three arrays of one shape, usually (B, T)."""
        logits, is_replaced, weights = _flat(logits, is_replaced, weights)
        judged_replaced = logits > 0
        counts = (
            np.sum(weights * (judged_replaced == judged) * (is_replaced == actual))
            for judged, actual in ((True, True), (True, False), (False, True), (False, False))
        )
        return cls(*(float(count) for count in counts))

    def __add__(self, other: "DetectionCounts") -> "DetectionCounts":
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return DetectionCounts(*(mine + theirs for mine, theirs in pairs))

    @property
    def total(self) -> float:
        """How many tokens were judged."""
        return self.hits + self.false_alarms + self.misses + self.correct_rejections

    @property
    def accuracy(self) -> float:
        """Fraction of the tokens judged correctly."""
        return _ratio(self.hits + self.correct_rejections, self.total)

    @property
    def precision(self) -> float:
        """Fraction of the tokens judged replaced that are; 0 where none is judged so."""
        return _ratio(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> float:
        """Fraction of the replaced tokens that are judged so; 0 where none is replaced."""
        return _ratio(self.hits, self.hits + self.misses)

    @property
    def replaced_rate(self) -> float:
        """Fraction of the tokens that are replaced."""
        return _ratio(self.hits + self.misses, self.total)

    @property
    def majority_accuracy(self) -> float:
        """Accuracy of always giving the commoner answer: the baseline of `accuracy`."""
        return max(self.replaced_rate, 1.0 - self.replaced_rate) if self.total else 0.0


def weighted_accuracy(
    predicted_ids: ArrayLike, original_ids: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Weighted fraction of places, usually (B, K), where two arrays of ids agree; 0 for none."""
    predicted_ids, original_ids, weights = _flat(predicted_ids, original_ids, weights)
    return _ratio(np.sum(weights * (predicted_ids == original_ids)), np.sum(weights))


def rtd_loss(logits: ArrayLike, is_replaced: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean over examples of each example's mean binary cross-entropy, in nats; all (B, T).

    An example without weight is left out; nan if all are.
    """
    logits = np.asarray(logits, np.float64)
    is_replaced = np.asarray(is_replaced, bool)
    weights = np.ones(logits.shape) if weights is None else np.asarray(weights, np.float64)
    _require_one_shape(logits, is_replaced, weights)
    # What does not count may hold anything, nan included.
    logits = np.where(weights > 0, logits, 0.0)
    with np.errstate(invalid="ignore"):
        losses = np.logaddexp(0.0, np.where(is_replaced, -logits, logits))
    totals = weights.sum(axis=-1)
    counted = totals > 0
    if not counted.any():
        return float("nan")
    return float(np.mean((weights * losses).sum(axis=-1)[counted] / totals[counted]))


def roc_auc(scores: ArrayLike, is_replaced: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Area under the ROC curve, exact, ties counting half.

    It is the chance that a replaced token scores above an original one: for scores 1, 2, 2, 3 of
    an original, an original, a replaced and a replaced token, (1 + 0.5 + 1 + 1) / 4 = 0.875.

    Args:
        scores: any shape, usually (B, T); only their order matters.
        is_replaced: the same shape, booleans or 0 and 1.
        weights: the same shape, or None to count everything.

    Returns:
        A fraction, or nan where one of the two kinds is missing or a score that counts is nan.
    """
    scores, is_replaced, weights = _flat(scores, is_replaced, weights)
    counts = weights > 0
    scores, weights = scores[counts].astype(np.float64), weights[counts]
    is_replaced = is_replaced[counts].astype(bool)
    if np.isnan(scores).any():
        return float("nan")
    _, bins = np.unique(scores, return_inverse=True)
    return auc_from_histograms(
        np.bincount(bins, weights * is_replaced), np.bincount(bins, weights * ~is_replaced)
    )


def auc_from_histograms(replaced_counts: ArrayLike, original_counts: ArrayLike) -> float:
    """Area under the ROC curve of two histograms over the same bins of rising score.

    Tokens in one bin count as ties, so the error against `roc_auc` is at most half the chance
    that a replaced and an original token share a bin.

    Args:
        replaced_counts: (bins,) number of replaced tokens in each bin.
        original_counts: (bins,) number of original tokens in each bin.
    """
    replaced_counts = np.asarray(replaced_counts, np.float64)
    original_counts = np.asarray(original_counts, np.float64)
    num_pairs = replaced_counts.sum() * original_counts.sum()
    # Negated, so that nan counts are caught too.
    if not num_pairs > 0:
        return float("nan")
    originals_below = np.cumsum(original_counts) - 0.5 * original_counts
    return float(np.sum(replaced_counts * originals_below) / num_pairs)


def commonest_id(token_counts: ArrayLike, special: Any) -> int:
    """The id that occurs most often in the training text, of those that may be masked.

    Args:
        token_counts: (V,) occurrences of each id.
        special: a `SpecialIds` or a `WordPieceTokenizer`.
    """
    counts = np.array(token_counts, np.int64)
    never_masked = list(never_masked_ids(special))
    if counts.ndim != 1 or max(never_masked) >= len(counts):
        raise InputError(
            "token_counts: expected one count for each id of the vocabulary, special tokens "
            f"included, received shape {counts.shape}"
        )
    counts[never_masked] = -1
    return int(np.argmax(counts))


def unigram_accuracy(
    original_ids: ArrayLike, weights: ArrayLike, token_counts: ArrayLike, special: Any
) -> float:
    """Accuracy at the masked places of always answering the training text's commonest token.

    The baseline of the generator's accuracy: what it scores without looking at the context.

    Args:
        original_ids: (B, K) ids that stood at the masked places.
        weights: (B, K) 1 in used slots, else 0.
        token_counts: (V,) occurrences of each id in the training text.
        special: a `SpecialIds` or a `WordPieceTokenizer`.
    """
    answer = commonest_id(token_counts, special)
    return weighted_accuracy(np.full(np.shape(original_ids), answer), original_ids, weights)


def unigram_baselines(token_counts: ArrayLike, special: Any) -> dict[str, float]:
    """What the generator's figures are without looking at the context, from the training text alone.

    Of three tokens that occur 2, 1 and 1 times, the commonest is right in half of the places, and
    knowing how often each occurs leaves 1.04 nats.

    Args:
        token_counts: (V,) occurrences of each id in the training text.
        special: a `SpecialIds` or a `WordPieceTokenizer`, whose never masked ids do not count.

    Returns:
        {"unigram_accuracy", "unigram_entropy"}: a fraction, and nats; empty if no token is left.
    """
    counts = np.array(token_counts, np.float64)
    counts[list(never_masked_ids(special))] = 0
    if not counts.sum():
        return {}
    shares = counts[counts > 0] / counts.sum()
    return {
        "unigram_accuracy": float(shares.max()),
        "unigram_entropy": float(-np.sum(shares * np.log(shares))),
    }


def _flat(
    values: ArrayLike, others: ArrayLike, weights: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three flat arrays of one length: values, others, float64 weights (1 where None)."""
    values, others = np.asarray(values), np.asarray(others)
    weights = np.ones(values.shape) if weights is None else np.asarray(weights, np.float64)
    _require_one_shape(values, others, weights)
    return values.ravel(), others.ravel(), weights.ravel()


def _require_one_shape(values: np.ndarray, others: np.ndarray, weights: np.ndarray) -> None:
    if not values.shape == others.shape == weights.shape:
        raise InputError(
            "values, labels and weights: expected one shape, received "
            f"{values.shape}, {others.shape} and {weights.shape}"
        )


def _ratio(part: Any, whole: Any) -> float:
    return float(part / whole) if whole > 0 else 0.0
