"""Task models: losses by hand, training with any lengths, words in and words out, files."""

import importlib.util
import math
import os
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from keras import ops

from keras_electra import backends
from keras_electra.backbone import ElectraBackbone
from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import InputError
from keras_electra.optimizers import ElectraAdamW
from keras_electra.task_batches import MixedTaskBatches, TaskBatches
from keras_electra.task_models import (
    ExtractiveQA,
    MultipleChoice,
    SeveralTasks,
    TextClassifier,
    TextRegressor,
    TokenClassifier,
    task_model,
)
from keras_electra.tasks.examples import Answer, TextExample
from keras_electra.tasks.fields import UnusableRow
from keras_electra.tasks.kinds.classification import label_name
from keras_electra.tasks.kinds.multi_label import label_names
from keras_electra.tasks.raw_examples import is_raw
from keras_electra.tasks.task import Task

B, T, V = 4, 8, 60
KINDS = {
    "classification": lambda backbone, **options: TextClassifier(
        backbone, ("no", "yes", "maybe"), **options
    ),
    "multi_label": lambda backbone, **options: TextClassifier(
        backbone, ("no", "yes", "maybe"), is_multi_label=True, **options
    ),
    "regression": lambda backbone, **options: TextRegressor(backbone, (1, 5), **options),
    "tagging": lambda backbone, **options: TokenClassifier(backbone, ("B", "I", "O"), **options),
    "question_answering": lambda backbone, **options: ExtractiveQA(
        backbone, {"beam_size": 3}, **options
    ),
    "multiple_choice": MultipleChoice,
}


@pytest.fixture
def make_backbone(tiny_encoder):
    def make(dropout_rate=0.0, dtype=None, **options):
        rates = {"dropout_rate": dropout_rate, "attention_dropout_rate": dropout_rate}
        encoder = tiny_encoder(num_layers=1, **rates, **options)
        return ElectraBackbone(**encoder.to_dict(), name="backbone", dtype=dtype)

    return make


@pytest.fixture
def make_model(make_backbone):
    def make(kind, compiled=True, dropout_rate=0.0, dtype=None, **options):
        if kind != "question_answering":
            options.setdefault("head_dropout_rate", dropout_rate)
        model = KINDS[kind](make_backbone(dropout_rate, dtype), **options)
        return with_optimizer(model) if compiled else model

    return make


def with_optimizer(model):
    config = {
        "learning_rate": 0.01,
        "warmup_steps": 0,
        "schedule": "constant",
        "weight_decay_rate": 0.0,
        "bias_correction": True,
    }
    model.compile(optimizer=ElectraAdamW(config, 100))
    return model


def hand_made(kind, seed=0, num_examples=B, length=T):
    """A batch of random tokens whose last example is padded."""
    rng = np.random.default_rng(seed)
    shape = (num_examples, 2, length) if kind == "multiple_choice" else (num_examples, length)
    padding_mask = np.ones(shape, bool)
    padding_mask[-1, ..., length // 2 :] = False
    batch = {
        "token_ids": rng.integers(5, V, shape).astype("int32") * padding_mask,
        "segment_ids": (np.arange(length) > 3) * padding_mask.astype("int32"),
        "padding_mask": padding_mask,
        "example_weights": np.ones(num_examples, "float32"),
        "rows": np.arange(num_examples, dtype="int32"),
    }
    if kind == "multi_label":
        batch["labels"] = rng.integers(0, 2, (num_examples, 3)).astype("float32")
    elif kind == "regression":
        batch["labels"] = rng.random(num_examples).astype("float32")
    elif kind == "tagging":
        batch["word_positions"] = np.tile(np.arange(length, dtype="int32"), (num_examples, 1))
        batch["labels"] = rng.integers(0, 3, (num_examples, length)).astype("int32")
        batch["word_weights"] = padding_mask.astype("float32")
    elif kind == "question_answering":
        batch["answer_mask"] = (batch["segment_ids"] == 1) | (np.arange(length) == 0)
        batch["start_positions"] = np.array([4, 5, 0, 0], "int32")[:num_examples]
        batch["end_positions"] = np.array([6, 5, 0, 0], "int32")[:num_examples]
        batch["is_impossible"] = np.array([0, 0, 1, 1], "float32")[:num_examples]
    else:
        batch["labels"] = rng.integers(0, 2, num_examples).astype("int32")
    if kind == "multiple_choice":
        batch["choice_weights"] = np.ones((num_examples, 2), "float32")
    return batch


def array(tensor):
    return ops.convert_to_numpy(tensor)


def loss_of(model, batch, training=False):
    return float(array(model.compute_loss(x=batch, y_pred=model(batch, training=training))))


def values(model):
    return [array(weight).copy() for weight in model.trainable_variables]


def log_softmax(x):
    x = np.asarray(x, "float64")
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


# Losses


def expected_loss(kind, batch, outputs):
    """The loss by its definition over the first examples, the last being left out."""
    outputs, labels = outputs[:-1], batch["labels"][:-1]
    if kind == "regression":
        return ((outputs - labels) ** 2).mean()
    if kind == "multi_label":
        chances = 1 / (1 + np.exp(-outputs))
        return -np.log(np.where(labels == 1, chances, 1 - chances)).mean()
    right = np.take_along_axis(log_softmax(outputs), labels[..., None], -1)[..., 0]
    if kind == "tagging":
        return -right[batch["word_weights"][:-1] == 1].mean()
    return -right.mean()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "question_answering"])
