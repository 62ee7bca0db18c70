"""What is in a unit: the layers of archives and compression, taken off one after the other."""

import io
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus import archives, columns, tables
from keras_electra.corpus.compression import Decompressed
from keras_electra.corpus.documents import DocumentMarker, Marked, mark_record
from keras_electra.corpus.kinds import (
    MAGIC,
    NEED_SEEKING,
    TABLES,
    Kind,
    kind_of,
    looked_into,
)
from keras_electra.corpus.opening import (
    HEAD_BYTES,
    STANDARD_INPUT,
    OnRead,
    Part,
    Peeked,
    StoredFile,
    read_exactly,
    stored_kind,
)
from keras_electra.corpus.problems import Problems
from keras_electra.corpus.ranges import cut
from keras_electra.corpus.text import read_lines
from keras_electra.corpus.units import Unit
from keras_electra.errors import InputError

MAX_MEMBER_BYTES = 1 << 23
MAX_HELD_BYTES = 1 << 26
MAX_DEPTH = 4
MAX_RECORDS = 1000


class Place(NamedTuple):
    """Where a stream lies.

    Attributes:
        name: what error sentences call it.
        depth: how many archives it lies in.
        is_whole: whether a text there is one document, as in OpenWebText: in an archive that lies
            in an archive, or in a compressed one whose name does not say that it is one.
    """

    name: str
    depth: int = 0
    is_whole: bool = False


class Stored(NamedTuple):
    """A member of an archive, taken out whole but not read yet."""

    place: Place
    data: bytes


class Block(NamedTuple):
    """What a unit made of a stream holds: lines with their marks, or members of an archive."""

    lines: Marked
    members: tuple[Stored, ...] = ()


