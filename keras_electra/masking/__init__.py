"""Masking: which places of a batch the generator predicts, and what it is shown there.

Shapes: B examples, T tokens, K = `MaskingConfig.max_masked(T)` slots, V vocabulary entries.
"""

from keras_electra.masking.batch import SpecialIds, mask_batch, never_masked_ids
from keras_electra.masking.draws import Purpose, draw, draw_bits

__all__ = ["Purpose", "SpecialIds", "draw", "draw_bits", "mask_batch", "never_masked_ids"]
