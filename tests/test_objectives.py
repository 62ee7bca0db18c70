"""Every objective with every generator and sharing that it goes with: it trains, and its gradients
reach what they should and nothing else."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_electra.config.objective import ObjectiveConfig
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.errors import InputError
from keras_electra.optimizers import ElectraAdamW
from keras_electra.pretrainer import ElectraPretrainer

OBJECTIVES = ("rtd", "mlm", "electric", "rtd_masked_only", "replace_mlm", "all_tokens_mlm")
GENERATORS = ("small", "uniform", "two_tower", "tied")
SHARINGS = ("full", "token", "none", "disentangled")
MASKING = {"mask_rate": 0.3}
IMPOSSIBLE = {
    ("mlm", "generator"): lambda c: c["objective"] == "mlm" and c["generator"] != "small",
    ("mlm", "embedding_sharing"): lambda c: (
        c["objective"] == "mlm" and c["embedding_sharing"] != "full"
    ),
    ("electric", "generator"): lambda c: (
        c["objective"] == "electric" and c["generator"] != "two_tower"
    ),
    ("generator", "embedding_sharing"): lambda c: (
        c["generator"] in ("tied", "uniform") and c["embedding_sharing"] != "full"
    ),
}
CHOICES = [
    dict(zip(("objective", "generator", "embedding_sharing"), values, strict=True))
    for values in itertools.product(OBJECTIVES, GENERATORS, SHARINGS)
]
POSSIBLE = [c for c in CHOICES if not any(test(c) for test in IMPOSSIBLE.values())]
# Each objective, each generator and each way of sharing at least once, by `fit` but not compiled,
# for compiling takes longer than all the rest; with `-m full` all of them, compiled.
TRAINED = [
    {"objective": "rtd", "temperature": 2.0, "correct_token_allowed": False},
    {"objective": "mlm"},
    {"objective": "electric", "generator": "two_tower", "embedding_sharing": "token"},
    {"objective": "rtd_masked_only", "embedding_sharing": "disentangled"},
    {"objective": "replace_mlm", "generator": "tied"},
    {"objective": "all_tokens_mlm", "embedding_sharing": "none"},
    {"objective": "rtd", "generator": "uniform"},
]


def named(choice):
    return "-".join(str(value) for value in choice.values())


@pytest.fixture(scope="module")
def make_model(tiny_encoder):
    def make(choice, **encoder):
        options = {"num_layers": 1, "dropout_rate": 0.0, "attention_dropout_rate": 0.0, **encoder}
        return ElectraPretrainer(
            tiny_encoder(**options), {"generator_width_fraction": 0.5, **choice}, MASKING
        )

    return make


def tensors(batch):
    return {name: ops.convert_to_tensor(value) for name, value in batch.items()}


def check_training(make_model, make_batch, choice, run_eagerly):
    """One batch again and again."""
    model, batch = make_model(choice), make_batch()
    optimizer = ElectraAdamW({"learning_rate": 3e-3, "warmup_steps": 1}, 100)
    model.compile(optimizer=optimizer, run_eagerly=run_eagerly)
    history = model.fit(batch, batch_size=len(batch["token_ids"]), epochs=8, verbose=0)
    losses = history.history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("choice", TRAINED, ids=named)
def test_it_trains(make_model, make_batch, choice):
    check_training(make_model, make_batch, choice, run_eagerly=True)


@pytest.mark.full
@pytest.mark.parametrize("choice", POSSIBLE, ids=named)
def test_everything_trains(make_model, make_batch, choice):
    check_training(make_model, make_batch, choice, run_eagerly=False)


@pytest.mark.parametrize(
    "choice", [c for c in CHOICES if c not in POSSIBLE], ids=lambda choice: named(choice)
)
def test_what_does_not_go_together_is_refused_naming_both(choice):
    with pytest.raises(InputError, match="do not go together") as error:
        ObjectiveConfig(**choice)
    named_options = [name for name in choice if f"{name}={choice[name]!r}" in str(error.value)]
    assert len(named_options) == 2


@pytest.mark.parametrize("objective", ["mlm", "electric"])
def test_the_correct_token_must_be_allowed_where_samples_need_it(objective):
    generator = "two_tower" if objective == "electric" else "small"
    with pytest.raises(InputError, match=f"{objective}.*correct_token_allowed"):
        ObjectiveConfig(objective=objective, generator=generator, correct_token_allowed=False)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"generator_width_fraction": 0.35},
            "generator_width_fraction: expected an even width of the generator for "
            "position_encoding='rotary', not 45, received 0.35",
        ),
        (
            {"generator_num_heads": 3},
            "generator_num_heads: expected heads that divide the generator's width of 32 into even "
            "widths, received 3",
        ),
        (
            {"generator_num_heads": 32},
            "generator_num_heads: expected heads that divide the generator's width of 32 into even "
            "widths, received 32",
        ),
        (
            {"architecture": "electra", "generator_num_heads": 3},
            "generator_num_heads: expected heads that divide the generator's width of 32 into equal "
            "widths, received 3",
        ),
        (
            {"hidden_dim": 200, "generator_width_fraction": 1.0},
            "generator_width_fraction: expected a generator's width that its 3 heads divide into even "
            "widths, not 200, or generator_num_heads beside it, received 1.0",
        ),
        (
            {"generator_width_fraction": 0.001},
            "generator_width_fraction: expected one that leaves the generator a width of 1 or more, "
            "received 0.001",
        ),
        (
            {"generator_num_heads": 0},
            "generator_num_heads: expected at least 1, or none, received 0",
        ),
    ],
    ids=str,
)
def test_a_generator_that_cannot_be_is_refused_by_its_own_options(changes, sentence):
    with pytest.raises(InputError) as error:
        PretrainConfig.from_size("tiny", 100, **changes)
    assert str(error.value) == sentence


def test_options_of_no_generator_are_not_looked_at():
    for choice in ({"objective": "mlm"}, {"generator": "uniform"}, {"generator": "tied"}):
        changes = {"generator_width_fraction": 0.35, "generator_num_heads": 3, **choice}
        config = PretrainConfig.from_size("tiny", 100, **changes)
        assert config.objective.generator_encoder(config.encoder) is None


def test_a_wrong_option_value_is_named():
    with pytest.raises(InputError, match=r"generator: expected one of .*received 'large'"):
        ObjectiveConfig(generator="large")


# Values of the losses at the start


@pytest.mark.parametrize("choice", POSSIBLE[::5], ids=named)
def test_the_first_loss_is_that_of_guessing(make_model, make_batch, choice):
    """Fresh networks guess: ln V per prediction, ln 2 per judgement."""
    model, batch = make_model(choice), tensors(make_batch())
    outputs = model(batch)
    total = float(ops.convert_to_numpy(model.compute_loss(x=batch, y_pred=outputs)))
    first, detected = np.log(60), 50 * np.log(2)
    objective = choice["objective"]
    if objective == "mlm":
        expected = first
    elif objective == "electric":
        return  # its energies start near 0, its corrected logits near ln(rate / V)
    elif model.objective.has_detector:
        expected = first + detected
    elif objective == "replace_mlm":
        expected = 2 * first
    else:
        # Copying with probability 1/2 where the input is right, else writing by guessing.
        share = ops.convert_to_numpy(outputs["corrupted_ids"] == batch["token_ids"])
        share = share[ops.convert_to_numpy(batch["maskable"])].mean()
        kept, changed = -np.log(0.5 + 0.5 / 60), -np.log(0.5 / 60)
        expected = first + share * kept + (1 - share) * changed
    np.testing.assert_allclose(total, expected, rtol=0.05)


def test_electric_is_noise_contrastive(make_model, make_batch):
    choice = {"objective": "electric", "generator": "two_tower"}
    model, batch = make_model(choice), tensors(make_batch())
    outputs = model(batch)
    slots = ops.convert_to_numpy(batch["slot_of_token"])
    is_drawn = slots < batch["mask_positions"].shape[1]
    np.testing.assert_array_equal(ops.convert_to_numpy(outputs["is_replaced"]), is_drawn)
    corrupted = {**batch, "token_ids": outputs["corrupted_ids"]}
    energies = ops.convert_to_numpy(model.discriminator(corrupted))
    clean = {name: value for name, value in batch.items() if name != "mask_positions"}
    logits = ops.convert_to_numpy(model.generator(clean)).astype("float64")
    log_noise = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    ids = ops.convert_to_numpy(outputs["corrupted_ids"])
    expected = energies + np.take_along_axis(log_noise, ids[..., None], -1)[..., 0]
    expected += np.log(0.3 / 0.7)
    np.testing.assert_allclose(ops.convert_to_numpy(outputs["rtd_logits"]), expected, atol=1e-4)


def test_masked_only_judges_the_masked_places_only(make_model, make_batch):
    model, batch = make_model({"objective": "rtd_masked_only"}), tensors(make_batch())
    weights = ops.convert_to_numpy(model(batch)["rtd_weights"])
    places = ops.convert_to_numpy(batch["slot_of_token"]) < batch["mask_positions"].shape[1]
    np.testing.assert_array_equal(weights, places)


def test_all_but_padding_is_judged(make_model, make_batch):
    model, batch = make_model({}), make_batch()
    weights = ops.convert_to_numpy(model(tensors(batch))["rtd_weights"])
    np.testing.assert_array_equal(weights, batch["padding_mask"])


def test_a_two_tower_prediction_does_not_see_the_token_it_predicts(make_model, make_batch):
    model = make_model({"generator": "two_tower"}, num_layers=2)
    batch = make_batch(is_padded=False)
    inputs = {name: batch[name] for name in ("token_ids", "segment_ids")}
    before = ops.convert_to_numpy(model.generator(tensors(inputs)))
    inputs["token_ids"] = inputs["token_ids"].copy()
    inputs["token_ids"][:, 5] = (inputs["token_ids"][:, 5] - 5 + 1) % 55 + 5
    after = ops.convert_to_numpy(model.generator(tensors(inputs)))
    np.testing.assert_allclose(before[:, 5], after[:, 5], atol=1e-6)
    # Its neighbours do see it; in between, the first and last place see each other's far end.
    for place in (4, 6):
        assert np.abs(before[:, place] - after[:, place]).max() > 1e-5


# Which weights a loss reaches


def gradients(model, batch, **weights):
    """Path -> gradient of the total loss, with the losses weighted otherwise."""
    model.objective = model.objective.replace(**weights)
    batch, variables = tensors(batch), model.trainable_variables
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        def loss_of(values):
            outputs, _ = model.stateless_call(
                values, model.non_trainable_variables, batch, training=True
            )
            state = list(zip(model.metrics_variables, model.metrics_variables, strict=True))
            pairs = [(v, v.value) for v, _ in state]
            with keras.StatelessScope(state_mapping=pairs, initialize_variables=False):
                return model.compute_loss(x=batch, y_pred=outputs)

        found = jax.grad(loss_of)([variable.value for variable in variables])
    elif backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = model.compute_loss(x=batch, y_pred=model(batch, training=True))
        found = tape.gradient(loss, [variable.value for variable in variables])
    else:
        model.zero_grad()
        model.compute_loss(x=batch, y_pred=model(batch, training=True)).backward()
        found = [variable.value.grad for variable in variables]
    arrays = {}
    for variable, gradient in zip(variables, found, strict=True):
        if gradient is None:
            arrays[variable.path] = np.zeros(variable.shape)
        else:
            arrays[variable.path] = ops.convert_to_numpy(ops.convert_to_tensor(gradient))
    return arrays


def reached(found):
    """Paths of the weights that get a gradient."""
    return {path for path, gradient in found.items() if np.abs(gradient).max() > 1e-9}


def is_shared(path):
    return "embeddings/" in path


@pytest.mark.parametrize("generator", ["small", "two_tower"])
def test_the_detection_loss_reaches_no_weight_of_the_generator(make_model, make_batch, generator):
    found = reached(gradients(make_model({"generator": generator}), make_batch(), mlm_weight=0.0))
    assert found
    assert not [path for path in found if path.startswith("generator") and not is_shared(path)]
    assert any("discriminator_backbone/layer_0/" in path for path in found)
    assert any("token_embeddings" in path for path in found)


def test_the_generators_loss_reaches_no_weight_of_the_discriminator(make_model, make_batch):
    found = reached(gradients(make_model({}), make_batch(), rtd_weight=0.0))
    assert any("generator_backbone/layer_0/" in path for path in found)
    assert any("token_embeddings" in path for path in found)
    own = [path for path in found if path.startswith("discriminator") and not is_shared(path)]
    assert not own


def test_both_losses_reach_everything(make_model, make_batch):
    model = make_model({})
    found = reached(gradients(model, make_batch()))
    # Keys' biases shift all scores of a query alike, so theirs is a part of a gradient that is 0.
    missed = {variable.path for variable in model.trainable_variables} - found
    assert not missed


def test_disentangled_embeddings_get_no_gradient_from_the_detector(make_model, make_batch):
    """Gradient-disentangled sharing: the detector trains its own difference to the table only."""
    model = make_model({"embedding_sharing": "disentangled"})
    found = reached(gradients(model, make_batch(), mlm_weight=0.0))
    tables = {path.split("/")[-1] for path in found if path.split("/")[-1].startswith("token_")}
    assert tables == {"token_delta"}
    assert not [path for path in found if path.startswith("generator")]
    delta = next(v for v in model.trainable_variables if v.name == "token_delta")
    np.testing.assert_array_equal(ops.convert_to_numpy(delta), 0)


@pytest.mark.parametrize("sharing", SHARINGS)
def test_what_is_shared(make_model, sharing):
    model = make_model({"embedding_sharing": sharing})
    inner = [layer.embeddings for layer in (model.generator.backbone, model.discriminator.backbone)]
    kinds = [{variable.name for variable in layer.trainable_variables} for layer in inner]
    assert (inner[0] is inner[1]) == (sharing == "full")
    in_both = {id(v) for v in inner[0].trainable_variables} & {
        id(v) for v in inner[1].trainable_variables
    }
    if sharing in ("none", "token", "disentangled"):
        own = {"position_embeddings", "segment_embeddings", "norm_gamma", "norm_beta"}
        assert kinds[0] >= own
        assert kinds[1] >= own
    tables = [ops.convert_to_numpy(layer.table()) for layer in inner]
    if sharing == "none":
        assert tables[0].shape[1] == model.generator.backbone.encoder.hidden_dim
        assert not in_both
    else:
        np.testing.assert_array_equal(*tables)
    paths = [variable.path for variable in model.trainable_variables]
    assert len(set(paths)) == len(paths)
