"""Packing: which tokens of a part of the store make up which example, as an index made at load.

Both ways give, for chosen examples, the *runs* of tokens that fill them; `examples.py` copies them.
"""

import array
import bisect
import functools
from typing import NamedTuple, Protocol

import numpy as np

from keras_electra.store.held_out import Pieces


class Runs(NamedTuple):
    """Stretches of tokens that fill some rows, in order of row and place.

    Attributes:
        rows: int64 (R,), the row that each run belongs to; every row has one.
        starts: int64 (R,), first token of each run.
        lengths: int64 (R,), tokens of each run.
        closes: bool (R,), True where [SEP] follows the run.
    """

    rows: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    closes: np.ndarray


class Packing(Protocol):
    """An index of examples: how many, how many with padding, and what fills them."""

    num_padded: int

    def __len__(self) -> int: ...

    def runs(self, indices: np.ndarray) -> Runs: ...

    def documents(self, runs: Runs) -> np.ndarray: ...


class ContinuousPacking:
    """Fills every example to the last place; only the last one is padded.

    Give every piece of n tokens n + 1 places, the last for its [SEP], and lay all pieces end to
    end. An example takes the next T - 1 places. If they end inside a piece, the last of them
    becomes [SEP] and the token that stood there begins the next example. If that token is the first
    of its piece, one place is left over; the longest segment is then split in half.

    With T = 8, pieces of 4, 1 and 7 tokens give (`|` is [SEP]; each line begins with [CLS]):

        a a a a | b |
        c c c c c c |
        c |

    Args:
        pieces: the sentences to pack.
        sequence_length: T, at least 3.
    """

    def __init__(self, pieces: Pieces, sequence_length: int):
        self._pieces = pieces
        self._room = sequence_length - 1
        self._borders = np.concatenate([[0], np.cumsum(pieces.lengths + 1)])
        self._first = example_starts(self._borders, self._room)
        self.num_padded = int(self._borders[-1] - self._first[-1] < self._room)

    def __len__(self) -> int:
        return len(self._first)

    def runs(self, indices: np.ndarray) -> Runs:
        """The runs of the examples `indices` (n,); each is a segment."""
        first = self._first[indices]
        end = np.minimum(first + self._room, self._borders[-1])
        first_piece = np.searchsorted(self._borders, first, side="right") - 1
        num_pieces = np.searchsorted(self._borders, end, side="left") - first_piece
        rows = np.repeat(np.arange(len(indices)), num_pieces)
        piece = np.arange(len(rows)) + (first_piece - np.cumsum(num_pieces) + num_pieces)[rows]
        begin = np.maximum(self._borders[piece], first[rows])
        starts = self._pieces.starts[piece] + begin - self._borders[piece]
        lengths = np.minimum(self._borders[piece + 1], end[rows]) - begin - 1
        split_longest(rows, starts, lengths)
        return Runs(rows, starts, lengths, np.ones(len(rows), bool))

    def documents(self, runs: Runs) -> np.ndarray:
        """int64 (R,): the document that each run comes from, numbered from 0 in the order of the text.

        What follows a held-out stretch counts as another document.
        """
        piece = np.searchsorted(self._pieces.starts, runs.starts, side="right") - 1
        return np.searchsorted(self._last_pieces, piece)

    @functools.cached_property
    def _last_pieces(self) -> np.ndarray:
        return np.flatnonzero(self._pieces.is_last)


def example_starts(borders: np.ndarray, room: int) -> np.ndarray:
    """The place at which each example starts, int64 (E,).

    Args:
        borders: int64 (P + 1), 0 and the place at which each piece ends.
        room: places per example.
    """
    ends, total = memoryview(np.ascontiguousarray(borders)), int(borders[-1])
    starts = array.array("q", [0])
    end, index = room, 0
    while end < total:
        # A piece has at least two places, which bounds how far the next border can be.
        index = bisect.bisect_left(ends, end, index, min(len(ends), index + room // 2 + 2))
        start = end if ends[index] == end else end - 1
        starts.append(start)
        end = start + room
    return np.array(starts, np.int64)


def split_longest(rows: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> None:
    """Where a row ends with an empty run, split its longest run in half instead, in place.

    Runs of one token cannot be split; then the empty run stays, and its [SEP] fills the place.
    """
    for empty in np.flatnonzero(lengths == 0):
        first = np.searchsorted(rows, rows[empty])
        longest = first + int(np.argmax(lengths[first : empty + 1]))
        if lengths[longest] < 2:
            continue
        for values in (starts, lengths):
            values[longest + 1 : empty + 1] = values[longest:empty].copy()
        half = (lengths[longest] + 1) // 2
        starts[longest + 1] += half
        lengths[longest + 1] -= half
        lengths[longest] = half
