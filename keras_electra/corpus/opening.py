"""Opening what is stored, on this machine or behind fsspec, with every failure as one sentence."""

import os
import sys
from collections.abc import Callable

from keras_electra.corpus.kinds import Kind, kind_of, looked_into, may_be_other
from keras_electra.errors import InputError, MissingExtraError
from keras_electra.foreign_files import MAX_POINTER_BYTES, refuse_pointer

OnRead = Callable[[int], None]
STANDARD_INPUT = "-"
HEAD_BYTES = 512


def is_remote(path: str) -> bool:
    """Whether a path is a URL for fsspec."""
    return "://" in path


def is_web(path: str) -> bool:
    """Whether a path is the URL of a web server, which may know neither folders nor ranges."""
    return path.startswith(("http://", "https://"))


def file_system(url: str):
    """The fsspec file system of a URL, and the path that it calls this URL."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError("reading URLs", "data") from error
    try:
        return url_to_fs(url)
    except Exception as error:
        raise unreadable(url, error) from error


def unreadable(name, error: Exception) -> InputError:
    """The sentence about a file that the system does not let us read."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return InputError(f"corpus: expected a readable file, received {name}: {reason}")


class StoredFile:
    """A file opened for reading bytes.

    Args:
        path: a path, a URL, or "-" for standard input.
        on_read: called with the number of bytes of every block read.
        seeks: whether parts of it are wanted, and not all from the beginning.

    Attributes:
        size: bytes, None where unknown.

    Raises:
        InputError: if the file cannot be opened or, later, read.
    """

    def __init__(self, path: str, on_read: OnRead | None = None, seeks: bool = False):
        self.name, self._on_read = path, on_read
        # Libraries behind fsspec raise errors of their own.
        self._errors = Exception if is_remote(path) else OSError
        try:
            self._file, self.size = open_binary(path, seeks)
        except self._errors as error:
            if isinstance(error, (InputError, MissingExtraError)):
                raise
            raise unreadable(path, error) from error

    def read(self, num_bytes: int) -> bytes:
        """So many bytes; fewer only at the end."""
        try:
            block = read_exactly(self._file, num_bytes)
        except self._errors as error:
            raise unreadable(self.name, error) from error
        if self._on_read and block:
            self._on_read(len(block))
        return block

    def seek(self, position: int) -> None:
        """Go to a byte."""
        try:
            self._file.seek(position)
        except (self._errors, ValueError) as error:
            raise unreadable(self.name, error) from error

    @property
    def seekable_file(self):
        """The file below, for libraries that jump about in it."""
        return self._file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.name != STANDARD_INPUT:
            self._file.close()


def open_binary(path: str, seeks: bool):
    """A binary file, and how many bytes it has, if that is known."""
    if path == STANDARD_INPUT:
        return sys.stdin.buffer, None
    if is_remote(path):
        system, inner = file_system(path)
        size = system.info(inner).get("size")
        # Not every web server sends parts: this asks for all, of whatever size it is.
        options = {"block_size": 0, "size": size or 1} if is_web(path) and not seeks else {}
        return system.open(inner, "rb", **options), size
    file = open(path, "rb")  # noqa: SIM115
    status = os.fstat(file.fileno())
    if status.st_size <= MAX_POINTER_BYTES and is_regular(status):
        refuse_pointer(path)
    return file, status.st_size if is_regular(status) else None


def is_regular(status: os.stat_result) -> bool:
    """Whether this is a file and no pipe or device."""
    return (status.st_mode & 0o170000) == 0o100000


class Part:
    """The next bytes of a file.

    Args:
        file: read from where it stands.
        num_bytes: how many, None for all.
    """

    def __init__(self, file, num_bytes: int | None):
        self._file, self._left = file, num_bytes

    def read(self, num_bytes: int) -> bytes:
        if self._left is None:
            return self._file.read(num_bytes)
        block = self._file.read(min(num_bytes, self._left))
        self._left -= len(block)
        return block


class Peeked:
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, file):
        self._head, self._file = head, file

    def read(self, num_bytes: int) -> bytes:
        if self._head:
            block, self._head = self._head[:num_bytes], self._head[num_bytes:]
            return block
        return self._file.read(num_bytes)


def read_exactly(file, num_bytes: int) -> bytes:
    """So many bytes, or all there are."""
    block = file.read(num_bytes)
    if len(block) == num_bytes or not block:
        return block
    blocks = [block]
    num_bytes -= len(block)
    while num_bytes > 0 and (block := file.read(num_bytes)):
        blocks.append(block)
        num_bytes -= len(block)
    return b"".join(blocks)


def stored_kind(path: str) -> Kind:
    """The kind of a file by its name and, where that does not say it, by its bytes."""
    kind = kind_of(path)
    # What is read from a pipe is gone.
    is_pipe = not is_remote(path) and not os.path.isfile(path)
    if kind.compression or is_pipe or not may_be_other(kind.format, path):
        return kind
    try:
        with StoredFile(path) as file:
            return kind._replace(format=looked_into(kind.format, path, file.read(HEAD_BYTES)))
    except InputError:
        # Whoever reads it will say so.
        return kind
