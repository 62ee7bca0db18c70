"""What everything that can be asked has in common."""

import dataclasses
import itertools
import threading
import time
from collections.abc import Callable

from keras_electra.errors import ElectraError


@dataclasses.dataclass(frozen=True)
class Reply:
    """What became of a request.

    Attributes:
        kind: "answer", "progress", "error", "dropped" or "cancelled".
        value: of an answer or of progress.
        message: of an error, a sentence.
        done, total: of progress.
        seconds: since the request.
    """

    kind: str
    value: object = None
    message: str = ""
    done: int = 0
    total: int = 0
    seconds: float = 0.0


class WorkerError(ElectraError, RuntimeError):
    """A worker that ended, did not answer in time, or refused (exit code 2)."""


@dataclasses.dataclass
class Asked:
    """A request without its last reply; `heard` is when its worker last said something."""

    kind: str
    on_reply: Callable[[Reply], None]
    started: float
    heard: float


class Asker:
    """Base: numbers requests, and hands replies to who asked.

    A subclass has `_start`, which starts the worker unless it runs, `_send` of a message to it, and
    `_stop`. All methods may be called from any thread.
    """

    def __init__(self):
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._asked: dict[int, Asked] = {}
        self._is_closed = False

    def request(
        self, kind: str, on_reply: Callable[[Reply], None], view: str | None = None, **fields
    ) -> int:
        """Ask for something.

        Args:
            kind: what; the worker's handlers say what there is.
            on_reply: called with each `Reply`, in the thread that hears it; the last one is not "progress".
            view: of two requests of one view the older is dropped.
            **fields: of the request, in the types of JSON.

        Returns:
            The request's number, for `cancel`.

        Raises:
            WorkerError: if this was closed, or no worker can be started.
        """
        number = next(self._numbers)
        with self._lock:
            if self._is_closed:
                raise WorkerError("the worker was closed: make a new one")
            self._start()
            now = time.monotonic()
            self._asked[number] = Asked(kind, on_reply, now, now)
            self._send({"id": number, "kind": kind, "view": view, **fields})
        return number

    def cancel(self, number: int) -> None:
        """Give a request up; it ends with the reply "cancelled", unless it was answered before."""
        with self._lock:
            if number in self._asked:
                self._send({"id": number, "kind": "cancel"})

    def close(self) -> None:
        """End the worker; open requests are answered with "cancelled"."""
        with self._lock:
            self._is_closed = True
            asked = self._taken_back()
        for one in asked:
            one.on_reply(Reply("cancelled"))
        self._stop()

    def _reply(self, message: dict) -> None:
        """Hand a message of the worker to who asked."""
        number, kind, now = message.get("id"), message.get("kind"), time.monotonic()
        with self._lock:
            asked = self._asked.get(number)
            if asked is not None and kind != "progress":
                del self._asked[number]
            # The worker answers one after the other, so each answer is a sign of life for all.
            for one in self._asked.values():
                one.heard = now
        if asked is not None:
            names = ("value", "message", "done", "total")
            found = {name: message[name] for name in names if name in message}
            asked.on_reply(Reply(kind, seconds=now - asked.started, **found))

    def _taken_back(self) -> list[Asked]:
        """All open requests, which are open no more."""
        with self._lock:
            asked, self._asked = self._asked, {}
        return list(asked.values())

    def ask(self, kind: str, timeout_seconds: float | None = None, **fields):
        """Ask and wait for the answer.

        Args:
            kind: what is asked.
            timeout_seconds: until the answer; None waits.
            **fields: of the request.

        Raises:
            WorkerError: with the worker's sentence, or if there is no answer in time.
        """
        replies, came = [], threading.Event()

        def on_reply(reply):
            if reply.kind != "progress":
                replies.append(reply)
                came.set()

        number = self.request(kind, on_reply, **fields)
        if not came.wait(timeout_seconds):
            self.cancel(number)
            raise WorkerError(
                f"{kind}: expected an answer within {timeout_seconds:g} s, received none"
            )
        if replies[0].kind != "answer":
            raise WorkerError(replies[0].message or f"{kind}: {replies[0].kind}")
        return replies[0].value
