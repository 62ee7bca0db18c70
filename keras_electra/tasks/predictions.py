"""From outputs of a network to predictions: one row per example, in the types of JSON.

Shapes: R rows, N labels, W words, C choices.
"""

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_electra.errors import InputError
from keras_electra.tasks.answer_decoding import answer_rows
from keras_electra.tasks.encoded import EncodedExamples


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
    if encoded.kind == "question_answering":
        return with_threshold(answer_rows(encoded, outputs), null_threshold)
    if encoded.kind == "tagging":
        return tag_rows(encoded, outputs)
    row_of = {
        "classification": label_row,
        "multi_label": labels_row,
        "regression": value_row,
        "multiple_choice": choice_row,
    }[encoded.kind]
    # A pair and its swapped copy have one owner; the first row is the pair as it stands.
    owners, firsts = np.unique(encoded.owners, return_index=True)
    return [
        {
            "id": encoded.examples[owner].id,
            **row_of(encoded, encoded.examples[owner], np.asarray(outputs[row], np.float64)),
            "gold": gold(encoded, row),
        }
        for owner, row in zip(owners, firsts, strict=True)
    ]


def with_threshold(rows: list[dict], threshold: float | None) -> list[dict]:
    """Answers with "" where the null odds are above the threshold; None leaves all as they are.

    Args:
        rows: of `predictions` for question answering; they are not changed.
        threshold: such as the original's -2.75, or the best one on the validation part.
    """
    if threshold is None:
        return rows
    result = []
    for row in rows:
        is_null = row["null_odds"] is not None and row["null_odds"] > threshold
        best = row["n_best"][0]["text"] if row["n_best"] else ""
        result.append({**row, "answer": "" if is_null else best})
    return result


def gold(encoded: EncodedExamples, row: int):
    """The label of a row's example in the types of JSON, or None if it is not known.

    A name that is none of the model's labels stays: left out, it would make the figures too good.
    """
    label = encoded.examples[encoded.owners[row]].label
    if encoded.kind == "classification" or label is None:
        return label
    if encoded.kind == "multi_label":
        return list(label)
    if not encoded.has_gold[row]:
        return None
    return float(label) if encoded.kind == "regression" else label


def label_row(encoded: EncodedExamples, example, logits: np.ndarray) -> dict:
    """The likeliest label."""
    probabilities = softmax(logits).tolist()
    label = encoded.labels[int(np.argmax(logits))]
    return {"label": label, "probabilities": dict(zip(encoded.labels, probabilities, strict=True))}


def labels_row(encoded: EncodedExamples, example, logits: np.ndarray) -> dict:
    """All labels that are likelier than not."""
    probabilities = sigmoid(logits).tolist()
    labels = [name for name, logit in zip(encoded.labels, logits, strict=True) if logit > 0]
    return {
        "labels": labels,
        "probabilities": dict(zip(encoded.labels, probabilities, strict=True)),
    }


def value_row(encoded: EncodedExamples, example, value: np.ndarray) -> dict:
    """The value in the task's range."""
    low, high = encoded.value_range
    return {"value": low + float(value.reshape(())) * (high - low)}


def choice_row(encoded: EncodedExamples, example, logits: np.ndarray) -> dict:
    """The likeliest of the choices that the example has."""
    logits = logits[: len(example.choices)]
    return {"choice": int(np.argmax(logits)), "probabilities": softmax(logits).tolist()}


def tag_rows(encoded: EncodedExamples, logits) -> list[dict]:
    """The likeliest tag of every word, the rows of a long sentence put together.

    Where training cut a sentence, it ends with the last word that has a tag.
    """
    result = []
    row_numbers = range(len(encoded))
    for owner, group in itertools.groupby(row_numbers, key=lambda row: encoded.owners[row]):
        example = encoded.examples[owner]
        parts = []
        for row in group:
            num_words = len(encoded.fields["word_positions"][row])
            parts.append(np.asarray(logits[row][:num_words], np.float64))
        chances = softmax(np.concatenate(parts))
        tags = [encoded.labels[number] for number in chances.argmax(-1)]
        is_known = example.tags is not None and len(example.tags) == len(example.words)
        result.append(
            {
                "id": example.id,
                "words": list(example.words[: len(tags)]),
                "tags": tags,
                "gold": list(example.tags[: len(tags)]) if is_known else None,
                "probabilities": chances.max(-1).tolist(),
            }
        )
    return result


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis, float64."""
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * logits))
