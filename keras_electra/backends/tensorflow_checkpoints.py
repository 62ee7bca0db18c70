"""TensorFlow's checkpoint files: to and from arrays by name. Also a program, for other backends' processes.

    python tensorflow_checkpoints.py read PREFIX ARRAYS
    python tensorflow_checkpoints.py write PREFIX ARRAYS

ARRAYS is a safetensors file; after writing it holds what was read back. This imports nothing of the
package, so that no other backend is loaded beside TensorFlow.
"""

import sys

import numpy as np
import safetensors.numpy
import tensorflow as tf

ERRORS = (ValueError, IndexError, RuntimeError, tf.errors.OpError)
"""What TensorFlow raises about a file."""


def read(prefix: str) -> dict[str, np.ndarray]:
    """The numeric variables of the checkpoint `prefix.index`, `prefix.data-...`, by name."""
    reader = tf.train.load_checkpoint(prefix)
    dtypes = reader.get_variable_to_dtype_map()
    return {
        name: np.asarray(reader.get_tensor(name), order="C")
        for name, dtype in sorted(dtypes.items())
        if dtype.is_floating or dtype.is_integer
    }


def write(prefix: str, arrays: dict[str, np.ndarray]) -> None:
    """Write a checkpoint as `tf.compat.v1.train.Saver` does, with the same operation."""
    names = sorted(arrays)
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(arrays[name]) for name in names],
    )


if __name__ == "__main__":
    action, prefix, path = sys.argv[1:]
    if action == "read":
        try:
            arrays = read(prefix)
        except ERRORS as error:
            sys.exit(str(error).splitlines()[0])
        safetensors.numpy.save_file(arrays, path)
    else:
        write(prefix, safetensors.numpy.load_file(path))
        safetensors.numpy.save_file(read(prefix), path)
