"""How the files of a run are written: whole or not at all, in valid JSON, full disks explained."""

import contextlib
import errno
import json
import math
import os
import pathlib
import shutil
import time

from keras_electra.errors import DamagedDataError, InputError

TEMPORARY_SUFFIX = ".tmp"
WINDOWS_TRIES, WINDOWS_WAIT_SECONDS = 20, 0.05
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def absolute(path) -> pathlib.Path:
    """A path that means the same after the working directory has changed; links are kept."""
    return pathlib.Path(os.path.abspath(os.fspath(path)))


def shown_path(path) -> str:
    """A path for people: relative where it lies below the present working directory."""
    text, here = os.fspath(path), os.path.join(os.getcwd(), "")
    return text.removeprefix(here) or text


@contextlib.contextmanager
def writing(path):
    """Turn a full disk or a missing permission inside the block into one sentence about `path`.

    Raises:
        InputError: naming `path`; other errors pass through unchanged.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise InputError(
                f"no space left on the disk of {str(path)!r}: "
                "what was written before is intact, free some space and start again"
            ) from error
        if error.errno in FORBIDDEN:
            raise InputError(f"expected to be allowed to write {str(path)!r}: {error}") from error
        raise


def temporary_path(path) -> pathlib.Path:
    """The hidden name beside `path` that a file or folder has until it is complete."""
    path = pathlib.Path(path)
    return path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY_SUFFIX}")


def is_temporary(name: str) -> bool:
    """Whether a file name was made by `temporary_path`."""
    return name.startswith(".") and name.endswith(TEMPORARY_SUFFIX)


def remove_temporary(folder, min_age_seconds: float | None = None) -> None:
    """Delete what killed writers left in `folder`; given an age, only what is at least as old."""
    folder = pathlib.Path(folder)
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            age = time.time() - entry.lstat().st_mtime
            if is_temporary(entry.name) and (min_age_seconds is None or age >= min_age_seconds):
                remove(entry)


def remove(path) -> None:
    """Delete a file, a link or a whole folder."""
    path = pathlib.Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_bytes(path, content: bytes, durable: bool = True) -> None:
    """Replace `path` by `content`; readers and kills see the old file or the new one.

    Args:
        durable: whether the content survives a power cut once this returns.
    """
    path = pathlib.Path(path)
    temporary = temporary_path(path)
    with writing(path):
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        if durable:
            sync_folder(path.parent)


def replace(source, target) -> None:
    """Rename over `target`, waiting a moment for its readers on Windows, which lets no one else."""
    for _ in range(WINDOWS_TRIES if os.name == "nt" else 0):
        with contextlib.suppress(PermissionError):
            return os.replace(source, target)
        time.sleep(WINDOWS_WAIT_SECONDS)
    return os.replace(source, target)


def sync_folder(folder) -> None:
    """Make renames inside `folder` survive a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path, value, durable: bool = True) -> None:
    """Replace `path` by `value` as indented JSON."""
    write_bytes(path, (to_json(value, indent=2) + "\n").encode(), durable)


def to_json(value, indent: int | None = None) -> str:
    """`value` as JSON that every parser takes: NaN and infinities become null."""
    return json.dumps(plain(value), indent=indent, allow_nan=False)


def to_json_lines(values) -> bytes:
    """One value a line, in UTF-8 that people can read; for files of text in any language."""
    lines = (json.dumps(value, ensure_ascii=False) for value in values)
    # Half of a surrogate pair has no bytes in UTF-8; what Python puts in its place is JSON's escape of it.
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def plain(value):
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


def read_json(path) -> dict:
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
