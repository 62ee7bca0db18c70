"""Stores joined, divided and added to: no token is lost, and held-out text stays held out."""

import itertools
import shutil

import numpy as np
import pytest

from keras_electra.config.store import DuplicatesConfig, StoreConfig
from keras_electra.errors import DamagedDataError, InputError
from keras_electra.store import (
    Store,
    add_to_store,
    build_store,
    joining,
    merge_stores,
    repeated,
    split_store,
)
from keras_electra.tokenizer import SPECIAL_TOKENS, WordPieceTokenizer

NUM_WORDS = 4000
VOCABULARY = [*SPECIAL_TOKENS, *(f"w{number}" for number in range(NUM_WORDS))]
TOKENIZER = WordPieceTokenizer(VOCABULARY)


def write_text(path, numbers, seed):
    """Documents of sentences in which every word occurs once."""
    rng = np.random.default_rng(seed)
    lines = np.array_split([f"w{number}" for number in numbers], len(numbers) // 6)
    marks = rng.random(len(lines)) < 0.3
    path.write_text(
        "".join(
            f"{' '.join(line)}\n" + "\n" * int(mark)
            for line, mark in zip(lines, marks, strict=True)
        )
    )
    return path


def all_tokens(store):
    return store.tokens[np.arange(store.num_tokens)]


def documents_in(store):
    sentences = np.fromfile(store.path / "sentence_offsets.bin", "<i8")
    ends = sentences[np.fromfile(store.path / "document_offsets.bin", "<i8")]
    tokens = all_tokens(store)
    return [tuple(tokens[a:b].tolist()) for a, b in itertools.pairwise(ends)]


def sentences_in(store):
    borders, tokens = np.fromfile(store.path / "sentence_offsets.bin", "<i8"), all_tokens(store)
    return [tuple(tokens[a:b].tolist()) for a, b in itertools.pairwise(borders)]


def held_out_tokens(store):
    tokens = all_tokens(store)
    return set(
        itertools.chain.from_iterable(tokens[a:b].tolist() for a, b in store.held_out_stretches)
    )


@pytest.fixture
def stores(tmp_path):
    config = StoreConfig(held_out_fraction=0.1)
    for name, first, last in (("a", 0, 2500), ("b", 2500, 4000)):
        text = write_text(tmp_path / f"{name}.txt", range(first, last), seed=first)
        build_store(text, TOKENIZER, tmp_path / name, config)
    return [Store(tmp_path / name) for name in "ab"]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(repeated, "CHUNK_TOKENS", 100)


def test_merging(stores, tmp_path):
    merge_stores([store.path for store in stores], tmp_path / "both")
    both = Store(tmp_path / "both")
    both.verify()
    assert documents_in(both) == documents_in(stores[0]) + documents_in(stores[1])
    assert sentences_in(both) == sentences_in(stores[0]) + sentences_in(stores[1])
    assert held_out_tokens(both) == held_out_tokens(stores[0]) | held_out_tokens(stores[1])
    np.testing.assert_array_equal(
        both.token_counts, stores[0].token_counts + stores[1].token_counts
    )
    assert len(both.manifest.sources) == 2
    assert both.manifest.made["by"] == "merge"
    assert both.examples("train", 32).take(np.arange(3))[0].shape == (3, 32)


def test_documents_in_several_stores_are_kept_once(tmp_path):
    config, told = StoreConfig(held_out_fraction=0.2), []
    documents = [" ".join(f"w{n}" for n in range(40 * k, 40 * k + 40)) for k in range(60)]
    near = documents[50] + " w3999"
    texts = {
        "a": documents[:40],
        "b": [*documents[20:50], documents[5]],
        "c": [near, documents[50]],
    }
    for name, own in texts.items():
        (tmp_path / f"{name}.txt").write_text("\n\n".join(own))
        build_store(tmp_path / f"{name}.txt", TOKENIZER, tmp_path / name, config)
    paths = [tmp_path / name for name in texts]
    for name, duplicates, expected in (
        ("all", DuplicatesConfig(), [*texts["a"], *texts["b"], *texts["c"]]),
        ("exact", DuplicatesConfig(drop_duplicates=True), [*documents[:50], near, documents[50]]),
        ("near", DuplicatesConfig(near_duplicate_similarity=0.8), [*documents[:50], near]),
    ):
        merge_stores(paths, tmp_path / name, duplicates=duplicates, tell=told.append)
        merged = Store(tmp_path / name)
        merged.verify()
        assert documents_in(merged) == [tuple(TOKENIZER.encode(text)) for text in expected]
        held_out, training = held_out_tokens(merged), merged.token_counts
        assert held_out <= set().union(*(held_out_tokens(Store(path)) for path in paths))
        assert sum(training) + merged.manifest.num_held_out_tokens == merged.num_tokens
        if name != "all":
            # No word occurs in two documents that are left, but for the near duplicate's.
            assert all(training[token] == 0 for token in held_out if token < 5 + 40 * 50)
            assert not (tmp_path / name / "search").exists()
    assert Store(tmp_path / "near").manifest.made["dropped_documents"] == 22
    assert "among 73 documents" in told[0]
    assert told[1].startswith("21 duplicates and 0 near duplicates; the search took")


def test_merging_refuses_other_vocabularies(stores, tmp_path):
    other = WordPieceTokenizer([*VOCABULARY, "more"])
    build_store(tmp_path / "a.txt", other, tmp_path / "other")
    with pytest.raises(InputError, match="other: expected the vocabulary and settings"):
        merge_stores([stores[0].path, tmp_path / "other"], tmp_path / "both")
    with pytest.raises(InputError, match="stores: expected at least two, received 1"):
        merge_stores([stores[0].path], tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_merging_verifies(stores, tmp_path):
    path = stores[1].path / "tokens-00000.bin"
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedDataError, match=r"tokens-00000\.bin is damaged"):
        merge_stores([store.path for store in stores], tmp_path / "both")
    assert not (tmp_path / "both").exists()


@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.9])
def test_splitting(stores, tmp_path, fraction):
    store = stores[0]
    split_store(store.path, tmp_path / "one", tmp_path / "two", fraction, seed=1)
    one, two = Store(tmp_path / "one"), Store(tmp_path / "two")
    for part in (one, two):
        part.verify()
        assert 0 < part.manifest.num_held_out_tokens < part.num_tokens
    assert two.num_documents == round(fraction * store.num_documents)
    documents = documents_in(store)
    assert sorted(documents_in(one) + documents_in(two)) == sorted(documents)
    for part in (one, two):
        # In the order of the old store.
        assert documents_in(part) == [d for d in documents if d in set(documents_in(part))]
        trained = set(all_tokens(part).tolist()) - held_out_tokens(part)
        has_own = held_out_tokens(store) & set(all_tokens(part).tolist())
        if has_own:
            assert held_out_tokens(part) == has_own
            assert not trained & held_out_tokens(store)


