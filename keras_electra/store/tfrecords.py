"""Examples that the original program prepared, read from its TFRecord files without TensorFlow.

A TFRecord file is a row of records: length (8 bytes, little-endian), its checksum (4), the content, its
checksum (4). The content is a `tf.train.Example` (a protocol buffer) whose features `input_ids`,
`input_mask` and `segment_ids` are lists of as many integers as an example has places. Checksums are
CRC-32C, rotated and shifted ("masked").
"""

import itertools
import pathlib
import re
import struct
from collections.abc import Iterator, Sequence

import numpy as np

from keras_electra.errors import DamagedDataError, InputError

SHARD_NAME = re.compile(r"pretrain_data\.tfrecord-(\d+)-of-(\d+)")
FEATURES = ("input_ids", "input_mask", "segment_ids")
CASTAGNOLI = 0x82F63B78
MASK_DELTA = 0xA282EAD8
RECORDS_AT_ONCE = 1024
MAX_VARINT_PLACE = 9
VARINT, FIXED_64, LENGTH_DELIMITED, FIXED_32 = 0, 1, 2, 5


def shards(path) -> list[pathlib.Path]:
    """The original's files in a folder, by number, or the one file.

    Raises:
        InputError: if there is none, or a number is missing.
    """
    path = pathlib.Path(path)
    if path.is_file():
        return [path]
    found = {}
    for file in path.iterdir() if path.is_dir() else ():
        match = SHARD_NAME.fullmatch(file.name)
        if match:
            found[int(match[1])] = (file, int(match[2]))
    if not found:
        raise InputError(
            f"expected a folder with pretrain_data.tfrecord-0-of-N, ..., received {path}"
        )
    count = max(total for _, total in found.values())
    missing = [number for number in range(count) if number not in found]
    if missing:
        raise InputError(
            f"{path}: expected {count} shards, received {len(found)}; the first that is missing is "
            f"pretrain_data.tfrecord-{missing[0]}-of-{count}"
        )
    return [found[number][0] for number in sorted(found)]


def segments(path, class_id: int, separator_id: int) -> Iterator[list[np.ndarray]]:
    """The segments of each example of a file, without [CLS], [SEP] and padding.

    An example `[CLS] a b [SEP] c [SEP] [PAD]` with segments 0 0 0 0 1 1 0 gives [[a, b], [c]].

    Args:
        path: one TFRecord file.
        class_id, separator_id: of [CLS] and [SEP], which must stand where they belong.

    Yields:
        One or two int64 arrays of ids.

    Raises:
        DamagedDataError: if a record is cut, changed, or holds something else.
        InputError: if the ids are those of another vocabulary.
    """
    for number, content in enumerate(records(path)):
        try:
            values = integer_features(content)
            ids, is_text, segment_ids = (values[name] for name in FEATURES)
            ids, segment_ids = ids[is_text == 1], segment_ids[is_text == 1]
        except (KeyError, IndexError, ValueError) as error:
            raise DamagedDataError(
                f"{path}, record {number}: expected the features {', '.join(FEATURES)} ({error})"
            ) from error
        first, second = ids[segment_ids == 0], ids[segment_ids == 1]
        borders = [*first[:1], *first[-1:], *second[-1:]]
        if borders[:1] != [class_id] or any(border != separator_id for border in borders[1:]):
            raise InputError(
                f"{path}, record {number}: expected [CLS]={class_id} at its start and "
                f"[SEP]={separator_id} after each segment, received {[int(b) for b in borders]}; "
                "it was made with another vocabulary"
            )
        yield [first[1:-1], second[:-1]] if len(second) else [first[1:-1]]


def records(path) -> Iterator[bytes]:
    """The contents of a TFRecord file's records, checksums compared."""
    offset = 0
    with open(path, "rb") as file:
        while block := list(itertools.islice(read_records(file, path, offset), RECORDS_AT_ONCE)):
            contents, checks = zip(*block, strict=True)
            is_whole = masked_checksums(contents) == np.array(checks)
            for content, is_right in zip(contents, is_whole, strict=True):
                if not is_right:
                    raise DamagedDataError(
                        f"{path}: expected the checksum of the record at byte {offset}"
                    )
                yield content
                offset += 16 + len(content)


def read_records(file, path, offset: int) -> Iterator[tuple[bytes, int]]:
    """Contents and checksums of the records from where an open file stands, at byte `offset`."""
    while header := file.read(12):
        if len(header) < 12:
            raise cut(path, offset)
        (length,), (check,) = struct.unpack("<Q", header[:8]), struct.unpack("<I", header[8:])
        if masked_checksum(header[:8]) != check:
            raise DamagedDataError(f"{path}: expected a TFRecord at byte {offset}")
        content, footer = file.read(length), file.read(4)
        if len(content) < length or len(footer) < 4:
            raise cut(path, offset)
        yield content, struct.unpack("<I", footer)[0]
        offset += 16 + length


