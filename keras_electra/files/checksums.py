"""SHA-256 of files: of those that are there, and of those that are being written."""

import hashlib
import os
import pathlib
from typing import TYPE_CHECKING

from keras_electra.files.paths import StrPath

if TYPE_CHECKING:
    import numpy as np


def file_hash(path: StrPath) -> str:
    """SHA-256 (hexadecimal) of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class HashedFile:
    """A new file that is hashed while it is written.

    Args:
        path: of the file; `FileExistsError` if it exists.
    """

    def __init__(self, path: pathlib.Path):
        self.path = path
        self._file = path.open("xb")
        self._digest = hashlib.sha256()
        self._num_bytes = 0

    def write(self, values: "np.ndarray | bytes") -> None:
        """Append bytes, or those of an array."""
        content = values if isinstance(values, bytes) else values.tobytes()
        self._file.write(content)
        self._digest.update(content)
        self._num_bytes += len(content)

    def flush(self) -> None:
        """Let readers of the file see what was written so far."""
        self._file.flush()

    def close(self) -> tuple[int, str]:
        """Have the file on the disk; its size in bytes and SHA-256 (hexadecimal)."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._num_bytes, self._digest.hexdigest()
