"""`RunMonitor` without a browser: states, buttons, hints, budgets, and nothing in a folder believed."""

import json
import re
import time
import types

import numpy as np
import pytest
from widget_stubs import from_browser, send_from_browser

pytest.importorskip("anywidget")

from keras_electra.errors import InputError
from keras_electra.files import write_json
from keras_electra.monitoring.charts import Chart, Line
from keras_electra.runs import RunSession
from keras_electra_widgets.board import Board, emptiest_corner, place
from keras_electra_widgets.monitor import RunMonitor, clock
from keras_electra_widgets.picture import Scale, picture, svg
from keras_electra_widgets.run_tabs import event_cells
from keras_electra_widgets.static_html import escaped
from keras_electra_widgets.table import Table, as_csv, as_markdown

EVIL = '<script>alert("x")</script>'


def row(number, **changes):
    return {
        "step": 10 * number,
        "tokens": 640 * number,
        "mlm_loss": 6 - number / 20,
        "rtd_loss": 0.4,
        "generator_accuracy": 0.2,
        "sampled_accuracy": 0.1,
        "rtd_accuracy": 0.9,
        "rtd_precision": 0.5,
        "rtd_recall": 0.4,
        "rtd_auc": 0.8,
        "replaced_rate": 0.1,
        "loss": 26.0,
        "gradient_norm": 1.0,
        "learning_rate": 1e-4,
        "skipped_steps": 0,
        "tokens_per_second": 1000.0,
        "data_wait_seconds": 0.0,
        "seconds": 2.0 * number,
        **changes,
    }


@pytest.fixture
def run(tmp_path):
    """A session at work in the folder `run`, twenty rows in its log."""
    session = RunSession(
        tmp_path / "run",
        config={"pretrain": {"steps": 1000, "time_budget_minutes": None, "size": EVIL}},
        vocabulary=b"[PAD]\n",
        environment={},
        steps=1000,
        details={"backend": "torch"},
    )
    with session:
        session.append_event("baselines", unigram_entropy=6.5, unigram_accuracy=0.05)
        for number in range(1, 21):
            session.append_log(row(number))
        session.set_state("running", 200)
        yield session


@pytest.fixture
def monitor(run, comms, unthreaded):
    shown = RunMonitor(run.folder.path)
    yield shown
    shown.close()


@pytest.fixture
def tick(monitor, unthreaded):
    """A function: lets the monitor look again, whatever the time."""

    def look():
        monitor._next_look = monitor._looked_at_folder = 0.0
        unthreaded.run_timers()

    return look


def answer_of_the_browser(monitor):
    """It has drawn the last change."""
    figure = monitor.tabs.board.figure
    figure._trace_edit_in_process = figure._layout_edit_in_process = False


def lines_of(monitor):
    return {trace.name: trace for trace in monitor.tabs.board.figure.data if trace.visible}


# States.


def test_an_empty_folder_says_how_to_go_on(tmp_path, comms, unthreaded):
    shown = RunMonitor(tmp_path / "later")
    assert shown.state == "empty"
    assert "keras-electra pretrain --run-dir" in shown.head.sentence
    assert all(
        button.disabled and "no run has been started" in button.tooltip
        for button in shown.controls.row.actions
    )
    session = RunSession(tmp_path / "later", config={}, vocabulary=b"", environment={}, steps=10)
    with session:
        shown._next_look = 0
        unthreaded.run_timers()
        assert (shown.state, shown.head.word) == ("busy", "starting")
    shown.close()


def test_a_run_at_work(monitor):
    assert (monitor.state, monitor.head.title) == ("running", "run")
    assert monitor.head.subtitle == "step 200 of 1,000 · 1,000 tokens/s · 0:02:40 left · torch"
    assert monitor.progress.value == 0.2
    lines = lines_of(monitor)
    assert lines["generator"].x.tolist()[-1] == 200
    assert lines["unigram"].y.tolist() == [6.5] * 20
    assert lines["accuracy of majority class"].y.tolist() == pytest.approx([0.9] * 20)
    assert "generator 5, falling" in monitor.head.chart
    assert len([trace for trace in monitor.tabs.board.figure.data if trace.visible]) == 17


def test_points_arrive(monitor, run, tick):
    run.append_log(row(21))
    run.set_state("running", 210, note="now")
    answer_of_the_browser(monitor)
    tick()
    assert lines_of(monitor)["generator"].x.tolist()[-1] == 210
    assert monitor.head.subtitle.startswith("step 210")


