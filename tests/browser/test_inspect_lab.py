"""`ReplacedTokenView` in a real JupyterLab, with a model that a process of its own reads."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
MAKE_PRESET = """
import sys
import keras_electra as ke
words = "the old cat sees a young dog in red house wolf .".split()
tokenizer = ke.WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, "##s"])
encoder = {"hidden_dim": 16, "num_layers": 1, "num_heads": 2, "intermediate_dim": 32,
           "vocabulary_size": tokenizer.vocabulary_size, "embedding_dim": 8,
           "max_sequence_length": 32, "initializer_range": 0.5}
model = ke.ElectraPretrainer(encoder, {"generator_width_fraction": 0.5})
model.tokenizer = tokenizer
ke.save_preset(sys.argv[1], model, sequence_length=32)
"""


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    path = tmp_path_factory.mktemp("inspected") / "preset"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", MAKE_PRESET, str(path)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return path


def test_mask_sample_edit_and_see_the_verdict_change(notebook, preset, screenshot):
    opened = notebook(
        "from keras_electra_widgets import ReplacedTokenView\n"
        f"view = ReplacedTokenView({str(preset)!r}, 'the old cat sees a young dog .', masking='none')\n"
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
    seen = {masked}
    for _ in range(8):
        output.get_by_role("button", name="Sample again").click()
        opened.page.wait_for_timeout(300)
        seen.add(output.locator(".ke-column").nth(2).inner_text())
    assert len(seen) > 1, "sampling again draws other tokens"

    before = output.locator(".ke-column").nth(2).inner_text()
    num_cells = opened.num_cells()
    output.locator(".ke-column").nth(2).dblclick()
    box = output.locator("input.ke-edit")
    box.fill("wolf")
    box.press("Enter")
    output.locator(".ke-note", has_text="you changed cat → wolf").wait_for()
    after = output.locator(".ke-column").nth(2).inner_text()
    assert "✎ wolf" in after and after != before

    # What is typed in the grid is not for the notebook around it.
    for key in ("a", "b", "d", "d", "ArrowDown"):
        opened.page.keyboard.press(key)
    assert opened.num_cells() == num_cells
    screenshot(output, "inspect")

    opened.run(1)
    assert "REPORT False ready wolf" in opened.printed(1), "the kernel needs no Keras"
    opened.run(2)
    assert "True" in opened.printed(2)

    opened.reload()
    output.locator(".ke-column").nth(2).wait_for()
    assert "✎ wolf" in output.locator(".ke-column").nth(2).inner_text()
    opened.run(3)


def test_a_notebook_without_its_kernel_shows_the_last_state(notebook, preset):
    opened = notebook(
        "from keras_electra_widgets import ReplacedTokenView\n"
        f"view = ReplacedTokenView({str(preset)!r}, 'the <script>cat</script> .', masking='none')\n"
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
