"""The first line of a table: whether it holds names of columns, and which."""

import collections
from collections.abc import Collection, Sequence

from keras_electra.errors import InputError
from keras_electra.tasks.numerals import is_number

MAX_NAME_CHARACTERS = 100
MAX_NAME_WORDS = 3
"""Words that the name of an only column may have; there, nothing else tells it from a text."""


def looks_like_names(
    fields: list[str], others: list[list[str]], known: Collection[str] = ()
) -> bool:
    """Whether the first record of a file holds names of columns, judged by itself and the next ones.

    `looks_like_names(["text", "label"], [["Fine.", "good"]])` is True, and False for
    `(["Slow.", "bad"], [["Fine.", "good"], ["Dull.", "bad"]])`, where "bad" occurs again.

    Args:
        fields: of the first record.
        others: the fields of the next ones.
        known: names that the table is expected to have; where one of them stands in the first record,
            it holds names.
    """
    names = [name.strip() for name in fields]
    if not set(names).isdisjoint(known):
        return True
    # Some may be empty: of the row numbers that a table was written with, or behind a last comma.
    if not any(names) or any(len(name) > MAX_NAME_CHARACTERS for name in names):
        return False
    if len(names) == 1 and is_sentence(names[0]):
        return False
    rows = [other for other in others if len(other) == len(fields)]
    columns = zip(*rows, strict=True) if rows else [()] * len(fields)
    return all(may_name(field, values) for field, values in zip(fields, columns, strict=True))


def is_sentence(text: str) -> bool:
    """Whether a text is too long for a name, or ends as a sentence does."""
    return len(text.split()) > MAX_NAME_WORDS or text.endswith(
        (".", "!", "?", "…", "。", "？", "！")
    )


def may_name(field: str, values: Sequence[str]) -> bool:
    """Whether the first field of a column may be its name: it does not occur again.

    A number is a name only above what is none: "0" and "1" above texts and labels.
    """
    if not field.strip():
        return True
    if field in values:
        return False
    there = [value for value in values if value.strip()]
    return not is_number(field) or (bool(there) and not any(map(is_number, there)))


def column_names(fields: list[str]) -> list[str]:
    """The names in a header; one that is empty gets its number."""
    return [name.strip() or number for name, number in zip(fields, numbered(fields), strict=True)]


def numbered(fields: list[str]) -> list[str]:
    """Names for columns without: "column 1" and so on."""
    return [f"column {number}" for number in range(1, 1 + len(fields))]


def repeated(names: Sequence[str]) -> frozenset[str]:
    """The names that several columns have."""
    counts = collections.Counter(names)
    return frozenset(name for name, count in counts.items() if count > 1)


def check_different(place: str, names: Sequence[str]) -> None:
    """Raise `InputError` where two columns have the same name."""
    double = next(iter(sorted(repeated(names))), None)
    if double is not None:
        raise InputError(f"{place}: expected different names of columns, received {double!r} twice")
