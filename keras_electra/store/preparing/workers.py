"""Worker processes: each does one piece of work at a time and says how far it is."""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable

from keras_electra.errors import DamagedDataError, ElectraError, InputError
from keras_electra.store.preparing.watch import OnTally, Tally

SECONDS_BETWEEN_TALLIES = 0.2
# A worker has a core for itself: libraries shall not start threads on the others.
ONE_THREAD = {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def do_all(job: Callable, works: Iterable, num_processes: int, on_tally: OnTally) -> None:
    """Call `job` with everything in `works`, in this process or several others.

    Args:
        job: called with a piece of work and `on_tally`; it is sent to the processes once.
        works: taken one by one, when somebody is free.
        num_processes: 1 works in this process.
        on_tally: told what was done.

    Raises:
        InputError: what `job` raised, or that a process was ended from outside.
    """
    if num_processes == 1:
        for work in works:
            job(work, on_tally)
        return
    pool = Pool(job, num_processes, on_tally)
    try:
        for work in works:
            pool.give(work)
        pool.finish()
    finally:
        pool.end()


class Pool:
    """Processes that were started afresh ("spawn"), each with a pipe to this one.

    A worker whose pipe closes, because this process is gone, ends by itself.
    """

    def __init__(self, job: Callable, num_processes: int, on_tally: OnTally):
        context = multiprocessing.get_context("spawn")
        self._on_tally = on_tally
        self._processes, self._idle = {}, []
        with environment(ONE_THREAD):
            for _ in range(num_processes):
                ours, theirs = context.Pipe()
                process = context.Process(target=serve, args=(theirs, job), daemon=True)
                process.start()
                theirs.close()
                self._processes[ours] = process
                self._idle.append(ours)

    def give(self, work) -> None:
        """Hand a piece of work to a process as soon as one is free."""
        self._receive(0)
        while not self._idle:
            self._receive(None)
        connection = self._idle.pop()
        try:
            connection.send(work)
        except OSError:
            self._complain_of(connection)

    def finish(self) -> None:
        """Wait until all work is done."""
        while len(self._idle) < len(self._processes):
            self._receive(None)

    def _receive(self, timeout: float | None) -> None:
        """Take what the processes say; wait for the first word of one if there is no timeout."""
        busy = [connection for connection in self._processes if connection not in self._idle]
        for connection in multiprocessing.connection.wait(busy, timeout):
            try:
                kind, content = connection.recv()
            except (EOFError, OSError):
                self._complain_of(connection)
            if kind == "tally":
                self._on_tally(content)
            elif kind == "done":
                self._idle.append(connection)
            elif kind == "damaged":
                raise DamagedDataError(content)
            elif kind == "refused":
                raise InputError(content)
            else:
                raise RuntimeError(f"a worker process failed:\n{content}")

    def _complain_of(self, connection) -> None:
        process = self._processes[connection]
        process.join()
        code = process.exitcode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        raise InputError(
            f"a worker process was ended {how}, perhaps for want of memory: what was prepared is "
            "kept, give the same command again, if need be with fewer processes"
        )

    def end(self) -> None:
        """End all processes, whatever they do."""
        for connection, process in self._processes.items():
            connection.close()
            process.kill()
        for process in self._processes.values():
            process.join()


def serve(connection, job: Callable) -> None:
    """What a worker process does: one piece of work after the other, until the pipe closes."""
    # Ctrl-C reaches every process of a terminal; the one that was asked ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            connection.send(answer(job, connection.recv(), TallySender(connection)))


def answer(job: Callable, work, sender: "TallySender"):
    """Do a piece of work, and say how it went."""
    try:
        job(work, sender.add)
        sender.flush()
    except (BrokenPipeError, ConnectionResetError):
        raise
    except DamagedDataError as error:
        return "damaged", str(error)
    except ElectraError as error:
        return "refused", str(error)
    except Exception:
        return "failed", traceback.format_exc()
    return "done", None


class TallySender:
    """Adds tallies up and sends the sum from time to time."""

    def __init__(self, connection):
        self._connection = connection
        self._sum, self._sent = Tally(), time.monotonic()

    def add(self, tally: Tally) -> None:
        """Take another tally."""
        self._sum = self._sum.plus(tally)
        if time.monotonic() - self._sent > SECONDS_BETWEEN_TALLIES:
            self.flush()

    def flush(self) -> None:
        """Send what there is."""
        self._connection.send(("tally", self._sum))
        self._sum, self._sent = Tally(), time.monotonic()


@contextlib.contextmanager
def environment(changes: dict[str, str]):
    """Environment variables that processes started inside the block inherit."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
