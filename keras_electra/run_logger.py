"""`RunLogger`: a plain Keras `fit` of any model writes an ordinary run folder."""

import os
import pathlib
import signal
import sys
import threading
import time

import keras
import numpy as np

from keras_electra.callbacks import MEMORY_COLUMNS
from keras_electra.errors import InputError
from keras_electra.files import absolute, new_folder, read_rows, write_json
from keras_electra.processes import memory_bytes
from keras_electra.runs import RunControl, RunSession, StopSignals, write_outcome
from keras_electra.runs.environment import environment_of

WATCH_SECONDS = 1.0
MODEL_FILE = "model.keras"

MAX_COLUMNS = 20
"""Values of one metric that become columns of a row; a metric with more of them is left out."""


class RunLogger(keras.callbacks.Callback):
    """Writes a run folder while `fit` trains any Keras model, on any backend.

        model.fit(x, y, epochs=10, callbacks=[keras_electra.RunLogger("runs/mine")])

    `runs list`, `runs show` and `RunMonitor` then show the run like any other: state, steps, the
    figures of the model's metrics. A row of `log.jsonl` is written every few steps, with the metrics
    since the beginning of the epoch, and one at the end of each epoch with those of validation too.
    Between rows nothing is read from the device. A metric of several values, such as `F1Score` with
    one per class, becomes the columns `name_0`, `name_1` and so on; one of more than 20 values, or of
    something else than numbers, is left out.

    The commands of a run are obeyed between two steps (with `steps_per_execution=n`, after n), and mean
    what they mean for `pretrain` and `finetune`:

    - checkpoint writes the model and its optimizer to `checkpoints/step_…/model.keras`,
    - pause writes a checkpoint and waits for resume,
    - stop, Ctrl-C and SIGTERM do one more step, write a checkpoint and end `fit`; a signal then takes
      its usual effect, such as `KeyboardInterrupt`,
    - another callback that sets `stop_training`, such as `EarlyStopping`, ends the run in the same way,
      as "stopped". List this callback last, so that the checkpoint holds what the others restored.

    A pause or checkpoint of a model that Keras cannot save is refused with the reason in
    `events.jsonl`. To resume, load the model of the checkpoint and call `fit` with the same folder.

    Args:
        run_dir: the run folder, made at the first `fit`. A folder that holds a run is gone on with if
            the model has trained at least as far, by its optimizer's count of steps.
        settings: what `config.json` shall say of the run, in the types of JSON; shown by tables of
            runs.
        log_every_steps: steps between two rows within an epoch.
        checkpoint_every_steps: steps between two checkpoints; None for those only that are asked for.
        save: `save(model, path)` writes a checkpoint into the new folder `path`; None for
            `model.save` to `path / "model.keras"`.

    Raises (in `fit`):
        RunInUseError: if another process works in the folder.
        InputError: if the folder holds a run that this model cannot go on with.
    """

    def __init__(
        self,
        run_dir: str | os.PathLike,
        *,
        settings: dict | None = None,
        log_every_steps: int = 50,
        checkpoint_every_steps: int | None = None,
        save=None,
    ):
        super().__init__()
        for name, value in (
            ("log_every_steps", log_every_steps),
            ("checkpoint_every_steps", checkpoint_every_steps),
        ):
            if value is not None and value < 1:
                raise InputError(f"{name}: expected at least 1, received {value}")
        self.run_dir = absolute(run_dir)
        self.settings = settings or {}
        self.log_every_steps = log_every_steps
        self.checkpoint_every_steps = checkpoint_every_steps
        self.save = save or save_whole
        self.session = None
        self.control = None
        self.step = 0
        self._closing = threading.Lock()

    # What `fit` calls

    def on_train_begin(self, logs=None):
        """Open the run folder."""
        self._close(left_error(None))
        model = self.model
        self.step = self._epoch_step = steps_done(model)
        self._logged_step = self._saved_step = self.step
        session = RunSession(
            self.run_dir,
            config={"fit": facts_of(model), "settings": self.settings},
            vocabulary=vocabulary_of(model),
            environment=environment_of(keras.config.backend()),
            details={"backend": keras.config.backend()},
        )
        session.__enter__()
        self.session = session
        try:
            self._check_step()
        except InputError as error:
            self._close(error)
            raise
        session.cut_log(self.step)
        if session.resumed:
            session.append_event("resume", step=self.step)
        fit = code_of_fit(sys._getframe())
        self._signals = FitSignals(fit)
        self.control = RunControl(session, self._signals, self._checkpoint)
        self._started = self._interval_started = time.monotonic()
        self._interval_step = self.step
        self._has_total = False
        session.set_state("running", self.step)
        if fit is not None:
            self._signals.__enter__()
            Watch(self, fit).start()

    def on_epoch_begin(self, epoch, logs=None):
        """Note where the epoch starts."""
        self._epoch, self._batch = epoch, None
        self._epoch_step = self.step
        per_epoch = self.params.get("steps")
        if per_epoch and not self._has_total:
            self._has_total = True
            left = self.params["epochs"] - epoch
            self.session.set_state("running", self.step, steps=self.step + left * per_epoch)

    def on_train_batch_begin(self, batch, logs=None):
        """The work between two steps.

        Not `on_train_batch_end`: for that, Keras either fetches the figures of every step from the
        device, or calls it from a thread while the next step is changing the weights.
        """
        self._batch = batch
        self.step = self._epoch_step + batch
        if batch:
            if self.step - self._logged_step >= self.log_every_steps:
                self._log(self.model.get_metrics_result())
            self._between_steps()

    def on_epoch_end(self, epoch, logs=None):
        """The row of the epoch, with the figures of validation."""
        if self._batch is not None:
            # `_model`, for on JAX `model` would bring all its weights up to date.
            done = self._batch + (self._model.steps_per_execution or 1)
            self.step = self._epoch_step + min(done, self.params.get("steps") or done)
        self._log(logs or {})
        self._between_steps()

    def on_train_end(self, logs=None):
        """Close the run folder; a signal that ended the training then takes its usual effect."""
        if self.model.stop_training and self._epoch + 1 < self.params["epochs"]:
            self.control.end("stopped", "stopped by another callback")
        outcome = self.control.outcome or "finished"
        if outcome != "finished" and self.control.saves_at_end:
            self._checkpoint()
        write_outcome(self.session, outcome, self.step, self.control.reason)
        self._close(None)
        self._signals.repeat()

    # What these do

    def _check_step(self):
        """Refuse to write over the rows of a model that has trained further than this one."""
        rows = read_rows(self.session.folder.log_path)
        logged = max((row.get("step") or 0 for row in rows), default=0)
        if self.session.resumed and self.step < logged:
            raise InputError(
                f"run folder {str(self.run_dir)!r}: expected a model that was trained for at least the "
                f"{logged} steps logged there, received one with {self.step}; choose a new folder"
            )

    def _log(self, figures):
        now = time.monotonic()
        steps, seconds = self.step - self._interval_step, now - self._interval_started
        row = {
            "step": self.step,
            "epoch": self._epoch,
            **columns_of(figures),
            "steps_per_second": steps / max(seconds, 1e-9),
            "seconds": now - self._started,
            **dict(zip(MEMORY_COLUMNS, memory_bytes(), strict=True)),
        }
        rate = learning_rate_of(self._model)
        if rate is not None:
            row["learning_rate"] = rate
        self.session.append_log(row)
        self._logged_step = self._interval_step = self.step
        self._interval_started = time.monotonic()

    def _between_steps(self):
        """Write the checkpoint that is due, and obey what lies in the control folder."""
        every = self.checkpoint_every_steps
        if every and self.step // every > self._saved_step // every:
            self._checkpoint()
        self.session.set_state("running", self.step)
        if self.control.outcome is None:
            pause = self.control.look(self.step)
            self._started += pause
            self._interval_started += pause
        if self.control.outcome is not None:
            self.model.stop_training = True

    def _checkpoint(self) -> str | None:
        """Write a checkpoint of this step, once; the reason where that cannot be done."""
        if (
            self._saved_step == self.step
            and self.session.folder.checkpoint_path(self.step).exists()
        ):
            return None
        path = self.session.folder.checkpoint_path(self.step)
        try:
            with new_folder(path, "replaced") as folder:
                self.save(self.model, folder)
                write_json(folder / "state.json", {"step": self.step, "format": "keras"})
        except Exception as error:
            reason = f"the model cannot be saved: {error}".splitlines()[0]
            self.session.append_event("warning", step=self.step, message=reason)
            self._saved_step = self.step
            return reason
        self._saved_step = self.step
        self.session.append_event("checkpoint", step=self.step)
        return None

    def _close(self, error):
        """Close the run folder, once, as `error` says."""
        with self._closing:
            session, self.session = self.session, None
        if session is not None:
            session.__exit__(type(error), error, None)


