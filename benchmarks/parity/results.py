"""Scores of whole trainings: a JSON line each, and what they say of the two sides."""

import json
import pathlib

from keras_electra.scoring import difference_of_means, holm, summary

FAMILY_LEVEL = 0.05
"""Chance of finding a difference on any task where there is none."""


class Results:
    """The lines of a file, and those added to it; each line is kept once it is written.

    A line is one training: task, side, seed, settings, {metric: value} and seconds. Lines with other
    settings stay in the file and are not looked at.

    Args:
        options: of the command line; model and file are used.
        config: the settings of both sides.
    """

    def __init__(self, options, config):
        self.path = pathlib.Path(options.results)
        self.settings = {
            "model": pathlib.Path(options.model).name,
            "max_train_examples": options.max_train_examples,
            "max_eval_examples": options.max_eval_examples,
            "epochs": config.epochs,
            "batch_size": config.batch_size,
            "sequence_length": config.sequence_length,
            "learning_rate": config.optimizer.learning_rate,
        }
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        self.rows = [row for row in map(json.loads, lines) if row["settings"] == self.settings]

    def has(self, case, side: str, seed: int) -> bool:
        """Whether a training is there already."""
        key = (case.task.name, side, seed)
        return any((row["task"], row["side"], row["seed"]) == key for row in self.rows)

    def add(self, case, side: str, seed: int, scores: dict, seconds: float) -> None:
        """Note a training and write its line."""
        row = {
            "task": case.task.name,
            "side": side,
            "seed": seed,
            "settings": self.settings,
            "num_train": len(case.train),
            "num_judged": len(case.judged),
            "scores": scores,
            "seconds": round(seconds, 1),
        }
        self.rows.append(row)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)

    def values(self, task: str, side: str, metric: str) -> list[float]:
        """One figure of all seeds of a side."""
        return [
            row["scores"][metric] for row in self.rows if (row["task"], row["side"]) == (task, side)
        ]


def print_comparison(results: Results, metrics: dict[str, str]) -> None:
    """Print means of both sides, the difference with its 95 % interval, and Holm's p values.

    Args:
        metrics: task -> the figure to compare.
    """
    compared = {}
    for task, metric in metrics.items():
        sides = [results.values(task, side, metric) for side in ("ours", "theirs")]
        if min(map(len, sides)) >= 2:
            compared[task] = sides, difference_of_means(*sides)
    adjusted = holm([found["p_value"] for _, found in compared.values()]) if compared else []
    print("\n| task | metric | seeds | this package | transformers | difference | p (Holm) |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for (task, (sides, found)), p_value in zip(compared.items(), adjusted, strict=True):
        means = [f"{s['mean']:.4f} ± {s['std']:.4f}" for s in map(summary, sides)]
        low, high = found["interval"]
        print(
            f"| {task} | {metrics[task]} | {len(sides[0])}, {len(sides[1])} | {means[0]} | {means[1]} | "
            f"{found['mean']:+.4f} [{low:+.4f}, {high:+.4f}] | {p_value:.2f} |"
        )
    different = [t for t, p in zip(compared, adjusted, strict=True) if p < FAMILY_LEVEL]
    print(
        f"\nDifferent at {FAMILY_LEVEL}, corrected for {len(compared)} tasks: {different or 'none'}"
    )
