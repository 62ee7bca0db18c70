"""`ReplacedTokenView`: what does the model notice? Mask, sample, edit, judge."""

import dataclasses
import json
import pathlib
import secrets
import time

import ipywidgets

from keras_electra.errors import InputError
from keras_electra.traces import Scenario, Trace, plain_text
from keras_electra.workers import Reply, WorkerError
from keras_electra_widgets import scenario_history as states
from keras_electra_widgets import sources, ticker, token_html
from keras_electra_widgets.actions import Action, ActionRow
from keras_electra_widgets.panel import Panel, refuse_unknown
from keras_electra_widgets.tokens import SuspectList, TokenGrid

SLOW_SECONDS = 0.3
"""After this a question in work is told: sooner, the badge would only flicker."""
LOOK_SECONDS = 0.5
NOTHING = "none"


class ReplacedTokenView(Panel):
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
        threshold: float = 0.5,
        records=None,
        **options,
    ):
        refuse_unknown("ReplacedTokenView", options, sources.OPTIONS)
        self._source, name, self._path = sources.opened(model, backend, device)
        self._backend, self._device = backend, device
        self._records = None if records is None else pathlib.Path(records)
        # The model's own temperature, once it is known, unless one was asked for.
        self._takes_temperature = "temperature" not in options
        self._history = states.ScenarioHistory([("start", Scenario(text=text, **options))])
        self._scenario, self._trace = self._history.scenario, None
        self._pins, self._looked, self._info = [], None, None
        self._asked, self._job, self._job_question = [], None, None
        self._after_trace, self._base_trace, self._is_previewing = None, None, False
        self._compared, self._job_path, self._rows = None, "", []
        self.grid = TokenGrid(threshold=threshold)
        self.suspects = SuspectList()
        super().__init__(name, [self._tools(), self.grid, self.suspects])
        self.grid.on_msg(self.guarded(lambda widget, message, buffers: self._do(message)))
        self.grid.observe(self.guarded(lambda change: self.renew_copy()), names="threshold")
        self.suspects.on_msg(
            self.guarded(lambda widget, message, buffers: self._run(message["text"]))
        )
        if hasattr(self._source, "on_state"):
            self._source.on_state = self.guarded(self._process_state)
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
        model = "model" if self._path is None else repr(self._path)
        text = repr(self._scenario.text)
        opened = "model" if self._path is None else f"ke.load({self._path!r})"
        threshold = self.grid.threshold
        return (
            f"from keras_electra_widgets import {type(self).__name__}\n\n"
            f"{type(self).__name__}({model}, {text}, threshold={threshold}{given})\n\n"
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
        """Take the panel away and end the model's process."""
        # One that could not be made is closed by the garbage collector all the same.
        if hasattr(self, "_source"):
            self._source.close()
        super().close()

    def _post(self, job):
        ticker.shared.post(job, self.fail)

    # Tools above the grid

    def _tools(self):
        self._refresh = Action("Refresh", "Take the weights of the newest checkpoint")
        self._strip = Action("One at a time", "The best wrong guess in each place alone")
        self._film = Action("Film strip", "What the run's checkpoints say of these tokens")
        self._fool = Action("Fool it!", "A game: change a word so that it is not noticed")
        self._stop = Action("Stop", "Give up what is being computed")
        self._score = Action("Score file", "Find the most suspicious words of a text file")
        self._others = ipywidgets.Dropdown(
            options=[(NOTHING, None)],
            description="compare with",
            style={"description_width": "initial"},
        )
        self._file = ipywidgets.Text(
            placeholder="a text file on the kernel's machine",
            description="file",
            style={"description_width": "initial"},
        )
        for action, done in (
            (self._refresh, self.refresh),
            (self._strip, self.sensitivity),
            (self._film, self.film),
            (self._fool, self._switch_game),
            (self._stop, self._stop_job),
            (self._score, lambda: self.score_file(self._file.value)),
        ):
            action.on_click(self.guarded(lambda _, done=done: done()))
        self._others.observe(
            self.guarded(lambda change: self.compare_with(change["new"])), names="value"
        )
        self._file.observe(self.guarded(lambda change: self._draw_tools()), names="value")
        first = (self._refresh, self._others, self._strip, self._film, self._fool)
        self._row = ActionRow(*first, self._file, self._score, self._stop)
        return self._row

    def _draw_tools(self):
        reasons, has_text = self.grid.reasons, bool(self._trace and len(self._trace.tokens) > 2)
        no_text = "" if has_text else "there is no text yet"
        busy = f"“{self._job['name']}” is going on" if self._job else ""
        for action, name in (
            (self._refresh, "refresh"),
            (self._strip, "strip"),
            (self._film, "film"),
            (self._fool, "game"),
        ):
            needs_text = "" if name == "refresh" else no_text or busy
            if name == "game":
                needs_text = no_text
            why = (
                reasons.get(name, "")
                or needs_text
                or ("" if self._info else "the model is starting")
            )
            action.allow_if(not why, why)
        why = (
            reasons.get("file", "")
            or busy
            or ("" if self._file.value.strip() else "no file is named")
        )
        self._score.allow_if(not why, why)
        self._stop.allow_if(self._job, "nothing is being computed")
        self._others.disabled = "compare" in reasons or not self._info
        self._others.tooltip = reasons.get("compare", "Another checkpoint of this run")
        self._fool.button_style = "info" if self.grid.game else ""
        self._row.refresh()

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

    # Asking and being answered

    def _ask(self, kind, then, view=None, on_progress=None, **fields):
        """Put a question; `then(value)` is called where widgets are written. Returns the question."""
        question = Question(kind, time.monotonic())

        def came(reply: Reply):
            ticker.shared.post(lambda: self._take(question, reply, then, on_progress), self.fail)

        # Before it is put, for the answer may be there before its number.
        self._asked.append(question)
        try:
            question.number = self._source.request(kind, came, view=view, **fields)
        except WorkerError as error:
            self._asked.remove(question)
            self.fail(error)
            self.set_state("error")
        return question

    def _take(self, question, reply, then, on_progress):
        if reply.kind == "progress":
            if on_progress is not None:
                on_progress(reply)
            return
        if question in self._asked:
            self._asked.remove(question)
        if question is self._job_question:
            self._job = self._job_question = None
            self._draw()
        if reply.kind == "answer":
            if self.head.is_alert:
                self.say("")
            then(reply.value)
        elif reply.kind == "error":
            self.fail(WorkerError(reply.message))
            self.set_state("error")
            return
        self._settle()

    def _settle(self):
        """The state when nothing is being waited for."""
        if not any(question.kind in ("info", "trace") for question in self._asked):
            self.set_state("ready" if self._scenario.text.strip() else "empty")

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
            self._info = None
            self.say(
                "The model's process ended; the next question starts another.", self.log_tail()
            )

    def _informed(self, info):
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
        checkpoints = [(f"step {step:,}", path) for step, path in info.get("checkpoints", [])]
        if [pair for pair in self._others.options[1:]] != checkpoints:
            self._others.options = [(NOTHING, None), *checkpoints]
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
        self._after_trace = on_trace
        scenario = self._scenario
        self._ask(
            "trace",
            lambda value: self._traced(scenario, value),
            view="trace",
            scenario=scenario.to_dict(),
        )

    def _traced(self, scenario, value):
        trace = Trace.from_dict(value)
        is_same = self._trace is not None and list(trace.corrupted_tokens) == list(
            self._trace.corrupted_tokens
        )
        self._trace = trace
        with self.grid.hold_sync():
            self.grid.trace = value
            if not is_same:
                self.grid.strip = self.grid.film = self.grid.compare = None
        then, self._after_trace = self._after_trace, None
        if then is not None:
            then(trace)
        if self._compared is not None and not is_same:
            self._compare(self._compared)
        if self._looked is not None and not self._is_previewing:
            self._look(self._looked)
        self._draw_tools()
        self.renew_copy()

    def _go_on(self, label, scenario, replaces=False, on_trace=None):
        """A new state: remembered, shown and asked about."""
        self._is_previewing = False
        self._history.go_on(label, scenario, replaces)
        self._scenario = self._history.scenario
        self._draw()
        self._request_trace(on_trace)

    # What the browser sends

    def _do(self, message):
        kind = message.get("kind") if isinstance(message, dict) else None
        handler = getattr(self, f"_on_{kind}", None)
        if handler is None:
            raise InputError(f"message: expected one that the grid sends, received {message!r}")
        self.grid.heard = int(message["id"])
        handler(message)

    def _on_run(self, message):
        self._run(message["text"])

    def _run(self, text):
        scenario = self._scenario
        if text == scenario.text:
            self._request_trace()
            return
        self._pins, self._looked = [], None
        with self.grid.hold_sync():
            self.grid.candidates, self.grid.note = None, ""
        masking = scenario.masking
        if masking in ("places", "none") and not self.grid.reasons.get("random"):
            masking = "random" if masking == "places" else masking
        scenario = scenario.replace(text=text, edits=(), places=(), kept=(), masking=masking)
        label, _ = self._history.states[self._history.now]
        self._go_on(f"text: {shortened(text)}", scenario, replaces=label.startswith("text: "))

    def _on_settings(self, message):
        names = {"masking", "mask_percent", "seed", "temperature", "top_k", "is_greedy"}
        changes = {name: value for name, value in message.items() if name in names}
        if "mask_percent" in changes:
            changes["mask_rate"] = (changes.pop("mask_percent") or 0) / 100
        if changes.get("masking") == "places" and self._trace is not None:
            changes["places"] = tuple(states.draws_of(self._trace))
        if "seed" in changes:
            changes["draw"] = 0
        kept = ()
        if self._trace is not None:
            kept = states.kept_rows(states.draws_of(self._trace), set(self._pins))
        told = ", ".join(f"{name} {value}" for name, value in changes.items() if name != "places")
        self._go_on(told, self._scenario.replace(**changes, kept=kept))

    def _on_dice(self, message):
        seed = secrets.randbelow(10_000)
        self._go_on(f"seed {seed}", self._scenario.replace(seed=seed, draw=0, kept=()))

    def _on_sample(self, message):
        scenario = states.sampled_again(self._scenario, self._trace, self._pins)
        self._go_on(f"sample {scenario.draw}", scenario, on_trace=self._record)

    def _on_mask(self, message):
        if self._trace is None:
            return
        places, is_masked = [tuple(place) for place in message["places"]], message["is_masked"]
        scenario = states.with_masks(self._scenario, self._trace, places, is_masked, self._pins)
        told = "masked" if is_masked else "shown again"
        words = {self._trace.words[word].text for word, _ in places}
        self._go_on(f"{told}: {shortened(', '.join(sorted(words)))}", scenario)

    def _on_pin(self, message):
        places = [tuple(place) for place in message["places"]]
        is_pinned = all(place in self._pins for place in places)
        others = [place for place in self._pins if place not in places]
        self._pins = others if is_pinned else [*others, *places]
        self._draw()

    def _on_put(self, message):
        if self._trace is None:
            return
        place, token = tuple(message["place"]), message["token"]
        scenario = states.with_token(self._scenario, self._trace, place, token)
        self._go_on(f"put {token}", scenario, on_trace=self._record)

    def _on_edit(self, message):
        self._edit(message["word"], message["text"], message["is_final"])

    def _edit(self, word, text, is_final):
        """A word is being rewritten: shown at once, remembered when it is final."""
        if self._trace is None:
            return
        if not 0 <= word < len(self._trace.words):
            raise InputError(
                f"word: expected a number below {len(self._trace.words)}, received {word}"
            )
        base = self._history.scenario
        if text is None or not text.strip():
            self._is_previewing = False
            self._scenario = base
            self._request_trace()
            return
        scenario = states.with_edit(base, self._trace_of_base(), word, text)
        if is_final:
            typed = self._trace.words[word].text
            before = dict(base.edits).get(word, typed)
            label = f"{before} → {text.strip()}"
            self._base_trace = None
            self._go_on(label, scenario, on_trace=lambda trace: self._judged(trace, word, before))
        else:
            self._is_previewing = True
            self._scenario = scenario
            self._request_trace(lambda trace: self._preview(trace, word))

    def _trace_of_base(self):
        """The trace of the state that the word being rewritten belongs to."""
        if not self._is_previewing or self._base_trace is None:
            self._base_trace = self._trace
        return self._base_trace

    def _preview(self, trace, word):
        self.grid.note = self._verdict_on(trace, word, trace.words[word].text)

    def _judged(self, trace, word, before):
        """An edit is done: told, counted, recorded."""
        edited = trace.words[word].edited
        if edited is None:
            self.grid.note = f"“{trace.words[word].text}” is back"
            return
        self.grid.note = self._verdict_on(trace, word, before)
        self._record(trace)
        if trace.probabilities is None:
            return
        self._looked = (word, 0)
        found = {"from": before, "to": edited, "probability": highest(trace, word), "rank": None}
        self.grid.tries = [*self.grid.tries, found]

    def _verdict_on(self, trace, word, before):
        to = trace.words[word].edited
        sentence = f"you changed {before} → {to}"
        if to is None or trace.probabilities is None:
            return sentence
        probability = highest(trace, word)
        noticed = "caught" if probability >= self.grid.threshold else "missed"
        if not trace.is_replaced[trace.words[word].first : trace.words[word].last].any():
            noticed = "the tokens are the same"
        unknown = (
            "[UNK]" in trace.corrupted_tokens[trace.words[word].first : trace.words[word].last]
        )
        return f"{sentence}: {probability:.2f}, {noticed}" + (
            "; not in the vocabulary, seen as [UNK]" if unknown else ""
        )

    def _on_look(self, message):
        self._look(tuple(message["place"]))

    def _look(self, place):
        self._looked = place
        if self._trace is None or self.grid.reasons.get("candidates"):
            return
        word, piece = place
        if word >= len(self._trace.words) or not self._has(word, piece):
            self._looked = None
            return
        fields = {"scenario": self._scenario.to_dict(), "place": list(place)}
        self._ask("candidates", self._candidates_came, view="candidates", **fields)

    def _has(self, word, piece):
        found = self._trace.words[word]
        return found.first + piece < found.last

    def _candidates_came(self, value):
        self.grid.candidates = value
        tries, word = self.grid.tries, value["place"][0]
        shown = next((row for row in value["rows"] if row["is_shown"]), None)
        edited = self._trace.words[word].edited if word < len(self._trace.words) else None
        if tries and shown and tries[-1]["rank"] is None and tries[-1]["to"] == edited:
            self.grid.tries = [*tries[:-1], {**tries[-1], "rank": shown["rank"]}]
        self.renew_copy()

    def _on_undo(self, message):
        self._go_to(self._history.now - 1)

    def _on_redo(self, message):
        self._go_to(self._history.now + 1)

    def _on_go(self, message):
        self._go_to(message["index"])

    def _go_to(self, index):
        self._history.go(index)
        self._is_previewing = False
        self._scenario = self._history.scenario
        self._draw()
        self._request_trace()

    def _on_stop(self, message):
        self._stop_job()

    # What takes long

    def _compare(self, path):
        self._compared = None if path is None else str(path)
        if path is None:
            self.grid.compare = None
        elif self._trace is not None:
            fields = {"scenario": self._scenario.to_dict(), "model": str(path)}
            self._ask("judge", self._compared_came, view="judge", **fields)

    def _score_file(self, path, top):
        self._job_path = path
        self._start_job("file", f"judging {path}", self._file_came, path=path, top=top)

    def _start_job(self, kind, name, on_progress, **fields):
        if kind != "file" and self._trace is None:
            raise InputError("text: expected one to look into, received none")
        self._stop_job()
        self._job = {"name": name, "done": 0, "total": 0}
        self._rows = []
        if kind != "file":
            fields["scenario"] = self._scenario.to_dict()

        def told(reply):
            if self._job:
                self._job = {**self._job, "done": reply.done, "total": reply.total}
                self.grid.job = self._job
            on_progress(reply.value, reply.done == reply.total)

        # Named before it is asked, for it may be answered at once.
        self._draw()
        question = self._ask(
            kind, lambda value: self._job_done(kind, value), view="job", on_progress=told, **fields
        )
        if question in self._asked:
            self._job_question = question
        else:
            self._job = None
            self._draw()

    def _stop_job(self):
        if self._job_question is not None:
            self._source.cancel(self._job_question.number)

    def _strip_came(self, value, is_last):
        self._rows = [*self._rows, *value]
        self.grid.strip = {"places": self._rows}

    def _frame_came(self, value, is_last):
        self._rows = [*self._rows, value]
        self.grid.film = {"frames": self._rows}

    def _file_came(self, value, is_last):
        self.suspects.title = f"Most suspicious words so far in {self._job_path}"
        self.suspects.rows = value

    def _job_done(self, kind, value):
        if kind == "file":
            self.suspects.title = f"Most suspicious words in {self._job_path}"
            self.suspects.rows = value
            self.say("" if value else f"{self._job_path} holds no token to judge.")
        elif kind == "sensitivity":
            self.grid.strip = {"places": value}
        else:
            self.grid.film = {"frames": value}
        self.renew_copy(now=True)

    def _compared_came(self, value):
        steps = {path: label for label, path in self._others.options if path}
        path = value["model"]
        name = steps.get(path, pathlib.Path(path).name)
        self.grid.compare = {"name": name, "probabilities": value["probabilities"]}

    def _switch_game(self):
        self.grid.game = not self.grid.game
        if self.grid.game:
            self.grid.tries = []
        self._draw_tools()

    def _record(self, trace):
        """Add what is shown to the trial list, if there is a folder for it."""
        if self._records is None:
            return
        info = self._info or {}
        row = {
            "text": self._scenario.text,
            "scenario": self._scenario.to_dict(),
            "positions": trace.mask_positions.tolist(),
            "tokens": trace.corrupted_tokens,
            "probabilities": None if trace.probabilities is None else trace.probabilities.tolist(),
            "checkpoint": info.get("checkpoint"),
        }
        self._records.mkdir(parents=True, exist_ok=True)
        with open(self._records / "trials.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


@dataclasses.dataclass(eq=False)
class Question:
    """Something that was asked and not answered yet.

    Attributes:
        kind: of the request.
        asked: seconds of the monotonic clock.
        number: for giving it up.
    """

    kind: str
    asked: float
    number: int | None = None


def highest(trace: Trace, word: int) -> float:
    """The largest P(replaced) of a word's pieces."""
    found = trace.words[word]
    return float(trace.probabilities[found.first : found.last].max())


def shortened(text: str, most: int = 28) -> str:
    """The beginning of a text."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def age(seconds: float) -> str:
    """How old something is, in the largest unit that fits.

    >>> age(150)
    '2 min'
    """
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "under 1 min"
