"""The store: what goes in comes out, the parts are divided fairly, and damage is found."""

import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from keras_electra.config.corpus import CorpusConfig
from keras_electra.config.store import StoreConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import DamagedDataError, InputError
from keras_electra.store import Progress, Store, build_store, writing
from keras_electra.store.held_out import divide, draw_held_out, pieces_of
from keras_electra.store.manifest import fingerprint_of
from keras_electra.store.preparing import tokenizing
from keras_electra.tokenizer import SPECIAL_TOKENS, WordPieceTokenizer

WORDS = [
    "the",
    "cat",
    "sat",
    "on",
    "a",
    "mat",
    "and",
    "dog",
    "ran",
    "far",
    "home",
    "in",
    "snow",
    "rain",
    "sun",
    "with",
    "old",
    "new",
    "red",
    "blue",
]
VOCABULARY = ["old_entry", *SPECIAL_TOKENS, *WORDS, ".", "##s"]
TOKENIZER = WordPieceTokenizer(VOCABULARY)


def sentences(count, seed=0, longest=30):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(1, longest))) + " ." for _ in range(count)]


def write_corpus(folder, num_documents=20, num_sentences=25):
    """Two files of documents; returns their text as a list of documents."""
    folder.mkdir(exist_ok=True)
    lines = sentences(num_documents * num_sentences)
    documents = [lines[i : i + num_sentences] for i in range(0, len(lines), num_sentences)]
    half = len(documents) // 2
    for name, part in (("a.txt", documents[:half]), ("b.txt", documents[half:])):
        (folder / name).write_text("\n\n".join("\n".join(lines) for lines in part) + "\n")
    return documents


@pytest.fixture
def corpus(tmp_path):
    write_corpus(tmp_path / "corpus")
    return tmp_path / "corpus"


@pytest.fixture
def store(tmp_path, corpus):
    build_store(corpus, TOKENIZER, tmp_path / "store")
    return Store(tmp_path / "store")


def all_tokens(store):
    return store.tokens[np.arange(store.num_tokens)]


def ordinary_tokens(store, part, length=32):
    """The tokens of all examples of a part, special ones left out."""
    examples = store.examples(part, length)
    token_ids, _, padding_mask = examples.take(np.arange(len(examples)))
    special = [TOKENIZER.class_id, TOKENIZER.separator_id, TOKENIZER.pad_id]
    return token_ids[padding_mask & ~np.isin(token_ids, special)]


def test_text_comes_back(tmp_path):
    documents = write_corpus(tmp_path / "corpus")
    manifest = build_store(tmp_path / "corpus", TOKENIZER, tmp_path / "store")
    store = Store(tmp_path / "store")
    lines = [line for document in documents for line in document]
    assert store.tokenizer().decode(all_tokens(store)) == " ".join(lines)
    assert store.num_documents == len(documents)
    assert store.manifest == manifest
    assert manifest.num_sentences == len(lines)
    assert manifest.num_tokens == sum(len(line.split()) for line in lines)
    store.verify()


def test_sentence_and_document_offsets(tmp_path, store):
    counts = [len(line.split()) for line in sentences(500)]
    offsets = np.fromfile(store.path / "sentence_offsets.bin", "<i8")
    np.testing.assert_array_equal(offsets, np.cumsum([0, *counts]))
    documents = np.fromfile(store.path / "document_offsets.bin", "<i8")
    np.testing.assert_array_equal(documents, np.arange(0, 501, 25))


def test_vocabulary_and_settings_are_kept(tmp_path, corpus):
    tokenizer = WordPieceTokenizer(VOCABULARY, TokenizerConfig(lowercase=False))
    config, reading = StoreConfig(seed=3), CorpusConfig(document_boundary="file")
    build_store(corpus, tokenizer, tmp_path / "store", config, corpus_config=reading)
    store = Store(tmp_path / "store")
    assert store.vocabulary.read_text().split() == VOCABULARY
    assert store.tokenizer().fingerprint == tokenizer.fingerprint
    assert store.manifest.store == config
    assert store.num_documents == 2
    assert CorpusConfig.from_dict(store.manifest.made["corpus"]) == reading
    (source,) = store.manifest.sources
    assert (source.name, source.num_files) == (str(corpus), 2)
    assert source.num_bytes == sum(file.stat().st_size for file in corpus.iterdir())


