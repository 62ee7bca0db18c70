"""`RunControl`: what pauses or ends a training between two steps."""

import signal
import time

COMMAND_SECONDS = 0.5
"""How often the control folder is read, and how often a paused run checks for commands."""
WISHES = (None, "paused", "finished", "stopped", "interrupted")
"""Requests by rising priority; the highest across processes wins."""


class RunControl:
    """Follows signals, commands and the time budget; every training that writes a run folder uses it.

    A pause writes a checkpoint and waits. A stop, a signal or a used-up budget sets `outcome`; the
    training then ends after the current step and, if `saves_at_end`, writes a checkpoint. A command that
    needs a checkpoint where none can be written is refused with the reason.

    Args:
        session: the open run folder.
        signals: `StopSignals`.
        save: `save()` writes a checkpoint of the current step unless it exists; returns None, or the
            reason why it could not be written.
        agree: `agree(number)` returns the largest of the numbers that all processes pass.

    Attributes:
        outcome: None, then "finished", "stopped" or "interrupted".
        reason: what ended the training, for `events.jsonl`; None after the last step.
        saves_at_end: False after a stop with `"save": false`, which loses the steps since the last
            checkpoint.
    """

    def __init__(self, session, signals, save, agree=lambda number: number):
        self.session = session
        self.signals = signals
        self.save = save
        self.agree = agree
        self.outcome = self.reason = None
        self.saves_at_end = True
        self._is_paused = False
        self._looked = 0.0

    def look(self, step: int, is_time_up: bool = False) -> float:
        """Do what is asked for at `step`; a pause lasts until a command or a signal ends it.

        Args:
            is_time_up: whether the time budget is used up.

        Returns:
            Seconds that were spent paused.
        """
        started = time.monotonic()
        wish, reason = self._agreed(step, is_time_up)
        was_paused = wish == "paused"
        while wish == "paused":
            time.sleep(COMMAND_SECONDS / 2)
            wish, reason = self._agreed(step, is_time_up)
        if wish is not None:
            self.end(wish, reason)
        return time.monotonic() - started if was_paused else 0.0

    def end(self, outcome: str, reason: str | None = None) -> None:
        """Note how the training ends, once."""
        if self.outcome is None:
            self.outcome, self.reason = outcome, reason

    def _agreed(self, step, is_time_up):
        """(what the processes want, why), the highest of their wishes."""
        mine, reason = self._wish(step, is_time_up)
        wish = WISHES[self.agree(WISHES.index(mine))]
        return wish, reason if wish == mine else f"{wish} by another process"

    def _wish(self, step, is_time_up):
        """(one of `WISHES`, why): what this process wants."""
        if self.signals.received is not None:
            name = signal.Signals(self.signals.received).name
            return "interrupted", f"interrupted by {name}"
        if not self._is_paused:
            if is_time_up:
                return "finished", "the time budget is used up"
            if time.monotonic() - self._looked <= COMMAND_SECONDS:
                return None, None
        self._looked = time.monotonic()
        wish = self._obey(step)
        return wish, "stopped by command" if wish == "stopped" else None

    def _obey(self, step):
        """Obey the commands in the control folder; "paused", "stopped" or None."""
        for command in self.session.take_commands():
            kind = command["command"]
            problem = self.save() if kind in ("pause", "checkpoint") else None
            if problem is not None:
                self.session.refuse_command(command, problem)
                continue
            if kind == "pause" and not self._is_paused:
                self._is_paused = True
                self.session.set_state("paused", step)
                self.session.append_event("pause", step=step)
            elif kind in ("resume", "stop") and self._is_paused:
                self._is_paused = False
                self.session.set_state("running", step)
                self.session.append_event("resume", step=step)
            self.session.answer_command(command, step=step)
            if kind == "stop":
                self.saves_at_end = command.get("save") is not False
                return "stopped"
        return "paused" if self._is_paused else None


def write_outcome(session, outcome: str, step: int, reason: str | None = None) -> None:
    """Write the last state and event of a run.

    Args:
        outcome: "finished", "stopped" or "interrupted".
        reason: what ended it; None after its last step.
    """
    session.set_state(outcome, step)
    why = {} if reason is None else {"reason": reason}
    session.append_event("finish" if outcome == "finished" else "stop", step=step, **why)