class Watch(threading.Thread):
    """Notes that `fit` was left by an error or an interrupt, of which Keras tells no callback.

    Its thread then has no `fit` on its stack any more, while the run folder is still open.
    """

    def __init__(self, logger: RunLogger, fit):
        super().__init__(name="run-logger", daemon=True)
        self._logger, self._session, self._fit = logger, logger.session, fit
        self._trainer = threading.get_ident()
        self._former_error = getattr(sys, "last_value", None)

    def run(self):
        while self._logger.session is self._session:
            time.sleep(WATCH_SECONDS)
            if not self._is_training():
                # The interactive shell notes an error a moment after it happened.
                time.sleep(WATCH_SECONDS / 2)
                if self._logger.session is self._session:
                    self._logger._close(left_error(self._former_error))

    def _is_training(self) -> bool:
        return is_within(sys._current_frames().get(self._trainer), self._fit)


class FitSignals(StopSignals):
    """Notes Ctrl-C and SIGTERM while `fit` runs.

    Keras tells no callback that `fit` was left by an error, so the handlers may outlive it: a signal that
    comes later puts the former ones back and is passed on to them.

    Args:
        fit: the code of `fit`; None in a custom training loop, where signals are left alone.
    """

    def __init__(self, fit):
        super().__init__()
        self._fit = fit

    def repeat(self) -> None:
        """Put the former handlers back, and send them the signal that was noted, if any."""
        self.__exit__(None, None, None)
        if self.received is not None:
            signal.raise_signal(self.received)

    def _note(self, number, frame) -> None:
        if is_within(frame, self._fit):
            super()._note(number, frame)
        else:
            self.received = int(number)
            self.repeat()


