"""A number for a text or a pair."""

import math

import numpy as np

from keras_electra.errors import InputError
from keras_electra.scoring import numbers as scores
from keras_electra.scoring.word_counts import regressed_values
from keras_electra.tasks.checks import score_range
from keras_electra.tasks.fields import number_of
from keras_electra.tasks.kinds.base import column
from keras_electra.tasks.kinds.texts import TextKind, features_of
from keras_electra.tasks.label_forms import LabelForm, number_form
from keras_electra.tasks.problems import Problems
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
    metrics = ("pearson", "spearman", "mse")
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

    def label_form(self, sample, roles, separator):
        values = [] if roles.label is None else sample.values(roles.label)
        return LabelForm(kind=self.name, numbers=number_form(values, roles.label))

    def of_table(self, reader, table, found, value_range):
        low, high = value_range or range_of(reader, table)
        percent = " percent" * found.form.numbers.has_percent
        remark = f"numbers from {low:g} to {high:g}{percent}"
        return {"value_range": (float(low), float(high))}, remark

    def value_in(self, value, column, form):
        return number_of(value, column, form.value_range, form.numbers)

    def checks(self, splits, value_range):
        return [score_range(splits, value_range)]

    def label_said(self, answer, model):
        return float(super().label_said(answer, model))

    def target_of(self, job, example):
        """The value, its range mapped to 0..1."""
        low, high = job.task.value_range
        if not is_finite(example.label):
            job.leave_out("unknown label", example, "a finite number", example.label)
            return None
        return (example.label - low) / (high - low)

    def prediction(self, encoded, example, output):
        """The value in the task's range."""
        low, high = encoded.value_range
        return {"value": low + float(output.reshape(())) * (high - low)}

    # Scores

    def metrics_of(self, rows, labels):
        gold, predicted = column(rows, "gold"), column(rows, "value")
        return {
            "pearson": lambda: scores.pearson(gold, predicted),
            "spearman": lambda: scores.spearman(gold, predicted),
            "mse": lambda: scores.mse(gold, predicted),
        }

    def report_of(self, rows, labels):
        """ "mean_error" (predicted - gold), "mean_absolute_error", and of gold and predicted values "gold"
        and "predicted" {"mean", "std", "min", "max"}; no calibration."""
        gold, predicted = (np.array(column(rows, name), np.float64) for name in ("gold", "value"))
        return {
            "mean_error": float(np.mean(predicted - gold)),
            "mean_absolute_error": float(np.mean(np.abs(predicted - gold))),
            "gold": spread_of(gold),
            "predicted": spread_of(predicted),
        }

    def gold_of(self, example):
        return float(example.label) if is_finite(example.label) else None

    def simplest_rows(self, train, examples, labels):
        mean = float(np.mean([float(example.label) for example in train]))
        return [{"value": mean} for _ in examples]

    def further_baselines(self, train, examples, labels):
        values = [float(example.label) for example in train]
        train_features, features = features_of(train, examples)
        predicted = regressed_values(train_features, values, features)
        return {"tfidf": [{"value": float(value)} for value in predicted]}

    def is_constant(self, rows, training_loss):
        gold, values = (np.array(column(rows, name)) for name in ("gold", "value"))
        return len(rows) > 1 and bool(values.std() < CONSTANT_SHARE * gold.std())

    # What a reader sees

    def is_right(self, gold, predicted):
        return None

    def error(self, one):
        """|predicted - gold|."""
        return abs(one.predicted - one.gold)

    def verdict(self, one):
        return super().verdict(one) if one.error is None else f"off by {one.error:.3g}"

    def in_words(self, one, side):
        return f"{getattr(one, side):.4g}"

    def model_options(self, task, labels, config):
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
