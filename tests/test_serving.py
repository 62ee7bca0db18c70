"""The server: answers, shared batches, limits, and an end that leaves nothing unanswered."""

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import assert_close

import keras_electra
from keras_electra.backbone import ElectraBackbone
from keras_electra.cli import main
from keras_electra.config.serving import ServeConfig
from keras_electra.errors import InputError
from keras_electra.files import plain
from keras_electra.predict import detect
from keras_electra.presets import save_preset
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.serving.judge import Judge, open_judge
from keras_electra.task_models import (
    ExtractiveQA,
    MultipleChoice,
    TextClassifier,
    TextRegressor,
    TokenClassifier,
)
from keras_electra.tasks.kinds import kind_of

httpx = pytest.importorskip("httpx")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

TEXTS = ["the old cat sees a young dog .", "a girl"]
MAKERS = {
    "classification": lambda backbone: TextClassifier(backbone, ("no", "yes")),
    "regression": lambda backbone: TextRegressor(backbone, (1, 5)),
    "tagging": lambda backbone: TokenClassifier(backbone, ("A", "B")),
    "question_answering": lambda backbone: ExtractiveQA(backbone, {"beam_size": 2}),
    "multiple_choice": MultipleChoice,
}


@pytest.fixture(scope="module")
def detector(tiny_encoder, tokenizer):
    model = ElectraPretrainer(tiny_encoder(num_layers=1), {"generator_width_fraction": 0.5})
    model.tokenizer, model.sequence_length = tokenizer, 16
    return model


@pytest.fixture(scope="module")
def make_model(tiny_encoder, tokenizer):
    def make(kind):
        model = MAKERS[kind](ElectraBackbone(**tiny_encoder(num_layers=1).to_dict()))
        model.tokenizer, model.sequence_length = tokenizer, 16
        return model

    return make


@pytest.fixture(scope="module")
def classifier_file(make_model, tmp_path_factory):
    pytest.importorskip("onnxruntime")
    from keras_electra.deploy.onnx_file import export_onnx

    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export_onnx(make_model("classification"), path)
    return path


class Echo:
    """A judge that notes what it is asked at once, and can be made to wait or to refuse."""

    def __init__(self):
        self.kind = "detection"
        self.about = {"kind": self.kind}
        self.batches = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def answers(self, inputs):
        self.may_go_on.wait(10)
        self.batches.append(list(inputs))
        if "bad" in inputs:
            raise InputError("x[0]: expected a good text, received a bad one")
        if "broken" in inputs:
            raise RuntimeError("broken")
        return [{"text": text} for text in inputs]


def asked(judge, *requests, config=None, web=None):
    """The answers to requests made at once: pairs of path and JSON, or functions of the client."""
    from keras_electra.serving.application import application

    async def everything():
        app = application(judge, config or ServeConfig(), web)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://server") as client,
        ):
            sent = [
                request(client) if callable(request) else client.post(request[0], json=request[1])
                for request in requests
            ]
            return await asyncio.gather(*sent)

    return asyncio.run(everything())


def test_detections_are_those_of_detect(detector):
    (answer,) = asked(Judge(detector), ("/detect", {"texts": TEXTS}))
    expected = [plain(detection.to_dict()) for detection in detect(detector, TEXTS)]
    assert answer.status_code == 200
    assert answer.json() == {"detections": expected}


def inputs_of(kind):
    """Something to ask a model of a kind."""
    warm_up = kind_of(kind).warm_up
    return [warm_up] if isinstance(warm_up, dict) or kind == "tagging" else TEXTS


@pytest.mark.parametrize("kind", MAKERS)
def test_predictions_are_those_of_predict(make_model, kind):
    model = make_model(kind)
    inputs = inputs_of(kind)
    (answer,) = asked(Judge(model), ("/predict", {"inputs": inputs}))
    assert answer.status_code == 200, answer.text
    for row, other in zip(answer.json()["predictions"], model.predict(inputs), strict=True):
        assert_close(row, {name: other[name] for name in other if name not in ("id", "gold")})


@pytest.mark.parametrize("kind", MAKERS)
def test_empty_texts_are_answered(make_model, kind):
    empty = {
        "question_answering": {"question": "", "context": ""},
        "multiple_choice": {"question": "", "choices": [""]},
    }.get(kind, "")
    judge = Judge(make_model(kind))
    for inputs in ([empty], [empty, *inputs_of(kind)]):
        assert len(judge.answers(inputs)) == len(inputs)


