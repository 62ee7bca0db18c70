"""JAX: dropout, attention, gather and the training step.

Shapes: B examples, T tokens, N heads, D width of a head, K places, H width, P outputs, `...` any axes.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import keras
from jax import numpy as jnp

from keras_electra.backends.devices import jax as devices
from keras_electra.backends.typed import Exporter, Gradients, Tensor, Trained
from keras_electra.config.pretrain import PretrainConfig

fused_adamw = None
fused_muon = None


COMPILES_EVERY_SHAPE = True
"""Whether a program is compiled for each shape of a batch, so that few shapes are wanted."""


def noise_key(seed_generator: keras.random.SeedGenerator) -> Tensor:
    """Key (2,) uint32 of one forward pass; the generator counts the passes."""
    return seed_generator.next()


def dropout(x: Tensor, rate: float, key: Tensor, site: int) -> Tensor:
    """Zero a fraction `rate` of `x` and scale the rest; `site` numbers the places it is used at.

    The noise is a hash of (key, site, index) computed inside the compiled step, so nothing is
    drawn on the host and the compiler fuses it with its neighbours.
    """
    keep = _hashed_index(x.shape, _mixed(key, site)) >= jnp.uint32(round(rate * 2**32))
    return jnp.where(keep, x * (1 / (1 - rate)), jnp.zeros((), x.dtype)).astype(x.dtype)


def _hashed_index(shape: Sequence[int], key: Tensor) -> Tensor:
    """A hash (uint32) of each element's row-major index; the same bits for a given key and shape."""
    index = jnp.zeros(shape, jnp.uint32)
    stride = 1
    for axis in reversed(range(len(shape))):
        index = index + jax.lax.broadcasted_iota(jnp.uint32, shape, axis) * jnp.uint32(stride)
        stride *= shape[axis]
    return _avalanche(index * jnp.uint32(0x9E3779B1) ^ key)


def _mixed(key: Tensor, site: int) -> Tensor:
    seed, counter = key[0].astype(jnp.uint32), key[1].astype(jnp.uint32)
    return _avalanche(_avalanche(seed + jnp.uint32(site) * jnp.uint32(0x85EBCA77)) ^ counter)


def _avalanche(bits: Tensor) -> Tensor:
    """The finalizer of MurmurHash3 (Appleby, public domain): every input bit moves every output bit."""
    bits = (bits ^ (bits >> 16)) * jnp.uint32(0x85EBCA6B)
    bits = (bits ^ (bits >> 13)) * jnp.uint32(0xC2B2AE35)
    return bits ^ (bits >> 16)


def attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor, rate: float, noise: Tensor, site: int
) -> Tensor:
    """Softmax attention: (B, T, N, D) each, mask (B or 1, 1, T or 1, T) of bool or None.

    Heads are moved beside the batch by hand: products with the batch axes in front took a little over
    half the processor time of the einsum over (B, T, N, D), gradient included.
    """
    query, key, value = (jnp.swapaxes(x, 1, 2) for x in (query, key, value))  # (B, N, T, D)
    query = query * (query.shape[-1] ** -0.5)
    scores = jnp.matmul(query, jnp.swapaxes(key, 2, 3)).astype(jnp.float32)  # (B, N, T, T)
    if mask is not None:
        scores = jnp.where(mask, scores, -1e9)
    weights = jax.nn.softmax(scores, axis=-1)
    if rate > 0:
        weights = dropout(weights, rate, noise, site)
    context = jnp.matmul(weights.astype(value.dtype), value)  # (B, N, T, D)
    return jnp.swapaxes(context, 1, 2)  # (B, T, N, D)


