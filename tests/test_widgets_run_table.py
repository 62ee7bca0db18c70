"""`RunTable` without a browser."""

import json

import pytest
from test_runs_comparison import make_run
from widget_stubs import from_browser, send_from_browser

pytest.importorskip("anywidget")

from keras_electra.errors import InputError
from keras_electra.runs import RunSession
from keras_electra_widgets.run_table import RunTable, plain_cell

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def folder(tmp_path):
    for rate, auc in ((1e-4, 0.7), (1e-3, 0.8)):
        for seed in (0, 1):
            name = f"{'low' if rate == 1e-4 else 'high'}{seed}"
            make_run(tmp_path / name, rate=rate, seed=seed, auc=auc + seed / 100)
    broken = make_run(tmp_path / "broken")
    broken.config_path.write_text("{")
    return tmp_path


@pytest.fixture
def table(folder, comms, unthreaded):
    shown = RunTable(folder)
    yield shown
    shown.close()


def cells(table):
    titles = [column["title"] for column in table.runs.columns]
    return {row["id"]: dict(zip(titles, row["cells"], strict=True)) for row in table.runs.rows}


def drawn(table):
    lines = table.curves.board.figure.data[1:]
    return {line.name: line for line in lines if line.visible and line.name}


def test_runs_are_listed_with_what_differs(table):
    found = cells(table)
    assert list(found) == ["broken", "high0", "high1", "low0", "low1"]
    assert found["high1"]["learning_rate"] == 1e-3 and found["high1"]["seed"] == 1
    assert found["high1"]["rtd_auc"] == pytest.approx(0.81)
    assert "config.json" in found["broken"]["problem"]
    (broken,) = [row for row in table.runs.rows if row["id"] == "broken"]
    assert broken["cannot_tick"]
    assert "size" not in found["low0"]
    table.only_differing.value = False
    assert cells(table)["low0"]["size"] == "small"
    assert table.head.subtitle == "5 runs · 0 at work · 1 with a problem"


def test_ticked_runs_are_drawn(table):
    assert set(drawn(table)) == {"high0", "high1", "low0", "low1"}
    assert table.curves.metric.value == "rtd_auc"
    from_browser(table.runs, ticked=["low0", "high0"])
    assert list(drawn(table)) == ["low0", "high0"]
    signs = table.runs.signs
    assert set(signs) == {"low0", "high0"} and signs["low0"] != signs["high0"]
    from_browser(table.runs, ticked=["low0", "high0", "low1"])
    assert table.runs.signs["low0"] == signs["low0"]
    table.curves.metric.value = "loss"
    assert drawn(table)["low0"].y.tolist() == [19, 18, 17, 16]
    assert cells(table)["low0"]["loss"] == 16
    table.curves.axis.value = "share"
    assert drawn(table)["low0"].x.tolist() == [0.25, 0.5, 0.75, 1]


def test_mean_over_seeds_has_a_band(table):
    table.curves.by_seed.value = True
    lines = drawn(table)
    assert list(lines) == ["high0 and 1 more", "low0 and 1 more"]
    assert lines["low0 and 1 more"].y.tolist() == pytest.approx([0.705] * 4)
    bands = [
        trace
        for trace in table.curves.board.figure.data
        if trace.fill == "tonexty" and trace.visible
    ]
    assert len(bands) == 2
    assert set(table.runs.signs) == {"high0", "high1", "low0", "low1"}


def test_difference_from_the_baseline(table):
    from_browser(table.runs, pinned="low0")
    table.curves.from_baseline.value = True
    lines = drawn(table)
    assert lines["low0"].y.tolist() == [0] * 4
    assert lines["high0"].y.tolist() == pytest.approx([0.1] * 4)
    assert "less that of low0" in table.curves.board.figure.layout.annotations[0].text


