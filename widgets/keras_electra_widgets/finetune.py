"""`FineTuneLauncher`: from a table of one's own, or a known task, to a fine-tuning and its results."""

import pathlib

import ipywidgets

from keras_electra.errors import ElectraError, InputError
from keras_electra.files import shown_path
from keras_electra.launching import FinetunePlan, finetune_program, free_name
from keras_electra.launching.finetune_estimating import estimate_finetuning
from keras_electra.launching.finetune_plan import finetune_fields, is_finetuning, recommended
from keras_electra.launching.pace import SpeedNews
from keras_electra.monitoring import list_runs
from keras_electra.tasks.kinds import KINDS, kind_of
from keras_electra.tasks.roles import SEVERAL, option_of
from keras_electra_widgets import form
from keras_electra_widgets.actions import Action
from keras_electra_widgets.data_look import DataLook
from keras_electra_widgets.finetune_rows import (
    GUESSED,
    HIDDEN_ROLES,
    OWN,
    OWN_ROWS,
    ROLES,
    STEPS,
    task_rows,
    written_table,
)
from keras_electra_widgets.launch_fields import number_of_problems, place_rows, written_uploads
from keras_electra_widgets.launcher import Launcher
from keras_electra_widgets.panel import refuse_unknown
from keras_electra_widgets.static_html import escaped

KEYWORDS = ("folder", "model", "data", "task", "columns", "backend", "options")


