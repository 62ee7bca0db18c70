"""Presets, and opening what this package wrote: a trained model as a folder that stands by itself.

A preset is a folder with `config.json`, `vocab.txt` and safetensors files: one per network of a
pretrainer, one for a task model.
"""

import pathlib
import zipfile

import keras
import numpy as np

import keras_electra.models  # noqa: F401 (registers all classes)
from keras_electra.assets import TokenizerAsset
from keras_electra.backbone import ElectraBackbone
from keras_electra.checkpoint import (
    MODEL_FILE,
    OPTIMIZER_FILE,
    latest_checkpoint,
    read_state,
)
from keras_electra.config.optimizer import WEIGHTS
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import DamagedDataError, ElectraError, InputError
from keras_electra.exploring.records import main_of
from keras_electra.files import new_folder, read_json, write_json
from keras_electra.files.paths import StrPath
from keras_electra.foreign_files import refuse_pointer
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.runs import RunFolder
from keras_electra.runs.kind import settings_of_kind
from keras_electra.task_models import SeveralTasks, model_classes
from keras_electra.tokenizer import WordPieceTokenizer
from keras_electra.weights import arrays_of, assign, is_noise, read_arrays, write_arrays

PRESET_FORMAT = "keras-electra preset 1"
TASK_FORMAT = "keras-electra task model 1"
KERAS_SUFFIX = ".keras"
NETWORKS = ("generator", "discriminator")


def save_preset(path, model, sequence_length: int | None = None) -> None:
    """Write the folder that `load` opens: `config.json`, `vocab.txt`, weights.

    Of a pretrainer each network's file is complete by itself: shared embeddings stand in both. Low-rank
    updates of a task model are merged into its kernels.

    Args:
        path: a new or empty folder.
        model: an `ElectraPretrainer`, a task model or `SeveralTasks`, with its tokenizer.
        sequence_length: longest input; None for the model's own.

    Raises:
        InputError: if the model has no tokenizer, or the folder exists and holds something.
    """
    if model.tokenizer is None:
        raise InputError("model: expected one with a tokenizer, received tokenizer=None")
    is_pretrainer = isinstance(model, ElectraPretrainer)
    config, arrays = (_pretrainer_parts if is_pretrainer else _task_parts)(model)
    with new_folder(path, "empty") as temporary:
        files = {name: write_arrays(temporary / name, values) for name, values in arrays.items()}
        model.tokenizer.save(temporary / "vocab.txt", with_options=False)
        config |= {
            "sequence_length": sequence_length or model.sequence_length,
            "tokenizer": model.tokenizer.config.to_dict(),
            "files": files,
        }
        write_json(temporary / "config.json", config)


def _pretrainer_parts(model):
    """(what `config.json` says of a pretrainer, {file: arrays})."""
    config = {
        "format": PRESET_FORMAT,
        "encoder": model.encoder.to_dict(),
        "objective": model.objective.to_dict(),
        "masking": model.masking.to_dict(),
    }
    networks = network_variables(model)
    return config, {f"{name}.safetensors": arrays_of(v) for name, v in networks.items()}


def _task_parts(model):
    """(what `config.json` says of a task model, {file: arrays}), by names that no task changes."""
    plain = ElectraBackbone(
        **model.backbone.encoder.to_dict(), direction=model.backbone.direction, name="backbone"
    )
    plain.assign_from(model.backbone)
    arrays = arrays_of([v for v in plain.variables if not is_noise(v)])
    members = _models_of(model)
    for name, one in members.items():
        weights = {weight.name: weight for weight in one.head.weights}
        arrays |= {
            f"heads/{name}/{weight}": np.asarray(keras.ops.convert_to_numpy(value), "float32")
            for weight, value in weights.items()
        }
    config = {
        "format": TASK_FORMAT,
        "encoder": model.backbone.encoder.to_dict(),
        "direction": model.backbone.direction,
        "tasks": {name: _task_part(one) for name, one in members.items()},
    }
    return config, {MODEL_FILE: arrays}


def _task_part(model):
    """What `config.json` says of one task's model beside the encoder."""
    part = {"class": type(model).__name__, "options": model.options()}
    return {**part, "columns": model.columns} if model.columns else part


def _models_of(model):
    """Name of each task -> its model."""
    if isinstance(model, SeveralTasks):
        return model.models
    if type(model).__name__ not in model_classes():
        raise InputError(
            f"model: expected an ElectraPretrainer or a task model, received {type(model).__name__}"
        )
    return {model.task_name: model}


def open_own(
    kind: str, path: StrPath, *, dtype: str = "float32", weights: str = "last"
) -> keras.Model:
    """The model of a path of one of the kinds in `OPENERS`; arguments and errors as of `opening.load`."""
    if weights not in WEIGHTS:
        raise InputError(f"weights: expected one of {', '.join(WEIGHTS)}, received {weights!r}")
    return OPENERS[kind](pathlib.Path(path), dtype, weights)


def refuse_average(path, weights: str) -> None:
    """Raise `InputError` if the moving average is asked of a model that has none."""
    if weights != "last":
        raise InputError(
            f"weights: expected 'last', for {path} has no moving average of its weights. Pretraining runs "
            "with --ema-rate and their checkpoints have one"
        )


def assign_checkpoint(model: ElectraPretrainer, path, weights: str = "last") -> None:
    """Give a model from `load` the weights, step and tokens of another checkpoint of its run.

    Args:
        weights: "last" or "average", as of `load`.

    Raises:
        DamagedDataError: if a file is missing, cut or changed; nothing is assigned then.
        InputError: if the checkpoint is of another architecture.
    """
    state = read_state(path)
    assign(model.variables, _arrays_of_checkpoint(path, state, weights), path)
    model.step, model.tokens = state["step"], state["tokens"]


