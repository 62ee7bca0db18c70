"""Which backends there are, found out without importing one."""

import importlib.util
import os

BACKENDS = ("jax", "torch", "tensorflow")
"""In the order in which they are taken when nobody chose."""
NAMES = {"jax": "JAX", "torch": "PyTorch", "tensorflow": "TensorFlow"}
"""What they are called."""


def is_installed(backend: str) -> bool:
    """Whether a backend can be imported; a mere folder of that name in the way does not count."""
    spec = importlib.util.find_spec(backend)
    return spec is not None and spec.origin is not None


def installed_backends() -> tuple[str, ...]:
    """The backends that can be imported, in the order of `BACKENDS`."""
    return tuple(backend for backend in BACKENDS if is_installed(backend))


def usual_backend() -> str | None:
    """KERAS_BACKEND where that backend is installed, else the first installed; None without any."""
    there = installed_backends()
    chosen = os.environ.get("KERAS_BACKEND")
    return chosen if chosen in there else next(iter(there), None)
