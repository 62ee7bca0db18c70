"""Documents that occurred before: found on disk, in bounded memory, the earliest of them kept.

Documents are numbered in the order of the corpus, and grouped by equal keys: hashes of their text, or
bands of their signatures. In a group each is compared with the first and with the one before it. What
hangs together by likeness is one family, and its first document is kept.
"""

import pathlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np

from keras_electra.config.store import DuplicatesConfig
from keras_electra.store.preparing.disk_arrays import disk_array
from keras_electra.store.preparing.parts import read_columns
from keras_electra.store.preparing.record_table import FETCHED_ROWS, Records
from keras_electra.store.preparing.signatures import (
    NUM_HASHES,
    bands_and_rows,
    bands_of,
    likeness,
)

RECORD_BYTES = 24
NUM_EXAMPLES = 10
COMPARED = 1 << 14
"""Pairs compared at a time."""

Pairs = Iterator[tuple[int, int]]


class Marks(Protocol):
    """What is known of documents, some at a time, with the number of the first of them."""

    def text_hashes(self) -> Iterator[tuple[int, np.ndarray]]:
        """uint64 (N, 2), equal for equal texts."""

    def signatures(self) -> Iterator[tuple[int, np.ndarray]]:
        """uint16 (N, 128), as `signatures.signatures` makes them."""


class MarksOfParts:
    """The marks in the parts of a corpus, in order."""

    def __init__(self, paths: Iterable[pathlib.Path]):
        self._paths = paths

    def text_hashes(self) -> Iterator[tuple[int, np.ndarray]]:
        """uint64 (N, 2) of each part."""
        return self._column("text_hashes")

    def signatures(self) -> Iterator[tuple[int, np.ndarray]]:
        """uint16 (N, 128) of each part."""
        return self._column("signatures")

    def _column(self, name: str) -> Iterator[tuple[int, np.ndarray]]:
        first = 0
        for path in self._paths:
            (column,) = read_columns(path, name)
            yield first, column
            first += len(column)


class Duplicates(NamedTuple):
    """What was found.

    Attributes:
        num_exact, num_near: documents to drop, of each kind.
        exact, near: the first few, as (document, the one that is kept).
        num_bytes: of disk that the search took.
    """

    num_exact: int
    num_near: int
    exact: list[tuple[int, int]]
    near: list[tuple[int, int]]
    num_bytes: int


def drop_and_tell(
    marks: Marks,
    is_kept: np.ndarray,
    folder: pathlib.Path,
    config: DuplicatesConfig,
    *,
    num_threads: int,
    tell: Callable[[str], None],
) -> Duplicates:
    """`drop_duplicates`; the disk it needs is told before and after."""
    similarity = config.near_duplicate_similarity
    num_bands = 0 if similarity is None else bands_and_rows(similarity)[0]
    most = estimated_bytes(len(is_kept), num_bands) / 1e6
    tell(
        f"looking for duplicates among {len(is_kept):,} documents: at most about {most:,.0f} MB of "
        f"temporary disk, of which {shutil.disk_usage(folder).free / 1e6:,.0f} MB are free"
    )
    found = drop_duplicates(marks, is_kept, folder, similarity=similarity, num_threads=num_threads)
    tell(
        f"{found.num_exact:,} duplicates and {found.num_near:,} near duplicates; "
        f"the search took {found.num_bytes / 1e6:,.0f} MB of temporary disk"
    )
    return found


def drop_duplicates(
    marks: Marks,
    is_kept: np.ndarray,
    folder: pathlib.Path,
    *,
    similarity: float | None = None,
    num_threads: int = 1,
) -> Duplicates:
    """Set `is_kept` to 0 for every document that occurred before.

    Args:
        marks: of all documents.
        is_kept: bool or integers (D,), one for each document; changed in place.
        folder: for temporary files.
        similarity: fraction of shared shingles from which documents are dropped; None for equal ones
            only.
        num_threads: of the database.
    """
    num_exact, examples = 0, []
    with Records(folder, num_threads) as records:
        for first, hashes in marks.text_hashes():
            records.add(hashes[:, 0], hashes[:, 1], np.arange(first, first + len(hashes)))
        for found in records.groups():
            is_kept[found[:, 0]] = 0
            num_exact += len(found)
            examples += map(tuple, found[: NUM_EXAMPLES - len(examples), :2].tolist())
        num_bytes = records.num_bytes
    if similarity is None:
        return Duplicates(num_exact, 0, examples, [], num_bytes)
    num_near, near_examples, near_bytes = drop_similar(
        marks, is_kept, folder, similarity, num_threads
    )
    return Duplicates(num_exact, num_near, examples, near_examples, max(num_bytes, near_bytes))


