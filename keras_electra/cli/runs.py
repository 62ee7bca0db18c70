"""`runs`: what the runs on this disk do, and telling one what to do. Needs no backend."""

import dataclasses
import pathlib
import time

import tyro

from keras_electra.cli import display
from keras_electra.cli.arguments import Json
from keras_electra.cli.options import OptionalPath, argument, number
from keras_electra.errors import InputError
from keras_electra.files import shown_path
from keras_electra.monitoring import describe, list_runs
from keras_electra.runs import RunFolder, send_command
from keras_electra.runs.kind import way_on

ANSWERS = ("command_obeyed", "command_refused")

Place = argument(
    tyro.conf.Positional[tyro.conf.DisallowNone[pathlib.Path | None]],
    "the run folder",
    "required",
    metavar="RUN",
)
RunDir = argument(OptionalPath, "the same as RUN", "", metavar="DIR")
Wait = argument(number("wait_seconds", float), "how long to wait for the run to obey, in seconds")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListRuns:
    """List the runs in a folder and the folders below it."""

    root: argument(tyro.conf.Positional[pathlib.Path], "where to look", metavar="DIR") = (
        pathlib.Path()
    )
    json: Json = False

    def run(self):
        records = [describe(run) for run in list_runs(self.root)]
        if self.json:
            display.print_json(records)
            return
        if not records:
            display.say(f"no run in {self.root.absolute()}")
            return
        grid = display.table("run", "state", "step", "of", "loss", "updated")
        for record in records:
            row = record["last_row"] or {}
            grid.add_row(
                shown_path(record["path"]),
                record["state"],
                display.figure(record["step"]),
                display.figure(record["steps"]),
                display.figure(row.get("loss", row.get("mlm_loss"))),
                record["updated"],
            )
        display.output.print(grid)
        display.say_next("keras-electra runs show RUN")


@dataclasses.dataclass(frozen=True, kw_only=True)
class OfOneRun:
    """What the commands about one run share; `place` or `run_dir` names it."""

    place: Place = None
    run_dir: RunDir = None

    def folder(self) -> RunFolder:
        """The run that was named."""
        named = [path for path in (self.place, self.run_dir) if path is not None]
        if len(named) != 1:
            raise InputError(f"RUN: expected one run folder, received {len(named)}")
        run = RunFolder(named[0])
        run.require()
        return run


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShowRun(OfOneRun):
    """Show what a run is doing and its last figures."""

    json: Json = False

    def run(self):
        record = describe(self.folder())
        if self.json:
            display.print_json(record)
            return
        row = record.pop("last_row") or {}
        event = record.pop("last_event") or {}
        record["checkpoint_steps"] = ", ".join(map(str, record["checkpoint_steps"])) or None
        record["last_event"] = event.get("kind")
        if event.get("reason"):
            record["last_event"] += f" ({event['reason']})"
        print_record(record)
        if row:
            display.say(f"last row of the log, at step {row.pop('step', None)}:")
            print_record(row, indent="  ")


def print_record(record: dict, indent: str = "") -> None:
    """One line per entry, names aligned; what is None is left out."""
    width = max(map(len, record)) + 1
    for name, value in record.items():
        if value is not None:
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            display.say(f"{indent}{name.replace('_', ' '):{width}} {text}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PauseRun(OfOneRun):
    """Write a checkpoint and wait until the run is resumed or stopped."""

    wait_seconds: Wait = 10.0

    def run(self):
        ask(self.folder(), "pause", self.wait_seconds)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResumeRun(OfOneRun):
    """Have a paused run go on. A run that has ended goes on with the command that started it."""

    wait_seconds: Wait = 10.0

    def run(self):
        run = self.folder()
        if not run.is_running():
            state = run.state()
            how = "" if state == "finished" else f"; {way_on(run)} goes on with it"
            raise InputError(
                f"runs resume: expected a paused run, received {shown_path(run.path)}, "
                f"which is {state}{how}"
            )
        ask(run, "resume", self.wait_seconds)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StopRun(OfOneRun):
    """Write a checkpoint and end the run; it can be resumed later."""

    wait_seconds: Wait = 10.0

    def run(self):
        ask(self.folder(), "stop", self.wait_seconds)


def ask(run: RunFolder, command: str, wait_seconds: float) -> None:
    """Send a command and say whether it was obeyed."""
    identity = send_command(run, command)
    deadline = time.monotonic() + wait_seconds
    with display.waiting(f"waiting for {shown_path(run.path)}"):
        while True:
            answer = answer_to(run, identity)
            if answer or time.monotonic() >= deadline or not run.is_running():
                break
            time.sleep(0.1)
    answer = answer or answer_to(run, identity)
    if answer is None:
        display.say(f"{command} asked for; {shown_path(run.path)} obeys after the step it is at")
    elif answer["kind"] == "command_obeyed":
        display.say(f"{command} obeyed at step {answer.get('step')}: {shown_path(run.path)}")
    else:
        raise InputError(
            f"runs {command}: {shown_path(run.path)} refused, since {answer.get('reason')}"
        )


def answer_to(run: RunFolder, identity: str) -> dict | None:
    """The event that answers a command, or None as long as there is none."""
    for event in reversed(run.events()):
        if event.get("kind") in ANSWERS and (
            event.get("id") == identity or event.get("file") == f"{identity}.json"
        ):
            return event
    return None
