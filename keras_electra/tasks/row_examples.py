"""From rows of a table to examples: which column is what, and what may stand in it."""

import dataclasses
from collections.abc import Iterable, Iterator

from keras_electra.tasks.answers import answers_in
from keras_electra.tasks.columns import SPAN_TAG
from keras_electra.tasks.examples import (
    ChoiceExample,
    Example,
    QuestionExample,
    TaggingExample,
    TextExample,
    half_character,
)
from keras_electra.tasks.fields import (
    UnusableRow,
    check_column,
    choices_in,
    id_of,
    is_missing,
    said_in,
    text_in,
    words_in,
)
from keras_electra.tasks.gold import RowForm, check_known, gold_in, tags_in
from keras_electra.tasks.right_choice import right_choice
from keras_electra.tasks.roles import check_repeated
from keras_electra.tasks.task import Problems
from keras_electra.tasks.text import named
from keras_electra.tasks.values import Row

UNKNOWN = {TextExample: {"label": None}, QuestionExample: {"is_impossible": False}}
"""What an example of unknown gold has, besides no answers."""


def examples_of(rows: Iterable[Row], form: RowForm, problems: Problems) -> Iterator[Example]:
    """The examples of a table; rows that cannot be used are told of and left out."""
    examples = usable(rows, form, problems)
    may_have_none = form.kind in ("multi_label", "question_answering")
    return without_empty_gold(examples) if may_have_none and not form.has_labels else examples


def usable(rows: Iterable[Row], form: RowForm, problems: Problems) -> Iterator[Example]:
    """The examples of the rows that can be used, as they stand.

    Raises:
        InputError: for a column with a role whose name is that of others too.
    """
    example_of = {
        "tagging": tagging_example,
        "question_answering": question_example,
        "multiple_choice": choice_example,
    }.get(form.kind, text_example)
    for row in rows:
        check_repeated(form.roles, row.repeated)
        try:
            example = example_of(row, form)
            check_characters(example)
        except UnusableRow as unusable:
            problems.add(unusable.sort, f"{row.place}: {unusable}")
            continue
        yield example


def check_characters(example: Example) -> None:
    """Raise `UnusableRow` for a text that is cut within a character."""
    half = half_character(example)
    if half is not None:
        raise UnusableRow(
            "half of a character",
            f"expected characters, received half of a surrogate pair ({half})",
        )


def without_empty_gold(examples: Iterable[Example]) -> Iterator[Example]:
    """Examples whose gold is not known, rather than empty, where all of them have an empty one.

    A field without labels says that none applies; a column of such fields, that nobody told.
    """
    examples = list(examples)
    if not any(has_gold(example) for example in examples):
        examples = [dataclasses.replace(example, **UNKNOWN[type(example)]) for example in examples]
    return iter(examples)


def has_gold(example: TextExample | QuestionExample) -> bool:
    """Whether an example has a label or an answer."""
    return bool(example.answers if isinstance(example, QuestionExample) else example.label)


def text_example(row: Row, form: RowForm) -> TextExample:
    """The example of a text or a pair."""
    second = form.roles.second_text
    return TextExample(
        id=id_of(row, form.roles.id),
        text=text_in(row, form.roles.text),
        second_text=None if second is None else text_in(row, second),
        label=gold_in(row, form),
    )


def tagging_example(row: Row, form: RowForm) -> TaggingExample:
    """The example of a sentence of words."""
    check_column(row, form.roles.words)
    words = words_in(row, form.roles.words)
    column = form.roles.tags
    if form.has_labels:
        check_column(row, column, "missing tags")
    tags = () if column is None else tags_in(row, form)
    if not words:
        raise UnusableRow(
            "empty text", f"expected words in column {form.roles.words!r}, received none"
        )
    if not tags and not form.has_labels:
        return TaggingExample(id=id_of(row, form.roles.id), words=words)
    if len(tags) != len(words):
        raise UnusableRow(
            "wrong number of tags",
            f"expected {len(words)} tags in column {column!r}, received {len(tags)}",
        )
    wrong = next((tag for tag in tags if form.has_spans and not SPAN_TAG.fullmatch(tag)), None)
    if wrong is not None:
        raise UnusableRow(
            "tag that marks no span",
            f"expected a tag O, B-..., I-..., E-... or S-..., received {wrong!r}",
        )
    check_known(tags, column, form)
    return TaggingExample(id=id_of(row, form.roles.id), words=words, tags=tags)


def question_example(row: Row, form: RowForm) -> QuestionExample:
    """The example of a question about a context; without an answer it is unanswerable."""
    roles = form.roles
    context = text_in(row, roles.context)
    said = said_in(row, roles.answers, roles.answer_start)
    answers, missing = answers_in(context, said or ())
    if missing is not None and not answers:
        raise UnusableRow(
            "answer not in its context",
            f"expected an answer that stands in column {roles.context!r}, received {missing!r}",
        )
    return QuestionExample(
        id=id_of(row, roles.id),
        question=text_in(row, roles.question),
        context=context,
        answers=answers,
        is_impossible=said is not None and not answers,
    )


def choice_example(row: Row, form: RowForm) -> ChoiceExample:
    """The example of a question with texts to choose from."""
    names, choices = choices_in(row, form.roles.choices)
    if len(choices) < 2:
        raise UnusableRow(
            "too few choices",
            f"expected at least two choices in {named(form.roles.choices)}, received {len(choices)}",
        )
    return ChoiceExample(
        id=id_of(row, form.roles.id),
        question=text_in(row, form.roles.question),
        choices=choices,
        label=choice_in(row, form, names, choices),
    )


def choice_in(row: Row, form: RowForm, names: list[str], choices: tuple[str, ...]) -> int | None:
    """Number of the right choice from 0; None where a row has none and needs none."""
    column = form.roles.label
    value = None if column is None else row.values.get(column)
    if is_missing(value):
        if form.has_labels:
            raise UnusableRow(
                "missing label", f"expected the right choice in column {column!r}, received none"
            )
        return None
    # A number counts columns, of which some may be empty in this row.
    places = form.roles.choices if len(form.roles.choices) > 1 else names
    number = right_choice(value, names, choices, places, form.first_choice)
    if number is None:
        raise UnusableRow(
            "unknown label",
            f"expected one of {len(choices)} choices in column {column!r}, received {value!r}",
        )
    return number
