"""ONNX files: every piece of the encoder and every head against Keras, and what is refused."""

import json

import keras
import numpy as np
import pytest
from conftest import assert_close

from keras_electra.backbone import ElectraBackbone
from keras_electra.cli import main
from keras_electra.deploy.checking import DifferenceError
from keras_electra.deploy.network import deployment, reference_outputs, sample_inputs
from keras_electra.deploy.onnx_file import export_onnx
from keras_electra.errors import DamagedDataError, ElectraError, InputError
from keras_electra.lora import add_lora
from keras_electra.onnx_model import OnnxModel, vocabulary_path
from keras_electra.predict import detect
from keras_electra.presets import save_preset
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.task_models import (
    ExtractiveQA,
    MultipleChoice,
    SeveralTasks,
    TextClassifier,
    TextRegressor,
    TokenClassifier,
)

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

LABELS = ("no", "yes", "maybe")
TEXTS = ["the old cat sees a young dog .", "a girl", "the king hears the horse in the garden ,"]
QUESTION = {"question": "who sees ?", "context": "the old cat sees a young dog in the garden ."}
CHOICE = {"question": "the cat", "choices": ["sees a dog .", "hears", "the old king in a wood"]}
MODELS = {
    "classification": lambda backbone, **o: TextClassifier(backbone, LABELS, **o),
    "multi_label": lambda backbone, **o: TextClassifier(backbone, LABELS, is_multi_label=True, **o),
    "regression": lambda backbone, **o: TextRegressor(backbone, (1, 5), **o),
    "tagging": lambda backbone, **o: TokenClassifier(backbone, LABELS, **o),
    "multiple_choice": lambda backbone, **o: MultipleChoice(backbone, **o),
    "question_answering": lambda backbone, **o: ExtractiveQA(backbone, {"beam_size": 3}, **o),
}
INPUTS = {
    "tagging": [text.split() for text in TEXTS],
    "question_answering": [QUESTION, {**QUESTION, "question": "where ?"}],
    "multiple_choice": [CHOICE, {**CHOICE, "choices": CHOICE["choices"][:2]}],
    "regression": [*TEXTS, (TEXTS[0], TEXTS[1])],
}
ENCODERS = {
    "original": {},
    "no_projection": {"embedding_dim": 16},
    "modern": {"norm_position": "pre", "local_mixing_width": 3},
    "wide_mixing": {"local_mixing_width": 5},
    "rotary_geglu": {"position_encoding": "rotary", "feed_forward": "geglu", "num_segments": 3},
    "left": {"direction": "left", "norm_position": "pre", "local_mixing_width": 3},
    "right": {"direction": "right", "position_encoding": "rotary"},
    "one_segment": {"num_segments": 1},
}


@pytest.fixture(scope="module")
def make_backbone(tiny_encoder):
    def make(direction="both", **options):
        encoder = tiny_encoder(num_layers=1, initializer_range=0.3, **options)
        return ElectraBackbone(**encoder.to_dict(), direction=direction, name="backbone")

    return make


@pytest.fixture(scope="module")
def make_model(make_backbone, tokenizer):
    def make(kind, encoder=None, **options):
        model = MODELS[kind](make_backbone(**(encoder or {})), **options)
        model.tokenizer, model.sequence_length = tokenizer, 16
        return model

    return make


@pytest.fixture(scope="module")
def detector(tiny_encoder, tokenizer):
    encoder = tiny_encoder(num_layers=1, initializer_range=0.3)
    model = ElectraPretrainer(encoder, {"generator_width_fraction": 0.5})
    model.tokenizer, model.sequence_length = tokenizer, 16
    return model


def assert_same_outputs(model, path):
    """The file's outputs are Keras', positions among them, where something stands."""
    deployed, opened = deployment(model), OnnxModel(path)
    for inputs in sample_inputs(deployed, seed=1):
        expected, received = reference_outputs(deployed, inputs), opened.outputs(**inputs)
        assert expected.keys() == received.keys()
        real = inputs["padding_mask"]
        for name, value in expected.items():
            assert value.dtype == received[name].dtype
            chosen = real if value.shape[:2] == real.shape and value.ndim > 1 else slice(None)
            scale = np.maximum(1, np.abs(value[chosen]))
            np.testing.assert_array_less(np.abs(value - received[name])[chosen] / scale, 1e-4, name)


QUICK_ENCODERS = ("modern", "rotary_geglu", "left", "one_segment")
QUICK_HEADS = ("classification", "tagging", "question_answering", "multiple_choice")
full = pytest.mark.full


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK_ENCODERS else full) for name in ENCODERS]
)
def test_every_piece_of_the_encoder(make_model, tmp_path, name):
    model = make_model("tagging", ENCODERS[name])
    difference = export_onnx(model, tmp_path / "model.onnx")
    assert difference.largest < 1e-4
    assert_same_outputs(model, tmp_path / "model.onnx")


