"""What kinds that read one text, or a pair, have in common."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_electra.scoring.word_counts import WordCounts
from keras_electra.tasks.encoded import EncodedExamples, EncodingJob, Rows
from keras_electra.tasks.examples import TextExample
from keras_electra.tasks.fields import id_of, is_missing, text_in
from keras_electra.tasks.finding import Finder
from keras_electra.tasks.gold import RowForm, missing_label
from keras_electra.tasks.kinds.base import TaskKind
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.values import Row

SMALLEST = 1e-12
"""Probabilities below it count as it, so that an error is a number."""


class TextKind(TaskKind):
    """A kind that says something of a text or of a pair of texts.

    A subclass gives `target_of`, and `value_in` for tables, beside what `TaskKind` leaves open.
    """

    record = TextExample
    roles = ("text", "second_text", "label", "id")
    fields = ("text", "second text")
    raw = "a string or a pair of strings"
    item = "a string or a list of two strings"
    has_page = True
    transformers = "ElectraForSequenceClassification"
    target_dtype = np.int32

    # Tables

    def find_roles(self, finder: Finder) -> Roles:
        return finder.texts()

    def example_of(self, row: Row, form: RowForm) -> Any:
        second = form.roles.second_text
        return TextExample(
            id=id_of(row, form.roles.id),
            text=text_in(row, form.roles.text),
            second_text=None if second is None else text_in(row, second),
            label=self.gold_in(row, form),
        )

    def gold_in(self, row: Row, form: RowForm) -> Any:
        column = form.roles.label
        value = None if column is None else row.values.get(column)
        if is_missing(value):
            return missing_label(row, column, form, value)
        return self.value_in(value, column, form)

    def value_in(self, value: Any, column: str, form: RowForm) -> Any:
        """The label of a field that holds one."""
        raise NotImplementedError

    # Examples as a user types them

    def read(self, item: Any) -> dict | None:
        if isinstance(item, str):
            return {"text": item}
        is_pair = isinstance(item, list | tuple) and len(item) == 2
        if is_pair and all(isinstance(part, str) for part in item):
            return {"text": item[0], "second_text": item[1]}
        return None

    def from_line(self, text: str) -> Any:
        parts = text.split("\t")
        return tuple(parts) if len(parts) == 2 else text

    def from_boxes(self, texts: dict[str, str]) -> Any:
        return [texts["text"], texts["second text"]] if texts["second text"] else texts["text"]

    def parts_of(self, item: Any) -> list | None:
        if isinstance(item, list):
            return item if len(item) == 2 else None
        return [item]

    # Token ids and batches

    def encode(self, job: EncodingJob) -> Rows:
        """Single texts and pairs: `[CLS] text [SEP]` or `[CLS] text [SEP] second text [SEP]`.

        With `has_swapped_pairs`, training sees each pair a second time with its texts swapped, as the
        original does for MRPC and STS.
        """
        rows = Rows()
        firsts = job.tokenizer.encode_many([example.text for example in job.examples])
        pairs = [e.second_text for e in job.examples if e.second_text is not None]
        seconds = iter(job.tokenizer.encode_many(pairs))
        entries = []
        for owner, (example, first) in enumerate(zip(job.examples, firsts, strict=True)):
            second = None if example.second_text is None else next(seconds)
            target = self.known_target(job, example)
            if job.is_training and (target is None or not has_tokens(job, example, first, second)):
                continue
            entries.append((owner, first, second, target))
        if job.is_training and job.config.has_swapped_pairs:
            pairs = [entry for entry in entries if entry[2] is not None]
            entries += [(owner, second, first, target) for owner, first, second, target in pairs]
        for owner, *texts, target in entries:
            is_single = texts[1] is None
            frame = job.framing.single if is_single else job.framing.pair
            token_ids, segment_ids, is_cut = frame(*texts[: 2 - is_single])
            if is_cut:
                rows.cut_owners.add(owner)
            labels = self.no_target(job) if target is None else target
            rows.add(owner, token_ids, segment_ids, target is not None, labels=labels)
        return rows

    def known_target(self, job: EncodingJob, example: TextExample) -> Any:
        """`target_of` an example with a label; None, and noted, without."""
        if example.label is None:
            job.note_missing_gold(example)
            return None
        return self.target_of(job, example)

    def target_of(self, job: EncodingJob, example: TextExample) -> Any:
        """What the model should give: a number, or (N,) for several labels; None if it cannot."""
        raise NotImplementedError

    def no_target(self, job: EncodingJob) -> Any:
        """What stands in a row whose target is not known."""
        return self.target_dtype(0)

    def collate(self, encoded: EncodedExamples, rows: np.ndarray, batch: dict) -> None:
        shape = (len(batch["rows"]),)
        batch["labels"] = encoded.padded("labels", rows, shape, self.target_dtype)


def has_tokens(job: EncodingJob, example: TextExample, first, second) -> bool:
    """Whether there is something to learn from; noted if not."""
    if not first and not second:
        job.leave_out("empty text", example, "a text", example.text)
        return False
    return True


def surprise(probability: float) -> float:
    """-log of a probability, in nats."""
    return -math.log(max(probability, SMALLEST))


def named(labels: Sequence[str], probabilities: np.ndarray) -> dict[str, float]:
    """{label: probability}."""
    return {name: float(share) for name, share in zip(labels, probabilities, strict=True)}


def features_of(train: Sequence, examples: Sequence) -> tuple:
    """Word counts of training examples and of others."""
    texts, others = (
        [(example.text, example.second_text) for example in part] for part in (train, examples)
    )
    counts = WordCounts(texts)
    return counts(texts), counts(others)
