"""Two fine-tuning runs beside each other, from the files they leave."""

import pytest

from keras_electra.comparing import compare_results
from keras_electra.errors import InputError
from keras_electra.files import write_json
from keras_electra.scoring import summary

pytest.importorskip("scipy")


def make_run(path, main_metric, metrics, tasks=("t",)):
    """A finished run of three trials; `metrics` has the values of each figure."""
    path.mkdir(parents=True)
    write_json(path / "config.json", {"tasks": {"t": "x"}, "data": {"t": {}}, "finetune": {}})
    (path / "vocab.txt").write_text("[PAD]\n")
    write_json(path / "environment.json", {})
    figures = {name: summary(values) for name, values in metrics.items()}
    results = {
        "results": [{"task": task, "split": "validation", "metrics": figures} for task in tasks],
        "main_metrics": dict.fromkeys(tasks, main_metric),
        "trials": [{"seed": seed, "diverged": []} for seed in range(3)],
    }
    write_json(path / "results.json", results)
    return path


@pytest.mark.parametrize(("metric", "better"), [("pearson", "B is better"), ("mse", "A is better")])
def test_the_verdict_knows_which_way_is_better(tmp_path, metric, better):
    low = make_run(tmp_path / "low", metric, {metric: [0.1, 0.2, 0.3]})
    high = make_run(tmp_path / "high", metric, {metric: [0.5, 0.6, 0.71]})
    found = compare_results(low, high)
    assert found["sentence"].startswith(f"t {metric}: {better} (95 % interval of B - A +0.")
    other = {"A is better": "B is better", "B is better": "A is better"}[better]
    assert other in compare_results(high, low)["sentence"]
    assert "no difference is shown" in compare_results(low, low)["sentence"]


def test_runs_are_compared_by_what_both_have(tmp_path):
    a = make_run(tmp_path / "a", "accuracy", {"accuracy": [0.1, 0.2, 0.3], "f1": [0.1, 0.2, 0.3]})
    b = make_run(tmp_path / "b", "matthews", {"accuracy": [0.5, 0.6, 0.7], "matthews": [0.1] * 3})
    found = compare_results(a, b)
    assert [row["metric"] for row in found["differences"]] == ["accuracy"]
    assert "t accuracy: B is better" in found["sentence"]
    c = make_run(tmp_path / "c", "matthews", {"matthews": [0.1] * 3, "f1": [0.1] * 3})
    assert compare_results(a, c)["sentence"] == "the runs have no main figure in common"
    only = make_run(tmp_path / "d", "matthews", {"matthews": [0.1] * 3})
    with pytest.raises(InputError) as caught:
        compare_results(a, only)
    assert str(caught.value) == (
        f"compare: expected a figure that both runs have, received accuracy, f1 in {a} and "
        f"matthews in {only}"
    )


def test_tasks_are_paired_by_their_names(tmp_path):
    a = make_run(tmp_path / "a", "f1", {"f1": [0.1, 0.2, 0.3]}, tasks=("t", "u"))
    b = make_run(tmp_path / "b", "f1", {"f1": [0.5, 0.6, 0.7]}, tasks=("u", "t"))
    assert [row["task"] for row in compare_results(a, b)["differences"]] == ["t", "u"]