@pytest.mark.parametrize("batch_lines", [1, 2, 1000])
def test_lines_without_tokens_are_no_sentences(tmp_path, monkeypatch, batch_lines):
    monkeypatch.setattr(tokenizing, "BATCH_LINES", batch_lines)
    path = tmp_path / "text"
    nothing = "\u200b\n\n\u200b\n\u00ad\n\n"
    path.write_text(nothing + f"the cat\n{nothing}the dog sat\n" * 20, encoding="utf-8")
    manifest = build_store(path, TOKENIZER, tmp_path / "store")
    assert (manifest.num_sentences, manifest.num_documents) == (40, 21)
    sentence_offsets = np.fromfile(tmp_path / "store" / "sentence_offsets.bin", "<i8")
    assert np.diff(sentence_offsets).tolist() == [2, 3] * 20
    document_offsets = np.fromfile(tmp_path / "store" / "document_offsets.bin", "<i8")
    assert np.diff(document_offsets).tolist() == [1, *[2] * 19, 1]


@pytest.mark.parametrize("shard_tokens", [1, 7, 1000, 10**9])
def test_shards_make_no_difference(tmp_path, monkeypatch, store, shard_tokens):
    monkeypatch.setattr(tokenizing, "BATCH_LINES", 40)
    corpus = tmp_path / "corpus"
    if shard_tokens < 10:
        corpus = tmp_path / "small"
        write_corpus(corpus, 2, 6)
        build_store(corpus, TOKENIZER, tmp_path / "other")
        store = Store(tmp_path / "other")
    config = StoreConfig(shard_tokens=shard_tokens)
    build_store(corpus, TOKENIZER, tmp_path / "shards", config)
    sharded = Store(tmp_path / "shards")
    files = sorted(sharded.path.glob("tokens-*.bin"))
    assert len(files) == sharded.manifest.num_shards == -(-store.num_tokens // shard_tokens)
    assert {file.stat().st_size for file in files[:-1]} <= {2 * shard_tokens}
    np.testing.assert_array_equal(all_tokens(sharded), all_tokens(store))
    for part in ("train", "held_out"):
        ours, theirs = (s.examples(part, 16) for s in (sharded, store))
        for values in zip(
            *(e.take(np.arange(len(theirs))[::-1]) for e in (ours, theirs)), strict=True
        ):
            np.testing.assert_array_equal(*values)
    sharded.verify()


@pytest.mark.parametrize("size", [65_535, 65_536])
def test_type_of_token_ids(tmp_path, size):
    vocabulary = [f"[unused{i}]" for i in range(size - len(VOCABULARY))] + VOCABULARY
    (tmp_path / "text").write_text("the cat sat .\n" * 50)
    build_store(tmp_path / "text", WordPieceTokenizer(vocabulary), tmp_path / "store")
    store = Store(tmp_path / "store")
    assert store.manifest.token_dtype == ("uint16" if size <= 65_535 else "uint32")
    tokens = all_tokens(store)
    assert [vocabulary[i] for i in tokens[:4]] == ["the", "cat", "sat", "."]


def test_parts_hold_every_token_once(store):
    parts = [ordinary_tokens(store, part) for part in ("train", "held_out")]
    assert len(parts[0]) + len(parts[1]) == store.num_tokens
    assert len(parts[1]) == store.manifest.num_held_out_tokens
    tokens, stretches = all_tokens(store), store.held_out_stretches
    is_held_out = np.zeros(store.num_tokens, bool)
    for first, last in stretches:
        is_held_out[first:last] = True
    np.testing.assert_array_equal(parts[0], tokens[~is_held_out])
    np.testing.assert_array_equal(parts[1], tokens[is_held_out])


def test_token_counts_are_those_of_the_training_part(store):
    expected = np.bincount(ordinary_tokens(store, "train"), minlength=len(VOCABULARY))
    np.testing.assert_array_equal(store.token_counts, expected)
    assert store.token_counts.dtype == np.int64


def test_examples_of_both_packings(store):
    for packing in ("continuous", "original"):
        examples = store.examples("train", 64, packing)
        token_ids, segment_ids, padding_mask = examples.take(np.arange(len(examples)))
        assert (token_ids[:, 0] == TOKENIZER.class_id).all()
        assert set(np.unique(segment_ids)) == {0, 1}
        np.testing.assert_array_equal(padding_mask, token_ids != TOKENIZER.pad_id)
        assert examples.num_padded == (~padding_mask.all(axis=1)).sum()
    assert store.examples("held_out", 64).num_padded <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("test", 64), "part: expected 'train' or 'held_out', received 'test'"),
        (("train", 64, "tight"), "packing: expected .* received 'tight'"),
        (("train", 2), "sequence_length: expected at least 3 .* received 2"),
        (("train", 4, "original"), "sequence_length: expected at least 5 .* received 4"),
    ],
)
def test_wrong_requests(store, arguments, message):
    with pytest.raises(InputError, match=message):
        store.examples(*arguments)


