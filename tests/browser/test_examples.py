"""The browser of examples alone on a page, and a `TaskExplorer` in JupyterLab."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from finetuned_runs import ROWS, write_run

pytest.importorskip("anywidget")

from browser.lab import expect
from keras_electra.exploring import TaskRun
from keras_electra_widgets.examples import shown
from keras_electra_widgets.styles import STATIC, style_sheet


@pytest.fixture
def browser_of(bare, tmp_path):
    """A function: the browser of examples with those of a kind of task."""
    style = tmp_path / "examples.css"
    style.write_text(style_sheet("examples"))

    def make(kind, is_dark=False, repeats=1):
        run = TaskRun(write_run(tmp_path / kind, kind))
        found = [shown(one, one.index, set()) for one in run.judged("t", "validation")] * repeats
        found = [{**one, "place": place} for place, one in enumerate(found)]
        state = {"examples": found, "first": 0, "total": len(found), "overall": 50, "chosen": 0}
        return bare(STATIC / "examples.js", style, {**state, "page_size": 20}, is_dark)

    return make


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("kind", ["classification", "tagging", "question_answering"])
def test_examples_are_readable_by_all(browser_of, assert_accessible, kind, is_dark):
    widget = browser_of(kind, is_dark)
    expect(widget.root.get_by_role("article")).to_have_count(len(ROWS[kind]))
    assert_accessible(widget.page)
    assert widget.remove() == 0


def test_text_of_examples_stays_text(browser_of):
    widget = browser_of("classification")
    expect(widget.root).to_contain_text("<script>alert(1)</script>", use_inner_text=True)
    expect(widget.root.locator("script")).to_have_count(0)


def test_keys_go_through_the_examples(browser_of):
    widget = browser_of("classification")
    widget.root.locator("article").first.focus()
    for key, place in (("j", 1), ("ArrowDown", 2), ("k", 1), ("End", 5), ("j", 5), ("Home", 0)):
        widget.page.keyboard.press(key)
        assert widget.get("chosen") == place
        focused = widget.page.evaluate("() => document.activeElement.dataset.place")
        assert focused == str(place)
    widget.page.keyboard.press("x")
    widget.page.keyboard.press("e")
    assert widget.sent() == [{"kind": "flag", "id": "e0"}, {"kind": "edit", "place": 0}]
    name = widget.root.locator("article").nth(1).get_attribute("aria-label")
    assert name == "wrong, right: no, given: yes, 80 percent sure"


def test_the_next_page_is_asked_for(browser_of):
    widget = browser_of("classification", repeats=4)
    widget.set("total", 50)
    widget.root.locator("article").first.focus()
    widget.page.keyboard.press("End")
    assert widget.sent() == [{"kind": "page", "first": 40}]
    widget.root.get_by_role("button", name="Later").click()
    assert widget.sent()[-1] == {"kind": "page", "first": 20}
    assert widget.root.get_by_role("button", name="Earlier").is_disabled()


def test_spans_stand_above_and_below_their_words(browser_of):
    widget = browser_of("tagging")
    group = widget.root.locator(".ke-group").first
    gold, given = (
        group.locator(".ke-gold").bounding_box(),
        group.locator(".ke-predicted").bounding_box(),
    )
    words = [group.locator(".ke-tagged-word").nth(n).bounding_box() for n in (0, 1)]
    assert gold["y"] < words[0]["y"] < given["y"]
    assert gold["width"] > words[0]["width"] + words[1]["width"]
    assert given["width"] == pytest.approx(words[0]["width"], abs=1)
    expect(group.locator(".ke-predicted")).to_have_text("PER ✗", use_inner_text=True)


def test_answers_are_marked(browser_of):
    widget = browser_of("question_answering")
    marks = widget.root.locator("mark")
    assert marks.all_inner_texts() == ["London", "Charles", " Babbage", "Ada"]


CELL = """
from keras_electra_widgets import TaskExplorer

explorer = TaskExplorer({path!r}, predict=lambda inputs: [{row!r}])
explorer
"""


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_explorer_in_jupyterlab(notebook, lab, assert_accessible, screenshot, is_dark):
    name = f"runs/reviews-{'dark' if is_dark else 'light'}"
    path = write_run(lab.work / name)
    opened = notebook(
        CELL.format(path=name, row=ROWS["classification"][0]),
        "print([one.id for one in explorer.selected])",
    )
    opened.set_theme(is_dark)
    opened.run(0)
    panel = opened.output(0).locator(".ke-panel")
    heat_map = panel.locator(".heatmaplayer image, .heatmaplayer .hm").first
    heat_map.wait_for(state="attached")
    opened.run(1)
    assert "'e5'" in opened.printed(1)

    # The cell of the row "no" and the column "yes": right of the middle, upper half.
    plot = panel.locator(".nsewdrag").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    opened.page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    panel.get_by_text("1 to 1 of 1 that fit, 6 in all").wait_for()
    opened.run(1)
    assert opened.printed(1).strip() == "['e1']"
    panel.get_by_role("button", name="Show all").click()
    panel.get_by_text("1 to 6 of 6").wait_for()

    panel.locator("article").first.focus()
    for key in "jabxdd":
        opened.page.keyboard.press(key)
    panel.get_by_role("button", name="⚑ Flagged").wait_for()
    assert opened.num_cells() == 2
    assert json.loads((path / "flags.jsonl").read_text())["id"] == "e1"

    panel.get_by_label("text", exact=True).fill("A lovely film")
    panel.get_by_role("button", name="Predict").click()
    panel.get_by_text("given: yes").last.wait_for()
    assert_accessible(opened.page, ".ke-panel")
    screenshot(panel, f"task-explorer-{'dark' if is_dark else 'light'}")

    opened.reload()
    heat_map.wait_for(state="attached")
    panel.get_by_text("1 to 6 of 6").wait_for()
    opened.set_theme(is_dark=False)
