"""What a run's folder holds, a tab each: curves, their numbers, events, what it printed, settings."""

import ipywidgets

from keras_electra.files import to_json
from keras_electra.monitoring.axes import AXES
from keras_electra.monitoring.charts import charts_of, positions, sentence_of, table_of
from keras_electra.monitoring.run_events import marks_of
from keras_electra.monitoring.run_follower import last_lines
from keras_electra.runs.settings import flattened
from keras_electra_widgets import static_html
from keras_electra_widgets.board import Board
from keras_electra_widgets.chart_options import ROW, axis_choice, smoothing_slider, tick_box
from keras_electra_widgets.picture import picture
from keras_electra_widgets.table import Table

TITLES = ("Curves", "Table", "Events", "Log", "Settings")
EVENT_TITLES = ["when", "step", "event", "details"]
VALUE_TITLES = ["chart", "line", "newest", "lowest", "highest"]
MAX_EVENTS = 500


class RunTabs:
    """The tabs of `RunMonitor`, of which only the open one is kept up to date.

    Args:
        follower: the `RunFollower` of the run.
        axis: a name of `AXES`.
        smoothing: from 0 to less than 1.
        log_scale: whether losses have a logarithmic axis.

    Attributes:
        options: a row of widgets; `axis`, `smoothing` and `log_scale` are in it.
        box: the tabs.
        board: the `Board` of the curves.
    """

    def __init__(self, follower, axis="steps", smoothing=0.0, log_scale=False):
        self.follower, self.charts = follower, []
        self.axis = axis_choice(AXES, axis)
        self.smoothing = smoothing_slider(smoothing)
        self.log_scale = tick_box("log scale", log_scale)
        drawing = [self.axis, self.smoothing, self.log_scale]
        self.options = ipywidgets.HBox(drawing, layout=ipywidgets.Layout(**ROW))
        self.board, self.placeholder = Board(), ipywidgets.HTML()
        self.values, self.events, self.settings = Table(), Table(), Table()
        self.output = ipywidgets.HTML()
        curves = ipywidgets.VBox([self.placeholder, self.board.box])
        pages = [curves, self.values, self.events, self.output, self.settings]
        self.box = ipywidgets.Tab(pages, titles=TITLES)

    def observe(self, callback) -> None:
        """Have `callback(change)` called when someone changes an option or opens another tab."""
        for option in (self.axis, self.smoothing, self.log_scale):
            option.observe(callback, names="value")
        self.box.observe(callback, names="selected_index")

    def draw(self) -> None:
        """Bring the open tab up to date."""
        self.charts = charts_of(self.follower, self.axis.value, self.smoothing.value)
        shown = TITLES[self.box.selected_index or 0]
        show = {
            "Curves": self._show_curves,
            "Table": self._show_values,
            "Events": self._show_events,
            "Log": self._show_output,
            "Settings": self._show_settings,
        }
        show[shown]()

    def sentence(self) -> str:
        """What the curves show, in words."""
        return sentence_of(self.charts, AXES[self.axis.value])

    def static_parts(self) -> list[str]:
        """Curves as a picture, their newest values, and what happened last."""
        log_scale, marks = self.log_scale.value, self._marks()
        parts = [picture(self.charts, self.sentence(), log_scale=log_scale, marks=marks)]
        rows = table_of(self.charts)
        if rows:
            parts.append(static_html.table(VALUE_TITLES, rows))
        events = [event_cells(event) for event in self.follower.events[-8:]]
        if events:
            parts.append(static_html.table(EVENT_TITLES, events))
        return parts

    def _show_curves(self):
        has_figures = any(line.newest is not None for chart in self.charts for line in chart.lines)
        waiting = "" if has_figures else "No figures yet: the first row of the log brings them."
        self.placeholder.value = static_html.escaped(waiting)
        if not has_figures:
            return
        checkpoints = [
            one.step for one in marks_of(self.follower.events) if one.kind == "checkpoint"
        ]
        self.board.draw(
            self.charts,
            axis_title=AXES[self.axis.value],
            log_scale=self.log_scale.value,
            marks=self._marks(),
            checkpoints=positions(self.follower.columns, self.axis.value, checkpoints),
        )

    def _show_values(self):
        rows = [
            {"id": f"{chart} {line}", "label": line, "cells": [chart, line, *numbers]}
            for chart, line, *numbers in table_of(self.charts)
        ]
        self.values.show(VALUE_TITLES, rows, "The curves in numbers")

    def _show_events(self):
        rows = [
            {"id": str(number), "label": str(number), "cells": event_cells(event)}
            for number, event in enumerate(self.follower.events)
        ]
        self.events.show(EVENT_TITLES, rows[::-1][:MAX_EVENTS], "What happened, newest first")

    def _show_output(self):
        text = last_lines(self.follower.run.output_path, 200, 65536)
        empty = "The training process has printed nothing into output.txt."
        self.output.value = static_html.preformatted(text or empty)

    def _show_settings(self):
        rows = [
            {"id": name, "label": name, "cells": [name, value]}
            for name, value in flattened(self.follower.config).items()
        ]
        self.settings.show(["setting", "value"], rows, "config.json")

    def _marks(self):
        marks = [mark for mark in marks_of(self.follower.events) if mark.kind != "checkpoint"]
        where = positions(self.follower.columns, self.axis.value, [mark.step for mark in marks])
        return [
            (float(position), mark.kind, mark.label)
            for position, mark in zip(where, marks, strict=True)
        ]


def event_cells(event: dict) -> list:
    """An event as cells: when, step, kind, the rest."""
    known = ("time", "unix_time", "step", "kind")
    rest = {name: value for name, value in event.items() if name not in known}
    step = event.get("step")
    step = step if isinstance(step, int | float) else None
    details = ", ".join(
        f"{name} {value if isinstance(value, str) else to_json(value)}"
        for name, value in rest.items()
    )
    return [str(event.get("time", "")), step, str(event.get("kind", "")), details[:300]]
