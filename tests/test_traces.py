"""Words and pieces, edits, verdicts and the plain-text form; nothing here needs Keras."""

import dataclasses
import json

import numpy as np
import pytest

from keras_electra.errors import InputError
from keras_electra.tokenizer import WordPieceTokenizer
from keras_electra.traces import (
    Candidate,
    Candidates,
    Scenario,
    ScoredWord,
    Sentence,
    Trace,
    VerdictCounts,
    Word,
    plain_text,
    verdicts,
    word_verdicts,
)
from keras_electra.traces.verdicts import verdict

LETTERS = [letter for c in "abcdefghijklmnopqrstuvwxyz" for letter in (c, f"##{c}")]


@pytest.fixture(scope="module")
def spelling():
    """A tokenizer that knows a few words and can spell the others."""
    words = ["the", "chef", "cook", "##ed", "meal", "cafe", "'", ".", "猫", "<", ">", "/", "script"]
    return WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *LETTERS])


def trace_of(words, **changes):
    """A trace of one-piece words: (word, drawn or None, edited or None, probability)."""
    tokens = ["[CLS]", *(edited or word for word, _, edited, _ in words), "[SEP]"]
    shown = ["[CLS]", *(drawn or edited or word for word, drawn, edited, _ in words), "[SEP]"]
    masked = [place for place, (_, drawn, _, _) in enumerate(words, 1) if drawn]
    records, start = [], 0
    for place, (word, _, edited, _) in enumerate(words, 1):
        records.append(Word(word, start, start + len(word), place, place + 1, edited))
        start += len(word) + 1
    edits = np.array([False, *(edited is not None for _, _, edited, _ in words), False])
    fields = {
        "text": " ".join(word for word, *_ in words),
        "tokens": tokens,
        "masked_tokens": ["[MASK]" if p in masked else t for p, t in enumerate(tokens)],
        "mask_positions": np.array(masked, int),
        "sampled_tokens": [shown[place] for place in masked],
        "alternatives": [[("ate", 0.5)] for _ in masked],
        "corrupted_tokens": shown,
        "is_replaced": edits | np.array([a != b for a, b in zip(tokens, shown, strict=True)]),
        "probabilities": np.array([0, *(p for *_, p in words), 0], np.float32),
        "corrupted_ids": np.arange(len(tokens)),
        "words": records,
        "is_edited": edits,
        "original_ranks": [1 for _ in masked],
    }
    return Trace(**{**fields, **changes})


CHEF = [
    ("the", None, None, 0.02),
    ("chef", None, None, 0.6),
    ("cooked", "ate", None, 0.91),
    ("the", "the", None, 0.03),
    ("meal", None, "soup", 0.2),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the Chef cooked.", ["the", "Chef", "cooked", "."]),
        ("  the\tcafé\n", ["the", "café"]),
        ("cafe\u0301 the", ["cafe\u0301", "the"]),
        ("don't", ["don", "'", "t"]),
        ("😀 the 👩‍🍳!", ["😀", "the", "👩‍🍳", "!"]),
        ("猫the", ["猫", "the"]),
        ("<script>", ["<", "script", ">"]),
        ("", []),
        (" \u200b ", []),
    ],
)
def test_words_are_cut_where_they_stand(spelling, text, expected):
    sentence = Sentence.of(text, spelling, 64)
    assert [word.text for word in sentence.words] == expected
    assert [text[word.start : word.end] for word in sentence.words] == expected
    places = [place for word in sentence.words for place in range(word.first, word.last)]
    assert places == list(range(1, len(sentence.ids) - 1))
    assert sentence.ids[0] == spelling.class_id and sentence.ids[-1] == spelling.separator_id
    assert sentence.written == sentence.seen == text
    for place in places:
        assert sentence.position_of(*sentence.place_of(place)) == place


def test_an_edit_is_cut_by_itself(spelling):
    plain = Sentence.of("the chef cooked the meal", spelling, 64)
    edited = Sentence.of("the chef cooked the meal", spelling, 64, {2: "boiled eggs", 4: "MEAL"})
    assert edited.written == "the chef boiled eggs the MEAL"
    word = edited.words[2]
    assert (word.text, word.edited, word.last - word.first) == ("cooked", "boiled eggs", 9)
    assert edited.is_edited.sum() == 9, "another case is no change"
    assert edited.original_ids == plain.original_ids
    assert list(edited.ids[word.last : -1]) == list(plain.ids[-3:-1])
    assert edited.original_id(edited.words[0].first) == plain.ids[1]
    assert edited.original_id(word.first) is None


def test_an_unknown_word_is_one_piece(spelling):
    sentence = Sentence.of("the 😀 meal", spelling, 64, {0: "Ω"})
    assert list(sentence.ids[1:3]) == [spelling.unknown_id] * 2


