"""The original's checkpoint files, read and written by TensorFlow.

Where Keras runs on another backend, TensorFlow gets a process of its own: two of them in one get in each
other's way, and the memory that TensorFlow takes is given back.
"""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import keras
import numpy as np
import safetensors.numpy

from keras_electra import backends
from keras_electra.errors import DamagedDataError, InputError, MissingExtraError
from keras_electra.files import write_bytes

PROGRAM = pathlib.Path(backends.__file__).with_name("tensorflow_checkpoints.py")
STATE_FILE = "checkpoint"
STATE = re.compile(r'^model_checkpoint_path: "(.*)"', re.MULTILINE)
INDEX_SUFFIX = ".index"


def is_google(path) -> bool:
    """Whether a path is a checkpoint of TensorFlow: its prefix, its index, or a folder of one."""
    path = pathlib.Path(path)
    if path.is_dir():
        return any(path.glob(f"*{INDEX_SUFFIX}"))
    return path.suffix == INDEX_SUFFIX or index_of(path).is_file()


def index_of(prefix: pathlib.Path) -> pathlib.Path:
    """The index file of a checkpoint."""
    return prefix.with_name(f"{prefix.name}{INDEX_SUFFIX}")


def checkpoint_prefix(path) -> pathlib.Path:
    """The prefix of the checkpoint that a path means; of a folder that which its state file names.

    Raises:
        InputError: if there is none, more than one without a state file, or one that is elsewhere.
    """
    path = pathlib.Path(path)
    if not path.is_dir():
        prefix = path.with_suffix("") if path.suffix == INDEX_SUFFIX else path
        if not index_of(prefix).is_file():
            raise InputError(
                f"{path}: expected a TensorFlow checkpoint, found no {path.name}.index"
            )
        return _checked(prefix)
    found = sorted(path.glob(f"*{INDEX_SUFFIX}"))
    state = path / STATE_FILE
    named = STATE.search(state.read_text(encoding="utf-8")) if state.is_file() else None
    if named:
        # The folder may have been moved since: its own files are meant, whatever path is written.
        prefix = path / pathlib.PurePosixPath(named.group(1)).name
        if index_of(prefix) in found:
            return _checked(prefix)
    if len(found) != 1:
        raise InputError(
            f"{path}: expected one checkpoint or a file {STATE_FILE!r} that names one, "
            f"found {len(found)} checkpoints"
        )
    return _checked(found[0].with_suffix(""))


def _checked(prefix: pathlib.Path) -> pathlib.Path:
    """The prefix, if none of its files is a link that leads elsewhere."""
    for file in (f for f in prefix.parent.iterdir() if f.name.startswith(f"{prefix.name}.")):
        target = file.resolve()
        if not target.is_relative_to(prefix.parent.resolve()):
            raise InputError(
                f"{file}: expected a file inside its folder, received a link to {target}"
            )
    return prefix


def read_checkpoint(path) -> dict[str, np.ndarray]:
    """The variables of a checkpoint of the original, by name.

    Args:
        path: its prefix, its `.index` file, or its folder.

    Raises:
        MissingExtraError: without TensorFlow.
        InputError: if there is no checkpoint.
        DamagedDataError: if it is cut or changed.
    """
    prefix = checkpoint_prefix(path)
    try:
        return _done("read", prefix)
    except ChildError as error:
        raise DamagedDataError(
            f"{prefix}: expected a whole TensorFlow checkpoint ({error})"
        ) from error


def write_checkpoint(prefix, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Write a checkpoint that `tf.compat.v1.train.Saver` restores, and the folder's state file.

    Returns:
        The variables as they are read back.

    Raises:
        MissingExtraError: without TensorFlow.
        InputError: if TensorFlow could not write it.
    """
    prefix = pathlib.Path(prefix)
    try:
        found = _done("write", prefix, arrays)
    except ChildError as error:
        raise InputError(
            f"{prefix}: expected TensorFlow to write a checkpoint ({error})"
        ) from error
    state = f'model_checkpoint_path: "{prefix.name}"\nall_model_checkpoint_paths: "{prefix.name}"\n'
    write_bytes(prefix.parent / STATE_FILE, state.encode())
    return found


class ChildError(Exception):
    """What TensorFlow said when it could not do its work."""


def _done(action, prefix, arrays=None) -> dict[str, np.ndarray]:
    """Read, or write and read back; in this process where it is TensorFlow's anyway."""
    if importlib.util.find_spec("tensorflow") is None:
        raise MissingExtraError("reading and writing the original's checkpoints", "tensorflow")
    if keras.config.backend() != "tensorflow":
        return _done_elsewhere(action, prefix, arrays)
    from keras_electra.backends import tensorflow_checkpoints

    try:
        if action == "write":
            tensorflow_checkpoints.write(str(prefix), arrays)
        return tensorflow_checkpoints.read(str(prefix))
    except tensorflow_checkpoints.ERRORS as error:
        raise ChildError(str(error).partition("\n")[0]) from error


def _done_elsewhere(action, prefix, arrays):
    """As `_done`, in a process of its own."""
    # Without -P the program's own folder comes first, and with it the file tensorflow.py beside it.
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "arrays.safetensors"
        if arrays is not None:
            safetensors.numpy.save_file(arrays, path)
        done = subprocess.run(
            [sys.executable, "-P", str(PROGRAM), action, str(prefix.resolve()), str(path)],
            env=environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ChildError((done.stderr.strip().splitlines() or ["no reason was given"])[-1])
        return safetensors.numpy.load_file(path)
