"""A table of the user's own to be judged: read by the columns that the model was trained on."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from keras_electra.config.options import refuse_unknown
from keras_electra.errors import InputError
from keras_electra.tasks.examples import Example, TextExample
from keras_electra.tasks.folders import is_dataset_folder
from keras_electra.tasks.guessing import Guess, guess, sentence_on
from keras_electra.tasks.kinds import Kind, kind_of
from keras_electra.tasks.own import check_options
from keras_electra.tasks.own_files import check_file_options, file_examples
from keras_electra.tasks.own_tables import (
    TableReader,
    files_in,
    form_by,
    form_of,
    sampled,
    with_sentences,
)
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.roles import SEVERAL, Roles, option_of, roles_of
from keras_electra.tasks.sample import Sample
from keras_electra.tasks.text import named, suffix_of, text_lines
from keras_electra.tasks.text_tables import table_form
from keras_electra.tasks.word_rows import word_rows_in

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
        data: one table or file, as for `own_task`; for kinds that label texts also a .txt file with
            a text a line, which is named by the number of its line from 0. Empty lines are no examples.
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
    data = single_table(data)
    if kind_of(kind).record is TextExample and holds_texts(data, encoding):
        check_file_options("texts", given, separator=separator, has_header=has_header)
        lines = enumerate(texts_in(data, encoding))
        return [TextExample(id=str(place), text=text) for place, text in lines if text.strip()]
    form = form_of(data, encoding)
    if form != "table":
        check_file_options(form, given, kind=kind, separator=separator, has_header=has_header)
        found = file_examples(data, form, problems, given.words, given.tags, encoding)
        return some(list(found), problems)
    separator = separator or (trained_columns or {}).get("separator")
    reading = {"encoding": encoding, "has_header": has_header}
    known = [*given.names, *trained.names]
    sample = sampled(data, **reading, known=known)
    told = dataclasses.replace(
        Roles(), words=given.words or trained.words, id=given.id or trained.id
    )
    word_rows = word_rows_in(sample, present(told, sample), kind, has_tags=False)
    if word_rows is not None:
        sample = sampled(data, word_rows, **reading, known=known)
        given = with_sentences(given, word_rows)
    found, sentence = as_trained(sample, kind, given, trained, separator)
    if on_message:
        on_message(sentence)
    reading |= {"word_rows": word_rows, "tag_form": kind_of(kind).tag_form(found.labels)}
    form = form_by(found, (trained_columns or {}).get("labels"))
    reader = TableReader("data", form, **reading)
    return some(list(reader.examples(data, problems, has_labels=False)), problems)


def some(examples: list[Example], problems: Problems) -> list[Example]:
    """The examples; `InputError` where there are none."""
    if not examples:
        raise InputError(f"data: expected examples to judge, received none{problems.reason}")
    return examples


def present(roles: Roles, sample: Sample) -> Roles:
    """The roles whose columns a table has."""
    missing = {role: None for role in roles.given() if getattr(roles, role) not in sample.names}
    return dataclasses.replace(roles, **missing)


def single_table(data):
    """The data, or the only table of a folder; `InputError` if it has several or none."""
    if not isinstance(data, str | os.PathLike) or not os.path.isdir(data):
        return data
    if is_dataset_folder(data):
        return data
    parts = files_in(pathlib.Path(data))
    if len(parts) != 1:
        raise InputError(
            f"data: expected one table, received the folder {data} with {named(parts)}; name one of "
            "its files"
        )
    return next(iter(parts.values()))


def holds_texts(data, encoding: str = "utf-8") -> bool:
    """Whether a file has a text a line: its name ends in .txt or not at all, and it is no table."""
    is_file = isinstance(data, str | os.PathLike) and os.path.isfile(data)
    return is_file and suffix_of(data) in ("", ".txt") and table_form(data, encoding) is None


def texts_in(path, encoding: str = "utf-8") -> list[str]:
    """The lines of a file, empty ones included."""
    return [line.rstrip("\r\n") for line in text_lines(path, encoding)]


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
