"""Options as fields of a form: made of the typed configuration, read from text, checked one by one."""

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal

from keras_electra.config.options import annotations_of, checked
from keras_electra.errors import InputError

NAMES = re.compile(r"^([a-z][a-z_0-9]*)(?::|=)|\band ([a-z][a-z_0-9]*)=")
NONE = "none"
"""How None is typed."""


@dataclasses.dataclass(frozen=True)
class Field:
    """One option of a configuration.

    Attributes:
        name: of the option.
        group: of the configuration that it belongs to, such as "masking".
        sort: what is typed or chosen.
        help: a sentence that names the unit.
        default: the value when nothing is given; `dataclasses.MISSING` where a recipe sets it.
        choices: names to choose from.
        may_be_none: whether "none" may be typed.
    """

    name: str
    group: str
    sort: Literal["whole number", "number", "switch", "choice", "text"]
    help: str
    default: Any
    choices: tuple[str, ...] = ()
    may_be_none: bool = False
    annotation: Any = dataclasses.field(default=None, repr=False)

    def read(self, text: str) -> Any:
        """The value that a text stands for.

        Raises:
            InputError: if it is none for this option: "steps: expected a whole number, received 'x'".
        """
        value = text.strip()
        if self.may_be_none and value.lower() in ("", NONE):
            return None
        return checked(self.name, self._converted(value), self.annotation)

    def shown(self, value) -> str:
        """A value as it would be typed."""
        if value is None:
            return NONE
        if value is dataclasses.MISSING:
            return ""
        if isinstance(value, bool):
            return "on" if value else "off"
        return (
            f"{value:g}"
            if isinstance(value, float) and float(f"{value:g}") == value
            else str(value)
        )

    def _converted(self, text: str):
        kinds = {"whole number": int, "number": float}
        if self.sort == "switch":
            return {"on": True, "true": True, "off": False, "false": False}.get(text.lower(), text)
        try:
            return kinds.get(self.sort, str)(text.replace("_", "") if self.sort in kinds else text)
        except ValueError:
            return text


def fields_of(kind, group: str, leave_out=()) -> tuple[Field, ...]:
    """The fields of an option group, in order; groups inside it are left out."""
    hints = annotations_of(kind)
    found = []
    for field in dataclasses.fields(kind):
        annotation = plain = hints[field.name]
        if field.name in leave_out or dataclasses.is_dataclass(annotation):
            continue
        may_be_none = isinstance(annotation, types.UnionType)
        if may_be_none:
            (plain,) = (a for a in typing.get_args(annotation) if a is not type(None))
        is_choice = typing.get_origin(plain) is Literal
        sorts = {int: "whole number", float: "number", bool: "switch"}
        found.append(
            Field(
                name=field.name,
                group=group,
                sort="choice" if is_choice else sorts.get(plain, "text"),
                help=field.metadata["help"],
                default=field.default,
                choices=typing.get_args(plain) if is_choice else (),
                may_be_none=may_be_none,
                annotation=annotation,
            )
        )
    return tuple(found)


def named_in(sentence: str) -> tuple[str, ...]:
    """The options that a sentence of `InputError` is about.

    >>> named_in("steps: expected at least 1, received 0")
    ('steps',)
    >>> named_in("objective='mlm' and generator='tied' do not go together: objective='mlm' has ...")
    ('objective', 'generator')
    """
    return tuple(first or second for first, second in NAMES.findall(sentence))


def all_problems(values: Mapping[str, Any], make: Callable[[dict], Any]) -> dict[str, str]:
    """What is wrong with each value: name -> the library's own sentence.

    A configuration tells of one wrong value at a time. Each is taken out in turn, until the rest makes
    a configuration.

    Args:
        values: options by name.
        make: makes the configuration, or raises `InputError`.
    """
    left, problems = dict(values), {}
    while True:
        try:
            make(dict(left))
        except InputError as error:
            sentence = str(error)
            about = [name for name in named_in(sentence) if name in left]
            if not about:
                # What a default does not go with, such as a length with that of the encoder.
                problems.setdefault(next(iter(named_in(sentence)), ""), sentence)
                return problems
            # Of two that do not go together, the one named last.
            problems[about[-1]] = sentence
            del left[about[-1]]
        else:
            return problems
