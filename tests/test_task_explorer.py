"""`TaskExplorer` without a browser: what it shows, what its controls do, and that text stays text."""

import json
import time
import types

import pytest
from finetuned_runs import EVIL, ROWS, write_run
from widget_stubs import send_from_browser

pytest.importorskip("anywidget")
pytest.importorskip("sklearn")

from keras_electra.errors import InputError
from keras_electra_widgets import TaskExplorer


@pytest.fixture
def explore(comms, unthreaded, tmp_path):
    """A function: the panel of a run of a kind, whose model answers with the first row it has."""
    opened = []

    def make(kind="classification", predict=None, **options):
        path = write_run(tmp_path / f"run{len(opened)}", kind, **options)
        opened.append(TaskExplorer(path, predict=predict or (lambda inputs: [ROWS[kind][0]])))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def shown_ids(panel):
    return [one["id"] for one in panel.browser.examples]


@pytest.mark.parametrize("kind", ROWS)
def test_every_kind_is_shown(explore, kind, tmp_path):
    panel = explore(kind)
    assert panel.head.word == "finished" and not panel.head.is_alert
    assert len(panel.browser.examples) == len(ROWS[kind])
    assert "majority" in panel.results.value and "95 % interval" in panel.results.value
    page = panel.to_html(tmp_path / "page.html").read_text()
    for markup in (page, panel.results.value, panel.details.value):
        assert "<script" not in markup
    assert "trials" in panel.as_text()


def test_text_stays_text(explore):
    panel = explore()
    markup = panel._copy_bundle()["text/html"]
    assert "<script" not in markup and "&lt;script&gt;alert(1)" in markup
    panel.run.path.joinpath("examples/validation.jsonl").unlink()
    panel.new_text.say(EVIL)
    assert "<script" not in panel.new_text.answer.value


def test_a_cell_filters_the_examples(explore):
    panel = explore()
    panel.figure._clicked(types.SimpleNamespace(point_inds=[[0, 1]]), panel.show_cell)
    assert shown_ids(panel) == ["e1"] and [one.id for one in panel.selected] == ["e1"]
    panel.order.value = "most wrong"
    panel.reset.click()
    assert len(shown_ids(panel)) == 6
    panel.verdict.value, panel.order.value = "wrong", "most wrong"
    assert shown_ids(panel) == ["e1", "e2"]
    panel.search.value = "LOVELY"
    assert shown_ids(panel) == ["e2"]
    send_from_browser(panel.head, {"kind": "code"})
    assert "Selection(verdict='wrong', search='LOVELY', order='most wrong')" in panel.head.code
    compile(panel.head.code, "code", "exec")


def test_numbers_of_cells_stand_out_from_both_pages(explore):
    panel = explore()
    assert panel.figure.data[0].textfont.color == "#000000"
    panel.on_theme(True)
    assert panel.figure.data[0].textfont.color == "#ffffff"


def test_the_threshold_moves_counts_and_examples(explore):
    panel = explore()
    assert "yes found 1 · missed 1 · false alarms 1 · accuracy 0.6" in panel.counts.value
    panel.threshold.value = 0.4
    assert "yes found 2 · missed 0 · false alarms 1 · accuracy 0.8" in panel.counts.value
    panel.verdict.value = "wrong"
    assert shown_ids(panel) == ["e1"]
    assert panel.figure.data[0].customdata[1][1] == 2


def test_flags_go_to_the_run_folder_and_nowhere_else(explore):
    panel = explore()
    before = {path for path in panel.run.path.rglob("*")}
    send_from_browser(panel.browser, {"kind": "flag", "id": "e2"})
    assert [one["is_flagged"] for one in panel.browser.examples][2]
    assert {path for path in panel.run.path.rglob("*")} - before == {panel.flags.path}
    assert json.loads(panel.flags.path.read_text())["id"] == "e2"
    panel.verdict.value = "flagged"
    assert shown_ids(panel) == ["e2"]
    send_from_browser(panel.browser, {"kind": "flag", "id": "e2"})
    assert "no longer flagged" in panel.head.sentence


def test_pages_are_turned_by_messages(explore):
    panel = explore()
    panel.browser.page_size = 2
    send_from_browser(panel.browser, {"kind": "page", "first": 4})
    assert (shown_ids(panel), panel.browser.first, panel.browser.chosen) == (["e4", "e5"], 4, 4)
    send_from_browser(panel.browser, {"kind": "page", "first": 400})
    assert shown_ids(panel) == ["e5"]


@pytest.mark.parametrize(
    ("kind", "typed", "given"),
    [
        ("classification", {"text": "a film"}, "a film"),
        ("regression", {"text": "a", "second text": "b"}, ["a", "b"]),
        ("tagging", {"sentence": "Ada met Charles ."}, "Ada met Charles ."),
        (
            "multiple_choice",
            {"question": "Which?", "choices": "this\nthat"},
            {"question": "Which?", "choices": ["this", "that"]},
        ),
        (
            "question_answering",
            {"question": "Where?", "context": "In London ."},
            {"question": "Where?", "context": "In London ."},
        ),
    ],
)
def test_new_text_is_asked_about(explore, kind, typed, given):
    asked = []
    panel = explore(kind, predict=lambda inputs: asked.append(inputs) or [ROWS[kind][0]])
    assert panel.new_text.button.disabled and "is empty" in panel.new_text.row.reasons.value
    for name, text in typed.items():
        panel.new_text.boxes[name].value = text
    assert not panel.new_text.button.disabled
    panel._predict(panel.new_text.input())
    wait_for(lambda: "asking" not in panel.new_text.answer.value)
    assert asked == [[given]]
    assert "given:" in panel.new_text.answer.value


def test_an_example_can_be_changed(explore):
    panel = explore("multiple_choice")
    send_from_browser(panel.browser, {"kind": "edit", "place": 1})
    assert panel.new_text.input() == {"question": "Who?", "choices": ["he", "she"]}


def test_a_failing_model_is_told(explore):
    def fail(inputs):
        raise InputError("model: expected one that works, received none")

    panel = explore(predict=fail)
    panel.new_text.boxes["text"].value = "a"
    panel._predict("a")
    wait_for(lambda: not panel.new_text.button.disabled)
    assert "expected one that works" in panel.new_text.answer.value
    assert panel.head.is_alert


def wait_for(is_so, seconds=10):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_run_that_goes_on_is_looked_at_again(explore, unthreaded):
    panel = explore(num_trials=2, num_done=0, state="stopped")
    assert "no trial was finished" in panel.head.sentence
    assert panel.content.layout.display == "none"
    assert panel.as_text() and panel.static_parts() == [] and "TaskExplorer(" in panel.code()
    path = panel.run.path
    other = explore(num_trials=2, num_done=1, state="stopped")
    (other.run.path / "trials").rename(path / "trials")
    (other.run.path / "examples").rename(path / "examples")
    panel._look()
    assert panel.content.layout.display is None and len(panel.examples) == 6
    assert "1 of 2 trials done" in panel.head.sentence


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected the folder of a run"):
        TaskExplorer(tmp_path)
    with pytest.raises(TypeError, match="did you mean 'split'"):
        TaskExplorer(tmp_path, splt="test")
