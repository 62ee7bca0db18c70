"""The documents of stores, a few at a time, and those that are in several of them."""

import contextlib
import pathlib
import shutil
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from keras_electra.config.store import DuplicatesConfig
from keras_electra.store import manifest as names
from keras_electra.store.chunk import Chunk
from keras_electra.store.preparing.disk_arrays import disk_array
from keras_electra.store.preparing.duplicates import drop_and_tell
from keras_electra.store.preparing.signatures import scrambled, signatures, text_hashes
from keras_electra.store.reader import Store
from keras_electra.store.writing import DocumentEnds

CHUNK_TOKENS = 1 << 22
SEARCH_FOLDER = "search"


class MarksOfStores:
    """The marks of the documents of several stores, in order; their tokens stand for words.

    Args:
        stores: of the same vocabulary.
        shingle_tokens: tokens of a shingle.
    """

    def __init__(self, stores: Sequence[Store], shingle_tokens: int):
        self._stores, self._shingle_tokens = stores, shingle_tokens

    def text_hashes(self) -> Iterator[tuple[int, np.ndarray]]:
        """uint64 (N, 2), equal for equal tokens."""
        for first, hashes, counts in self._hashes():
            yield first, text_hashes(hashes, counts)

    def signatures(self) -> Iterator[tuple[int, np.ndarray]]:
        """uint16 (N, 128)."""
        for first, hashes, counts in self._hashes():
            yield first, signatures(hashes, counts, self._shingle_tokens)

    def _hashes(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Number of the first document, a hash of each token, and how many each document has."""
        before = 0
        for store in self._stores:
            for documents, chunk in chunks_of(store):
                hashes = scrambled(chunk.token_ids.astype(np.uint64) + np.uint64(1))
                yield before + documents.start, hashes, chunk.document_tokens
            before += store.num_documents


@contextlib.contextmanager
def documents_kept(
    stores: Sequence[Store],
    folder: pathlib.Path,
    duplicates: DuplicatesConfig,
    num_threads: int,
    tell: Callable[[str], None],
) -> Iterator[list[np.ndarray]]:
    """bool (D,) of each store: which of its documents occurred in none before, on disk for the block.

    Args:
        stores: in order; of equal documents the first is kept.
        folder: gets temporary files.
        duplicates: which documents count as equal.
        num_threads: of the database.
        tell: receives sentences about disk and duplicates.
    """
    counts = [store.num_documents for store in stores]
    if not duplicates.looks_at_documents:
        yield [np.ones(count, bool) for count in counts]
        return
    search = folder / SEARCH_FOLDER
    search.mkdir()
    is_kept = disk_array(search / "kept.bin", np.bool_, sum(counts))
    is_kept[:] = True
    marks = MarksOfStores(stores, duplicates.near_duplicate_words)
    drop_and_tell(marks, is_kept, search, duplicates, num_threads=num_threads, tell=tell)
    yield np.split(is_kept, np.cumsum(counts)[:-1])
    del is_kept
    shutil.rmtree(search)


def chunks_of(store: Store) -> Iterator[tuple[slice, Chunk]]:
    """The documents of a store, some at a time, with their numbers."""
    sentences = np.memmap(store.path / names.SENTENCES_FILE, "<i8", "r")
    documents = np.memmap(store.path / names.DOCUMENTS_FILE, "<i8", "r")
    ends = DocumentEnds(store.path)
    first = 0
    while first < store.num_documents:
        last = first + 1
        # Doubling finds an end without reading the offsets of the whole store.
        while last < store.num_documents and ends[last] - ends[first] < CHUNK_TOKENS:
            last = min(first + 2 * (last - first), store.num_documents)
        borders = np.asarray(documents[first : last + 1])
        sentence_ends = np.asarray(sentences[borders[0] : borders[-1] + 1])
        token_ids = store.tokens[np.arange(sentence_ends[0], sentence_ends[-1])]
        yield (
            slice(first, last),
            Chunk(token_ids, np.diff(sentence_ends), np.diff(borders)),
        )
        first = last
