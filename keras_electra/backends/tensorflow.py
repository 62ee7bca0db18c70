"""TensorFlow: dropout, attention, gather and the training step.

Shapes: B examples, T tokens, N heads, D width of a head, K places, H width, P outputs, `...` any axes.
"""

import itertools
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_electra.backends.devices import tensorflow as devices
from keras_electra.backends.typed import Exporter, Gradients, Tensor, Trained
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.errors import InputError

fused_adamw = None
fused_muon = None


COMPILES_EVERY_SHAPE = False
"""Whether a program is compiled for each shape of a batch, so that few shapes are wanted."""


def noise_key(seed_generator: keras.random.SeedGenerator) -> Tensor:
    """Key (2,) of one forward pass; the generator counts the passes.

    Under a distribution strategy every replica holds the same generator, so the replica's number
    is folded in; otherwise all replicas would drop the same places.
    """
    key = tf.cast(seed_generator.next(), tf.int32)
    context = tf.distribute.get_replica_context()
    replica = context.replica_id_in_sync_group if context is not None else 0
    return key + tf.stack([tf.cast(replica, tf.int32) * 1_000_003, 0])  # (2,)


def dropout(x: Tensor, rate: float, key: Tensor, site: int) -> Tensor:
    """Zero a fraction `rate` of `x` and scale the rest; `site` numbers the places it is used at."""
    seed = tf.bitwise.bitwise_xor(key, tf.constant([(site * 0x9E3779B1) & 0x7FFFFFFF, 0]))
    return tf.nn.experimental.stateless_dropout(x, rate, seed=seed)


def attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor, rate: float, noise: Tensor, site: int
) -> Tensor:
    """Softmax attention: (B, T, N, D) each, mask (B or 1, 1, T or 1, T) of bool or None."""
    query, key, value = (tf.transpose(x, (0, 2, 1, 3)) for x in (query, key, value))  # (B, N, T, D)
    scores = tf.matmul(query * (query.shape[-1] ** -0.5), key, transpose_b=True)  # (B, N, T, T)
    scores = tf.cast(scores, tf.float32)
    if mask is not None:
        scores = tf.where(mask, scores, -1e9)
    weights = tf.nn.softmax(scores, axis=-1)
    if noise is not None and rate > 0:
        weights = dropout(weights, rate, noise, site)
    context = tf.matmul(tf.cast(weights, value.dtype), value)  # (B, N, T, D)
    return tf.transpose(context, (0, 2, 1, 3))  # (B, T, N, D)


