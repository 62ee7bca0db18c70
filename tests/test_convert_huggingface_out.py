"""Folders written for `transformers`: it opens them whole, says the same numbers, and back again."""

import json

import numpy as np
import pytest
import safetensors.numpy
from keras import ops

from keras_electra import (
    ElectraBackbone,
    ElectraPretrainer,
    ExtractiveQA,
    MultipleChoice,
    SeveralTasks,
    TextClassifier,
    TextRegressor,
    TokenClassifier,
    WordPieceTokenizer,
    add_lora,
    load,
    pretrain,
)
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.convert import from_huggingface, huggingface_writing, to_huggingface
from keras_electra.convert.huggingface_writing import has_transformers
from keras_electra.convert.model_card import run_record
from keras_electra.errors import ConversionError, InputError
from keras_electra.runs import RunFolder

needs_transformers = pytest.mark.skipif(
    not has_transformers(), reason="transformers or PyTorch is not installed"
)
KINDS = {
    "classification": lambda backbone, head: TextClassifier(backbone, ["no", "yes"], head=head),
    "multi_label": lambda backbone, head: TextClassifier(
        backbone, ["a", "b", "c"], is_multi_label=True, head=head
    ),
    "regression": lambda backbone, head: TextRegressor(backbone, (0, 5), head=head),
    "tagging": lambda backbone, head: TokenClassifier(backbone, ["O", "B-PER", "I-PER"], head=head),
    "multiple_choice": lambda backbone, head: MultipleChoice(backbone, head=head),
    "question_answering": lambda backbone, head: ExtractiveQA(backbone, head=head),
}