def test_the_loss_is_the_mean_over_what_is_weighted(make_model, kind):
    model, batch = make_model(kind, compiled=False), hand_made(kind)
    batch["example_weights"][-1] = 0
    if kind == "tagging":
        batch["word_weights"][0, 2:] = 0
    outputs = array(model(batch))
    assert outputs.dtype == np.float32
    loss = loss_of(model, batch)
    np.testing.assert_allclose(loss, expected_loss(kind, batch, outputs), rtol=1e-5)
    np.testing.assert_allclose(float(model.statistics.result()["loss"]), loss, rtol=1e-6)
    batch["labels"][-1] = 1 - batch["labels"][-1].clip(0, 1)
    np.testing.assert_allclose(loss_of(model, batch), loss, rtol=1e-6)


@pytest.mark.parametrize("has_joint_ends", [True, False])
def test_the_loss_of_an_answer(make_backbone, has_joint_ends):
    answers = {"has_joint_ends": has_joint_ends, "answerability_weight": 0.25, "beam_size": 2}
    model, batch = ExtractiveQA(make_backbone(), answers), hand_made("question_answering")
    outputs = {name: array(value) for name, value in model(batch, training=True).items()}
    parts = [
        np.take_along_axis(
            log_softmax(outputs[f"{name}_logits"]), batch[f"{name}_positions"][:, None], -1
        )
        for name in ("start", "end")
    ]
    sign = 2 * batch["is_impossible"] - 1
    unanswerable = np.log1p(np.exp(-sign * outputs["answerability_logits"]))
    expected = -(parts[0] + parts[1])[:, 0] / 2 + 0.25 * unanswerable
    np.testing.assert_allclose(outputs["losses"], expected, rtol=1e-4)
    np.testing.assert_allclose(loss_of(model, batch), expected.mean(), rtol=1e-4)
    predicted = model(batch)
    assert ("start_top_positions" in predicted) == has_joint_ends
    assert ("start_logits" in predicted) != has_joint_ends
    np.testing.assert_allclose(array(predicted["losses"]), expected, rtol=1e-4)
    for name in ("start_positions", "end_positions", "is_impossible"):
        del batch[name]
    assert "losses" not in model(batch)


def test_the_original_tagging_loss_is_a_sum_over_words(make_model):
    batch = hand_made("tagging")
    model = make_model("tagging", compiled=False, tagging_form="original")
    right = np.take_along_axis(log_softmax(array(model(batch))), batch["labels"][..., None], -1)
    expected = -(right[..., 0] * batch["word_weights"]).sum(1).mean()
    np.testing.assert_allclose(loss_of(model, batch), expected, rtol=1e-5)


def test_choices_that_an_example_lacks_are_never_chosen(make_model):
    model, batch = make_model("multiple_choice", compiled=False), hand_made("multiple_choice")
    whole = array(model(batch))
    batch["choice_weights"][0, 1] = 0
    batch["labels"][0] = 0
    logits = array(model(batch))
    assert logits[0, 1] == -1e9
    np.testing.assert_array_equal(logits[1:], whole[1:])
    losses = array(model.judged(batch, model(batch))[0])
    assert losses[0] == 0


