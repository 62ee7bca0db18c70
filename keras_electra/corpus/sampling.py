"""A sample of a corpus, spread over all of it, for learning a vocabulary."""

import dataclasses
import hashlib
import heapq
import itertools
import os
from collections.abc import Iterator

from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus.kinds import kind_of
from keras_electra.corpus.opening import OnRead, is_remote, stored_kind
from keras_electra.corpus.problems import Problems
from keras_electra.corpus.ranges import can_be_cut
from keras_electra.corpus.reading import read_unit
from keras_electra.corpus.units import COMPRESSION_RATIO, Unit, units

DEFAULTS = CorpusConfig()
NUM_CHUNKS = 1000
MIN_CHUNK_BYTES, MAX_CHUNK_BYTES = 1 << 12, 1 << 18
# With so many files, whole ones are drawn; of fewer, every one is read and stretches are drawn.
MANY_FILES = 64
MAX_GLANCES = 16
# Sizes of compressed text are guesses; what is too much is given back.
SURPLUS = 1.5


def sample_lines(
    sources,
    max_bytes: int,
    config: CorpusConfig = DEFAULTS,
    seed: int = 0,
    problems: Problems | None = None,
    on_read: OnRead | None = None,
) -> Iterator[str]:
    """Lines of a corpus, about `max_bytes` of text; all lines if there are fewer.

    The corpus is divided into stretches of lines, and those that a hash of their number chooses are
    taken: they come from everywhere in it, and the same corpus always gives the same ones. Of plain
    files only these stretches are read; compressed ones must be read whole, and the sample is held
    in memory.

    Args:
        sources: as for `units`.
        max_bytes: size of the sample, in characters.
        config: the reading options.
        seed: chooses other stretches.
        problems: receives what was passed over.
        on_read: called with the number of stored bytes read or passed over.
    """
    config = config.replace(document_boundary="line")
    problems = Problems() if problems is None else problems
    on_read = on_read or (lambda num_bytes: None)
    chunk_bytes = min(max(max_bytes // NUM_CHUNKS, MIN_CHUNK_BYTES), MAX_CHUNK_BYTES)
    found = units(sources, config, problems)
    pieces = [piece for unit in found for piece in divided(unit, config, chunk_bytes)]
    text_bytes = text_size(pieces)
    if text_bytes is not None and text_bytes <= max_bytes:
        for piece in pieces:
            yield from filter(None, read_unit(piece, config, problems, on_read))
        return
    share = 1.0 if text_bytes is None else SURPLUS * max_bytes / text_bytes
    sample = Sample(max_bytes, seed, share)
    are_many = sum(not is_range(piece) for piece in pieces) >= MANY_FILES
    for number, piece in enumerate(pieces):
        is_drawn_whole = is_range(piece) or (are_many and piece.num_bytes is not None)
        if is_drawn_whole and not sample.takes(number, 0):
            on_read(piece.num_bytes)
            continue
        lines = filter(None, read_unit(piece, config, problems, on_read))
        chunks = [list(lines)] if is_drawn_whole else in_chunks(lines, chunk_bytes)
        for place, chunk in enumerate(chunks):
            sample.add((number, place), chunk)
    yield from sample.lines()


def glance(sources, max_bytes: int, config: CorpusConfig = DEFAULTS) -> Iterator[str]:
    """A few lines from the beginnings of files all over a corpus: at once, however large it is.

    Args:
        sources: as for `units`; of what is no file on this machine nothing is read.
        max_bytes: size of all lines together, in characters.
        config: the reading options.
    """
    config = config.replace(document_boundary="line")
    problems = Problems()
    found = [unit for unit in units(sources, config, problems) if is_here(unit)]
    found = found[:: -(-len(found) // MAX_GLANCES) or 1]
    for unit in found:
        left = max_bytes // len(found)
        for line in filter(None, read_unit(unit, config, problems)):
            yield line[:left]
            left -= len(line)
            if left <= 0:
                break


def is_here(unit: Unit) -> bool:
    """Whether a unit is files of this machine."""
    if unit.content is not None or unit.num_bytes is None:
        return False
    return not any(is_remote(path) for path in unit.paths)


def divided(unit: Unit, config: CorpusConfig, chunk_bytes: int) -> Iterator[Unit]:
    """Pieces of a unit: stretches of plain files, and other files whole."""
    if unit.content is not None or unit.num_bytes is None:
        yield unit
        return
    for path in unit.paths:
        is_single = len(unit.paths) == 1
        num_bytes = unit.num_bytes if is_single else size_of(path, unit)
        piece = unit if is_single else Unit((path,), num_bytes=num_bytes)
        if not stored_kind(path).can_be_cut or not can_be_cut(config.encoding):
            yield piece
            continue
        starts = range(piece.start, piece.start + max(1, num_bytes), chunk_bytes)
        for start, stop in itertools.pairwise([*starts, piece.stop]):
            size = (piece.start + num_bytes if stop is None else stop) - start
            yield dataclasses.replace(piece, start=start, stop=stop, num_bytes=size)


def size_of(path: str, unit: Unit) -> int:
    """Bytes of one file of a unit; behind a URL, what its files have on average."""
    if is_remote(path):
        return unit.num_bytes // len(unit.paths)
    try:
        return os.stat(path).st_size
    except OSError:
        # Whoever reads it says so.
        return 0


def is_range(piece: Unit) -> bool:
    """Whether a piece is a stretch of a plain file, of which the size of the text is known."""
    return piece.content is None and stored_kind(piece.paths[0]).can_be_cut


def text_size(pieces: list[Unit]) -> int | None:
    """About how many bytes of text there are; None where nothing is known of some."""
    if any(piece.num_bytes is None for piece in pieces):
        return None
    return sum(
        piece.num_bytes * (COMPRESSION_RATIO if kind_of(piece.paths[0]).compression else 1)
        for piece in pieces
    )


def in_chunks(lines: Iterator[str], num_characters: int) -> Iterator[list[str]]:
    """Lists of lines that have at least so many characters together."""
    chunk, size = [], 0
    for line in lines:
        chunk.append(line)
        size += len(line)
        if size >= num_characters:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


class Sample:
    """The stretches with the smallest keys, as many as fit.

    Args:
        max_characters: what is kept at most, unless one stretch alone is larger.
        seed: other keys.
        share: no stretch with a larger key is taken.
    """

    def __init__(self, max_characters: int, seed: int, share: float):
        self._max_characters, self._seed, self._share = max_characters, seed, share
        self._num_characters = 0
        self._kept = []

    def takes(self, number: int, place: int) -> bool:
        """Whether a stretch may be one of the sample."""
        return self._key(number, place) < self._share

    def _key(self, number: int, place: int) -> float:
        """A number in [0, 1) that depends on seed and place only."""
        text = f"{self._seed} {number} {place}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / 2**64

    def add(self, place: tuple[int, int], chunk: list[str]) -> None:
        """Keep a stretch if it may be, and give up those with the largest keys if it is too much."""
        if not self.takes(*place):
            return
        heapq.heappush(self._kept, (-self._key(*place), place, chunk))
        self._num_characters += sum(map(len, chunk))
        while self._num_characters > self._max_characters and len(self._kept) > 1:
            self._num_characters -= sum(map(len, heapq.heappop(self._kept)[2]))

    def lines(self) -> Iterator[str]:
        """The lines kept, in the order of the corpus."""
        for _, _, chunk in sorted(self._kept, key=lambda kept: kept[1]):
            yield from chunk
