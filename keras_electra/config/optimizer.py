"""Options of the optimizer and of its learning-rate schedule."""

import dataclasses
from typing import Literal

from keras_electra.config.options import Options, option

WEIGHTS = ("last", "average")
"""Which weights of a run to open: the latest, or the moving average that `ema_rate` keeps."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizerConfig(Options):
    """How gradients become updates."""

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
        self.require(self.learning_rate > 0, "learning_rate", "more than 0")
        self.require(self.warmup_steps >= 0, "warmup_steps", "0 or more")
        self.require(self.decay_power > 0, "decay_power", "more than 0")
        self.require(0 < self.decay_fraction <= 1, "decay_fraction", "a fraction in (0, 1]")
        self.require(0 <= self.final_rate_fraction <= 1, "final_rate_fraction", "in [0, 1]")
        self.require(self.weight_decay_rate >= 0, "weight_decay_rate", "0 or more")
        self.require(self.muon_rate_factor > 0, "muon_rate_factor", "more than 0")
        for name in ("beta_1", "beta_2", "muon_momentum"):
            self.require(0 <= getattr(self, name) < 1, name, "a fraction in [0, 1)")
        self.require(self.epsilon > 0, "epsilon", "more than 0")
        self.require(
            self.clip_norm is None or self.clip_norm > 0, "clip_norm", "more than 0, or none"
        )
        for name in ("layer_decay", "ema_rate"):
            value = getattr(self, name)
            self.require(value is None or 0 < value <= 1, name, "a fraction in (0, 1], or none")
        self.require(self.accumulation_steps >= 1, "accumulation_steps", "at least 1")
