"""Text files of a task's data, line by line: plain or compressed, of any encoding."""

import bz2
import codecs
import gzip
import io
import lzma
import pathlib
import zlib
from collections.abc import Iterator

from keras_electra.errors import InputError, MissingExtraError
from keras_electra.foreign_files import refuse_pointer

COMPRESSED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
"""Ending of a compressed file -> what opens it."""
BYTE_ORDER_MARK = "\ufeff"


def text_lines(path, encoding: str = "utf-8", newline: str = "\n") -> Iterator[str]:
    """The lines of a file with their ends as written; a byte order mark is dropped.

    Args:
        path: the file; with the ending .gz, .bz2, .xz or .zst it is decompressed.
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
        is_utf16 = num_lines == 0 and error.object.startswith(
            (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        )
        likely = "utf-16, as which the file begins" if is_utf16 else "cp1252 or latin-1"
        raise InputError(
            f"{path}:{line}: expected {encoding} text, received byte 0x{byte:02x}; "
            f"give the file's encoding (--encoding), such as {likely}"
        ) from error
    except UnicodeError as error:
        raise InputError(f"{path}: expected {encoding} text, received other bytes") from error
    except LookupError as error:
        raise InputError(
            f"encoding: expected one such as 'utf-8', received {encoding!r}"
        ) from error
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: expected a readable file, received: {reason}") from error


def opened(path: pathlib.Path):
    """The file for reading bytes, decompressed by its name; a Git LFS pointer is refused."""
    refuse_pointer(path)
    ending = path.suffix.lower()
    if ending == ".zst":
        try:
            import zstandard
        except ImportError as error:
            raise MissingExtraError("reading Zstandard files", "data") from error
        return zstandard.open(path, "rb")
    return COMPRESSED.get(ending, open)(path, "rb")


def uncompressed(path) -> pathlib.Path:
    """A file's path without .gz and the like: "reviews.csv" of "reviews.csv.gz"."""
    path = pathlib.Path(path)
    return path.with_suffix("") if path.suffix.lower() in (*COMPRESSED, ".zst") else path


def suffix_of(path) -> str:
    """The ending of a file's name without .gz and the like, in lower case: ".csv" of "r.CSV.gz"."""
    return uncompressed(path).suffix.lower()


def named(names, limit: int = 8) -> str:
    """Names as they stand in a sentence: "'a', 'b'"; the first few of many, or "none"."""
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(repr(str(name)) for name in names[:limit]) + more or "none"
