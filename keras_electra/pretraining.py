"""Pretraining: from a store to a run folder with checkpoints."""

import contextlib
import dataclasses
import os
import pathlib

import keras

from keras_electra import backends
from keras_electra.backends import devices
from keras_electra.batches import training_batches
from keras_electra.callbacks import RunKeeper, TrainingPlan
from keras_electra.checkpoint import latest_checkpoint, restore_checkpoint, save_checkpoint
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.continuing import start_from
from keras_electra.errors import InputError, LostWorkerError, OutOfMemoryError
from keras_electra.metrics import unigram_baselines
from keras_electra.micro_batches import fit_memory
from keras_electra.optimizers import ElectraAdamW
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.run_callbacks import RunCallbacks, check_callbacks
from keras_electra.runs import (
    RunFolder,
    RunSession,
    SilentSession,
    StopSignals,
    prune_checkpoints,
    write_outcome,
)
from keras_electra.runs.environment import environment_of
from keras_electra.runs.kind import refuse_other_kind
from keras_electra.store import Store

MAY_CHANGE = (
    "pretrain.log_every_steps",
    "pretrain.checkpoint_every_steps",
    "pretrain.keep_checkpoints",
    "pretrain.milestone_every_steps",
    "pretrain.time_budget_minutes",
    "pretrain.optimizer.warmup_steps",
    "pretrain.rematerialize",
    "pretrain.fit_memory",
    "pretrain.steps_per_execution",
    "pretrain.jit_compile",
    "store.path",
)
MAY_GROW = ("pretrain.steps",)
BUDGET_WARMUP_FRACTION = 0.1
"""Of the steps that a time budget allows, how many the warm-up takes at most."""


@dataclasses.dataclass(frozen=True)
class PretrainOutcome:
    """How `pretrain` ended.

    Attributes:
        run: the `RunFolder`.
        model: the `ElectraPretrainer` as trained, with tokenizer and optimizer.
        state: "finished", "stopped" or "interrupted".
        step: updates done in all.
        exit_code: 0, or 130 after Ctrl-C and 143 after SIGTERM.
    """

    run: RunFolder
    model: ElectraPretrainer
    state: str
    step: int
    exit_code: int


def pretrain(
    config: PretrainConfig,
    store,
    run_dir,
    *,
    initial=None,
    callbacks=(),
    on_row=None,
    on_step=None,
    on_message=None,
) -> PretrainOutcome:
    """Pretrain on a store, or go on with the run that is in the folder already.

    The run ends when `config.steps` are done, its time budget is over, it is told to stop, or the
    process gets Ctrl-C or SIGTERM; a checkpoint is written in every case.

    Inside `backends.devices.on_devices` each batch is divided over several devices, and over several
    processes, one of which writes the run folder; all of them must see it.

    Args:
        config: the recipe, usually `PretrainConfig.from_size(...)`.
        store: a `Store` or its path.
        run_dir: the run folder; made at the first start.
        initial: path of a run, checkpoint or preset, or a model, whose weights a new run starts from.
        callbacks: list of Keras callbacks; an epoch is `config.log_every_steps` steps, its logs are the
            metrics of the log row. One that sets `stop_training`, such as
            `keras.callbacks.EarlyStopping("loss", patience=5)`, ends the run as "stopped", with a
            checkpoint; the same call continues it.
        on_row: called with each row of the log, a dict.
        on_step: called with the number of steps done, after each step or execution of several.
        on_message: called with sentences for the user.

    Raises:
        InputError: for options, stores and folders that do not go together.
        OutOfMemoryError: if a step does not fit the device's memory.
        RunInUseError: if another process trains in the folder.
        LostWorkerError: if another process of the same training ends before it is done.
        DamagedDataError: if the store, or all checkpoints, are damaged.
    """
    store = Store(store) if isinstance(store, str | os.PathLike) else store
    tell = on_message or (lambda sentence: None)
    check_vocabulary_size(config, store)
    check_divisible(config)
    callbacks = check_callbacks(callbacks)
    for stage in config.all_stages:
        if stage.first_step >= config.steps:
            tell(
                f"stages: the one from step {stage.first_step:,} lies beyond the {config.steps:,} steps"
            )
    backends.check_execution(config)
    with StopSignals() as signals, open_session(config, store, run_dir) as session:
        # The first process has opened the folder, or refused it, before the others read it.
        devices.largest(0)
        if not session.resumed:
            store.verify()
            baselines = unigram_baselines(store.token_counts, store.tokenizer())
            session.append_event("baselines", **baselines)
        model = build(config, store)
        state, metrics = restore(model, session, tell)
        if initial is not None and state["step"] == 0:
            for sentence in start_from(model, initial):
                tell(sentence)
        batches = training_batches(store, config)
        keeper = RunKeeper(
            plan_of(config),
            session,
            signals,
            batches,
            save=saver(config, session),
            step=state["step"],
            seconds=state["seconds"],
            metrics=metrics,
            on_row=on_row,
            on_step=on_step,
        )
        if not is_over(config, state):
            with explained(keeper, config):
                if config.fit_memory:
                    fit_memory(model, config, batches, session.folder, tell)
                train(model, batches, keeper, config, callbacks)
        model.sequence_length = config.longest_sequence_until(keeper.step)
        outcome, reason = keeper.outcome or "finished", keeper.control.reason
        write_outcome(session, outcome, keeper.step, reason)
        if reason is not None:
            tell(f"{reason}, at step {keeper.step:,}")
    return PretrainOutcome(session.folder, model, outcome, keeper.step, signals.exit_code or 0)


