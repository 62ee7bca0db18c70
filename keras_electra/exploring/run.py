"""A fine-tuning run, opened for looking at: what was reached, and what was given for each example."""

import functools
import pathlib

from keras_electra.errors import InputError
from keras_electra.exploring.examples import Judged, judged_examples
from keras_electra.exploring.records import (
    RESULTS_FILE,
    best_trial,
    numbers_of_restarts,
    over_trials,
    read_lines,
    restarts_in_words,
    split_file,
    trial_results,
)
from keras_electra.runs import RunFolder
from keras_electra.runs.files import read_json
from keras_electra.tasks.kinds import kind_of


class TaskRun:
    """What a fine-tuning run has left so far.

    Args:
        run_dir: its folder; the run may be going on. `refresh` looks again.

    Raises:
        InputError: if the folder is no fine-tuning run.
    """

    def __init__(self, run_dir):
        self.folder = RunFolder(run_dir)
        self.config = self.folder.config()
        if "tasks" not in self.config:
            raise InputError(
                f"run_dir: expected a fine-tuning run, received {str(self.folder.path)!r}"
            )
        self.kinds = dict(self.config["tasks"])
        self.refresh()

    def refresh(self) -> None:
        """Look at what the run has finished by now."""
        self.trial_results = trial_results(self.folder.path)
        path = self.folder.path / RESULTS_FILE
        self.conclusion = read_json(path) if path.is_file() else {}
        self.judged = functools.lru_cache(maxsize=4)(self._judged)

    @property
    def path(self) -> pathlib.Path:
        """The run's folder."""
        return self.folder.path

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks."""
        return list(self.kinds)

    @property
    def trials(self) -> list[int]:
        """Numbers of the trials that are done."""
        return [result["trial"] for result in self.trial_results]

    @property
    def best_trial(self) -> int | None:
        """The trial with the best validation; None before one is done."""
        return best_trial(self.trial_results) if self.trial_results else None

    @property
    def num_trials(self) -> int:
        """How many trials the run is to have."""
        return self.config["finetune"]["num_trials"]

    def splits(self, task: str) -> list[str]:
        """Names of the splits that a finished trial has judged, the validation first."""
        if not self.trials:
            return []
        folder = split_file(self._predictions(self.trials[0]), task, "x", self.is_alone).parent
        names = sorted(path.stem for path in folder.glob("*.jsonl"))
        return sorted(names, key=lambda name: name != "validation")

    @property
    def is_alone(self) -> bool:
        """Whether the run has one task only, whose files are in no folder of its own."""
        return len(self.kinds) == 1

    def metrics(self) -> list[dict]:
        """One row per task, split and figure, over the trials that are done.

        Returns:
            [{"task", "split", "metric", "mean", "std", "interval", "values", "baselines": {name:
            value}}], as of `scoring.summary`; baselines are known once the run is finished.
        """
        known = self.conclusion.get("baselines", {})
        rows = []
        for entry in over_trials(self.trial_results) if self.trial_results else ():
            task, split = entry["task"], entry["split"]
            for metric, values in entry["metrics"].items():
                beside = {
                    name: splits[split][metric]
                    for name, splits in known.get(task, {}).items()
                    if metric in splits.get(split, {})
                }
                place = {"task": task, "split": split, "metric": metric}
                rows.append({**place, **values, "baselines": beside})
        return rows

    def main_metric(self, task: str) -> str:
        """Name of the figure that trials are compared by."""
        # Runs of older versions say it in their results only.
        for record in (self.config, self.conclusion):
            if task in record.get("main_metrics", {}):
                return record["main_metrics"][task]
        return next(iter(kind_of(self.kinds[task]).metrics))

    def _judged(self, task: str, split: str, trial: int | None = None) -> tuple[Judged, ...]:
        """The predictions of a trial for a split, with their examples.

        Args:
            trial: its number; None for the best one.

        Raises:
            InputError: if that trial has not judged that split.
            DamagedDataError: for a file that holds something else.
        """
        trial = self.best_trial if trial is None else trial
        if task not in self.kinds:
            raise InputError(f"task: expected one of {', '.join(self.kinds)}, received {task!r}")
        if trial not in self.trials or split not in self.splits(task):
            raise InputError(
                f"split: expected one that a finished trial judged, received {split!r}"
            )
        rows = read_lines(split_file(self._predictions(trial), task, split, self.is_alone))
        examples = read_lines(split_file(self.path / "examples", task, split, self.is_alone))
        return tuple(judged_examples(self.kinds[task], rows, examples))

    def labels(self, task: str, split: str, trial: int | None = None) -> list[str]:
        """Names of the labels, in the order of their numbers where the predictions tell it; else sorted.

        Empty where the kind has none.
        """
        if not kind_of(self.kinds[task]).has_labels:
            return []
        examples = self.judged(task, split, trial)
        first = next(
            (one.row["probabilities"] for one in examples if one.row.get("probabilities")), {}
        )
        labels = list(first) if isinstance(first, dict) else []
        occurring = set()
        for one in examples:
            for value in (one.gold or [], one.predicted):
                occurring.update([value] if isinstance(value, str) else value)
        return [*labels, *sorted(occurring - set(labels))]

    def report(self, examples, labels) -> dict | None:
        """Their kind's `report` of examples; None where none has a known answer."""
        rows = [one.row for one in examples if one.gold is not None]
        return kind_of(examples[0].kind).report(rows, labels or None) if rows else None

    def state_sentence(self) -> str:
        """Where the run stands, in words, and what to do next."""
        done, state = len(self.trials), self.folder.state()
        trials = f"{done} of {self.num_trials} trials done"
        if not done:
            if state in ("starting", "running", "paused"):
                return f"{state}: no trial is done yet; look again when the first one is"
            return f"{state}: no trial was finished; start the same command again to go on"
        if state == "finished":
            told = f"finished, {trials}; best by validation: trial {self.best_trial}"
        else:
            told = f"{state}, {trials}; figures are of those"
        numbers = numbers_of_restarts(self.trial_results)
        return f"{told}; {restarts_in_words(numbers)}" if any(numbers.values()) else told

    def _predictions(self, trial: int) -> pathlib.Path:
        return self.path / "trials" / f"trial_{trial:02d}" / "predictions"
