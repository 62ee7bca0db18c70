"""What a run trains, and what goes on with it once it has ended."""

import os
import shlex

from keras_electra.errors import ElectraError, InputError
from keras_electra.files import shown_path
from keras_electra.runs.folder import RunFolder

KINDS = {"finetune": "a fine-tuning run", "pretrain": "a pretraining run"}
"""Entry of a run's settings -> what the run is."""


def settings_of_kind(run: RunFolder, kind: str) -> dict:
    """The settings of a run.

    Args:
        kind: a name of `KINDS`.

    Raises:
        InputError: if it is no run, or one of another kind.
    """
    settings = run.config()
    if kind not in settings:
        raise InputError(f"expected {KINDS[kind]}, received {run.path}, {name_of(settings)}")
    return settings


def refuse_other_kind(run_dir: str | os.PathLike, kind: str) -> None:
    """Raise `InputError` if the folder holds a run of another kind; it may hold none."""
    run = RunFolder(run_dir)
    if run.exists():
        settings_of_kind(run, kind)


def name_of(settings: dict) -> str:
    """What a run with these settings is."""
    return next(
        (name for kind, name in KINDS.items() if kind in settings), "a run of another program"
    )


def way_on(run: RunFolder) -> str:
    """What goes on with a run that has ended early, in words for a user: a command where there is one.

    A pretraining needs its folder alone. What a fine-tuning was started with is not all in its settings,
    so that the command it was last started with stands for it.
    """
    try:
        settings = run.config()
    except ElectraError:
        settings = {}
    if "pretrain" in settings:
        return f"keras-electra pretrain --run-dir {shlex.quote(shown_path(run.path))}"
    commands = [str(event.get("command")) for event in run.events() if event.get("kind") == "start"]
    commands = [command for command in commands if command.startswith("keras-electra ")]
    return commands[-1] if commands else "the call that started it, made again,"
