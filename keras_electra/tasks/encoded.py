"""Examples as token ids: what encoders are given, what they make, and how a row is framed."""

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_electra.config.finetune import AnswerConfig, FinetuneConfig
from keras_electra.tasks.examples import Example
from keras_electra.tasks.problems import Problems
from keras_electra.tokenizer import WordPieceTokenizer

if TYPE_CHECKING:
    from keras_electra.tasks.kinds import TaskKind
    from keras_electra.tasks.task import Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncodedExamples:
    """The rows that a split's examples became, each one input of the network.

    Shapes: R rows. A row is one example, or one window of a long one.

    Attributes:
        kind: of the task.
        labels: names in the order of their numbers, or None where the kind has none.
        token_ids: R arrays (places,) int32; for multiple choice R lists of such, one per choice.
        segment_ids: the same of 0 and 1.
        owners: (R,) int64, index into `examples`, ascending but for copies with swapped texts.
        has_gold: (R,) bool, whether the right answer is known, and one that can be given, so that there is
            a loss; of a sentence, whether its tags are known.
        fields: what else each row has, by name: arrays (R, ...) or lists of R arrays.
        examples: all that were given, those without a row too.
        unseen: index of an example -> those of its labels or tags that are none of `labels`, which a
            model can only miss. Examples without such a one are left out.
        num_truncated: examples of which something was cut off.
        special_ids: ids of [PAD], [CLS] and [SEP].
        sequence_length: no row is longer.
        value_range: of regression, the numbers that 0 and 1 stand for.
        answers: how answers are read off, for question answering.
    """

    kind: str
    labels: tuple[str, ...] | None
    token_ids: list
    segment_ids: list
    owners: np.ndarray
    has_gold: np.ndarray
    fields: dict[str, Any]
    examples: list[Example]
    unseen: dict[int, list[str]]
    num_truncated: int
    special_ids: tuple[int, int, int]
    sequence_length: int
    value_range: tuple[float, float] | None
    answers: AnswerConfig

    def __len__(self) -> int:
        return len(self.token_ids)

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """int64 (R,): places of each row; of the longest choice, where there are choices."""
        return np.array([max(map(len, parts)) for parts in self.parts], np.int64)

    @functools.cached_property
    def num_tokens(self) -> np.ndarray:
        """int64 (R,): places of each row, all choices together."""
        return np.array([sum(map(len, parts)) for parts in self.parts], np.int64)

    @functools.cached_property
    def max_choices(self) -> int:
        """C, the largest number of inputs that a row has: 1 but for multiple choice."""
        return max((len(parts) for parts in self.parts), default=1)

    @property
    def parts(self) -> list:
        """Per row a list of its inputs."""
        return [ids if isinstance(ids, list) else [ids] for ids in self.token_ids]

    def padded(self, name: str, rows: Sequence[int], shape: tuple[int, ...], dtype) -> np.ndarray:
        """A field of some rows at the beginning of an array of zeros, array by array."""
        return filled([self.fields[name][row] for row in rows], shape, dtype)


def filled(values: Sequence, shape: tuple[int, ...], dtype, fill=0) -> np.ndarray:
    """An array with a value, or an array, at the beginning of each row, and `fill` elsewhere."""
    result = np.full(shape, fill, dtype)
    for position, value in enumerate(values):
        if np.ndim(value):
            result[position, : len(value)] = value
        else:
            result[position] = value
    return result


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncodingJob:
    """What every encoder is given; see `encoding.encode`."""

    task: "Task"
    kind: "TaskKind"
    examples: list[Example]
    tokenizer: WordPieceTokenizer
    config: FinetuneConfig
    labels: tuple[str, ...] | None
    problems: Problems
    is_training: bool

    @functools.cached_property
    def number_of_label(self) -> dict[str, int]:
        """Name of each label -> its number."""
        return {label: number for number, label in enumerate(self.labels or ())}

    @functools.cached_property
    def framing(self) -> "Framing":
        """How its rows are framed."""
        return Framing(self.tokenizer, self.config.sequence_length)

    def unseen(self) -> dict[int, list[str]]:
        """As of `EncodedExamples`."""
        if self.labels is None:
            return {}
        known, names = set(self.labels), map(self.kind.names_in, self.examples)
        found = {
            owner: [name for name in right if name not in known]
            for owner, right in enumerate(names)
        }
        return {owner: names for owner, names in found.items() if names}

    def leave_out(self, sort: str, example: Example, expected: str, received) -> None:
        """Note that an example, or its gold, cannot be used."""
        self.problems.add(
            sort, f"{self.task.name} {example.id}: expected {expected}, received {received!r}"
        )

    def note_missing_gold(self, example: Example) -> None:
        """Note a training example that has no gold; elsewhere that is nothing to note."""
        if self.is_training:
            self.leave_out("no label", example, "an example with its answer", None)

    def note_unknown_label(self, example: Example, label) -> None:
        """Note a training example with a label that is none of `labels`; elsewhere it counts as missed."""
        if self.is_training:
            self.leave_out("unknown label", example, some_of(self.labels), label)


