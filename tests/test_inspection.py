"""`Inspector`: masks, draws, edits, candidates, sensitivity and files, on whatever backend runs."""

import json

import numpy as np
import pytest
from keras import ops

from keras_electra.errors import InputError
from keras_electra.inspection import Inspector, drawing, score_lines
from keras_electra.passes import NUM_ROWS, num_slots_of, shape_length
from keras_electra.predict import detect
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.traces import Scenario

TEXT = "The old cat sees a young dog, in the garden."


@pytest.fixture(scope="module")
def make_model(tiny_encoder, tokenizer):
    def make(sequence_length=16, **choice):
        encoder = tiny_encoder(num_layers=1, initializer_range=0.3)
        objective = {"generator_width_fraction": 0.5, **choice}
        model = ElectraPretrainer(encoder, objective, {"mask_rate": 0.3})
        model.tokenizer, model.sequence_length = tokenizer, sequence_length
        return model

    return make


@pytest.fixture(scope="module")
def inspector(make_model):
    return Inspector(make_model())


@pytest.fixture(scope="module")
def without_detector(make_model):
    return Inspector(make_model(objective="mlm"))


@pytest.fixture(scope="module")
def without_generator(make_model):
    return Inspector(make_model(generator="uniform"))


def test_nothing_masked_is_what_detect_says(inspector):
    trace = inspector.trace(TEXT, masking="none")
    (judged,) = detect(inspector.model, [TEXT])
    np.testing.assert_allclose(trace.probabilities[1:-1], judged.probabilities, atol=1e-5)
    assert trace.tokens[1:-1] == judged.tokens
    assert trace.tokens == trace.masked_tokens == trace.corrupted_tokens
    assert not trace.is_replaced.any() and not len(trace.mask_positions)
    json.dumps(trace.to_dict())


def test_chosen_places_are_masked_and_drawn(inspector):
    trace = inspector.trace(TEXT, masking="places", places=[(2, 0), (3, 0), (99, 0)], seed=1)
    word = trace.words[3]
    assert trace.words[3].text == "sees"
    assert list(trace.mask_positions) == [trace.words[2].first, word.first]
    assert [trace.masked_tokens[place] for place in trace.mask_positions] == ["[MASK]"] * 2
    for place, token, proposals in zip(
        trace.mask_positions, trace.sampled_tokens, trace.alternatives, strict=True
    ):
        assert trace.corrupted_tokens[place] == token
        assert trace.is_replaced[place] == (token != trace.tokens[place])
        shares = [share for _, share in proposals]
        assert shares == sorted(shares, reverse=True) and len(shares) == 10
    others = np.delete(np.arange(len(trace.tokens)), trace.mask_positions)
    assert all(trace.tokens[place] == trace.corrupted_tokens[place] for place in others)


def test_a_scenario_is_repeatable_and_a_draw_changes_tokens_alone(inspector):
    def drawn(**options):
        return inspector.trace(TEXT, mask_rate=0.4, **options)

    assert drawn(seed=3).to_dict() == drawn(seed=3).to_dict()
    again = [drawn(seed=3, draw=number) for number in range(6)]
    assert len({tuple(trace.mask_positions) for trace in again}) == 1
    assert len({tuple(trace.sampled_tokens) for trace in again}) > 1
    assert len({tuple(drawn(seed=seed).mask_positions) for seed in range(6)}) > 1


def test_a_place_has_a_draw_of_its_own(inspector):
    """Masking another place as well changes the distribution, not the randomness."""
    one = inspector.trace(TEXT, masking="places", places=[(6, 0)], seed=2, temperature=50.0)
    two = inspector.trace(TEXT, masking="places", places=[(1, 0), (6, 0)], seed=2, temperature=50.0)
    # At this temperature the distribution is nearly uniform.
    ids = [inspector.networks.token_names.index(t.sampled_tokens[-1]) for t in (one, two)]
    assert abs(ids[0] - ids[1]) <= 3


def test_greedy_top_k_and_kept(inspector):
    options = {"masking": "places", "places": [(1, 0), (2, 0), (4, 0)]}
    greedy = inspector.trace(TEXT, is_greedy=True, **options)
    assert greedy.sampled_tokens == [proposals[0][0] for proposals in greedy.alternatives]
    for draw in range(5):
        few = inspector.trace(TEXT, top_k=2, temperature=5.0, draw=draw, **options)
        for token, proposals in zip(few.sampled_tokens, greedy.alternatives, strict=True):
            assert token in [name for name, _ in proposals[:2]]
    kept = inspector.trace(TEXT, kept=[(2, 0, "dog")], **options)
    assert kept.sampled_tokens[1] == "dog"
    with pytest.raises(InputError, match="kept: expected a token of the vocabulary"):
        inspector.trace(TEXT, kept=[(2, 0, "nonsense")], **options)