@pytest.mark.parametrize(
    ("state", "shown", "said"),
    [
        ("finished", "finished", "ReplacedTokenView"),
        ("stopped", "stopped", "keras-electra pretrain --run-dir"),
        ("interrupted", "stopped", "ended without finishing"),
        ("failed", "error", "ValueError: the disk is gone"),
        ("paused", "paused", "Resume lets it go on"),
    ],
)
def test_states_name_the_next_step(monitor, run, tick, state, shown, said):
    run.folder.output_path.write_text(f"last words {EVIL}\n")
    run.set_state(state, message="ValueError: the disk is gone" if state == "failed" else None)
    tick()
    assert monitor.state == shown
    assert said in monitor.head.sentence
    if state == "failed":
        assert monitor.head.is_alert and "last words" in monitor.head.details
    if state != "paused":
        for button in monitor.controls.row.actions:
            if button is monitor.controls.resume and state != "finished":
                assert not button.disabled
                continue
            assert button.disabled and escaped(button.reason) in monitor.controls.row.reasons.value


def test_an_old_heartbeat_is_told(monitor, run, tick):
    status = json.loads(run.folder.status_path.read_text())
    run.folder.status_path.write_text(json.dumps({**status, "heartbeat": time.time() - 70}))
    tick()
    assert (monitor.state, monitor.head.word) == ("stale", "no sign of life")
    assert "sign of life for 70 s" in monitor.hint_lines.value


def test_hints_of_the_guards(monitor, run, tick):
    run.append_log(row(21, rtd_loss=float("nan")))
    tick()
    assert "rtd_loss is not finite at step 210" in monitor.hint_lines.value
    assert "hint: rtd_loss" in monitor.as_text()


# Buttons.


def commands_in(run):
    return [
        {name: value for name, value in command.items() if name in ("command", "save")}
        for command in run.take_commands()
    ]


def test_pause_and_resume(monitor, run, tick):
    controls = monitor.controls
    assert controls.resume.disabled and controls.resume.reason == "the run is not paused"
    controls.pause.click()
    assert "pausing" in monitor.head.sentence
    assert controls.pause.disabled and controls.stop.reason == "the run is pausing"
    (command,) = run.take_commands()
    assert command["command"] == "pause"
    run.set_state("paused", 200)
    run.answer_command(command, step=200)
    tick()
    assert monitor.head.sentence == "The run waits at step 200; Resume lets it go on."
    assert controls.pause.disabled and not controls.resume.disabled
    controls.resume.click()
    assert commands_in(run) == [{"command": "resume"}]


@pytest.mark.parametrize(
    ("button", "sent"),
    [
        ("save_and_stop", [{"command": "stop"}]),
        ("stop_at_once", [{"command": "stop", "save": False}]),
        ("go_on", []),
    ],
)
def test_stop_asks_in_place(monitor, run, button, sent):
    controls = monitor.controls
    (run.folder.checkpoints_path / "step_00000150").mkdir()
    controls.stop.click()
    assert controls.stop_at_once.description == "Stop, lose 50 steps since the last save"
    assert len(controls.children) == 2
    getattr(controls, button).click()
    assert len(controls.children) == 1
    assert commands_in(run) == sent


def test_a_refusal_is_told(monitor, run, tick):
    monitor.controls.save.click()
    monitor.follower.events.clear()
    identity = monitor.controls.pending[1]
    run.append_event("command_refused", file=f"{identity}.json", reason="the disk is full")
    tick()
    assert "refused to checkpoint: the disk is full" in monitor.head.sentence
    assert not monitor.controls.save.disabled


def test_a_command_to_a_dead_run_is_an_error_in_words(monitor, run):
    run.set_state("finished", 1000)
    monitor.controls.pause.click()
    assert monitor.head.is_alert and "needs a running run" in monitor.head.sentence


@pytest.fixture
def launches(monkeypatch):
    """What would be started, and how it goes."""
    started, ended = [], types.SimpleNamespace(is_live=True, sentence="pretrain: starting")

    def launch(commands, path, plan, backend=None):
        started.append(([one.shell for one in commands], path, plan, backend))
        return types.SimpleNamespace(status=lambda: ended, output=lambda: ["last words"])

    monkeypatch.setattr("keras_electra_widgets.run_controls.launch", launch)
    monkeypatch.setattr("keras_electra_widgets.run_controls.installed_backends", lambda: ("torch",))
    return started, ended


