"""Following a run: its log as it grows, its charts, and what the guards say of it."""

import json
import os

import numpy as np
import pytest

from keras_electra.errors import InputError
from keras_electra.monitoring import RunFollower, guards
from keras_electra.monitoring.axes import axis_values, seconds_left, smoothed
from keras_electra.monitoring.charts import charts_of, positions, sentence_of, table_of
from keras_electra.monitoring.curves import plots_for, values_of
from keras_electra.monitoring.run_events import (
    baselines_of,
    marks_of,
    validation_baselines_of,
    validations_of,
)
from keras_electra.monitoring.run_follower import Columns, last_lines
from keras_electra.processes import memory_bytes
from keras_electra.runs import RunSession

ROW = {
    "mlm_loss": 5.0,
    "rtd_loss": 0.4,
    "generator_accuracy": 0.2,
    "sampled_accuracy": 0.1,
    "rtd_accuracy": 0.9,
    "rtd_precision": 0.5,
    "rtd_recall": 0.4,
    "rtd_auc": 0.8,
    "replaced_rate": 0.1,
    "learning_rate": 1e-4,
    "gradient_norm": 1.0,
    "tokens_per_second": 1000.0,
    "data_wait_seconds": 0.0,
    "skipped_steps": 0,
    "memory_bytes": 5e8,
    "peak_memory_bytes": 6e8,
}


def row(number, **changes):
    place = {"step": 10 * number, "tokens": 640 * number, "seconds": 2.0 * number}
    return {**place, **ROW, **changes}


def columns_of(rows):
    columns = Columns()
    columns.append(rows)
    return columns


@pytest.fixture
def open_session(tmp_path):
    """A function: a session in the folder `run`."""

    def make(**changes):
        return RunSession(
            tmp_path / "run",
            config={"pretrain": {"steps": 1000}},
            vocabulary=b"[PAD]\n",
            environment={},
            steps=1000,
            **changes,
        )

    return make


# Reading what was added.


def test_only_new_rows_are_read(open_session):
    with open_session() as session:
        follower = RunFollower(session.folder)
        assert follower.update()
        assert (len(follower.columns), follower.state) == (0, "starting")
        for number in range(1, 4):
            session.append_log(row(number))
        session.set_state("running", 30)
        assert follower.update()
        assert follower.columns["step"].tolist() == [10, 20, 30]
        before = follower.columns["mlm_loss"]
        assert not follower.update()
        session.append_log(row(4, mlm_loss=None))
        assert follower.update()
        assert np.isnan(follower.columns["mlm_loss"][-1])
        assert before.tolist() == [5, 5, 5]
        assert "mlm_loss" not in follower.columns.last_row()
    assert follower.update() and follower.state == "stopped"
    assert [event["kind"] for event in follower.events] == ["start"]


def test_a_line_that_is_being_written_waits(tmp_path):
    follower, path = RunFollower(tmp_path), tmp_path / "log.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step"')
    follower.update()
    assert follower.columns["step"].tolist() == [1]
    with open(path, "ab") as file:
        file.write(b": 2}\n")
    follower.update()
    assert follower.columns["step"].tolist() == [1, 2]
    assert follower.problems == []


def test_rows_cut_on_resume_are_forgotten(open_session):
    with open_session() as session:
        for number in range(1, 9):
            session.append_log(row(number))
        follower = RunFollower(session.folder)
        follower.update()
        session.cut_log(50)
        session.append_log(row(6, mlm_loss=1.0))
        follower.update()
    assert follower.columns["step"].tolist() == [10, 20, 30, 40, 50, 60]
    assert follower.columns["mlm_loss"][-1] == 1


def test_a_rewritten_log_is_noticed_though_its_inode_is_the_same(tmp_path):
    follower, path = RunFollower(tmp_path), tmp_path / "log.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2}\n')
    follower.update()
    with open(path, "r+b") as file:
        file.write(b'{"step": 7}\n{"step": 8}\n{"step": 9}\n')
    follower.update()
    assert follower.columns["step"].tolist() == [7, 8, 9]


def test_damage_is_told_and_the_rest_is_shown(open_session):
    with open_session() as session:
        session.append_log(row(1))
    folder = session.folder
    with open(folder.log_path, "ab") as file:
        file.write(b'not json\n[1]\n{"step": 20}\n')
    folder.status_path.write_text("[]")
    folder.config_path.write_text("{")
    follower = RunFollower(folder)
    follower.update_all()
    assert follower.columns["step"].tolist() == [10, 20]
    told = " ".join(follower.problems)
    assert "log.jsonl', line 2: expected a JSON object" in told
    assert "config.json" in told and "status.json" in told
    charts_of(follower)


def test_what_no_folder_holds_is_empty(tmp_path):
    follower = RunFollower(tmp_path / "nothing")
    assert not follower.exists
    follower.update()
    assert (follower.state, follower.events, follower.problems) == (None, [], [])
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "log.jsonl").write_text('{"step": 1}\n')
    assert follower.update()
    os.remove(tmp_path / "nothing" / "log.jsonl")
    follower.update()
    assert len(follower.columns) == 0


