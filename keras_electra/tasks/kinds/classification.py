"""One of several labels for a text or a pair."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.scoring import labels as scores
from keras_electra.scoring.word_counts import label_probabilities
from keras_electra.tasks import fields
from keras_electra.tasks.checks import Check, evenness, lonely_labels
from keras_electra.tasks.encoded import EncodedExamples, EncodingJob
from keras_electra.tasks.examples import Example, TextExample
from keras_electra.tasks.gold import RowForm, check_known
from keras_electra.tasks.kinds.base import Labels, column
from keras_electra.tasks.kinds.texts import TextKind, features_of, named, surprise
from keras_electra.tasks.label_forms import LabelForm, form_of_labels
from keras_electra.tasks.probabilities import softmax
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.sample import Sample


class Classification(TextKind):
    """One label for each text.

    Predictions are {"id", "label", "gold": name, "probabilities": {name: p}}. Baselines: "majority", the
    commonest label; "tfidf", logistic regression on word counts and, for pairs, on how many words the two
    texts share.
    """

    name = "classification"
    has_labels = True
    metrics = {  # noqa: RUF012
        name: getattr(scores, name)
        for name in ("accuracy", "f1", "macro_f1", "micro_f1", "matthews")
    }
    usual_metrics = ("accuracy", "macro_f1")
    given = "label"
    chart = "confusion"
    has_threshold = True
    model = "task_models.TextClassifier"
    google = "classification"
    problem_type = "single_label_classification"

    def label_form(self, sample: Sample, roles: Roles, separator: str | None) -> LabelForm:
        values = [] if roles.label is None else sample.values(roles.label)
        return LabelForm(kind=self.name, numbers=form_of_labels(values, separator))

    def value_in(self, value: Any, column: str, form: RowForm) -> Any:
        label = fields.label_in(value, column, form.numbers)
        check_known([label], column, form)
        return label

    def checks(self, splits: Mapping[str, Sequence[Example]], value_range: Any) -> list[Check]:
        return [lonely_labels(splits), evenness(splits)]

    def label_said(self, answer: Any, model: Any) -> Any:
        return label_name(model.labels, super().label_said(answer, model))

    def names_in(self, example: Any) -> tuple[str, ...]:
        return () if example.label is None else (example.label,)

    def target_of(self, job: EncodingJob, example: TextExample) -> Any:
        if example.label not in job.number_of_label:
            job.note_unknown_label(example, example.label)
            return None
        return job.number_of_label[example.label]

    def prediction(self, encoded: EncodedExamples, example: Any, output: np.ndarray) -> dict:
        """The likeliest label by logits (N,)."""
        label = encoded.labels[int(np.argmax(output))]
        return {"label": label, "probabilities": named(encoded.labels, softmax(output))}

    # Scores

    def metric(self, name: str, gold: list, predicted: list, labels: Labels) -> float:
        if name != "f1":
            return super().metric(name, gold, predicted, labels)
        return scores.f1(gold, predicted, (labels or scores.names_in(gold, predicted))[-1])

    def report_of(self, rows: list[dict], labels: Labels) -> dict:
        """ "per_label" as of `per_label_report`; "confusion" {"labels", "counts"}, row the gold label,
        column the predicted one."""
        return scores.names_report(column(rows, "gold"), column(rows, "label"), labels)

    def is_among(self, gold: Any, labels: Any) -> bool:
        return not labels or gold in labels

    def simplest_rows(self, train: list, examples: Sequence, labels: Labels) -> list[dict]:
        counts = Counter(example.label for example in train)
        labels = labels or sorted(counts)
        shares = np.array([[counts[name] / len(train) for name in labels]])
        return likeliest(labels, np.repeat(shares, len(examples), axis=0))

    def further_baselines(
        self, train: list, examples: Sequence, labels: Labels
    ) -> dict[str, list[dict]]:
        gold = [example.label for example in train]
        labels = labels or sorted(set(gold))
        train_features, features = features_of(train, examples)
        names, probabilities = label_probabilities(train_features, gold, features)
        number_of = {name: number for number, name in enumerate(names)}
        columns = [number_of.get(name, len(names)) for name in labels]
        # Labels that no training text has get the zeros of a further column.
        return {"tfidf": likeliest(labels, np.pad(probabilities, ((0, 0), (0, 1)))[:, columns])}

    def error(self, one: Any) -> float:
        """-log p of what is right, in nats."""
        probabilities = one.row.get("probabilities")
        if not probabilities:
            return float(not one.is_right)
        return surprise(probabilities.get(one.gold, 0.0))

    def model_options(self, task: Any, labels: Labels, config: FinetuneConfig) -> dict:
        return {"labels": labels, **super().model_options(task, labels, config)}


def likeliest(labels: Sequence[str], probabilities: np.ndarray) -> list[dict]:
    """{"label", "probabilities"} of each row of probabilities (B, N)."""
    return [
        {"label": labels[int(row.argmax())], "probabilities": named(labels, row)}
        for row in probabilities
    ]


def label_name(labels: Sequence[str], answer) -> str:
    """The name of a label given by name or by number; a name goes first.

    label_name(("no", "yes"), 1) is "yes"; label_name(("1", "2"), 1) is "1".
    """
    name = fields.label_name(answer)
    number = fields.whole_number(answer)
    is_name = name in labels or isinstance(answer, str) or number is None
    return name if is_name or not 0 <= number < len(labels) else labels[number]
