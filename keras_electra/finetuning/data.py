"""The data of a fine-tuning run: every split of a task, read and turned into token ids."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Collection

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import InputError
from keras_electra.tasks.encoded import EncodedExamples
from keras_electra.tasks.encoding import encode, labels_of
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.splits import some_examples
from keras_electra.tasks.task import Task
from keras_electra.tasks.text import named

NEEDED = ("train", "validation")
NUM_NAMED = 5
"""Labels that a sentence names at most."""


@dataclasses.dataclass(frozen=True)
class TaskData:
    """One task's splits, ready for training.

    Attributes:
        task: the `Task`.
        labels: names in the order of their numbers, or None where the kind has none.
        splits: name -> `EncodedExamples`; "train" as it is trained on.
        record: {split: {"num_examples", "num_rows", "num_truncated", "num_unseen", "sha256",
            "left_out"}}; the hash is of the examples, wherever they came from, and `num_unseen` counts
            those judged that have a label which is none of `labels`.
    """

    task: Task
    labels: tuple[str, ...] | None
    splits: dict[str, EncodedExamples]
    record: dict[str, dict]

    @property
    def judged(self) -> list[str]:
        """The splits that are not trained on."""
        return [split for split in self.splits if split != "train"]


def read_task(
    task: Task,
    data,
    tokenizer,
    config: FinetuneConfig,
    tell: Callable[[str], None],
    wanted: Collection[str] | None = None,
) -> TaskData:
    """Read and encode all splits that the data has.

    Args:
        data: folder, file or table, as the task's reader takes it.
        tell: called with sentences on rows left out and texts cut.
        wanted: names of the splits to read; None for all.

    Raises:
        InputError: if training or validation data is missing or unusable.
    """
    labels, splits, record = task.labels, {}, {}
    for split in present_splits(task, data, wanted):
        problems = Problems(config.has_strict_rows)
        examples = some_examples(task.read(data, split, problems), config.max_examples)
        if labels is None and split == "train":
            labels = labels_of(task, examples, config)
            check_labels(task, labels, problems)
        encoded = encode(
            task,
            examples,
            tokenizer,
            config,
            labels=labels,
            problems=problems,
            is_training=split == "train",
        )
        splits[split] = encoded
        unseen = {} if split == "train" else encoded.unseen
        record[split] = {
            "num_examples": len(examples),
            "num_rows": len(encoded),
            "num_truncated": encoded.num_truncated,
            "num_unseen": len(unseen),
            "sha256": examples_hash(examples),
            "left_out": problems.to_dict(),
        }
        if not len(encoded):
            raise InputError(
                f"{task.name}: expected examples in the split {split!r} that can be used, received "
                f"none{problems.reason}"
            )
        for sentence in sentences_on(task, split, record[split], problems, config):
            tell(sentence)
        if unseen:
            tell(unseen_sentence(task, split, unseen, len(examples)))
    return TaskData(task, labels, splits, record)


def present_splits(task: Task, data, wanted: Collection[str] | None = None) -> list[str]:
    """Names of the splits that the data has, the needed ones first.

    Raises:
        InputError: if the one to train on or the one to validate on is missing.
    """
    asked = [split for split in task.splits if wanted is None or split in wanted]
    present = [split for split in asked if split in NEEDED or task.has_split(data, split)]
    return sorted(present, key=lambda split: (split not in NEEDED, task.splits.index(split)))


def check_labels(task: Task, labels, problems: Problems) -> None:
    """Raise `InputError` where there is nothing to tell apart, with what was left out."""
    if kind_of(task.kind).has_labels and len(labels) < 2:
        raise InputError(
            f"{task.name}: expected at least two labels in the training data, received "
            f"{named(labels)}{problems.reason}"
        )


def examples_hash(examples) -> str:
    """SHA-256 (hexadecimal) over the content of examples, in order."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(json.dumps(dataclasses.asdict(example), sort_keys=True).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def unseen_sentence(task: Task, split: str, unseen: dict[int, list[str]], total: int) -> str:
    """What the user should know of labels that a model cannot give.

    Args:
        unseen: as of `EncodedExamples`.
        total: number of examples of the split.
    """
    names = sorted({name for found in unseen.values() for name in found})
    shown = ", ".join(map(repr, names[:NUM_NAMED])) + (", ..." if len(names) > NUM_NAMED else "")
    what = kind_of(task.kind).noun
    return (
        f"{task.name} {split}: {len(unseen)} of {total} examples have a {what} that is not learned "
        f"({shown}), and that counts as missed"
    )


def sentences_on(
    task: Task, split: str, record: dict, problems: Problems, config: FinetuneConfig
) -> list[str]:
    """What the user should know of a split: rows left out, texts cut."""
    sentences = [f"{task.name} {split}: {sentence}" for sentence in problems.sentences()]
    if record["num_truncated"]:
        what, longest = kind_of(task.kind).cut_to(config)
        sentences.append(
            f"{task.name} {split}: {record['num_truncated']} of {record['num_examples']} "
            f"{what} cut to {longest} tokens"
        )
    return sentences
