"""A number for a text or a pair."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import InputError
from keras_electra.scoring import numbers as scores
from keras_electra.scoring.word_counts import regressed_values
from keras_electra.tasks.checks import Check, score_range
from keras_electra.tasks.encoded import EncodedExamples, EncodingJob
from keras_electra.tasks.examples import Example, TextExample
from keras_electra.tasks.fields import number_of
from keras_electra.tasks.gold import RowForm
from keras_electra.tasks.kinds.base import Labels, column
from keras_electra.tasks.kinds.texts import TextKind, features_of
from keras_electra.tasks.label_forms import LabelForm, number_form
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.sample import Sample
from keras_electra.tasks.text import named

CONSTANT_SHARE = 0.01
"""Values count as constant if they spread less than this part of what the gold values do."""


class Regression(TextKind):
    """A number for each text, in a range of which 0 and 1 of the model are the ends.

    Predictions are {"id", "value", "gold"}, in the task's range. Baselines: "mean", the mean value;
    "tfidf", ridge regression on word counts.
    """

    name = "regression"
    has_value_range = True
    metrics = {name: getattr(scores, name) for name in ("pearson", "spearman", "mse")}  # noqa: RUF012
    usual_metrics = ("spearman", "pearson", "mse")
    less_is_better = ("mse",)
    given = "value"
    simplest_baseline = "mean"
    chart = "values"
    model = "task_models.TextRegressor"
    output = "values"
    google = "regression"
    problem_type = "regression"
    target_dtype = np.float32

    def label_form(self, sample: Sample, roles: Roles, separator: str | None) -> LabelForm:
        values = [] if roles.label is None else sample.values(roles.label)
        return LabelForm(kind=self.name, numbers=number_form(values, roles.label))

    def of_table(
        self, reader: Any, table: Any, found: Any, value_range: Any
    ) -> tuple[dict, str | None]:
        low, high = value_range or range_of(reader, table)
        percent = " percent" * found.form.numbers.has_percent
        remark = f"numbers from {low:g} to {high:g}{percent}"
        return {"value_range": (float(low), float(high))}, remark

    def value_in(self, value: Any, column: str, form: RowForm) -> Any:
        return number_of(value, column, form.value_range, form.numbers)

    def checks(self, splits: Mapping[str, Sequence[Example]], value_range: Any) -> list[Check]:
        return [score_range(splits, value_range)]

    def label_said(self, answer: Any, model: Any) -> Any:
        return float(super().label_said(answer, model))

    def target_of(self, job: EncodingJob, example: TextExample) -> Any:
        """The value, its range mapped to 0..1."""
        low, high = job.task.value_range
        if not is_finite(example.label):
            job.leave_out("unknown label", example, "a finite number", example.label)
            return None
        return (example.label - low) / (high - low)

    def prediction(self, encoded: EncodedExamples, example: Any, output: np.ndarray) -> dict:
        """The value in the task's range."""
        low, high = encoded.value_range
        return {"value": low + float(output.reshape(())) * (high - low)}

    def chances(self, outputs: dict) -> dict:
        return outputs

    # Scores

    def report(self, rows: Iterable[dict], labels: Labels = None) -> dict:
        found = super().report(rows, labels)
        del found["calibration"]
        return found

    def report_of(self, rows: list[dict], labels: Labels) -> dict:
        """ "mean_error" (predicted - gold), "mean_absolute_error", and of gold and predicted values "gold"
        and "predicted" {"mean", "std", "min", "max"}; no calibration."""
        gold, predicted = (np.array(column(rows, name), np.float64) for name in ("gold", "value"))
        return {
            "mean_error": float(np.mean(predicted - gold)),
            "mean_absolute_error": float(np.mean(np.abs(predicted - gold))),
            "gold": spread_of(gold),
            "predicted": spread_of(predicted),
        }

    def gold_of(self, example: Any) -> Any:
        return float(example.label) if is_finite(example.label) else None

    def simplest_rows(self, train: list, examples: Sequence, labels: Labels) -> list[dict]:
        mean = float(np.mean([float(example.label) for example in train]))
        return [{"value": mean} for _ in examples]

    def further_baselines(
        self, train: list, examples: Sequence, labels: Labels
    ) -> dict[str, list[dict]]:
        values = [float(example.label) for example in train]
        train_features, features = features_of(train, examples)
        predicted = regressed_values(train_features, values, features)
        return {"tfidf": [{"value": float(value)} for value in predicted]}

    def is_constant(self, rows: list[dict], training_loss: float) -> bool:
        gold, values = (np.array(column(rows, name)) for name in ("gold", "value"))
        return len(rows) > 1 and bool(values.std() < CONSTANT_SHARE * gold.std())

    # What a reader sees

    def is_right(self, gold: Any, predicted: Any) -> bool | None:
        return None

    def error(self, one: Any) -> float:
        """|predicted - gold|."""
        return abs(one.predicted - one.gold)

    def verdict(self, one: Any) -> str:
        return super().verdict(one) if one.error is None else f"off by {one.error:.3g}"

    def in_words(self, one: Any, side: str) -> str:
        return f"{getattr(one, side):.4g}"

    def model_options(self, task: Any, labels: Labels, config: FinetuneConfig) -> dict:
        options = super().model_options(task, labels, config)
        return {"value_range": task.value_range, **options}


def is_finite(value) -> bool:
    """Whether a label is a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)


def range_of(reader, table) -> tuple[float, float]:
    """The least and the largest number of a table; `InputError` if they are the same."""
    problems = Problems()
    numbers = {one.label for one in reader.examples(table, problems)}
    if len(numbers) < 2:
        raise InputError(
            f"label_column: expected different numbers in {reader.form.roles.label!r}, received "
            f"{named(numbers)} only{problems.reason}"
        )
    return min(numbers), max(numbers)


def spread_of(values: np.ndarray) -> dict[str, float]:
    """Mean, standard deviation (of these values, not of a population), least and largest."""
    return {
        "mean": float(values.mean()),
        "std": float(values.std()),
        "min": float(values.min()),
        "max": float(values.max()),
    }
