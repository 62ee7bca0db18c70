"""Judging a whole file of text, and what in it looks replaced most."""

import heapq
from collections.abc import Iterator, Sequence

import numpy as np

from keras_electra.corpus import Texts
from keras_electra.predict import detect
from keras_electra.traces import ScoredWord

LINES_PER_PART = 16


def score_lines(
    model, lines: Sequence[str], top: int = 100
) -> Iterator[tuple[int, int, list[ScoredWord]]]:
    """Judge the lines of a file, and keep the words that look replaced most.

    Args:
        model: an `ElectraPretrainer`, as `detect` takes it.
        lines: of the file; empty ones are passed over.
        top: words to keep.

    Yields:
        (lines done, lines in all, the words kept so far, most suspicious first).
    """
    kept, count = [], 0
    for first in range(0, len(lines), LINES_PER_PART):
        part = lines[first : first + LINES_PER_PART]
        for number, found in enumerate(detect(model, Texts(part)), start=first + 1):
            for word in _words_of(found, number):
                # The count decides ties, so that the earlier word is kept.
                count += 1
                entry = (word.replaced, -count, word)
                (heapq.heappush if len(kept) < top else heapq.heappushpop)(kept, entry)
        best = [word for _, _, word in sorted(kept, reverse=True)]
        yield first + len(part), len(lines), best


def _words_of(found, number):
    """The words of a `Detection`, each with its most suspicious piece's probability."""
    starts = [not token.startswith("##") for token in found.tokens]
    groups = np.cumsum(starts) - 1
    for group in range(groups[-1] + 1 if len(groups) else 0):
        pieces = np.flatnonzero(groups == group)
        (start, _), (_, end) = found.offsets[pieces[0]], found.offsets[pieces[-1]]
        yield ScoredWord(number, found.text, start, end, float(found.probabilities[pieces].max()))
