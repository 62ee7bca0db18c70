"""What the name of a file says about how to read it."""

import posixpath
import re
from typing import NamedTuple

COMPRESSIONS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
SHORT_NAMES = {".tgz": ".tar.gz", ".tbz2": ".tar.bz2", ".txz": ".tar.xz", ".tzst": ".tar.zst"}
FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".tar": "tar",
    ".zip": "zip",
}
OBJECT = re.compile(r'\{\s*"[^"]*"\s*:')
# What stands before the records of {"version": 1, "data": [{...}, ...]}.
BEFORE_RECORDS = re.compile(
    r'\{\s*(?:"[^"]*"\s*:\s*(?:"[^"]*"|[\w.+-]+)\s*,\s*)*"data"\s*:\s*(?=\[\s*\{)'
)
# The first bytes of what comes without a name.
MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
TABLES = {"csv", "tsv", "json", "jsonl", "parquet", "arrow"}
# These are read from their end.
NEED_SEEKING = {"parquet", "arrow", "zip"}


class Kind(NamedTuple):
    """Format of a file's content, and how that is compressed (None: not at all).

    Attributes:
        format: "text" or one of `FORMATS`; "json" is lines or one list, which `looked_into` tells.
        compression: one of `COMPRESSIONS`, or None.
    """

    format: str
    compression: str | None

    @property
    def can_be_cut(self) -> bool:
        """Whether a range of bytes can be read without those before it."""
        return self.compression is None and self.format in ("text", "jsonl")

    @property
    def must_be_read_in_order(self) -> bool:
        """Whether parts of it can be found only by reading all before them."""
        return self.compression is not None or self.format in ("csv", "tsv", "json", "tar")


def kind_of(name: str) -> Kind:
    """The kind of a file by its name; one with an unknown ending is text.

    >>> kind_of("c4-00001.jsonl.gz")
    Kind(format='jsonl', compression='gzip')
    """
    name, ending = posixpath.splitext(name.lower())
    if ending in SHORT_NAMES:
        name, ending = posixpath.splitext(name + SHORT_NAMES[ending])
    compression = COMPRESSIONS.get(ending)
    if compression:
        ending = posixpath.splitext(name)[1]
    return Kind(FORMATS.get(ending, "text"), compression)


def looked_into(format: str, name: str, head: bytes) -> str:
    """The format of a file by its first bytes too: which JSON it holds, and what has no ending.

    >>> looked_into("json", "a.json", b' [{"text": "one"}, ')
    'json'
    >>> looked_into("text", "part-0", b'{"text": "one"}\\n')
    'jsonl'

    Args:
        format: by the name.
        head: so many bytes that a name and the first brackets are among them, as they are stored.
    """
    text = head.decode("utf-8", "ignore").removeprefix("\ufeff").lstrip()
    if format == "json":
        return "json" if text.startswith("[") or BEFORE_RECORDS.match(text) else "jsonl"
    is_lines = may_be_other(format, name) and OBJECT.match(text)
    return "jsonl" if is_lines else format


def may_be_other(format: str, name: str) -> bool:
    """Whether the bytes of a file say more than its name: of JSON, and of what has no ending."""
    stem, ending = posixpath.splitext(posixpath.basename(name))
    if ending.lower() in COMPRESSIONS:
        ending = posixpath.splitext(stem)[1]
    return format == "json" or (format == "text" and not ending)
