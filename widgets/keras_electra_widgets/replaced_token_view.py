"""`ReplacedTokenView`: what does the model notice? Mask, sample, edit, judge."""

import dataclasses
import time

from keras_electra.files import absolute, shown_path
from keras_electra.traces import Scenario, Trace, plain_text
from keras_electra_widgets import sources, ticker, token_html
from keras_electra_widgets.panel import Panel, refuse_unknown
from keras_electra_widgets.questions import Asking
from keras_electra_widgets.scenario_history import ScenarioHistory
from keras_electra_widgets.token_jobs import TokenJobs
from keras_electra_widgets.token_steps import TokenSteps
from keras_electra_widgets.token_tools import TokenTools
from keras_electra_widgets.tokens import SuspectList, TokenGrid

SLOW_SECONDS = 0.3
"""After this a question in work is told: sooner, the badge would only flicker."""
LOOK_SECONDS = 0.5


class ReplacedTokenView(TokenSteps, TokenJobs, Asking, Panel):
    """A text, what a generator puts into it, and what the discriminator notices.

    Places are masked by click or strategy, drawn, and judged; words can be rewritten; the generator's
    candidates, single replacements and other checkpoints are compared. It reads checkpoints through a
    process of its own, so that the kernel stays free and a live run is not disturbed.

    Args:
        model: the folder of a run, a checkpoint or a preset; an `InspectorClient`; an `Inspector`, or a
            model with its tokenizer, in this kernel; or a function `texts → traces`.
        text: to begin with.
        backend: of the process that reads the folder; None for the kernel's own.
        device: "auto" (the CPU while a run holds the accelerator), "cpu" or "default".
        weights: of a folder, "last", or "average" for the moving average of a run with `ema_rate`.
        threshold: P(replaced) from which a token counts as noticed.
        records: a folder to which every judged edit and sample is added, as `trials.jsonl`; or None.
        **options: of `Scenario`, such as `masking="none"`, `seed=7` or `edits={2: "drank"}`.
    """

    def __init__(
        self,
        model,
        text: str = "",
        *,
        backend: str | None = None,
        device: str = "auto",
        weights: str = "last",
        threshold: float = 0.5,
        records=None,
        **options,
    ):
        refuse_unknown("ReplacedTokenView", options, sources.OPTIONS)
        self._source, name, self._path = sources.opened(model, backend, device, weights)
        self._weights = weights
        self._owns_source = self._source is not model
        self._records = None if records is None else absolute(records)
        # The model's own temperature, once it is known, unless one was asked for.
        self._takes_temperature = "temperature" not in options
        self._history = ScenarioHistory([("start", Scenario(text=text, **options))])
        self._scenario, self._trace = self._history.scenario, None
        self._pins, self._looked, self._info = [], None, None
        self._asked, self._job, self._job_question = [], None, None
        self._base_trace, self._is_previewing = None, False
        self._compared, self._job_path, self._rows = None, "", []
        self._postponed = []
        self.grid = TokenGrid(threshold=threshold)
        self.suspects = SuspectList()
        self.tools = TokenTools()
        super().__init__(name, [self.tools, self.grid, self.suspects])
        self._connect()
        self._draw()
        self.set_state("busy", "starting the model")
        self._ask("info", self._informed)
        self.every(LOOK_SECONDS, self._look_at_clock)

    # What a script may call.

    @property
    def trace(self) -> Trace | None:
        """What is shown; None before the first answer."""
        return self._trace

    @property
    def scenario(self) -> Scenario:
        """The text with everything that was done to it."""
        return self._scenario

    def show(self, text: str | Scenario) -> None:
        """Look into another text, or into a whole scenario."""
        if isinstance(text, Scenario):
            self._post(lambda: self._go_on("scenario", text))
        else:
            self._post(lambda: self._run(text))

    def edit(self, word: int, text: str) -> None:
        """Write something in the place of a word, as by F2; the word itself takes an edit back."""
        self._post(lambda: self._edit(word, text, is_final=True))

    def look(self, word: int, piece: int = 0) -> None:
        """List the generator's candidates for a place, and what the discriminator says of each."""
        self._post(lambda: self._look((word, piece)))

    def sensitivity(self) -> None:
        """Judge, for every place, the generator's best wrong guess put in alone."""
        self._post(lambda: self._start_job("sensitivity", "one at a time", self._strip_came))

    def film(self, count: int = 12) -> None:
        """Judge the tokens shown by this many of the run's checkpoints."""
        name = "asking every checkpoint"
        self._post(lambda: self._start_job("film", name, self._frame_came, count=count))

    def compare_with(self, path) -> None:
        """Judge the tokens shown by another checkpoint or model with the same vocabulary, too; None
        ends that."""
        self._post(lambda: self._compare(path))

    def score_file(self, path, top: int = 100) -> None:
        """Judge every line of a text file; its most suspicious words come first."""
        self._post(lambda: self._score_file(str(path), top))

    def refresh(self) -> None:
        """Take the weights of the run's newest checkpoint."""
        self._post(lambda: self._ask("refresh", self._informed, view="refresh"))

    def wait(self, timeout_seconds: float = 120.0) -> bool:
        """Wait until every question is answered; whether it is."""
        deadline = time.monotonic() + timeout_seconds
        while self.flush(max(0.1, deadline - time.monotonic())) and self._asked:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return not self._asked

    # What the panel says of itself.

    def code(self) -> str:
        """The Python for what is shown: the view, and the same without a notebook."""
        options = {
            field.name: getattr(self._scenario, field.name)
            for field in dataclasses.fields(Scenario)
            if field.name != "text" and getattr(self._scenario, field.name) != field.default
        }
        if "edits" in options:
            options["edits"] = dict(options["edits"])
        for name in ("places", "kept"):
            if name in options:
                options[name] = list(options[name])
        given = "".join(f", {name}={value!r}" for name, value in options.items())
        model = "model" if self._path is None else repr(shown_path(self._path))
        text = repr(self._scenario.text)
        chosen = "" if self._weights == "last" else f", weights={self._weights!r}"
        opened = "model" if self._path is None else f"ke.load({shown_path(self._path)!r}{chosen})"
        threshold = self.grid.threshold
        return (
            f"from keras_electra_widgets import {type(self).__name__}\n\n"
            f"{type(self).__name__}({model}, {text}, threshold={threshold}{chosen}{given})\n\n"
            "# The same in a script:\n"
            "import keras_electra as ke\nfrom keras_electra.traces import plain_text\n\n"
            f"trace = ke.Inspector({opened}).trace({text}{given})\n"
            f"print(plain_text(trace, threshold={threshold}))"
        )

    def as_text(self) -> str:
        """The panel's state and the text with its verdicts."""
        lines = [super().as_text()]
        if self._trace is not None:
            lines.append(plain_text(self._trace, self.grid.threshold))
        return "\n".join(lines)

    def static_parts(self) -> list[str]:
        """The rows, the candidates, the strip, the film and the file, as tables."""
        if self._trace is None:
            return []
        trace, grid = self._trace, self.grid
        parts = token_html.trace_parts(trace, grid.threshold)
        if grid.candidates:
            parts.append(token_html.candidates_part(grid.candidates))
        if grid.strip:
            parts.append(token_html.strip_part(trace, grid.strip["places"]))
        if grid.film:
            parts.append(token_html.film_part(trace, grid.film["frames"]))
        if self.suspects.rows:
            parts.append(token_html.suspects_part(self.suspects.title, self.suspects.rows[:20]))
        return parts

    def log_tail(self) -> str:
        """The last lines that the model's process wrote."""
        return "\n".join(self._source.stderr_tail())

    def close(self) -> None:
        """Take the panel away and end the model's process, unless it was given."""
        # One that could not be made is closed by the garbage collector all the same.
        if getattr(self, "_owns_source", False):
            self._source.close()
        super().close()

    def _post(self, job):
        """Do what a script asks for where widgets are written, after the first trace is there."""

        def do():
            if self._trace is None and self._scenario.text.strip() and self._asked:
                self._postponed.append(job)
            else:
                job()

        ticker.shared.post(do, self.fail)

    # Drawing

    def _connect(self):
        """Have the buttons do what they say."""
        tools = self.tools
        for action, done in (
            (tools.renew, self.refresh),
            (tools.strip, self.sensitivity),
            (tools.film, self.film),
            (tools.fool, self._switch_game),
            (tools.stop, self._stop_job),
            (tools.score, lambda: self.score_file(tools.file.value)),
        ):
            action.on_click(self.guarded(lambda _, done=done: done()))
        tools.others.observe(
            self.guarded(lambda change: self._compare(change["new"] or None)), names="value"
        )
        tools.file.observe(self.guarded(lambda change: self._draw_tools()), names="value")
        self.grid.on_msg(self.guarded(lambda widget, message, buffers: self._do(message)))
        self.grid.observe(self.guarded(lambda change: self.renew_copy()), names="threshold")
        self.suspects.on_msg(
            self.guarded(lambda widget, message, buffers: self._run(message["text"]))
        )
        if hasattr(self._source, "on_state"):
            self._source.on_state = self.guarded(self._process_state)

    def _draw_tools(self):
        has_text = bool(self._trace and len(self._trace.tokens) > 2)
        job = self._job["name"] if self._job else ""
        reasons, is_ready = self.grid.reasons, self._info is not None
        self.tools.allow(reasons, has_text, is_ready, job, self.grid.game)

    def _draw(self):
        """Bring settings, history and tools of the browser up to date."""
        scenario, grid = self._scenario, self.grid
        with grid.hold_sync():
            settings = scenario.to_dict()
            for name in ("edits", "places", "kept"):
                del settings[name]
            grid.settings = settings
            grid.pins = [list(place) for place in self._pins]
            grid.history = self._history.labels()
            grid.can_undo, grid.can_redo = self._history.can_undo, self._history.can_redo
            grid.job = self._job
        self._draw_tools()

    def _look_at_clock(self):
        now = time.monotonic()
        waiting = [one.kind for one in self._asked if now - one.asked > SLOW_SECONDS]
        if "trace" in waiting and self._info:
            self.set_state("busy", "thinking")
        self._say_age()

    def _process_state(self, state):
        if state == "starting":
            self.set_state("busy", "starting the model")
        elif state == "ended":
            self.say(
                "The model's process ended; the next question starts another.", self.log_tail()
            )

    def _informed(self, info):
        if self._info is not None and self._info.get("step") != info.get("step"):
            self.grid.strip = None
        self._info = info
        scenario = self._scenario
        reasons = sources.reasons_of(info)
        self.grid.reasons = reasons
        changes = {}
        if self._takes_temperature and "temperature" in info:
            changes["temperature"] = float(info["temperature"])
            self._takes_temperature = False
        if scenario.masking != "places" and (reasons.get("mask") or reasons.get(scenario.masking)):
            changes["masking"] = "none"
        if changes:
            self._scenario = scenario.replace(**changes)
            label, _ = self._history.states[self._history.now]
            self._history.states[self._history.now] = (label, self._scenario)
        self.tools.offer(info.get("checkpoints", []))
        self._say_age()
        self._draw()
        self._request_trace()

    def _say_age(self):
        info = self._info
        if not info:
            return
        parts = []
        if info.get("step"):
            parts.append(f"step {info['step']:,}")
        if info.get("written"):
            parts.append(f"weights {age(time.time() - info['written'])} old")
        if info.get("backend"):
            parts.append(info["backend"])
        subtitle = " · ".join(parts)
        if subtitle != self.head.subtitle:
            self.head.subtitle = subtitle

    # Traces

    def _request_trace(self, on_trace=None):
        scenario = self._scenario
        self._ask(
            "trace",
            lambda value: self._traced(scenario, value, on_trace),
            view="trace",
            scenario=scenario.to_dict(),
        )

    def _traced(self, scenario, value, on_trace):
        if scenario is not self._scenario:
            return
        before = [] if self._trace is None else list(self._trace.corrupted_tokens)
        self._trace = Trace.from_dict(value)
        is_same = list(self._trace.corrupted_tokens) == before
        with self.grid.hold_sync():
            self.grid.trace = value
            if not is_same:
                self.grid.strip = self.grid.film = self.grid.compare = None
        if on_trace is not None:
            on_trace(self._trace)
        if self._compared is not None and not is_same:
            self._compare(self._compared)
        if self._looked is not None and not self._is_previewing:
            self._look(self._looked)
        self._draw_tools()
        self.renew_copy()
        postponed, self._postponed = self._postponed, []
        for job in postponed:
            job()

    def _go_on(self, label, scenario, replaces=False, on_trace=None):
        """A new state: remembered, shown and asked about."""
        self._is_previewing = False
        self._history.go_on(label, scenario, replaces)
        self._scenario = self._history.scenario
        self._draw()
        self._request_trace(on_trace)


def age(seconds: float) -> str:
    """How old something is, in the largest unit that fits.

    >>> age(150)
    '2 min'
    """
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "under 1 min"
