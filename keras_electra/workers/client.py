"""The asking side: starts the worker at the first request, and says in a sentence what went wrong."""

import atexit
import collections
import contextlib
import json
import os
import pathlib
import site
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence

from keras_electra.workers.asking import Asker, Reply, WorkerError

LAST_LINES = 6
"""Lines of a dead worker's standard error that are told."""
END_SECONDS = 2.0
LOOK_SECONDS = 0.25


class WorkerClient(Asker):
    """A worker process and the requests to it; all methods may be called from any thread.

    The process starts at the first request, in a session of its own, so that a notebook's interrupt
    does not reach it, and ends with this object or this process. If it dies or hangs, every
    open request fails with a sentence, and the next request starts another one.

    Args:
        module: run as `python -m module`.
        arguments: of the module.
        environment: variables to add to this process' own.
        start_seconds: until the worker must be ready.
        answer_seconds: until a request must be answered, or its progress told, from then on.
        on_state: called with "starting", "ready" or "ended" when that happens.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        *,
        environment: Mapping[str, str] | None = None,
        start_seconds: float = 300.0,
        answer_seconds: float = 120.0,
        on_state: Callable[[str], None] = lambda state: None,
    ):
        super().__init__()
        self.module, self.arguments = module, list(arguments)
        self.environment = dict(environment or {})
        self.start_seconds, self.answer_seconds = start_seconds, answer_seconds
        self.on_state = on_state
        self.hello = None
        self.num_starts = 0
        self._process = None
        self._stderr = collections.deque(maxlen=200)
        _clients.add(self)

    @property
    def is_running(self) -> bool:
        """Whether there is a live worker process."""
        return self._process is not None and self._process.poll() is None

    def restart(self) -> None:
        """End the worker, if there is one; the next request starts another."""
        with self._lock:
            process = self._process
        if process is not None:
            self._ended(process, "it was restarted")
            _end(process)

    def stderr_tail(self, count: int = LAST_LINES) -> list[str]:
        """The last lines that the worker wrote to standard error."""
        return list(self._stderr)[-count:]

    def _start(self):
        if self.is_running:
            return
        if self._process is not None:
            self._ended(self._process, _how_it_ended(self._process))
        self.hello = None
        self._stderr.clear()
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", self.module, *self.arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=environment_of_child(self.environment),
                start_new_session=True,
            )
        except OSError as error:
            raise WorkerError(f"the worker could not be started: {error}") from error
        self._process, self.num_starts = process, self.num_starts + 1
        client = weakref.ref(self)
        for target in (_listen, _collect_stderr, _watch):
            threading.Thread(target=target, args=(client, process), daemon=True).start()
        self.on_state("starting")

    def _send(self, message):
        # A worker that died has its end told by the thread that listens to it.
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _stop(self):
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            _end(process)
        _clients.discard(self)

    def _hear(self, process, line):
        """Take one line of the worker."""
        try:
            message = json.loads(line)
        except ValueError:
            self._stderr.append(line.rstrip())
            return
        if process is not self._process:
            return
        self._reply(message)
        if message.get("kind") == "ready":
            self.hello = message.get("value")
            self.on_state("ready")

    def _ended(self, process, how):
        """Fail every open request of a process that is no more."""
        with self._lock:
            if process is not self._process:
                return
            self._process = None
            asked = self._taken_back()
        for one in asked:
            one.on_reply(Reply("error", message=f"{one.kind}: the worker ended: {how}"))
        self.on_state("ended")

    def _look(self, process):
        """Fail what has waited too long: its worker hangs and is ended."""
        limit = self.answer_seconds if self.hello is not None else self.start_seconds
        now = time.monotonic()
        with self._lock:
            late = [one for one in self._asked.values() if now - one.heard > limit]
        if late and process is self._process:
            self._ended(process, f"it said nothing for {limit:g} s")
            _end(process)


def environment_of_child(added: Mapping[str, str]) -> dict[str, str]:
    """The environment in which a child finds this package and writes UTF-8."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **added}
    home = str(pathlib.Path(__file__).parents[2])
    if home not in [*site.getsitepackages(), site.getusersitepackages()]:
        paths = [environment.get("PYTHONPATH"), home]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return environment


# The threads hold no reference to the client, so that it ends its worker when nobody needs it.


def _listen(client, process):
    for line in process.stdout:
        owner = client()
        if owner is None:
            break
        owner._hear(process, line)
        del owner
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_SECONDS)
    owner = client()
    if owner is not None:
        # Its last words may still be on their way.
        time.sleep(0.05)
        owner._ended(process, _how_it_ended(process, owner.stderr_tail()))
    else:
        _end(process)


def _collect_stderr(client, process):
    for line in process.stderr:
        owner = client()
        if owner is not None and process is owner._process:
            owner._stderr.append(line.rstrip())
        del owner


def _watch(client, process):
    while process.poll() is None:
        owner = client()
        if owner is None:
            _end(process)
            return
        owner._look(process)
        del owner
        time.sleep(LOOK_SECONDS)


def _how_it_ended(process, last_lines=()):
    code = process.poll()
    how = f"exit code {code}" if code is None or code >= 0 else f"signal {-code}"
    return f"{how}; it last said: {' / '.join(last_lines)}" if last_lines else how


def _end(process):
    with contextlib.suppress(OSError, ValueError):
        process.stdin.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)


_clients: "weakref.WeakSet[WorkerClient]" = weakref.WeakSet()


@atexit.register
def _close_all():
    for client in list(_clients):
        client.close()
