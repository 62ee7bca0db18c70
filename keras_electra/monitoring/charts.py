"""The charts of a run as plain arrays: what a panel, a picture and a table are made of."""

import dataclasses

import numpy as np

from keras_electra.monitoring.axes import axis_values, smoothed
from keras_electra.monitoring.curves import PRETRAINING_COLUMNS, plots_for, values_of
from keras_electra.monitoring.run_events import (
    baselines_of,
    validation_baselines_of,
    validations_of,
)


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        label: in words.
        x, y: (N,) float64; NaN in y makes a gap.
        is_baseline: whether it is what needs no training.
        has_points: whether each point is drawn, as of something measured now and then.
        low, high: (N,) the band around it, or None.
    """

    label: str
    x: np.ndarray
    y: np.ndarray
    is_baseline: bool = False
    has_points: bool = False
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    @property
    def newest(self) -> float | None:
        """The last value measured; None if there is none."""
        measured = self.y[np.isfinite(self.y)]
        return float(measured[-1]) if len(measured) else None


@dataclasses.dataclass(frozen=True)
class Chart:
    """Lines that share their axes.

    Attributes:
        title: with the unit.
        lines: the lines; those of what was never measured are empty.
        can_be_log: whether a logarithmic axis makes sense.
    """

    title: str
    lines: tuple[Line, ...]
    can_be_log: bool = True


def charts_of(follower, axis: str = "steps", smoothing: float = 0.0) -> list[Chart]:
    """The charts of a run as it stands.

    A run that has no row yet gets the charts that it will have, empty.

    Args:
        follower: a `RunFollower`.
        axis: "steps", "tokens" or "time".
        smoothing: weight of what came before, from 0 to less than 1; baselines and validations are
            not smoothed.
    """
    columns = follower.columns
    names = [*columns.names, *(expected_columns(follower.config) if not len(columns) else ())]
    x = axis_values(columns, axis)
    baselines = baselines_of(follower.events)
    charts = []
    for plot in plots_for(names):
        lines = []
        for curve in plot.curves:
            y = values_of(columns, curve.column, baselines)
            if curve.column.startswith("val_"):
                # Measured at the end of an epoch only: points, with nothing in the rows between.
                known = np.isfinite(y)
                lines.append(Line(curve.label, x[known], y[known], has_points=True))
            elif curve.is_baseline:
                lines.append(Line(curve.label, x, y, is_baseline=True))
            else:
                lines.append(Line(curve.label, x, smoothed(y, smoothing)))
        charts.append(Chart(plot.title, tuple(lines), plot.can_be_log))
    return [*validation_charts(follower, axis), *charts]


def validation_charts(follower, axis: str = "steps") -> list[Chart]:
    """A chart for each figure that validations found, a line for each trial, and the baseline."""
    validations = validations_of(follower.events)
    baselines = validation_baselines_of(follower.events, follower.results)
    charts = []
    for name in dict.fromkeys(name for one in validations for name in one.figures):
        lines = []
        found = [one for one in validations if name in one.figures]
        trials = sorted({one.trial for one in found})
        for trial in trials:
            own = [one for one in found if one.trial == trial]
            x = positions(follower.columns, axis, [one.step for one in own])
            y = np.array([one.figures[name] for one in own])
            label = "validation" if trials == [0] else f"trial {trial}"
            lines.append(Line(label, x, y, has_points=True))
        if name in baselines:
            ends = np.array([lines[0].x[0], lines[-1].x[-1]])
            level = np.full(2, baselines[name])
            lines.append(Line("commonest answer", ends, level, is_baseline=True))
        charts.append(Chart(f"validation: {name.replace('_', ' ')}", tuple(lines), False))
    return charts


def positions(columns, axis: str, steps) -> np.ndarray:
    """Where steps stand on an axis, between the rows of the log around them."""
    steps = np.asarray(steps, float)
    if axis == "steps" or not len(columns):
        return steps
    return np.interp(steps, columns["step"], axis_values(columns, axis))


def expected_columns(config: dict) -> tuple[str, ...]:
    """The columns that the log of a run with this `config.json` is going to have, as far as is known."""
    common = ("loss", "gradient_norm", "learning_rate", "tokens_per_second", "data_wait_seconds")
    common += ("memory_bytes", "peak_memory_bytes")
    if "pretrain" in config:
        return (*PRETRAINING_COLUMNS, *common)
    return common if "finetune" in config else ()


def table_of(charts: list[Chart]) -> list[list]:
    """The charts in numbers: [chart, line, newest, lowest, highest] for each line with a value."""
    rows = []
    for chart in charts:
        for line in chart.lines:
            measured = line.y[np.isfinite(line.y)]
            if len(measured):
                lowest, highest = float(measured.min()), float(measured.max())
                rows.append([chart.title, line.label, float(measured[-1]), lowest, highest])
    return rows


def sentence_of(charts: list[Chart], axis_title: str) -> str:
    """What the charts show, for those who do not see them: newest values, and where they go.

    Example: "generator loss (nats): generator 2.31, falling; …, at step 4,200".
    """
    parts = []
    for chart in charts:
        told = [
            f"{line.label} {line.newest:.4g}{trend(line)}"
            for line in chart.lines
            if line.newest is not None
        ]
        if told:
            parts.append(f"{chart.title}: {', '.join(told)}")
    ends = [line.x[-1] for chart in charts for line in chart.lines if len(line.x)]
    where = f"; at {axis_title} {max(ends):,.4g}" if ends else ""
    return f"{'; '.join(parts)}{where}" if parts else "no figures yet"


def trend(line: Line) -> str:
    """Whether the last tenth of a line is above or below the tenth before; nothing of baselines."""
    measured = line.y[np.isfinite(line.y)]
    size = len(measured) // 10
    if line.is_baseline or size < 1:
        return ""
    before, now = measured[-2 * size : -size].mean(), measured[-size:].mean()
    if abs(now - before) <= 0.005 * max(abs(before), 1e-12):
        return ", level"
    return ", rising" if now > before else ", falling"
