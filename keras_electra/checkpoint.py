"""Checkpoints: a training as it stands on disk, from which it goes on exactly.

A checkpoint is a folder `step_00001000/` with `model.safetensors` and `optimizer.safetensors`, each
keyed by variable path, and `state.json`: step, tokens, seconds, versions, the size and SHA-256 of
both files, and its own SHA-256. Nothing in it names a backend's own type, so it opens on every backend.
"""

import hashlib
import json
import pathlib
import warnings

import keras
import numpy as np

from keras_electra.errors import DamagedDataError, InputError, Remark
from keras_electra.files import new_folder, plain, read_json, refuse_link, write_json
from keras_electra.runs import RunFolder
from keras_electra.weights import arrays_of, assign, check_file, read_arrays, write_arrays

MODEL_FILE, OPTIMIZER_FILE, STATE_FILE = (
    "model.safetensors",
    "optimizer.safetensors",
    "state.json",
)


def save_checkpoint(path, model: keras.Model, state: dict) -> None:
    """Write a checkpoint under a temporary name and rename it; an existing one is replaced.

    Args:
        path: the checkpoint's folder.
        model: compiled and built; its metrics are saved too, so that a logging interval that a
            checkpoint cuts in two is averaged as if it had not been cut.
        state: what `state.json` shall hold beside the hashes: `step`, `tokens`, `seconds`, ...
    """
    path = pathlib.Path(path)
    for owned in (path, path.parent) if path.parent.name == "checkpoints" else (path,):
        refuse_link(owned)
    with new_folder(path, "replaced") as temporary:
        files = {
            MODEL_FILE: {
                **arrays_of(model.variables),
                **arrays_of(model.metrics_variables, "metrics/"),
            },
            OPTIMIZER_FILE: optimizer_arrays(model.optimizer),
        }
        hashes = {name: write_arrays(temporary / name, arrays) for name, arrays in files.items()}
        content = plain({**state, "files": hashes})
        write_json(temporary / STATE_FILE, {**content, "sha256": state_hash(content)})


def restore_checkpoint(path, model: keras.Model) -> tuple[dict, list[np.ndarray]]:
    """Fill a compiled, built model and its optimizer from a checkpoint.

    Returns:
        `state.json`'s content, and the values of `model.metrics_variables` at that moment.

    Raises:
        DamagedDataError: if a file is missing, cut or changed; nothing is assigned then.
        InputError: if the checkpoint is of another architecture.
    """
    state = read_state(path)
    arrays = read_arrays(path, MODEL_FILE, state)
    slots = read_arrays(path, OPTIMIZER_FILE, state)
    metrics = [arrays.pop(f"metrics/{variable.path}") for variable in model.metrics_variables]
    assign(model.variables, arrays, path)
    _assign_optimizer(model.optimizer, slots, path)
    return state, metrics


def read_state(path) -> dict:
    """`state.json` of a checkpoint.

    One of an older version, which kept no checksum of it, is read with a `Remark`.

    Raises:
        DamagedDataError: if it cannot be read, or is not what was written.
    """
    file = pathlib.Path(path) / STATE_FILE
    try:
        state = read_json(file)
    except OSError as error:
        raise DamagedDataError(
            f"checkpoint {path}: expected a readable {STATE_FILE} ({error})"
        ) from error
    if "sha256" not in state:
        warnings.warn(
            f"{path} was written by an older version, without a checksum of {STATE_FILE}: its step "
            f"({state.get('step')}) is used as it stands",
            Remark,
            stacklevel=1,
        )
    elif state["sha256"] != state_hash(state):
        raise DamagedDataError(f"{file}: checksum mismatch; the file is damaged or was changed")
    return state


def state_hash(state: dict) -> str:
    """SHA-256 (hexadecimal) of what `state.json` holds besides it."""
    content = {name: value for name, value in state.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


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
                check_file(path, name, state)
        except DamagedDataError as error:
            damage = error
            if on_damage:
                on_damage(str(error))
            continue
        return path
    if damage is not None:
        raise DamagedDataError(f"run {run.path}: no undamaged checkpoint is left; {damage}")
    return None


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
    if optimizer.loss_scale is not None:
        slots["loss_scale"] = optimizer.loss_scale.scale
        slots["finite_steps"] = optimizer.loss_scale.finite_steps
    families = {
        "first_moment": optimizer.first_moments,
        "second_moment": optimizer.second_moments,
        "average": optimizer._model_variables_moving_average if optimizer.use_ema else [],
    }
    for family, variables in families.items():
        for owner, variable in zip(optimizer._trainable_variables, variables, strict=False):
            # Muon keeps no second moment.
            if variable is not None:
                slots[f"{family}/{owner.path}"] = variable
    return slots


def optimizer_arrays(optimizer) -> dict[str, np.ndarray]:
    """The arrays of an `ElectraAdamW` that is built, as `optimizer.safetensors` names them."""
    return {
        name: np.asarray(keras.ops.convert_to_numpy(variable), order="C")
        for name, variable in _optimizer_variables(optimizer).items()
    }


def _assign_optimizer(optimizer, slots, path):
    for name, variable in _optimizer_variables(optimizer).items():
        if name not in slots:
            raise InputError(f"{path}: expected the optimizer slot {name!r}, not found")
        variable.assign(slots[name].astype(keras.backend.standardize_dtype(variable.dtype)))
