"""The one thread that writes widgets.

Widget callbacks come in whatever thread the kernel chooses, and neither plotly's figures nor the state
of widgets can be written from two. So callbacks and timers only leave jobs here, and one thread does them
in turn.
"""

import collections
import threading
import time
from collections.abc import Callable

MIN_PERIOD_SECONDS = 0.25
"""Four pictures a second: a browser that is sent more falls behind by seconds."""
IDLE_SECONDS = 2.0
DO_SECONDS = 60.0


class Timer:
    """A job that is done again and again; made by `Ticker.every`."""

    def __init__(self, job: Callable, period_seconds: float, on_error: Callable):
        self.job, self.on_error = job, on_error
        self.period_seconds = max(period_seconds, MIN_PERIOD_SECONDS)
        self.due = time.monotonic()
        self.is_cancelled = False

    def cancel(self) -> None:
        """Never do it again."""
        self.is_cancelled = True


class Ticker:
    """Does jobs one after another in a thread of its own, which ends when there is nothing left to do.

    Args:
        has_thread: False does posted jobs at once, in the caller's thread, and timers at `run_timers`:
            for tests, which then see no thread at all.
    """

    def __init__(self, has_thread: bool = True):
        self._has_thread = has_thread
        self._jobs = collections.OrderedDict()
        self._timers = []
        self._changed = threading.Condition()
        self._thread = None
        self._is_busy = False

    def post(self, job: Callable, on_error: Callable, key=None) -> None:
        """Have a job done soon, after those posted before.

        Args:
            job: called without arguments.
            on_error: called with the exception if it fails.
            key: of jobs with one key, only the last is done; None for a job that nothing replaces.
        """
        if not self._has_thread:
            _do(job, on_error)
            return
        with self._changed:
            self._jobs[object() if key is None else key] = (job, on_error)
            self._wake()

    def do(self, job: Callable, on_error: Callable) -> None:
        """Have a job done and wait for it; within a job, it is done at once."""
        if not self._has_thread or threading.current_thread() is self._thread:
            _do(job, on_error)
        else:
            self.post(job, on_error)
            self.flush(DO_SECONDS)

    def every(self, period_seconds: float, job: Callable, on_error: Callable) -> Timer:
        """Have a job done at once and then every so many seconds, at most four times a second."""
        timer = Timer(job, period_seconds, on_error)
        with self._changed:
            self._timers.append(timer)
            if self._has_thread:
                self._wake()
        return timer

    def run_timers(self) -> None:
        """Do the job of every timer once, in this thread."""
        self._timers = [timer for timer in self._timers if not timer.is_cancelled]
        for timer in self._timers:
            _do(timer.job, timer.on_error)

    def flush(self, timeout_seconds: float = 10.0) -> bool:
        """Wait until all jobs posted so far are done; whether they are. Not for use within a job."""
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._jobs and not self._is_busy, deadline - time.monotonic()
            )

    def _wake(self):
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="widget-writer", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _run(self):
        while True:
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
                work = self._next()
                if work is None:
                    self._thread = None
                    return
                self._is_busy = True
            _do(*work)

    def _next(self):
        """The next job and its error handler; waits for one; None when nothing came for a while."""
        idle_since = time.monotonic()
        while True:
            if self._jobs:
                return self._jobs.popitem(last=False)[1]
            self._timers = [timer for timer in self._timers if not timer.is_cancelled]
            now = time.monotonic()
            timer = min(self._timers, key=lambda timer: timer.due, default=None)
            if timer is None:
                left = idle_since + IDLE_SECONDS - now
                if left <= 0:
                    return None
            elif timer.due <= now:
                # Counted from now, not from when it was due: a slow job may not fill the thread.
                timer.due = now + timer.period_seconds
                return timer.job, timer.on_error
            else:
                left = timer.due - now
            self._changed.wait(left)


def _do(job, on_error):
    try:
        job()
    except Exception as error:
        on_error(error)


shared = Ticker()
"""The ticker of this kernel."""
