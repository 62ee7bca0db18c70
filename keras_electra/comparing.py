"""Which of two fine-tuned encoders does better: differences over paired seeds."""

import pathlib

from keras_electra.errors import InputError
from keras_electra.files import read_json
from keras_electra.runs import RunFolder
from keras_electra.scoring import holm, paired_difference
from keras_electra.tasks.kinds import is_less_better

RESULTS_FILE = "results.json"
LEVEL = 0.05
SAME = ("tasks", "data")
"""What two runs must agree on to be compared."""


def compare_results(run_a, run_b) -> dict:
    """Compare two finished fine-tuning runs on the same task, data and seeds, by the figures of both.

    Args:
        run_a, run_b: their folders.

    Returns:
        `{"a", "b", "seeds", "differences": [...], "sentence"}`; each difference is {"task", "split",
        "metric", "mean_a", "mean_b", "difference" (B - A), "std", "interval" (95 %, None with one
        seed), "p_value", "adjusted_p_value" (Holm over all rows)}.

    Raises:
        InputError: if a run is not finished, they have other tasks, data or seeds, or no figure is in
            both.
    """
    a, b = finished(run_a), finished(run_b)
    check_same(run_a, run_b)
    seeds_a, seeds_b = (seeds_of(one) for one in (a, b))
    if seeds_a != seeds_b:
        raise InputError(
            f"compare: expected the same seeds, received {seeds_a} in {run_a} and {seeds_b} in {run_b}"
        )
    differences = common_differences(a, b)
    if not differences:
        raise InputError(
            f"compare: expected a figure that both runs have, received {', '.join(names_of(a))} in "
            f"{run_a} and {', '.join(names_of(b))} in {run_b}"
        )
    adjust(differences)
    return {
        "a": str(run_a),
        "b": str(run_b),
        "seeds": seeds_a,
        "differences": differences,
        "sentence": verdict(main_metrics(a, b), differences),
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


def common_differences(a: dict, b: dict) -> list[dict]:
    """The rows of the comparison: one per task, split and figure that both results have."""
    entries = {(entry["task"], entry["split"]): entry["metrics"] for entry in b["results"]}
    found = []
    for entry in a["results"]:
        place = {"task": entry["task"], "split": entry["split"]}
        other = entries.get(tuple(place.values()), {})
        for metric, values in entry["metrics"].items():
            if metric in other:
                found.append({**place, "metric": metric, **difference(values, other[metric])})
    return found


def names_of(results: dict) -> list[str]:
    """Names of the figures in results, each once."""
    return list(dict.fromkeys(name for entry in results["results"] for name in entry["metrics"]))


def main_metrics(a: dict, b: dict) -> set[tuple[str, str]]:
    """(task, figure) that trials were compared by, in either of two results."""
    return {pair for results in (a, b) for pair in results["main_metrics"].items()}


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


def verdict(main: set[tuple[str, str]], differences: list[dict]) -> str:
    """One sentence on the main figures of each task's validation part.

    Args:
        main: (task, figure) of those wanted, where there is a difference of them.
        differences: rows of the comparison.
    """
    parts = []
    for row in differences:
        if row["split"] != "validation" or (row["task"], row["metric"]) not in main:
            continue
        name = f"{row['task']} {row['metric']}"
        if row["interval"] is None:
            parts.append(f"{name}: one seed cannot tell a difference")
            continue
        low, high = row["interval"]
        less, more = ("B", "A") if is_less_better(row["metric"]) else ("A", "B")
        told = "no difference is shown"
        if low > 0 or high < 0:
            told = f"{more if low > 0 else less} is better"
        parts.append(f"{name}: {told} (95 % interval of B - A {low:+.4f} to {high:+.4f})")
    return "; ".join(parts) or "the runs have no main figure in common"
