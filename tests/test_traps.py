"""Regression tests of traps in Keras and its backends that would bite a training step silently."""

import math
import os
import subprocess
import sys
import textwrap
import threading

import keras
import numpy as np
import pytest
from keras import ops

from keras_electra import backends
from keras_electra.callbacks import RunKeeper
from keras_electra.optimizers import ElectraAdamW
from keras_electra.pretrainer import ElectraPretrainer

OBJECTIVE = {"generator_width_fraction": 0.5}
MASKING = {"mask_rate": 0.3}


@pytest.fixture(scope="module")
def make_model(tiny_encoder):
    def make(dtype=None, seed=0, accumulation_steps=1, **changes):
        encoder = tiny_encoder(**changes)
        return ElectraPretrainer(
            encoder,
            OBJECTIVE,
            MASKING,
            dtype=dtype,
            seed=seed,
            accumulation_steps=accumulation_steps,
        )

    return make


def as_fit_calls(network, batch, training):
    """The outputs as `fit` gets them: on JAX by `stateless_call`, which passes by `__call__`."""
    batch = {name: ops.convert_to_tensor(value) for name, value in batch.items()}
    if keras.backend.backend() != "jax":
        return network(batch, training=training)
    outputs, _ = network.stateless_call(
        network.trainable_variables, network.non_trainable_variables, batch, training=training
    )
    return outputs


