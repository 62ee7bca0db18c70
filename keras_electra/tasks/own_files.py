"""The user's own files of tagged words, and of questions in SQuAD's or MRQA's form, as tasks."""

import dataclasses
import itertools

from keras_electra.errors import InputError
from keras_electra.tasks.columns import (
    COLUMN_SUFFIXES,
    CONLLU_SUFFIXES,
    SPAN_TAG,
    ColumnReader,
    tagging_task,
)
from keras_electra.tasks.question_files import QuestionReader, question_task
from keras_electra.tasks.roles import Roles, option_of
from keras_electra.tasks.task import Problems, Task
from keras_electra.tasks.text import named, suffix_of

NUM_SENTENCES = 300
"""Sentences that are looked at to tell whether tags mark spans."""
KINDS = {"tagged words": "tagging", "questions": "question_answering"}
OWN_ROLES = {"tagged words": ("tags",), "questions": ()}


def check_file_options(form: str, given: Roles, **others) -> None:
    """Raise `InputError` for an option that files of a fixed form do not leave open.

    Args:
        form: as of `form_of`.
        given: columns that were named.
        **others: further options, None where not given.
    """
    options = {option_of(role): getattr(given, role) for role in given.given()}
    may = {option_of(role) for role in OWN_ROLES[form]}
    for option, value in {**options, **others}.items():
        if option == "kind" and value == KINDS[form]:
            continue
        if value is not None and option not in may:
            raise InputError(f"{option}: expected none for a file of {form}, received {value!r}")


def file_task(name: str, path, form: str, tags_column, **reading) -> tuple[Task, str]:
    """The task of files like this one, and a sentence about it.

    Args:
        path: the training file.
        form: "tagged words" or "questions".
        tags_column: as of `own_task`.
        **reading: encoding and draw, as of `ColumnReader` and `QuestionReader`.
    """
    if form == "questions":
        return questions_task(name, path, **reading)
    is_conllu = suffix_of(path) in CONLLU_SUFFIXES
    suffixes = CONLLU_SUFFIXES if is_conllu else COLUMN_SUFFIXES
    column = tags_column if is_conllu else column_number(tags_column)
    reading |= {"suffixes": suffixes, "tag_column": column}
    tags = tags_in(ColumnReader(name, has_spans=False, **reading), path)
    has_spans = all(SPAN_TAG.fullmatch(tag) for tag in tags)
    place = "the last column" if column is None else f"column {column}"
    if is_conllu:
        place = f"{column or 'upos'} of CoNLL-U"
    task = tagging_task(name, has_spans=has_spans, **reading)
    return task, f"tags in {place} ({named(tags)}), tagging"


def column_number(tags_column) -> int | None:
    """A column's number as an option gives it."""
    if tags_column is not None and not str(tags_column).isdecimal():
        raise InputError(f"tags_column: expected the number of a column, received {tags_column!r}")
    return None if tags_column is None else int(tags_column)


def tags_in(reader: ColumnReader, path) -> list[str]:
    """The tags of the first sentences; `InputError` if the lines do not begin with words."""
    first = list(itertools.islice(reader.sentences(path, Problems()), NUM_SENTENCES))
    spaced = next((word for one in first for word in one.words if " " in word), None)
    if spaced is not None and reader.suffixes is COLUMN_SUFFIXES:
        raise InputError(
            f"{path}: expected a word at the beginning of each line, received {spaced!r}; "
            "the name of a table ends in .csv or .tsv"
        )
    return sorted({tag for sentence in first for tag in sentence.tags})


def questions_task(name: str, path, **reading) -> tuple[Task, str]:
    """The task of files of questions like this one, and a sentence about it."""
    task = question_task(name, has_answerability=True, **reading)
    reader: QuestionReader = task.reader
    questions = list(reader.questions(path, Problems()))
    contexts = {question.context for question in questions}
    num_open = sum(question.is_impossible for question in questions)
    sentence = (
        f"{len(questions)} questions on {len(contexts)} contexts, {num_open} of them without an "
        "answer, question_answering"
    )
    reader = dataclasses.replace(reader, has_answerability=num_open > 0)
    return dataclasses.replace(task, reader=reader, has_answerability=num_open > 0), sentence


def file_examples(path, form: str, problems: Problems, tags_column, encoding: str):
    """All examples of one file, with or without tags or answers; arguments as of `own_examples`."""
    if form == "questions":
        reader = QuestionReader("data", has_answerability=True, encoding=encoding)
        return reader.questions(path, problems, may_be_open=True)
    is_conllu = suffix_of(path) in CONLLU_SUFFIXES
    column = tags_column if is_conllu else column_number(tags_column)
    reader = ColumnReader("data", tag_column=column, has_spans=False, encoding=encoding)
    return reader.sentences(path, problems, may_be_open=True)
