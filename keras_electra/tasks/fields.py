"""What stands in a field of a table: a text, words, a label, labels, a number, answers, choices."""

import re
from collections.abc import Mapping, Sequence

from keras_electra.tasks.numerals import USUAL, NumberForm, number
from keras_electra.tasks.printed import as_list, spelt
from keras_electra.tasks.text import named
from keras_electra.tasks.values import Row, refusal

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MISSING_TEXTS = frozenset(("", "nan", "NaN", "NaT", "<NA>"))
"""Fields without a value; words are what NumPy and pandas write for a missing one."""
WHOLE = re.compile(r"([+-]?\d+)\.0+")
LIST_OF_WORDS = re.compile(r"\[.*[,\s].*\]", re.DOTALL)
"""What looks like a list and cannot be read: `[sport, art]`."""
CLOSING = (")", "]", "}")
MARKS = {"0": False, "1": True, "false": False, "true": True, "0,0": False, "1,0": True}
"""Names of the values of a field that says whether a label applies."""
VECTOR = re.compile(r"[01](?:[\s,;|]+[01]){2,}")
"""A 0 or 1 for each of three labels or more, without brackets: `0 1 0`."""


class UnusableRow(Exception):
    """A row that is left out, with the sort and the sentence for `Problems`."""

    def __init__(self, sort: str, sentence: str):
        super().__init__(sentence)
        self.sort = sort


def is_missing(value) -> bool:
    """Whether a field holds nothing, blanks only, or what is written for a missing value."""
    return value is None or (isinstance(value, str) and value.strip() in MISSING_TEXTS)


def check_column(row: Row, column: str | None, sort: str = "missing column") -> None:
    """Raise `UnusableRow` for a row without the column."""
    if column not in row.values:
        raise UnusableRow(sort, f"expected a column {column!r}, received {named(row.values)}")


def received(value) -> str:
    """What a value is, for a sentence: "a list", "bytes that are not UTF-8"."""
    return refusal(value) or f"a {type(value).__name__}"


def text_in(row: Row, column: str) -> str:
    """The text of a field; `UnusableRow` where there is none, or something else."""
    check_column(row, column)
    value = row.values[column]
    if is_missing(value):
        raise UnusableRow(
            "empty text", f"expected a text in column {column!r}, received an empty one"
        )
    if isinstance(value, list | tuple | Mapping):
        raise UnusableRow(
            "not a text", f"expected a text in column {column!r}, received {received(value)}"
        )
    return as_text(value)


def as_text(value) -> str:
    """A single value as text; whole numbers without a point, as a file has them."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def id_of(row: Row, column: str | None) -> str:
    """The example's name: of its column, or the number of its row."""
    value = None if column is None else row.values.get(column)
    return str(row.number) if is_missing(value) else label_name(value)


def label_name(value) -> str:
    """The name of a label: 4, 4.0, "4.0" and " 4" are "4"; True, "True" and "TRUE" are "true"."""
    name = as_text(value).strip()
    if name[-1:] in "eE" and name.lower() in ("true", "false"):
        return name.lower()
    whole = WHOLE.fullmatch(name) if name[-2:] in (".0", "00") else None
    return str(int(whole[1])) if whole else name


def label_in(value, column: str, form: NumberForm = USUAL) -> str:
    """The name of the one label of a field; `UnusableRow` for a list or dict.

    Args:
        form: of the column's numbers; with a decimal comma "1,0" is the label "1".
    """
    if items_in(value, column, "one label") is not None:
        raise UnusableRow(
            "not a label",
            f"expected one label in column {column!r}, received a list; several labels are of kind "
            "multi_label",
        )
    found = number(value, form) if form.decimal == "," else None
    return label_name(value if found is None else found)


def items_in(value, column: str, expected: str) -> list | None:
    """The items of a list in a field; None for a single value.

    Raises:
        UnusableRow: for a dict, a list in a list, or what cannot be read.
    """
    if isinstance(value, str) and value.rstrip()[-1:] not in CLOSING:
        return None
    items = as_list(value)
    found = [spelt(value)] if items is None else items
    wrong = next((one for one in found if isinstance(one, list | Mapping)), None)
    if wrong is not None:
        inside = "" if items is None else " in a list"
        raise UnusableRow(
            "not readable",
            f"expected {expected} in column {column!r}, received {received(wrong)}{inside}",
        )
    return items


def labels_of(value, column: str, separator: str) -> tuple[str, ...]:
    """The labels in a field: a list of names, or texts with the separator between.

    `labels_of("sport| news", "topic", "|")` is `("sport", "news")`.

    Raises:
        UnusableRow: for a list that is none of names, such as numbers with a fraction.
    """
    parts = items_in(value, column, "names of labels")
    if parts is None:
        text = as_text(value)
        if text[:1] == "[" and LIST_OF_WORDS.fullmatch(text.strip()):
            raise not_names(column, value)
        parts = text.split(separator)
    elif any(isinstance(part, float) and not part.is_integer() for part in parts):
        raise not_names(column, value)
    names = [label_name(part) for part in parts if not is_missing(part)]
    different = tuple(dict.fromkeys(names))
    if len(different) < len(names) and all(map(str.isdecimal, different)):
        raise not_names(column, value)
    return different


