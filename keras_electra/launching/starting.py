"""Starting commands as processes of their own, and finding them again by their run folder."""

import contextlib
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

import keras_electra
from keras_electra.errors import InputError
from keras_electra.files import readable_json, refuse_links_in, writing
from keras_electra.launching.commands import Command
from keras_electra.launching.launch_file import LaunchFile
from keras_electra.monitoring.run_follower import last_lines
from keras_electra.processes import host_name, is_alive
from keras_electra.runs import RunFolder, send_command

STARTING_SECONDS = 30.0
"""Time that a new process has to write its number into `launch.json`."""
MAX_OUTPUT_BYTES = 65536
COMPLAINT = "keras-electra: "
PROMPT = "$ "
"""Before each command in `output.txt`."""

_children: dict[pathlib.Path, subprocess.Popen] = {}
"""By run folder; kept so that the end of a child is collected, and none is warned of afterwards."""


@dataclasses.dataclass(frozen=True)
class LaunchStatus:
    """How far a launch is.

    Attributes:
        state: "preparing" (a vocabulary or a store), "starting" (the training has no status yet), the
            run's own state, "failed", "cancelled" or "lost" (the process is gone, nobody knows why).
        command: name of the command at work.
        progress: what `progress.ProgressFile` says of it.
        message: the sentence of a failure.
        seconds: since it was started.
    """

    state: str
    command: str
    progress: dict
    message: str | None
    seconds: float

    @property
    def is_live(self) -> bool:
        """Whether a process is at work."""
        return self.state in ("preparing", "starting", "running", "paused")

    @property
    def sentence(self) -> str:
        """How far it is, for people."""
        if self.message:
            return self.message
        stage, done, total = (self.progress.get(name) for name in ("stage", "done", "total"))
        if self.state != "preparing" or not stage:
            return f"{self.command}: {self.state}"
        if not total or self.progress.get("unit") != "bytes":
            return f"{self.command}: {stage}"
        return f"{self.command}: {stage}, {min(done, total) / 1e6:,.1f} of {total / 1e6:,.1f} MB"