def dense(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """`x @ kernel + bias` over the last axis of `x`."""
    return keras.ops.matmul(x, kernel) + bias  # (..., H) @ (H, P)


def gelu(x: Tensor) -> Tensor:
    """`x` times the normal distribution's mass below it, in float32: in bfloat16, 1 + erf has no digits."""
    return tf.cast(tf.nn.gelu(tf.cast(x, tf.float32)), x.dtype)


def gather_places(x: Tensor, positions: Tensor) -> Tensor:
    """Rows (B, K, H) of `x` (B, T, H) at `positions` (B, K).

    `tf.gather`, because the portable form widens the indices to (B, K, H) and is six times slower.
    """
    return tf.gather(x, positions, batch_dims=1)  # (B, K, H)


def rematerialized(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """`function` of one tensor, whose inner results the gradient computes again instead of keeping."""
    return tf.recompute_grad(function)


def differentiated(
    function: Callable[[Any], Tensor], variables: Sequence[Any]
) -> Callable[[Any], Gradients]:
    """A compiled function of one argument that waits for the gradients of the sum of `function`."""
    watched = [variable.value for variable in variables]

    @tf.function(jit_compile=bool(tf.config.list_physical_devices("GPU")))
    def program(inputs):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(function(inputs))
        return tape.gradient(total, watched)

    return lambda inputs: wait_for(program(inputs))


def wait_for(values: Any) -> Any:
    """The values, once they are computed."""
    if tf.config.list_physical_devices("GPU"):
        tf.test.experimental.sync_devices()
    return values


def global_norm(tensors: Gradients) -> Tensor:
    """The Euclidean norm of all numbers of some tensors, in float32."""
    squares = [tf.reduce_sum(tf.square(tf.cast(x, tf.float32))) for x in tensors]
    return tf.sqrt(tf.add_n(squares))


def check_execution(config: PretrainConfig) -> None:
    """Raise `InputError` for what a distribution strategy cannot do: XLA, and a loop of steps.

    Of such a loop, TensorFlow 2.21 loses inputs of the step.
    """
    count = devices.num_devices()
    if count > 1 and (config.jit_compile or config.steps_per_execution > 1):
        name = "jit_compile" if config.jit_compile else "steps_per_execution"
        raise InputError(f"{name}: expected one device with TensorFlow, received {count}")


def moved_ahead(batches: Any) -> Any:
    """The batches themselves: Keras puts a queue of `tf.data` before them."""
    return batches


def summed_by_bin(values: Tensor, bins: Tensor, num_bins: int) -> Tensor:
    """Sums (num_bins,) of `values` (N,) over the places at which `bins` (N,) has each number."""
    return keras.ops.segment_sum(values, bins, num_segments=num_bins)


def scaled_for_replicas(loss: Tensor) -> Tensor:
    """The loss divided by the number of replicas, whose gradients a strategy adds up."""
    return loss / tf.distribute.get_strategy().num_replicas_in_sync


def summed_over_replicas(gradients: list[Tensor]) -> list[Tensor]:
    """The gradients of all replicas of a strategy together."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return gradients
    return context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)


def allow_any_shape(model: keras.Model) -> None:
    """Run the model without XLA, which would compile a program for every shape of a batch.

    For 4 layers of width 256 that took 10 s of processor time per shape, and its steps were no faster.
    """
    model.supports_jit = False


def with_free_shapes(batches: Any) -> Any:
    """Batches, a `PyDataset`, as a `tf.data.Dataset` whose arrays have a number of axes and no lengths.

    Keras itself takes every length that the first two batches share for a fixed one.
    """
    number = batches.num_batches
    signature = tf.nest.map_structure(
        lambda array: tf.TensorSpec([None] * array.ndim, array.dtype), batches[0]
    )

    def one_epoch():
        batches.on_epoch_begin()
        indices = itertools.count() if number is None else range(number)
        for index in indices:
            batch = batches[index]
            # Before the last one is handed over, so that it is done when the next epoch begins.
            if index + 1 == number:
                batches.on_epoch_end()
            yield batch

    dataset = tf.data.Dataset.from_generator(one_epoch, output_signature=signature)
    if number is not None:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(number))
    return dataset.prefetch(tf.data.AUTOTUNE)


def _export_saved_model(network, path, inputs, sample, longest):
    """Write a SavedModel folder of any number of rows and any length; see `EXPORTS`."""
    signature = [tf.TensorSpec((None, None), dtype, name) for name, dtype in inputs.items()]
    archive = keras.export.ExportArchive()
    archive.track(network)

    def serve(token_ids, segment_ids, padding_mask):
        arrays = {"token_ids": token_ids, "segment_ids": segment_ids, "padding_mask": padding_mask}
        return network(arrays)

    archive.add_endpoint("serve", serve, input_signature=signature)
    archive.write_out(str(path), verbose=False)
    loaded = tf.saved_model.load(str(path))

    def outputs(arrays):
        found = loaded.serve(*(tf.constant(arrays[name]) for name in inputs))
        return {name: value.numpy() for name, value in found.items()}

    return outputs


def _export_litert(network, path, inputs, sample, longest):
    """Write a `.tflite` file of any number of rows and any length; see `EXPORTS`."""
    from ai_edge_litert.interpreter import Interpreter

    with tempfile.TemporaryDirectory() as folder:
        _export_saved_model(network, folder, inputs, sample, longest)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serve"])
        pathlib.Path(path).write_bytes(converter.convert())
    runner = Interpreter(str(path)).get_signature_runner("serve")
    return lambda arrays: runner(**arrays)


EXPORTS: dict[str, Exporter] = {"saved-model": _export_saved_model, "litert": _export_litert}
"""Forms for other runtimes that this backend writes.

Called with the network, a path, its inputs' names and types, a sample batch and the longest length;
gives a function from a batch to outputs, all NumPy arrays, that reads what was written.
"""


class TrainStep(Trained):
    """`train_step` for `keras.Model` under TensorFlow: micro-batches in turn, one update.

    Several steps per execution are Keras' own, a loop in the graph.
    """

    def train_step(self, data):
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        totals = devices.averaged_over_replicas(self.loss_totals(x))
        gradients, loss = None, 0.0
        for part in self._parts(x):
            part_loss, part_gradients = self._loss_and_gradients({**part, "totals": totals})
            loss += part_loss
            if gradients is None:
                gradients = part_gradients
            else:
                gradients = [a + b for a, b in zip(gradients, part_gradients, strict=True)]
        num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
        self._loss_tracker.update_state(loss * num_replicas)
        self.optimizer.apply(gradients, self.trainable_variables)
        return self.compute_metrics(x, None, None, None)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Make the optimizer's slots; Keras would average a batch over replicas, booleans too."""
        if self.optimizer is not None and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)

    def _loss_and_gradients(self, x):
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self._compute_loss(x=x, y=None, y_pred=y_pred, sample_weight=None, training=True)
            scaled_loss = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled_loss, self.trainable_variables)
        # A table that is both looked up and multiplied yields sparse slices, which cannot be added.
        return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]

    def _parts(self, x):
        count = self.accumulation_steps
        if count == 1:
            return [x]
        split = {name: tf.split(value, count) for name, value in x.items()}  # (B / count, ...) each
        return [{name: parts[i] for name, parts in split.items()} for i in range(count)]
