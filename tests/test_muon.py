"""Muon: the iteration, the update written out, what it moves, and runs that go on exactly."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_electra.checkpoint import optimizer_arrays, restore_checkpoint, save_checkpoint
from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.convert import fill_optimizer
from keras_electra.convert.google_writing import google_arrays
from keras_electra.errors import InputError
from keras_electra.muon import muon_updates, orthogonalized
from keras_electra.optimizers import ElectraAdamW
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.pretraining import pretrain

SHAPES = {"qkv_kernel": (4, 12), "output_kernel": (9, 4), "token_embeddings": (6, 4), "bias": (4,)}
BLOCKS = {"qkv_kernel": 3, "output_kernel": 1}
OPTIONS = {
    "hidden_optimizer": "muon",
    "muon_momentum": 0.9,
    "muon_rate_factor": 0.5,
    "learning_rate": 1e-2,
    "schedule": "constant",
    "warmup_steps": 0,
    "weight_decay_rate": 0.1,
    "clip_norm": 0.7,
    "beta_2": 0.99,
}


def iterated(matrix):
    """Newton-Schulz in NumPy, on a matrix that lies or stands."""
    x = matrix / (np.linalg.norm(matrix) + 1e-12)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x


def moved(matrix, count):
    """The update of Muon: each block by itself, scaled to AdamW's size."""
    blocks = np.split(matrix, count, axis=1)
    return np.concatenate([0.2 * max(b.shape) ** 0.5 * iterated(b) for b in blocks], axis=1)


def gradients_of(step):
    rng = np.random.default_rng([2, step])
    return {name: rng.standard_normal(shape).astype("float32") for name, shape in SHAPES.items()}


def written_out(values, steps, config):
    """All updates in NumPy, float64."""
    values = {name: value.astype("float64") for name, value in values.items()}
    m, v = ({name: np.zeros_like(value) for name, value in values.items()} for _ in range(2))
    for gradients in steps:
        norm = np.sqrt(sum((g.astype("float64") ** 2).sum() for g in gradients.values()))
        for name, gradient in gradients.items():
            gradient = gradient * min(1.0, config.clip_norm / norm)
            rate = config.learning_rate
            if name in BLOCKS:
                m[name] = config.muon_momentum * m[name] + gradient
                update = moved(gradient + config.muon_momentum * m[name], BLOCKS[name])
                rate *= config.muon_rate_factor
            else:
                m[name] = 0.9 * m[name] + 0.1 * gradient
                v[name] = 0.99 * v[name] + 0.01 * gradient**2
                update = m[name] / (np.sqrt(v[name]) + config.epsilon)
            decay = 0.0 if name == "bias" else config.weight_decay_rate
            values[name] = values[name] - rate * (update + decay * values[name])
    return values


def variables():
    rng = np.random.default_rng(0)
    made = []
    for name, shape in SHAPES.items():
        variable = keras.Variable(rng.standard_normal(shape).astype("float32"), name=name)
        variable.hidden_blocks = BLOCKS.get(name, 0)
        made.append(variable)
    return made


def apply(optimizer, targets, steps):
    optimizer.build(targets)
    for gradients in steps:
        optimizer.apply([ops.convert_to_tensor(g) for g in gradients.values()], targets)
    return {v.name: ops.convert_to_numpy(v) for v in targets}


def test_singular_values_come_to_lie_near_one():
    rng = np.random.default_rng(3)
    matrices = rng.standard_normal((2, 5, 8)).astype("float32")
    found = ops.convert_to_numpy(orthogonalized(ops.convert_to_tensor(matrices)))
    values = np.linalg.svd(found, compute_uv=False)
    assert values.min() > 0.68 and values.max() < 1.21
    for matrix, result in zip(matrices, found, strict=True):
        np.testing.assert_allclose(result, iterated(matrix.astype("float64")), atol=1e-5)
        left, _, right = np.linalg.svd(matrix, full_matrices=False)
        # Their vectors stay: in them the result is diagonal.
        turned = left.T @ result @ right.T
        np.testing.assert_allclose(turned, np.diag(np.diag(turned)), atol=1e-4)
    standing = ops.convert_to_tensor(np.swapaxes(matrices, 1, 2))
    turned = np.swapaxes(ops.convert_to_numpy(orthogonalized(standing)), 1, 2)
    np.testing.assert_allclose(turned, found, atol=1e-5)
    zeros = ops.convert_to_numpy(orthogonalized(ops.zeros((3, 4))))
    np.testing.assert_array_equal(zeros, 0.0)


def test_each_block_is_orthogonalized_by_itself():
    """And those of one shape together, lying or standing, each in its place again."""
    rng = np.random.default_rng(4)
    shapes, counts = [(4, 12), (4, 4), (8, 4), (4, 8), (4, 16)], [3, 1, 1, 1, 2]
    directions = [rng.standard_normal(shape).astype("float32") for shape in shapes]
    found = muon_updates([ops.convert_to_tensor(d) for d in directions], counts)
    for update, direction, count in zip(found, directions, counts, strict=True):
        expected = moved(direction.astype("float64"), count)
        np.testing.assert_allclose(ops.convert_to_numpy(update), expected, atol=1e-4)


