"""Looking over a task's data before anything is trained: what is missing, twice, uneven or cut."""

import collections
import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keras_electra.errors import MissingSplitError
from keras_electra.tasks.examples import (
    ChoiceExample,
    Example,
    QuestionExample,
    TaggingExample,
    TextExample,
)
from keras_electra.tasks.task import Problems, Task

NUM_SHOWN = 10
"""Rows that a check keeps to be shown."""
UNEVEN_FRACTION = 0.8
"""Share of the commonest label from which the labels count as uneven."""
MAX_MEASURED = 20_000
"""Examples of a part whose length is measured."""
NUM_BINS = 20


@dataclasses.dataclass(frozen=True)
class Check:
    """What one look at the data found.

    Attributes:
        name: what was looked for.
        sentence: what was found, with numbers.
        count: rows, or labels, that it is true of; 0 where all is well.
        is_problem: whether it should be looked into.
        rows: the first of them, each a dict of `split`, `id` and the example's fields.
    """

    name: str
    sentence: str
    count: int = 0
    is_problem: bool = False
    rows: tuple[dict, ...] = ()


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
    ]
    if task.kind in ("classification", "multi_label"):
        checks += [lonely_labels(splits), evenness(splits)]
    if task.kind == "regression":
        checks.append(score_range(task, splits))
    if task.kind == "tagging":
        checks += [lonely_labels(splits), broken_spans(splits)]
    lengths = None
    if tokenizer is not None:
        lengths = measured_lengths(splits, tokenizer, sequence_length)
        checks.append(cut_texts(lengths))
    return DataReport({name: len(part) for name, part in splits.items()}, tuple(checks), lengths)


def row_of(split: str, example: Example) -> dict:
    """An example as a row to be shown, its empty fields left out."""
    fields = {
        name: value for name, value in dataclasses.asdict(example).items() if value is not None
    }
    return {"split": split, **fields}


def found(name: str, rows: Iterable[dict], what: str, none: str, **more: Any) -> Check:
    """The check of rows that should not be.

    Args:
        what: sentence with `{count}`.
        none: sentence where there are none.
    """
    rows = list(rows)
    if not rows:
        return Check(name, none)
    sentence = what.format(count=f"{len(rows):,}", **more)
    return Check(name, sentence, len(rows), True, tuple(rows[:NUM_SHOWN]))


# Rows


def unusable(left_out: Mapping[str, Problems]) -> list[Check]:
    """Rows that cannot be used, by sort: wrong columns, no label, an answer not in its context."""
    checks = []
    for split, problems in left_out.items():
        for sort, count in problems.counts.items():
            rows = tuple({"split": split, "found": sentence} for sentence in problems.shown[sort])
            sentence = f"{count:,} rows of {split} are left out: {sort}"
            checks.append(Check(sort, sentence, count, True, rows))
    return checks or [Check("unusable rows", "every row can be used")]


def texts_of(example: Example) -> tuple[str, ...]:
    """The texts of an example."""
    if isinstance(example, TextExample):
        second = example.second_text
        return (example.text,) if second is None else (example.text, second)
    if isinstance(example, TaggingExample):
        return (" ".join(example.words),)
    if isinstance(example, QuestionExample):
        return example.question, example.context
    return example.question, *example.choices


def answer_of(example: Example):
    """What is to be learned of an example, to be compared."""
    if isinstance(example, TaggingExample):
        return example.tags
    if isinstance(example, QuestionExample):
        return example.answers
    return example.label


def empty_texts(splits) -> Check:
    """Examples with a text of nothing but blanks."""
    rows = [
        row_of(split, example)
        for split, part in splits.items()
        for example in part
        if not all(text.strip() for text in texts_of(example))
    ]
    return found("empty text", rows, "{count} examples have an empty text", "no text is empty")


def duplicates(splits) -> Check:
    """Examples that stand again in the same part, answer and all."""
    rows = []
    for split, part in splits.items():
        seen = set()
        for example in part:
            key = (texts_of(example), answer_of(example))
            if key in seen:
                rows.append(row_of(split, example))
            seen.add(key)
    return found(
        "duplicate",
        rows,
        "{count} examples stand again in the same part",
        "no example stands twice",
    )


