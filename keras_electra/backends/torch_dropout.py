"""PyTorch: dropout, and attention with it, whose noise is cheap on a processor too.

Shapes: B examples, T tokens, N heads, D width of a head.
"""

import contextlib
import contextvars
import math

import torch
from torch.nn import functional as F

from keras_electra.backends.typed import Tensor

LEVELS = 2**16
"""Steps in which a processor's noise can meet a rate: 0.1 becomes 6554 / 65536."""


_IS_RECORDED = contextvars.ContextVar("is_recorded", default=False)


@contextlib.contextmanager
def recorded():
    """Inside, all noise is drawn by the operations that PyTorch's compiler makes programs of."""
    token = _IS_RECORDED.set(True)
    try:
        yield
    finally:
        _IS_RECORDED.reset(token)


def dropout(x: Tensor, rate: float, key: Tensor, site: int) -> Tensor:
    """Zero a fraction `rate` of `x` and scale the rest."""
    return x * _noise(x, rate) if _draws_itself(x) else F.dropout(x, rate, training=True)


def attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor, rate: float, noise: Tensor, site: int
) -> Tensor:
    """Softmax attention: (B, T, N, D) each, mask (B or 1, 1, T or 1, T) of bool or None."""
    query, key, value = (x.transpose(1, 2) for x in (query, key, value))  # (B, N, T, D)
    if rate > 0 and _draws_itself(query):
        output = _attention_with_noise(query, key, value, mask, rate)
    else:
        # (B, N, T, D)
        output = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=rate)
    return output.transpose(1, 2)  # (B, T, N, D)


def _attention_with_noise(query, key, value, mask, rate):
    """What PyTorch computes in the same steps where its fast kernel knows no dropout."""
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(2, 3)  # (B, N, T, T)
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    weights = torch.softmax(scores, -1, dtype=torch.float32).to(value.dtype)
    return (weights * _noise(weights, rate)) @ value  # (B, N, T, D)


def _draws_itself(x: Tensor) -> bool:
    """Whether PyTorch would draw one number for each element of `x` on one core."""
    is_compiled = torch.compiler.is_compiling() or _IS_RECORDED.get()
    return x.device.type == "cpu" and not is_compiled


def _noise(x: Tensor, rate: float) -> Tensor:
    """0 at a fraction `rate` of the places of `x`, elsewhere the factor that keeps the mean.

    Every 64 drawn bits decide four places, which takes a sixth of the time of drawing a number each.
    """
    num_words = math.ceil(x.numel() / 4)
    words = torch.empty(num_words, dtype=torch.int64).random_(-(2**63), None)
    bits = words.view(torch.int16)[: x.numel()].view(x.shape)
    dropped = round(rate * LEVELS)
    keep = bits >= dropped - LEVELS // 2
    return keep.to(x.dtype) * (LEVELS / (LEVELS - dropped))
