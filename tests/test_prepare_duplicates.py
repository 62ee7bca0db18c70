"""Duplicates: equal and similar documents are found, and the earliest of them is kept."""

import itertools
import json
import re
import sys

import numpy as np
import pytest

from keras_electra.config.store import DuplicatesConfig
from keras_electra.errors import InputError, MissingExtraError
from keras_electra.store import Store, prepare, prepare_store
from keras_electra.store.preparing import record_table
from keras_electra.store.preparing import signatures as signing
from keras_electra.store.preparing.duplicates import drop_duplicates, drop_families
from keras_electra.store.preparing.signatures import (
    bands_and_rows,
    bands_of,
    likeness,
    share_of_pairs,
    shingles,
    signatures,
    text_hashes,
)
from keras_electra.tokenizer import SPECIAL_TOKENS, WordPieceTokenizer

WORDS = [f"{a}{b}{c}" for a, b, c in itertools.product("bdfgklmn", "aeiou", "prst")]
TOKENIZER = WordPieceTokenizer([*SPECIAL_TOKENS, *WORDS, ".", ","])
EXACT = DuplicatesConfig(drop_duplicates=True)
NEAR = DuplicatesConfig(near_duplicate_similarity=0.7)


def documents_of(count, num_words=120, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, num_words)) for _ in range(count)]


def texts_in(path):
    store = Store(path)
    sentences = np.fromfile(path / "sentence_offsets.bin", "<i8")
    ends = sentences[np.fromfile(path / "document_offsets.bin", "<i8")]
    return [
        store.tokenizer().decode(store.tokens[np.arange(a, b)]) for a, b in itertools.pairwise(ends)
    ]


def prepared(folder, documents, duplicates, name="store", **keywords):
    """The texts of a store of some documents, and its report."""
    if not (folder / "text").exists():
        (folder / "text").write_text("\n\n".join(documents))
    told = []
    prepare_store(
        folder / "text",
        TOKENIZER,
        folder / name,
        duplicates=duplicates,
        tell=told.append,
        **keywords,
    )
    report = json.loads((folder / name / "report.json").read_text())
    return texts_in(folder / name), report, told


def changed(text, fraction, seed=0):
    """The text with a fraction of its end written anew, so that its shingles change little else."""
    words = text.split()
    rng = np.random.default_rng(seed)
    kept = round((1 - fraction) * len(words))
    return " ".join([*words[:kept], *rng.choice(WORDS, len(words) - kept)])


def test_equal_documents(tmp_path):
    one, two, three = documents_of(3)
    others = documents_of(20, seed=1)
    written = one.upper().replace(" ", "  ", 3) + "\n"
    broken = one.replace(" ", "\n", 5)
    documents = [*others, one, two, written, three, broken, two, *others[:2]]
    texts, report, told = prepared(tmp_path, documents, EXACT)
    assert texts == [*others, one, two, three]
    assert report["dropped_documents"]["duplicates"] == 5
    assert report["dropped_documents"]["near_duplicates"] == 0
    shown = {(example["dropped"], example["kept"]) for example in report["duplicates"]}
    beginning = " ".join(one.split()[:40])
    assert (beginning, beginning) in shown
    assert len(report["duplicates"]) == 5
    assert re.search(r"among 28 documents: at most about [\d,]+ MB", told[0])
    assert re.search(r"5 duplicates and 0 near .* took [\d,]+ MB", told[1])


def test_similar_documents(tmp_path):
    documents = documents_of(30, num_words=300)
    near = changed(documents[3], 0.05, seed=3)
    far = changed(documents[4], 0.6, seed=4)
    same = documents[5].title()
    texts, report, _ = prepared(tmp_path, [*documents, near, far, same], NEAR)
    assert texts == [*documents, far]
    assert report["dropped_documents"]["duplicates"] == 1
    assert report["dropped_documents"]["near_duplicates"] == 1
    (example,) = (e for e in report["duplicates"] if e["kind"] == "near duplicate")
    assert example["kept"] == " ".join(documents[3].split()[:40])