def is_within(frame, code) -> bool:
    """Whether a frame, or one that called it, runs this code."""
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


def left_error(former: BaseException | None) -> BaseException:
    """The error that `fit` was left by: the last one nobody caught, unless it is the former one."""
    error = getattr(sys, "last_value", None)
    if error is None or error is former:
        error = InputError("fit was left before its end, by an error or an interrupt")
    return error


def code_of_fit(frame):
    """The code of the nearest `fit` that called; None in a training loop of one's own."""
    while frame is not None and frame.f_code.co_name != "fit":
        frame = frame.f_back
    return None if frame is None else frame.f_code


def save_whole(model, path: pathlib.Path) -> None:
    """Save a model as Keras does, architecture and optimizer with it."""
    model.save(path / MODEL_FILE)


def steps_done(model) -> int:
    """Steps that the model was trained for before, by its optimizer's count."""
    optimizer = model.optimizer
    parts = getattr(optimizer, "gradient_accumulation_steps", None) or 1
    return int(getattr(optimizer, "iterations", 0)) * parts


def facts_of(model) -> dict:
    """What a folder tells of the model."""
    return {
        "model": type(model).__name__,
        "parameters": model.count_params() if model.built else None,
        "optimizer": type(model.optimizer).__name__,
    }


def vocabulary_of(model) -> bytes:
    """The vocabulary of the model's tokenizer, one token a line; empty where it has none."""
    vocabulary = getattr(getattr(model, "tokenizer", None), "vocabulary", ())
    return "".join(f"{token}\n" for token in vocabulary).encode()


def columns_of(figures: dict) -> dict[str, float]:
    """The numbers among what Keras or a callback logs, one per column; see `RunLogger`.

    columns_of({"loss": 1, "f1": [0.5, 1.0]}) is {"loss": 1.0, "f1_0": 0.5, "f1_1": 1.0}.
    """
    columns = {}
    for name, value in figures.items():
        numbers = numbers_of(value)
        if numbers is None or numbers.size > MAX_COLUMNS:
            continue
        if numbers.size == 1:
            # `fit` makes a plain number of it at the end of an epoch: one name for both.
            columns[name] = float(numbers.item())
        else:
            columns.update({f"{name}_{i}": float(n) for i, n in enumerate(numbers.flat)})
    return columns


def numbers_of(value) -> np.ndarray | None:
    """`value` as an array of numbers of any shape; None where it is something else."""
    try:
        array = np.asarray(keras.ops.convert_to_numpy(value))
        # bfloat16 is "V", as structured records are, of which none becomes a float.
        return array.astype(float) if array.dtype.kind in "biufV" else None
    except (TypeError, ValueError):
        return None


def learning_rate_of(model) -> float | None:
    """The optimizer's rate at this step, None where it cannot be told as one number."""
    try:
        return float(model.optimizer.learning_rate)
    except (AttributeError, TypeError, ValueError):
        return None
