"""Named arrays on disk: safetensors files with their size and hash on record.

Arrays are keyed by the path of their variable, so a file opens on every backend.
"""

import hashlib
import pathlib

import keras
import numpy as np
import safetensors.numpy

from keras_electra.errors import DamagedDataError, InputError
from keras_electra.files import file_hash, write_bytes
from keras_electra.foreign_files import refuse_pointer


def is_noise(variable) -> bool:
    """Whether a variable counts draws of dropout noise, which no preset keeps."""
    return "seed_generator_state" in variable.path


def arrays_of(variables, prefix=""):
    """Path -> array of each variable; a shared one once."""
    return {
        f"{prefix}{variable.path}": np.asarray(keras.ops.convert_to_numpy(variable), order="C")
        for variable in variables
    }


def assign(variables, arrays, path) -> None:
    """Fill variables from arrays by path.

    Raises:
        InputError: if one is missing or has another shape, naming `path`, where they came from.
    """
    missing = [v.path for v in variables if v.path not in arrays and not is_noise(v)]
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


def write_arrays(path, arrays) -> dict:
    """Write safetensors; returns the file's size and hash."""
    # Not `save_file`: its error on a full disk is no `OSError`, so it would come out as a traceback.
    content = safetensors.numpy.save(arrays)
    write_bytes(path, content)
    return {"num_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def check_file(path, name, record):
    """Raise `DamagedDataError` unless file `name` of folder `path` has the recorded bytes."""
    file, expected = pathlib.Path(path) / name, record.get("files", {}).get(name)
    if expected is None or not file.is_file():
        raise DamagedDataError(f"{path}: expected the file {name}, not found")
    refuse_pointer(file)
    if file.stat().st_size != expected["num_bytes"] or file_hash(file) != expected["sha256"]:
        raise DamagedDataError(f"{file}: expected the bytes that were written, received others")


def read_arrays(path, name, record) -> dict:
    """The arrays of file `name` of folder `path`, after a look whether its bytes are as recorded."""
    check_file(path, name, record)
    return safetensors.numpy.load_file(pathlib.Path(path) / name)
