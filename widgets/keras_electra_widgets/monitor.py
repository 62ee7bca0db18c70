"""`RunMonitor`: any run folder, live or finished, watched and steered."""

import time

import ipywidgets

from keras_electra.errors import InputError
from keras_electra.runs import LIVE_STATES, RunFollower
from keras_electra.runs.axes import AXES, seconds_left, smoothed
from keras_electra.runs.charts import charts_of, positions, sentence_of, table_of
from keras_electra.runs.files import to_json
from keras_electra.runs.following import last_lines
from keras_electra.runs.guards import folder_sentences, guard_sentences
from keras_electra.runs.happenings import marks_of
from keras_electra.runs.settings import flattened
from keras_electra_widgets import static_html, ticker
from keras_electra_widgets.board import Board
from keras_electra_widgets.panel import Panel, refuse_unknown
from keras_electra_widgets.picture import picture
from keras_electra_widgets.run_controls import RunControls
from keras_electra_widgets.table import Table

DUTY = 0.04
"""Share of a core that drawing may take: after a picture that took long, the next waits."""
BEHIND_SECONDS, HIDDEN_SECONDS = 2.0, 5.0
FOLDER_SECONDS = 5.0
ENDED_SECONDS = 2.0
TITLES = ["Curves", "Table", "Events", "Log", "Settings"]
STATE_OF = {
    None: "busy",
    "starting": "busy",
    "running": "running",
    "paused": "paused",
    "stopped": "stopped",
    "interrupted": "stopped",
    "finished": "finished",
    "failed": "error",
}
OPTIONS = ("axis", "smoothing", "log_scale")