@pytest.mark.parametrize("kind", ["classification", "tagging", "multi_label"])
def test_accuracy(make_model, kind):
    model, batch = make_model(kind, compiled=False), hand_made(kind)
    outputs = array(model(batch))
    loss_of(model, batch)
    if kind == "multi_label":
        expected = ((outputs > 0) == batch["labels"]).mean()
    else:
        hits = outputs.argmax(-1) == batch["labels"]
        weights = batch.get("word_weights", np.ones_like(hits))
        expected = (hits * weights).sum() / weights.sum()
    np.testing.assert_allclose(float(model.statistics.result()["accuracy"]), expected, rtol=1e-6)


def test_a_batch_without_answers_has_no_loss(make_model):
    for kind, missing in (("classification", "labels"), ("question_answering", "start_positions")):
        model, batch = make_model(kind, compiled=False), hand_made(kind)
        del batch[missing]
        with pytest.raises(InputError, match=missing):
            loss_of(model, batch)


@pytest.mark.parametrize("kind", ["classification", "question_answering"])
def test_losses_are_float32_under_mixed_precision(make_model, kind):
    model = make_model(kind, compiled=False, dtype="mixed_bfloat16")
    batch = hand_made(kind)
    loss = model.compute_loss(x=batch, y_pred=model(batch, training=True))
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert math.isfinite(float(array(loss)))


# Training


@pytest.mark.parametrize(
    "kind", ["classification", pytest.param("tagging", marks=pytest.mark.full)]
)
def test_micro_batches_add_up_to_the_batch(make_model, kind):
    batch = hand_made(kind)
    batch["example_weights"][1] = 0
    found, before = [], None
    for parts in (1, 2):
        model = make_model(kind, accumulation_steps=parts)
        before = values(model)
        logs = model.train_on_batch(batch, return_dict=True)
        found.append((float(logs["loss"]), values(model)))
    (loss, weights), (other_loss, other_weights) = found
    np.testing.assert_allclose(loss, other_loss, rtol=1e-5)
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(weights, before, strict=True))
    for one, other in zip(weights, other_weights, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)


@pytest.mark.parametrize(
    "kind",
    ["classification", *(pytest.param(k, marks=pytest.mark.full) for k in list(KINDS)[1:])],
)
def test_training_lowers_the_loss(make_model, kind):
    model, batch = make_model(kind), hand_made(kind)
    losses = [model.train_on_batch(batch, return_dict=True)["loss"] for _ in range(12)]
    assert float(losses[-1]) < 0.8 * float(losses[0])


def test_dropout_of_head_and_encoder_is_on_in_training_only(make_model):
    batch = hand_made("classification")
    for rates in ({"head_dropout_rate": 0.5}, {"dropout_rate": 0.5, "head_dropout_rate": 0.0}):
        model = make_model("classification", compiled=False, **rates)
        plain = array(model(batch))
        np.testing.assert_array_equal(array(model(batch)), plain)
        # Called as JAX's own training step calls it.
        assert np.abs(array(model.call(batch, training=True)) - plain).max() > 1e-3


class Lengths(keras.utils.PyDataset):
    """Batches of which the first two are equally long and the third is not."""

    num_batches = 3

    def __getitem__(self, index):
        return (hand_made("classification", seed=index, length=T if index < 2 else 5),)


def test_lengths_may_change_from_batch_to_batch(make_model):
    model = make_model("classification")
    history = model.fit(Lengths(), epochs=2, validation_data=Lengths(), verbose=0).history
    assert int(model.optimizer.iterations) == 6
    assert history["loss"][1] < history["loss"][0]
    found = model.evaluate(Lengths(), verbose=0, return_dict=True)
    np.testing.assert_allclose(found["loss"], history["val_loss"][1], rtol=1e-5)
    assert model.predict(Lengths(), verbose=0).shape == (3 * B, 3)


def test_every_epoch_is_a_pass_of_its_own(make_model, tokenizer):
    model = make_model("classification")
    model.tokenizer = tokenizer
    encoded = model.encoded(["a cat"] * 6, ["no"] * 6, is_training=True)
    batches = TaskBatches(encoded, batch_size=2)
    seen, give = [], batches.batch
    batches.batch = lambda step: seen.append(step) or give(step)
    model.fit(batches, epochs=2, verbose=0)
    assert batches.start_step == 6
    assert set(range(6)) <= set(seen)
    # Some batches more are prepared, but no pass is left out.
    assert max(seen) < 6 + 3 * 2


