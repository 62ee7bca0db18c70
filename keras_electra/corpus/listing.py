"""The files that a name stands for: folders, globs, URLs, and the folders of data sets."""

import glob
import json
import os
import pathlib
import posixpath
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus.opening import (
    StoredFile,
    file_system,
    is_regular,
    is_remote,
    is_web,
    unreadable,
)
from keras_electra.corpus.problems import Problems
from keras_electra.errors import InputError

# What `datasets` writes beside the tables of a folder.
DATASET_STATE, DATASET_INFO = "state.json", "dataset_info.json"
DATASET_SPLITS = "dataset_dict.json"
PROBE_BYTES = 16


class File(NamedTuple):
    """A file of the corpus.

    Attributes:
        path: a path or URL.
        size: bytes; None for pipes and where a server does not say.
        stamp: differs after the file was changed.
        identity: the same for two names of one file.
        can_seek: whether parts of it can be had.
    """

    path: str
    size: int | None
    stamp: str
    identity: str
    can_seek: bool = True


def refuse_none(found, names: Iterable, num_links: int = 0) -> None:
    """Raise `InputError` if nothing was found; `num_links` led out of the folders."""
    if not found:
        names = ", ".join(map(str, names)) or "no path"
        hint = f"; {num_links} links lead out, which --follows-links reads" if num_links else ""
        raise InputError(
            f"corpus: expected at least one text file, received {names} with none{hint}"
        )


def files_of(path: str, config: CorpusConfig, problems: Problems) -> list[File]:
    """The files that a name stands for, in order.

    Of a folder: all below it, sorted, without hidden ones; of a folder that `datasets` wrote, its
    tables. Links that lead out of the folder are left out unless `follows_links`.

    Raises:
        InputError: if there is no such file or folder.
    """
    if is_remote(path):
        return without_dataset_records(remote_files(path), problems)
    if os.path.isdir(path):
        found = [described(*names) for names in walk(path, config, problems)]
        return without_dataset_records(found, problems)
    if os.path.exists(path):
        return [described(path, os.path.realpath(path))]
    if glob.has_magic(path):
        matches = sorted(glob.glob(path, recursive=True), key=lambda match: match.split(os.sep))
        return [file for match in matches for file in files_of(match, config, problems)]
    raise InputError(f"corpus: expected a file or folder, received {path}, which is missing")


def walk(folder: str, config: CorpusConfig, problems: Problems) -> Iterator[tuple[str, str]]:
    """Files below a folder, sorted by the names on the way, each with its real path."""
    top = os.path.realpath(folder)
    yield from walk_below(folder, top, top, {top}, config, problems)


def walk_below(folder, real, top, above, config, problems) -> Iterator[tuple[str, str]]:
    for entry in entries_of(folder):
        if entry.name.startswith("."):
            continue
        path, target = os.path.join(folder, entry.name), os.path.join(real, entry.name)
        if entry.is_symlink():
            target = os.path.realpath(path)
            leads_out = os.path.commonpath([top, target]) != top
            if leads_out and not config.follows_links:
                problems.add(
                    "link",
                    f"{path}: the link leads out of the folder to {target} and was left out; "
                    "--follows-links reads it",
                )
                continue
            # What a link inside the folder leads to is found without it.
            if not leads_out and os.path.isdir(target):
                continue
        try:
            is_folder, is_file = entry.is_dir(), entry.is_file()
        except OSError as error:
            raise unreadable(path, error) from error
        if is_folder:
            if target not in above:
                yield from walk_below(path, target, top, above | {target}, config, problems)
        elif is_file:
            yield path, target


def entries_of(folder: str) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise unreadable(folder, error) from error


def described(path: str, identity: str) -> File:
    """Size and stamp of a local file."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise unreadable(path, error) from error
    name = pathlib.Path(path).as_posix()
    if not is_regular(status):
        return File(name, None, "", identity)
    return File(name, status.st_size, str(status.st_mtime_ns), identity)


def remote_files(url: str) -> list[File]:
    """The files behind a URL: of a folder, all below it without hidden ones; of a glob, its matches.

    A URL of the web is one file: its pages list no folders.

    Raises:
        InputError: if there are none, or the server refuses.
    """
    system, path = file_system(url)
    try:
        matches = sorted(system.glob(path)) if "*" in path and not is_web(url) else [path]
        found = []
        for match in matches:
            below = {} if is_web(url) else system.find(match, detail=True)
            below = below or {match: system.info(match)}
            found += [
                remote_file(system, name, below[name])
                for name in sorted(below, key=lambda name: name.split("/"))
                if not is_hidden(name, match)
            ]
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise InputError(
            f"corpus: expected a file or folder, received {url}, which cannot be read: {reason}"
        ) from error
    return found


def remote_file(system, name: str, info: dict) -> File:
    keys = ("ETag", "etag", "mtime", "LastModified", "Last-Modified", "created")
    changed = repr([info.get(key) for key in keys])
    url = system.unstrip_protocol(name)
    can_seek = not is_web(url) or sends_ranges(system, name)
    return File(url, info.get("size"), changed, url, can_seek)


def sends_ranges(system, name: str) -> bool:
    """Whether a web server sends a part of a file when asked for it; few say so unasked."""
    try:
        with system.open(name, "rb", block_size=PROBE_BYTES) as file:
            file.seek(1)
            return len(file.read(1)) == 1
    except Exception:
        return False


def is_hidden(file: str, folder: str) -> bool:
    """Whether the file, or a folder between it and `folder`, has a name with a leading dot."""
    below = posixpath.relpath(file, folder) if file != folder else ""
    return any(part.startswith(".") and part != ".." for part in below.split("/"))


def without_dataset_records(files: list[File], problems: Problems) -> list[File]:
    """Of folders that `datasets` wrote only the tables, and of several splits only "train"."""
    folders: dict[str, dict[str, File]] = {}
    for file in files:
        folder, _, name = file.path.rpartition("/")
        folders.setdefault(folder, {})[name] = file
    left_out = set()
    for folder, inside in folders.items():
        if DATASET_SPLITS in inside:
            left_out.add(inside[DATASET_SPLITS])
            splits = [name for name in folders if name.startswith(f"{folder}/")]
            others = [name for name in splits if name != f"{folder}/train"]
            if len(others) < len(splits) and others:
                problems.add("note", f"{folder}: the split 'train' was read, and no other")
                left_out.update(file for name in others for file in folders[name].values())
        if DATASET_STATE in inside and DATASET_INFO in inside:
            tables = tables_of(inside[DATASET_STATE])
            left_out.update(file for name, file in inside.items() if name not in tables)
    return [file for file in files if file not in left_out]


def tables_of(state: File) -> set[str]:
    """Names of the tables that a data-set folder's own record lists."""
    with StoredFile(state.path) as file:
        content = file.read(1 << 20)
    try:
        return {table["filename"] for table in json.loads(content)["_data_files"]}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{state.path}: expected the record of a data-set folder, received another file"
        ) from error
