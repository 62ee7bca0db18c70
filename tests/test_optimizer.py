"""The optimizer: the original's update and the standard one, rates by layer, what guards them."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.errors import InputError
from keras_electra.optimizers import ElectraAdamW, layer_factors
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.schedules import rate_fraction

PLAIN = {
    "learning_rate": 1e-2,
    "schedule": "constant",
    "warmup_steps": 0,
    "weight_decay_rate": 0.0,
    "clip_norm": None,
}
NAMES = ("kernel", "bias", "token_embeddings", "norm_gamma")


def weights(names=NAMES, seed=0):
    rng = np.random.default_rng(seed)
    return [
        keras.Variable(rng.standard_normal((3, 2)).astype("float32"), name=name) for name in names
    ]


def random_gradients(step, count=4):
    rng = np.random.default_rng([1, step])
    return [rng.standard_normal((3, 2)).astype("float32") for _ in range(count)]


def updated(optimizer, variables, gradients_of_steps):
    optimizer.build(variables)
    for gradients in gradients_of_steps:
        optimizer.apply([ops.convert_to_tensor(g) for g in gradients], variables)
    return [ops.convert_to_numpy(variable) for variable in variables]


def written_out(values, gradients_of_steps, config, decays):
    """The original's update in NumPy, float64."""
    values = [value.astype("float64") for value in values]
    m, v = ([np.zeros_like(value) for value in values] for _ in range(2))
    for gradients in gradients_of_steps:
        norm = np.sqrt(sum((g.astype("float64") ** 2).sum() for g in gradients))
        factor = 1.0 if config.clip_norm is None else min(1.0, config.clip_norm / norm)
        for index, gradient in enumerate(gradients):
            m[index] = 0.9 * m[index] + 0.1 * factor * gradient
            v[index] = 0.999 * v[index] + 0.001 * (factor * gradient) ** 2
            update = m[index] / (np.sqrt(v[index]) + config.epsilon)
            if decays[index]:
                update = update + config.weight_decay_rate * values[index]
            values[index] = values[index] - config.learning_rate * update
    return values


@pytest.mark.parametrize("clip_norm", [None, 0.7])
def test_the_originals_update_over_several_steps(clip_norm):
    config = OptimizerConfig(**{**PLAIN, "weight_decay_rate": 0.1, "clip_norm": clip_norm})
    variables = weights()
    start = [ops.convert_to_numpy(variable) for variable in variables]
    steps = [random_gradients(step) for step in range(5)]
    expected = written_out(start, steps, config, decays=(True, False, True, False))
    for ours, theirs in zip(updated(ElectraAdamW(config), variables, steps), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_with_bias_correction_it_is_keras_adamw():
    config = OptimizerConfig(
        **{**PLAIN, "weight_decay_rate": 0.1, "bias_correction": True, "epsilon": 1e-7}
    )
    names = ("kernel", "output_kernel", "token_embeddings", "qkv_kernel")
    # Keras decays before the step, we after it as the original: that differs by rate ** 2.
    steps = [random_gradients(step) for step in range(4)]
    ours = updated(ElectraAdamW(config), weights(names), steps)
    standard = keras.optimizers.AdamW(1e-2, weight_decay=0.1, epsilon=1e-7)
    theirs = updated(standard, weights(names), steps)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=5e-5)
        assert np.abs(one - other).max() < np.abs(one).max() * 1e-3