def best_model_path(run: RunFolder) -> pathlib.Path:
    """Folder of the model of a fine-tuning run's best trial.

    Raises:
        InputError: if no trial is finished.
    """
    found = {}
    for path in run.path.glob("trials/trial_*/model"):
        if (path.parent / "result.json").is_file():
            result = read_json(path.parent / "result.json")
            found[path] = (main_of(result), -result["trial"])
    if not found:
        raise InputError(f"run {run.path}: expected at least one finished trial, found none")
    return max(found, key=found.get)


def network_variables(model: ElectraPretrainer) -> dict[str, list]:
    """Variables of each network, without the counters of dropout noise."""
    networks = {name: getattr(model, name) for name in NETWORKS}
    found = {
        name: [v for v in network.variables if not is_noise(v)]
        for name, network in networks.items()
        if network is not None
    }
    for name in model.objective.kind.extra_heads:
        found["discriminator"] += getattr(model, name).variables
    return found


def _load_run(path: pathlib.Path, dtype: str, weights: str) -> keras.Model:
    """The best trial's model of a fine-tuning run, the newest checkpoint's of another."""
    run = RunFolder(path)
    if "finetune" in run.config():
        refuse_average(path, weights)
        return _load_preset(best_model_path(run), dtype, weights)
    checkpoint = latest_checkpoint(run)
    if checkpoint is None:
        raise InputError(f"run {path}: expected at least one checkpoint, found none")
    return _load_checkpoint(checkpoint, dtype, weights)


def _load_checkpoint(path: pathlib.Path, dtype: str, weights: str) -> ElectraPretrainer:
    run = RunFolder(path.parent.parent)
    settings = settings_of_kind(run, "pretrain")
    config = PretrainConfig.from_dict(settings["pretrain"])
    model = ElectraPretrainer.from_recipe(config.replace(dtype_policy=dtype))
    assign_checkpoint(model, path, weights)
    settings["sequence_length"] = config.longest_sequence_until(model.step)
    return _equipped(model, run.path, settings)


def _arrays_of_checkpoint(path, state, weights):
    """The model's arrays, those of trained weights replaced by their moving average if so asked."""
    arrays = read_arrays(path, MODEL_FILE, state)
    if weights == "average":
        slots = read_arrays(path, OPTIMIZER_FILE, state)
        start = "average/"
        averages = {n.removeprefix(start): v for n, v in slots.items() if n.startswith(start)}
        if not averages:
            refuse_average(path, weights)
        arrays.update(averages)
    return arrays


def _load_preset(path: pathlib.Path, dtype: str, weights: str) -> keras.Model:
    """The model of a preset folder, of pretraining or of tasks."""
    refuse_average(path, weights)
    config = read_json(path / "config.json")
    if config["format"] == TASK_FORMAT:
        return _load_task_model(path, config, dtype)
    model = ElectraPretrainer(
        config["encoder"], config["objective"], config["masking"], dtype=dtype
    )
    for name, variables in network_variables(model).items():
        arrays = read_arrays(path, f"{name}.safetensors", config)
        assign(variables, arrays, path)
    return _equipped(model, path, config)


def _load_task_model(path, config, dtype):
    backbone = ElectraBackbone(
        **config["encoder"], direction=config["direction"], name="backbone", dtype=dtype
    )
    arrays = read_arrays(path, MODEL_FILE, config)
    assign([v for v in backbone.variables if not is_noise(v)], arrays, path)
    members = {}
    for name, part in config["tasks"].items():
        model_class = model_classes().get(part["class"])
        if model_class is None:
            raise InputError(f"{path}: expected a task model, received a {part['class']!r}")
        members[name] = model_class(backbone, **part["options"], name=name)
        members[name].columns = part.get("columns")
        for weight in members[name].head.weights:
            key = f"heads/{name}/{weight.name}"
            if key not in arrays:
                raise InputError(f"{path}: expected the variable {key!r}, not found")
            weight.assign(arrays[key])
        _equipped(members[name], path, config)
    if len(members) == 1:
        return members.popitem()[1]
    return _equipped(SeveralTasks(members), path, config)


def _load_keras(path: pathlib.Path, dtype: str, weights: str) -> keras.Model:
    """The model of a `.keras` file, if it is one of this package's."""
    refuse_average(path, weights)
    if not path.is_file():
        raise InputError(f"{path}: expected a .keras file, found none")
    refuse_pointer(path)
    try:
        model = keras.models.load_model(path, compile=False)
    except ElectraError:
        raise
    except zipfile.BadZipFile as error:
        raise DamagedDataError(f"{path}: expected a whole .keras file ({error})") from error
    except Exception as error:  # Keras raises what it likes about the content of a file.
        reason = str(error).strip().partition("\n")[0]
        raise DamagedDataError(
            f"{path}: expected a .keras file of this package ({reason})"
        ) from error
    if not isinstance(model, TokenizerAsset):
        raise InputError(
            f"{path}: expected a model of this package, received a {type(model).__name__}"
        )
    if dtype not in ("float32", model.dtype_policy.name):
        raise InputError(
            f"dtype: expected {model.dtype_policy.name!r}, with which {path} was saved, "
            f"received {dtype!r}"
        )
    return model


def _equipped(model, path, settings):
    """The model with the vocabulary of a folder and what `settings` say of text."""
    options = TokenizerConfig.from_dict(settings["tokenizer"])
    model.tokenizer = WordPieceTokenizer.from_file(path / "vocab.txt", options)
    model.sequence_length = settings["sequence_length"]
    return model


OPENERS = {
    "run": _load_run,
    "checkpoint": _load_checkpoint,
    "preset": _load_preset,
    "keras": _load_keras,
}
"""How each kind of path that this package wrote is opened: (path, dtype, weights) -> model."""
