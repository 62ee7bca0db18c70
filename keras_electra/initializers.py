"""Starting values of weights, drawn by NumPy: the same seed gives the same start on every backend."""

import zlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_electra.backends.typed import Tensor


class _Seeded(keras.initializers.Initializer):
    """Base: values are a function of the seed, the variable's name and its shape."""

    def __init__(self, seed: int, name: str) -> None:
        self.seed = seed
        self.name = name

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        rng = np.random.default_rng([self.seed, zlib.crc32(self.name.encode())])
        return keras.ops.convert_to_tensor(self.draw(rng, shape).astype("float32"), dtype)

    def draw(self, rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
        """The values, as a float array of `shape`."""
        raise NotImplementedError


class TruncatedNormal(_Seeded):
    """A normal distribution of deviation `scale`, redrawn beyond two deviations (as TensorFlow's)."""

    def __init__(self, seed: int, name: str, scale: float = 0.02) -> None:
        super().__init__(seed, name)
        self.scale = scale

    def draw(self, rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
        values = rng.standard_normal(shape)
        outside = np.abs(values) > 2
        while outside.any():
            values[outside] = rng.standard_normal(outside.sum())
            outside = np.abs(values) > 2
        return values * self.scale


class Normal(_Seeded):
    """A normal distribution of deviation `scale`, as transformers starts its dense layers."""

    def __init__(self, seed: int, name: str, scale: float = 0.02) -> None:
        super().__init__(seed, name)
        self.scale = scale

    def draw(self, rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
        return rng.standard_normal(shape) * self.scale


class GlorotUniform(_Seeded):
    """Uniform in `±sqrt(6 / (inputs + outputs))` for a kernel (inputs, outputs)."""

    def draw(self, rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
        limit = np.sqrt(6 / (shape[0] + shape[1]))
        return rng.uniform(-limit, limit, shape)