def test_what_does_not_fit_is_told(spelling):
    text = "the chef cooked the meal the chef"
    sentence = Sentence.of(text, spelling, 6)
    assert len(sentence.ids) == 6
    assert sentence.seen == "the chef cooked"
    assert sentence.num_left_out == 4
    assert [word.last - word.first for word in sentence.words] == [1, 1, 2, 0, 0, 0, 0]
    assert sentence.position_of(3, 0) is None
    cut_inside = Sentence.of(text, spelling, 5)
    assert (cut_inside.num_left_out, cut_inside.position_of(2, 1)) == (5, None)


@pytest.mark.parametrize(
    ("edits", "message"),
    [({9: "x"}, "from 0 to 4, received word 9"), ({0: "\u200b"}, "of which no token is made")],
)
def test_wrong_edits_are_explained(spelling, edits, message):
    with pytest.raises(InputError, match=message):
        Sentence.of("the chef cooked the meal", spelling, 64, edits)


def test_a_scenario_goes_to_json_and_back():
    scenario = Scenario(
        text="a b",
        edits={1: "c", 0: "d"},
        masking="places",
        places=[[1, 0], (0, 0), (1, 0)],
        kept=[(0, 0, "x"), (0, 0, "y")],
        seed=7,
    )
    assert scenario.edits == ((0, "d"), (1, "c"))
    assert scenario.places == ((0, 0), (1, 0))
    assert scenario.kept == ((0, 0, "y"),)
    assert Scenario.from_dict(json.loads(json.dumps(scenario.to_dict()))) == scenario


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"masking": "some"}, "masking: expected one of"),
        ({"mask_rate": 1.0}, "mask_rate"),
        ({"temperature": 0.0}, "temperature: expected a number above 0"),
        ({"temperature": float("inf")}, "temperature"),
        ({"seed": -1}, "seed"),
        ({"top_k": 0}, "top_k"),
        ({"edits": {0: " "}}, "edits: expected text in place of word 0"),
        ({"edits": {"0": "x"}}, r"edits: expected rows of \(number, text\)"),
        ({"places": [(1,)]}, "places: expected rows of"),
        ({"places": [(-1, 0)]}, "places: expected rows of"),
        ({"kept": [3]}, "kept: expected rows of"),
        ({"masks": 1}, "has no option 'masks'"),
        ({"text": "x" * 100_001}, "at most 100,000 characters"),
    ],
)
def test_wrong_scenarios_are_explained(wrong, message):
    with pytest.raises(InputError, match=message):
        Scenario.from_dict({"text": "a", **wrong})


def test_verdicts_of_every_kind():
    table = {
        (True, True, 0.5): "caught",
        (True, False, 0.9): "caught",
        (True, True, 0.49): "missed",
        (False, True, 0.2): "lucky",
        (False, True, 0.7): "false alarm",
        (False, False, 0.7): "false alarm",
        (False, False, 0.2): "",
    }
    assert {case: verdict(*case, 0.5) for case in table} == table


def test_verdicts_of_a_trace():
    trace = trace_of(CHEF)
    assert verdicts(trace) == ["", "", "false alarm", "caught", "lucky", "missed", ""]
    assert word_verdicts(trace) == ["", "false alarm", "caught", "lucky", "missed"]
    assert word_verdicts(trace, 0.1)[-1] == "caught"
    counts = VerdictCounts.of(word_verdicts(trace))
    assert dataclasses.astuple(counts) == (1, 1, 1, 3, 1)
    assert counts.sentence() == "caught 1 of 2 · false alarms 1 of 3"
    without = trace_of(CHEF, probabilities=None)
    assert set(verdicts(without)) == set(word_verdicts(without)) == {""}


def test_a_trace_as_text():
    text = plain_text(trace_of(CHEF))
    assert (
        text == "the [chef 0.60 false alarm] [ate 0.91 caught] [the 0.03 lucky] [soup 0.20 missed]"
    )
    assert plain_text(trace_of(CHEF, probabilities=None)) == "the chef [ate] [the] [soup]"
    assert plain_text(trace_of(CHEF[:1], left_out=" and more")) == "the | and more"


def test_a_trace_goes_to_json_and_back():
    trace = trace_of(CHEF)
    again = Trace.from_dict(json.loads(json.dumps(trace.to_dict())))
    assert again.to_dict() == trace.to_dict()
    assert again.words == trace.words
    assert again.alternatives == trace.alternatives
    without = trace_of(CHEF, probabilities=None)
    assert Trace.from_dict(without.to_dict()).probabilities is None


def test_the_best_replacement_is_no_original():
    def row(token, replaced, is_original=False):
        return Candidate(token, 0.1, 1, replaced, is_original, False)

    rows = [row("cooked", 0.01, True), row("ate", 0.9), row("made", 0.3)]
    found = Candidates(3, (2, 0), "cooked", rows)
    assert found.best_replacement.token == "made"
    assert found.to_dict()["best"] == 2
    assert Candidates(3, (2, 0), "cooked", [row("ate", None)]).to_dict()["best"] is None


def test_a_scored_word_knows_its_word():
    assert ScoredWord(1, "the chef", 4, 8, 0.5).to_dict()["word"] == "chef"
