"""Tasks: what is learned from which data, from files or tables to examples of text."""

from keras_electra.tasks.examples import (
    Answer,
    ChoiceExample,
    Example,
    QuestionExample,
    TaggingExample,
    TextExample,
)
from keras_electra.tasks.judging import own_examples
from keras_electra.tasks.known import KNOWN_TASKS, known_task
from keras_electra.tasks.own import own_task
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.task import Task

__all__ = [
    "KNOWN_TASKS",
    "Answer",
    "ChoiceExample",
    "Example",
    "Problems",
    "QuestionExample",
    "TaggingExample",
    "Task",
    "TextExample",
    "known_task",
    "own_examples",
    "own_task",
]
