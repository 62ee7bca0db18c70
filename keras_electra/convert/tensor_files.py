"""The files of a Hugging Face folder that hold the weights."""

import numpy as np
import safetensors

from keras_electra.convert.torch_file import array_of, read_torch_file
from keras_electra.errors import DamagedDataError, InputError
from keras_electra.foreign_files import file_in, read_json_in

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
"""In the order in which they are looked for, each whole or as the index of its parts."""

UNREAD_FILES = ("flax_model.msgpack", "tf_model.h5")
"""Weights of JAX and TensorFlow, as older versions of `transformers` wrote them."""


def read_tensors(folder) -> dict[str, np.ndarray]:
    """All tensors of the folder's weight file or files, by name, floating ones as float32.

    `model.safetensors` is preferred to `pytorch_model.bin`; either may be cut into parts that an
    `….index.json` lists.

    Raises:
        InputError: if there is no weight file, or one that leads out of the folder or could run code.
        DamagedDataError: if a file is cut or changed, or a part is missing.
    """
    for name in WEIGHT_FILES:
        path = file_in(folder, name)
        if path is not None:
            return _read(path)
        index = read_json_in(folder, f"{name}.index.json")
        if index is not None:
            return _read_parts(folder, name, index)
    found = [name for name in UNREAD_FILES if file_in(folder, name) is not None]
    what = (
        f"{found[0]}, which is not read; `save_pretrained` of the program that opens it writes "
        f"{WEIGHT_FILES[0]}"
        if found
        else "neither"
    )
    raise InputError(f"{folder}: expected {' or '.join(WEIGHT_FILES)}, found {what}")


def _read_parts(folder, name, index):
    """The tensors that the index lists, each from the part that it names."""
    listed = index.get("weight_map")
    if not isinstance(listed, dict) or not all(isinstance(part, str) for part in listed.values()):
        raise DamagedDataError(f"{folder}/{name}.index.json: expected a weight_map of file names")
    tensors = {}
    for part in sorted(set(listed.values())):
        path = file_in(folder, part)
        if path is None:
            raise DamagedDataError(f"{folder}: expected the part {part} of {name}, not found")
        tensors.update(_read(path))
    missing = sorted(listed.keys() - tensors.keys())
    if missing:
        raise DamagedDataError(
            f"{folder}: expected {missing[0]!r} in {listed[missing[0]]}, not found"
        )
    return tensors


def _read(path):
    if path.suffix != ".safetensors":
        return read_torch_file(path)
    try:
        views = dict(safetensors.deserialize(path.read_bytes()))
        return {
            name: array_of(view["dtype"], view["data"]).reshape(view["shape"])
            for name, view in views.items()
        }
    except safetensors.SafetensorError as error:
        raise DamagedDataError(f"{path}: expected a whole safetensors file ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: expected a readable file ({error})") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