def test_evaluation_counts_examples_not_batches(make_model, tokenizer):
    model = make_model("classification")
    model.tokenizer = tokenizer
    texts, labels = ["the cat", "a dog in the wood", "a king"], ["no", "yes", "maybe"]
    # Three examples in batches of two: the last row of the second fills it up.
    found = model.evaluate(texts, labels, batch_size=2, verbose=0, return_dict=True)
    rows = model.predict(texts)
    chances = [row["probabilities"][label] for row, label in zip(rows, labels, strict=True)]
    np.testing.assert_allclose(found["loss"], -np.log(chances).mean(), rtol=1e-4)


# Words in, words out


def test_fit_and_predict_in_words(make_model, tokenizer):
    model = make_model("classification")
    model.tokenizer = tokenizer
    texts = [f"{who} {verb} the {who}" for who in ("cat", "dog") for verb in ("sees", "likes")] * 4
    labels = ["yes" if "cat" in text else "no" for text in texts]
    model.fit(texts, labels, batch_size=8, epochs=15, verbose=0)
    rows = model.predict(["dog hears the dog", "cat hears the cat", ""])
    assert [row["label"] for row in rows[:2]] == ["no", "yes"]
    for row in rows:
        assert list(row["probabilities"]) == ["no", "yes", "maybe"]
        assert math.isclose(sum(row["probabilities"].values()), 1, rel_tol=1e-5)
    assert model.predict([]) == []


def test_rows_come_back_in_the_order_of_the_texts(make_model, tokenizer):
    model = make_model("regression", compiled=False)
    model.tokenizer = tokenizer
    texts = ["the old king sees a young girl .", "cat", "the dog in the wood", "a bird"]
    together = model.predict(texts, batch_size=2)
    alone = [model.predict([text])[0] for text in texts]
    assert [row["id"] for row in together] == ["0", "1", "2", "3"]
    for row, single in zip(together, alone, strict=True):
        np.testing.assert_allclose(row["value"], single["value"], rtol=1e-4)


def test_long_texts_are_cut_and_counted(make_model, tokenizer):
    model = make_model("classification", compiled=False)
    model.tokenizer, model.sequence_length = tokenizer, 8
    with pytest.warns(UserWarning, match="1 of 2 texts were cut to 8 tokens"):
        rows = model.predict(["the cat " * 10, "the cat"])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        again = model.predict(["the cat " * 3, "the cat"])
    assert rows == again


@pytest.mark.full
def test_every_kind_in_words(make_model, tokenizer):
    texts = ["the cat sees a dog", "a dog", "the king likes the girl", "a bird in the wood"] * 2
    questions = [{"question": "who", "context": text} for text in texts]
    choices = [{"question": "who", "choices": ["a cat", "the dog", "a king"][:2]} for _ in texts]
    cases = {
        "multi_label": (texts, [[1, 0, 1], ["yes"]] * 4),
        "regression": ([(text, "a cat") for text in texts], list(range(8))),
        "tagging": ([text.split() for text in texts], [["B"] * len(t.split()) for t in texts]),
        "question_answering": (questions, ["cat", None, ("king", 4), Answer("bird", 2)] * 2),
        "multiple_choice": (choices, [0, 1] * 4),
    }
    found = {}
    for kind, (x, y) in cases.items():
        model = make_model(kind)
        model.tokenizer = tokenizer
        history = model.fit(x, y, batch_size=4, epochs=2, validation_split=0.25, verbose=0)
        assert math.isfinite(history.history["val_loss"][-1])
        found[kind] = model.predict(x)
        assert len(found[kind]) == 8
    assert set(found["multi_label"][0]["probabilities"]) == {"no", "yes", "maybe"}
    assert isinstance(found["regression"][0]["value"], float)
    assert [len(row["tags"]) for row in found["tagging"]] == [len(text.split()) for text in texts]
    for row, question in zip(found["question_answering"], questions, strict=True):
        best = row["n_best"][0]
        assert question["context"][best["start"] : best["end"]] == row["answer"]
    assert len(found["multiple_choice"][0]["probabilities"]) == 2