def test_the_norm_before_clipping_is_kept():
    optimizer = ElectraAdamW(OptimizerConfig(**{**PLAIN, "clip_norm": 0.1}))
    gradients = random_gradients(0)
    updated(optimizer, weights(), [gradients])
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
    np.testing.assert_allclose(float(optimizer.gradient_norm), norm, rtol=1e-6)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_gradient_that_is_no_number_changes_nothing_but_is_counted(wrong):
    optimizer, variables = ElectraAdamW(OptimizerConfig(**PLAIN)), weights()
    optimizer.build(variables)
    good = [random_gradients(step) for step in range(3)]
    before = updated(optimizer, variables, good[:1])
    spoilt = random_gradients(9)
    spoilt[2][1, 1] = wrong
    for now, then in zip(updated(optimizer, variables, [spoilt]), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert (int(optimizer.skipped_steps), int(optimizer.iterations)) == (1, 2)

    # And it goes on as if that step had not been.
    other, others = ElectraAdamW(OptimizerConfig(**PLAIN)), weights()
    expected = updated(other, others, good)
    for now, then in zip(updated(optimizer, variables, good[1:]), expected, strict=True):
        np.testing.assert_allclose(now, then, atol=1e-7)
    assert int(optimizer.skipped_steps) == 1


# Rates by layer


def test_layer_decay_of_the_original():
    """Twelve layers at 0.8, as the original program computes them."""
    expected = [
        *(0.04398, 0.05498, 0.06872, 0.08590, 0.10737, 0.13422, 0.16777, 0.20972),
        *(0.26214, 0.32768, 0.40960, 0.51200, 0.64000, 1.0),
    ]
    config = OptimizerConfig(layer_decay=0.8, layer_decay_form="original")
    factors = layer_factors([*range(13), None], config)
    np.testing.assert_allclose(factors, expected, atol=5e-6)


def test_layer_decay_as_it_should_be():
    factors = layer_factors([*range(13), None], OptimizerConfig(layer_decay=0.8))
    np.testing.assert_allclose(factors, [*(0.8 ** (13 - depth) for depth in range(13)), 1.0])


def test_layers_are_told_apart_by_their_paths(tiny_encoder):
    model = ElectraPretrainer(tiny_encoder(local_mixing_width=3, norm_position="pre"))
    optimizer = ElectraAdamW({"layer_decay": 0.5})
    optimizer.build(model.discriminator.trainable_variables)
    factors = {
        variable.path: factor
        for variable, factor in zip(
            model.discriminator.trainable_variables, optimizer.rate_factors, strict=True
        )
    }
    for path, factor in factors.items():
        expected = 1.0
        for part, value in (
            ("/embeddings/", 0.125),
            ("/projection/", 0.125),
            ("/mixing/", 0.125),
            ("/layer_0/", 0.25),
            ("/layer_1/", 0.5),
        ):
            if part in path:
                expected = value
        assert factor == expected, path
    assert set(factors.values()) == {1.0, 0.5, 0.25, 0.125}


SHARINGS = ("full", "token", "none", "disentangled")


@pytest.mark.parametrize(
    "objective",
    [*({"embedding_sharing": sharing} for sharing in SHARINGS), {"generator": "two_tower"}],
    ids=str,
)
@pytest.mark.parametrize(("own", "form"), [(0.5, "correct"), (2.0, "original")])
def test_each_network_counts_from_its_own_top(tiny_encoder, objective, own, form):
    """Four layers of the discriminator, two or eight of the generator."""
    options = {"generator_depth_fraction": own, "generator_width_fraction": 0.5, **objective}
    model = ElectraPretrainer(tiny_encoder(num_layers=4), options)
    optimizer = ElectraAdamW({"layer_decay": 0.5, "layer_decay_form": form})
    optimizer.build(model.trainable_variables)
    extra = 1 if form == "correct" else 2
    sizes = {"discriminator": 4, "generator": round(4 * own)}
    found = set()
    for variable, factor in zip(model.trainable_variables, optimizer.rate_factors, strict=True):
        network = "generator" if variable.path.startswith("generator") else "discriminator"
        part = variable.path.split("/")[-2]
        depth = 1 + int(part.removeprefix("layer_")) if part.startswith("layer_") else 0
        if "head" in part:
            assert factor == 1.0, variable.path
            continue
        assert factor == 0.5 ** (sizes[network] + extra - depth), variable.path
        found.add((network, depth))
    tops = {(network, depth) for network, size in sizes.items() for depth in range(1, size + 1)}
    assert found >= {*tops, ("discriminator", 0)}


def test_embeddings_of_no_network_lie_below_the_deepest():
    depths, networks = [0, 1, 2, 1, None], ["shared", "first", "first", "second", None]
    factors = layer_factors(depths, OptimizerConfig(layer_decay=0.5), networks)
    assert factors == [0.125, 0.25, 0.5, 0.5, 1.0]


def test_the_factor_scales_step_and_decay():
    names = ("kernel", "kernel")
    whole, part = weights(names), weights(names)
    options = {**PLAIN, "weight_decay_rate": 0.1}
    optimizers = [ElectraAdamW(options), ElectraAdamW(options)]
    optimizers[1].build(part)
    optimizers[1].rate_factors = [1.0, 0.25]
    start = ops.convert_to_numpy(whole[1])
    gradients = [random_gradients(0, count=2)]
    one, other = updated(optimizers[0], whole, gradients), updated(optimizers[1], part, gradients)
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_allclose(other[1] - start, 0.25 * (one[1] - start), atol=5e-7)


# Schedules


def fractions(total=100, **options):
    config = OptimizerConfig(warmup_steps=10, **options)
    return np.array([float(rate_fraction(config, step, total)) for step in range(1, total + 1)])


@pytest.mark.parametrize(
    "schedule", ["linear", "polynomial", "cosine", "warmup_stable_decay", "constant"]
)
def test_rates_rise_to_the_peak_and_fall_to_the_end(schedule):
    rates = fractions(schedule=schedule)
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10, rtol=1e-6)
    assert rates.max() <= 1 + 1e-6
    assert (np.diff(rates[9:]) <= 1e-6).all()
    np.testing.assert_allclose(rates[-1], 1.0 if schedule == "constant" else 0.0, atol=1e-6)


