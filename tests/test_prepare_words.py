"""Words looked up instead of cut again, parts in memory, and packing: nothing is lost on the way."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.store import held_out
from keras_electra.store.chunk import Chunk
from keras_electra.store.examples import Examples
from keras_electra.store.held_out import draw_held_out, pieces_of
from keras_electra.store.original_packing import OriginalPacking
from keras_electra.store.packing import ContinuousPacking
from keras_electra.tokenizer import SPECIAL_TOKENS, LineEncoder, WordPieceTokenizer, words

LETTERS = "aàbcdeßiïİσΣ中國äñ"
VOCABULARY = [*SPECIAL_TOKENS, *"abcdeisnσ中.,!#", *(f"##{letter}" for letter in "abcdeisnσ")]
TOKENIZERS = [
    WordPieceTokenizer(VOCABULARY, TokenizerConfig(max_word_characters=9, **options))
    for options in ({}, {"lowercase": False}, {"cuts_long_words": True})
]
# White space, control characters that are none, marks that join, signs, and what folding removes.
ODD = " \t\u00a0\u3000\x0b\x1c\x85\u200b\u00ad\u0301\u0308.,!#\ufffd\u2028"


def odd_lines(count, seed=0):
    choose = random.Random(seed)
    letters = LETTERS + ODD + " " * 20
    return ["".join(choose.choices(letters, k=choose.randint(0, 40))) for _ in range(count)]


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=["lowercase", "cased", "cut"])
def test_lines_become_what_the_tokenizer_says(tokenizer):
    encoder = LineEncoder(tokenizer, hashes_words=True)
    lines = odd_lines(3000)
    for first in range(0, len(lines), 500):
        some_lines = lines[first : first + 500]
        expected = tokenizer.encode_many(some_lines)
        encoded = encoder.encode(some_lines)
        assert encoded.token_ids.tolist() == list(itertools.chain.from_iterable(expected))
        assert encoded.num_tokens.tolist() == [len(ids) for ids in expected]
        assert encoded.num_words.tolist() == [len(line.split()) for line in some_lines]
        folded = [tokenizer.normalize(line).split() for line in some_lines]
        assert encoded.num_hashed.tolist() == [len(found) for found in folded]


def test_every_character_folds_alike_beside_a_space():
    """No step of the folding looks across a space, whichever character stands there."""
    tokenizer = TOKENIZERS[0]
    for code in range(0, 0x110000, 7):
        character = chr(code)
        for text in (f"ΑΣ{character} b", f"a {character}Σ c", f"Σ {character} Σ"):
            whole = tokenizer.normalize(text).split()
            cut = " ".join(map(tokenizer.normalize, text.split(" "))).split()
            assert whole == cut, hex(code)


def test_word_hashes_are_those_of_folded_words():
    lines = ["A b,c", "a B , C", "a b c"]
    encoded = LineEncoder(TOKENIZERS[0], hashes_words=True).encode(lines)
    one, two, three = np.split(encoded.word_hashes, np.cumsum(encoded.num_hashed)[:-1])
    assert one.tolist() == two.tolist()
    assert three.tolist() == one[[0, 1, 3]].tolist()
    assert len(LineEncoder(TOKENIZERS[0]).encode(lines).word_hashes) == 0


@pytest.mark.parametrize("name", ["MAX_KNOWN", "MAX_KNOWN_CHARACTERS"])
def test_forgetting_changes_nothing(monkeypatch, name):
    lines = odd_lines(600, seed=1)
    expected = LineEncoder(TOKENIZERS[0]).encode(lines)
    monkeypatch.setattr(words, name, 20)
    encoder = LineEncoder(TOKENIZERS[0])
    encoded = [encoder.encode(lines[first : first + 10]) for first in range(0, 600, 10)]
    for name in ("token_ids", "num_tokens", "num_words"):
        joined = np.concatenate([getattr(part, name) for part in encoded])
        np.testing.assert_array_equal(joined, getattr(expected, name))


def test_no_lines():
    encoded = LineEncoder(TOKENIZERS[0]).encode([])
    assert [len(values) for values in encoded] == [0] * 5


# Chunks


@some.composite
def chunks(draw):
    lengths = draw(some.lists(some.lists(some.integers(1, 6), min_size=1), min_size=1))
    sentences = np.array(list(itertools.chain.from_iterable(lengths)))
    return Chunk(np.arange(sentences.sum()), sentences, np.array([len(own) for own in lengths]))


def borders(chunk):
    """Tokens that begin sentences, and those that begin documents."""
    starts = np.cumsum(chunk.sentence_lengths) - chunk.sentence_lengths
    firsts = np.cumsum(chunk.document_sentences) - chunk.document_sentences
    return set(chunk.token_ids[starts]), set(chunk.token_ids[starts[firsts]])


@given(chunks(), some.data())
def test_removing_tokens(chunk, data):
    count = len(chunk.token_ids)
    is_removed = np.array(data.draw(some.lists(some.booleans(), min_size=count, max_size=count)))
    left = chunk.without(is_removed)
    kept = np.flatnonzero(~is_removed)
    assert left.token_ids.tolist() == kept.tolist()
    sentences, documents = borders(chunk)
    after_gap = {token for token in kept if token == 0 or is_removed[token - 1]}
    new_sentences, new_documents = borders(left) if len(kept) else (set(), set())
    assert new_sentences == (sentences & set(kept)) | after_gap
    assert new_documents == (documents & set(kept)) | after_gap


@given(chunks(), some.data())
def test_choosing_documents(chunk, data):
    count = len(chunk.document_sentences)
    is_kept = np.array(data.draw(some.lists(some.booleans(), min_size=count, max_size=count)))
    left = chunk.only(is_kept)
    document = np.repeat(np.arange(count), chunk.document_tokens)
    assert left.token_ids.tolist() == np.flatnonzero(is_kept[document]).tolist()
    assert left.document_tokens.tolist() == chunk.document_tokens[is_kept].tolist()


# Packing


@settings(max_examples=200, deadline=None)
@given(
    chunks(),
    some.integers(5, 20),
    some.floats(0.01, 0.6),
    some.integers(0, 5),
    some.sampled_from(["continuous", "original"]),
)
def test_packing_loses_no_token_and_invents_none(chunk, sequence_length, fraction, seed, packing):
    sentences = np.concatenate([[0], np.cumsum(chunk.sentence_lengths)])
    ends = np.concatenate([[0], np.cumsum(chunk.document_tokens)])
    count = len(chunk.token_ids)
    try:
        stretches = draw_held_out(ends, fraction, seed)
    except ValueError:
        stretches = np.zeros((0, 2), np.int64)
    special = {"pad_id": count, "class_id": count + 1, "separator_id": count + 2}
    is_held_out = np.zeros(count, bool)
    for first, last in stretches:
        is_held_out[first:last] = True
    for part, own in (("train", ~is_held_out), ("held_out", is_held_out)):
        pieces = pieces_of(part, sentences, ends, stretches)
        if not len(pieces.starts):
            continue
        if packing == "continuous":
            index = ContinuousPacking(pieces, sequence_length)
        else:
            index = OriginalPacking(pieces, sequence_length, seed)
        examples = Examples(chunk.token_ids, index, sequence_length=sequence_length, **special)
        token_ids, _, padding_mask = examples.take(np.arange(len(examples)))
        assert (padding_mask == (token_ids != special["pad_id"])).all()
        ordinary = token_ids[token_ids < count]
        if packing == "continuous":
            assert ordinary.tolist() == np.flatnonzero(own).tolist()
        else:
            # The original cuts what does not fit; nothing may come twice or from elsewhere.
            assert len(set(ordinary.tolist())) == len(ordinary)
            assert own[ordinary].all()


# The held-out part of large corpora, and old stores


def test_held_out_text_is_drawn_alike_in_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    corpora = [np.cumsum([0, *rng.integers(1, 3000, rng.integers(3, 300))]) for _ in range(40)]
    expected = [draw_held_out(ends, 0.02, 1) for ends in corpora]
    monkeypatch.setattr(held_out, "LARGE_TOKENS", 1000)
    monkeypatch.setattr(held_out, "BLOCK_DOCUMENTS", 7)
    for ends, stretches in zip(corpora, expected, strict=True):
        np.testing.assert_array_equal(draw_held_out(ends, 0.02, 1), stretches)
