"""The original's checkpoints: its names, shapes and counts, there and back, and what is refused."""

import importlib.util
import json
import math
import os
import shutil

import numpy as np
import pytest
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
)
from keras_electra.config.finetune import AnswerConfig
from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.convert import fill_optimizer, from_google, google_files, to_google
from keras_electra.convert.checking import largest_difference, sample_inputs, sample_outputs
from keras_electra.convert.google_parts import google_parts
from keras_electra.convert.google_variables import tasks_of
from keras_electra.convert.google_writing import google_arrays, hparams_of
from keras_electra.errors import DamagedDataError, InputError, MissingExtraError
from keras_electra.optimizers import ElectraAdamW

HAS_TENSORFLOW = importlib.util.find_spec("tensorflow") is not None
needs_tensorflow = pytest.mark.skipif(not HAS_TENSORFLOW, reason="TensorFlow is not installed")
OBJECTIVES = {
    "default": {},
    "mlm": {"objective": "mlm"},
    "tied": {"generator": "tied"},
    "untied_embeddings": {"embedding_sharing": "none"},
    "two_tower": {"generator": "two_tower"},
    "electric": {"objective": "electric", "generator": "two_tower"},
    "electric_untied": {
        "objective": "electric",
        "generator": "two_tower",
        "embedding_sharing": "none",
    },
    "uniform": {"generator": "uniform"},
}
COUNTS = {
    "default": (402, 14_196_219),
    "mlm": (204, 13_546_682),
    "tied": (208, 13_612_731),
    "untied_embeddings": (405, 16_170_107),
    "two_tower": (596, 14_812_475),
    "electric": (596, 14_812_475),
    "electric_untied": (602, 18_760_443),
    "uniform": (203, 13_549_057),
}
"""Variables and parameters of the original's small, observed in its own program."""


@pytest.fixture
def pretrainer(tiny_encoder):
    """A function: the pretrainer of an objective, with weights that are no two alike."""

    def make(name):
        model = ElectraPretrainer(tiny_encoder(num_layers=1), OBJECTIVES[name])
        rng = np.random.default_rng(0)
        for network in (model.generator, model.discriminator):
            for weight in network.weights if network is not None else ():
                weight.assign(0.2 * rng.standard_normal(weight.shape))
        model.step = 7
        return model

    return make


@pytest.mark.parametrize("name", COUNTS)
def test_names_and_counts_are_the_originals(name, shapes_only):
    model = ElectraPretrainer.from_size("small", 30522, **OBJECTIVES[name])
    shapes = {part.name: part.shape for part in google_parts(model)}
    assert (len(shapes), sum(map(math.prod, shapes.values()))) == COUNTS[name]
    expected = {
        "electra/embeddings/word_embeddings": (30522, 128),
        "electra/embeddings/position_embeddings": (512, 128),
        "electra/embeddings/token_type_embeddings": (2, 128),
        "electra/embeddings/LayerNorm/beta": (128,),
        "electra/embeddings_project/kernel": (128, 256),
        "electra/encoder/layer_11/attention/self/key/kernel": (256, 256),
        "electra/encoder/layer_11/attention/output/LayerNorm/gamma": (256,),
        "electra/encoder/layer_0/intermediate/dense/kernel": (256, 1024),
        "electra/encoder/layer_0/output/dense/bias": (256,),
        **EXPECTED[name],
    }
    assert {key: shapes.get(key) for key in expected} == expected
    scopes = {key.split("/")[0] for key in shapes}
    assert scopes == {key.split("/")[0] for key in expected}


