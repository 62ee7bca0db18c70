"""ELECTRA's AdamW: the original's update, layer-wise rates, clipping, and a guard against NaN.

By option Muon moves the hidden matrices in its place, under the same schedule, decay and guards.
"""

import re
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_electra import backends
from keras_electra.backends.typed import Tensor
from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.errors import InputError
from keras_electra.loss_scale import INITIAL_SCALE, LossScale
from keras_electra.muon import muon_updates
from keras_electra.schedules import rate_fraction

NO_DECAY = re.compile(r"bias|norm|beta|gamma")
"""Variables without weight decay, by name: biases and LayerNorms. Embeddings and kernels decay."""

LAYER = re.compile(r"/layer_(\d+)/")
EMBEDDINGS = re.compile(r"embeddings/|/projection/|/mixing/")
NETWORK_END = re.compile(r"((_left|_right)?_backbone)?[/_]?$")
"""What a network's name is followed by in front of its layers or embeddings."""


@keras.saving.register_keras_serializable("keras_electra")
class ElectraAdamW(keras.optimizers.Optimizer):
    """AdamW as in the original program (Clark et al.; BERT's), and the standard one by option.

    `m <- b1 m + (1 - b1) g`, `v <- b2 v + (1 - b2) g^2`, `u = m / (sqrt(v) + epsilon)`,
    `w <- w - lr (u + weight_decay_rate * w)`; no bias correction by default; biases and LayerNorms do
    not decay. Gradients are clipped to a global norm first. An update whose gradient norm is not
    finite changes nothing but the counts: the step is skipped, and its batch with it.

    With `ema_rate` a moving average of each weight is kept beside it; the weights themselves are never
    replaced by it unless `use_averages` is called.

    With `hidden_optimizer="muon"` the kernels of the encoder layers and of local mixing move by
    `m <- b m + g`, `u = orthogonalized(g + b m)` times `0.2 sqrt(max(rows, columns))` instead (see
    `keras_electra.muon`); the rest of the line is the same, the rate times `muon_rate_factor`. Such a
    kernel has no second moment.

    Args:
        config: `OptimizerConfig` or its dict.
        total_steps: updates over which the schedule runs; `total_steps_variable` changes it later.
        max_warmup_fraction: of the steps that the warm-up takes at most, where a time budget may leave
            fewer than were planned.
        has_loss_scale: whether the loss is scaled dynamically, for models in `mixed_float16`. Compile
            them with `auto_scale_loss=False`, or Keras scales it a second time.

    Attributes:
        gradient_norm: scalar variable, global norm of the last gradients before clipping.
        skipped_steps: scalar variable, updates left out because the norm was not finite.
        loss_scale: `LossScale`, or None.
    """

    def __init__(
        self,
        config: OptimizerConfig | dict | None = None,
        total_steps: int = 1_000_000,
        *,
        max_warmup_fraction: float = 1.0,
        has_loss_scale: bool = False,
        name: str = "electra_adamw",
        **kwargs: Any,
    ) -> None:
        config = OptimizerConfig.of(config or {})
        super().__init__(
            learning_rate=config.learning_rate,
            use_ema=config.ema_rate is not None,
            ema_momentum=config.ema_rate or 0.99,
            name=name,
            **kwargs,
        )
        self.config = config
        self.total_steps = total_steps
        self.max_warmup_fraction = max_warmup_fraction
        self.has_loss_scale = has_loss_scale
        self.loss_scale: LossScale | None = None
        self._was_loss_scaled = False

    def build(self, variables: list) -> None:
        """Make the slots. Decay and rate of each variable are fixed here, by its path."""
        if self.built:
            return
        super().build(variables)
        has_muon = self.config.hidden_optimizer == "muon"
        # Matrices side by side in each variable that Muon moves, 0 where AdamW does.
        self.block_counts = [getattr(v, "hidden_blocks", 0) * has_muon for v in variables]
        self.first_moments, self.second_moments = [], []
        for variable, count in zip(variables, self.block_counts, strict=True):
            self.first_moments.append(self.add_variable_from_reference(variable, "first_moment"))
            self.second_moments.append(
                None if count else self.add_variable_from_reference(variable, "second_moment")
            )
        self.gradient_norm = self._scalar("gradient_norm", "float32")
        self.skipped_steps = self._scalar("skipped_steps", "int32")
        # By its initializer: on TensorFlow an assignment made while tracing would not happen.
        total_steps = keras.initializers.Constant(self.total_steps)
        self.total_steps_variable = self._scalar("total_steps", "int32", total_steps)
        if self.has_loss_scale:
            self.loss_scale = LossScale(self._scalar)
        self.decay_rates = [
            0.0 if NO_DECAY.search(variable.name) else self.config.weight_decay_rate
            for variable in variables
        ]
        depths = [_depth(variable.path) for variable in variables]
        networks = [_network(variable.path) for variable in variables]
        self.rate_factors = layer_factors(depths, self.config, networks)

    def _scalar(self, name: str, dtype: str, initializer: Any = "zeros") -> Any:
        return self.add_variable(shape=(), initializer=initializer, dtype=dtype, name=name)

    def _get_current_learning_rate(self):
        peak = super()._get_current_learning_rate()
        if not self.built:
            return peak
        return peak * self.rate_fraction_at(self._iterations + 1)

    def rate_fraction_at(self, step: Tensor) -> Tensor:
        """Learning rate / peak learning rate at an update, a number or scalar tensor from 1."""
        total = self.total_steps_variable
        return rate_fraction(self.config, step, total, self.max_warmup_fraction)

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss that gradients are to be taken of."""
        if not self.has_loss_scale:
            return super().scale_loss(loss)
        self._was_loss_scaled = True
        return loss * (INITIAL_SCALE if self.loss_scale is None else self.loss_scale.scale)

    def _clip_gradients(self, grads: list[Tensor]) -> list[Tensor]:
        """Clip to the global norm, which is kept for the log; on PyTorch the kernel does the dividing."""
        grads = backends.summed_over_replicas(grads)
        norm = backends.global_norm(grads)
        self._is_finite = ops.isfinite(norm)
        scale = 1.0
        if self.loss_scale is not None:
            self._refuse_second_scaling()
            scale = ops.convert_to_tensor(self.loss_scale.scale)
            norm = norm / scale
        self.gradient_norm.assign(norm)
        self.skipped_steps.assign_add(1 - ops.cast(self._is_finite, "int32"))
        self._divisor = ops.ones_like(norm)
        if self.config.clip_norm is not None:
            self._divisor = ops.maximum(norm / self.config.clip_norm, 1.0)
        if self.loss_scale is not None:
            self._divisor = self._divisor * scale
            self.loss_scale.update(self._is_finite)
        if backends.fused_adamw is not None:
            return grads
        return [grad / self._divisor for grad in grads]

    def _refuse_second_scaling(self) -> None:
        if not self._was_loss_scaled:
            raise InputError(
                "optimizer: expected the loss to be scaled by its `scale_loss`, but Keras has wrapped "
                "it in a LossScaleOptimizer; compile the model with auto_scale_loss=False"
            )

    def _all_reduce_sum_gradients(self, grads_and_vars):
        """Keras would add replicas up here, after each had clipped its own: done before instead."""
        return grads_and_vars

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        if backends.fused_adamw is None:
            grads = self._with_directions(grads, trainable_variables)
            super()._backend_update_step(grads, trainable_variables, learning_rate)
            return
        learning_rate = ops.cast(learning_rate, "float32")
        groups = {}
        for grad, variable in zip(grads, trainable_variables, strict=True):
            index = self._get_variable_index(variable)
            is_adams = not self.block_counts[index]
            key = (self.decay_rates[index], self.rate_factors[index] if is_adams else None)
            groups.setdefault(key, []).append((variable.value, grad, index))
        for (decay_rate, factor), rows in groups.items():
            weights, gradients, indices = map(list, zip(*rows, strict=True))
            options = {
                "weight_decay_rate": decay_rate,
                "divisor": self._divisor,
                "skipped": 1.0 - ops.cast(self._is_finite, "float32"),
            }
            if factor is None:
                self._fused_muon(weights, gradients, indices, learning_rate, options)
            else:
                options["learning_rate"] = learning_rate * factor
                self._fused_adamw(weights, gradients, indices, options)

    def _fused_adamw(self, weights, gradients, indices, options):
        backends.fused_adamw(
            weights,
            gradients,
            [self.first_moments[index].value for index in indices],
            [self.second_moments[index].value for index in indices],
            step=self._num_updates() if self.config.bias_correction else None,
            beta_1=self.config.beta_1,
            beta_2=self.config.beta_2,
            epsilon=self.config.epsilon,
            **options,
        )

    def _fused_muon(self, weights, gradients, indices, learning_rate, options):
        counts = [self.block_counts[index] for index in indices]
        backends.fused_muon(
            weights,
            gradients,
            [self.first_moments[index].value for index in indices],
            lambda directions: muon_updates(directions, counts),
            learning_rate=learning_rate,
            factors=[self.rate_factors[index] * self.config.muon_rate_factor for index in indices],
            momentum=self.config.muon_momentum,
            **options,
        )

    def _with_directions(self, grads: list[Tensor], variables: list) -> list[Tensor]:
        """The gradients, those of the variables that Muon moves as (new momentum, update) in one tensor.

        Here, because all such variables are orthogonalized together, and stacked, because Keras hands
        one tensor per variable on to `update_step`.
        """
        grads, momenta, directions, counts, places = list(grads), [], [], [], []
        for place, variable in enumerate(variables):
            index = self._get_variable_index(variable)
            if not self.block_counts[index]:
                continue
            gradient, decay = ops.cast(grads[place], variable.dtype), self.config.muon_momentum
            momenta.append(decay * ops.convert_to_tensor(self.first_moments[index]) + gradient)
            directions.append(gradient + decay * momenta[-1])
            counts.append(self.block_counts[index])
            places.append(place)
        updates = muon_updates(directions, counts)
        for place, momentum, update in zip(places, momenta, updates, strict=True):
            grads[place] = ops.stack([momentum, update])  # (2, rows, columns)
        return grads

    def _num_updates(self) -> Tensor:
        """How many gradients the moments hold with this one (scalar int); skipped ones do not count."""
        return ops.maximum(self._iterations + 1 - self.skipped_steps, 1)

    def _update_model_variables_moving_average(self, trainable_variables):
        """As Keras does it, but a skipped step changes no average, once they hold the first weights."""
        momentum = ops.where(self._is_finite, self.ema_momentum, 1.0)
        momentum = momentum * ops.cast(self.iterations != 0, momentum.dtype)
        averages = self._model_variables_moving_average
        for variable, average in zip(trainable_variables, averages, strict=True):
            average.assign(momentum * average + (1 - momentum) * variable)

    def reset(self) -> None:
        """Make all variables what `build` made them; learning rate and total steps stay."""
        for variable in self.variables:
            if variable is not self._learning_rate and variable is not self.total_steps_variable:
                variable.assign(ops.zeros(variable.shape, variable.dtype))
        if self.loss_scale is not None:
            self.loss_scale.reset()

    def finalize_variable_values(self, var_list):
        """Do nothing, where Keras puts the averages in the place of the weights.

        It calls this whenever a `fit` ends, and a run is many calls of `fit`.
        """

    def use_averages(self, variables: list) -> None:
        """Put the moving averages into the weights, once training is over; needs `ema_rate`."""
        super().finalize_variable_values(variables)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """One variable's update, in portable operations (JAX and TensorFlow compile them)."""
        index, config = self._get_variable_index(variable), self.config
        value, factor = ops.convert_to_tensor(variable), self.rate_factors[index]
        if self.block_counts[index]:
            new_m, update = gradient[0], gradient[1]
            changes = [(self.first_moments[index], new_m)]
            factor *= config.muon_rate_factor
        else:
            update, changes = self._adam_update(index, ops.cast(gradient, variable.dtype))
        rate = ops.cast(learning_rate, variable.dtype) * factor
        new_value = value - rate * (update + self.decay_rates[index] * value)
        for target, new in (*changes, (variable, new_value)):
            kept = ops.convert_to_tensor(target)
            self.assign(target, ops.where(self._is_finite, new, kept))

    def _adam_update(self, index: int, gradient: Tensor) -> tuple[Tensor, list[tuple]]:
        """(the update before rate and decay, the new moments with their variables)."""
        config = self.config
        m, v = self.first_moments[index], self.second_moments[index]
        new_m = config.beta_1 * ops.convert_to_tensor(m) + (1 - config.beta_1) * gradient
        new_v = config.beta_2 * ops.convert_to_tensor(v) + (1 - config.beta_2) * ops.square(
            gradient
        )
        update = new_m / (ops.sqrt(new_v) + config.epsilon)
        if config.bias_correction:
            step = ops.cast(self._num_updates(), "float32")
            scale_m, scale_v = 1 - config.beta_1**step, 1 - config.beta_2**step
            update = new_m / scale_m / (ops.sqrt(new_v / scale_v) + config.epsilon)
        return update, [(m, new_m), (v, new_v)]

    def get_config(self) -> dict[str, Any]:
        return {
            "config": self.config.to_dict(),
            "total_steps": self.total_steps,
            "max_warmup_fraction": self.max_warmup_fraction,
            "has_loss_scale": self.has_loss_scale,
            "name": self.name,
            "loss_scale_factor": self.loss_scale_factor,
        }