class FineTuneLauncher(Launcher):
    """Plans a fine-tuning, looks over its data, starts it as a process of its own, and shows it.

        FineTuneLauncher("electra", model="electra/run-1", data="reviews.csv")

    The columns of one's own table are guessed, and the guess can be overruled; the data is looked over
    for what is missing, twice, uneven or cut; an example is shown as the model is given it. When the run
    has finished, its results stand below it.

    Args:
        folder: the working folder; nothing is written outside it.
        model: run, checkpoint or preset to start from.
        data: path of a table, file or folder; or a DataFrame or a list of dicts, which is written into
            the working folder.
        **settings: further attributes of `FinetunePlan` to begin with: `task`, `columns`, `backend`,
            `options`.
    """

    explorer = None

    def __init__(self, folder: str | pathlib.Path = "electra", *, model="", data="", **settings):
        refuse_unknown("FineTuneLauncher", settings, KEYWORDS)
        self._fields = {f.name: f for group in finetune_fields().values() for f in group}
        self._groups = finetune_fields()
        self.rows = {**task_rows(), **place_rows(folder, "task")}
        self.rows |= {name: form.option(self._fields[name]) for name in OWN_ROWS}
        self.rows["dtype_policy"].control.description = "Precision"
        self.upload = ipywidgets.FileUpload(multiple=False, description="Choose a file")
        self.quick = Action("Quick look", "One epoch on 200 examples of each part")
        groups = {
            {"run": "training"}.get(name, name): (
                [field for field in fields if field.name not in OWN_ROWS],
                "",
            )
            for name, fields in self._groups.items()
        }
        self.advanced = form.Folded(groups, self.changed, self._recipe)
        self.data = DataLook(self.work, super().assess)
        self.recipe, self.steps = ipywidgets.HTML(), ipywidgets.HTML()
        self._speed, self._estimate = None, None
        self._told_recipe = None
        if not isinstance(data, str | pathlib.Path):
            data = written_table(data, pathlib.Path(folder))
        self._show_plan(FinetunePlan(folder="", name="", model=model, data=data, **settings))
        super().__init__("Fine-tuning", folder, self._form_parts(), "task")
        self.upload.observe(self.guarded(lambda change: self._take_upload()), names="value")
        self.rows["runs"].on_change(self.guarded(lambda change: self._take_model()))
        self.quick.on_click(self.guarded(lambda _: self._look_quickly()))

    # The form

    def _form_parts(self):
        rows = self.rows
        self._roles_box = ipywidgets.VBox()
        return [
            self.steps,
            form.heading("1 Data"),
            rows["task"],
            rows["data"],
            self.upload,
            self.data.view,
            form.heading("2 Task"),
            self._roles_box,
            self.data.seen,
            form.heading("3 Settings"),
            rows["model"],
            rows["runs"],
            self.recipe,
            *(rows[name] for name in OWN_ROWS),
            rows["backend"],
            self.advanced,
            form.heading("4 Train"),
            *(rows[name] for name in ("folder", "name", "same_as")),
        ]

    def _recipe(self):
        try:
            config = self.plan_of_form()[0].config({})
        except ElectraError:
            return {}
        values = config.to_dict()
        return {**values, **values["optimizer"], **values["answers"]}

    def plan_of_form(self):
        """(the `FinetunePlan` that the form makes, what is wrong with what was typed)."""
        rows, problems, options = self.rows, {}, {}
        for name in OWN_ROWS:
            if rows[name].value != form.RECIPE:
                try:
                    options[name] = self._fields[name].read(rows[name].value)
                except InputError as error:
                    problems[name] = str(error)
        groups, unread = self.advanced.read()
        for values in groups.values():
            options |= values
        # What a model must beat is drawn beside it.
        options.setdefault("has_baselines", True)
        task = rows["task"].value or None
        columns = {} if task else self._columns()
        plan = FinetunePlan(
            folder=self.folder,
            name=rows["name"].value,
            model=self.placed(rows["model"].value),
            data=self.placed(rows["data"].value),
            task=task,
            columns=columns,
            backend=rows["backend"].value,
            options=options,
        )
        if rows["backend"].value is None:
            problems["backend"] = (
                "backend: expected an installed one; pip install 'keras-electra[jax]'"
            )
        return plan, {**problems, **unread}

    def _columns(self):
        columns = {}
        for role in ROLES:
            value = self.rows[option_of(role)].value
            if role in SEVERAL:
                value = tuple(name.strip() for name in value.split(",") if name.strip())
            if value:
                columns[option_of(role)] = value
        for name in ("kind", "separator"):
            if self.rows[name].value:
                columns[name] = self.rows[name].value
        return columns

    def fill(self, run_dir) -> None:
        """Show the settings of a run."""
        run_dir = pathlib.Path(run_dir)
        plan = FinetunePlan.like(run_dir, folder=run_dir.parent, name=run_dir.name)
        self.rows["name"].control.value = plan.name
        self._show_plan(plan)

    def _show_plan(self, plan: FinetunePlan):
        rows = self.rows
        rows["task"].control.value = plan.task or OWN
        for name in ("data", "model"):
            rows[name].control.value = shown_path(getattr(plan, name))
        for role in ROLES:
            value = plan.columns.get(option_of(role)) or ""
            shown = value if isinstance(value, str) else ", ".join(value)
            rows[option_of(role)].control.value = shown
        for name in ("kind", "separator"):
            rows[name].control.value = plan.columns.get(name) or GUESSED
        if plan.backend in [value for _, value in rows["backend"].control.options]:
            rows["backend"].control.value = plan.backend
        for name in OWN_ROWS:
            given = name in plan.options
            shown = self._fields[name].shown(plan.options[name]) if given else form.RECIPE
            rows[name].control.value = shown
        groups = {}
        for title, fields in self._groups.items():
            title = {"run": "training"}.get(title, title)
            names = {field.name for field in fields} - set(OWN_ROWS)
            groups[title] = {n: v for n, v in plan.options.items() if n in names}
        groups["training"].pop("has_baselines", None)
        self.advanced.fill(groups)

    def tell_problems(self, problems: dict) -> None:
        """Show beside each field what is wrong with it, and how each step stands."""
        super().tell_problems(problems)
        self.advanced.tell(problems)
        marks = []
        steps = {
            **STEPS,
            "Settings": tuple(self.rows.keys() - {n for s in STEPS.values() for n in s}),
        }
        for title, names in steps.items():
            number = sum(name in names for name in problems)
            marks.append(f"{title} {'✓' if not number else number_of_problems(range(number))}")
        if self.data.report is not None and self.data.report.num_problems:
            number = self.data.report.num_problems
            marks[0] += f", {number} {'check' if number == 1 else 'checks'} to look into"
        told = f'<span class="ke-reasons">{" · ".join(marks)}</span>'
        if self.steps.value != told:
            self.steps.value = told

    # What it amounts to

    def assess(self) -> None:
        """Check the form, and look at its data where that is new."""
        super().assess()
        plan, problems = self.assessment.plan, self.assessment.problems
        self._show_roles(plan)
        self._show_recipe(plan)
        self.data.look(plan, problems)

    def _show_roles(self, plan):
        """Show the roles that the kind of the task has, the columns to choose from in their hints."""
        if plan.task is not None:
            self._roles_box.children = []
            return
        kind = plan.columns.get("kind")
        guess = {}
        try:
            task, _ = plan.described_task
            kind = task.kind
            roles = getattr(getattr(task.reader, "form", None), "roles", None)
            guess = {role: getattr(roles, role) for role in ROLES} if roles else {}
        except ElectraError:
            kind = kind or KINDS[0].name
        shown = [self.rows["kind"]]
        for role in kind_of(kind).roles:
            if role in HIDDEN_ROLES:
                continue
            row, found = self.rows[option_of(role)], guess.get(role)
            found = ", ".join(found) if isinstance(found, tuple) else found
            row.control.placeholder = f"{found} (guessed)" if found else "none"
            shown.append(row)
        if kind_of(kind).has_several:
            shown.append(self.rows["separator"])
        if list(self._roles_box.children) != shown:
            self._roles_box.children = shown

    def _show_recipe(self, plan):
        try:
            told = recommended(plan)
        except ElectraError:
            told = "What is recommended depends on the model and the task."
        recipe = self._recipe()
        if recipe and recipe != self._told_recipe:
            self._told_recipe = recipe
            self._filling(lambda: self._tell_values(recipe))
        markup = f'<span class="ke-reasons">{escaped(told)}</span>'
        if self.recipe.value != markup:
            self.recipe.value = markup

    def _tell_values(self, recipe):
        for name in OWN_ROWS:
            form.tell_recipe(self.rows[name], self._fields[name], recipe[name])
        self.advanced.tell_recipe()

    def estimate_of(self, plan: FinetunePlan) -> tuple:
        """Parameters, steps, memory, time and disk; nothing before the data was looked at."""
        if self.data.report is None:
            return ()
        self._estimate = estimate_finetuning(plan, self.data.report)
        return tuple(self._estimate.in_words())

    def program_of(self, plan: FinetunePlan) -> str:
        """The plan as Python."""
        return finetune_program(plan)

    def is_mine(self, plan: dict) -> bool:
        """Whether a plan is one of fine-tuning."""
        return "is_quick" in plan

    def is_my_run(self, run) -> bool:
        """Whether a run is one that was started from such a form."""
        if not is_finetuning(run):
            return False
        try:
            FinetunePlan.like(run.path)
        except ElectraError:
            return False
        return True

    def further_actions(self) -> list[Action]:
        """The button for a quick look."""
        return [self.quick]

    def attach(self, launched) -> None:
        """Follow a launch."""
        self._speed = SpeedNews()
        super().attach(launched)

    def seen_running(self, status) -> None:
        """Correct the time of the estimate once the run has shown its speed."""
        told = self.launched.run.status()
        speed = self._speed.of(told)
        if speed is not None and self._estimate is not None and told.get("steps"):
            self.correct_estimate(tuple(self._estimate.at_speed(speed, told["steps"]).in_words()))

    def finished(self, run_dir) -> None:
        """Show the results below the run."""
        from keras_electra_widgets import TaskExplorer

        self.explorer = TaskExplorer(run_dir)
        self.slot.children = [*self.slot.children, self.explorer]

    def plan_another(self) -> None:
        """Let go of the run below, and name a new one."""
        self._close_explorer()
        super().plan_another()
        self._look_for_models()

    def close(self) -> None:
        """Take the panel from the page; the run goes on."""
        self._close_explorer()
        super().close()

    def static_parts(self) -> list[str]:
        """The data, what the form amounts to, and what the run and its results show."""
        parts = [*self.data.view.parts(), *super().static_parts()]
        return parts + (self.explorer.static_parts() if self.explorer is not None else [])

    def _close_explorer(self):
        if self.explorer is not None:
            self.explorer.close()
            self.explorer = None

    def _look_quickly(self):
        """Start a plan of one epoch on few examples, in a folder of its own."""
        self.assess()
        plan = self.assessment.plan
        if self.assessment.problems or self.launched is not None:
            return
        values = {**plan.settings(), "name": free_name(plan.folder, "quick"), "is_quick": True}
        self.attach(self.launch(FinetunePlan(**values)))

    # Where things come from

    def _look_for_runs(self):
        super()._look_for_runs()
        self._look_for_models()

    def _look_for_models(self):
        folder = self.folder
        found = []
        if folder.is_dir():
            found = [run for run in list_runs(folder) if "pretrain" in config_of(run)]
        options = [("choose a run", ""), *((run.path.name, shown_path(run.path)) for run in found)]
        control = self.rows["runs"].control
        if list(control.options) != options:
            control.options = options
            control.value = ""

    def _take_model(self):
        if self.rows["runs"].value:
            self.rows["model"].control.value = self.rows["runs"].value

    def _take_upload(self):
        for path in written_uploads(self.upload, self.folder):
            self.rows["data"].control.value = shown_path(path)


def config_of(run) -> dict:
    """The settings of a run; empty where they cannot be read."""
    try:
        return run.config()
    except ElectraError:
        return {}
