"""Panels for Jupyter: launch, watch, inspect, fine-tune and compare, each a view of plain objects.

Importing this package imports neither Keras nor a widget library: names are looked up at first use.
"""

import importlib

from keras_electra.errors import MissingExtraError

_HOMES = {
    "FineTuneLauncher": "finetune",
    "LiveFigure": "figure",
    "Panel": "panel",
    "PretrainLauncher": "pretrain",
    "ReplacedTokenView": "replaced_token_view",
    "RunMonitor": "monitor",
    "RunTable": "run_table",
    "TaskExplorer": "task_explorer",
}
NEEDED = ("anywidget", "IPython", "ipywidgets", "plotly", "traitlets")

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        raise MissingExtraError("a panel in a notebook", "widgets") from error
    globals()[name] = value
    return value


def __dir__():
    return __all__
