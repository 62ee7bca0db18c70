"""Filling the masked places of a sentence and judging the result: the way to a `Trace`.

Shapes: T places, M masked places, V vocabulary entries.
"""

import dataclasses

import numpy as np

from keras_electra.inspection.drawing import Draws, drawn, drawn_uniformly, likeliest, ranks, shares
from keras_electra.passes import Networks
from keras_electra.traces import Sentence, Trace


@dataclasses.dataclass(frozen=True)
class Masked:
    """A sentence as the generator is shown it.

    Attributes:
        ids: (T,) int32.
        positions: (M,) int64, the places to fill; with selection "original" one may occur twice.
        kept: position → id, where nothing is drawn.
    """

    ids: np.ndarray
    positions: np.ndarray
    kept: dict[int, int] = dataclasses.field(default_factory=dict)


def filled(
    networks: Networks, sentence: Sentence, masked: Masked, draws: Draws, num_alternatives: int
) -> Trace:
    """Draw tokens for the masked places, put them in and judge all of it."""
    ids, positions = sentence.ids, masked.positions
    logits = masses = None
    if len(positions) and networks.generator is not None:
        found = networks.proposals(masked.ids[None], ids[None], positions[None])
        logits = found[0]
        masses = shares(logits, ids[positions], draws)
    sampled = _sampled(networks, masked, ids[positions], draws, masses)
    corrupted = with_tokens(ids, positions, sampled)
    probabilities = networks.probabilities(corrupted[None])
    best = [] if masses is None else likeliest(masses, num_alternatives)
    return Trace(
        text=sentence.seen,
        tokens=networks.names(ids),
        masked_tokens=networks.names(masked.ids),
        mask_positions=positions,
        sampled_tokens=networks.names(sampled),
        alternatives=[
            list(zip(networks.names(some), map(float, row[some]), strict=True))
            for some, row in zip(best, masses if len(best) else [], strict=True)
        ]
        or [[] for _ in positions],
        corrupted_tokens=networks.names(corrupted),
        is_replaced=replaced_places(networks, sentence, corrupted, positions),
        probabilities=None if probabilities is None else probabilities[0],
        corrupted_ids=corrupted,
        words=list(sentence.words),
        is_edited=sentence.is_edited,
        original_ranks=[None] * len(positions) if logits is None else ranks(logits, ids[positions]),
        left_out=sentence.text[len(sentence.seen) :],
        num_left_out=sentence.num_left_out,
    )


def _sampled(networks, masked, originals, draws, masses):
    """One id (M,) per masked place; where no generator is, what stood there, unless it is kept."""
    if masses is not None:
        sampled = drawn(masses, draws)
    elif networks.is_uniform:
        sampled = drawn_uniformly(networks.vocabulary_size, originals, draws)
    else:
        sampled = masked.ids[masked.positions].astype(np.int64)
    for slot, position in enumerate(masked.positions):
        sampled[slot] = masked.kept.get(int(position), sampled[slot])
    return sampled


def with_tokens(ids: np.ndarray, positions: np.ndarray, sampled: np.ndarray) -> np.ndarray:
    """`ids` (T,) with samples put in; a place drawn several times gets the floor of their mean, which
    is the original program's rule."""
    corrupted = ids.copy()
    for position in np.unique(positions):
        corrupted[position] = sampled[positions == position].sum() // (positions == position).sum()
    return corrupted


def replaced_places(networks, sentence: Sentence, corrupted, positions) -> np.ndarray:
    """(T,) bool: where the text shown is not the original."""
    is_replaced = sentence.is_edited | (corrupted != sentence.ids)
    for word, pieces in zip(sentence.words, sentence.original_ids, strict=True):
        # A draw can bring back the word that an edit took away.
        if word.edited is not None and tuple(corrupted[word.first : word.last]) == pieces:
            is_replaced[word.first : word.last] = False
    if networks.counts_masked:
        is_replaced[positions] = True
    return is_replaced
