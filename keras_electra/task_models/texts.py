"""A label, several labels or a number for a text; the best of several texts.

Shapes: B examples, T tokens, H hidden width, N labels, C choices.
"""

import functools

import keras
from keras import ops

from keras_electra.errors import InputError
from keras_electra.task_heads import ChoiceHead, TextHead
from keras_electra.task_models import head_graphs
from keras_electra.task_models.base import (
    INPUTS,
    TaskModel,
    checked_labels,
    cross_entropy,
    example_weights,
    gold,
    hit,
)


@keras.saving.register_keras_serializable("keras_electra")
class TextClassifier(TaskModel):
    """One of N labels, or several at once, for a text or a pair of texts.

    Called with a batch; returns logits (B, N), float32. The loss is the cross-entropy of a softmax, or
    with `is_multi_label` the mean over the labels of that of N sigmoids; a mean over the examples.

    Args:
        backbone: `ElectraBackbone`.
        labels: their names, in the order of their numbers.
        is_multi_label: whether each label holds or not by itself.
        head: "original" (dropout, dense) or "huggingface" (dropout, dense, GELU, dropout, dense).
        head_dropout_rate: fraction dropped before each dense layer of the head.
        seed, accumulation_steps, name: see `TaskModel`.
    """

    def __init__(
        self,
        backbone,
        labels,
        *,
        is_multi_label=False,
        head="original",
        head_dropout_rate=0.1,
        seed=0,
        accumulation_steps=1,
        name="text_classifier",
    ):
        labels = checked_labels(labels)
        make_head = functools.partial(
            TextHead, len(labels), form=head, dropout_rate=head_dropout_rate
        )
        super().__init__(
            backbone, make_head, seed=seed, accumulation_steps=accumulation_steps, name=name
        )
        self.labels = labels
        self.is_multi_label = is_multi_label
        self.kind = "multi_label" if is_multi_label else "classification"

    def outputs(self, hidden, batch, training=None):
        logits = self.head(hidden, self.head_noise(training), training=training)
        return ops.cast(logits, "float32")

    def judged(self, batch, outputs):
        labels, weights = gold(batch, "labels"), example_weights(batch)
        if not self.is_multi_label:
            return cross_entropy(outputs, labels), weights, hit(outputs, labels), weights
        labels = ops.cast(labels, "float32")
        losses = ops.binary_crossentropy(labels, outputs, from_logits=True)
        hits = ops.cast(ops.equal(ops.cast(outputs > 0, "float32"), labels), "float32")
        return ops.mean(losses, axis=-1), weights, ops.mean(hits, axis=-1), weights

    def graph_outputs(self, graph, hidden):
        return {"logits": head_graphs.whole_text(graph, self.head, hidden)}

    def options(self):
        return {
            "labels": list(self.labels),
            "is_multi_label": self.is_multi_label,
            **super().options(),
        }


@keras.saving.register_keras_serializable("keras_electra")
class TextRegressor(TaskModel):
    """A number for a text or a pair of texts.

    Called with a batch; returns values (B,), float32, where 0 and 1 are the ends of `value_range`. The
    loss is the squared error on that scale, as in the original; a mean over the examples.

    Args:
        backbone: `ElectraBackbone`.
        value_range: the two numbers that 0 and 1 stand for; values outside can be said too.
        head, head_dropout_rate: as of `TextClassifier`.
        seed, accumulation_steps, name: see `TaskModel`.
    """

    kind = "regression"
    figures = ("loss",)

    def __init__(
        self,
        backbone,
        value_range=(0.0, 1.0),
        *,
        head="original",
        head_dropout_rate=0.1,
        seed=0,
        accumulation_steps=1,
        name="text_regressor",
    ):
        low, high = (float(end) for end in value_range)
        if not low < high:
            raise InputError(
                f"value_range: expected a lower and a higher number, received {value_range}"
            )
        make_head = functools.partial(TextHead, 1, form=head, dropout_rate=head_dropout_rate)
        super().__init__(
            backbone, make_head, seed=seed, accumulation_steps=accumulation_steps, name=name
        )
        self.value_range = (low, high)

    def outputs(self, hidden, batch, training=None):
        values = self.head(hidden, self.head_noise(training), training=training)
        return ops.cast(values[:, 0], "float32")  # (B, 1) -> (B,)

    def judged(self, batch, outputs):
        errors = outputs - ops.cast(gold(batch, "labels"), "float32")
        return ops.square(errors), example_weights(batch), None, None

    def graph_outputs(self, graph, hidden):
        return {"values": graph.squeeze(head_graphs.whole_text(graph, self.head, hidden), -1)}

    def options(self):
        return {"value_range": list(self.value_range), **super().options()}


@keras.saving.register_keras_serializable("keras_electra")
class MultipleChoice(TaskModel):
    """One of several texts, such as answers to a question; each is read by itself with the question.

    Called with a batch whose inputs are (B, C, T); returns logits (B, C), float32, -1e9 for a choice
    that an example lacks. The loss is the cross-entropy of the right choice; a mean over the examples.

    Args:
        backbone: `ElectraBackbone`.
        head: "original" (dropout, dense) or "huggingface" (dense, GELU, dropout, dense).
        head_dropout_rate: fraction dropped in the head.
        seed, accumulation_steps, name: see `TaskModel`.
    """

    kind = "multiple_choice"

    def __init__(
        self,
        backbone,
        *,
        head="original",
        head_dropout_rate=0.1,
        seed=0,
        accumulation_steps=1,
        name="multiple_choice",
    ):
        make_head = functools.partial(ChoiceHead, form=head, dropout_rate=head_dropout_rate)
        super().__init__(
            backbone, make_head, seed=seed, accumulation_steps=accumulation_steps, name=name
        )

    def hidden(self, batch, training=None):
        """Last hidden states (B * C, T, H)."""
        length = ops.shape(batch["token_ids"])[-1]
        flat = {
            name: ops.reshape(batch[name], (-1, length))  # (B, C, T) -> (B * C, T)
            for name in INPUTS
            if batch.get(name) is not None
        }
        return super().hidden(flat, training)

    def outputs(self, hidden, batch, training=None):
        scores = self.head(hidden, self.head_noise(training), training=training)
        shape = ops.shape(batch["token_ids"])[:2]
        logits = ops.reshape(ops.cast(scores, "float32"), shape)  # (B * C, 1) -> (B, C)
        if batch.get("choice_weights") is None:
            return logits
        return ops.where(ops.convert_to_tensor(batch["choice_weights"]) > 0, logits, -1e9)

    def judged(self, batch, outputs):
        labels, weights = gold(batch, "labels"), example_weights(batch)
        return cross_entropy(outputs, labels), weights, hit(outputs, labels), weights

    def plain_batch(self, inputs):
        return {name: value[:, None] for name, value in inputs.items()}

    def exported(self, hidden, inputs):
        """`logits` (B,): each row is one choice."""
        return {"logits": ops.cast(self.head(hidden), "float32")[:, 0]}

    def graph_outputs(self, graph, hidden):
        return {"logits": graph.squeeze(head_graphs.whole_text(graph, self.head, hidden), -1)}
