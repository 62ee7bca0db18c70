"""A task, declared: what its examples are, where they come from, how it is measured and trained."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from keras_electra.errors import InputError, MissingSplitError
from keras_electra.tasks.examples import Example

Kind = Literal[
    "classification",
    "multi_label",
    "regression",
    "tagging",
    "question_answering",
    "multiple_choice",
]
NUM_SHOWN = 5
"""How many rows left out of each sort are kept with their place, to be shown."""


class Problems:
    """Rows that could not be used: counted by sort, the first of each kept with their place.

    Args:
        is_strict: whether the first such row raises `InputError` instead.
    """

    def __init__(self, is_strict: bool = False):
        self.is_strict = is_strict
        self.counts = Counter()
        self.shown = {}

    def add(self, sort: str, sentence: str) -> None:
        """Note one row.

        Args:
            sort: short name such as "wrong number of columns" or "answer not in its context".
            sentence: what, expected, received, with file and line.
        """
        if self.is_strict:
            raise InputError(sentence)
        self.counts[sort] += 1
        shown = self.shown.setdefault(sort, [])
        if len(shown) < NUM_SHOWN:
            shown.append(sentence)

    @property
    def reason(self) -> str:
        """What is to be added to an error where no row is left: how many, of what sorts, and the first."""
        if not self.counts:
            return ""
        total, sorts = sum(self.counts.values()), ", ".join(self.counts)
        first = next(iter(self.shown.values()))[0]
        rows = "row" if total == 1 else "rows"
        return f"; {total:,} {rows} could not be used ({sorts}), the first: {first}"

    def sentences(self) -> list[str]:
        """A sentence for each sort of row left out: how many, and the first with its position."""
        return [
            f"{count:,} row{'s' * (count != 1)} left out, {sort}; first: {self.shown[sort][0]}"
            for sort, count in self.counts.items()
        ]

    def to_dict(self) -> dict:
        """{sort: {"count": n, "first": [sentences]}}, in the types of JSON."""
        return {
            sort: {"count": count, "first": self.shown[sort]} for sort, count in self.counts.items()
        }


Reader = Callable[[Any, str, Problems], Iterable[Example]]
"""`reader(data, split, problems)`: the examples of one split of `data` (a folder, file or table).

It raises `MissingSplitError` where the data has no such split, `InputError` where it cannot be read,
and tells `problems` of single rows that it leaves out.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """One thing to fine-tune for.

    Attributes:
        name: as in `--task`, in lower case.
        kind: what an example and a label are.
        reader: makes examples of data; see `Reader`.
        splits: names of all splits the data may have: "train", "validation", then others.
        labels: names, in the order of their numbers; None to take those of the training split, sorted.
        value_range: for regression, the numbers that 0 and 1 of the model stand for.
        metrics: names of the figures, as in `scoring`.
        main_metric: the one that trials are compared by; more is better, but for "mse".
        recipe: options of `FinetuneConfig` that this task sets unless the user does.
        columns: for a table, the options of `own_task` that name its columns, and the separator if one
            was given; kept with the model, which reads other tables by them.
        has_answerability: for question answering, whether questions may have no answer.
    """

    name: str
    kind: Kind
    reader: Reader
    splits: tuple[str, ...] = ("train", "validation", "test")
    labels: tuple[str, ...] | None = None
    value_range: tuple[float, float] | None = None
    metrics: tuple[str, ...]
    main_metric: str
    recipe: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    columns: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    has_answerability: bool = False

    def __post_init__(self):
        if self.kind not in Kind.__args__:
            raise InputError(f"kind: expected one of {Kind.__args__}, received {self.kind!r}")
        if self.main_metric not in self.metrics:
            raise InputError(
                f"main_metric: expected one of {self.metrics}, received {self.main_metric!r}"
            )
        if (self.kind == "regression") != (self.value_range is not None):
            raise InputError(
                "value_range: expected two numbers for regression and none for other kinds, "
                f"received {self.value_range!r} for {self.kind!r}"
            )

    def has_split(self, data, split: str) -> bool:
        """Whether the data has this split; a look at its first example."""
        try:
            next(iter(self.reader(data, split, Problems())), None)
        except MissingSplitError:
            return False
        return True

    def read(self, data, split: str, problems: Problems | None = None) -> list[Example]:
        """The examples of one split, read whole.

        Raises:
            InputError: for a split that is not there, unreadable data, or a split without a usable row.
        """
        problems = problems or Problems()
        if split not in self.splits:
            raise InputError(f"split: expected one of {self.splits}, received {split!r}")
        examples = list(self.reader(data, split, problems))
        if not examples:
            raise InputError(
                f"{self.name}: expected examples in the split {split!r}, received none{problems.reason}"
            )
        return examples
