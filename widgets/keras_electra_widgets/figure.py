"""Charts that stay live: a FigureWidget that survives a page reload, in colours all can tell apart."""

import ipywidgets
import numpy as np
import plotly
import plotly.graph_objects as go
import traitlets

from keras_electra_widgets import ticker
from keras_electra_widgets.styles import module_path

MAX_POINTS = 1000
"""Points of one line that are sent to the browser."""
RAW_POINTS = 200
"""The newest of them, which are never thinned out."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""Okabe and Ito's, which every kind of colour vision tells apart."""
DASHES = ("solid", "dot", "dash", "longdash", "dashdot", "longdashdot")


def series_style(index: int) -> dict:
    """Colour and dash of line number `index`: two signs, so that colour is never the only one."""
    turn, place = divmod(index, len(COLOURS))
    return {"color": COLOURS[place], "dash": DASHES[(place + turn) % len(DASHES)]}


class LiveFigure(go.FigureWidget):
    """A `FigureWidget` whose synced state is what it shows now.

    Stock ones sync what they were made with, so that a reloaded page or a second view shows that; each
    brings plotly's script of 5 MB, and is deaf for good if that takes a browser more than two seconds to
    load. The script of this one is small, and fetches plotly's once for a page.

    Put it into `figure_box`, make all traces at the start, and change them within `batch_update`.

    Args:
        *args, **kwargs: as for `FigureWidget`: a figure, or traces and a layout.
        dark: whether the page is.
    """

    _esm = module_path("figure")

    script_version = traitlets.Unicode(plotly.__version__).tag(sync=True)
    """By which pages tell plotly's scripts apart."""

    def __init__(self, *args, dark: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        self._config = {**self._config, "responsive": True, "displaylogo": False}
        self.set_dark(dark)

    def get_state(self, key=None, drop_defaults=False):
        """The state for the browser, brought up to date first."""
        is_whole = key is None or "_widget_data" in key
        if is_whole and {"_data", "_layout_obj"} <= self.__dict__.keys():
            self._trait_values["_widget_data"] = self._data
            self._trait_values["_widget_layout"] = self._layout_obj._props
        return super().get_state(key=key, drop_defaults=drop_defaults)

    def _handle_custom_msg(self, content, buffers):
        # Not by `on_msg`: the browser asks as soon as it hears of the figure, which is before the end of
        # `__init__` where that is not in the thread that hears the browser.
        ticker.shared.post(lambda: self._answer(content), self._tell_error)
        super()._handle_custom_msg(content, buffers)

    def _answer(self, content):
        """Send what `static/figure.js` asks for: plotly's script, or all that is shown now."""
        if content.get("kind") == "script":
            self.send({"kind": "script"}, buffers=[str(go.FigureWidget._esm).encode()])
        elif content.get("kind") == "state":
            self.send_state(["_widget_data", "_widget_layout"])
            self.send({"kind": "state"})

    @property
    def is_behind(self) -> bool:
        """Whether the browser has not yet drawn the last change."""
        return bool(self._trace_edit_in_process or self._layout_edit_in_process)

    def set_dark(self, dark: bool) -> None:
        """Draw for a dark page, or a light one; the paper is the page's own."""
        self.update_layout(ground(dark))

    def _tell_error(self, error):
        self.log.warning("a chart could not be sent: %s", error)

    def __repr__(self):
        return f"{type(self).__name__}({len(self.data)} lines)"


def ground(dark: bool) -> dict:
    """The part of a layout that a dark page, or a light one, asks for."""
    # A ground that is not transparent would need to know the shade of every host's page.
    clear = "rgba(0,0,0,0)"
    template = "plotly_dark" if dark else "plotly_white"
    return {"template": template, "paper_bgcolor": clear, "plot_bgcolor": clear}


def figure_box(figure: LiveFigure) -> ipywidgets.Box:
    """The box that a figure must be in to follow the width of its panel."""
    box = ipywidgets.Box([figure])
    box.add_class("ke-figure")
    return box


def decimated(x, y, max_points: int = MAX_POINTS, raw_points: int = RAW_POINTS):
    """At most `max_points` points of a line that keep its peaks, its valleys and its end.

    The newest `raw_points` stay as they are. What comes before is cut into buckets of equal length, and
    the smallest and largest value of each stays: a single spike among 100,000 points is still seen.
    decimated of [0, 1, 2, 3], [5, 9, 1, 4] with max_points 2, raw_points 0 is [1, 2], [9, 1].

    Args:
        x, y: (N,) arrays; NaN in y where nothing was measured, which makes a gap.
        max_points: of the result.
        raw_points: of them, those at the end.

    Returns:
        Two arrays, (M,) with M ≤ max_points.
    """
    x, y = np.asarray(x), np.asarray(y)
    if len(x) <= max_points:
        return x, y
    num_buckets = max((max_points - raw_points) // 2, 1)
    num_old = len(x) - raw_points
    size = -(-num_old // num_buckets)
    padded = np.full(num_buckets * size, np.nan)
    padded[:num_old] = y[:num_old]
    table = padded.reshape(num_buckets, size)
    # Where a bucket holds nothing but NaN, argmin and argmax agree on its first place: one gap.
    low = np.argmin(np.where(np.isnan(table), np.inf, table), axis=1)
    high = np.argmax(np.where(np.isnan(table), -np.inf, table), axis=1)
    starts = np.arange(num_buckets) * size
    kept = np.unique(np.concatenate([starts + low, starts + high]))
    kept = np.concatenate([kept[kept < num_old], np.arange(num_old, len(x))])
    return x[kept], y[kept]