def test_an_ended_run_goes_on_in_a_new_process(monitor, run, tick, launches):
    started, status = launches
    write_json(run.folder.path / "launch.json", {"commands": [], "plan": {"size": "tiny"}})
    run.set_state("stopped", 200)
    tick()
    monitor.controls.resume.click()
    path = run.folder.path
    command = f"keras-electra pretrain --run-dir {path}"
    assert started == [([command], path, {"size": "tiny"}, "torch")]
    assert monitor.controls.resume.reason == "the run is starting again"
    run.set_state("running", 210)
    tick()
    assert monitor.controls.pending is None and not monitor.controls.pause.disabled
    run.set_state("interrupted", 210)
    tick()
    monitor.controls.resume.click()
    status.is_live, status.sentence = False, "the store is gone"
    tick()
    assert monitor.head.is_alert and monitor.head.sentence == "the store is gone"
    assert monitor.head.details == "last words" and not monitor.controls.resume.disabled


# Options.


def test_options_change_the_curves_and_the_code(monitor):
    monitor.tabs.axis.value = "tokens"
    monitor.tabs.smoothing.value = 0.5
    monitor.tabs.log_scale.value = True
    figure = monitor.tabs.board.figure
    assert lines_of(monitor)["generator"].x.tolist()[-1] == 640 * 20
    assert figure.layout.yaxis.type == "log" and figure.layout.yaxis3.type == "linear"
    send_from_browser(monitor.head, {"kind": "code"})
    made = monitor.head.code.split("\n")[-1]
    assert (
        made == f"RunMonitor({str(monitor.path)!r}, axis='tokens', smoothing=0.5, log_scale=True)"
    )
    again = eval(made, {"RunMonitor": RunMonitor})
    assert again.code() == monitor.code()
    again.close()


def test_bad_options_are_refused(tmp_path):
    with pytest.raises(InputError, match="axis: expected one of"):
        RunMonitor(tmp_path, axis="epochs")
    with pytest.raises(InputError, match="smoothing"):
        RunMonitor(tmp_path, smoothing=1)
    with pytest.raises(TypeError, match="did you mean 'smoothing'"):
        RunMonitor(tmp_path, smooth=0.5)


def test_tabs_are_filled_when_they_are_looked_at(monitor, run):
    assert monitor.tabs.values.rows == []
    run.folder.output_path.write_text(f"line\n{EVIL}")
    for number in range(5):
        monitor.tabs.box.selected_index = number
    assert ["generator loss (nats)", "unigram", 6.5, 6.5, 6.5] in [
        one["cells"] for one in monitor.tabs.values.rows
    ]
    assert [one["cells"][2] for one in monitor.tabs.events.rows] == ["baselines", "start"]
    assert (
        "&lt;script&gt;" in monitor.tabs.output.value and "<script" not in monitor.tabs.output.value
    )
    assert ["pretrain.size", EVIL] in [one["cells"] for one in monitor.tabs.settings.rows]


def test_a_narrow_panel_has_one_column(monitor):
    from_browser(monitor.head, width=520)
    assert monitor.tabs.board.figure.layout.xaxis2.domain == (0, 1)
    from_browser(monitor.head, width=1200)
    assert monitor.tabs.board.figure.layout.xaxis2.domain[0] > 0.3
    from_browser(monitor.head, dark=True)
    assert monitor.tabs.board.figure.layout.template.layout.font.color == "#f2f5fa"


# Without a kernel.


def test_the_static_copy_shows_curves_and_figures(monitor, run, tmp_path):
    run.append_event("warning", message=EVIL)
    run.append_log({**row(21), EVIL: 1.0})
    monitor.follower.update()
    monitor._redraw()
    markup = monitor._copy_bundle()["text/html"]
    assert "data:image/svg+xml;base64," in markup and "unigram" in markup
    assert "<script" not in markup and "&lt;script&gt;" in markup
    page = monitor.to_html(tmp_path / "page.html").read_text()
    assert "<script" not in page and not re.search(r'(src|href)="(?!data:)', page)
    text = monitor.as_text()
    assert text.startswith("▶ running  run  step 200 of 1,000")
    assert "generator loss (nats): unigram 6.5" in text


