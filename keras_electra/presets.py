"""Presets, and opening models: a trained model as a folder that stands by itself.

A preset is a folder with `config.json`, `vocab.txt` and one safetensors file per network.
"""

import json
import pathlib
import shutil

from keras_electra.checkpoint import (
    MODEL_FILE,
    OPTIMIZER_FILE,
    STATE_FILE,
    latest_checkpoint,
    read_state,
)
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import DamagedDataError, InputError
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.runs import RunFolder
from keras_electra.runs.files import replace, temporary_path, write_json, writing
from keras_electra.tokenizer import WordPieceTokenizer
from keras_electra.weights import arrays_of, assign, is_noise, read_arrays, write_arrays

PRESET_FORMAT = "keras-electra preset 1"
NETWORKS = ("generator", "discriminator")


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
            files[f"{name}.safetensors"] = write_arrays(
                temporary / f"{name}.safetensors", arrays_of(variables)
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
        name: [v for v in network.variables if not is_noise(v)]
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
    arrays = read_arrays(path, MODEL_FILE, state)
    if weights == "average":
        slots = read_arrays(path, OPTIMIZER_FILE, state)
        averages = {
            name.removeprefix("average/"): value
            for name, value in slots.items()
            if name.startswith("average/")
        }
        if not averages:
            raise InputError("weights: expected 'last', for the run was trained without ema_rate")
        arrays.update(averages)
    assign(model.variables, arrays, path)
    model.step, model.tokens = state["step"], state["tokens"]
    return _equipped(model, run.vocabulary_path, settings["tokenizer"], config.longest_sequence)


def _load_preset(path, config, dtype):
    model = ElectraPretrainer(
        config["encoder"], config["objective"], config["masking"], dtype=dtype
    )
    for name, variables in network_variables(model).items():
        arrays = read_arrays(path, f"{name}.safetensors", config)
        assign(variables, arrays, path)
    return _equipped(model, path / "vocab.txt", config["tokenizer"], config["sequence_length"])


def _equipped(model, vocabulary_path, tokenizer_options, sequence_length):
    options = TokenizerConfig.from_dict(tokenizer_options)
    model.tokenizer = WordPieceTokenizer.from_file(vocabulary_path, options)
    model.sequence_length = sequence_length
    return model


def _json_of(path):
    try:
        return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path.parent}: expected a run, a checkpoint or a preset folder"
        ) from error
    except ValueError as error:
        raise DamagedDataError(f"{path}: expected JSON ({error})") from error
