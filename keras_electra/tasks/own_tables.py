"""Examples from the user's own tables."""

import dataclasses
import itertools
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from keras_electra.errors import InputError
from keras_electra.tasks.columns import (
    COLUMN_SUFFIXES,
    CONLLU_SUFFIXES,
    in_bioes,
)
from keras_electra.tasks.examples import Example
from keras_electra.tasks.folders import tables_by_split
from keras_electra.tasks.gold import RowForm
from keras_electra.tasks.guessing import Guess, guess
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.label_forms import SEPARATOR
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.question_forms import is_question_file
from keras_electra.tasks.roles import Roles, options_of
from keras_electra.tasks.row_examples import examples_of
from keras_electra.tasks.sample import Sample
from keras_electra.tasks.splits import (
    VALIDATION_FRACTION,
    part_of,
    parts_of,
    share_of,
)
from keras_electra.tasks.tables import TABLE_SUFFIXES, rows
from keras_electra.tasks.tag_forms import TagForm
from keras_electra.tasks.task import Task
from keras_electra.tasks.text import named, suffix_of
from keras_electra.tasks.text_tables import holds_sentences, table_form
from keras_electra.tasks.word_rows import WordRows, in_sentences, word_rows_in


@dataclasses.dataclass(frozen=True)
class TableReader:
    """Reads examples of one table, of a folder of tables, or of a dict of split -> table.

    Attributes:
        name: of the task.
        form: how a row becomes an example.
        encoding, has_header: of text files, as for `tables.rows`.
        validation_fraction, split_seed: of the draw where there is no validation part.
        word_rows: the columns of a table with a word in every row; None for any other table.
        tag_form: how tags of spans are written; None for other tags, which stay.
    """

    name: str
    form: RowForm
    encoding: str = "utf-8"
    has_header: bool | None = None
    validation_fraction: float = VALIDATION_FRACTION
    split_seed: int = 0
    word_rows: WordRows | None = None
    tag_form: TagForm | None = None

    def __call__(self, data, split: str, problems: Problems) -> Iterator[Example]:
        part = part_of(parts_of(data, files_in, self.name), split, self.name)
        # What is left out of a table that is divided is told once, with its training part.
        if part.share == "validation":
            problems = Problems(problems.is_strict)
        examples = self.examples(part.table, problems, split in ("train", "validation"))
        if part.share == "all":
            return examples
        return iter(
            share_of(
                list(examples), part.share, self.validation_fraction, self.split_seed, problems
            )
        )

    def examples(self, table, problems: Problems, has_labels: bool = True) -> Iterator[Example]:
        """The examples of one table, without a draw.

        Args:
            has_labels: whether a row without its label is left out; otherwise its label is None.
        """
        form = dataclasses.replace(self.form, has_labels=has_labels)
        found = rows(
            table,
            problems,
            encoding=self.encoding,
            has_header=self.has_header,
            known=form.roles.names,
        )
        if self.word_rows is not None:
            found = in_sentences(found, self.word_rows, problems)
        return in_bioes(examples_of(found, form, problems), self.tag_form, problems)


