"""Ctrl-C and SIGTERM while training: finish the step, write a checkpoint, then end."""

import signal


class StopSignals:
    """Notes the first SIGINT or SIGTERM instead of ending the process; a context manager.

    The training looks at `received` between steps. Once a signal was noted, a further SIGINT
    raises `KeyboardInterrupt`, for the user who does not want to wait. The former handlers come
    back when the block ends. Outside the main thread, where Python allows no handlers, the block
    changes nothing.
    """

    def __init__(self):
        self.received = None
        self._former = {}

    def __enter__(self):
        try:
            # Also where SIGINT came in ignored: a shell does that to what it starts in the
            # background, and `kill -INT` on such a process is meant.
            for number in (signal.SIGINT, signal.SIGTERM):
                self._former[number] = signal.signal(number, self._note)
        except ValueError:
            self._former = {}
        return self

    def __exit__(self, kind, error, traceback) -> None:
        for number, handler in self._former.items():
            # None stands for a handler that was not installed from Python and cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._former = {}

    @property
    def exit_code(self) -> int | None:
        """130 after SIGINT, 143 after SIGTERM, None if no signal came."""
        return None if self.received is None else 128 + self.received

    def _note(self, number, frame) -> None:
        if self.received is None:
            self.received = int(number)
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
