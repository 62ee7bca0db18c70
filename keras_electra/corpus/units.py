"""Units: pieces of a corpus that can be read alone, each by whichever process is free."""

import dataclasses
import functools
import hashlib
import operator
import os
from collections.abc import Iterable, Iterator
from typing import Self

from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus.archives import zip_entries
from keras_electra.corpus.columns import ParquetTable
from keras_electra.corpus.kinds import kind_of
from keras_electra.corpus.listing import File, files_of, refuse_none
from keras_electra.corpus.opening import STANDARD_INPUT, StoredFile, stored_kind
from keras_electra.corpus.problems import Problems
from keras_electra.corpus.ranges import can_be_cut
from keras_electra.corpus.sources import sources_of
from keras_electra.errors import InputError

UNIT_BYTES = 1 << 26
# An eighth of a unit, compressed, is worth a process that decompresses while others work.
SEQUENTIAL_SHARE = 8
MAX_SEQUENTIAL = 32
COMPRESSION_RATIO = 4
MAX_GROUP_FILES = 10_000
DEFAULTS = CorpusConfig()


@dataclasses.dataclass(frozen=True)
class Unit:
    """A piece of work: whole documents that can be read without anything else.

    Attributes:
        paths: one file, or several small ones in order; for what is no file, what it is called.
        start, stop: the part of a single file: bytes of a text or JSON Lines file, row groups of a
            Parquet file, members of a zip archive; `stop` None is the end.
        num_bytes: stored bytes of the part; None where they are not known before reading.
        source_index: which of the sources it belongs to.
        is_sequential: True if it must be read from its beginning to its end; see `blocks`.
        stamp: differs after a file was changed.
        content: what there is to read, where that is no file; not a part of `to_dict`.
    """

    paths: tuple[str, ...]
    start: int = 0
    stop: int | None = None
    num_bytes: int | None = None
    source_index: int = 0
    is_sequential: bool = False
    stamp: str = ""
    content: object = dataclasses.field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """What error sentences and progress call it."""
        first, *more = self.paths
        if more:
            return f"{first} and {len(more)} more"
        if self.start == 0 and self.stop is None:
            return first
        return f"{first} [{self.start}:{'' if self.stop is None else self.stop}]"

    def to_dict(self) -> dict:
        """JSON-ready values."""
        fields = dataclasses.fields(self)
        return {
            **{field.name: getattr(self, field.name) for field in fields if field.compare},
            "paths": list(self.paths),
        }

    @classmethod
    def from_dict(cls, values: dict) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{**values, "paths": tuple(values["paths"])})


def units(
    sources,
    config: CorpusConfig = DEFAULTS,
    problems: Problems | None = None,
    unit_bytes: int = UNIT_BYTES,
) -> list[Unit]:
    """Divide a corpus into units; the division depends on the files and settings only.

    Args:
        sources: one path, a list of paths, an iterable of texts, a `Source`, a `datasets` object, or a
            list of such; see `files_or_texts`.
        config: encoding, text column, what is done about links and damaged files.
        problems: receives what was passed over.
        unit_bytes: bytes of a text file in one unit, about; at least 8.

    Raises:
        InputError: if a source is missing or holds no file, or a Parquet file has no such column.
    """
    problems = Problems() if problems is None else problems
    sources = sources_of(sources)
    found, seen = [], set()
    for index, source in enumerate(sources):
        if not source.is_path:
            found.append(Unit((source.name,), 0, None, None, index, True, content=source.path))
        elif os.fspath(source.path) == STANDARD_INPUT:
            found.append(Unit((STANDARD_INPUT,), 0, None, None, index, True))
        else:
            files = files_of(os.fspath(source.path), config, problems)
            refuse_none(files, [source.name], problems.counts.get("link", 0))
            new = {}
            for file in files:
                if file.identity not in seen:
                    new.setdefault(file.identity, file)
            seen.update(new)
            found.extend(Divider(index, config, unit_bytes).divide(list(new.values())))
    refuse_none(found, [])
    return in_parallel(found, unit_bytes)


def in_parallel(found: list[Unit], unit_bytes: int) -> list[Unit]:
    """The same; where there are many files to be read in order, each is read by one process."""
    files = [unit for unit in found if unit.is_sequential and unit.num_bytes is not None]
    if len(files) < MAX_SEQUENTIAL:
        return found
    return [
        dataclasses.replace(unit, is_sequential=False)
        if unit.is_sequential and unit.num_bytes is not None
        else unit
        for unit in found
    ]


