"""Reading the vocabulary logits: losses, hits and samples at masked places.

Shapes: B examples, K masked places, V vocabulary entries.
"""

from keras import ops

BLOCK = 128
"""Entries per block of the two-level search; V / BLOCK and BLOCK are both short sums."""


def token_losses(logits, token_ids):
    """Negative log-likelihood (..., ) float32 of `token_ids` (...) under `logits` (..., V) float32."""
    chosen = ops.take_along_axis(logits, token_ids[..., None], axis=-1)
    return ops.logsumexp(logits, axis=-1) - ops.squeeze(chosen, axis=-1)


def sample_tokens(logits, uniform_draws, temperature=1.0):
    """Draw one token id per place by inverting the cumulative distribution.

    The randomness is an input, so the same batch and weights give the same sample on every backend
    and after every resume (up to rounding: about one draw in a thousand differs at V = 30522). The
    search has two levels, blocks and entries, so that no running sum is longer than a few hundred
    entries. The distribution is that of the original's Gumbel trick.

    Args:
        logits: float (B, K, V); no gradient flows back.
        uniform_draws: float32 (B, K) in [0, 1).
        temperature: divides the logits; 1.0 samples from the generator as it is.

    Returns:
        int32 (B, K).
    """
    logits = ops.cast(ops.stop_gradient(logits), "float32")
    if temperature != 1.0:
        logits = logits / temperature
    masses = ops.exp(logits - ops.max(logits, axis=-1, keepdims=True))
    return _inverted(masses, uniform_draws)


def _inverted(masses, uniform_draws):
    """Index per place at which the running sum of `masses` (B, K, V) passes draw * total."""
    size = masses.shape[-1]
    num_blocks = -(-size // BLOCK)
    masses = ops.pad(masses, [[0, 0], [0, 0], [0, num_blocks * BLOCK - size]])
    blocks = ops.reshape(masses, (-1, ops.shape(masses)[1], num_blocks, BLOCK))
    block_ends = ops.cumsum(ops.sum(blocks, axis=-1), axis=-1)
    target = uniform_draws[..., None] * block_ends[..., -1:]
    block = _num_at_most(block_ends, target, num_blocks)
    inside = ops.take_along_axis(blocks, block[..., None, None], axis=2)[:, :, 0]
    ends = ops.cumsum(inside, axis=-1)
    before = ops.take_along_axis(
        ops.concatenate([ops.zeros_like(target), block_ends], axis=-1), block[..., None], axis=-1
    )
    entry = _num_at_most(ends, target - before, BLOCK)
    return ops.minimum(block * BLOCK + entry, size - 1)


def _num_at_most(ends, target, size):
    """How many of `ends` (..., size) lie at or below `target` (..., 1), at most size - 1; int32."""
    below = ops.sum(ops.cast(ends <= target, "int32"), axis=-1)
    return ops.minimum(below, size - 1)


def mean_of_duplicates(sampled_ids, positions, weights):
    """The original's rule for a place drawn several times: the floor of the mean of its samples.

    sampled_ids [[7, 4, 9]] at positions [[3, 3, 5]] with weights 1 become [[5, 5, 9]].
    """
    used = ops.cast(weights > 0, "int32")
    same = ops.cast(positions[:, :, None] == positions[:, None, :], "int32") * used[:, None, :]
    total = ops.sum(same * sampled_ids[:, None, :], axis=-1)
    count = ops.maximum(ops.sum(same, axis=-1), 1)
    return ops.floor_divide(total, count)


def replace_tokens(token_ids, slot_of_token, new_ids):
    """Write `new_ids` (B, K) into `token_ids` (B, T) where `slot_of_token` (B, T) is below K.

    A gather, because scattering is slow on every backend: token_ids [[5, 6, 7]] with slots
    [[2, 0, 2]] and new_ids [[9, 8]] become [[5, 9, 7]].
    """
    num_slots = ops.shape(new_ids)[1]
    candidates = ops.take_along_axis(new_ids, ops.minimum(slot_of_token, num_slots - 1), axis=1)
    return ops.where(slot_of_token < num_slots, candidates, token_ids)
