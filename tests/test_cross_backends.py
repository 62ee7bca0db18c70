"""One run on three backends: checkpoints cross, and the losses go on alike."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy

BACKENDS = ("jax", "tensorflow", "torch")
MISSING = [name for name in BACKENDS if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

TRAIN = """
import json, sys
from keras_electra import PretrainConfig, pretrain

store, run_dir, options = sys.argv[1:]
pretrain(PretrainConfig.from_dict(json.loads(options)), store, run_dir)
"""
RESAVE = """
import sys
from keras_electra import load, save_preset

save_preset(sys.argv[2], load(sys.argv[1]))
"""


def start(backend, program, *arguments):
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    _, errors = process.communicate()
    assert process.returncode == 0, errors[-2000:]


def losses_of(run_dir):
    rows = [json.loads(line) for line in (run_dir / "log.jsonl").read_text().splitlines()]
    return {row["step"]: [row["mlm_loss"], row["rtd_loss"]] for row in rows}


@pytest.fixture(scope="module")
def runs(store, tiny_config, tmp_path_factory):
    """One run of 5 steps on JAX, gone on with for 20 steps on each backend."""
    folder = tmp_path_factory.mktemp("runs")
    # Without dropout, whose noise is each backend's own.
    without = {"dropout_rate": 0.0, "attention_dropout_rate": 0.0}
    options = {"ema_rate": 0.9, "learning_rate": 2e-3, "hidden_optimizer": "muon", **without}
    config = tiny_config(steps=5, log_every_steps=1, **options)
    finish(start("jax", TRAIN, store.path, folder / "first", json.dumps(config.to_dict())))
    longer = json.dumps(config.changed(steps=25).to_dict())
    processes = []
    for backend in BACKENDS:
        shutil.copytree(folder / "first", folder / backend)
        processes.append(start(backend, TRAIN, store.path, folder / backend, longer))
    for process in processes:
        finish(process)
    return folder


def test_the_next_twenty_losses_agree(runs):
    expected = losses_of(runs / "jax")
    assert sorted(expected) == list(range(1, 26))
    for backend in BACKENDS[1:]:
        losses = losses_of(runs / backend)
        for step in range(6, 26):
            np.testing.assert_allclose(losses[step], expected[step], rtol=1e-3)


@pytest.mark.full
def test_a_run_in_float16_goes_on_elsewhere_with_its_loss_scale(store, tiny_config, tmp_path):
    """The overflows come before the checkpoint; from there on each backend is near the others."""
    quiet = {"dropout_rate": 0.0, "attention_dropout_rate": 0.0, "log_every_steps": 1}
    config = tiny_config(steps=10, dtype_policy="mixed_float16", learning_rate=2e-3, **quiet)
    finish(start("jax", TRAIN, store.path, tmp_path / "first", json.dumps(config.to_dict())))
    longer = json.dumps(config.changed(steps=20).to_dict())
    found = {}
    for backend in BACKENDS:
        shutil.copytree(tmp_path / "first", tmp_path / backend)
        finish(start(backend, TRAIN, store.path, tmp_path / backend, longer))
        lines = (tmp_path / backend / "log.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        names = ("loss_scale", "skipped_steps", "mlm_loss", "rtd_loss")
        found[backend] = np.array([[row[name] for name in names] for row in rows])
    expected = found["jax"]
    assert len(expected) == 20
    assert 0 < expected[-1, 1] == expected[9, 1]
    for values in found.values():
        np.testing.assert_array_equal(values[:, :2], expected[:, :2])
        np.testing.assert_allclose(values[:, 2:], expected[:, 2:], rtol=0.02)


def test_weights_are_bit_equal_on_the_other_side(runs, tmp_path):
    processes = [start(backend, RESAVE, runs / "first", tmp_path / backend) for backend in BACKENDS]
    for process in processes:
        finish(process)
    for name in ("generator.safetensors", "discriminator.safetensors"):
        first, *others = (safetensors.numpy.load_file(tmp_path / b / name) for b in BACKENDS)
        for other in others:
            assert first.keys() == other.keys()
            assert all(np.array_equal(first[key], other[key]) for key in first)


KERAS_FILE = """
import sys
import keras, numpy as np
import keras_electra.models
from keras_electra import load
from keras_electra.convert import from_google, to_google, to_keras
from keras_electra.convert.checking import largest_difference, sample_inputs, sample_outputs

source, out = sys.argv[1:]
model = keras.models.load_model(source) if source.endswith(".keras") else load(source)
inputs = sample_inputs(model.encoder)
outputs = {name.replace("/", " "): value for name, value in sample_outputs(model, inputs).items()}
if not source.endswith(".keras"):
    to_keras(model, out + "/model.keras")
    np.savez(out + "/expected.npz", **outputs)
    if keras.config.backend() == "jax":
        to_google(model, out + "/google")
        assert from_google(out + "/google")["pretrainer"].generator is not None
difference = largest_difference(dict(np.load(out + "/expected.npz")), outputs)
assert difference < 1e-5, difference
"""


@pytest.mark.parametrize("first", BACKENDS)
def test_keras_files_open_on_the_other_backends(runs, first, tmp_path):
    """And on JAX: Google's files, which TensorFlow writes and reads in a process of its own."""
    finish(start(first, KERAS_FILE, runs / "first", tmp_path))
    others = [name for name in BACKENDS if name != first]
    processes = [start(name, KERAS_FILE, tmp_path / "model.keras", tmp_path) for name in others]
    for process in processes:
        finish(process)
