"""Checkpoints and presets: what a trained model is on disk.

A checkpoint is a folder `step_00001000/` with `model.safetensors` and `optimizer.safetensors`, each
keyed by variable path, and `state.json`: step, tokens, seconds, versions, and the size and SHA-256 of
both files. A preset is a folder with `config.json`, `vocab.txt` and one safetensors file per network.
Nothing in either names a backend's own type, so both open on every backend.
"""

import hashlib
import json
import pathlib
import shutil

import keras
import numpy as np
import safetensors.numpy

from keras_electra.config.pretrain import PretrainConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import DamagedDataError, InputError
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.runs import RunFolder
from keras_electra.runs.files import (
    replace,
    sync_folder,
    temporary_path,
    write_bytes,
    write_json,
    writing,
)
from keras_electra.tokenizer import WordPieceTokenizer

MODEL_FILE, OPTIMIZER_FILE, STATE_FILE = (
    "model.safetensors",
    "optimizer.safetensors",
    "state.json",
)
PRESET_FORMAT = "keras-electra preset 1"
NETWORKS = ("generator", "discriminator")


def save_checkpoint(path, model: ElectraPretrainer, state: dict) -> None:
    """Write a checkpoint under a temporary name and rename it; an existing one is replaced.

    Args:
        path: the checkpoint's folder.
        model: compiled and built; its metrics are saved too, so that a logging interval that a
            checkpoint cuts in two is averaged as if it had not been cut.
        state: what `state.json` shall hold beside the hashes: `step`, `tokens`, `seconds`, ...
    """
    path = pathlib.Path(path)
    temporary = temporary_path(path)
    with writing(path):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        files = {
            MODEL_FILE: {
                **_arrays(model.variables),
                **_arrays(model.metrics_variables, "metrics/"),
            },
            OPTIMIZER_FILE: _optimizer_arrays(model.optimizer),
        }
        hashes = {name: _write_arrays(temporary / name, arrays) for name, arrays in files.items()}
        write_json(temporary / STATE_FILE, {**state, "files": hashes})
        sync_folder(temporary)
        if path.exists():
            shutil.rmtree(path)
        replace(temporary, path)
        sync_folder(path.parent)


def restore_checkpoint(path, model: ElectraPretrainer) -> tuple[dict, list[np.ndarray]]:
    """Fill a compiled, built model and its optimizer from a checkpoint.

    Returns:
        `state.json`'s content, and the values of `model.metrics_variables` at that moment.

    Raises:
        DamagedDataError: if a file is missing, cut or changed; nothing is assigned then.
        InputError: if the checkpoint is of another architecture.
    """
    state = read_state(path)
    arrays = _read_arrays(path, MODEL_FILE, state)
    slots = _read_arrays(path, OPTIMIZER_FILE, state)
    metrics = [arrays.pop(f"metrics/{variable.path}") for variable in model.metrics_variables]
    _assign(model.variables, arrays, path)
    _assign_optimizer(model.optimizer, slots, path)
    return state, metrics


