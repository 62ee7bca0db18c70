"""What the name of a file says about how to read it."""

import posixpath
from typing import NamedTuple

COMPRESSIONS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
SHORT_NAMES = {".tgz": ".tar.gz", ".tbz2": ".tar.bz2", ".txz": ".tar.xz", ".tzst": ".tar.zst"}
FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".tar": "tar",
    ".zip": "zip",
}
# The first bytes of what comes without a name.
MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
TABLES = {"csv", "tsv", "jsonl", "parquet", "arrow"}
# These are read from their end.
NEED_SEEKING = {"parquet", "arrow", "zip"}


class Kind(NamedTuple):
    """Format of a file's content, and how that is compressed (None: not at all).

    Attributes:
        format: "text" or one of `FORMATS`.
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
        return self.compression is not None or self.format in ("csv", "tsv", "tar")


def kind_of(name: str) -> Kind:
    """The kind of a file by its name; one with an unknown ending is text.

    >>> kind_of("c4-00001.json.gz")
    Kind(format='jsonl', compression='gzip')
    """
    name, ending = posixpath.splitext(name.lower())
    if ending in SHORT_NAMES:
        name, ending = posixpath.splitext(name + SHORT_NAMES[ending])
    compression = COMPRESSIONS.get(ending)
    if compression:
        ending = posixpath.splitext(name)[1]
    return Kind(FORMATS.get(ending, "text"), compression)
