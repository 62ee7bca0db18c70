"""The original program's packing: one or two segments per example, cut to length and padded."""

import itertools
from collections.abc import Iterator

import numpy as np

from keras_electra.store.held_out import Pieces
from keras_electra.store.packing import Runs

SINGLE_SEGMENT_RATE = 0.1
SHORT_EXAMPLE_RATE = 0.05
MIN_TARGET_TOKENS = 5
NO_GOAL_TOKENS = 100_000
RANDOM_BLOCK = 4096


class OriginalPacking:
    """Two segments, truncated and padded, as `build_pretraining_dataset.py` makes them.

    What exceeds an example is lost, and a short line may move into the first segment after a longer
    one went into the second: both as in the original. The text before a held-out stretch and the
    text after it count as different documents.

    Args:
        pieces: the sentences to pack.
        sequence_length: T, at least 5.
        seed: decides segment lengths and short examples.
    """

    def __init__(self, pieces: Pieces, sequence_length: int, seed: int):
        lines, segments, counts = [], [], []
        for first, second in original_examples(pieces, sequence_length, seed):
            lines += first + second
            segments += [0] * len(first) + [1] * len(second)
            counts.append(len(first) + len(second))
        self._lines = np.array(lines, np.int64).reshape(-1, 2)
        self._segments = np.array(segments, np.int64)
        self._offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.num_padded = self._count_padded(sequence_length)

    def _count_padded(self, sequence_length: int) -> int:
        runs = self.runs(np.arange(len(self)))
        num_places = np.bincount(runs.rows, runs.lengths + runs.closes, minlength=len(self))
        return int((num_places < sequence_length - 1).sum())

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def runs(self, indices: np.ndarray) -> Runs:
        """The runs of the examples `indices` (n,); each is a line, or what was kept of it."""
        counts = np.diff(self._offsets)[indices]
        rows = np.repeat(np.arange(len(indices)), counts)
        line = np.arange(len(rows)) + (self._offsets[indices] - np.cumsum(counts) + counts)[rows]
        segment = 2 * rows + self._segments[line]
        starts, lengths = self._lines[line].T
        return Runs(rows, starts, lengths, np.append(segment[1:] != segment[:-1], True))

    def documents(self, runs: Runs) -> np.ndarray:
        """int64 (R,) of 0: every example is of one document."""
        return np.zeros(len(runs.rows), np.int64)


Line = tuple[int, int]
"""First token and number of tokens."""


def original_examples(
    pieces: Pieces, sequence_length: int, seed: int
) -> Iterator[tuple[list[Line], list[Line]]]:
    """The lines of the first and of the second segment of each example, cut to length."""
    draws = uniform_draws(seed)
    state, num_tokens, target = [], 0, sequence_length
    for start, length, is_last in zip(*(values.tolist() for values in pieces), strict=True):
        state.append((start, length))
        num_tokens += length
        if num_tokens >= target or is_last:
            first, second = two_segments(state, target, draws)
            first = cut(first, sequence_length - 2)
            room = sequence_length - 3 - sum(length for _, length in first)
            yield first, cut(second, room)
            state, num_tokens, target = [], 0, next_target(sequence_length, draws)


def two_segments(
    lines: list[Line], target: int, draws: Iterator[float]
) -> tuple[list[Line], list[Line]]:
    """Deal the lines out to the two segments."""
    goal = NO_GOAL_TOKENS if next(draws) < SINGLE_SEGMENT_RATE else (target - 3) // 2
    first, second, num_first = [], [], 0
    for line in lines:
        is_first = (
            not first
            or num_first + line[1] < goal
            or (not second and num_first < goal and next(draws) < 0.5)
        )
        if is_first:
            first.append(line)
            num_first += line[1]
        else:
            second.append(line)
    return first, second


def cut(lines: list[Line], room: int) -> list[Line]:
    """The lines, or parts of them, that `room` tokens hold."""
    kept = []
    for start, length in lines:
        length = min(length, room)
        if length <= 0:
            break
        kept.append((start, length))
        room -= length
    return kept


def next_target(sequence_length: int, draws: Iterator[float]) -> int:
    """Tokens to collect for the next example: T, or at times fewer."""
    if next(draws) >= SHORT_EXAMPLE_RATE:
        return sequence_length
    choices = sequence_length - MIN_TARGET_TOKENS + 1
    return MIN_TARGET_TOKENS + int(next(draws) * choices)


def uniform_draws(seed: int) -> Iterator[float]:
    """Endless numbers in [0, 1), the same for the same seed on every machine."""
    generator = np.random.Philox(key=seed)
    for _ in itertools.count():
        yield from ((generator.random_raw(RANDOM_BLOCK) >> np.uint64(11)) * 2.0**-53).tolist()
