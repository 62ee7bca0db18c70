"""A kind of task in one file: labels in an order, such as stars, told apart by thresholds of one score."""

import functools

import keras
import numpy as np
from keras import ops

from keras_electra.task_heads import TextHead
from keras_electra.task_models import head_graphs
from keras_electra.task_models.base import TaskModel, checked_labels, example_weights, gold, hit
from keras_electra.tasks.kinds.base import column
from keras_electra.tasks.kinds.classification import Classification
from keras_electra.tasks.kinds.texts import named
from keras_electra.tasks.probabilities import sigmoid


def mean_distance(gold, predicted):
    """How many labels lie between what is right and what was given, on the mean."""
    return np.mean([abs(int(a) - int(b)) for a, b in zip(gold, predicted, strict=True)])


class Ordinal(Classification):
    """Labels that are whole numbers."""

    name = "ordinal"
    metrics = {"mean_distance": mean_distance, **Classification.metrics}  # noqa: RUF012
    usual_metrics = ("mean_distance", "accuracy")
    less_is_better = ("mean_distance",)
    has_threshold = has_page = False
    google = transformers = problem_type = None

    def model_class(self):
        return OrdinalClassifier

    def prediction(self, encoded, example, output):
        """From N - 1 logits, each of a label above the one before it."""
        above = np.concatenate([[1.0], sigmoid(output), [0.0]])
        chances = above[:-1] - above[1:]
        label = encoded.labels[int(np.argmax(chances))]
        return {"label": label, "probabilities": named(encoded.labels, chances)}

    def chances(self, outputs):
        return {"chances": sigmoid(outputs["logits"])}

    def report_of(self, rows, labels):
        found = super().report_of(rows, labels)
        return {**found, "distance": mean_distance(column(rows, "gold"), column(rows, "label"))}


class OrdinalHead(TextHead):
    """One score for a text, less N - 1 rising thresholds: (B, T, H) -> (B, N - 1)."""

    def __init__(self, num_labels, **kwargs):
        super().__init__(1, **kwargs)
        self.num_thresholds = num_labels - 1

    def build(self, input_shape):
        super().build(input_shape)
        self.steps = self.add_bias("threshold_steps", self.num_thresholds)

    def thresholds(self):
        """(N - 1,)."""
        return ops.cumsum(ops.softplus(self.steps))

    def call(self, hidden, noise=None, training=None):
        return super().call(hidden, noise, training=training) - self.thresholds()


@keras.saving.register_keras_serializable("keras_electra")
class OrdinalClassifier(TaskModel):
    """Cumulative logits (B, N - 1): how likely the label is above each of the first N - 1."""

    kind = "ordinal"

    def __init__(
        self, backbone, labels, *, head="original", head_dropout_rate=0.1, name="ordinal", **common
    ):
        labels = checked_labels(labels)
        options = {"form": head, "dropout_rate": head_dropout_rate}
        make_head = functools.partial(OrdinalHead, len(labels), **options)
        common = {"seed": 0, "accumulation_steps": 1, **common}
        super().__init__(backbone, make_head, name=name, **common)
        self.labels = labels

    def outputs(self, hidden, batch, training=None):
        logits = self.head(hidden, self.head_noise(training), training=training)
        return ops.cast(logits, "float32")

    def judged(self, batch, outputs):
        labels, weights = gold(batch, "labels"), example_weights(batch)
        number = ops.arange(len(self.labels) - 1, dtype="int32")[None]
        is_above = ops.cast(ops.cast(labels, "int32")[:, None] > number, "float32")
        losses = ops.sum(ops.binary_crossentropy(is_above, outputs, from_logits=True), axis=-1)
        above = ops.pad(ops.sigmoid(outputs), [[0, 0], [1, 0]], constant_values=1.0)
        below = ops.pad(ops.sigmoid(outputs), [[0, 0], [0, 1]])
        return losses, weights, hit(above - below, labels), weights

    def graph_outputs(self, graph, hidden):
        score = head_graphs.whole_text(graph, self.head, hidden)
        thresholds = ops.convert_to_numpy(self.head.thresholds())
        return {"logits": graph.add(score, graph.constant(-thresholds, "float32"))}

    def options(self):
        return {"labels": list(self.labels), **super().options()}