def drop_similar(
    marks: Marks, is_kept: np.ndarray, folder: pathlib.Path, similarity: float, num_threads: int
) -> tuple[int, list[tuple[int, int]], int]:
    """Set `is_kept` to 0 for every kept document that is like an earlier one.

    Returns:
        how many were dropped, the first few with the document that is kept, and bytes of disk.
    """
    shape, path = bands_and_rows(similarity), folder / "signatures.bin"
    known = disk_array(path, np.uint16, len(is_kept) * NUM_HASHES).reshape(-1, NUM_HASHES)
    with Records(folder, num_threads) as records:
        for first, signatures in marks.signatures():
            known[first : first + len(signatures)] = signatures
            chosen = np.flatnonzero(is_kept[first : first + len(signatures)])
            for band, keys in enumerate(bands_of(signatures[chosen], *shape).T):
                records.add(keys, np.full(len(chosen), band, np.uint64), first + chosen)
        pairs = alike(records.groups(), known, similarity)
        num_dropped, examples = drop_families(pairs, is_kept, folder)
        num_bytes = records.num_bytes + known.nbytes
    del known
    path.unlink()
    return num_dropped, examples, num_bytes


def alike(groups: Iterable[np.ndarray], signatures: np.ndarray, similarity: float) -> Pairs:
    """(document, an earlier document like it), of each group's members with its first and the last.

    Args:
        groups: int64 (N, 3), document, first and former.
        signatures: uint16 (D, 128).
        similarity: least fraction that must agree.
    """
    for found in groups:
        # The same two meet in many bands.
        pairs = np.unique(np.concatenate([found[:, :2], found[:, ::2]]), axis=0)
        for block in np.array_split(pairs, 1 + len(pairs) // COMPARED):
            is_alike = likeness(signatures[block[:, 0]], signatures[block[:, 1]]) >= similarity
            yield from map(tuple, block[is_alike].tolist())


def estimated_bytes(num_documents: int, num_bands: int) -> int:
    """Disk that a search among so many documents takes at most, about.

    Args:
        num_documents: D.
        num_bands: bands of each; 0 for exact duplicates only.
    """
    # The table, and as much again where grouping and joining spill.
    table = 3 * RECORD_BYTES * num_documents * max(1, num_bands)
    return table + (2 * NUM_HASHES * num_documents if num_bands else 0)


def drop_families(
    pairs: Iterable[tuple[int, int]], is_kept: np.ndarray, folder: pathlib.Path
) -> tuple[int, list[tuple[int, int]]]:
    """Set `is_kept` to 0 for all but the first of what hangs together by the pairs.

    >>> is_kept = np.ones(5, bool)
    >>> drop_families([(2, 1), (4, 2)], is_kept, pathlib.Path(""))  # doctest: +SKIP
    (2, [(2, 1), (4, 1)])

    Args:
        pairs: (document, an earlier document like it).
        is_kept: bool or integers (D,), changed in place.
        folder: holds a temporary file of 8 bytes a document.

    Returns:
        how many were dropped, and the first few with the document that is kept.
    """
    path = folder / "families.bin"
    parents = disk_array(path, np.int64, len(is_kept))
    for numbers in blocks_of(len(is_kept)):
        parents[numbers] = numbers
    links = memoryview(parents)
    for document, earlier in pairs:
        one, other = root(links, document), root(links, earlier)
        # The first document of a family is its root.
        links[max(one, other)] = min(one, other)
    num_dropped, examples = 0, []
    for numbers in blocks_of(len(is_kept)):
        dropped = numbers[parents[numbers] != numbers]
        is_kept[dropped] = 0
        num_dropped += len(dropped)
        for document in dropped[: NUM_EXAMPLES - len(examples)].tolist():
            examples.append((document, root(links, document)))
    del links, parents
    path.unlink()
    return num_dropped, examples


def blocks_of(count: int) -> Iterator[np.ndarray]:
    """The numbers from 0 to `count` - 1, some at a time."""
    for first in range(0, count, FETCHED_ROWS):
        yield np.arange(first, min(first + FETCHED_ROWS, count))


def root(links: memoryview, document: int) -> int:
    """The first document of a family; shortens the way for the next who asks."""
    while (parent := links[document]) != document:
        links[document] = links[parent]
        document = parent
    return document