def array(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


# Dropout is really on in training, on every backend, at every site


@pytest.mark.parametrize("rates", [(0.5, 0.0), (0.0, 0.5), (0.0, 0.0)])
def test_dropout_is_on_in_training_and_off_otherwise(make_model, make_batch, rates):
    model = make_model(dropout_rate=rates[0], attention_dropout_rate=rates[1])
    batch = make_batch()
    quiet = as_fit_calls(model, batch, training=False)
    trained = as_fit_calls(model, batch, training=True)
    for name in ("mlm_losses", "rtd_losses"):
        difference = np.abs(array(trained[name]) - array(quiet[name])).max()
        assert (difference > 1e-6) == any(rates), name
    np.testing.assert_array_equal(
        array(quiet["rtd_logits"]), array(as_fit_calls(model, batch, False)["rtd_logits"])
    )


def test_dropout_is_at_every_site_of_the_original(make_model, make_batch, monkeypatch):
    """After the embeddings; per layer on attention weights, attention output and feed-forward."""
    seen, attended = [], []

    def dropout(x, rate, key, site):
        seen.append((site, rate))
        return x

    def attention(query, key, value, mask, rate, noise, site):
        attended.append((site, rate))
        return value

    monkeypatch.setattr(backends, "dropout", dropout)
    monkeypatch.setattr(backends, "attention", attention)
    backbone = make_model(dropout_rate=0.2, attention_dropout_rate=0.3).backbone
    backbone(make_batch()["token_ids"], training=True)
    assert seen == [(site, 0.2) for site in (0, 2, 3, 5, 6)]
    assert attended == [(1, 0.3), (4, 0.3)]
    seen.clear(), attended.clear()
    backbone(make_batch()["token_ids"], training=False)
    assert not seen
    assert {rate for _, rate in attended} == {0.0}


def test_dropout_keeps_the_mean_and_differs_between_sites_and_passes():
    generator = keras.random.SeedGenerator(7)
    x = ops.ones((64, 33))
    draws = []
    for _ in range(2):
        key = backends.noise_key(generator)
        draws += [array(backends.dropout(x, 0.25, key, site)) for site in (0, 1)]
    for draw in draws:
        assert set(np.unique(draw.round(5))) == {0.0, np.float32(1 / 0.75).round(5)}
        assert abs((draw == 0).mean() - 0.25) < 0.05
    for first in range(4):
        for second in range(first):
            same = ((draws[first] == 0) & (draws[second] == 0)).mean()
            assert abs(same - 0.25**2) < 0.02


@pytest.mark.parametrize(("width_in", "width_out"), [(8, 24), (24, 8), (8, 8)])
def test_the_gradients_of_a_dense_layer_are_those_of_numpy(width_in, width_out):
    rng = np.random.default_rng(0)
    x, factors = rng.normal(size=(2, 5, width_in)), rng.normal(size=(2, 5, width_out))
    kernel = keras.Variable(rng.normal(size=(width_in, width_out)))
    bias = keras.Variable(rng.normal(size=width_out))
    before = keras.Variable(np.ones(width_in))

    def weighted(inputs):
        scaled = ops.multiply(inputs["x"], before)
        return ops.multiply(backends.dense(scaled, kernel, bias), inputs["factors"])

    inputs = {"x": x.astype("float32"), "factors": factors.astype("float32")}
    found = backends.differentiated(weighted, [kernel, bias, before])(inputs)
    expected = (
        np.einsum("bti,bto->io", x, factors),
        factors.sum((0, 1)),
        np.einsum("bto,io,bti->i", factors, array(kernel), x),
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(array(one), other, rtol=1e-4, atol=1e-4)


def test_gelu_and_its_gradient_are_those_of_the_normal_distribution():
    x = np.linspace(-6, 6, 97)
    masses = np.array([0.5 * (1 + math.erf(value / math.sqrt(2))) for value in x])
    densities = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    inputs = ops.convert_to_tensor(x.astype("float32"))
    np.testing.assert_allclose(array(backends.gelu(inputs)), x * masses, rtol=1e-5, atol=1e-6)
    ones = keras.Variable(np.ones(97))
    gradient = backends.differentiated(
        lambda inputs: backends.gelu(ops.multiply(inputs["x"], ones)), [ones]
    )
    expected = x * (masses + x * densities)
    np.testing.assert_allclose(array(gradient({"x": inputs})[0]), expected, rtol=1e-5, atol=1e-5)


def test_gelu_in_bfloat16_is_rounded_once():
    x = ops.convert_to_tensor(np.linspace(-6, 6, 97).astype("float32"))
    short = ops.cast(x, "bfloat16")
    found = backends.gelu(short)
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    expected = ops.cast(backends.gelu(ops.cast(short, "float32")), "bfloat16")
    received, expected = (array(ops.cast(value, "float32")) for value in (found, expected))
    np.testing.assert_allclose(received, expected, rtol=2**-7, atol=1e-6)


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_attention_with_dropout_is_that_without_on_average(rate):
    rng = np.random.default_rng(0)
    query, key, value = (
        ops.convert_to_tensor(rng.normal(size=(2, 5, 2, 4)).astype("float32")) for _ in range(3)
    )
    mask = ops.convert_to_tensor(rng.random((2, 1, 5, 5)) < 0.7) | ops.eye(5, dtype="bool")
    generator = keras.random.SeedGenerator(7)
    quiet = array(backends.attention(query, key, value, mask, 0.0, None, 1))
    draws = [
        array(backends.attention(query, key, value, mask, rate, backends.noise_key(generator), 1))
        for _ in range(300)
    ]
    assert (np.abs(draws[0] - draws[1]).max() > 1e-3) == (rate > 0)
    np.testing.assert_allclose(np.mean(draws, 0), quiet, atol=0.15 if rate else 1e-5)


def test_pytorch_training_leaves_the_global_generator_alone(make_model, make_batch):
    if keras.backend.backend() != "torch":
        pytest.skip("the other backends have no global generator")
    import torch

    model = make_model()
    model.compile(optimizer=ElectraAdamW(total_steps=10))
    before = torch.random.get_rng_state()
    model.train_on_batch(make_batch())
    assert torch.equal(before, torch.random.get_rng_state())


# Mixed precision


def test_mixed_precision_is_the_same_inside_and_outside_fit(make_model, make_batch):
    model, batch = make_model(dtype="mixed_bfloat16"), make_batch()
    inputs = {**batch, "token_ids": batch["masked_ids"]}
    called = model.generator({k: ops.convert_to_tensor(v) for k, v in inputs.items()})
    fitted = as_fit_calls(model.generator, inputs, training=False)
    for logits in (called, fitted):
        assert keras.backend.standardize_dtype(logits.dtype) == "bfloat16"
    np.testing.assert_array_equal(array(called), array(fitted))
    assert {v.dtype for v in model.trainable_variables} == {"float32"}


def test_mixed_precision_changes_losses_only_a_little(make_model, make_batch):
    batch = {**make_batch(), "sampled_ids": make_batch(1)["token_ids"][:, 1:4]}
    exact, mixed = make_model(), make_model(dtype="mixed_bfloat16")
    assert batch["sampled_ids"].shape == batch["mask_positions"].shape
    results = [as_fit_calls(model, batch, training=False) for model in (exact, mixed)]
    for name in ("mlm_losses", "rtd_losses"):
        assert keras.backend.standardize_dtype(results[1][name].dtype) == "float32"
        np.testing.assert_allclose(array(results[0][name]), array(results[1][name]), atol=0.03)


def test_a_model_made_in_another_thread_has_the_policy_it_was_given(make_model):
    made = []
    thread = threading.Thread(target=lambda: made.append(make_model(dtype="mixed_bfloat16")))
    thread.start()
    thread.join()
    networks = [made[0].generator, made[0].discriminator]
    layers = [layer for network in networks for layer in network._flatten_layers()]
    assert {layer.compute_dtype for layer in layers} == {"bfloat16"}


# Two replicas under TensorFlow

REPLICAS = """
    import sys
    import numpy as np
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    half = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [half, half])

    import keras
    from conftest import ENCODER, random_batch
    from keras_electra import backends
    from keras_electra.optimizers import ElectraAdamW
    from keras_electra.pretrainer import ElectraPretrainer

    def trained(strategy):
        with strategy.scope():
            encoder = {**ENCODER, "dropout_rate": 0.0, "attention_dropout_rate": 0.0}
            model = ElectraPretrainer(encoder, {"generator_width_fraction": 0.5})
            config = {"learning_rate": 1e-2, "warmup_steps": 1, "bias_correction": True}
            model.compile(optimizer=ElectraAdamW(config, 10), jit_compile=False)
            model.optimizer.build(model.trainable_variables)
        data = tf.data.Dataset.from_tensors(random_batch(is_padded=False)).unbatch().batch(4)
        history = model.fit(data.map(lambda x: (x,)), epochs=1, verbose=0)
        norm = float(keras.ops.convert_to_numpy(model.optimizer.gradient_norm))
        return history.history["loss"][0], norm, [v.numpy() for v in model.trainable_variables]

    mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    one, two = trained(tf.distribute.get_strategy()), trained(mirrored)
    print("loss", one[0], two[0])
    print("norm", one[1], two[1])
    print("weights", 0.0, max(np.abs(a - b).max() for a, b in zip(one[2], two[2])))
    with mirrored.scope():
        generator = keras.random.SeedGenerator(3)

    @tf.function
    def noise():
        key = backends.noise_key(generator)
        return backends.dropout(tf.ones((8, 8)), 0.5, key, 0)

    first, second = mirrored.experimental_local_results(mirrored.run(noise))
    print("same_noise", 0.0, float(np.all(first.numpy() == second.numpy())))
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a strategy of TensorFlow")
def test_two_replicas_train_as_one():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(REPLICAS)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line.split() for line in done.stdout.splitlines() if len(line.split()) == 3]
    found = {name: (float(first), float(second)) for name, first, second in rows}
    for name in ("loss", "norm"):
        np.testing.assert_allclose(*found[name], rtol=1e-4, err_msg=name)
    assert found["weights"][1] < 1e-4
    assert found["same_noise"][1] == 0


# The optimizer, saved


def test_the_optimizer_names_no_backend_in_what_is_saved():
    saved = keras.saving.serialize_keras_object(ElectraAdamW({"learning_rate": 1e-3}, 50))
    assert saved["registered_name"] == "keras_electra>ElectraAdamW"
    for name in ("torch", "tensorflow", "jax"):
        assert name not in str(saved)


def test_decay_exclusions_survive_saving(make_model):
    model = make_model()
    options = {"weight_decay_rate": 0.02, "clip_norm": 0.5, "layer_decay": 0.8}
    saved = keras.saving.serialize_keras_object(ElectraAdamW(options, 50))
    optimizer = keras.saving.deserialize_keras_object(saved)
    optimizer.build(model.trainable_variables)
    rates = dict(
        zip([v.path for v in model.trainable_variables], optimizer.decay_rates, strict=True)
    )
    for path, rate in rates.items():
        is_excluded = path.endswith(("bias", "gamma", "beta"))
        assert rate == (0.0 if is_excluded else 0.02), path
    assert sum(rate > 0 for rate in rates.values()) > 10
    assert optimizer.config.clip_norm == 0.5
    assert len(set(optimizer.rate_factors)) == 4


def test_the_schedule_is_known_without_building_by_hand(make_model, make_batch):
    """TensorFlow builds the optimizer while tracing the step, where an assignment is lost."""
    model = make_model(num_layers=1)
    model.compile(optimizer=ElectraAdamW(total_steps=100))
    model.fit(make_batch(), batch_size=4, verbose=0)
    assert int(model.optimizer.total_steps_variable) == 100


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="recompiles on PyTorch only")
def test_the_step_on_pytorch_branches_by_no_cond(make_model, make_batch, monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("ops.cond makes torch.compile compile every step anew")

    monkeypatch.setattr(keras.src.ops, "cond", refuse)
    monkeypatch.setattr(keras.ops, "cond", refuse)
    model = make_model(accumulation_steps=2)
    model.compile(optimizer=ElectraAdamW({"ema_rate": 0.9}, 10))
    for step in range(2):
        model.train_on_batch(make_batch(step))


# Random states


def test_states_of_dropout_noise_are_among_what_a_checkpoint_holds(make_model):
    paths = [variable.path for variable in make_model().variables]
    noise = [path for path in paths if "seed_generator_state" in path]
    assert len(noise) == 2
    assert len(set(paths)) == len(paths)


def test_seeds_of_parts_are_no_neighbours(make_model):
    """On PyTorch, Keras adds seed and counter: neighbouring seeds would share their draws."""
    models = [make_model(seed=seed, num_layers=1) for seed in range(3)]
    networks = [network for model in models for network in (model.generator, model.discriminator)]
    seeds = sorted(network.backbone.seed for network in networks)
    assert min(np.diff(seeds)) > 1000


def test_layers_and_networks_start_from_different_weights(make_model):
    model = make_model(hidden_dim=8, num_heads=1)
    other = make_model(hidden_dim=8, num_heads=1, seed=1)
    layers = [
        layer
        for network in (model.discriminator, other.discriminator)
        for layer in network.backbone.encoder_layers
    ]
    kernels = [array(layer.qkv_kernel) for layer in layers]
    for first in range(len(kernels)):
        for second in range(first):
            assert not np.allclose(kernels[first], kernels[second])


def test_the_run_keeper_makes_no_step_wait():
    """At the end of a batch Keras fetches each step's figures, or calls from another thread."""
    for name in ("on_batch_end", "on_train_batch_end"):
        assert getattr(RunKeeper, name) is getattr(keras.callbacks.Callback, name)
    assert not hasattr(RunKeeper, "async_safe")


# Gathering


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_gather_places_is_numpys(dtype):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 7, 5)).astype("float32")
    positions = np.array([[0, 6, 6, 2], [1, 1, 1, 0], [5, 4, 0, 0]], "int32")
    x = ops.cast(ops.convert_to_tensor(x), dtype)
    rows = backends.gather_places(x, ops.convert_to_tensor(positions))
    assert tuple(rows.shape) == (3, 4, 5)
    expected = np.take_along_axis(array(x), positions[..., None], axis=1)
    np.testing.assert_array_equal(array(rows), expected)