def test_odd_values_do_no_harm():
    columns = columns_of(
        [{"step": 1, "note": "<b>", "list": [1], "on": True, "big": 10**400}, {"new": 2.5}]
    )
    assert columns.names == ["step", "on", "big", "new"]
    assert np.isnan(columns["step"][1]) and np.isnan(columns["big"][0])
    assert np.isnan(columns["new"][0]) and columns["new"][1] == 2.5
    assert np.isnan(columns["absent"]).all()


def test_a_long_log_is_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_electra.monitoring.run_follower.MAX_BYTES_AT_ONCE", 1000)
    lines = [json.dumps(row(number)) for number in range(1, 101)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n")
    follower = RunFollower(tmp_path)
    follower.update()
    assert 0 < len(follower.columns) < 10
    follower.update_all()
    assert len(follower.columns) == 100


def test_the_end_of_a_text(tmp_path):
    path = tmp_path / "output.txt"
    assert last_lines(path) == ""
    path.write_bytes(b"first\n 10 %\r 90 %\r\nlast \xff\n\n")
    assert last_lines(path, 2) == " 90 %\nlast �"


# Axes, curves, charts.


def test_smoothing_is_that_of_the_plain_loop():
    values = np.random.default_rng(0).normal(size=3000)
    values[100:120] = np.nan
    for weight in (0.3, 0.9, 0.99):
        total, wanted = 0.0, []
        for value in values[~np.isnan(values)]:
            total = weight * total + (1 - weight) * value
            wanted.append(total / (1 - weight ** (len(wanted) + 1)))
        found = smoothed(values, weight)
        np.testing.assert_allclose(found[~np.isnan(values)], wanted, atol=1e-12)
        assert np.isnan(found[100:120]).all()
    assert smoothed([1, 3], 0.5).tolist() == pytest.approx([1, 7 / 3])
    with pytest.raises(InputError, match="smoothing"):
        smoothed(values, 1.0)


def test_axes_go_on_over_trials():
    columns = columns_of(
        [{"step": s, "tokens": t, "seconds": t} for s, t in [(1, 5), (2, 10), (3, 4), (4, 8)]]
    )
    assert axis_values(columns, "steps").tolist() == [1, 2, 3, 4]
    assert axis_values(columns, "tokens").tolist() == [5, 10, 14, 18]
    assert axis_values(columns, "time")[-1] == pytest.approx(18 / 3600)
    assert positions(columns, "tokens", [2.5]).tolist() == [12]
    assert axis_values(columns_of([{"loss": 1.0}] * 2), "tokens").tolist() == [1, 2]
    with pytest.raises(InputError, match="axis: expected one of steps, tokens, time"):
        axis_values(columns, "stepz")


def test_baselines_are_derived():
    columns = columns_of([row(1), row(2, replaced_rate=0.75)])
    assert values_of(columns, "majority_accuracy").tolist() == [0.9, 0.75]
    assert values_of(columns, "rtd_prior_entropy")[0] == pytest.approx(0.3251, abs=1e-4)
    assert values_of(columns, "unigram_entropy", {"unigram_entropy": 6.5}).tolist() == [6.5, 6.5]
    assert np.isnan(values_of(columns, "unigram_entropy")).all()
    assert values_of(columns, "memory_megabytes").tolist() == [500, 500]


def test_every_figure_has_a_plot():
    titles = [plot.title for plot in plots_for(row(1))]
    assert titles[0] == "generator loss (nats)" and titles[-1] == "memory (MB)"
    drawn = {curve.column for plot in plots_for(row(1)) for curve in plot.curves}
    assert {*ROW} - {"memory_bytes", "peak_memory_bytes", "skipped_steps"} <= drawn
    plots = plots_for(["step", "loss", "val_loss", "accuracy", "val_accuracy", "val_odd"])
    assert [[curve.column for curve in plot.curves] for plot in plots] == [
        ["loss", "val_loss"],
        ["accuracy", "val_accuracy"],
        ["val_odd"],
    ]


def test_charts_of_a_run(open_session):
    with open_session() as session:
        follower = RunFollower(session.folder)
        follower.update()
        empty = charts_of(follower)
        assert "replaced token detection" in [chart.title for chart in empty]
        assert sentence_of(empty, "step") == "no figures yet"
        session.append_event("baselines", unigram_entropy=6.5, unigram_accuracy=0.05, other="x")
        for number in range(1, 41):
            session.append_log(row(number, mlm_loss=6 - number / 10))
        follower.update()
    charts = charts_of(follower, "tokens", 0.5)
    (generator,) = [chart for chart in charts if chart.title == "generator loss (nats)"]
    lines = {line.label: line for line in generator.lines}
    assert lines["generator"].x[-1] == 640 * 40
    assert lines["unigram"].is_baseline and lines["unigram"].newest == 6.5
    assert [len(chart.lines) for chart in charts] == [len(chart.lines) for chart in empty]
    table = {(chart, line): rest for chart, line, *rest in table_of(charts)}
    assert table["replaced token detection", "accuracy of majority class"] == [0.9] * 3
    told = sentence_of(charts, "step")
    assert (
        "generator 2.1, falling" in told and "unigram 6.5;" in told and "at step 2.56e+04" in told
    )


def test_validations_are_charts(open_session):
    with open_session() as session:
        tell = session.append_event
        tell("baselines", figures={"verbs": {"accuracy": 0.5}})
        tell("validation", step=10, trial=0, figures={"verbs": {"accuracy": 0.6}})
        tell("validation", step=20, trial=0, figures={"verbs": {"accuracy": 0.7}})
        tell("restart", step=20, trial=0)
        tell("validation", step=10, trial=0, figures={"verbs": {"accuracy": 0.8}})
        tell("validation", step=30, trial=1, figures={"verbs": {"accuracy": 0.9}})
        follower = RunFollower(session.folder)
        follower.update()
    assert [one.step for one in validations_of(follower.events)] == [10, 30]
    chart = charts_of(follower)[0]
    assert chart.title == "validation: accuracy"
    found = [(line.label, line.y.tolist(), line.is_baseline) for line in chart.lines]
    assert found == [
        ("trial 0", [0.8], False),
        ("trial 1", [0.9], False),
        ("commonest answer", [0.5, 0.5], True),
    ]
    results = {"baselines": {"verbs": {"mean": {"validation": {"accuracy": 0.4}}, "tfidf": 3}}}
    assert validation_baselines_of(follower.events, results) == {"accuracy": 0.4}
    assert validation_baselines_of([], {"baselines": ["odd"]}) == {}


def test_marks_and_baselines_take_any_event():
    events = [
        {"kind": "pause", "step": 5},
        {"kind": "resume", "step": 5},
        {"kind": "resume", "step": 4, "checkpoint": "step_00000004"},
        {"kind": "failure", "step": "<script>"},
        {"kind": "checkpoint", "step": 9},
        {"kind": "baselines", "unigram_entropy": "many"},
        {},
    ]
    found = [(mark.kind, mark.step) for mark in marks_of(events)]
    assert found == [("pause", 5), ("restart", 4), ("checkpoint", 9)]
    assert baselines_of(events) == {}


def test_time_left():
    columns = columns_of([row(number) for number in range(1, 21)])
    assert seconds_left(columns, 1000) == pytest.approx(800 / 10 * 2)
    assert seconds_left(columns, 1000, budget_seconds=60) == 20
    assert seconds_left(columns, None) is None
    assert seconds_left(columns_of([row(1)]), 1000) is None


def test_memory_is_known_here():
    now, peak = memory_bytes()
    if now is not None:
        assert 1e6 < now <= peak < 1e13


# Guards.


def test_nothing_to_say_of_a_good_run():
    rows = [row(number, rtd_recall=0.4) for number in range(1, 101)]
    assert guards.guard_sentences(columns_of(rows)) == []
    assert guards.guard_sentences(Columns()) == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(1), row(2, mlm_loss=None)], "mlm_loss is not finite at step 20"),
        ([row(1), row(2, skipped_steps=3)], "3 of the steps since the last row were left out"),
        (
            [row(n, rtd_recall=0.0, rtd_accuracy=0.9) for n in range(1, 101)],
            "has called every token original since step 500",
        ),
        (
            [row(n, sampled_accuracy=0.8, rtd_auc=0.52) for n in range(1, 11)],
            "draws the original in 80%",
        ),
        (
            [row(n, tokens_per_second=1000 if n < 30 else 400) for n in range(1, 34)],
            "400 tokens/s, after 1,000",
        ),
    ],
    ids=["not finite", "left out", "stuck", "too good", "halved"],
)
def test_guards_say_what_is_wrong(rows, said):
    (sentence,) = guards.guard_sentences(columns_of(rows))
    assert said in sentence


