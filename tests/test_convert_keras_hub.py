"""KerasHub: presets that it opens alone, and the known difference of its GELU."""

import json
import pathlib
import shutil

import numpy as np
import pytest
from keras import ops

from keras_electra import ElectraBackbone, ElectraPretrainer, WordPieceTokenizer
from keras_electra.convert import from_keras_hub, to_keras_hub
from keras_electra.convert.checking import numbers, sample_inputs
from keras_electra.convert.sources import kind_of_source
from keras_electra.errors import DamagedDataError, InputError

keras_hub = pytest.importorskip("keras_hub")


@pytest.fixture(scope="module")
def model(tokenizer, tiny_config):
    config = tiny_config(num_layers=2, initializer_range=0.2)
    model = ElectraPretrainer.from_recipe(config)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(ops.convert_to_numpy(weight) + 0.1 * rng.standard_normal(weight.shape))
    model.tokenizer = tokenizer
    return model


@pytest.fixture(scope="module")
def preset(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("hub") / "preset"
    return path, to_keras_hub(model, path)


def test_it_opens_there_and_gives_the_numbers_but_for_the_gelu(model, preset):
    path, done = preset
    assert done.largest_difference < 1e-5
    theirs = keras_hub.models.Backbone.from_preset(str(path))
    assert isinstance(theirs, keras_hub.models.ElectraBackbone)
    inputs = sample_inputs(model.encoder)
    mask = inputs["padding_mask"]
    found = numbers(theirs({**inputs, "padding_mask": mask.astype("int32")})["sequence_output"])
    difference = np.abs(found - numbers(model.backbone(inputs)))[mask].max()
    # KerasHub approximates GELU by tanh: more than rounding, less than anyone would notice.
    assert 1e-5 < difference < 2e-2
    assert f"{difference:.2g}" in done.sentences[0]
    assert any("pooler" in sentence for sentence in done.sentences)
    assert any("encoder alone" in sentence for sentence in done.sentences)


def test_its_tokenizer_gives_our_ids(model, preset):
    theirs = keras_hub.models.Tokenizer.from_preset(str(preset[0]))
    assert isinstance(theirs, keras_hub.models.ElectraTokenizer)
    text = "The OLD cat sees é, a dogs."
    assert [int(i) for i in numbers(theirs(text))] == model.tokenizer.encode(text)


def test_and_back(model, preset):
    assert kind_of_source(preset[0]) == "keras-hub"
    found = from_keras_hub(preset[0])
    for mine, theirs in zip(found["backbone"].weights, model.backbone.weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(mine), ops.convert_to_numpy(theirs))
    assert found["tokenizer"].vocabulary == model.tokenizer.vocabulary
    assert found["left_out"] == ["pooled_dense/kernel", "pooled_dense/bias"]
    assert "tanh" in found["sentences"][0]


def test_an_object_of_theirs_is_taken_too():
    theirs = keras_hub.models.ElectraBackbone(
        vocab_size=60,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        embedding_dim=16,
        intermediate_dim=32,
        max_sequence_length=16,
    )
    found = from_keras_hub(theirs)
    assert found["backbone"].projection is None and found["tokenizer"] is None


def test_what_is_refused(model, preset, tiny_encoder, vocabulary, tmp_path):
    with pytest.raises(InputError, match="norm_position='pre'.*keras"):
        to_keras_hub(ElectraBackbone(**tiny_encoder(norm_position="pre").to_dict()), tmp_path / "a")
    assert not any(tmp_path.iterdir())
    with pytest.raises(InputError, match="expected a KerasHub preset"):
        from_keras_hub(tmp_path)
    path = pathlib.Path(shutil.copytree(preset[0], tmp_path / "preset"))
    assets = path / "assets/tokenizer/vocabulary.txt"
    WordPieceTokenizer([*vocabulary, "more"]).save(assets)
    with pytest.raises(InputError, match="at most 60 entries.*received 61"):
        from_keras_hub(path)
    # Rows without a token are kept.
    WordPieceTokenizer(vocabulary[:-1]).save(assets)
    assert from_keras_hub(path)["tokenizer"].vocabulary == (*vocabulary[:-1], "[unused59]")
    weights = next(path.glob("*.weights.h5"))
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(DamagedDataError, match="whole KerasHub preset"):
        from_keras_hub(path)
    config = json.loads((path / "config.json").read_text())
    assert config["config"]["vocab_size"] == 60
