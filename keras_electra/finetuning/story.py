"""Fine-tuning: from a trained encoder and labelled data to a run folder with figures and a model."""

import dataclasses
import importlib.util
import shutil

import keras

from keras_electra.checkpoint import latest_checkpoint, restore_checkpoint
from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import DivergedError, InputError, MissingExtraError
from keras_electra.exploring.records import LEARNED_NOTHING, RESULT_FILE
from keras_electra.files import read_json
from keras_electra.finetuning.concluding import (
    conclude_run,
    conclude_trial,
    not_finite,
    simplest_figures,
)
from keras_electra.finetuning.data import read_task
from keras_electra.finetuning.opening import open_session
from keras_electra.finetuning.setting import Setting
from keras_electra.finetuning.start import Start
from keras_electra.finetuning.trials import FAILURE_FILE, Course, Trial
from keras_electra.run_callbacks import check_callbacks
from keras_electra.runs import RunFolder, StopSignals, write_outcome
from keras_electra.tasks import Task, known_task


@dataclasses.dataclass(frozen=True)
class FinetuneOutcome:
    """How `finetune` ended.

    Attributes:
        run: the `RunFolder`.
        state: "finished", "stopped" or "interrupted".
        results: content of `results.json` once finished, else None.
        model: the task model as the last trial left it; `keras_electra.load(run)` opens the best.
        exit_code: 0, or 130 after Ctrl-C and 143 after SIGTERM.
    """

    run: RunFolder
    state: str
    results: dict | None
    model: keras.Model
    exit_code: int


def finetune(
    model,
    task,
    data,
    run_dir,
    *,
    config: FinetuneConfig | None = None,
    weights: str = "last",
    callbacks=(),
    splits=None,
    on_row=None,
    on_step=None,
    on_steps=None,
    on_message=None,
) -> FinetuneOutcome:
    """Fine-tune a trained encoder on one task or several, or go on with the run in the folder.

    Args:
        model: path of a run, checkpoint, preset or fine-tuning run, or a model with a backbone and a
            tokenizer. Its encoder is copied for each trial; heads are always new.
        task: a `Task`, the name of a known one, or a list of these to train on one backbone at once.
        data: what the task's reader takes: a folder, a file or a table; for several tasks a folder that
            holds them all, or a dict by the task's name.
        run_dir: the run folder; made at the first start.
        config: the recipe; None for that of the encoder's size and the task.
        weights: of a path, "last" or "average", as of `load`.
        callbacks: list of Keras callbacks; an epoch is `config.log_every_steps` steps, its logs are the
            metrics of the log row. One that sets `stop_training`, such as
            `keras.callbacks.EarlyStopping("loss", patience=5)`, ends the run as "stopped", with a
            checkpoint; the same call continues it.
        splits: names of the splits to read and score; None for all that the data has.
        on_row: called with each row of the log, a dict.
        on_step: called with the number of each step done, over all trials.
        on_steps: called once with the number of steps that all trials have together.
        on_message: called with sentences for the user.

    Raises:
        InputError: for options, data and folders that do not go together.
        DivergedError: if a trial is not finite with any of its seeds; a run that ended so ends so again.
        RunInUseError: if another process works in the folder.
        DamagedDataError: if the model, or all checkpoints, are damaged.
        MissingExtraError: without scikit-learn and scipy, which the figures need.
    """
    require_figures()
    tell = on_message or (lambda sentence: None)
    start = Start.of(model, weights)
    tasks = tasks_of(task)
    config = checked_config(config or default_config(start, tasks), start)
    callbacks = check_callbacks(callbacks)
    with StopSignals() as signals:
        read = {
            one.name: read_task(one, data_of(data, one), start.tokenizer, config, tell, splits)
            for one in tasks
        }
        with open_session(config, start, read, run_dir) as session:
            setting = Setting(
                config,
                start,
                read,
                session,
                signals,
                callbacks=callbacks,
                on_row=on_row,
                on_step=on_step,
                tell=tell,
            )
            if not session.resumed:
                session.append_event("baselines", figures=simplest_figures(setting))
            session.set_state("running", session.step, steps=setting.total_steps)
            if on_steps:
                on_steps(setting.total_steps)
            state, reason = run_trials(setting)
            results = conclude_run(setting) if state == "finished" else None
            write_outcome(session, state, session.step, reason)
            if reason is not None:
                tell(f"{reason}, at step {session.step:,}")
    return FinetuneOutcome(session.folder, state, results, setting.model, signals.exit_code or 0)


def require_figures() -> None:
    """Raise `MissingExtraError` now rather than at the first validation, hours later."""
    for library in ("sklearn", "scipy"):
        if importlib.util.find_spec(library) is None:
            raise MissingExtraError("fine-tuning", "tasks")


