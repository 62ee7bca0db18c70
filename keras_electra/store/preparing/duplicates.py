"""Documents that occurred before: found on disk, in bounded memory, the earliest of them kept.

Documents are numbered in the order of the corpus. Every record (key, document) goes into a table of
DuckDB, which groups equal keys and spills to disk. For near duplicates each group links its members
to its first; what hangs together by such links is one family, and its first document is kept.
"""

import contextlib
import os
import pathlib
import threading
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from keras_electra.errors import InputError, MissingExtraError
from keras_electra.store.preparing.disk_arrays import disk_array
from keras_electra.store.preparing.parts import read_columns

MEMORY_MB = 384
MAX_THREADS = 4
RECORD_BYTES = 24
FETCHED_ROWS = 1 << 16
NUM_EXAMPLES = 10
SECONDS_BETWEEN_LOOKS = 0.05

PAIRS = """
SELECT records.document, groups.first
FROM records JOIN (
    SELECT low, high, min(document) AS first
    FROM records GROUP BY low, high HAVING count(*) > 1
) AS groups USING (low, high)
WHERE records.document <> groups.first
ORDER BY records.document, groups.first
"""


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


def drop_duplicates(
    paths: list[pathlib.Path],
    is_kept: np.ndarray,
    folder: pathlib.Path,
    *,
    near: bool,
    num_threads: int = 1,
) -> Duplicates:
    """Set `is_kept` to 0 for every document that occurred before.

    Args:
        paths: all parts, in the order of the corpus.
        is_kept: bool or integers (D,), one for each document; changed in place.
        folder: for temporary files.
        near: whether to look for similar documents too.
        num_threads: of the database.
    """
    num_exact, examples = 0, []
    with Records(folder, num_threads) as records:
        for first, (hashes,) in numbered(paths, "text_hashes"):
            records.add(hashes[:, 0], hashes[:, 1], np.arange(first, first + len(hashes)))
        for document, kept in records.pairs():
            is_kept[document] = 0
            num_exact += 1
            if len(examples) < NUM_EXAMPLES:
                examples.append((document, kept))
        num_bytes = records.num_bytes
    num_near, near_examples = 0, []
    if near:
        with Records(folder, num_threads) as records:
            for first, (bands,) in numbered(paths, "bands"):
                chosen = np.flatnonzero(is_kept[first : first + len(bands)])
                for band in range(bands.shape[1]):
                    number = np.full(len(chosen), band, np.uint64)
                    records.add(bands[chosen, band], number, first + chosen)
            num_near, near_examples = drop_families(records.pairs(), is_kept, folder)
            num_bytes = max(num_bytes, records.num_bytes)
    return Duplicates(num_exact, num_near, examples, near_examples, num_bytes)


def database_library():
    """The `duckdb` module, an optional dependency.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtraError("finding duplicates", "data") from error
    return duckdb


def estimated_bytes(num_documents: int, num_bands: int) -> int:
    """Disk that a search among so many documents takes at most, about.

    Args:
        num_documents: D.
        num_bands: bands of each; 0 for exact duplicates only.
    """
    # The table, and as much again where grouping and joining spill.
    return 3 * RECORD_BYTES * num_documents * max(1, num_bands)


def numbered(paths: Iterable[pathlib.Path], *names: str) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Columns of every part, with the number of its first document."""
    first = 0
    for path in paths:
        columns = read_columns(path, *names)
        yield first, columns
        first += len(columns[0])


class Records:
    """A table (key, document) on disk; a context manager that removes it at the end.

    Args:
        folder: for its files.
        num_threads: of the database.
    """

    def __init__(self, folder: pathlib.Path, num_threads: int):
        self._library, self._folder = database_library(), folder
        self._file, self._spilled = folder / "duplicates.duckdb", folder / "duplicates.spilled"
        self._remove()
        self._connection = self._library.connect(
            str(self._file),
            config={
                "memory_limit": f"{MEMORY_MB}MB",
                "threads": min(num_threads, MAX_THREADS),
                "temp_directory": str(self._spilled),
                "preserve_insertion_order": False,
            },
        )
        self._run("CREATE TABLE records (low UBIGINT, high UBIGINT, document BIGINT)")
        self.num_bytes = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._connection.close()
        self._remove()

    def _remove(self) -> None:
        for file in self._files():
            file.unlink(missing_ok=True)

    def _files(self) -> list[pathlib.Path]:
        return [*self._folder.glob("duplicates.duckdb*"), *self._spilled.glob("*")]

    def _measure(self) -> None:
        sizes = 0
        for file in self._files():
            try:
                sizes += os.path.getsize(file)
            except OSError:
                # Files that hold what was spilled come and go.
                continue
        self.num_bytes = max(self.num_bytes, sizes)

    def _run(self, query: str, values: list | None = None):
        try:
            return self._connection.execute(query, values)
        except self._library.Error as error:
            raise InputError(
                f"looking for duplicates in {self._folder} failed: {str(error).splitlines()[0]}; "
                "what was prepared is kept"
            ) from error

    def add(self, low: np.ndarray, high: np.ndarray, documents: np.ndarray) -> None:
        """Append records.

        Args:
            low, high: uint64 (N,), together the key.
            documents: int64 (N,).
        """
        if len(documents):
            added = {"low": low.copy(), "high": high.copy(), "document": documents}
            self._connection.register("added", added)
            self._run("INSERT INTO records SELECT * FROM added")
            self._connection.unregister("added")

    def pairs(self) -> Iterator[tuple[int, int]]:
        """(document, first document with the same key) for all that are not the first themselves."""
        with self._measured():
            rows = self._run(PAIRS)
        while found := rows.fetchmany(FETCHED_ROWS):
            yield from found

    @contextlib.contextmanager
    def _measured(self) -> Iterator[None]:
        """Watch the size of the files during the block, in which they grow and shrink."""
        is_over = threading.Event()

        def watch():
            self._measure()
            while not is_over.wait(SECONDS_BETWEEN_LOOKS):
                self._measure()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


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
