"""Members of tar and zip archives, read as a stream, never unpacked; unsafe ones are refused."""

import lzma
import posixpath
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from keras_electra.corpus.opening import OnRead
from keras_electra.corpus.problems import Problems
from keras_electra.errors import InputError

TAR_BLOCK_BYTES = 512
TAR_MAGIC, TAR_MAGIC_OFFSET = b"ustar", 257
TAR_READ_BYTES = 1 << 16
MAX_LINK_BYTES = 4096
# What the library lets through where bytes of an archive are wrong.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)


class Member(NamedTuple):
    """A file in an archive.

    Attributes:
        name: the archive's name and its own, as error sentences call it.
        size: bytes.
        file: to be read before the next member is asked for.
    """

    name: str
    size: int
    file: object


def is_tar(head: bytes) -> bool:
    """Whether a stream that begins with these bytes is a tar archive."""
    return head[TAR_MAGIC_OFFSET:].startswith(TAR_MAGIC)


def tar_members(file, name: str, problems: Problems, is_strict: bool) -> Iterator[Member]:
    """The files of a tar archive in order; folders, links, devices and hidden files are passed over.

    Args:
        file: the archive's bytes; an empty one holds nothing.
        name: what error sentences call the archive.
        problems: receives what was passed over.
        is_strict: whether an unsafe member is an error; otherwise it is left out, and counted.

    Raises:
        InputError: if the archive is damaged or ends too soon, naming the byte.
    """
    watched = ZeroWatch(file)
    try:
        with tarfile.open(fileobj=watched, mode="r|", bufsize=TAR_READ_BYTES) as tar:
            while (entry := tar.next()) is not None:
                # The library keeps every entry, which adds up over millions of them.
                tar.members.clear()
                link = entry.linkname if entry.issym() or entry.islnk() else None
                if entry.issym():
                    link = posixpath.join(posixpath.dirname(entry.name), link)
                if entry.isfile() and is_wanted(name, entry.name, None, problems, is_strict):
                    content = TarContent(tar.extractfile(entry), name, entry.name)
                    yield Member(f"{name}/{entry.name}", entry.size, content)
                elif link is not None:
                    is_wanted(name, entry.name, link, problems, is_strict)
            end = tar.offset
    except tarfile.TarError as error:
        if watched.num_bytes == 0:
            return
        raise damaged(name, watched.num_bytes, error) from error
    check_end(watched, name, end)


class ZeroWatch:
    """A file that counts its bytes, and remembers where the zeros at its end begin."""

    def __init__(self, file):
        self._file = file
        self.num_bytes = self.zeros_from = 0

    def read(self, num_bytes: int) -> bytes:
        block = self._file.read(num_bytes)
        content = block.rstrip(b"\0")
        if content:
            self.zeros_from = self.num_bytes + len(content)
        self.num_bytes += len(block)
        return block


def check_end(watched: ZeroWatch, name: str, end: int) -> None:
    """Read on to the end of the file, and refuse an archive that was cut off.

    The library takes a file that ends between two members, or a damaged header, for the end.
    """
    while watched.read(TAR_READ_BYTES):
        pass
    if watched.num_bytes < end + TAR_BLOCK_BYTES:
        raise damaged(name, watched.num_bytes, "it ends without the end mark")
    if watched.zeros_from > end:
        raise damaged(name, end, "no member begins there")


def damaged(name: str, position: int, reason: object) -> InputError:
    return InputError(
        f"{name}: expected a whole tar archive, received one that is damaged near byte "
        f"{position} ({reason})"
    )


class TarContent:
    """The content of a member of a tar archive."""

    def __init__(self, file, archive: str, name: str):
        self._file, self._archive, self._name, self._position = file, archive, name, 0

    def read(self, num_bytes: int) -> bytes:
        try:
            block = self._file.read(num_bytes)
        except tarfile.TarError as error:
            raise InputError(
                f"{self._archive}: expected a whole tar archive, received one that ends after "
                f"{self._position} or more bytes of the member {self._name!r}"
            ) from error
        self._position += len(block)
        return block


def zip_entries(file, name: str, problems: Problems, is_strict: bool):
    """An opened zip archive, and the entries of its files that are to be read.

    Raises:
        InputError: if it is no zip archive, is cut off, or holds an unsafe member.
    """
    try:
        archive = zipfile.ZipFile(file)
        entries = []
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            is_link = stat.S_ISLNK(entry.external_attr >> 16)
            link = None
            if is_link:
                with archive.open(entry) as target:
                    link = target.read(MAX_LINK_BYTES).decode("utf-8", "replace")
                link = posixpath.join(posixpath.dirname(entry.filename), link)
            if is_wanted(name, entry.filename, link, problems, is_strict):
                entries.append(entry)
    except ZIP_ERRORS as error:
        if isinstance(error, InputError):
            raise
        raise damaged_zip(name, error) from error
    return archive, entries


def zip_members(
    file,
    name: str,
    problems: Problems,
    is_strict: bool,
    start: int,
    stop: int | None,
    on_read: OnRead | None,
) -> Iterator[Member]:
    """Members `start` to `stop` of those that `zip_entries` finds; `on_read` counts their bytes."""
    # Of several readers of one archive, the first tells what was passed over.
    archive, entries = zip_entries(file, name, Problems() if start else problems, is_strict)
    with archive:
        for entry in entries[start:stop]:
            content = ZipContent(archive, entry, name)
            yield Member(f"{name}/{entry.filename}", entry.file_size, content)
            if on_read:
                on_read(entry.compress_size)


class ZipContent:
    """The content of a member of a zip archive, opened at the first read."""

    def __init__(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str):
        self._archive, self._entry, self._name, self._file = archive, entry, name, None

    def read(self, num_bytes: int) -> bytes:
        try:
            if self._file is None:
                self._file = self._archive.open(self._entry)
            return self._file.read(num_bytes)
        except ZIP_ERRORS as error:
            raise damaged_zip(f"{self._name}/{self._entry.filename}", error) from error


def damaged_zip(name: str, error: Exception) -> InputError:
    return InputError(f"{name}: expected a whole zip archive without a password, received: {error}")


def is_wanted(
    archive: str, name: str, link: str | None, problems: Problems, is_strict: bool
) -> bool:
    """Whether a member is to be read: no link, not hidden, and inside the archive's own folder.

    Args:
        archive, name: the names of archive and member.
        link: where the member leads if it is a link, from the top of the archive; else None.
        problems: receives what was passed over.
        is_strict: whether a member that leads out is an error.
    """
    climbs = ".." in name.replace("\\", "/").split("/")
    if climbs or leads_out(name) or leads_out(link or name):
        received = f"{name!r}" if link is None else f"the link {name!r} to {link!r}"
        sentence = f"{archive}: expected members inside the archive's folder, received {received}"
        if is_strict:
            raise InputError(sentence)
        problems.add("member", f"{sentence}, which was left out")
        return False
    if link is not None:
        problems.add("link", f"{archive}: the link {name!r} inside the archive was left out")
        return False
    return not any(part.startswith(".") and part != "." for part in name.split("/"))


def leads_out(name: str) -> bool:
    """Whether a member's name, or a link's target, is absolute or leads above the archive.

    >>> leads_out("a/../b"), leads_out("a/../../b"), leads_out("/etc/passwd")
    (False, True, True)
    """
    name = name.replace("\\", "/")
    has_drive = len(name) > 1 and name[1] == ":"
    return has_drive or name.startswith("/") or posixpath.normpath(name).split("/")[0] == ".."
