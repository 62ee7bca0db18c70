"""Panels for Jupyter: launch, watch, inspect, fine-tune and compare, each a view of plain objects.

Importing this package imports neither Keras nor a widget library: the names in `__init__.pyi` are looked
up at first use.
"""

import lazy_loader

from keras_electra.errors import MissingExtraError

NEEDED = ("anywidget", "IPython", "ipywidgets", "plotly", "traitlets")

_lookup, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return _lookup(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        raise MissingExtraError("a panel in a notebook", "widgets") from error
