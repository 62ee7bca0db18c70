"""`PretrainLauncher`: from text to a pretraining that runs as a process of its own."""

import pathlib

import ipywidgets

from keras_electra.config.pretrain import PretrainConfig
from keras_electra.corpus import Files
from keras_electra.errors import ElectraError, InputError
from keras_electra.launching import PretrainPlan, estimate, launch, pretrain_program
from keras_electra.launching.estimating import bytes_in_words, in_words
from keras_electra.launching.pace import SpeedNews
from keras_electra.launching.pretrain_plan import flat, pretrain_fields
from keras_electra.launching.space import memory_of
from keras_electra.runs.files import shown_path
from keras_electra_widgets import form
from keras_electra_widgets.actions import Action
from keras_electra_widgets.launch_fields import place_rows, written_uploads
from keras_electra_widgets.launcher import Launcher
from keras_electra_widgets.panel import refuse_unknown
from keras_electra_widgets.pretrain_rows import (
    BOOKS,
    FROM_FILE,
    LEARN,
    PATHS,
    STORE,
    UPLOAD,
    corpus_lines,
    corpus_tokens,
    source_rows,
)

OWN_ROWS = ("objective", "dtype_policy", "steps", "time_budget_minutes")
TITLES = {
    "run": "training",
    "corpus": "reading and cleaning text",
    "store": "dividing the store",
}
PREPARING = ("tokenizer", "corpus", "duplicates", "store")
KEYWORDS = (
    "folder",
    "corpus",
    "prepared_store",
    "vocabulary",
    "vocabulary_size",
    "size",
    "backend",
)


