"""The files of a fine-tuning run: what a trial leaves, predictions, and the examples they are of."""

import collections
import dataclasses
import math
import pathlib

from keras_electra.files import parse_row, read_json, to_json_lines, write_bytes
from keras_electra.scoring import summary

RESULT_FILE, RESULTS_FILE = "result.json", "results.json"
LEARNED_NOTHING = "learned nothing"
"""Reason of a restart, where there is no sentence about numbers that are not finite."""


def trial_results(run_path) -> list[dict]:
    """The records of the finished trials of a run, by number."""
    files = sorted(pathlib.Path(run_path).glob(f"trials/trial_*/{RESULT_FILE}"))
    return [read_json(file) for file in files]


def best_trial(results: list[dict]) -> int:
    """Number of the trial with the best validation; the first of equals."""
    return max(results, key=lambda result: (main_of(result), -result["trial"]))["trial"]


def main_of(result: dict) -> float:
    """What a trial is compared by, more being better; JSON has null where it was no number."""
    return -math.inf if result["main"] is None else result["main"]


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


def split_file(folder, task: str, split: str, is_alone: bool) -> pathlib.Path:
    """Where one split's lines stand: below the task's name where there are several tasks."""
    folder = pathlib.Path(folder)
    return (folder if is_alone else folder / task) / f"{split}.jsonl"


def write_examples(folder, task: str, split: str, examples, is_alone: bool) -> None:
    """Write the examples of a split as JSON lines, once; what is there is left.

    Predictions name their example, so that whoever opens the run later has the text without the data.
    """
    path = split_file(folder, task, split, is_alone)
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, to_json_lines(map(dataclasses.asdict, examples)))


def read_lines(path) -> list[dict]:
    """The objects of a file of JSON lines; none if there is no file.

    Raises:
        DamagedDataError: naming the first line that is not an object.
    """
    try:
        content = pathlib.Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    rows = []
    # Not splitlines(): texts may hold other signs that it takes for the end of a line.
    for number, line in enumerate(content.split("\n"), 1):
        if line:
            rows.append(parse_row(path, number, line))
    return rows


def joined(rows: list[dict], examples: list[dict]) -> list[tuple[dict, dict]]:
    """Each prediction row with its example; {} where the example is not there.

    Ids may repeat within a table: the first row of an id goes with the first example of that id.
    """
    by_id = collections.defaultdict(collections.deque)
    for example in examples:
        by_id[example["id"]].append(example)
    return [(row, by_id[row["id"]].popleft() if by_id.get(row["id"]) else {}) for row in rows]


def numbers_of_restarts(results: list[dict]) -> dict[str, int]:
    """How many attempts diverged, how many learned nothing, and how many trials were too short.

    The first two were followed by a restart; of the third it cannot be told whether they learned.
    """
    num_restarts = sum(len(result["diverged"]) for result in results)
    reasons = [reason for result in results for reason in result.get("restart_reasons", ())]
    num_learned_nothing = sum(reason == LEARNED_NOTHING for reason in reasons)
    return {
        "num_diverged": num_restarts - num_learned_nothing,
        "num_learned_nothing": num_learned_nothing,
        "num_too_short": sum(bool(result.get("is_too_short")) for result in results),
    }


def restarts_in_words(content: dict) -> str:
    """What `numbers_of_restarts` found, for people."""
    told = [f"{content['num_diverged']} restarted after they diverged"]
    if content.get("num_learned_nothing"):
        told.append(f"{content['num_learned_nothing']} restarted after they learned nothing")
    if content.get("num_too_short"):
        told.append(f"{content['num_too_short']} too short to tell whether they learned")
    return ", ".join(told)