def test_same_input_same_bytes(tmp_path, corpus):
    build_store(corpus, TOKENIZER, tmp_path / "one")
    build_store(corpus, TOKENIZER, tmp_path / "two")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_fingerprint_follows_content_and_settings(tmp_path, corpus):
    tokenizers = [TOKENIZER, WordPieceTokenizer(VOCABULARY, TokenizerConfig(strip_accents=False))]
    configs = [StoreConfig(), StoreConfig(seed=1), StoreConfig(held_out_fraction=0.2)]
    prints = [
        build_store(corpus, tokenizer, tmp_path / f"{i}{j}", config).fingerprint
        for i, tokenizer in enumerate(tokenizers)
        for j, config in enumerate(configs)
    ]
    moved = shutil.copytree(corpus, tmp_path / "moved")
    assert build_store(moved, TOKENIZER, tmp_path / "same").fingerprint == prints[0]
    (moved / "a.txt").write_text("the cat\n" * 100)
    prints.append(build_store(moved, TOKENIZER, tmp_path / "changed").fingerprint)
    assert len(set(prints)) == 7


def test_another_vocabulary_is_refused(store):
    store.check_tokenizer(WordPieceTokenizer(VOCABULARY))
    for other in (
        WordPieceTokenizer([*VOCABULARY, "more"]),
        WordPieceTokenizer(VOCABULARY, TokenizerConfig(lowercase=False)),
    ):
        with pytest.raises(InputError, match="expected the vocabulary"):
            store.check_tokenizer(other)


def test_progress(tmp_path, monkeypatch, corpus):
    monkeypatch.setattr(tokenizing, "BATCH_LINES", 50)
    steps = []
    manifest = build_store(corpus, TOKENIZER, tmp_path / "store", on_progress=steps.append)
    size = sum(file.stat().st_size for file in corpus.iterdir())
    assert len(steps) == 10
    assert steps[-1] == Progress(size, size, manifest.num_tokens, manifest.num_documents)
    assert steps == sorted(steps, key=lambda step: (step.num_bytes, step.num_tokens))


# The held-out part


def document_ends(*lengths):
    return np.cumsum([0, *lengths])


