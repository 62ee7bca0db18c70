"""Models as Keras' own files and as presets of this package, looked at once they are written."""

import pathlib

import keras

from keras_electra.backbone import ElectraBackbone
from keras_electra.convert.checking import (
    Conversion,
    backbone_of,
    largest_difference,
    refuse_difference,
    sample_inputs,
    sample_outputs,
    tokenizer_of,
)
from keras_electra.errors import InputError
from keras_electra.files import new_file, new_folder
from keras_electra.presets import KERAS_SUFFIX, open_own, save_preset

WEIGHTS_SUFFIX = ".weights.h5"
TOLERANCE = 1e-6
"""The same numbers on the same backend: more than rounding is an error."""


def is_keras_file(path: pathlib.Path) -> bool:
    """Whether a path is meant to be one file of Keras, and not a folder."""
    return path.name.endswith((KERAS_SUFFIX, WEIGHTS_SUFFIX))


def to_keras(model, path) -> Conversion:
    """Write a `.keras` file, a `.weights.h5` file, or a preset folder, by the ending of `path`.

    Each opens on every backend: a `.keras` file with `keras_electra.load`, or
    `keras.models.load_model` after `import keras_electra.models`; weights with `load_weights` of a
    model of the same options; a preset with `keras_electra.load`.

    Args:
        model: any model of this package; for a preset an `ElectraPretrainer`, a task model or
            `SeveralTasks`, with its tokenizer.
        path: a file that is not there yet, or a new or empty folder.

    Raises:
        InputError: if there is something at `path`, or a preset cannot hold the model.
        ConversionError: if the file gives other numbers; nothing is left then.
    """
    path = pathlib.Path(path)
    inputs = sample_inputs(backbone_of(model).encoder)
    expected = sample_outputs(model, inputs)
    if is_keras_file(path):
        difference = _write_file(model, path, inputs, expected)
    else:
        if isinstance(model, ElectraBackbone):
            raise InputError(f"{path}: expected a name that ends in .keras for an encoder alone")
        with new_folder(path, "empty") as folder:
            save_preset(folder, model)
            difference = largest_difference(
                expected, sample_outputs(open_own("preset", folder), inputs)
            )
            refuse_difference(difference, TOLERANCE, path)
    sentences = []
    if tokenizer_of(model) is None:
        sentences.append("the model has no tokenizer, so none is written")
    elif path.name.endswith(WEIGHTS_SUFFIX):
        sentences.append("the vocabulary is left out: a .keras file and a preset have room for it")
    return Conversion(
        path=path,
        format="keras",
        largest_difference=difference,
        checked_with=f"Keras on {keras.config.backend()}",
        sentences=tuple(sentences),
    )


def _write_file(model, path, inputs, expected) -> float:
    """Write a file beside its place, open it, and move it; the largest difference."""
    if path.exists() or path.is_symlink():
        raise InputError(f"{path}: expected a new file, received one that is there")
    with new_file(path) as file:
        if path.name.endswith(WEIGHTS_SUFFIX):
            model.save_weights(file)
            again = type(model).from_config(model.get_config())
            again.load_weights(file)
        else:
            model.save(file)
            again = open_own("keras", file)
        difference = largest_difference(expected, sample_outputs(again, inputs))
        refuse_difference(difference, TOLERANCE, path)
    return difference
