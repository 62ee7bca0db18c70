"""The same questions, answered by functions of this process in a thread of their own."""

import itertools
import json
import queue
import threading
import time
from collections.abc import Callable, Mapping

from keras_electra.files import to_json
from keras_electra.workers.asking import Asker, Reply, WorkerError
from keras_electra.workers.loop import WorkerLoop


class LocalWorker(Asker):
    """Asked like a `WorkerClient`; the thread starts at the first request and ends with `close`.

    Args:
        handlers: as of `WorkerLoop`.
    """

    def __init__(self, handlers: Mapping[str, Callable]):
        self._lines = queue.SimpleQueue()
        self._loop = WorkerLoop(handlers, iter(self._lines.get, None), self, on_end=lambda: None)
        self._numbers = itertools.count(1)
        self._asked = {}
        self._lock = threading.Lock()
        self._is_closed = False
        self._thread = None

    @property
    def is_running(self) -> bool:
        """Whether its thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def request(
        self, kind: str, on_reply: Callable[[Reply], None], view: str | None = None, **fields
    ) -> int:
        """As `WorkerClient.request`; `on_reply` is called in the thread that computes."""
        with self._lock:
            if self._is_closed:
                raise WorkerError("the worker was closed: make a new one")
            number = next(self._numbers)
            self._asked[number] = (on_reply, time.monotonic())
            if self._thread is None:
                self._loop.read_ahead()
                self._thread = threading.Thread(
                    target=self._loop.run, args=({},), name="local-worker", daemon=True
                )
                self._thread.start()
        self._lines.put(json.dumps({"id": number, "kind": kind, "view": view, **fields}))
        return number

    def cancel(self, number: int) -> None:
        """As `WorkerClient.cancel`."""
        self._lines.put(to_json({"id": number, "kind": "cancel"}))

    def close(self) -> None:
        """End the thread when what it computes is done; open requests are answered "cancelled"."""
        with self._lock:
            self._is_closed = True
            asked, self._asked = self._asked, {}
        self._lines.put(None)
        for on_reply, _ in asked.values():
            on_reply(Reply("cancelled"))

    def stderr_tail(self) -> list[str]:
        """Nothing: what functions print stands in the notebook."""
        return []

    # The stream that the loop writes to.

    def write(self, line: str) -> None:
        """Take one line of the loop."""
        message = json.loads(line)
        number, kind = message.get("id"), message["kind"]
        with self._lock:
            asked = self._asked.get(number)
            if asked is not None and kind != "progress":
                del self._asked[number]
        if asked is not None:
            on_reply, started = asked
            names = ("value", "message", "done", "total")
            found = {name: message[name] for name in names if name in message}
            on_reply(Reply(kind, seconds=time.monotonic() - started, **found))

    def flush(self) -> None:
        """Nothing is held back."""
