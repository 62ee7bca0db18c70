"""Runs side by side: surveyed, filtered, grouped by seed, averaged, paired."""

import json

import numpy as np
import pytest

from keras_electra.errors import InputError
from keras_electra.monitoring import RunFollower
from keras_electra.monitoring.run_comparison import (
    curve_of,
    differing,
    filtered,
    groups_of,
    mean_line,
    metrics_of,
    minus,
    paired_comparison,
    short_names,
)
from keras_electra.monitoring.survey import survey
from keras_electra.runs import RunSession


def make_run(folder, *, rate=1e-4, seed=0, size="small", auc=0.7, steps=40, state="finished"):
    """A pretraining run of four rows."""
    config = {
        "pretrain": {"size": size, "seed": seed, "optimizer": {"learning_rate": rate}},
        "store": {"path": f"/somewhere/{seed}", "fingerprint": "f"},
    }
    session = RunSession(
        folder,
        config=config,
        vocabulary=b"[PAD]\n",
        environment={"backend": "torch", "system": f"kernel {seed}"},
        steps=steps,
    )
    with session:
        for step in range(10, steps + 1, 10):
            row = {"step": step, "tokens": 64 * step, "seconds": step / 10, "rtd_auc": auc}
            session.append_log({**row, "loss": 20 - step / 10 + seed})
        session.set_state(state, steps, message="the disk is gone" if state == "failed" else None)
    return session.folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two rates with two seeds each, a broken run, a failed one, and what is no run."""
    root = tmp_path_factory.mktemp("runs")
    for rate, auc in ((1e-4, 0.7), (1e-3, 0.8)):
        for seed in (0, 1):
            make_run(root / f"rate{rate:g}" / f"seed{seed}", rate=rate, seed=seed, auc=auc)
    make_run(root / "failed", size="tiny", state="failed")
    broken = make_run(root / "nested" / "broken")
    broken.config_path.write_text("{")
    broken.vocabulary_path.unlink()
    (root / "preset").mkdir()
    (root / "preset" / "config.json").write_text("{}")
    (root / "preset" / "vocab.txt").write_text("")
    return root


@pytest.fixture(scope="module")
def records(runs):
    return survey(runs)


def named(records, *names):
    found = {record.name: record for record in records}
    return [found[name] for name in names]


def followed(runs, name):
    follower = RunFollower(runs / name)
    follower.update_all()
    return follower


def test_a_survey_finds_all_runs_and_says_what_is_wrong(records, runs):
    found = {record.name: record for record in records}
    assert list(found) == [
        "failed",
        "nested/broken",
        "rate0.0001/seed0",
        "rate0.0001/seed1",
        "rate0.001/seed0",
        "rate0.001/seed1",
    ]
    good = found["rate0.001/seed1"]
    assert (good.kind, good.state, good.step, good.steps, good.seed) == (
        *("pretrain", "finished", 40, 40, 1),
    )
    assert good.figures["rtd_auc"] == 0.8 and good.problem is None and good.started
    assert found["failed"].problem == "the disk is gone"
    broken = found["nested/broken"]
    assert "vocab.txt missing" in broken.problem and "config.json" in broken.problem
    assert not broken.is_usable and broken.figures["step"] == 40
    with pytest.raises(InputError, match="expected a folder with runs"):
        survey(runs / "nothing")


def test_damaged_logs_and_results_are_told(tmp_path):
    run = make_run(tmp_path / "run")
    with open(run.log_path, "ab") as file:
        file.write(b"nonsense\n")
    run.events_path.write_text("[]\n")
    results = {
        "results": [
            {"task": "a", "split": "validation", "metrics": {"accuracy": {"mean": 0.9}, "odd": 1}},
            {"task": "b", "split": "test", "metrics": {"f1": {"mean": None}}},
            3,
        ]
    }
    (run.path / "results.json").write_text(json.dumps(results))
    (record,) = survey(tmp_path / "run")
    assert record.name == "run"
    assert "log.jsonl', last line" in record.problem and "events.jsonl', line 1" in record.problem
    assert record.figures == {"a validation accuracy": 0.9}


def test_what_differs(records):
    four = [record for record in records if record.name.startswith("rate")]
    assert differing(four) == ["pretrain.seed", "pretrain.optimizer.learning_rate"]
    assert differing(four[:1]) == []
    assert "pretrain.size" in differing(records)
    assert short_names(["pretrain.seed", "a.rate", "b.rate"]) == {
        "pretrain.seed": "seed",
        "a.rate": "a.rate",
        "b.rate": "b.rate",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 6),
        ("lr>1e-4", 2),
        ("learning_rate >= 1e-4 size=small", 4),
        ("pretrain.optimizer.learning_rate=0.001 seed=1", 1),
        ("rtd_auc>0.75", 2),
        ("size!=small", 1),
        ("state=failed", 1),
        ("seed0 rate0.001", 1),
        ("FINISHED nested", 1),
        ("no such run", 0),
    ],
)
def test_filters(records, text, expected):
    assert len(filtered(records, text)) == expected


def test_a_filter_by_what_no_run_has(records):
    with pytest.raises(InputError, match="filter: expected the name .* received 'lerning_rate'"):
        filtered(records, "lerning_rate>1")


def test_runs_that_differ_in_the_seed_belong_together(records):
    groups = [[record.name for record in group] for group in groups_of(records)]
    assert ["rate0.0001/seed0", "rate0.0001/seed1"] in groups
    assert ["failed"] in groups and ["nested/broken"] in groups


def test_curves(runs):
    follower = followed(runs, "rate0.001/seed0")
    assert metrics_of([follower]) == ["rtd_auc", "loss"]
    x, y = curve_of(follower, "loss", "tokens")
    assert x.tolist() == [640, 1280, 1920, 2560] and y.tolist() == [19, 18, 17, 16]
    assert curve_of(follower, "loss", "share")[0].tolist() == [0.25, 0.5, 0.75, 1]
    assert len(curve_of(follower, "absent", "steps")[0]) == 0
    assert curve_of(follower, "validation: accuracy", "steps")[0].tolist() == []
    with pytest.raises(InputError, match="axis"):
        curve_of(follower, "loss", "epochs")


def test_mean_and_band():
    curves = [
        (np.array([1.0, 2, 3]), np.array([1.0, 2, 3])),
        (np.array([2.0, 4]), np.array([4.0, 6])),
    ]
    line = mean_line("rate", curves)
    assert line.label == "rate (n=2)"
    assert line.x.tolist() == [2, 3]
    assert line.y.tolist() == [3, 4]
    assert (line.low.tolist(), line.high.tolist()) == ([2, 3], [4, 5])
    many = mean_line("rate", [(np.arange(2.0), np.full(2, float(n))) for n in range(5)])
    assert many.high[0] - many.y[0] == pytest.approx(np.std(range(5), ddof=1))
    assert mean_line("one", curves[:1]).low is None
    apart = mean_line(
        "apart", [(np.array([1.0]), np.array([1.0])), (np.array([2.0]), np.array([2.0]))]
    )
    assert len(apart.x) == 0
    assert len(mean_line("none", []).x) == 0


def test_difference_from_a_baseline():
    base = mean_line("base", [(np.array([0.0, 10]), np.array([0.0, 10]))])
    line = mean_line("other", [(np.array([5.0, 10, 15]), np.array([7.0, 8, 9]))] * 2)
    found = minus(line, base)
    assert found.x.tolist() == [5, 10] and found.y.tolist() == [2, -2]
    assert found.low.tolist() == [2, -2]
    assert len(minus(line, mean_line("none", [])).x) == 0


def test_pairs_by_seed(tmp_path):
    pytest.importorskip("scipy")
    for name, auc in (("a", 0.7), ("b", 0.8)):
        for seed in range(3):
            noise = 0.001 * seed * (1 if name == "a" else -1)
            rate = 1e-4 if name == "a" else 1e-3
            make_run(tmp_path / name / str(seed), seed=seed, auc=auc + noise, rate=rate)
    a, b = groups_of(survey(tmp_path))
    found = paired_comparison(a, b, "rtd_auc")
    assert found["seeds"] == [0, 1, 2]
    assert found["difference"] == pytest.approx(0.098)
    assert "B is higher over 3 seeds" in found["sentence"]
    assert "one seed cannot tell" in paired_comparison(a[:1], b[:1], "rtd_auc")["sentence"]
    with pytest.raises(InputError, match="expected runs with the same seeds"):
        paired_comparison(a[:1], b[1:], "rtd_auc")
    with pytest.raises(InputError, match="expected f1 in"):
        paired_comparison(a, b, "f1")
