"""All charts of a panel in one figure: side by side as far as its width allows."""

import math

import ipywidgets
import numpy as np
import plotly.graph_objects as go

from keras_electra_widgets.figure import LiveFigure, decimated, figure_box, ground, series_style

BASELINE = {"color": "#808080", "dash": "dash", "width": 1.5}
MARK_COLOURS = {
    "pause": "#E69F00",
    "restart": "#D55E00",
    "trial restart": "#D55E00",
    "failure": "#D55E00",
}
MARK_DASHES = {"pause": "dot", "restart": "solid", "trial restart": "dash", "failure": "dashdot"}
MAX_MARKS = 20
AXES_OF_A_TRACE = {"xaxis": "x", "yaxis": "y", "legend": "legend"}
CHART_HEIGHT, GAP_PIXELS = 215, 62
WIDTH_PER_CHART = 330
LEGEND_WIDTH = 0.45


def place(number: int, num_charts: int, num_columns: int) -> dict[str, tuple[float, float]]:
    """Where chart `number` stands: {"x": (left, right), "y": (bottom, top)} as shares of the figure."""
    num_columns = max(1, min(num_columns, num_charts))
    num_rows = math.ceil(num_charts / num_columns)
    row, column = divmod(number, num_columns)
    gap_x = 0.06 if num_columns > 1 else 0.0
    gap_y = GAP_PIXELS / (num_rows * CHART_HEIGHT)
    width = (1 - gap_x * (num_columns - 1)) / num_columns
    height = 1 / num_rows - gap_y
    left = column * (width + gap_x)
    top = 1 - row / num_rows - gap_y / 2
    return {"x": (left, left + width), "y": (top - height, top)}


