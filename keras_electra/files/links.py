"""Files inside run, store and preset folders belong to the program: it never follows a link to others."""

import os
import pathlib

from keras_electra.errors import InputError
from keras_electra.files.paths import StrPath


def refuse_link(path: StrPath) -> None:
    """Raise `InputError` if `path`, which is about to be written, locked or deleted, is a symbolic link.

    Args:
        path: of a file or folder inside of a run, store or preset folder. Such a folder's own path, and
            whatever is above it, may be a link: do not ask about those.
    """
    path = pathlib.Path(path)
    if path.is_symlink():
        raise InputError(
            f"{path} is a symbolic link to {os.readlink(path)}: nothing inside a run, store or preset "
            "folder is written or deleted through a link. Put the file or folder itself there; to "
            "keep things on another disk, link the whole folder"
        )


def refuse_links_in(folder: StrPath) -> None:
    """Raise `InputError` for the first symbolic link anywhere inside `folder`, which may be one itself."""
    for parent, folders, files in os.walk(folder):
        for name in sorted([*folders, *files]):
            refuse_link(os.path.join(parent, name))


def target_of(path: StrPath) -> pathlib.Path:
    """Where a new folder at `path` has to be made: `path`, or the folder that it is a link to."""
    path = pathlib.Path(path)
    return path.resolve() if path.is_symlink() else path
