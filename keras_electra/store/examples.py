"""Examples: fixed-length rows of token ids, cut out of the memory-mapped store on demand."""

import numpy as np

from keras_electra.store.packing import Packing, Runs
from keras_electra.store.tokens import ShardedTokens


class Examples:
    """E examples of T tokens each, addressed by number.

    Args:
        tokens: the ids of the store.
        packing: says which of them fill which example.
        sequence_length: T.
        pad_id, class_id, separator_id: ids of `[PAD]`, `[CLS]` and `[SEP]`.
    """

    def __init__(
        self,
        tokens: ShardedTokens,
        packing: Packing,
        *,
        sequence_length: int,
        pad_id: int,
        class_id: int,
        separator_id: int,
    ):
        self.sequence_length = sequence_length
        self._tokens = tokens
        self._packing = packing
        self._pad_id, self._class_id, self._separator_id = pad_id, class_id, separator_id

    def __len__(self) -> int:
        return len(self._packing)

    @property
    def num_padded(self) -> int:
        """How many examples hold padding; with continuous packing only the last one can."""
        return self._packing.num_padded

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The examples with these numbers.

        Args:
            indices: int (n,), each from 0 to E - 1.

        Returns:
            token_ids int32 (n, T), segment_ids int32 (n, T) of 0 and 1, and padding_mask bool
            (n, T), True at real tokens. Padding is `[PAD]` with segment 0.
        """
        indices = np.asarray(indices, np.int64).reshape(-1)
        if len(indices) and (indices.min() < 0 or indices.max() >= len(self)):
            raise IndexError(f"indices: expected numbers from 0 to {len(self) - 1}")
        shape = (len(indices), self.sequence_length)
        token_ids = np.full(shape, self._pad_id, np.int32)
        segment_ids = np.zeros(shape, np.int32)
        padding_mask = np.zeros(shape, bool)
        token_ids[:, 0] = self._class_id
        padding_mask[:, 0] = True
        if len(indices):
            rows, columns, positions, segments, is_separator = layout(self._packing.runs(indices))
            ids = self._tokens[np.minimum(positions, len(self._tokens) - 1)]
            token_ids[rows, columns] = np.where(is_separator, self._separator_id, ids)
            segment_ids[rows, columns] = segments
            padding_mask[rows, columns] = True
        return token_ids, segment_ids, padding_mask

    def documents(self, indices: np.ndarray) -> np.ndarray:
        """int32 (n, T): which document of its example each token is from, numbered from 0.

        `[CLS]` is the first document's, `[SEP]` that of the sentence before it; padding has 0.

            [CLS] a a [SEP] b [SEP] b [SEP]     a ends a document
              0   0 0   0   1   1   1   1
        """
        runs = self._packing.runs(np.asarray(indices, np.int64).reshape(-1))
        documents = self._packing.documents(runs)
        documents = documents - documents[np.searchsorted(runs.rows, runs.rows)]
        rows, columns, *_ = layout(runs)
        found = np.zeros((len(indices), self.sequence_length), np.int32)
        found[rows, columns] = np.repeat(documents, runs.lengths + runs.closes)
        return found


def layout(runs: Runs) -> tuple[np.ndarray, ...]:
    """Where every token of `runs` goes: M places, after the `[CLS]` of each row.

    Returns:
        rows, columns, positions in the store, segments (0 or 1), and is_separator, each (M,).
    """
    num_places = runs.lengths + runs.closes
    before = np.cumsum(num_places) - num_places
    closed_before = np.cumsum(runs.closes) - runs.closes
    first_run = np.searchsorted(runs.rows, runs.rows)
    first_column = 1 + before - before[first_run]
    segment = (closed_before - closed_before[first_run]) % 2
    run = np.repeat(np.arange(len(num_places)), num_places)
    within = np.arange(len(run)) - before[run]
    return (
        runs.rows[run],
        first_column[run] + within,
        runs.starts[run] + within,
        segment[run],
        within == runs.lengths[run],
    )
