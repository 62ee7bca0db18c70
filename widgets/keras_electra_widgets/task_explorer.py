"""`TaskExplorer`: what a fine-tuning run reached, and every example that it got right or wrong."""

import os
from collections.abc import Callable

import ipywidgets

from keras_electra.errors import MissingExtraError
from keras_electra.exploring import (
    ORDERS,
    VERDICTS,
    Flags,
    Judged,
    Selection,
    TaskRun,
    as_text,
    confusion,
    decisions_at,
    select,
    with_probability_threshold,
)
from keras_electra.files import shown_path
from keras_electra.runs import LIVE_STATES
from keras_electra.tasks.kinds import kind_of
from keras_electra_widgets import example_html, static_html, ticker
from keras_electra_widgets.examples import ExampleBrowser
from keras_electra_widgets.figure import figure_box
from keras_electra_widgets.new_text import NewText
from keras_electra_widgets.panel import Panel, refuse_unknown
from keras_electra_widgets.task_charts import SHARES, TaskFigure

ANY = "any"
LOOK_SECONDS = 5.0
NUM_STATIC = 10
"""Examples that the static copy holds."""
STATE_OF = {"starting": "busy", "interrupted": "stopped", "failed": "error", None: "empty"}
KNOWN = ("task", "split", "trial", "predict")


