"""JSON that every parser takes, to and from files."""

import contextlib
import json
import math
import os
import pathlib
from collections.abc import Iterable
from typing import Any

from keras_electra.errors import DamagedDataError
from keras_electra.files.links import refuse_link
from keras_electra.files.paths import StrPath
from keras_electra.files.writing import remove, replace, write_bytes


def write_json(path: StrPath, value: Any, durable: bool = True) -> None:
    """Replace `path` by `value` as indented JSON; `durable` as of `write_bytes`.

    Raises:
        InputError: if `path` is a symbolic link or cannot be written.
    """
    refuse_link(path)
    write_bytes(path, (to_json(value, indent=2) + "\n").encode(), durable)


def write_json_once(path: StrPath, value: Any) -> None:
    """Write a file unless it exists; of several processes that try, one succeeds."""
    path = pathlib.Path(path)
    if path.exists():
        return
    own = path.with_name(f".{path.name}.{os.getpid()}.new")
    write_json(own, value)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(own, path)
    except OSError:
        # Some file systems have no links.
        replace(own, path)
    remove(own)


def to_json(value: Any, indent: int | None = None) -> str:
    """`value` as JSON that every parser takes: NaN and infinities become null."""
    return json.dumps(plain(value), indent=indent, allow_nan=False)


def to_json_lines(values: Iterable[Any]) -> bytes:
    """One value a line, in UTF-8 that people can read; for files of text in any language."""
    lines = (json.dumps(value, ensure_ascii=False) for value in values)
    # Half of a surrogate pair has no bytes in UTF-8; what Python puts in its place is JSON's escape of it.
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def plain(value: Any) -> Any:
    """`value` in the types of JSON; arrays become lists, paths strings.

    Example: `plain({"loss": float("nan"), "shape": (2, 3)})` is `{"loss": None, "shape": [2, 3]}`.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    raise TypeError(f"expected a value that JSON can hold, received {type(value).__name__}")


def read_json(path: StrPath) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        DamagedDataError: if the file holds anything else.
        FileNotFoundError: if there is none.
    """
    content = pathlib.Path(path).read_bytes()
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DamagedDataError(f"{str(path)!r}: expected a JSON object ({error})") from error
    if not isinstance(value, dict):
        raise DamagedDataError(f"{str(path)!r}: expected a JSON object, received {value!r:.80}")
    return value


def readable_json(path: StrPath) -> dict[str, Any]:
    """The object in a JSON file; empty where there is none that can be read."""
    # `DamagedDataError` is an `OSError`.
    try:
        return read_json(path)
    except OSError:
        return {}