def read_state(path) -> dict:
    """`state.json` of a checkpoint; `DamagedDataError` if it cannot be read."""
    try:
        return json.loads((pathlib.Path(path) / STATE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedDataError(
            f"checkpoint {path}: expected a readable {STATE_FILE} ({error})"
        ) from error


def latest_checkpoint(run: RunFolder, on_damage=None) -> pathlib.Path | None:
    """The newest checkpoint of a run whose bytes are as they were written, or None if there is none.

    Args:
        on_damage: called with a sentence for each damaged checkpoint passed over.

    Raises:
        DamagedDataError: if there are checkpoints and all are damaged.
    """
    damage = None
    for _, path in reversed(run.checkpoints()):
        try:
            state = read_state(path)
            for name in (MODEL_FILE, OPTIMIZER_FILE):
                _check_file(path, name, state)
        except DamagedDataError as error:
            damage = error
            if on_damage:
                on_damage(str(error))
            continue
        return path
    if damage is not None:
        raise DamagedDataError(f"run {run.path}: no undamaged checkpoint is left; {damage}")
    return None


def save_preset(path, model: ElectraPretrainer, sequence_length: int | None = None) -> None:
    """Write the folder that `load` opens: `config.json`, `vocab.txt`, one file per network.

    Each network's file is complete by itself: shared embeddings stand in both.

    Raises:
        InputError: if the model has no tokenizer, or the folder exists and holds something.
    """
    path = pathlib.Path(path)
    if model.tokenizer is None:
        raise InputError("model: expected one with a tokenizer, received tokenizer=None")
    if path.exists() and any(path.iterdir()):
        raise InputError(f"{path}: expected a new or empty folder, received one that holds files")
    temporary = temporary_path(path)
    with writing(path):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        files = {}
        for name, variables in network_variables(model).items():
            files[f"{name}.safetensors"] = _write_arrays(
                temporary / f"{name}.safetensors", _arrays(variables)
            )
        model.tokenizer.save(temporary / "vocab.txt")
        config = {
            "format": PRESET_FORMAT,
            "encoder": model.encoder.to_dict(),
            "objective": model.objective.to_dict(),
            "masking": model.masking.to_dict(),
            "sequence_length": sequence_length or model.sequence_length,
            "tokenizer": model.tokenizer.config.to_dict(),
            "files": files,
        }
        write_json(temporary / "config.json", config)
        if path.exists():
            path.rmdir()
        replace(temporary, path)


def load(path, *, dtype: str = "float32", weights: str = "last") -> ElectraPretrainer:
    """Open a run, a checkpoint or a preset folder.

    Args:
        path: the folder.
        dtype: policy of the layers.
        weights: "last", or "average" for the moving average of a run trained with `ema_rate`.

    Returns:
        An `ElectraPretrainer` with `tokenizer` and `sequence_length` set, for `detect`, `evaluate` and
        taking `generator`, `discriminator` or `backbone` out. It carries no optimizer.

    Raises:
        InputError: if the folder is none of the three.
        DamagedDataError: if its files are damaged.
    """
    path = pathlib.Path(path)
    if weights not in ("last", "average"):
        raise InputError(f"weights: expected 'last' or 'average', received {weights!r}")
    if (path / STATE_FILE).is_file():
        return _load_checkpoint(path, RunFolder(path.parent.parent), dtype, weights)
    run = RunFolder(path)
    if run.exists() and run.checkpoints_path.is_dir():
        checkpoint = latest_checkpoint(run)
        if checkpoint is None:
            raise InputError(f"run {path}: expected at least one checkpoint, found none")
        return _load_checkpoint(checkpoint, run, dtype, weights)
    config = _json_of(path / "config.json")
    if config.get("format") == PRESET_FORMAT:
        return _load_preset(path, config, dtype)
    raise InputError(f"{path}: expected a run, a checkpoint or a preset folder")


def network_variables(model: ElectraPretrainer) -> dict[str, list]:
    """Variables of each network, without the counters of dropout noise."""
    networks = {name: getattr(model, name) for name in NETWORKS}
    found = {
        name: [v for v in network.variables if not _is_noise(v)]
        for name, network in networks.items()
        if network is not None
    }
    if model.copy_head is not None:
        found["discriminator"] += model.copy_head.variables
    return found


def _load_checkpoint(path, run, dtype, weights):
    settings = run.config()
    config = PretrainConfig.from_dict(settings["pretrain"])
    model = ElectraPretrainer.from_recipe(config.replace(dtype_policy=dtype))
    state = read_state(path)
    arrays = _read_arrays(path, MODEL_FILE, state)
    if weights == "average":
        slots = _read_arrays(path, OPTIMIZER_FILE, state)
        averages = {
            name.removeprefix("average/"): value
            for name, value in slots.items()
            if name.startswith("average/")
        }
        if not averages:
            raise InputError("weights: expected 'last', for the run was trained without ema_rate")
        arrays.update(averages)
    _assign(model.variables, arrays, path)
    model.step, model.tokens = state["step"], state["tokens"]
    return _equipped(model, run.vocabulary_path, settings["tokenizer"], config.sequence_length)


def _load_preset(path, config, dtype):
    model = ElectraPretrainer(
        config["encoder"], config["objective"], config["masking"], dtype=dtype
    )
    for name, variables in network_variables(model).items():
        arrays = _read_arrays(path, f"{name}.safetensors", config)
        _assign(variables, arrays, path)
    return _equipped(model, path / "vocab.txt", config["tokenizer"], config["sequence_length"])


def _equipped(model, vocabulary_path, tokenizer_options, sequence_length):
    options = TokenizerConfig.from_dict(tokenizer_options)
    model.tokenizer = WordPieceTokenizer.from_file(vocabulary_path, options)
    model.sequence_length = sequence_length
    return model


def _is_noise(variable):
    return "seed_generator_state" in variable.path


def _arrays(variables, prefix=""):
    """Path -> array of each variable; a shared one once."""
    return {
        f"{prefix}{variable.path}": np.asarray(keras.ops.convert_to_numpy(variable), order="C")
        for variable in variables
    }


def _assign(variables, arrays, path):
    missing = [v.path for v in variables if v.path not in arrays and not _is_noise(v)]
    if missing:
        raise InputError(f"{path}: expected the variable {missing[0]!r}, not found")
    for variable in variables:
        if variable.path not in arrays:
            continue
        value = arrays[variable.path]
        if tuple(variable.shape) != value.shape:
            raise InputError(
                f"{path}: expected {variable.path!r} of shape {tuple(variable.shape)}, "
                f"received {value.shape}"
            )
        variable.assign(value.astype(keras.backend.standardize_dtype(variable.dtype)))


def _optimizer_variables(optimizer) -> dict:
    """Slots by the path of what they belong to, and the optimizer's own counters by name.

    Keras stores them by number, which assigns wrongly without a word when the order changes.
    """
    slots = {
        "iterations": optimizer.iterations,
        "gradient_norm": optimizer.gradient_norm,
        "skipped_steps": optimizer.skipped_steps,
        "total_steps": optimizer.total_steps_variable,
    }
    families = {
        "first_moment": optimizer.first_moments,
        "second_moment": optimizer.second_moments,
        "average": optimizer._model_variables_moving_average if optimizer.use_ema else [],
    }
    for family, variables in families.items():
        for owner, variable in zip(optimizer._trainable_variables, variables, strict=False):
            slots[f"{family}/{owner.path}"] = variable
    return slots


def _optimizer_arrays(optimizer):
    return {
        name: np.asarray(keras.ops.convert_to_numpy(variable), order="C")
        for name, variable in _optimizer_variables(optimizer).items()
    }


def _assign_optimizer(optimizer, slots, path):
    for name, variable in _optimizer_variables(optimizer).items():
        if name not in slots:
            raise InputError(f"{path}: expected the optimizer slot {name!r}, not found")
        variable.assign(slots[name].astype(keras.backend.standardize_dtype(variable.dtype)))


def _write_arrays(path, arrays) -> dict:
    """Write safetensors; returns the file's size and hash."""
    # Not `save_file`: its error on a full disk is no `OSError`, so it would come out as a traceback.
    content = safetensors.numpy.save(arrays)
    write_bytes(path, content)
    return {"num_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _check_file(path, name, record):
    """Raise `DamagedDataError` unless file `name` of folder `path` has the recorded bytes."""
    file, expected = pathlib.Path(path) / name, record.get("files", {}).get(name)
    if expected is None or not file.is_file():
        raise DamagedDataError(f"{path}: expected the file {name}, not found")
    if file.stat().st_size != expected["num_bytes"] or _sha256(file) != expected["sha256"]:
        raise DamagedDataError(f"{file}: expected the bytes that were written, received others")


def _read_arrays(path, name, record):
    _check_file(path, name, record)
    return safetensors.numpy.load_file(pathlib.Path(path) / name)


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json_of(path):
    try:
        return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path.parent}: expected a run, a checkpoint or a preset folder"
        ) from error
    except ValueError as error:
        raise DamagedDataError(f"{path}: expected JSON ({error})") from error