def check_vocabulary_size(config: PretrainConfig, store: Store) -> None:
    """Raise `InputError` unless the encoder has a row for every entry of the store's vocabulary."""
    entries = store.manifest.vocabulary_size
    if config.encoder.vocabulary_size < entries:
        raise InputError(
            f"vocabulary_size: expected at least the {entries} entries of the store's vocabulary, "
            f"received {config.encoder.vocabulary_size}"
        )


def check_divisible(config: PretrainConfig) -> None:
    """Raise `InputError` unless each batch can be divided over the devices and its micro-batches."""
    num_devices, parts = devices.num_devices(), config.optimizer.accumulation_steps
    for stage in config.all_stages:
        if stage.batch_size % (num_devices * parts):
            raise InputError(
                f"batch_size: expected a multiple of {num_devices} devices times {parts} micro-batches, "
                f"received {stage.batch_size}"
            )


@contextlib.contextmanager
def explained(keeper: RunKeeper, config: PretrainConfig):
    """Turn the errors of a lost worker and of full memory into sentences, and save what can be saved.

    Raises:
        LostWorkerError: naming the step to go on from.
        OutOfMemoryError: naming what needs less.
    """
    try:
        yield
    except Exception as error:
        if devices.is_out_of_memory(error):
            raise OutOfMemoryError(
                f"memory: expected a step of {config.batch_size} examples of {config.sequence_length} "
                f"tokens to fit {devices.device_kind()!r}, received {str(error).splitlines()[0]!r}; "
                "fit_memory, more accumulation_steps or rematerialize need less"
            ) from error
        if not devices.is_lost_worker(error):
            raise
        if devices.SURVIVES_LOSS:
            keeper.checkpoint()
        saved = f"its checkpoint of step {keeper.saved_step}" if keeper.saved_step else "its start"
        raise LostWorkerError(
            f"processes: expected all {devices.num_processes()} to train to the end, but one is gone at "
            f"step {keeper.step}; started again, with any number of devices, the run goes on from {saved}"
        ) from error


def open_session(config, store, run_dir) -> RunSession | SilentSession:
    """The run folder, opened once the block is entered: by the first process, for writing."""
    if devices.process_index() > 0:
        return SilentSession(run_dir)
    refuse_other_kind(run_dir, "pretrain")
    settings = {
        "pretrain": config.to_dict(),
        "tokenizer": store.manifest.tokenizer.to_dict(),
        "store": {
            "path": str(pathlib.Path(store.path).resolve()),
            "fingerprint": store.fingerprint,
        },
    }
    return RunSession(
        run_dir,
        config=settings,
        vocabulary=store.vocabulary,
        environment=environment(),
        steps=config.steps,
        may_change=MAY_CHANGE,
        may_grow=MAY_GROW,
        defaults={"pretrain": PretrainConfig.defaults()},
        details={"backend": keras.config.backend(), "devices": devices.num_devices()},
        may_begin_anew=True,
    )


def environment() -> dict:
    """Versions and machine, as kept in `environment.json`."""
    return environment_of(keras.config.backend())


def build(config: PretrainConfig, store: Store) -> ElectraPretrainer:
    """The compiled model, optimizer slots made."""
    model = ElectraPretrainer.from_recipe(config)
    model.tokenizer = store.tokenizer()
    model.sequence_length = config.longest_sequence
    model.compile(
        optimizer=optimizer_of(config),
        jit_compile=config.jit_compile or "auto",
        # Keras would wrap it in a LossScaleOptimizer.
        auto_scale_loss=False,
    )
    model.optimizer.build(model.trainable_variables)
    return model


def optimizer_of(config: PretrainConfig) -> ElectraAdamW:
    """The optimizer; with a time budget, which may leave few of the steps, a warm-up that fits them."""
    has_budget = config.time_budget_minutes is not None
    return ElectraAdamW(
        config.optimizer,
        config.steps,
        max_warmup_fraction=BUDGET_WARMUP_FRACTION if has_budget else 1.0,
        has_loss_scale=config.dtype_policy == "mixed_float16",
    )


