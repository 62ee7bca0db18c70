"""A run as it stands now, read again and again: only what was added since is read and parsed."""

import json
import os
import pathlib

import numpy as np

from keras_electra.errors import DamagedDataError
from keras_electra.files import parse_row, read_json
from keras_electra.runs.folder import RunFolder

MAX_BYTES_AT_ONCE = 1 << 24
"""Of a log, read in one look, so that a look at a long one stays short."""


class GrowingFile:
    """The whole lines that came to a file since the last look.

    A resumed run cuts its log and writes it under a new name; then everything is read again.

    Args:
        path: of a file that may not exist yet.

    Attributes:
        num_lines: given so far.
        has_more: whether the last look left something for the next.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self._start_again()

    def _start_again(self):
        self.num_lines, self._offset, self.has_more = 0, 0, False
        self._identity, self._last_line = None, b""

    def look(self) -> tuple[bool, list[bytes]]:
        """(whether lines given before no longer count, new lines); a line without end waits."""
        try:
            with open(self.path, "rb") as file:
                return self._look(file)
        except OSError:
            was_there = self._identity is not None
            self._start_again()
            return was_there, []

    def _look(self, file):
        about = os.fstat(file.fileno())
        identity = (about.st_dev, about.st_ino)
        is_other = self._identity is not None and not self._is_same(file, identity, about.st_size)
        if is_other:
            self._start_again()
        self._identity = identity
        file.seek(self._offset)
        content = file.read(MAX_BYTES_AT_ONCE)
        end = content.rfind(b"\n") + 1
        self.has_more = len(content) == MAX_BYTES_AT_ONCE
        lines = content[:end].split(b"\n")[:-1]
        if lines:
            self._last_line = lines[-1] + b"\n"
        self._offset += end
        self.num_lines += len(lines)
        return is_other, lines

    def _is_same(self, file, identity, size):
        """Numbers of files are used again; so the last line read must still stand where it stood."""
        if identity != self._identity or size < self._offset:
            return False
        file.seek(self._offset - len(self._last_line))
        return file.read(len(self._last_line)) == self._last_line


class Columns:
    """The figures of a log by name: float64 arrays of one length, NaN where a row has none.

    Texts and lists in a row are left out; true and false count as 1 and 0.
    """

    def __init__(self):
        self.num_rows = 0
        self._arrays = {}

    @property
    def names(self) -> list[str]:
        """In the order in which they first came."""
        return list(self._arrays)

    def __contains__(self, name) -> bool:
        return name in self._arrays

    def __len__(self) -> int:
        return self.num_rows

    def __getitem__(self, name: str) -> np.ndarray:
        """(N,) the column; all NaN if no row has it."""
        if name not in self._arrays:
            return np.full(self.num_rows, np.nan)
        return self._arrays[name][: self.num_rows]

    def last_row(self) -> dict[str, float]:
        """The newest row, without what it does not have."""
        if not self.num_rows:
            return {}
        row = {name: float(array[self.num_rows - 1]) for name, array in self._arrays.items()}
        return {name: value for name, value in row.items() if value == value}

    def append(self, rows: list[dict]) -> None:
        """Add rows."""
        start, self.num_rows = self.num_rows, self.num_rows + len(rows)
        for array_name in self._arrays:
            self._arrays[array_name] = self._grown(self._arrays[array_name])
        for number, row in enumerate(rows, start):
            for name, value in row.items():
                if isinstance(value, int | float) or value is None:
                    if name not in self._arrays:
                        self._arrays[name] = self._grown(np.empty(0))
                    self._arrays[name][number] = np.nan if value is None else _number(value)

    def _grown(self, array):
        if len(array) >= self.num_rows:
            return array
        grown = np.full(max(2 * len(array), self.num_rows, 64), np.nan)
        grown[: len(array)] = array
        return grown


class RunFollower:
    """What a run folder says now; `update` reads what is new.

    Nothing in the folder is trusted: what cannot be read is told in `problems`, and the rest is shown.

    Args:
        run: a `RunFolder` or its path; it may not exist yet.

    Attributes:
        run: the `RunFolder`.
        columns: the log, a `Columns`.
        events: dicts, oldest first.
        status: content of `status.json`.
        state: one of `STATES`, or None before any session.
        config: content of `config.json`, empty until there is one.
        results: content of `results.json`, empty but for a finished fine-tuning run.
        problems: sentences on damaged files.
        num_changes: how often something was new.
    """

    def __init__(self, run):
        self.run = RunFolder(run)
        self.columns, self.events = Columns(), []
        self.status, self.state, self.config, self.results = {}, None, {}, {}
        self.num_changes = 0
        self._log, self._events = GrowingFile(self.run.log_path), GrowingFile(self.run.events_path)
        self._damage = {}
        self._stamps = {}

    @property
    def exists(self) -> bool:
        """Whether a run was started here."""
        return self.run.exists()

    @property
    def has_more(self) -> bool:
        """Whether the last `update` left a part of a long log for the next."""
        return self._log.has_more

    @property
    def problems(self) -> list[str]:
        """One sentence for each damaged file."""
        return [sentence for sentence in self._damage.values() if sentence]

    def update(self) -> bool:
        """Read what is new; whether anything is. A long log takes several calls."""
        before = (self.state, self.status.get("step"), self.status.get("message"))
        news = [self._read_object("config"), self._read_object("results")]
        news += [self._read_log(), self._read_events()]
        self.status = self.run.status()
        if not self.status and self.run.status_path.exists():
            self._damage["status"] = f"{str(self.run.status_path)!r}: expected a JSON object"
        else:
            self._damage["status"] = None
        self.state = self.run.state()
        news.append(before != (self.state, self.status.get("step"), self.status.get("message")))
        self.num_changes += any(news)
        return any(news)

    def update_all(self) -> None:
        """Read to the end."""
        while self.update() and self.has_more:
            pass

    def _read_object(self, name):
        """Read `NAME.json` into the attribute of that name if it changed."""
        path = self.run.path / f"{name}.json"
        stamp = _stamp(path)
        if stamp == self._stamps.get(name):
            return False
        self._stamps[name] = stamp
        value, self._damage[name] = {}, None
        if stamp is not None:
            try:
                value = read_json(path)
            except (OSError, DamagedDataError) as error:
                self._damage[name] = str(error)
        setattr(self, name, value)
        return True

    def _read_log(self):
        is_other, rows = self._new_rows(self._log, "log")
        if is_other:
            self.columns = Columns()
        self.columns.append(rows)
        return is_other or bool(rows)

    def _read_events(self):
        is_other, rows = self._new_rows(self._events, "events")
        if is_other:
            self.events = []
        self.events += rows
        return is_other or bool(rows)

    def _new_rows(self, file, name):
        is_other, lines = file.look()
        if is_other:
            self._damage[name] = None
        first = file.num_lines - len(lines) + 1
        try:
            # One parse of many lines is several times faster than a parse of each.
            rows = json.loads(b"[" + b",".join(lines) + b"]")
            if len(rows) == len(lines) and all(isinstance(row, dict) for row in rows):
                return is_other, rows
        except (ValueError, RecursionError):
            pass
        rows = []
        for number, line in enumerate(lines, first):
            try:
                rows.append(parse_row(file.path, number, line))
            except DamagedDataError as error:
                self._damage[name] = self._damage.get(name) or f"{error}; the line is left out"
        return is_other, rows


def last_lines(path, num_lines: int = 20, max_bytes: int = 16384) -> str:
    """The end of a text file, what is no UTF-8 replaced; empty if there is none.

    Of a line that is drawn over and over, as progress bars are, the last state is given.
    """
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - max_bytes))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    return "\n".join(lines[-num_lines:])


def _number(value) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.nan


def _stamp(path):
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns, about.st_size
