"""Folders and files of other programs, as Git and the Hugging Face hub hand them out."""

import pathlib

from keras_electra.errors import DamagedDataError, InputError
from keras_electra.files import read_json

POINTER_START = b"version https://git-lfs.github.com/spec/"
MAX_POINTER_BYTES = 1024


def refuse_pointer(path) -> None:
    """Raise `InputError` if a file is a Git LFS pointer, which stands for it in a clone without LFS.

    A file that cannot be read is left to whoever reads it.
    """
    path = pathlib.Path(path)
    try:
        if path.stat().st_size > MAX_POINTER_BYTES:
            return
        with open(path, "rb") as file:
            is_pointer = file.read(len(POINTER_START)) == POINTER_START
    except OSError:
        return
    if is_pointer:
        raise InputError(
            f"{path} is a Git LFS pointer, a few lines of text in place of the file itself: "
            f"run `git lfs pull` in {path.parent}, or download the file"
        )


def hub_snapshot(folder) -> pathlib.Path:
    """The folder of the files, where `folder` is a model's folder in the hub's cache; else `folder`.

    Such a folder, `models--google--electra-small-discriminator`, has the files of each revision in
    `snapshots/REVISION` as links to `blobs/`; `refs/main` names the revision in use.

    Raises:
        InputError: if it has several revisions and none in use.
    """
    folder = pathlib.Path(folder)
    snapshots = folder / "snapshots"
    if not snapshots.is_dir():
        return folder
    try:
        name = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        name = ""
    if name and (snapshots / name).is_dir():
        return snapshots / name
    found = sorted(path for path in snapshots.iterdir() if path.is_dir())
    if len(found) != 1:
        names = ", ".join(str(path) for path in found) or "no snapshot"
        raise InputError(
            f"{folder}: expected one revision of a model, found {names}; give one of them"
        )
    return found[0]


def file_in(folder, name: str) -> pathlib.Path | None:
    """Path of a file of the folder, or None if it is not there.

    Raises:
        InputError: if it is a link that leads out of the folder (in the hub's cache also out of its
            `blobs`), is a Git LFS pointer, or no plain name.
    """
    path = pathlib.Path(folder) / name
    if pathlib.PurePath(name).name != name:
        raise InputError(f"{folder}: expected the name of a file in the folder, received {name!r}")
    if not path.is_symlink() and not path.exists():
        return None
    target, home = path.resolve(), path.parent.resolve()
    is_snapshot = home.parent.name == "snapshots"
    homes = [home, home.parent.parent / "blobs"] if is_snapshot else [home]
    if not any(target.is_relative_to(one) for one in homes):
        raise InputError(
            f"{path}: expected a file inside the folder, received a link to {target}; "
            "copy the folder with its links followed (cp -rL)"
        )
    if not path.is_file():
        return None
    refuse_pointer(path)
    return path


def read_json_in(folder, name: str) -> dict | None:
    """The object in a JSON file of the folder, or None if the file is not there."""
    path = file_in(folder, name)
    return None if path is None else read_object(path)


def read_object(path: pathlib.Path) -> dict:
    """The object in a JSON file.

    Raises:
        InputError: if the file cannot be read.
        DamagedDataError: if it holds anything else.
    """
    try:
        return read_json(path)
    except DamagedDataError:
        raise
    except OSError as error:
        raise InputError(f"{path}: expected a readable file ({error})") from error
