"""The kinds of task. A new one is a file with a subclass of `TaskKind`, and an entry of `KINDS`.

The tuple is read whenever a kind is asked for, so that another package may put a longer one in its place:
`kinds.KINDS = (*kinds.KINDS, MyKind())`.
"""

from typing import TypeAlias

from keras_electra.errors import InputError
from keras_electra.tasks.kinds.base import TaskKind
from keras_electra.tasks.kinds.classification import Classification
from keras_electra.tasks.kinds.multi_label import MultiLabel
from keras_electra.tasks.kinds.multiple_choice import MultipleChoice
from keras_electra.tasks.kinds.question_answering import QuestionAnswering
from keras_electra.tasks.kinds.regression import Regression
from keras_electra.tasks.kinds.tagging import Tagging

__all__ = ["KINDS", "Kind", "TaskKind", "is_less_better", "kind_names", "kind_of"]

KINDS: tuple[TaskKind, ...] = (
    Classification(),
    MultiLabel(),
    Regression(),
    Tagging(),
    QuestionAnswering(),
    MultipleChoice(),
)
Kind: TypeAlias = str
"""The name of one of `KINDS`."""


def kind_names() -> tuple[str, ...]:
    """The names of `KINDS`, in order."""
    return tuple(one.name for one in KINDS)


def kind_of(name: Kind) -> TaskKind:
    """The kind of this name.

    Raises:
        InputError: for an unknown name.
    """
    for one in KINDS:
        if one.name == name:
            return one
    raise InputError(f"kind: expected one of {', '.join(kind_names())}, received {name!r}")


def is_less_better(metric: str) -> bool:
    """Whether a smaller value of a metric is better."""
    return any(metric in one.less_is_better for one in KINDS)
