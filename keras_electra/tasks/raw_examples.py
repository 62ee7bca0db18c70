"""What a user types, as the records that tasks are made of."""

import dataclasses
import itertools
import numbers
import os
from collections.abc import Iterator, Mapping

import numpy as np

from keras_electra.corpus import Files, Texts, files_or_texts
from keras_electra.corpus.given import chained, described, is_table
from keras_electra.errors import InputError
from keras_electra.tasks import fields
from keras_electra.tasks.examples import (
    Answer,
    ChoiceExample,
    QuestionExample,
    TaggingExample,
    TextExample,
    half_character,
)
from keras_electra.tasks.fields import UnusableRow
from keras_electra.tasks.judging import own_examples
from keras_electra.tasks.task import Problems
from keras_electra.tasks.values import plain

RECORDS = (TextExample, TaggingExample, QuestionExample, ChoiceExample)
RECORD_OF_KIND = {
    "tagging": TaggingExample,
    "question_answering": QuestionExample,
    "multiple_choice": ChoiceExample,
}


def is_raw(x) -> bool:
    """Whether `x` is a list of raw examples, and not what Keras takes.

    Raises:
        InputError: for a single string, which would be read as a list of letters, a path or a table.
    """
    if isinstance(x, str | os.PathLike | Files):
        raise InputError(
            f"x: expected a list of texts or other raw examples, received {described(x)}; "
            "`predict` takes files, and `keras_electra.finetune` trains on them"
        )
    if x is None or isinstance(x, bytes | bytearray | numbers.Number):
        raise InputError(f"x: expected a list of raw examples, received {described(x)}")
    refuse_table(x)
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "UO"
    return isinstance(x, list | tuple | Texts) or hasattr(x, "to_list") or hasattr(x, "to_pylist")


def refuse_table(x) -> None:
    """Raise `InputError` for a table, such as a DataFrame: as a list it is the names of its columns."""
    if is_table(x):
        raise InputError(
            f"x: expected a list of raw examples, received a {type(x).__name__}; "
            "keras_electra.tasks.own_examples makes examples of a table"
        )


def inputs_of(model, x):
    """What `predict` of a model was given: files are read, and iterators of raw examples listed.

    Args:
        model: its `kind`, and its `columns` where it has them, say how a table is read.
        x: raw examples; or a path, or a list of paths, of what `own_examples` takes; or anything else,
            which stays as it is.

    Raises:
        InputError: for strings that may be texts or names of files; for a file that cannot be read, or
            a row of it that cannot be used.
    """
    if isinstance(x, Iterator):
        head = list(itertools.islice(x, 1))
        x = chained(head, x)
        if any(map(is_batch, head)):
            return x
        x = list(x)
    items = x if isinstance(x, list | tuple) else [x]
    if not items or not all(isinstance(item, str | os.PathLike) for item in items):
        return x
    given = files_or_texts(x, "x")
    if isinstance(given, Texts):
        return list(given)
    columns, problems = getattr(model, "columns", None), Problems(is_strict=True)
    return [
        example
        for path in given
        for example in own_examples(
            os.fspath(path), model.kind, trained_columns=columns, problems=problems
        )
    ]


def is_batch(item) -> bool:
    """Whether what an iterator gives is a batch of arrays, as Keras takes it, and no raw example."""
    first = item[0] if isinstance(item, list | tuple) and item else item
    return hasattr(first, "shape") or (isinstance(first, Mapping) and "token_ids" in first)


def examples_of(model, x, y=None) -> list:
    """Records of raw examples, with their answers if there are.

    Args:
        model: a task model; its kind, labels and value range say how `x` and `y` are read.
        x, y: as of `RawInput.fit`.

    Raises:
        InputError: for a table, or an example or an answer of another form, naming it.
    """
    refuse_table(x)
    x = list(x.to_pylist() if hasattr(x, "to_pylist") else x)
    if y is not None:
        y = list(y)
        if len(y) != len(x):
            raise InputError(f"y: expected {len(x)} answers, received {len(y)}")
    examples = [record_of(model.kind, number, item) for number, item in enumerate(x)]
    for number, example in enumerate(examples):
        half = half_character(example)
        if half is not None:
            raise InputError(
                f"x[{number}]: expected characters, received half of a surrogate pair ({half})"
            )
    if y is None:
        return examples
    return [
        with_answer(model, number, example, answer)
        for number, (example, answer) in enumerate(zip(examples, y, strict=True))
    ]


