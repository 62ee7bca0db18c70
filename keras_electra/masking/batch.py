"""Hiding tokens of a batch from the generator, as a pure function of (seed, step, index).

Shapes: B examples, T tokens, K = `MaskingConfig.max_masked(T)` slots, V vocabulary entries.
The index is the example's in the global batch: a slice is masked as it is inside the whole batch.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_electra.config.masking import MaskingConfig
from keras_electra.errors import InputError
from keras_electra.masking.draws import Purpose, draw, draw_bits, to_unit_interval
from keras_electra.masking.places import (
    ascending_positions,
    choose_places,
    choose_words,
    draw_places,
)


class SpecialIds(NamedTuple):
    """Ids of the special tokens; a `WordPieceTokenizer` has the same attributes and serves too."""

    pad_id: int
    unknown_id: int
    class_id: int
    separator_id: int
    mask_id: int


def never_masked_ids(special) -> tuple[int, ...]:
    """Ids that are never selected: [PAD], [CLS], [SEP], [MASK]; an unknown word may be."""
    return special.pad_id, special.class_id, special.separator_id, special.mask_id


def mask_batch(
    token_ids,
    padding_mask=None,
    *,
    config: MaskingConfig,
    special,
    vocabulary_size: int,
    seed: int,
    step: int,
    first_index: int = 0,
    is_continuation: Sequence[bool] | None = None,
    mask_rate: float | None = None,
) -> dict[str, np.ndarray]:
    """Select places of every example and hide the tokens there from the generator.

    With n tokens in an example (padding not counted, [CLS] and [SEP] counted),
    `round(mask_rate * n)` of them are selected, at least 1 and at most K. `selection="unique"`
    selects distinct places and never more than there are; "original" draws with replacement, so
    slots may share a place. With `whole_words` the words of an example are taken in random order
    and one that would exceed the number is passed over, so fewer pieces, even none, may be selected.
    An example that holds special tokens only has no selected place.

    Args:
        token_ids: (B, T) integers in [0, V).
        padding_mask: (B, T) booleans, True at real tokens; None where nothing is padded.
        config: which share is selected, and how.
        special: a `SpecialIds` or a `WordPieceTokenizer`.
        vocabulary_size: V.
        seed: of the run, in [0, 2**64).
        step: of the optimizer.
        first_index: index in the global batch of the first example given.
        is_continuation: (V,) booleans, True at pieces that continue a word; for `whole_words`.
        mask_rate: that of this step, where it changes over a run; None for `config.mask_rate`.

    Returns:
        masked_ids: (B, T) int32, the generator's input.
        mask_positions: (B, K) int32, the selected places, ascending when unique; 0 in unused slots.
        mask_weights: (B, K) float32, 1.0 in used slots, else 0.0; used slots come first.
        uniform_draws: (B, K) float32 in [0, 1), the randomness of the generator's samples.
        slot_of_token: (B, T) int32, the (lowest) slot that holds a place; K where not selected.

    Raises:
        InputError: if shapes, ids or options do not fit.
    """
    token_ids = _checked_ids(token_ids, padding_mask, vocabulary_size)
    key = (seed, step, first_index)
    mask_rate = config.mask_rate if mask_rate is None else mask_rate
    maskable, num_real = _maskable(token_ids, padding_mask, special)
    continues = _continues(token_ids, is_continuation, vocabulary_size, config)
    positions, is_used = _choose(maskable, num_real, continues, config, mask_rate, key)
    slot_of_token = _slot_of_token(positions, is_used, token_ids.shape[1])
    slots = (positions, is_used, slot_of_token)
    return {
        "masked_ids": _hide(token_ids, slots, config, special, vocabulary_size, key),
        "mask_positions": positions,
        "mask_weights": is_used.astype(np.float32),
        "uniform_draws": _sampling_draws(key, positions.shape),
        "slot_of_token": slot_of_token,
    }


def _checked_ids(token_ids, padding_mask, vocabulary_size):
    token_ids = np.asarray(token_ids)
    if token_ids.ndim != 2 or not token_ids.shape[1] or token_ids.dtype.kind not in "iu":
        raise InputError(
            "token_ids: expected integers of shape (examples, tokens), received "
            f"{token_ids.dtype} of shape {token_ids.shape}"
        )
    if padding_mask is not None and np.shape(padding_mask) != token_ids.shape:
        raise InputError(
            f"padding_mask: expected shape {token_ids.shape}, received {np.shape(padding_mask)}"
        )
    for wrong in (token_ids.min(initial=0), token_ids.max(initial=0)):
        if not 0 <= wrong < vocabulary_size:
            raise InputError(f"token_ids: expected ids in [0, {vocabulary_size}), received {wrong}")
    return token_ids.astype(np.int32, copy=False)


def _maskable(token_ids, padding_mask, special):
    """Places that may be selected (B, T), and the number of real tokens of each example (B,)."""
    if padding_mask is None:
        num_real = np.full(len(token_ids), token_ids.shape[1])
        maskable = np.ones(token_ids.shape, bool)
    else:
        maskable = np.array(padding_mask, bool)
        num_real = maskable.sum(1)
    for never_masked in never_masked_ids(special):
        maskable &= token_ids != never_masked
    return maskable, num_real


def _num_selected(num_real, config, mask_rate, max_masked):
    if config.selection == "original":
        # The original multiplies in float32: 190 tokens give 29 instead of round(28.5) = 28.
        num_real = num_real.astype(np.float32)
    return np.clip(np.rint(num_real * mask_rate), 1, max_masked).astype(np.int64)


def _continues(token_ids, is_continuation, vocabulary_size, config):
    """Where a piece continues a word (B, T); None if whole words are not asked for."""
    if not config.whole_words:
        return None
    received = "none" if is_continuation is None else f"shape {np.shape(is_continuation)}"
    if is_continuation is None or np.shape(is_continuation) != (vocabulary_size,):
        raise InputError(
            f"is_continuation: expected shape ({vocabulary_size},) for whole_words, "
            f"received {received}"
        )
    return np.asarray(is_continuation, bool)[token_ids]


def _choose(maskable, num_real, continues, config, mask_rate, key):
    """Positions and whether a slot is used, both (B, K)."""
    num_slots = config.max_masked(maskable.shape[1])
    num_selected = _num_selected(num_real, config, mask_rate, num_slots)
    if config.selection == "original":
        positions = draw_places(maskable, num_slots, key)
        num_selected = np.where(maskable.any(1), num_selected, 0)
    else:
        if config.whole_words:
            chosen = choose_words(maskable, continues, num_selected, key)
        else:
            chosen = choose_places(maskable, num_selected, key)
        positions, num_selected = ascending_positions(chosen, num_slots), chosen.sum(1)
    is_used = np.arange(num_slots) < num_selected[:, None]
    return np.where(is_used, positions, 0).astype(np.int32), is_used


def _hide(token_ids, slots, config, special, vocabulary_size, key):
    """The generator's input (B, T)."""
    positions, is_used, slot_of_token = slots
    masked_ids = token_ids.copy()
    shown = draw(*key, Purpose.SHOWN, *positions.shape)
    if config.random_rate:
        # Slots that share a place would overwrite one another: the lowest decides.
        is_lowest = np.take_along_axis(slot_of_token, positions, 1) == np.arange(shown.shape[1])
        is_random = is_used & is_lowest & (shown < config.random_rate)
        fractions = draw(*key, Purpose.RANDOM_IDS, *positions.shape)
        random_ids = _ordinary_ids(fractions[is_random], special, vocabulary_size)
        masked_ids[_places(positions, is_random)] = random_ids
    # A place that any of its slots hides is hidden.
    is_hidden = is_used & (shown >= config.random_rate + config.keep_rate)
    masked_ids[_places(positions, is_hidden)] = special.mask_id
    return masked_ids


