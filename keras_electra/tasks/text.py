"""Text files of a task's data, line by line: plain or gzip-compressed, of any encoding."""

import gzip
import io
import pathlib
import zlib
from collections.abc import Iterator

from keras_electra.errors import InputError
from keras_electra.foreign_files import refuse_pointer

BYTE_ORDER_MARK = "\ufeff"


def text_lines(path, encoding: str = "utf-8", newline: str = "\n") -> Iterator[str]:
    """The lines of a file with their ends as written; a byte order mark is dropped.

    Args:
        path: the file; with the ending .gz it is decompressed.
        newline: what ends a line, as for `open`: with "\\n" nothing else does, with "" also "\\r".

    Raises:
        InputError: if the file is missing, damaged or of another encoding; the line is named.
    """
    path = pathlib.Path(path)
    num_lines = 0
    try:
        with opened(path) as file, io.TextIOWrapper(file, encoding, newline=newline) as text:
            for line in text:
                if num_lines == 0:
                    line = line.removeprefix(BYTE_ORDER_MARK)
                num_lines += 1
                yield line
    except UnicodeDecodeError as error:
        # Decoding is done in blocks; all whole lines of the blocks before have been given out.
        line = num_lines + 1 + error.object[: error.start].count(b"\n")
        byte = error.object[error.start]
        raise InputError(
            f"{path}:{line}: expected {encoding} text, received byte 0x{byte:02x}; "
            "give the file's encoding"
        ) from error
    except UnicodeError as error:
        raise InputError(f"{path}: expected {encoding} text, received other bytes") from error
    except LookupError as error:
        raise InputError(
            f"encoding: expected one such as 'utf-8', received {encoding!r}"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: expected a readable file, received: {reason}") from error


def opened(path: pathlib.Path):
    """The file for reading bytes, decompressed where its name ends in .gz; no Git LFS pointer."""
    refuse_pointer(path)
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def suffix_of(path) -> str:
    """The ending of a file's name without .gz, in lower case: ".csv" of "reviews.CSV.gz"."""
    path = pathlib.Path(path)
    if path.suffix.lower() == ".gz":
        path = path.with_suffix("")
    return path.suffix.lower()


def named(names, limit: int = 8) -> str:
    """Names as they stand in a sentence: "'a', 'b'"; the first few of many, or "none"."""
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(repr(str(name)) for name in names[:limit]) + more or "none"