def test_the_earliest_of_a_family_is_kept(tmp_path):
    """A chain: each is like the one before, the last hardly like the first."""
    chain = [documents_of(1, num_words=400)[0]]
    for step in range(1, 6):
        words, new = chain[-1].split(), documents_of(1, num_words=20, seed=step)[0].split()
        chain.append(" ".join([*words[20:], *new]))
    others = documents_of(20, num_words=400, seed=9)
    texts, report, _ = prepared(tmp_path, [*others, *chain[::-1]], NEAR)
    assert texts == [*others, chain[-1]]
    assert report["dropped_documents"]["near_duplicates"] == 5


def test_nothing_is_dropped_unless_asked_for(tmp_path):
    documents = documents_of(10) * 2
    texts, report, told = prepared(tmp_path, documents, DuplicatesConfig())
    assert texts == documents
    assert sum(report["dropped_documents"].values()) == 0
    assert told == []


def test_unlike_documents_are_kept(tmp_path):
    documents = documents_of(400, num_words=30)
    texts, _, _ = prepared(tmp_path, documents, NEAR)
    assert texts == documents


def test_short_documents(tmp_path):
    documents = [*documents_of(20), WORDS[0], WORDS[1], f"{WORDS[0]} {WORDS[1]}", WORDS[0]]
    texts, _, _ = prepared(tmp_path, documents, NEAR)
    assert texts == documents[:-1]


@pytest.mark.parametrize("config", [EXACT, NEAR])
def test_the_number_of_processes_makes_no_difference(tmp_path, monkeypatch, config):
    monkeypatch.setattr(prepare, "UNIT_BYTES", 8192)
    rng = np.random.default_rng(0)
    documents = documents_of(300, num_words=60)
    repeated = [documents[index] for index in rng.integers(0, 300, 100)]
    near = [changed(documents[index], 0.04, index) for index in rng.integers(0, 300, 100)]
    mixed = [*documents, *repeated, *near]
    mixed = [mixed[index] for index in rng.permutation(len(mixed))]
    stores = []
    for count in (1, 3):
        texts, report, _ = prepared(tmp_path, mixed, config, f"s{count}", num_processes=count)
        stores.append({p.name: p.read_bytes() for p in (tmp_path / f"s{count}").iterdir()})
    assert stores[0] == stores[1]
    assert report["dropped_documents"]["duplicates"] >= 100
    assert len(set(texts)) == len(texts)


