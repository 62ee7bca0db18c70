"""What every option group shares: one way to declare a field, strict reading, and checks by type."""

import dataclasses
import difflib
import functools
import types
import typing
from collections.abc import Callable, Collection, Iterable

from keras_electra.errors import InputError

Precision = typing.Literal["float32", "mixed_bfloat16", "mixed_float16"]
"""Dtype policies of Keras that training takes; the weights are float32 under each of them."""
PRECISION_HELP = (
    "precision of the step: float32, mixed_bfloat16 (GPUs since 2020), or mixed_float16 with loss "
    "scaling (GPUs without fast bfloat16, such as T4, V100 and RTX 20)"
)


RANGES: dict[str, Callable[[float], bool]] = {
    "at least 1": lambda value: value >= 1,
    "0 or more": lambda value: value >= 0,
    "more than 0": lambda value: value > 0,
    "a fraction in (0, 1)": lambda value: 0 < value < 1,
    "a fraction in (0, 1]": lambda value: 0 < value <= 1,
    "a fraction in [0, 1)": lambda value: 0 <= value < 1,
    "a fraction in [0, 1]": lambda value: 0 <= value <= 1,
}


def option(
    default: typing.Any, help: str, choices: Callable[[], Iterable[str]] | None = None
) -> typing.Any:
    """A dataclass field with the sentence that `--help` prints; the sentence names the unit.

    Args:
        default: the value when nothing is given.
        help: the sentence.
        choices: gives the names to choose from, where a tuple of objects decides them; else None.
    """
    return dataclasses.field(default=default, metadata={"help": help, "choices": choices})


def required(help: str) -> typing.Any:
    """A field without a default."""
    return dataclasses.field(metadata={"help": help})


class Options:
    """Base of the frozen option groups.

    Values are checked against their annotations when an object is made: `Literal` choices, whole
    numbers, numbers, booleans and strings, each optionally `| None`. Whole numbers are taken where
    a number is expected, and become floats.
    """

    # Every subclass is a dataclass, which type checkers cannot see.
    __dataclass_fields__: typing.ClassVar[dict[str, typing.Any]]

    def __post_init__(self) -> None:
        hints = annotations_of(type(self))
        for field in dataclasses.fields(self):
            value = checked(field.name, getattr(self, field.name), hints[field.name])
            object.__setattr__(self, field.name, value)
        self.check()

    def check(self) -> None:
        """Raise `InputError` where values are out of range or do not go together."""

    def to_dict(self) -> dict:
        """The options as JSON-ready values, option groups as nested dicts."""
        return dataclasses.asdict(self)

    @classmethod
    @functools.cache
    def groups(cls) -> dict[str, type["Options"]]:
        """Name of each field that is an option group -> its class."""
        hints = typing.get_type_hints(cls)
        return {
            field.name: hints[field.name]
            for field in dataclasses.fields(cls)
            if isinstance(hints[field.name], type) and issubclass(hints[field.name], Options)
        }

    @classmethod
    def defaults(cls) -> dict[str, typing.Any]:
        """The options that have a default, with it, option groups as nested dicts."""
        groups = cls.groups()
        return {
            field.name: groups[field.name].defaults() if field.name in groups else field.default
            for field in dataclasses.fields(cls)
            if field.name in groups or field.default is not dataclasses.MISSING
        }

    @classmethod
    def from_dict(cls, values: dict[str, typing.Any]) -> typing.Self:
        """The inverse of `to_dict`.

        Raises:
            InputError: if a key is unknown (the nearest known one is named) or a value is wrong.
        """
        refuse_unknown(values, {field.name for field in dataclasses.fields(cls)}, cls.__name__)
        nested = {
            name: kind.from_dict(values[name])
            for name, kind in cls.groups().items()
            if isinstance(values.get(name), dict)
        }
        return cls(**{**values, **nested})

    @classmethod
    def of(cls, values: typing.Self | dict) -> typing.Self:
        """The options themselves, or those of a dict."""
        return cls.from_dict(values) if isinstance(values, dict) else values

    def replace(self, **changes: typing.Any) -> typing.Self:
        """A copy with some options changed; unknown names raise `InputError`."""
        refuse_unknown(changes, {f.name for f in dataclasses.fields(self)}, type(self).__name__)
        return dataclasses.replace(self, **changes)

    def require_range(self, expected: str, names: str) -> None:
        """Raise `InputError` unless options lie in a range; those at None do.

        Args:
            expected: a range of `RANGES`, in the message followed by what else is allowed, ", or none".
            names: of the options, with spaces between.
        """
        is_inside = RANGES[expected.removesuffix(", or none")]
        for name in names.split():
            value = getattr(self, name)
            self.require(value is None or is_inside(value), name, expected)

    def require(self, condition: bool, name: str, expected: str) -> None:
        """Raise `InputError` about option `name` unless `condition` holds."""
        if not condition:
            raise InputError(f"{name}: expected {expected}, received {getattr(self, name)!r}")


