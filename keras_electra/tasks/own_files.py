"""The user's own files of tagged words, and of questions in SQuAD's or MRQA's form, as tasks."""

import dataclasses
import itertools

from keras_electra.errors import InputError
from keras_electra.tasks.column_lines import NUM_SENTENCES, layout_of
from keras_electra.tasks.columns import (
    CONLLU_COLUMNS,
    CONLLU_SUFFIXES,
    ColumnReader,
    in_bioes,
    tagging_task,
)
from keras_electra.tasks.examples import TaggingExample
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.question_files import QuestionReader, question_task
from keras_electra.tasks.roles import Roles, option_of
from keras_electra.tasks.tag_forms import OUTSIDE, form_of_tags, sentence_on_tags
from keras_electra.tasks.task import Task
from keras_electra.tasks.text import named, suffix_of
from keras_electra.tasks.word_rows import TAGS, WORDS

KINDS = {"tagged words": "tagging", "questions": "question_answering"}
MIN_WORDS = 3
OWN_ROLES = {"tagged words": ("words", "tags"), "questions": (), "texts": ()}


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
        if option == "kind" and value == KINDS.get(form):
            continue
        if value is not None and option not in may:
            raise InputError(f"{option}: expected none for a file of {form}, received {value!r}")


def file_task(
    name: str, path, form: str, words_column, tags_column, suffixes: tuple[str, ...], **reading
) -> tuple[Task, str]:
    """The task of files like this one, and a sentence about it.

    Args:
        path: the training file.
        form: "tagged words" or "questions".
        words_column, tags_column: as of `own_task`.
        suffixes: endings of all its files.
        **reading: encoding and draw, as of `ColumnReader` and `QuestionReader`.
    """
    if form == "questions":
        return questions_task(name, path, **reading)
    columns, sentence = columns_in(path, words_column, tags_column, reading["encoding"])
    reading |= {"suffixes": suffixes, **columns}
    tags = tags_in(ColumnReader(name, has_spans=False, **reading), path)
    tag_form = form_of_tags(tags)
    remark = sentence_on_tags(tags, tag_form)
    task = tagging_task(name, has_spans=tag_form is not None, tag_form=tag_form, **reading)
    sentence = f"{sentence} ({named(tags)}), tagging"
    return task, f"{sentence}; {remark}" if remark else sentence


def columns_in(path, words_column, tags_column, encoding: str, may_be_open=False):
    """Where words and tags stand in a file, as attributes of `ColumnReader`, and a sentence about it."""
    words = column_number("words_column", words_column)
    is_name = tags_column in CONLLU_COLUMNS
    if suffix_of(path) in CONLLU_SUFFIXES:
        return {
            "tag_column": tags_column,
            "is_conllu": True,
        }, f"tags in {tags_column or 'upos'} of CoNLL-U"
    tag = None if is_name else column_number("tags_column", tags_column)
    layout = layout_of(
        path, words_column=words, tag_column=tag, may_be_open=may_be_open, encoding=encoding
    )
    if is_name and not layout.is_conllu:
        column_number("tags_column", tags_column)
    if layout.is_conllu and words is None and tag is None:
        return {
            "tag_column": tags_column,
            "is_conllu": True,
        }, f"tags in {tags_column or 'upos'} of CoNLL-U"
    if layout.tag is None:
        return {"words_column": layout.word + 1}, "words alone"
    is_last = layout.tag == layout.width - 1 and tag is None
    sentence = f"tags in {'the last column' if is_last else f'column {layout.tag + 1}'}"
    if layout.word:
        sentence = f"words in column {layout.word + 1}, {sentence}"
    return {"words_column": layout.word + 1, "tag_column": layout.tag + 1}, sentence


def column_number(option: str, value) -> int | None:
    """A column's number as an option gives it."""
    if value is not None and not (str(value).isdecimal() and int(value) > 0):
        raise InputError(f"{option}: expected the number of a column, received {value!r}")
    return None if value is None else int(value)


def tags_in(reader: ColumnReader, path) -> list[str]:
    """The tags of the first sentences; `InputError` if the lines do not begin with words."""
    first = list(itertools.islice(reader.sentences(path, Problems()), NUM_SENTENCES))
    spaced = next((word for one in first for word in one.words if " " in word), None)
    if spaced is not None and not reader.is_conllu:
        raise InputError(
            f"{path}: expected a word at the beginning of each line, received {spaced!r}; "
            "the name of a table ends in .csv or .tsv"
        )
    check_words(path, first)
    return sorted({tag for sentence in first for tag in sentence.tags})


def check_words(path, sentences: list[TaggingExample]) -> None:
    """Raise `InputError` where what stands in the column of words is something else."""
    words = [word for one in sentences for word in one.words]
    tags = {tag for one in sentences for tag in one.tags}
    if len(words) > MIN_WORDS and len(set(words)) == 1:
        received = f"{words[0]!r} in every line"
    elif set(OUTSIDE) & set(words) and form_of_tags(set(words)) and not form_of_tags(tags):
        received = f"tags such as {max(words, key=len)!r}"
    elif words and words[0].lower() in WORDS and sentences[0].tags[0].lower() in TAGS:
        raise InputError(
            f"{path}: expected words and tags from the first line on, received the names "
            f"{words[0]!r} and {sentences[0].tags[0]!r}; remove this line"
        )
    else:
        return
    raise InputError(
        f"{path}: expected words, received {received}; name the columns by their numbers "
        "(--words-column 2 --tags-column 1)"
    )


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


def file_examples(path, form: str, problems: Problems, words_column, tags_column, encoding: str):
    """All examples of one file, with or without tags or answers; arguments as of `own_examples`."""
    if form == "questions":
        reader = QuestionReader("data", has_answerability=True, encoding=encoding)
        return reader.questions(path, problems, may_be_open=True)
    columns, _ = columns_in(path, words_column, tags_column, encoding, may_be_open=True)
    reader = ColumnReader("data", has_spans=False, encoding=encoding, **columns)
    found = list(reader.sentences(path, problems, may_be_open=True))
    tag_form = form_of_tags({tag for one in found for tag in one.tags or ()})
    return in_bioes(found, tag_form, problems)