def test_a_table_that_does_not_fit_into_memory(tmp_path, monkeypatch):
    """As many records as the database may hold several times over."""
    monkeypatch.setattr(record_table, "MEMORY_MB", 100)
    count = 3_000_000
    with record_table.Records(tmp_path, 2) as records:
        keys = np.arange(count, dtype=np.uint64) // np.uint64(3)
        for first in range(0, count, 500_000):
            block = np.arange(first, first + 500_000)
            mixed = keys[block] * np.uint64(0x9E3779B97F4A7C15)
            records.add(mixed, np.zeros(500_000, np.uint64), block)
        found = np.concatenate(list(records.groups()))
        assert records.num_bytes > 10_000_000
    document = np.arange(count)[np.arange(count) % 3 > 0]
    expected = np.stack([document, document // 3 * 3, document - 1], axis=1)
    np.testing.assert_array_equal(found, expected)
    assert list(tmp_path.iterdir()) == []


def test_families(tmp_path):
    is_kept = np.ones(9, np.uint16)
    pairs = [(2, 1), (4, 2), (8, 7), (7, 3), (8, 0)]
    num_dropped, examples = drop_families(pairs, is_kept, tmp_path)
    assert is_kept.tolist() == [1, 1, 0, 0, 0, 1, 1, 0, 0]
    assert num_dropped == 5
    assert examples == [(2, 1), (3, 0), (4, 1), (7, 0), (8, 0)]
    for order in itertools.permutations(pairs):
        again = np.ones(9, bool)
        drop_families(order, again, tmp_path)
        assert again.tolist() == is_kept.astype(bool).tolist()


def test_shingles_stay_in_their_documents():
    words = np.array([5, 6, 7, 8, 5, 6, 7, 9, 5], np.uint64)
    hashes, counts = shingles(words, np.array([4, 4, 1]), 3)
    assert counts.tolist() == [2, 2, 1]
    assert hashes[0] == hashes[2]
    assert len(set(hashes.tolist())) == 4


def test_text_hashes_are_of_the_words_in_order():
    words = np.array([1, 2, 3, 1, 2, 3, 3, 2, 1, 1], np.uint64)
    hashes = text_hashes(words, np.array([3, 3, 3, 1]))
    assert hashes.shape == (4, 2)
    assert (hashes[0] == hashes[1]).all()
    assert len({tuple(row) for row in hashes.tolist()}) == 3


class Made:
    """The marks of documents given as arrays of words' hashes."""

    def __init__(self, documents):
        self.words, self.counts = np.concatenate(documents), np.array([*map(len, documents)])

    def text_hashes(self):
        yield 0, text_hashes(self.words, self.counts)

    def signatures(self):
        yield 0, signatures(self.words, self.counts, 1)


def pair_of(rng, likeness, size=200):
    """Two documents of distinct words, of which they share so many that the Jaccard is as given."""
    shared = round(2 * size * likeness / (1 + likeness))
    words = rng.integers(0, 2**63, 2 * size - shared, dtype=np.uint64)
    return words[:size], np.concatenate([words[:shared], words[size:]])


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.8, 0.9])
def test_how_often_pairs_are_found(tmp_path, similarity):
    rng, num_pairs = np.random.default_rng(0), 200
    assert share_of_pairs(similarity, *bands_and_rows(similarity)) >= 0.95
    rates = {}
    for difference in (-0.1, 0.0, 0.06):
        pairs = [pair_of(rng, similarity + difference) for _ in range(num_pairs)]
        is_kept = np.ones(2 * num_pairs, bool)
        marks = Made([document for pair in pairs for document in pair])
        drop_duplicates(marks, is_kept, tmp_path, similarity=similarity)
        assert is_kept[::2].all()
        rates[difference] = 1 - is_kept[1::2].mean()
    assert rates[-0.1] < 0.03
    assert 0.3 < rates[0.0] < 0.75
    assert rates[0.06] > 0.9
    assert list(tmp_path.iterdir()) == []


def test_likeness_is_that_of_the_documents():
    rng = np.random.default_rng(0)
    for expected in (0.2, 0.5, 0.9):
        pairs = [pair_of(rng, expected) for _ in range(100)]
        marks = signatures(np.concatenate([*map(np.concatenate, pairs)]), np.full(200, 200), 1)
        assert likeness(marks[::2], marks[1::2]).mean() == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    "options",
    [
        {"near_duplicate_similarity": 0.0},
        {"near_duplicate_similarity": 1.0},
        {"near_duplicate_words": 0},
    ],
)
def test_impossible_options(options):
    with pytest.raises(InputError, match=next(iter(options))):
        DuplicatesConfig(**options)


def test_signatures_of_documents_do_not_depend_on_their_neighbours(monkeypatch):
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 40, 50)
    words = rng.integers(0, 2**63, counts.sum(), dtype=np.uint64)
    together = signatures(words, counts, 5)
    monkeypatch.setattr(signing, "BLOCK_WORDS", 130)
    monkeypatch.setattr(signing, "BLOCK_DOCUMENTS", 4)
    np.testing.assert_array_equal(signatures(words, counts, 5), together)
    ends = np.cumsum(counts)
    for place in (0, 7, 49):
        own = words[ends[place] - counts[place] : ends[place]]
        alone = signatures(own, counts[place : place + 1], 5)
        np.testing.assert_array_equal(alone[0], together[place])
    assert signatures(words[:0], counts[:0], 5).shape == (0, 128)
    assert bands_of(together, 18, 7).shape == (50, 18)


@pytest.mark.parametrize(("name", "config"), [("duckdb", EXACT), ("rensa", NEAR)])
def test_a_missing_library_is_named_before_the_work(tmp_path, monkeypatch, name, config):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"duplicates needs .*keras-electra\[data\]"):
        prepared(tmp_path, documents_of(5), config)
    assert [path.name for path in tmp_path.iterdir()] == ["text"]
