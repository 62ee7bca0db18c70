"""`finetune`, `predict` and `compare`: from a trained encoder to labels, and which encoder is better."""

import dataclasses
import pathlib

import tyro

from keras_electra.cli import display
from keras_electra.cli.arguments import (
    Backend,
    Head,
    Json,
    Texts,
    Weights,
    existing,
    quoted,
    start_keras,
    texts_of,
)
from keras_electra.cli.following import RESUMES, of_task_model
from keras_electra.cli.options import OptionalPath, argument, given, options_of
from keras_electra.cli.original_finetune import OriginalFinetune
from keras_electra.cli.own_data import Columns
from keras_electra.config.finetune import RECIPE, AnswerConfig, FinetuneConfig
from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.errors import InputError
from keras_electra.exploring.records import restarts_in_words
from keras_electra.files import shown_path
from keras_electra.runs import RunFolder
from keras_electra.runs.kind import settings_of_kind, way_on

BY_TASK = dict.fromkeys(
    [*RECIPE, "sequence_length", "epochs", "bias_correction"], "by size and task"
)

RunOptions = options_of(
    FinetuneConfig, leave_out=FinetuneConfig.groups(), defaults=BY_TASK, name="run"
)
AnswerOptions = options_of(AnswerConfig, name="answers")
OptimizerOptions = options_of(OptimizerConfig, leave_out={"ema_rate"}, defaults=BY_TASK)

Model = argument(
    OptionalPath, "run, checkpoint, preset or fine-tuning run", "required", metavar="DIR"
)
Tasks = argument(
    tuple[str, ...],
    "known tasks; several train on one encoder at once",
    "guessed from the columns of --data",
    metavar="NAME...",
)
Data = argument(OptionalPath, "folder or file with the examples", "required", metavar="PATH")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finetune:
    """Train a model on labelled data, starting from a trained encoder; a run in the folder goes on."""

    model: Model = None
    task: Tasks = ()
    data: Data = None
    run_dir: argument(OptionalPath, "the run", "required", metavar="DIR") = None
    weights: Weights = "last"
    backend: Backend = None
    columns: Columns
    training: RunOptions
    answers: AnswerOptions
    optimizer: OptimizerOptions
    original: OriginalFinetune

    def run(self):
        changes = given(self.training, self.answers, self.optimizer)
        flags = ("model", "task", "data", "run_dir")
        there = self.original.read({name: getattr(self, name) for name in flags})
        if there is not None:
            changes = {**there.changes, **changes}
            return self._run(
                there.model, there.tasks, there.data, there.run_dir, changes, there.lowercase
            )
        self._tell_way_on()
        require(self, "model", "data", "run_dir")
        return self._run(self.model, self.task, self.data, self.run_dir, changes)

    def _tell_way_on(self):
        """Of a run that is named alone, say how it was started: its data is not kept in it."""
        if self.run_dir is None or (self.model and self.data):
            return
        run = RunFolder(self.run_dir)
        if run.exists():
            settings_of_kind(run, "finetune")
            raise InputError(
                "--model, --data: expected those that the run was started with, received not both; "
                f"{way_on(run)} goes on with {shown_path(run.path)}"
            )

    def _run(self, model, names, data, run_dir, changes, lowercase=None):
        existing("--model", model)
        for path in data.values() if isinstance(data, dict) else [data]:
            existing("--data", path)
        task = self.columns.task(names, data)
        start_keras(self.backend, keeps_memory=True)
        outcome = finetune_with_progress(
            model, task, data, run_dir, changes, lowercase, weights=self.weights
        )
        conclude(outcome)
        return outcome.exit_code


def require(command, *names: str) -> None:
    """Raise `InputError` unless the named options were given."""
    for name in names:
        if getattr(command, name) is None:
            raise InputError(f"--{name.replace('_', '-')}: expected a path, received none")


def finetune_with_progress(
    model, task, data, run_dir, changes: dict, lowercase=None, weights="last"
):
    """`finetune` with a line of progress on a terminal; returns its outcome.

    Args:
        changes: options to change in the recipe of the encoder's size and the task.
        lowercase: what the model's tokenizer is expected to do, or None.
        weights: "last" or "average".
    """
    from keras_electra.finetuning import finetune, recipe_for

    batch_size = changes.get("batch_size", FinetuneConfig.batch_size)
    with display.waiting(f"loading {model}"):
        start, config = recipe_for(model, task, weights, **changes)
    if lowercase not in (None, start.tokenizer.config.lowercase):
        raise InputError(
            f"do_lower_case: expected {start.tokenizer.config.lowercase}, as the model was trained, "
            f"received {lowercase}"
        )
    with display.TrainingProgress(None, batch_size.__mul__, unit="examples") as progress:
        return finetune(
            start,
            task,
            data,
            run_dir,
            config=config,
            on_row=progress.on_row,
            on_step=progress.on_step,
            on_steps=progress.set_steps,
            on_message=display.tell,
        )


def conclude(outcome) -> None:
    """Say how a run ended, its figures, and what to do next."""
    path = outcome.run.path
    if outcome.results is None:
        display.say(f"{outcome.state}: {shown_path(outcome.run.path)}")
        display.say_next(f"{way_on(outcome.run)}{RESUMES}")
        return
    print_results(outcome.results)
    display.say_next(
        of_task_model(outcome.model, path, path),
        f"less {quoted(path / 'results.md')}",
    )


