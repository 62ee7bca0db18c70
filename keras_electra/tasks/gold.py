"""What a row says is right: its labels, in the form of its table."""

import dataclasses
from collections.abc import Mapping

from keras_electra.tasks.fields import (
    UnusableRow,
    as_vector,
    check_column,
    is_missing,
    items_in,
    marked,
)
from keras_electra.tasks.label_forms import SEPARATOR
from keras_electra.tasks.numerals import USUAL, NumberForm
from keras_electra.tasks.printed import spelt
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.text import named
from keras_electra.tasks.values import Row


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowForm:
    """How a row becomes an example.

    Attributes:
        kind: of the task.
        roles: of the columns.
        separator: between several labels in one field.
        labels: those that may be, or None for any; checked where `has_labels`.
        positions: names of the labels, where a field holds a 0 or 1 for each of them; none where it
            holds names.
        value_range: numbers that may be, or None for any.
        numbers: how numbers are written.
        has_spans: whether tags must mark spans.
        first_choice: the number that stands for the first choice, 0 or 1; None where labels are texts of
            choices.
        has_labels: whether a row without its label is left out, as in training; otherwise the label
            is None. Of several labels or answers, of which a row may have none, it is None too where
            no row of the part has any.
    """

    kind: str
    roles: Roles
    separator: str = SEPARATOR
    labels: tuple[str, ...] | None = None
    positions: tuple[str, ...] = ()
    value_range: tuple[float, float] | None = None
    numbers: NumberForm = USUAL
    has_spans: bool = False
    first_choice: int | None = 0
    has_labels: bool = True


def marks_in(row: Row, form: RowForm) -> tuple[str, ...] | None:
    """The labels of a row that has a column of 0 or 1 for each."""
    columns = form.roles.labels
    values = [row.values.get(column) for column in columns]
    empty = next((column for column, v in zip(columns, values, strict=True) if is_missing(v)), None)
    if empty is not None:
        return missing_label(row, empty, form, None)
    return marked(values, form.positions, "its column")


def marks_of(value, column: str, form: RowForm) -> tuple[str, ...]:
    """The labels of a field that holds a 0 or 1 for each, in a list or in a dict by name."""
    value = as_vector(value)
    found = spelt(value)
    if isinstance(found, Mapping) and set(found) <= set(form.positions):
        values = [found.get(name, 0) for name in form.positions]
    else:
        values = items_in(value, column, f"a list of {len(form.positions)} times 0 or 1")
    if values is None:
        values = [value]
    return marked(values, form.positions, f"column {column!r}")


def missing_label(row: Row, column: str | None, form: RowForm, value) -> None:
    """None, for a row that needs no label; `UnusableRow` for all others."""
    if form.has_labels:
        check_column(row, column, "missing label")
        what = repr(value) if str(value or "").strip() else "none"
        raise UnusableRow(
            "missing label", f"expected a label in column {column!r}, received {what}"
        )


def check_known(labels, column: str, form: RowForm) -> None:
    """Raise `UnusableRow` where a label has to be one of those that may be, and is not."""
    for label in labels:
        if form.has_labels and form.labels is not None and label not in form.labels:
            raise UnusableRow(
                "unknown label",
                f"expected one of {named(form.labels)} in column {column!r}, received {label!r}",
            )
