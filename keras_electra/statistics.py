"""The running figures of training, in one Keras metric with one vector.

One vector instead of a dozen `Mean` metrics: each of those costs several tiny operations per step.
"""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_electra import backends
from keras_electra.objectives import Objective

NUM_BINS = 256
"""Score bins of the running AUC; the held-out AUC is exact (`metrics.roc_auc`)."""

GENERATOR_SUMS = ("mlm_loss", "generator_hits", "sampled_hits", "masked")


class PretrainStatistics(keras.metrics.Metric):
    """Losses and rates since the last reset; definitions as in `metrics.py`, the AUC over 256 bins.

    `result()` gives mlm_loss, generator_accuracy and sampled_accuracy at the masked positions, and the
    `metrics` of the objective.

    Args:
        objective: what is learned.
    """

    def __init__(self, objective: Objective, name: str = "statistics"):
        super().__init__(name=name)
        self.objective = objective
        self.names = GENERATOR_SUMS + objective.sums
        self.sums = self.add_variable((len(self.names),), "zeros", name="sums")
        self.score_counts = self.add_variable((2 * NUM_BINS,), "zeros", name="score_counts")

    def update_state(self, outputs: Mapping[str, Any]) -> None:
        """Add what `ElectraPretrainer.call` returned for one batch."""
        weights = outputs["mlm_weights"]
        names = ("mlm_losses", "generator_hits", "sampled_hits")
        sums = [weighted(outputs[name], weights) for name in names] + [ops.sum(weights)]
        sums = ops.stop_gradient(ops.stack(sums + self.objective.summed(outputs)))  # (S,)
        if self.objective.has_detector:
            names = ("rtd_logits", "is_replaced", "rtd_weights")
            self.score_counts.assign_add(binned_scores(*(outputs[name] for name in names)))
        # A step that is left out for its NaN shall not spoil the figures of the whole interval.
        is_finite = ops.all(ops.isfinite(sums))
        self.sums.assign_add(ops.where(is_finite, sums, ops.zeros_like(sums)))

    def result(self) -> dict[str, Any]:
        values = ops.unstack(ops.convert_to_tensor(self.sums), num=len(self.names))
        sums = dict(zip(self.names, values, strict=True))
        counts = ops.convert_to_tensor(self.score_counts)
        counts = ops.reshape(counts, (2, NUM_BINS))  # (2, NUM_BINS)
        return {
            "mlm_loss": ratio(sums["mlm_loss"], sums["masked"]),
            "generator_accuracy": ratio(sums["generator_hits"], sums["masked"]),
            "sampled_accuracy": ratio(sums["sampled_hits"], sums["masked"]),
            **self.objective.metrics(sums, counts),
        }


class TaskStatistics(keras.metrics.Metric):
    """Weighted means since the last reset, several in one vector.

    Args:
        names: of the means, as they stand in the logs.
    """

    def __init__(self, names, name="statistics"):
        super().__init__(name=name)
        self.names = tuple(names)
        self.sums = self.add_variable((2 * len(self.names),), "zeros", name="sums")

    def update_state(self, sums):
        """Add for each name in turn a sum of weighted values, then for each the sum of weights."""
        self.sums.assign_add(ops.stop_gradient(ops.stack(sums)))

    def result(self):
        values = ops.unstack(ops.convert_to_tensor(self.sums), num=2 * len(self.names))
        pairs = zip(values, values[len(self.names) :], strict=False)
        return {
            name: ratio(part, whole) for name, (part, whole) in zip(self.names, pairs, strict=True)
        }


def binned_scores(logits: Any, is_replaced: Any, weights: Any) -> Any:
    """Weights (2 * NUM_BINS,) per bin of P(replaced), of the originals and then of the replaced.

    Args:
        logits, is_replaced, weights: (B, T).
    """
    scores = ops.cast(ops.floor(ops.sigmoid(logits) * NUM_BINS), "int32")
    scores = ops.clip(scores, 0, NUM_BINS - 1)
    bins = ops.stop_gradient(scores + NUM_BINS * ops.cast(is_replaced, "int32"))
    flat = ops.reshape(weights, (-1,)), ops.reshape(bins, (-1,))  # (B * T,) each
    return backends.summed_by_bin(*flat, 2 * NUM_BINS)


def binned_auc(negatives, positives):
    """Area under the ROC curve from counts per score bin, low scores first; ties count half.

    binned_auc([2, 0], [0, 2]) is 1; binned_auc([1, 1], [1, 1]) is 0.5; 0.5 when a class is empty.
    """
    below = ops.cumsum(negatives) - negatives
    pairs = ops.sum(negatives) * ops.sum(positives)
    won = ops.sum(positives * (below + 0.5 * negatives))
    return ops.where(pairs > 0, won / ops.maximum(pairs, 1.0), 0.5)


def weighted(values: Any, weights: Any) -> Any:
    """The sum (scalar) of some values by their weights, of one shape."""
    return ops.sum(ops.cast(values, "float32") * weights)


def ratio(part: Any, whole: Any) -> Any:
    """`part / whole`; a whole below 1 counts as 1."""
    return part / ops.maximum(whole, 1.0)