def tasks_of(task) -> list[Task]:
    """The tasks that the argument names.

    Raises:
        InputError: for an unknown name, or the same task twice.
    """
    named = [task] if isinstance(task, str | Task) else list(task)
    tasks = [known_task(one) if isinstance(one, str) else one for one in named]
    names = [one.name for one in tasks]
    if not tasks or len(set(names)) < len(names):
        raise InputError(f"task: expected different tasks, received {names}")
    return tasks


def data_of(data, task: Task):
    """One task's data: the entry with its name of a dict, else all of it."""
    if isinstance(data, dict) and task.name in data:
        return data[task.name]
    return data


def recipe_for(model, task, weights: str = "last", **changes) -> tuple[Start, FinetuneConfig]:
    """Open a model, and take the recipe of its size and the task with single options changed.

    Args:
        model, task, weights: as for `finetune`, which takes the `Start` in place of the model.
        **changes: any option of `FinetuneConfig` or its groups, by its own name.
    """
    start = Start.of(model, weights)
    return start, checked_config(default_config(start, tasks_of(task), **changes), start)


def default_config(start: Start, tasks: list[Task], **changes) -> FinetuneConfig:
    """The recipe of the encoder's size and the tasks; examples no longer than the encoder takes."""
    recipe = recipe_of(tasks)
    length = recipe.get("sequence_length", FinetuneConfig.sequence_length)
    recipe["sequence_length"] = min(length, start.max_sequence_length)
    return FinetuneConfig.for_task(recipe, start.size, **changes)


def checked_config(config: FinetuneConfig, start: Start) -> FinetuneConfig:
    """The recipe; `InputError` if it asks for longer examples than the encoder takes."""
    if config.sequence_length > start.max_sequence_length:
        raise InputError(
            f"sequence_length: expected at most the encoder's {start.max_sequence_length}, "
            f"received {config.sequence_length}"
        )
    return config


def recipe_of(tasks: list[Task]) -> dict:
    """The options that the tasks set: a lone task's own; of several the longest length.

    As in the original, several tasks train for the usual number of epochs.
    """
    if len(tasks) == 1:
        return dict(tasks[0].recipe)
    lengths = [task.recipe.get("sequence_length", 128) for task in tasks]
    return {"sequence_length": max(lengths)}


def run_trials(setting: Setting) -> tuple[str, str | None]:
    """Run the trials that are not done; returns how it ended, and why where that was early."""
    for number in range(setting.config.num_trials):
        path = setting.trial_path(number)
        if (path / RESULT_FILE).is_file():
            continue
        if (path / FAILURE_FILE).is_file():
            # With these settings and seeds it would end as it did.
            raise DivergedError(read_json(path / FAILURE_FILE)["reason"])
        state, reason = run_trial(setting, number)
        if state != "finished":
            return state, reason
    return "finished", None


def run_trial(setting: Setting, number: int) -> tuple[str, str | None]:
    """One trial with its restarts; returns how it ended, and why where that was early."""
    course, metrics = restored(setting, number)
    diverged = [Course(number, attempt).seed(setting.config) for attempt in range(course.attempt)]
    while True:
        trial = Trial(setting, course, metrics)
        try:
            state = trial.run()
            if state != "finished":
                return state, trial.keeper.control.reason
            reason = not_finite(setting, trial)
        except DivergedError as error:
            reason = str(error)
        if conclude_trial(setting, trial, diverged, reason):
            return "finished", None
        diverged.append(course.seed(setting.config))
        how = LEARNED_NOTHING if reason is None else "diverged"
        setting.tell(f"trial {number} {how} with seed {diverged[-1]} and starts again with another")
        course, metrics = begun(setting, number, attempt=course.attempt + 1), None
        setting.session.append_event(
            "restart",
            step=setting.first_step(number),
            trial=number,
            attempt=course.attempt,
            reason=reason or LEARNED_NOTHING,
        )


def restored(setting: Setting, number: int):
    """The course of a trial and the metrics' values, from its newest checkpoint or its beginning."""
    folder, first = setting.session.folder, setting.first_step(number)
    path = latest_checkpoint(folder, on_damage=setting.tell)
    if path is not None and int(path.name.removeprefix("step_")) > first:
        state, metrics = restore_checkpoint(path, setting.model)
        course = Course(**state["course"])
        if course.trial == number:
            setting.model.seed = course.seed(setting.config)
            setting.session.cut_log(first + course.step)
            setting.session.append_event("resume", step=first + course.step, checkpoint=path.name)
            return course, metrics
    return begun(setting, number), None


def begun(setting: Setting, number: int, attempt: int = 0) -> Course:
    """A trial at its beginning; what an attempt before it left goes."""
    course = Course(number, attempt)
    first = setting.first_step(number)
    for step, path in setting.session.folder.checkpoints():
        if step > first:
            shutil.rmtree(path)
    shutil.rmtree(setting.trial_path(number), ignore_errors=True)
    setting.session.cut_log(first)
    setting.reset(course.seed(setting.config))
    return course
