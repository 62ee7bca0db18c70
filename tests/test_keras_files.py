"""Keras' own files: every model opens again, with its vocabulary; damage is told in a sentence."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_electra.models
from keras_electra import (
    ElectraBackbone,
    ElectraPretrainer,
    ExtractiveQA,
    MultipleChoice,
    SeveralTasks,
    TextClassifier,
    TextRegressor,
    TokenClassifier,
    add_lora,
    detect,
    load,
)
from keras_electra.convert import keras_files, to_keras
from keras_electra.convert.checking import largest_difference, sample_inputs, sample_outputs
from keras_electra.errors import ConversionError, DamagedDataError, InputError


def pretrainer(encoder, **objective):
    return ElectraPretrainer(encoder, {"generator_width_fraction": 0.5, **objective})


def backbone(encoder):
    return ElectraBackbone(**encoder.to_dict())


def several(encoder):
    shared = backbone(encoder)
    return SeveralTasks(
        {
            "a": TextClassifier(shared, ["x", "y"], name="a"),
            "b": TokenClassifier(shared, ["x", "y"], name="b"),
        }
    )


def with_updates(encoder):
    shared = backbone(encoder)
    add_lora(shared, rank=2)
    return TextClassifier(shared, ["x", "y"])


MODELS = {
    "backbone": backbone,
    "pretrainer": pretrainer,
    "electric": lambda e: pretrainer(e, objective="electric", generator="two_tower"),
    "all_tokens_mlm": lambda e: pretrainer(e, objective="all_tokens_mlm"),
    "detector": lambda e: pretrainer(e).discriminator,
    "generator": lambda e: pretrainer(e).generator,
    "generator with a shared table": lambda e: pretrainer(e, embedding_sharing="token").generator,
    "detector with a sum of tables": lambda e: (
        pretrainer(e, embedding_sharing="disentangled").discriminator
    ),
    "towers": lambda e: pretrainer(e, generator="two_tower").generator,
    "own towers": lambda e: (
        pretrainer(e, generator="two_tower", embedding_sharing="none").generator
    ),
    "classifier": lambda e: TextClassifier(backbone(e), ["x", "y"], is_multi_label=True),
    "regressor": lambda e: TextRegressor(backbone(e), (0, 5), head="huggingface"),
    "tagger": lambda e: TokenClassifier(backbone(e), ["x", "y"]),
    "chooser": lambda e: MultipleChoice(backbone(e)),
    "answerer": lambda e: ExtractiveQA(backbone(e)),
    "several": several,
    "low-rank updates": with_updates,
}


def stirred(model):
    rng = np.random.default_rng(0)
    for weight in model.weights:
        value = ops.convert_to_numpy(weight)
        weight.assign(value + 0.1 * rng.standard_normal(value.shape))
    return model


@pytest.mark.parametrize("architecture", ["electra", "modern_rotary"])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_opens_again(name, architecture, tiny_config, tokenizer, tmp_path):
    if architecture == "modern_rotary" and name not in ("pretrainer", "classifier", "towers"):
        pytest.skip("the rest has nothing of its own there")
    encoder = tiny_config(architecture=architecture).encoder
    model = stirred(MODELS[name](encoder))
    model.tokenizer, model.sequence_length = tokenizer, 12
    inputs = sample_inputs(encoder)
    expected = sample_outputs(model, inputs)
    assert to_keras(model, tmp_path / "model.keras").largest_difference < 1e-6
    assert to_keras(model, tmp_path / "model.weights.h5").largest_difference < 1e-6
    again = load(tmp_path / "model.keras")
    assert type(again) is type(model)
    assert largest_difference(expected, sample_outputs(again, inputs)) < 1e-6
    assert again.tokenizer.fingerprint == tokenizer.fingerprint
    assert again.sequence_length == 12
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.keras", "model.weights.h5"]


def test_a_file_is_a_model_for_text(tiny_config, tokenizer, tmp_path):
    model = ElectraPretrainer.from_recipe(tiny_config())
    model.tokenizer, model.sequence_length = tokenizer, 12
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    texts = ["the old cat sees a dog ."]
    first, second = (detect(one, texts)[0] for one in (model, again))
    assert first.tokens == second.tokens
    np.testing.assert_allclose(first.probabilities, second.probabilities, atol=1e-6)


@pytest.mark.parametrize("name", ["model.keras", "preset"])
def test_the_columns_of_the_training_are_kept(tiny_encoder, tokenizer, tmp_path, name):
    model = several(tiny_encoder(num_layers=1))
    for one in (model, *model.models.values()):
        one.tokenizer, one.sequence_length = tokenizer, 12
    model.models["a"].columns = {"text_column": "review", "label_column": "stars"}
    to_keras(model, tmp_path / name)
    again = load(tmp_path / name).models
    assert again["a"].columns == {"text_column": "review", "label_column": "stars"}
    assert again["b"].columns is None


def test_a_file_without_a_vocabulary_has_none(tiny_encoder, tmp_path):
    done = to_keras(backbone(tiny_encoder(num_layers=1)), tmp_path / "model.keras")
    assert "no tokenizer" in done.sentences[0]
    assert load(tmp_path / "model.keras").tokenizer is None


def test_presets_are_written_too(tiny_config, tokenizer, tmp_path):
    model = ElectraPretrainer.from_recipe(tiny_config())
    model.tokenizer, model.sequence_length = tokenizer, 12
    assert to_keras(model, tmp_path / "preset").format == "keras"
    assert load(tmp_path / "preset").encoder == model.encoder
    with pytest.raises(InputError, match="ends in .keras"):
        to_keras(model.backbone, tmp_path / "other")


def test_files_that_are_no_models(tiny_encoder, tmp_path):
    path = tmp_path / "model.keras"
    with pytest.raises(InputError, match="found none"):
        load(path)
    to_keras(backbone(tiny_encoder(num_layers=1)), path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DamagedDataError, match="model.keras"):
        load(path)
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    other.save(tmp_path / "other.keras")
    with pytest.raises(InputError, match="received a Sequential"):
        load(tmp_path / "other.keras")


def test_another_precision_than_the_files_is_refused(tiny_encoder, tmp_path):
    to_keras(backbone(tiny_encoder(num_layers=1)), tmp_path / "model.keras")
    with pytest.raises(InputError, match="expected 'float32'.*received 'mixed_bfloat16'"):
        load(tmp_path / "model.keras", dtype="mixed_bfloat16")


def test_what_is_there_stays(tiny_encoder, tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    path.write_text("mine")
    with pytest.raises(InputError, match="expected a new file"):
        to_keras(backbone(tiny_encoder(num_layers=1)), path)
    assert path.read_text() == "mine"
    path.unlink()
    other = stirred(backbone(tiny_encoder(num_layers=1)))
    monkeypatch.setattr(keras_files, "open_own", lambda kind, path: other)
    with pytest.raises(ConversionError, match="largest difference"):
        to_keras(backbone(tiny_encoder(num_layers=1)), path)
    assert not any(tmp_path.iterdir())


def test_models_registers_every_class():
    for name in keras_electra.models.__all__:
        assert keras.saving.get_registered_object(f"keras_electra>{name}")