@pytest.mark.parametrize("direction", ["both", "left", "right"])
def test_queries_that_may_see_nothing(make_model, tmp_path, direction):
    """As in Keras: a row of padding, and in a tower the padding after the text."""
    model = make_model("tagging", {"direction": direction})
    export_onnx(model, tmp_path / "model.onnx")
    deployed, opened = deployment(model), OnnxModel(tmp_path / "model.onnx")
    inputs = sample_inputs(deployed)[1]
    inputs["padding_mask"][0] = False
    inputs["padding_mask"][1, 5:] = False
    expected = reference_outputs(deployed, inputs)["logits"]
    np.testing.assert_allclose(opened.outputs(**inputs)["logits"], expected, atol=1e-5)


HEADS = [
    *(pytest.param(kind, {}, marks=() if kind in QUICK_HEADS else full) for kind in MODELS),
    *(pytest.param(kind, {"head": "huggingface"}, marks=full) for kind in MODELS),
    *(
        pytest.param("question_answering", {"answers": answers}, marks=full)
        for answers in (
            {"has_joint_ends": False, "answerability": "class"},
            {"has_joint_ends": False, "answerability": "start"},
            {"beam_size": 20, "answerability": "none"},
        )
    ),
]


@pytest.mark.parametrize(("kind", "options"), HEADS)
def test_every_head_in_words(make_model, make_backbone, tokenizer, tmp_path, kind, options):
    if "answers" in options:
        model = ExtractiveQA(make_backbone(), **options)
        model.tokenizer, model.sequence_length = tokenizer, 16
    else:
        model = make_model(kind, **options)
    export_onnx(model, tmp_path / "model.onnx")
    assert_same_outputs(model, tmp_path / "model.onnx")
    opened = OnnxModel(tmp_path / "model.onnx")
    inputs = INPUTS.get(kind, TEXTS)
    assert_close(opened.predict(inputs, batch_size=2), model.predict(inputs))


def test_half_of_a_character_is_not_judged(make_model, tmp_path):
    export_onnx(make_model("classification"), tmp_path / "model.onnx")
    opened = OnnxModel(tmp_path / "model.onnx")
    with pytest.raises(InputError, match=r"x\[1\]: expected characters, received half of a surr"):
        opened.predict(["the cat", "the \ud83d"])


def test_a_detector(detector, tmp_path):
    export_onnx(detector, tmp_path / "model.onnx")
    opened = OnnxModel(tmp_path / "model.onnx", num_threads=1)
    texts = ["", *TEXTS, " ".join(TEXTS * 4)]
    for one, other in zip(opened.detect(texts), detect(detector, texts), strict=True):
        assert (one.text, one.tokens, one.offsets) == (other.text, other.tokens, other.offsets)
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)
    with pytest.raises(InputError, match="received a detector"):
        opened.predict(TEXTS)


def test_the_file_says_what_it_is(make_model, tokenizer, tmp_path):
    export_onnx(make_model("classification"), tmp_path / "model.onnx")
    proto = onnx.load(tmp_path / "model.onnx")
    about = json.loads(proto.metadata_props[0].value)
    assert (about["kind"], about["labels"], about["sequence_length"]) == (
        "classification",
        list(LABELS),
        16,
    )
    assert about["tokenizer"] == tokenizer.config.to_dict()
    assert [value.name for value in proto.graph.input] == [
        "token_ids",
        "segment_ids",
        "padding_mask",
    ]
    opened = OnnxModel(tmp_path / "model.onnx")
    assert opened.tokenizer.vocabulary == tokenizer.vocabulary
    assert opened.outputs(np.full((2, 5), 7))["logits"].shape == (2, 3)
    with pytest.raises(InputError, match="at most 16 tokens"):
        opened.outputs(np.zeros((1, 17)))


def test_low_rank_updates_are_merged(make_model, tmp_path):
    model = make_model("classification")
    add_lora(model.backbone, rank=2, targets=("query", "feed_forward"))
    for weight in model.backbone.trainable_variables:
        weight.assign(np.full(weight.shape, 0.1, "float32"))
    export_onnx(model, tmp_path / "model.onnx")
    assert_close(OnnxModel(tmp_path / "model.onnx").predict(TEXTS), model.predict(TEXTS))


def test_one_of_several_tasks(make_backbone, tokenizer, tmp_path):
    backbone = make_backbone()
    models = {
        "a": TextClassifier(backbone, ("x", "y"), name="a"),
        "b": TextRegressor(backbone, (0, 5), name="b"),
    }
    several = SeveralTasks(models)
    for model in (several, *models.values()):
        model.tokenizer = tokenizer
    with pytest.raises(InputError, match="one of a, b, received None"):
        export_onnx(several, tmp_path / "model.onnx")
    export_onnx(several, tmp_path / "model.onnx", task="b")
    assert_close(OnnxModel(tmp_path / "model.onnx").predict(TEXTS), models["b"].predict(TEXTS))


