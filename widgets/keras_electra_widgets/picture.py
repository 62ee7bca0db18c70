"""Charts as a picture that needs no script: SVG inside an `img`, which even untrusted notebooks show."""

import base64
import math

import numpy as np

from keras_electra_widgets.board import BASELINE, MARK_COLOURS, styled
from keras_electra_widgets.figure import decimated
from keras_electra_widgets.static_html import escaped, shown

WIDTH, HEIGHT, NUM_COLUMNS = 360, 210, 3
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 24, 22
LEGEND_LINE = 13
MAX_POINTS = 200
DASHES = {
    "solid": "",
    "dot": "2 3",
    "dash": "6 3",
    "longdash": "10 4",
    "dashdot": "6 3 2 3",
    "longdashdot": "10 4 2 4",
}


def picture(charts, alt: str, *, log_scale=False, marks=(), styles=None) -> str:
    """An `img` of charts, with the sentence `alt` for those who do not see it.

    Args:
        charts, log_scale, marks, styles: as for `Board.draw`.
    """
    charts = [chart for chart in charts if any(line.newest is not None for line in chart.lines)]
    if not charts:
        return ""
    content = svg(charts, log_scale, marks, styles or {})
    encoded = base64.b64encode(content.encode()).decode()
    return (
        f'<img alt="{escaped(alt)}" style="max-width:100%;height:auto" '
        f'src="data:image/svg+xml;base64,{encoded}">'
    )


def svg(charts, log_scale, marks, styles) -> str:
    """The picture as an SVG document on a white ground: a picture cannot know whether the page is dark."""
    num_columns = min(NUM_COLUMNS, len(charts))
    num_rows = math.ceil(len(charts) / num_columns)
    legend = LEGEND_LINE * max(len(chart.lines) for chart in charts) + 6
    parts = []
    for number, chart in enumerate(charts):
        row, column = divmod(number, num_columns)
        drawn = chart_parts(chart, log_scale and chart.can_be_log, marks, styles)
        left, top = column * WIDTH, row * (HEIGHT + legend)
        parts.append(f'<g transform="translate({left} {top})">{"".join(drawn)}</g>')
    width, height = num_columns * WIDTH, num_rows * (HEIGHT + legend)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(parts)}</svg>'
    )


def chart_parts(chart, is_log: bool, marks, styles) -> list[str]:
    """One chart: title, axes, marks, lines, and its legend below."""
    lines = [line for line in chart.lines if line.newest is not None]
    style_of = dict(zip(map(id, chart.lines), styled(chart.lines, styles), strict=True))
    x_scale = Scale([line.x[np.isfinite(line.y)] for line in lines], LEFT, WIDTH - RIGHT, False)
    y_values = [
        values for line in lines for values in (line.y, line.low, line.high) if values is not None
    ]
    y_scale = Scale(y_values, HEIGHT - BOTTOM, TOP, is_log)
    parts = [text(LEFT, 15, chart.title, weight="bold")]
    for value in y_scale.ticks():
        at = y_scale(value)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#d0d0d0"/>')
        parts.append(text(LEFT - 4, at + 4, shown(value), anchor="end"))
    for value in x_scale.ticks():
        parts.append(text(x_scale(value), HEIGHT - 7, shown(value), anchor="middle"))
    for position, kind, _ in marks:
        if x_scale.low <= position <= x_scale.high:
            parts.append(
                f'<path d="M{x_scale(position):.1f} {TOP}V{HEIGHT - BOTTOM}" '
                f'stroke="{MARK_COLOURS[kind]}" stroke-dasharray="3 2"/>'
            )
    for number, line in enumerate(lines):
        style = style_of[id(line)]
        if line.low is not None:
            parts.append(band(line, x_scale, y_scale, style["color"]))
        parts.append(path(line, x_scale, y_scale, style))
        at = HEIGHT + LEGEND_LINE * number + 8
        parts.append(f'<path d="M{LEFT} {at - 4}h30" {stroke(style)}/>')
        parts.append(text(LEFT + 36, at, f"{line.label} {shown(line.newest)}"))
    return parts


