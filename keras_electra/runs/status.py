"""`status.json` and the thread that keeps its heartbeat young."""

import contextlib
import os
import signal
import threading
import time

from keras_electra.errors import ElectraError, InputError
from keras_electra.files import write_json
from keras_electra.processes import host_name, start_time_of
from keras_electra.runs.folder import HEARTBEAT_SECONDS, STATES

MIN_SECONDS_BETWEEN_WRITES = 1.0


class StatusWriter:
    """Writes what a session is doing, at every change of state and every few seconds.

    The heartbeat comes from a thread of its own, so that it also beats while the training is
    paused or a step is being compiled.

    Args:
        path: of `status.json`.
        details: fields that the file also holds, such as `steps`, `backend`, `device`.
        heartbeat_seconds: how often the file is renewed.
    """

    def __init__(self, path, details: dict, heartbeat_seconds: float = HEARTBEAT_SECONDS):
        self._path = path
        self._heartbeat_seconds = heartbeat_seconds
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._written_at = 0.0
        self._fields = {
            "state": "starting",
            "step": 0,
            **details,
            "pid": os.getpid(),
            "process_start_time": start_time_of(os.getpid()),
            "host": host_name(),
        }
        self._thread = threading.Thread(target=self._beat, name="run-heartbeat", daemon=True)

    @property
    def state(self) -> str:
        """One of `STATES`."""
        return self._fields["state"]

    @property
    def step(self) -> int:
        """The last step that was told."""
        return self._fields["step"]

    def start(self, step: int) -> None:
        """Write the first status, at `step`, and begin the heartbeat."""
        self._fields["step"] = step
        self._write(durable=True)
        self._thread.start()

    def set(self, state: str, step: int | None = None, **details) -> None:
        """Note where the session is; cheap enough for every step.

        A change of state is written at once, a step alone at most every second.
        """
        if state not in STATES:
            raise InputError(f"state: expected one of {', '.join(STATES)}, received {state!r}")
        news = {"state": state, **details}
        changed = any(self._fields.get(name) != value for name, value in news.items())
        with self._writing:
            self._fields.update(news, step=self.step if step is None else step)
        if changed or time.monotonic() - self._written_at > MIN_SECONDS_BETWEEN_WRITES:
            self._write(durable=changed)

    def end(self) -> None:
        """Stop the heartbeat and write the last status."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._write(durable=True)

    def _write(self, durable: bool) -> None:
        with self._writing:
            self._written_at = time.monotonic()
            write_json(self._path, {**self._fields, "heartbeat": time.time()}, durable)

    def _beat(self) -> None:
        # A signal handled by this thread would not wake the main thread from a long wait.
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        while not self._ended.wait(self._heartbeat_seconds):
            # A full disk must not end the heartbeat: there may be room again at the next one.
            with contextlib.suppress(ElectraError, OSError):
                self._write(durable=False)
