"""From prediction rows to figures, by the names that tasks give them.

The figures of each kind are in `METRICS`; all are fractions, but correlations and Matthews' coefficient
(from -1 to 1), `mse` (in the square of the values' unit) and thresholds (null odds).
"""

import difflib
from collections.abc import Callable, Iterable, Sequence

from keras_electra.errors import InputError
from keras_electra.scoring import answers, labels, numbers, spans

METRICS = {
    "classification": ("accuracy", "f1", "macro_f1", "micro_f1", "matthews"),
    "multi_label": ("subset_accuracy", "macro_f1", "micro_f1"),
    "regression": ("pearson", "spearman", "mse"),
    "tagging": ("span_precision", "span_recall", "span_f1", "token_accuracy"),
    "multiple_choice": ("accuracy",),
    "question_answering": (
        "exact_match",
        "f1",
        "has_answer_exact_match",
        "has_answer_f1",
        "no_answer_accuracy",
        "best_exact_match",
        "best_f1",
        "best_threshold",
    ),
}
"""Kind of task -> the names of its figures."""
LESS_IS_BETTER = ("mse",)
"""Figures of which less is better; of all others more is."""


def figures(
    kind: str,
    rows: Iterable[dict],
    *,
    metrics: Sequence[str],
    labels: Sequence[str] | None = None,
    null_threshold: float | None = None,
    tag_scheme: str | None = None,
) -> dict[str, float]:
    """The figures of predictions, from rows such as `predictions/*.jsonl` hold.

    Rows whose `gold` is None are left out.

    Args:
        kind: of the task.
        rows: classification {"label", "gold"}; multi_label {"labels", "gold"}; regression {"value",
            "gold"}; tagging {"tags", "gold"}; multiple_choice {"choice", "gold"}; question_answering
            {"answer", "gold", "null_odds", "n_best"}, `gold` being empty where there is no answer.
        metrics: names out of `METRICS`. For questions of which some have no answer, all of that kind
            are given (those that need null odds where the rows have them).
        labels: names in the order of their numbers; the last is the positive one that "f1" is of, as
            "1" in MRPC and QQP. None for those that occur, sorted.
        null_threshold: for question answering, null odds above which a question counts as without an
            answer. None for the best, by F1, on these very rows if some of them have no answer, else
            for taking the answers as they are.
        tag_scheme: for spans, a name of `spans.PREFIXES` to refuse the prefixes that it lacks; None to
            take any.

    Returns:
        {name: value}.

    Raises:
        InputError: for an unknown kind or name (the nearest is named), or if no row has a gold answer.
    """
    check_metrics(kind, metrics)
    rows = rows_with_gold(rows)
    if kind == "question_answering":
        return question_figures(rows, metrics, null_threshold)
    found = {
        "classification": lambda: label_figures(rows, labels),
        "multi_label": lambda: label_set_figures(rows),
        "regression": lambda: value_figures(rows),
        "tagging": lambda: tag_figures(rows, metrics, tag_scheme),
        "multiple_choice": lambda: choice_figures(rows),
    }[kind]()
    return {name: float(found[name]()) for name in metrics}


