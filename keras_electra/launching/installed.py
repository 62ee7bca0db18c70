"""Which backends there are, found out without importing one."""

import importlib.util
import os

from keras_electra.errors import InputError

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


def check_backend(backend: str | None, source: str = "backend") -> None:
    """Raise `InputError` unless the backend can be had; None leaves the choice to the program.

    Args:
        source: what names it.
    """
    if backend is None:
        return
    if backend not in BACKENDS:
        raise InputError(f"{source}: expected one of {', '.join(BACKENDS)}, received {backend!r}")
    if not is_installed(backend):
        raise InputError(
            f"{source}: expected an installed backend, received {backend!r}, which is not; "
            f"pip install 'keras-electra[{backend}]'"
        )


def usual_backend() -> str | None:
    """KERAS_BACKEND where that backend is installed, else the first installed; None without any."""
    there = installed_backends()
    chosen = os.environ.get("KERAS_BACKEND")
    return chosen if chosen in there else next(iter(there), None)
