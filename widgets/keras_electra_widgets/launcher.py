"""What the launchers share: a form that is checked as it is typed, a run that is started and followed."""

import dataclasses
import functools
import os
import pathlib

import ipywidgets

from keras_electra.files import shown_path
from keras_electra.launching import Launch, free_name, launch
from keras_electra.launching.commands import shell_text
from keras_electra.launching.places import placed
from keras_electra.monitoring import list_runs
from keras_electra.runs import RunFolder
from keras_electra.runs.kind import way_on
from keras_electra_widgets import form, static_html, ticker
from keras_electra_widgets.actions import Action, ActionRow
from keras_electra_widgets.copy_box import CopyBox
from keras_electra_widgets.launch_fields import NEW, number_of_problems
from keras_electra_widgets.panel import Panel

TICK_SECONDS = 0.5
STATES = {"preparing": "busy", "starting": "busy", "cancelled": "stopped", "failed": "error"}
STATES |= {"lost": "error", "interrupted": "stopped"}
WORDS = {"lost": "lost", "failed": "failed", "cancelled": "cancelled", "starting": "starting"}


@dataclasses.dataclass(frozen=True)
class Assessment:
    """What a form amounts to.

    Attributes:
        plan: made of it.
        problems: field -> sentence.
        estimate: (what, how much) pairs.
        remarks: sentences about what was asked for, such as options that do not fit the text.
        shell, python: the plan in other words; empty while it is wrong.
    """

    plan: object
    problems: dict
    estimate: tuple = ()
    remarks: tuple[str, ...] = ()
    shell: str = ""
    python: str = ""