def test_hardest_places_are_those_of_highest_entropy(inspector):
    trace = inspector.trace(TEXT, masking="hardest", mask_rate=0.3)
    ids = inspector.networks.tokenizer.encode(TEXT)
    row = [inspector.networks.tokenizer.class_id, *ids, inspector.networks.tokenizer.separator_id]
    entropies = []
    for place in range(1, len(row) - 1):
        hidden = np.array([row], "int32")
        hidden[0, place] = inspector.networks.tokenizer.mask_id
        inputs = {"token_ids": hidden, "mask_positions": np.array([[place]], "int32")}
        logits = ops.convert_to_numpy(inspector.model.generator(inputs))[0, 0].astype("float64")
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        entropies.append(-(shares * np.log(shares)).sum())
    expected = 1 + np.sort(np.argsort(-np.array(entropies))[: len(trace.mask_positions)])
    assert list(trace.mask_positions) == list(expected)
    assert len(expected) == round(0.3 * len(ids))


def test_whole_words_are_masked_whole(inspector):
    text = "the catsing sees the dogged house by the housed river"
    trace = inspector.trace(text, masking="words", mask_rate=0.5, seed=1)
    masked = set(trace.mask_positions)
    for word in trace.words:
        places = set(range(word.first, word.last))
        assert places <= masked or not places & masked


def test_an_edit_is_judged(inspector):
    trace = inspector.trace(TEXT, masking="none", edits={2: "horseing", 5: "YOUNG"})
    word = trace.words[2]
    assert (word.text, word.edited) == ("cat", "horseing")
    assert trace.tokens[word.first : word.last] == ["horse", "##ing"]
    assert list(np.flatnonzero(trace.is_replaced)) == [word.first, word.first + 1]
    plain = inspector.trace(TEXT.replace("cat", "horseing"), masking="none")
    np.testing.assert_allclose(trace.probabilities, plain.probabilities, atol=1e-5)
    assert not plain.is_replaced.any()


def test_a_draw_that_brings_the_original_back_is_none(inspector):
    options = {"masking": "places", "places": [(2, 0)], "edits": {2: "dog"}}
    back = inspector.trace(TEXT, kept=[(2, 0, "cat")], **options)
    assert not back.is_replaced.any()
    assert inspector.trace(TEXT, kept=[(2, 0, "wolf")], **options).is_replaced.sum() == 1


def test_candidates_are_those_of_the_trace(inspector):
    options = {"masking": "places", "places": [(2, 0), (6, 0)], "seed": 5}
    trace = inspector.trace(TEXT, **options)
    found = inspector.candidates(TEXT, (2, 0), count=4, **options)
    assert found.position == trace.mask_positions[0]
    likeliest = [(row.token, pytest.approx(row.probability, abs=1e-6)) for row in found.rows[:4]]
    assert likeliest == trace.alternatives[0][:4]
    assert [row.rank for row in found.rows[:4]] == [1, 2, 3, 4]
    assert found.original == "cat"
    assert sum(row.is_original for row in found.rows) == 1
    (shown,) = (row for row in found.rows if row.is_shown)
    assert shown.token == trace.sampled_tokens[0]
    np.testing.assert_allclose(shown.replaced, trace.probabilities[found.position], atol=1e-5)
    (original,) = (row for row in found.rows if row.is_original)
    assert original.rank == trace.original_ranks[0]
    other = found.rows[0]
    put = inspector.trace(TEXT, kept=[(2, 0, other.token)], **options)
    # The other place is drawn as before, so the table told what would come.
    assert put.sampled_tokens[1] == trace.sampled_tokens[1]
    np.testing.assert_allclose(put.probabilities[found.position], other.replaced, atol=1e-5)
    json.dumps(found.to_dict())
    with pytest.raises(InputError, match="place: expected a word and a piece"):
        inspector.candidates(TEXT, (50, 0))


def test_candidates_of_an_edited_word_name_the_original(inspector):
    found = inspector.candidates(TEXT, (2, 0), edits={2: "dog"}, masking="none")
    assert found.original == "cat"
    assert [row.token for row in found.rows if row.is_shown] == ["dog"]