@pytest.mark.parametrize("kind", ["classification", pytest.param("question_answering", marks=full)])
def test_int8_is_smaller_and_near(make_backbone, tokenizer, tmp_path, kind):
    wide = {
        "hidden_dim": 64,
        "intermediate_dim": 128,
        "embedding_dim": 64,
        "initializer_range": 0.1,
    }
    model = MODELS[kind](ElectraBackbone(**{**make_backbone().encoder.to_dict(), **wide}))
    model.tokenizer, model.sequence_length = tokenizer, 16
    export_onnx(model, tmp_path / "model.onnx")
    difference = export_onnx(model, tmp_path / "small.onnx", precision="int8")
    assert 0 < difference.mean < 0.02
    sizes = [(tmp_path / name).stat().st_size for name in ("small.onnx", "model.onnx")]
    assert sizes[0] < 0.6 * sizes[1]
    opened = OnnxModel(tmp_path / "small.onnx")
    assert opened.about["precision"] == "int8"
    assert len(opened.predict(INPUTS.get(kind, TEXTS))) == len(INPUTS.get(kind, TEXTS))


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_above_the_tolerance_nothing_is_left(make_model, tmp_path, monkeypatch, precision):
    from keras_electra.deploy import encoder_graph

    monkeypatch.setattr(encoder_graph, "LAYER_NORM_EPSILON", 0.5)
    monkeypatch.setattr("keras_electra.deploy.checking.INT8_TOLERANCE", 1e-9)
    with pytest.raises(DifferenceError, match="nothing was written") as caught:
        export_onnx(make_model("tagging"), tmp_path / "model.onnx", precision=precision)
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported(detector, tiny_encoder, tokenizer, tmp_path):
    def refused(model, name="model.onnx", **options):
        with pytest.raises(ElectraError) as caught:
            export_onnx(model, tmp_path / name, **options)
        return str(caught.value)

    assert "ends in .onnx" in refused(detector, "model.bin")
    assert "an existing folder" in refused(detector, "none/model.onnx")
    assert "expected one of" in refused(detector, precision="int4")
    assert "expected none" in refused(detector, task="cola")
    for objective in ("mlm", "electric"):
        kinds = {"electric": {"generator": "two_tower", "objective": "electric"}}
        model = ElectraPretrainer(
            tiny_encoder(num_layers=1), kinds.get(objective, {"objective": "mlm"})
        )
        assert "received objective=" in refused(model)
    (tmp_path / "there.onnx").write_bytes(b"x")
    assert "which exists" in refused(detector, "there.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["there.onnx"]


def test_files_that_cannot_be_opened(make_model, tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(InputError, match="expected an ONNX file"):
        OnnxModel(path)
    export_onnx(make_model("classification"), path)
    vocabulary = vocabulary_path(path)
    text = vocabulary.read_text()
    vocabulary.write_text(text.replace("cat", "tiger"))
    with pytest.raises(InputError, match="the vocabulary that was exported"):
        OnnxModel(path)
    vocabulary.unlink()
    with pytest.raises(InputError, match="a readable file"):
        OnnxModel(path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DamagedDataError, match="onnxruntime refuses"):
        OnnxModel(path)


def test_a_file_of_somebody_else(tmp_path):
    from onnx import helper

    value = helper.make_tensor_value_info("x", 1, [1])
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "g",
        [value],
        [helper.make_tensor_value_info("y", 1, [1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(model, tmp_path / "relu.onnx")
    with pytest.raises(InputError, match="received one of format None"):
        OnnxModel(tmp_path / "relu.onnx")


def test_equal_weights_give_equal_bytes(make_model, tmp_path):
    """No name of a layer and no order of a dict shows; the backends' files differ in rounding alone."""
    for name in ("a", "b"):
        export_onnx(make_model("classification", seed=3), tmp_path / f"{name}.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


# The command


def test_the_command_writes_and_says_the_difference(detector, tmp_path, capsys):
    save_preset(tmp_path / "preset", detector)
    flags = ["export", "--model", str(tmp_path / "preset"), "--backend", keras.config.backend()]
    path = tmp_path / "model.onnx"
    assert main([*flags, "--format", "onnx", "--out", str(path)]) == 0
    out = capsys.readouterr().out
    assert "outputs beside those of Keras: largest difference" in out
    assert f"keras-electra serve --model {path}" in out
    assert main([*flags, "--format", "onnx", "--precision", "int8", "--out", f"{path}8"]) == 2
    for more, sentence in (
        (["--format", "litert", "--precision", "int8"], "--precision: expected float32"),
        (["--format", "web"], "--runtime: expected a folder with --format web"),
        (["--format", "onnx", "--runtime", "x"], "--runtime: expected nothing without"),
        (["--task", "cola"], "--task: expected nothing with --format keras"),
        (["--format", "onnx"], "which exists"),
    ):
        capsys.readouterr()
        assert main([*flags, *more, "--out", str(path)]) == 2
        assert sentence in capsys.readouterr().err
    assert {p.name for p in tmp_path.iterdir()} == {"preset", "model.onnx", "model.vocab.txt"}
