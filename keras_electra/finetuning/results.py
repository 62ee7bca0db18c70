"""What a fine-tuning run leaves: figures over trials, predictions, and the files that benchmarks take."""

import pathlib

from keras_electra.exploring.records import (
    RESULTS_FILE,
    best_trial,
    numbers_of_restarts,
    over_trials,
    restarts_in_words,
    split_file,
)
from keras_electra.files import to_json_lines, write_bytes, write_json

TABLE_FILE = "results.md"


def write_predictions(folder, task: str, split: str, rows: list[dict], is_alone: bool) -> None:
    """Write one split's prediction rows as JSON lines, under the task's name where there are several."""
    path = split_file(folder, task, split, is_alone)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, to_json_lines(rows))


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
        **numbers_of_restarts(results),
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
    trials = "1 trial" if num_trials == 1 else f"{num_trials} trials"
    names = sorted({name for found in content["baselines"].values() for name in found})
    heading = ["task", "split", "figure", "mean", "median", "std", "95 % interval", *names]
    lines = [
        f"{trials}, {restarts_in_words(content)}; best by validation: trial "
        f"{content['best_trial']}. Fractions, not percent.",
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