def test_sensitivity_is_one_guess_at_a_time(inspector):
    inspector.forget()
    steps = list(inspector.sensitivity(TEXT))
    places = [place for _, _, some in steps for place in some]
    ids = inspector.sentence(Scenario(text=TEXT)).ids
    assert [place.position for place in places] == list(range(1, len(ids) - 1))
    assert steps[-1][0] == steps[-1][1]
    assert [done for done, _, _ in steps] == sorted(done for done, _, _ in steps)
    for place in (places[1], places[-1]):
        guess = inspector.networks.token_names.index(place.guess)
        assert guess != ids[place.position]
        assert guess not in inspector.networks.tokenizer.special_ids
        rows = ids[None].copy()
        rows[0, place.position] = guess
        expected = inspector.networks.probabilities(rows)[0, place.position]
        np.testing.assert_allclose(place.replaced, expected, atol=1e-5)
    # A second time the generator is not asked again.
    again = list(inspector.sensitivity(TEXT))
    assert len(again) < len(steps)
    inspector.forget()
    assert len(list(inspector.sensitivity(TEXT))) == len(steps)


def test_a_long_text_is_cut(inspector):
    text = "the old cat sees a young dog in the red house . " * 3
    trace = inspector.trace(text)
    assert len(trace.tokens) == 16
    assert trace.text + trace.left_out == text
    assert trace.num_left_out == 36 - 14
    assert len(list(inspector.sensitivity(text))[-1][2]) == 14 - NUM_ROWS


def test_an_empty_text_has_an_empty_trace(inspector):
    for masking in ("random", "words", "hardest", "none"):
        trace = inspector.trace(" ", masking=masking)
        assert trace.tokens == ["[CLS]", "[SEP]"]
        assert not len(trace.mask_positions)
    assert list(inspector.sensitivity("")) == []


def test_without_a_detector_there_is_no_judgement(without_detector):
    trace = without_detector.trace(TEXT, mask_rate=0.3)
    assert trace.probabilities is None
    assert len(trace.sampled_tokens) == len(trace.mask_positions) > 0
    assert (
        without_detector.networks.no_detector
        == "its objective is 'mlm', which trains no discriminator"
    )
    found = without_detector.candidates(TEXT, (1, 0))
    assert {row.replaced for row in found.rows} == {None}
    with pytest.raises(
        InputError, match="sensitivity: expected a discriminator, but its objective"
    ):
        next(without_detector.sensitivity(TEXT))


def test_without_a_generator_edits_are_judged(without_generator):
    trace = without_generator.trace(TEXT, masking="none", edits={2: "dog"})
    assert trace.is_replaced.sum() == 1
    drawn = without_generator.trace(TEXT, mask_rate=0.3)
    assert len(drawn.sampled_tokens) > 0 and set(map(len, drawn.alternatives)) == {0}
    for what in (
        lambda: without_generator.candidates(TEXT, (1, 0)),
        lambda: without_generator.trace(TEXT, masking="hardest"),
        lambda: next(without_generator.sensitivity(TEXT)),
    ):
        with pytest.raises(InputError, match="expected a generator, but its training drew"):
            what()


def test_one_network_alone_serves(make_model, tokenizer, inspector):
    model = inspector.model
    detector, generator = model.discriminator, model.generator
    detector.tokenizer = generator.tokenizer = tokenizer
    whole = inspector.trace(TEXT, masking="none")
    alone = Inspector(detector).trace(TEXT, masking="none")
    np.testing.assert_allclose(alone.probabilities, whole.probabilities, atol=1e-5)
    # Nothing can be drawn, so a chosen place shows what was put there, or the mask.
    put = Inspector(detector).trace(TEXT, masking="places", places=[(2, 0)], kept=[(2, 0, "dog")])
    assert put.sampled_tokens == ["dog"]
    filled = Inspector(generator).trace(TEXT, seed=3)
    assert filled.probabilities is None and len(filled.sampled_tokens) > 0
    assert Inspector(generator).networks.no_detector == "it is a generator alone"
    with pytest.raises(InputError, match="expected a generator, but it is a discriminator alone"):
        Inspector(detector).candidates(TEXT, (1, 0))


