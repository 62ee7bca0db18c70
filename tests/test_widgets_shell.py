"""What all panels share, without a browser."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from widget_stubs import from_browser, send_from_browser

pytest.importorskip("anywidget")

import keras_electra_widgets
from keras_electra.errors import InputError
from keras_electra_widgets import figure, static_html, styles, ticker
from keras_electra_widgets.actions import Action, ActionRow
from keras_electra_widgets.figure import LiveFigure, decimated, figure_box, series_style
from keras_electra_widgets.panel import Panel, refuse_unknown

EVIL = "<script>alert(\"x\")</script> & 'quotes'"


def test_import_is_instant_and_without_keras():
    program = (
        "import sys, time; started = time.perf_counter(); import keras_electra_widgets\n"
        "print(time.perf_counter() - started)\n"
        "print(*{'keras', 'jax', 'tensorflow', 'torch', 'plotly', 'ipywidgets'} & set(sys.modules))"
    )
    path = f"{styles.STATIC.parents[2]}/widgets:{styles.STATIC.parents[2]}"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": path, "PATH": ""},
        capture_output=True,
        text=True,
    )
    seconds, loaded = done.stdout.splitlines()
    assert float(seconds) < 1.5, done.stderr
    assert loaded == ""


def test_a_missing_library_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    for name in [name for name in sys.modules if name.startswith("keras_electra_widgets.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(vars(keras_electra_widgets), "Panel", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'keras-electra\[widgets\]'"):
        keras_electra_widgets.Panel  # noqa: B018


@pytest.mark.parametrize("name", keras_electra_widgets.__all__)
def test_every_exported_name_can_be_had(name):
    assert getattr(keras_electra_widgets, name).__doc__


def test_an_error_of_a_callback_is_told(comms, unthreaded):
    panel = Panel("a run")
    button = Action("Go")

    def go(_):
        raise InputError("steps: expected at least 1, received 0")

    button.on_click(panel.guarded(go))
    button.click()
    assert panel.head.sentence == "steps: expected at least 1, received 0"
    assert panel.head.is_alert
    assert "Traceback" in panel.head.details
    panel.say("well")
    assert not panel.head.is_alert and panel.head.details == ""


def test_state_is_a_sign_and_a_word(comms, unthreaded):
    panel = Panel("a run")
    panel.set_state("paused", subtitle="step 3")
    assert (panel.head.sign, panel.head.word, panel.head.subtitle) == ("‖", "paused", "step 3")
    assert repr(panel) == "<Panel 'a run': paused>"
    comms.clear()
    panel.set_state("paused", subtitle="step 3")
    assert len(comms) == 0


def test_text_in_the_static_copy_stays_text(comms, unthreaded, tmp_path):
    class Shown(Panel):
        def static_parts(self):
            return [static_html.table([EVIL], [[EVIL], [1234.5678]], caption=EVIL)]

    panel = Shown(EVIL)
    panel.set_state("error", word=EVIL, subtitle=EVIL)
    panel.say(EVIL)
    bundle = panel._copy_bundle()
    for markup in (bundle["text/html"], panel.to_html(tmp_path / "page.html").read_text()):
        assert "<script" not in markup
        assert markup.count("&lt;script&gt;") >= 7
        assert "1,234.6" in markup
    assert panel.uid in bundle["text/html"]
    assert EVIL in bundle["text/plain"]


def test_a_panel_is_shown_as_two_outputs(comms, unthreaded, monkeypatch):
    shown, updates = [], []

    class Handle:
        def update(self, bundle, raw):
            updates.append(bundle)

    monkeypatch.setattr(
        "keras_electra_widgets.panel.display",
        lambda bundle, raw, display_id=None: shown.append((bundle, display_id)) or Handle(),
    )
    panel = Panel("a run")
    panel._ipython_display_()
    (live, no_id), (static, identity) = shown
    assert no_id is None and panel.uid in identity
    assert "application/vnd.jupyter.widget-view+json" in live and "text/html" not in live
    assert f'data-ke-static="{panel.uid}"' in static["text/html"]
    panel.renew_copy()
    assert not updates
    panel.set_state("running")
    send_from_browser(panel.head, {"kind": "keep"})
    assert len(updates) == 2
    assert "running" in updates[0]["text/html"]


def test_code_comes_when_asked_for(comms, unthreaded):
    panel = Panel("a run")
    send_from_browser(panel.head, {"kind": "code"})
    assert panel.head.code == "from keras_electra_widgets import Panel"
    send_from_browser(panel.head, ["no", "message"])
    assert not panel.head.is_alert


def test_the_browser_tells_of_the_dark(comms, unthreaded):
    told = []

    class Dark(Panel):
        def on_theme(self, dark):
            told.append(dark)

    from_browser(Dark("a run").head, dark=True)
    assert told == [True]


def test_buttons_say_why_they_are_off(comms, unthreaded):
    pause, resume = Action("Pause", "Wait after this step"), Action("Resume")
    row = ActionRow(pause, resume)
    pause.forbid(f"the run has finished {EVIL}")
    resume.forbid(f"the run has finished {EVIL}")
    row.refresh()
    assert pause.disabled and "the run has finished" in pause.tooltip
    assert "Pause and Resume are off: the run has finished &lt;script&gt;" in row.reasons.value
    pause.allow()
    resume.allow_if(False, "it is not paused")
    row.refresh()
    assert not pause.disabled and pause.tooltip == "Wait after this step"
    assert row.reasons.value == "Resume is off: it is not paused"


def test_an_unknown_keyword_gets_a_hint():
    with pytest.raises(TypeError, match=r"RunMonitor: .*received 'pth'; did you mean 'path'\?"):
        refuse_unknown("RunMonitor", ["pth"], ["path", "axis"])
    refuse_unknown("RunMonitor", ["axis"], ["path", "axis"])


# The thread that writes widgets.


def test_one_thread_does_all_jobs_in_turn():
    shared, done, errors = ticker.Ticker(), [], []
    for number in range(50):
        shared.post(
            lambda number=number: done.append((number, threading.current_thread().name)),
            errors.append,
        )
    shared.post(lambda: 1 / 0, errors.append)
    assert shared.flush(5)
    assert [number for number, _ in done] == list(range(50))
    assert {name for _, name in done} == {"widget-writer"}
    assert [type(error) for error in errors] == [ZeroDivisionError]


def test_a_job_that_is_waited_for_may_stand_within_another():
    shared, done = ticker.Ticker(), []
    shared.do(lambda: shared.do(lambda: done.append(threading.current_thread().name), 0), 0)
    assert done == ["widget-writer"]
    shared.do(lambda: 1 / 0, lambda error: done.append(type(error)))
    assert done[1:] == [ZeroDivisionError]


def test_of_jobs_with_one_key_the_last_is_done():
    shared, done, gate = ticker.Ticker(), [], threading.Event()
    shared.post(gate.wait, done.append)
    for number in range(9):
        shared.post(lambda number=number: done.append(number), done.append, key="label")
    gate.set()
    assert shared.flush(5)
    assert done == [8]


def test_timers_tick_four_times_a_second_at_most():
    shared, times = ticker.Ticker(), []
    timer = shared.every(0.0, lambda: times.append(time.monotonic()), times.append)
    time.sleep(0.9)
    timer.cancel()
    assert 2 <= len(times) <= 4
    time.sleep(0.4)
    assert len(times) <= 4


def test_long_work_comes_back_to_the_writing_thread(comms, monkeypatch):
    monkeypatch.setattr(ticker, "shared", ticker.Ticker())
    panel, names = Panel("a run"), []
    panel.work(lambda: 7, lambda result: names.append(threading.current_thread().name)).join()
    panel.work(lambda: 1 / 0).join()
    assert panel.flush()
    assert names == ["widget-writer"]
    assert panel.head.sentence == "ZeroDivisionError: division by zero"


def test_a_closed_panel_ends_its_timers(comms, unthreaded):
    panel, ticks = Panel("a run"), []
    panel.every(1, lambda: ticks.append(1))
    unthreaded.run_timers()
    panel.close()
    unthreaded.run_timers()
    assert ticks == [1]


# Charts.


def test_a_figure_syncs_what_it_shows(comms):
    shown = LiveFigure()
    shown.add_scatter(x=[], y=[])
    figure_box(shown)
    with shown.batch_update():
        shown.data[0].x, shown.data[0].y = np.arange(3, dtype="int32"), np.ones(3, "float32")
    state = shown.get_state()
    assert len(state["_widget_data"][0]["x"]) == 3
    shown.set_dark(True)
    assert shown.get_state()["_widget_layout"]["paper_bgcolor"] == "rgba(0,0,0,0)"
    assert shown._config["responsive"]


def test_styles_differ_in_colour_and_dash():
    first = [series_style(index) for index in range(6)]
    assert len({style["color"] for style in first}) == len({style["dash"] for style in first}) == 6
    assert series_style(6) not in first


def test_decimation_keeps_peaks_gaps_and_the_end():
    y = np.zeros(100_000)
    y[[12_345, 50_000]] = 9.0, -9.0
    y[70_000:80_000] = np.nan
    x, thin = decimated(np.arange(len(y)), y)
    assert len(x) == len(thin) <= figure.MAX_POINTS
    assert {12_345, 50_000} <= set(x.tolist())
    assert np.isnan(thin).any() and np.nanmax(thin) == 9 and np.nanmin(thin) == -9
    assert x[-200:].tolist() == list(range(99_800, 100_000))
    assert (np.diff(x) > 0).all()
    short = decimated([1, 2], [3.0, np.nan])
    assert len(short[0]) == 2
    assert [part.tolist() for part in decimated(range(4), [5.0, 9, 1, 4], 2, 0)] == [[1, 2], [9, 1]]
