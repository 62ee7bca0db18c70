"""Text files to be judged line by line."""

import pathlib

from keras_electra.errors import InputError

MAX_FILE_BYTES = 64 << 20


def lines_of(path) -> list[str]:
    """The lines of a text file.

    Raises:
        InputError: if it cannot be read, is larger than 64 MB, or is no UTF-8.
    """
    path = pathlib.Path(path).expanduser()
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"file: expected at most {MAX_FILE_BYTES >> 20} MB, received {path}")
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f"file {path}: expected UTF-8, received byte 0x{error.object[error.start]:02x} at "
            f"offset {error.start}"
        ) from error
    except OSError as error:
        raise InputError(
            f"file: expected a readable text file, received {path}: {error}"
        ) from error
