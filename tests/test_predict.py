"""Judging text: windows, offsets, batches of few shapes; traces; pseudo-log-likelihoods."""

import numpy as np
import pytest
from keras import ops

from keras_electra.errors import InputError
from keras_electra.predict import detect, pseudo_log_likelihood
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.tracing import trace
from keras_electra.windows import framed, joined, padded_length, windows

TEXT = "The old Cat sees a young dog, in the garden."
LONG = "the old cat sees a young dog in the red house . " * 5


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
def detector(make_model):
    return make_model()


def test_tokens_and_offsets_are_those_of_the_text(detector):
    (found,) = detect(detector, [TEXT])
    assert [TEXT[start:end].lower() for start, end in found.offsets] == found.tokens
    assert found.tokens[:3] == ["the", "old", "cat"]
    assert found.probabilities.shape == (len(found.tokens),)
    assert ((found.probabilities > 0) & (found.probabilities < 1)).all()


def test_a_judgement_is_that_of_the_network_and_of_no_neighbour(detector, tokenizer):
    together = detect(detector, ["cat", "", TEXT, LONG, "dog dog dog"], batch_size=3)
    alone = detect(detector, [TEXT])
    np.testing.assert_allclose(together[2].probabilities, alone[0].probabilities, atol=1e-5)
    ids = tokenizer.encode(TEXT)
    row = np.array([[tokenizer.class_id, *ids, tokenizer.separator_id]], "int32")
    logits = ops.convert_to_numpy(detector.discriminator(row))[0, 1:-1]
    np.testing.assert_allclose(alone[0].probabilities, 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_an_empty_text_has_an_empty_result(detector):
    assert detect(detector, []) == []
    for text in ("", "  \n"):
        (found,) = detect(detector, [text])
        assert (found.text, found.tokens, found.offsets) == (text, [], [])
        assert found.probabilities.shape == (0,)


def test_a_long_text_is_judged_in_windows(detector, tokenizer):
    (found,) = detect(detector, [LONG])
    assert len(found.tokens) == 60 == len(found.probabilities)
    # Of the windows (0, 14), (7, 21), (14, 28), ... token 12 stands best in the second.
    ids = tokenizer.encode(LONG)[7:21]
    row = np.array([[tokenizer.class_id, *ids, tokenizer.separator_id]], "int32")
    logits = ops.convert_to_numpy(detector.discriminator(row))[0, 1:-1]
    expected = 1 / (1 + np.exp(-logits[12 - 7]))
    np.testing.assert_allclose(found.probabilities[12], expected, atol=1e-5)


def test_wrong_input_is_explained(detector, make_model):
    with pytest.raises(InputError, match="objective='mlm'"):
        detect(make_model(objective="mlm"), [TEXT])
    with pytest.raises(InputError, match=r"given in a list, \[text\]"):
        detect(detector, TEXT)
    with pytest.raises(InputError, match="objective='rtd'"):
        pseudo_log_likelihood(detector, [TEXT])
    bare = make_model()
    bare.tokenizer = None
    for function in (detect, trace):
        with pytest.raises(InputError, match="tokenizer"):
            function(bare, [TEXT])


def test_electrics_scores(make_model, tokenizer):
    model = make_model(objective="electric", generator="two_tower")
    scores = pseudo_log_likelihood(model, [TEXT, "", LONG])
    ids = tokenizer.encode(TEXT)
    row = np.array([[tokenizer.class_id, *ids, tokenizer.separator_id]], "int32")
    energies = ops.convert_to_numpy(model.discriminator(row))[0, 1:-1]
    np.testing.assert_allclose(scores[0], -energies.sum(), atol=1e-4)
    assert scores[1] == 0

    # P(drawn) needs the noise distribution too.
    logits = ops.convert_to_numpy(model.generator({"token_ids": row})).astype("float64")[0]
    noise = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    corrected = energies + noise[np.arange(1, len(ids) + 1), ids] + np.log(0.3 / 0.7)
    (found,) = detect(model, [TEXT])
    np.testing.assert_allclose(found.probabilities, 1 / (1 + np.exp(-corrected)), atol=1e-5)


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"objective": "mlm"},
        {"generator": "uniform"},
        {"correct_token_allowed": False, "temperature": 2.0},
        {"objective": "electric", "generator": "two_tower"},
    ],
    ids=str,
)
def test_a_trace_fits_together(make_model, tokenizer, choice):
    model = make_model(**choice)
    found, empty, cut = trace(model, [TEXT, "", LONG], seed=3, num_alternatives=4)
    places = found.mask_positions
    assert found.tokens == ["[CLS]", *tokenizer.tokens_of(tokenizer.encode(TEXT)), "[SEP]"]
    assert len(found.tokens) == len(found.masked_tokens) == len(found.corrupted_tokens)
    assert 0 not in places
    assert len(found.tokens) - 1 not in places
    assert len(places) == len(found.sampled_tokens) == len(found.alternatives) >= 1
    for index, (token, corrupted) in enumerate(
        zip(found.tokens, found.corrupted_tokens, strict=True)
    ):
        if index in places:
            assert corrupted == found.sampled_tokens[list(places).index(index)]
        else:
            assert corrupted == token == found.masked_tokens[index]
        if choice.get("objective") != "electric":
            assert found.is_replaced[index] == (token != corrupted)
        else:
            assert found.is_replaced[index] == (index in places)
    if choice.get("objective") == "mlm":
        assert found.probabilities is None
    else:
        assert found.probabilities.shape == (len(found.tokens),)
    for place, proposals in zip(places, found.alternatives, strict=True):
        if choice.get("generator") == "uniform":
            assert proposals == []
            continue
        shares = [share for _, share in proposals]
        assert len(shares) == 4
        assert shares == sorted(shares, reverse=True)
        assert 0 < sum(shares) <= 1
        if not choice.get("correct_token_allowed", True):
            assert found.tokens[place] not in [token for token, _ in proposals]
    assert empty.tokens == ["[CLS]", "[SEP]"]
    assert len(empty.mask_positions) == 0
    assert len(cut.tokens) == 16
    assert LONG.startswith(cut.text)


