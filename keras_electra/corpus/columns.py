"""Records of Parquet and Arrow files and of `datasets` objects: the text of each, in order."""

import contextlib
from collections.abc import Iterator

from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus.opening import OnRead
from keras_electra.corpus.problems import Problems
from keras_electra.corpus.tables import chosen_column, shown
from keras_electra.errors import InputError, MissingExtraError

BATCH_BYTES = 1 << 22
MAX_BATCH_ROWS = 1024
BUFFER_BYTES = 1 << 20
FILE_MAGIC = b"ARROW1"


def arrow():
    """The library; imported when the first such file is met."""
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError("reading Parquet and Arrow files", "data") from error
    return pyarrow


@contextlib.contextmanager
def reading(name: str, what: str):
    """Turn the library's errors into one sentence about the file."""
    try:
        yield
    except (InputError, MissingExtraError):
        raise
    except (OSError, ValueError, arrow().ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{name}: expected a whole {what} file, received: {reason}") from error


class ParquetTable:
    """The text column of a Parquet file.

    Args:
        file: seekable.
        name: what error sentences call it.
        config: the column that holds the text.
        problems: receives a note if another column is taken.

    Raises:
        InputError: if the file is damaged, or has no such column of strings.
    """

    def __init__(self, file, name: str, config: CorpusConfig, problems: Problems):
        arrow()
        from pyarrow import parquet

        self._name = name
        with reading(name, "Parquet"):
            # With a buffer, a page at a time is read; else a whole column of a row group is.
            self._file = parquet.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False)
            self._column = text_column(self._file.schema_arrow, name, config, problems)
            paths = map(self._file.schema.column, range(self._file.metadata.num_columns))
            self._place = [column.path for column in paths].index(self._column)

    def group_bytes(self) -> list[int]:
        """Stored bytes of the column in each row group."""
        return [chunk.total_compressed_size for chunk in self._chunks()]

    def _chunks(self):
        metadata = self._file.metadata
        for group in range(metadata.num_row_groups):
            yield metadata.row_group(group).column(self._place)

    def texts(self, start: int, stop: int | None, on_read: OnRead | None) -> Iterator[str]:
        """The texts of row groups `start` to `stop`; "" where there is none."""
        for group, chunk in list(enumerate(self._chunks()))[start:stop]:
            row_bytes = chunk.total_uncompressed_size / max(1, chunk.num_values)
            batches = self._file.iter_batches(
                batch_size=int(min(MAX_BATCH_ROWS, max(1, BATCH_BYTES // max(1, row_bytes)))),
                row_groups=[group],
                columns=[self._column],
                use_threads=False,
            )
            with reading(self._name, "Parquet"):
                for batch in batches:
                    yield from map(text_or_nothing, batch.column(0).to_pylist())
            if on_read:
                on_read(chunk.total_compressed_size)


class ArrowTable:
    """The text column of an Arrow file or stream, as `datasets` keeps them in its folders."""

    def __init__(self, file, name: str, config: CorpusConfig, problems: Problems):
        pa = arrow()
        self._file, self._name = pa.PythonFile(file, mode="r"), name
        with reading(name, "Arrow"):
            self._is_file = self._file.read(len(FILE_MAGIC)) == FILE_MAGIC
            schema = self._open(None).schema
            self._column = text_column(schema, name, config, problems)
            self._place = schema.get_field_index(self._column)

    def _open(self, fields: list[int] | None):
        pa = arrow()
        self._file.seek(0)
        options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=fields)
        if self._is_file:
            return pa.ipc.open_file(self._file, options=options)
        return pa.ipc.open_stream(self._file, options=options)

    def texts(self, on_read: OnRead | None) -> Iterator[str]:
        """The texts of all records; "" where there is none."""
        with reading(self._name, "Arrow"):
            reader = self._open([self._place])
            numbers = range(reader.num_record_batches if self._is_file else 0)
            for batch in map(reader.get_batch, numbers) if self._is_file else reader:
                for start in range(0, batch.num_rows, MAX_BATCH_ROWS):
                    some = batch.column(0).slice(start, MAX_BATCH_ROWS)
                    # Arrow files have no check sums; wrong offsets are told before they are used.
                    some.validate(full=True)
                    yield from map(text_or_nothing, some.to_pylist())
            if on_read:
                on_read(self._file.size())


def text_or_nothing(value: str | None) -> str:
    return value or ""


def text_column(schema, name: str, config: CorpusConfig, problems: Problems) -> str:
    """The name of the column to read, which holds strings."""
    types = arrow().types
    is_string = {field.name: is_string_type(types, field.type) for field in schema}
    strings = [column for column, holds in is_string.items() if holds]
    column = chosen_column(list(is_string), strings, name, config, problems)
    if not is_string[column]:
        kind = schema.field(column).type
        raise InputError(f"{name}: expected strings in the column {column!r}, received {kind}")
    return column


def is_string_type(types, kind) -> bool:
    if types.is_dictionary(kind):
        kind = kind.value_type
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def is_dataset(source) -> bool:
    """Whether this is a table of the `datasets` library, told without importing it."""
    # A column of one, which is a sequence of texts, comes from the same library.
    return hasattr(type(source), "column_names") and any(
        kind.__module__.partition(".")[0] == "datasets" for kind in type(source).__mro__
    )


def dataset_texts(dataset, config: CorpusConfig, problems: Problems) -> Iterator[str]:
    """The texts of a `Dataset`, `IterableDataset`, or the training split of a dict of them.

    Raises:
        InputError: if there is no such column, or it holds something else than text.
    """
    name = type(dataset).__name__
    if isinstance(dataset, dict):
        dataset = chosen_split(dataset, name, problems)
    column = None
    if dataset.column_names is not None:
        features = dataset.features or {}
        strings = [key for key, kind in features.items() if is_text_feature(kind)]
        column = chosen_column(dataset.column_names, strings, name, config, problems)
    for number, record in enumerate(rows_of(dataset, column)):
        if column is None:
            strings = [key for key, value in record.items() if isinstance(value, str)]
            column = chosen_column(list(record), strings, name, config, problems)
        text = record.get(column)
        if text is not None and not isinstance(text, str):
            raise InputError(
                f"{name}: expected text in {column!r} of record {number}, received {shown(text)}"
            )
        yield text or ""


def rows_of(dataset, column: str | None) -> Iterator[dict]:
    """The records, of a `Dataset` with the one column only."""
    if column is None or not hasattr(dataset, "with_format") or not hasattr(dataset, "__len__"):
        yield from dataset
        return
    batches = dataset.select_columns([column]).with_format("arrow").iter(batch_size=MAX_BATCH_ROWS)
    for table in batches:
        yield from table.to_pylist()


def is_text_feature(feature) -> bool:
    return getattr(feature, "dtype", None) in ("string", "large_string")


def chosen_split(splits: dict, name: str, problems: Problems):
    """The split to read: the only one, or the one for training."""
    if len(splits) == 1:
        return next(iter(splits.values()))
    if "train" not in splits:
        names = ", ".join(map(str, splits)) or "none"
        raise InputError(f"{name}: expected one split, or one called 'train', received {names}")
    others = ", ".join(split for split in splits if split != "train")
    problems.add("note", f"{name}: the split 'train' was read, and not {others}")
    return splits["train"]
