"""Which table a split is read from: files of a folder by their names, parts of a dict, or a draw."""

import dataclasses
import hashlib
import os
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from keras_electra.errors import InputError, MissingSplitError
from keras_electra.tasks.examples import Example, QuestionExample, TextExample
from keras_electra.tasks.task import Problems
from keras_electra.tasks.text import named

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "development": "validation",
    "testa": "validation",
    "test": "test",
    "testing": "test",
    "testb": "test",
}
"""What a split may be called in data -> its name here."""
VALIDATION_FRACTION = 0.1


@dataclasses.dataclass(frozen=True)
class Part:
    """Where the examples of a split are.

    Attributes:
        table: a file or a table in memory.
        share: "all" of its examples, those a draw leaves to "train", or takes for "validation".
    """

    table: Any
    share: Literal["all", "train", "validation"] = "all"


def part_of(parts: Mapping[str, Any], split: str, name: str) -> Part:
    """Where a split is; without a validation part, one is drawn from the training part.

    Args:
        parts: name of each split that is there -> its file or table.
        split: the one that is wanted.
        name: of the task, for the sentence.

    Raises:
        MissingSplitError: if it is not there.
    """
    if split in parts:
        is_divided = split == "train" and "validation" not in parts
        return Part(parts[split], "train" if is_divided else "all")
    if split == "validation" and "train" in parts:
        return Part(parts["train"], "validation")
    raise MissingSplitError(f"{name}: expected the split {split!r}, received {named(parts)}")


def parts_of(data, in_folder: Callable[[pathlib.Path], dict], name: str) -> dict[str, Any]:
    """The splits of any data: a folder's files, a dict's entries, or one table to train on.

    Args:
        data: a folder, a file, a dict of split -> table, or a table.
        in_folder: finds the files of a folder.
        name: of the task, for the sentence.

    Raises:
        InputError: if a path is missing, or there is no split.
    """
    if isinstance(data, Mapping):
        parts = {}
        for key, table in data.items():
            split = SPLIT_NAMES.get(str(key).lower(), str(key))
            if split in parts:
                raise InputError(f"data: expected one {split!r} split, received {named(data)}")
            parts[split] = table
        if not parts.keys() & set(SPLIT_NAMES.values()):
            raise InputError(
                f"data: expected a dict with 'train', 'validation' or 'test', received {named(data)}"
            )
        return parts
    if not isinstance(data, str | os.PathLike):
        return {"train": data}
    path = pathlib.Path(data)
    if not path.is_dir():
        if not path.exists():
            raise InputError(
                f"{name}: expected a file or folder, received {path}, which is missing"
            )
        return {"train": path}
    parts = in_folder(path)
    if not parts:
        files = sorted(file.name for file in path.iterdir())
        raise InputError(
            f"{name}: expected files such as train and test in {path}, received {named(files)}"
        )
    return parts


def file_of(table, name: str) -> pathlib.Path:
    """The file that a split is; `InputError` for a table in memory."""
    if isinstance(table, str | os.PathLike):
        return pathlib.Path(table)
    raise InputError(
        f"{name}: expected files in the published form, received {type(table).__name__}; "
        "own_task makes a task of a table"
    )


def files_by_split(folder: pathlib.Path, is_wanted: Callable[[pathlib.Path], bool]) -> dict:
    """Split -> file, by the names of the files: `train.csv`, `en-ud-dev.conllu`, `test_new.tsv`.

    The first or the last part of a name (of letters and digits, without its endings) says the split;
    a test file with a further part, such as `test_new`, is a split of its own if there are several.

    Args:
        is_wanted: whether a file could be data.

    Raises:
        InputError: if two files have the same split.
    """
    found = {}
    for file in sorted(folder.iterdir()):
        if not file.is_file() or file.name.startswith(".") or not is_wanted(file):
            continue
        split = split_in_name(file)
        if split is not None:
            found.setdefault(split, []).append(file)
    tests = found.get("test", [])
    if len(tests) > 1:
        found.pop("test")
        for file in tests:
            found.setdefault(own_name(file), []).append(file)
    for split, files in found.items():
        if len(files) > 1:
            raise InputError(
                f"{folder}: expected one file for {split!r}, received "
                f"{named(file.name for file in files)}"
            )
    return {split: file for split, (file,) in found.items()}


def split_in_name(file: pathlib.Path) -> str | None:
    """The split that a file's name says, or None."""
    words = [*re.split(r"[-_.]", own_name(file)), file.suffix[1:].lower()]
    return SPLIT_NAMES.get(words[0]) or SPLIT_NAMES.get(words[-2]) or SPLIT_NAMES.get(words[-1])


def own_name(file: pathlib.Path) -> str:
    """Name of a file without its endings, in lower case."""
    if file.suffix.lower() == ".gz":
        file = file.with_suffix("")
    return file.stem.lower()


def share_of(
    examples: Sequence[Example],
    share: str,
    fraction: float = VALIDATION_FRACTION,
    seed: int = 0,
    problems: Problems | None = None,
) -> list[Example]:
    """The examples of a part: all, or one side of the draw.

    Args:
        examples: of the whole table.
        share: as of `Part`.
        fraction: part of them that is drawn for validation.
        seed: decides which.
        problems: rows of the table that were left out, for the error.

    Raises:
        InputError: if there are too few to divide.
    """
    if share == "all":
        return list(examples)
    drawn = drawn_places(examples, fraction, seed)
    if not 0 < len(drawn) < len(examples):
        reason = problems.reason if problems else ""
        raise InputError(
            "validation: expected at least two examples (of one label, if they have labels) to draw a "
            f"part of, received {len(examples)}{reason or '; give a validation split'}"
        )
    return [
        example
        for place, example in enumerate(examples)
        if (place in drawn) == (share == "validation")
    ]


def drawn_places(examples: Sequence[Example], fraction: float, seed: int) -> set[int]:
    """Places of the examples that a draw takes for validation, the same at every call.

    The hash of the seed and a number orders the examples: the number of the example, or of its
    context for questions, so that all questions on a context stay together. They are laid out by
    label (where an example has one) and then by hash, and every n-th is taken, so that each label has
    its share; a label with a single example stays in training.
    """
    groups = {}
    for place, example in enumerate(examples):
        key = example.context if isinstance(example, QuestionExample) else place
        groups.setdefault(key, []).append(place)
    groups = list(groups.values())
    strata = {}
    for number, places in enumerate(groups):
        example = examples[places[0]]
        is_labelled = isinstance(example, TextExample) and isinstance(example.label, str)
        strata.setdefault(example.label if is_labelled else "", []).append(number)
    order = [
        number
        for _, numbers in sorted(strata.items())
        if len(numbers) > 1
        for number in sorted(numbers, key=lambda number: hash_of(seed, number))
    ]
    taken = [
        number
        for rank, number in enumerate(order)
        if int((rank + 1) * fraction) > int(rank * fraction)
    ]
    taken = taken or sorted(order, key=lambda number: hash_of(seed, number))[:1]
    return {place for number in taken for place in groups[number]}


def hash_of(seed: int, number: int) -> bytes:
    """Eight bytes that the two numbers decide."""
    return hashlib.blake2b(f"{seed} {number}".encode(), digest_size=8).digest()


def some_examples(examples: Sequence[Example], most: int | None) -> Sequence[Example]:
    """At most so many examples, from everywhere among them, in their order; the same at every call."""
    if most is None or len(examples) <= most:
        return examples
    places = sorted(range(len(examples)), key=lambda place: hash_of(0, place))[:most]
    return [examples[place] for place in sorted(places)]
