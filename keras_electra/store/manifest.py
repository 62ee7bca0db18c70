"""`manifest.json`: what a store holds, how it was made, and the hash of every file."""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Iterator

from keras_electra.config.store import StoreConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import DamagedDataError, InputError
from keras_electra.files import write_bytes

FORMAT_VERSION = 2
# Entries that say where the content came from, and do not change it.
NOT_CONTENT = ("sources", "made", "fingerprint")
MANIFEST_FILE = "manifest.json"
VOCABULARY_FILE = "vocab.txt"
SENTENCES_FILE = "sentence_offsets.bin"
DOCUMENTS_FILE = "document_offsets.bin"
HELD_OUT_FILE = "held_out.bin"
COUNTS_FILE = "token_counts.bin"
TOKEN_BYTES = {"uint16": 2, "uint32": 4}
"""The types that token ids are written in, and their size. Any other read from a manifest, such as
`object`, would have NumPy take the bytes of a file for addresses."""

OFFSET_BYTES = 8


def shard_file(index: int) -> str:
    """Name of the file that holds shard `index`."""
    return f"tokens-{index:05d}.bin"


@dataclasses.dataclass(frozen=True)
class FileRecord:
    """Size in bytes and SHA-256 (hexadecimal) of one file."""

    num_bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class SourceRecord:
    """What is known of one corpus that was read.

    Attributes:
        name: as it was given.
        num_files: files read; 0 for what is no file.
        num_bytes: bytes stored in them; None if that is not known before reading.
        sha256: over the names and sizes of all files; None where it was not recorded.
        stamp: other digits after a file was changed, by their times where they have one; None where it
            was not recorded.
    """

    name: str
    num_files: int
    num_bytes: int | None
    sha256: str | None = None
    stamp: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """The record of one store.

    Attributes:
        num_tokens, num_sentences, num_documents: counts of the whole store.
        num_held_out_tokens: tokens of the held-out part.
        token_dtype: "uint16" or "uint32".
        vocabulary_size: V.
        tokenizer_fingerprint: that of the `WordPieceTokenizer` which made the ids.
        tokenizer, store: the settings it was made with.
        sources: every corpus read.
        made: how the text became documents, as JSON-ready values: "by" names the command.
        files: every file of the store but the manifest and the report.
        fingerprint: SHA-256 (hexadecimal) over content and settings; `sources` and `made` do not
            count.
    """

    num_tokens: int
    num_sentences: int
    num_documents: int
    num_held_out_tokens: int
    token_dtype: str
    vocabulary_size: int
    tokenizer_fingerprint: str
    tokenizer: TokenizerConfig
    store: StoreConfig
    sources: tuple[SourceRecord, ...]
    made: dict
    files: dict[str, FileRecord]
    format_version: int = FORMAT_VERSION
    fingerprint: str = ""

    def __post_init__(self):
        if not self.fingerprint:
            object.__setattr__(self, "fingerprint", fingerprint_of(dataclasses.asdict(self)))

    @property
    def num_shards(self) -> int:
        """Files that the token ids are spread over."""
        return -(-self.num_tokens // self.store.shard_tokens)

    def check_sizes(self) -> None:
        """Raise `ValueError` unless types, counts and the sizes of the files fit together."""
        if self.token_dtype not in list(TOKEN_BYTES):
            raise ValueError(
                f"token_dtype: expected one of {', '.join(TOKEN_BYTES)}, received {self.token_dtype!r}"
            )
        for name in ("num_tokens", "num_sentences", "num_documents", "vocabulary_size"):
            count = getattr(self, name)
            if type(count) is not int or count < 1:
                raise ValueError(f"{name}: expected a whole number from 1, received {count!r}")
        for name, expected in self._file_sizes():
            received = self.files[name].num_bytes if name in self.files else "no such file"
            if received != expected:
                raise ValueError(f"{name}: expected {expected} bytes, received {received}")
        if self.files[HELD_OUT_FILE].num_bytes % (2 * OFFSET_BYTES):
            raise ValueError(f"{HELD_OUT_FILE}: expected pairs of numbers of {OFFSET_BYTES} bytes")

    def _file_sizes(self) -> Iterator[tuple[str, int]]:
        """Name and bytes of the files that are mapped into memory."""
        yield DOCUMENTS_FILE, OFFSET_BYTES * (self.num_documents + 1)
        yield SENTENCES_FILE, OFFSET_BYTES * (self.num_sentences + 1)
        yield COUNTS_FILE, OFFSET_BYTES * self.vocabulary_size
        for index in range(self.num_shards):
            tokens = min(self.store.shard_tokens, self.num_tokens - index * self.store.shard_tokens)
            yield shard_file(index), tokens * TOKEN_BYTES[self.token_dtype]

    def write(self, folder: pathlib.Path) -> None:
        """Write `manifest.json` into `folder` and make sure it is on the disk."""
        # In ASCII, since the names of files may hold bytes that are no text.
        content = json.dumps(dataclasses.asdict(self), indent=1) + "\n"
        write_bytes(folder / MANIFEST_FILE, content.encode("ascii"))

    @classmethod
    def read(cls, folder: pathlib.Path) -> "Manifest":
        """Read `manifest.json` of a store.

        Raises:
            InputError: if `folder` is no store, or one of another format version.
            DamagedDataError: if the manifest is not what was written.
        """
        path = folder / MANIFEST_FILE
        if not path.is_file():
            raise InputError(f"store: expected a folder with {MANIFEST_FILE}, received {folder}")
        try:
            content = json.loads(path.read_bytes())
            version = content["format_version"]
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedDataError(f"{path} is damaged: {error}") from error
        if version != FORMAT_VERSION:
            raise InputError(
                f"store {folder}: expected format version {FORMAT_VERSION}, received {version!r}"
            )
        try:
            is_whole = content["fingerprint"] == fingerprint_of(content)
            manifest = cls(**{**content, **parsed(content)})
            manifest.check_sizes()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedDataError(f"{path} is damaged: {error}") from error
        if not is_whole:
            raise DamagedDataError(f"{path} is damaged: its fingerprint is not that of its content")
        return manifest


def fingerprint_of(content: dict) -> str:
    """SHA-256 (hexadecimal) over the entries of a manifest that make the store what it is."""
    counted = {key: value for key, value in content.items() if key not in NOT_CONTENT}
    return hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()


def parsed(content: dict) -> dict:
    """The entries of a manifest that are objects of their own."""
    return {
        "tokenizer": TokenizerConfig.from_dict(content["tokenizer"]),
        "store": StoreConfig.from_dict(content["store"]),
        "sources": tuple(SourceRecord(**record) for record in content["sources"]),
        "made": dict(content["made"]),
        "files": {name: FileRecord(**record) for name, record in content["files"].items()},
    }
