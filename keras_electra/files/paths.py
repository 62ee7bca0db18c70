"""Paths: absolute ones, short ones for people, and the folder for what can be made again."""

import os
import pathlib
import shutil

import platformdirs

StrPath = str | os.PathLike[str]


def absolute(path: StrPath) -> pathlib.Path:
    """A path that means the same after the working directory has changed; links are kept."""
    return pathlib.Path(os.path.abspath(os.fspath(path)))


def shown_path(path: StrPath) -> str:
    """A path for people: relative where it lies below the present working directory."""
    text, here = os.fspath(path), os.path.join(os.getcwd(), "")
    return text.removeprefix(here) or text


def cache_path() -> pathlib.Path:
    """The folder of this program where the user's programs keep what can be made again."""
    return platformdirs.user_cache_path("keras-electra", appauthor=False)


def free_bytes(path: StrPath) -> int | None:
    """Room on the disk that a file or folder is, or will be, on; None if that cannot be told."""
    path = absolute(path)
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None
