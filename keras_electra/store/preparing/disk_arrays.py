"""Arrays that lie on disk, one number for each document."""

import pathlib

import numpy as np

from keras_electra.files import writing

BLOCK_BYTES = 1 << 22


def disk_array(path: pathlib.Path, dtype, count: int) -> np.ndarray:
    """A new array of zeros (count,) in a file, memory-mapped.

    Raises:
        InputError: if the disk is full.
    """
    left = max(1, count) * np.dtype(dtype).itemsize
    # A file with holes would end the process when a page finds no room on the disk.
    with writing(path), path.open("wb") as file:
        while left:
            left -= file.write(bytes(min(left, BLOCK_BYTES)))
    return np.memmap(path, dtype, "r+", shape=(max(1, count),))[:count]
