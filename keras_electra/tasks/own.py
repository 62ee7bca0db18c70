"""A task of the user's own data: what its columns are is told or guessed, and shown."""

import dataclasses
from collections.abc import Iterable

from keras_electra.errors import InputError
from keras_electra.tasks.fields import label_name
from keras_electra.tasks.folders import unread_in
from keras_electra.tasks.kinds import Kind, kind_of
from keras_electra.tasks.own_files import check_file_options, file_task
from keras_electra.tasks.own_tables import files_in, form_of, guessed, table_task
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.splits import VALIDATION_FRACTION, parts_of
from keras_electra.tasks.task import Task
from keras_electra.tasks.text import named, suffix_of

SPLITS = ("train", "validation", "test")


def own_task(
    data,
    *,
    name: str | None = None,
    kind: Kind | None = None,
    text_column: str | None = None,
    second_text_column: str | None = None,
    label_column: str | None = None,
    label_columns: Iterable[str] | None = None,
    words_column: str | None = None,
    tags_column: str | None = None,
    question_column: str | None = None,
    context_column: str | None = None,
    answers_column: str | None = None,
    choice_columns: Iterable[str] | None = None,
    labels: Iterable[str] | None = None,
    value_range: tuple[float, float] | None = None,
    id_column: str | None = None,
    separator: str | None = None,
    metrics: Iterable[str] | None = None,
    main_metric: str | None = None,
    validation_fraction: float = VALIDATION_FRACTION,
    split_seed: int = 0,
    encoding: str = "utf-8",
    has_header: bool | None = None,
) -> tuple[Task, str]:
    """Make a task of a table, or of files of tagged words or questions.

    A table with the columns "review" and "stars" needs no more than `own_task("reviews.csv")`, and the
    sentence then is: text column 'review', label column 'stars' (5 labels), classification.

    Args:
        data: one table as `tables.rows` takes it, a dict of split -> table (also a
            `datasets.DatasetDict`), or a folder with files named after splits: `train.csv`,
            `validation.csv` (or `dev`), `test.csv`. In place of tables: columns of tagged words
            (.conll, .txt), CoNLL-U, and questions in SQuAD's or MRQA's JSON. Without a validation
            part, a tenth of the training examples is drawn, each label having its share and all
            questions on one context staying together; the draw depends on `split_seed` and the number
            of the example alone. Rows of the test part need no labels; where all of a part have empty
            ones, they count as not known, and not as none.
        name: of the task; None for "own".
        kind: what is learned; None to guess it by the columns.
        text_column, second_text_column, label_column: a text, the other one of a pair, and the label,
            labels or number.
        label_columns: columns of 0 or 1, one for each label that may apply.
        words_column, tags_column: of tagging: lists, or texts with blanks between. For columns of
            tagged words both are numbers of columns from 1 (if None: the first, or the second where the
            first counts the words; and the last); for CoNLL-U `tags_column` is "upos" (if None), "xpos"
            or another.
        question_column, context_column, answers_column: of question answering; no answer means that
            the context holds none. `question_column` is that of multiple choice, too.
        choice_columns: a column for each choice, or one with lists.
        labels: all labels in the order of their numbers; None for those of the training part, sorted.
            Where a field holds a list with a 0 or 1 for each label, these are their names, else "0", "1"
            and so on.
        value_range: numbers that 0 and 1 of the model stand for; None for the least and the largest of
            the training part.
        id_column: what examples are called; None for a column named so, or else the row's number. Of a
            table with a word in every row, the column that says which sentence it is of.
        separator: between several labels in one field; "|" if None, or what joins labels that recur.
        metrics, main_metric: figures of `scoring`; None for those usual for the kind.
        validation_fraction: of the draw.
        split_seed: of the draw.
        encoding: of text files.
        has_header: whether a CSV or TSV file begins with names; None to look, as `tables.rows` does: a line
            in which a named column stands holds the names.

    Returns:
        The task, and a sentence that says what was found.

    Raises:
        InputError: for data that cannot be read or understood, or a column that is not there, or whose
            name several have.
    """
    name = name or "own"
    check_options(kind, validation_fraction, value_range)
    labels = None if labels is None else tuple(map(label_name, labels))
    given = Roles(
        text=text_column,
        second_text=second_text_column,
        label=label_column,
        labels=tuple(label_columns or ()),
        words=words_column,
        tags=tags_column,
        question=question_column,
        context=context_column,
        answers=answers_column,
        choices=tuple(choice_columns or ()),
        id=id_column,
    )
    parts = parts_of(data, files_in, name)
    table = parts.get("train", next(iter(parts.values())))
    form = form_of(table, encoding)
    reading = {
        "validation_fraction": validation_fraction,
        "split_seed": split_seed,
        "encoding": encoding,
    }
    if form == "table":
        found, word_rows = guessed(
            table,
            kind=kind,
            given=given,
            separator=separator,
            encoding=encoding,
            has_header=has_header,
        )
        task, sentence = table_task(
            name,
            table,
            found,
            labels=labels,
            value_range=value_range,
            separator=separator,
            has_header=has_header,
            word_rows=word_rows,
            **reading,
        )
    else:
        check_file_options(
            form,
            given,
            kind=kind,
            separator=separator,
            value_range=value_range,
            has_header=has_header,
        )
        suffixes = tuple({suffix_of(part) for part in parts.values()})
        task, sentence = file_task(
            name, table, form, words_column, tags_column, suffixes, **reading
        )
    task = dataclasses.replace(
        task,
        splits=(*SPLITS, *(split for split in parts if split not in SPLITS)),
        labels=checked_labels(in_form_of(task, labels), task.kind) or task.labels,
        **chosen_metrics(task, metrics, main_metric),
    )
    if "train" in parts and "validation" not in parts:
        sentence += f"; validation: {validation_fraction:g} of the training examples, drawn"
    unread = unread_in(data, parts)
    return task, sentence + (f"; not read: {named(unread)}" if unread else "")


