"""The writing side of a run: one training process in one folder, alone."""

import datetime
import os
import pathlib
import shlex
import sys
import time
from collections.abc import Collection

from keras_electra.errors import ElectraError, InputError, RunInUseError
from keras_electra.files import (
    append_row,
    drop_cut_line,
    drop_rows_after,
    plain,
    read_json,
    refuse_links_in,
    remove_temporary,
    sync_file,
    write_bytes,
    write_json,
    writing,
)
from keras_electra.processes import host_name
from keras_electra.runs.control import CommandInbox
from keras_electra.runs.folder import (
    HEARTBEAT_SECONDS,
    LIVE_STATES,
    STALE_SECONDS,
    RunFolder,
    heartbeat_age_seconds,
)
from keras_electra.runs.ownership import FolderLock, in_use_sentence
from keras_electra.runs.settings import (
    ABSENT,
    allowed_changes,
    check_vocabulary,
    completed,
    differences,
)
from keras_electra.runs.status import StatusWriter

COMMAND_WRITING_SECONDS = 60.0


class RunSession:
    """Starts a run, or resumes the one in the folder; a context manager.

    Inside the block the folder belongs to this process: another session is refused, also in
    another process, until the block ends or the process dies in whatever way. An exception that
    leaves the block sets the state "failed" with its sentence.

    Args:
        path: the run folder; made on the first start.
        config: nested settings in the types of JSON; kept in `config.json`.
        vocabulary: content of `vocab.txt` as bytes, or the path of a file with it.
        environment: versions and machine; kept in `environment.json`.
        steps: how many steps the run shall have.
        may_change: dotted names of settings that may differ when the run is resumed.
        may_grow: dotted names of numbers that may become larger when the run is resumed.
        defaults: nested values that settings had before there was an option for them, so that a run of
            an older version is resumed.
        details: what `status.json` also holds, such as `backend` and `device`.
        may_begin_anew: whether any settings may follow those of a start that failed before its first
            row and checkpoint, so that nothing is lost by them.
        heartbeat_seconds: how often `status.json` is renewed.

    Raises (on entering):
        RunInUseError: naming the process and host that hold the folder.
        InputError: if the run has other settings or another vocabulary, or a symbolic link is inside
            of the folder; nothing is changed then.
    """

    def __init__(
        self,
        path,
        *,
        config: dict,
        vocabulary: bytes | str | os.PathLike,
        environment: dict,
        steps: int | None = None,
        may_change: Collection[str] = (),
        may_grow: Collection[str] = ("steps",),
        defaults: dict | None = None,
        details: dict | None = None,
        may_begin_anew: bool = False,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ):
        self.folder = RunFolder(path)
        self.resumed = False
        self._config, self._environment = plain(config), plain(environment)
        self._vocabulary = _content(vocabulary)
        self._may_change, self._may_grow = may_change, may_grow
        self._may_begin_anew = may_begin_anew
        self._defaults = plain(defaults or {})
        self._lock = FolderLock(self.folder.lock_path)
        self._inbox = CommandInbox(self.folder.control_path, self.append_event)
        details = {"steps": steps, **(details or {})}
        self._status = StatusWriter(self.folder.status_path, details, heartbeat_seconds)

    def __enter__(self):
        with writing(self.folder.path):
            try:
                self.folder.path.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                raise InputError(
                    f"expected a folder for the run, received the file {str(self.folder.path)!r}"
                ) from None
        refuse_links_in(self.folder.path)
        self._lock.hold()
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, kind, error, traceback) -> None:
        try:
            self._close(error)
        except (ElectraError, OSError):
            # The error that ended the training matters more than the one of noting it.
            if error is None:
                raise
        finally:
            self._lock.release()

    @property
    def state(self) -> str:
        """One of `STATES`."""
        return self._status.state

    @property
    def step(self) -> int:
        """The last step told to `set_state`."""
        return self._status.step

    def set_state(self, state: str, step: int | None = None, **details) -> None:
        """Say in `status.json` what is going on; may be called at every step."""
        self._status.set(state, step, **details)

    def append_log(self, row: dict) -> None:
        """Add a row of metrics; NaN and infinities are written as null."""
        append_row(self.folder.log_path, row)

    def cut_log(self, step: int) -> int:
        """Drop the log rows beyond `step`, that of the checkpoint resumed from; how many went."""
        return drop_rows_after(self.folder.log_path, step)

    def append_event(self, kind: str, **details) -> None:
        """Add an event with the present time; it and all log rows then survive a power cut."""
        now = time.time()
        moment = datetime.datetime.fromtimestamp(now).astimezone().isoformat(timespec="seconds")
        event = {"time": moment, "unix_time": now, "kind": kind, **details}
        append_row(self.folder.events_path, event)
        sync_file(self.folder.events_path)
        sync_file(self.folder.log_path)

    def take_commands(self) -> list[dict]:
        """New commands, oldest first, each with `id` and `command`; cheap enough for every step.

        Pass each to `answer_command` once it is obeyed, or to `refuse_command`.
        """
        return self._inbox.take()

    def answer_command(self, command: dict, **details) -> None:
        """Delete an obeyed command and add the event "command_obeyed"."""
        self._inbox.answer(command, **details)

    def refuse_command(self, command: dict, reason: str) -> None:
        """Delete a command that cannot be obeyed and add the event "command_refused"."""
        self._inbox.refuse(command, reason)

    def _open(self) -> None:
        folder = self.folder
        former = folder.status()
        if _is_at_work(folder, former):
            raise RunInUseError(in_use_sentence(folder.path, former))
        has_begun = folder.exists() and (folder.has_work() or not self._may_begin_anew)
        changes = self._check_existing() if has_begun else self._check_new()
        with writing(folder.path):
            folder.checkpoints_path.mkdir(exist_ok=True)
            folder.control_path.mkdir(exist_ok=True)
        self._clean()
        # The configuration comes last: it makes the folder a run.
        write_json(folder.environment_path, self._environment)
        if not self.resumed:
            write_bytes(folder.vocabulary_path, self._vocabulary)
        if changes or not self.resumed:
            write_json(folder.config_path, self._config)
        self._inbox.refuse_all("sent before this session started")
        self.append_event(
            "start", resumed=self.resumed, pid=os.getpid(), command=_command(), **changes
        )
        # Last, so that no heartbeat goes on where the start failed.
        self._status.start(step=former.get("step", 0) if self.resumed else 0)

    def _check_existing(self) -> dict:
        folder = self.folder
        old_config = completed(folder.config(), self._defaults)
        settings = allowed_changes(
            folder.path, old_config, self._config, self._may_change, self._may_grow
        )
        check_vocabulary(folder.path, folder.vocabulary_path.read_bytes(), self._vocabulary)
        environment = differences(read_json(folder.environment_path), self._environment)
        self.resumed = True
        return {
            name: _as_lists(pairs)
            for name, pairs in (("settings", settings), ("environment", environment))
            if pairs
        }

    def _check_new(self) -> dict:
        folder = self.folder
        if folder.exists():
            return {}
        if folder.config_path.exists():
            raise InputError(
                f"expected a new folder or a run, received {str(folder.path)!r}, "
                "whose config.json is not that of a run"
            )
        # An interrupted first start leaves environment.json beside its vocabulary.
        foreign = folder.vocabulary_path.exists() and not folder.environment_path.exists()
        if foreign:
            check_vocabulary(folder.path, folder.vocabulary_path.read_bytes(), self._vocabulary)
        return {}

    def _clean(self) -> None:
        folder = self.folder
        remove_temporary(folder.path)
        remove_temporary(folder.checkpoints_path)
        remove_temporary(folder.control_path, COMMAND_WRITING_SECONDS)
        drop_cut_line(folder.log_path)
        drop_cut_line(folder.events_path)

    def _close(self, error: BaseException | None) -> None:
        try:
            self._inbox.refuse_all("the session ended")
            if isinstance(error, Exception):
                self.append_event("failure", message=_sentence(error), step=self.step)
                self._status.set("failed", message=_sentence(error))
            elif self.state in LIVE_STATES:
                self._status.set("stopped" if error is None else "interrupted")
        finally:
            self._status.end()


def _is_at_work(folder: RunFolder, status: dict) -> bool:
    # Asked with the lock in hand, for locks do not reach across machines on every disk, and a lock
    # file may be deleted. An old heartbeat is that of a session which could not note its end.
    is_own = status.get("pid") == os.getpid() and status.get("host") == host_name()
    is_young = heartbeat_age_seconds(status) < STALE_SECONDS
    return is_young and not is_own and folder.is_running(status)


def _command() -> str:
    """How this process was started, the program without its path."""
    path = pathlib.Path(sys.argv[0])
    is_module = path.name == "__main__.py" and path.parent.name == "keras_electra"
    return shlex.join(["keras-electra" if is_module else path.name, *sys.argv[1:]])


def _content(vocabulary: bytes | str | os.PathLike) -> bytes:
    if isinstance(vocabulary, bytes):
        return vocabulary
    try:
        return pathlib.Path(vocabulary).read_bytes()
    except OSError as error:
        raise InputError(f"vocabulary: expected a readable file ({error})") from error


def _as_lists(pairs: dict[str, tuple]) -> dict[str, list]:
    return {
        name: [None if value is ABSENT else value for value in pair] for name, pair in pairs.items()
    }


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, ElectraError) else f"{type(error).__name__}: {error}"