def _places(positions, slots):
    """Index of the places that the slots marked in `slots` (B, K) hold."""
    rows, columns = np.nonzero(slots)
    return rows, positions[rows, columns]


def _sampling_draws(key, shape):
    """float32 in [0, 1), of 24 bits: float32 would round a longer fraction up to 1."""
    bits = draw_bits(*key, Purpose.SAMPLING, *shape)
    return to_unit_interval(bits, bits=24).astype(np.float32)


def _ordinary_ids(uniform, special, vocabulary_size):
    """Ids uniform over the vocabulary without its special tokens."""
    special_ids = sorted({*never_masked_ids(special), special.unknown_id})
    num_ordinary = vocabulary_size - len(special_ids)
    if num_ordinary < 1:
        raise InputError(
            "vocabulary_size: expected more than the special tokens for random_rate > 0, "
            f"received {vocabulary_size}"
        )
    ids = (uniform * num_ordinary).astype(np.int32)
    for special_id in special_ids:
        ids += ids >= special_id
    return ids


def _slot_of_token(positions, is_used, num_tokens):
    num_slots = positions.shape[1]
    slots = np.full((len(positions), num_tokens), num_slots, np.int32)
    used_slots = np.nonzero(is_used)[1].astype(np.int32)
    # Not an assignment: which of several slots that share a place it leaves is NumPy's choice.
    np.minimum.at(slots, _places(positions, is_used), used_slots)
    return slots
