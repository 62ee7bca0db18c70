"""Muon (Jordan et al., 2024): a hidden matrix moves by the orthogonal part of its momentum.

Every direction of such an update is of the same length, so that rare ones are learned too. It is for
matrices that lie between activations; tables, heads, biases and LayerNorms stay with AdamW.

Shapes: R rows and C columns of a matrix, S and L its shorter and its longer side, P matrices in
a stack, `...` any axes.
"""

from collections.abc import Sequence

from keras import ops

from keras_electra.backends.typed import Tensor
from keras_electra.flops import MUON_ITERATIONS

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the odd polynomial of fifth degree that is applied to the singular values."""
UPDATE_SIZE = 0.2
"""Root mean square of an update's numbers: AdamW's, so its rate and decay serve (Liu et al., 2025)."""
SMALLEST_NORM = 1e-12


def orthogonalized(matrices: Tensor) -> Tensor:
    """`U V'` of matrices `U S V'` (..., rows, columns), about: singular values come to lie near 1.

    Five steps of a Newton-Schulz iteration, which is matrix products alone. A singular value of at least
    a 500th of the root of the sum of their squares ends between 0.68 and 1.21; smaller ones end lower.
    """
    is_tall = matrices.shape[-2] > matrices.shape[-1]
    x = ops.swapaxes(matrices, -1, -2) if is_tall else matrices  # (..., S, L)
    norm = ops.sqrt(ops.sum(ops.square(x), axis=(-2, -1), keepdims=True))  # (..., 1, 1)
    x = x / (norm + SMALLEST_NORM)
    a, b, c = COEFFICIENTS
    for _ in range(MUON_ITERATIONS):
        gram = ops.matmul(x, ops.swapaxes(x, -1, -2))  # (..., S, S)
        x = a * x + ops.matmul(b * gram + c * ops.matmul(gram, gram), x)  # (..., S, L)
    return ops.swapaxes(x, -1, -2) if is_tall else x  # (..., R, C)


def muon_updates(directions: Sequence[Tensor], block_counts: Sequence[int]) -> list[Tensor]:
    """What to take off each matrix, times the rate, for the directions that its momentum gives.

    Args:
        directions: matrices (rows, columns), the columns of each in equal blocks.
        block_counts: how many matrices stand side by side in each, as query, key and value do; every
            one is orthogonalized by itself and scaled by `0.2 sqrt(max(rows, columns))`.

    Blocks of one shape, lying or standing, go through the iteration together: few large products
    instead of many small ones, and a program that compiles soon.
    """
    stacks, places = {}, []
    for direction, count in zip(directions, block_counts, strict=True):
        blocks = ops.split(direction, count, axis=1) if count > 1 else [direction]  # (R, C) each
        is_tall = blocks[0].shape[0] > blocks[0].shape[1]
        lying = [ops.transpose(block) if is_tall else block for block in blocks]  # (S, L) each
        stack = stacks.setdefault(tuple(lying[0].shape), [])
        places.append((tuple(lying[0].shape), len(stack), count, is_tall))
        stack.extend(lying)
    done = {
        shape: orthogonalized(ops.stack(stack)) * (UPDATE_SIZE * max(shape) ** 0.5)  # (P, S, L)
        for shape, stack in stacks.items()
    }
    updates = []
    for shape, first, count, is_tall in places:
        blocks = [done[shape][place] for place in range(first, first + count)]
        blocks = [ops.transpose(block) if is_tall else block for block in blocks]  # (R, C) each
        update = ops.concatenate(blocks, axis=1) if count > 1 else blocks[0]  # (R, count * C)
        updates.append(update)
    return updates
