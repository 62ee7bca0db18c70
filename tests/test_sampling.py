"""Samples: distributed as the softmax says, and the same everywhere."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_electra import backends
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.sampling import (
    mean_of_duplicates,
    read_logits,
    replace_tokens,
    sample_tokens,
    sample_uniformly,
)

LARGEST_DRAW = np.float32(1 - 2**-24)


def sampled(logits, draws, temperature=1.0):
    """Samples (B, K) from logits (B, K, V)."""
    logits = ops.convert_to_tensor(np.asarray(logits, "float32"))
    _, _, masses = read_logits(logits, ops.zeros(logits.shape[:-1], "int32"))
    draws = ops.convert_to_tensor(np.asarray(draws, "float32"))
    return ops.convert_to_numpy(sample_tokens(masses, draws, temperature))


def softmax(logits):
    masses = np.exp(logits - logits.max())
    return masses / masses.sum()


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_shares_are_those_of_the_softmax(temperature):
    logits = np.random.default_rng(0).standard_normal(300) * 2
    draws = (np.arange(20_000) + 0.5) / 20_000
    ids = sampled(np.broadcast_to(logits, (1, 20_000, 300)), draws[None], temperature)
    shares = np.bincount(ids[0], minlength=300) / 20_000
    np.testing.assert_allclose(shares, softmax(logits / temperature), atol=2e-4)


@pytest.mark.parametrize("size", [3, 128, 129, 300])
def test_sizes_around_the_borders_of_blocks(size):
    """Equal logits: a draw u in the middle of an entry's share gives that entry."""
    draws = (np.arange(size) + 0.5) / size
    ids = sampled(np.zeros((1, size, size)), draws[None])
    assert ids.dtype == np.int32
    np.testing.assert_array_equal(ids[0], np.arange(size))


def test_the_least_and_the_largest_draw_give_entries_that_can_be():
    logits = np.full((1, 2, 260), -np.inf, "float32")
    logits[:, :, [130, 200]] = 0.0
    np.testing.assert_array_equal(sampled(logits, [[0.0, LARGEST_DRAW]]), [[130, 200]])
    assert sampled(np.zeros((1, 1, 260)), [[LARGEST_DRAW]]).item() == 259
    assert sampled(np.zeros((1, 1, 260)), [[0.0]]).item() == 0


def test_large_logits_do_not_overflow():
    assert sampled([[[1e4, 1e4 - 50.0, -1e4]]], [[0.5]]).item() == 0


def test_the_same_ids_on_every_backend():
    rng = np.random.default_rng(3)
    logits = rng.standard_normal((3, 4, 60)) * 3
    expected = [[9, 50, 4, 1], [37, 29, 45, 48], [12, 38, 37, 21]]
    np.testing.assert_array_equal(sampled(logits, rng.random((3, 4))), expected)


def test_an_entry_without_mass_is_never_drawn():
    """Not even where rounding brings the draw up to the end of all masses."""
    rng = np.random.default_rng(5)
    masses = rng.random((1, 4000, 140)).astype("float32")
    masses[..., [0, 70, 138, 139]] = 0
    for draw in (0.0, 1 - 2.0**-24):
        draws = np.full((1, 4000), draw, "float32")
        ids = sample_tokens(ops.convert_to_tensor(masses), ops.convert_to_tensor(draws))
        drawn = np.take_along_axis(masses, ops.convert_to_numpy(ids)[..., None], axis=-1)
        assert (drawn > 0).all()


def test_the_correct_token_is_never_drawn_when_it_may_not_be(tiny_encoder, make_batch):
    objective = {"correct_token_allowed": False, "generator_width_fraction": 0.5}
    model = ElectraPretrainer(tiny_encoder(), objective, {"mask_rate": 0.3})
    head = model.generator.head
    for step in range(3):
        batch = make_batch(step)
        correct = np.take_along_axis(batch["token_ids"], batch["mask_positions"], axis=1)
        # The generator is all but sure of one token; that one is not drawn where it is correct.
        head.output_bias.assign(np.eye(60, dtype="float32")[correct[0, 0]] * 40)
        outputs = model({name: ops.convert_to_tensor(value) for name, value in batch.items()})
        used = batch["mask_weights"] > 0
        ids = ops.convert_to_numpy(outputs["sampled_ids"])
        assert not (ids == correct)[used].any()
        is_replaced = ops.convert_to_numpy(outputs["is_replaced"])
        assert is_replaced.sum() == used.sum()


