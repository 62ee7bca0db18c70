"""CSV and TSV as tables: rows of records, and whether the first of them holds names."""

import itertools
from collections.abc import Collection, Iterator

from keras_electra.errors import InputError
from keras_electra.tasks.headers import column_names, looks_like_names, numbered, repeated
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.text import text_lines
from keras_electra.tasks.values import Row

NUM_LOOKED_AT = 200
"""Rows that are looked at to tell whether the first line of a file holds names."""


def records_of(path, encoding: str, has_quotes: bool) -> Iterator[tuple[int, list[str] | str]]:
    """The records of a file, as of `csv_records`, or of `tsv_records` where it has no quotes."""
    # Imported here because it brings NumPy, without which this package is imported at once.
    from keras_electra.corpus.delimited import csv_records, tsv_records

    if not has_quotes:
        yield from tsv_records(text_lines(path, encoding))
        return
    try:
        yield from csv_records(text_lines(path, encoding, newline=""))
    except EOFError as error:
        raise InputError(
            f"{path}:{error}: expected a closing quote, received the end of the file"
        ) from error


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