def print_results(results: dict) -> None:
    """A table of figures over the trials."""
    num_trials = len(results["trials"])
    grid = display.table("task", "split", "figure", "mean", "std", "95 % interval")
    for entry in results["results"]:
        for metric, values in entry["metrics"].items():
            interval = values["interval"]
            grid.add_row(
                entry["task"],
                entry["split"],
                metric,
                display.figure(values["mean"]),
                display.figure(values["std"]),
                "-" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}",
            )
    display.output.print(grid)
    trials = "1 trial" if num_trials == 1 else f"{num_trials} trials"
    display.say(
        f"{trials}, {restarts_in_words(results)}; best by validation: trial {results['best_trial']}"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Predict:
    """Label new texts with a fine-tuned model.

    Texts are arguments, with a tab between the two of a pair, between a question and its context, or
    between a question and its choices; or they stand in a table, or in the lines of a .txt file. A line
    of text gives a row, an empty one a row without a prediction.
    """

    texts: Texts = ()
    model: Model = None
    data: argument(
        OptionalPath,
        "table of examples: CSV, TSV, JSONL or Parquet; or .txt with a text a line",
        "the texts given",
        metavar="FILE",
    ) = None
    task: Head = None
    out: argument(
        OptionalPath, "JSON lines with the predictions", "standard output", metavar="FILE"
    ) = None
    json: Json = False
    backend: Backend = None
    columns: Columns

    def run(self):
        require(self, "model")
        existing("--model", self.model)
        if bool(self.texts) == (self.data is not None):
            raise InputError("text: expected texts or --data, one of the two")
        texts = texts_of(self.texts, keeps_empty=True) if self.texts else []
        start_keras(self.backend, keeps_memory=True)
        from keras_electra.files import to_json, write_bytes
        from keras_electra.finetuning import open_task_model, predict_rows

        with display.waiting(f"loading {self.model}"):
            model = open_task_model(self.model, self.task)
        texts = texts or self.columns.texts(model, self.data)
        inputs = self.columns.inputs(model, texts, None if texts else self.data)
        rows = predict_rows(model, inputs, on_message=display.tell)
        if texts:
            rows = row_per_text(rows, texts)
        if self.out is not None:
            write_bytes(self.out, "".join(to_json(row) + "\n" for row in rows).encode())
            display.say(f"{len(rows):,} predictions written to {self.out}")
            return
        for row in rows:
            if self.json or self.data is not None:
                display.print_json(row)
            else:
                display.say(sentence_of(row))


def row_per_text(rows: list[dict], texts: list[str]) -> list[dict]:
    """A row for each text, called by its number from 0; an empty text has one of nulls."""
    empty, found = dict.fromkeys(rows[0]), iter(rows)
    return [
        {**(next(found) if text.strip() else empty), "id": str(number)}
        for number, text in enumerate(texts)
    ]


def sentence_of(row: dict) -> str:
    """A prediction for people; nothing for an empty text."""
    if all(row[name] is None for name in row.keys() - {"id"}):
        return ""
    if "tags" in row:
        return " ".join(
            word if tag == "O" else f"{word}/{tag}"
            for word, tag in zip(row["words"], row["tags"], strict=True)
        )
    if "answer" in row:
        return row["answer"] or "(no answer)"
    if "value" in row:
        return f"{row['value']:.3f}"
    if "labels" in row:
        return ", ".join(row["labels"]) or "(none)"
    if "choice" in row:
        return f"choice {row['choice']}  ({max(row['probabilities']):.3f})"
    return f"{row['label']}  ({row['probabilities'][row['label']]:.3f})"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compare:
    """Say which of two models does better on a task, over paired seeds.

    Both are fine-tuned with the same recipe and seeds, or are fine-tuning runs that ended already.
    """

    models: argument(
        tyro.conf.Positional[tuple[pathlib.Path, pathlib.Path]],
        "runs, checkpoints or presets",
        metavar="A B",
    )
    task: Tasks = ()
    data: Data = None
    run_dir: argument(
        OptionalPath,
        "gets one run for each model; not needed for two fine-tuning runs",
        "",
        metavar="DIR",
    ) = None
    weights: Weights = "last"
    json: Json = False
    backend: Backend = None
    columns: Columns
    training: RunOptions
    answers: AnswerOptions
    optimizer: OptimizerOptions

    def run(self):
        from keras_electra.comparing import compare_results

        for path in self.models:
            existing("A B", path)
        folders = self.models
        if not all((path / "results.json").is_file() for path in folders):
            folders = self._trained()
            if folders is None:
                return 130
        comparison = compare_results(*folders)
        if self.json:
            display.print_json(comparison)
            return
        print_comparison(comparison)

    def _trained(self):
        """The two run folders, after fine-tuning in them; None where that was interrupted."""
        require(self, "data", "run_dir")
        existing("--data", self.data)
        task = self.columns.task(self.task, self.data)
        start_keras(self.backend, keeps_memory=True)
        changes = given(self.training, self.answers, self.optimizer)
        changes.setdefault("num_trials", 5)
        folders = []
        for name, model in zip("ab", self.models, strict=True):
            folder = self.run_dir / name
            outcome = finetune_with_progress(
                model, task, self.data, folder, changes, weights=self.weights
            )
            if outcome.results is None:
                return None
            folders.append(folder)
        return folders


def print_comparison(comparison: dict) -> None:
    """A table of differences, with their intervals."""
    grid = display.table("task", "split", "figure", "A", "B", "B - A", "95 % interval", "p (Holm)")
    for row in comparison["differences"]:
        interval = row["interval"]
        grid.add_row(
            row["task"],
            row["split"],
            row["metric"],
            display.figure(row["mean_a"]),
            display.figure(row["mean_b"]),
            f"{row['difference']:+.4f}",
            "-" if interval is None else f"{interval[0]:+.4f} to {interval[1]:+.4f}",
            display.figure(row["adjusted_p_value"]),
        )
    display.output.print(grid)
    display.say(comparison["sentence"])