def some_of(labels) -> str:
    """The labels as they stand in a sentence: "one of 'no', 'yes'"; the first few of many."""
    shown = ", ".join(map(repr, labels[:10]))
    return f"one of {shown}" + (f" and {len(labels) - 10} more" if len(labels) > 10 else "")


@dataclasses.dataclass
class Rows:
    """Rows being collected; attributes as of `EncodedExamples`."""

    token_ids: list = dataclasses.field(default_factory=list)
    segment_ids: list = dataclasses.field(default_factory=list)
    owners: list = dataclasses.field(default_factory=list)
    has_gold: list = dataclasses.field(default_factory=list)
    fields: dict = dataclasses.field(default_factory=lambda: defaultdict(list))
    cut_owners: set = dataclasses.field(default_factory=set)

    def add(self, owner: int, token_ids, segment_ids, has_gold: bool, **fields) -> None:
        """Add one row."""
        self.owners.append(owner)
        self.token_ids.append(token_ids)
        self.segment_ids.append(segment_ids)
        self.has_gold.append(has_gold)
        for name, value in fields.items():
            self.fields[name].append(value)

    def finished(self, job: EncodingJob) -> EncodedExamples:
        """The rows as `EncodedExamples`; numbers become arrays (R,), arrays stay lists."""
        special = job.tokenizer
        return EncodedExamples(
            kind=job.kind.name,
            labels=job.labels,
            token_ids=self.token_ids,
            segment_ids=self.segment_ids,
            owners=np.array(self.owners, np.int64),
            has_gold=np.array(self.has_gold, bool),
            fields={
                name: values if isinstance(values[0], np.ndarray) else np.array(values)
                for name, values in self.fields.items()
            },
            examples=job.examples,
            unseen=job.unseen(),
            num_truncated=len(self.cut_owners),
            special_ids=(special.pad_id, special.class_id, special.separator_id),
            sequence_length=job.config.sequence_length,
            value_range=job.task.value_range,
            answers=job.config.answers,
        )


class Framing:
    """`[CLS] text [SEP]` and `[CLS] text [SEP] other [SEP]`, cut to a length.

    Args:
        tokenizer: for the ids of [CLS] and [SEP].
        length: most places of a row.
    """

    def __init__(self, tokenizer: WordPieceTokenizer, length: int):
        self.length = length
        self._class_id, self._separator_id = tokenizer.class_id, tokenizer.separator_id
        # Segment ids of every row are a stretch of these around the middle.
        self._segments = np.repeat(np.array([0, 1], np.int32), length)
        self._segments.flags.writeable = False

    def single(self, ids: list[int]) -> tuple[np.ndarray, np.ndarray, bool]:
        """(token_ids, segment_ids, whether it was cut) of one text."""
        room = self.length - 2
        token_ids = np.array([self._class_id, *ids[:room], self._separator_id], np.int32)
        return token_ids, self._segment_ids(len(token_ids), 0), len(ids) > room

    def pair(self, first: list[int], second: list[int]) -> tuple[np.ndarray, np.ndarray, bool]:
        """(token_ids, segment_ids, whether it was cut) of two texts."""
        num_first, num_second = cut_pair(len(first), len(second), self.length - 3)
        end = self._separator_id
        token_ids = [self._class_id, *first[:num_first], end, *second[:num_second], end]
        is_cut = num_first + num_second < len(first) + len(second)
        segment_ids = self._segment_ids(num_first + 2, num_second + 1)
        return np.array(token_ids, np.int32), segment_ids, is_cut

    def _segment_ids(self, num_zeros, num_ones):
        return self._segments[self.length - num_zeros : self.length + num_ones]


def cut_pair(num_first: int, num_second: int, room: int) -> tuple[int, int]:
    """Tokens left of two texts that share `room` places.

    As in the original, tokens are dropped one by one from the longer text, from the second where
    both are equally long: cut_pair(7, 3, 8) is (5, 3), and cut_pair(7, 5, 7) is (4, 3).
    """
    excess = max(0, num_first + num_second - room)
    from_longer = min(excess, abs(num_first - num_second))
    if num_first > num_second:
        num_first -= from_longer
    else:
        num_second -= from_longer
    rest = excess - from_longer
    return num_first - rest // 2, num_second - (rest + 1) // 2
