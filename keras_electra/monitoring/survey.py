"""All runs below a folder at a glance, those that cannot be read with the reason."""

import dataclasses
import json
import os
import pathlib

from keras_electra.errors import DamagedDataError
from keras_electra.files import absolute, read_json
from keras_electra.monitoring.run_events import flat_figures
from keras_electra.monitoring.run_list import runs_below
from keras_electra.runs.folder import RunFolder
from keras_electra.runs.settings import flattened

TELLTALES = {"status.json", "events.jsonl", "log.jsonl"}
"""Files that only a run has."""
TAIL_BYTES = 65536
IGNORED_ENVIRONMENT = ("system",)


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """What is known of a run without reading all of its log.

    Attributes:
        path: the run folder.
        name: its path below the folder that was surveyed.
        kind: "pretrain", "finetune" or "other".
        state: one of `STATES`, or None.
        step, steps: done, and of the whole run; None where not known.
        settings: of `config.json`, by dotted name.
        environment: backend, versions and machine, by dotted name.
        figures: the newest row of the log, and for a finished fine-tuning run the means over its
            trials as "validation accuracy" and the like.
        started: when the first session began (ISO 8601), or None.
        problem: why the run cannot be read in whole, or None.
    """

    path: pathlib.Path
    name: str
    kind: str = "other"
    state: str | None = None
    step: int | None = None
    steps: int | None = None
    settings: dict = dataclasses.field(default_factory=dict)
    environment: dict = dataclasses.field(default_factory=dict)
    figures: dict[str, float] = dataclasses.field(default_factory=dict)
    started: str | None = None
    problem: str | None = None

    @property
    def is_usable(self) -> bool:
        """Whether its settings and figures can be compared."""
        return bool(self.settings)

    @property
    def seed(self) -> int | None:
        """The seed of the run; None if its settings name none."""
        seeds = [value for name, value in self.settings.items() if is_seed(name)]
        return seeds[0] if seeds and isinstance(seeds[0], int) else None


def survey(root) -> list[RunRecord]:
    """A record of every run in `root` and the folders below it, by path; broken ones too.

    Raises:
        InputError: if `root` is no folder.
    """
    root = absolute(root)
    return [record_of(run, root) for run in runs_below(root, has_telltale)]


def has_telltale(run: RunFolder) -> bool:
    """Whether a folder has a file that only runs have."""
    return any((run.path / name).is_file() for name in TELLTALES)


def record_of(run: RunFolder, root: pathlib.Path) -> RunRecord:
    """The record of one run folder; never raises for what stands in it."""
    problems = []
    name = run.path.relative_to(root).as_posix()
    name = run.path.resolve().name if name == "." else name
    missing = [
        file.name
        for file in (run.config_path, run.vocabulary_path, run.environment_path)
        if not file.is_file()
    ]
    if missing:
        problems.append(
            f"{' and '.join(missing)} missing: its start was interrupted, or it is a copy"
        )
    config = readable(run.config_path, problems)
    environment = readable(run.environment_path, problems)
    status = readable(run.status_path, problems)
    figures = newest_row(run.log_path, problems)
    figures |= result_figures(readable(run.path / "results.json", problems))
    first = first_row(run.events_path, problems)
    started = first.get("time")
    message = status.get("message")
    if status.get("state") == "failed" and message:
        problems.append(str(message))
    return RunRecord(
        path=run.path,
        name=name,
        kind=next((kind for kind in ("pretrain", "finetune") if kind in config), "other"),
        state=run.state(),
        step=whole(status.get("step")),
        steps=whole(status.get("steps")),
        settings=flattened(config),
        environment={
            name: value
            for name, value in flattened(environment).items()
            if name not in IGNORED_ENVIRONMENT
        },
        figures=figures,
        started=started if isinstance(started, str) else None,
        problem="; ".join(problems) or None,
    )


def readable(path: pathlib.Path, problems: list[str]) -> dict:
    """A JSON object, empty where there is none; what is wrong with it goes into `problems`."""
    try:
        return read_json(path)
    except FileNotFoundError:
        return {}
    except (OSError, DamagedDataError) as error:
        problems.append(str(error))
        return {}


def newest_row(path: pathlib.Path, problems: list[str]) -> dict[str, float]:
    """The numbers of the last whole line of a log, of which only the end is read."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return {}
    row = parsed(lines[-1]) if lines else {}
    if row is None:
        problems.append(
            f"{str(path)!r}, last line: expected a JSON object, received {lines[-1][:60]!r}"
        )
    return {name: float(value) for name, value in (row or {}).items() if is_number(value)}


def first_row(path: pathlib.Path, problems: list[str]) -> dict:
    """The first line of a file of rows; empty if there is none."""
    try:
        with open(path, "rb") as file:
            line = file.readline(TAIL_BYTES)
    except OSError:
        return {}
    row = parsed(line) if line.endswith(b"\n") else {}
    if row is None:
        problems.append(f"{str(path)!r}, line 1: expected a JSON object, received {line[:60]!r}")
    return row or {}


def parsed(line: bytes) -> dict | None:
    """A line as an object, or None."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def result_figures(results: dict) -> dict[str, float]:
    """{"validation accuracy": mean over the trials} of `results.json`; of several tasks, with the name."""
    entries = results.get("results")
    entries = (
        [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    )
    tasks = {entry.get("task") for entry in entries}
    found = {}
    for entry in entries:
        metrics = entry.get("metrics")
        means = {
            metric: values.get("mean")
            for metric, values in (metrics.items() if isinstance(metrics, dict) else ())
            if isinstance(values, dict)
        }
        place = str(entry.get("split"))
        if len(tasks) > 1:
            place = f"{entry.get('task')} {place}"
        found |= {f"{place} {name}": value for name, value in flat_figures({"": means}).items()}
    return found


def is_seed(name: str) -> bool:
    """Whether a dotted name is that of a seed."""
    return name.rpartition(".")[2] == "seed"


def is_number(value) -> bool:
    """Whether a value of JSON is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole(value) -> int | None:
    """A count, or None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