def dense(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """`x @ kernel + bias` over the last axis of `x`."""
    kernel, bias = keras.ops.convert_to_tensor(kernel), keras.ops.convert_to_tensor(bias)
    return _affine(x, kernel, bias)


@jax.custom_vjp
def _affine(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """`x @ kernel + bias` with gradients that XLA multiplies and sums fast on a CPU.

    From what JAX derives, XLA makes a product with a transposed copy of the larger array, at half the
    speed of the forms below, and adds up rows at a fraction of the speed of a product with ones.
    """
    return jnp.matmul(x, kernel) + bias  # (..., H) @ (H, P)


def _affine_forward(x, kernel, bias):
    return _affine(x, kernel, bias), (x, kernel, bias)


def _affine_backward(kept, gradient):
    x, kernel, bias = kept
    rows = x.reshape(-1, x.shape[-1])  # (B * T, H)
    gradients = gradient.reshape(-1, gradient.shape[-1])  # (B * T, P)
    # The barriers keep XLA from turning one form into the other.
    if rows.shape[1] > gradients.shape[1]:
        of_kernel = jax.lax.optimization_barrier(gradients.T @ rows).T  # (P, H) -> (H, P)
    else:
        of_kernel = jax.lax.optimization_barrier(rows.T @ gradients)  # (H, P)
    of_bias = jnp.ones(len(rows), gradients.dtype) @ gradients  # (P,)
    of_x = (gradients @ kernel.T).reshape(x.shape)  # (..., H)
    return of_x, of_kernel, of_bias.astype(bias.dtype)


_affine.defvjp(_affine_forward, _affine_backward)


def gelu(x: Tensor) -> Tensor:
    """`x` times the normal distribution's mass below it, by erf in float32.

    `jax.nn.gelu` takes the complement, erfc, whose two cases cost 2.6 times as much on a CPU. It keeps
    digits of results below 1e-6, which no sum with others has.
    """
    wide = x.astype(jnp.float32)
    return (wide * (0.5 * (1.0 + jax.lax.erf(wide * 0.5**0.5)))).astype(x.dtype)


def gather_places(x: Tensor, positions: Tensor) -> Tensor:
    """Rows (B, K, H) of `x` (B, T, H) at `positions` (B, K).

    The batched form, so that a batch sharded over devices is gathered without communication.
    """
    return jnp.take_along_axis(x, positions[..., None], axis=1)  # (B, K, H)


EXPORTS: dict[str, Exporter] = {}
"""Forms for other runtimes that this backend writes: none, for JAX has no file format of its own."""


def rematerialized(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """`function` of one tensor, whose inner results the gradient computes again instead of keeping."""
    return jax.checkpoint(function)


def differentiated(
    function: Callable[[Any], Tensor], variables: Sequence[Any]
) -> Callable[[Any], Gradients]:
    """A compiled function of one argument that waits for the gradients of the sum of `function`."""

    def total(values, inputs):
        pairs = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=pairs, initialize_variables=False):
            return jnp.sum(function(inputs))

    program = jax.jit(jax.grad(total))
    return lambda inputs: wait_for(program([variable.value for variable in variables], inputs))


def wait_for(values: Any) -> Any:
    """The values, once they are computed."""
    return jax.block_until_ready(values)


def global_norm(tensors: Gradients) -> Tensor:
    """The Euclidean norm of all numbers of some tensors, in float32."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(x.astype(jnp.float32))) for x in tensors))


def check_execution(config: PretrainConfig) -> None:
    """Nothing: JAX compiles every step, with a compiler of its own, and loops on any devices."""


def moved_ahead(batches: Any) -> Any:
    """The batches themselves: a step is handed over before it is computed, and its batch with it."""
    return batches


def summed_by_bin(values: Tensor, bins: Tensor, num_bins: int) -> Tensor:
    """Sums (num_bins,) of `values` (N,) over the places at which `bins` (N,) has each number."""
    return keras.ops.segment_sum(values, bins, num_segments=num_bins)


def scaled_for_replicas(loss: Tensor) -> Tensor:
    """The loss itself: gradients are computed for the whole batch at once."""
    return loss


def summed_over_replicas(gradients: list[Tensor]) -> list[Tensor]:
    """The gradients themselves: they are of the whole batch already."""
    return gradients


def allow_any_shape(model: keras.Model) -> None:
    """Nothing: a program is compiled for every shape, for without compiling JAX is far too slow."""


def with_free_shapes(batches: Any) -> Any:
    """The batches themselves: `fit` takes them as they come."""
    return batches


class TrainStep(Trained):
    """`train_step` for `keras.Model` under JAX: micro-batches scanned, one update.

    Several steps per execution are one compiled loop on the device; Keras' own is one on the host.
    """

    def make_train_function(self, force=False):
        if self.steps_per_execution == 1 or self.run_eagerly:
            super().make_train_function(force)
            return
        if self.train_function is not None and not force:
            return
        shardings = None
        if keras.distribution.distribution() is not None:
            shardings = (None, self._get_state_sharding_spec())
        program = jax.jit(self.train_steps, donate_argnums=0, out_shardings=shardings)

        def execution(state, iterator):
            batches = list(itertools.islice(iterator, self.steps_per_execution))
            if not batches:
                raise StopIteration
            return program(state, batches)

        self.train_function = execution

    def train_steps(self, state, batches):
        """One step for each of a list of batches, of one shape; what `train_step` returns."""
        stacked = jax.tree.map(lambda *arrays: jnp.stack(arrays), *batches)  # (steps, B, ...) each
        # The figures of all steps but the last are left out here, and so not computed.
        state, _ = jax.lax.scan(lambda s, data: (self.train_step(s, data)[1], None), state, stacked)
        figures = list(zip(self.metrics_variables, state[3], strict=True))
        with keras.StatelessScope(state_mapping=figures, initialize_variables=False):
            return self.get_metrics_result(), state

    def train_step(self, state, data):
        trainable, non_trainable, optimizer_variables, metrics = state
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        totals = self.loss_totals(x)

        def add_part(carry, part):
            gradients, loss, non_trainable, metrics = carry
            compute = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
            # The first loss is scaled in mixed_float16, the second never.
            (_, (part_loss, _, non_trainable, metrics)), part_gradients = compute(
                trainable,
                non_trainable,
                metrics,
                {**part, "totals": totals},
                None,
                None,
                training=True,
                optimizer_variables=optimizer_variables,
            )
            gradients = [a + b for a, b in zip(gradients, part_gradients, strict=True)]
            return (gradients, loss + part_loss, non_trainable, metrics), None

        carry = ([jnp.zeros_like(v) for v in trainable], jnp.zeros(()), non_trainable, metrics)
        if self.accumulation_steps == 1:
            carry, _ = add_part(carry, x)
        else:
            parts = {
                name: devices.in_parts(value, self.accumulation_steps) for name, value in x.items()
            }
            carry, _ = jax.lax.scan(add_part, carry, parts)
        gradients, loss, non_trainable, metrics = carry
        trainable, optimizer_variables = self.optimizer.stateless_apply(
            optimizer_variables, gradients, trainable
        )
        logs, metrics = self._update_metrics_variables(metrics, loss, x, None, None, None)
        return logs, (trainable, non_trainable, optimizer_variables, metrics)
