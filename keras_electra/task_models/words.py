"""A tag for each word of a sentence.

Shapes: B examples, W words, N tags.
"""

import functools

import keras
import numpy as np
from keras import ops

from keras_electra.errors import InputError
from keras_electra.task_heads import TaggingHead, dense
from keras_electra.task_models.base import (
    TaskModel,
    checked_labels,
    cross_entropy,
    example_weights,
    gold,
    hit,
)


@keras.saving.register_keras_serializable("keras_electra")
class TokenClassifier(TaskModel):
    """A tag for each word of a sentence, from the word's first piece.

    Called with a batch; returns logits (B, W, N), float32. The loss is the cross-entropy of the words'
    tags: its mean over the words of a batch.

    Args:
        backbone: `ElectraBackbone`.
        labels: names of the tags, in the order of their numbers.
        head: "original" (dense) or "huggingface" (dropout, dense).
        head_dropout_rate: fraction dropped before the dense layer of the huggingface form.
        tagging_form: "correct"; or "original", where the loss is summed over the words of an example
            and averaged over examples, so that long sentences weigh more. It also decides how raw
            words are read, as in `FinetuneConfig`.
        seed, accumulation_steps, name: see `TaskModel`.
    """

    kind = "tagging"

    def __init__(
        self,
        backbone,
        labels,
        *,
        head="original",
        head_dropout_rate=0.1,
        tagging_form="correct",
        seed=0,
        accumulation_steps=1,
        name="token_classifier",
    ):
        labels = checked_labels(labels)
        if tagging_form not in ("correct", "original"):
            raise InputError(
                f"tagging_form: expected 'correct' or 'original', received {tagging_form!r}"
            )
        make_head = functools.partial(
            TaggingHead, len(labels), form=head, dropout_rate=head_dropout_rate
        )
        super().__init__(
            backbone, make_head, seed=seed, accumulation_steps=accumulation_steps, name=name
        )
        self.labels = labels
        self.tagging_form = tagging_form

    def outputs(self, hidden, batch, training=None):
        positions = ops.convert_to_tensor(batch["word_positions"], "int32")
        logits = self.head(hidden, positions, self.head_noise(training), training=training)
        return ops.cast(logits, "float32")

    def judged(self, batch, outputs):
        labels, weights = gold(batch, "labels"), self.word_weights(batch)
        losses, hits = cross_entropy(outputs, labels), hit(outputs, labels)
        if self.tagging_form == "correct":
            return losses, weights, hits, weights
        return ops.sum(losses * weights, axis=-1), example_weights(batch), hits, weights

    def word_weights(self, batch):
        """(B, W) of 0 and 1: the words that are tagged, in rows that count."""
        return ops.cast(gold(batch, "word_weights"), "float32") * example_weights(batch)[:, None]

    def loss_weights(self, batch):
        if self.tagging_form == "original":
            return example_weights(batch)
        return self.word_weights(batch)

    def plain_batch(self, inputs):
        num_rows, length = inputs["token_ids"].shape
        positions = np.tile(np.arange(length, dtype="int32"), (num_rows, 1))
        return {**inputs, "word_positions": positions}

    def exported(self, hidden, inputs):
        """`logits` (B, T, N): of a word's, those at its first piece count."""
        return {"logits": ops.cast(dense(hidden, self.head.logit), "float32")}  # (B, T, N)

    def graph_outputs(self, graph, hidden):
        return {"logits": graph.dense(hidden, *self.head.logit)}  # (B, T, N)

    def options(self):
        options = {"labels": list(self.labels), **super().options()}
        return {**options, "tagging_form": self.tagging_form}
