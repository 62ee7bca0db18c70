"""The curves of several runs one over the other, and the options of how they are drawn."""

import ipywidgets

from keras_electra.monitoring import RunFollower
from keras_electra.monitoring.charts import Chart, Line, sentence_of
from keras_electra.monitoring.run_comparison import (
    COMPARISON_AXES,
    curve_of,
    groups_of,
    mean_line,
    metrics_of,
    minus,
)
from keras_electra_widgets.board import Board
from keras_electra_widgets.chart_options import ROW, axis_choice, smoothing_slider, tick_box
from keras_electra_widgets.figure import series_style
from keras_electra_widgets.picture import picture

MAX_SHOWN = 12
MAIN_FIGURES = ("rtd_auc", "loss")
"""What is drawn of runs unless another figure is asked for, in this order."""


class RunCurves:
    """One figure of several runs as curves; part of `RunTable`.

    Args:
        metric: the figure to begin with; None for the first of `MAIN_FIGURES` and others that runs have.
        axis: a name of `COMPARISON_AXES`.
        smoothing: from 0 to less than 1.
        log_scale: whether the chart has a logarithmic axis.

    Attributes:
        options: a row of widgets; `metric`, `axis`, `smoothing`, `log_scale`, `by_seed` and
            `from_baseline` are in it.
        board: the `Board` that is drawn on.
    """

    def __init__(self, metric=None, axis="steps", smoothing=0.0, log_scale=False):
        self.wanted_metric = metric
        self.metric = ipywidgets.Dropdown(options=[], description="figure")
        self.axis = axis_choice(COMPARISON_AXES, axis)
        self.smoothing = smoothing_slider(smoothing)
        self.log_scale = tick_box("log scale", log_scale)
        self.by_seed = tick_box("mean over seeds")
        self.from_baseline = tick_box("difference from baseline")
        drawing = (self.axis, self.smoothing, self.log_scale, self.by_seed, self.from_baseline)
        self._drawing = drawing
        self.options = ipywidgets.HBox([self.metric, *drawing], layout=ipywidgets.Layout(**ROW))
        self.board = Board(min_lines=MAX_SHOWN, has_bands=True)
        self.followers, self._charts = {}, []
        self._colours, self._drawn_metric, self._is_offering = {}, None, False

    def observe(self, callback) -> None:
        """Have `callback(change)` called when someone changes an option."""

        def choose(change):
            if change["new"] and not self._is_offering:
                callback(change)

        self.metric.observe(choose, names="value")
        for option in self._drawing:
            option.observe(callback, names="value")

    def follow(self, records) -> None:
        """Read the logs of these runs from now on, and no others.

        Args:
            records: list of `keras_electra.monitoring.survey.RunRecord`.
        """
        followers = {}
        for record in records:
            follower = self.followers.get(record.name)
            if follower is None or follower.run.path != record.path:
                follower = RunFollower(record.path)
                follower.update_all()
            followers[record.name] = follower
        self.followers = followers
        self._offer()

    def update(self) -> bool:
        """Read what the logs got; whether they got anything."""
        return any([follower.update() for follower in self.followers.values()])

    def draw(self, records) -> bool:
        """Draw the runs that are followed, the baseline first; whether another figure than before."""
        metric = self.metric.value
        lines = self._lines(records, metric) if metric else []
        title = metric or "figure"
        if self.from_baseline.value and lines:
            title = f"{title}, less that of {lines[0].label}"
            lines = [minus(line, lines[0]) for line in lines]
        is_positive = not self.from_baseline.value
        self._charts = [Chart(title, tuple(lines), is_positive)] if lines else []
        nothing = [Chart("no run is ticked", (), False)] if self.board.figure else []
        self.board.draw(
            self._charts or nothing,
            axis_title=COMPARISON_AXES[self.axis.value],
            log_scale=self.log_scale.value,
            styles=self._styles(records),
        )
        is_other = metric != self._drawn_metric
        self._drawn_metric = metric
        return is_other

    def signs(self, records) -> dict[str, dict]:
        """{name of a run: colour and dash of its line}."""
        styles = self._styles(records)
        return {
            record.name: styles[label]
            for label, group in self._labelled(records)
            for record in group
        }

    def sentence(self) -> str:
        """What is drawn, in words."""
        return sentence_of(self._charts, COMPARISON_AXES[self.axis.value])

    def picture(self, records) -> str:
        """What is drawn, as markup without a script."""
        styles = self._styles(records)
        return picture(self._charts, self.sentence(), log_scale=self.log_scale.value, styles=styles)

    def _offer(self):
        """The figures that the runs have, as choices."""
        names = metrics_of(list(self.followers.values()))
        if list(self.metric.options) == names:
            return
        wanted = (self.wanted_metric, self.metric.value, *MAIN_FIGURES, *names)
        chosen = next((name for name in wanted if name in names), None)
        # Whoever has runs followed draws them next.
        self._is_offering = True
        self.metric.options = names
        self.metric.value = chosen
        self._is_offering = False

    def _labelled(self, records):
        """(label, records) of each line: a run, or the runs that differ in nothing but the seed."""
        if not self.by_seed.value:
            return [(record.name, [record]) for record in records]
        return [
            (
                group[0].name if len(group) == 1 else f"{group[0].name} and {len(group) - 1} more",
                group,
            )
            for group in groups_of(records)
        ]

    def _lines(self, records, metric):
        lines = []
        for label, group in self._labelled(records):
            curves = [
                curve_of(self.followers[one.name], metric, self.axis.value, self.smoothing.value)
                for one in group
            ]
            line = mean_line(label, curves)
            points = metric.startswith("validation: ")
            lines.append(Line(label, line.x, line.y, False, points, line.low, line.high))
        return lines

    def _styles(self, records):
        """A run keeps its colour and dash as long as it is drawn."""
        labels = [label for label, _ in self._labelled(records)]
        self._colours = {name: turn for name, turn in self._colours.items() if name in labels}
        for label in labels:
            if label not in self._colours:
                used = set(self._colours.values())
                self._colours[label] = next(n for n in range(len(used) + 1) if n not in used)
        return {label: series_style(turn) for label, turn in self._colours.items()}