def test_guards_wait_until_they_can_tell():
    stuck = [row(n, rtd_recall=0.0) for n in range(1, 40)]
    assert guards.stuck_at_majority(columns_of(stuck)) == []
    better = [row(n, rtd_recall=0.0, rtd_accuracy=0.95) for n in range(1, 101)]
    assert guards.stuck_at_majority(columns_of(better)) == []
    slow_start = [row(n, tokens_per_second=1000 if n < 8 else 100) for n in range(1, 12)]
    assert guards.throughput_halved(columns_of(slow_start)) == []


def test_guards_of_the_folder(open_session):
    assert guards.heartbeat_stale("running", 59) == []
    assert "sign of life for 75 s" in guards.heartbeat_stale("running", 75.2)[0]
    assert guards.heartbeat_stale("finished", 1e9) == []
    assert guards.disk_short(None, 100) == guards.disk_short(100, None) == []
    assert guards.disk_short(200_000_000, 100_000_000) == []
    (told,) = guards.disk_short(199_000_000, 100_000_000)
    assert "199 MB are free" in told
    with open_session() as session:
        (session.folder.checkpoints_path / "step_00000010").mkdir()
        (session.folder.checkpoints_path / "step_00000010" / "weights").write_bytes(b"12345")
        assert guards.newest_checkpoint_bytes(session.folder) == 5
        assert guards.folder_sentences(session.folder, session.folder.status()) == []
