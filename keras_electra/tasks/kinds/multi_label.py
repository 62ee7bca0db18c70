"""Any number of labels for a text or a pair."""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.scoring import labels as scores
from keras_electra.scoring.trials import entropy
from keras_electra.scoring.word_counts import label_probabilities
from keras_electra.tasks import fields
from keras_electra.tasks.encoded import EncodedExamples, EncodingJob
from keras_electra.tasks.examples import TextExample
from keras_electra.tasks.gold import RowForm, check_known, marks_in, marks_of
from keras_electra.tasks.kinds.base import Labels, column
from keras_electra.tasks.kinds.classification import Classification, label_name
from keras_electra.tasks.kinds.texts import features_of, named, surprise
from keras_electra.tasks.label_forms import LabelForm, several_labels
from keras_electra.tasks.probabilities import sigmoid
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.sample import Sample
from keras_electra.tasks.values import Row


class MultiLabel(Classification):
    """A set of labels for each text.

    Predictions are {"id", "labels": [names], "gold": [names], "probabilities": {name: p}}. Baselines:
    "majority", the labels that more than half of the examples have; "tfidf", a logistic regression for
    each label.
    """

    name = "multi_label"
    roles = ("text", "second_text", "label", "labels", "id")
    has_several = may_have_none = True
    metrics = {  # noqa: RUF012
        name: getattr(scores, name) for name in ("subset_accuracy", "macro_f1", "micro_f1")
    }
    usual_metrics = ("micro_f1", "macro_f1", "subset_accuracy")
    given = "labels"
    chart = "bars"
    has_threshold = False
    problem_type = "multi_label_classification"
    target_dtype = np.float32

    def label_form(self, sample: Sample, roles: Roles, separator: str | None) -> LabelForm:
        if roles.labels:
            return LabelForm(kind=self.name, positions=roles.labels)
        values = [] if roles.label is None else sample.values(roles.label)
        return several_labels(values, roles.label, separator, is_told=True)

    def gold_in(self, row: Row, form: RowForm) -> Any:
        if form.roles.labels:
            return marks_in(row, form)
        if form.positions:
            return super().gold_in(row, form)
        # A field without a name among fields of names says that no label applies.
        column = form.roles.label
        value = None if column is None else row.values.get(column)
        if value is None and not (form.has_labels and column in row.values):
            return super().gold_in(row, form)
        is_empty = fields.is_missing(value)
        labels = () if is_empty else fields.labels_of(value, column, form.separator)
        check_known(labels, column, form)
        return labels

    def value_in(self, value: Any, column: str, form: RowForm) -> Any:
        return marks_of(value, column, form)

    def label_said(self, answer: Any, model: Any) -> Any:
        return label_names(model.labels, answer)

    def names_in(self, example: Any) -> tuple[str, ...]:
        return example.label or ()

    def target_of(self, job: EncodingJob, example: TextExample) -> Any:
        for name in example.label:
            if name not in job.number_of_label:
                job.note_unknown_label(example, name)
                return None
        target = self.no_target(job)
        target[[job.number_of_label[name] for name in example.label]] = 1
        return target

    def no_target(self, job: EncodingJob) -> Any:
        return np.zeros(len(job.labels), np.float32)

    def collate(self, encoded: EncodedExamples, rows: np.ndarray, batch: dict) -> None:
        shape = (len(batch["rows"]), len(encoded.labels))
        batch["labels"] = encoded.padded("labels", rows, shape, np.float32)

    def prediction(self, encoded: EncodedExamples, example: Any, output: np.ndarray) -> dict:
        """All labels that are likelier than not, by logits (N,)."""
        labels = [name for name, logit in zip(encoded.labels, output, strict=True) if logit > 0]
        return {"labels": labels, "probabilities": named(encoded.labels, sigmoid(output))}

    def chances(self, outputs: dict) -> dict:
        return {"chances": sigmoid(outputs["logits"])}

    # Scores

    def report_of(self, rows: list[dict], labels: Labels) -> dict:
        """ "per_label"; calibration over the decisions on all labels."""
        gold, predicted = column(rows, "gold"), column(rows, "labels")
        return {"per_label": scores.per_label_report(gold, predicted, labels)}

    def sureness(self, row: dict) -> list[tuple[float, bool]]:
        found = []
        for name, probability in (row.get("probabilities") or {}).items():
            is_given = name in row["labels"]
            chance = probability if is_given else 1 - probability
            found.append((chance, is_given == (name in row["gold"])))
        return found

    def without_gold(self, example: Any) -> Any:
        return dataclasses.replace(example, label=None)

    def gold_of(self, example: Any) -> Any:
        return None if example.label is None else list(example.label)

    def is_among(self, gold: Any, labels: Any) -> bool:
        return not labels or set(labels).issuperset(gold)

    def simplest_rows(self, train: list, examples: Sequence, labels: Labels) -> list[dict]:
        labels = labels or names_of(train)
        shares = [[np.mean([name in example.label for example in train]) for name in labels]]
        return likelier_than_not(labels, np.repeat(shares, len(examples), axis=0))

    def further_baselines(
        self, train: list, examples: Sequence, labels: Labels
    ) -> dict[str, list[dict]]:
        labels = labels or names_of(train)
        train_features, features = features_of(train, examples)
        columns = []
        for name in labels:
            gold = [name in example.label for example in train]
            found, probabilities = label_probabilities(train_features, gold, features)
            is_ever = True in found
            missing = np.zeros(len(examples))
            columns.append(probabilities[:, found.index(True)] if is_ever else missing)
        return {"tfidf": likelier_than_not(labels, np.stack(columns, axis=1))}

    def outcomes(self, row: dict) -> list[tuple[Hashable, Hashable]]:
        return [(frozenset(row["gold"]), frozenset(row["labels"]))]

    def constant_loss(self, rows: list[dict], gold: list) -> float:
        """The mean over the labels."""
        counts = Counter(name for names in gold for name in names)
        labels = {*rows[0]["probabilities"], *counts}
        parts = [entropy((counts[label], len(gold) - counts[label])) for label in labels]
        return sum(parts) / len(parts)

    # What a reader sees

    def is_right(self, gold: Any, predicted: Any) -> bool | None:
        return set(gold) == set(predicted)

    def surest(self, row: dict, probabilities: Any) -> float:
        return min(max(p, 1 - p) for p in probabilities.values())

    def error(self, one: Any) -> float:
        """-log p of each decision, summed over the labels."""
        probabilities = one.row.get("probabilities") or {}
        known = [surprise(p if name in one.gold else 1 - p) for name, p in probabilities.items()]
        unseen = set(one.gold) - set(probabilities)
        return sum(known) + len(unseen) * surprise(0.0)

    def decisions(self, one: Any) -> list[tuple]:
        return list(itertools.product([*(one.gold or ()), None], [*one.predicted, None]))

    def in_words(self, one: Any, side: str) -> str:
        return ", ".join(getattr(one, side)) or "(none)"

    def model_options(self, task: Any, labels: Labels, config: FinetuneConfig) -> dict:
        return {**super().model_options(task, labels, config), "is_multi_label": True}


def names_of(examples: Sequence) -> list[str]:
    """All labels of examples, sorted."""
    return sorted({name for example in examples for name in example.label})


def likelier_than_not(labels: Sequence[str], probabilities: np.ndarray) -> list[dict]:
    """{"labels", "probabilities"} of each row of probabilities (B, N)."""
    return [
        {
            "labels": [name for name, share in zip(labels, row, strict=True) if share > 0.5],
            "probabilities": named(labels, row),
        }
        for row in probabilities
    ]


def label_names(labels: Sequence[str], answer) -> tuple[str, ...]:
    """The names of labels given by names, or by a 0 or 1 for each label.

    label_names(("a", "b", "c"), [1, 0, 1]) is ("a", "c"), as is that of ["a", "c"].

    Raises:
        ValueError: for a single value.
        UnusableRow: for a 0 or 1 for another number of labels.
    """
    if not isinstance(answer, list | tuple):
        raise ValueError(f"expected a list of names, or of 0 and 1, received {answer!r:.80}")
    is_repeated = len(set(answer)) < len(answer)
    if fields.are_marks(answer) and (is_repeated or len(answer) == len(labels)):
        return fields.marked(answer, labels, "a list")
    return tuple(label_name(labels, part) for part in answer)
