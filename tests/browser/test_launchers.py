"""The launchers in a browser: forms that answer while they are typed in, runs that outlive the notebook."""

import json
import pathlib
import shutil

import pytest

import keras_electra
from browser.bare_page import STATIC
from browser.lab import expect
from keras_electra.launching import usual_backend

BACKEND = usual_backend()
BOOKS = pathlib.Path(keras_electra.__file__).parent / "books"
EVIL = "<script>alert(1)</script> & more"
# Small, and long enough to be watched, paused, lost and found.
PRETRAIN = """
import os
os.environ.update(OMP_NUM_THREADS="1", TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND={backend!r})
from keras_electra_widgets import PretrainLauncher
launcher = PretrainLauncher("electra", vocabulary_size=1000)
small = dict(num_layers=1, hidden_dim=16, intermediate_dim=32, embedding_dim=8, num_heads=1)
launcher.advanced.fill({{"encoder": small, "training": {{"log_every_steps": 5}}}})
launcher.rows["steps"].control.value = "100000"
launcher.assess()
launcher
"""
AGAIN = "from keras_electra_widgets import PretrainLauncher\nPretrainLauncher('electra')"


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_text_that_is_ready_to_be_copied(bare, tmp_path, assert_accessible, is_dark):
    css = tmp_path / "copy_box.css"
    css.write_text((STATIC / "theme.css").read_text() + (STATIC / "copy_box.css").read_text())
    box = bare("copy_box.js", css, {"title": "Shell command", "text": EVIL}, is_dark=is_dark)
    text = box.root.get_by_role("region", name="Shell command")
    expect(text).to_have_text(EVIL, use_inner_text=True)
    box.root.get_by_role("button", name="Copy Shell command").click()
    box.root.get_by_role("status").get_by_text("press Ctrl+C").wait_for()
    assert box.page.evaluate("() => getSelection().toString()") == EVIL
    box.set("text", "keras-electra demo")
    expect(text).to_have_text("keras-electra demo", use_inner_text=True)
    assert_accessible(box.page)
    assert box.remove() == 0


def field(page, label):
    return page.locator(".ke-panel").get_by_label(label, exact=True)


def word(page, text):
    return page.locator(".ke-panel .ke-word", has_text=text).first


def test_a_run_is_started_lost_and_found(notebook, lab, assert_accessible, screenshot):
    shutil.rmtree(lab.work / "electra", ignore_errors=True)
    (lab.work / "my_texts").mkdir(exist_ok=True)
    for book in BOOKS.glob("*.txt"):
        shutil.copy(book, lab.work / "my_texts")
    opened = notebook(PRETRAIN.format(backend=BACKEND), AGAIN)
    opened.run(0)
    page = opened.page
    word(page, "ready").wait_for()

    steps = field(page, "Steps")
    steps.fill("many")
    page.get_by_text("steps: expected a whole number, received 'many'").wait_for()
    start = page.get_by_role("button", name="Start", exact=True)
    expect(start).to_be_disabled()
    page.get_by_text("1 field needs a correction").first.wait_for()
    steps.fill("100000")
    page.get_by_text("--steps 100000").first.wait_for()
    for is_dark in (True, False):
        opened.set_theme(is_dark)
        assert_accessible(page, ".ke-panel")
    # A picture without the path of the shipped books on this machine.
    field(page, "Text from").select_option("files and folders")
    field(page, "Files").fill("my_texts/*.txt")
    page.get_by_text("--corpus 'my_texts/*.txt'").first.wait_for()
    screenshot(opened.output(0), "pretrain-launcher")
    field(page, "Text from").select_option("the books that come with the package")
    page.get_by_text("keras_electra/books").first.wait_for()

    start.click()
    word(page, "preparing").wait_for()
    page.locator(".ke-panel .ke-panel").first.wait_for(timeout=180_000)
    page.wait_for_function(
        """() => document.querySelector(".js-plotly-plot")?.data?.some((one) => one.x?.length > 2)""",
        timeout=180_000,
    )
    assert_accessible(page, ".ke-panel")
    page.get_by_text("measured:").first.wait_for(timeout=120_000)

    run = lab.work / "electra" / "run-1"
    opened.restart_kernel()
    assert json.loads((run / "status.json").read_text())["state"] == "running"
    opened.run(1)
    page = opened.page
    found = opened.output(1)
    found.locator(".ke-word", has_text="running").first.wait_for()
    expect(found.get_by_label("Steps", exact=True)).to_have_value("100000")
    found.locator(".ke-panel .ke-panel").first.wait_for()
    # The launcher's own button; the one of the monitor has three choices.
    found.get_by_role("button", name="Stop", exact=True).click()
    found.locator(".ke-word", has_text="stopped").first.wait_for(timeout=60_000)
    page.get_by_text("goes on with it").first.wait_for()
    assert json.loads((run / "status.json").read_text())["state"] == "stopped"


