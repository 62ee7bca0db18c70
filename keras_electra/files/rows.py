"""Files of one JSON object per line that only grow, and survive a kill in the middle of a line."""

import contextlib
import json
import os
import pathlib

from keras_electra.errors import DamagedDataError
from keras_electra.files.json_values import to_json
from keras_electra.files.links import refuse_link
from keras_electra.files.paths import StrPath
from keras_electra.files.writing import write_bytes, writing


def whole_lines(path: StrPath) -> list[bytes]:
    """The lines that end with a line feed, each with it; none if there is no file.

    A last line without one is what a killed writer left, or what a live one is busy writing.
    """
    try:
        lines = pathlib.Path(path).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [line + b"\n" for line in lines[:-1]]


def read_rows(path: StrPath) -> list[dict]:
    """The objects of the whole lines.

    Raises:
        DamagedDataError: naming the first line that holds anything else.
    """
    return [parse_row(path, i, line) for i, line in enumerate(whole_lines(path), 1)]


def parse_row(path: StrPath, line_number: int, line: bytes | str) -> dict:
    """One line as an object, or `DamagedDataError`."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise DamagedDataError(
            f"{str(path)!r}, line {line_number}: expected a JSON object, received {line[:60]!r}"
        )
    return row


def append_row(path: StrPath, row: dict) -> None:
    """Add one line in one write; where the disk is full, the file stays as it was."""
    refuse_link(path)
    content = (to_json(row) + "\n").encode()
    with writing(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            length = os.fstat(descriptor).st_size
            try:
                write_all(descriptor, content)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, length)
                raise
        finally:
            os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`; a nearly full disk takes a part first and fails on the next write."""
    while content:
        content = content[os.write(descriptor, content) :]


def sync_file(path: StrPath) -> None:
    """Make the rows written so far survive a power cut; nothing to do if there is no file."""
    with contextlib.suppress(FileNotFoundError), writing(path):
        descriptor = os.open(path, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def drop_cut_line(path: StrPath) -> None:
    """Remove a last line without its end, so that the next row starts a line of its own."""
    refuse_link(path)
    length = sum(len(line) for line in whole_lines(path))
    with contextlib.suppress(FileNotFoundError), writing(path):
        if os.path.getsize(path) > length:
            os.truncate(path, length)


def drop_rows_after(path: StrPath, step: int) -> int:
    """Rewrite the file without the rows whose `step` is more than `step`; how many went."""
    refuse_link(path)
    lines = whole_lines(path)
    rows = [parse_row(path, i, line) for i, line in enumerate(lines, 1)]
    steps = [row.get("step") for row in rows]
    numbered = [isinstance(number, (int, float)) for number in steps]
    kept = [lines[i] for i in range(len(lines)) if not numbered[i] or steps[i] <= step]
    if len(kept) < len(lines):
        write_bytes(path, b"".join(kept))
    return len(lines) - len(kept)