def test_an_onnx_file_answers_as_keras(classifier_file, make_model):
    judge = open_judge(classifier_file)
    judge.warm_up()
    assert judge.about["runtime"] == "onnxruntime"
    (row, pair) = judge.answers([TEXTS[0], TEXTS])
    assert set(row) == set(pair) == {"label", "probabilities"}
    with pytest.raises(InputError, match="--task"):
        open_judge(classifier_file, "cola")


def test_a_model_that_answers_nothing_is_refused(tiny_encoder, tokenizer, tmp_path):
    model = ElectraPretrainer(tiny_encoder(num_layers=1), {"objective": "mlm"})
    model.tokenizer = tokenizer
    save_preset(tmp_path / "mlm", model)
    with pytest.raises(InputError, match="one with a detector, received objective='mlm'"):
        open_judge(tmp_path / "mlm")


def test_requests_share_batches_and_get_their_own_answers():
    judge = Echo()
    requests = [("/detect", {"texts": [f"{i}.{j}" for j in range(i % 3 + 1)]}) for i in range(40)]
    answers = asked(judge, *requests)
    for answer, (_, body) in zip(answers, requests, strict=True):
        assert answer.json()["detections"] == [{"text": text} for text in body["texts"]]
    assert len(judge.batches) < 10
    assert max(map(len, judge.batches)) <= 32


def test_one_bad_request_spoils_no_other():
    judge = Echo()
    requests = [("/detect", {"texts": [text]}) for text in ("a", "bad", "b", "broken", "c")]
    answers = asked(judge, *requests)
    assert [answer.status_code for answer in answers] == [200, 422, 200, 500, 200]
    assert answers[1].json() == {"error": "x[0]: expected a good text, received a bad one"}
    assert "model failed" in answers[3].json()["error"]
    assert answers[4].json() == {"detections": [{"text": "c"}]}


def test_a_full_queue_sends_away():
    judge, config = Echo(), ServeConfig(max_waiting=4, max_texts=4)
    judge.may_go_on.clear()

    async def late(client):
        await asyncio.sleep(0.2)
        answer = await client.post("/detect", json={"texts": ["x", "y"]})
        health = await client.get("/healthz")
        judge.may_go_on.set()
        assert health.json()["waiting"] == 3
        return answer

    first, second = asked(judge, ("/detect", {"texts": ["a", "b", "c"]}), late, config=config)
    assert first.status_code == 200
    assert (second.status_code, second.headers["retry-after"]) == (503, "1")
    assert "3 of 4 wait already" in second.json()["error"]


SMALL = ServeConfig(max_body_bytes=2000, max_texts=2, max_waiting=4, max_characters=50)
BAD = [
    (b"{", "expected JSON"),
    (b"\xff\xfe", "expected JSON"),
    (b"[" * 1500, "expected JSON"),
    (b"[]", "an object with the list texts, received []"),
    (b'{"texts": "a"}', "an object with the list texts"),
    (b'{"texts": ["a"], "more": 1}', "an object with the list texts"),
    (b'{"inputs": ["a"]}', "an object with the list texts"),
    (b'{"texts": []}', "1 to 2 texts, received 0"),
    (b'{"texts": ["a", "b", "c"]}', "1 to 2 texts, received 3"),
    (b'{"texts": ["a", 7]}', "texts[1]: expected a string, received 7"),
    (b'{"texts": [["a", "b"]]}', "texts[0]: expected a string, received"),
    (b'{"texts": ["\\ud800"]}', "half of a surrogate pair"),
    (b'{"texts": ["%s"]}' % (b"x" * 51), "at most 50 characters, received 51"),
]


@pytest.mark.parametrize(("body", "sentence"), BAD, ids=range(len(BAD)))
def test_what_cannot_be_read_is_said_in_a_sentence(body, sentence):
    judge = Echo()
    (answer,) = asked(judge, lambda client: client.post("/detect", content=body), config=SMALL)
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert judge.batches == []


def test_a_body_that_is_too_large_or_too_slow():
    async def in_parts():
        for _ in range(30):
            yield b"x" * 100

    async def slow():
        yield b"{"
        await asyncio.sleep(1)
        yield b"}"

    config = SMALL.replace(body_seconds=0.2)
    large, parts, late = asked(
        Echo(),
        lambda client: client.post("/detect", content=b"x" * 2001),
        lambda client: client.post("/detect", content=in_parts()),
        lambda client: client.post("/detect", content=slow()),
        config=config,
    )
    assert (large.status_code, parts.status_code, late.status_code) == (413, 413, 408)
    assert large.json()["error"] == "body: expected at most 2000 bytes, received more"
    assert "within 0.2 s" in late.json()["error"]


