"""The folder of `export --format web`, shown by a plain static server, in Chromium.

Needs the unpacked npm package onnxruntime-web in the folder that ONNXRUNTIME_WEB names.
"""

import contextlib
import functools
import http.server
import os
import threading

import numpy as np
import pytest

from keras_electra.backbone import ElectraBackbone
from keras_electra.predict import detect
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.task_models import TextClassifier

RUNTIME = os.environ.get("ONNXRUNTIME_WEB")
TEXT = "The old Cat sees a young dog, in the gárden. " * 3

pytestmark = pytest.mark.skipif(RUNTIME is None, reason="ONNXRUNTIME_WEB is not set")


@contextlib.contextmanager
def served(folder):
    """A plain static server on loopback; its address."""
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def shown(page, tmp_path, tiny_encoder, tokenizer):
    """A function: exports a model and shows its page, ready; an error in the page fails."""
    pytest.importorskip("onnxruntime")
    from keras_electra.deploy.web_folder import export_web

    failed = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.on("console", lambda m: failed.append(m.text) if m.type == "error" else None)
    with contextlib.ExitStack() as stack:

        def show(model, scheme="light", **options):
            model.tokenizer, model.sequence_length = tokenizer, 16
            export_web(model, tmp_path / "web", RUNTIME, **options)
            page.emulate_media(color_scheme=scheme)
            page.goto(stack.enter_context(served(tmp_path / "web")))
            page.wait_for_selector("#judge:enabled")
            return page

        yield show
        assert not failed, f"failed in the page: {failed}"


def judged(page, text):
    page.fill("#text", text)
    page.click("#judge")
    page.wait_for_function("document.getElementById('status').textContent === 'Done.'")


def test_suspicious_tokens_are_marked(shown, tiny_encoder):
    encoder = tiny_encoder(num_layers=1, initializer_range=0.5)
    model = ElectraPretrainer(encoder, {"generator_width_fraction": 0.5})
    page = shown(model)
    (expected,) = detect(model, [TEXT])
    judged(page, TEXT)
    marks = page.locator("mark").evaluate_all(
        "marks => marks.map(mark => [mark.firstChild.data, mark.title])"
    )
    wanted = [
        (TEXT[start:end], probability)
        for (start, end), probability in zip(expected.offsets, expected.probabilities, strict=True)
        if probability >= 0.25
    ]
    assert [text for text, _ in marks] == [text for text, _ in wanted]
    shares = [float(title.split()[1]) / 100 for _, title in marks]
    np.testing.assert_allclose(shares, [share for _, share in wanted], atol=0.0011)
    page.fill("#text", "  ")
    page.click("#judge")
    assert page.text_content("#status") == "Expected a text, received none."


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_labels_are_shown(shown, tiny_encoder, assert_accessible, scheme):
    backbone = ElectraBackbone(**tiny_encoder(num_layers=1, initializer_range=0.5).to_dict())
    model = TextClassifier(backbone, ("no", "yes", "maybe"), name="mood")
    page = shown(model, scheme, precision="int8")
    (expected,) = model.predict(["the king hears the horse"])
    judged(page, "the king hears the horse")
    rows = page.locator("tbody tr").all_inner_texts()
    shares = {row.split()[0]: float(row.split()[1]) / 100 for row in rows}
    assert shares == pytest.approx(expected["probabilities"], abs=0.05)
    assert_accessible(page)
