"""`manifest.json`: what a store holds, how it was made, and the hash of every file."""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Iterator

from keras_electra.config.store import StoreConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import DamagedDataError, InputError

FORMAT_VERSION = 1
MANIFEST_FILE = "manifest.json"
VOCABULARY_FILE = "vocab.txt"
SENTENCES_FILE = "sentence_offsets.bin"
DOCUMENTS_FILE = "document_offsets.bin"
HELD_OUT_FILE = "held_out.bin"
COUNTS_FILE = "token_counts.bin"
HASH_BLOCK_BYTES = 1 << 22


def shard_file(index: int) -> str:
    """Name of the file that holds shard `index`."""
    return f"tokens-{index:05d}.bin"


@dataclasses.dataclass(frozen=True)
class FileRecord:
    """Size in bytes and SHA-256 (hexadecimal) of one file."""

    num_bytes: int
    sha256: str


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
        sources: name and size in bytes of every text file read.
        files: every file of the store but the manifest.
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
    sources: tuple[tuple[str, int], ...]
    files: dict[str, FileRecord]
    format_version: int = FORMAT_VERSION

    @property
    def num_shards(self) -> int:
        """Files that the token ids are spread over."""
        return -(-self.num_tokens // self.store.shard_tokens)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) over content and settings; source names do not count."""
        content = {
            key: value for key, value in dataclasses.asdict(self).items() if key != "sources"
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def write(self, folder: pathlib.Path) -> None:
        """Write `manifest.json` into `folder` and make sure it is on the disk."""
        content = {**dataclasses.asdict(self), "fingerprint": self.fingerprint}
        with open(folder / MANIFEST_FILE, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())

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
            fingerprint = content.pop("fingerprint")
            manifest = cls(**{**content, **parsed(content)})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedDataError(f"{path} is damaged: {error}") from error
        if manifest.fingerprint != fingerprint:
            raise DamagedDataError(f"{path} is damaged: its fingerprint is not that of its content")
        return manifest


def parsed(content: dict) -> dict:
    """The entries of a manifest that are objects of their own."""
    return {
        "tokenizer": TokenizerConfig.from_dict(content["tokenizer"]),
        "store": StoreConfig.from_dict(content["store"]),
        "sources": tuple((name, num_bytes) for name, num_bytes in content["sources"]),
        "files": {name: FileRecord(**record) for name, record in content["files"].items()},
    }


def file_hash(path: pathlib.Path) -> str:
    """SHA-256 (hexadecimal) of a file."""
    digest = hashlib.sha256()
    for block in blocks(path):
        digest.update(block)
    return digest.hexdigest()


def blocks(path: pathlib.Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while block := file.read(HASH_BLOCK_BYTES):
            yield block
