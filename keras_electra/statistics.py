"""The running figures of training, in one Keras metric with one vector.

One vector instead of a dozen `Mean` metrics: each of those costs several tiny operations per step.

Shapes: B examples, T tokens, S sums.
"""

import keras
from keras import ops

from keras_electra import backends

NUM_BINS = 256
"""Score bins of the running AUC; the held-out AUC is exact (`metrics.roc_auc`)."""

GENERATOR_SUMS = ("mlm_loss", "generator_hits", "sampled_hits", "masked")
DETECTOR_SUMS = ("rtd_loss", "rtd_hits", "predicted", "found", "replaced", "tokens")
CORRECTOR_SUMS = ("correction_loss", "corrected")


class PretrainStatistics(keras.metrics.Metric):
    """Losses and rates since the last reset; definitions as in `metrics.py`, the AUC over 256 bins.

    `result()` gives mlm_loss, generator_accuracy and sampled_accuracy at the masked places; with a
    detector rtd_loss, rtd_accuracy, rtd_precision, rtd_recall, rtd_auc and replaced_rate; with one of
    the MLM ablations correction_loss.

    Args:
        has_detector: whether a replaced-token head is trained.
    """

    def __init__(self, has_detector=True, name="statistics"):
        super().__init__(name=name)
        self.has_detector = has_detector
        self.names = GENERATOR_SUMS + (DETECTOR_SUMS if has_detector else CORRECTOR_SUMS)
        self.sums = self.add_variable((len(self.names),), "zeros", name="sums")
        self.score_counts = self.add_variable((2 * NUM_BINS,), "zeros", name="score_counts")

    def update_state(self, outputs):
        """Add what `ElectraPretrainer.call` returned for one batch."""
        weights = outputs["mlm_weights"]
        sums = [
            _weighted(outputs[name], weights)
            for name in ("mlm_losses", "generator_hits", "sampled_hits")
        ]
        sums.append(ops.sum(weights))
        if self.has_detector:
            sums += self._detected(outputs)
        elif "correction_losses" in outputs:
            weights = outputs["correction_weights"]
            sums += [_weighted(outputs["correction_losses"], weights), ops.sum(weights)]
        else:
            sums += [ops.zeros(()), ops.zeros(())]
        sums = ops.stop_gradient(ops.stack(sums))  # (S,)
        # A step that is left out for its NaN shall not spoil the figures of the whole interval.
        is_finite = ops.all(ops.isfinite(sums))
        self.sums.assign_add(ops.where(is_finite, sums, ops.zeros_like(sums)))

    def _detected(self, outputs):
        logits, weights = outputs["rtd_logits"], outputs["rtd_weights"]
        replaced = ops.cast(outputs["is_replaced"], "float32")
        predicted = ops.cast(logits > 0, "float32")
        scores = ops.cast(ops.floor(ops.sigmoid(logits) * NUM_BINS), "int32")
        scores = ops.clip(scores, 0, NUM_BINS - 1)
        bins = ops.stop_gradient(scores + NUM_BINS * ops.cast(replaced, "int32"))
        flat = ops.reshape(weights, (-1,)), ops.reshape(bins, (-1,))  # (B * T,) each
        self.score_counts.assign_add(backends.summed_by_bin(*flat, 2 * NUM_BINS))
        return [
            _weighted(outputs["rtd_losses"], weights),
            _weighted(predicted == replaced, weights),
            _weighted(predicted, weights),
            _weighted(predicted * replaced, weights),
            _weighted(replaced, weights),
            ops.sum(weights),
        ]

    def result(self):
        values = ops.unstack(ops.convert_to_tensor(self.sums), num=len(self.names))
        sums = dict(zip(self.names, values, strict=True))
        figures = {
            "mlm_loss": _ratio(sums["mlm_loss"], sums["masked"]),
            "generator_accuracy": _ratio(sums["generator_hits"], sums["masked"]),
            "sampled_accuracy": _ratio(sums["sampled_hits"], sums["masked"]),
        }
        if not self.has_detector:
            return {
                **figures,
                "correction_loss": _ratio(sums["correction_loss"], sums["corrected"]),
            }
        counts = ops.convert_to_tensor(self.score_counts)
        counts = ops.reshape(counts, (2, NUM_BINS))  # (2, NUM_BINS)
        return {
            **figures,
            "rtd_loss": _ratio(sums["rtd_loss"], sums["tokens"]),
            "rtd_accuracy": _ratio(sums["rtd_hits"], sums["tokens"]),
            "rtd_precision": _ratio(sums["found"], sums["predicted"]),
            "rtd_recall": _ratio(sums["found"], sums["replaced"]),
            "rtd_auc": binned_auc(counts[0], counts[1]),
            "replaced_rate": _ratio(sums["replaced"], sums["tokens"]),
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
        self.sums.assign_add(ops.stop_gradient(ops.stack(sums)))  # (S,)

    def result(self):
        values = ops.unstack(ops.convert_to_tensor(self.sums), num=2 * len(self.names))
        pairs = zip(values, values[len(self.names) :], strict=False)
        return {
            name: _ratio(part, whole) for name, (part, whole) in zip(self.names, pairs, strict=True)
        }


def binned_auc(negatives, positives):
    """Area under the ROC curve from counts per score bin, low scores first; ties count half.

    binned_auc([2, 0], [0, 2]) is 1; binned_auc([1, 1], [1, 1]) is 0.5; 0.5 when a class is empty.
    """
    below = ops.cumsum(negatives) - negatives
    pairs = ops.sum(negatives) * ops.sum(positives)
    won = ops.sum(positives * (below + 0.5 * negatives))
    return ops.where(pairs > 0, won / ops.maximum(pairs, 1.0), 0.5)


def _weighted(values, weights):
    return ops.sum(ops.cast(values, "float32") * weights)


def _ratio(part, whole):
    return part / ops.maximum(whole, 1.0)