def stirred(model, seed=0):
    """The model with weights large enough for every part to matter."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        value = ops.convert_to_numpy(weight)
        weight.assign(value + 0.2 * rng.standard_normal(value.shape))
    return model


@pytest.fixture
def backbone(tiny_encoder, tokenizer):
    model = stirred(ElectraBackbone(**tiny_encoder(num_layers=1).to_dict(), name="backbone"))
    model.tokenizer = tokenizer
    return model


@pytest.fixture
def pretrainer(tiny_encoder, tokenizer):
    model = ElectraPretrainer(tiny_encoder(num_layers=1), {"generator_width_fraction": 0.5})
    model.tokenizer = tokenizer
    return stirred(model)


def tensors_of(folder):
    return safetensors.numpy.load_file(folder / "model.safetensors")


def assert_same_weights(first, second):
    for mine, theirs in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(mine), ops.convert_to_numpy(theirs))


# There and back


@pytest.mark.parametrize("head", ["huggingface", "original"])
@pytest.mark.parametrize("kind", KINDS)
def test_fine_tuned_models_there_and_back(backbone, kind, head, tmp_path):
    model = stirred(KINDS[kind](backbone, head), seed=1)
    if (kind, head) == ("question_answering", "original"):
        with pytest.raises(InputError, match="head='huggingface'.*ONNX"):
            to_huggingface(model, tmp_path / "model")
        assert not any(tmp_path.iterdir())
        return
    done = to_huggingface(model, tmp_path / "model")
    assert done.largest_difference < 1e-5
    assert (done.checked_with == "transformers") == has_transformers()
    found = from_huggingface(tmp_path / "model")
    again = found["task_model"]
    assert (type(again), again.kind, again.options()) == (type(model), model.kind, model.options())
    assert_same_weights(model.head, again.head)
    assert_same_weights(model.backbone, again.backbone)
    assert found["tokenizer"].fingerprint == backbone.tokenizer.fingerprint
    to_huggingface(again, tmp_path / "again")
    first, second = tensors_of(tmp_path / "model"), tensors_of(tmp_path / "again")
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.full
@needs_transformers
@pytest.mark.parametrize("size", ["tiny", "small"])
@pytest.mark.parametrize("kind", [*KINDS, "pretrainer"])
def test_named_sizes_there_and_back(size, kind, tokenizer, tmp_path):
    """The published architecture at its real sizes; what a model is made of is random."""
    vocabulary = [*tokenizer.vocabulary, *(f"more{number}" for number in range(8132))]
    model = ElectraPretrainer.from_size(size, 8192, architecture="electra")
    if kind != "pretrainer":
        model = KINDS[kind](model.backbone, "huggingface")
    stir = np.random.default_rng(0)
    for weight in model.weights:
        value = ops.convert_to_numpy(weight)
        weight.assign(value + 0.02 * stir.standard_normal(value.shape))
    model.tokenizer = WordPieceTokenizer(vocabulary)
    done = to_huggingface(model, tmp_path / "model")
    assert done.checked_with == "transformers" and done.largest_difference < 1e-5
    print(f"{size} {kind}: {done.largest_difference:.2g}")
    found = from_huggingface(tmp_path / "model")
    again = found["pretrainer" if kind == "pretrainer" else "task_model"]
    first, second = ({w.path: w for w in one.weights} for one in (model, again))
    for mine, theirs in zip(first.values(), second.values(), strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(mine), ops.convert_to_numpy(theirs))


def test_a_pretrainer_there_and_back(pretrainer, tmp_path):
    done = to_huggingface(pretrainer, tmp_path / "both")
    assert done.largest_difference < 1e-5
    assert {path.name for path in done.path.iterdir()} == {"discriminator", "generator"}
    found = from_huggingface(tmp_path / "both")
    again = found["pretrainer"]
    assert again.objective.embedding_sharing == "full"
    assert again.generator.backbone.embeddings is again.backbone.embeddings
    assert_same_weights(pretrainer.discriminator, again.discriminator)
    assert_same_weights(pretrainer.generator, again.generator)
    assert again.tokenizer.vocabulary == pretrainer.tokenizer.vocabulary
    assert found["left_out"] == found["missing"] == []


@pytest.mark.parametrize(
    ("objective", "folders"),
    [
        ({"generator": "tied"}, {"discriminator", "generator"}),
        ({"generator": "uniform"}, {"discriminator"}),
        ({"objective": "mlm"}, {"generator"}),
        ({"embedding_sharing": "none"}, {"discriminator", "generator"}),
        ({"embedding_sharing": "token"}, {"discriminator", "generator"}),
        ({"embedding_sharing": "disentangled"}, {"discriminator", "generator"}),
        ({"objective": "electric", "generator": "two_tower"}, {"discriminator"}),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else "",
)
def test_networks_of_every_objective(tiny_encoder, objective, folders, tmp_path):
    model = stirred(ElectraPretrainer(tiny_encoder(num_layers=1), objective))
    done = to_huggingface(model, tmp_path / "model")
    assert {path.name for path in done.path.iterdir()} == folders
    assert any("two-tower" in text for text in done.sentences) == ("electric" in objective.values())


def test_several_tasks_get_a_folder_each(backbone, tmp_path):
    tasks = {"cola": TextClassifier(backbone, ["0", "1"], name="cola")}
    tasks["sts"] = TextRegressor(backbone, (0, 5), name="sts")
    done = to_huggingface(SeveralTasks(tasks), tmp_path / "model")
    assert {path.name for path in done.path.iterdir()} == {"cola", "sts"}
    assert from_huggingface(tmp_path / "model" / "sts")["task_model"].value_range == (0.0, 5.0)


def test_low_rank_updates_are_merged_and_the_model_keeps_them(backbone, tmp_path):
    add_lora(backbone, rank=2)
    stirred(backbone)
    model = TextClassifier(backbone, ["no", "yes"])
    assert to_huggingface(model, tmp_path / "model").largest_difference < 1e-5
    assert backbone.lora is not None


def test_a_head_that_was_trained_on_there_is_read_as_theirs(backbone, tmp_path):
    to_huggingface(TextClassifier(backbone, ["no", "yes"]), tmp_path / "model")
    tensors = tensors_of(tmp_path / "model")
    tensors["classifier.out_proj.bias"] = np.array([0.5, 0], "float32")
    safetensors.numpy.save_file(tensors, tmp_path / "model" / "model.safetensors")
    assert from_huggingface(tmp_path / "model")["task_model"].head.form == "huggingface"


def test_labels_and_options_are_said_in_their_words(backbone, tmp_path):
    model = TextClassifier(backbone, ["no", "yes"], head_dropout_rate=0.3, name="sure")
    to_huggingface(model, tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["architectures"] == ["ElectraForSequenceClassification"]
    assert config["id2label"] == {"0": "no", "1": "yes"}
    assert config["label2id"] == {"no": 0, "yes": 1}
    assert config["problem_type"] == "single_label_classification"
    assert (config["classifier_dropout"], config["pad_token_id"]) == (0.3, 0)


@needs_transformers
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"lowercase": False},
        {"strip_accents": False},
        {"strip_accents": False, "cuts_long_words": True, "max_word_characters": 70},
    ],
)
def test_their_tokenizer_gives_our_ids(backbone, vocabulary, config, tmp_path):
    import transformers

    letters = [*"bcdefgßéÉ", *(f"##{letter}" for letter in "abcdefg")]
    vocabulary = [*vocabulary[: -len(letters)], *letters]
    backbone.tokenizer = WordPieceTokenizer(vocabulary, TokenizerConfig(**config))
    to_huggingface(backbone, tmp_path / "model")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    text = f"The CAT sees É, é and {'ab' * 80}."
    ids = backbone.tokenizer.encode(text)
    assert theirs(text)["input_ids"] == [2, *ids, 3]
    assert theirs("the cat", "a dog")["token_type_ids"] == [0] * 4 + [1] * 3
    assert from_huggingface(tmp_path / "model")["tokenizer"].config == backbone.tokenizer.config


# What is refused, and what is left then


def test_other_architectures_are_refused_and_the_formats_named(tiny_config, tmp_path):
    model = ElectraPretrainer.from_recipe(tiny_config(architecture="modern"))
    with pytest.raises(InputError, match="norm_position='pre', local_mixing_width=3.*keras.*ONNX"):
        to_huggingface(model, tmp_path / "model")
    assert not any(tmp_path.iterdir())


def test_too_many_labels_for_the_folded_head_are_refused(backbone, tmp_path):
    labels = [str(number) for number in range(9)]
    with pytest.raises(InputError, match="at most 8 labels.*received 9"):
        to_huggingface(TextClassifier(backbone, labels), tmp_path / "model")
    to_huggingface(TextClassifier(backbone, labels, head="huggingface"), tmp_path / "model")


def test_a_folder_with_something_in_it_stays_as_it_is(backbone, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="new or empty folder"):
        to_huggingface(backbone, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_vocabulary_longer_than_the_table_is_refused(backbone, vocabulary, tmp_path):
    backbone.tokenizer = WordPieceTokenizer([*vocabulary, "more"])
    with pytest.raises(InputError, match="at most 60 entries.*received 61"):
        to_huggingface(backbone, tmp_path / "model")
    assert not any(tmp_path.iterdir())


def test_rows_without_a_token_go_there_and_back(backbone, vocabulary, tmp_path):
    """A model's own table may be longer than its vocabulary: the files there hold the words alone."""
    backbone.tokenizer = WordPieceTokenizer(vocabulary[:-3])
    to_huggingface(backbone, tmp_path / "there")
    words = (tmp_path / "there" / "vocab.txt").read_text().splitlines()
    assert words == list(vocabulary[:-3])
    again = from_huggingface(tmp_path / "there")
    assert again["tokenizer"].vocabulary[-3:] == ("[unused57]", "[unused58]", "[unused59]")
    assert "more rows than the vocabulary has tokens (3)" in again["sentences"][0]
    to_huggingface(again["backbone"], tmp_path / "back")
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "config.json"):
        there, back = (tmp_path / side / name for side in ("there", "back"))
        assert there.read_bytes() == back.read_bytes(), name
    assert_same_weights(backbone, again["backbone"])


