"""Types of what each backend has in a form of its own."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

Tensor = Any
"""A tensor of whichever backend runs; its shape stands in a comment."""
Gradients = Sequence[Tensor]
Exporter = Callable[..., Callable[[dict], dict]]
"""A form of `EXPORTS`."""

if TYPE_CHECKING:
    # What a `TrainStep` is mixed into.
    from keras import Model as Trained
else:
    Trained = object