class Divider:
    """Divides the files of one source: large ones into ranges, small ones gathered in groups."""

    def __init__(self, source_index: int, config: CorpusConfig, unit_bytes: int):
        self._source_index, self._config, self._unit_bytes = source_index, config, unit_bytes

    def divide(self, files: list[File]) -> Iterator[Unit]:
        """The units of these files, in order."""
        group, group_bytes = [], 0
        for file in files:
            num_bytes = text_bytes(file)
            is_full = group_bytes + num_bytes > self._unit_bytes or len(group) == MAX_GROUP_FILES
            if group and (is_full or self._stands_alone(file)):
                yield self._unit(group)
                group, group_bytes = [], 0
            if self._stands_alone(file):
                yield from self._alone(file)
            else:
                group.append(file)
                group_bytes += num_bytes
        if group:
            yield self._unit(group)

    def _stands_alone(self, file: File) -> bool:
        if file.size is None or file.size >= self._unit_bytes:
            return True
        return self._is_sequential(file)

    def _is_sequential(self, file: File) -> bool:
        if file.size is None:
            return True
        is_large = file.size >= self._unit_bytes // SEQUENTIAL_SHARE
        return is_large and (stored_kind(file.path).must_be_read_in_order or not file.can_seek)

    def _alone(self, file: File) -> Iterator[Unit]:
        kind = stored_kind(file.path)
        if self._is_sequential(file):
            yield self._unit([file], is_sequential=True)
        elif kind.can_be_cut and can_be_cut(self._config.encoding):
            yield from self._parts(file, byte_borders(file.size, self._unit_bytes))
        elif kind == ("parquet", None):
            yield from self._parts_of_size(file, self._parquet_sizes)
        elif kind == ("zip", None):
            yield from self._parts_of_size(file, self._zip_sizes)
        else:
            yield self._unit([file])

    def _parts_of_size(self, file: File, sizes_in) -> Iterator[Unit]:
        try:
            with StoredFile(file.path, seeks=True) as stored:
                sizes = sizes_in(stored)
        except InputError:
            if self._config.damaged_files == "stop":
                raise
            # Whoever reads it will say so.
            yield self._unit([file])
            return
        yield from self._parts(file, group_borders(sizes, self._unit_bytes))

    def _parquet_sizes(self, stored: StoredFile) -> list[int]:
        return ParquetTable(
            stored.seekable_file, stored.name, self._config, Problems()
        ).group_bytes()

    def _zip_sizes(self, stored: StoredFile) -> list[int]:
        is_strict = self._config.damaged_files == "stop"
        archive, entries = zip_entries(stored.seekable_file, stored.name, Problems(), is_strict)
        with archive:
            return [entry.compress_size for entry in entries]

    def _parts(self, file: File, borders: list[tuple[int, int | None, int]]) -> Iterator[Unit]:
        for start, stop, num_bytes in borders:
            yield dataclasses.replace(
                self._unit([file]), start=start, stop=stop, num_bytes=num_bytes
            )

    def _unit(self, files: list[File], is_sequential: bool = False) -> Unit:
        sizes = [file.size for file in files]
        return Unit(
            tuple(file.path for file in files),
            num_bytes=None if None in sizes else sum(sizes),
            source_index=self._source_index,
            is_sequential=is_sequential,
            stamp=together(stamp_of(file) for file in files),
        )


def stamp_of(file: File) -> str:
    """Sixteen hexadecimal digits that are others after a file was changed."""
    known = repr((file.path, file.size, file.stamp))
    return hashlib.blake2b(known.encode(), digest_size=8).hexdigest()


def together(stamps: Iterable[str]) -> str:
    """One stamp of several, the same in whatever order and groups they are put together.

    >>> together(["00ff", together(["0f0f", "0001"])])
    '0000000000000ff1'
    """
    return f"{functools.reduce(operator.xor, (int(stamp, 16) for stamp in stamps), 0):016x}"


def text_bytes(file: File) -> int:
    """About how many bytes of text a file holds."""
    return (file.size or 0) * (COMPRESSION_RATIO if kind_of(file.path).compression else 1)


def byte_borders(size: int, unit_bytes: int) -> list[tuple[int, int | None, int]]:
    """Start, stop and bytes of the ranges of a file; the last has up to twice as many.

    >>> byte_borders(250, 100)
    [(0, 100, 100), (100, None, 150)]
    """
    starts = [index * unit_bytes for index in range(max(1, size // unit_bytes))]
    stops = [*starts[1:], None]
    return [
        (start, stop, (size if stop is None else stop) - start)
        for start, stop in zip(starts, stops, strict=True)
    ]


def group_borders(sizes: list[int], unit_bytes: int) -> list[tuple[int, int | None, int]]:
    """Start, stop and bytes of runs of items that have about `unit_bytes` together.

    >>> group_borders([60, 60, 10, 10], 100)
    [(0, 1, 60), (1, None, 80)]
    """
    borders, start, num_bytes = [], 0, 0
    for place, size in enumerate(sizes):
        if num_bytes and num_bytes + size > unit_bytes:
            borders.append((start, place, num_bytes))
            start, num_bytes = place, 0
        num_bytes += size
    return [*borders, (start, None, num_bytes)]