def restore(model, session, tell) -> tuple[dict, list | None]:
    """Fill the model from the newest good checkpoint, if any, and cut the log to its step."""

    def report(sentence):
        session.append_event("warning", message=sentence)
        tell(sentence)

    newest = session.folder.checkpoints()
    path = latest_checkpoint(session.folder, on_damage=report)
    if path is None:
        session.cut_log(0)
        return {"step": 0, "seconds": 0.0}, None
    if path != newest[-1][1]:
        report(f"going on from the checkpoint before: {path.name}")
    total_steps = model.optimizer.total_steps
    state, metrics = restore_checkpoint(path, model)
    model.optimizer.total_steps_variable.assign(total_steps)
    session.cut_log(state["step"])
    session.append_event("resume", step=state["step"], checkpoint=path.name)
    return state, metrics


def plan_of(config) -> TrainingPlan:
    """What the recipe says of the training's course."""
    return TrainingPlan(
        steps=config.steps,
        log_every_steps=config.log_every_steps,
        checkpoint_every_steps=config.checkpoint_every_steps,
        optimizer=config.optimizer,
        time_budget_minutes=config.time_budget_minutes,
    )


def saver(config, session):
    """A function that writes a checkpoint of the model and state given, and prunes older ones.

    Of several processes the first writes; all of them hold the same.
    """

    def save(model, state):
        if devices.process_index() > 0:
            return
        path = session.folder.checkpoint_path(state["step"])
        details = {"seed": config.seed, "backend": keras.config.backend()}
        save_checkpoint(path, model, {**state, **details, "keras": keras.__version__})
        prune_checkpoints(session.folder, config.keep_checkpoints, config.milestone_every_steps)

    return save


def train(model, batches, keeper, config, callbacks) -> None:
    """Run `fit` over what is left, stage by stage, and write the last checkpoint."""
    callbacks = RunCallbacks(keeper, callbacks, model)
    borders = [stage.first_step for stage in config.all_stages[1:]]
    for border in [*(step for step in borders if step < config.steps), config.steps]:
        if border > keeper.step and not callbacks.is_over:
            train_until(border, model, batches, callbacks, config.steps_per_execution)
    callbacks.finish()


def train_until(border: int, model, batches, callbacks: RunCallbacks, together: int = 1) -> None:
    """Run `fit` up to step `border`, one epoch per logging interval, `together` steps per execution."""
    keeper = callbacks.keeper
    every = keeper.plan.log_every_steps
    for num_intervals, steps, count in executions(keeper.step, border, every, together):
        if model.steps_per_execution != count:
            # What was compiled for another number is dropped.
            model.steps_per_execution, model.train_function = count, None
        batches.start_step = keeper.step
        epoch = keeper.step // every
        callbacks.set_params({"verbose": 0, "epochs": epoch + num_intervals, "steps": steps})
        model.fit(
            backends.moved_ahead(batches),
            steps_per_epoch=steps,
            initial_epoch=epoch,
            epochs=epoch + num_intervals,
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )
        callbacks.after_fit()
        if callbacks.is_over:
            return


def is_over(config, state) -> bool:
    """Whether a run that is at `state` has nothing left to do."""
    budget = config.time_budget_minutes
    return state["step"] >= config.steps or (budget is not None and state["seconds"] >= 60 * budget)


def executions(step: int, last: int, every: int, together: int) -> list[tuple[int, int, int]]:
    """(number of intervals, steps of each, steps per execution) from `step` to `last`.

    `every` is a multiple of `together`. What lies before the first multiple of it, and behind the
    last, is done in single steps: executions(8, 27, 10, 5) is [(1, 2, 1), (1, 10, 5), (1, 5, 5),
    (1, 2, 1)].
    """
    start = min(-(-step // together) * together, last)
    end = max(start, last - last % together)
    parts = [(step, start, 1), (start, end, together), (end, last, 1)]
    return [
        (*interval, count)
        for first, border, count in parts
        for interval in intervals(first, border, every)
    ]


def intervals(step: int, last: int, every: int) -> list[tuple[int, int]]:
    """(number of intervals, steps of each) from `step` to `last` with borders at multiples of `every`.

    intervals(25, 100, 10) is [(1, 5), (7, 10)]: a resumed run logs at the steps it would have
    logged at. intervals(0, 25, 10) is [(2, 10), (1, 5)].
    """
    parts = []
    if step % every and step < last:
        first = min(every - step % every, last - step)
        parts.append((1, first))
        step += first
    whole, rest = divmod(last - step, every)
    if whole > 0:
        parts.append((whole, every))
    if rest > 0 and whole >= 0:
        parts.append((1, rest))
    return parts
