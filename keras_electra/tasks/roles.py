"""What a column of a table can be for."""

import dataclasses
from collections.abc import Collection, Mapping

from keras_electra.errors import InputError

SEVERAL = {"labels": "label_columns", "choices": "choice_columns"}
"""Role that several columns may have together -> the option that names them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Roles:
    """Names of the columns that have a role, None for those that a task does without.

    Attributes:
        text, second_text, label: of texts; `label` also of choices.
        labels: of texts, a column of 0 or 1 for each label.
        words, tags: of tagging.
        question, context, answers, answer_start: of question answering; `question` also of choices.
        choices: one column with lists of texts, or a column for each.
        id: the example's name; None for the number of its row.
    """

    text: str | None = None
    second_text: str | None = None
    label: str | None = None
    labels: tuple[str, ...] = ()
    words: str | None = None
    tags: str | None = None
    question: str | None = None
    context: str | None = None
    answers: str | None = None
    answer_start: str | None = None
    choices: tuple[str, ...] = ()
    id: str | None = None

    @property
    def names(self) -> list[str]:
        """All columns with a role."""
        single = [getattr(self, field.name) for field in dataclasses.fields(self)]
        return [name for name in single if isinstance(name, str)] + [*self.labels, *self.choices]

    def given(self) -> list[str]:
        """The roles that have a column."""
        return [f.name for f in dataclasses.fields(self) if getattr(self, f.name)]


def roles_of(options: Mapping) -> Roles:
    """Roles by the options that name their columns, such as `text_column`; others are passed over."""
    roles = {field.name: options.get(option_of(field.name)) for field in dataclasses.fields(Roles)}
    return Roles(**{**roles, **{role: tuple(roles[role] or ()) for role in SEVERAL}})


def options_of(roles: Roles) -> dict:
    """The options that name the columns of roles, in the types of JSON."""
    values = {role: getattr(roles, role) for role in roles.given()}
    return {
        option_of(role): list(value) if role in SEVERAL else value for role, value in values.items()
    }


def check_repeated(roles: Roles, repeated: Collection[str]) -> None:
    """Raise `InputError` for a role whose column's name other columns have too."""
    for role in roles.given() if repeated else ():
        value = getattr(roles, role)
        for name in (value,) if isinstance(value, str) else value:
            if name in repeated:
                raise InputError(
                    f"{option_of(role)}: expected the name of one column, received {name!r}, which "
                    "several have; rename them, or say that the first line holds no names "
                    "(--no-has-header)"
                )


def option_of(role: str) -> str:
    """The option that names the column of a role: "text_column"."""
    return SEVERAL.get(role) or f"{role}_column"