def test_electric_counts_what_was_masked(make_model):
    electric = Inspector(make_model(objective="electric", generator="two_tower"))
    trace = electric.trace(TEXT, masking="places", places=[(2, 0)], kept=[(2, 0, "cat")])
    assert list(np.flatnonzero(trace.is_replaced)) == [trace.mask_positions[0]]
    assert len(electric.candidates(TEXT, (3, 0)).rows) >= 10
    list(electric.sensitivity(TEXT))


def test_wrong_models_are_explained(make_model):
    bare = make_model()
    bare.tokenizer = None
    with pytest.raises(InputError, match="tokenizer=None"):
        Inspector(bare)
    with pytest.raises(
        InputError, match="expected one of ElectraPretrainer.*received ElectraBackbone"
    ):
        Inspector(bare.backbone)
    with pytest.raises(InputError, match=r"given in a list, \[text\]"):
        Inspector(make_model())("text")


def test_called_with_texts_it_gives_traces(inspector):
    first, second = inspector([TEXT, "cat"], seed=2)
    assert first.to_dict() == inspector.trace(TEXT, seed=2).to_dict()
    assert second.text == "cat"


def test_a_file_is_scored(inspector):
    lines = ["The cat sees a dog.", "", *["the old house"] * 40, "catsing <script>"]
    steps = list(score_lines(inspector.model, lines, top=5))
    assert [done for done, _, _ in steps] == [16, 32, 43]
    best = steps[-1][2]
    found = detect(inspector.model, lines)
    highest = max(float(one.probabilities.max()) for one in found if len(one.tokens))
    assert len(best) == 5 and best[0].replaced == pytest.approx(highest, abs=1e-6)
    assert [word.replaced for word in best] == sorted((w.replaced for w in best), reverse=True)
    every = list(score_lines(inspector.model, lines, top=1000))[-1][2]
    (whole,) = (word for word in every if word.word == "catsing")
    assert (whole.line, whole.text) == (43, "catsing <script>")
    assert list(score_lines(inspector.model, [])) == []


# Shapes and draws


def test_few_shapes():
    assert {shape_length(places, 512) for places in range(2, 513)} == {32, 128, 256, 512}
    assert shape_length(40, 64) == 64
    assert [num_slots_of(count) for count in (1, 32, 33)] == [32, 32, 64]


def test_drawing_follows_the_distribution():
    shares = np.array([[0.1, 0.0, 0.6, 0.3]])
    uniform = (np.arange(1000) + 0.5) / 1000
    found = drawing.drawn(np.repeat(shares, 1000, axis=0), drawing.Draws(uniform))
    np.testing.assert_allclose(np.bincount(found, minlength=4) / 1000, shares[0], atol=2e-3)
    last = drawing.drawn(shares, drawing.Draws(np.array([1.0])))
    assert last[0] == 3


def test_uniform_draws_leave_the_original_out_where_it_may_not_be_drawn(make_model):
    uniform = (np.arange(4) + 0.5) / 4
    draws = drawing.Draws(uniform, original_allowed=False)
    found = drawing.drawn_uniformly(5, np.full(4, 2), draws)
    np.testing.assert_array_equal(found, [0, 1, 3, 4])
    found = drawing.drawn_uniformly(4, np.full(4, 2), drawing.Draws(uniform))
    np.testing.assert_array_equal(found, [0, 1, 2, 3])
    inspector = Inspector(make_model(generator="uniform", correct_token_allowed=False))
    for draw in range(30):
        trace = inspector.trace(TEXT, mask_rate=0.5, draw=draw)
        for place, token in zip(trace.mask_positions, trace.sampled_tokens, strict=True):
            assert token != trace.tokens[place]


def test_shares_of_logits():
    logits = np.array([[0.0, 1.0, 2.0]])
    plain = drawing.shares(logits, np.array([2]), drawing.Draws(np.zeros(1)))
    np.testing.assert_allclose(plain, np.exp(logits) / np.exp(logits).sum())
    cold = drawing.shares(logits, np.array([2]), drawing.Draws(np.zeros(1), temperature=0.01))
    np.testing.assert_allclose(cold, [[0, 0, 1]], atol=1e-9)
    draws = drawing.Draws(np.zeros(1), original_allowed=False, top_k=1)
    np.testing.assert_allclose(drawing.shares(logits, np.array([2]), draws), [[0, 1, 0]])
    assert list(drawing.likeliest(np.array([[0.2, 0.5, 0.2]]), 3)[0]) == [1, 0, 2]
    assert drawing.ranks(logits, np.array([0])) == [3]
