"""Examples of any task to token ids."""

from collections.abc import Iterable

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import InputError
from keras_electra.tasks.encoded import EncodedExamples, EncodingJob
from keras_electra.tasks.examples import Example
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.task import Task
from keras_electra.tokenizer import WordPieceTokenizer

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
    kind, examples = kind_of(task.kind), list(examples)
    if labels is None:
        labels = labels_of(task, examples, config)
    if kind.has_labels and not labels:
        raise InputError(f"{task.name}: expected labels for {task.kind}, received none")
    job = EncodingJob(
        task=task,
        kind=kind,
        examples=kind.in_form(examples, config.tagging_form),
        tokenizer=tokenizer,
        config=config,
        labels=None if labels is None else tuple(labels),
        problems=problems or Problems(),
        is_training=is_training,
    )
    return kind.encode(job).finished(job)


def labels_of(
    task: Task, examples: Iterable[Example], config: FinetuneConfig | None = None
) -> tuple[str, ...] | None:
    """The task's labels, or else the sorted names in these examples; None for kinds without.

    Args:
        config: decides the form of tags; None for tags as they stand in the data.
    """
    kind = kind_of(task.kind)
    if not kind.has_labels:
        return None
    if task.labels is not None:
        return tuple(task.labels)
    examples = kind.in_form(list(examples), config.tagging_form if config else "correct")
    return tuple(sorted({name for example in examples for name in kind.names_in(example)}))
