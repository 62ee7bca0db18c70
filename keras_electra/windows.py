"""Texts of any length as network inputs: cut into overlapping windows, framed, padded.

A window is `[CLS] tokens [SEP]`, at most L places long. Shapes: B windows, T places.
"""

import numpy as np

SHORTEST = 16
"""Places that a batch is padded to at least; longer ones are padded to powers of two."""


def windows(num_tokens: int, capacity: int) -> list[tuple[int, int]]:
    """(start, end) of the windows over a text, each `capacity` tokens long and half overlapping.

    windows(5, 4) is [(0, 4), (1, 5)]; windows(3, 4) is [(0, 3)]; windows(0, 4) is [].
    """
    if num_tokens <= capacity:
        return [(0, num_tokens)] if num_tokens else []
    stride = capacity - capacity // 2
    last = num_tokens - capacity
    starts = [*range(0, last, stride), last]
    return [(start, start + capacity) for start in starts]


def joined(spans: list[tuple[int, int]], scores: list[np.ndarray]) -> np.ndarray:
    """Scores (N,) of a text's tokens from those of its windows.

    Each token's score is taken from the window in which it stands farthest from an edge, where it
    has seen most of its surroundings.

    Args:
        spans: of `windows`.
        scores: per window an array (end - start,).
    """
    result = np.zeros(spans[-1][1] if spans else 0, np.float32)
    best = np.full(len(result), -1)
    for (start, end), values in zip(spans, scores, strict=True):
        places = np.arange(end - start)
        distance = np.minimum(places, places[::-1])
        is_better = distance > best[start:end]
        best[start:end][is_better] = distance[is_better]
        result[start:end][is_better] = values[is_better]
    return result


def padded_length(num_places: int, longest: int) -> int:
    """The length to pad to: a power of two, so that a compiler sees few shapes; at most `longest`.

    padded_length(20, 128) is 32; padded_length(70, 100) is 100.
    """
    length = SHORTEST
    while length < num_places:
        length *= 2
    return min(length, longest)


def framed(rows: list[list[int]], tokenizer, length: int) -> tuple[np.ndarray, np.ndarray]:
    """`[CLS] ids [SEP]` of each row, padded: token_ids (B, length) int32, padding_mask bool."""
    token_ids = np.full((len(rows), length), tokenizer.pad_id, np.int32)
    padding_mask = np.zeros(token_ids.shape, bool)
    for index, ids in enumerate(rows):
        token_ids[index, : len(ids) + 2] = [tokenizer.class_id, *ids, tokenizer.separator_id]
        padding_mask[index, : len(ids) + 2] = True
    return token_ids, padding_mask
