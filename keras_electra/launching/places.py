"""Where a launched run is written: names of runs inside a working folder."""

import itertools
import os
import pathlib

from keras_electra.corpus.opening import STANDARD_INPUT, is_remote
from keras_electra.errors import InputError
from keras_electra.runs import RunFolder

DATA_FOLDER = "data"
"""The folder, beside the runs, of vocabularies and stores that were made for them."""
LAUNCH_FILE = "launch.json"


def placed(base: str, given: str) -> str:
    """An absolute path, of one that is relative to `base`; none, addresses and "-" stay as they are."""
    if not given or given == STANDARD_INPUT or is_remote(given):
        return given
    return os.path.normpath(os.path.join(base, given))


def check_name(folder: pathlib.Path, name: str) -> None:
    """Raise `InputError` unless a new run may be called so."""
    if not name:
        raise InputError("name: expected a name for the run, received none")
    is_plain = name == pathlib.PurePath(name).name and not name.startswith(".") and "\\" not in name
    if not is_plain or name == DATA_FOLDER:
        raise InputError(f"name: expected the name of a folder for the run, received {name!r}")
    run = RunFolder(folder / name)
    if run.exists():
        step = run.status().get("step", 0)
        raise InputError(
            f"name: expected a new one, received {name!r}, a run that is {run.state()} at step {step}"
        )
    if (run.path / LAUNCH_FILE).exists():
        raise InputError(f"name: expected a new one, received {name!r}, which was started before")
    if run.path.exists() and (not run.path.is_dir() or os.listdir(run.path)):
        raise InputError(f"name: expected a new one, received {name!r}, which exists and is no run")


def free_name(folder, stem: str = "run") -> str:
    """The first of run-1, run-2, ... that nothing in the folder is called."""
    folder = pathlib.Path(folder)
    names = (f"{stem}-{number}" for number in itertools.count(1))
    return next(name for name in names if not (folder / name).exists())


def of_settings(kind, settings: dict):
    """A plan of settings that were kept; `InputError` for those of something else."""
    try:
        return kind(**settings)
    except (TypeError, ValueError) as error:
        raise InputError(f"{LAUNCH_FILE}: expected the settings of a form ({error})") from error