def test_the_update_over_several_steps():
    config, targets = OptimizerConfig(**OPTIONS), variables()
    start = {v.name: ops.convert_to_numpy(v) for v in targets}
    steps = [gradients_of(step) for step in range(4)]
    found = apply(ElectraAdamW(config), targets, steps)
    for name, expected in written_out(start, steps, config).items():
        np.testing.assert_allclose(found[name], expected, atol=2e-5, err_msg=name)


def test_a_gradient_that_is_no_number_changes_nothing():
    optimizer, targets = ElectraAdamW(OPTIONS), variables()
    before = apply(optimizer, targets, [gradients_of(0)])
    spoilt = gradients_of(1)
    spoilt["bias"][0] = np.nan
    momentum = ops.convert_to_numpy(optimizer.first_moments[0])
    now = apply(optimizer, targets, [spoilt])
    for name, value in before.items():
        np.testing.assert_array_equal(now[name], value)
    np.testing.assert_array_equal(ops.convert_to_numpy(optimizer.first_moments[0]), momentum)
    assert int(optimizer.skipped_steps) == 1


def test_rates_by_layer_hold_for_it_too():
    whole, part = variables(), variables()
    optimizers = [ElectraAdamW(OPTIONS) for _ in range(2)]
    optimizers[1].build(part)
    optimizers[1].rate_factors = [0.25] * len(part)
    start = {v.name: ops.convert_to_numpy(v) for v in whole}
    one, other = (
        apply(o, t, [gradients_of(0)]) for o, t in zip(optimizers, (whole, part), strict=True)
    )
    for name, value in start.items():
        np.testing.assert_allclose(other[name] - value, 0.25 * (one[name] - value), atol=5e-7)


@pytest.fixture
def make_model(tiny_encoder):
    def make(seed=0):
        encoder = tiny_encoder(num_layers=1, local_mixing_width=3, feed_forward="geglu")
        model = ElectraPretrainer(encoder, {"generator_width_fraction": 0.5}, seed=seed)
        model.compile(optimizer=ElectraAdamW({"hidden_optimizer": "muon", "ema_rate": 0.9}, 10))
        model.optimizer.build(model.trainable_variables)
        return model

    return make


def test_it_moves_the_kernels_of_layers_and_mixing(make_model):
    optimizer = make_model().optimizer
    found = {}
    for owner, count, second in zip(
        optimizer._trainable_variables,
        optimizer.block_counts,
        optimizer.second_moments,
        strict=True,
    ):
        assert (count > 0) == (second is None)
        if count:
            place, name = owner.path.split("/")[-2:]
            found.setdefault(f"{place}/{name}", []).append(count)
    # Of both networks.
    assert found == {
        "layer_0/qkv_kernel": [3, 3],
        "layer_0/attention_kernel": [1, 1],
        "layer_0/intermediate_kernel": [2, 2],
        "layer_0/output_kernel": [1, 1],
        "mixing/gate_kernel": [2, 2],
        "mixing/output_kernel": [1, 1],
    }


def test_checkpoints_keep_the_momentum_and_no_second_moment(make_model, make_batch, tmp_path):
    model = make_model()
    model.train_on_batch(make_batch())
    arrays = optimizer_arrays(model.optimizer)
    kernels = [name for name in arrays if name.endswith("layer_0/qkv_kernel")]
    assert {name.split("/")[0] for name in kernels} == {"first_moment", "average"}
    assert all(np.abs(arrays[name]).max() > 0 for name in kernels)
    save_checkpoint(tmp_path / "step_00000001", model, {"step": 1})
    other = make_model(seed=5)
    restore_checkpoint(tmp_path / "step_00000001", other)
    for name, array in optimizer_arrays(other.optimizer).items():
        np.testing.assert_array_equal(array, arrays[name], err_msg=name)


def test_a_run_resumes_exactly(tiny_config, store, tmp_path):
    options = {"hidden_optimizer": "muon", "schedule": "constant", "checkpoint_every_steps": 3}
    whole = pretrain(tiny_config(steps=6, **options), store, tmp_path / "whole")
    for steps in (3, 6):
        parts = pretrain(tiny_config(steps=steps, **options), store, tmp_path / "parts")
    for one, other in zip(whole.model.variables, parts.model.variables, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))


def test_the_originals_files_have_no_place_for_its_momentum(tiny_encoder):
    model = ElectraPretrainer(tiny_encoder(num_layers=1), {"generator_width_fraction": 0.5})
    optimizer = ElectraAdamW({"hidden_optimizer": "muon"})
    optimizer.build(model.trainable_variables)
    arrays, sentences = google_arrays(model, optimizer_arrays(optimizer))
    assert not any(name.endswith("adam_m") for name in arrays)
    assert any("Muon" in sentence for sentence in sentences)
    with pytest.raises(InputError, match="hidden_optimizer: expected 'adamw'"):
        fill_optimizer(ElectraAdamW({"hidden_optimizer": "muon"}), model, {}, 7)


@pytest.mark.parametrize(
    ("name", "value"),
    [("hidden_optimizer", "sgd"), ("muon_momentum", 1.0), ("muon_rate_factor", 0.0)],
)
def test_wrong_options_are_named(name, value):
    with pytest.raises(InputError, match=name):
        OptimizerConfig(**{name: value})