def cut(path, offset: int) -> DamagedDataError:
    """The sentence about a file that ends within a record."""
    return DamagedDataError(
        f"{path}: expected a whole record at byte {offset}, the file ends in it"
    )


def masked_checksum(content: bytes) -> int:
    """CRC-32C of some bytes, masked as TFRecord files do: `masked_checksum(b"")` is 0xA282EAD8."""
    checksum = 0xFFFFFFFF
    for byte in content:
        checksum = TABLE[(checksum ^ byte) & 0xFF] ^ (checksum >> 8)
    return masked(checksum ^ 0xFFFFFFFF)


def masked_checksums(contents: Sequence[bytes]) -> np.ndarray:
    """int64 (N,): `masked_checksum` of each content, a byte of all of them at a time."""
    lengths = np.array([len(content) for content in contents])
    order = np.argsort(-lengths, kind="stable")
    lengths = lengths[order]
    longest = int(lengths.max(initial=0))
    padded = b"".join(contents[place].ljust(longest, b"\0") for place in order)
    columns = np.frombuffer(padded, np.uint8).reshape(len(contents), longest).T.astype(np.int64)
    # The longest come first: those that have a byte at a place are the first few.
    counts = len(contents) - np.searchsorted(lengths[::-1], np.arange(longest), side="right")
    table, checksums = np.array(TABLE), np.full(len(contents), 0xFFFFFFFF)
    for column, count in zip(columns, counts.tolist(), strict=True):
        some = checksums[:count]
        some[:] = table[(some ^ column[:count]) & 0xFF] ^ (some >> 8)
    result = np.empty_like(checksums)
    result[order] = masked(checksums ^ 0xFFFFFFFF)
    return result


def masked(checksum):
    """What TFRecord files hold of a checksum, or of int64 many."""
    return (((checksum >> 15) | (checksum << 17)) + MASK_DELTA) & 0xFFFFFFFF


def checksum_table() -> list[int]:
    """The checksum's remainder for each byte."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (CASTAGNOLI if value & 1 else 0)
        table.append(value)
    return table


TABLE = checksum_table()


def integer_features(content: bytes) -> dict[str, np.ndarray]:
    """Name -> int64 values of the integer lists in a `tf.train.Example`."""
    values = {}
    for features in fields(content, 1):
        for entry in fields(features, 1):
            (name,), (feature,) = fields(entry, 1), fields(entry, 2)
            for integers in fields(feature, 3):
                values[name.decode()] = packed_integers(integers)
    return values


def fields(message: bytes, wanted: int) -> list[bytes]:
    """Contents of the length-delimited fields with number `wanted` of a protocol buffer."""
    found, place = [], 0
    while place < len(message):
        key, place = varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            _, place = varint(message, place)
            continue
        size = {FIXED_64: 8, FIXED_32: 4}.get(kind)
        if size is None:
            if kind != LENGTH_DELIMITED:
                raise ValueError(f"wire type {kind}")
            size, place = varint(message, place)
        if place + size > len(message):
            raise ValueError("a field runs over its message")
        if number == wanted and kind == LENGTH_DELIMITED:
            found.append(message[place : place + size])
        place += size
    return found


def varint(message: bytes, place: int) -> tuple[int, int]:
    """A variable-length integer and the place after it: `varint(b"\\xac\\x02", 0)` is (300, 2)."""
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place


def packed_integers(message: bytes) -> np.ndarray:
    """int64 values of an `Int64List`: one packed field, or one field per value."""
    packed = fields(message, 1)
    if not packed:
        return np.array([value for value in unpacked(message)], np.int64)
    return varints(b"".join(packed))


def varints(content: bytes) -> np.ndarray:
    """int64 values of variable-length integers end to end.

    >>> varints(b"\\xac\\x02\\x07")
    array([300,   7])
    """
    numbers = np.frombuffer(content, np.uint8).astype(np.int64)
    is_last = numbers < 0x80
    if not len(numbers):
        return numbers
    if not is_last[-1]:
        raise ValueError("an integer runs over its list")
    starts = np.append(0, np.flatnonzero(is_last)[:-1] + 1)
    places = np.arange(len(numbers)) - np.repeat(starts, np.diff(starts, append=len(numbers)))
    if places.max() > MAX_VARINT_PLACE:
        raise ValueError("an integer of more than 64 bits")
    return np.add.reduceat((numbers & 0x7F) << (7 * places), starts)


def unpacked(message: bytes) -> Iterator[int]:
    """Values of a list that is not packed."""
    place = 0
    while place < len(message):
        _, place = varint(message, place)
        value, place = varint(message, place)
        yield value
