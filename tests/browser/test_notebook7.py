"""A panel in Notebook 7: it is drawn, it keeps its keys, and its static copy is hidden."""

import pathlib
import sys

import pytest

from browser.lab import Lab, expect, needed, opened_in

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from finetuned_runs import write_run

CELL = "from keras_electra_widgets import TaskExplorer\nTaskExplorer('runs/reviews')"


@pytest.fixture
def lab(tmp_path):
    """Notebook 7 in JupyterLab's place."""
    needed("notebook", "ipykernel", "anywidget", "sklearn")
    server = Lab(tmp_path / "notebook", "notebook")
    try:
        server.wait()
        yield server
    finally:
        server.stop()
    assert not server.reached()


@pytest.fixture
def notebook7(page, lab, request):
    yield from opened_in(lab, page, request)


def test_a_panel_in_notebook_7(notebook7, lab):
    write_run(lab.work / "runs" / "reviews")
    opened = notebook7(CELL, "1 + 1")
    opened.run(0)
    page = opened.page
    heat_map = page.locator(".ke-panel .heatmaplayer image, .ke-panel .heatmaplayer .hm").first
    heat_map.wait_for(state="attached")
    page.wait_for_function("() => document.querySelector('.ke-panel [data-chosen]')")
    expect(page.locator("[data-ke-static]")).to_have_count(1)
    expect(page.locator("[data-ke-static]")).to_be_hidden()
    page.wait_for_selector("[data-lm-suppress-shortcuts].ke-panel")
    page.locator("article").first.focus()
    for key in "jabdd":
        page.keyboard.press(key)
    assert page.evaluate("() => document.activeElement.dataset.place") == "1"
    assert opened.num_cells() == 2
