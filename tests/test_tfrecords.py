"""The original's prepared data, read without TensorFlow."""

import importlib.util
import struct

import numpy as np
import pytest

from keras_electra.cli import main
from keras_electra.errors import DamagedDataError, InputError
from keras_electra.store import Store, import_tfrecords
from keras_electra.store.tfrecords import (
    masked_checksum,
    masked_checksums,
    records,
    segments,
    shards,
    varint,
    varints,
)
from keras_electra.tokenizer import SPECIAL_TOKENS, WordPieceTokenizer

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
    found = [[part.tolist() for part in parts] for parts in segments(path, CLS, SEP)]
    assert found == [[[300, 70_000], [5]], [[7, 8]]]


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow writes it")
def test_tensorflow_writes_what_is_read(tmp_path):
    import tensorflow as tf

    rng = np.random.default_rng(0)
    ids = rng.integers(0, 30_522, (20, 16))
    ids[:, 0], ids[:, -1] = CLS, SEP
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
    found = [parts[0].tolist() for parts in segments(path, CLS, SEP)]
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
        list(segments(path, CLS, SEP))


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


def test_many_checksums_are_those_of_each():
    rng = np.random.default_rng(0)
    contents = [rng.bytes(length) for length in rng.integers(0, 70, 40)]
    assert masked_checksums(contents).tolist() == [masked_checksum(c) for c in contents]


def test_many_integers_are_those_of_each():
    values = [0, 1, 127, 128, 300, 70_000, 2**31, 2**62, 5]
    assert varints(b"".join(map(varint_of, values))).tolist() == values
    for damaged in (b"\x05\x80", b"\x80" * 10 + b"\x01"):
        with pytest.raises(ValueError, match="an integer"):
            varints(damaged)


# A store of shards

WORDS = [f"word{number}" for number in range(200)]
TOKENIZER = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])


def write_shards(folder, num_examples=300, length=32, first_id=5):
    """Shards as the original writes them; returns the segments of every example, in order."""
    rng = np.random.default_rng(1)
    folder.mkdir()
    written, contents = [], [[], [], []]
    for number in range(num_examples):
        lengths = rng.integers(1, (length - 3) // 2 + 1, 2 if rng.random() < 0.9 else 1)
        parts = [rng.integers(first_id, first_id + 200, count).tolist() for count in lengths]
        ids = [CLS, *parts[0], SEP]
        kinds = [0] * len(ids)
        for part in parts[1:]:
            ids, kinds = [*ids, *part, SEP], [*kinds, *[1] * (len(part) + 1)]
        padding = [0] * (length - len(ids))
        contents[number * 3 // num_examples].append(
            example(
                input_ids=ids + padding,
                input_mask=[1] * len(ids) + padding,
                segment_ids=kinds + padding,
            )
        )
        written.append(parts)
    for number, own in enumerate(contents):
        path = folder / f"pretrain_data.tfrecord-{number}-of-3"
        path.write_bytes(b"".join(map(record, own)))
    return written


def test_a_store_of_shards_has_every_token_of_theirs(tmp_path):
    written, told = write_shards(tmp_path / "there"), []
    manifest = import_tfrecords(
        tmp_path / "there", TOKENIZER, tmp_path / "store", None, told.append
    )
    store = Store(tmp_path / "store")
    store.verify()
    assert store.tokens[np.arange(store.num_tokens)].tolist() == [
        index for parts in written for part in parts for index in part
    ]
    assert (manifest.num_documents, manifest.num_sentences) == (300, sum(map(len, written)))
    assert told[-1].num_bytes == told[-1].total_bytes == manifest.sources[0].num_bytes
    assert manifest.made == {"by": "import"}
    assert store.examples("train", 32).take(np.arange(2))[0].shape == (2, 32)
    assert store.num_documents == 300


def test_shards_of_another_vocabulary_are_refused(tmp_path):
    write_shards(tmp_path / "there", first_id=10)
    with pytest.raises(InputError, match=r"expected ids below 205.* received 20\d; it was made"):
        import_tfrecords(tmp_path / "there", TOKENIZER, tmp_path / "store")
    other = WordPieceTokenizer([*WORDS[:4], *SPECIAL_TOKENS, *WORDS[4:]])
    with pytest.raises(InputError, match=r"record 0: expected \[CLS\]=6 .* received \[2, 3, 3\]"):
        import_tfrecords(tmp_path / "there", other, tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_the_command_imports(tmp_path, capsys):
    write_shards(tmp_path / "there")
    TOKENIZER.save(tmp_path / "vocab.txt")
    flags = ["--vocab", str(tmp_path / "vocab.txt"), "--out", str(tmp_path / "store")]
    assert main(["store", "import", str(tmp_path / "there"), *flags]) == 0
    assert "300 documents" in capsys.readouterr().out
    damaged = tmp_path / "there" / "pretrain_data.tfrecord-1-of-3"
    damaged.write_bytes(damaged.read_bytes()[:-7])
    flags[-1] = str(tmp_path / "other")
    assert main(["store", "import", str(tmp_path / "there"), *flags]) == 3
    assert "tfrecord-1-of-3: expected a whole record at byte" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