def test_splitting_depends_on_the_seed(stores, tmp_path):
    for name, seed in (("a1", 1), ("b1", 1), ("c1", 2)):
        split_store(stores[0].path, tmp_path / name, tmp_path / f"{name}-", 0.5, seed)
    one, two, three = (documents_in(Store(tmp_path / name)) for name in ("a1", "b1", "c1"))
    assert one == two != three


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1, 0.0001])
def test_impossible_fractions(stores, tmp_path, fraction):
    with pytest.raises(InputError, match="fraction: expected"):
        split_store(stores[0].path, tmp_path / "one", tmp_path / "two", fraction)
    assert not (tmp_path / "one").exists()


def test_a_part_that_gets_nothing_held_out_draws_its_own(stores, tmp_path):
    store = stores[0]
    # Of a store whose held-out text is in a few documents, a small part has none of it.
    build_store(tmp_path / "a.txt", TOKENIZER, tmp_path / "c", StoreConfig(held_out_fraction=0.01))
    held_out = held_out_tokens(Store(tmp_path / "c"))
    num_drawn = 0
    for seed in range(10):
        out = [tmp_path / f"{part}{seed}" for part in ("one", "two")]
        split_store(tmp_path / "c", *out, 0.15, seed)
        two = Store(out[1])
        assert 0 < two.manifest.num_held_out_tokens < two.num_tokens
        num_drawn += not held_out_tokens(two) & held_out
    assert num_drawn
    assert store.num_documents > 20


def test_a_part_that_is_too_small_leaves_none(tmp_path):
    (tmp_path / "text").write_text("w1\n\n" + "\n".join(f"w{n} w2" for n in range(200)))
    build_store(tmp_path / "text", TOKENIZER, tmp_path / "store")
    for seed in range(2):
        with pytest.raises(InputError, match="expected (enough text|text to train on)"):
            split_store(tmp_path / "store", tmp_path / "one", tmp_path / "two", 0.5, seed)
        assert not (tmp_path / "one").exists() and not (tmp_path / "two").exists()


def test_joining_what_was_split_loses_nothing(stores, tmp_path):
    split_store(stores[0].path, tmp_path / "one", tmp_path / "two", 0.4)
    merge_stores([tmp_path / "one", tmp_path / "two"], tmp_path / "again")
    again = Store(tmp_path / "again")
    assert sorted(documents_in(again)) == sorted(documents_in(stores[0]))
    assert held_out_tokens(again) == held_out_tokens(stores[0])


def test_adding_text(stores, tmp_path):
    before = {path.name: path.read_bytes() for path in stores[0].path.iterdir()}
    manifest = add_to_store(stores[0].path, tmp_path / "b.txt", tmp_path / "more")
    more = Store(tmp_path / "more")
    assert more.manifest == manifest
    assert documents_in(more) == documents_in(stores[0]) + documents_in(stores[1])
    assert held_out_tokens(more) == held_out_tokens(stores[0]) | held_out_tokens(stores[1])
    assert {path.name: path.read_bytes() for path in stores[0].path.iterdir()} == before
    assert not list(tmp_path.glob("*.added*"))


def test_adding_goes_on_after_an_interruption(stores, tmp_path, monkeypatch):
    def interrupted(*arguments, **keywords):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(joining, "merge_stores", interrupted)
        with pytest.raises(KeyboardInterrupt):
            add_to_store(stores[0].path, tmp_path / "b.txt", tmp_path / "more")
    assert (tmp_path / "more.added" / "manifest.json").exists()
    add_to_store(stores[0].path, tmp_path / "b.txt", tmp_path / "more")
    assert not list(tmp_path.glob("*.added*"))
    with pytest.raises(InputError, match="out: expected a folder that does not exist yet"):
        add_to_store(stores[0].path, tmp_path / "b.txt", tmp_path / "more")


def test_stores_with_several_files_of_tokens(stores, tmp_path):
    build_store(tmp_path / "a.txt", TOKENIZER, tmp_path / "c", StoreConfig(shard_tokens=300))
    merge_stores([tmp_path / "c", stores[1].path], tmp_path / "both")
    both = Store(tmp_path / "both")
    assert both.manifest.store.shard_tokens == 300
    assert documents_in(both) == documents_in(stores[0]) + documents_in(stores[1])
    shutil.rmtree(tmp_path / "c")
    both.verify()
