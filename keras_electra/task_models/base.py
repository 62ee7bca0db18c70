"""What all task models share: a backbone, a head, the loss over a batch, and how they are saved."""

import re
import zlib

import keras
import numpy as np
from keras import ops

from keras_electra import backends
from keras_electra.assets import TokenizerAsset
from keras_electra.errors import InputError
from keras_electra.statistics import TaskStatistics
from keras_electra.task_models.raw_input import RawInput
from keras_electra.tasks.kinds import kind_of

INPUTS = ("token_ids", "segment_ids", "padding_mask")
"""What the encoder reads of a batch."""


class TaskModel(TokenizerAsset, RawInput, backends.TrainStep, keras.Model):
    """A backbone under one head, trained for one task.

    Subclasses give `kind`, `outputs`, `judged`, their part of `options`, and `graph_outputs`.

    Args:
        backbone: `ElectraBackbone`; other task models may share it.
        make_head: called with the head's keyword arguments (name, seed, scale, dtype); returns it.
        seed: decides the head's starting weights and the dropout noise.
        accumulation_steps: micro-batches that `train_step` processes a batch in.
        name: of the task.

    Attributes:
        task_name: the task's name.
        tokenizer: the `WordPieceTokenizer` of the backbone's ids, or None; raw text needs it.
        sequence_length: longest input made of raw text, in tokens; None for the longest the backbone
            takes.
        columns: options of `own_task` that name the columns of the table it was trained on; None where
            it was no table, or is not known.
    """

    kind = None
    figures = ("loss", "accuracy")

    def __init__(self, backbone, make_head, *, seed, accumulation_steps, name):
        # Labels and weights stay float32 under mixed precision.
        super().__init__(name=layer_name(name), dtype=backbone.dtype_policy, autocast=False)
        self.task_name = name
        self.backbone = backbone
        self.seed = seed
        self.accumulation_steps = accumulation_steps
        self.tokenizer = None
        self.sequence_length = None
        # Built outside the model's own name, so that no part of its path can look like the encoder's.
        self.head = make_head(
            name=f"{self.name}_head",
            seed=seed,
            scale=backbone.encoder.initializer_range,
            dtype=self.dtype_policy,
        )
        self.head.build((None, None, backbone.encoder.hidden_dim))
        noise_seed = np.random.SeedSequence([seed, zlib.crc32(self.name.encode())])
        self.noise = keras.random.SeedGenerator(
            int(noise_seed.generate_state(1)[0] >> 1), name=f"{self.name}_noise"
        )
        self.statistics = TaskStatistics(self.figures)
        backends.allow_any_shape(self)
        self.built = True

    def call(self, batch, training=None):
        return self.outputs(self.hidden(batch, training), batch, training)

    def hidden(self, batch, training=None):
        """Last hidden states (B, T, H) of a batch."""
        inputs = {name: batch[name] for name in INPUTS if batch.get(name) is not None}
        return self.backbone(inputs, training=training)

    def head_noise(self, training):
        """Key of the head's dropout in one forward pass, or None."""
        return backends.noise_key(self.noise) if training else None

    def outputs(self, hidden, batch, training=None):
        """What the model says of hidden states (B, T, H); float32."""
        raise NotImplementedError

    def judged(self, batch, outputs):
        """(losses, weights, hits, hit weights) of a batch: arrays, of one shape in pairs.

        The loss is the mean of `losses` by `weights`. Hits are 0 or 1, or None where there is no
        accuracy.
        """
        raise NotImplementedError

    def options(self) -> dict:
        """Constructor arguments beyond the common ones, in the types of JSON."""
        return {"head": self.head.form, "head_dropout_rate": self.head.dropout_rate}

    def plain_batch(self, inputs: dict) -> dict:
        """`token_ids`, `segment_ids` and `padding_mask` (B, T) alone, as a batch of this model."""
        return dict(inputs)

    def exported(self, hidden, inputs: dict) -> dict:
        """What an exported network says of hidden states (B, T, H), by name.

        Args:
            inputs: `token_ids`, `segment_ids` and `padding_mask` (B, T).
        """
        return {kind_of(self.kind).output: self.outputs(hidden, inputs)}

    def graph_outputs(self, graph, hidden: str) -> dict[str, str]:
        """The same in ONNX's operations: name of each output -> its name in a `deploy.graph.Graph`."""
        raise NotImplementedError

    def loss_totals(self, batch):
        """The sum of weights over a whole batch, by which its micro-batches divide their losses."""
        return {"weights": ops.sum(self.loss_weights(batch))}

    def loss_weights(self, batch):
        """Weights of what the loss is a mean over: of the examples (B,), unless a subclass differs."""
        return example_weights(batch)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The mean loss over what is weighted in the whole batch; the figures are updated on the way."""
        totals = x.get("totals") or self.loss_totals(x)
        loss, sums = self.loss_and_sums(x, y_pred, totals)
        self.statistics.update_state(sums)
        return backends.scaled_for_replicas(loss)

    def loss_and_sums(self, batch, outputs, totals):
        """(loss, what `TaskStatistics` takes for `figures`)."""
        losses, weights, hits, hit_weights = self.judged(batch, outputs)
        loss_sum = ops.sum(losses * weights)
        parts, wholes = [loss_sum], [ops.sum(weights)]
        if hits is not None:
            parts.append(ops.sum(hits * hit_weights))
            wholes.append(ops.sum(hit_weights))
        return loss_sum / ops.maximum(totals["weights"], 1.0), parts + wholes

    def get_config(self):
        return {
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            **self.options(),
            "seed": self.seed,
            "accumulation_steps": self.accumulation_steps,
            "name": self.task_name,
        }

    @classmethod
    def from_config(cls, config):
        backbone = keras.saving.deserialize_keras_object(config["backbone"])
        return cls(**{**config, "backbone": backbone})


def layer_name(name: str) -> str:
    """A task's name as Keras and TensorFlow allow it for a layer."""
    return re.sub(r"[^\w.-]", "_", name)


def example_weights(batch):
    """`example_weights` (B,) of a batch, or ones."""
    weights = batch.get("example_weights")
    if weights is not None:
        return ops.cast(weights, "float32")
    return ops.ones((ops.shape(batch["token_ids"])[0],), "float32")


def gold(batch, name):
    """An array that the loss needs; `InputError` if the batch has no such."""
    if name not in batch:
        raise InputError(
            f"batch: expected {name!r} among its arrays, received {sorted(set(batch) - {'totals'})}"
        )
    return ops.convert_to_tensor(batch[name])


def cross_entropy(logits, labels):
    """-log softmax(logits)[label], over the last axis."""
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def hit(logits, labels):
    """1.0 where the largest logit is the label's."""
    best = ops.argmax(logits, axis=-1)
    return ops.cast(ops.equal(ops.cast(best, "int32"), ops.cast(labels, "int32")), "float32")


def checked_labels(labels) -> tuple[str, ...]:
    """The labels as a tuple; `InputError` unless they are two or more different names."""
    is_usable = not isinstance(labels, str) and all(isinstance(label, str) for label in labels)
    if not is_usable or len(set(labels)) < len(labels) or len(labels) < 2:
        raise InputError(f"labels: expected two or more different names, received {labels!r}")
    return tuple(labels)
