"""Examples of any task to token ids; texts, pairs and choices are encoded here."""

import math
from collections.abc import Iterable

import numpy as np

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import InputError
from keras_electra.tasks.context_windows import encode_questions
from keras_electra.tasks.encoded import EncodedExamples, EncodingJob, Rows
from keras_electra.tasks.examples import Example
from keras_electra.tasks.tag_encoding import encode_sentences, in_form
from keras_electra.tasks.task import Problems, Task
from keras_electra.tokenizer import WordPieceTokenizer

LABELLED_KINDS = ("classification", "multi_label", "tagging")
__all__ = ["EncodedExamples", "encode", "labels_of"]


def encode(
    task: Task,
    examples: Iterable[Example],
    tokenizer: WordPieceTokenizer,
    config: FinetuneConfig,
    *,
    labels: tuple[str, ...] | None = None,
    problems: Problems | None = None,
    is_training: bool,
) -> EncodedExamples:
    """Turn the examples of a split into rows of token ids.

    For training, examples that cannot be learned from are left out: without a known label, without a
    token, with an answer that is not in its context. For judging, every example has at least one row;
    one whose label is none of `labels` has no loss, and keeps its label, which the model can only miss.

    Args:
        task: its kind, name and value range are used.
        examples: of one split.
        tokenizer: cuts the texts.
        config: `sequence_length`, `has_swapped_pairs`, `tagging_form` and `answers` are used.
        labels: names in the order of their numbers; None for those of the task, or else of these
            examples.
        problems: told of what is left out.
        is_training: whether the rows are to be trained on.

    Raises:
        InputError: if a kind with labels has none.
    """
    examples = list(examples)
    if labels is None:
        labels = labels_of(task, examples, config)
    if task.kind in LABELLED_KINDS and not labels:
        raise InputError(f"{task.name}: expected labels for {task.kind}, received none")
    if task.kind == "tagging":
        examples = in_form(examples, config.tagging_form)
    job = EncodingJob(
        task=task,
        examples=examples,
        tokenizer=tokenizer,
        config=config,
        labels=None if labels is None else tuple(labels),
        problems=problems or Problems(),
        is_training=is_training,
    )
    encoders = {
        "tagging": encode_sentences,
        "question_answering": encode_questions,
        "multiple_choice": encode_choices,
    }
    return encoders.get(task.kind, encode_texts)(job).finished(job)


def labels_of(
    task: Task, examples: Iterable[Example], config: FinetuneConfig | None = None
) -> tuple[str, ...] | None:
    """The task's labels, or else the sorted names in these examples; None for kinds without.

    Args:
        config: decides the form of tags; None for tags as they stand in the data.
    """
    if task.kind not in LABELLED_KINDS:
        return None
    if task.labels is not None:
        return tuple(task.labels)
    if task.kind == "tagging":
        examples = in_form(examples, config.tagging_form if config else "correct")
        return tuple(sorted({tag for example in examples for tag in example.tags or ()}))
    if task.kind == "multi_label":
        return tuple(sorted({name for example in examples for name in example.label or ()}))
    return tuple(sorted({example.label for example in examples} - {None}))


def encode_texts(job: EncodingJob) -> Rows:
    """Single texts and pairs: `[CLS] text [SEP]` or `[CLS] text [SEP] second text [SEP]`.

    With `has_swapped_pairs`, training sees each pair a second time with its texts swapped, as the
    original does for MRPC and STS.
    """
    rows = Rows()
    firsts = job.tokenizer.encode_many([example.text for example in job.examples])
    seconds = iter(
        job.tokenizer.encode_many(
            [e.second_text for e in job.examples if e.second_text is not None]
        )
    )
    swapped = []
    for owner, (example, first) in enumerate(zip(job.examples, firsts, strict=True)):
        second = None if example.second_text is None else next(seconds)
        target = target_of(job, example)
        if job.is_training and (target is None or not has_tokens(job, example, first, second)):
            continue
        add_text(job, rows, owner, first, second, target)
        if second is not None:
            swapped.append((owner, second, first, target))
    if job.is_training and job.config.has_swapped_pairs:
        for owner, first, second, target in swapped:
            add_text(job, rows, owner, first, second, target)
    return rows


def add_text(job: EncodingJob, rows: Rows, owner: int, first, second, target) -> None:
    """Add the row of one text or pair; `target` is None where it is not known."""
    framing = job.framing
    token_ids, segment_ids, is_cut = (
        framing.single(first) if second is None else framing.pair(first, second)
    )
    if is_cut:
        rows.cut_owners.add(owner)
    has_gold = target is not None
    rows.add(owner, token_ids, segment_ids, has_gold, labels=target if has_gold else no_target(job))


def has_tokens(job: EncodingJob, example, first, second) -> bool:
    """Whether there is something to learn from; noted if not."""
    if not first and not second:
        job.leave_out("empty text", example, "a text", example.text)
        return False
    return True


def target_of(job: EncodingJob, example):
    """What the model should give: a number, (N,) float32 for multi-label, or None if it cannot."""
    label = example.label
    if label is None:
        job.note_missing_gold(example)
        return None
    if job.task.kind == "regression":
        return value_of(job, example)
    names = label if job.task.kind == "multi_label" else (label,)
    for name in names:
        if name not in job.number_of_label:
            job.note_unknown_label(example, name)
            return None
    numbers = [job.number_of_label[name] for name in names]
    if job.task.kind == "classification":
        return numbers[0]
    target = no_target(job)
    target[numbers] = 1
    return target


def value_of(job: EncodingJob, example) -> float | None:
    """The value of a regression, its range mapped to 0..1."""
    low, high = job.task.value_range
    if not isinstance(example.label, int | float) or not math.isfinite(example.label):
        job.leave_out("unknown label", example, "a finite number", example.label)
        return None
    return (example.label - low) / (high - low)


def no_target(job: EncodingJob):
    """What stands in a row whose target is not known."""
    if job.task.kind == "multi_label":
        return np.zeros(len(job.labels), np.float32)
    return 0.0 if job.task.kind == "regression" else 0


def encode_choices(job: EncodingJob) -> Rows:
    """Questions with choices: `[CLS] question [SEP] choice [SEP]` for every choice of a row."""
    rows = Rows()
    questions = job.tokenizer.encode_many([example.question for example in job.examples])
    choices = iter(job.tokenizer.encode_many([c for e in job.examples for c in e.choices]))
    for owner, (example, question) in enumerate(zip(job.examples, questions, strict=True)):
        parts = [job.framing.pair(question, next(choices)) for _ in example.choices]
        label = choice_of(job, example)
        if not parts:
            job.leave_out("no choices", example, "texts to choose from", example.choices)
        if not parts or (job.is_training and label is None):
            continue
        if any(is_cut for *_, is_cut in parts):
            rows.cut_owners.add(owner)
        rows.add(
            owner,
            [token_ids for token_ids, _, _ in parts],
            [segment_ids for _, segment_ids, _ in parts],
            label is not None,
            labels=label or 0,
        )
    return rows


def choice_of(job: EncodingJob, example) -> int | None:
    """Index of the right choice, or None if it is not known."""
    if example.label is None:
        job.note_missing_gold(example)
        return None
    if not 0 <= example.label < len(example.choices):
        expected = f"the index of one of {len(example.choices)} choices"
        job.leave_out("unknown label", example, expected, example.label)
        return None
    return example.label
