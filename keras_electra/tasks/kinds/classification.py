"""One of several labels for a text or a pair."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from keras_electra.scoring import labels as scores
from keras_electra.scoring.word_counts import label_probabilities
from keras_electra.tasks import fields
from keras_electra.tasks.checks import evenness, lonely_labels
from keras_electra.tasks.gold import check_known
from keras_electra.tasks.kinds.base import column
from keras_electra.tasks.kinds.texts import TextKind, calibrated, features_of, named, surprise
from keras_electra.tasks.label_forms import LabelForm, form_of_labels
from keras_electra.tasks.probabilities import softmax


class Classification(TextKind):
    """One label for each text.

    Predictions are {"id", "label", "gold": name, "probabilities": {name: p}}. Baselines: "majority", the
    commonest label; "tfidf", logistic regression on word counts and, for pairs, on how many words the two
    texts share.
    """

    name = "classification"
    has_labels = True
    metrics = ("accuracy", "f1", "macro_f1", "micro_f1", "matthews")
    usual_metrics = ("accuracy", "macro_f1")
    given = "label"
    chart = "confusion"
    has_threshold = True
    model = "task_models.TextClassifier"
    google = "classification"
    problem_type = "single_label_classification"

    def label_form(self, sample, roles, separator):
        values = [] if roles.label is None else sample.values(roles.label)
        return LabelForm(kind=self.name, numbers=form_of_labels(values, separator))

    def value_in(self, value, column, form):
        label = fields.label_in(value, column, form.numbers)
        check_known([label], column, form)
        return label

    def checks(self, splits, value_range):
        return [lonely_labels(splits), evenness(splits)]

    def label_said(self, answer, model):
        return label_name(model.labels, super().label_said(answer, model))

    def names_in(self, example):
        return () if example.label is None else (example.label,)

    def target_of(self, job, example):
        if example.label not in job.number_of_label:
            job.note_unknown_label(example, example.label)
            return None
        return job.number_of_label[example.label]

    def prediction(self, encoded, example, output):
        """The likeliest label by logits (N,)."""
        label = encoded.labels[int(np.argmax(output))]
        return {"label": label, "probabilities": named(encoded.labels, softmax(output))}

    def chances(self, outputs):
        return {"chances": softmax(outputs["logits"])}

    # Scores

    def metrics_of(self, rows, labels):
        gold, predicted = column(rows, "gold"), column(rows, "label")
        positive = (labels or scores.names_in(gold, predicted, None))[-1]
        return {
            "accuracy": lambda: scores.accuracy(gold, predicted),
            "f1": lambda: scores.f1(gold, predicted, positive),
            "macro_f1": lambda: scores.macro_f1(gold, predicted),
            "micro_f1": lambda: scores.micro_f1(gold, predicted),
            "matthews": lambda: scores.matthews(gold, predicted),
        }

    def report_of(self, rows, labels):
        """ "per_label" as of `per_label_report`; "confusion" {"labels", "counts"}, row the gold label,
        column the predicted one."""
        gold, predicted = column(rows, "gold"), column(rows, "label")
        sure = [row["probabilities"][row["label"]] for row in rows if row.get("probabilities")]
        is_right = [a == b for a, b in zip(gold, predicted, strict=True)]
        found = scores.names_report(gold, predicted, labels)
        return {**found, "calibration": calibrated(sure, is_right)}

    def is_among(self, gold, labels):
        return not labels or gold in labels

    def simplest_rows(self, train, examples, labels):
        counts = Counter(example.label for example in train)
        labels = labels or sorted(counts)
        shares = np.array([[counts[name] / len(train) for name in labels]])
        return likeliest(labels, np.repeat(shares, len(examples), axis=0))

    def further_baselines(self, train, examples, labels):
        gold = [example.label for example in train]
        labels = labels or sorted(set(gold))
        train_features, features = features_of(train, examples)
        names, probabilities = label_probabilities(train_features, gold, features)
        number_of = {name: number for number, name in enumerate(names)}
        columns = [number_of.get(name, len(names)) for name in labels]
        # Labels that no training text has get the zeros of a further column.
        return {"tfidf": likeliest(labels, np.pad(probabilities, ((0, 0), (0, 1)))[:, columns])}

    def error(self, one):
        """-log p of what is right, in nats."""
        probabilities = one.row.get("probabilities")
        if not probabilities:
            return float(not one.is_right)
        return surprise(probabilities.get(one.gold, 0.0))

    def model_options(self, task, labels, config):
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
