"""`RunMonitor`: any run folder, live or finished, watched and steered."""

import time

import ipywidgets

from keras_electra.files import shown_path
from keras_electra.monitoring import RunFollower
from keras_electra.monitoring.axes import AXES, seconds_left
from keras_electra.monitoring.charts import table_of
from keras_electra.monitoring.guards import folder_sentences, guard_sentences
from keras_electra.monitoring.run_follower import last_lines
from keras_electra.runs import LIVE_STATES
from keras_electra.runs.kind import way_on
from keras_electra_widgets import static_html, ticker
from keras_electra_widgets.chart_options import refuse_wrong
from keras_electra_widgets.panel import Panel, refuse_unknown
from keras_electra_widgets.run_controls import RunControls
from keras_electra_widgets.run_tabs import RunTabs

DUTY = 0.04
"""Share of a core that drawing may take: after a picture that took long, the next waits."""
BEHIND_SECONDS, HIDDEN_SECONDS = 2.0, 5.0
FOLDER_SECONDS = 5.0
ENDED_SECONDS = 2.0
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

    tabs = None

    def __init__(self, path, *, axis="steps", smoothing=0.0, log_scale=False, **unknown):
        refuse_unknown("RunMonitor", unknown, OPTIONS)
        refuse_wrong(axis, AXES, smoothing)
        self.follower = RunFollower(path)
        self.path = self.follower.run.path
        self._is_dirty, self._drawn_at, self._next_look = True, 0.0, 0.0
        self._looked_at_folder, self._folder_guards, self._told = 0.0, [], set()
        self._num_behind = 0
        super().__init__(self.path.resolve().name)
        self.tabs = RunTabs(self.follower, axis, smoothing, log_scale)
        self._build()
        ticker.shared.do(self._start, self.fail)
        self.every(0.25, self._tick)

    # What the panel says of itself.

    def code(self) -> str:
        """The Python that shows this run in this way."""
        options = []
        shown = self.tabs
        if shown.axis.value != "steps":
            options.append(f"axis={shown.axis.value!r}")
        if shown.smoothing.value:
            options.append(f"smoothing={shown.smoothing.value:g}")
        if shown.log_scale.value:
            options.append("log_scale=True")
        call = ", ".join([repr(shown_path(self.path)), *options])
        return f"from keras_electra_widgets import RunMonitor\n\nRunMonitor({call})"

    def static_parts(self) -> list[str]:
        """Hints, curves as a picture, their newest values, and what happened last."""
        hints = [static_html.paragraph(f"Hint: {one}") for one in self.hints()]
        return [*hints, *self.tabs.static_parts()]

    def as_text(self) -> str:
        """State, newest values and hints, for consoles."""
        lines = [super().as_text(), *(f"hint: {one}" for one in self.hints())]
        lines += [
            f"{chart}: {line} {static_html.shown(now)}"
            for chart, line, now, *_ in table_of(self.tabs.charts)
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
        self.tabs.board.set_dark(dark)

    def close(self) -> None:
        """Stop watching; the run goes on."""
        if self.tabs is not None:
            self.tabs.board.close()
        super().close()

    # Building.

    def _build(self):
        self.controls = RunControls(self, self.follower)
        self.progress = ipywidgets.FloatProgress(
            min=0.0, max=1.0, layout=ipywidgets.Layout(width="100%", height="14px")
        )
        self.hint_lines = ipywidgets.HTML()
        self.tabs.observe(self.guarded(lambda change: self._redraw()))
        self.head.observe(
            self.guarded(lambda change: self._take_width(change["new"])), names="width"
        )
        self.children = [
            self.head,
            self.progress,
            self.controls,
            self.hint_lines,
            self.tabs.options,
            self.tabs.box,
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
        if not self.tabs.board.is_behind:
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
        self.tabs.board.set_width(pixels)
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
        where = shown_path(self.path)
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
        where, status = shown_path(self.path), self.follower.status
        if state == "failed":
            message = status.get("message") or "the run has failed"
            self.alarm(str(message), self.log_tail())
        elif state == "finished":
            viewers = {"finetune": "TaskExplorer", "pretrain": "ReplacedTokenView"}
            found = [name for kind, name in viewers.items() if kind in self.follower.config]
            then = f" Next: {found[0]}({where!r}) looks into it." if found else ""
            self.say(f"The run has finished.{then}")
        elif state in ("stopped", "interrupted"):
            how = "was stopped" if state == "stopped" else "ended without finishing"
            self.say(
                f"The run {how}; {way_on(self.follower.run)} goes on with it.", self.log_tail()
            )
        elif state == "starting":
            self.say("The run is starting: the first step is compiled, which can take a minute.")
        elif state == "paused" and not self.head.sentence.startswith("The run waits"):
            self.say("The run is paused; Resume lets it go on.")
        elif state == "running" and not self.controls.pending:
            self.say("The run is at work; it goes on when this notebook is closed.")

    def _draw(self):
        self._is_dirty, self._drawn_at = False, time.monotonic()
        self.tabs.draw()
        self.head.chart = self.tabs.sentence()


def clock(seconds: float) -> str:
    """clock(3725) is "1:02:05"."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
