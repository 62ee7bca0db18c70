"""Folders and large files that appear complete or not at all."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import Literal

from keras_electra.errors import InputError
from keras_electra.files.links import target_of
from keras_electra.files.locks import Lock
from keras_electra.files.paths import StrPath, absolute
from keras_electra.files.writing import (
    UNWRITABLE,
    is_temporary,
    remove,
    replace,
    sync_folder,
    temporary_path,
    writing,
)


@contextlib.contextmanager
def temporary_folder(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A hidden folder beside `path`, locked, and deleted at the end if it still has its name."""
    folder = temporary_path(path)
    with writing(path, UNWRITABLE):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_over(path)
        folder.mkdir()
    with Lock(folder) as lock:
        lock.acquire()
        try:
            with writing(path, refused=()):
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def new_folder(
    path: StrPath, existing: Literal["refused", "empty", "replaced"] = "refused"
) -> Iterator[pathlib.Path]:
    """A hidden folder beside `path` that gets its name when the block ends well.

    It is removed when the block fails. What a killed process left is removed by the next one: whoever
    writes such a folder holds a lock on it, which the system releases with the process.

    Args:
        path: of the folder to make; folders above it are made too.
        existing: what may be there already: nothing; an "empty" folder, or a link to one; or any folder,
            which is "replaced".

    Raises:
        InputError: if `path` holds something else, cannot be written, or the disk is full.
    """
    path = absolute(path)
    if existing == "refused" and os.path.lexists(path):
        raise InputError(f"out: expected a folder that does not exist yet, received {path}")
    if existing == "empty":
        path = target_of(path)
        refuse_full_folder(path)
    with temporary_folder(path) as folder:
        yield folder
        sync_folder(folder)
        with writing(path, UNWRITABLE):
            if existing == "replaced":
                remove(path)
            elif existing == "empty" and path.is_dir():
                path.rmdir()
            replace(folder, path)
            sync_folder(path.parent)


@contextlib.contextmanager
def new_file(path: StrPath) -> Iterator[pathlib.Path]:
    """A path of the same name elsewhere; what the block writes there moves to `path` at its end.

    For files that other programs write, which may go by their ending. If the block fails, nothing is left.

    Raises:
        InputError: if `path` cannot be written, or the disk is full.
    """
    path = absolute(path)
    with temporary_folder(path) as folder:
        yield folder / path.name
        replace(folder / path.name, path)


def refuse_full_folder(path: StrPath) -> None:
    """Raise `InputError` unless `path` is a new or empty folder."""
    path = pathlib.Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        received = "one that holds files" if path.is_dir() else "a file"
        raise InputError(f"{path}: expected a new or empty folder, received {received}")


def _remove_left_over(path: pathlib.Path) -> None:
    """Remove temporary folders of `path` whose process is gone."""
    for folder in path.parent.iterdir():
        is_own = is_temporary(folder.name) and folder.name.startswith(f".{path.name}.")
        if is_own and folder.is_dir() and not folder.is_symlink():
            with Lock(folder) as lock:
                found = lock.acquire()
                # Without locks nobody knows of others; one of this process' number is no other's.
                if found or (found is None and folder == temporary_path(path)):
                    shutil.rmtree(folder, ignore_errors=True)