class Scale:
    """From values to places in the picture; what has no place there (NaN, 0 on a log axis) is left out."""

    def __init__(self, arrays, start: float, end: float, is_log: bool):
        values = np.concatenate([np.asarray(array, float) for array in arrays])
        values = values[np.isfinite(values) & ((values > 0) | (not is_log))]
        low, high = (float(values.min()), float(values.max())) if len(values) else (1.0, 1.0)
        if low == high:
            spread = abs(low) / 10 or 1.0
            low, high = low - (0 if is_log else spread), high + spread
        self.low, self.high, self.is_log = low, high, is_log
        self._start, self._end = start, end

    def __call__(self, values):
        low, high = (
            (math.log(self.low), math.log(self.high)) if self.is_log else (self.low, self.high)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log(values) if self.is_log else values
        return self._start + (values - low) / (high - low) * (self._end - self._start)

    def ticks(self) -> list[float]:
        """Three to six round values; powers of ten, or the ends, on a logarithmic axis."""
        if self.is_log:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            powers = [10.0**power for power in range(first, last + 1)]
            return powers[:: max(1, len(powers) // 5)] if len(powers) > 1 else [self.low, self.high]
        rough = (self.high - self.low) / 4
        power = 10 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
        first = math.ceil(self.low / step)
        return [number * step for number in range(first, math.floor(self.high / step) + 1)]


def path(line, x_scale, y_scale, style) -> str:
    """A line, with gaps where nothing was measured, and points where it has them."""
    x, y = (line.x, line.y) if not (line.has_points or line.is_baseline) else measured(line)
    x, y = decimated(x, y, MAX_POINTS, 20)
    x, y = x_scale(np.asarray(x, float)), y_scale(np.asarray(y, float))
    known = np.isfinite(y) & np.isfinite(x)
    steps, is_open = [], False
    for at, value, is_known in zip(x, y, known, strict=True):
        if is_known:
            steps.append(f"{'L' if is_open else 'M'}{at:.1f} {value:.1f}")
        is_open = bool(is_known)
    drawn = f'<path d="{"".join(steps)}" fill="none" {stroke(style)}/>'
    if line.has_points or known.sum() == 1:
        dots = zip(x[known], y[known], strict=True)
        drawn += "".join(
            f'<circle cx="{at:.1f}" cy="{value:.1f}" r="2.5" fill="{style["color"]}"/>'
            for at, value in dots
        )
    return drawn


def band(line, x_scale, y_scale, colour: str) -> str:
    """The ground between `low` and `high`."""
    known = np.isfinite(line.low) & np.isfinite(line.high)
    step = -(-int(known.sum()) // MAX_POINTS) or 1
    x = x_scale(line.x[known][::step])
    low, high = y_scale(line.low[known][::step]), y_scale(line.high[known][::step])
    points = [*zip(x, high, strict=True), *zip(x[::-1], low[::-1], strict=True)]
    joined = " ".join(f"{at:.1f},{value:.1f}" for at, value in points if np.isfinite(value))
    return f'<polygon points="{joined}" fill="{colour}" fill-opacity="0.18"/>'


def measured(line):
    """The points of a line without its gaps."""
    known = np.isfinite(line.y)
    return line.x[known], line.y[known]


def stroke(style) -> str:
    """Colour, width and dash of a line."""
    dash = DASHES.get(style["dash"], "")
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    width = 1.5 if style is BASELINE else 1.8
    return f'stroke="{style["color"]}" stroke-width="{width}"{dashes}'


def text(x: float, y: float, content: str, anchor: str = "start", weight: str = "normal") -> str:
    """A piece of text."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="#1a1a1a">{escaped(content)}</text>'
    )
