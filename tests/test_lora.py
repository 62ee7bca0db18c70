"""Low-rank updates: nothing changes at first, only they learn, and merging changes nothing again."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_electra.backbone import ElectraBackbone
from keras_electra.errors import InputError
from keras_electra.lora import add_lora, merge_lora
from keras_electra.optimizers import ElectraAdamW
from keras_electra.task_models import TextClassifier

TARGETS = ("query", "key", "value", "output", "feed_forward")
RNG = np.random.default_rng(0)
BATCH = {
    "token_ids": RNG.integers(5, 60, (4, 6)).astype("int32"),
    "segment_ids": np.zeros((4, 6), "int32"),
    "padding_mask": np.ones((4, 6), bool),
    "labels": np.array([0, 1, 1, 0], "int32"),
}


@pytest.fixture
def backbone(tiny_encoder):
    options = tiny_encoder(dropout_rate=0.0, attention_dropout_rate=0.0).to_dict()
    return ElectraBackbone(**options, name="backbone")


def values(variables):
    return {variable.path: ops.convert_to_numpy(variable) for variable in variables}


def states(backbone):
    inputs = {name: BATCH[name] for name in ("token_ids", "padding_mask")}
    return ops.convert_to_numpy(backbone(inputs))


def stir(backbone):
    """Give the updates values, so that they do something."""
    for layer in backbone.encoder_layers:
        for weight in layer.weights:
            if weight.name.endswith("_up"):
                weight.assign(0.1 * RNG.standard_normal(weight.shape))


def test_at_first_nothing_changes_and_only_the_updates_can_learn(backbone):
    before, number = states(backbone), len(backbone.variables)
    add_lora(backbone, rank=2, alpha=4.0, targets=("query", "feed_forward"))
    np.testing.assert_array_equal(states(backbone), before)
    # Per layer down and up of the query, and of both kernels of the feed-forward part.
    assert len(backbone.trainable_variables) == 2 * 3 * 2
    assert len(backbone.variables) == number + 12
    assert all(v.name.endswith(("_down", "_up")) for v in backbone.trainable_variables)


def test_training_changes_the_updates_and_the_head_alone(backbone):
    add_lora(backbone, rank=2, targets=TARGETS)
    model = TextClassifier(backbone, ("a", "b"), head_dropout_rate=0.0)
    model.compile(optimizer=ElectraAdamW({"learning_rate": 0.01, "warmup_steps": 0}, 10))
    before = values(model.weights)
    losses = [float(model.train_on_batch(BATCH, return_dict=True)["loss"]) for _ in range(3)]
    changed = {
        path for path, value in values(model.weights).items() if (value != before[path]).any()
    }
    assert changed == {variable.path for variable in model.trainable_variables}
    assert losses[2] < losses[0]


@pytest.mark.parametrize("feed_forward", ["gelu", "geglu"])
def test_merging_keeps_the_outputs_and_frees_every_weight(tiny_encoder, feed_forward):
    options = tiny_encoder(feed_forward=feed_forward).to_dict()
    plain = ElectraBackbone(**options, name="backbone")
    backbone = ElectraBackbone(**options, name="backbone")
    add_lora(backbone, rank=3, alpha=6.0, targets=TARGETS)
    stir(backbone)
    before = states(backbone)
    assert np.abs(before - states(plain)).max() > 0.01
    merge_lora(backbone)
    np.testing.assert_allclose(states(backbone), before, atol=1e-6)
    paths = [[v.path for v in b.trainable_variables] for b in (plain, backbone)]
    assert paths[0] == paths[1]
    assert backbone.lora is None
    add_lora(backbone, rank=1)
    np.testing.assert_allclose(states(backbone), before, atol=1e-6)


@pytest.mark.parametrize(("target", "block"), [("query", 0), ("key", 1), ("value", 2)])
def test_each_target_has_its_own_part_of_the_fused_kernel(backbone, target, block):
    layer = backbone.encoder_layers[0]
    before = ops.convert_to_numpy(layer.qkv_kernel)
    add_lora(backbone, rank=2, alpha=6.0, targets=[target])
    stir(backbone)
    weights = {weight.name: ops.convert_to_numpy(weight) for weight in layer.weights}
    (down,) = (weights[name] for name in weights if name.endswith("_down"))
    (up,) = (weights[name] for name in weights if name.endswith("_up"))
    merge_lora(backbone)
    update = ops.convert_to_numpy(layer.qkv_kernel) - before
    own = slice(16 * block, 16 * (block + 1))
    np.testing.assert_allclose(update[:, own], 3.0 * down @ up, atol=1e-6)
    update[:, own] = 0
    assert not update.any()


def test_an_unmerged_backbone_in_a_keras_file(backbone, tmp_path):
    add_lora(backbone, rank=2, targets=("value", "output"))
    stir(backbone)
    model = TextClassifier(backbone, ("a", "b"))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert again.backbone.lora == {"rank": 2, "alpha": 16.0, "targets": ("value", "output")}
    np.testing.assert_array_equal(states(again.backbone), states(backbone))
    paths = [[v.path for v in m.trainable_variables] for m in (model, again)]
    assert paths[0] == paths[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 0}, "rank"),
        ({"alpha": 0.0}, "alpha"),
        ({"targets": ("queries",)}, "targets"),
        ({"targets": "query"}, "targets"),
        ({"targets": ()}, "targets"),
    ],
)
def test_wrong_arguments_are_refused(backbone, options, message):
    with pytest.raises(InputError, match=message):
        add_lora(backbone, **options)
    assert backbone.lora is None


def test_twice_or_without_is_refused(backbone):
    with pytest.raises(InputError, match="expected one with low-rank updates"):
        merge_lora(backbone)
    add_lora(backbone)
    with pytest.raises(InputError, match="without low-rank updates"):
        add_lora(backbone)