RTD_HEAD = {
    "discriminator_predictions/dense/kernel": (256, 256),
    "discriminator_predictions/dense_1/kernel": (256, 1),
    "discriminator_predictions/dense_1/bias": (1,),
}
TOWERS = {
    f"generator_{side}/encoder/layer_3/attention/self/query/kernel": (64, 64)
    for side in ("ltr", "rtl")
}
EXPECTED = {
    "default": {
        **RTD_HEAD,
        "generator/embeddings_project/kernel": (128, 64),
        "generator/encoder/layer_0/intermediate/dense/kernel": (64, 256),
        "generator_predictions/dense/kernel": (64, 128),
        "generator_predictions/output_bias": (30522,),
        "generator/embeddings/word_embeddings": None,
    },
    "mlm": {"generator_predictions/dense/kernel": (256, 128)},
    "tied": {**RTD_HEAD, "generator_predictions/dense/kernel": (256, 128)},
    "untied_embeddings": {
        **RTD_HEAD,
        "generator/embeddings/word_embeddings": (30522, 64),
        "generator/embeddings_project/kernel": None,
        "generator_predictions/dense/kernel": (64, 64),
    },
    "two_tower": {**RTD_HEAD, **TOWERS, "cloze_predictions/dense/kernel": (128, 128)},
    "electric": {**RTD_HEAD, **TOWERS, "cloze_predictions/output_bias": (30522,)},
    "electric_untied": {
        **RTD_HEAD,
        "generator_ltr/embeddings/word_embeddings": (30522, 64),
        "generator_rtl/embeddings/word_embeddings": (30522, 64),
        "cloze_predictions/dense/kernel": (128, 64),
    },
    "uniform": RTD_HEAD,
}
"""Names and shapes of the original's small; None for a name that is not there."""


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name != "uniform"])
def test_pretraining_there_and_back(pretrainer, name):
    model = pretrainer(name)
    arrays, _ = google_arrays(model, {})
    found = from_google(arrays, num_heads=2, objective=OBJECTIVES[name].get("objective", "rtd"))
    again = found["pretrainer"]
    assert again.objective.to_dict() == {
        **model.objective.to_dict(),
        "generator_num_heads": again.objective.generator_num_heads,
    }
    assert (found["step"], found["left_out"], found["slots"]) == (7, [], {})
    back, _ = google_arrays(again, {})
    del arrays["global_step"], back["global_step"]
    assert arrays.keys() == back.keys()
    assert all(np.array_equal(arrays[key], back[key]) for key in arrays)
    inputs = sample_inputs(model.encoder)
    assert largest_difference(sample_outputs(model, inputs), sample_outputs(again, inputs)) < 1e-6


def test_optimizer_slots_go_along_both_ways(pretrainer, make_batch):
    model = pretrainer("default")
    optimizer = ElectraAdamW(OptimizerConfig(learning_rate=1e-3, warmup_steps=0), 10)
    model.compile(optimizer=optimizer)
    model.train_on_batch(make_batch())
    slots = {
        f"{family}/{owner.path}": ops.convert_to_numpy(moment)
        for family, moments in (
            ("first_moment", optimizer.first_moments),
            ("second_moment", optimizer.second_moments),
        )
        for owner, moment in zip(model.trainable_variables, moments, strict=True)
    }
    arrays, sentences = google_arrays(model, slots)
    query = arrays["electra/encoder/layer_0/attention/self/query/kernel/adam_m"]
    assert np.abs(query).max() > 0 and not any("slots" in text for text in sentences)
    found = from_google(arrays, num_heads=2)
    assert found["slots"].keys() == slots.keys()
    assert all(np.array_equal(found["slots"][key], slots[key]) for key in slots)
    again = ElectraAdamW(OptimizerConfig(learning_rate=1e-3), 10)
    fill_optimizer(again, found["pretrainer"], found["slots"], found["step"])
    assert int(again.iterations) == 7
    np.testing.assert_array_equal(
        ops.convert_to_numpy(again.second_moments[3]),
        ops.convert_to_numpy(optimizer.second_moments[3]),
    )
    del found["slots"][min(found["slots"])]
    with pytest.raises(InputError, match="optimizer slot"):
        fill_optimizer(ElectraAdamW(), found["pretrainer"], found["slots"], 7)


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"has_joint_ends": False},
        {"answerability": "class"},
        {"has_joint_ends": False, "answerability": "none"},
    ],
    ids=str,
)
def test_fine_tuned_models_there_and_back(tiny_encoder, answers):
    backbone = ElectraBackbone(**tiny_encoder(num_layers=1).to_dict())
    model = SeveralTasks(
        {
            "mnli": TextClassifier(
                backbone, ["contradiction", "entailment", "neutral"], name="mnli"
            ),
            "sts": TextRegressor(backbone, (0, 5), name="sts"),
            "chunk": TokenClassifier(backbone, ["0", "1"], name="chunk"),
            "squad": ExtractiveQA(backbone, AnswerConfig(**answers), name="squad"),
        }
    )
    arrays, _ = google_arrays(model, {})
    tasks = tasks_of(arrays)
    assert {name: kind for name, (kind, _) in tasks.items()} == {
        name: one.kind for name, one in model.models.items()
    }
    assert tasks["mnli"][1] == ("contradiction", "entailment", "neutral")
    found = from_google(arrays, num_heads=2, tasks="all")
    assert found["left_out"] == []
    again = SeveralTasks(found["tasks"])
    inputs = sample_inputs(backbone.encoder)
    assert largest_difference(sample_outputs(model, inputs), sample_outputs(again, inputs)) < 1e-6


# Files


