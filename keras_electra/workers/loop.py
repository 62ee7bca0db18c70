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
        self._waiting = collections.OrderedDict()
        self._running = collections.OrderedDict()

    def read_ahead(self) -> None:
        """Begin to read, so that an end of the input is noticed while a model is being loaded."""
        threading.Thread(target=self._read, name="requests", daemon=True).start()

    def run(self, hello: dict) -> None:
        """Say "ready" and answer; returns when the input has ended and all is answered."""
        self.send({"kind": "ready", "value": hello})
        is_open = True
        while is_open or self._waiting or self._running:
            is_open = self._take_in(is_open)
            if self._waiting:
                self._start(*self._waiting.popitem(last=False))
            elif self._running:
                number, job = next(iter(self._running.items()))
                self._running.move_to_end(number)
                self._advance(number, job)

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
        is_idle = is_open and not self._waiting and not self._running
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
        self._waiting[number] = request

    def _drop(self, is_meant, kind):
        for number in [n for n, request in self._waiting.items() if is_meant(n, request)]:
            del self._waiting[number]
            self.send({"id": number, "kind": kind})
        for number in [n for n, (request, _) in self._running.items() if is_meant(n, request)]:
            _, steps = self._running.pop(number)
            steps.close()
            self.send({"id": number, "kind": kind})

    def _start(self, number, request):
        handler = self.handlers.get(request["kind"])
        if handler is None:
            known = ", ".join(sorted(self.handlers))
            self._fail(number, f"kind: expected one of {known}, received {request['kind']!r}")
            return
        try:
            value = handler(request)
        except Exception as error:
            self._fail(number, sentence_of(error))
            return
        if inspect.isgenerator(value):
            self._running[number] = (request, value)
        else:
            self.send({"id": number, "kind": "answer", "value": value})

    def _advance(self, number, job):
        try:
            done, total, value = next(job[1])
        except StopIteration as end:
            del self._running[number]
            self.send({"id": number, "kind": "answer", "value": end.value})
        except Exception as error:
            del self._running[number]
            self._fail(number, sentence_of(error))
        else:
            message = {"id": number, "kind": "progress", "done": done, "total": total}
            self.send({**message, "value": value})

    def _fail(self, number, message):
        self.send({"id": number, "kind": "error", "message": message})


def sentence_of(error: Exception) -> str:
    """An error in one sentence; the whole of one that was not foreseen goes to standard error."""
    if isinstance(error, (ElectraError, OSError)):
        return str(error)
    traceback.print_exception(error)
    return f"{type(error).__name__}: {error}"