def sampled_but(answers, logits, draws, temperature=1.0):
    """As `sampled`, without the answers (B, K)."""
    logits, draws, answers = (
        ops.convert_to_tensor(np.asarray(value, kind))
        for value, kind in ((logits, "float32"), (draws, "float32"), (answers, "int32"))
    )
    _, _, masses = read_logits(logits, answers, answer_allowed=False)
    return ops.convert_to_numpy(sample_tokens(masses, draws, temperature, has_excluded=True))


@pytest.mark.parametrize(("temperature", "lead"), [(0.1, 11.0), (1.0, 300.0)])
def test_others_are_drawn_alike_however_likely_the_excluded_answer_is(temperature, lead):
    """Shares taken of the answer's would be too small for a float32 here."""
    logits = np.full((1, 299, 300), -lead, "float32")
    logits[..., 7] = 0.0
    draws = (np.arange(299) + 0.5) / 299
    ids = sampled_but(np.full((1, 299), 7), logits, draws[None], temperature)
    np.testing.assert_array_equal(ids[0], np.delete(np.arange(300), 7))


def test_shares_of_the_others_are_those_of_their_softmax():
    logits = np.random.default_rng(0).standard_normal(300) * 2
    best = logits.argmax()
    draws = (np.arange(20_000) + 0.5) / 20_000
    broad = np.broadcast_to(logits, (1, 20_000, 300))
    ids = sampled_but(np.full((1, 20_000), best), broad, draws[None], 2.0)
    expected = np.exp(logits / 2)
    expected[best] = 0
    shares = np.bincount(ids[0], minlength=300) / 20_000
    np.testing.assert_allclose(shares, expected / expected.sum(), atol=2e-4)