def test_a_trace_depends_on_seed_and_place_in_the_list_alone(detector):
    first, again = trace(detector, [TEXT, LONG], seed=1), trace(detector, [TEXT, "cat"], seed=1)
    assert first[0].corrupted_tokens == again[0].corrupted_tokens
    masks = {tuple(trace(detector, [TEXT], seed=seed)[0].mask_positions) for seed in range(5)}
    assert len(masks) > 1


# Windows


@pytest.mark.parametrize("capacity", [1, 2, 3, 14])
@pytest.mark.parametrize("num_tokens", [0, 1, 2, 13, 14, 15, 21, 22, 100])
def test_windows_cover_everything(num_tokens, capacity):
    spans = windows(num_tokens, capacity)
    covered = {place for start, end in spans for place in range(start, end)}
    assert covered == set(range(num_tokens))
    assert all(0 < end - start <= capacity for start, end in spans)
    assert len(spans) <= max(1, 2 * num_tokens // capacity + 1)


def test_scores_come_from_the_middle_of_a_window():
    spans = windows(8, 4)
    assert spans == [(0, 4), (2, 6), (4, 8)]
    scores = [np.full(4, float(index)) for index in range(3)]
    np.testing.assert_array_equal(joined(spans, scores), [0, 0, 0, 1, 1, 2, 2, 2])


def test_few_lengths():
    lengths = {padded_length(places, 500) for places in range(1, 501)}
    assert lengths == {16, 32, 64, 128, 256, 500}


def test_framing(tokenizer):
    token_ids, padding_mask = framed([[7, 8], []], tokenizer, 5)
    np.testing.assert_array_equal(token_ids, [[2, 7, 8, 3, 0], [2, 3, 0, 0, 0]])
    np.testing.assert_array_equal(padding_mask.sum(1), [4, 2])
