"""Learning rates over the course of a run, as multiples of the peak rate."""

import math

from keras import ops

from keras_electra.backends.typed import Tensor
from keras_electra.config.optimizer import OptimizerConfig


def rate_fraction(
    config: OptimizerConfig, step: Tensor, total_steps: Tensor, max_warmup_fraction: float = 1.0
) -> Tensor:
    """Learning rate / peak learning rate at an update.

    Args:
        config: the schedule's options.
        step: number of the update, from 1; a number or scalar tensor.
        total_steps: updates of the whole run; a number or scalar tensor.
        max_warmup_fraction: of them that the warm-up takes at most; 1 leaves it as it is.

    With `warmup_form="peak"` the rate rises linearly to the peak over `warmup_steps`, and the decay
    runs over the rest. `"original"` multiplies both factors, so that the peak is never reached:
    `(1 - t/T) ** power * min(1, t/W)`.
    """
    step, total = ops.cast(step, "float32"), ops.cast(total_steps, "float32")
    warmup = float(config.warmup_steps)
    if warmup and max_warmup_fraction < 1.0:
        warmup = ops.clip(max_warmup_fraction * total, 1.0, warmup)
    rise = ops.minimum(step / warmup, 1.0) if config.warmup_steps else 1.0
    if config.warmup_form == "original":
        progress = step / total
    else:
        progress = (step - warmup) / ops.maximum(total - warmup, 1.0)
    return rise * _decayed(config, ops.clip(progress, 0.0, 1.0))


def _decayed(config: OptimizerConfig, progress: Tensor) -> Tensor:
    """The decay factor at `progress` in [0, 1]."""
    if config.schedule == "constant":
        return 1.0
    if config.schedule == "cosine":
        remaining = 0.5 * (1.0 + ops.cos(math.pi * progress))
    elif config.schedule == "warmup_stable_decay":
        remaining = ops.clip((1.0 - progress) / config.decay_fraction, 0.0, 1.0)
    elif config.schedule == "polynomial":
        remaining = (1.0 - progress) ** config.decay_power
    else:
        remaining = 1.0 - progress
    return config.final_rate_fraction + (1.0 - config.final_rate_fraction) * remaining
