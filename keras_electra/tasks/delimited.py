"""CSV and TSV: records of fields, and whether the first of them holds names."""

import csv
import itertools
from collections.abc import Iterator, Sequence

from keras_electra.errors import InputError
from keras_electra.tasks.task import Problems
from keras_electra.tasks.text import text_lines
from keras_electra.tasks.values import Row, is_number

NUM_LOOKED_AT = 200
"""Rows that are looked at to tell whether the first line of a file holds names."""
MAX_NAME_CHARACTERS = 100
MAX_FIELD_CHARACTERS = 2**31 - 1
DELIMITERS = (",", ";", "\t")

Record = tuple[int, list[str]]


def tsv_records(path, encoding: str = "utf-8") -> Iterator[Record]:
    """(line, fields) of every line that is not empty; no quoting, and only "\\n" ends a line."""
    for number, line in enumerate(text_lines(path, encoding), 1):
        line = line.rstrip("\r\n")
        if line:
            yield number, line.split("\t")


def csv_records(path, encoding: str = "utf-8") -> Iterator[Record | tuple[int, str]]:
    """(first line, fields) of every record; (first line, sentence) of one with wrong quotes."""
    lines = text_lines(path, encoding, newline="")
    first = next(lines, "")
    commas, *others = (first.count(sign) for sign in DELIMITERS)
    delimiter = "," if commas or not any(others) else DELIMITERS[1:][others.index(max(others))]
    reader = csv.reader(itertools.chain([first], lines), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        fields = next_record(reader, path, line)
        if fields is None:
            return
        if fields:
            yield line, fields


def next_record(reader, path, line: int) -> list[str] | str | None:
    """The next fields, a sentence where their quotes are wrong, or None at the end."""
    # The limit is one for the whole process, and is put back before anyone else can need it.
    limit = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    try:
        return next(reader, None)
    except csv.Error as error:
        if "unexpected end" not in str(error):
            return f"expected quotes around a whole field, received others ({error})"
        raise InputError(
            f"{path}:{line}: expected a closing quote, received the end of the file"
        ) from error
    finally:
        csv.field_size_limit(limit)


def delimited_rows(path, records, problems: Problems, has_header: bool | None) -> Iterator[Row]:
    """Rows of records; the first record gives the names, or is found to be a row."""
    first = list(itertools.islice(records, 1 + NUM_LOOKED_AT))
    if not first:
        raise InputError(f"{path}: expected a table, received an empty file")
    line, fields = first[0]
    if isinstance(fields, str):
        raise InputError(f"{path}:{line}: {fields}")
    others = [fields for _, fields in first[1:] if not isinstance(fields, str)]
    if has_header is None:
        has_header = looks_like_names(fields, others)
    names = column_names(path, fields) if has_header else numbered(fields)
    records = itertools.chain(first[has_header:], records)
    for number, (line, fields) in enumerate(records):
        place = f"{path}:{line}"
        if isinstance(fields, str):
            problems.add("wrong quotes", f"{place}: {fields}")
        elif len(fields) != len(names):
            problems.add(
                "wrong number of columns",
                f"{place}: expected {len(names)} columns, received {len(fields)}",
            )
        else:
            yield Row(place, dict(zip(names, fields, strict=True)), number)


def looks_like_names(fields: list[str], others: list[list[str]]) -> bool:
    """Whether the first record of a file holds names of columns, judged by itself and the next ones.

    `looks_like_names(["text", "label"], [["Fine.", "good"]])` is True, and False for
    `(["Slow.", "bad"], [["Fine.", "good"], ["Dull.", "bad"]])`, where "bad" occurs again.
    """
    names = [name.strip() for name in fields]
    # Only the first name may be missing: tables written with their row numbers are like that.
    if len(set(names)) < len(names) or not all(names[1:]):
        return False
    if any(is_number(name) or len(name) > MAX_NAME_CHARACTERS for name in names):
        return False
    columns = zip(*(other for other in others if len(other) == len(fields)), strict=True)
    return not any(
        name in values for name, values in zip(fields, columns, strict=False) if name.strip()
    )


def column_names(path, fields: list[str]) -> list[str]:
    """The names in a header, checked; one that is empty gets its number."""
    names = [name.strip() or number for name, number in zip(fields, numbered(fields), strict=True)]
    check_different(f"{path}:1", names)
    return names


def numbered(fields: list[str]) -> list[str]:
    """Names for columns without: "column 1" and so on."""
    return [f"column {number}" for number in range(1, 1 + len(fields))]


def check_different(place: str, names: Sequence[str]) -> None:
    """Raise `InputError` where two columns have the same name."""
    double = next((name for name in names if list(names).count(name) > 1), None)
    if double is not None:
        raise InputError(f"{place}: expected different names of columns, received {double!r} twice")
