"""What stands behind the figures: each label by itself, confusions, calibration."""

from collections.abc import Iterable, Sequence

import numpy as np

from keras_electra.scoring.answers import exact_match
from keras_electra.scoring.calibration import calibration_of
from keras_electra.scoring.labels import confusion_matrix, per_label_report
from keras_electra.scoring.prediction_rows import best_text, column, rows_with_gold
from keras_electra.scoring.spans import has_span_tags, per_type_report


def report(kind: str, rows: Iterable[dict], labels: Sequence[str] | None = None) -> dict:
    """A closer look at prediction rows, in the types of JSON; rows without a gold answer are left out.

    Args:
        kind: of the task.
        rows: as for `figures`.
        labels: names in the order of their numbers, where the kind has any.

    Returns:
        "num_examples"; "calibration" as of `calibration_of`, or None where the rows have no
        probabilities; and

        classification   "per_label" as of `per_label_report`; "confusion" {"labels", "counts"}, row the
                         gold label, column the predicted one
        multi_label      "per_label"; calibration over the decisions on all labels
        tagging          "per_label" and "confusion" of tags; "per_span_type" as of `per_type_report`,
                         None where tags tell no spans; calibration over words
        multiple_choice  "chance_accuracy": of choosing at random
        question_answering  "num_no_answer"; calibration of exact match, over questions with an answer
        regression       "mean_error" (predicted - gold), "mean_absolute_error", and of gold and predicted
                         values "gold" and "predicted" {"mean", "std", "min", "max"}; no calibration

    Raises:
        InputError: if no row has a gold answer.
    """
    rows = rows_with_gold(rows)
    report_of = {
        "classification": label_report,
        "multi_label": label_set_report,
        "regression": value_report,
        "tagging": tag_report,
        "multiple_choice": choice_report,
        "question_answering": question_report,
    }[kind]
    return {"num_examples": len(rows), **report_of(rows, labels)}


def label_report(rows: list[dict], labels) -> dict:
    """Of one label for each example."""
    gold, predicted = column(rows, "gold"), column(rows, "label")
    confidences = [row["probabilities"][row["label"]] for row in rows if has_probabilities(row)]
    return {
        **names_report(gold, predicted, labels),
        "calibration": calibrated(
            confidences, [a == b for a, b in zip(gold, predicted, strict=True)]
        ),
    }


def label_set_report(rows: list[dict], labels) -> dict:
    """Of a set of labels for each example."""
    confidences, is_right = [], []
    for row in filter(has_probabilities, rows):
        for name, probability in row["probabilities"].items():
            is_given = name in row["labels"]
            confidences.append(probability if is_given else 1 - probability)
            is_right.append(is_given == (name in row["gold"]))
    return {
        "per_label": per_label_report(column(rows, "gold"), column(rows, "labels"), labels),
        "calibration": calibrated(confidences, is_right),
    }


def tag_report(rows: list[dict], labels) -> dict:
    """Of a tag for each word."""
    gold, predicted = column(rows, "gold"), column(rows, "tags")
    words = [
        (a, b) for pair in zip(gold, predicted, strict=True) for a, b in zip(*pair, strict=True)
    ]
    tells_spans = has_span_tags({tag for pair in words for tag in pair})
    confidences = [p for row in rows if has_probabilities(row) for p in row["probabilities"]]
    return {
        **names_report([a for a, _ in words], [b for _, b in words], labels),
        "per_span_type": per_type_report(gold, predicted) if tells_spans else None,
        "calibration": calibrated(confidences, [a == b for a, b in words]),
    }


def choice_report(rows: list[dict], labels) -> dict:
    """Of one of several texts."""
    chosen = [(row["probabilities"], row["choice"]) for row in rows if has_probabilities(row)]
    confidences = [probabilities[choice] for probabilities, choice in chosen]
    chance = np.mean([1 / len(probabilities) for probabilities, _ in chosen]) if chosen else None
    return {
        "chance_accuracy": None if chance is None else float(chance),
        "calibration": calibrated(confidences, [row["choice"] == row["gold"] for row in rows]),
    }


def question_report(rows: list[dict], labels) -> dict:
    """Of answers to questions."""
    answered = [row for row in rows if row["gold"]]
    candidates = [row for row in answered if row.get("n_best")]
    return {
        "num_no_answer": len(rows) - len(answered),
        "calibration": calibrated(
            [row["n_best"][0]["probability"] for row in candidates],
            [bool(exact_match(best_text(row), row["gold"])) for row in candidates],
        ),
    }


def value_report(rows: list[dict], labels) -> dict:
    """Of numbers."""
    gold, predicted = (np.array(column(rows, name), np.float64) for name in ("gold", "value"))
    return {
        "mean_error": float(np.mean(predicted - gold)),
        "mean_absolute_error": float(np.mean(np.abs(predicted - gold))),
        "gold": spread_of(gold),
        "predicted": spread_of(predicted),
    }


def spread_of(values: np.ndarray) -> dict[str, float]:
    """Mean, standard deviation (of these values, not of a population), least and largest."""
    return {
        "mean": float(values.mean()),
        "std": float(values.std()),
        "min": float(values.min()),
        "max": float(values.max()),
    }


def names_report(gold: list[str], predicted: list[str], labels) -> dict:
    """{"per_label", "confusion"}; empty where there is nothing labelled, as in sentences without words."""
    if not gold:
        return {"per_label": {}, "confusion": {"labels": list(labels or ()), "counts": []}}
    names, counts = confusion_matrix(gold, predicted, labels)
    return {
        "per_label": per_label_report(gold, predicted, labels),
        "confusion": {"labels": names, "counts": counts.tolist()},
    }


def has_probabilities(row: dict) -> bool:
    """Whether a row says how sure it is."""
    return bool(row.get("probabilities"))


def calibrated(confidences: list[float], is_right: list[bool]) -> dict | None:
    """`calibration_of`, or None without confidences."""
    return calibration_of(confidences, is_right) if confidences else None
