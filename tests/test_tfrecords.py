"""The original's prepared data, read without TensorFlow."""

import importlib.util
import struct

import numpy as np
import pytest

from keras_electra.errors import DamagedDataError, InputError
from keras_electra.store.tfrecords import masked_checksum, records, segments, shards, varint

CLS, SEP = 2, 3


def varint_of(value):
    parts = []
    while True:
        value, low = value >> 7, value & 0x7F
        parts.append(low | (0x80 if value else 0))
        if not value:
            return bytes(parts)


def field(number, content):
    return varint_of(number << 3 | 2) + varint_of(len(content)) + content


def example(is_packed=True, **features):
    entries = b""
    for name, values in features.items():
        if is_packed:
            integers = field(1, b"".join(varint_of(value) for value in values))
        else:
            integers = b"".join(varint_of(1 << 3) + varint_of(value) for value in values)
        entries += field(1, field(1, name.encode()) + field(2, field(3, integers)))
    return field(1, entries)


def record(content):
    length = struct.pack("<Q", len(content))
    return b"".join(
        [
            length,
            struct.pack("<I", masked_checksum(length)),
            content,
            struct.pack("<I", masked_checksum(content)),
        ]
    )


def pair(is_packed=True):
    """[CLS] 300 70000 [SEP] 5 [SEP] and two places of padding."""
    return example(
        is_packed,
        input_ids=[CLS, 300, 70_000, SEP, 5, SEP, 0, 0],
        input_mask=[1, 1, 1, 1, 1, 1, 0, 0],
        segment_ids=[0, 0, 0, 0, 1, 1, 0, 0],
    )


def single():
    return example(
        input_ids=[CLS, 7, 8, SEP, 0, 0, 0, 0],
        input_mask=[1, 1, 1, 1, 0, 0, 0, 0],
        segment_ids=[0] * 8,
    )


def test_checksum_is_that_of_the_standard():
    """CRC-32C of "123456789" is 0xE3069283 (RFC 3720); masked as in TFRecord files."""
    masked = ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert masked_checksum(b"123456789") == masked
    assert varint(b"\xac\x02", 0) == (300, 2)


@pytest.mark.parametrize("is_packed", [True, False])
def test_segments_come_without_special_tokens(tmp_path, is_packed):
    path = tmp_path / "data.tfrecord"
    path.write_bytes(record(pair(is_packed)) + record(single()))
    found = [[part.tolist() for part in parts] for parts in segments(path)]
    assert found == [[[300, 70_000], [5]], [[7, 8]]]


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow writes it")
def test_tensorflow_writes_what_is_read(tmp_path):
    import tensorflow as tf

    rng = np.random.default_rng(0)
    ids = rng.integers(0, 30_522, (20, 16))
    path = str(tmp_path / "data.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for row in ids:
            features = {
                name: tf.train.Feature(int64_list=tf.train.Int64List(value=values))
                for name, values in {
                    "input_ids": row,
                    "input_mask": np.ones(16, int),
                    "segment_ids": np.zeros(16, int),
                }.items()
            }
            message = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(message.SerializeToString())
    found = [parts[0].tolist() for parts in segments(path)]
    assert found == ids[:, 1:-1].tolist()


@pytest.mark.parametrize("cut_at", [5, 14, -3])
def test_a_cut_file_is_named_with_the_place(tmp_path, cut_at):
    path = tmp_path / "data.tfrecord"
    whole = record(single())
    path.write_bytes(whole + whole[:cut_at])
    with pytest.raises(DamagedDataError, match=f"whole record at byte {len(whole)}"):
        list(records(path))


def test_a_changed_byte_is_noticed(tmp_path):
    path = tmp_path / "data.tfrecord"
    content = bytearray(record(single()))
    content[20] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedDataError, match="checksum of the record at byte 0"):
        list(records(path))
    path.write_bytes(record(example(other=[1, 2])))
    with pytest.raises(DamagedDataError, match="expected the features input_ids"):
        list(segments(path))


def test_all_shards_must_be_there(tmp_path):
    for number in (0, 2, 10):
        (tmp_path / f"pretrain_data.tfrecord-{number}-of-11").touch()
    with pytest.raises(InputError, match="expected 11 shards, received 3; the first"):
        shards(tmp_path)
    for number in range(11):
        (tmp_path / f"pretrain_data.tfrecord-{number}-of-11").touch()
    assert [path.name.split("-")[1] for path in shards(tmp_path)] == [str(n) for n in range(11)]
    with pytest.raises(InputError, match="expected a folder with pretrain_data"):
        shards(tmp_path / "none")
