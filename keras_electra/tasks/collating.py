"""Rows of encoded examples as one padded batch, a dict of NumPy arrays.

Shapes: B rows of the batch, T places, N labels, C choices.
"""

import numpy as np

from keras_electra.tasks.encoded import EncodedExamples

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
    batch = framed_inputs(encoded, rows, length, batch_size)
    batch["rows"] = filled(rows, (batch_size,), np.int32, fill=-1)
    batch["example_weights"] = filled(encoded.has_gold[rows], (batch_size,), np.float32)
    if encoded.kind == "question_answering":
        batch["answer_mask"] = (batch["segment_ids"] == 1) & batch["padding_mask"]
        batch["answer_mask"][:, 0] = True
        for name in ("start_positions", "end_positions"):
            batch[name] = filled(take(encoded, name, rows), (batch_size,), np.int32)
        is_impossible = take(encoded, "is_impossible", rows)
        batch["is_impossible"] = filled(is_impossible, (batch_size,), np.float32)
    elif encoded.kind == "tagging":
        types = {"word_positions": np.int32, "labels": np.int32, "word_weights": np.float32}
        for name, dtype in types.items():
            batch[name] = filled(take(encoded, name, rows), (batch_size, length), dtype)
    elif encoded.kind == "multi_label":
        shape = (batch_size, len(encoded.labels))
        batch["labels"] = filled(take(encoded, "labels", rows), shape, np.float32)
    else:
        dtype = np.float32 if encoded.kind == "regression" else np.int32
        batch["labels"] = filled(take(encoded, "labels", rows), (batch_size,), dtype)
    if encoded.kind == "multiple_choice":
        ones = [np.ones(len(encoded.token_ids[row])) for row in rows]
        batch["choice_weights"] = filled(ones, (batch_size, encoded.max_choices), np.float32)
    return batch


def framed_inputs(encoded: EncodedExamples, rows, length: int, batch_size: int) -> dict:
    """`token_ids`, `segment_ids` and `padding_mask`, (B, T) or (B, C, T)."""
    num_choices = encoded.max_choices
    pad_id, class_id, separator_id = encoded.special_ids
    shape = (batch_size, num_choices, length)
    token_ids = np.full(shape, pad_id, np.int32)
    segment_ids, padding_mask = np.zeros(shape, np.int32), np.zeros(shape, bool)
    token_ids[..., :2], padding_mask[..., :2] = (class_id, separator_id), True
    for place, row in enumerate(rows):
        parts, segments = encoded.token_ids[row], encoded.segment_ids[row]
        if encoded.kind != "multiple_choice":
            parts, segments = [parts], [segments]
        for choice, (ids, segment) in enumerate(zip(parts, segments, strict=True)):
            token_ids[place, choice, : len(ids)] = ids
            segment_ids[place, choice, : len(ids)] = segment
            padding_mask[place, choice, : len(ids)] = True
    arrays = token_ids, segment_ids, padding_mask
    if encoded.kind != "multiple_choice":
        arrays = [array[:, 0] for array in arrays]
    return dict(zip(INPUTS, arrays, strict=True))


def take(encoded: EncodedExamples, name: str, rows) -> list:
    """The values of one field in some rows."""
    return [encoded.fields[name][row] for row in rows]


def filled(values, shape: tuple[int, ...], dtype, fill=0) -> np.ndarray:
    """An array with a value, or an array, at the beginning of each row, and `fill` elsewhere."""
    result = np.full(shape, fill, dtype)
    for place, value in enumerate(values):
        if np.ndim(value):
            result[place, : len(value)] = value
        else:
            result[place] = value
    return result
