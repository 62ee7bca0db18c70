"""Questions about a context: the files of SQuAD 1.1 and 2.0, and of the MRQA collection."""

import dataclasses
import os
import pathlib
import re
from collections.abc import Iterator

from keras_electra.tasks.examples import QuestionExample
from keras_electra.tasks.folders import SPLIT_NAMES, tables_by_split
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.question_forms import LINE_SUFFIXES, questions_in
from keras_electra.tasks.splits import (
    VALIDATION_FRACTION,
    file_of,
    part_of,
    parts_of,
    share_of,
)
from keras_electra.tasks.task import Task
from keras_electra.tasks.text import suffix_of

NAMES_OF_SPLITS = {"train": ("train",), "validation": ("dev", "validation"), "test": ("test",)}
SUFFIXES = (".json", *LINE_SUFFIXES)
TOLD = ("train", "validation")
"""Splits whose answers are known; of others they may be."""


@dataclasses.dataclass(frozen=True)
class QuestionReader:
    """Reads a task's questions from its folder, from one file, or from a dict of split -> file.

    A file whose name begins with a split's (`dev-v1.1.json`) is that split. Any other is training
    data, of which a tenth is drawn for validation, all questions on a context together; so is the
    training file of a folder without a validation file.

    Attributes:
        name: of the task.
        folders: what the task's folder may be called inside of the given one; none for any files that
            have a split in their names.
        files: names of files without the split, such as "-v1.1.json".
        collection: name of an MRQA file, in folders named after the splits.
        has_answerability: whether questions may have no answer.
        validation_fraction, split_seed: of the draw.
        encoding: of the files.
    """

    name: str
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = (".json",)
    collection: str | None = None
    has_answerability: bool = False
    validation_fraction: float = VALIDATION_FRACTION
    split_seed: int = 0
    encoding: str = "utf-8"

    def __call__(self, data, split: str, problems: Problems) -> Iterator[QuestionExample]:
        part = part_of(self._parts(data), split, self.name)
        if part.share == "validation":
            problems = Problems(problems.is_strict)
        path = file_of(part.table, self.name)
        questions = self.questions(path, problems, may_be_open=split not in TOLD)
        if part.share == "all":
            return questions
        return iter(
            share_of(
                list(questions), part.share, self.validation_fraction, self.split_seed, problems
            )
        )

    def questions(
        self, path, problems: Problems, may_be_open: bool = False
    ) -> Iterator[QuestionExample]:
        """The questions of one file; arguments as of `questions_in`."""
        return questions_in(
            path,
            problems,
            has_answerability=self.has_answerability,
            may_be_open=may_be_open,
            encoding=self.encoding,
        )

    def _parts(self, data) -> dict:
        if isinstance(data, str | os.PathLike) and (path := pathlib.Path(data)).is_file():
            first_word = re.split(r"[-_.]", path.name.lower())[0]
            return {SPLIT_NAMES.get(first_word, "train"): path}
        return parts_of(data, self._in_folder, self.name)

    def _in_folder(self, folder: pathlib.Path) -> dict:
        if not self.folders:
            return tables_by_split(folder, lambda file: suffix_of(file) in SUFFIXES)
        inner = (entry for entry in sorted(folder.iterdir()) if entry.is_dir())
        named_so = [entry for entry in inner if entry.name.lower() in self.folders]
        for place in (folder, *named_so):
            found = {}
            for split in NAMES_OF_SPLITS:
                path = next(filter(pathlib.Path.is_file, self._candidates(place, split)), None)
                if path is not None:
                    found[split] = path
            if found:
                return found
        return {}

    def _candidates(self, folder: pathlib.Path, split: str) -> Iterator[pathlib.Path]:
        for name in NAMES_OF_SPLITS[split]:
            for ending in self.files:
                yield folder / (name + ending)
                if self.collection:
                    yield folder / name / (self.collection + ending)


def question_task(name: str, *, has_answerability: bool = False, **reading) -> Task:
    """A task of questions. Two epochs of 512 tokens, as in the paper.

    Args:
        name: of the task.
        has_answerability: whether questions may have no answer.
        **reading: further attributes of `QuestionReader`.
    """
    kind = kind_of("question_answering")
    return Task(
        name=name,
        kind=kind.name,
        reader=QuestionReader(name, has_answerability=has_answerability, **reading),
        metrics=kind.usual_metrics,
        main_metric=kind.main_metric,
        recipe=kind.recipe,
        has_answerability=has_answerability,
    )


SQUAD1 = question_task(
    "squad1", folders=("squad1", "squadv1", "squad1.1"), files=("-v1.1.json", ".json")
)
SQUAD = question_task(
    "squad",
    folders=("squad", "squad2", "squadv2", "squad2.0"),
    files=("-v2.0.json", ".json"),
    has_answerability=True,
)
MRQA = tuple(
    question_task(
        name,
        folders=(name, collection.lower()),
        files=(".jsonl", ".jsonl.gz"),
        collection=collection,
    )
    for name, collection in (
        ("naturalqs", "NaturalQuestionsShort"),
        ("newsqa", "NewsQA"),
        ("triviaqa", "TriviaQA-web"),
        ("searchqa", "SearchQA"),
    )
)
QUESTION_TASKS = (SQUAD1, SQUAD, *MRQA)
