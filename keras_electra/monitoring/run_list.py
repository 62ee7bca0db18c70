"""What `runs list` and `runs show` say about runs."""

import math
import os
from collections.abc import Callable, Iterator

from keras_electra.errors import DamagedDataError, InputError
from keras_electra.files import absolute
from keras_electra.files.paths import StrPath
from keras_electra.runs.folder import RunFolder, heartbeat_age_seconds

MAX_DEPTH = 4


def list_runs(root: StrPath) -> list[RunFolder]:
    """Every run in `root` and the folders below it, by path; `root` may be a run itself.

    Hidden folders, the insides of runs, and what lies deeper than four folders are not looked at.
    """
    return list(runs_below(root, lambda run: run.exists()))


def runs_below(root: StrPath, is_run: Callable[[RunFolder], bool]) -> Iterator[RunFolder]:
    """The folders that `is_run` takes for runs, by path; see `list_runs`.

    Raises:
        InputError: if `root` is no folder.
    """
    root = absolute(root)
    if not root.is_dir():
        raise InputError(f"expected a folder with runs, received {str(root)!r}")
    found = []
    for path, folders, _ in os.walk(root):
        run = RunFolder(path)
        if is_run(run):
            found.append(run)
        if is_run(run) or len(run.path.relative_to(root).parts) >= MAX_DEPTH:
            folders.clear()
        folders[:] = [name for name in folders if not name.startswith(".")]
    yield from sorted(found, key=lambda run: run.path)


def describe(run: RunFolder | str | os.PathLike) -> dict:
    """A run in one flat record, in the types of JSON; a damaged file is told, not raised.

    Keys: `name`, `path`, `state`, `running`, `step`, `steps`, `backend`, `device`, `host`, `pid`,
    `heartbeat_age_seconds`, `started` and `updated` (ISO 8601), `num_sessions`,
    `checkpoint_steps`, `last_row` (metrics), `last_event`, `message` (of a failure or damage).
    """
    run = RunFolder(run)
    run.require()
    status = run.status()
    record = {"name": run.path.resolve().name, "path": str(run.path)}
    record["state"], record["running"] = run.state(), run.is_running(status)
    for name in ("step", "steps", "backend", "device", "host", "pid"):
        record[name] = status.get(name)
    age = heartbeat_age_seconds(status)
    record["heartbeat_age_seconds"] = age if math.isfinite(age) else None
    record["checkpoint_steps"] = [step for step, _ in run.checkpoints()]
    record["message"] = status.get("message")
    try:
        events, rows = run.events(), run.log_rows()
    except DamagedDataError as error:
        events, rows, record["message"] = [], [], str(error)
    record["started"] = events[0].get("time") if events else None
    record["updated"] = events[-1].get("time") if events else None
    record["num_sessions"] = sum(event.get("kind") == "start" for event in events)
    record["last_row"] = rows[-1] if rows else None
    record["last_event"] = events[-1] if events else None
    return record
