"""Buttons that tell a run what to do, each with the reason while it is off."""

import time

import ipywidgets

from keras_electra.launching.commands import command as command_line
from keras_electra.launching.installed import installed_backends
from keras_electra.launching.starting import Launch, launch
from keras_electra.monitoring import RunFollower
from keras_electra.runs import LIVE_STATES, send_command
from keras_electra_widgets.actions import Action, ActionRow
from keras_electra_widgets.static_html import escaped

PATIENCE_SECONDS = 20.0
ANSWERS = ("command_obeyed", "command_refused")
DOING = {
    "pause": "pausing",
    "resume": "going on",
    "stop": "stopping",
    "checkpoint": "writing a checkpoint",
    "start": "starting again",
}
DONE = {
    "pause": "The run waits at step {step}; Resume lets it go on.",
    "resume": "The run goes on at step {step}.",
    "stop": "The run stops at step {step}.",
    "checkpoint": "The checkpoint of step {step} is written.",
}
WHY_OFF = {
    None: "no run has been started here yet",
    "starting": "the run is starting",
    "finished": "the run has finished",
    "stopped": "the run was stopped",
    "failed": "the run has failed",
    "interrupted": "the run's process has ended",
}


ENDED_EARLY = ("stopped", "failed", "interrupted")


class RunControls(ipywidgets.VBox):
    """Pause, Resume, Save now, Stop: written as commands into the run's folder, which obeys between steps.

    Stop asks in place how. Resume on a pretraining run that has ended early starts a process that goes
    on from its last checkpoint; the command line for it is made here, not taken from the folder.

    Args:
        panel: the `Panel` that these stand in; its message strip tells what came of a command.
        follower: the `RunFollower` of the run.
    """

    def __init__(self, panel, follower: RunFollower):
        self.panel, self.follower = panel, follower
        self.pending = self.launched = None
        self._has_waited = False
        self.pause = Action("Pause", "Write a checkpoint and wait after the present step")
        self.resume = Action("Resume", "Let the paused run go on")
        self.save = Action("Save now", "Write a checkpoint after the present step")
        self.stop = Action("Stop…", "End the run; asks how")
        self.row = ActionRow(self.pause, self.resume, self.save, self.stop)
        self.question = ipywidgets.HTML()
        self.save_and_stop = Action("Save and stop", "The run can go on from here later")
        self.stop_at_once = Action("Stop, lose steps", "The run can go on from its last checkpoint")
        self.go_on = Action("Go on", "Do not stop")
        choices = ipywidgets.HBox(
            [self.save_and_stop, self.stop_at_once, self.go_on],
            layout=ipywidgets.Layout(flex_flow="row wrap"),
        )
        for button in (self.save_and_stop, self.stop_at_once):
            button.layout.width = "auto"
        self.choice = ipywidgets.VBox([self.question, choices])
        super().__init__([self.row])
        for button, callback in (
            (self.pause, lambda _: self.send("pause")),
            (self.resume, lambda _: self._resume()),
            (self.save, lambda _: self.send("checkpoint")),
            (self.stop, lambda _: self._ask()),
            (self.save_and_stop, lambda _: self._stop()),
            (self.stop_at_once, lambda _: self._stop(save=False)),
            (self.go_on, lambda _: self._close_question()),
        ):
            button.on_click(panel.guarded(callback))
        self.refresh()

    @property
    def steps_to_lose(self) -> int:
        """Steps done since the last checkpoint."""
        saved = [step for step, _ in self.follower.run.checkpoints()]
        return max(0, (self.follower.status.get("step") or 0) - max(saved, default=0))

    def send(self, command: str, **details) -> None:
        """Send a command; the buttons are off until the run answers."""
        identity = send_command(self.follower.run, command, **details)
        self.pending = (command, identity, time.monotonic())
        self._has_waited = False
        self.panel.say(f"The run is {DOING[command]}: it obeys after the step it is at.")
        self.refresh()

    def refresh(self) -> None:
        """Take up what the run answered, and switch the buttons on and off."""
        self._take_answer()
        state = self.follower.state
        reason = WHY_OFF.get(state, "") if state not in ("running", "paused") else ""
        if self.pending and (not reason or self.pending[0] == "start"):
            reason = f"the run is {DOING[self.pending[0]]}"
        self.pause.allow_if(
            not reason and state == "running", reason or "the run is paused already"
        )
        if not self.pending and self._can_start_again():
            self.resume.allow()
        else:
            self.resume.allow_if(
                not reason and state == "paused", reason or "the run is not paused"
            )
        self.save.allow_if(not reason, reason)
        self.stop.allow_if(not reason, reason)
        self.row.refresh()
        if reason:
            self._close_question()

    def _take_answer(self):
        if self.pending is None:
            return
        command, identity, since = self.pending
        if command == "start":
            self._look_at_start()
            return
        answer = next(
            (
                event
                for event in reversed(self.follower.events)
                if event.get("kind") in ANSWERS
                and (event.get("id") == identity or event.get("file") == f"{identity}.json")
            ),
            None,
        )
        if answer is not None:
            self.pending = None
            if answer["kind"] == "command_obeyed":
                self.panel.say(DONE[command].format(step=answer.get("step")))
            else:
                self.panel.say(f"The run refused to {command}: {answer.get('reason')}.")
        elif self.follower.state not in LIVE_STATES:
            self.pending = None
        elif time.monotonic() - since > PATIENCE_SECONDS and not self._has_waited:
            self._has_waited = True
            self.panel.say(
                f"The run is still {DOING[command]}: a step that is being compiled can take minutes, "
                "and the command waits in its folder."
            )

    def _can_start_again(self):
        return self.follower.state in ENDED_EARLY and "pretrain" in self.follower.config

    def _resume(self):
        if self.follower.state == "paused":
            self.send("resume")
            return
        path, backend = self.follower.run.path, self.follower.status.get("backend")
        backend = backend if backend in installed_backends() else None
        command = command_line("pretrain", {"run_dir": path})
        # A launcher finds its run again by the plan.
        plan = Launch(path).plan() or None
        self.launched = launch([command], path, plan=plan, backend=backend)
        self.pending = ("start", None, time.monotonic())
        self.panel.say("A new process starts and goes on from the last checkpoint.")
        self.refresh()

    def _look_at_start(self):
        """Whether the new process has got hold of the run, or ended before."""
        if self.follower.state in LIVE_STATES:
            self.pending = None
            return
        status = self.launched.status()
        if not status.is_live:
            self.pending = None
            self.panel.alarm(status.sentence, "\n".join(self.launched.output()))

    def _ask(self):
        lost = self.steps_to_lose
        self.question.value = escaped("End the run? It can go on later in every case.")
        self.stop_at_once.description = f"Stop, lose {lost:,} steps since the last save"
        self.children = [self.row, self.choice]

    def _stop(self, **details):
        self._close_question()
        self.send("stop", **details)

    def _close_question(self):
        if len(self.children) > 1:
            self.children = [self.row]
