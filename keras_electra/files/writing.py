"""Files that are written whole or not at all; full disks explained."""

import contextlib
import errno
import os
import pathlib
import shutil
import time
from collections.abc import Collection, Iterator

from keras_electra.errors import InputError
from keras_electra.files.paths import StrPath

TEMPORARY_SUFFIX = ".tmp"
WINDOWS_TRIES, WINDOWS_WAIT_SECONDS = 20, 0.05
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
UNWRITABLE = FORBIDDEN | {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENOTEMPTY,
}
"""What a path meets that nothing can be written to."""


@contextlib.contextmanager
def writing(path: StrPath, refused: Collection[int] = FORBIDDEN) -> Iterator[None]:
    """Turn a full disk or a missing permission inside the block into one sentence about `path`.

    Args:
        refused: the other errors (`errno`) that say that `path` cannot be written.

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
        if error.errno in refused:
            raise InputError(
                f"expected to be able to write {str(path)!r}: {error.strerror or error}"
            ) from error
        raise


def temporary_path(path: StrPath) -> pathlib.Path:
    """The hidden name beside `path` that a file or folder has until it is complete."""
    path = pathlib.Path(path)
    return path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY_SUFFIX}")


def is_temporary(name: str) -> bool:
    """Whether a file name was made by `temporary_path`."""
    return name.startswith(".") and name.endswith(TEMPORARY_SUFFIX)


def remove_temporary(folder: StrPath, min_age_seconds: float | None = None) -> None:
    """Delete what killed writers left in `folder`; given an age, only what is at least as old."""
    folder = pathlib.Path(folder)
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            age = time.time() - entry.lstat().st_mtime
            if is_temporary(entry.name) and (min_age_seconds is None or age >= min_age_seconds):
                remove(entry)


def remove(path: StrPath) -> None:
    """Delete a file, a link or a whole folder."""
    path = pathlib.Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_bytes(path: StrPath, content: bytes, durable: bool = True) -> None:
    """Replace `path` by `content`; readers and kills see the old file or the new one.

    Args:
        durable: whether the content survives a power cut once this returns.

    Raises:
        InputError: if the disk is full or `path` cannot be written.
    """
    path = pathlib.Path(path)
    temporary = temporary_path(path)
    with writing(path, UNWRITABLE):
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


def replace(source: StrPath, target: StrPath) -> None:
    """Rename over `target`, waiting a moment for its readers on Windows, which lets no one else."""
    for _ in range(WINDOWS_TRIES if os.name == "nt" else 0):
        with contextlib.suppress(PermissionError):
            return os.replace(source, target)
        time.sleep(WINDOWS_WAIT_SECONDS)
    return os.replace(source, target)


def sync_folder(folder: StrPath) -> None:
    """Make renames inside `folder` survive a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
