"""A table of the user's own to be judged: read by the columns that the model was trained on."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from keras_electra.config.options import refuse_unknown
from keras_electra.errors import InputError
from keras_electra.tasks.examples import Example
from keras_electra.tasks.guessing import Guess, guess, sentence_on
from keras_electra.tasks.own import check_options
from keras_electra.tasks.own_files import check_file_options, file_examples
from keras_electra.tasks.own_tables import TableReader, form_by, form_of, sampled
from keras_electra.tasks.roles import SEVERAL, Roles, option_of, roles_of
from keras_electra.tasks.sample import Sample
from keras_electra.tasks.task import Kind, Problems
from keras_electra.tasks.text import named

INPUT_ROLES = ("text", "second_text", "words", "question", "context", "choices")
"""Roles of what a model reads; the others are of what it should say, and of the row's name."""


def own_examples(
    data,
    kind: Kind,
    *,
    trained_columns: Mapping[str, Any] | None = None,
    problems: Problems | None = None,
    on_message: Callable[[str], None] | None = None,
    separator: str | None = None,
    encoding: str = "utf-8",
    has_header: bool | None = None,
    **columns,
) -> list[Example]:
    """All examples of one table or file, to be judged by a model: labels may be there, but need not.

    Columns are those that are named, else those of the training, else guessed.

    Args:
        data: one table or file, as for `own_task`.
        kind: that of the model.
        trained_columns: the model's `columns`; None where they are not known.
        problems: told of rows that are left out.
        on_message: called with the sentence on which columns of a table were taken.
        separator, encoding, has_header: as of `own_task`.
        **columns: options of `own_task` that name columns, such as `text_column`.

    Raises:
        InputError: for data that cannot be read or understood, or a column that is not there.
    """
    check_options(kind)
    problems = problems or Problems()
    known_options = [option_of(field.name) for field in dataclasses.fields(Roles)]
    refuse_unknown(columns, known_options, "own_examples")
    given, trained = roles_of(columns), roles_of(trained_columns or {})
    form = form_of(data, encoding)
    if form != "table":
        check_file_options(form, given, kind=kind, separator=separator, has_header=has_header)
        found = list(file_examples(data, form, problems, given.tags, encoding))
        return some(found, problems)
    separator = separator or (trained_columns or {}).get("separator")
    reading = {"encoding": encoding, "has_header": has_header}
    sample = sampled(data, **reading, known=[*given.names, *trained.names])
    found, sentence = as_trained(sample, kind, given, trained, separator)
    if on_message:
        on_message(sentence)
    form = form_by(found, (trained_columns or {}).get("labels"))
    reader = TableReader("data", form, **reading)
    return some(list(reader.examples(data, problems, has_labels=False)), problems)


def some(examples: list[Example], problems: Problems) -> list[Example]:
    """The examples; `InputError` where there are none."""
    if not examples:
        raise InputError(f"data: expected examples to judge, received none{problems.reason}")
    return examples


def as_trained(
    sample: Sample, kind: Kind, given: Roles, trained: Roles, separator: str | None
) -> tuple[Guess, str]:
    """What the columns of a table are to a model, and the sentence about it.

    Args:
        sample: of the table.
        given: roles that were named.
        trained: those of the table that the model was trained on; without any, all is guessed.
        separator: as of `guess`.
    """
    kept, missing = {}, []
    for role in trained.given():
        value = getattr(trained, role)
        columns = {value} if isinstance(value, str) else set(value)
        if getattr(given, role) or columns & set(given.names):
            continue
        if columns <= set(sample.names):
            kept[role] = value
        elif role in INPUT_ROLES:
            missing.append(role)
    roles = dataclasses.replace(given, **kept)
    found = guess(sample, kind=kind, given=roles, separator=separator, has_labels=False)
    if trained.given():
        found = without_others(found, {*roles.given(), *missing, "id"})
    sentence = sentence_on(found, sample)
    if missing:
        names = named(
            name for role in missing for name in Roles(**{role: getattr(trained, role)}).names
        )
        return found, f"columns of the training are missing here ({names}), and guessed: {sentence}"
    is_kept = any(role in INPUT_ROLES for role in kept)
    return found, f"as in training: {sentence}" if is_kept else sentence


def without_others(found: Guess, roles: set[str]) -> Guess:
    """A guess without roles that the training had none for, such as a second text."""
    others = {
        role: () if role in SEVERAL else None for role in found.roles.given() if role not in roles
    }
    return dataclasses.replace(found, roles=dataclasses.replace(found.roles, **others))
