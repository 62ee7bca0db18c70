"""Text files and folders, read as documents of sentences (lines), a little at a time."""

import codecs
import io
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator

from keras_electra.config.store import StoreConfig
from keras_electra.errors import InputError

DEFAULTS = StoreConfig()
READ_BYTES = 1 << 20
BYTE_ORDER_MARK = "\ufeff"

Paths = str | os.PathLike | Iterable[str | os.PathLike]


def documents(paths: Paths, config: StoreConfig = DEFAULTS) -> Iterator[list[str]]:
    """Read documents, each a list of its non-empty lines without the white space around them.

    >>> list(documents("two_books.txt"))  # doctest: +SKIP
    [['First line.', 'Second line.'], ['The other book.']]

    Args:
        paths: files, and folders read with everything below them; hidden files are skipped.
        config: `document_boundary` and `encoding` are used.

    Raises:
        InputError: if a path is missing, no file is found, or a file has another encoding.
    """
    document = []
    for line in lines(paths, config):
        if line is not None:
            document.append(line)
        else:
            yield document
            document = []


def lines(
    paths: Paths, config: StoreConfig = DEFAULTS, on_read: Callable[[int], None] | None = None
) -> Iterator[str | None]:
    """Read non-empty lines, and None after the last line of each document.

    Args:
        paths: files and folders.
        config: `document_boundary` and `encoding` are used.
        on_read: called with the number of bytes of every block read.
    """
    files = text_files(paths)
    for path in files:
        is_open = False
        for line in read_lines(path, config.encoding, on_read):
            line = line.strip()
            if line:
                yield line
                is_open = True
            ends = config.document_boundary == "line" or (
                config.document_boundary == "blank_line" and not line
            )
            if is_open and ends:
                yield None
                is_open = False
        if is_open:
            yield None


def text_files(paths: Paths) -> list[pathlib.Path]:
    """The files that `paths` name: in the given order, those of a folder sorted, each once.

    Raises:
        InputError: if a path does not exist, or there is no file at all.
    """
    paths = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found = {}
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            files = [
                file for file in path.rglob("*") if file.is_file() and not is_hidden(file, path)
            ]
        elif path.exists():
            files = [path]
        else:
            raise InputError(
                f"corpus: expected a file or folder, received {path}, which is missing"
            )
        for file in sorted(files):
            found.setdefault(file.resolve(), file)
    if not found:
        names = ", ".join(map(str, paths)) or "no path"
        raise InputError(f"corpus: expected at least one text file, received {names} with none")
    return list(found.values())


def is_hidden(file: pathlib.Path, folder: pathlib.Path) -> bool:
    """Whether the file, or a folder between it and `folder`, has a name with a leading dot."""
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def read_lines(
    path: pathlib.Path, encoding: str, on_read: Callable[[int], None] | None = None
) -> Iterator[str]:
    """The lines of one file, whichever way their ends are written, without those ends."""
    rest = []
    for text in read_text(path, encoding, on_read):
        first, *more = text.split("\n")
        rest.append(first)
        for line in more:
            yield "".join(rest)
            rest = [line]
    yield "".join(rest)


def read_text(
    path: pathlib.Path, encoding: str, on_read: Callable[[int], None] | None = None
) -> Iterator[str]:
    """The text of one file in blocks, line ends made "\\n", a byte order mark removed."""
    decoder = new_decoder(encoding)
    ends = io.IncrementalNewlineDecoder(None, translate=True)
    offset, is_first = 0, True
    with open_file(path) as file:
        while True:
            block = read_block(file, path)
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeError as error:
                raise wrong_encoding(path, encoding, error, offset - pending) from error
            if is_first and text:
                text, is_first = text.removeprefix(BYTE_ORDER_MARK), False
            yield ends.decode(text, final=not block)
            if not block:
                return
            offset += len(block)
            if on_read:
                on_read(len(block))


def new_decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        # Codecs that make bytes of bytes (base64, zip) are refused here, and only here.
        "".encode(encoding)
        return codecs.getincrementaldecoder(encoding)(errors="strict")
    except (LookupError, ValueError) as error:
        raise InputError(
            f"encoding: expected the name of a text encoding such as utf-8, received {encoding!r}"
        ) from error


def open_file(path: pathlib.Path) -> io.BufferedIOBase:
    try:
        return path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error


def read_block(file: io.BufferedIOBase, path: pathlib.Path) -> bytes:
    try:
        return file.read(READ_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: pathlib.Path, error: OSError) -> InputError:
    return InputError(f"corpus: expected a readable file, received {path}: {error.strerror}")


def wrong_encoding(
    path: pathlib.Path, encoding: str, error: UnicodeError, offset: int
) -> InputError:
    """The sentence about bytes that are not text; `offset` is where the decoder's input began."""
    received = "bytes that are not"
    if isinstance(error, UnicodeDecodeError):
        position = offset + error.start
        received = f"byte 0x{error.object[error.start]:02x} at offset {position}"
    return InputError(
        f"{path}: expected {encoding} text, received {received}; "
        "name the file's encoding with --encoding"
    )