def contradictions(splits) -> Check:
    """Examples of the training part whose texts have another answer elsewhere in it."""
    answers, rows = {}, []
    for example in splits.get("train", ()):
        first = answers.setdefault(texts_of(example), answer_of(example))
        if first != answer_of(example) and not isinstance(example, QuestionExample):
            rows.append(row_of("train", example))
    return found(
        "contradiction",
        rows,
        "{count} examples of train have a text that has another label before",
        "no text of train has two labels",
    )


def shared_texts(splits) -> Check:
    """Examples outside the training part whose texts stand in it: what they measure is memory."""
    known = {texts_of(example) for example in splits.get("train", ())}
    rows = [
        row_of(split, example)
        for split, part in splits.items()
        for example in part
        if split != "train" and texts_of(example) in known
    ]
    return found(
        "text in train and elsewhere",
        rows,
        "{count} examples outside train have a text that stands in train",
        "no text of train stands in another part",
    )


# Labels


def label_counts(part: Sequence[Example]) -> collections.Counter:
    """How often each label or tag occurs."""
    counts = collections.Counter()
    for example in part:
        answer = answer_of(example)
        if answer is not None:
            counts.update(answer if isinstance(answer, tuple) else [answer])
    return counts


def lonely_labels(splits) -> Check:
    """Labels of other parts that training never sees."""
    known = label_counts(splits.get("train", ()))
    unseen = {}
    for split, part in splits.items():
        for label, count in label_counts(part).items():
            if label not in known:
                unseen.setdefault(str(label), {"label": str(label)})[split] = count
    names = ", ".join(map(repr, sorted(unseen)[:5]))
    return found(
        "label not in train",
        unseen.values(),
        "{count} labels occur outside train only: {names}",
        "every label of another part occurs in train",
        names=names,
    )


def evenness(splits) -> Check:
    """Whether one label is nearly all of the training part; what always guessing it is worth."""
    counts = label_counts(splits.get("train", ()))
    total = len(splits.get("train", ()))
    if not counts or not total:
        return Check("uneven labels", "train has no labels")
    (label, most), (rarest, fewest) = counts.most_common(1)[0], counts.most_common()[-1]
    rows = tuple({"label": str(name), "train": count} for name, count in counts.most_common())
    sentence = (
        f"{len(counts)} labels; the commonest, {label!r}, is {most / total:.0%} of train, the rarest, "
        f"{rarest!r}, {fewest:,} examples"
    )
    is_problem = most / total >= UNEVEN_FRACTION
    return Check("uneven labels", sentence, most if is_problem else 0, is_problem, rows[:NUM_SHOWN])


def score_range(task: Task, splits) -> Check:
    """Numbers outside the range that the model can give."""
    low, high = task.value_range
    rows = [
        row_of(split, example)
        for split, part in splits.items()
        for example in part
        if isinstance(example.label, int | float) and not low <= example.label <= high
    ]
    return found(
        "score range",
        rows,
        f"{{count}} examples have a score outside {low:g} to {high:g}, which the model cannot give",
        f"all scores are from {low:g} to {high:g}",
    )


def broken_spans(splits) -> Check:
    """Sentences with a tag I-x that no B-x or I-x stands before, where tags mark spans."""
    rows = [
        row_of(split, example)
        for split, part in splits.items()
        for example in part
        if example.tags and has_broken_span(example.tags)
    ]
    return found(
        "span without a beginning",
        rows,
        "{count} sentences have an I- tag without a B- tag of its type before it",
        "every span begins with its B- tag, or there are no spans",
    )


def has_broken_span(tags: Sequence[str]) -> bool:
    """Whether a span goes on that did not begin.

    >>> has_broken_span(["B-PER", "I-PER", "O"]), has_broken_span(["O", "I-PER"])
    (False, True)
    """
    former = "O"
    for tag in tags:
        if tag.startswith("I-") and former[1:] != tag[1:]:
            return True
        former = tag
    return False


# Lengths


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
