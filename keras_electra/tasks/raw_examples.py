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
from keras_electra.tasks.examples import half_character
from keras_electra.tasks.fields import UnusableRow
from keras_electra.tasks.judging import own_examples
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.problems import Problems


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
    kind = kind_of(kind)
    record = kind.record
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
    read = kind.read(item)
    if read is None:
        raise InputError(f"x[{number}]: expected {kind.raw}, received {item!r:.80}")
    return record(id=str(number), **read)


def _sequences(item) -> dict:
    """Lists in a dict as the tuples that records hold."""
    return {name: tuple(value) for name, value in item.items() if isinstance(value, list)}


def with_answer(model, number: int, example, answer):
    """The record with what the model should say of it."""
    try:
        fields = kind_of(model.kind).gold_fields(answer, example, model)
    except (TypeError, ValueError, UnusableRow) as error:
        raise InputError(f"y[{number}]: {error}") from error
    return dataclasses.replace(example, **fields)
