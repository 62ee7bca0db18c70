"""Units to lines: the door through which text enters."""

import itertools
import os
from collections.abc import Iterator

from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus.contents import Block, ContentReader, Stored
from keras_electra.corpus.documents import DocumentSplitter, Marked
from keras_electra.corpus.given import Texts, files_or_texts
from keras_electra.corpus.kinds import TABLES, kind_of
from keras_electra.corpus.listing import files_of, refuse_none
from keras_electra.corpus.opening import STANDARD_INPUT, OnRead
from keras_electra.corpus.problems import Problems
from keras_electra.corpus.sources import Paths, is_source, sources_of
from keras_electra.corpus.units import Unit, units
from keras_electra.errors import InputError

DEFAULTS = CorpusConfig()
LINES = CorpusConfig(document_boundary="line")
BLOCK_CHARACTERS = 1 << 22
BLOCK_BYTES = 1 << 21


def documents(sources: Paths, config: CorpusConfig = DEFAULTS) -> Iterator[list[str]]:
    """Read documents, each a list of its non-empty lines without the white space around them.

    >>> list(documents("two_books.txt"))  # doctest: +SKIP
    [['First line.', 'Second line.'], ['The other book.']]

    Args:
        sources: as for `units`; hidden files in folders are skipped.
        config: what a document is, and how bytes become text.

    Raises:
        InputError: if a path is missing, no file is found, or something cannot be read.
    """
    document = []
    for line in lines(sources, config):
        if line is not None:
            document.append(line)
        else:
            yield document
            document = []


def lines(
    sources: Paths, config: CorpusConfig = DEFAULTS, on_read: OnRead | None = None
) -> Iterator[str | None]:
    """Read non-empty lines, and None after the last line of each document.

    Args:
        sources: as for `units`.
        config: what a document is, and how bytes become text.
        on_read: called with the number of stored bytes of every block read.
    """
    problems = Problems()
    for unit in units(sources, config, problems):
        yield from read_unit(unit, config, problems, on_read)


def texts_of(given, name: str = "texts") -> Iterator[str]:
    """The texts that an argument means, one at a time, for functions that look at each alone.

    Of a plain file or a file in an archive every non-empty line is a text; of a table or a data set
    every record. Texts that are given are passed on as they are.

    Args:
        given: texts, a path, paths, a `Source` or a data set; see `files_or_texts`.
        name: of the argument, for messages.

    Raises:
        InputError: for anything else, for weights, and as `documents` does.
    """
    is_nested = isinstance(given, list | tuple) and any(map(is_source, given))
    if not (is_source(given) or is_nested):
        given = files_or_texts(given, name)
    sources = sources_of(given, name)
    if any(source.weight is not None for source in sources):
        raise InputError(f"{name}: expected sources without weights, received some")
    for source in sources:
        if isinstance(source.path, Texts):
            yield from source.path
        elif not source.is_path or os.fspath(source.path) == STANDARD_INPUT:
            yield from read_texts(source, DEFAULTS if not source.is_path else LINES)
        else:
            files = files_of(os.fspath(source.path), DEFAULTS, Problems())
            refuse_none(files, [source.name])
            for file in files:
                is_table = kind_of(file.path).format in TABLES
                yield from read_texts(file.path, DEFAULTS if is_table else LINES)


def read_texts(source, config: CorpusConfig) -> Iterator[str]:
    """Documents, each as one text."""
    return map("\n".join, documents(source, config))


def read_unit(
    unit: Unit,
    config: CorpusConfig = DEFAULTS,
    problems: Problems | None = None,
    on_read: OnRead | None = None,
) -> Iterator[str | None]:
    """Non-empty lines of a unit, and None after the last line of each document.

    Args:
        unit: from `units` or `blocks`.
        config: the same that the units were made with.
        problems: receives what was passed over.
        on_read: called with the number of stored bytes of every block read.

    Raises:
        InputError: if something cannot be read; what came before is valid.
    """
    reader = new_reader(config, problems, on_read)
    splitter = DocumentSplitter(config.split_document_characters)
    return itertools.chain.from_iterable(map(splitter.split, read_marked(reader, unit)))


def new_reader(config, problems, on_read) -> ContentReader:
    return ContentReader(config, Problems() if problems is None else problems, on_read)


def read_marked(reader: ContentReader, unit: Unit) -> Iterator[Marked]:
    for item in reader.of_unit(unit):
        if isinstance(item, Stored):
            yield from reader.of_stored(item)
        else:
            yield item


def blocks(
    unit: Unit,
    config: CorpusConfig = DEFAULTS,
    problems: Problems | None = None,
    on_read: OnRead | None = None,
) -> Iterator[Unit]:
    """Read a unit in order, and hand it on in small units of whole documents.

    Reading those one after the other gives the lines of the unit. Each holds about 4 M characters
    of text, or 2 MB of members of an archive that nobody has read yet, and can be pickled.

    Args, Raises: as for `read_unit`.
    """
    gatherer = BlockGatherer(unit, config)
    for item in new_reader(config, problems, on_read).of_unit(unit):
        if isinstance(item, Stored):
            yield from gatherer.add_member(item)
        else:
            yield from gatherer.add_lines(item)
    yield from gatherer.rest()


class BlockGatherer:
    """Gathers lines and members until they are worth handing on."""

    def __init__(self, unit: Unit, config: CorpusConfig):
        self._unit, self._count = unit, 0
        self._splitter = DocumentSplitter(config.split_document_characters)
        self._lines, self._num_characters = [], 0
        self._members, self._num_bytes = [], 0

    def add_lines(self, lines: Marked) -> Iterator[Unit]:
        """Lines with marks; the unit made of those before that are whole documents, if enough."""
        if not lines:
            return
        yield from self._flush_members()
        lines = self._splitter.split(lines)
        self._lines += lines
        self._num_characters += sum(map(len, filter(None, lines)))
        if self._num_characters >= BLOCK_CHARACTERS and None in lines:
            yield from self._flush_lines()

    def add_member(self, member: Stored) -> Iterator[Unit]:
        """A member of an archive; the unit made of those before, if enough."""
        yield from self._flush_lines()
        self._members.append(member)
        self._num_bytes += len(member.data)
        if self._num_bytes >= BLOCK_BYTES:
            yield from self._flush_members()

    def rest(self) -> Iterator[Unit]:
        """The last unit."""
        yield from self._flush_lines()
        yield from self._flush_members()

    def _flush_lines(self) -> Iterator[Unit]:
        if self._lines:
            end = len(self._lines) - self._lines[::-1].index(None)
            whole, self._lines = self._lines[:end], self._lines[end:]
            num_left = sum(map(len, self._lines))
            yield self._block(Block(whole), self._num_characters - num_left)
            self._num_characters = num_left

    def _flush_members(self) -> Iterator[Unit]:
        if self._members:
            yield self._block(Block([], tuple(self._members)), self._num_bytes)
            self._members, self._num_bytes = [], 0

    def _block(self, content: Block, num_bytes: int) -> Unit:
        self._count += 1
        return Unit(
            self._unit.paths,
            self._count - 1,
            self._count,
            num_bytes,
            self._unit.source_index,
            stamp=self._unit.stamp,
            content=content,
        )
