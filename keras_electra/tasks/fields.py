"""What stands in a field of a table: a text, words, a label, labels, a number, answers, choices."""

import math
from collections.abc import Mapping

from keras_electra.tasks.text import named
from keras_electra.tasks.values import Row, as_list, spelt

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class UnusableRow(Exception):
    """A row that is left out, with the sort and the sentence for `Problems`."""

    def __init__(self, sort: str, sentence: str):
        super().__init__(sentence)
        self.sort = sort


def text_in(row: Row, column: str) -> str:
    """The text of a field; `UnusableRow` where there is none, or something else."""
    if column not in row.values:
        raise UnusableRow(
            "missing column", f"expected a column {column!r}, received {named(row.values)}"
        )
    value = row.values[column]
    if is_missing(value):
        raise UnusableRow(
            "empty text", f"expected a text in column {column!r}, received an empty one"
        )
    if isinstance(value, list | tuple | Mapping):
        raise UnusableRow(
            "not a text",
            f"expected a text in column {column!r}, received a {type(value).__name__}",
        )
    return str(value)


def is_missing(value) -> bool:
    """Whether a field holds nothing, or blanks only."""
    return value is None or (isinstance(value, str) and not value.strip())


def id_of(row: Row, column: str | None) -> str:
    """The example's name: of its column, or the number of its row."""
    value = None if column is None else row.values.get(column)
    return str(row.number) if is_missing(value) else label_name(value)


def label_name(value) -> str:
    """The name of a label: 4, 4.0 and " 4" are "4", and True is "true"."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def labels_of(value, separator: str) -> tuple[str, ...]:
    """The labels in a field: a list, or texts with the separator between; no text is no label.

    `labels_of("sport| news", "|")` is `("sport", "news")`.
    """
    parts = as_list(value)
    if parts is None:
        parts = str(value).split(separator)
    names = (label_name(part) for part in parts if not is_missing(part))
    return tuple(dict.fromkeys(names))


def number_of(value, column: str, value_range) -> float:
    """The number in a field; `UnusableRow` where it is none, or out of range."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UnusableRow(
            "not a number", f"expected a number in column {column!r}, received {value!r}"
        )
    if value_range is not None and not value_range[0] <= number <= value_range[1]:
        low, high = value_range
        raise UnusableRow(
            "number out of range",
            f"expected a number from {low:g} to {high:g} in column {column!r}, received {number:g}",
        )
    return number


def words_in(row: Row, column: str) -> tuple[str, ...]:
    """The words of a field: a list, or a text with blanks between."""
    value = row.values.get(column)
    if is_missing(value):
        return ()
    parts = as_list(value)
    return tuple(label_name(part) for part in (str(value).split() if parts is None else parts))


def said_in(
    row: Row, column: str | None, start_column: str | None = None
) -> list[tuple[str, int | None]] | None:
    """(text, start or None) of every answer of a row; None where there is no such column.

    An answer is a text, {"text": ..., "answer_start": ...} (also with lists in it), or a list of these.
    """
    if column is None or column not in row.values:
        return None
    value = spelt(row.values[column])
    start = None if start_column is None else row.values.get(start_column)
    said = []
    for one in value if isinstance(value, list | tuple) else [value]:
        texts, starts = one, start
        if isinstance(one, Mapping):
            texts, starts = one.get("text"), one.get("answer_start", one.get("start"))
        texts = [texts] if as_list(texts) is None else as_list(texts)
        starts = as_list(starts) or [starts] * len(texts)
        said += [
            (str(text), whole_number(place))
            for text, place in zip(texts, starts, strict=False)
            if not is_missing(text)
        ]
    return said


def whole_number(value) -> int | None:
    """A number that stands in a field as such or as text; None for all else."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def choices_in(row: Row, columns: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """What each choice is called, and the choices; a list in one column, or a column for each."""
    if len(columns) > 1:
        there = [column for column in columns if not is_missing(row.values.get(column))]
        return there, tuple(str(row.values[column]) for column in there)
    value = spelt(row.values.get(columns[0]))
    names = None
    if isinstance(value, Mapping):
        names, value = as_list(value.get("label")), value.get("text")
    choices = tuple(str(one) for one in as_list(value) or ())
    return names or list(LETTERS[: len(choices)]), choices
