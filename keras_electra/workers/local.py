"""The same questions, answered by functions of this process in a thread of their own."""

import json
import queue
import threading
from collections.abc import Callable, Mapping

from keras_electra.workers.asking import Asker
from keras_electra.workers.loop import WorkerLoop


class LocalWorker(Asker):
    """Asked like a `WorkerClient`; the thread starts at the first request and ends with `close`.

    Args:
        handlers: as of `WorkerLoop`.
    """

    def __init__(self, handlers: Mapping[str, Callable]):
        super().__init__()
        self._lines = queue.SimpleQueue()
        self._loop = WorkerLoop(handlers, iter(self._lines.get, None), self, on_end=lambda: None)
        self._thread = None

    @property
    def is_running(self) -> bool:
        """Whether its thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def _start(self):
        if self._thread is None:
            self._loop.read_ahead()
            self._thread = threading.Thread(
                target=self._loop.run, args=({},), name="local-worker", daemon=True
            )
            self._thread.start()

    def _send(self, message):
        self._lines.put(json.dumps(message))

    def _stop(self):
        # The thread ends when what it computes is done.
        self._lines.put(None)

    def stderr_tail(self) -> list[str]:
        """Nothing: what functions print stands in the notebook."""
        return []

    # The stream that the loop writes to.

    def write(self, line: str) -> None:
        """Take one line of the loop."""
        self._reply(json.loads(line))

    def flush(self) -> None:
        """Nothing is held back."""
