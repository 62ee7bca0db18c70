"""Which column of a table has which role, and so what is to be learned: by names, then by content."""

import dataclasses
from collections.abc import Iterable

from keras_electra.errors import InputError
from keras_electra.tasks.fields import UnusableRow
from keras_electra.tasks.finding import Finder
from keras_electra.tasks.gold import RowForm
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.label_forms import LabelForm, label_form
from keras_electra.tasks.roles import Roles, check_repeated, option_of
from keras_electra.tasks.sample import Sample
from keras_electra.tasks.tag_forms import SPAN_TAG
from keras_electra.tasks.text import named
from keras_electra.tasks.values import Row

MAX_LABELS = 20
MOST_DIFFERENT = {True: 0.5, False: 0.9}
"""Whether all rows were seen -> share of them that may have a label of their own."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Guess:
    """What a table seems to be for.

    Attributes:
        kind: of the task.
        roles: of the columns.
        labels: those in the rows looked at, sorted; none for kinds without.
        sentence: all this, for the user.
        has_spans: for tagging, whether all tags seen are O, or B-, I-, E- or S- with a type.
        first_choice: for multiple choice, the number that stands for the first one; None where labels
            are texts of choices.
        form: of texts, how their labels are written.
    """

    kind: str
    roles: Roles
    labels: tuple[str, ...]
    sentence: str
    has_spans: bool = False
    first_choice: int | None = 0
    form: LabelForm = LabelForm(kind="classification")


def guess(
    rows: Iterable[Row] | Sample,
    *,
    kind: str | None = None,
    given: Roles | None = None,
    separator: str | None = None,
    has_labels: bool = True,
) -> Guess:
    """Find out what the columns of a table are.

    Of the columns "review" (texts) and "stars" (1 to 5), the guess says: text column 'review', label
    column 'stars' (5 labels), classification.

    Args:
        rows: the table's, of which the first few hundred are looked at; or these.
        kind: what is learned, if known; else `label_forms` decides by the labels, and the sentence has
            the reason and the option that overrules it.
        given: the roles that are known.
        separator: between several labels in one field, which makes it multi_label; None for "|", or
            what is seen.
        has_labels: whether labels, tags or answers have to be there.

    Raises:
        InputError: if a given column does not exist, a role could be that of several columns, or the
            name of its column is that of others too; it names these, and the option that tells.
    """
    sample = rows if isinstance(rows, Sample) else Sample(rows)
    is_told = kind is not None
    given = given or Roles()
    may_be_several = kind is None or kind_of(kind).has_several
    finder = Finder(sample, given, has_labels, may_be_several)
    kind = kind or finder.kind()
    check_roles(given, kind or ("multi_label" if given.labels else "classification"))
    roles = finder.texts() if kind is None else kind_of(kind).find_roles(finder)
    check_repeated(roles, sample.repeated)
    if kind is None:
        form = label_form(sample, roles, separator)
    else:
        form = kind_of(kind).label_form(sample, roles, separator)
    kind = kind_of(form.kind)
    if separator is not None and not kind.has_several:
        raise InputError(f"separator: expected none for {kind.name}, received {separator!r}")
    labels = form.positions or labels_seen(sample, form, roles)
    if not is_told and not form.positions:
        check_occurring_again(labels, sample, roles.label, form)
    found = Guess(
        kind=kind.name,
        roles=roles,
        labels=labels,
        sentence="",
        has_spans=bool(labels) and all(SPAN_TAG.fullmatch(label) for label in labels),
        first_choice=kind.first_choice(sample, roles),
        form=form,
    )
    return dataclasses.replace(found, sentence=sentence_on(found, sample))


def check_roles(given: Roles, kind: str) -> None:
    """Raise `InputError` for a given column that the kind has no use for."""
    for role in given.given():
        if role not in kind_of(kind).roles:
            raise InputError(
                f"{option_of(role)}: expected none for {kind}, received {getattr(given, role)!r}"
            )


def check_occurring_again(labels, sample: Sample, column: str | None, form: LabelForm) -> None:
    """Raise `InputError` where nearly every row has a label of its own."""
    if len(labels) > max(MAX_LABELS, MOST_DIFFERENT[sample.is_whole] * sample.num_rows):
        are_numbers = "whole numbers" in form.reason
        other = "; amounts are of kind 'regression' (--kind regression)" if are_numbers else ""
        raise InputError(
            f"label_column: expected labels that occur again, received column {column!r} with "
            f"{len(labels)} different values in {sample.num_rows} rows; to take them all the same, "
            f"give the kind (--kind {form.kind}){other}"
        )


def labels_seen(sample: Sample, form: LabelForm, roles: Roles) -> tuple[str, ...]:
    """All labels in the rows looked at, sorted; those that cannot be read are passed over."""
    kind, names = kind_of(form.kind), set()
    column = getattr(roles, kind.gold_role) if kind.has_labels else None
    reading = RowForm(kind=form.kind, roles=roles, separator=form.separator, numbers=form.numbers)
    for row in [] if column is None else sample.having(column):
        try:
            found = kind.gold_in(Row("", row, 0), reading)
        except UnusableRow:
            continue
        names.update([found] if isinstance(found, str) else found)
    return tuple(sorted(names))


def sentence_on(guess: Guess, sample: Sample) -> str:
    """What was found, for the user: "text column 'review', label column 'stars' (5 labels), ..."."""
    roles = guess.roles
    texts = [repr(name) for name in (roles.text, roles.second_text) if name]
    parts = [f"text column{'s' * (len(texts) > 1)} {' and '.join(texts)}"] if texts else []
    parts += [column_of(role, getattr(roles, role)) for role in ("words", "question", "context")]
    if roles.choices:
        parts.append(f"choice column{'s' * (len(roles.choices) > 1)} {named(roles.choices)}")
    gold = [
        column_of(role, getattr(roles, role))
        for role in ("label", "tags", "answers", "answer_start")
    ]
    count = kind_of(guess.kind).count_of(guess, sample)
    parts += [part + count * (place < 2) for place, part in enumerate(gold) if part]
    if roles.labels:
        parts.append(f"label columns {named(roles.labels)}{count}")
    parts.append(guess.kind + f" ({guess.form.reason})" * bool(guess.form.reason))
    unused = [name for name in sample.names if name not in roles.names]
    return ", ".join(filter(None, parts)) + (f"; not used: {named(unused)}" if unused else "")


def column_of(role: str, name: str | None) -> str:
    """A role and its column in a sentence; nothing where there is none."""
    return f"{role.replace('_', ' ')} column {name!r}" if name else ""
