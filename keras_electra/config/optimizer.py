"""Options of the optimizer and of its learning-rate schedule."""

import dataclasses
from typing import Literal

from keras_electra.config.options import Options, option

WEIGHTS = ("last", "average")
"""Which weights of a run to open: the latest, or the moving average that `ema_rate` keeps."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizerConfig(Options):
    """How gradients become updates.

    Example:

    >>> ke.OptimizerConfig(learning_rate=2e-4, schedule="cosine").warmup_steps
    10000
    >>> ke.OptimizerConfig(schedule="linaer")
    Traceback (most recent call last):
    ...
    keras_electra.errors.InputError: schedule: expected one of 'linear', 'polynomial', ...
    """

    learning_rate: float = option(5e-4, "peak learning rate")
    schedule: Literal["linear", "polynomial", "cosine", "warmup_stable_decay", "constant"] = option(
        "linear", "shape of the learning rate after the warm-up"
    )
    warmup_steps: int = option(10_000, "steps over which the rate rises from 0")
    warmup_form: Literal["peak", "original"] = option(
        "peak", "decay starts after the warm-up, or both factors are multiplied as in the original"
    )
    decay_power: float = option(1.0, "exponent of the polynomial schedule")
    decay_fraction: float = option(
        0.2, "last part of the steps that warmup_stable_decay decays over"
    )
    final_rate_fraction: float = option(0.0, "learning rate at the last step / peak learning rate")
    weight_decay_rate: float = option(0.01, "decoupled weight decay, scaled by the learning rate")
    hidden_optimizer: Literal["adamw", "muon"] = option(
        "adamw",
        "what moves the matrices inside of the layers: adamw as for all else, or muon, which gives every "
        "direction of an update the same length",
    )
    muon_momentum: float = option(0.95, "decay of muon's momentum, which is Nesterov's")
    muon_rate_factor: float = option(
        1.0, "learning rate of the matrices that muon moves / that of all else"
    )
    bias_correction: bool = option(False, "Adam's bias correction; the original has none")
    beta_1: float = option(0.9, "decay of the first moment")
    beta_2: float = option(0.999, "decay of the second moment")
    epsilon: float = option(1e-6, "added to the root of the second moment")
    clip_norm: float | None = option(
        1.0, "largest global norm of the gradient; none for no clipping"
    )
    layer_decay: float | None = option(None, "factor of the rate per layer from the top down")
    layer_decay_form: Literal["correct", "original"] = option(
        "correct", "the top layer gets the factor once, or twice as in the original program"
    )
    accumulation_steps: int = option(1, "micro-batches that a batch is processed in")
    ema_rate: float | None = option(
        None,
        "decay of a moving average of the weights, kept beside them in checkpoints; none for no average",
    )

    def check(self) -> None:
        self.require_range("more than 0", "learning_rate decay_power muon_rate_factor epsilon")
        self.require_range("0 or more", "warmup_steps weight_decay_rate")
        self.require_range("a fraction in (0, 1]", "decay_fraction")
        self.require(0 <= self.final_rate_fraction <= 1, "final_rate_fraction", "in [0, 1]")
        self.require_range("a fraction in [0, 1)", "beta_1 beta_2 muon_momentum")
        self.require_range("more than 0, or none", "clip_norm")
        self.require_range("a fraction in (0, 1], or none", "layer_decay ema_rate")
        self.require_range("at least 1", "accumulation_steps")
