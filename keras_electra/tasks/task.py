"""A task, declared: what its examples are, where they come from, how it is measured and trained."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from keras_electra.errors import InputError, MissingSplitError
from keras_electra.tasks.examples import Example
from keras_electra.tasks.kinds import Kind, kind_of
from keras_electra.tasks.problems import Problems

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
        kind = kind_of(self.kind)
        if self.main_metric not in self.metrics:
            raise InputError(
                f"main_metric: expected one of {self.metrics}, received {self.main_metric!r}"
            )
        if kind.has_value_range != (self.value_range is not None):
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
