"""The loss scale of `mixed_float16`: a factor that keeps small gradients within float16's range.

float16 holds no number between 0 and 6e-8 and none above 65,504. The loss is multiplied by a factor
before the backward pass, and the gradients are divided by it again in float32.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_electra.backends.typed import Tensor

INITIAL_SCALE = 2.0**15
GROWTH_STEPS = 2000
"""Steps without an overflow after which the factor is doubled. Both numbers are those of Keras."""
SMALLEST_SCALE, LARGEST_SCALE = 2.0**-14, 2.0**30
"""Neither 0 nor infinity, from which no number of doublings or halvings leads back."""


class LossScale:
    """The factor and its count, two scalar variables of an optimizer.

    The factor is a power of two, so that multiplying and dividing by it round nothing. An overflow
    halves it; `GROWTH_STEPS` steps in a row without one double it.

    Args:
        add_scalar: called with a name, a dtype and an initializer; returns a variable.

    Attributes:
        scale: float32, the factor.
        finite_steps: int32, steps since it last changed.
    """

    def __init__(self, add_scalar: Callable[..., Any]) -> None:
        initial = keras.initializers.Constant(INITIAL_SCALE)
        self.scale = add_scalar("loss_scale", "float32", initial)
        self.finite_steps = add_scalar("finite_steps", "int32", "zeros")

    def update(self, is_finite: Tensor) -> None:
        """Take in whether a step's gradients were finite (scalar bool)."""
        scale, count = ops.convert_to_tensor(self.scale), self.finite_steps + 1
        has_grown = count >= GROWTH_STEPS
        grown = ops.where(has_grown, ops.minimum(2.0 * scale, LARGEST_SCALE), scale)
        halved = ops.maximum(0.5 * scale, SMALLEST_SCALE)
        counts_on = ops.logical_and(is_finite, ops.logical_not(has_grown))
        # Without `ops.cond`: on PyTorch it would wait for the device at every step.
        self.finite_steps.assign(ops.where(counts_on, count, 0))
        self.scale.assign(ops.where(is_finite, grown, halved))

    def reset(self) -> None:
        """Set both variables to their first values."""
        self.scale.assign(INITIAL_SCALE)
        self.finite_steps.assign(0)