def check_options(
    kind: str | None,
    validation_fraction: float = VALIDATION_FRACTION,
    value_range: tuple[float, float] | None = None,
) -> None:
    """Raise `InputError` for values that cannot be."""
    if kind is not None:
        kind_of(kind)
    if not 0 < validation_fraction < 1:
        raise InputError(
            f"validation_fraction: expected a fraction between 0 and 1, received {validation_fraction}"
        )
    if value_range is not None and not (len(value_range) == 2 and value_range[0] < value_range[1]):
        raise InputError(
            f"value_range: expected a lower and a higher number, received {value_range}"
        )


def in_form_of(task: Task, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Tags that were given, as the task's reader reads them."""
    form = getattr(task.reader, "tag_form", None)
    if labels is None or form is None:
        return labels
    return tuple(dict.fromkeys(form.read(label) or label for label in labels))


def checked_labels(labels: tuple[str, ...] | None, kind: str) -> tuple[str, ...] | None:
    """The labels; `InputError` for a kind without, for fewer than two, or one twice."""
    if labels is None:
        return None
    if not kind_of(kind).has_labels:
        raise InputError(f"labels: expected none for {kind}, received {named(labels)}")
    if len(set(labels)) < max(2, len(labels)):
        raise InputError(f"labels: expected at least two different ones, received {named(labels)}")
    return labels


def chosen_metrics(task: Task, metrics, main_metric: str | None) -> dict:
    """The figures that were asked for, or else the usual ones; the main one is among them."""
    names = tuple(metrics or task.metrics)
    if main_metric is None:
        main_metric = task.main_metric if task.main_metric in names else names[0]
    names = names if main_metric in names else (*names, main_metric)
    kind_of(task.kind).check_metrics(names)
    return {"metrics": names, "main_metric": main_metric}
