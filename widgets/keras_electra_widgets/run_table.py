"""`RunTable`: all runs below a folder, what differs between them, their curves one over the other."""

import re
import time

import ipywidgets

from keras_electra.comparing import compare_results
from keras_electra.errors import InputError
from keras_electra.files import absolute, shown_path
from keras_electra.monitoring.run_comparison import (
    COMPARISON_AXES,
    differing,
    filtered,
    groups_of,
    paired_comparison,
    properties,
    short_names,
)
from keras_electra.monitoring.survey import survey
from keras_electra.runs import LIVE_STATES
from keras_electra_widgets import static_html, ticker
from keras_electra_widgets.actions import Action, ActionRow
from keras_electra_widgets.chart_options import ROW, refuse_wrong, tick_box
from keras_electra_widgets.panel import Panel, refuse_unknown
from keras_electra_widgets.run_curves import MAIN_FIGURES, MAX_SHOWN, RunCurves
from keras_electra_widgets.table import Table

SURVEY_SECONDS, DRAW_SECONDS = 5.0, 1.0
DUTY = 0.04
HASH = re.compile(r"[0-9a-f]{32,}")
OPTIONS = ("metric", "axis", "smoothing", "log_scale", "shown", "filter")


class RunTable(Panel):
    """Lists the runs in a folder and the folders below it, and compares those that are ticked.

        RunTable("runs")

    Broken runs are listed with the reason. The first ticked run, or the one pinned with the key B, is
    the baseline that others are compared with.

    Args:
        folder: where to look; it may not exist yet.
        metric: the figure whose curves are drawn; None for the first of `rtd_auc`, `loss` and others
            that the ticked runs have.
        axis: "steps", "tokens", "time", or "share" of the run's steps.
        smoothing: of the curves, from 0 to less than 1.
        log_scale: whether the chart has a logarithmic axis.
        shown: names of the runs to tick; None for the first few.
        filter: which runs to list, such as "learning_rate>1e-4 size=small".
    """

    curves = None

    def __init__(
        self,
        folder="runs",
        *,
        metric=None,
        axis="steps",
        smoothing=0.0,
        log_scale=False,
        shown=None,
        filter="",
        **unknown,
    ):
        refuse_unknown("RunTable", unknown, OPTIONS)
        refuse_wrong(axis, COMPARISON_AXES, smoothing)
        self.folder = absolute(folder)
        self.records, self._drawn, self._wanted_runs = [], [], shown
        self._surveyed_at = self._drawn_at = self._next_look = 0.0
        self._is_dirty = True
        super().__init__(str(folder))
        self.curves = RunCurves(metric, axis, smoothing, log_scale)
        self._build(filter)
        ticker.shared.do(self._start, self.fail)
        self.every(0.5, self._tick)

    # What the panel says of itself.

    def code(self) -> str:
        """The Python that shows these runs in this way."""
        curves = self.curves
        defaults = {
            "metric": curves.metric.value,
            "axis": curves.axis.value,
            "smoothing": round(curves.smoothing.value, 2),
            "log_scale": curves.log_scale.value,
            "shown": list(self.runs.ticked),
            "filter": self.filter.value,
        }
        usual = {
            "axis": "steps",
            "smoothing": 0.0,
            "log_scale": False,
            "filter": "",
            "metric": None,
        }
        changed = [
            f"{name}={value!r}"
            for name, value in defaults.items()
            if name not in usual or value != usual[name]
        ]
        call = ", ".join([repr(shown_path(self.folder)), *changed])
        return f"from keras_electra_widgets import RunTable\n\nRunTable({call})"

    def static_parts(self) -> list[str]:
        """The table, the curves as a picture, and the comparison."""
        titles = [column["title"] for column in self.runs.columns]
        parts = [static_html.table(titles, [row["cells"] for row in self.runs.rows])]
        parts.append(self.curves.picture(self._drawn))
        if self.verdict.value:
            # Its text was escaped when it was put there.
            parts.append(f"<p>{self.verdict.value}</p>")
        return parts

    def as_text(self) -> str:
        """The table, for consoles."""
        return f"{super().as_text()}\n{self.runs.as_text('Markdown')}"

    def on_theme(self, dark: bool) -> None:
        """Draw for a dark page, or a light one."""
        self.curves.board.set_dark(dark)

    def close(self) -> None:
        """Take the panel from the page; the runs stay as they are."""
        if self.curves is not None:
            self.curves.board.close()
            self.runs.close()
        super().close()

    # Building.

    def _build(self, text):
        self.filter = ipywidgets.Text(
            value=text,
            description="filter",
            placeholder="learning_rate>1e-4 size=small",
            continuous_update=False,
            layout=ipywidgets.Layout(width="420px"),
        )
        self.only_differing = tick_box("only settings that differ", True)
        for option in (self.filter, self.only_differing):
            option.observe(self.guarded(lambda change: self._filter()), names="value")
        self.runs = Table(ticks=True)
        self.runs.observe(self.guarded(lambda change: self._draw()), names=["ticked", "pinned"])
        self.curves.observe(self.guarded(lambda change: self._draw()))
        self.compare = Action(
            "Compare", "Newest figures of the baseline and the others, paired by seed"
        )
        self.compare.on_click(self.guarded(lambda _: self._compare()))
        self.actions = ActionRow(self.compare)
        self.verdict = ipywidgets.HTML()
        self.children = [
            self.head,
            ipywidgets.HBox([self.filter, self.only_differing], layout=ipywidgets.Layout(**ROW)),
            self.runs,
            self.curves.options,
            self.curves.board.box,
            self.actions,
            self.verdict,
        ]

    # The timer.

    def _start(self):
        self._survey()
        self._draw()

    def _tick(self):
        now = time.monotonic()
        if now < self._next_look:
            return
        started = time.thread_time()
        if now - self._surveyed_at > SURVEY_SECONDS:
            self._survey()
        self._is_dirty = self.curves.update() or self._is_dirty
        is_due = now - self._drawn_at > DRAW_SECONDS and not self.curves.board.is_behind
        if self._is_dirty and is_due:
            self._draw()
            self.renew_copy()
        self._next_look = now + (time.thread_time() - started) / DUTY

    # The runs.

    def _survey(self):
        self._surveyed_at = time.monotonic()
        if not self.folder.is_dir():
            self.records = []
            self.set_state("empty", "no folder", "")
            self.say(
                f"No folder {shown_path(self.folder)!r} yet; runs that are started below it appear here."
            )
        else:
            former, self.records = self.records, survey(self.folder)
            if self.records == former and self.runs.rows:
                return
            self._tell_counts()
        self._list()

    def _tell_counts(self):
        num_broken = sum(record.problem is not None for record in self.records)
        num_live = sum(record.state in LIVE_STATES for record in self.records)
        counts = [f"{len(self.records)} runs", f"{num_live} at work"]
        counts += [f"{num_broken} with a problem"] if num_broken else []
        if not self.records:
            self.set_state("empty", "no runs", "")
            self.say(f"No runs below {shown_path(self.folder)!r} yet. PretrainLauncher starts one.")
            return
        self.set_state("running" if num_live else "ready", subtitle=" · ".join(counts))
        if not self.head.is_alert and (not self.head.sentence or "yet" in self.head.sentence):
            self.say("Tick runs to draw them; B on a ticked run makes it the baseline.")

    def _filter(self):
        """List what the filter lets through; an alarm about a former one goes."""
        self._list()
        if self.head.is_alert:
            self.say("")
            self._tell_counts()

    def _list(self):
        listed = filtered(self.records, self.filter.value)
        if self._wanted_runs is None and self.records:
            usable = [record.name for record in self.records if record.is_usable]
            self._wanted_runs = usable[:4]
            self.runs.ticked = self._wanted_runs
        elif self._wanted_runs and not self.runs.ticked:
            self.runs.ticked = [name for name in self._wanted_runs if self._record(name)]
        names = differing(listed)
        if not self.only_differing.value:
            names = list(dict.fromkeys(name for one in listed for name in properties(one)))
        short = short_names(names)
        main = self._main_figure(listed)
        titles = [
            "run",
            "state",
            "step",
            "of",
            main or "figure",
            "started",
            *short.values(),
            "problem",
        ]
        rows = [self._row(record, main, names) for record in listed]
        self.runs.show(
            titles,
            rows,
            f"Runs below {shown_path(self.folder)}: {len(listed)} of {len(self.records)}",
        )
        self._is_dirty = True

    def _row(self, record, main, names):
        values = properties(record)
        started = (record.started or "")[:16].replace("T", " ")
        cells = [
            record.name,
            record.state or "never started",
            record.step,
            record.steps,
            record.figures.get(main),
            started or None,
            *(plain_cell(values.get(name)) for name in names),
            record.problem,
        ]
        return {
            "id": record.name,
            "label": record.name,
            "cells": cells,
            "note": record.problem or "",
            "cannot_tick": not record.is_usable,
        }

    def _main_figure(self, records):
        chosen = self.curves.metric.value or self.curves.wanted_metric
        known = [name for record in records for name in record.figures]
        candidates = [chosen, *MAIN_FIGURES, *(n for n in known if n.startswith("validation "))]
        return next((name for name in candidates if name in known), None)

    def _record(self, name):
        return next((record for record in self.records if record.name == name), None)

    @property
    def _shown(self):
        """Records of the ticked runs, the baseline first."""
        names = [name for name in self.runs.ticked if self._record(name)]
        if self.runs.pinned in names:
            names.remove(self.runs.pinned)
            names.insert(0, self.runs.pinned)
        return [record for record in map(self._record, names) if record.is_usable]

    # The curves.

    def _draw(self):
        self._drawn_at = time.monotonic()
        shown = self._shown
        if len(shown) > MAX_SHOWN:
            self.say(
                f"{MAX_SHOWN} runs are drawn at most; the first of {len(shown)} ticked ones are."
            )
            shown = shown[:MAX_SHOWN]
        self._drawn = shown
        self._allow(shown)
        self.curves.follow(shown)
        if self.curves.draw(shown):
            # The list has a column of the figure that is drawn.
            self._list()
        self.runs.signs = self.curves.signs(shown)
        self.head.chart = self.curves.sentence()
        self._is_dirty = False

    # The comparison.

    def _allow(self, shown):
        groups = groups_of(shown)
        self.compare.allow_if(
            len(shown) > 1,
            "it needs a baseline and another ticked run" if shown else "no run is ticked",
        )
        if len(groups) == 1 and len(shown) > 1:
            self.compare.forbid("the ticked runs differ in nothing but the seed")
        self.actions.refresh()

    def _compare(self):
        baseline, *others = groups_of(self._shown)
        sentences = []
        for other in others:
            pair = f"A = {baseline[0].name}, B = {other[0].name}: "
            sentences.append(pair + self._verdict(baseline, other))
        self.verdict.value = "<br>".join(map(static_html.escaped, sentences))

    def _verdict(self, a, b):
        both_alone = len(a) == len(b) == 1
        if both_alone and all((one.path / "results.json").is_file() for one in (a[0], b[0])):
            return compare_results(a[0].path, b[0].path)["sentence"]
        metric = self._main_figure([*a, *b])
        if metric is None:
            raise InputError("compare: expected a figure that the runs have, received none")
        return paired_comparison(a, b, metric)["sentence"]


def plain_cell(value):
    """A setting as a cell: a number, a text, or nothing; of a hash its beginning."""
    if isinstance(value, str) and HASH.fullmatch(value):
        return f"{value[:10]}…"
    is_plain = value is None or isinstance(value, int | float | str)
    return value if is_plain else str(value)
