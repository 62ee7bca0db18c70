"""The tasks that are known by name."""

import difflib

from keras_electra.errors import InputError
from keras_electra.tasks.columns import TAGGING_TASKS
from keras_electra.tasks.glue import GLUE_TASKS
from keras_electra.tasks.question_files import QUESTION_TASKS
from keras_electra.tasks.task import Task

KNOWN_TASKS: dict[str, Task] = {
    task.name: task for task in (*GLUE_TASKS, *QUESTION_TASKS, *TAGGING_TASKS)
}
"""Name -> task: GLUE's nine, SQuAD 1.1 and 2.0, four of MRQA, chunking, named entities, parts of speech."""

OTHER_NAMES = {
    "sst": "sst2",
    "sst-2": "sst2",
    "sts": "stsb",
    "sts-b": "stsb",
    "squadv1": "squad1",
    "squad1.1": "squad1",
    "squad2": "squad",
    "squadv2": "squad",
    "squad2.0": "squad",
    "naturalquestions": "naturalqs",
}
"""What a task is called elsewhere, as in the original ELECTRA, -> its name here."""


def known_task(name: str) -> Task:
    """The task of this name, or of another name that it goes by; case does not matter.

    Raises:
        InputError: for an unknown name; the nearest known one is given.
    """
    key = str(name).lower()
    key = OTHER_NAMES.get(key, key)
    if key in KNOWN_TASKS:
        return KNOWN_TASKS[key]
    near = difflib.get_close_matches(key, [*KNOWN_TASKS, *OTHER_NAMES], n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise InputError(f"task: expected one of {', '.join(KNOWN_TASKS)}, received {name!r}{hint}")
