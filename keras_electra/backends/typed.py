"""Types of what each backend has in a form of its own."""

from collections.abc import Callable, Sequence
from typing import Any

Tensor = Any
"""A tensor of whichever backend runs; its shape stands in a comment."""
Gradients = Sequence[Tensor]
Exporter = Callable[..., Callable[[dict], dict]]
"""A form of `EXPORTS`."""

Trained: Any = object
"""Base of what is mixed into a `keras.Model` and uses its attributes."""
