"""Queries that may see no key: one answer on every backend and path, that of the original.

It adds -10000 to the score of what is hidden, and where all is hidden the softmax does not change.
"""

import numpy as np
import pytest
from keras import ops

from keras_electra.backbone import ElectraBackbone
from keras_electra.optimizers import ElectraAdamW
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.task_models import TextClassifier

ROWS, T = 3, 10
PADDED = np.arange(T) >= np.array([[T], [6], [0]])
"""Padding of three rows: none, the end, everything."""

DOCUMENTS = np.repeat([[0] * 3 + [1] * 3 + [2] * 4], ROWS, axis=0)
DIRECTIONS = ("both", "left", "right")


def array(tensor):
    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")))


@pytest.fixture(scope="module")
def make_backbone(tiny_encoder):
    """A function: a backbone with large weights, equal whatever its direction."""

    def make(direction="both", dtype=None, **options):
        encoder = tiny_encoder(dropout_rate=0.0, initializer_range=0.3, **options)
        return ElectraBackbone(
            **encoder.to_dict(), direction=direction, dtype=dtype, name="backbone"
        )

    return make


def inputs_of(is_padded=PADDED, has_documents=False):
    token_ids = np.random.default_rng(0).integers(5, 60, (ROWS, T)).astype("int32")
    inputs = {"token_ids": token_ids, "padding_mask": ~is_padded}
    return {**inputs, "document_ids": DOCUMENTS} if has_documents else inputs


@pytest.mark.parametrize("has_documents", [False, True])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_mask_equals_a_plain_loop(make_backbone, direction, has_documents):
    documents = DOCUMENTS if has_documents else np.zeros_like(DOCUMENTS)
    expected = np.zeros((ROWS, 1, T, T), bool)
    for row, query, key in np.ndindex(ROWS, T, T):
        is_seen = not PADDED[row, key] and documents[row, query] == documents[row, key]
        is_seen &= {"both": True, "left": key <= query, "right": key >= query}[direction]
        expected[row, 0, query, key] = is_seen
    is_empty = ~expected.any(-1)
    assert is_empty[2].all() and is_empty[1].any() == (direction == "right" or has_documents)
    expected[is_empty] = True
    given = ops.convert_to_tensor(DOCUMENTS) if has_documents else None
    backbone = make_backbone(direction, num_layers=1)
    mask = backbone.attention_mask(ops.convert_to_tensor(~PADDED), given, T)
    np.testing.assert_array_equal(np.broadcast_to(array(mask) > 0, expected.shape), expected)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_without_padding_no_row_is_empty(make_backbone, direction):
    backbone = make_backbone(direction, num_layers=1)
    mask = backbone.attention_mask(None, ops.convert_to_tensor(DOCUMENTS), T)
    assert array(mask).any(-1).all()
    mask = backbone.attention_mask(None, None, T)
    assert (mask is None) == (direction == "both")


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("rate", [0.0, 1e-9])
@pytest.mark.parametrize("has_documents", [False, True])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_where_all_is_padding_all_is_seen(make_backbone, direction, has_documents, rate, dtype):
    """A rate above 0 takes the way of training with dropout, though this one drops next to nothing."""
    options = {"attention_dropout_rate": rate, "dtype": dtype}
    inputs = inputs_of(np.ones((ROWS, T), bool), has_documents)
    hidden = array(make_backbone(direction, **options)(inputs, training=rate > 0))
    expected = array(make_backbone("both", **options)(inputs["token_ids"], training=rate > 0))
    np.testing.assert_allclose(hidden, expected, atol=1e-5 if dtype == "float32" else 0.1)
    assert np.isfinite(hidden).all()


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_other_rows_do_not_change(make_backbone, direction):
    """A row's own tokens are judged as without a row of padding beside it, and as without padding."""
    backbone, inputs = make_backbone(direction), inputs_of()
    hidden = array(backbone(inputs))
    np.testing.assert_allclose(hidden[0], array(backbone(inputs["token_ids"]))[0], atol=1e-5)
    alone = array(backbone(inputs["token_ids"][1:2, :6]))[0]
    np.testing.assert_allclose(hidden[1, :6], alone, atol=1e-5)


@pytest.mark.parametrize(
    "choice", [{}, {"objective": "electric", "generator": "two_tower"}], ids=str
)
def test_pretraining_with_a_row_of_padding(tiny_encoder, make_batch, choice):
    objective = {"generator_width_fraction": 0.5, **choice}
    model = ElectraPretrainer(tiny_encoder(num_layers=1), objective, {"mask_rate": 0.3})
    model.compile(optimizer=ElectraAdamW(total_steps=10), run_eagerly=True)
    batch = make_batch()
    batch["padding_mask"][0], batch["maskable"][0], batch["mask_weights"][0] = False, False, 0
    logs = model.train_on_batch(batch, return_dict=True)
    assert np.isfinite(float(logs["loss"]))
    assert all(np.isfinite(array(variable)).all() for variable in model.trainable_variables)


def test_fine_tuning_with_a_row_of_padding(make_backbone):
    model = TextClassifier(make_backbone(), ("no", "yes"), head_dropout_rate=0.0)
    inputs = inputs_of()
    logits = array(model(inputs))
    unmasked = array(model({"token_ids": inputs["token_ids"]}))
    np.testing.assert_allclose(logits[[0, 2]], unmasked[[0, 2]], atol=1e-5)
    assert np.abs(logits[1] - unmasked[1]).max() > 1e-3
    model.compile(optimizer=ElectraAdamW(total_steps=10))
    batch = {**inputs, "labels": np.array([0, 1, 1], "int32")}
    assert np.isfinite(float(model.train_on_batch(batch, return_dict=True)["loss"]))
    assert all(np.isfinite(array(variable)).all() for variable in model.trainable_variables)


def test_rematerialized_layers_see_the_same(make_backbone):
    backbone, inputs = make_backbone("right", attention_dropout_rate=0.0), inputs_of()
    expected = array(backbone(inputs, training=True))
    backbone.rematerialize = True
    np.testing.assert_allclose(array(backbone(inputs, training=True)), expected, atol=1e-6)