class Board:
    """Charts in one `LiveFigure`, made when there is something to draw and changed from then on.

    Args:
        min_lines: lines that each chart has room for from the start, where their number may grow.
        has_bands: whether lines may have bands.

    Attributes:
        box: the widget to put into a panel.
        figure: the `LiveFigure`, or None as long as nothing was drawn.
    """

    def __init__(self, min_lines: int = 0, has_bands: bool = False):
        self.min_lines, self.has_bands = min_lines, has_bands
        self.box = ipywidgets.VBox()
        self.figure = None
        self._shape, self._layout, self._dark, self._columns = None, None, False, 3
        self._corners = {}

    @property
    def is_behind(self) -> bool:
        """Whether the browser has not drawn the last change yet."""
        return self.figure is not None and self.figure.is_behind

    def set_dark(self, dark: bool) -> None:
        """Draw for a dark page, or a light one."""
        if dark != self._dark:
            self._dark = dark
            if self.figure is not None:
                self.figure.set_dark(dark)

    def set_width(self, pixels: int) -> None:
        """Stand side by side as the width allows, from the next `draw` on; 0 where it is not known."""
        self._columns = max(1, min(3, pixels // WIDTH_PER_CHART)) if pixels else 3

    def draw(
        self, charts, *, axis_title: str, log_scale=False, marks=(), checkpoints=(), styles=None
    ):
        """Show charts: one `batch_update`, with only what changed in it.

        Args:
            charts: list of `keras_electra.monitoring.charts.Chart`.
            axis_title: below the lowest charts.
            log_scale: whether charts that can have a logarithmic axis do.
            marks: (position, kind, label) of vertical lines through all charts.
            checkpoints: positions of triangles in the first chart.
            styles: {label: {"color", "dash"}} of lines that have one; the others get theirs in turn.
        """
        if not charts:
            return
        shape = tuple(max(len(chart.lines), self.min_lines) for chart in charts)
        layout = self._layout_of(charts, axis_title, log_scale, marks)
        if shape != self._shape:
            self._make(shape, charts, layout, checkpoints, styles)
            return
        with self.figure.batch_update():
            self._fill(self.figure, charts, checkpoints, styles)
            # plotly would send equal layouts again.
            if layout != self._layout:
                self.figure.update_layout(layout)
        self._layout = layout

    def close(self) -> None:
        """Take the figure from the page."""
        if self.figure is not None:
            self.figure.close()
        self.box.close()

    def _make(self, shape, charts, layout, checkpoints, styles):
        """A new figure with room for so many lines in each chart; rare, for it is megabytes.

        It is filled before it becomes a widget: messages that reach a browser that is still busy
        reading the widget's script are lost.
        """
        former, self._shape = self.figure, shape
        plain = go.Figure(empty_traces(shape, self.has_bands), {**layout, **ground(self._dark)})
        self._fill(plain, charts, checkpoints, styles)
        self.figure, self._layout = LiveFigure(plain, dark=self._dark), layout
        self.box.children = [figure_box(self.figure)]
        if former is not None:
            former.close()

    def _fill(self, figure, charts, checkpoints, styles):
        traces = iter(figure.data)
        self._place_checkpoints(next(traces), charts[0], checkpoints)
        for chart, room in zip(charts, self._shape, strict=True):
            style_of = styled(chart.lines, styles or {})
            for number in range(room):
                line = chart.lines[number] if number < len(chart.lines) else None
                band = [next(traces), next(traces)] if self.has_bands else []
                trace = next(traces)
                self._change(trace, band, line, style_of[number] if line else None)
                if sum(one.newest is not None for one in chart.lines) == 1:
                    # The title says all of a lone line.
                    set_if_new(trace, showlegend=len(self._shape) == 1 and bool(trace.visible))

    def _change(self, trace, band, line, style):
        if line is None:
            for one in (trace, *band):
                set_if_new(one, visible=False)
            return
        if line.has_points or line.is_baseline:
            x, y = line.x[np.isfinite(line.y)], line.y[np.isfinite(line.y)]
        else:
            x, y = line.x, line.y
        x, y = decimated(x, y)
        is_empty = not bool(np.isfinite(y).any())
        set_if_new(
            trace,
            visible=not is_empty,
            showlegend=not is_empty,
            name=line.label,
            mode="lines+markers" if line.has_points or len(y) == 1 else "lines",
            line=style,
        )
        set_arrays(trace, x, y)
        for one, values in zip(band, (line.low, line.high), strict=False):
            set_if_new(one, visible=values is not None and not is_empty)
            if values is not None:
                set_if_new(one, fillcolor=faint(style["color"]))
                set_arrays(one, *thinned(line.x, values))

    def _place_checkpoints(self, trace, chart, positions):
        line = next((line for line in chart.lines if not line.is_baseline), None)
        known = np.isfinite(line.y) if line is not None else np.zeros(0, bool)
        is_there = len(positions) > 0 and bool(known.any())
        set_if_new(trace, visible=is_there, showlegend=is_there)
        if is_there:
            marker = {"symbol": "triangle-up", "size": 8, "color": "#808080"}
            set_if_new(trace, marker=marker)
            x = np.asarray(positions[-50:], float)
            set_arrays(trace, x, np.interp(x, line.x[known], line.y[known]))

    def _layout_of(self, charts, axis_title, log_scale, marks):
        num_columns = max(1, min(self._columns, len(charts)))
        layout, titles, shapes = {}, [], []
        for number, chart in enumerate(charts):
            where = place(number, len(charts), num_columns)
            is_lowest = number + num_columns >= len(charts)
            x, y = axis("x", number + 1), axis("y", number + 1)
            layout[x.replace("x", "xaxis")] = {
                "domain": where["x"],
                "anchor": y,
                "title": {"text": axis_title if is_lowest else "", "standoff": 4},
                **({"matches": "x"} if number else {}),
            }
            layout[y.replace("y", "yaxis")] = {
                "domain": where["y"],
                "anchor": x,
                "type": "log" if log_scale and chart.can_be_log else "linear",
                "exponentformat": "SI" if reaches_thousands(chart) else "power",
            }
            corner = self._corners.get(number, ("right", "top"))
            corner = self._corners[number] = emptiest_corner(chart, corner)
            layout[axis("legend", number + 1)] = {
                "x": where["x"][0 if corner[0] == "left" else 1],
                "y": where["y"][0 if corner[1] == "bottom" else 1],
                "xanchor": corner[0],
                "yanchor": corner[1],
                "bgcolor": "rgba(128,128,128,0.1)",
                "font": {"size": 10},
            }
            titles.append(
                {
                    "text": safe(chart.title),
                    "x": where["x"][0],
                    "y": where["y"][1],
                    "xref": "paper",
                    "yref": "paper",
                    "xanchor": "left",
                    "yanchor": "bottom",
                    "showarrow": False,
                    "font": {"size": 13},
                }
            )
            shapes += [vertical(position, kind, x, y) for position, kind, _ in marks[-MAX_MARKS:]]
        num_rows = math.ceil(len(charts) / num_columns)
        return {
            **layout,
            "annotations": titles,
            "shapes": shapes,
            "height": num_rows * CHART_HEIGHT + 60,
            "margin": {"l": 50, "r": 10, "t": 10, "b": 45},
            "hovermode": "x unified",
            "uirevision": "keep",
        }


def empty_traces(shape: tuple[int, ...], has_bands: bool) -> list[dict]:
    """Checkpoints, then for each chart its lines, each after the two borders of its band."""
    hidden = {"type": "scatter", "visible": False, "showlegend": False}
    marks = {
        "name": "checkpoint",
        "mode": "markers",
        "legend": "legend",
        "xaxis": "x",
        "yaxis": "y",
    }
    traces = [{**hidden, **marks}]
    for number, room in enumerate(shape, 1):
        axes = {name: axis(kind, number) for name, kind in AXES_OF_A_TRACE.items()}
        no_line = {**hidden, **axes, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        band = [no_line, {**no_line, "fill": "tonexty"}] if has_bands else []
        for _ in range(room):
            traces += [*map(dict, band), {**hidden, **axes, "mode": "lines"}]
    return traces


def emptiest_corner(chart, now: tuple[str, str]) -> tuple[str, str]:
    """Where the legend hides the least of the lines; it stays where it is unless that is much better."""
    lines = [line for line in chart.lines if line.newest is not None]
    if len(lines) < 2:
        return now
    height = min(0.9, 0.1 * len(lines) + 0.05)
    known = [np.isfinite(line.y) for line in lines]
    parts = [
        decimated(line.x[mask], line.y[mask], 100, 0)
        for line, mask in zip(lines, known, strict=True)
    ]
    x, y = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
    spread = [max(float(np.ptp(values)), 1e-12) for values in (x, y)]
    x, y = (x - x.min()) / spread[0], (y - y.min()) / spread[1]
    hidden = {}
    for side in ("right", "left"):
        is_beside = x > 1 - LEGEND_WIDTH if side == "right" else x < LEGEND_WIDTH
        hidden[side, "top"] = int((is_beside & (y > 1 - height)).sum())
        hidden[side, "bottom"] = int((is_beside & (y < height)).sum())
    best = min(hidden, key=hidden.get)
    return best if 2 * hidden[best] < hidden[now] else now


def reaches_thousands(chart) -> bool:
    """Whether the newest values are too large to be written out."""
    newest = [abs(line.newest) for line in chart.lines if line.newest is not None]
    return bool(newest) and max(newest) >= 1000


def axis(kind: str, number: int) -> str:
    """plotly's name of an axis or legend: "x", "x2", …"""
    return kind if number == 1 else f"{kind}{number}"


def styled(lines, styles: dict) -> list[dict]:
    """The style of each line: its own by label, a baseline's, or the next in turn."""
    found, turn = [], 0
    for line in lines:
        if line.is_baseline:
            found.append(BASELINE)
        elif line.label in styles:
            found.append({**styles[line.label], "width": 2})
        else:
            found.append({**series_style(turn), "width": 2})
            turn += 1
    return found


def safe(text: str) -> str:
    """Text as plotly shows it: it takes a few tags, links among them, for markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def vertical(position: float, kind: str, x: str, y: str) -> dict:
    """The shape of a line through one chart."""
    return {
        "type": "line",
        "x0": position,
        "x1": position,
        "y0": 0,
        "y1": 1,
        "xref": x,
        "yref": f"{y} domain",
        "line": {"color": MARK_COLOURS[kind], "dash": MARK_DASHES[kind], "width": 1.5},
    }


def faint(colour: str) -> str:
    """A colour as the ground of a band."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def thinned(x, y):
    """Every so many points of a band's border, so that both borders keep the same ones."""
    step = -(-len(x) // 400) or 1
    return x[::step], y[::step]


def set_if_new(trace, **values) -> None:
    """Set what differs: plotly sends what is set, equal or not."""
    for name, value in values.items():
        if name == "name":
            value = safe(value)
        former = trace[name]
        if isinstance(value, dict):
            former = {key: former[key] for key in value} if former is not None else None
        if former != value:
            trace[name] = value


def set_arrays(trace, x, y) -> None:
    """Set a trace's points in the few bytes that numpy's small types take."""
    x = np.asarray(x, float)
    is_whole = len(x) and np.abs(x).max() < 2**31 and (x == np.round(x)).all()
    trace.x, trace.y = x.astype("int32" if is_whole else "float64"), np.asarray(y, "float32")