def test_other_numbers_on_the_other_side_leave_nothing(backbone, tmp_path, monkeypatch):
    theirs = huggingface_writing._theirs

    def spoiled(name, value):
        return theirs(name, value) + 1e-2 * name.endswith("LayerNorm/beta")

    monkeypatch.setattr(huggingface_writing, "_theirs", spoiled)
    with pytest.raises(ConversionError, match="largest difference") as caught:
        to_huggingface(backbone, tmp_path / "model")
    assert caught.value.exit_code == 3
    assert not any(tmp_path.iterdir())


@needs_transformers
def test_a_key_that_transformers_does_not_find_fails_the_conversion(
    backbone, tmp_path, monkeypatch
):
    from keras_electra.backends import torch_transformers

    monkeypatch.setattr(
        torch_transformers, "outputs_of", lambda *_: ({}, ["missing_keys classifier.weight"])
    )
    with pytest.raises(ConversionError, match="missing_keys classifier.weight"):
        to_huggingface(backbone, tmp_path / "model")
    assert not any(tmp_path.iterdir())


def test_without_transformers_the_own_reader_checks_and_says_so(backbone, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_writing, "has_transformers", lambda: False)
    done = to_huggingface(backbone, tmp_path / "model")
    assert "own reader" in done.checked_with