def check_metrics(kind: str, metrics: Sequence[str]) -> None:
    """Raise `InputError` for an unknown kind, or a name that is no figure of it."""
    if kind not in METRICS:
        raise InputError(f"kind: expected one of {', '.join(METRICS)}, received {kind!r}")
    for name in metrics:
        if name not in METRICS[kind]:
            near = difflib.get_close_matches(name, METRICS[kind], n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InputError(
                f"metrics: expected some of {', '.join(METRICS[kind])} for {kind}, "
                f"received {name!r}{hint}"
            )


def rows_with_gold(rows: Iterable[dict]) -> list[dict]:
    """The rows whose gold answer is known; `InputError` if there are none."""
    rows = list(rows)
    known = [row for row in rows if row["gold"] is not None]
    if not known:
        raise InputError(
            f"predictions: expected a known gold answer in some of {len(rows)} rows, received none"
        )
    return known


Figures = dict[str, Callable[[], float]]
"""Name -> function that works the figure out, so that no more is than was asked for."""


def label_figures(rows: list[dict], names: Sequence[str] | None) -> Figures:
    """Figures of one label for each example."""
    gold, predicted = column(rows, "gold"), column(rows, "label")
    positive = labels.names_in(gold, predicted, names)[-1] if names is None else names[-1]
    return {
        "accuracy": lambda: labels.accuracy(gold, predicted),
        "f1": lambda: labels.f1(gold, predicted, positive),
        "macro_f1": lambda: labels.macro_f1(gold, predicted),
        "micro_f1": lambda: labels.micro_f1(gold, predicted),
        "matthews": lambda: labels.matthews(gold, predicted),
    }


def label_set_figures(rows: list[dict]) -> Figures:
    """Figures of a set of labels for each example."""
    gold, predicted = column(rows, "gold"), column(rows, "labels")
    return {
        "subset_accuracy": lambda: labels.subset_accuracy(gold, predicted),
        "macro_f1": lambda: labels.macro_f1(gold, predicted),
        "micro_f1": lambda: labels.micro_f1(gold, predicted),
    }


def value_figures(rows: list[dict]) -> Figures:
    """Figures of numbers."""
    gold, predicted = column(rows, "gold"), column(rows, "value")
    return {
        "pearson": lambda: numbers.pearson(gold, predicted),
        "spearman": lambda: numbers.spearman(gold, predicted),
        "mse": lambda: numbers.mse(gold, predicted),
    }


def tag_figures(rows: list[dict], metrics: Sequence[str], scheme: str | None) -> Figures:
    """Figures of tags; spans are looked for only if a figure of them is asked for."""
    gold, predicted = column(rows, "gold"), column(rows, "tags")
    found = {"token_accuracy": lambda: spans.token_accuracy(gold, predicted)}
    if any(name.startswith("span_") for name in metrics):
        of_spans = spans.span_figures(gold, predicted, scheme)
        found |= {f"span_{name}": lambda value=value: value for name, value in of_spans.items()}
    return found


def choice_figures(rows: list[dict]) -> Figures:
    """Figures of choices."""
    return {"accuracy": lambda: labels.accuracy(column(rows, "gold"), column(rows, "choice"))}


def question_figures(
    rows: list[dict], metrics: Sequence[str], threshold: float | None
) -> dict[str, float]:
    """Figures of answers, and where some questions have none, of knowing that."""
    gold, null_odds = column(rows, "gold"), [row.get("null_odds") for row in rows]
    if None in null_odds:
        null_odds = threshold = None
    has_unanswerable = any(not len(texts) for texts in gold)
    if null_odds is not None and threshold is None and has_unanswerable:
        threshold = best_threshold_of(rows, gold, null_odds)
    if threshold is None and not has_unanswerable and set(metrics) <= {"exact_match", "f1"}:
        found = answers.squad1_figures(column(rows, "answer"), gold)
        return {name: found[name] for name in metrics}
    given = column(rows, "answer") if threshold is None else [best_text(row) for row in rows]
    found = answers.squad2_figures(given, gold, null_odds, threshold)
    if null_odds is not None:
        found["best_threshold"] = found["best_f1_threshold"]
    names = [name for name in METRICS["question_answering"] if name in found]
    wanted = list(dict.fromkeys([*metrics, *(names if has_unanswerable else ())]))
    missing = [name for name in wanted if name not in found]
    if missing:
        raise InputError(f"{missing[0]}: expected null odds in every row, received rows without")
    return {name: found[name] for name in wanted}


def best_threshold_of(rows: list[dict], gold: list, null_odds: list[float]) -> float:
    """The threshold that gives the best F1 on these rows."""
    found = answers.squad2_figures([best_text(row) for row in rows], gold, null_odds)
    return found["best_f1_threshold"]


def best_text(row: dict) -> str:
    """The likeliest answer of a question, whether or not it was found to have one."""
    if "n_best" not in row:
        return row["answer"]
    return row["n_best"][0]["text"] if row["n_best"] else ""


def column(rows: list[dict], name: str) -> list:
    """One value of every row."""
    return [row[name] for row in rows]