class TaskExplorer(Panel):
    """Results, confusions, calibration and examples of a fine-tuning run, finished or going on.

    A cell of the confusions filters the examples; J and K go through them, X flags one in the run's
    `flags.jsonl`, E puts its text into the form for new text. The plain objects behind it are
    `keras_electra.exploring.TaskRun`, `Selection` and `select`.

    Args:
        run_dir: folder of the run.
        task, split, trial: what to show first; by default the first task, its validation part and the
            best trial.
        predict: function from a list of inputs, as `model.predict` takes them, to prediction rows. By
            default the run's best model is asked, in a process that starts at the first question.
    """

    # Also for one that its constructor refused, and that is closed all the same.
    _ask = None

    def __init__(self, run_dir, **options):
        refuse_unknown("TaskExplorer", options, KNOWN)
        self.run = TaskRun(run_dir)
        self._ask = options.get("predict")
        self.flags = Flags(self.run.path)
        self.browser = ExampleBrowser()
        self.figure = TaskFigure(self.show_cell)
        self.new_text = None
        self._make_controls(options)
        super().__init__(os.fspath(run_dir), [*self._body()])
        self._fill(options)
        self.browser.on_msg(self.guarded(lambda browser, message, buffers: self._heard(message)))
        for control in (self.task, self.split, self.trial):
            control.observe(lambda change: self._soon("place", self._chosen), names="value")
        for control in (self.verdict, self.gold, self.predicted, self.order, self.search):
            control.observe(lambda change: self._soon("filter", self._filter), names="value")
        for control in (self.threshold, self.share):
            control.observe(lambda change: self._soon("judge", self._judge), names="value")
        self._timer = self.every(LOOK_SECONDS, self._look)

    # What is shown, for scripts.

    @property
    def examples(self) -> list[Judged]:
        """All examples of the split, judged at the threshold."""
        return self._examples

    @property
    def selected(self) -> list[Judged]:
        """The examples that fit the filters, in the order of the browser."""
        return self._selected

    @property
    def selection(self) -> Selection:
        """The filters."""
        return Selection(
            verdict=self.verdict.value,
            gold=None if self.gold.value == ANY else self.gold.value,
            predicted=None if self.predicted.value == ANY else self.predicted.value,
            search=self.search.value,
            order=self.order.value,
        )

    def show_cell(self, gold: str | None, predicted: str | None) -> None:
        """Filter by a cell of the confusions; None for any label."""
        self.verdict.value = "all"
        self.gold.value = gold or ANY
        self.predicted.value = predicted or ANY

    def show_all(self) -> None:
        """Take the filters away."""
        self.show_cell(None, None)
        self.search.value, self.order.value = "", ORDERS[0]

    # Parts of `Panel`.

    def code(self) -> str:
        """The Python that selects these examples and shows them."""
        if not self._examples:
            return (
                "from keras_electra_widgets import TaskExplorer\n\n"
                f"TaskExplorer({shown_path(self.run.path)!r})"
            )
        place = f"{self.task.value!r}, {self.split.value!r}, {self.trial.value}"
        filters = {
            name: value
            for name, value in vars(self.selection).items()
            if value != getattr(Selection(), name)
        }
        given = ", ".join(f"{name}={value!r}" for name, value in filters.items())
        options = f"task={self.task.value!r}, split={self.split.value!r}, trial={self.trial.value}"
        return (
            "from keras_electra.exploring import Selection, TaskRun, select\n"
            "from keras_electra_widgets import TaskExplorer\n\n"
            f"run = TaskRun({shown_path(self.run.path)!r})\n"
            f"examples = run.judged({place})\n"
            f"shown = select(examples, Selection({given}))\n\n"
            f"TaskExplorer(run.path, {options})"
        )

    def as_text(self) -> str:
        """The figures of the split and its hardest examples, for consoles."""
        if not self._examples:
            return super().as_text()
        told = as_text(self.run, self.task.value, self.split.value, self._examples)
        return f"{self.head.sign} {self.head.word}  {self.head.title}\n{told}"

    def static_parts(self) -> list[str]:
        """Results, confusions and the first of the selected examples."""
        if not self._examples:
            return []
        parts = [
            static_html.heading(f"{self.task.value}, {self.split.value}, trial {self.trial.value}"),
            self.results.value,
        ]
        if self._has_confusion:
            parts += [static_html.heading("Confusions"), self._confusion_table()]
        parts += [self.details.value, static_html.heading(self._selection_sentence())]
        return [*parts, *map(example_html.example, self._selected[:NUM_STATIC])]

    def on_theme(self, dark: bool) -> None:
        """Draw for a dark page, or a light one."""
        self.figure.set_dark(dark)

    def close(self) -> None:
        """Take the panel from the page and end the process that answers."""
        if hasattr(self._ask, "close"):
            self._ask.close()
        super().close()

    # Controls

    def _make_controls(self, options):
        def choice(description, values=(), **traits):
            style = {"description_width": "initial"}
            return ipywidgets.Dropdown(
                description=description, options=values, style=style, **traits
            )

        self._examples, self._selected, self._labels, self._report = [], [], [], None
        self.task = choice("task", self.run.tasks)
        if options.get("task") is not None:
            self.task.value = options["task"]
        self.split, self.trial = choice("split"), choice("trial")
        self.share = choice("colours of the confusions", SHARES)
        self.verdict, self.order = choice("show", VERDICTS), choice("order", ORDERS)
        self.gold, self.predicted = choice("right", [ANY]), choice("given", [ANY])
        self.search = ipywidgets.Text(
            description="search",
            placeholder="text in the example",
            style={"description_width": "initial"},
        )
        self.threshold = ipywidgets.FloatSlider(
            0.5, min=0.0, max=1.0, step=0.01, layout=ipywidgets.Layout(width="420px")
        )
        self.threshold.style = {"description_width": "initial"}
        self.counts, self.results, self.details, self.seen = (ipywidgets.HTML() for _ in range(4))
        self.seen.add_class("ke-quiet")
        self.reset = ipywidgets.Button(description="Show all", tooltip="Take the filters away")
        self.reset.on_click(lambda button: self.show_all())

    def _body(self):
        def row(*children):
            return ipywidgets.HBox(children, layout=ipywidgets.Layout(flex_flow="row wrap"))

        self.binary = row(self.threshold, self.counts)
        self.places = row(self.task, self.split, self.trial)
        self.filters = row(
            self.verdict, self.gold, self.predicted, self.order, self.search, self.reset
        )
        self.asking = ipywidgets.VBox()
        self.content = ipywidgets.VBox(
            [
                self.places,
                self.results,
                self.share,
                figure_box(self.figure),
                self.seen,
                self.binary,
                self.details,
                self.filters,
                self.browser,
                self.asking,
            ]
        )
        return [self.content]

    def _soon(self, name, job):
        """Have a control's work done, of many moves of it only the last."""
        ticker.shared.post(job, self.fail, key=(self.uid, name))

    # Filling

    def _look(self):
        """See whether another trial is done, as long as the run goes on."""
        before = (self.run.trials, bool(self.run.conclusion))
        self.run.refresh()
        if (self.run.trials, bool(self.run.conclusion)) != before:
            self._fill({})
        self._tell_state()
        if self.run.folder.state() not in LIVE_STATES:
            self._timer.cancel()

    def _fill(self, options):
        """Offer the splits and trials that there are, and show the chosen ones."""
        splits, trials = self.run.splits(self.task.value), self.run.trials
        self.content.layout.display = None if splits else "none"
        self._tell_state()
        if not splits:
            return
        former = self.split.value, self.trial.value
        self.split.options, self.trial.options = splits, trials
        wanted = options.get("split") or former[0]
        self.split.value = wanted if wanted in splits else splits[0]
        wanted = former[1] if options.get("trial") is None else options["trial"]
        self.trial.value = wanted if wanted in trials else self.run.best_trial
        for control, values in (
            (self.task, self.run.tasks),
            (self.split, splits),
            (self.trial, trials),
        ):
            control.layout.display = "none" if len(values) < 2 else None
        self._chosen()

    def _tell_state(self):
        state = self.run.folder.state()
        self.set_state(STATE_OF.get(state, state), word=state)
        self.say(self.run.state_sentence())

    def _chosen(self):
        """Another task, split or trial was chosen."""
        if self.split.options != tuple(self.run.splits(self.task.value)):
            return self._fill({})
        task, split, trial = self.task.value, self.split.value, self.trial.value
        self._kind = self.run.kinds[task]
        self._judged = list(self.run.judged(task, split, trial))
        self._labels = self.run.labels(task, split, trial)
        kind = kind_of(self._kind)
        self._has_confusion = kind.chart == "confusion"
        has_labels = bool(self._labels)
        for control in (self.gold, self.predicted):
            control.options = [ANY, *self._labels]
            control.layout.display = None if has_labels else "none"
        self.share.layout.display = None if self._has_confusion else "none"
        self._is_binary = (
            kind.has_threshold
            and len(self._labels) == 2
            and all(one.row.get("probabilities") for one in self._judged)
        )
        self.binary.layout.display = None if self._is_binary else "none"
        self.threshold.value = 0.5
        self.threshold.description = f"{self._labels[1]} from" if self._is_binary else ""
        self.results.value = example_html.metrics_table(self.run, task, split)
        self._offer_new_text()
        self._judge()

    def _judge(self):
        """Judge the examples at the threshold and draw what follows from it."""
        self._examples = self._judged
        if self._is_binary and self.threshold.value != 0.5:
            self._examples = with_probability_threshold(
                self._judged, self._labels, self.threshold.value
            )
        try:
            self._report = self.run.report(self._examples, self._labels)
        except MissingExtraError as error:
            self._report = None
            self.say(str(error))
        self.seen.value = static_html.escaped(
            self.figure.show(
                self._kind, self._examples, self._labels, self._report, self.share.value
            )
        )
        self.counts.value = self._counts()
        self.details.value = self._details()
        self._filter()

    def _counts(self):
        if not self._is_binary:
            return ""
        found = decisions_at(self._examples, self._labels)
        figures = [
            (f"{self._labels[1]} found", found.num_caught),
            ("missed", found.num_missed),
            ("false alarms", found.num_false_alarms),
            ("accuracy", found.accuracy),
            ("precision", found.precision),
            ("recall", found.recall),
            ("F1", found.f1),
        ]
        shown = (
            f"{name} {'not defined' if value is None else static_html.shown(value)}"
            for name, value in figures
        )
        return static_html.escaped(" · ".join(shown))

    def _details(self):
        if self._report is None:
            return static_html.paragraph("The right answers of this split are not known.")
        if kind_of(self._kind).chart == "values":
            return example_html.value_table(self._report)
        calibration = example_html.calibration_table(self._report.get("calibration"))
        return example_html.label_table(self._report) + calibration

    def _confusion_table(self):
        return example_html.confusion_table(*confusion(self._examples, self._labels))

    # The browser of examples

    def _filter(self):
        self._selected = select(self._examples, self.selection, self._flagged())
        self._show_page(0)
        self.renew_copy()

    def _show_page(self, first):
        self.browser.show(self._selected, len(self._examples), self._flagged(), first)

    def _flagged(self):
        return self.flags.of(self.task.value, self.split.value)

    def _selection_sentence(self):
        chosen = self.selection
        filters = [f"{name} {value}" for name, value in vars(chosen).items() if value]
        return f"{len(self._selected)} of {len(self._examples)} examples ({'; '.join(filters)})"

    def _heard(self, message):
        kind = message.get("kind")
        if kind == "page":
            self._show_page(int(message["first"]))
        elif kind == "flag":
            is_flagged = self.flags.toggle(self.task.value, self.split.value, str(message["id"]))
            self._show_page(self.browser.first)
            what = "is flagged in" if is_flagged else "is no longer flagged in"
            self.say(f"{message['id']} {what} {self.flags.path}")
        elif kind == "edit":
            self.new_text.fill(self._selected[int(message["place"])])
            self.say("The text stands in “New text” below: change it and press Predict.")

    # New text

    def _offer_new_text(self):
        if self.new_text is None or self.new_text.kind != self._kind:
            self.new_text = NewText(self._kind, self.guarded(self._predict))
            self.asking.children = [ipywidgets.HTML(static_html.heading("New text")), self.new_text]

    def _predict(self, given):
        self.new_text.check(is_busy=True)
        self.new_text.say("asking the model; the first question also loads it")
        form, task = self.new_text, self.task.value
        self.work(
            lambda: self._function()([given], task),
            then=lambda rows: (form.show(rows[0], given), form.check()),
            on_error=lambda error: (form.say(str(error)), form.check()),
        )

    def _function(self) -> Callable:
        """What is asked about new text."""
        if self._ask is None:
            from keras_electra.workers import PredictorClient

            self._ask = PredictorClient(self.run.path)
        is_own = hasattr(self._ask, "close")
        return self._ask if is_own else lambda inputs, task: self._ask(inputs)