def files_in(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Split -> file of a folder, tables or not."""
    suffixes = (*TABLE_SUFFIXES, *COLUMN_SUFFIXES, *CONLLU_SUFFIXES, "")
    return tables_by_split(folder, lambda file: suffix_of(file) in suffixes)


def form_of(table, encoding: str) -> str:
    """What a file or table in memory is: "table", "tagged words" or "questions"."""
    if not isinstance(table, str | os.PathLike):
        return "table"
    suffix = suffix_of(table)
    if suffix == ".txt":
        return "table" if table_form(table, encoding) else "tagged words"
    is_words = suffix == ".tsv" and holds_sentences(table, encoding)
    if is_words or suffix in (*COLUMN_SUFFIXES, *CONLLU_SUFFIXES):
        return "tagged words"
    return "questions" if is_question_file(table, encoding) else "table"


def guessed(
    table,
    *,
    kind: str | None,
    given: Roles,
    separator: str | None,
    encoding: str,
    has_header: bool | None,
) -> tuple[Guess, WordRows | None]:
    """What the columns of a table are, and those of one with a word in every row.

    Arguments as of `own_task` and `guess`.

    Raises:
        InputError: as `sampled` and `guess`.
    """
    reading = {"encoding": encoding, "has_header": has_header, "known": given.names}
    first = sampled(table, **reading)
    word_rows = word_rows_in(first, given, kind)
    if word_rows is not None:
        first, given = sampled(table, word_rows, **reading), with_sentences(given, word_rows)
    return guess(first, kind=kind, given=given, separator=separator), word_rows


def with_sentences(given: Roles, columns: WordRows) -> Roles:
    """Roles with those of a table that has a word in every row."""
    words, tags = columns.words, columns.tags
    return dataclasses.replace(given, words=words, tags=tags, id=columns.sentence)


def sampled(table, word_rows: WordRows | None = None, **reading: Any) -> Sample:
    """The first rows of a table.

    Args:
        word_rows: as of `TableReader`.
        **reading: as of `tables.rows`.

    Raises:
        InputError: if the table cannot be read; where no row is good, it says what is wrong with the first.
    """
    problems = Problems()
    found = rows(table, problems, **reading)
    if word_rows is not None:
        found = in_sentences(found, word_rows, problems)
    first = next(found, None)
    if first is None:
        raise InputError(f"data: expected rows that can be used, received none{problems.reason}")
    return Sample(itertools.chain([first], found))


def table_task(
    name: str,
    table,
    found: Guess,
    *,
    labels: tuple[str, ...] | None,
    value_range: tuple[float, float] | None,
    separator: str | None,
    has_header: bool | None,
    word_rows: WordRows | None = None,
    **reading: Any,
) -> tuple[Task, str]:
    """The task that a table makes, and the sentence about it.

    Args:
        table: the training part, of which the range of a number is taken.
        found: what its columns are.
        labels, value_range, separator, has_header: as of `own_task`.
        word_rows: as of `TableReader`.
        **reading: further attributes of `TableReader`.
    """
    kind, sentence = kind_of(found.kind), found.sentence
    form = form_by(found, labels, value_range)
    reading |= {"word_rows": word_rows, "tag_form": kind.tag_form(found.labels)}
    reader = TableReader(name, form, has_header=has_header, **reading)
    if word_rows is not None:
        sentence = f"sentences by column {word_rows.sentence!r}, {sentence}"
    options, remark = kind.of_table(reader, table, found, value_range)
    options = {"metrics": kind.usual_metrics, "value_range": value_range, **options}
    return Task(
        name=name,
        kind=kind.name,
        reader=reader,
        main_metric=kind.main_metric or options["metrics"][0],
        recipe=kind.recipe,
        labels=form.positions or None,
        columns=options_of(found.roles) | options_of_labels(found, form, separator),
        **options,
    ), f"{sentence}; {remark}" if remark else sentence


def form_by(found: Guess, labels=None, value_range=None) -> RowForm:
    """How rows become examples, by what their columns are."""
    return RowForm(
        kind=found.kind,
        roles=found.roles,
        separator=found.form.separator,
        labels=labels,
        positions=named_positions(found.form.positions, labels),
        value_range=value_range,
        numbers=found.form.numbers,
        has_spans=found.has_spans,
        first_choice=found.first_choice,
    )


def named_positions(positions: tuple[str, ...], labels) -> tuple[str, ...]:
    """Names of the labels of fields with a 0 or 1 for each: those given, in place of numbers.

    Raises:
        InputError: if they are not as many as the values of a field, or others than those of the columns.
    """
    if labels is None or set(labels) == set(positions) or not positions:
        return positions
    if len(labels) != len(positions) or positions[0] != "0":
        raise InputError(
            f"labels: expected the names of {named(positions)}, received {named(labels)}"
        )
    return tuple(labels)


def options_of_labels(found: Guess, form: RowForm, separator: str | None) -> dict:
    """What is to be kept of how labels are written, to read another table in the same way."""
    options = {}
    if separator or form.separator != SEPARATOR:
        options["separator"] = form.separator
    if form.positions != found.form.positions:
        options["labels"] = list(form.positions)
    return options
