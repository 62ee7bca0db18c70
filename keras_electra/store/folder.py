"""A folder that appears complete or not at all."""

import contextlib
import errno
import os
import pathlib
import shutil
from collections.abc import Iterator

from keras_electra.errors import InputError
from keras_electra.files import refuse_link

try:
    import fcntl
except ImportError:  # Windows has no such locks: there, what a killed build left stays
    fcntl = None

TEMPORARY_SUFFIX = ".tmp"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextlib.contextmanager
def new_folder(out: pathlib.Path) -> Iterator[pathlib.Path]:
    """A temporary folder beside `out` that is renamed to `out` when the block ends well.

    It is removed when the block fails. What a killed process left is removed by the next one: the
    owner holds a lock on its folder, which the system releases with the process.

    Raises:
        InputError: if `out` exists, cannot be written, or the disk is full.
    """
    out = pathlib.Path(os.path.abspath(out))
    if os.path.lexists(out):
        raise InputError(f"out: expected a folder that does not exist yet, received {out}")
    folder = out.parent / f"{temporary_prefix(out)}{os.getpid()}"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        remove_left_over(out)
        folder.mkdir()
    except OSError as error:
        raise unwritable(out, error) from error
    lock = locked(folder)
    try:
        yield folder
        sync_folder(folder)
        move(folder, out)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in FULL:
            raise unwritable(out, error) from error
        raise
    finally:
        if lock is not None:
            os.close(lock)


def move(folder: pathlib.Path, out: pathlib.Path) -> None:
    try:
        os.rename(folder, out)
    except OSError as error:
        raise unwritable(out, error) from error
    sync_folder(out.parent)


def temporary_prefix(out: pathlib.Path) -> str:
    return f".{out.name}.building-"


def remove_left_over(out: pathlib.Path) -> None:
    """Remove temporary folders of `out` whose process is gone."""
    if fcntl is None:
        return
    for folder in out.parent.iterdir():
        if folder.name.startswith(temporary_prefix(out)) and folder.is_dir():
            lock = locked(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def locked(folder: pathlib.Path) -> int | None:
    """An open file that holds the lock on `folder`, or None if another process holds it."""
    if fcntl is None:
        return None
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def sync_folder(folder: pathlib.Path) -> None:
    """Have the system write the folder's list of names to the disk."""
    if fcntl is None:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: pathlib.Path, content: bytes) -> None:
    """Write a file under a temporary name, then give it its own; whoever looks sees all or nothing.

    Raises:
        InputError: if the disk is full, the folder cannot be written or `path` is a symbolic link.
    """
    refuse_link(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise unwritten(path, error) from error
        raise


def unwritten(path: pathlib.Path, error: OSError) -> InputError:
    """The sentence about a file that could not be written, where others before it were."""
    if error.errno in FULL:
        return InputError(
            f"no space left on the disk of {path}: what was prepared is kept, "
            "free some and give the same command again"
        )
    return InputError(f"expected to be able to write {path}: {error.strerror or error}")


def unwritable(out: pathlib.Path, error: OSError) -> InputError:
    """The sentence about a folder that cannot be written."""
    if error.errno in FULL:
        return InputError(f"out: expected room on the disk for {out}, received a full one")
    return InputError(
        f"out: expected a place to write to, received {out}: {error.strerror or error}"
    )
