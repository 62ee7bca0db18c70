"""Looking over a task's data before anything is trained: what is missing, twice, uneven or cut."""

import collections
import dataclasses
import math
from collections.abc import Mapping, Sequence

from keras_electra.errors import MissingSplitError
from keras_electra.tasks.checks import (
    Check,
    contradictions,
    duplicates,
    empty_texts,
    shared_texts,
    texts_of,
    unusable,
)
from keras_electra.tasks.examples import ChoiceExample, Example
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.task import Task

MAX_MEASURED = 20_000
"""Examples of a part whose length is measured."""
NUM_BINS = 20


@dataclasses.dataclass(frozen=True)
class Lengths:
    """How long examples are, in tokens.

    Attributes:
        edges: (N + 1,) borders of the bins.
        counts: (N,) examples in each.
        longest_kept: longer ones are cut.
        num_cut, num_measured: examples that are cut, and all that were measured.
        mean: of all.
    """

    edges: tuple[int, ...]
    counts: tuple[int, ...]
    longest_kept: int
    num_cut: int
    num_measured: int
    mean: float


@dataclasses.dataclass(frozen=True)
class DataReport:
    """What a task's data holds.

    Attributes:
        num_examples: split -> number.
        checks: in the order in which they are worth reading.
        lengths: None without a tokenizer.
    """

    num_examples: dict[str, int]
    checks: tuple[Check, ...]
    lengths: Lengths | None = None

    @property
    def num_problems(self) -> int:
        """How many checks should be looked into."""
        return sum(check.is_problem for check in self.checks)


def check_task_data(task: Task, data, *, tokenizer=None, sequence_length: int = 128) -> DataReport:
    """Read every part that the data has, and look it over.

    Args:
        task: reads the data.
        data: as the task's reader takes it.
        tokenizer: a `WordPieceTokenizer`, to measure lengths; None for no measure.
        sequence_length: longer examples are cut, in tokens.

    Raises:
        InputError: if the data cannot be read, or has nothing to train on.
    """
    splits, left_out = {}, {}
    for split in task.splits:
        problems = Problems()
        try:
            examples = list(task.reader(data, split, problems))
        except MissingSplitError:
            continue
        splits[split], left_out[split] = examples, problems
    if not splits.get("train"):
        task.read(data, "train")
    return check_examples(
        task,
        splits,
        left_out=left_out,
        tokenizer=tokenizer,
        sequence_length=sequence_length,
    )


def check_examples(
    task: Task,
    splits: Mapping[str, Sequence[Example]],
    *,
    left_out: Mapping[str, Problems] | None = None,
    tokenizer=None,
    sequence_length: int = 128,
) -> DataReport:
    """Look examples over; arguments as of `check_task_data`.

    Args:
        splits: name of each part -> its examples.
        left_out: name of each part -> rows that could not be used.
    """
    checks = [
        *unusable(left_out or {}),
        empty_texts(splits),
        duplicates(splits),
        contradictions(splits),
        shared_texts(splits),
        *kind_of(task.kind).checks(splits, task.value_range),
    ]
    lengths = None
    if tokenizer is not None:
        lengths = measured_lengths(splits, tokenizer, sequence_length)
        checks.append(cut_texts(lengths))
    return DataReport({name: len(part) for name, part in splits.items()}, tuple(checks), lengths)


def measured_lengths(splits, tokenizer, sequence_length: int) -> Lengths:
    """How many tokens the examples have, with the special ones."""
    lengths = []
    for part in splits.values():
        lengths += example_lengths(part[:MAX_MEASURED], tokenizer)
    longest = max(lengths, default=1)
    width = max(1, math.ceil(longest / NUM_BINS))
    counts = collections.Counter((length - 1) // width for length in lengths)
    num_bins = (longest - 1) // width + 1
    return Lengths(
        edges=tuple(width * index + 1 for index in range(num_bins + 1)),
        counts=tuple(counts[index] for index in range(num_bins)),
        longest_kept=sequence_length,
        num_cut=sum(length > sequence_length for length in lengths),
        num_measured=len(lengths),
        mean=sum(lengths) / max(1, len(lengths)),
    )


def example_lengths(part: Sequence[Example], tokenizer) -> list[int]:
    """Tokens of each example; of its longest choice, where there are choices."""
    lengths = []
    for example in part:
        numbers = [len(ids) for ids in tokenizer.encode_many(list(texts_of(example)))]
        if isinstance(example, ChoiceExample):
            lengths.append(numbers[0] + max(numbers[1:], default=0) + 3)
        else:
            lengths.append(sum(numbers) + len(numbers) + 1)
    return lengths


def cut_texts(lengths: Lengths) -> Check:
    """How much is longer than what the model is given."""
    share = lengths.num_cut / max(1, lengths.num_measured)
    sentence = (
        f"{lengths.num_cut:,} of {lengths.num_measured:,} examples ({share:.0%}) are longer than "
        f"{lengths.longest_kept} tokens; the mean is {lengths.mean:.0f}"
    )
    return Check("cut texts", sentence, lengths.num_cut, share > 0.05)
