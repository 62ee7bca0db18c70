"""The data of a fine-tuning plan, looked over in a thread of its own."""

import pathlib

import ipywidgets

from keras_electra.errors import ElectraError
from keras_electra.launching import FinetunePlan
from keras_electra.launching.finetune_plan import stamp_of
from keras_electra.tasks.checking import check_task_data
from keras_electra.tasks.showing import first_rows, seen_by_model
from keras_electra_widgets.data_view import DataView, pieces_markup

USUAL_LENGTH = 128
"""Tokens of an example, where no model says how long its examples are."""


class DataLook:
    """Shows a plan's data: its first rows, what was checked, and an example as the model is given it.

    A look takes as long as reading the data does; one that a newer look overtook is dropped.

    Args:
        work: `Panel.work` of the panel it stands in.
        on_report: called without arguments when a look has ended well.

    Attributes:
        view: the `DataView` of rows and checks.
        seen: the widget of the example.
        report: what `check_task_data` gave, or None as long as there is nothing to look at.
    """

    def __init__(self, work, on_report):
        self._work, self._on_report = work, on_report
        self.view, self.seen = DataView(), ipywidgets.HTML()
        self.report, self._looked_at = None, None

    def look(self, plan: FinetunePlan, problems: dict) -> None:
        """Look at what is new of a plan's data.

        Args:
            problems: field -> sentence; data whose own fields are wrong are not looked at.
        """
        if "data" in problems or "task" in problems:
            self._looked_at, self.report = None, None
            self.view.show_report(None)
            self.view.show_rows(rows_of(plan))
            self.view.show_sentence("")
            self.seen.value = ""
            return
        if any(name.endswith(("_column", "_columns")) for name in problems):
            return
        config = None if "model" in problems else config_of_plan(plan)
        length = USUAL_LENGTH if config is None else config.sequence_length
        key = (plan.data, stamp_of(plan.data), plan.task, repr(plan.columns), plan.model, length)
        if key == self._looked_at:
            return
        self._looked_at = key
        self.view.show_sentence("looking at the data …")
        self._work(
            lambda: seen_data(plan, config, length),
            lambda found: self._show(key, *found),
            on_error=lambda error: self._show_nothing(key),
        )

    def _show(self, key, rows, sentence, report, places):
        if key != self._looked_at:
            return
        self.report = report
        self.view.show_sentence(sentence)
        self.view.show_rows(rows)
        self.view.show_report(report)
        caption = "this is what the model sees of the first example"
        self.seen.value = pieces_markup(places, caption) if places else ""
        self._on_report()

    def _show_nothing(self, key):
        if key == self._looked_at:
            self.report = None
            self.view.show_sentence("")
            self.view.show_report(None)


def config_of_plan(plan: FinetunePlan):
    """The `FinetuneConfig` of a plan; None as long as it makes none."""
    try:
        return plan.config()
    except ElectraError:
        return None


def rows_of(plan: FinetunePlan) -> list:
    """The first rows of a user's own table; none of a known task, or of what cannot be read."""
    if plan.task is not None or not plan.data or not pathlib.Path(plan.data).exists():
        return []
    try:
        return first_rows(
            plan.data,
            encoding=plan.columns.get("encoding") or "utf-8",
            has_header=plan.columns.get("has_header"),
            known=plan.named_columns,
        )
    except ElectraError:
        return []


def seen_data(plan: FinetunePlan, config, length: int) -> tuple:
    """(first rows, sentence, report, places of an example); touches no widget.

    Raises:
        ElectraError: if the data cannot be read.
    """
    task, sentence = plan.described_task
    tokenizer = None if config is None else plan.starting_model.open_tokenizer()
    report = check_task_data(task, plan.data, tokenizer=tokenizer, sequence_length=length)
    places = []
    if config is not None:
        places = seen_by_model(task, task.read(plan.data, "train"), tokenizer, config)
    return rows_of(plan), sentence, report, places
