"""What a column of labels holds: classes, several labels in a field, or numbers; and how it is written."""

import collections
import dataclasses
import re

from keras_electra.errors import InputError
from keras_electra.tasks.fields import UnusableRow, are_marks, as_vector, label_name, labels_of
from keras_electra.tasks.numerals import USUAL, NumberForm, form_of_numbers, is_number, number
from keras_electra.tasks.printed import as_list, spelt
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.sample import Sample, plain_name
from keras_electra.tasks.values import refusal

SEPARATOR = "|"
JOINING = (";", ",")
MAX_WHOLE_NUMBERS = 20
"""Different whole numbers up to which they are classes, whatever the column is called."""
CLASSES = frozenset(
    ("label", "gold_label", "class", "category", "intent", "target", "y", "topic", "sentiment",
     "emotion", "language", "stance", "polarity", "tag", "type", "cluster")
)  # fmt: skip
"""Names of columns whose whole numbers are classes."""
SETS = frozenset(
    ("labels", "classes", "categories", "intents", "targets", "topics", "sentiments", "emotions",
     "languages", "tags", "types", "genres", "keywords")
)  # fmt: skip
"""Names of columns that may hold several labels."""
WHOLE_COMMA = re.compile(r"[+-]?\d+,0{1,2}")
"""A whole number as a table with decimal commas has it where others are missing: `1,0`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelForm:
    """How labels are written.

    Attributes:
        kind: of the task that they make.
        reason: why, with the option that overrules it; empty where nothing was open.
        separator: between several labels in one field.
        positions: names of the labels, where a field or a row holds a 0 or 1 for each.
        numbers: how numbers are written.
    """

    kind: str
    reason: str = ""
    separator: str = SEPARATOR
    positions: tuple[str, ...] = ()
    numbers: NumberForm = USUAL


def label_form(sample: Sample, roles: Roles, separator: str | None) -> LabelForm:
    """How the labels of a table of texts are written, and what they make.

    Args:
        sample: of the table.
        roles: of its columns.
        separator: between several labels in one field, if known.

    Raises:
        InputError: where several labels in a field, or a decimal comma, cannot be told from what looks
            like them.
    """
    if roles.labels:
        return LabelForm(kind="multi_label", positions=roles.labels)
    values = [] if roles.label is None else sample.values(roles.label)
    if form_of_labels(values, separator) is USUAL:
        several = several_labels(values, roles.label, separator)
        if several is not None:
            return several
    if not values:
        return LabelForm(kind="classification")
    if all(is_number(str(value)) for value in values):
        return number_kind(values, roles.label)
    check_no_numbers(values, roles.label)
    return LabelForm(kind="classification")


def form_of_labels(values, separator: str | None) -> NumberForm:
    """How labels that are numbers are written: with a decimal comma where all are "1,0" or "2,00"."""
    has_commas = bool(values) and all(WHOLE_COMMA.fullmatch(str(value)) for value in values)
    return NumberForm(",") if separator is None and has_commas else USUAL


def check_no_numbers(values, column: str) -> None:
    """Raise `InputError` for a column of labels that are numbers with a fraction, most of them."""
    numbers = [value for value in values if is_number(str(value))]
    form = form_of_numbers(numbers) or USUAL
    has_fraction = any((number(value, form) or 0) % 1 for value in numbers)
    if 2 * len(numbers) > len(values) and has_fraction:
        other = next(value for value in values if not is_number(str(value)))
        raise InputError(
            f"label_column: expected labels, or numbers alone, in {column!r}, received "
            f"{len(numbers)} numbers such as {numbers[0]!r} and {other!r:.80}; for amounts, without "
            "the rows of no number, give kind 'regression' (--kind regression), for labels "
            "'classification' (--kind classification)"
        )


def several_labels(
    values, column, separator: str | None, is_told: bool = False
) -> LabelForm | None:
    """How a column holds several labels in a field; None where it holds one.

    Args:
        is_told: whether it is known to hold several.

    Raises:
        InputError: where the same parts recur in several fields, and nothing tells that they are labels.
    """
    if separator is not None:
        return LabelForm(kind="multi_label", separator=separator)
    positions = positions_in(values)
    if positions:
        reason = f"a 0 or 1 for each label in {column!r}; --labels names them"
        return LabelForm(kind="multi_label", positions=positions, reason=reason)
    if any(as_list(value) is not None for value in values):
        check_names(values, column)
        return LabelForm(kind="multi_label", reason=f"lists in {column!r}")
    if any(isinstance(value, str) and SEPARATOR in value for value in values):
        return LabelForm(kind="multi_label", reason=joined_reason(SEPARATOR))
    joined = joined_by(values)
    if joined is None:
        return LabelForm(kind="multi_label") if is_told else None
    sign, example, part = joined
    if not is_told and plain_name(column) not in SETS:
        if may_be_numbers(values, column):
            return None
        raise InputError(
            f"label_column: expected one label in a field of {column!r}, or several with a known "
            f"separator, received {example!r}, of which {part!r} stands elsewhere too; for several "
            f"labels give separator {sign!r} (--separator {sign!r}), for one label kind "
            "'classification' (--kind classification)"
        )
    return LabelForm(kind="multi_label", separator=sign, reason=joined_reason(sign))


def check_names(values, column: str) -> None:
    """Raise `InputError` for a column of lists of which half or more are no sets of names."""
    refused = []
    for value in values:
        try:
            labels_of(value, column, SEPARATOR)
        except UnusableRow as unusable:
            refused.append(unusable)
    if 2 * len(refused) >= len(values):
        raise InputError(
            f"label_column: {refused[0]}; so it is in {len(refused)} of {len(values)} rows"
        )


def joined_reason(sign: str) -> str:
    """Why fields hold several labels that a sign joins."""
    return f"labels joined by {sign!r}; --kind classification takes each field as one"


def positions_in(values) -> tuple[str, ...]:
    """Names of the labels of fields with a 0 or 1 for each; none where fields hold something else.

    In lists labels are called by their number from 0, in dicts by their key.
    """
    found = [spelt(value) for value in values]
    if found and all(isinstance(one, dict) and not refusal(one) for one in found):
        keys = tuple(dict.fromkeys(key for one in found for key in one))
        return keys if all(are_marks(one.values()) for one in found) and len(keys) > 1 else ()
    lists = [as_list(as_vector(value)) for value in values]
    if not lists or None in lists:
        return ()
    ((length, _),) = collections.Counter(map(len, lists)).most_common(1)
    vectors = [one for one in lists if len(one) == length and are_marks(one)]
    # A number that stands twice in a list makes it no set of names, whatever else is in the column.
    is_vector = any(len(set(map(label_name, one))) < length for one in vectors)
    is_most = 2 * len(vectors) > len(lists) if is_vector else len(vectors) == len(lists)
    return tuple(map(str, range(length))) if length > 1 and is_most else ()


def joined_by(values) -> tuple[str, str, str] | None:
    """(sign between labels, a field, a part of it that also stands alone or first), or None.

    In "sport, art" and "art" a part recurs in another role, as it does not in "Albany, NY" and
    "Buffalo, NY".
    """
    names = {value for value in values if isinstance(value, str)}
    for sign in JOINING:
        split = {name: [part.strip() for part in name.split(sign)] for name in sorted(names)}
        firsts = {parts[0] for parts in split.values()} - {""}
        for name, parts in split.items():
            part = next((one for one in parts[1:] if one in firsts), None)
            if part is not None:
                return sign, name, part
    return None


def may_be_numbers(values, column: str) -> bool:
    """Whether fields that look like joined labels are numbers with a decimal comma: "4,5" and "5,0"."""
    return plain_name(column) not in CLASSES and all(is_number(str(value)) for value in values)


def number_kind(values, column: str) -> LabelForm:
    """What a column of nothing but numbers makes."""
    form = number_form(values, column)
    numbers = {number(value, form) for value in values} - {None}
    if form.has_percent or not all(one.is_integer() for one in numbers):
        reason = "numbers with a fraction" if not form.has_percent else "numbers in percent"
        return LabelForm(
            kind="regression", numbers=form, reason=f"{reason}; --kind classification for classes"
        )
    few, is_class = len(numbers) <= MAX_WHOLE_NUMBERS, plain_name(column) in CLASSES | SETS
    low, high = min(numbers), max(numbers)
    has_no_gaps = low in (0, 1) and high - low + 1 == len(numbers) and len(values) > len(numbers)
    if few or is_class or has_no_gaps:
        reason = f"whole numbers in {column!r}; --kind regression for amounts"
        return LabelForm(kind="classification", reason=reason, numbers=form)
    reason = f"{len(numbers)} different whole numbers with gaps; --kind classification for classes"
    return LabelForm(kind="regression", numbers=form, reason=reason)


def number_form(values, column: str | None) -> NumberForm:
    """How the numbers of a column are written; `InputError` where a comma may mean two things."""
    form = form_of_numbers(values)
    if form is None:
        example = next(value for value in values if "," in str(value))
        raise InputError(
            f"label_column: expected numbers such as 1234.5 or 1234,5 in {column!r}, received "
            f"{example!r}, whose comma may stand before a fraction or between thousands; write the "
            "numbers with a point, or without a comma"
        )
    return form