class RunMonitor(Panel):
    """Watches the run in a folder, whoever started it and whether it goes on or has ended.

        RunMonitor("runs/first")

    What is shown comes from the folder alone, so the same line finds the run again after the browser or
    the kernel is gone. Closing the panel, or the notebook, does not end the run.

    Args:
        path: the run folder; it may not exist yet.
        axis: what stands below the curves: "steps", "tokens" or "time" (hours of training).
        smoothing: of the curves, from 0 (none) to less than 1.
        log_scale: whether losses and other figures that are no fractions have a logarithmic axis.

    Raises:
        InputError: for an axis or a smoothing that is not one.
        TypeError: for an unknown option.
    """

    board = None

    def __init__(self, path, *, axis="steps", smoothing=0.0, log_scale=False, **unknown):
        refuse_unknown("RunMonitor", unknown, OPTIONS)
        if axis not in AXES:
            raise InputError(f"axis: expected one of {', '.join(AXES)}, received {axis!r}")
        smoothed([], smoothing)
        self.follower = RunFollower(path)
        self.path = self.follower.run.path
        self._is_dirty, self._drawn_at, self._next_look = True, 0.0, 0.0
        self._looked_at_folder, self._folder_guards, self._told = 0.0, [], set()
        self._charts, self._num_behind = [], 0
        super().__init__(self.path.resolve().name)
        self._build(axis, smoothing, log_scale)
        ticker.shared.do(self._start, self.fail)
        self.every(0.25, self._tick)

    # What the panel says of itself.

    def code(self) -> str:
        """The Python that shows this run in this way."""
        options = []
        if self.axis.value != "steps":
            options.append(f"axis={self.axis.value!r}")
        if self.smoothing.value:
            options.append(f"smoothing={self.smoothing.value:g}")
        if self.log_scale.value:
            options.append("log_scale=True")
        call = ", ".join([repr(str(self.path)), *options])
        return f"from keras_electra_widgets import RunMonitor\n\nRunMonitor({call})"

    def static_parts(self) -> list[str]:
        """Curves as a picture, their newest values, hints, and what happened last."""
        parts = [static_html.paragraph(f"Hint: {one}") for one in self.hints()]
        drawn = self._charts
        alt = sentence_of(drawn, self._axis_title())
        parts.append(picture(drawn, alt, log_scale=self.log_scale.value, marks=self._marks()))
        rows = table_of(drawn)
        if rows:
            titles = ["chart", "line", "newest", "lowest", "highest"]
            parts.append(static_html.table(titles, rows))
        events = [event_cells(event) for event in self.follower.events[-8:]]
        if events:
            parts.append(static_html.table(["when", "step", "event", "details"], events))
        return parts

    def as_text(self) -> str:
        """State, newest values and hints, for consoles."""
        lines = [super().as_text(), *(f"hint: {one}" for one in self.hints())]
        lines += [
            f"{chart}: {line} {static_html.shown(now)}"
            for chart, line, now, *_ in table_of(self._charts)
        ]
        return "\n".join(lines)

    def log_tail(self) -> str:
        """The last lines that the training process printed."""
        return last_lines(self.follower.run.output_path)

    def hints(self) -> list[str]:
        """What the guards say now, and which files are damaged."""
        is_live = self.follower.state in LIVE_STATES
        guards = guard_sentences(self.follower.columns) if is_live else []
        return [*guards, *self._folder_guards, *self.follower.problems]

    def on_theme(self, dark: bool) -> None:
        """Draw for a dark page, or a light one."""
        self.board.set_dark(dark)

    def close(self) -> None:
        """Stop watching; the run goes on."""
        if self.board is not None:
            self.board.close()
        super().close()

    # Building.

    def _build(self, axis, smoothing, log_scale):
        self.controls = RunControls(self, self.follower)
        self.progress = ipywidgets.FloatProgress(
            min=0.0, max=1.0, layout=ipywidgets.Layout(width="100%", height="14px")
        )
        self.hint_lines = ipywidgets.HTML()
        self.axis = ipywidgets.Dropdown(
            options=list(AXES), value=axis, description="x axis", layout={"width": "180px"}
        )
        self.smoothing = ipywidgets.FloatSlider(
            min=0.0,
            max=0.99,
            step=0.01,
            value=min(smoothing, 0.99),
            description="smoothing",
            continuous_update=False,
        )
        self.log_scale = ipywidgets.Checkbox(
            layout=ipywidgets.Layout(width="auto"),
            value=bool(log_scale),
            description="log scale",
            indent=False,
        )
        for option in (self.axis, self.smoothing, self.log_scale):
            option.observe(self.guarded(lambda change: self._redraw()), names="value")
        self.head.observe(
            self.guarded(lambda change: self._take_width(change["new"])), names="width"
        )
        self.board = Board()
        self.placeholder = ipywidgets.HTML()
        self.values, self.events = Table(), Table()
        self.settings = Table()
        self.output = ipywidgets.HTML()
        self.tabs = ipywidgets.Tab(
            [
                ipywidgets.VBox([self.placeholder, self.board.box]),
                self.values,
                self.events,
                self.output,
                self.settings,
            ],
            titles=TITLES,
        )
        self.tabs.observe(self.guarded(lambda change: self._redraw()), names="selected_index")
        options = ipywidgets.HBox(
            [self.axis, self.smoothing, self.log_scale],
            layout=ipywidgets.Layout(flex_flow="row wrap", align_items="center"),
        )
        self.children = [
            self.head,
            self.progress,
            self.controls,
            self.hint_lines,
            options,
            self.tabs,
        ]

    # The timer.

    def _tick(self):
        now = time.monotonic()
        if now < self._next_look:
            return
        # Processor time, not time: the machine may be busy with the training.
        started = time.thread_time()
        is_news = self.follower.update()
        if self.follower.has_more:
            self.set_state("busy", "reading", f"{len(self.follower.columns):,} rows so far")
            return
        if now - self._looked_at_folder > FOLDER_SECONDS:
            self._looked_at_folder = now
            former = self._folder_guards
            self._folder_guards = folder_sentences(self.follower.run, self.follower.status)
            is_news = is_news or former != self._folder_guards
        self._is_dirty = self._is_dirty or is_news
        if is_news or self.controls.pending:
            self._show_state()
        if self._is_dirty and self._may_draw(now):
            self._draw()
            self.renew_copy()
        cost = time.thread_time() - started
        pause = cost / DUTY
        if self.follower.state not in LIVE_STATES:
            pause = max(pause, ENDED_SECONDS)
        self._next_look = now + pause

    def _may_draw(self, now):
        """Not while the browser still draws; seldom where nobody looks, for then nothing answers."""
        if not self.board.is_behind:
            self._num_behind = 0
            return True
        wait = BEHIND_SECONDS if self._num_behind < 3 else HIDDEN_SECONDS
        if now - self._drawn_at < wait:
            return False
        self._num_behind += 1
        return True

    def _redraw(self):
        self._is_dirty, self._next_look = True, 0.0
        self._draw()

    def _take_width(self, pixels):
        self.board.set_width(pixels)
        self._redraw()

    def _start(self):
        self.follower.update()
        self._show_state()
        self._draw()

    # What is shown.

    def _show_state(self):
        follower, status = self.follower, self.follower.status
        if not follower.exists and follower.state is None and not len(follower.columns):
            self._show_empty()
            return
        state = STATE_OF[follower.state]
        word = follower.state or "waiting for the first sign"
        if any("sign of life" in one for one in self._folder_guards):
            state, word = "stale", None
        self.set_state(state, word, self._subtitle())
        step, steps = status.get("step"), status.get("steps")
        has_end = isinstance(step, int | float) and isinstance(steps, int | float) and steps > 0
        self.progress.value = min(1.0, step / steps) if has_end else 0.0
        self.progress.layout.visibility = "visible" if has_end else "hidden"
        self.controls.refresh()
        self._show_hints()
        self._tell_once(follower.state)

    def _show_empty(self):
        where = str(self.path)
        self.set_state("empty", "no run yet", "")
        self.say(
            f"No run in {where!r} yet. Start one with PretrainLauncher, or with: keras-electra pretrain "
            f"--run-dir {where}; it appears here by itself."
        )
        self.progress.layout.visibility = "hidden"
        self.controls.refresh()

    def _subtitle(self):
        status, columns = self.follower.status, self.follower.columns
        step, steps = status.get("step"), status.get("steps")
        parts = []
        if isinstance(step, int):
            of = f" of {steps:,}" if isinstance(steps, int) else ""
            parts.append(f"step {step:,}{of}")
        if self.follower.state in LIVE_STATES:
            speed = columns.last_row().get("tokens_per_second")
            if speed:
                parts.append(f"{speed:,.0f} tokens/s")
            left = seconds_left(columns, steps if isinstance(steps, int) else None, self._budget())
            if left is not None:
                parts.append(f"{clock(left)} left")
        if status.get("backend"):
            parts.append(str(status["backend"]))
        return " · ".join(parts)

    def _budget(self):
        settings = self.follower.config.get("pretrain")
        minutes = settings.get("time_budget_minutes") if isinstance(settings, dict) else None
        return 60 * minutes if isinstance(minutes, int | float) and minutes > 0 else None

    def _show_hints(self):
        hints = self.hints()
        lines = "".join(f"<li>{static_html.escaped(one)}</li>" for one in hints)
        self.hint_lines.value = f'<ul style="margin:2px 0">{lines}</ul>' if lines else ""

    def _tell_once(self, state):
        """What a run's new state means, and what can be done next."""
        if state in self._told:
            return
        self._told = {state}
        where, status = str(self.path), self.follower.status
        if state == "failed":
            message = status.get("message") or "the run has failed"
            self.alarm(str(message), self.log_tail())
        elif state == "finished":
            viewer = "TaskExplorer" if "finetune" in self.follower.config else "ReplacedTokenView"
            self.say(f"The run has finished. Next: {viewer}({where!r}) looks into it.")
        elif state in ("stopped", "interrupted"):
            how = "was stopped" if state == "stopped" else "ended without finishing"
            self.say(f"The run {how}; {self._way_on()} goes on with it.", self.log_tail())
        elif state == "starting":
            self.say("The run is starting: the first step is compiled, which can take a minute.")
        elif state == "paused" and not self.head.sentence.startswith("The run waits"):
            self.say("The run is paused; Resume lets it go on.")
        elif state == "running" and not self.controls.pending:
            self.say("The run is at work; it goes on when this notebook is closed.")

    def _way_on(self):
        command = "finetune" if "finetune" in self.follower.config else "pretrain"
        return f"keras-electra {command} --run-dir {self.path}"

    def _draw(self):
        self._is_dirty, self._drawn_at = False, time.monotonic()
        self._charts = charts_of(self.follower, self.axis.value, self.smoothing.value)
        has_figures = any(line.newest is not None for chart in self._charts for line in chart.lines)
        waiting = "" if has_figures else "No figures yet: the first row of the log brings them."
        self.placeholder.value = static_html.escaped(waiting)
        self.head.chart = sentence_of(self._charts, self._axis_title())
        shown = TITLES[self.tabs.selected_index or 0]
        if shown == "Curves" and has_figures:
            self.board.draw(
                self._charts,
                axis_title=self._axis_title(),
                log_scale=self.log_scale.value,
                marks=self._marks(),
                checkpoints=self._positions("checkpoint"),
            )
        elif shown == "Table":
            self._show_values()
        elif shown == "Events":
            rows = [
                {"id": str(number), "label": str(number), "cells": event_cells(event)}
                for number, event in enumerate(self.follower.events)
            ]
            self.events.show(
                ["when", "step", "event", "details"],
                rows[::-1][:500],
                "What happened, newest first",
            )
        elif shown == "Log":
            text = last_lines(self.follower.run.output_path, 200, 65536)
            empty = "The training process has printed nothing into output.txt."
            self.output.value = static_html.preformatted(text or empty)
        elif shown == "Settings":
            rows = [
                {"id": name, "label": name, "cells": [name, value]}
                for name, value in flattened(self.follower.config).items()
            ]
            self.settings.show(["setting", "value"], rows, "config.json")

    def _show_values(self):
        rows = [
            {"id": f"{chart} {line}", "label": line, "cells": [chart, line, *numbers]}
            for chart, line, *numbers in table_of(self._charts)
        ]
        titles = ["chart", "line", "newest", "lowest", "highest"]
        self.values.show(titles, rows, "The curves in numbers")

    def _axis_title(self):
        return AXES[self.axis.value]

    def _marks(self):
        marks = [mark for mark in marks_of(self.follower.events) if mark.kind != "checkpoint"]
        where = positions(self.follower.columns, self.axis.value, [mark.step for mark in marks])
        return [
            (float(position), mark.kind, mark.label)
            for position, mark in zip(where, marks, strict=True)
        ]

    def _positions(self, kind):
        steps = [mark.step for mark in marks_of(self.follower.events) if mark.kind == kind]
        return positions(self.follower.columns, self.axis.value, steps)


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


def clock(seconds: float) -> str:
    """clock(3725) is "1:02:05"."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
