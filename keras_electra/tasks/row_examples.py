"""From rows of a table to examples: which column is what, and what may stand in it."""

from collections.abc import Iterable, Iterator

from keras_electra.tasks.examples import Example, half_character
from keras_electra.tasks.fields import UnusableRow
from keras_electra.tasks.gold import RowForm
from keras_electra.tasks.kinds import TaskKind, kind_of
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.roles import check_repeated
from keras_electra.tasks.values import Row


def examples_of(rows: Iterable[Row], form: RowForm, problems: Problems) -> Iterator[Example]:
    """The examples of a table; rows that cannot be used are told of and left out."""
    kind, examples = kind_of(form.kind), usable(rows, form, problems)
    may_have_none = kind.may_have_none and not form.has_labels
    return without_empty_gold(kind, examples) if may_have_none else examples


def usable(rows: Iterable[Row], form: RowForm, problems: Problems) -> Iterator[Example]:
    """The examples of the rows that can be used, as they stand.

    Raises:
        InputError: for a column with a role whose name is that of others too.
    """
    example_of = kind_of(form.kind).example_of
    for row in rows:
        check_repeated(form.roles, row.repeated)
        try:
            example = example_of(row, form)
            check_characters(example)
        except UnusableRow as unusable:
            problems.add(unusable.sort, f"{row.place}: {unusable}")
            continue
        yield example


def check_characters(example: Example) -> None:
    """Raise `UnusableRow` for a text that is cut within a character."""
    half = half_character(example)
    if half is not None:
        raise UnusableRow(
            "half of a character",
            f"expected characters, received half of a surrogate pair ({half})",
        )


def without_empty_gold(kind: TaskKind, examples: Iterable[Example]) -> Iterator[Example]:
    """Examples whose gold is not known, rather than empty, where all of them have an empty one.

    A field without labels says that none applies; a column of such fields, that nobody told.
    """
    examples = list(examples)
    if not any(map(kind.gold_of, examples)):
        examples = [kind.without_gold(example) for example in examples]
    return iter(examples)
