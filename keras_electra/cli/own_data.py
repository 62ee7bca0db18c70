"""`--text-column` and its like: the roles of the columns of the user's own table."""

import dataclasses
from typing import Annotated

import tyro

from keras_electra.cli import display
from keras_electra.cli.options import choice
from keras_electra.errors import InputError
from keras_electra.tasks.guessing import guess
from keras_electra.tasks.own import own_task
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.row_examples import RowForm, examples_of
from keras_electra.tasks.tables import rows
from keras_electra.tasks.task import Kind, Problems


def column(help: str, default: str = "guessed"):
    """An option that names a column."""
    argument = tyro.conf.arg(metavar="NAME", help=help, help_behavior_hint=f"(default: {default})")
    return Annotated[tyro.conf.DisallowNone[str | None], argument]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """What is what in a table of one's own."""

    kind: Annotated[
        object,
        choice("kind", Kind.__args__),
        tyro.conf.arg(help="what is learned", help_behavior_hint="(default: guessed)"),
    ] = None
    text_column: column("the text") = None
    second_text_column: column("the other text of a pair") = None
    label_column: column("label, labels or number") = None
    words_column: column("words of a sentence") = None
    tags_column: column("tags of the words") = None
    question_column: column("question") = None
    context_column: column("text that holds the answer") = None
    answers_column: column("answers") = None
    choice_columns: Annotated[
        tuple[str, ...],
        tyro.conf.arg(
            metavar="NAME...", help="texts to choose from", help_behavior_hint="(default: guessed)"
        ),
    ] = ()
    separator: column("sign between several labels in one field", "|") = None
    main_metric: column("figure that trials are compared by", "by kind") = None

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

    def inputs(self, model, texts: tuple[str, ...], data) -> list:
        """What a model is to judge, as `model.predict` takes it.

        Args:
            model: a task model.
            texts: of the command line; a tab stands between the two texts of a pair, a question and
                its context, and a question and its choices.
            data: a table in their place, or None.

        Raises:
            InputError: for texts without the parts that the kind needs, or an unreadable table.
        """
        if data is None:
            return [input_of(model.kind, text) for text in texts]
        problems = Problems(is_strict=True)
        roles = Roles(
            **{name.removesuffix("_column"): value for name, value in self._roles().items()}
        )
        found = guess(rows(data, problems), kind=model.kind, given=roles, has_labels=False)
        display.tell(found.sentence)
        form = RowForm(
            kind=model.kind,
            roles=found.roles,
            separator=self.separator or "|",
            has_spans=found.has_spans,
            first_choice=found.first_choice,
            has_labels=False,
        )
        return list(examples_of(rows(data, problems), form, problems))

    def _roles(self):
        """The columns that were named, by role."""
        others = ("kind", "separator", "main_metric", "choice_columns")
        named = {name: value for name, value in self.given().items() if name not in others}
        return named | ({"choices": self.choice_columns} if self.choice_columns else {})


def input_of(kind: str, text: str):
    """One text of the command line as `model.predict` takes it.

    Raises:
        InputError: if a part is missing.
    """
    parts = text.split("\t")
    if kind == "question_answering":
        if len(parts) != 2:
            raise InputError(
                f"text: expected a question, a tab and a context, received {text!r:.80}"
            )
        return {"question": parts[0], "context": parts[1]}
    if kind == "multiple_choice":
        if len(parts) < 3:
            raise InputError(
                f"text: expected a question and at least two choices, tabs between, received {text!r:.80}"
            )
        return {"question": parts[0], "choices": parts[1:]}
    if kind != "tagging" and len(parts) == 2:
        return tuple(parts)
    return text
