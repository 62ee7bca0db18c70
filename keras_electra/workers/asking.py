"""What everything that can be asked has in common."""

import dataclasses
import threading

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


class Asker:
    """Base: a subclass has `request` and `cancel`."""

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
