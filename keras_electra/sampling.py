"""Reading the vocabulary logits: losses, hits and samples at masked places.

Shapes: B examples, T tokens, K masked places, V vocabulary entries, M blocks of BLOCK entries, `...`
any axes.
"""

import keras
from keras import ops

from keras_electra.backends.typed import Tensor
from keras_electra.errors import InputError

BLOCK = 128
"""Entries per block of the two-level search; V / BLOCK and BLOCK are both short sums."""

NO_LOGIT = -1e30
"""Stands for a logit that has no share: finite, for a difference of infinities is no number."""


def read_logits(
    logits: Tensor, token_ids: Tensor, answer_allowed: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Everything that is wanted from vocabulary logits, in one pass over them.

    Args:
        logits: float32 (..., V).
        token_ids: int32 (...), the right answers.
        answer_allowed: whether `masses` hold the right answers, too; losses and hits always do.

    Returns:
        losses: float32 (...), negative log-likelihood of `token_ids`.
        hits: float32 (...), 1.0 where no entry scores above the right answer.
        masses: float32 (..., V), probabilities up to a factor, the largest 1; no gradient flows back.
            An answer that is not allowed has 0.
    """
    chosen = ops.take_along_axis(logits, token_ids[..., None], axis=-1)[..., 0]  # (...)
    if not answer_allowed:
        # Before the maximum is taken: beside an answer that is all but sure the masses of the others
        # would be too small for float32, and at a low temperature none would be left.
        is_answer = ops.arange(logits.shape[-1], dtype="int32") == token_ids[..., None]  # (..., V)
        logits = ops.where(is_answer, NO_LOGIT, logits)
    top = ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True))  # (..., 1)
    masses = ops.exp(logits - top)  # (..., V)
    top = top[..., 0]
    losses = ops.log(ops.sum(masses, axis=-1)) + top - chosen  # (...)
    if not answer_allowed:
        # Up to here the log-odds of all others against the answer.
        losses = ops.softplus(losses)
    return losses, ops.cast(chosen >= top, "float32"), ops.stop_gradient(masses)


def sample_tokens(
    masses: Tensor, uniform_draws: Tensor, temperature: float = 1.0, *, has_excluded: bool = False
) -> Tensor:
    """Draw one token id per place by inverting the cumulative distribution.

    The randomness is an input, so the same batch and weights give the same sample on every backend
    and after every resume (up to rounding: about one draw in a thousand differs at V = 30522). The
    search has two levels, blocks and entries, so that no running sum is longer than a few hundred
    entries. The distribution is that of the original's Gumbel trick.

    Args:
        masses: float32 (B, K, V), probabilities up to a factor per place.
        uniform_draws: float32 (B, K) in [0, 1).
        temperature: what the logits behind the masses are divided by; 1.0 samples as they are.
        has_excluded: whether entries of mass 0 are there on purpose, and must not be drawn even where
            a device adds running sums in a tree, whose rounding may let one rise at such an entry.

    Returns:
        int32 (B, K). An entry of mass 0 is not drawn.

    Raises:
        InputError: for masses or draws of 16 bits.
    """
    refuse_short_numbers("masses", masses)
    refuse_short_numbers("uniform_draws", uniform_draws)
    if temperature != 1.0:
        masses = masses ** (1.0 / temperature)
    return _inverted(masses, uniform_draws, has_excluded)


def sample_uniformly(
    uniform_draws: Tensor, vocabulary_size: int, excluded_ids: Tensor | None = None
) -> Tensor:
    """Draw one token id per place, all alike.

    Args:
        uniform_draws: float32 (B, K) in [0, 1).
        vocabulary_size: V.
        excluded_ids: int32 (B, K), of each place the one that is not drawn; None to draw from all.

    Returns:
        int32 (B, K), `floor(draw * V)`; of the V - 1 others the one with that number.

    Raises:
        InputError: for draws of 16 bits.
    """
    refuse_short_numbers("uniform_draws", uniform_draws)
    count = vocabulary_size if excluded_ids is None else vocabulary_size - 1
    # A product with a fraction just below 1 is not rounded up in float32, but may be elsewhere.
    ids = ops.minimum(ops.cast(ops.floor(uniform_draws * count), "int32"), count - 1)
    return ids if excluded_ids is None else ids + ops.cast(ids >= excluded_ids, "int32")


def refuse_short_numbers(name: str, array: Tensor) -> None:
    """Raise `InputError` for an array of 16-bit floats, whose rounding would pass unnoticed.

    A bfloat16 has 8 significant bits: of 2,048 entries half could never be drawn, and the id 30521
    would be 30464.
    """
    dtype = keras.backend.standardize_dtype(array.dtype)
    if dtype in ("bfloat16", "float16"):
        raise InputError(
            f"{name}: expected numbers of 32 bits, received {dtype}. Keras casts the inputs of a model "
            "to its compute dtype: give the model that was called `autocast=False`, or pass ids as "
            "integers"
        )


def _inverted(masses: Tensor, uniform_draws: Tensor, has_excluded: bool) -> Tensor:
    """Index per place at which the running sum of `masses` (B, K, V) passes draw * total."""
    size = masses.shape[-1]
    num_blocks = -(-size // BLOCK)
    masses = ops.pad(masses, [[0, 0], [0, 0], [0, num_blocks * BLOCK - size]])  # (B, K, M * BLOCK)
    blocks = ops.reshape(masses, (-1, ops.shape(masses)[1], num_blocks, BLOCK))  # (B, K, M, BLOCK)
    block_masses = ops.sum(blocks, axis=-1)  # (B, K, M)
    block_ends = ops.cumsum(block_masses, axis=-1)
    target = uniform_draws[..., None] * block_ends[..., -1:]  # (B, K, 1)
    block = _num_at_most(block_ends, target, num_blocks)  # (B, K)
    if has_excluded:
        block = _with_mass(block, block_masses)
    inside = ops.take_along_axis(blocks, block[..., None, None], axis=2)[:, :, 0]  # (B, K, BLOCK)
    ends = ops.cumsum(inside, axis=-1)
    starts = ops.concatenate([ops.zeros_like(target), block_ends], axis=-1)  # (B, K, M + 1)
    before = ops.take_along_axis(starts, block[..., None], axis=-1)  # (B, K, 1)
    entry = _num_at_most(ends, target - before, BLOCK)  # (B, K)
    if has_excluded:
        entry = _with_mass(entry, inside)
    return ops.minimum(block * BLOCK + entry, size - 1)


def _num_at_most(ends: Tensor, target: Tensor, size: int) -> Tensor:
    """How many of `ends` (..., size) lie at or below `target` (..., 1), at most size - 1; int32."""
    # Rounding can bring a target up to the last end, behind which nothing has a mass.
    is_below = ops.logical_and(ends <= target, ends < ends[..., -1:])
    return ops.minimum(ops.sum(ops.cast(is_below, "int32"), axis=-1), size - 1)


def _with_mass(place: Tensor, masses: Tensor) -> Tensor:
    """`place` (...), or that of the largest of `masses` (..., size) where it has none; int32."""
    has_mass = ops.take_along_axis(masses, place[..., None], axis=-1)[..., 0] > 0  # (...)
    return ops.where(has_mass, place, ops.cast(ops.argmax(masses, axis=-1), "int32"))


def mean_of_duplicates(sampled_ids: Tensor, positions: Tensor, weights: Tensor) -> Tensor:
    """The original's rule for a place drawn several times: the floor of the mean of its samples.

    sampled_ids [[7, 4, 9]] at positions [[3, 3, 5]] with weights 1 become [[5, 5, 9]].
    """
    used = ops.cast(weights > 0, "int32")
    same = ops.cast(positions[:, :, None] == positions[:, None, :], "int32")  # (B, K, K)
    same = same * used[:, None, :]
    total = ops.sum(same * sampled_ids[:, None, :], axis=-1)  # (B, K)
    count = ops.maximum(ops.sum(same, axis=-1), 1)
    return ops.floor_divide(total, count)


def replace_tokens(token_ids: Tensor, slot_of_token: Tensor, new_ids: Tensor) -> Tensor:
    """Write `new_ids` (B, K) into `token_ids` (B, T) where `slot_of_token` (B, T) is below K.

    A gather, because scattering is slow on every backend: token_ids [[5, 6, 7]] with slots
    [[2, 0, 2]] and new_ids [[9, 8]] become [[5, 9, 7]].
    """
    num_slots = ops.shape(new_ids)[1]
    slots = ops.minimum(slot_of_token, num_slots - 1)
    candidates = ops.take_along_axis(new_ids, slots, axis=1)  # (B, K)[(B, T)] -> (B, T)
    return ops.where(slot_of_token < num_slots, candidates, token_ids)
