"""What takes long in a `ReplacedTokenView`: the strip, the film, files, other checkpoints."""

import os
import pathlib

from keras_electra.errors import InputError
from keras_electra.files import absolute


class TokenJobs:
    """The part of `ReplacedTokenView` that asks for much at once, shows what came so far, and can stop.

    One job goes on at a time; a new one ends the one before.
    """

    def _compare(self, path):
        self._compared = None if path is None else str(path)
        if path is None:
            self.grid.compare = None
        elif self._trace is not None:
            model = os.fspath(absolute(path))
            fields = {"scenario": self._scenario.to_dict(), "model": model}
            self._ask("judge", self._compared_came, view="judge", **fields)

    def _score_file(self, path, top):
        self._job_path = path
        file = os.fspath(absolute(os.path.expanduser(path)))
        self._start_job("file", f"judging {path}", self._file_came, path=file, top=top)

    def _start_job(self, kind, name, on_progress, **fields):
        if kind != "file" and self._trace is None:
            raise InputError("text: expected one to look into, received none")
        self._stop_job()
        self._job = {"name": name, "done": 0, "total": 0}
        self._rows = []
        if kind != "file":
            fields["scenario"] = self._scenario.to_dict()

        def told(reply):
            if self._job:
                self._job = {**self._job, "done": reply.done, "total": reply.total}
                self.grid.job = self._job
            on_progress(reply.value, reply.done == reply.total)

        # Named before it is asked, for it may be answered at once.
        self._draw()
        question = self._ask(
            kind, lambda value: self._job_done(kind, value), view="job", on_progress=told, **fields
        )
        if question in self._asked:
            self._job_question = question
        else:
            self._job = None
            self._draw()

    def _stop_job(self):
        if self._job_question is not None:
            self._source.cancel(self._job_question.number)

    def _strip_came(self, value, is_last):
        self._rows = [*self._rows, *value]
        self.grid.strip = {"places": self._rows}

    def _frame_came(self, value, is_last):
        self._rows = [*self._rows, value]
        self.grid.film = {"frames": self._rows}

    def _file_came(self, value, is_last):
        self.suspects.title = f"Most suspicious words so far in {self._job_path}"
        self.suspects.rows = value

    def _job_done(self, kind, value):
        if kind == "file":
            self.suspects.title = f"Most suspicious words in {self._job_path}"
            self.suspects.rows = value
            self.say("" if value else f"{self._job_path} holds no token to judge.")
        elif kind == "sensitivity":
            self.grid.strip = {"places": value}
        else:
            self.grid.film = {"frames": value}
        self.renew_copy(now=True)

    def _compared_came(self, value):
        path = value["model"]
        name = self.tools.name_of(path) or pathlib.Path(path).name
        self.grid.compare = {"name": name, "probabilities": value["probabilities"]}

    def _switch_game(self):
        self.grid.game = not self.grid.game
        if self.grid.game:
            self.grid.tries = []
        self._draw_tools()
