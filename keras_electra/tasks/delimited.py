"""CSV and TSV: records of fields, and whether the first of them holds names."""

import csv
import itertools
from collections.abc import Collection, Iterator

from keras_electra.errors import InputError
from keras_electra.tasks.headers import column_names, looks_like_names, numbered, repeated
from keras_electra.tasks.task import Problems
from keras_electra.tasks.text import text_lines
from keras_electra.tasks.values import Row

NUM_LOOKED_AT = 200
"""Rows that are looked at to tell whether the first line of a file holds names."""
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


def delimited_rows(
    path, records, problems: Problems, has_header: bool | None, known: Collection[str] = ()
) -> Iterator[Row]:
    """Rows of records; the first record gives the names, or is found to be a row.

    Args:
        has_header, known: as of `tables.rows`.
    """
    first = list(itertools.islice(records, 1 + NUM_LOOKED_AT))
    if not first:
        raise InputError(f"{path}: expected a table, received an empty file")
    line, fields = first[0]
    if isinstance(fields, str):
        raise InputError(f"{path}:{line}: {fields}")
    others = [fields for _, fields in first[1:] if not isinstance(fields, str)]
    if has_header is None:
        has_header = looks_like_names(fields, others, known)
    names = column_names(fields) if has_header else numbered(fields)
    twice = repeated(names)
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
            yield Row(place, dict(zip(names, fields, strict=True)), number, twice)
