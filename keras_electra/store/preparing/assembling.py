"""Parts to a store: what is dropped, what is repeated, and what is held out."""

import itertools
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from keras_electra.corpus import num_copies, repetitions
from keras_electra.errors import InputError
from keras_electra.store.preparing.counting import Counts
from keras_electra.store.preparing.parts import Part, read_columns, read_part
from keras_electra.store.writing import StoreWriter
from keras_electra.tokenizer.words import sums

MAX_COPIES = np.iinfo(np.uint16).max


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

    def source_slices(self) -> list[slice]:
        """The documents of each source."""
        ends = np.cumsum([0, *map(len, self.of_source)])
        firsts = self._firsts[ends].tolist()
        return [slice(*pair) for pair in itertools.pairwise(firsts)]

    def read(self) -> Iterator[tuple[slice, Part]]:
        """Every part, checked, with the numbers of its documents."""
        for place, path in enumerate(self.paths):
            yield slice(*self._firsts[place : place + 2].tolist()), read_part(path)

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


def set_copies(
    parts: Parts, copies: np.ndarray, weights: list[float], names: list[str], seed: int
) -> list[dict]:
    """Say in `copies` how often each document is taken, so that sources have their share of tokens.

    Args:
        parts: of all sources.
        copies: uint16 (D,), 0 for what is dropped anyway; changed in place.
        weights: of the sources.
        names: of the sources.
        seed: chooses what is taken once more.

    Returns:
        what came of it, for each source.
    """
    tokens = parts.document_tokens()
    slices = parts.source_slices()
    num_tokens = [int(tokens[own][copies[own] > 0].sum()) for own in slices]
    mixture = []
    for own, name, weight, repetition in zip(
        slices, names, weights, repetitions(num_tokens, weights), strict=True
    ):
        if repetition >= MAX_COPIES:
            raise InputError(
                f"weights: expected every source to be taken less than {MAX_COPIES} times, "
                f"received {weight} for {name}, which makes {repetition:.0f}"
            )
        is_kept = copies[own] > 0
        kept_tokens = tokens[own][is_kept]
        taken = np.zeros(len(is_kept), np.uint16)
        taken[is_kept] = num_copies(kept_tokens, repetition, seed)
        copies[own] = taken
        mixture.append(
            {
                "source": name,
                "weight": weight,
                "tokens": int(kept_tokens.sum()),
                "tokens_taken": int((tokens[own] * taken).sum()),
            }
        )
    return mixture


def assemble(parts: Parts, copies: np.ndarray, writer: StoreWriter) -> tuple[np.ndarray, Counts]:
    """Write the documents, each once and then those that are repeated, and hold some text out.

    Stretches are held out of the first copies; in further copies they are left out.

    Args:
        parts: in the order of the corpus.
        copies: uint16 (D,), how often each document is taken.
        writer: gets them.

    Returns:
        int64 (H, 2), the held-out stretches, and what was counted.
    """
    counts = Counts()
    for own, part in parts.read():
        kept = part.only(copies[own] > 0)
        writer.write(kept.chunk)
        counts.add(kept)
    if writer.num_tokens == 0:
        raise InputError(
            f"corpus: expected text, received {parts.num_documents} documents of which none is left"
            if parts.num_documents
            else "corpus: expected text, received none with a word in it"
        )
    stretches = writer.draw_held_out()
    for repeat in range(1, int(copies.max())):
        position = 0
        for own, part in parts.read():
            taken = np.asarray(copies[own])
            chunk = part.only(taken > 0).chunk
            is_again = np.repeat(taken[taken > 0] > repeat, chunk.document_tokens)
            is_held_out = inside(stretches, position, len(is_again))
            writer.write(chunk.without(is_held_out | ~is_again))
            position += len(is_again)
    return stretches, counts


def inside(stretches: np.ndarray, position: int, count: int) -> np.ndarray:
    """bool (count,): whether the tokens from `position` on lie in one of the stretches.

    >>> inside(np.array([[1, 3], [5, 9]]), 2, 4).tolist()
    [True, False, False, True]
    """
    places = np.arange(position, position + count)
    before = np.searchsorted(stretches[:, 0], places, side="right")
    return before > np.searchsorted(stretches[:, 1], places, side="right")