class Launcher(Panel):
    """A form that starts a run as a process of its own, and shows the run below it.

    A subclass makes `rows` (field -> `form.Labelled`) before it calls this constructor, and says in
    `plan_of_form`, `estimate_of`, `program_of` and `fill` what they mean.

    Args:
        title: of the panel.
        folder: the working folder; nothing is written outside it.
        parts: widgets of the form, from top to bottom.
        stem: of the names of new runs.
    """

    # Also for one that its constructor refused, and that is closed all the same.
    launched = monitor = assessment = None

    def __init__(self, title: str, folder, parts, stem: str):
        self._stem, self._is_filling = stem, False
        self.start = Action("Start", "Start the run as a process of its own")
        self.cancel = Action("Stop", "End what is at work; a run is saved first")
        self.again = Action("New run", "Plan another run with these settings")
        self.actions = ActionRow(self.start, *self.further_actions(), self.cancel, self.again)
        self.estimate = ipywidgets.HTML()
        self.shell = CopyBox(title="Shell command")
        self.python = CopyBox(title="Python")
        self.bar = ipywidgets.FloatProgress(
            min=0, max=1, description="progress", layout={"width": form.WIDE, "display": "none"}
        )
        self.slot = ipywidgets.VBox()
        self.form = ipywidgets.VBox(parts)
        super().__init__(
            title,
            [self.form, self.estimate, self.actions, self.bar, self.slot, self.shell, self.python],
        )
        for row in self.rows.values():
            row.on_change(self.changed)
        self.start.on_click(self.guarded(lambda _: self.start_run()))
        self.cancel.on_click(self.guarded(lambda _: self.cancel_run()))
        self.again.on_click(self.guarded(lambda _: self.plan_another()))
        self.rows["same_as"].on_change(self.guarded(lambda change: self._copy_settings()))
        self.rows["folder"].on_change(self.guarded(lambda change: self._look_for_runs()))
        self._look_for_runs()
        self.assess()
        self.attach_live()
        self.every(TICK_SECONDS, self.tick)

    @functools.cached_property
    def _base(self) -> str:
        """The working directory in which the panel was made, which relative paths start from."""
        return os.getcwd()

    def placed(self, typed: str) -> str:
        """An absolute path, of one that was typed."""
        return placed(self._base, typed)

    @property
    def folder(self) -> pathlib.Path:
        """The working folder."""
        return pathlib.Path(self.placed(self.rows["folder"].value or "."))

    # What subclasses say

    def plan_of_form(self):
        """(the plan that the form makes, what is wrong with what was typed)."""
        raise NotImplementedError

    def estimate_of(self, plan) -> tuple:
        """(what, how much) pairs for a plan without problems."""
        raise NotImplementedError

    def remarks_of(self, plan) -> tuple[str, ...]:
        """Sentences about a plan without problems, the same as the terminal prints."""
        return ()

    def program_of(self, plan) -> str:
        """The plan as Python."""
        raise NotImplementedError

    def fill(self, run_dir) -> None:
        """Show the settings of a run."""
        raise NotImplementedError

    def further_actions(self) -> list[Action]:
        """Buttons beside Start."""
        return []

    def tell_problems(self, problems: dict) -> None:
        """Show beside each field what is wrong with it."""
        for name, row in self.rows.items():
            row.tell(problems.get(name))

    def finished(self, run_dir: pathlib.Path) -> None:
        """Called once when the run below has finished."""

    def seen_running(self, status) -> None:
        """Called at every tick while a run is at work."""

    # What a form amounts to

    def changed(self, change=None) -> None:
        """Take a change of the form, in whatever thread it came; of many in a row the last counts.

        A check lists the whole corpus, which takes seconds where it has many thousands of files.
        """
        if not self._is_filling:
            ticker.shared.post(self.assess, self.fail, key=(self.uid, "assess"))

    def assess(self) -> None:
        """Check the form, and show what it amounts to."""
        found = self._assessed()
        self.assessment = found
        self.tell_problems(found.problems)
        self._show_estimate()
        self.shell.text, self.python.text = found.shell, found.python
        self._allow()

    def correct_estimate(self, rows: tuple) -> None:
        """Show other (what, how much) pairs for the same plan."""
        self.assessment = dataclasses.replace(self.assessment, estimate=rows)
        self._show_estimate()

    def _show_estimate(self):
        rows = self.assessment.estimate
        markup = static_html.table(("what", "estimate"), rows) if rows else ""
        markup += remarks_html(self.assessment.remarks)
        if self.estimate.value != markup:
            self.estimate.value = markup

    def _assessed(self) -> Assessment:
        plan, unread = self.plan_of_form()
        problems = {**plan.problems(), **unread}
        if self._is_own(plan):
            problems.pop("name", None)
        if problems:
            return Assessment(plan, problems)
        shell = shell_text(plan.commands(only_missing=True))
        estimate, remarks = tuple(self.estimate_of(plan)), self.remarks_of(plan)
        return Assessment(plan, {}, estimate, remarks, shell, self.program_of(plan))

    def _is_own(self, plan) -> bool:
        """Whether the plan's run is the one that is shown below."""
        return self.launched is not None and plan.run_dir == self.launched.run.path

    def _allow(self):
        problems = self.assessment.problems
        status = None if self.launched is None else self.launched.status()
        is_live = status is not None and status.is_live
        reason = ""
        if self.launched is not None:
            name = self.launched.run.path.name
            reason = f"{name} is {status.state}; New run plans another"
        elif problems:
            reason = number_of_problems(problems)
        self.start.allow_if(not reason, reason)
        self.cancel.allow_if(is_live, "nothing is at work")
        self.again.allow_if(
            self.launched is not None and not is_live,
            "the run below is at work" if is_live else "no run was started from here yet",
        )
        for action in self.further_actions():
            action.allow_if(not reason, reason)
        self.actions.refresh()
        if self.launched is None:
            self.set_state(
                "ready" if not problems else "empty", None if not problems else "not ready"
            )
            self.say(number_of_problems(problems) if problems else self.next_step())

    def next_step(self) -> str:
        """What to do with a form that is right."""
        return "All fields are right. Start starts the run as a process of its own."

    # Runs

    def start_run(self) -> None:
        """Start what the form says."""
        self.assess()
        found = self.assessment
        if found.problems or self.launched is not None:
            return
        self.attach(self.launch(found.plan))

    def launch(self, plan) -> Launch:
        """Start a plan."""
        return launch(
            plan.commands(only_missing=True),
            plan.run_dir,
            plan=plan.settings(),
            backend=plan.backend,
        )

    def attach(self, launched: Launch) -> None:
        """Follow a launch."""
        self.launched, self._is_told, self._seen_state = launched, False, None
        self.tick()

    def attach_live(self) -> None:
        """Find a run again that is at work in the folder, such as after a restart of the kernel."""
        folder = self.folder
        for path in sorted(folder.glob("*/launch.json")) if folder.is_dir() else ():
            found = Launch(path.parent)
            if found.plan() and self.is_mine(found.plan()) and found.status().is_live:
                self._fill(path.parent)
                self.launched = found
                self.assess()
                self.attach(found)
                return

    def is_mine(self, plan: dict) -> bool:
        """Whether a plan is of the sort that this panel makes."""
        raise NotImplementedError

    def cancel_run(self) -> None:
        """End what is at work."""
        if self.launched is not None:
            self.launched.cancel()
            self.say("Asked to stop.")

    def plan_another(self) -> None:
        """Let go of the run below, and name a new one."""
        self.launched = None
        self._show_monitor(None)
        self.bar.layout.display = "none"
        self._filling(self._name_anew)
        self._look_for_runs()
        self.assess()

    def tick(self) -> None:
        """Show how far the launch is."""
        if self.launched is None:
            return
        status = self.launched.status()
        # The monitor below may have started it again.
        self._is_told = self._is_told and not status.is_live
        if self._is_told:
            return
        if status.state != self._seen_state:
            self._seen_state = status.state
            self._allow()
        state = STATES.get(status.state, status.state)
        self.set_state(
            state, WORDS.get(status.state, status.state), subtitle=self._subtitle(status)
        )
        total = status.progress.get("total")
        is_preparing = status.state == "preparing"
        self.bar.layout.display = None if is_preparing else "none"
        if is_preparing:
            self.bar.value = min(1.0, status.progress.get("done", 0) / total) if total else 0.0
        if status.state in ("failed", "lost"):
            self.alarm(status.sentence, "\n".join(self.launched.output()))
        else:
            self.say(self._sentence(status))
        if self.launched.run.exists():
            self._show_monitor(self.launched.run.path)
            self.seen_running(status)
        if not status.is_live:
            self._is_told = True
            if status.state == "finished":
                self.finished(self.launched.run.path)

    def _subtitle(self, status) -> str:
        return f"{self.launched.run.path.name} · {status.command}"

    def _sentence(self, status) -> str:
        name = shown_path(self.launched.run.path)
        if status.state == "starting":
            return "Keras is starting; the first step is compiled, which can take a minute."
        if status.state in ("running", "paused"):
            return f"{name} is {status.state}; it goes on when this notebook is closed."
        if status.state == "finished":
            return f"{name} has finished. New run plans another."
        if status.state in ("stopped", "interrupted"):
            again = way_on(self.launched.run)
            return f"{name} is {status.state}; {again} goes on with it. New run plans another."
        if status.state == "cancelled":
            return "Cancelled. What was prepared is kept. New run starts it again."
        return status.sentence

    def _show_monitor(self, run_dir):
        if run_dir is None:
            if self.monitor is not None:
                self.monitor.close()
            self.monitor, self.slot.children = None, ()
        elif self.monitor is None:
            from keras_electra_widgets import RunMonitor

            self.monitor = RunMonitor(run_dir)
            self.slot.children = [self.monitor]

    # Settings of other runs

    def _look_for_runs(self):
        folder = self.folder
        names = []
        if folder.is_dir():
            for run in list_runs(folder):
                if self.is_my_run(run):
                    names.append(os.fspath(run.path.relative_to(folder)))
        options = [("choose a run", NEW), *((name, name) for name in names)]
        control = self.rows["same_as"].control
        if list(control.options) != options:
            control.options = options
            control.value = NEW

    def is_my_run(self, run: RunFolder) -> bool:
        """Whether the settings of a run can be copied here."""
        raise NotImplementedError

    def _copy_settings(self):
        chosen = self.rows["same_as"].value
        if chosen == NEW:
            return
        self._fill(self.folder / chosen)
        self._filling(self._name_anew)
        self.assess()

    def _fill(self, run_dir):
        self._filling(lambda: self.fill(run_dir))

    def _filling(self, job):
        self._is_filling = True
        try:
            job()
        finally:
            self._is_filling = False

    def _name_anew(self):
        self.rows["name"].control.value = free_name(self.folder, self._stem)

    # What is kept of it

    def code(self) -> str:
        """The Python that does what the form says."""
        return self.python.text or super().code()

    def static_parts(self) -> list[str]:
        """What the form amounts to, and what the run below shows."""
        found, parts = self.assessment, []
        if found is not None:
            if found.estimate:
                parts.append(static_html.table(("what", "estimate"), found.estimate))
            if found.remarks:
                parts.append(remarks_html(found.remarks))
            if found.shell:
                parts.append(static_html.preformatted(found.shell))
        if self.monitor is not None:
            parts += self.monitor.static_parts()
        return parts

    def as_text(self) -> str:
        """What the form amounts to, as plain text."""
        found = self.assessment
        rows = [] if found is None else [f"{name}: {value}" for name, value in found.estimate]
        rows += [] if found is None else found.remarks
        return "\n".join([super().as_text(), *rows, *([found.shell] if found else [])])

    def log_tail(self) -> str:
        """The last lines that the commands printed."""
        return "" if self.launched is None else "\n".join(self.launched.output())

    def close(self) -> None:
        """Take the panel from the page; the run goes on."""
        if self.monitor is not None:
            self._show_monitor(None)
        super().close()


def remarks_html(sentences: tuple[str, ...]) -> str:
    """Sentences as paragraphs, those that warn as alarms."""
    return "".join(
        f'<p class="ke-{"problem" if one.startswith("warning") else "reasons"}">'
        f"{static_html.escaped(one)}</p>"
        for one in sentences
    )
