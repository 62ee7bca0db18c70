"""The fields of `FineTuneLauncher`, and a table in memory as a file."""

import hashlib
import pathlib

from keras_electra.files import to_json_lines, write_bytes
from keras_electra.tasks import KNOWN_TASKS
from keras_electra.tasks.kinds import KINDS, kind_names
from keras_electra.tasks.roles import option_of
from keras_electra.tasks.tables import rows_in_memory
from keras_electra_widgets import form
from keras_electra_widgets.launch_fields import backend_row

OWN, GUESSED = "", ""
OWN_ROWS = (
    "epochs",
    "batch_size",
    "learning_rate",
    "sequence_length",
    "num_trials",
    "seed",
    "dtype_policy",
)
# Roles that the command line has no option for.
HIDDEN_ROLES = ("id", "answer_start")
ROLES = tuple(dict.fromkeys(role for kind in KINDS for role in kind.roles))
STEPS = {
    "Data": ("data", "task"),
    "Task": ("kind", *(option_of(role) for role in ROLES), "separator"),
    "Train": ("name", "folder"),
}
"""Title of a step -> its fields; all others belong to the settings."""


def task_rows() -> dict[str, form.Labelled]:
    """The fields of data, task and model."""
    tasks = [("my own table or files", OWN)]
    tasks += [
        (f"{name}: {task.kind.replace('_', ' ')}", name) for name, task in KNOWN_TASKS.items()
    ]
    kinds = [("guessed", GUESSED), *((name.replace("_", " "), name) for name in kind_names())]
    rows = {
        "task": form.choice("task", "Task", tasks),
        "data": form.text(
            "data",
            "Data",
            help="CSV, TSV, JSONL, Parquet, CoNLL, CoNLL-U or SQuAD file; or a folder of train, "
            "validation and test",
        ),
        "kind": form.choice("kind", "What is learned", kinds),
        "model": form.text("model", "Start from", help="a run, a checkpoint or a preset"),
        "runs": form.choice("runs", "or a run here", [("choose a run", "")], ""),
        "backend": backend_row(),
    }
    for role in ROLES:
        title = option_of(role).replace("_", " ").capitalize()
        rows[option_of(role)] = form.text(option_of(role), title)
    rows["separator"] = form.text(
        "separator", "Separator", help="between several labels in a field"
    )
    return rows


def written_table(data, folder: pathlib.Path) -> pathlib.Path:
    """A table in memory as a file in the working folder, for the process that trains.

    Raises:
        InputError: if it is none.
    """
    lines = to_json_lines(row.values for row in rows_in_memory(data))
    path = folder / "tables" / f"{hashlib.sha256(lines).hexdigest()[:8]}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, lines)
    return path