def test_a_folder_from_elsewhere_is_not_believed(tmp_path, comms, unthreaded):
    folder = tmp_path / EVIL.replace("/", "_")
    folder.mkdir()
    for name in ("config.json", "environment.json", "results.json"):
        (folder / name).write_text("[1, 2")
    (folder / "vocab.txt").write_text("")
    status = {"state": "running", "step": EVIL, "steps": -3, "pid": EVIL, "heartbeat": EVIL}
    (folder / "status.json").write_text(json.dumps({**status, "backend": EVIL}))
    rows = ["nonsense", "[]", json.dumps({"step": EVIL, "loss": 1e400}), '{"step": 2, "loss": 1}']
    (folder / "log.jsonl").write_text("\n".join(rows) + "\n")
    events = [
        {"kind": EVIL, "step": [1]},
        {"kind": "validation", "step": 1, "figures": {EVIL: {EVIL: 1}, "b": 3}},
        {"kind": "baselines", "unigram_entropy": EVIL},
        {"kind": "pause", "step": 1e308},
        {"kind": "checkpoint", "step": 1},
    ]
    (folder / "events.jsonl").write_text("\n".join(map(json.dumps, events)) + "\n")
    shown = RunMonitor(folder)
    for number in range(5):
        shown.tabs.box.selected_index = number
    assert not shown.head.is_alert, shown.head.details
    assert "config.json" in shown.hint_lines.value
    for markup in (
        shown._copy_bundle()["text/html"],
        shown.hint_lines.value,
        shown.tabs.output.value,
    ):
        assert "<script" not in markup
    for trace in shown.tabs.board.figure.data:
        assert "<script" not in (trace.name or "")
    assert not any("<script" in note.text for note in shown.tabs.board.figure.layout.annotations)
    shown.close()


# Budgets.


def test_few_messages_a_second(monitor, run, tick, comms):
    comms.clear()
    for number in range(21, 25):
        run.append_log(row(number))
        run.set_state("running", 10 * number, note=number)
        answer_of_the_browser(monitor)
        tick()
    assert 4 <= len(comms) <= 40


def test_nothing_new_sends_nothing(monitor, tick, comms):
    tick()
    comms.clear()
    tick()
    assert len(comms) == 0


def test_nobody_looking_draws_seldom(monitor, run, tick, comms):
    monitor.tabs.board.figure._trace_edit_in_process = True
    monitor._drawn_at = time.monotonic()
    drawn = len(lines_of(monitor)["generator"].x)
    run.append_log(row(21))
    tick()
    assert len(lines_of(monitor)["generator"].x) == drawn
    monitor._drawn_at -= 2.1
    tick()
    assert len(lines_of(monitor)["generator"].x) == drawn + 1


def test_a_hundred_thousand_rows_are_a_thousand_points(tmp_path, comms, unthreaded):
    folder = tmp_path / "long"
    folder.mkdir()
    rest = json.dumps({**row(1), "step": None})[len('{"step": null') :]
    lines = (f'{{"step": {10 * number}{rest}' for number in range(1, 100_001))
    (folder / "log.jsonl").write_text("\n".join(lines) + "\n")
    shown = RunMonitor(folder)
    while shown.follower.has_more or shown._is_dirty:
        shown._next_look = 0
        unthreaded.run_timers()
    longest = max(len(trace.x) for trace in shown.tabs.board.figure.data if trace.visible)
    assert 500 < longest <= 1000
    comms.clear()
    with open(folder / "log.jsonl", "a") as file:
        file.write(json.dumps(row(100_001)) + "\n")
    answer_of_the_browser(shown)
    shown._next_look = 0
    started = time.thread_time()
    unthreaded.run_timers()
    seconds = time.thread_time() - started
    assert lines_of(shown)["generator"].x[-1] == 1_000_010
    assert comms.num_bytes < 500_000
    # So long a picture may take; the next then waits until this is a few per cent of a core.
    assert seconds < 1 and shown._next_look - time.monotonic() > seconds
    shown.close()


# Board, picture, table.


def chart_of(*lines, title="loss", can_be_log=True):
    return Chart(title, tuple(lines), can_be_log)


def test_charts_do_not_overlap():
    for num_charts in range(1, 12):
        for num_columns in (1, 2, 3):
            found = [place(number, num_charts, num_columns) for number in range(num_charts)]
            for one in found:
                assert 0 <= one["x"][0] < one["x"][1] <= 1 + 1e-9
                assert 0 <= one["y"][0] < one["y"][1] <= 1
            for first in found:
                for second in found:
                    if first is not second:
                        apart = [
                            first[way][1] <= second[way][0] + 1e-9
                            or second[way][1] <= first[way][0] + 1e-9
                            for way in ("x", "y")
                        ]
                        assert any(apart)


