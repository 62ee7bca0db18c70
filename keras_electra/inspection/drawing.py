"""Drawing tokens from a generator's logits, outside of any compiled step.

Shapes: M masked places, V vocabulary entries.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Draws:
    """How tokens are drawn.

    Attributes:
        uniform: (M,) in [0, 1), the randomness of each place.
        temperature: divides the logits.
        top_k: draw from the k likeliest only, or None.
        is_greedy: take the likeliest in place of drawing.
        original_allowed: whether the original may be drawn.
    """

    uniform: np.ndarray
    temperature: float = 1.0
    top_k: int | None = None
    is_greedy: bool = False
    original_allowed: bool = True


def shares(logits: np.ndarray, originals: np.ndarray, draws: Draws) -> np.ndarray:
    """The distribution (M, V) float64 that is drawn from; `originals` (M,) are ids."""
    logits = np.asarray(logits, np.float64) / draws.temperature
    if not draws.original_allowed:
        logits[np.arange(len(logits)), originals] = -np.inf
    if draws.top_k is not None and draws.top_k < logits.shape[-1]:
        least = -np.partition(-logits, draws.top_k - 1, axis=-1)[:, draws.top_k - 1]
        logits[logits < least[:, None]] = -np.inf
    masses = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return masses / masses.sum(axis=-1, keepdims=True)


def drawn(masses: np.ndarray, draws: Draws) -> np.ndarray:
    """One id (M,) int64 per place, by inverting the cumulative distribution (M, V).

    >>> drawn(np.array([[0.25, 0.5, 0.25]]), Draws(np.array([0.7])))
    array([1])
    """
    if draws.is_greedy:
        return masses.argmax(axis=-1)
    ends = np.cumsum(masses, axis=-1)
    targets = draws.uniform * ends[:, -1]
    # Rounding can bring a target up to the last end, behind which nothing has a mass.
    is_below = (ends <= targets[:, None]) & (ends < ends[:, -1:])
    return is_below.sum(axis=-1)


def drawn_uniformly(vocabulary_size: int, originals: np.ndarray, draws: Draws) -> np.ndarray:
    """One id (M,) int64 per place, all that may be drawn equally likely; `originals` (M,) are ids.

    >>> drawn_uniformly(3, np.array([1]), Draws(np.array([0.5]), original_allowed=False))
    array([2])
    """
    if draws.original_allowed:
        return (draws.uniform * vocabulary_size).astype(np.int64)
    ids = (draws.uniform * (vocabulary_size - 1)).astype(np.int64)
    return ids + (ids >= originals)


def ranks(logits: np.ndarray, ids: np.ndarray) -> list[int]:
    """How many entries of each row (M, V) are larger than that of its id, plus 1."""
    chosen = np.take_along_axis(logits, ids[:, None], axis=-1)
    return (1 + (logits > chosen).sum(axis=-1)).tolist()


def entropies(masses: np.ndarray) -> np.ndarray:
    """(M,) in nats: how unsure a distribution (M, V) is."""
    logs = np.log(masses, where=masses > 0, out=np.zeros_like(masses))
    return -(masses * logs).sum(axis=-1)


def likeliest(masses: np.ndarray, count: int) -> np.ndarray:
    """The ids (M, count) of the largest entries of each row (M, V), largest first."""
    count = min(count, masses.shape[-1])
    some = np.argpartition(-masses, count - 1, axis=-1)[:, :count]
    # By id first, so that ties come out in one order on every machine.
    some = np.sort(some, axis=-1)
    order = np.argsort(-np.take_along_axis(masses, some, axis=-1), axis=-1, kind="stable")
    return np.take_along_axis(some, order, axis=-1)
