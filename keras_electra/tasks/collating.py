"""Rows of encoded examples as one padded batch, a dict of NumPy arrays.

Shapes: B rows of the batch, T places, N labels, C choices.
"""

import numpy as np

from keras_electra.tasks.encoded import EncodedExamples, filled
from keras_electra.tasks.kinds import kind_of

INPUTS = ("token_ids", "segment_ids", "padding_mask")
"""What the encoder reads, whatever the task."""


def collate(
    encoded: EncodedExamples, rows: np.ndarray, *, length: int, batch_size: int
) -> dict[str, np.ndarray]:
    """The batch of some rows.

    All kinds: `token_ids`, `segment_ids` (B, T) int32 and `padding_mask` (B, T) bool, for multiple
    choice (B, C, T); `rows` (B,) int32; `example_weights` (B,) float32, 1 where the right answer is
    known. Then by kind:

        classification       labels (B,) int32
        multi_label          labels (B, N) float32
        regression           labels (B,) float32, the value range mapped to 0..1
        tagging              word_positions, labels (B, T) int32, word_weights (B, T) float32; there
                             are as many slots for words as places, so that T alone decides the shapes
        question_answering   answer_mask (B, T) bool, start_positions, end_positions (B,) int32,
                             is_impossible (B,) float32
        multiple_choice      labels (B,) int32, choice_weights (B, C) float32

    Rows that only fill the batch up, and choices that a row lacks, are `[CLS] [SEP]`: attention needs
    a place to look at. There `rows` is -1 and the weight 0.

    Args:
        encoded: the examples.
        rows: indices of at most B rows.
        length: T, no less than the longest of them.
        batch_size: B.
    """
    rows = np.asarray(rows, np.int32)
    kind = kind_of(encoded.kind)
    batch = framed_inputs(encoded, rows, length, batch_size, kind.has_choices)
    batch["rows"] = filled(rows, (batch_size,), np.int32, fill=-1)
    batch["example_weights"] = filled(encoded.has_gold[rows], (batch_size,), np.float32)
    kind.collate(encoded, rows, batch)
    return batch


def framed_inputs(
    encoded: EncodedExamples, rows, length: int, batch_size: int, has_choices: bool
) -> dict[str, np.ndarray]:
    """`token_ids`, `segment_ids` and `padding_mask`, (B, T) or (B, C, T)."""
    num_choices = encoded.max_choices
    pad_id, class_id, separator_id = encoded.special_ids
    shape = (batch_size, num_choices, length)
    token_ids = np.full(shape, pad_id, np.int32)
    segment_ids, padding_mask = np.zeros(shape, np.int32), np.zeros(shape, bool)
    token_ids[..., :2], padding_mask[..., :2] = (class_id, separator_id), True
    for place, row in enumerate(rows):
        parts, segments = encoded.token_ids[row], encoded.segment_ids[row]
        if not has_choices:
            parts, segments = [parts], [segments]
        for choice, (ids, segment) in enumerate(zip(parts, segments, strict=True)):
            token_ids[place, choice, : len(ids)] = ids
            segment_ids[place, choice, : len(ids)] = segment
            padding_mask[place, choice, : len(ids)] = True
    arrays = token_ids, segment_ids, padding_mask
    if not has_choices:
        arrays = [array[:, 0] for array in arrays]
    return dict(zip(INPUTS, arrays, strict=True))
