"""Rows of Parquet and Arrow files and of folders that `datasets` saved, class labels by their names."""

import contextlib
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence

from keras_electra.errors import InputError, MissingExtraError
from keras_electra.foreign_files import refuse_pointer
from keras_electra.tasks.folders import DATASET_STATE
from keras_electra.tasks.values import UNREADABLE, Row, plain

BATCH_ROWS = 4096
FILE_MAGIC = b"ARROW1"


@contextlib.contextmanager
def reading(path, what: str):
    """Yields pyarrow, and turns its errors into one sentence about the file."""
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError(f"reading {what}", "data") from error
    refuse_pointer(path)
    try:
        yield pyarrow
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: expected {what}, received: {error}") from error


def parquet_rows(path) -> Iterator[Row]:
    """The rows of a Parquet file, some thousand at a time."""
    with reading(path, "a Parquet file"):
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            batches = file.iter_batches(batch_size=BATCH_ROWS)
            yield from rows_of(batches, file.schema_arrow, path)


def arrow_rows(path) -> Iterator[Row]:
    """The rows of an Arrow file or stream."""
    with reading(path, "an Arrow file") as pa, pa.memory_map(str(path)) as file:
        is_file = file.read(len(FILE_MAGIC)) == FILE_MAGIC
        file.seek(0)
        source = pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file)
        numbers = range(source.num_record_batches if is_file else 0)
        batches = map(source.get_batch, numbers) if is_file else source
        parts = (
            batch.slice(start, BATCH_ROWS)
            for batch in batches
            for start in range(0, batch.num_rows, BATCH_ROWS)
        )
        yield from rows_of(parts, source.schema, path)


def saved_files(folder) -> list[pathlib.Path]:
    """The Arrow files of a folder that `datasets` saved, in order; `InputError` if none is named."""
    state = pathlib.Path(folder) / DATASET_STATE
    try:
        content = json.loads(state.read_text(encoding="utf-8"))
        return [state.parent / one["filename"] for one in content["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{state}: expected the record of a folder that datasets saved, received: {error!r}"
        ) from error


def rows_of(batches, schema, path) -> Iterator[Row]:
    """The rows of record batches; numbers of class labels become their names."""
    names_of, number = class_names(schema.metadata), 0
    for batch in batches:
        for values in batch.to_pylist():
            for column in names_of.keys() & values.keys():
                values[column] = label_names(values[column], names_of[column])
            yield Row(f"{path}: row {number + 1}", plain(values), number)
            number += 1


def class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """Column -> names of its class labels, as `datasets` notes them in what it writes."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    found = {}
    for column, feature in features.items():
        # Of a list of labels the feature lies inside, directly or as the only item of a list.
        inside = feature[0] if isinstance(feature, list) else feature
        inside = inside.get("feature", inside)
        if isinstance(inside, Mapping) and inside.get("_type") == "ClassLabel":
            found[column] = inside["names"]
    return {column: names for column, names in found.items() if names}


def label_names(value, names: Sequence[str]):
    """The name of a number, or of each in a list; None for -1, which stands for not known.

    A number may be a float or a text; other texts stay. One without a name is not readable.
    """
    if isinstance(value, list | tuple):
        return [label_names(one, names) for one in value]
    if isinstance(value, str) and value.isdecimal() and value not in names:
        value = int(value)
    if not isinstance(value, int | float):
        return value
    if value < 0:
        return None
    if value not in range(len(names)):
        return {UNREADABLE: f"the class number {value}, where names are given for {len(names)}"}
    return names[int(value)]
