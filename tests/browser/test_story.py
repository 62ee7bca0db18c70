"""From nothing to a run that is found again: launched, watched, steered, lost and stopped in JupyterLab."""

import json
import os
import shutil
import statistics

BACKEND = os.environ.get("KERAS_BACKEND", "jax")
LAUNCH = f"""
import os
os.environ.update(OMP_NUM_THREADS="1", TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND={BACKEND!r})
from keras_electra_widgets import PretrainLauncher
launcher = PretrainLauncher("story", vocabulary_size=1000)
launcher.advanced.fill({{"encoder": dict(num_layers=1, hidden_dim=32, intermediate_dim=64, num_heads=1),
    "training": {{"log_every_steps": 5}}}})
launcher.rows["steps"].control.value = "1000000"
launcher.assess()
launcher
"""
FIND = "from keras_electra_widgets import RunMonitor\nRunMonitor('story/run-1')"
START_MILLISECONDS = 240_000
# How far the curves go, and not how many points they have: long ones are thinned.
LAST_STEP = """() => Math.max(0, ...[...document.querySelectorAll('.js-plotly-plot')]
    .flatMap((plot) => (plot.data ?? []).flatMap((line) => [...(line.x ?? [])])))"""
ANSWER_SECONDS = """async () => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const started = performance.now();
    await kernel.requestExecute({ code: "sum(range(1000))" }).done;
    return (performance.now() - started) / 1000;
}"""
MEDIAN_SECONDS = 0.2


def wait_for_steps(page, step):
    page.wait_for_function(
        f"(step) => ({LAST_STEP})() > step", arg=step, timeout=START_MILLISECONDS
    )
    return page.evaluate(LAST_STEP)


def button(page, name):
    return page.get_by_role("button", name=name, exact=True, disabled=False)


def test_a_run_of_ones_own(notebook, lab, assert_accessible):
    shutil.rmtree(lab.work / "story", ignore_errors=True)
    status = lab.work / "story" / "run-1" / "status.json"
    opened = notebook(LAUNCH, FIND)
    opened.run(0)
    page = opened.page
    button(page, "Start").click()
    seen = wait_for_steps(page, 15)
    seen = wait_for_steps(page, seen)

    button(page, "Pause").click()
    page.locator(".ke-panel .ke-panel .ke-word", has_text="paused").wait_for()
    assert json.loads(status.read_text())["state"] == "paused"
    button(page, "Resume").click()
    page.locator(".ke-panel .ke-panel .ke-word", has_text="running").wait_for()
    seen = wait_for_steps(page, seen)

    seconds = [page.evaluate(ANSWER_SECONDS) for _ in range(15)]
    assert statistics.median(seconds) < MEDIAN_SECONDS, seconds

    opened.reload()
    wait_for_steps(page, seen)
    opened.restart_kernel()
    assert json.loads(status.read_text())["state"] == "running"
    opened.run(1)
    opened.output(1).locator(".js-plotly-plot .main-svg").first.wait_for()
    assert_accessible(page, ".ke-panel")
    button(opened.output(1), "Stop…").click()
    button(opened.output(1), "Save and stop").click()
    opened.output(1).locator(".ke-word", has_text="stopped").wait_for()
    assert json.loads(status.read_text())["state"] == "stopped"
