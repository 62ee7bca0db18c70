"""Command-line options made from the typed configuration, so that each is described once.

Every option made here may be left out and is None then. Where None is itself a value ("no
clipping"), the command line says "none", which arrives as `NONE`.
"""

import dataclasses
import enum
import pathlib
import types
import typing
from typing import Annotated

import tyro

from keras_electra.config.options import annotations_of
from keras_electra.errors import ElectraError


class Chosen(enum.Enum):
    """The one value that stands for a None which the user asked for."""

    NONE = "none"


NONE = Chosen.NONE
OptionalPath = tyro.conf.DisallowNone[pathlib.Path | None]
OptionalText = tyro.conf.DisallowNone[str | None]


def argument(kind, help: str, default=None, *, metavar: str | None = None, name: str | None = None):
    """The annotation of one option.

    Args:
        kind: a type, or how a word is read: `number`, `choice`, `spec`.
        help: the sentence that `--help` prints.
        default: what it says of the default; None for the value itself, "" for nothing, "required".
        metavar: what stands for the value.
        name: of the option, where the field has another one.
    """
    words = {"metavar": metavar, "name": name, "help_behavior_hint": None}
    if default is not None:
        hint = "(required)" if default == "required" else f"(default: {default})"
        words["help_behavior_hint"] = hint if default else ""
    given_words = {word: value for word, value in words.items() if value is not None}
    about = tyro.conf.arg(help=help, **given_words)
    if isinstance(kind, tyro.constructors.PrimitiveConstructorSpec):
        return Annotated[object, kind, about]
    return Annotated[kind, about]


def whole(name: str, help: str, default=None):
    """The annotation of an option that is a whole number; `help` and `default` as of `argument`."""
    return argument(number(name, int), help, default)


def switch(help: str):
    """The annotation of a flag without a negation."""
    about = tyro.conf.arg(help=help, help_behavior_hint="")
    return Annotated[bool, tyro.conf.FlagCreatePairsOff, about]


def options_of(kind, *, leave_out=(), defaults=None, name=None):
    """A dataclass with one command-line option per field of an option group.

    Args:
        kind: a class of `keras_electra.config`.
        leave_out: names of fields that get no option.
        defaults: what `--help` says of a field's default instead of the value, by field name.
        name: title of the group in `--help`.
    """
    hints = annotations_of(kind)
    fields = []
    for field in dataclasses.fields(kind):
        if field.name in leave_out:
            continue
        default = (defaults or {}).get(field.name, shown(field.default))
        annotation = optional(field.name, hints[field.name], field.metadata["help"], default)
        fields.append((field.name, annotation, dataclasses.field(default=None)))
    title = name or kind.__name__.removesuffix("Config").lower()
    return dataclasses.make_dataclass(title, fields, frozen=True, kw_only=True)


def optional(name: str, annotation, help: str, default: str):
    """`annotation` as the type of an option that may be left out."""
    may_be_none = isinstance(annotation, types.UnionType)
    if may_be_none:
        (annotation,) = (a for a in typing.get_args(annotation) if a is not type(None))
    if typing.get_origin(annotation) is typing.Literal:
        kind = choice(name, typing.get_args(annotation))
    elif annotation in (int, float):
        kind = number(name, annotation, may_be_none)
    else:
        kind = tyro.conf.DisallowNone[annotation | None]
    return argument(kind, help, default)


def number(name: str, kind, may_be_none: bool = False):
    """How the command line reads a number, or "none" where that is allowed."""

    def read(texts):
        if may_be_none and texts[0].lower() == "none":
            return NONE
        try:
            return kind(texts[0].replace("_", ""))
        except ValueError:
            words = "a whole number" if kind is int else "a number"
            ending = " or none" if may_be_none else ""
            raise refused(name, words + ending, texts[0]) from None

    metavar = kind.__name__.upper() + ("|none" if may_be_none else "")
    return spec(metavar, read)


def choice(name: str, names):
    """How the command line reads one of some names."""

    def read(texts):
        if texts[0] not in names:
            raise refused(name, f"one of {', '.join(names)}", texts[0])
        return texts[0]

    return spec("{" + ",".join(names) + "}", read)


def refused(name: str, expected: str, received: str) -> ElectraError:
    """The error about an option's value; tyro would print a `ValueError` in its own way."""
    return ElectraError(f"--{name.replace('_', '-')}: expected {expected}, received {received!r}")


def spec(metavar: str, read):
    """A type of option that takes one word; None stands for "left out"."""
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=read,
        is_instance=lambda value: True,
        str_from_instance=lambda value: [shown(value)],
    )


def given(*groups) -> dict:
    """The options that the user did give, by name, from objects made by `options_of`."""
    values = {}
    for group in groups:
        for field in dataclasses.fields(group):
            value = getattr(group, field.name)
            if value is not None:
                values[field.name] = None if value is NONE else value
    return values


def shown(value) -> str:
    """A value as it would be typed."""
    if value is None or value is NONE:
        return "none"
    if value is dataclasses.MISSING:
        return "by size"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
