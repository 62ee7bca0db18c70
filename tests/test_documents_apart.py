"""Documents that share an example without seeing each other (`attends_across_documents=False`)."""

import keras
import numpy as np
import pytest

from keras_electra.backbone import ElectraBackbone
from keras_electra.batches import PretrainBatches, training_batches
from keras_electra.cli import parse
from keras_electra.errors import InputError
from keras_electra.evaluation import evaluate
from keras_electra.pretraining import pretrain
from keras_electra.store.examples import Examples
from keras_electra.store.held_out import Pieces
from keras_electra.store.packing import ContinuousPacking

APART = {"attends_across_documents": False}
PAD, CLS, SEP = 0, 1, 2


def packed(lengths, is_last, length):
    """Examples of a text whose token number n has the id 10 + n."""
    ends = np.cumsum(lengths)
    pieces = Pieces(ends - lengths, np.array(lengths), np.array(is_last))
    special = {"pad_id": PAD, "class_id": CLS, "separator_id": SEP}
    packing = ContinuousPacking(pieces, length)
    return Examples(np.arange(10, 10 + ends[-1]), packing, sequence_length=length, **special)


# Which tokens are one document's


def test_worked_example():
    examples = packed([2, 1, 1], [True, False, True], 8)
    token_ids, _, _ = examples.take([0])
    assert token_ids.tolist() == [[CLS, 10, 11, SEP, 12, SEP, 13, SEP]]
    assert examples.documents([0]).tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]]


@pytest.mark.parametrize("length", [3, 8, 40])
def test_documents_equal_a_plain_loop(length):
    rng = np.random.default_rng(length)
    lengths, is_last = rng.integers(1, 12, 80), rng.random(80) < 0.3
    examples = packed(lengths, is_last, length)
    document_of = {}
    for token, piece in enumerate(np.repeat(np.arange(80), lengths)):
        document_of[10 + token] = is_last[:piece].sum()
    indices = np.arange(len(examples))
    token_ids, _, padding_mask = examples.take(indices)
    for row, mask, found in zip(token_ids, padding_mask, examples.documents(indices), strict=True):
        first = document_of.get(row[1])
        for token, is_real, document in zip(row, mask, found, strict=True):
            if token >= 10:
                last = document_of[token] - first
            assert document == (0 if token == CLS or not is_real else last)


def test_batches_hold_them_where_they_are_asked_for(store, tiny_config):
    config = tiny_config(batch_size=32)
    (batch,) = training_batches(store, config.changed(**APART))[0]
    assert batch["document_ids"].shape == batch["token_ids"].shape
    assert batch["document_ids"].dtype == np.int32
    assert batch["document_ids"].max() == 1
    (plain,) = training_batches(store, config)[0]
    assert "document_ids" not in plain
    for name, values in plain.items():
        np.testing.assert_array_equal(batch[name], values)


def test_shares_of_a_batch_have_their_own(store):
    whole = PretrainBatches(store, batch_size=4, sequence_length=12, **APART).batch(3)
    for index in (0, 1):
        options = {"process_index": index, "num_processes": 2, **APART}
        share = PretrainBatches(store, batch_size=4, sequence_length=12, **options).batch(3)
        expected = whole["document_ids"][2 * index : 2 * index + 2]
        np.testing.assert_array_equal(share["document_ids"], expected)


# Nobody sees the other


@pytest.mark.parametrize("direction", ["both", "left", "right"])
@pytest.mark.parametrize("mixing", [0, 3])
def test_a_document_does_not_depend_on_the_other(direction, mixing, tiny_encoder):
    options = tiny_encoder(local_mixing_width=mixing).to_dict()
    backbone = ElectraBackbone(**options, direction=direction)
    rng = np.random.default_rng(0)
    for weight in backbone.trainable_variables:
        weight.assign(0.3 * rng.standard_normal(weight.shape))
    token_ids = rng.integers(5, 60, (2, 10))
    document_ids = np.array([[0] * 4 + [1] * 6, [0] * 10])
    padding_mask = np.ones((2, 10), bool)
    padding_mask[1, 7:] = False
    other = token_ids.copy()
    other[0, 4:] = 5 + (other[0, 4:] - 5 + 7) % 55

    def hidden(ids, **masks):
        inputs = {"token_ids": ids, "padding_mask": padding_mask, **masks}
        return keras.ops.convert_to_numpy(backbone(inputs))

    before, after = (hidden(ids, document_ids=document_ids) for ids in (token_ids, other))
    np.testing.assert_allclose(before[0, :4], after[0, :4], atol=1e-5)
    assert np.abs(before[0, 4:] - after[0, 4:]).max() > 1e-2
    # A row of one document is what it was.
    np.testing.assert_allclose(before[1, :7], hidden(token_ids)[1, :7], atol=1e-5)
    together = hidden(token_ids)[0], hidden(other)[0]
    assert (np.abs(together[0] - together[1])[:4].max() > 1e-3) == (direction != "left")


# Training


def test_training_and_evaluation_keep_them_apart(store, tiny_config, tmp_path):
    kept = {"steps": 3, "dropout_rate": 0.0, "attention_dropout_rate": 0.0}
    outcomes = [
        pretrain(tiny_config(**kept, **changes), store, tmp_path / str(number))
        for number, changes in enumerate(({}, APART))
    ]
    assert outcomes[1].run.config()["pretrain"]["objective"]["attends_across_documents"] is False
    model = outcomes[1].model
    apart = evaluate(model, store)["mlm_loss"]
    model.objective = model.objective.replace(attends_across_documents=True)
    assert apart != evaluate(model, store)["mlm_loss"]


def test_refused_where_an_example_is_one_document(tiny_config):
    with pytest.raises(InputError, match="attends_across_documents: expected on with packing"):
        tiny_config(packing="original", **APART)


def test_the_command_line_has_it():
    command = parse(["pretrain", "--no-attends-across-documents"])
    assert command.objective.attends_across_documents is False
