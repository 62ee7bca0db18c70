"""Commands to a running session: one JSON file each, put into `control/` by rename."""

import itertools
import json
import os
import pathlib
import stat
import time

from keras_electra.errors import InputError
from keras_electra.files import refuse_link, remove, to_json, write_json, writing
from keras_electra.processes import host_name
from keras_electra.runs.folder import RunFolder

COMMANDS = ("pause", "resume", "stop", "checkpoint")
RESERVED = ("id", "command", "time", "pid", "host")
MAX_COMMAND_BYTES = 65536

_counter = itertools.count()


def send_command(run: RunFolder | str | os.PathLike, command: str, **details) -> str:
    """Ask the session of `run` for something; it answers in `events.jsonl`.

    Args:
        run: the folder of a running session; also as a path.
        command: one of `COMMANDS`.
        details: what else the file holds, in the types of JSON.

    Returns:
        The command's id, which the answer repeats.

    Raises:
        InputError: if the run is not running, or the command is unknown.
    """
    if command not in COMMANDS:
        raise InputError(f"command: expected one of {', '.join(COMMANDS)}, received {command!r}")
    for name in RESERVED:
        if name in details:
            raise InputError(f"details: expected names other than {name!r}, which is taken")
    to_json(details)
    run = RunFolder(run)
    run.require()
    if not run.is_running():
        raise InputError(
            f"command {command!r} needs a running run: {str(run.path)!r} is {run.state()}"
        )
    identity = f"{time.time_ns():020d}_{os.getpid()}_{next(_counter):04d}"
    content = {"id": identity, "command": command, "time": time.time()}
    refuse_link(run.control_path)
    with writing(run.control_path):
        run.control_path.mkdir(exist_ok=True)
    sender = {"pid": os.getpid(), "host": host_name()}
    write_json(run.control_path / f"{identity}.json", {**content, **sender, **details})
    return identity


class CommandInbox:
    """The session's side of `control/`.

    Args:
        path: the folder `control/`.
        tell: `tell(kind, **details)` adds an event.
    """

    def __init__(self, path, tell):
        self._path = pathlib.Path(path)
        self._tell = tell
        self._taken = {}
        self._seen = set()

    def take(self) -> list[dict]:
        """Commands not taken before, oldest first; what is no command is refused and deleted."""
        commands = []
        for path in self._new_files():
            self._seen.add(path.name)
            command, reason = read_command(path)
            if command is None:
                self._refuse(path, reason)
            else:
                self._taken[command["id"]] = path
                commands.append(command)
        return commands

    def answer(self, command: dict, **details) -> None:
        """Delete an obeyed command and say so in the event "command_obeyed"."""
        path = self._taken.pop(command["id"])
        self._tell("command_obeyed", command=command["command"], id=command["id"], **details)
        _delete(path)

    def refuse(self, command: dict, reason: str) -> None:
        """Delete a command that was taken and say in the event "command_refused" why."""
        self._refuse(self._taken.pop(command["id"]), reason)

    def refuse_all(self, reason: str) -> None:
        """Refuse everything that waits, taken or not."""
        for path in [*self._taken.values(), *self._new_files()]:
            self._refuse(path, reason)
        self._taken = {}

    def _new_files(self) -> list[pathlib.Path]:
        if self._path.is_symlink():
            # The start of the session refuses one; a folder elsewhere is never emptied.
            return []
        try:
            names = sorted(os.listdir(self._path))
        except OSError:
            return []
        # Hidden: commands that are still being written, and what network disks keep of open files.
        names = [name for name in names if not name.startswith(".") and name not in self._seen]
        return [self._path / name for name in names]

    def _refuse(self, path: pathlib.Path, reason: str) -> None:
        self._seen.add(path.name)
        self._tell("command_refused", file=path.name, reason=reason)
        _delete(path)


def read_command(path: pathlib.Path) -> tuple[dict | None, str]:
    """The command in a file, or None and the reason why there is none.

    Never raises: anyone may put anything into the folder. The id is that of the file name.
    """
    if path.suffix != ".json":
        return None, "expected a name that ends in .json"
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            return None, "expected a file"
        if about.st_size > MAX_COMMAND_BYTES:
            return None, f"expected at most {MAX_COMMAND_BYTES} bytes, received {about.st_size}"
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        return None, f"expected a JSON object ({error})"
    if not isinstance(value, dict):
        return None, f"expected a JSON object, received {value!r:.80}"
    name = value.get("command")
    if name not in COMMANDS:
        return None, f"expected a command among {', '.join(COMMANDS)}, received {name!r:.80}"
    return {**value, "id": path.stem}, ""


def _delete(path: pathlib.Path) -> None:
    try:
        remove(path)
    except OSError:
        # Its name is remembered, so a file that cannot be deleted is not obeyed twice.
        return