@pytest.mark.parametrize(
    ("num_tokens", "fraction", "expected"),
    [
        (10_000_000, 0.01, 100_000),
        (1_000_000, 0.01, 64 * 512),
        (100_000, 0.01, 5_000),
        (100_000, 0.3, 30_000),
        (2_000, 0.01, 100),
    ],
)
def test_size_of_the_held_out_part(num_tokens, fraction, expected):
    ends = document_ends(*[num_tokens // 10] * 10)
    stretches = draw_held_out(ends, fraction, seed=0)
    lengths = stretches[:, 1] - stretches[:, 0]
    assert expected <= lengths.sum() < expected + lengths.max()
    assert lengths.max() <= min(4096, max(16, expected // 8))
    assert (stretches[1:, 0] >= stretches[:-1, 1]).all()


def test_stretches_stay_in_one_document():
    rng = np.random.default_rng(0)
    ends = document_ends(*rng.integers(1, 3000, 400))
    stretches = draw_held_out(ends, 0.5, seed=0)
    document = np.searchsorted(ends, stretches[:, 0], side="right")
    assert (stretches[:, 1] <= ends[document]).all()
    assert (stretches[:, 0] < stretches[:, 1]).all()


def test_stretches_depend_on_the_seed():
    ends = document_ends(*[1000] * 100)
    draws = [draw_held_out(ends, 0.01, seed).tolist() for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


def test_stretches_come_from_everywhere():
    ends = document_ends(*[1000] * 100)
    begins = np.concatenate([draw_held_out(ends, 0.05, seed)[:, 0] for seed in range(40)])
    shares = np.histogram(begins, bins=4, range=(0, 100_000))[0] / len(begins)
    np.testing.assert_allclose(shares, 0.25, atol=0.06)


@pytest.mark.parametrize("lengths", [(1,), (16,), (5,)])
def test_too_small_a_corpus(lengths):
    with pytest.raises(InputError, match="corpus: expected enough text to hold out"):
        draw_held_out(document_ends(*lengths), 0.01, seed=0)


@pytest.mark.parametrize("lengths", [(17,), (1, 1), (30,), (3, 1, 2)])
def test_the_smallest_corpora_have_both_parts(lengths):
    ends = document_ends(*lengths)
    for seed in range(20):
        stretches = draw_held_out(ends, 0.01, seed)
        held_out = (stretches[:, 1] - stretches[:, 0]).sum()
        assert 0 < held_out < ends[-1]


def test_division_is_even():
    rng = np.random.default_rng(1)
    ends = document_ends(*rng.integers(1, 500, 50))
    for longest in (1, 7, 100, 1000):
        borders = divide(ends, longest)
        assert np.isin(ends, borders).all()
        lengths = np.diff(borders)
        assert lengths.min() >= 1
        assert lengths.max() <= longest
        for first, last in itertools.pairwise(ends):
            inside = np.diff(borders[(borders >= first) & (borders <= last)])
            assert inside.max() - inside.min() <= 1


def test_stretch_borders_end_sentences():
    sentences, documents = np.array([0, 10, 20, 30, 35, 40]), np.array([0, 20, 30, 40])
    stretches = np.array([[5, 12], [20, 25]])
    train = pieces_of("train", sentences, documents, stretches)
    held_out = pieces_of("held_out", sentences, documents, stretches)
    assert train.starts.tolist() == [0, 12, 25, 30, 35]
    assert train.lengths.tolist() == [5, 8, 5, 5, 5]
    assert train.is_last.tolist() == [True, True, True, False, True]
    assert held_out.starts.tolist() == [5, 10, 20]
    assert held_out.lengths.tolist() == [5, 2, 5]
    assert held_out.is_last.tolist() == [False, True, True]


# Bad input, interruptions and damage


@pytest.mark.parametrize("content", ["", "\n\n \n", "\u200b\n\u00ad"])
def test_empty_corpus(tmp_path, content):
    (tmp_path / "text").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="corpus: expected text, received 1 files without a word"):
        build_store(tmp_path / "text", TOKENIZER, tmp_path / "store")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["text"]


def test_wrong_encoding_leaves_nothing(tmp_path, corpus):
    (corpus / "c.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"c\.txt.*offset 3.*--encoding"):
        build_store(corpus, TOKENIZER, tmp_path / "store")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["corpus"]


def test_existing_folder_is_not_touched(tmp_path, corpus, store):
    before = {file: file.read_bytes() for file in store.path.iterdir()}
    with pytest.raises(InputError, match="out: expected a folder that does not exist yet"):
        build_store(corpus, TOKENIZER, store.path)
    assert {file: file.read_bytes() for file in store.path.iterdir()} == before


def test_folders_above_are_made(tmp_path, corpus):
    build_store(corpus, TOKENIZER, tmp_path / "some" / "where" / "store")
    Store(tmp_path / "some" / "where" / "store").verify()


@pytest.mark.parametrize("fault", [KeyboardInterrupt, RuntimeError("bug"), BrokenPipeError()])
def test_a_failing_build_leaves_nothing(tmp_path, monkeypatch, corpus, fault):
    monkeypatch.setattr(tokenizing, "BATCH_LINES", 50)

    def fail(progress):
        if progress.num_tokens > 2000:
            raise fault

    with pytest.raises(fault if isinstance(fault, type) else type(fault)):
        build_store(corpus, TOKENIZER, tmp_path / "store", on_progress=fail)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["corpus"]


@pytest.mark.parametrize("after", [0, 1, 4, 6])
def test_full_disk(tmp_path, monkeypatch, corpus, after):
    writes, real_write = [], writing.HashedFile.write

    def write(self, values):
        writes.append(values)
        if len(writes) > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        real_write(self, values)

    monkeypatch.setattr(writing.HashedFile, "write", write)
    with pytest.raises(InputError, match=r"no space left on the disk of .*store"):
        build_store(corpus, TOKENIZER, tmp_path / "store")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["corpus"]


def test_a_place_that_cannot_be_written(tmp_path, corpus):
    with pytest.raises(InputError, match="expected to be able to write"):
        build_store(corpus, TOKENIZER, corpus / "a.txt" / "store")


SLOW_BUILD = """
import sys, time
from keras_electra.store import build_store
from keras_electra.store.preparing import tokenizing
from keras_electra.tokenizer import WordPieceTokenizer
tokenizing.BATCH_LINES = 20
def wait(progress):
    print(progress.num_tokens, flush=True)
    time.sleep(60)
build_store(sys.argv[1], WordPieceTokenizer.from_file(sys.argv[2]), sys.argv[3], on_progress=wait)
"""


@pytest.fixture
def slow_build(tmp_path, corpus):
    """Another process in the middle of building `tmp_path / "store"`."""
    TOKENIZER.save(tmp_path / "vocab.txt")
    arguments = [corpus, tmp_path / "vocab.txt", tmp_path / "store"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_BUILD, *map(str, arguments)],
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert int(process.stdout.readline()) > 0
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def temporary_folders(folder):
    return [file.name for file in folder.iterdir() if file.name.endswith(".tmp")]


def test_a_killed_build_leaves_no_store_and_is_cleared_away(tmp_path, corpus, slow_build):
    assert len(temporary_folders(tmp_path)) == 1
    slow_build.send_signal(signal.SIGKILL)
    slow_build.wait()
    assert not (tmp_path / "store").exists()
    assert len(temporary_folders(tmp_path)) == 1
    build_store(corpus, TOKENIZER, tmp_path / "store")
    assert temporary_folders(tmp_path) == []
    Store(tmp_path / "store").verify()


def test_a_build_that_is_alive_is_left_alone(tmp_path, corpus, slow_build):
    (theirs,) = temporary_folders(tmp_path)
    build_store(corpus, TOKENIZER, tmp_path / "store")
    assert temporary_folders(tmp_path) == [theirs]
    assert any((tmp_path / theirs).iterdir())


def test_a_store_that_appears_meanwhile_is_kept(tmp_path, corpus):
    out = tmp_path / "store"

    def appear(progress):
        if not out.exists():
            out.mkdir()
            (out / "precious").write_text("kept")

    with pytest.raises(InputError, match="expected to be able to write"):
        build_store(corpus, TOKENIZER, out, on_progress=appear)
    assert (out / "precious").read_text() == "kept"
    assert temporary_folders(tmp_path) == []


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_every_flipped_byte_is_found(store):
    names = sorted(store.manifest.files)
    assert "tokens-00000.bin" in names
    assert len(names) == 6
    for name in names:
        before = (store.path / name).read_bytes()
        flip_a_byte(store.path / name)
        with pytest.raises(DamagedDataError, match=name.replace(".", r"\.")):
            Store(store.path).verify()
        (store.path / name).write_bytes(before)
    store.verify()


def test_what_opening_finds(store):
    flip_a_byte(store.vocabulary)
    with pytest.raises(DamagedDataError, match=r"vocab\.txt is damaged: expected SHA-256"):
        Store(store.path)


@pytest.mark.parametrize("name", ["tokens-00000.bin", "sentence_offsets.bin", "vocab.txt"])
@pytest.mark.parametrize("kind", ["shorter", "longer", "missing"])
def test_opening_checks_sizes(store, name, kind):
    path = store.path / name
    if kind == "shorter":
        path.write_bytes(path.read_bytes()[:-1])
    elif kind == "longer":
        path.write_bytes(path.read_bytes() + b"\0")
    else:
        path.unlink()
    with pytest.raises(DamagedDataError, match=f"{name} is damaged: expected .* bytes"):
        Store(store.path)


@pytest.mark.parametrize("cut", [0, 1, 100, -3])
def test_a_manifest_cut_short(store, cut):
    path = store.path / "manifest.json"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DamagedDataError, match=r"manifest\.json is damaged"):
        Store(store.path)


@pytest.mark.parametrize(
    "change",
    [
        {"num_tokens": 5},
        {"files": {}},
        {"files": None},
        {"fingerprint": "0"},
        {"tokenizer": {"lowercase": False}},
        {"store": {"unknown": 1}},
        {"surprise": 1},
        {"sources": 3},
    ],
)
def test_a_changed_manifest(store, change):
    path = store.path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DamagedDataError, match=r"manifest\.json is damaged"):
        Store(store.path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"token_dtype": "object"},
            "token_dtype: expected one of uint16, uint32, received 'object'",
        ),
        ({"token_dtype": "float32"}, "token_dtype"),
        ({"token_dtype": "U99"}, "token_dtype"),
        ({"token_dtype": ["<u2", "<u2"]}, "token_dtype"),
        ({"token_dtype": "uint32"}, r"tokens-00000\.bin: expected \d+ bytes"),
        ({"num_tokens": 5}, r"tokens-00000\.bin: expected 10 bytes"),
        ({"num_tokens": 10**9}, r"tokens-00000\.bin: expected"),
        ({"num_tokens": -5}, "num_tokens: expected a whole number from 1"),
        ({"num_tokens": "many"}, "num_tokens"),
        ({"num_sentences": 3}, r"sentence_offsets\.bin: expected 32 bytes"),
        ({"num_documents": 1.5}, "num_documents"),
        ({"vocabulary_size": 7}, r"token_counts\.bin: expected 56 bytes"),
        ({"files": {}}, "document_offsets.bin"),
    ],
)
def test_a_manifest_that_does_not_fit_its_files(store, change, words):
    """With a right fingerprint: nothing is mapped in a type or size that the program does not write."""
    path = store.path / "manifest.json"
    content = {**json.loads(path.read_text()), **change}
    path.write_text(json.dumps({**content, "fingerprint": fingerprint_of(content)}))
    with pytest.raises(DamagedDataError, match=rf"manifest\.json is damaged: .*{words}"):
        Store(store.path)


def test_another_format_version(store):
    path = store.path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 99}))
    with pytest.raises(InputError, match="expected format version 2, received 99"):
        Store(store.path)


def test_no_store(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match=r"store: expected a folder with manifest\.json"):
            Store(path)


def test_opening_and_packing_are_quick(store):
    start = time.perf_counter()
    Store(store.path).examples("train", 128)
    assert time.perf_counter() - start < 1