class PretrainLauncher(Launcher):
    """Plans a pretraining, starts it as a process of its own, and shows it.

        PretrainLauncher("electra")

    Every field is checked while it is typed, with the library's own sentence beside it. Parameters,
    memory, tokens, time and disk are estimated before the start; the time is corrected after 20 steps.
    The same as a shell command and as Python stands below. What is written lies in the working folder.

    Args:
        folder: the working folder.
        **settings: attributes of `PretrainPlan` to begin with, such as `corpus` (a path, a list of paths,
            or texts) or `size`.
    """

    def __init__(self, folder: str | pathlib.Path = "electra", **settings):
        refuse_unknown("PretrainLauncher", settings, KEYWORDS)
        self._fields = pretrain_fields()
        self.rows = {**source_rows(), **place_rows(folder, "run")}
        self.rows |= self._option_rows()
        self.upload = ipywidgets.FileUpload(multiple=True, description="Choose files")
        self.prepare = Action("Prepare text only", "Make vocabulary and store, and train nothing")
        self.advanced = form.Folded(self._groups(), self.changed, self._recipe)
        self._plan, self._speed = None, None
        self._remarked = (None, ())
        self._begin_with(folder, settings)
        super().__init__("Pretraining", folder, self._form_parts(), "run")
        self.upload.observe(self.guarded(lambda change: self._take_upload()), names="value")
        self.rows["size"].on_change(self.guarded(lambda change: self._filling(self._tell_recipe)))
        self._filling(self._tell_recipe)
        self.prepare.on_click(self.guarded(lambda _: self._prepare_only()))

    # The form

    def _option_rows(self):
        fields = {field.name: field for group in self._fields.values() for field in group}
        rows = {name: form.option(fields[name]) for name in OWN_ROWS}
        rows["dtype_policy"].control.description = "Precision"
        rows["time_budget_minutes"].control.description = "Time budget (min)"
        return rows

    def _groups(self):
        groups = {}
        for name, fields in self._fields.items():
            fields = [field for field in fields if field.name not in OWN_ROWS]
            prefix = f"{name}." if name in PREPARING else ""
            groups[TITLES.get(name, name)] = (fields, prefix)
        return groups

    def _recipe(self):
        try:
            return flat(PretrainConfig.from_size(self.rows["size"].value, 8192))
        except ElectraError:
            return {}

    def _tell_recipe(self):
        """Say in every field what the chosen size gives."""
        recipe = self._recipe()
        fields = {field.name: field for group in self._fields.values() for field in group}
        for name in OWN_ROWS:
            form.tell_recipe(self.rows[name], fields[name], recipe[name])
        self.advanced.tell_recipe()

    def _form_parts(self):
        rows, self._source_box = self.rows, ipywidgets.VBox()
        self._vocabulary_box = ipywidgets.VBox()
        for name in ("source", "vocabulary_source"):
            rows[name].on_change(lambda change: self._show_rows())
        self._show_rows()
        return [
            form.heading("Text"),
            rows["source"],
            self._source_box,
            self._vocabulary_box,
            form.heading("Model and training"),
            *(rows[name] for name in ("size", "objective", "backend", "dtype_policy")),
            rows["steps"],
            rows["time_budget_minutes"],
            self.advanced,
            form.heading("Where"),
            *(rows[name] for name in ("folder", "name", "same_as")),
        ]

    def _show_rows(self):
        """Show the fields that the chosen source needs."""
        rows, source = self.rows, self.rows["source"].value
        shown = {PATHS: [rows["corpus"]], UPLOAD: [self.upload, rows["corpus"]]}
        self._source_box.children = shown.get(source, [])
        if source == STORE:
            self._source_box.children = [rows["prepared_store"]]
            self._vocabulary_box.children = []
            return
        is_learned = rows["vocabulary_source"].value == LEARN
        second = rows["vocabulary_size" if is_learned else "vocabulary"]
        self._vocabulary_box.children = [rows["vocabulary_source"], second]

    def _begin_with(self, folder, settings):
        if settings:
            plan = PretrainPlan(folder=folder, name="", **settings)
            if plan.sources:
                self._show_plan(plan)

    def plan_of_form(self):
        """(the `PretrainPlan` that the form makes, what is wrong with what was typed)."""
        rows, problems = self.rows, {}
        options = {}
        for name in OWN_ROWS:
            field = next(
                one for group in self._fields.values() for one in group if one.name == name
            )
            if rows[name].value != form.RECIPE:
                try:
                    options[name] = field.read(rows[name].value)
                except InputError as error:
                    problems[name] = str(error)
        groups, unread = self.advanced.read()
        titles = {TITLES.get(name, name): name for name in self._fields}
        by_name = {titles[title]: values for title, values in groups.items()}
        for name, values in by_name.items():
            if name not in PREPARING:
                options |= values
        source, entries = rows["source"].value, rows["vocabulary_size"].value
        try:
            entries = int(entries.replace("_", "").replace(",", ""))
        except ValueError:
            problems["vocabulary_size"] = (
                f"vocabulary_size: expected a whole number, received {entries!r}"
            )
            entries = 8192
        is_file = rows["vocabulary_source"].value == FROM_FILE
        lines = corpus_lines(rows["corpus"].value)
        plan = PretrainPlan(
            folder=self.folder,
            name=rows["name"].value,
            corpus=Files(map(self.placed, lines if source in (PATHS, UPLOAD) else ())),
            prepared_store=self.placed(rows["prepared_store"].value) if source == STORE else None,
            vocabulary=self.placed(rows["vocabulary"].value)
            if is_file and source != STORE
            else None,
            vocabulary_size=entries,
            size=rows["size"].value,
            backend=rows["backend"].value,
            options=options,
            preparing={name: by_name[name] for name in PREPARING if by_name.get(name)},
        )
        problems |= unread
        if source in (PATHS, UPLOAD) and not plan.corpus:
            problems["corpus"] = "corpus: expected a file or folder, received none"
        if rows["backend"].value is None:
            problems["backend"] = (
                "backend: expected an installed one; pip install 'keras-electra[jax]'"
            )
        return plan, problems

    def tell_problems(self, problems: dict) -> None:
        """Show beside each field what is wrong with it."""
        super().tell_problems(problems)
        self.advanced.tell(problems)

    def fill(self, run_dir) -> None:
        """Show the settings of a run."""
        run_dir = pathlib.Path(run_dir)
        plan = PretrainPlan.like(run_dir, folder=run_dir.parent, name=run_dir.name)
        self.rows["name"].control.value = plan.name
        self._show_plan(plan)

    def _show_plan(self, plan: PretrainPlan):
        rows = self.rows
        source = STORE if plan.prepared_store is not None else (PATHS if plan.corpus else BOOKS)
        rows["source"].control.value = source
        rows["corpus"].control.value = "\n".join(map(shown_path, plan.corpus))
        rows["prepared_store"].control.value = shown_path(plan.prepared_store or "")
        rows["vocabulary_source"].control.value = FROM_FILE if plan.vocabulary else LEARN
        rows["vocabulary"].control.value = shown_path(plan.vocabulary or "")
        rows["vocabulary_size"].control.value = str(plan.vocabulary_size)
        rows["size"].control.value = plan.size
        if plan.backend in [value for _, value in rows["backend"].control.options]:
            rows["backend"].control.value = plan.backend
        fields = {field.name: field for group in self._fields.values() for field in group}
        for name in OWN_ROWS:
            given = name in plan.options
            shown = fields[name].shown(plan.options[name]) if given else form.RECIPE
            rows[name].control.value = shown
        groups, group_of = {}, PretrainConfig.option_groups()
        for name, value in plan.options.items():
            if name not in OWN_ROWS:
                title = TITLES.get(group_of.get(name, "run"), group_of.get(name, "run"))
                groups.setdefault(title, {})[name] = value
        for name, values in plan.preparing.items():
            groups[TITLES.get(name, name)] = dict(values)
        self.advanced.fill(groups)

    # What it amounts to

    def estimate_of(self, plan: PretrainPlan) -> tuple:
        """Parameters, memory, tokens, time and disk."""
        config = plan.config()
        found = estimate(
            config,
            plan.folder,
            backend=plan.backend,
            corpus_tokens=corpus_tokens(plan),
            has_store=plan.store_path.exists(),
        )
        self._estimate = found
        return tuple(in_words(found))

    def remarks_of(self, plan: PretrainPlan) -> tuple[str, ...]:
        """What does not fit of vocabulary, options and text; looked up again after a change only."""
        key = plan.data_dir if plan.prepared_store is None else plan.store_path
        key = (key, plan.store_path.exists())
        if key != self._remarked[0]:
            try:
                self._remarked = (key, plan.remarks)
            except ElectraError:
                # The form says what is wrong with its fields; the rest, whoever reads the text.
                self._remarked = (key, ())
        return self._remarked[1]

    def program_of(self, plan: PretrainPlan) -> str:
        """The plan as Python."""
        return pretrain_program(plan)

    def is_mine(self, plan: dict) -> bool:
        """Whether a plan is one of pretraining."""
        return "prepared_store" in plan

    def is_my_run(self, run) -> bool:
        """Whether a run is one of pretraining."""
        try:
            return "pretrain" in run.config()
        except ElectraError:
            return False

    def further_actions(self) -> list[Action]:
        """The button that prepares text and trains nothing."""
        return [self.prepare]

    def seen_running(self, status) -> None:
        """Correct the time of the estimate once the run has shown its speed."""
        if self._speed is None:
            self._speed = SpeedNews()
        told = self.launched.run.status()
        speed = self._speed.of(told)
        if speed is None or not self.assessment.estimate:
            return
        steps = told.get("steps") or self.assessment.plan.config().steps
        rows = dict(in_words(self._estimate.at_speed(speed, steps)))
        used = memory_of(told.get("pid"))
        if used is not None:
            rows["memory"] = f"{bytes_in_words(used)} at most so far (estimated: {rows['memory']})"
        self.correct_estimate(tuple(rows.items()))

    def attach(self, launched) -> None:
        """Follow a launch."""
        self._speed = None
        super().attach(launched)

    def _prepare_only(self):
        self.assess()
        plan = self.assessment.plan
        if self.assessment.problems or self.launched is not None:
            return
        commands = plan.commands(only_missing=True)[:-1]
        if not commands:
            self.say(f"The text is prepared already: {plan.store_path}.")
            return
        self.attach(launch(commands, plan.data_dir, plan={"prepares": str(plan.store_path)}))

    def _take_upload(self):
        """Write uploaded files into the working folder, and take them as the corpus."""
        written = written_uploads(self.upload, self.folder)
        if written:
            self.rows["corpus"].control.value = "\n".join(map(shown_path, written))
