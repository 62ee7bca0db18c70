"""Folders of data: which files are which split, by their names, and what nobody reads."""

import os
import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from keras_electra.errors import InputError
from keras_electra.tasks.text import named, uncompressed

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "development": "validation",
    "eval": "validation",
    "evaluation": "validation",
    "holdout": "validation",
    "heldout": "validation",
    "testa": "validation",
    "test": "test",
    "testing": "test",
    "testb": "test",
}
"""What a split may be called in data -> its name here."""
SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})(-[0-9a-f]+)?")
"""Name of a part of a table, as on the Hugging Face hub: train-00000-of-00002."""
DATASET_SPLITS, DATASET_STATE, DATASET_INFO = "dataset_dict.json", "state.json", "dataset_info.json"
"""What `datasets` writes into the folders that it saves."""


class Shards(tuple[pathlib.Path, ...]):
    """Files that are one table together, in order."""


def is_dataset_folder(path) -> bool:
    """Whether a folder is a table that `datasets` saved."""
    return all(os.path.isfile(os.path.join(path, name)) for name in (DATASET_STATE, DATASET_INFO))


def tables_by_split(folder: pathlib.Path, is_wanted: Callable[[pathlib.Path], bool]) -> dict:
    """Split -> file, `Shards`, or folder that `datasets` saved, of a folder.

    The files may lie in a single folder below it, such as `data` on the Hugging Face hub.

    Raises:
        InputError: if two files have the same split, shards are missing, or several folders have
            splits.
    """
    if (folder / DATASET_SPLITS).is_file():
        below = sorted(filter(is_dataset_folder, folder.iterdir()))
        return {SPLIT_NAMES.get(one.name.lower(), one.name): one for one in below}
    if is_dataset_folder(folder):
        return {"train": folder}
    found = files_by_split(folder, is_wanted)
    if found:
        return found
    below = [one for one in sorted(folder.iterdir()) if one.is_dir() and one.name[0] != "."]
    filled = {one: parts for one in below if (parts := files_by_split(one, is_wanted))}
    if len(filled) > 1:
        raise InputError(
            f"{folder}: expected files such as train and test, received "
            f"{named(one.name for one in filled)} with such files; name one of these folders"
        )
    return next(iter(filled.values()), {})


def files_by_split(folder: pathlib.Path, is_wanted: Callable[[pathlib.Path], bool]) -> dict:
    """Split -> file, by the names of the files: `train.csv`, `en-ud-dev.conllu`, `test_new.tsv`.

    The first or the last part of a name (of letters and digits, without its endings) says the split;
    a test file with a further part, such as `test_new`, is a split of its own if there are several.
    Files such as `train-00000-of-00002.parquet` are one table, `Shards`.

    Args:
        is_wanted: whether a file could be data.

    Raises:
        InputError: if two files have the same split, or shards are missing.
    """
    files = [one for one in sorted(folder.iterdir()) if one.is_file() and one.name[0] != "."]
    found = {}
    for table in in_shards(list(filter(is_wanted, files))):
        split = split_in_name(files_of(table)[0])
        if split is not None:
            found.setdefault(split, []).append(table)
    tests = found.get("test", [])
    if len(tests) > 1:
        found.pop("test")
        for table in tests:
            found.setdefault(own_name(files_of(table)[0]), []).append(table)
    for split, tables in found.items():
        if len(tables) > 1:
            raise InputError(
                f"{folder}: expected one file for {split!r}, received "
                f"{named(files_of(table)[0].name for table in tables)}; rename the others, or move "
                "them away"
            )
    return {split: table for split, (table,) in found.items()}


def in_shards(files: list[pathlib.Path]) -> list:
    """The same, files that are shards of one table put together."""
    groups = {}
    for file in files:
        shard = SHARD.fullmatch(uncompressed(file).stem)
        groups.setdefault((shard[1], shard[3], file.suffix) if shard else file, []).append(file)
    for key, some in groups.items():
        if isinstance(key, tuple) and len(some) != int(key[1]):
            raise InputError(
                f"{some[0].parent}: expected {int(key[1])} files {key[0]}-...-of-{key[1]}"
                f"{key[2]}, received {len(some)}"
            )
    return [Shards(some) if isinstance(key, tuple) else key for key, some in groups.items()]


def files_of(table) -> tuple:
    """The files of a table."""
    return table if isinstance(table, Shards) else (table,)


def unread_in(data, parts: Mapping[str, Any]) -> list[str]:
    """Names of what is in a folder besides the parts that are read, hidden files left out."""
    if not isinstance(data, str | os.PathLike) or not os.path.isdir(data):
        return []
    folder = pathlib.Path(data)
    read = {pathlib.Path(file) for table in parts.values() for file in files_of(table)}
    above = {one for file in read for one in (file, *file.parents)}
    entries = [] if folder in read else folder.iterdir()
    own = {DATASET_SPLITS}
    return sorted(
        one.name
        for one in entries
        if one.name[0] != "." and one not in above and one.name not in own
    )


def split_in_name(file: pathlib.Path) -> str | None:
    """The split that a file's name says, or None."""
    words = [*re.split(r"[-_.]", own_name(file)), uncompressed(file).suffix[1:].lower()]
    return SPLIT_NAMES.get(words[0]) or SPLIT_NAMES.get(words[-2]) or SPLIT_NAMES.get(words[-1])


def own_name(file: pathlib.Path) -> str:
    """Name of a file without its endings and its number as a shard, in lower case."""
    stem = uncompressed(file).stem.lower()
    shard = SHARD.fullmatch(stem)
    return shard[1] if shard else stem