@needs_tensorflow
def test_files_that_tensorflow_restores(pretrainer, tokenizer, tmp_path):
    model = pretrainer("default")
    model.tokenizer = tokenizer
    done = to_google(model, tmp_path / "google")
    assert done.largest_difference < 1e-6
    names = {path.name for path in done.path.iterdir()}
    assert names == {
        "checkpoint",
        "hparams.json",
        "model.ckpt-7.data-00000-of-00001",
        "model.ckpt-7.index",
        "vocab.txt",
    }
    hparams = json.loads((done.path / "hparams.json").read_text())
    assert hparams["model_hparam_overrides"]["num_attention_heads"] == 2
    # Moved, the state file still names the checkpoint; heads and vocabulary are found beside it.
    shutil.move(done.path, tmp_path / "moved")
    found = from_google(tmp_path / "moved")
    assert found["step"] == 7
    assert found["backbone"].encoder.num_heads == 2
    assert found["pretrainer"].tokenizer.vocabulary == tokenizer.vocabulary
    data = tmp_path / "moved" / "model.ckpt-7.data-00000-of-00001"
    content = data.read_bytes()
    data.write_bytes(content[: len(content) // 2])
    with pytest.raises(DamagedDataError, match="whole TensorFlow checkpoint"):
        from_google(tmp_path / "moved" / "model.ckpt-7")


def test_without_tensorflow_the_extra_is_named(pretrainer, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"keras-electra\[tensorflow\]"):
        to_google(pretrainer("mlm"), tmp_path / "google")
    assert not any(tmp_path.iterdir())


def test_paths_of_checkpoints(tmp_path):
    with pytest.raises(InputError, match="expected a TensorFlow checkpoint"):
        google_files.checkpoint_prefix(tmp_path / "none")
    for name in ("a.index", "b.index"):
        (tmp_path / name).write_text("")
    with pytest.raises(InputError, match="found 2 checkpoints"):
        google_files.checkpoint_prefix(tmp_path)
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/else/where/b"\n')
    assert google_files.checkpoint_prefix(tmp_path) == tmp_path / "b"
    assert google_files.checkpoint_prefix(tmp_path / "a.index") == tmp_path / "a"
    outside = tmp_path.parent / "outside.data"
    outside.write_text("")
    os.symlink(outside, tmp_path / "a.data-00000-of-00001")
    with pytest.raises(InputError, match="inside its folder.*link"):
        google_files.checkpoint_prefix(tmp_path / "a")


# What is refused


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ({"embedding_sharing": "token"}, "embedding_sharing='full' or 'none'"),
        ({"embedding_sharing": "disentangled"}, "embedding_sharing='full' or 'none'"),
        ({"objective": "replace_mlm"}, "objective='replace_mlm'"),
        ({"objective": "all_tokens_mlm"}, "objective='all_tokens_mlm'"),
    ],
)
def test_objectives_without_a_counterpart_are_refused(tiny_encoder, objective, message):
    model = ElectraPretrainer(tiny_encoder(num_layers=1), objective)
    with pytest.raises(InputError, match=message):
        google_parts(model)


def test_a_generator_with_embeddings_of_another_width_is_refused(tiny_encoder):
    options = {"embedding_sharing": "none", "generator_embedding_dim": 6}
    model = ElectraPretrainer(tiny_encoder(num_layers=1), options)
    with pytest.raises(InputError, match="generator_embedding_dim=6"):
        google_parts(model)


def test_other_architectures_and_heads_are_refused(tiny_encoder):
    with pytest.raises(InputError, match="feed_forward='geglu'.*keras"):
        google_parts(ElectraBackbone(**tiny_encoder(feed_forward="geglu").to_dict()))
    backbone = ElectraBackbone(**tiny_encoder(num_layers=1).to_dict())
    with pytest.raises(InputError, match="head='huggingface'"):
        google_parts(TextClassifier(backbone, ["a", "b"], head="huggingface"))
    with pytest.raises(InputError, match="MultipleChoice"):
        google_parts(MultipleChoice(backbone))


def test_missing_and_misshapen_variables_are_named(pretrainer):
    arrays, _ = google_arrays(pretrainer("default"), {})
    name = "generator/encoder/layer_0/output/dense/kernel"
    with pytest.raises(InputError, match=f"{name}.*shape.*received \\(2, 2\\)"):
        from_google({**arrays, name: np.zeros((2, 2), "float32")}, num_heads=2)
    del arrays[name]
    with pytest.raises(InputError, match=f"{name}.*not found"):
        from_google(arrays, num_heads=2)
    with pytest.raises(InputError, match="token_type_embeddings.*not found"):
        from_google({n: v for n, v in arrays.items() if "token_type" not in n}, num_heads=2)


def test_variables_that_nothing_is_for_are_listed(pretrainer):
    arrays, _ = google_arrays(pretrainer("default"), {})
    arrays["generator_predictions/temperature"] = np.float32(1.0)
    assert from_google(arrays, num_heads=2)["left_out"] == ["generator_predictions/temperature"]


def test_the_options_that_build_the_same_graph(pretrainer):
    hparams = hparams_of(pretrainer("electric_untied"))
    assert hparams["electric_objective"] and not hparams["electra_objective"]
    assert hparams["two_tower_generator"] and hparams["untied_generator_embeddings"]
    assert (hparams["vocab_size"], hparams["embedding_size"]) == (60, 8)
