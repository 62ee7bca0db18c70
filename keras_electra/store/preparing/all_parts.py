"""All parts of a corpus as one: documents are numbered through them."""

import itertools
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from keras_electra.store.preparing.parts import Part, read_columns, read_part
from keras_electra.tokenizer.words import sums


class Parts:
    """All parts of a corpus, in order; documents are numbered through all of them.

    Args:
        paths: the parts of each source.
    """

    def __init__(self, paths: Sequence[Sequence[pathlib.Path]]):
        self.of_source = [list(own) for own in paths]
        self.paths = [path for own in self.of_source for path in own]
        counts = [len(read_columns(path, "document_sentences")[0]) for path in self.paths]
        self._firsts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        self.num_documents = int(self._firsts[-1])
        self.num_bytes = sum(path.stat().st_size for path in self.paths)

    def source_slices(self) -> list[slice]:
        """The documents of each source."""
        ends = np.cumsum([0, *map(len, self.of_source)])
        firsts = self._firsts[ends].tolist()
        return [slice(*pair) for pair in itertools.pairwise(firsts)]

    def read(self) -> Iterator[tuple[slice, Part, int]]:
        """Every part, checked, with the numbers of its documents and its bytes on disk."""
        for place, path in enumerate(self.paths):
            own = slice(*self._firsts[place : place + 2].tolist())
            yield own, read_part(path), path.stat().st_size

    def document(self, number: int) -> np.ndarray:
        """The token ids of one document."""
        place = int(np.searchsorted(self._firsts, number, side="right")) - 1
        chunk = read_part(self.paths[place]).chunk
        ends = np.cumsum(chunk.document_tokens)
        within = number - int(self._firsts[place])
        return chunk.token_ids[ends[within - 1] if within else 0 : ends[within]]

    def document_tokens(self) -> np.ndarray:
        """int64 (D,): tokens of every document."""
        tokens = np.zeros(self.num_documents, np.int64)
        for place, path in enumerate(self.paths):
            lengths, counts = read_columns(path, "sentence_lengths", "document_sentences")
            tokens[slice(*self._firsts[place : place + 2])] = sums(lengths, counts)
        return tokens