def not_names(column: str, value) -> UnusableRow:
    """The error for a list that is no set of names."""
    return UnusableRow(
        "not a list of labels",
        f'expected labels such as ["sport", "art"], or a 0 or 1 for each label in lists of one length, '
        f"in column {column!r}, received {value!r:.80}",
    )


def as_vector(value):
    """A text such as "0 1 0" as a list; any other value as it is."""
    is_vector = isinstance(value, str) and VECTOR.fullmatch(value.strip())
    return re.findall("[01]", value) if is_vector else value


def are_marks(values) -> bool:
    """Whether all are 0 or 1, or False or True."""
    return all(not isinstance(one, list | Mapping) and label_name(one) in MARKS for one in values)


def marked(values: Sequence, names: Sequence[str], place: str) -> tuple[str, ...]:
    """The labels that a 0 or 1 for each says to hold.

    `marked([0, 1.0, "True"], ["a", "b", "c"], "column 'labels'")` is `("b", "c")`.

    Raises:
        UnusableRow: for another number of values, or another value.
    """
    if len(values) != len(names):
        raise UnusableRow(
            "wrong number of labels",
            f"expected a 0 or 1 for each of {len(names)} labels in {place}, received {len(values)}",
        )
    marks = [MARKS.get(label_name(value)) for value in values]
    if None in marks:
        where = marks.index(None)
        raise UnusableRow(
            "neither 0 nor 1",
            f"expected 0 or 1 for the label {names[where]!r} in {place}, received {values[where]!r:.80}",
        )
    return tuple(name for name, holds in zip(names, marks, strict=True) if holds)


def number_of(value, column: str, value_range, form: NumberForm = USUAL) -> float:
    """The number in a field; `UnusableRow` where it is none, or out of range."""
    found = number(value, form)
    if found is None:
        raise UnusableRow(
            "not a number",
            f"expected a number such as {form.example} in column {column!r}, received {value!r:.80}",
        )
    if value_range is not None and not value_range[0] <= found <= value_range[1]:
        low, high = value_range
        raise UnusableRow(
            "number out of range",
            f"expected a number from {low:g} to {high:g} in column {column!r}, received {found:g}",
        )
    return found


def words_in(row: Row, column: str) -> tuple[str, ...]:
    """The words of a field: a list, or a text with blanks between."""
    value = row.values.get(column)
    if is_missing(value):
        return ()
    parts = items_in(value, column, "words")
    if parts is None:
        return tuple(as_text(value).split())
    if None in parts:
        raise UnusableRow(
            "missing word", f"expected a word at each position of column {column!r}, received none"
        )
    return tuple(as_text(part).strip() for part in parts)


def said_in(
    row: Row, column: str | None, start_column: str | None = None
) -> list[tuple[str, int | None]] | None:
    """(text, start or None) of every answer of a row; None where there is no such column.

    An answer is a text, {"text": ..., "answer_start": ...} (also with lists in it), or a list of these.
    """
    if column is None or column not in row.values:
        return None
    value = spelt(row.values[column])
    if refusal(value):
        raise UnusableRow(
            "not readable", f"expected answers in column {column!r}, received {refusal(value)}"
        )
    start = None if start_column is None else row.values.get(start_column)
    said = []
    for one in value if isinstance(value, list | tuple) else [value]:
        texts, starts = one, start
        if isinstance(one, Mapping):
            texts, starts = one.get("text"), one.get("answer_start", one.get("start"))
        texts = [texts] if as_list(texts) is None else as_list(texts)
        starts = as_list(starts) or [starts] * len(texts)
        said += [
            (as_text(text), whole_number(place))
            for text, place in zip(texts, starts, strict=False)
            if not is_missing(text)
        ]
    return said


def whole_number(value) -> int | None:
    """A whole number that stands in a field as such or as text; None for all else."""
    try:
        return int(label_name(value))
    except ValueError:
        return None


def choices_in(row: Row, columns: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """What each choice is called, and the choices; a list in one column, or a column for each."""
    if len(columns) > 1:
        there = [column for column in columns if not is_missing(row.values.get(column))]
        return there, tuple(as_text(row.values[column]) for column in there)
    value = spelt(row.values.get(columns[0]))
    names = None
    if isinstance(value, Mapping):
        names, value = as_list(value.get("label")), value.get("text")
    choices = tuple("" if one is None else as_text(one) for one in as_list(value) or ())
    return names or list(LETTERS[: len(choices)]), choices