def annotations_of(kind: type) -> dict[str, typing.Any]:
    """Type of each option of a group, a `Literal` of the names where its `choices` decide them."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if choices := field.metadata.get("choices"):
            hints[field.name] = typing.Literal[tuple(choices())]
    return hints


class GroupedOptions(Options):
    """Options some of which stand in groups; names are unique over all groups."""

    purpose: typing.ClassVar[str]
    """What they are of, for errors."""

    @classmethod
    @functools.cache
    def group_of(cls) -> dict[str, str]:
        """Name of each grouped option -> name of its group."""
        return {
            field.name: group
            for group, kind in cls.groups().items()
            for field in dataclasses.fields(kind)
        }

    def flat(self) -> dict[str, typing.Any]:
        """Every option by its own name, grouped or not."""
        values = self.to_dict()
        for group in self.groups():
            values.update(values.pop(group))
        return values

    def changed(self, **changes: typing.Any) -> typing.Self:
        """A copy with single options changed, each by its own name, grouped or not."""
        return self.from_flat({**self.flat(), **changes})

    @classmethod
    def from_flat(cls, values: dict[str, typing.Any]) -> typing.Self:
        """The inverse of `flat`; options that are not named keep their defaults.

        Raises:
            InputError: for an unknown option or a wrong value.
        """
        group_of = cls.group_of()
        own = {field.name for field in dataclasses.fields(cls)} - cls.groups().keys()
        refuse_unknown(values, own | group_of.keys(), cls.purpose)
        groups = {
            group: kind(**{n: v for n, v in values.items() if group_of.get(n) == group})
            for group, kind in cls.groups().items()
        }
        return cls(**groups, **{name: value for name, value in values.items() if name in own})


def refuse_unknown(names: Iterable[str], known: Collection[str], owner: str) -> None:
    """Raise `InputError` at the first of `names` that is not in `known`."""
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InputError(f"{owner} has no option {name!r}{hint}")


def checked(name: str, value: typing.Any, annotation: typing.Any) -> typing.Any:
    """`value`, or `InputError` if it does not fit the annotation."""
    if isinstance(annotation, types.UnionType):
        if value is None:
            return None
        (annotation,) = (a for a in typing.get_args(annotation) if a is not type(None))
    if typing.get_origin(annotation) is typing.Literal:
        choices = typing.get_args(annotation)
        if value not in choices:
            names = ", ".join(repr(choice) for choice in choices)
            raise InputError(f"{name}: expected one of {names}, received {value!r}")
        return value
    if annotation is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    is_plain = annotation in (int, float, bool, str)
    wrong_bool = annotation is not bool and isinstance(value, bool)
    if is_plain and (wrong_bool or not isinstance(value, annotation)):
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}
        raise InputError(f"{name}: expected {words[annotation]}, received {value!r}")
    return value
