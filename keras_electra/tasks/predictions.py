"""From outputs of a network to predictions: one row per example, in the types of JSON.

Shapes: R rows, N labels, W words, C choices.
"""

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_electra.errors import InputError
from keras_electra.tasks.encoded import EncodedExamples
from keras_electra.tasks.kinds import kind_of


def in_order(batches: Iterable[tuple[np.ndarray, Any]]):
    """Outputs of batches, put back into the order of the encoded rows.

    Args:
        batches: pairs of a batch's `rows` and its outputs: an array (B, ...), or a dict of such. The
            other axes may differ from batch to batch.

    Returns:
        A list of R arrays, or a dict of such lists; what belongs to fill rows is gone.

    Raises:
        InputError: if a row is there twice, or one is missing.
    """
    batches = list(batches)
    rows = np.concatenate([np.asarray(numbers) for numbers, _ in batches])
    places = np.flatnonzero(rows >= 0)
    order = places[np.argsort(rows[places], kind="stable")]
    if not np.array_equal(rows[order], np.arange(len(order))):
        raise InputError(
            f"outputs: expected each of {rows.max() + 1} rows once, received {len(order)} rows of "
            f"which {len(np.unique(rows[order]))} are different"
        )

    def ordered(arrays):
        values = list(itertools.chain.from_iterable(arrays))
        return [values[place] for place in order]

    first = batches[0][1]
    if isinstance(first, dict):
        return {name: ordered(outputs[name] for _, outputs in batches) for name in first}
    return ordered(outputs for _, outputs in batches)


def predictions(
    encoded: EncodedExamples, outputs, null_threshold: float | None = None
) -> list[dict]:
    """One row per example, as `predictions/*.jsonl` hold them.

        classification       {"id", "label", "gold": name, "probabilities": {name: p}}
        multi_label          {"id", "labels": [names], "gold": [names], "probabilities": {name: p}}
        regression           {"id", "value", "gold"}, in the task's range
        tagging              {"id", "words", "tags", "gold", "probabilities": [p of each word's tag]}
        multiple_choice      {"id", "choice": index, "gold": index, "probabilities": [p]}
        question_answering   see `answer_decoding.answer_rows`

    `gold` is None where it is not known; a name that is none of the labels stays.

    Args:
        encoded: the examples, R rows.
        outputs: per row, as `in_order` gives it: logits (N,), values (), tag logits (W, N), choice
            logits (C,), or the dict of a question-answering head.
        null_threshold: for question answering, as of `with_threshold`.

    Raises:
        InputError: if there are outputs of another number of rows.
    """
    for values in outputs.values() if isinstance(outputs, dict) else [outputs]:
        if len(values) != len(encoded):
            raise InputError(
                f"outputs: expected those of {len(encoded)} rows, received {len(values)}"
            )
    return kind_of(encoded.kind).predictions(encoded, outputs, null_threshold)