class Launch:
    """What was started in a run folder, by this process or any other on this machine.

    Args:
        run_dir: the run folder.
    """

    def __init__(self, run_dir: str | os.PathLike):
        self.run = RunFolder(run_dir)
        self.file = LaunchFile(run_dir)

    def exists(self) -> bool:
        """Whether anything was started here."""
        return self.file.path.is_file()

    def plan(self) -> dict:
        """The settings it was made from; empty if they were not kept."""
        return self.file.read().get("plan") or {}

    def status(self) -> LaunchStatus:
        """How far it is; `InputError` if nothing was started here."""
        content = self.file.read()
        if not content:
            raise InputError(
                f"expected a folder that a run was started in, received {self.run.path}"
            )
        commands = content["commands"]
        at = content.get("at", 0)
        message = None
        state = self._state(content, at == len(commands) - 1)
        if state in ("failed", "lost"):
            message = self.complaint() or f"{commands[at]['name']} ended without saying why"
        return LaunchStatus(
            state=state,
            command=commands[at]["name"],
            progress=readable_json(commands[at].get("progress") or ""),
            message=message,
            seconds=time.time() - content.get("started", time.time()),
        )

    def _state(self, content, is_last) -> str:
        status = self.run.status()
        # A folder that is gone on with holds the status of the session before.
        is_new = (status.get("heartbeat") or 0) >= content.get("started", 0)
        if is_last and is_new and self.run.exists():
            return self.run.state()
        if self._is_alive(content):
            return "starting" if is_last else "preparing"
        if is_last and self._has_prepared(content):
            return "finished"
        if content.get("cancelled"):
            return "cancelled"
        return "failed" if content.get("exit_code") or self.complaint() else "lost"

    @staticmethod
    def _has_prepared(content) -> bool:
        """Whether the last command is one that prepares text, and came to its end."""
        told = readable_json(content["commands"][-1].get("progress") or "")
        is_new = (told.get("time") or 0) >= content.get("started", 0)
        return is_new and told.get("state") == "finished"

    def _is_alive(self, content) -> bool:
        child = _children.get(self.run.path)
        if child is not None:
            return child.poll() is None
        pid = content.get("pid")
        if pid is None:
            return time.time() - content.get("started", 0) < STARTING_SECONDS
        if content.get("host") != host_name():
            return False
        started = content.get("process_start_time")
        # A number alone could be that of any process, in a folder from elsewhere.
        return started is not None and is_alive(pid, started)

    def output(self, num_lines: int = 20) -> list[str]:
        """The last lines that the commands printed."""
        return last_lines(self.run.output_path, num_lines, MAX_OUTPUT_BYTES).splitlines()

    def complaint(self) -> str | None:
        """The last sentence in which a command said what went wrong, without the program's name."""
        lines = self.output()
        begun = [index for index, line in enumerate(lines) if line.startswith(PROMPT)]
        lines = lines[begun[-1] :] if begun else lines
        found = [line for line in lines if line.startswith(COMPLAINT)]
        if found:
            return found[-1].removeprefix(COMPLAINT)
        # What the program did not expect ends with the error, as Python prints it.
        has_traceback = any(line.startswith("Traceback (most recent call last)") for line in lines)
        return lines[-1] if has_traceback else None

    def cancel(self) -> None:
        """End it: what prepares text at once (it can be gone on with), a run after its step.

        Raises:
            InputError: if nothing is at work.
        """
        status = self.status()
        if not status.is_live:
            raise InputError(f"expected work that goes on, received a run that is {status.state}")
        if status.state in ("running", "paused"):
            send_command(self.run, "stop")
            return
        child = _children.get(self.run.path)
        pid = self.file.read().get("pid") if child is None else child.pid
        if pid is None:
            raise InputError(f"expected a process that has started, received {self.run.path}")
        with contextlib.suppress(ProcessLookupError):
            if os.name == "posix":
                os.killpg(pid, signal.SIGTERM)
            else:
                os.kill(pid, signal.SIGTERM)
        self.file.update(cancelled=True)

    def wait(self, timeout_seconds: float | None = None) -> LaunchStatus:
        """Wait until no process is at work any more, or the time is over; how far it is then."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while (status := self.status()).is_live:
            if deadline is not None and time.monotonic() > deadline:
                break
            time.sleep(0.1)
        return status


def launch(
    commands: Sequence[Command],
    run_dir: str | os.PathLike,
    *,
    plan: Mapping | None = None,
    backend: str | None = None,
) -> Launch:
    """Start commands, one after the other, in a process that outlives this one.

    Args:
        commands: the last one writes the run.
        run_dir: its folder, which gets `launch.json` and `output.txt`.
        plan: settings to be kept, in the types of JSON.
        backend: value of KERAS_BACKEND in the new process, or None for that of this one.

    Raises:
        InputError: if the folder cannot be written or holds a symbolic link, or work goes on in it
            already.
    """
    started = Launch(run_dir)
    refuse_links_in(run_dir)
    if started.exists() and started.status().is_live:
        raise InputError(f"expected a run folder without work in it, received {run_dir}")
    path = started.run.path
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    content = {
        "commands": [
            {
                "name": one.name,
                "arguments": list(one.full_arguments),
                "shell": one.shell,
                "progress": one.progress_path,
                "result": one.result_path,
            }
            for one in commands
        ],
        "at": 0,
        "host": host_name(),
        "started": time.time(),
        "plan": plan and dict(plan),
    }
    started.file.write(content)
    with writing(path), open(started.run.output_path, "ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "keras_electra.launching.driver", os.fspath(path)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(backend),
            start_new_session=True,
        )
    _children[path] = child
    return started


def environment(backend: str | None) -> dict[str, str]:
    """The variables of a new process: it finds this very package, and computes with `backend`."""
    variables = dict(os.environ)
    package = pathlib.Path(keras_electra.__file__).parent.parent
    if not {"site-packages", "dist-packages"} & set(package.parts):
        paths = [os.fspath(package), *filter(None, [variables.get("PYTHONPATH")])]
        variables["PYTHONPATH"] = os.pathsep.join(paths)
    if backend is not None:
        variables["KERAS_BACKEND"] = backend
    variables["PYTHONUNBUFFERED"] = "1"
    return variables
