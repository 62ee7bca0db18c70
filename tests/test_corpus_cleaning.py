"""Cleaning, contamination and mixtures: what is dropped, what is counted, how often it is taken."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus import (
    CleaningCounts,
    HeldOutNgrams,
    Problems,
    Source,
    cleaned,
    num_copies,
    read_unit,
    repetitions,
    units,
)
from keras_electra.corpus.contamination import ngram_hashes, word_hashes
from keras_electra.errors import InputError


def clean(texts, held_out=None, **options):
    config, counts, documents = CorpusConfig(**options), CleaningCounts(), [[]]
    for unit in units(Source(texts), config):
        for line in cleaned(read_unit(unit, config, Problems()), config, counts, held_out):
            if line is None:
                documents.append([])
            else:
                documents[-1].append(line)
    assert documents.pop() == []
    return documents, counts


def test_nothing_is_cleaned_by_default():
    lines = iter(["a\x07", None])
    assert cleaned(lines, CorpusConfig(), CleaningCounts()) is lines


def test_unicode_normalisation():
    texts = ["cafe\u0301\nplain", "ﬁne ①"]
    documents, counts = clean(texts, unicode_form="NFC")
    assert documents == [["café", "plain"], ["ﬁne ①"]]
    assert counts.num_normalized_lines == 1
    documents, counts = clean(texts, unicode_form="NFKC")
    assert documents == [["café", "plain"], ["fine 1"]]
    assert counts.num_normalized_lines == 2


def test_control_characters():
    texts = ["a\x00b\x07\tc\x0bd\x85e\x9f", "\x00\x01", "zero\u200dwidth", "\x08\nlast"]
    documents, counts = clean(texts, removes_control_characters=True)
    assert documents == [["ab\tc d e"], ["zero\u200dwidth"], ["last"]]
    assert counts.num_control_lines == 3


def test_lengths():
    texts = ["1234", "12\n34", "123", "12345", "123\n456"]
    documents, counts = clean(texts, min_document_characters=4, max_document_characters=5)
    assert documents == [["1234"], ["12", "34"], ["12345"]]
    assert (counts.num_documents, counts.num_short, counts.num_long) == (5, 1, 1)
    assert counts.dropped_characters == 9
    with pytest.raises(InputError, match="max_document_characters: expected at least"):
        CorpusConfig(min_document_characters=4, max_document_characters=3)


def test_lengths_are_those_after_cleaning():
    documents, _ = clean(
        ["ab\x00\x00\x00"], removes_control_characters=True, min_document_characters=3
    )
    assert documents == []


def test_counts_add_up():
    first = CleaningCounts(num_documents=2, num_short=1)
    second = CleaningCounts(num_documents=3, num_unknown=4, dropped_characters=9)
    total = first + CleaningCounts.from_dict(json.loads(json.dumps(second.to_dict())))
    assert total == CleaningCounts(5, 0, 0, 1, 0, 0, 4, 9)


WORDS = ["Alpha", *(f"beta{number}" for number in range(13))]


class TestContamination:
    def test_a_run_of_words_is_enough(self):
        held_out = HeldOutNgrams.from_texts([" ".join(WORDS)], 13)
        for start, is_shared in [(0, True), (1, True), (2, False)]:
            document = ["before", "; ".join(WORDS[start : start + 13]).upper(), "after"]
            assert held_out.is_shared_with(document) is is_shared

    def test_across_lines_and_signs(self):
        held_out = HeldOutNgrams.from_texts([" ".join(WORDS)], 13)
        assert held_out.is_shared_with([f"“{word}”," for word in WORDS])

    def test_short_texts_count_whole(self):
        held_out = HeldOutNgrams.from_texts(
            [" ".join(WORDS[:8]), " ".join(WORDS[:7]), "and so on", ""], 13
        )
        assert held_out.num_too_short == 3
        assert held_out.is_shared_with(["x " + " ".join(WORDS[:9])])
        assert not held_out.is_shared_with([" ".join(WORDS[:7])])

    def test_a_small_number_of_words_may_be_asked_for(self):
        held_out = HeldOutNgrams.from_texts(["one two three"], 2)
        assert held_out.is_shared_with(["two three"])
        assert not held_out.is_shared_with(["one three"])

    def test_scripts_without_spaces(self):
        text = "今日は海が静かだと灯台守は言った"
        held_out = HeldOutNgrams.from_texts([text], 13)
        assert held_out.is_shared_with([f"彼は{text}。"])
        assert not held_out.is_shared_with([text[:12]])

    def test_documents_are_dropped_and_counted(self):
        held_out = HeldOutNgrams.from_texts([" ".join(WORDS)], 13)
        documents, counts = clean(["good", " ".join(WORDS) + "!", "better"], held_out)
        assert documents == [["good"], ["better"]]
        assert counts.num_contaminated == 1

    def test_the_same_in_every_process(self):
        held_out = HeldOutNgrams.from_texts([" ".join(WORDS)], 13)
        program = (
            "import pickle, sys\n"
            "held_out = pickle.load(sys.stdin.buffer)\n"
            f"print(held_out.is_shared_with({[' '.join(WORDS)]!r}))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], input=pickle.dumps(held_out), capture_output=True
        )
        assert done.stdout.strip() == b"True", done.stderr

    @given(st.lists(st.sampled_from("abcdef"), max_size=30), st.integers(1, 5))
    def test_equal_runs_have_equal_hashes(self, words, length):
        hashes = ngram_hashes(word_hashes([" ".join(words)]), length)
        runs = [tuple(words[n : n + length]) for n in range(len(words) - length + 1)]
        assert len(hashes) == len(runs)
        assert len(set(hashes.tolist())) == len(set(runs))


class TestMixtures:
    @given(
        st.lists(st.integers(1, 10**9), min_size=1, max_size=5),
        st.lists(st.floats(0.01, 100), min_size=5, max_size=5),
    )
    def test_tokens_stand_in_the_proportion_of_the_weights(self, tokens, weights):
        weights = weights[: len(tokens)]
        taken = np.multiply(repetitions(tokens, weights), tokens)
        assert taken.sum() == pytest.approx(sum(tokens))
        assert taken / taken.sum() == pytest.approx(np.divide(weights, sum(weights)))

    def test_a_source_without_text(self):
        with pytest.raises(InputError, match="received none in source 1"):
            repetitions([5, 0], [1, 1])

    @given(
        st.lists(st.integers(0, 1000), max_size=50),
        st.floats(0, 6),
        st.integers(0, 2**40),
    )
    def test_copies(self, tokens, repetition, seed):
        tokens = np.array(tokens, np.int64)
        copies = num_copies(tokens, repetition, seed)
        assert ((copies == int(repetition)) | (copies == int(repetition) + 1)).all()
        largest = tokens.max(initial=0)
        assert abs((copies * tokens).sum() - repetition * tokens.sum()) <= largest / 2 + 1e-6

    def test_which_documents_is_chosen_by_the_seed(self):
        tokens = np.full(1000, 10)
        first, second = (num_copies(tokens, 0.5, seed) for seed in (0, 1))
        assert first.sum() == second.sum() == 500
        assert 200 < (first & second).sum() < 300
        assert (first == num_copies(tokens, 0.5, 0)).all()
        # No stretch of the corpus is left out.
        assert first.reshape(10, 100).sum(1).min() > 30