def test_text_in_a_figure_is_no_markup(comms):
    board = Board()
    line = Line('<a href="javascript:alert(1)">x</a>', np.arange(3.0), np.ones(3))
    board.draw([chart_of(line, title="<b>t</b>")], axis_title="step")
    assert board.figure.data[1].name.startswith("&lt;a ")
    assert board.figure.layout.annotations[0].text == "&lt;b&gt;t&lt;/b&gt;"


def test_a_legend_stands_where_the_lines_are_not():
    x = np.arange(100.0)
    rising = chart_of(Line("a", x, x), Line("b", x, x * 0.9))
    assert emptiest_corner(rising, ("right", "top")) in (("left", "top"), ("right", "bottom"))
    falling = chart_of(Line("a", x, -x), Line("b", x, -x * 0.9))
    assert emptiest_corner(falling, ("right", "top")) == ("right", "top")
    assert emptiest_corner(chart_of(Line("a", x, x)), ("left", "top")) == ("left", "top")


def test_a_board_takes_more_lines_and_bands(comms):
    x, y = np.arange(5.0), np.arange(5.0)
    board = Board(has_bands=True)
    banded = Line("mean", x, y, low=y - 1, high=y + 1)
    board.draw([chart_of(banded)], axis_title="step")
    first = board.figure
    board.draw([chart_of(banded, Line("other", x, y))], axis_title="step")
    assert board.figure is not first and len(board.figure.data) == 7
    assert [trace.visible for trace in board.figure.data] == [
        False,
        *[True] * 3,
        False,
        False,
        True,
    ]
    same = board.figure
    board.draw([chart_of(banded)], axis_title="step", log_scale=True)
    assert board.figure is not same


def test_the_picture_is_well_formed_and_escaped():
    import xml.dom.minidom

    x = np.arange(1.0, 500)
    y = np.where(x == 250, np.nan, np.sin(x / 50) + 1.01)
    lines = [
        Line(EVIL, x, y, low=y - 0.1, high=y + 0.1),
        Line("one", x[:1], y[:1]),
        Line("flat", x, np.full_like(x, 2.0), is_baseline=True),
    ]
    content = svg([chart_of(*lines, title=EVIL)], True, [(100.0, "pause", "")], {})
    document = xml.dom.minidom.parseString(content)
    assert len(document.getElementsByTagName("script")) == 0
    assert len(document.getElementsByTagName("polygon")) == 1
    assert "NaN" not in content.upper().replace("NANO", "")
    assert 'alt="&lt;script' in picture([chart_of(*lines)], EVIL)
    assert picture([chart_of(Line("none", x, np.full_like(x, np.nan)))], "nothing") == ""
    assert len(content) < 20_000


@pytest.mark.parametrize("values", [[0, 1], [-5, 3], [1e-9, 2e-9], [1e6, 3e9], [7, 7]])
def test_ticks_are_few_and_inside(values):
    for is_log in (False, True):
        if is_log and min(values) <= 0:
            continue
        scale = Scale([values], 0, 100, is_log)
        ticks = scale.ticks()
        assert 1 <= len(ticks) <= 8
        assert all(scale.low <= tick <= scale.high * (1 + 1e-9) for tick in ticks)


def test_a_table_is_copied_as_text(comms):
    table = Table()
    table.show(
        ["name", "value"],
        [
            {"id": "a", "label": "a", "cells": ["x|y\nz", 0.12345678]},
            {"id": "b", "label": "b", "cells": ["=1+1", None]},
        ],
    )
    assert [column["numeric"] for column in table.columns] == [False, True]
    comms.clear()
    send_from_browser(table, {"kind": "copy", "format": "CSV"})
    (sent,) = [data["content"] for _, _, data, _ in comms.messages if data["method"] == "custom"]
    assert sent["text"] == 'name,value\n"x|y\nz",0.12345678\n\'=1+1,\n'
    assert as_markdown(["a"], [["x|y\nz"]]) == "| a |\n|---|\n| x\\|y z |\n"
    assert as_csv(["a"], [[float("inf")]]) == "a\ninf\n"
    comms.clear()
    table.show(table.columns and ["name", "value"], table.rows)
    assert len(comms) == 0


def test_small_things():
    assert clock(3725) == "1:02:05"
    assert event_cells({"kind": "pause", "step": 3, "time": "t", "extra": {"a": 1}}) == [
        "t",
        3,
        "pause",
        'extra {"a": 1}',
    ]