def test_shapes_of_the_decay():
    steps = np.arange(10, 101)
    progress = (steps - 10) / 90
    np.testing.assert_allclose(fractions()[9:], 1 - progress, atol=1e-6)
    found = fractions(schedule="polynomial", decay_power=2.0)[9:]
    np.testing.assert_allclose(found, (1 - progress) ** 2, atol=1e-6)
    found = fractions(schedule="cosine", final_rate_fraction=0.1)[9:]
    np.testing.assert_allclose(found, 0.1 + 0.45 * (1 + np.cos(np.pi * progress)), atol=1e-6)
    found = fractions(schedule="warmup_stable_decay", decay_fraction=0.25)[9:]
    np.testing.assert_allclose(found, np.clip((1 - progress) / 0.25, 0, 1), atol=1e-5)


def test_the_originals_warm_up_never_reaches_the_peak():
    steps = np.arange(1, 101)
    expected = (1 - steps / 100) * np.minimum(1, steps / 10)
    np.testing.assert_allclose(fractions(warmup_form="original"), expected, atol=1e-6)


def test_a_warm_up_longer_than_the_run_and_none_at_all():
    config = OptimizerConfig(warmup_steps=50)
    np.testing.assert_allclose(float(rate_fraction(config, 20, 20)), 0.4, rtol=1e-6)
    config = OptimizerConfig(warmup_steps=0)
    np.testing.assert_allclose(float(rate_fraction(config, 1, 10)), 0.9, rtol=1e-6)


def test_the_rate_follows_the_schedule_and_its_end_can_move():
    config = OptimizerConfig(**{**PLAIN, "schedule": "linear"})
    optimizer, variables = ElectraAdamW(config, total_steps=4), weights()
    gradients = [random_gradients(0)]
    start = [ops.convert_to_numpy(variable) for variable in variables]
    first = updated(optimizer, variables, gradients)
    expected = written_out(start, gradients, config.replace(learning_rate=7.5e-3), [False] * 4)
    for ours, theirs in zip(first, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    optimizer.total_steps_variable.assign(2)
    before = [ops.convert_to_numpy(variable) for variable in variables]
    for now, then in zip(updated(optimizer, variables, gradients), before, strict=True):
        np.testing.assert_array_equal(now, then)


# Moving average, saving, options


def test_the_moving_average():
    optimizer = ElectraAdamW(OptimizerConfig(**{**PLAIN, "ema_rate": 0.75}))
    variables = weights()
    optimizer.build(variables)
    average = None
    for step in range(4):
        values = updated(optimizer, variables, [random_gradients(step)])
        kept = values if average is None else average
        average = [0.75 * old + 0.25 * new for old, new in zip(kept, values, strict=True)]
    found = optimizer._model_variables_moving_average
    for ours, theirs in zip(found, average, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(ours), theirs, atol=1e-6)


def test_saved_options_come_back():
    options = {"learning_rate": 3e-4, "schedule": "cosine", "ema_rate": 0.99, "clip_norm": None}
    optimizer = ElectraAdamW(options, total_steps=77, name="mine")
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.config == optimizer.config
    assert (again.total_steps, again.name, again.use_ema) == (77, "mine", True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0.0),
        ("layer_decay", 1.5),
        ("clip_norm", -1.0),
        ("schedule", "step"),
        ("accumulation_steps", 0),
    ],
)
def test_wrong_options_are_named(name, value):
    with pytest.raises(InputError, match=name):
        OptimizerConfig(**{name: value})
