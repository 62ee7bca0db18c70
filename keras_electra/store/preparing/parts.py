"""Parts: tokenized documents in a file of their own, with what later passes want to know of them."""

import hashlib
import json
import pathlib
from typing import NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

from keras_electra.errors import DamagedDataError
from keras_electra.files import refuse_link, write_bytes
from keras_electra.store.chunk import Chunk


class Part(NamedTuple):
    """D documents of one stretch of the corpus.

    Attributes:
        chunk: their tokens.
        document_words: int64 (D,), words between white space.
        document_bytes: int64 (D,), bytes of the lines in UTF-8.
        text_hashes: uint64 (D, 2), equal for equal texts; (D, 0) where nobody asked.
        signatures: uint16 (D, 128), of which similar texts share many; (D, 0) where nobody asked.
        record: JSON-ready values about the part.
    """

    chunk: Chunk
    document_words: np.ndarray
    document_bytes: np.ndarray
    text_hashes: np.ndarray
    signatures: np.ndarray
    record: dict

    def only(self, is_kept: np.ndarray) -> "Part":
        """The documents where bool (D,) `is_kept` is True."""
        columns = (values[is_kept] for values in self[1:5])
        return Part(self.chunk.only(is_kept), *columns, self.record)


SMALL = {"sentence_lengths": "<u4", "document_sentences": "<u4"}
SMALL |= {"document_words": "<u4", "document_bytes": "<u4"}


def write_part(path: pathlib.Path, part: Part) -> None:
    """Write a part under a temporary name, then give it its own."""
    arrays = {**part.chunk._asdict(), **part._asdict()}
    del arrays["chunk"], arrays["record"]
    arrays = {
        name: np.ascontiguousarray(values, SMALL.get(name, values.dtype))
        for name, values in arrays.items()
    }
    record = json.dumps(part.record, sort_keys=True)
    metadata = {"record": record, "sha256": digest_of(arrays, record)}
    refuse_link(path)
    write_bytes(path, safetensors.numpy.save(arrays, metadata))


def read_part(path: pathlib.Path) -> Part:
    """Read a part.

    Raises:
        DamagedDataError: if it is not as it was written.
    """
    arrays, metadata = read(path)
    if digest_of(arrays, metadata["record"]) != metadata["sha256"]:
        raise damaged(path, "its content does not fit its hash")
    wide = {name: arrays[name].astype(np.int64) for name in SMALL}
    chunk = Chunk(arrays["token_ids"], wide["sentence_lengths"], wide["document_sentences"])
    return Part(
        chunk,
        wide["document_words"],
        wide["document_bytes"],
        arrays["text_hashes"],
        arrays["signatures"],
        json.loads(metadata["record"]),
    )


def read_columns(path: pathlib.Path, *names: str) -> list[np.ndarray]:
    """Some arrays of a part, without reading the others; their hash is not checked."""
    arrays, _ = read(path, names)
    return [arrays[name] for name in names]


def read_record(path: pathlib.Path) -> dict:
    """The values about a part."""
    return json.loads(read(path, ())[1]["record"])


def read(path, names=None):
    try:
        with safetensors.safe_open(path, "numpy") as file:
            names = file.keys() if names is None else names
            return {name: file.get_tensor(name) for name in names}, file.metadata()
    except (OSError, safetensors.SafetensorError) as error:
        raise damaged(path, str(error)) from error


def damaged(path: pathlib.Path, reason: str) -> DamagedDataError:
    return DamagedDataError(
        f"{path} is damaged ({reason}): remove it and its folder's done.json, and prepare again"
    )


def digest_of(arrays: dict[str, np.ndarray], record: str) -> str:
    """SHA-256 (hexadecimal) over the content of a part."""
    digest = hashlib.sha256(record.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()