@pytest.mark.full
def test_a_context_longer_than_the_model_is_read_in_windows(make_model, tokenizer):
    model = make_model("question_answering", compiled=False)
    model.tokenizer = tokenizer
    model.answers = model.answers.replace(window_stride=4)
    context = "the old king sees a young girl in the wood . " * 4
    (row,) = model.predict([{"question": "who", "context": context}])
    assert row["answer"] and row["answer"] in context
    assert math.isfinite(row["null_odds"])


def test_predict_keeps_its_behaviour_for_arrays(make_model):
    model, batch = make_model("classification"), hand_made("classification")
    np.testing.assert_allclose(model.predict(batch, verbose=0), array(model(batch)), atol=1e-5)


def test_arrays_with_labels_and_weights_beside_them(make_model):
    model, batch = make_model("classification"), hand_made("classification")
    labels = batch.pop("labels")
    weights = np.array([1, 1, 0, 1], "float32")
    found = model.evaluate(batch, labels, sample_weight=weights, verbose=0, return_dict=True)
    whole = {**batch, "labels": labels, "example_weights": weights}
    np.testing.assert_allclose(found["loss"], loss_of(model, whole), rtol=1e-5)


def test_labels_by_name_or_number():
    assert label_name(("no", "yes"), 1) == "yes"
    assert label_name(("1", "2"), 1) == "1"
    assert label_name(("no", "yes"), "maybe") == "maybe"
    assert label_names(("a", "b", "c"), [1, 0, 1]) == ("a", "c")
    assert label_names(("a", "b", "c"), ["c", "a"]) == ("c", "a")
    assert label_names(("a", "b", "c"), [2, 0]) == ("c", "a")
    assert label_names(("a", "b", "c"), [2, 0, 1]) == ("c", "a", "b")
    assert label_name(("false", "true"), True) == "true"
    assert label_name(("0", "1"), 1.0) == label_name(("0", "1"), "1.0") == "1"
    with pytest.raises(UnusableRow, match="a 0 or 1 for each of 3 labels in a list, received 2"):
        label_names(("a", "b", "c"), [0, 0])


def test_what_is_raw():
    assert is_raw(["a"]) and is_raw([("a", "b")]) and is_raw([]) and is_raw(np.array(["a"]))
    assert is_raw([TextExample(id="1", text="a")])
    assert not is_raw({"token_ids": np.zeros((1, 2))}) and not is_raw(np.zeros((1, 2)))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ("the cat", ["no"], "expected a list of texts"),
        (["the cat"], ["perhaps"], "'no', 'yes', 'maybe', received 'perhaps'"),
        (["the cat"], [7], "received '7'"),
        (["the cat"], ["no", "yes"], "expected 1 answers, received 2"),
        (["the cat"], None, "expected an example with its answer"),
        (["the cat", 3], ["no", "yes"], r"x\[1\]: expected a string or a pair"),
        (["the cat", "the \ud83d"], ["no", "yes"], r"x\[1\]: expected characters.*U\+D83D"),
        ([{"texts": "the cat"}], ["no"], r"x\[0\]: expected a dict with some of"),
        ([""], ["no"], "expected a text"),
        ([], [], "at least one"),
    ],
)
def test_bad_examples_are_refused_by_name(make_model, tokenizer, x, y, message):
    model = make_model("classification")
    model.tokenizer = tokenizer
    with pytest.raises(InputError, match=message):
        model.fit(x, y, verbose=0)


def test_a_table_is_not_a_list_of_its_columns(make_model, tokenizer):
    pandas = pytest.importorskip("pandas")

    model = make_model("classification")
    model.tokenizer = tokenizer
    frame = pandas.DataFrame({"text": ["the cat"], "label": ["no"]})
    # `encoded` is what OnnxModel asks, too.
    for ask in (model.predict, model.encoded):
        with pytest.raises(InputError, match="x: expected a list of raw.* a DataFrame; .*own_ex"):
            ask(frame)
    assert len(model.predict(frame["text"])) == 1


def test_half_of_a_character_is_not_judged(make_model, tokenizer):
    for kind, item in (
        ("regression", ("the cat", "a \udc00")),
        ("tagging", ["the", "\udc00"]),
        ("question_answering", {"question": "who?", "context": "a \udc00 cat"}),
    ):
        model = make_model(kind)
        model.tokenizer = tokenizer
        with pytest.raises(
            InputError, match=r"x\[0\]: expected characters, received half.*U\+DC00"
        ):
            model.predict([item])


