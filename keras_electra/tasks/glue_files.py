"""Files of GLUE's tasks, read line by line."""

import dataclasses
import math
import os
import pathlib
from collections.abc import Callable, Iterator

from keras_electra.errors import InputError, MissingSplitError
from keras_electra.tasks.delimited import records_of
from keras_electra.tasks.examples import TextExample
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.splits import share_of
from keras_electra.tasks.text import named

FILES = {
    "train": ("train.tsv",),
    "validation": ("dev.tsv",),
    "test": ("test.tsv",),
}
COLA_COLUMNS = ("source", "label", "mark", "sentence")
"""Names for the columns of CoLA's files, which have no header but in the test file."""
MRPC_FILES = {"train": "msr_paraphrase_train.txt", "test": "msr_paraphrase_test.txt"}
MRPC_IDS = ("#1 ID", "#2 ID")
LABELLED = ("train", "validation", "validation_mismatched")

Record = tuple[int, int, dict[str, str]]


@dataclasses.dataclass(frozen=True)
class GlueReader:
    """Reads one task of GLUE; given are the folder of all, or the task's own.

    Tab-separated, quotes are ordinary signs. Columns go by the names in the header. A line with
    another number of fields, or without a right label, is a problem and left out; a text may be
    empty, as some of QQP are. The id of an example is the number of its line of data, from 0. Test
    examples have a label where the file has one that the task knows, else none.

    Attributes:
        folders: names of the task's folder, in lower case.
        texts: names of the column of the text, and of the second one for a pair; alternatives are
            tried in order.
        label: names of the label's column.
        labels: the task's, or None for a number.
        value_range: for a number, least and largest.
        files: split -> names of its file.
    """

    folders: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...]
    label: tuple[str, ...]
    labels: tuple[str, ...] | None
    value_range: tuple[float, float] | None = None
    files: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=lambda: FILES)

    def __call__(self, data, split: str, problems: Problems) -> Iterator[TextExample]:
        folder = self.folder(data)
        path = self.file(folder, split)
        if path is None:
            raise missing(folder, split, self.files[split])
        return self.examples(path, split, problems)

    def folder(self, data) -> pathlib.Path:
        """The task's folder; `InputError` if there is none."""
        if not isinstance(data, str | os.PathLike):
            raise InputError(
                f"{self.folders[0]}: expected the folder of GLUE's files, received "
                f"{type(data).__name__}; own_task makes a task of a table"
            )
        path = pathlib.Path(data)
        if not path.is_dir():
            raise InputError(f"{self.folders[0]}: expected a folder, received {path}")
        inner = [entry for entry in sorted(path.iterdir()) if entry.is_dir()]
        for name in self.folders:
            for entry in inner:
                if entry.name.lower() == name:
                    return entry
        return path

    def file(self, folder: pathlib.Path, split: str) -> pathlib.Path | None:
        """The file of a split, or None."""
        return next(
            (folder / name for name in self.files[split] if (folder / name).is_file()), None
        )

    def examples(self, path: pathlib.Path, split: str, problems: Problems, is_wanted=None):
        """The examples of one file.

        Args:
            is_wanted: told the values of a row by column, decides whether it belongs to the split.
        """
        return (
            example
            for record in records(path, problems, self)
            if is_wanted is None or is_wanted(record[2])
            if (example := self._example(path, record, split, problems)) is not None
        )

    def _example(self, path, record: Record, split: str, problems: Problems) -> TextExample | None:
        line, number, values = record
        first, *second = (values[column_of(path, values, names)] for names in self.texts)
        column = next((name for name in self.label if name in values), None)
        if column is None and split in LABELLED:
            raise InputError(
                f"{path}:1: expected a column {named(self.label)}, received {named(values)}"
            )
        label = None if column is None else self.label_of(values[column])
        if label is None and split in LABELLED:
            problems.add(
                "unknown label",
                f"{path}:{line}: expected {self.expected()}, received {values[column]!r}",
            )
            return None
        return TextExample(
            id=str(number), text=first, second_text=second[0] if second else None, label=label
        )

    def label_of(self, text: str) -> str | float | None:
        """The label or number that a field holds; None where it is not one of the task's."""
        if self.labels is not None:
            return text if text in self.labels else None
        try:
            value = float(text)
        except ValueError:
            return None
        low, high = self.value_range
        return value if math.isfinite(value) and low <= value <= high else None

    def expected(self) -> str:
        """What a label may be, for a sentence."""
        if self.labels is not None:
            return f"one of {named(self.labels)}"
        return "a number from {:g} to {:g}".format(*self.value_range)


def records(path, problems: Problems, reader: GlueReader) -> Iterator[Record]:
    """(line, number from 0, values by column) of every row of a file."""
    names = None
    number = 0
    for line, fields in records_of(path, "utf-8", has_quotes=False):
        if names is None:
            names, is_header = names_in(path, fields, reader)
            if is_header:
                continue
        if len(fields) == len(names):
            yield line, number, dict(zip(names, fields, strict=True))
        else:
            problems.add(
                "wrong number of columns",
                f"{path}:{line}: expected {len(names)} columns, received {len(fields)}",
            )
        number += 1
    if names is None:
        raise InputError(f"{path}: expected a table, received an empty file")


def names_in(path, fields: list[str], reader: GlueReader) -> tuple[list[str], bool]:
    """Names of the columns, and whether the first line holds them."""
    if any(name in fields for names in reader.texts for name in names):
        return fields, True
    if "cola" in reader.folders and len(fields) == len(COLA_COLUMNS):
        return list(COLA_COLUMNS), False
    raise InputError(
        f"{path}:1: expected a header with {named(names[0] for names in reader.texts)}, received "
        f"{named(fields)}"
    )


def column_of(path, values: dict, names: tuple[str, ...]) -> str:
    """The first of the names that is a column."""
    for name in names:
        if name in values:
            return name
    raise InputError(f"{path}:1: expected a column {named(names)}, received {named(values)}")


def missing(folder: pathlib.Path, split: str, names) -> MissingSplitError:
    """The error about a split whose file is not there."""
    there = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    return MissingSplitError(
        f"{folder}: expected {named(names)} for {split!r}, received {named(there)}"
    )


class MrpcReader(GlueReader):
    """MRPC as GLUE has it, or else its own files `msr_paraphrase_train.txt` and `_test.txt`.

    Of those, the training pairs that `dev_ids.tsv` names are for validation; without that file, a
    tenth of them is drawn.
    """

    def __call__(self, data, split: str, problems: Problems) -> Iterator[TextExample]:
        folder = self.folder(data)
        path = self.file(folder, split)
        if path is not None:
            return self.examples(path, split, problems)
        path = folder / MRPC_FILES["test" if split == "test" else "train"]
        if not path.is_file():
            raise missing(folder, split, [*self.files[split], path.name])
        if split == "test":
            return self.examples(path, split, problems)
        if (folder / "dev_ids.tsv").is_file():
            return self.examples(path, split, problems, belongs(folder / "dev_ids.tsv", split))
        if split == "validation":
            problems = Problems(problems.is_strict)
        return iter(share_of(list(self.examples(path, split, problems)), split, problems=problems))


def belongs(path, split: str) -> Callable[[dict], bool]:
    """Whether a pair of MRPC belongs to "validation", whose pairs of ids the file holds, or "train"."""
    pairs = {tuple(fields) for _, fields in records_of(path, "utf-8", has_quotes=False)}

    def is_wanted(values: dict) -> bool:
        return (tuple(values[name] for name in MRPC_IDS) in pairs) == (split == "validation")

    return is_wanted