# The model card


def test_the_card_says_what_the_run_has_on_record(store, tiny_config, tmp_path):
    pretrain(tiny_config(steps=4, checkpoint_every_steps=4), store.path, tmp_path / "run")
    to_huggingface(load(tmp_path / "run"), tmp_path / "model", run=tmp_path / "run")
    card = (tmp_path / "model" / "discriminator" / "README.md").read_text()
    manifest = store.manifest
    for expected in (
        "library_name: transformers",
        f"tokens: {manifest.num_tokens:,}",
        "sources: text.txt",
        f"store fingerprint: {manifest.fingerprint}",
        "steps: 4",
        f"tokens seen: {4 * 4 * 12}",
        "hours of training",
        "rtd_auc (training, last interval): 0.",
        "processors: ",
    ):
        assert expected in card
    # This run was not started by a command.
    assert "command" not in card
    assert str(tmp_path) not in card


def test_the_card_leaves_out_what_is_not_known(store, tiny_config, backbone, tmp_path):
    pretrain(tiny_config(steps=4), store.path, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    config = json.loads(run.config_path.read_text())
    config["store"]["path"] = str(tmp_path / "gone")
    run.config_path.write_text(json.dumps(config))
    run.log_path.write_text("")
    record = run_record(run)
    assert "sources" not in record["Data"]
    assert "steps" not in record["Training"] and record["Figures"] == {}
    events = [json.loads(line) for line in run.events_path.read_text().splitlines()]
    events[0]["command"] = "keras-electra pretrain --store my store"
    run.events_path.write_text("".join(json.dumps(event) + "\n" for event in events))
    assert run_record(run)["Training"]["command"] == "`keras-electra pretrain --store my store`"
    to_huggingface(backbone, tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text()
    assert "## Training" not in card and "## Data" not in card


def test_the_card_of_a_fine_tuning_run(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    settings = {
        "finetune": {"batch_size": 32, "epochs": 3.0, "optimizer": {"learning_rate": 3e-4}},
        "tasks": {"cola": "classification"},
        "data": {"cola": {"train": "abc"}},
    }
    metrics = {"mcc": {"mean": 0.5, "std": 0.1}, "undefined": {"mean": None}}
    results = {
        "results": [{"task": "cola", "split": "validation", "metrics": metrics}],
        "trials": [{}, {}],
    }
    rows = [
        {"step": step, "trial": trial, "seconds": seconds}
        for step, trial, seconds in ((10, 0, 1800.0), (20, 0, 3600.0), (30, 1, 1800.0))
    ]
    run.config_path.write_text(json.dumps(settings))
    run.environment_path.write_text(json.dumps({"processors": 2, "backend": "jax"}))
    run.vocabulary_path.write_text("")
    run.log_path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (run.path / "results.json").write_text(json.dumps(results))
    record = run_record(run)
    assert record["Data"] == {"tasks": "cola (classification)", "SHA-256 of cola, train": "abc"}
    assert record["Training"] == {
        "batch size": 32,
        "learning rate": 3e-4,
        "epochs": 3.0,
        "steps": "30",
        "time": "1.5 hours of training",
    }
    assert record["Figures"] == {"cola mcc, validation": "0.5000 (mean of 2 trials)"}
    assert record["Hardware and programs"] == {"processors": 2, "backend": "jax"}