@pytest.mark.parametrize("size", [2, 128, 129, 300])
def test_the_ends_of_the_draws_beside_an_excluded_answer(size):
    for answer in sorted({0, 1, size // 2, size - 2, size - 1}):
        ids = sampled_but([[answer] * 2], np.zeros((1, 2, size)), [[0.0, LARGEST_DRAW]])
        others = np.delete(np.arange(size), answer)
        np.testing.assert_array_equal(ids, [[others[0], others[-1]]])


@pytest.mark.parametrize("size", [140, 128 * 40])
def test_an_excluded_entry_is_not_drawn_where_running_sums_round_upwards(size, monkeypatch):
    """As on a GPU, which adds them in a tree: an end may lie above the one before without a mass."""
    rng = np.random.default_rng(7)
    masses = rng.random((1, 4000, size)).astype("float32")
    if size > 140:
        masses[..., 128 * 3 : 128 * 37] = 0
    masses[..., [0, 33, 137, size - 1]] = 0
    exact = ops.cumsum

    def rising(x, axis):
        return exact(x, axis) + 0.5 * ops.arange(x.shape[axis], dtype="float32")

    monkeypatch.setattr(ops, "cumsum", rising)
    arrays = (ops.convert_to_tensor(a) for a in (masses, rng.random((1, 4000), "float32")))
    ids = ops.convert_to_numpy(sample_tokens(*arrays, has_excluded=True))
    assert (np.take_along_axis(masses, ids[..., None], axis=-1) > 0).all()


def test_an_answer_that_is_not_allowed_changes_neither_losses_nor_hits_nor_gradients():
    rng = np.random.default_rng(2)
    logits = rng.standard_normal((2, 4, 11)).astype("float32") * 4
    ids = np.array([[0, 10, 5, 2], [3, 3, 7, 1]], "int32")
    ids[0, 0] = logits[0, 0].argmax()
    logits[1, 1, 3], logits[1, 2, 7] = 60.0, -60.0
    shift = keras.Variable(np.zeros_like(logits))
    found = []
    for allowed in (True, False):

        def losses(x, allowed=allowed):
            return read_logits(ops.cast(x["logits"], "float32") + shift, x["ids"], allowed)[0]

        arrays = (ops.convert_to_tensor(a) for a in (logits, ids))
        values = [ops.convert_to_numpy(array) for array in read_logits(*arrays, allowed)]
        (gradient,) = backends.differentiated(losses, [shift])({"logits": logits, "ids": ids})
        found.append([*values, ops.convert_to_numpy(gradient)])
    (losses, hits, masses, gradient), (others_losses, others_hits, others, others_gradient) = found
    np.testing.assert_allclose(others_losses, losses, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(others_hits, hits)
    np.testing.assert_allclose(others_gradient, gradient, atol=1e-6)
    assert (masses.max(-1) == 1).all() and (others.max(-1) == 1).all()
    assert (np.take_along_axis(others, ids[..., None], axis=-1) == 0).all()


@pytest.mark.parametrize("size", [2, 5, 60, 512, 513, 30522])
def test_uniform_draws_of_all_but_one(size):
    middles = (np.arange(size - 1) + 0.5) / (size - 1)
    draws = np.array([[0.0, *middles, LARGEST_DRAW]], "float32")
    for excluded in sorted({0, 1, size // 2, size - 1}):
        excluded_ids = np.full(draws.shape, excluded, "int32")
        arrays = (ops.convert_to_tensor(a) for a in (draws, excluded_ids))
        ids = ops.convert_to_numpy(sample_uniformly(next(arrays), size, next(arrays)))
        assert ids.dtype == np.int32
        others = np.delete(np.arange(size), excluded)
        np.testing.assert_array_equal(ids[0], [others[0], *others, others[-1]])


def test_the_uniform_generator_does_not_draw_the_correct_token(tiny_encoder, make_batch):
    objective = {"generator": "uniform", "correct_token_allowed": False}
    model = ElectraPretrainer(tiny_encoder(), objective, {"mask_rate": 0.3})
    batch = make_batch()
    correct = np.take_along_axis(batch["token_ids"], batch["mask_positions"], axis=1)
    # Each would be the correct one if all were drawn alike.
    batch["uniform_draws"] = ((correct + 0.5) / 60).astype("float32")
    outputs = model({name: ops.convert_to_tensor(value) for name, value in batch.items()})
    assert not ops.convert_to_numpy(outputs["sampled_hits"]).any()
    ids = np.floor(batch["uniform_draws"] * 59)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(outputs["sampled_ids"]), ids + (ids >= correct)
    )


def test_the_uniform_generator_draws_every_entry_alike(tiny_encoder, make_batch):
    model = ElectraPretrainer(tiny_encoder(), {"generator": "uniform"}, {"mask_rate": 0.3})
    batch = make_batch()
    draws = np.linspace(0, LARGEST_DRAW, batch["uniform_draws"].size, dtype="float32")
    batch["uniform_draws"] = draws.reshape(batch["uniform_draws"].shape)
    outputs = model({name: ops.convert_to_tensor(value) for name, value in batch.items()})
    ids = ops.convert_to_numpy(outputs["sampled_ids"])
    np.testing.assert_array_equal(ids, np.floor(batch["uniform_draws"] * 60))
    np.testing.assert_allclose(ops.convert_to_numpy(outputs["mlm_losses"]), np.log(60), rtol=1e-6)


def test_only_selected_places_are_replaced():
    token_ids = np.array([[5, 6, 7], [8, 9, 10]], "int32")
    slots = np.array([[2, 0, 2], [1, 2, 0]], "int32")
    new_ids = np.array([[50, 51], [52, 53]], "int32")
    replaced = replace_tokens(*(ops.convert_to_tensor(x) for x in (token_ids, slots, new_ids)))
    np.testing.assert_array_equal(ops.convert_to_numpy(replaced), [[5, 50, 7], [53, 9, 52]])


def test_duplicates_give_the_floor_of_the_mean():
    arrays = (
        np.array([[7, 4, 9, 30], [1, 2, 3, 4]], "int32"),
        np.array([[3, 3, 5, 0], [6, 6, 6, 6]], "int32"),
        np.array([[1, 1, 1, 0], [1, 1, 1, 0]], "float32"),
    )
    ids = ops.convert_to_numpy(mean_of_duplicates(*(ops.convert_to_tensor(a) for a in arrays)))
    np.testing.assert_array_equal(ids[0, :3], [5, 5, 9])
    np.testing.assert_array_equal(ids[1, :3], [2, 2, 2])


def test_losses_and_hits_of_logits():
    logits = np.random.default_rng(1).standard_normal((2, 3, 11)).astype("float32") * 4
    ids = np.array([[0, 10, 5], [3, 3, 7]], "int32")
    ids[0, 0] = logits[0, 0].argmax()
    arrays = read_logits(ops.convert_to_tensor(logits), ops.convert_to_tensor(ids))
    losses, hits, _ = (ops.convert_to_numpy(values) for values in arrays)
    np.testing.assert_array_equal(hits, logits.argmax(-1) == ids)
    assert hits[0, 0] == 1
    for place in np.ndindex(2, 3):
        expected = -np.log(softmax(logits[place])[ids[place]])
        np.testing.assert_allclose(losses[place], expected, rtol=1e-5)