ENCODER = {
    "hidden_dim": 16,
    "num_layers": 1,
    "num_heads": 2,
    "intermediate_dim": 32,
    "embedding_dim": 8,
    "max_sequence_length": 16,
}
FINETUNE = """
import os, pathlib, sys
os.environ.update(OMP_NUM_THREADS="1", TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND={backend!r})
words = ["cat", "dog", "man", "girl", "bird", "king", "horse", "wolf"]
rows = [
    dict(review=f"the {{words[i % 8]}} {{['sees', 'likes'][i % 2]}} a {{words[(3 * i + i // 8) % 8]}} .",
         stars=["good", "bad"][i % 2])
    for i in range(200)
]
pathlib.Path("reviews.csv").write_text(
    "review,stars\\n" + "\\n".join(f"{{row['review']}},{{row['stars']}}" for row in rows)
)
from keras_electra_widgets import FineTuneLauncher
launcher = FineTuneLauncher(
    "tuned", model="preset", data="reviews.csv",
    options=dict(epochs=4.0, learning_rate=0.005, layer_decay=None, bias_correction=True),
)
launcher
"""


@pytest.fixture
def preset(lab, tokenizer):
    """A tiny model in the folder of the notebooks."""
    pytest.importorskip("sklearn")
    from keras_electra.presets import save_preset
    from keras_electra.pretrainer import ElectraPretrainer

    path = lab.work / "preset"
    if not path.exists():
        encoder = {**ENCODER, "vocabulary_size": tokenizer.vocabulary_size}
        model = ElectraPretrainer(encoder, {"generator_width_fraction": 0.5})
        model.tokenizer, model.sequence_length = tokenizer, 16
        save_preset(path, model)
    return path


def test_a_table_is_looked_over_and_learned(notebook, lab, preset, assert_accessible, screenshot):
    shutil.rmtree(lab.work / "tuned", ignore_errors=True)
    opened = notebook(FINETUNE.format(backend=BACKEND))
    opened.run(0)
    page = opened.page
    # What is kept for a page without a kernel may hold the same words, hidden.
    for words in ("text column 'review'", "no text is empty", "this is what the model sees"):
        page.get_by_text(words).filter(visible=True).first.wait_for(timeout=60_000)
    expect(field(page, "Text column")).to_have_attribute("placeholder", "review (guessed)")
    for is_dark in (True, False):
        opened.set_theme(is_dark)
        assert_accessible(page, ".ke-panel")
    screenshot(opened.output(0), "finetune-launcher")
    page.get_by_role("button", name="Start", exact=True).click()
    word(page, "finished").wait_for(timeout=240_000)
    # The form, the run below it, and its results.
    page.wait_for_function("() => document.querySelectorAll('.ke-panel .ke-panel').length >= 2")
    results = json.loads((lab.work / "tuned" / "task-1" / "results.json").read_text())
    assert results["results"][0]["metrics"]["accuracy"]["mean"] > 0.6
