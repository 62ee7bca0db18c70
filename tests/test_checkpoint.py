"""Checkpoints, presets and `.keras` files: bit for bit, on every backend, damage noticed."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

import keras_electra.models  # noqa: F401  registers the classes
from keras_electra.checkpoint import (
    latest_checkpoint,
    read_state,
    restore_checkpoint,
    save_checkpoint,
)
from keras_electra.continuing import start_from
from keras_electra.errors import DamagedDataError, InputError, Remark
from keras_electra.opening import load
from keras_electra.optimizers import ElectraAdamW
from keras_electra.presets import save_preset
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.runs import RunFolder
from keras_electra.tokenizer import WordPieceTokenizer

BACKENDS = ("jax", "tensorflow", "torch")


@pytest.fixture(scope="module")
def make_model(tiny_encoder, tokenizer):
    def make(seed=0, **choice):
        objective = {"generator_width_fraction": 0.5, **choice}
        model = ElectraPretrainer(tiny_encoder(num_layers=1), objective, seed=seed)
        model.tokenizer, model.sequence_length = tokenizer, 12
        model.compile(optimizer=ElectraAdamW({"ema_rate": 0.9}, 10))
        model.optimizer.build(model.trainable_variables)
        return model

    return make


def scrambled(model):
    """Other values in every variable of the model and its optimizer."""
    rng = np.random.default_rng(8)
    for variable in [*model.variables, *model.optimizer.variables, *model.metrics_variables]:
        if keras.backend.is_float_dtype(variable.dtype):
            variable.assign(rng.standard_normal(variable.shape).astype("float32"))
        else:
            variable.assign(np.full(variable.shape, 3, variable.dtype))
    return model


def values(variables):
    return {variable.path: ops.convert_to_numpy(variable) for variable in variables}


def assert_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name], err_msg=name)


@pytest.fixture
def checkpoint(make_model, tmp_path):
    model = scrambled(make_model())
    path = tmp_path / "run" / "checkpoints" / "step_00000003"
    save_checkpoint(path, model, {"step": 3, "tokens": 144, "seconds": 1.5})
    return path, model


def spoil(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


# Checkpoints


def test_everything_comes_back_bit_for_bit(make_model, checkpoint):
    path, model = checkpoint
    other = make_model(seed=5)
    state, metrics = restore_checkpoint(path, other)
    assert (state["step"], state["tokens"], state["seconds"]) == (3, 144, 1.5)
    assert_equal(values(model.variables), values(other.variables))
    slots = [values(each.optimizer.variables) for each in (model, other)]
    # The peak rate is an option, which the run's configuration holds.
    rates = [each.pop("electra_adamw/learning_rate") for each in slots]
    assert_equal(*slots)
    assert rates[1] == np.float32(5e-4)
    for saved, variable in zip(metrics, model.metrics_variables, strict=True):
        np.testing.assert_array_equal(saved, ops.convert_to_numpy(variable))


def test_saving_again_replaces(make_model, checkpoint):
    path, model = checkpoint
    model.backbone.embeddings.token_embeddings.assign(np.ones((60, 8), "float32"))
    save_checkpoint(path, model, {"step": 3, "tokens": 1, "seconds": 0})
    assert read_state(path)["tokens"] == 1
    assert sorted(entry.name for entry in path.parent.iterdir()) == [path.name]


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors"])
@pytest.mark.parametrize("harm", ["change", "cut", "remove"])
def test_damage_is_noticed_before_anything_is_assigned(make_model, checkpoint, name, harm):
    path, _ = checkpoint
    if harm == "change":
        spoil(path / name)
    elif harm == "cut":
        (path / name).write_bytes((path / name).read_bytes()[:-1])
    else:
        (path / name).unlink()
    other = make_model(seed=5)
    before = values(other.variables)
    with pytest.raises(DamagedDataError, match=name):
        restore_checkpoint(path, other)
    assert_equal(before, values(other.variables))


@pytest.mark.parametrize("name", ["step", "tokens", "seconds"])
def test_a_changed_state_is_noticed(make_model, checkpoint, name):
    path, _ = checkpoint
    state = json.loads((path / "state.json").read_text())
    (path / "state.json").write_text(json.dumps({**state, name: state[name] + 1}))
    other = make_model(seed=5)
    before = values(other.variables)
    with pytest.raises(DamagedDataError, match=r"state\.json: checksum mismatch"):
        restore_checkpoint(path, other)
    assert_equal(before, values(other.variables))
    with pytest.raises(DamagedDataError, match="no undamaged"):
        latest_checkpoint(RunFolder(path.parent.parent))


def test_a_checkpoint_of_an_older_version_opens_with_a_remark(make_model, checkpoint):
    path, _ = checkpoint
    state = json.loads((path / "state.json").read_text())
    assert state.pop("sha256")
    (path / "state.json").write_text(json.dumps(state))
    with pytest.warns(Remark, match="older version, without a checksum") as caught:
        assert restore_checkpoint(path, make_model(seed=5))[0]["step"] == 3
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)


@pytest.mark.parametrize("content", ["{", "[]", "null", "3"])
def test_a_state_that_is_none(checkpoint, content):
    (checkpoint[0] / "state.json").write_text(content)
    with pytest.raises(DamagedDataError, match=r"state\.json"):
        read_state(checkpoint[0])


def test_another_architecture_is_refused(checkpoint, make_model):
    other = make_model(embedding_sharing="none")
    with pytest.raises(InputError, match="expected"):
        restore_checkpoint(checkpoint[0], other)


def test_the_newest_undamaged_one_is_found(checkpoint):
    path, model = checkpoint
    later = path.parent / "step_00000007"
    save_checkpoint(later, model, {"step": 7, "tokens": 0, "seconds": 0})
    run = RunFolder(path.parent.parent)
    assert latest_checkpoint(run) == later
    spoil(later / "model.safetensors")
    said = []
    assert latest_checkpoint(run, on_damage=said.append) == path
    assert "step_00000007" in said[0]
    (path / "state.json").write_text("{")
    with pytest.raises(DamagedDataError, match="no undamaged"):
        latest_checkpoint(run)


def test_no_checkpoint_is_none(tmp_path):
    assert latest_checkpoint(RunFolder(tmp_path)) is None


# Presets


@pytest.fixture
def preset(make_model, tmp_path):
    model = make_model(seed=2)
    save_preset(tmp_path / "preset", model)
    return tmp_path / "preset", model


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"objective": "mlm"},
        {"objective": "electric", "generator": "two_tower", "embedding_sharing": "disentangled"},
        {"objective": "all_tokens_mlm", "generator": "tied"},
        {"generator": "uniform"},
    ],
    ids=str,
)
def test_a_preset_comes_back(make_model, make_batch, tmp_path, choice):
    model = make_model(seed=2, **choice)
    save_preset(tmp_path / "preset", model)
    again = load(tmp_path / "preset")
    assert again.tokenizer.vocabulary == model.tokenizer.vocabulary
    assert (again.sequence_length, again.objective) == (12, model.objective)
    assert_equal(values(model.trainable_variables), values(again.trainable_variables))


def test_a_preset_is_never_written_over(preset):
    with pytest.raises(InputError, match="empty folder"):
        save_preset(*preset)


def test_a_damaged_preset_is_noticed(preset):
    spoil(preset[0] / "discriminator.safetensors")
    with pytest.raises(DamagedDataError, match="discriminator"):
        load(preset[0])


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a run, a checkpoint, a preset"):
        load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"format": "another"}))
    with pytest.raises(InputError, match="expected a run, a checkpoint, a preset"):
        load(tmp_path)


def test_a_preset_needs_a_tokenizer(make_model, tmp_path):
    model = make_model()
    model.tokenizer = None
    with pytest.raises(InputError, match="tokenizer"):
        save_preset(tmp_path / "preset", model)


# Continuing from other weights


def test_starting_from_the_same_vocabulary_copies_all(make_model, preset):
    path, source = preset
    model = make_model()
    said = start_from(model, path)
    assert_equal(values(source.trainable_variables), values(model.trainable_variables))
    assert len(said) == 1


def test_starting_from_another_vocabulary_maps_rows_by_token(make_model, preset, vocabulary):
    path, source = preset
    extended = [*vocabulary[:5], "housewood", "##doged", *vocabulary[5:-2]]
    model = make_model()
    model.tokenizer = WordPieceTokenizer(extended)
    said = start_from(model, path)
    assert any("2 of 60 entries are new" in sentence for sentence in said)
    old = ops.convert_to_numpy(source.backbone.embeddings.token_embeddings)
    new = ops.convert_to_numpy(model.backbone.embeddings.token_embeddings)
    for index, token in enumerate(extended):
        if token in vocabulary:
            np.testing.assert_array_equal(new[index], old[vocabulary.index(token)], err_msg=token)
    bias = ops.convert_to_numpy(model.generator.head.output_bias)
    assert bias.shape == (60,)


def test_new_tokens_start_as_the_mean_of_their_pieces(make_model, preset, vocabulary):
    path, source = preset
    extended = [*vocabulary[:5], "doged", *vocabulary[5:-1]]
    model = make_model()
    model.tokenizer = WordPieceTokenizer(extended)
    start_from(model, path)
    old = ops.convert_to_numpy(source.backbone.embeddings.token_embeddings)
    new = ops.convert_to_numpy(model.backbone.embeddings.token_embeddings)
    pieces = [vocabulary.index("dog"), vocabulary.index("##ed")]
    np.testing.assert_allclose(new[5], old[pieces].mean(0), rtol=1e-6)


def test_what_does_not_fit_is_said(make_model, preset):
    model = make_model(embedding_sharing="none")
    said = start_from(model, preset[0])
    assert any("started afresh" in sentence for sentence in said)


# Keras' own files


@pytest.mark.parametrize("part", ["pretrainer", "generator", "discriminator", "backbone"])
def test_keras_files_round_trip(make_model, make_batch, tmp_path, part):
    model = make_model(seed=4)
    network = model if part == "pretrainer" else getattr(model, part)
    network.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    ours, theirs = network.trainable_variables, again.trainable_variables
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.name == other.name
        np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))
    batch = {name: ops.convert_to_tensor(value) for name, value in make_batch().items()}
    found = [net(batch) for net in (network, again)]
    if part == "pretrainer":
        found = [outputs["rtd_logits"] for outputs in found]
    np.testing.assert_array_equal(*(ops.convert_to_numpy(output) for output in found))


def test_two_towers_in_a_keras_file(make_model, tmp_path):
    model = make_model(objective="electric", generator="two_tower", embedding_sharing="token")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert again.objective == model.objective
    for one, other in zip(model.trainable_variables, again.trainable_variables, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))


ELSEWHERE = """
import sys
import keras, numpy as np
import keras_electra.models
from keras_electra import load

