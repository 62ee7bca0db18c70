"""A discriminator or an encoder alone becomes a pretrainer; a frozen generator stays frozen."""

import numpy as np
import pytest
from keras import ops

from keras_electra import ElectraBackbone, ElectraPretrainer, ObjectiveConfig
from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.continuing import start_from
from keras_electra.convert import as_pretrainer
from keras_electra.convert.checking import sample_inputs, sample_outputs
from keras_electra.errors import InputError
from keras_electra.networks import MaskedLanguageModel, ReplacedTokenDetector
from keras_electra.opening import load
from keras_electra.optimizers import ElectraAdamW
from keras_electra.presets import save_preset


@pytest.fixture
def encoder(tiny_encoder):
    return tiny_encoder(num_layers=4, intermediate_dim=64)


@pytest.fixture
def detector(encoder, tokenizer):
    model = ReplacedTokenDetector(ElectraBackbone(**encoder.to_dict(), seed=1))
    model.tokenizer = tokenizer
    return model


@pytest.fixture
def masked_lm(tiny_encoder):
    """Of another width, with embeddings of its own."""
    encoder = tiny_encoder(num_layers=2, hidden_dim=8, intermediate_dim=32, embedding_dim=16)
    return MaskedLanguageModel(ElectraBackbone(**encoder.to_dict(), seed=2))


def outputs(model):
    return sample_outputs(model, sample_inputs(model.backbone.encoder))["outputs"]


def test_a_fresh_generator(detector):
    model = as_pretrainer(detector)
    np.testing.assert_array_equal(outputs(model.discriminator), outputs(detector))
    assert model.generator.backbone.encoder.hidden_dim == 4
    assert model.generator.backbone.embeddings is model.backbone.embeddings
    assert model.tokenizer is detector.tokenizer


def test_a_generator_of_the_first_layers(detector):
    model = as_pretrainer(detector, "copied")
    np.testing.assert_array_equal(outputs(model.discriminator), outputs(detector))
    mine = model.generator.backbone
    assert (mine.encoder.num_layers, mine.encoder.hidden_dim) == (1, 16)
    first = {**detector.backbone.encoder_layers[0].own_weights}
    for name, weight in mine.encoder_layers[0].own_weights.items():
        np.testing.assert_array_equal(
            ops.convert_to_numpy(weight), ops.convert_to_numpy(first[name])
        )
    np.testing.assert_array_equal(
        ops.convert_to_numpy(mine.projection.kernel),
        ops.convert_to_numpy(detector.backbone.projection.kernel),
    )


def test_a_given_generator_keeps_its_own_embeddings(detector, masked_lm):
    model = as_pretrainer(detector, masked_lm)
    assert model.objective.embedding_sharing == "none"
    assert model.objective.generator_embedding_dim == 16
    np.testing.assert_allclose(outputs(model.generator), outputs(masked_lm), atol=1e-6)
    np.testing.assert_array_equal(outputs(model.discriminator), outputs(detector))


def test_equal_embeddings_are_shared(encoder, detector):
    source = ElectraPretrainer(encoder)
    model = as_pretrainer(source.discriminator, source.generator)
    assert model.objective.embedding_sharing == "full"
    np.testing.assert_allclose(outputs(model.generator), outputs(source.generator), atol=1e-6)


def test_a_frozen_generator_is_not_trained(detector, masked_lm, make_batch):
    model = as_pretrainer(detector, masked_lm, is_frozen=True, temperature=2.0)
    assert model.objective.temperature == 2.0
    before = [ops.convert_to_numpy(w) for w in model.generator.weights]
    expected = outputs(model.discriminator)
    model.compile(optimizer=ElectraAdamW(OptimizerConfig(learning_rate=0.1, warmup_steps=0), 10))
    logs = model.train_on_batch(make_batch(), return_dict=True)
    assert np.isfinite(float(logs["loss"])) and float(logs["mlm_loss"]) > 0
    for weight, value in zip(model.generator.weights, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(weight), value)
    assert np.abs(outputs(model.discriminator) - expected).max() > 1e-3


def test_a_run_starts_from_a_frozen_generator_too(detector, masked_lm, tmp_path):
    source = as_pretrainer(detector, masked_lm, is_frozen=True)
    save_preset(tmp_path / "pair", source)
    again = load(tmp_path / "pair")
    assert again.objective.has_frozen_generator and not again.generator.trainable_variables
    model = ElectraPretrainer(again.encoder, again.objective, seed=5)
    model.tokenizer = again.tokenizer
    start_from(model, again)
    np.testing.assert_array_equal(outputs(model.generator), outputs(source.generator))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"generator": "copied", "is_frozen": True}, "whose head is new"),
        ({"generator": "other"}, "'fresh', 'copied'"),
    ],
)
def test_wrong_arguments(detector, options, message):
    with pytest.raises(InputError, match=message):
        as_pretrainer(detector, **options)


def test_generators_that_do_not_fit_are_refused(detector, tiny_encoder):
    def masked_lm(**changes):
        options = {"num_layers": 1, "intermediate_dim": 64, **changes}
        return MaskedLanguageModel(ElectraBackbone(**tiny_encoder(**options).to_dict()))

    with pytest.raises(InputError, match="vocabulary_size=60.*received 61"):
        as_pretrainer(detector, masked_lm(vocabulary_size=61))
    with pytest.raises(InputError, match="64 wide inside.*received 32"):
        as_pretrainer(detector, masked_lm(intermediate_dim=32))
    with pytest.raises(InputError, match="ReplacedTokenDetector or an ElectraBackbone"):
        as_pretrainer(masked_lm())


@pytest.mark.parametrize("option", ["has_frozen_generator", "generator_embedding_dim"])
def test_embeddings_that_are_shared_allow_neither(option):
    with pytest.raises(InputError, match=f"embedding_sharing='full' and {option}"):
        ObjectiveConfig(**{option: 1 if option.endswith("dim") else True})
