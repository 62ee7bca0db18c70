"""What a task is made of: one record per example, text as it stands in the data."""

import dataclasses
import json


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextExample:
    """One text, or a pair, with a label: classification, multi-label, regression.

    Attributes:
        id: name of the example within its split.
        text, second_text: the text, and the other one of a pair.
        label: name of the label; a tuple of names for multi-label; a number for regression; None
            where it is not known.
    """

    id: str
    text: str
    second_text: str | None = None
    label: str | float | tuple[str, ...] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaggingExample:
    """A sentence of words, and a tag for each, or None where they are not known."""

    id: str
    words: tuple[str, ...]
    tags: tuple[str, ...] | None = None


@dataclasses.dataclass(frozen=True)
class Answer:
    """A stretch of a context: its text, and the character it starts at.

    The first answer of a question is one. Behind it may stand others that count as right although they
    are not in the context, which have -1.
    """

    text: str
    start: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionExample:
    """A question about a context, and the stretches of it that answer the question.

    `is_impossible` says that the context holds no answer, as in SQuAD 2.0; `answers` is then empty.
    """

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...] = ()
    is_impossible: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChoiceExample:
    """A question, the texts to choose from, and the index of the right one, or None if not known."""

    id: str
    question: str
    choices: tuple[str, ...]
    label: int | None = None


Example = TextExample | TaggingExample | QuestionExample | ChoiceExample


def half_character(example: Example) -> str | None:
    """The first half of a surrogate pair that stands alone in an example; None where all is text.

    JSON can spell such a half, as in "\\ud83d", though it is no character and no encoding has bytes
    for it.
    """
    try:
        json.dumps(vars(example), ensure_ascii=False, default=_inside).encode()
    except UnicodeEncodeError as error:
        return f"U+{ord(error.object[error.start]):04X}"
    return None


def _inside(value):
    """The fields of a record in another, such as an answer; other values as text."""
    return vars(value) if dataclasses.is_dataclass(value) else str(value)
