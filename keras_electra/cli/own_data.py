"""`--text-column` and its like: the roles of the columns of the user's own table."""

import dataclasses
from collections.abc import Sequence

import tyro

from keras_electra.cli import display
from keras_electra.cli.options import OptionalText, argument, choice, number
from keras_electra.errors import InputError
from keras_electra.tasks import Problems, own_examples, own_task
from keras_electra.tasks.examples import TextExample
from keras_electra.tasks.judging import holds_texts, texts_in
from keras_electra.tasks.kinds import kind_names, kind_of

TASK_OPTIONS = ("kind", "labels", "main_metric", "validation_fraction")
"""Options that a trained model has no more use for."""


def column(help: str, default: str = "guessed"):
    """An option that names a column."""
    return argument(OptionalText, help, default, metavar="NAME")


def names(help: str, default: str = "guessed"):
    """An option of several names."""
    return argument(tuple[str, ...], help, default, metavar="NAME...")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """What is what in a table of one's own."""

    kind: argument(choice("kind", kind_names()), "what is learned", "guessed") = None
    text_column: column("the text") = None
    second_text_column: column("the other text of a pair") = None
    label_column: column("label, labels or number") = None
    words_column: column("words of a sentence; in files of a word a line, the column's number") = (
        None
    )
    tags_column: column("tags of the words; in files of a word a line, the column's number") = None
    question_column: column("question") = None
    context_column: column("text that holds the answer") = None
    answers_column: column("answers") = None
    choice_columns: names("texts to choose from") = ()
    id_column: column("name of the row, or of the sentence where a row holds one word") = None
    label_columns: names("columns of 0 and 1, one for each label that may apply") = ()
    labels: names(
        "all labels in order; names for the positions of lists of 0 and 1", "those of the data"
    ) = ()
    separator: column("sign between several labels in one field", "|, or what is seen") = None
    encoding: column("of text files", "utf-8") = None
    has_header: argument(
        tyro.conf.DisallowNone[bool | None],
        "whether the first line of a CSV or TSV file holds the names of its columns",
        "looked at",
    ) = None
    main_metric: column("figure that trials are compared by", "by kind") = None
    validation_fraction: argument(
        number("validation_fraction", float),
        "part of the training examples to validate on where there is no such part",
        "0.1",
    ) = None

    def given(self) -> dict:
        """The roles that were named."""
        return {
            field.name: value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) not in (None, ())
        }

    def task(self, names: tuple[str, ...], data):
        """The known tasks that were named, or the task that the table's columns make.

        Raises:
            InputError: for both known tasks and columns, or columns that cannot be understood.
        """
        if names:
            if self.given():
                raise InputError(
                    f"--task: expected no columns beside known tasks, received {list(self.given())}"
                )
            return names[0] if len(names) == 1 else list(names)
        task, sentence = own_task(data, **self.given())
        display.tell(sentence)
        return task

    def texts(self, model, data) -> list[str]:
        """The lines of a file with a text a line, empty ones included; none of any other file.

        Raises:
            InputError: if the file is not readable, or columns were named for it.
        """
        encoding = self.encoding or "utf-8"
        reads_texts = kind_of(model.kind).record is TextExample
        if not reads_texts or not holds_texts(data, encoding):
            return []
        columns = [name for name in self.given() if name not in (*TASK_OPTIONS, "encoding")]
        if columns:
            raise InputError(f"{data}: expected no columns of a file of texts, received {columns}")
        texts = texts_in(data, encoding)
        if not any(map(str.strip, texts)):
            raise InputError(f"{data}: expected a text a line, received an empty file")
        return texts

    def inputs(self, model, texts: Sequence[str], data) -> list:
        """What a model is to judge, as `model.predict` takes it.

        Args:
            model: a task model.
            texts: of the command line or a file, empty ones passed over; a tab stands between the two
                texts of a pair, a question and its context, and a question and its choices.
            data: a table in their place, or None; it is read by the columns that were named, else those
                of the training, and what was taken is told.

        Raises:
            InputError: for texts without the parts that the kind needs, or an unreadable table.
        """
        if data is None:
            return [kind_of(model.kind).from_line(text) for text in texts if text.strip()]
        problems = Problems()
        columns = {name: value for name, value in self.given().items() if name not in TASK_OPTIONS}
        examples = own_examples(
            data,
            model.kind,
            trained_columns=model.columns,
            problems=problems,
            on_message=display.tell,
            **columns,
        )
        for sentence in problems.sentences():
            display.tell(sentence)
        return examples
