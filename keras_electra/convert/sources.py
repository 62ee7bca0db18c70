"""What a path holds: the one place that decides it, for `load` and for conversions."""

import pathlib

from keras_electra.checkpoint import STATE_FILE
from keras_electra.convert.google_files import is_google
from keras_electra.convert.huggingface import HEAD_SCOPES
from keras_electra.errors import InputError
from keras_electra.files.paths import StrPath
from keras_electra.foreign_files import hub_snapshot, read_object, refuse_pointer
from keras_electra.presets import KERAS_SUFFIX, PRESET_FORMAT, TASK_FORMAT
from keras_electra.runs import RunFolder

MARKS = ("config.json", STATE_FILE, "snapshots", "checkpoints", "discriminator/config.json")
"""What folders of models hold, one or the other."""

NUM_NEAR = 3


def kind_of_source(path: StrPath) -> str:
    """What a path is: "run", "checkpoint", "preset", "keras", "huggingface", "google" or "keras-hub".

    Raises:
        InputError: if it is none of them, naming the models next to it.
        DamagedDataError: if its `config.json` is no JSON object.
    """
    path = hub_snapshot(path)
    if path.name.endswith(KERAS_SUFFIX):
        return "keras"
    if (path / STATE_FILE).is_file():
        return "checkpoint"
    if RunFolder(path).exists():
        return "run"
    config = _config_of(path)
    if config.get("format") in (PRESET_FORMAT, TASK_FORMAT):
        return "preset"
    if "registered_name" in config and "module" in config:
        return "keras-hub"
    is_transformers = "architectures" in config or "model_type" in config
    if is_transformers or all(_config_of(path / name) for name in HEAD_SCOPES):
        return "huggingface"
    if is_google(path):
        return "google"
    raise InputError(
        f"{path}: expected a run, a checkpoint, a preset folder, a .keras file, a Hugging Face folder, "
        f"a checkpoint of the original program or a KerasHub preset{_near(path)}"
    )


def _config_of(folder: pathlib.Path) -> dict:
    """The content of `config.json` of a folder; empty if there is none."""
    path = folder / "config.json"
    refuse_pointer(path)
    return read_object(path) if path.is_file() else {}


def _near(path: pathlib.Path) -> str:
    """The end of a sentence about a path that is no model: the models beside a file, or in a folder."""
    if not path.exists():
        return ", received a path that does not exist"
    folders = [path.parent] if path.is_file() else sorted(path.iterdir())
    found = [one for one in folders if any((one / mark).exists() for mark in MARKS)]
    if not found:
        return ", received another folder" if path.is_dir() else ", received another file"
    more = f" and {len(found) - NUM_NEAR} more" if len(found) > NUM_NEAR else ""
    return f"; found {', '.join(map(str, found[:NUM_NEAR]))}{more}: use that path"