def test_other_bad_input_is_refused(make_model, make_backbone, tokenizer):
    model = make_model("classification")
    with pytest.raises(InputError, match="tokenizer"):
        model.predict(["the cat"])
    with pytest.raises(InputError, match="class_weight"):
        model.fit(hand_made("classification"), class_weight={0: 1.0}, verbose=0)
    model.tokenizer = tokenizer
    with pytest.raises(InputError, match="answers to raw examples"):
        model.evaluate(["the cat"], verbose=0)
    with pytest.raises(InputError, match=r"y\[1\]: expected one of 'no', .* received 'perhaps'"):
        model.evaluate(["the cat", "a dog"], ["no", "perhaps"], verbose=0)
    (row,) = model.predict([TextExample(id="1", text="the cat", label="perhaps")])
    assert row["gold"] == "perhaps"
    with pytest.raises(InputError, match="two or more different names"):
        TextClassifier(make_backbone(), ["one"])
    with pytest.raises(InputError, match="value_range"):
        TextRegressor(make_backbone(), (5, 1))
    qa = make_model("question_answering", compiled=False)
    qa.tokenizer = tokenizer
    with pytest.raises(InputError, match="string of the context"):
        qa.encoded([{"question": "who", "context": "the cat"}], ["dog"])


# Several tasks on one backbone


@pytest.fixture
def several(make_backbone, tokenizer):
    """A model for two tasks, and their mixed batches."""
    backbone = make_backbone()
    models = {
        "polite": TextClassifier(backbone, ("no", "yes"), head_dropout_rate=0.0, name="polite"),
        "tags": TokenClassifier(backbone, ("B", "O"), name="tags"),
    }
    for model in models.values():
        model.tokenizer, model.sequence_length = tokenizer, 8
    texts = ["the cat", "a dog", "the king", "a bird"]
    encoded = {
        "polite": models["polite"].encoded(texts, [0, 1, 0, 1], is_training=True),
        "tags": models["tags"].encoded(texts, [["O", "B"]] * 4, is_training=True),
    }
    parts = {name: TaskBatches(rows, batch_size=2) for name, rows in encoded.items()}
    return with_optimizer(SeveralTasks(models, seed=1)), MixedTaskBatches(parts, seed=0)


def test_the_loss_of_several_tasks_is_the_sum_of_theirs(several):
    model, batches = several
    polite, tags = model.models.values()
    for index in range(4):
        batch = batches.batch(index)
        outputs = model(batch)
        parts = [
            {**{k: v for k, v in batch.items() if "/" not in k}, **own}
            for own in (
                {k.removeprefix(f"{name}/"): v for k, v in batch.items() if k.startswith(name)}
                for name in model.models
            )
        ]
        own = [loss_of(polite, parts[0]), loss_of(tags, parts[1])]
        assert sorted(loss > 0 for loss in own) == [False, True]
        loss = model.compute_loss(x=batch, y_pred=outputs)
        np.testing.assert_allclose(float(array(loss)), sum(own), rtol=1e-5)
        np.testing.assert_allclose(array(outputs["polite"]), array(polite(parts[0])), atol=1e-6)
    figures = model.statistics.result()
    assert set(figures) == {"polite_loss", "tags_loss", "polite_accuracy", "tags_accuracy"}


def test_the_encoder_runs_once_for_all_tasks(several, monkeypatch):
    model, batches = several
    calls, call = [], ElectraBackbone.call
    monkeypatch.setattr(
        ElectraBackbone, "call", lambda self, *a, **k: calls.append(1) or call(self, *a, **k)
    )
    model(batches.batch(0))
    assert len(calls) == 1


def test_several_tasks_learn_together_and_serve_alone(several):
    model, batches = several
    history = model.fit(batches, epochs=12, verbose=0).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert history["tags_accuracy"][-1] == 1
    rows = model.models["tags"].predict(["a cat"])
    assert rows[0]["tags"] == ["O", "B"]


def test_a_step_of_one_task_leaves_the_head_of_the_other(several):
    model, batches = several
    batch = batches.batch(0)
    idle = next(name for name in model.models if not batch[f"{name}/example_weights"].any())
    before = [array(weight).copy() for weight in model.models[idle].head.weights]
    model.train_on_batch(batch)
    for weight, value in zip(model.models[idle].head.weights, before, strict=True):
        np.testing.assert_array_equal(array(weight), value)


