"""Records (key, document) in a table of DuckDB, which groups equal keys and spills to disk."""

import contextlib
import os
import pathlib
import threading
from collections.abc import Iterator

import numpy as np

from keras_electra.errors import InputError, MissingExtraError

MEMORY_MB = 384
MAX_THREADS = 4
FETCHED_ROWS = 1 << 16
SECONDS_BETWEEN_LOOKS = 0.05

PAIRS = """
SELECT document, min(document) OVER own AS first, lag(document) OVER own AS former
FROM records
WINDOW own AS (PARTITION BY low, high ORDER BY document)
QUALIFY former IS NOT NULL
ORDER BY document, first, former
"""


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

    def groups(self) -> Iterator[np.ndarray]:
        """int64 (N, 3), some at a time: document, first document with the same key, the one before.

        All that are not the first themselves, in the order of the documents.
        """
        with self._measured():
            rows = self._run(PAIRS)
        while found := rows.fetchmany(FETCHED_ROWS):
            yield np.array(found, np.int64)

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
