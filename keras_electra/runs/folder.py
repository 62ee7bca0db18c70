"""Reading a run folder, from any process and at any moment."""

import dataclasses
import math
import os
import pathlib
import re
import time

from keras_electra.errors import InputError
from keras_electra.files import absolute, read_json, read_rows, readable_json
from keras_electra.processes import host_name, is_alive

LIVE_STATES = ("starting", "running", "paused")
ENDED_STATES = ("stopped", "finished", "failed", "interrupted")
STATES = LIVE_STATES + ENDED_STATES

HEARTBEAT_SECONDS = 5.0
"""How often a live session renews `status.json`."""
STALE_SECONDS = 30.0
"""Age of the heartbeat from which a session on another machine counts as dead."""

CHECKPOINT_NAME = re.compile(r"step_(\d{8,})")


def heartbeat_age_seconds(status: dict) -> float:
    """How long ago a session renewed its status; infinite if it never did."""
    heartbeat = status.get("heartbeat")
    return time.time() - heartbeat if isinstance(heartbeat, (int, float)) else math.inf


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The paths of a run and what they hold; making one touches no file.

    Args:
        path: the folder, as a string or path; kept as an absolute one.
    """

    path: pathlib.Path

    def __post_init__(self):
        object.__setattr__(self, "path", absolute(self.path))

    @property
    def config_path(self) -> pathlib.Path:
        """The settings the run was started with."""
        return self.path / "config.json"

    @property
    def vocabulary_path(self) -> pathlib.Path:
        """The vocabulary, one token per line."""
        return self.path / "vocab.txt"

    @property
    def environment_path(self) -> pathlib.Path:
        """Versions and machine of the latest session."""
        return self.path / "environment.json"

    @property
    def log_path(self) -> pathlib.Path:
        """Metrics, one row per logged step."""
        return self.path / "log.jsonl"

    @property
    def events_path(self) -> pathlib.Path:
        """What happened, one row per event."""
        return self.path / "events.jsonl"

    @property
    def status_path(self) -> pathlib.Path:
        """What the latest session is doing now."""
        return self.path / "status.json"

    @property
    def output_path(self) -> pathlib.Path:
        """What the training process printed, when another program started it."""
        return self.path / "output.txt"

    @property
    def checkpoints_path(self) -> pathlib.Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def control_path(self) -> pathlib.Path:
        """The folder that commands are put into."""
        return self.path / "control"

    @property
    def lock_path(self) -> pathlib.Path:
        """The file that a session keeps locked."""
        return self.path / ".lock"

    def checkpoint_path(self, step: int) -> pathlib.Path:
        """Where the completed checkpoint of `step` stands."""
        return self.checkpoints_path / f"step_{step:08d}"

    def exists(self) -> bool:
        """Whether a run was started here; `config.json` is the last file a start writes."""
        started = (self.config_path, self.vocabulary_path, self.environment_path)
        return all(path.is_file() for path in started)

    def has_work(self) -> bool:
        """Whether anything was trained here: a checkpoint or a row of the log."""
        try:
            has_rows = self.log_path.stat().st_size > 0
        except OSError:
            has_rows = False
        return has_rows or bool(self.checkpoints())

    def require(self) -> None:
        """Raise `InputError` unless a run was started here."""
        if not self.exists():
            raise InputError(f"expected the folder of a run, received {str(self.path)!r}")

    def config(self) -> dict:
        """The settings; `InputError` if this is no run."""
        self.require()
        return read_json(self.config_path)

    def environment(self) -> dict:
        """Versions and machine of the latest session; `InputError` if this is no run."""
        self.require()
        return read_json(self.environment_path)

    def status(self) -> dict:
        """What the latest session last said about itself; empty if it said nothing readable.

        Keys: `state`, `step`, `steps`, `pid`, `process_start_time` (seconds, for comparing),
        `host`, `heartbeat` (seconds since 1970), and details such as `backend` and `device`.
        """
        return readable_json(self.status_path)

    def state(self) -> str | None:
        """One of `STATES`, None before any session; a session that died is "interrupted"."""
        status = self.status()
        state = status.get("state")
        return "interrupted" if state in LIVE_STATES and not self.is_running(status) else state

    def is_running(self, status: dict | None = None) -> bool:
        """Whether a session is at work.

        On this machine its process must be alive; on another its heartbeat must be young.
        """
        status = self.status() if status is None else status
        pid, start_time = status.get("pid"), status.get("process_start_time")
        if status.get("state") not in LIVE_STATES or not isinstance(pid, int):
            return False
        if status.get("host") == host_name():
            return is_alive(pid, start_time)
        return heartbeat_age_seconds(status) < STALE_SECONDS

    def log_rows(self) -> list[dict]:
        """The metrics, oldest first; a last line cut by a kill is left out."""
        return read_rows(self.log_path)

    def events(self) -> list[dict]:
        """The events, oldest first; each has `kind`, `time` (ISO 8601) and `unix_time` (s)."""
        return read_rows(self.events_path)

    def checkpoints(self) -> list[tuple[int, pathlib.Path]]:
        """Step and folder of every completed checkpoint, by step."""
        found = []
        for path in self.checkpoints_path.iterdir() if self.checkpoints_path.is_dir() else ():
            match = CHECKPOINT_NAME.fullmatch(path.name)
            if match and path.is_dir():
                found.append((int(match[1]), path))
        return sorted(found)

    def __fspath__(self) -> str:
        return os.fspath(self.path)