def test_compare_in_pairs(table):
    pytest.importorskip("scipy")
    from_browser(table.runs, pinned="low0")
    table.compare.click()
    assert "A = low0, B = high0" in table.verdict.value
    assert "rtd_auc: B is higher over 2 seeds" in table.verdict.value
    from_browser(table.runs, ticked=["low0"])
    assert table.compare.disabled and "another ticked run" in table.actions.reasons.value
    from_browser(table.runs, ticked=["low0", "low1"])
    assert "nothing but the seed" in table.compare.reason
    from_browser(table.runs, ticked=["low0", "high1"])
    table.compare.click()
    assert table.head.is_alert and "same seeds" in table.head.sentence


def test_a_filter_lists_and_a_wrong_one_is_told(table):
    table.filter.value = "lr>1e-4"
    assert list(cells(table)) == ["high0", "high1"]
    table.filter.value = "nonsense>1"
    assert table.head.is_alert and "received 'nonsense'" in table.head.sentence
    table.filter.value = ""
    assert len(cells(table)) == 5 and not table.head.is_alert


def test_states(tmp_path, comms, unthreaded):
    shown = RunTable(tmp_path / "none")
    assert (shown.state, shown.head.word) == ("empty", "no folder")
    (tmp_path / "none").mkdir()
    look(shown, unthreaded)
    assert shown.head.word == "no runs" and "PretrainLauncher" in shown.head.sentence
    session = RunSession(tmp_path / "none" / "a", config={"x": 1}, vocabulary=b"", environment={})
    with session:
        session.set_state("running", 3)
        session.append_log({"step": 3, "loss": 1.0})
        look(shown, unthreaded)
        assert shown.state == "running" and shown.runs.ticked == ["a"]
        assert list(drawn(shown)) == ["a"]
    shown.close()


def look(shown, ticker):
    """As if time had passed."""
    shown._next_look = shown._surveyed_at = shown._drawn_at = 0.0
    shown._surveyed_at = -1e9
    if shown.curves.board.figure is not None:
        shown.curves.board.figure._trace_edit_in_process = False
        shown.curves.board.figure._layout_edit_in_process = False
    ticker.run_timers()


def test_the_code_shows_the_same(table, folder):
    from_browser(table.runs, ticked=["low0", "high1"])
    table.curves.metric.value = "loss"
    table.curves.axis.value = "time"
    table.filter.value = "0"
    made = table.code().split("\n")[-1]
    again = eval(made, {"RunTable": RunTable})
    assert again.runs.ticked == ["low0", "high1"]
    assert (again.curves.metric.value, again.curves.axis.value) == ("loss", "time")
    assert list(drawn(again)) == ["low0", "high1"]
    again.close()


def test_bad_options_are_refused(folder):
    with pytest.raises(InputError, match="axis"):
        RunTable(folder, axis="epochs")
    with pytest.raises(TypeError, match="did you mean 'metric'"):
        RunTable(folder, metrics="loss")


def test_copies_and_static_forms(table, folder, comms):
    comms.clear()
    send_from_browser(table.runs, {"kind": "copy", "format": "Markdown"})
    (sent,) = [data["content"] for _, _, data, _ in comms.messages if data["method"] == "custom"]
    assert (
        sent["text"].startswith("| run | state | step |") and "| low0 | finished |" in sent["text"]
    )
    evil = make_run(folder / EVIL.replace("/", "_"), size=EVIL)
    evil.log_path.write_text(json.dumps({"step": 1, EVIL: 2}) + "\n")
    table._survey()
    from_browser(table.runs, ticked=["low0", evil.path.name])
    markup = table._copy_bundle()["text/html"]
    assert "<script" not in markup and "&lt;script&gt;" in markup and "image/svg+xml" in markup
    assert "low0" in table.as_text()
    for trace in table.curves.board.figure.data:
        assert "<script" not in (trace.name or "")


def test_hashes_are_cut_and_lists_are_text():
    assert plain_cell("0123456789abcdef" * 4) == "0123456789…"
    assert plain_cell(["query", "value"]) == "['query', 'value']"
    assert plain_cell(None) is None and plain_cell(0.5) == 0.5