folder = sys.argv[1]
inputs = {name: value for name, value in np.load(folder + "/batch.npz").items()}
preset = load(folder + "/preset")
again = keras.saving.load_model(folder + "/model.keras", compile=False)
for name, model in (("preset", preset), ("keras", again)):
    logits = keras.ops.convert_to_numpy(model.discriminator(inputs))
    np.save(f"{folder}/{name}.npy", logits)
"""


def test_files_open_on_another_backend(make_model, make_batch, tmp_path):
    others = [
        name
        for name in BACKENDS
        if name != keras.backend.backend() and importlib.util.find_spec(name)
    ]
    if not others:
        pytest.skip("one backend is installed")
    model = make_model(seed=4)
    save_preset(tmp_path / "preset", model)
    model.save(tmp_path / "model.keras")
    batch = {name: make_batch()[name] for name in ("token_ids", "segment_ids", "padding_mask")}
    np.savez(tmp_path / "batch.npz", **batch)
    paths = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": others[0], "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    expected = ops.convert_to_numpy(model.discriminator(batch))
    for name in ("preset", "keras"):
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), expected, atol=1e-5)


def test_a_checkpoint_alone_does_not_open_without_its_run(checkpoint, tmp_path):
    shutil.copytree(checkpoint[0], tmp_path / "elsewhere" / "step_00000003")
    with pytest.raises((InputError, DamagedDataError)):
        load(tmp_path / "elsewhere" / "step_00000003")
