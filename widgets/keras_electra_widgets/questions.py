"""Putting questions to a model's process from a panel, and taking the answers where widgets are written."""

import dataclasses
import time

from keras_electra.workers import Reply, WorkerError
from keras_electra_widgets import ticker


@dataclasses.dataclass(eq=False)
class Question:
    """Something that was asked and not answered yet.

    Attributes:
        kind: of the request.
        asked: seconds of the monotonic clock.
        number: for giving it up.
    """

    kind: str
    asked: float
    number: int | None = None


class Asking:
    """The part of a panel that has a source of answers, `_source`, and open questions, `_asked`."""

    def _ask(self, kind, then, view=None, on_progress=None, **fields):
        """Put a question; `then(value)` is called where widgets are written. Returns the question."""
        question = Question(kind, time.monotonic())

        def came(reply: Reply):
            ticker.shared.post(lambda: self._take(question, reply, then, on_progress), self.fail)

        # Before it is put, for the answer may be there before its number.
        self._asked.append(question)
        try:
            question.number = self._source.request(kind, came, view=view, **fields)
        except WorkerError as error:
            self._asked.remove(question)
            self.fail(error)
            self.set_state("error")
        return question

    def _take(self, question, reply, then, on_progress):
        if reply.kind == "progress":
            if on_progress is not None:
                on_progress(reply)
            return
        if question is self._job_question:
            self._job = self._job_question = None
            self._draw()
        # It is open until what it brings is done and what that asks is asked: see `wait`.
        try:
            if reply.kind == "answer":
                if self.head.is_alert:
                    self.say("")
                then(reply.value)
        finally:
            if question in self._asked:
                self._asked.remove(question)
        if reply.kind == "error":
            self.fail(WorkerError(reply.message))
            self.set_state("error")
        else:
            self._settle()

    def _settle(self):
        """The state when nothing is being waited for."""
        if not any(question.kind in ("info", "trace") for question in self._asked):
            self.set_state("ready" if self._scenario.text.strip() else "empty")