@pytest.mark.parametrize(
    ("kind", "item", "is_good"),
    [
        ("classification", ["a", "b"], True),
        ("classification", ["a"], False),
        ("classification", {"text": "a"}, False),
        ("tagging", ["a"], True),
        ("tagging", [], False),
        ("tagging", ["a", 1], False),
        ("question_answering", {"question": "a", "context": "b"}, True),
        ("question_answering", {"question": "a", "context": ["b"]}, False),
        ("question_answering", {"question": "a"}, False),
        ("question_answering", "a", False),
        ("multiple_choice", {"question": "a", "choices": ["b"]}, True),
        ("multiple_choice", {"question": "a", "choices": []}, False),
        ("multiple_choice", {"question": "a", "choices": "b"}, False),
    ],
)
def test_the_form_of_an_input(kind, item, is_good):
    judge = Echo()
    judge.kind = kind
    (answer,) = asked(judge, ("/predict", {"inputs": [item]}))
    assert answer.status_code == (200 if is_good else 422)
    if not is_good:
        assert answer.json()["error"].startswith("inputs[0]: expected ")


def test_other_paths_and_methods(tmp_path):
    def get(path):
        return lambda client: client.get(path)

    missing, other, method, health = asked(
        Echo(), get("/nothing"), ("/predict", {"inputs": ["a"]}), get("/detect"), get("/healthz")
    )
    assert (missing.status_code, other.status_code, method.status_code) == (404, 404, 405)
    assert missing.json()["error"] == "/nothing: expected /detect, /predict or /healthz"
    assert "this server has a pretrained model; ask /detect" in other.json()["error"]
    assert "received GET" in method.json()["error"]
    assert health.json() == {"status": "ok", "waiting": 0, "kind": "detection"}
    (tmp_path / "index.html").write_text("<p>hello")
    (tmp_path / "page.js").write_text("1")
    page, script, outside = asked(
        Echo(), get("/"), get("/page.js"), get("/%2e%2e/secret"), web=tmp_path
    )
    assert page.text == "<p>hello"
    assert "javascript" in script.headers["content-type"]
    assert outside.status_code == 404


def test_limits_that_do_not_go_together():
    with pytest.raises(InputError, match="max_waiting: expected at least max_texts"):
        ServeConfig(max_waiting=2, max_texts=3)


# The command


@contextlib.contextmanager
def running(path, *flags):
    """The command as a process of its own; (process, address)."""
    command = [sys.executable, "-m", "keras_electra", "serve", "--model", str(path)]
    root = str(pathlib.Path(keras_electra.__file__).parent.parent)
    process = subprocess.Popen(
        [*command, "--port", "0", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
        # A job in the background of a shell script is born deaf to Ctrl-C, and so are its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("serving "), process.stderr.read()
        yield process, line.split()[-1]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_after_the_last_answer(classifier_file, number, code):
    with running(classifier_file, "--wait-seconds", "1") as (process, address):
        answers = []

        def ask():
            answers.append(httpx.post(f"{address}predict", json={"inputs": TEXTS}, timeout=30))

        assert httpx.get(f"{address}healthz").json()["runtime"] == "onnxruntime"
        thread = threading.Thread(target=ask)
        thread.start()
        deadline = time.monotonic() + 10
        while not httpx.get(f"{address}healthz").json()["waiting"]:
            assert time.monotonic() < deadline
        process.send_signal(number)
        assert process.wait(30) == code
        thread.join()
        assert answers[0].status_code == 200
        assert len(answers[0].json()["predictions"]) == 2
        assert "Traceback" not in process.stderr.read()


def test_what_the_command_refuses(classifier_file, tmp_path, capsys):
    with running(classifier_file) as (_, address):
        port = address.rstrip("/").rpartition(":")[2]
        flags = ["serve", "--model", str(classifier_file)]
        assert main([*flags, "--port", port]) == 2
        assert f"received 127.0.0.1:{port} (" in capsys.readouterr().err
        for more, sentence in (
            (["--web", str(tmp_path)], "--web: expected a folder with index.html"),
            (["--port", "70000"], "expected a free address"),
            (["--max-texts", "0"], "max_texts: expected at least 1"),
            (["--task", "cola"], "--task: expected 'text_classifier'"),
        ):
            assert main([*flags, *more]) == 2
            error = capsys.readouterr().err
            assert sentence in error and error.count("\n") == 1, error
    (tmp_path / "model.onnx").write_text("nothing")
    assert main(["serve", "--model", str(tmp_path / "model.onnx")]) == 3
    assert json.dumps("onnxruntime refuses")[1:-1] in capsys.readouterr().err
