"""How far a command is, in a file that another process reads: replaced whole, a few times a second."""

import pathlib
import time

from keras_electra.files import write_json

MIN_SECONDS = 0.25
"""Time between two writes of the same stage."""


class ProgressFile:
    """Writes how far this process is; a context manager that notes how the block ended.

    The file is a JSON object with `stage` (what is being done, for people), `done` and `total` (in
    `unit`; None where not known), `state` ("working", "finished" or "failed"), `message` (of a
    failure), `time` (seconds since 1970).

    Args:
        path: of the file; None for nobody to read, so that nothing is written.
        unit: of what is counted, such as "bytes".
    """

    def __init__(self, path, unit: str = "bytes"):
        self._path = None if path is None else pathlib.Path(path)
        self._fields = {"stage": "starting", "done": 0, "total": None, "unit": unit}
        self._written = -MIN_SECONDS

    def __enter__(self):
        if self._path is not None:
            self._path.absolute().parent.mkdir(parents=True, exist_ok=True)
        self._write("working")
        return self

    def __exit__(self, kind, error, traceback) -> None:
        self._write("finished" if error is None else "failed", message=error and str(error))

    def update(self, stage: str, done: int, total: int | None) -> None:
        """Say how far the work is; cheap enough for every piece of it."""
        is_new = stage != self._fields["stage"]
        self._fields.update(stage=stage, done=done, total=total)
        if is_new or time.monotonic() - self._written >= MIN_SECONDS:
            self._write("working")

    def _write(self, state: str, **details) -> None:
        if self._path is not None:
            self._written = time.monotonic()
            content = {**self._fields, "state": state, **details, "time": time.time()}
            write_json(self._path, content, durable=False)