def record_of(kind: str, number: int, item):
    """The record of one raw example; its number is its id."""
    record = RECORD_OF_KIND.get(kind, TextExample)
    if isinstance(item, record):
        return item
    if isinstance(item, Mapping):
        try:
            return record(**{"id": str(number), **item, **_sequences(item)})
        except TypeError as error:
            names = [field.name for field in dataclasses.fields(record)]
            raise InputError(
                f"x[{number}]: expected a dict with some of {names}, received {sorted(item)}"
            ) from error
    if record is TextExample and isinstance(item, str):
        return TextExample(id=str(number), text=item)
    if record is TextExample and _are_strings(item) and len(item) == 2:
        return TextExample(id=str(number), text=item[0], second_text=item[1])
    if record is TaggingExample and isinstance(item, str):
        return TaggingExample(id=str(number), words=tuple(item.split()))
    if record is TaggingExample and _are_strings(item):
        return TaggingExample(id=str(number), words=tuple(item))
    expected = {
        TextExample: "a string or a pair of strings",
        TaggingExample: "a list of words, or a string of them",
        QuestionExample: "a dict of question and context",
        ChoiceExample: "a dict of question and choices",
    }[record]
    raise InputError(f"x[{number}]: expected {expected}, received {item!r:.80}")


def _are_strings(item) -> bool:
    return isinstance(item, list | tuple) and all(isinstance(part, str) for part in item)


def _sequences(item) -> dict:
    """Lists in a dict as the tuples that records hold."""
    return {name: tuple(value) for name, value in item.items() if isinstance(value, list)}


def with_answer(model, number: int, example, answer):
    """The record with what the model should say of it."""
    kind = model.kind
    if kind == "tagging":
        tags = tuple(answer.split()) if isinstance(answer, str) else tuple(map(str, answer))
        return dataclasses.replace(example, tags=tags)
    if kind == "question_answering":
        found = answers_of(number, example, answer)
        return dataclasses.replace(example, answers=found, is_impossible=not found)
    try:
        return dataclasses.replace(example, label=gold_of(model, plain(answer)))
    except (TypeError, ValueError, UnusableRow) as error:
        raise InputError(f"y[{number}]: {error}") from error


def gold_of(model, answer):
    """The label, labels, number or choice that an answer says.

    Raises:
        ValueError: for another value.
        UnusableRow: for a 0 or 1 for each label that is none.
    """
    if model.kind == "multi_label":
        return label_names(model.labels, answer)
    if answer is None or isinstance(answer, list | Mapping):
        raise ValueError(f"expected a label or number, received {answer!r:.80}")
    if model.kind == "classification":
        return label_name(model.labels, answer)
    if model.kind == "regression":
        return float(answer)
    return int(answer)


def label_name(labels, answer) -> str:
    """The name of a label given by name or by number; a name goes first.

    label_name(("no", "yes"), 1) is "yes"; label_name(("1", "2"), 1) is "1".
    """
    name = fields.label_name(answer)
    number = fields.whole_number(answer)
    is_name = name in labels or isinstance(answer, str) or number is None
    return name if is_name or not 0 <= number < len(labels) else labels[number]


def label_names(labels, answer) -> tuple[str, ...]:
    """The names of labels given by names, or by a 0 or 1 for each label.

    label_names(("a", "b", "c"), [1, 0, 1]) is ("a", "c"), as is that of ["a", "c"].

    Raises:
        ValueError: for a single value.
        UnusableRow: for a 0 or 1 for another number of labels.
    """
    if not isinstance(answer, list | tuple):
        raise ValueError(f"expected a list of names, or of 0 and 1, received {answer!r:.80}")
    is_repeated = len(set(answer)) < len(answer)
    if fields.are_marks(answer) and (is_repeated or len(answer) == len(labels)):
        return fields.marked(answer, labels, "a list")
    return tuple(label_name(labels, part) for part in answer)


def answers_of(number: int, example: QuestionExample, answer) -> tuple[Answer, ...]:
    """The answer of a question: None or "" for none, a string of the context, (string, character)."""
    if answer is None or answer == "":
        return ()
    if isinstance(answer, Answer):
        return (answer,)
    if isinstance(answer, str):
        start = example.context.find(answer)
        if start < 0:
            raise InputError(f"y[{number}]: expected a string of the context, received {answer!r}")
        return (Answer(answer, start),)
    try:
        text, start = answer
        return (Answer(str(text), int(start)),)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"y[{number}]: expected a string, (string, character) or None, received {answer!r}"
        ) from error
