"""The answering side: reads requests, drops stale ones, answers short ones before long ones."""

import collections
import inspect
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping

from keras_electra.errors import ElectraError
from keras_electra.files import to_json


def private_pipes():
    """This process' standard input and output as text streams of the caller's own.

    What libraries and their children print goes to standard error from here on, and they read nothing.
    """
    sys.stdout.flush()
    lines = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="replace")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return lines, answers


class WorkerLoop:
    """Answers requests until its input ends.

    Args:
        handlers: kind → function of the request (a dict). It returns the answer, or is a generator:
            that yields `(done, total, value)` now and then, which is sent as progress, and returns
            the answer. Generators are advanced in turn, short requests in between.
        lines: the requests, one JSON object a line.
        answers: a text stream.
        on_end: called in another thread when the input ends, whatever is being computed.
    """

    def __init__(
        self,
        handlers: Mapping[str, Callable],
        lines,
        answers,
        on_end: Callable[[], None] = lambda: os._exit(0),
    ):
        self.handlers, self._lines, self._answers = handlers, lines, answers
        self._on_end = on_end
        self._inbox = queue.SimpleQueue()
        # Number -> (request, its generator once it is running).
        self._jobs = collections.OrderedDict()

    def read_ahead(self) -> None:
        """Begin to read, so that an end of the input is noticed while a model is being loaded."""
        threading.Thread(target=self._read, name="requests", daemon=True).start()

    def run(self, hello: dict) -> None:
        """Say "ready" and answer; returns when the input has ended and all is answered."""
        self.send({"kind": "ready", "value": hello})
        is_open = True
        while is_open or self._jobs:
            is_open = self._take_in(is_open)
            waiting = (number for number, (_, steps) in self._jobs.items() if steps is None)
            number = next(waiting, None)
            if number is not None:
                self._start(number)
            elif self._jobs:
                number = next(iter(self._jobs))
                self._jobs.move_to_end(number)
                self._advance(number)

    def send(self, message: dict) -> None:
        """Write one message."""
        self._answers.write(to_json(message) + "\n")
        self._answers.flush()

    def _read(self):
        for line in self._lines:
            if line.strip():
                self._inbox.put(line)
        self._inbox.put(None)
        self._on_end()

    def _take_in(self, is_open):
        """Take every request that has come; waits for one if there is nothing else to do."""
        is_idle = is_open and not self._jobs
        while is_open:
            try:
                line = self._inbox.get(block=is_idle)
            except queue.Empty:
                return True
            if line is None:
                return False
            is_idle = False
            self._note(line)
        return False

    def _note(self, line):
        try:
            request = json.loads(line)
            number, kind = request["id"], request["kind"]
        except (ValueError, TypeError, KeyError):
            self.send({"id": None, "kind": "error", "message": "expected a request in JSON"})
            return
        if kind == "cancel":
            self._drop(lambda other, _: other == number, "cancelled")
            return
        view = request.get("view")
        if view is not None:
            self._drop(lambda _, known: known.get("view") == view, "dropped")
        self._jobs[number] = (request, None)

    def _drop(self, is_meant, kind):
        for number in [n for n, (request, _) in self._jobs.items() if is_meant(n, request)]:
            _, steps = self._jobs[number]
            if steps is not None:
                steps.close()
            self._end(number, kind)

    def _start(self, number):
        request, _ = self._jobs[number]
        handler = self.handlers.get(request["kind"])
        if handler is None:
            known = ", ".join(sorted(self.handlers))
            message = f"kind: expected one of {known}, received {request['kind']!r}"
            self._end(number, "error", message=message)
            return
        try:
            value = handler(request)
        except Exception as error:
            self._end(number, "error", message=sentence_of(error))
            return
        if inspect.isgenerator(value):
            self._jobs[number] = (request, value)
        else:
            self._end(number, "answer", value=value)

    def _advance(self, number):
        try:
            done, total, value = next(self._jobs[number][1])
        except StopIteration as end:
            self._end(number, "answer", value=end.value)
        except Exception as error:
            self._end(number, "error", message=sentence_of(error))
        else:
            message = {"id": number, "kind": "progress", "done": done, "total": total}
            self.send({**message, "value": value})

    def _end(self, number, kind, **content):
        """Forget a request and send the last message about it."""
        del self._jobs[number]
        self.send({"id": number, "kind": kind, **content})


def sentence_of(error: Exception) -> str:
    """An error in one sentence; the whole of one that was not foreseen goes to standard error."""
    if isinstance(error, (ElectraError, OSError)):
        return str(error)
    traceback.print_exception(error)
    return f"{type(error).__name__}: {error}"
