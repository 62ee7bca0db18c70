"""Forms for OpenVINO, TensorFlow, LiteRT and PyTorch: each opened by its own runtime, and refusals."""

import importlib
import json

import keras
import numpy as np
import pytest

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.encoder import ARCHITECTURES
from keras_electra.deploy import other_formats
from keras_electra.deploy.checking import DifferenceError
from keras_electra.deploy.network import deployment, reference_outputs, sample_inputs
from keras_electra.deploy.other_formats import export_other
from keras_electra.errors import InputError, MissingExtraError
from keras_electra.task_models import ExtractiveQA, TextClassifier

BACKEND = keras.config.backend()
OWN = {"tensorflow": "saved-model", "torch": "torch"}.get(BACKEND)


@pytest.fixture(scope="module")
def make_model(tiny_encoder, tokenizer):
    def make(kind="classification", **options):
        pre = {**ARCHITECTURES["modern_rotary"], **options}
        backbone = ElectraBackbone(**tiny_encoder(num_layers=1, **pre).to_dict())
        makers = {
            "classification": lambda: TextClassifier(backbone, ("no", "yes")),
            "answers": lambda: ExtractiveQA(backbone, {"beam_size": 3}),
        }
        model = makers[kind]()
        model.tokenizer = tokenizer
        return model

    return make


def assert_same(model, outputs):
    """What a runtime says of other batches than those that the writing was checked with.

    One of them has a row of padding, whose queries may see nothing.
    """
    deployed = deployment(model)
    batches = sample_inputs(deployed, seed=1)
    batches[1]["padding_mask"][0] = False
    for inputs in batches:
        received = outputs(inputs)
        for name, value in reference_outputs(deployed, inputs).items():
            np.testing.assert_allclose(received[name], value, atol=1e-4)


@pytest.mark.parametrize(
    "kind", ["classification", pytest.param("answers", marks=pytest.mark.full)]
)
def test_openvino(make_model, tmp_path, kind):
    pytest.importorskip("onnxruntime")
    openvino = pytest.importorskip("openvino")
    model, path = make_model(kind), tmp_path / "openvino"
    export_other(model, path, "openvino")
    assert sorted(p.name for p in path.iterdir()) == [
        "about.json",
        "model.bin",
        "model.xml",
        "vocab.txt",
    ]
    about = json.loads((path / "about.json").read_text())
    assert about["tokenizer_fingerprint"] == model.tokenizer.fingerprint
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    assert_same(model, openvino.compile_model(path / "model.xml", "CPU", options))


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow writes it")
@pytest.mark.parametrize(
    "kind", ["classification", pytest.param("answers", marks=pytest.mark.full)]
)
def test_saved_model(make_model, tmp_path, kind):
    tensorflow = importlib.import_module(BACKEND)
    model, path = make_model(kind), tmp_path / "saved"
    export_other(model, path, "saved-model")
    loaded = tensorflow.saved_model.load(str(path)).signatures["serve"]
    assert_same(
        model, lambda inputs: loaded(**{n: tensorflow.constant(x) for n, x in inputs.items()})
    )
    assert (path / "vocab.txt").is_file() and (path / "about.json").is_file()


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow writes it")
def test_litert(make_model, tmp_path):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    model, path = make_model(), tmp_path / "model.tflite"
    export_other(model, path, "litert")
    runner = interpreter.Interpreter(str(path)).get_signature_runner()
    assert_same(model, lambda inputs: runner(**inputs))
    assert (tmp_path / "model.vocab.txt").is_file() and (tmp_path / "model.about.json").is_file()
    with pytest.raises(InputError, match="without joint ends"):
        export_other(make_model("answers"), tmp_path / "other.tflite", "litert")


@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch writes it")
@pytest.mark.parametrize(
    "kind", ["classification", pytest.param("answers", marks=pytest.mark.full)]
)
def test_torch(make_model, tmp_path, kind):
    torch = importlib.import_module(BACKEND)
    model, path = make_model(kind), tmp_path / "model.pt2"
    export_other(model, path, "torch")
    loaded = torch.export.load(path).module()

    def outputs(inputs):
        found = loaded(**{name: torch.from_numpy(value) for name, value in inputs.items()})
        return {name: value.detach().numpy() for name, value in found.items()}

    assert_same(model, outputs)


@pytest.mark.full
@pytest.mark.parametrize("format", ["openvino", "saved-model", "litert", "torch"])
def test_an_encoder_of_one_segment(make_model, tmp_path, format):
    """It has no use for `segment_ids`, which stay an input all the same."""
    if other_formats.BACKEND_OF_FORMAT.get(format, BACKEND) != BACKEND:
        pytest.skip("another backend writes it")
    for package in ("onnxruntime", "openvino") if format == "openvino" else ():
        pytest.importorskip(package)
    path = tmp_path / f"model{other_formats.SUFFIXES.get(format, '')}"
    assert export_other(make_model(num_segments=1), path, format).largest < 1e-4


def test_another_backend_is_named(make_model, tmp_path):
    for format, needed in other_formats.BACKEND_OF_FORMAT.items():
        if needed != BACKEND:
            with pytest.raises(InputError, match=f"run on {needed}, which writes it"):
                export_other(make_model(), tmp_path / "out", format)
    with pytest.raises(InputError, match="expected one of openvino"):
        export_other(make_model(), tmp_path / "out", "coreml")


def test_a_missing_runtime_is_named(make_model, tmp_path, monkeypatch):
    monkeypatch.setattr(other_formats, "PACKAGES", {"openvino": "no_such_runtime"})
    monkeypatch.setattr(other_formats, "require_onnx", lambda: None)
    with pytest.raises(MissingExtraError, match="keras-electra\\[openvino\\]"):
        export_other(make_model(), tmp_path / "out", "openvino")


@pytest.mark.skipif(OWN is None, reason="JAX writes no format of its own")
def test_above_the_tolerance_nothing_is_left(make_model, tmp_path, monkeypatch):
    def wrong(*arguments):
        other = make_model()
        return exporter(deployment(other).network, *arguments[1:])

    exporter = other_formats.backends.EXPORTS[OWN]
    monkeypatch.setattr(other_formats.backends, "EXPORTS", {OWN: wrong})
    path = tmp_path / ("out" + other_formats.SUFFIXES.get(OWN, ""))
    with pytest.raises(DifferenceError, match="nothing was written"):
        export_other(make_model(initializer_range=0.5), path, OWN)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(OWN is None, reason="JAX writes no format of its own")
def test_what_is_there_stays(make_model, tmp_path):
    path = tmp_path / ("out" + other_formats.SUFFIXES.get(OWN, ""))
    if path.suffix:
        path.write_text("mine")
    else:
        path.mkdir()
        (path / "mine").write_text("mine")
    with pytest.raises(InputError, match=r"expected a new"):
        export_other(make_model(), path, OWN)
    assert len(list(tmp_path.rglob("*"))) == (1 if path.suffix else 2)
