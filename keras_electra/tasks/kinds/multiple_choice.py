"""The right one of several texts for a question."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_electra.errors import InputError
from keras_electra.scoring.labels import accuracy
from keras_electra.scoring.word_counts import WordCounts
from keras_electra.tasks.encoded import EncodedExamples, EncodingJob, Rows, filled
from keras_electra.tasks.examples import ChoiceExample
from keras_electra.tasks.fields import (
    UnusableRow,
    choices_in,
    id_of,
    is_missing,
    text_in,
    whole_number,
)
from keras_electra.tasks.finding import Finder
from keras_electra.tasks.gold import RowForm
from keras_electra.tasks.kinds.base import Labels, TaskKind
from keras_electra.tasks.kinds.texts import surprise
from keras_electra.tasks.probabilities import sigmoid, softmax
from keras_electra.tasks.right_choice import first_choice, right_choice
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.sample import Sample
from keras_electra.tasks.text import named
from keras_electra.tasks.values import Row

MISSING_CHOICE = -1e9


class MultipleChoice(TaskKind):
    """One of several texts; each is read by itself with the question.

    Predictions are {"id", "choice": index, "gold": index, "probabilities": [p]}. Baselines: "majority",
    the commonest position of the right choice; "tfidf", the choice whose word counts are most like the
    question's. Chance is in `report`.
    """

    name = "multiple_choice"
    record = ChoiceExample
    roles = ("question", "choices", "label", "id")
    has_choices = True
    metrics = {"accuracy": accuracy}  # noqa: RUF012
    usual_metrics = ("accuracy",)
    given = "choice"
    fields = ("question", "choices")
    raw = "a dict of question and choices"
    item = "an object with the string question and the list of strings choices"
    warm_up = {"question": "warm", "choices": ["up", "down"]}  # noqa: RUF012
    line = "\"$(printf 'A question?\\tA choice.\\tAnother one.')\""
    model = "task_models.MultipleChoice"
    transformers = "ElectraForMultipleChoice"

    # Tables

    def find_roles(self, finder: Finder) -> Roles:
        return finder.multiple_choice()

    first_choice = staticmethod(first_choice)

    def count_of(self, found: Any, sample: Sample) -> str:
        """How the right choice is said."""
        if found.first_choice is None:
            return " (the text of the right choice)"
        is_counted = None not in map(whole_number, sample.values(found.roles.label))
        return f" (counted from {found.first_choice})" if is_counted else ""

    def example_of(self, row: Row, form: RowForm) -> Any:
        names, choices = choices_in(row, form.roles.choices)
        if len(choices) < 2:
            raise UnusableRow(
                "too few choices",
                f"expected at least two choices in {named(form.roles.choices)}, "
                f"received {len(choices)}",
            )
        return ChoiceExample(
            id=id_of(row, form.roles.id),
            question=text_in(row, form.roles.question),
            choices=choices,
            label=choice_in(row, form, names, choices),
        )

    # Examples as a user types them

    def label_said(self, answer: Any, model: Any) -> Any:
        return int(super().label_said(answer, model))

    def from_line(self, text: str) -> Any:
        question, *choices = text.split("\t")
        if len(choices) < 2:
            raise InputError(
                "text: expected a question and at least two choices, tabs between, "
                f"received {text!r:.80}"
            )
        return {"question": question, "choices": choices}

    def from_boxes(self, texts: dict[str, str]) -> Any:
        choices = [line for line in texts["choices"].splitlines() if line.strip()]
        if len(choices) < 2:
            raise InputError(f"choices: expected two or more lines, received {len(choices)}")
        return {"question": texts["question"], "choices": choices}

    def parts_of(self, item: Any) -> list | None:
        if not isinstance(item, dict) or set(item) != {"question", "choices"}:
            return None
        choices = item["choices"]
        return [item["question"], *choices] if choices and isinstance(choices, list) else None

    # Token ids and batches

    def encode(self, job: EncodingJob) -> Rows:
        """`[CLS] question [SEP] choice [SEP]` for every choice of a row."""
        rows = Rows()
        questions = job.tokenizer.encode_many([example.question for example in job.examples])
        choices = iter(job.tokenizer.encode_many([c for e in job.examples for c in e.choices]))
        for owner, (example, question) in enumerate(zip(job.examples, questions, strict=True)):
            parts = [job.framing.pair(question, next(choices)) for _ in example.choices]
            label = label_of(job, example)
            if not parts:
                job.leave_out("no choices", example, "texts to choose from", example.choices)
            if not parts or (job.is_training and label is None):
                continue
            if any(is_cut for *_, is_cut in parts):
                rows.cut_owners.add(owner)
            token_ids = [token_ids for token_ids, _, _ in parts]
            segment_ids = [segment_ids for _, segment_ids, _ in parts]
            rows.add(owner, token_ids, segment_ids, label is not None, labels=label or 0)
        return rows

    def collate(self, encoded: EncodedExamples, rows: np.ndarray, batch: dict) -> None:
        batch_size, num_choices, _ = batch["token_ids"].shape
        batch["labels"] = encoded.padded("labels", rows, (batch_size,), np.int32)
        ones = [np.ones(len(encoded.token_ids[row])) for row in rows]
        batch["choice_weights"] = filled(ones, (batch_size, num_choices), np.float32)

    # Predictions

    def prediction(self, encoded: EncodedExamples, example: Any, output: np.ndarray) -> dict:
        """The likeliest of the choices that the example has, by logits (C,)."""
        logits = output[: len(example.choices)]
        return {"choice": int(np.argmax(logits)), "probabilities": softmax(logits).tolist()}

    def from_exported(self, run: Callable[..., dict], inputs: dict, batch: dict) -> Any:
        """Each choice is a row by itself."""
        weights = batch["choice_weights"]
        flat = {name: value.reshape(-1, value.shape[-1]) for name, value in inputs.items()}
        return np.where(weights > 0, run(**flat)["logits"].reshape(weights.shape), MISSING_CHOICE)

    def chances(self, outputs: dict) -> dict:
        return {"chances": sigmoid(outputs["logits"])}

    # Scores

    def report_of(self, rows: list[dict], labels: Labels) -> dict:
        """ "chance_accuracy": of choosing at random."""
        shares = [1 / len(row["probabilities"]) for row in rows if row.get("probabilities")]
        return {"chance_accuracy": float(np.mean(shares)) if shares else None}

    def gold_of(self, example: Any) -> Any:
        is_there = example.label is not None and 0 <= example.label < len(example.choices)
        return example.label if is_there else None

    def simplest_rows(self, train: list, examples: Sequence, labels: Labels) -> list[dict]:
        """The position that is right most often, of those that a question has."""
        ranked = [number for number, _ in Counter(example.label for example in train).most_common()]
        sizes = [len(example.choices) for example in examples]
        return [{"choice": next((n for n in ranked if n < size), 0)} for size in sizes]

    def further_baselines(
        self, train: list, examples: Sequence, labels: Labels
    ) -> dict[str, list[dict]]:
        texts = [text for example in train for text in (example.question, *example.choices)]
        counts, rows = WordCounts([(text, None) for text in texts]), []
        for example in examples:
            similar = counts.similarity([example.question] * len(example.choices), example.choices)
            rows.append({"choice": int(similar.argmax())})
        return {"tfidf": rows}

    # What a reader sees

    def texts(self, row: dict, example: dict) -> list[tuple[str, str]]:
        choices = enumerate(example.get("choices", ()))
        return super().texts(row, example) + [(f"choice {n}", choice) for n, choice in choices]

    def error(self, one: Any) -> float:
        """-log p of what is right, in nats."""
        probabilities = one.row.get("probabilities")
        return surprise(probabilities[one.gold]) if probabilities else float(not one.is_right)

    def in_words(self, one: Any, side: str) -> str:
        choices, number = one.example.get("choices", ()), getattr(one, side)
        return f"{number}: {choices[number]}" if number < len(choices) else str(number)


def choice_in(row, form, names: list[str], choices: tuple[str, ...]) -> int | None:
    """Number of the right choice from 0; None where a row has none and needs none."""
    label = form.roles.label
    value = None if label is None else row.values.get(label)
    if is_missing(value):
        if form.has_labels:
            raise UnusableRow(
                "missing label", f"expected the right choice in column {label!r}, received none"
            )
        return None
    # A number counts columns, of which some may be empty in this row.
    places = form.roles.choices if len(form.roles.choices) > 1 else names
    number = right_choice(value, names, choices, places, form.first_choice)
    if number is None:
        raise UnusableRow(
            "unknown label",
            f"expected one of {len(choices)} choices in column {label!r}, received {value!r}",
        )
    return number


def label_of(job, example) -> int | None:
    """Index of the right choice, or None if it is not known."""
    if example.label is None:
        job.note_missing_gold(example)
        return None
    if not 0 <= example.label < len(example.choices):
        expected = f"the index of one of {len(example.choices)} choices"
        job.leave_out("unknown label", example, expected, example.label)
        return None
    return example.label
