"""Which table a split is read from: files of a folder by their names, parts of a dict, or a draw."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from keras_electra.errors import InputError, MissingSplitError
from keras_electra.tasks.examples import Example, QuestionExample, TextExample
from keras_electra.tasks.folders import SPLIT_NAMES
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.text import named

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