def layer_factors(
    depths: Sequence[int | None],
    config: OptimizerConfig,
    networks: Sequence[str | None] | None = None,
) -> list[float]:
    """Factor of the rate of each variable from its depth in its network.

    Each network counts from its own top, so that the generator's top layer gets what the
    discriminator's gets, whichever is deeper. The original decays rates by layer in fine-tuning alone,
    where there is one network.

    Args:
        depths: per variable 0 for the embeddings, i + 1 for encoder layer i, None for heads.
        config: `layer_decay` d and `layer_decay_form`. `"correct"`: heads 1, top layer d, the one
            below d^2. `"original"`: top layer d^2, since a removed pooler is still counted.
        networks: per variable the name of its network; None where there is one. Embeddings that
            several share are of the one they are named after; of one without layers of its own they
            lie below the deepest.
    """
    decay = config.layer_decay
    if decay is None:
        return [1.0] * len(depths)
    networks = networks or [None] * len(depths)
    tops = {}
    for network, depth in zip(networks, depths, strict=True):
        tops[network] = max(tops.get(network, 0), depth or 0)
    deepest = max(tops.values(), default=0)
    extra = 2 if config.layer_decay_form == "original" else 1
    return [
        1.0 if depth is None else decay ** ((tops[network] or deepest) + extra - depth)
        for network, depth in zip(networks, depths, strict=True)
    ]


def _depth(path: str) -> int | None:
    layer = LAYER.search(path)
    if layer:
        return int(layer.group(1)) + 1
    return 0 if EMBEDDINGS.search(path) else None


def _network(path: str) -> str | None:
    """ "generator" of "generator_left_backbone/layer_0/..." and "generator_embeddings/..."; None for heads.

    The two towers of one generator are equally deep.
    """
    part = LAYER.search(path) or EMBEDDINGS.search(path)
    return part and NETWORK_END.sub("", path[: part.start()], count=1)
