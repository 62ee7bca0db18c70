"""Encoders with one row in the segment table: pairs are read, trained on and handed over as one segment."""

import importlib

import numpy as np
import pytest
from keras import ops

from keras_electra.backbone import ElectraBackbone
from keras_electra.convert import to_huggingface
from keras_electra.convert.huggingface_writing import has_transformers
from keras_electra.optimizers import ElectraAdamW
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.task_models import ExtractiveQA, TextClassifier

PAIRS = [("the cat sees", "a dog ."), ("the old king", "sees the cat in a wood")]
QUESTION = {"question": "who sees", "context": "the old king sees a dog in the wood ."}
RATE = {"learning_rate": 1e-2, "schedule": "constant", "warmup_steps": 0}


@pytest.fixture
def backbone(tiny_encoder):
    encoder = tiny_encoder(num_layers=1, initializer_range=0.3, num_segments=1)
    return ElectraBackbone(**encoder.to_dict(), name="backbone")


def test_segments_make_no_difference(backbone, make_batch):
    batch = make_batch()
    assert batch["segment_ids"].any()
    inputs = {name: batch[name] for name in ("token_ids", "padding_mask", "segment_ids")}
    apart = ops.convert_to_numpy(backbone(inputs))
    inputs["segment_ids"] = np.zeros_like(inputs["segment_ids"])
    np.testing.assert_array_equal(apart, ops.convert_to_numpy(backbone(inputs)))
    del inputs["segment_ids"]
    np.testing.assert_array_equal(apart, ops.convert_to_numpy(backbone(inputs)))


def test_pretraining(tiny_encoder, make_batch):
    """The batches go on to tell two segments apart."""
    model = ElectraPretrainer(
        tiny_encoder(num_layers=1, num_segments=1), {"generator_width_fraction": 0.5}
    )
    model.compile(optimizer=ElectraAdamW(RATE))
    table = model.backbone.embeddings.segment_embeddings
    before = ops.convert_to_numpy(table).copy()
    batches = ((make_batch(step),) for step in range(4))
    history = model.fit(batches, steps_per_epoch=3, verbose=0)
    assert all(np.isfinite(values[0]) for values in history.history.values())
    assert before.shape[0] == 1
    assert np.abs(ops.convert_to_numpy(table) - before).max() > 1e-3


def test_fine_tuning_on_pairs_and_predicting(backbone, tokenizer):
    model = TextClassifier(backbone, ("no", "yes"))
    model.tokenizer = tokenizer
    model.compile(optimizer=ElectraAdamW(RATE))
    history = model.fit(PAIRS, ["no", "yes"], epochs=2, batch_size=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    for row in model.predict(PAIRS):
        assert sum(row["probabilities"].values()) == pytest.approx(1)


def test_answers_are_looked_for_in_the_context(backbone, tokenizer):
    model = ExtractiveQA(backbone, {"answerability": "none", "beam_size": 3})
    model.tokenizer = tokenizer
    (row,) = model.predict([QUESTION])
    assert row["answer"] and row["answer"] in QUESTION["context"]


@pytest.mark.skipif(not has_transformers(), reason="transformers or PyTorch is not installed")
def test_transformers_gives_its_model_no_segments(backbone, tokenizer, tmp_path):
    transformers = importlib.import_module("transformers")
    model = TextClassifier(backbone, ["no", "yes"], head="huggingface")
    model.tokenizer = tokenizer
    to_huggingface(model, tmp_path / "model")
    there = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    kind = transformers.AutoModelForSequenceClassification
    given = there(*PAIRS[0], return_tensors="pt")
    logits = kind.from_pretrained(tmp_path / "model")(**given).logits.detach().numpy()
    shares = np.exp(logits[0]) / np.exp(logits[0]).sum()
    (row,) = model.predict(PAIRS[:1])
    np.testing.assert_allclose(list(row["probabilities"].values()), shares, atol=1e-5)
