"""Figures of labels: one label for each example, or a set of them.

Shapes: B examples, N labels. All figures are fractions in [0, 1] but `matthews`, which is in [-1, 1].
`gold` and `predicted` are sequences of B names; or, where an example may have several labels, of B
collections of names. As in the scripts of GLUE, what is not defined is 0: precision of a label that is
never predicted, recall of one that never occurs, Matthews' coefficient of a single class.
"""

from collections.abc import Sequence

import numpy as np

from keras_electra.errors import InputError, MissingExtraError


def accuracy(gold: Sequence, predicted: Sequence) -> float:
    """Fraction of the examples whose label, of any type, is right."""
    require_pairs(gold, predicted)
    return sum(a == b for a, b in zip(gold, predicted, strict=True)) / len(gold)


def subset_accuracy(gold: Sequence, predicted: Sequence) -> float:
    """Fraction of the examples all of whose labels are right: B collections of names each."""
    return accuracy([set(names) for names in gold], [set(names) for names in predicted])


def f1(gold: Sequence[str], predicted: Sequence[str], positive: str) -> float:
    """F1 of one label, the positive one: harmonic mean of its precision and recall."""
    require_pairs(gold, predicted)
    is_gold = np.array([name == positive for name in gold])
    is_predicted = np.array([name == positive for name in predicted])
    return float(metrics().f1_score(is_gold, is_predicted, zero_division=0.0))


def macro_f1(gold: Sequence, predicted: Sequence) -> float:
    """Mean of the F1 of every label that occurs, in `gold` or in `predicted`."""
    found = per_label_report(gold, predicted).values()
    return float(np.mean([of_label["f1"] for of_label in found])) if found else 0.0


def micro_f1(gold: Sequence, predicted: Sequence) -> float:
    """F1 over all decisions on all labels together; of single labels it is the accuracy."""
    names = names_in(gold, predicted)
    if not names:
        return 0.0
    coded = [codes(values, names) for values in (gold, predicted)]
    numbers = range(len(names))
    return float(metrics().f1_score(*coded, labels=numbers, average="micro", zero_division=0.0))


def matthews(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """Matthews' correlation of labels, also of more than two; CoLA's figure."""
    names = names_in(gold, predicted)
    if len(names) < 2:
        return 0.0
    return float(metrics().matthews_corrcoef(codes(gold, names), codes(predicted, names)))


def per_label_report(gold: Sequence, predicted: Sequence, labels=None) -> dict[str, dict]:
    """Figures of each label by itself.

    Args:
        labels: names in the order wanted; others that occur come after them. None for those that
            occur, sorted.

    Returns:
        {name: {"precision", "recall", "f1", "support"}}; support is the number of examples with it.
    """
    names = names_in(gold, predicted, labels)
    if not names:
        return {}
    columns = metrics().precision_recall_fscore_support(
        codes(gold, names), codes(predicted, names), labels=range(len(names)), zero_division=0.0
    )
    return {
        name: {
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(score),
            "support": int(support),
        }
        for name, precision, recall, score, support in zip(names, *columns, strict=True)
    }


def confusion_matrix(
    gold: Sequence[str], predicted: Sequence[str], labels=None
) -> tuple[list[str], np.ndarray]:
    """How often which label was taken for which.

    Args:
        labels: as for `per_label_report`.

    Returns:
        The N names, and counts int64 (N, N): row the gold label, column the predicted one.
    """
    names = names_in(gold, predicted, labels)
    # One number more than there are labels: scikit-learn warns of a matrix of one.
    counts = metrics().confusion_matrix(
        codes(gold, names), codes(predicted, names), labels=range(len(names) + 1)
    )
    return names, counts[:-1, :-1]


def names_report(gold: list[str], predicted: list[str], labels: Sequence[str] | None) -> dict:
    """{"per_label", "confusion"}; empty where there is nothing labelled, as in sentences without words."""
    if not gold:
        return {"per_label": {}, "confusion": {"labels": list(labels or ()), "counts": []}}
    names, counts = confusion_matrix(gold, predicted, labels)
    return {
        "per_label": per_label_report(gold, predicted, labels),
        "confusion": {"labels": names, "counts": counts.tolist()},
    }


def names_in(gold: Sequence, predicted: Sequence, labels=None) -> list[str]:
    """The labels given, then those that occur besides, sorted; checks that there is one pair or more."""
    require_pairs(gold, predicted)
    first = list(labels or ())
    occurring = set()
    for value in (*gold, *predicted):
        occurring.update([value] if isinstance(value, str) else value)
    return first + sorted(occurring - set(first))


def codes(values: Sequence, names: list[str]) -> np.ndarray:
    """Labels as scikit-learn takes them: numbers (B,), or where they are collections, 0 and 1 (B, N + 1).

    The last column is unused: with a single one, scikit-learn would take it for numbers of labels.
    """
    number_of = {name: number for number, name in enumerate(names)}
    if isinstance(values[0], str):
        return np.array([number_of[name] for name in values])
    has_label = np.zeros((len(values), len(names) + 1), np.int64)
    for row, of_example in zip(has_label, values, strict=True):
        row[[number_of[name] for name in of_example]] = 1
    return has_label


def require_pairs(gold: Sequence, predicted: Sequence) -> None:
    """Raise `InputError` unless there are as many predictions as gold answers, and at least one."""
    if not len(gold) or len(gold) != len(predicted):
        raise InputError(
            "gold and predicted: expected one or more, as many of one as of the other, received "
            f"{len(gold)} and {len(predicted)}"
        )


def metrics():
    """scikit-learn's figures."""
    try:
        import sklearn.metrics
    except ImportError as error:
        raise MissingExtraError("scoring labels", "tasks") from error
    return sklearn.metrics
