"""`ReplacedTokenView` in a real JupyterLab, with a model that a process of its own reads."""

import contextlib
import os
import pathlib
import subprocess
import sys

import pytest

from browser.lab import expect

pytest.importorskip("playwright")
from playwright.sync_api import TimeoutError

ROOT = pathlib.Path(__file__).parents[2]
TEXT = "the old cat sees a young dog in the red house ."
# Sentences of one pattern, which a tiny model learns in some hundred steps.
MAKE_MODEL = """
import pathlib, random, sys
import keras_electra as ke

out, steps = pathlib.Path(sys.argv[1]), int(sys.argv[2])
out.mkdir()
kinds = [["the"], ["old", "young", "tired"], ["cat", "dog", "wolf"], ["sees", "hears"], ["a"],
         ["old", "young", "tired"], ["cat", "dog", "wolf"], ["in"], ["the"], ["red", "green"],
         ["house", "garden", "river"], ["."]]
draw = random.Random(0).choice
lines = [" ".join(map(draw, kinds)) for _ in range(4000)]
words = sorted({word for kind in kinds for word in kind})
tokenizer = ke.WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words])
sizes = {"hidden_dim": 32, "num_layers": 2, "num_heads": 2, "intermediate_dim": 64,
         "embedding_dim": 32, "max_sequence_length": 16, "generator_width_fraction": 0.5}
config = ke.PretrainConfig.from_size("tiny", tokenizer.vocabulary_size, **sizes, steps=max(steps, 1),
    sequence_length=16, batch_size=32, warmup_steps=0, learning_rate=3e-3, checkpoint_every_steps=100)
if steps:
    (out / "corpus.txt").write_text("\\n".join(lines))
    ke.build_store([out / "corpus.txt"], tokenizer, out / "store")
    ke.pretrain(config, ke.Store(out / "store"), out / "model")
else:
    model = ke.ElectraPretrainer.from_recipe(config)
    model.tokenizer = tokenizer
    ke.save_preset(out / "model", model, sequence_length=16)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a model: for pictures one that was trained, else one of random weights."""
    path = tmp_path_factory.mktemp("inspected") / "it"
    steps = 400 if os.environ.get("KERAS_ELECTRA_SCREENSHOTS") else 0
    done = subprocess.run(
        [sys.executable, "-c", MAKE_MODEL, str(path), str(steps)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return path / "model"


def test_mask_sample_edit_and_see_the_verdict_change(notebook, model, screenshot):
    opened = notebook(
        "from keras_electra_widgets import ReplacedTokenView\n"
        f"view = ReplacedTokenView({str(model)!r}, {TEXT!r}, masking='none')\n"
        "view",
        "import sys, json, time\n"
        "print('REPORT', 'keras' in sys.modules, view.state, view.trace.corrupted_tokens[3])",
        "view.wait(60); started = time.perf_counter(); sum(range(1000))\n"
        "print('cell took under 0.2 s:', time.perf_counter() - started < 0.2)",
        "view.close()",
    )
    opened.run(0)
    output = opened.output(0)
    cat = output.locator(".ke-column").nth(2)
    cat.wait_for(timeout=120_000)

    cat.click()
    output.locator(".ke-column .ke-hidden").wait_for()
    masked = cat.inner_text()
    assert masked.startswith("cat\n[")
    for _ in range(8):
        output.get_by_role("button", name="Sample again").click()
        other = "(text) => document.querySelectorAll('.ke-column')[2]?.innerText !== text"
        with contextlib.suppress(TimeoutError):
            opened.page.wait_for_function(other, arg=masked, timeout=3000)
            break
    now = output.locator(".ke-column").nth(2).inner_text()
    assert now.startswith("cat\n[") and now != masked, "sampling again draws other tokens"

    before = output.locator(".ke-column").nth(2).inner_text()
    num_cells = opened.num_cells()
    output.locator(".ke-column").nth(2).dblclick()
    box = output.locator("input.ke-edit")
    box.fill("river")
    box.press("Enter")
    output.locator(".ke-note", has_text="you changed cat → river").wait_for()
    after = output.locator(".ke-column").nth(2).inner_text()
    assert "✎ river" in after and after != before

    output.locator(".ke-column").nth(9).click()
    output.locator(".ke-side section").wait_for()
    screenshot(output, "inspect")

    # What is typed in the grid is not for the notebook around it.
    for key in ("a", "b", "d", "d", "ArrowDown"):
        opened.page.keyboard.press(key)
    assert opened.num_cells() == num_cells

    opened.run(1)
    assert "REPORT False ready river" in opened.printed(1), "the kernel needs no Keras"
    opened.run(2)
    assert "True" in opened.printed(2)

    opened.reload()
    output.locator(".ke-column").nth(2).wait_for()
    expect(output.locator(".ke-column").nth(2)).to_contain_text("✎ river", use_inner_text=True)
    opened.run(3)


def test_a_notebook_without_its_kernel_shows_the_last_state(notebook, model):
    opened = notebook(
        "from keras_electra_widgets import ReplacedTokenView\n"
        f"view = ReplacedTokenView({str(model)!r}, 'the <script>cat</script> .', masking='none')\n"
        "view.wait(120); view",
        "view.edit(0, 'old'); print(view.wait(60)); view.keep(); view.flush(); view.close()",
    )
    opened.run(0)
    opened.output(0).locator(".ke-column").first.wait_for(timeout=120_000)
    opened.run(1)
    opened.page.wait_for_timeout(500)
    markup = "".join("".join(one.get("data", {}).get("text/html", "")) for one in opened.outputs(0))
    assert "✎ <mark>old</mark>" in markup
    assert "<script" not in markup and "&lt;" in markup