def test_several_tasks_refuse_what_they_cannot_share(make_backbone, several):
    with pytest.raises(InputError, match="on 2 backbones"):
        SeveralTasks(
            {name: TextClassifier(make_backbone(), ("a", "b"), name=name) for name in "xy"}
        )
    with pytest.raises(InputError, match="multiple choice"):
        SeveralTasks({"x": MultipleChoice(make_backbone())})
    with pytest.raises(InputError, match="raw examples go to"):
        several[0].fit(["the cat"], ["no"])


# Made from a recipe, and files


@pytest.mark.parametrize("kind", KINDS)
def test_a_recipe_makes_the_model_of_a_task(make_backbone, kind):
    labels = ("a", "b") if kind in ("classification", "multi_label", "tagging") else None
    task = Task(
        name="my task/1",
        kind=kind,
        reader=None,
        value_range=(0, 5) if kind == "regression" else None,
        metrics=("m",),
        main_metric="m",
    )
    config = FinetuneConfig.for_task(
        {}, head="huggingface", head_dropout_rate=0.3, accumulation_steps=2, sequence_length=9
    )
    model = task_model(task, labels, make_backbone(), config, seed=3)
    assert (model.kind, model.task_name, model.seed) == (kind, "my task/1", 3)
    assert (model.accumulation_steps, model.sequence_length) == (2, 9)
    assert model.head.form == "huggingface"
    assert kind == "question_answering" or model.head.dropout_rate == 0.3
    assert all(v.path.startswith("my_task_1_head/") for v in model.head.weights)


FILES = [(kind, head) for kind in KINDS for head in ("original", "huggingface")]
FIRST_FILES = [("classification", "huggingface"), ("question_answering", "original")]


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        *FIRST_FILES,
        *(pytest.param(*f, marks=pytest.mark.full) for f in FILES if f not in FIRST_FILES),
    ],
)
def test_keras_files_round_trip(make_model, tmp_path, kind, head):
    model, batch = make_model(kind, compiled=False, head=head, seed=4), hand_made(kind)
    for weight in model.head.weights:
        weight.assign(np.random.default_rng(1).standard_normal(weight.shape))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert (type(again), again.kind) == (type(model), kind)
    assert again.get_config() == model.get_config()
    for ours, theirs in zip(
        keras.tree.flatten(model(batch)), keras.tree.flatten(again(batch)), strict=True
    ):
        np.testing.assert_array_equal(array(ours), array(theirs))


def test_several_tasks_in_a_keras_file(several, tmp_path):
    model, batches = several
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    ours, theirs = (keras.tree.flatten(m(batches.batch(0))) for m in (model, again))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(array(one), array(other))
    paths = [[v.path for v in m.trainable_variables] for m in (model, again)]
    assert paths[0] == paths[1]
    assert again.models["tags"].backbone is again.backbone


ELSEWHERE = """
import sys
import keras, numpy as np
import keras_electra.models

inputs = {name: value for name, value in np.load(sys.argv[1] + "/batch.npz").items()}
model = keras.saving.load_model(sys.argv[1] + "/model.keras", compile=False)
outputs = model(inputs)["start_top_log_probs"]
np.save(sys.argv[1] + "/outputs.npy", keras.ops.convert_to_numpy(outputs))
"""


@pytest.mark.full
def test_a_keras_file_opens_on_another_backend(make_model, tmp_path):
    others = [
        name
        for name in ("jax", "tensorflow", "torch")
        if name != keras.backend.backend() and importlib.util.find_spec(name)
    ]
    if not others:
        pytest.skip("one backend is installed")
    model, batch = make_model("question_answering"), hand_made("question_answering")
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "batch.npz", **batch)
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(tmp_path)],
        env={
            **os.environ,
            "KERAS_BACKEND": others[0],
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    expected = array(model(batch)["start_top_log_probs"])
    np.testing.assert_allclose(np.load(tmp_path / "outputs.npy"), expected, atol=1e-4)


def test_the_norm_of_all_gradients_together():
    parts = [ops.convert_to_tensor(values, "float32") for values in ([[3.0, 0]], [4.0], [12.0])]
    np.testing.assert_allclose(float(array(backends.global_norm(parts))), 13.0, rtol=1e-6)
