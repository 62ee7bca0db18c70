"""What a fine-tuning run leaves: figures over trials, predictions, and the files that benchmarks take."""

import json
import pathlib

from keras_electra.runs.files import read_json, write_bytes, write_json
from keras_electra.scoring import summary

RESULT_FILE, RESULTS_FILE, TABLE_FILE = "result.json", "results.json", "results.md"


def write_predictions(folder, task: str, split: str, rows: list[dict], is_alone: bool) -> None:
    """Write one split's prediction rows as JSON lines, under the task's name where there are several."""
    folder = pathlib.Path(folder) if is_alone else pathlib.Path(folder) / task
    folder.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    write_bytes(folder / f"{split}.jsonl", ("\n".join(lines) + "\n").encode())


def trial_results(run_path) -> list[dict]:
    """The records of the finished trials of a run, by number."""
    files = sorted(pathlib.Path(run_path).glob(f"trials/trial_*/{RESULT_FILE}"))
    return [read_json(file) for file in files]


def best_trial(results: list[dict]) -> int:
    """Number of the trial with the best validation; the first of equals."""
    return max(results, key=lambda result: (result["main"], -result["trial"]))["trial"]


def over_trials(results: list[dict]) -> list[dict]:
    """One entry per task and split: {"task", "split", "metrics": {name: summary over the trials}}."""
    entries = []
    for task, splits in results[0]["figures"].items():
        for split, figures in splits.items():
            metrics = {
                name: summary([result["figures"][task][split][name] for result in results])
                for name in figures
            }
            entries.append({"task": task, "split": split, "metrics": metrics})
    return entries


def write_results(run_path, results: list[dict], record: dict) -> dict:
    """Write `results.json` and `results.md`.

    Args:
        run_path: the run folder.
        results: of `trial_results`.
        record: what else `results.json` shall hold: inputs, baselines, settings.

    Returns:
        The content of `results.json`.
    """
    run_path = pathlib.Path(run_path)
    content = {
        "results": over_trials(results),
        "best_trial": best_trial(results),
        "num_diverged": sum(len(result["diverged"]) for result in results),
        "trials": [
            {name: value for name, value in result.items() if name not in ("figures", "reports")}
            for result in results
        ],
        "reports": results[best_trial(results)]["reports"],
        **record,
    }
    write_json(run_path / RESULTS_FILE, content)
    write_bytes(run_path / TABLE_FILE, as_markdown(content).encode())
    return content


def as_markdown(content: dict) -> str:
    """The results as tables, one line per task, split and figure; baselines in the last column."""
    num_trials = len(content["trials"])
    names = sorted({name for found in content["baselines"].values() for name in found})
    heading = ["task", "split", "figure", "mean", "median", "std", "95 % interval", *names]
    lines = [
        f"{num_trials} trials, {content['num_diverged']} restarted after they diverged; best by "
        f"validation: trial {content['best_trial']}. Fractions, not percent.",
        "",
        f"| {' | '.join(heading)} |",
        f"|{'---|' * len(heading)}",
    ]
    for entry in content["results"]:
        baselines = content["baselines"].get(entry["task"], {})
        for metric, values in entry["metrics"].items():
            cells = [entry["task"], entry["split"], metric, *shown(values)]
            for name in names:
                value = baselines.get(name, {}).get(entry["split"], {}).get(metric)
                cells.append("" if value is None else f"{value:.4f}")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def shown(values: dict) -> list[str]:
    """Mean, median, standard deviation and interval as cells of a table."""
    interval = values["interval"]
    cells = [values["mean"], values["median"], values["std"]]
    texts = ["" if value is None else f"{value:.4f}" for value in cells]
    between = "" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"
    return [*texts, between]
