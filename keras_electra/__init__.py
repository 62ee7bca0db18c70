"""ELECTRA on Keras 3: pretrain, watch, inspect, fine-tune and hand over.

Importing this package imports neither Keras nor a backend: the names in `__init__.pyi` are looked up at
first use.
"""

import lazy_loader

from keras_electra.errors import MissingExtraError

__version__ = "0.1.0"

_lookup, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return _lookup(name)
    except ModuleNotFoundError as error:
        if error.name not in ("jax", "tensorflow", "torch"):
            raise
        raise MissingExtraError(
            f"the backend {error.name!r}, which Keras is set to (KERAS_BACKEND chooses another),",
            error.name,
        ) from error