class ContentReader:
    """Reads units with one configuration.

    Args:
        config: the reading options.
        problems: receives what was passed over.
        on_read: called with the number of stored bytes of every block read.
    """

    def __init__(self, config: CorpusConfig, problems: Problems, on_read: OnRead | None):
        self._config, self._problems = config, problems
        self._on_read = on_read or (lambda num_bytes: None)
        self._is_strict = config.damaged_files == "stop"

    def of_unit(self, unit: Unit) -> Iterator[Marked | Stored]:
        """Lines with marks, and small members of archives as they are, in order."""
        if isinstance(unit.content, Block):
            yield unit.content.lines
            yield from unit.content.members
        elif unit.content is not None:
            yield from self._guarded(self._of_object(unit.content, unit.paths[0]))
        else:
            for path in unit.paths:
                yield from self._guarded(self._of_path(path, unit))

    def of_stored(self, stored: Stored) -> Iterator[Marked]:
        """Lines with marks."""
        file = io.BytesIO(stored.data)
        for item in self._guarded(self._of_stream(file, stored.place)):
            if isinstance(item, Stored):
                yield from self.of_stored(item)
            else:
                yield item

    def _guarded(self, items: Iterable[Marked | Stored]) -> Iterator[Marked | Stored]:
        """The same until something cannot be read; what then follows is skipped, if it may be."""
        is_open = False
        try:
            for item in items:
                if not isinstance(item, Stored) and item:
                    is_open = item[-1] is not None
                yield item
        except InputError as error:
            if self._is_strict:
                raise
            self._problems.add("damaged", f"{error}; what follows in it was skipped")
            if is_open:
                yield [None]

    def _of_path(self, path: str, unit: Unit) -> Iterator[Marked | Stored]:
        kind = kind_of(path)
        is_range = bool(unit.start) or unit.stop is not None
        is_read_from_its_end = kind.compression is None and kind.format in NEED_SEEKING
        with StoredFile(path, self._on_read, is_range or is_read_from_its_end) as file:
            if file.size == 0:
                self._note_empty(path)
            elif is_read_from_its_end:
                source = file.seekable_file
                yield from self._of_seekable(source, Place(path), kind.format, unit)
            elif is_range:
                yield from self._of_range(file, stored_kind(path), unit)
            else:
                yield from self._of_stream(file, Place(path))

    def _note_empty(self, name: str) -> None:
        self._problems.add("empty", f"{name}: expected text, received an empty file")

    def _of_range(self, file: StoredFile, kind: Kind, unit: Unit) -> Iterator[Marked]:
        """A range of the bytes of a text or a JSON Lines file."""
        boundary = "line" if kind.format in TABLES else self._text_boundary(Place(file.name))
        start = cut(file, unit.start, file.size, boundary)
        stop = cut(file, unit.stop, file.size, boundary)
        file.seek(start)
        yield from self._of_lines(Part(file, stop - start), kind.format, Place(file.name), start)

    def _of_stream(self, file, place: Place) -> Iterator[Marked | Stored]:
        """A whole file or member, whatever it holds."""
        if place.depth > MAX_DEPTH:
            raise InputError(
                f"{place.name}: expected at most {MAX_DEPTH} archives inside each other"
            )
        kind = kind_of(place.name)
        if place.name == STANDARD_INPUT:
            head = read_exactly(file, HEAD_BYTES)
            file, kind = Peeked(head, file), Kind("text", compression_of(head))
        is_unnamed, format = False, kind.format
        if kind.compression:
            file = Decompressed(file, place.name, kind.compression)
        if kind.compression or format in ("json", "text"):
            head = read_exactly(file, HEAD_BYTES)
            file = Peeked(head, file)
            is_unnamed = bool(kind.compression) and format == "text" and archives.is_tar(head)
            format = looked_into(format, place.name, head)
        if kind.format == "tar" or is_unnamed:
            yield from self._of_tar(file, place, is_unnamed)
        elif kind.format in NEED_SEEKING:
            held = io.BytesIO(self._held(file, place.name))
            yield from self._of_seekable(held, place, kind.format, None)
        else:
            yield from self._of_lines(file, format, place)

    def _held(self, file, name: str) -> bytes:
        """A file inside an archive that is read from its end, so that it must be held whole."""
        data = read_exactly(file, MAX_HELD_BYTES + 1)
        if len(data) > MAX_HELD_BYTES:
            raise InputError(
                f"{name}: expected at most {MAX_HELD_BYTES >> 20} MB inside an archive or "
                "compressed, received more; unpack it first"
            )
        return data

    def _of_tar(self, file, place: Place, is_unnamed: bool) -> Iterator[Marked | Stored]:
        members = archives.tar_members(file, place.name, self._problems, self._is_strict)
        is_whole = is_unnamed or place.depth > 0
        for member in members:
            yield from self._of_member(member, place, is_whole)

    def _of_member(self, member, place: Place, is_whole: bool) -> Iterator[Marked | Stored]:
        inside = Place(member.name, place.depth + 1, is_whole)
        if member.size == 0:
            self._note_empty(member.name)
        elif member.size <= MAX_MEMBER_BYTES:
            yield Stored(inside, read_exactly(member.file, member.size))
        else:
            yield from self._guarded(self._of_stream(member.file, inside))

    def _of_seekable(self, file, place: Place, format: str, unit: Unit | None):
        """A table or archive that is read from its end; of a unit, the part that is its own."""
        start, stop = (0, None) if unit is None else (unit.start, unit.stop)
        config, problems = self._config, self._problems
        on_read = None if unit is None else self._on_read
        if format == "parquet":
            # Of several readers of one table, the first tells which column it took.
            table = columns.ParquetTable(
                file, place.name, config, Problems() if start else problems
            )
            yield from self._of_records(table.texts(start, stop, on_read), place.name)
        elif format == "arrow":
            table = columns.ArrowTable(file, place.name, config, problems)
            yield from self._of_records(table.texts(on_read), place.name)
        else:
            members = archives.zip_members(
                file, place.name, problems, self._is_strict, start, stop, on_read
            )
            for member in members:
                yield from self._of_member(member, place, place.depth > 0)

    def _of_lines(self, file, format: str, place: Place, offset: int = 0) -> Iterator[Marked]:
        """A text, or a table that is written as text."""
        name, config, problems = place.name, self._config, self._problems
        if format == "jsonl":
            texts = tables.json_texts(file, name, config, problems, offset)
        elif format == "json":
            texts = tables.json_list_texts(file, name, config, problems)
        elif format in TABLES:
            texts = tables.csv_texts(file, name, config, problems, format == "tsv")
        else:
            marker = DocumentMarker(self._text_boundary(place))
            for lines in read_lines(file, name, config, problems, offset):
                yield marker.mark(lines)
            yield marker.end()
            return
        yield from self._of_records(texts, name)

    def _text_boundary(self, place: Place) -> str:
        """What ends a document in a text there, as `DocumentMarker` knows it."""
        boundary = self._config.document_boundary
        if boundary == "auto":
            return "file" if place.is_whole else "blank_line"
        return "file" if boundary == "record" else boundary

    def _of_records(self, texts: Iterable[str], name: str) -> Iterator[Marked]:
        """The records of a table, some at a time."""
        boundary = self._config.document_boundary
        marker = DocumentMarker("file" if boundary in ("auto", "record") else boundary)
        marked = []
        try:
            for text in texts:
                text = tables.valid_text(text, name, self._config, self._problems)
                for block in mark_record(text, marker, self._config.max_line_characters):
                    marked += block
                    if len(marked) >= MAX_RECORDS:
                        yield marked
                        marked = []
                if boundary != "file":
                    marked += marker.end()
        except InputError:
            yield marked
            raise
        yield marked + marker.end()

    def _of_object(self, source, name: str) -> Iterator[Marked]:
        """Texts of a `datasets` object, or of any iterable."""
        if columns.is_dataset(source):
            texts = columns.dataset_texts(source, self._config, self._problems)
        else:
            texts = source
        yield from self._of_records(texts, name)


def compression_of(head: bytes) -> str | None:
    """How a stream that begins with these bytes is compressed."""
    return next((name for magic, name in MAGIC.items() if head.startswith(magic)), None)
