"""Which of two fine-tuned encoders does better: differences over paired seeds."""

import pathlib

from keras_electra.errors import InputError
from keras_electra.runs import RunFolder
from keras_electra.runs.files import read_json
from keras_electra.scoring import holm, paired_difference

RESULTS_FILE = "results.json"
LEVEL = 0.05
SAME = ("tasks", "data")
"""What two runs must agree on to be compared."""


def compare_results(run_a, run_b) -> dict:
    """Compare two finished fine-tuning runs on the same task, data and seeds.

    Args:
        run_a, run_b: their folders.

    Returns:
        `{"a", "b", "seeds", "differences": [...], "sentence"}`; each difference is {"task", "split",
        "metric", "mean_a", "mean_b", "difference" (B - A), "std", "interval" (95 %, None with one
        seed), "p_value", "adjusted_p_value" (Holm over all rows)}.

    Raises:
        InputError: if a run is not finished, or they have other tasks, data or seeds.
    """
    a, b = finished(run_a), finished(run_b)
    check_same(run_a, run_b)
    seeds_a, seeds_b = (seeds_of(one) for one in (a, b))
    if seeds_a != seeds_b:
        raise InputError(
            f"compare: expected the same seeds, received {seeds_a} in {run_a} and {seeds_b} in {run_b}"
        )
    differences = []
    for one, other in zip(a["results"], b["results"], strict=True):
        for metric, values in one["metrics"].items():
            place = {"task": one["task"], "split": one["split"], "metric": metric}
            differences.append(place | difference(values, other["metrics"][metric]))
    adjust(differences)
    return {
        "a": str(run_a),
        "b": str(run_b),
        "seeds": seeds_a,
        "differences": differences,
        "sentence": verdict(a, differences),
    }


def finished(run) -> dict:
    """`results.json` of a run; `InputError` if there is none."""
    path = pathlib.Path(run) / RESULTS_FILE
    if not path.is_file():
        raise InputError(f"compare: expected a finished fine-tuning run, received {run}")
    return read_json(path)


def seeds_of(results: dict) -> list[int]:
    """The seed that each trial began with; a restart after a divergence pairs like its trial."""
    return [(trial["diverged"] or [trial["seed"]])[0] for trial in results["trials"]]


def check_same(run_a, run_b) -> None:
    """Raise `InputError` where two runs are of other tasks or data, naming which."""
    a, b = RunFolder(run_a).config(), RunFolder(run_b).config()
    for name in SAME:
        if a[name] != b[name]:
            raise InputError(
                f"compare: expected runs with the same {name}, received {run_a} and {run_b}, "
                "which differ in it"
            )


def difference(a: dict, b: dict) -> dict:
    """The figures of one row of the comparison, from two summaries over trials."""
    found = paired_difference(b["values"], a["values"])
    return {
        "mean_a": a["mean"],
        "mean_b": b["mean"],
        "difference": found["mean"],
        "std": found["std"],
        "interval": found["interval"],
        "p_value": found["p_value"],
    }


def adjust(rows: list[dict]) -> None:
    """Add `adjusted_p_value` to rows, by Holm's method over those that have a p value."""
    tested = [row for row in rows if row["p_value"] is not None]
    for row in rows:
        row["adjusted_p_value"] = None
    for row, value in zip(tested, holm([row["p_value"] for row in tested]), strict=True):
        row["adjusted_p_value"] = float(value)


def verdict(a: dict, differences: list[dict]) -> str:
    """One sentence on the main figure of each task's validation part."""
    parts = []
    for row in differences:
        if row["split"] != "validation" or row["metric"] != a["main_metrics"][row["task"]]:
            continue
        name = f"{row['task']} {row['metric']}"
        if row["interval"] is None:
            parts.append(f"{name}: one seed cannot tell a difference")
            continue
        low, high = row["interval"]
        better = (
            "B is better" if low > 0 else "A is better" if high < 0 else "no difference is shown"
        )
        parts.append(f"{name}: {better} (95 % interval of B - A {low:+.4f} to {high:+.4f})")
    return "; ".join(parts)
