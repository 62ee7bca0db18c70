"""Tables of any form, row by row: files of CSV, TSV, JSON lines, JSON or Parquet, and tables in memory."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from keras_electra.errors import InputError
from keras_electra.tasks.arrow_tables import arrow_rows, label_names, parquet_rows, saved_files
from keras_electra.tasks.delimited import delimited_rows, records_of
from keras_electra.tasks.folders import Shards, is_dataset_folder
from keras_electra.tasks.headers import check_different
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.text import named, suffix_of, text_lines
from keras_electra.tasks.text_tables import fasttext_rows, table_form
from keras_electra.tasks.values import Row, from_json, parsed, plain

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".arrow")


def rows(
    data,
    problems: Problems,
    *,
    encoding: str = "utf-8",
    has_header: bool | None = None,
    known: Collection[str] = (),
) -> Iterator[Row]:
    """The rows of one table, one after the other; files are not held in memory, except JSON.

    A file `stars.tsv` of the lines "review⇥stars" and "Slow.⇥2" gives the one row
    `Row("stars.tsv:2", {"review": "Slow.", "stars": "2"}, 0)`.

    Args:
        data: path of a file .csv, .tsv, .jsonl (.ndjson), .json (a list of objects, also
            as {"data": [...]}, or lines of them), .parquet or .arrow, the text ones also as .gz, .bz2,
            .xz or .zst; .txt or no ending, as `table_form` finds; `Shards` of such; a folder that
            `datasets` saved; or a pandas DataFrame, a list of dicts or a
            `datasets.Dataset`, whose class labels become their names. In a TSV file quotes are
            ordinary signs, and fields hold neither tabs nor line ends.
        problems: told of rows with the wrong number of columns, and of broken ones.
        encoding: of text files.
        has_header: whether the first line of a CSV or TSV file holds the names of the columns; None to
            look: then none of its fields occurs again in its column, and none is a number above other
            numbers. A column without a name is called by its number, such as "column 2".
        known: names that columns are expected to have: where one of them stands in the first line of
            such a file, and `has_header` is None, it holds the names.

    Raises:
        InputError: if the table is missing, empty, of another encoding or of an unknown form.
        MissingExtraError: for Parquet without pyarrow.
    """
    if isinstance(data, Shards) or is_saved(data):
        files = data if isinstance(data, Shards) else saved_files(data)
        reading = {"encoding": encoding, "has_header": has_header, "known": known}
        return joined(files, problems, **reading)
    if not isinstance(data, str | os.PathLike):
        return rows_in_memory(data)
    suffix = suffix_of(data)
    if suffix == ".csv":
        return delimited_rows(data, records_of(data, encoding, True), problems, has_header, known)
    if suffix == ".tsv":
        return delimited_rows(data, records_of(data, encoding, False), problems, has_header, known)
    if suffix in (".jsonl", ".ndjson"):
        return json_lines(data, problems, encoding)
    if suffix == ".json":
        return json_rows(data, problems, encoding)
    if suffix == ".parquet":
        return parquet_rows(data)
    if suffix == ".arrow":
        return arrow_rows(data)
    form = table_form(data, encoding) if suffix in ("", ".txt") else None
    if form == "json lines":
        return json_lines(data, problems, encoding)
    if form == "fasttext":
        return fasttext_rows(data, problems, encoding)
    if form is not None:
        records = records_of(data, encoding, has_quotes=form == "csv")
        return delimited_rows(data, records, problems, has_header, known)
    raise InputError(f"{data}: expected a file {', '.join(TABLE_SUFFIXES)}, received {suffix!r}")


def is_saved(data) -> bool:
    """Whether this is the folder of a table that `datasets` saved."""
    return isinstance(data, str | os.PathLike) and is_dataset_folder(data)


def json_lines(path, problems: Problems, encoding: str = "utf-8") -> Iterator[Row]:
    """A row per line that holds a JSON object; others are problems, empty lines nothing."""
    number = -1
    for line_number, line in enumerate(text_lines(path, encoding), 1):
        if not line.strip():
            continue
        number += 1
        place = f"{path}:{line_number}"
        try:
            value = from_json(line)
        except ValueError:
            problems.add("not JSON", f"{place}: expected a JSON object, received {line[:40]!r}")
            continue
        if isinstance(value, dict):
            yield Row(place, value, number)
        else:
            problems.add("not JSON", f"{place}: expected a JSON object, received {line[:40]!r}")
    if number < 0:
        raise InputError(f"{path}: expected JSON objects, received an empty file")


def json_rows(path, problems: Problems, encoding: str = "utf-8") -> Iterator[Row]:
    """The rows of a list of objects, alone or as "data", which is read whole; or of lines of objects."""
    filled = (line for line in text_lines(path, encoding) if line.strip())
    first, has_more = next(filled, ""), next(filled, None) is not None
    value = parsed(first)
    refuse_columns(path, value)
    are_lines = isinstance(value, dict) and not is_list_of_objects(value.get("data"))
    if are_lines and (has_more or not holds_columns(value)):
        yield from json_lines(path, problems, encoding)
        return
    value = read_json(path, encoding)
    refuse_columns(path, value)
    if holds_columns(value):
        value = [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
    elif isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    if not isinstance(value, list):
        raise InputError(
            f"{path}: expected a list of objects, or one called 'data', received "
            f"{type(value).__name__}"
        )
    for number, one in enumerate(value):
        place = f"{path}: row {number + 1}"
        if isinstance(one, dict):
            yield Row(place, one, number)
        else:
            problems.add("not JSON", f"{place}: expected a JSON object, received {one!r:.40}")


def refuse_columns(path, value) -> None:
    """Raise `InputError` for an object that holds a whole table, as pandas writes it by default."""
    inside = list(value.values()) if isinstance(value, dict) else []
    are_columns = len(inside) > 1 and all(isinstance(one, dict) for one in inside)
    if (are_columns and all(one.keys() == inside[0].keys() for one in inside)) or (
        inside and {*value} == {"columns", "index", "data"}
    ):
        raise InputError(
            f"{path}: expected a list of objects, one for each row, received an object of "
            f"{named(value)} that holds the whole table; write it with to_json(orient='records')"
        )


def holds_columns(value) -> bool:
    """Whether an object holds a table as lists of equal length, one of them of texts of several words.

    A row of words and tags has lists too, but none of texts.
    """
    columns = list(value.values()) if isinstance(value, dict) else []
    are_lists = len(columns) > 1 and all(isinstance(one, list) for one in columns)
    if not are_lists or len({len(one) for one in columns}) > 1:
        return False
    return any(
        one and all(isinstance(item, str) and len(item.split()) > 1 for item in one)
        for one in columns
    )


def is_list_of_objects(value) -> bool:
    """Whether a value is a list that begins with an object."""
    return isinstance(value, list) and isinstance(next(iter(value), None), dict)


def read_json(path, encoding: str = "utf-8"):
    """The value that a JSON file holds; `InputError` if it is none."""
    try:
        return from_json("".join(text_lines(path, encoding)))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: expected JSON, received something else: {error}") from error


def joined(files: Iterable, problems: Problems, **reading) -> Iterator[Row]:
    """The rows of files that are one table together; arguments as of `rows`."""
    start = 0
    for file in files:
        number = -1
        for row in rows(file, problems, **reading):
            number = row.number
            yield row._replace(number=start + number)
        start += number + 1


def rows_in_memory(data) -> Iterator[Row]:
    """The rows of a DataFrame, a sequence of dicts or a `datasets.Dataset`."""
    if hasattr(data, "itertuples") and hasattr(data, "columns"):
        names = [str(name) for name in data.columns]
        check_different("table", names)
        records = (
            dict(zip(names, values, strict=True))
            for values in data.itertuples(index=False, name=None)
        )
    elif hasattr(data, "features"):
        records = with_label_names(unformatted(data))
    elif isinstance(data, Sequence) and not isinstance(data, str | bytes):
        records = data
    else:
        raise InputError(
            "data: expected the path of a table, a DataFrame, a list of dicts or a datasets object, "
            f"received {type(data).__name__}"
        )
    for number, values in enumerate(records):
        if not isinstance(values, Mapping):
            raise InputError(f"row {number + 1}: expected a dict, received {type(values).__name__}")
        yield Row(f"row {number + 1}", plain(values), number)


def unformatted(dataset):
    """A `datasets` object that gives Python's values, whatever `set_format` says; its transform stays."""
    is_custom = getattr(dataset, "format", {}).get("type") == "custom"
    return dataset if is_custom else dataset.with_format(None)


def with_label_names(dataset) -> Iterator[dict]:
    """The rows of a `datasets` object, numbers of class labels (also in lists) as their names."""
    names_of = {}
    for column, feature in (dataset.features or {}).items():
        names = getattr(feature, "names", None) or getattr(
            getattr(feature, "feature", None), "names", None
        )
        if names:
            names_of[column] = names
    for values in dataset:
        yield {
            column: label_names(plain(value), names_of[column]) if column in names_of else value
            for column, value in values.items()
        }
