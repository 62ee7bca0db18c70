"""What happens between the steps of a run: rows of the log, checkpoints, commands, the clock."""

import dataclasses
import math
import time

import keras

from keras_electra.backends import devices
from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.errors import DivergedError
from keras_electra.runs import RunSession, StopSignals, memory_bytes

COMMAND_SECONDS = 0.5
"""How often the control folder is looked into, and a paused run looks around."""
MEMORY_COLUMNS = ("memory_bytes", "peak_memory_bytes")
AGREE_EVERY_STEPS = 10
"""How often several processes agree whether to go on."""
WISHES = (None, "paused", "finished", "stopped", "interrupted")
"""What a process may want between two steps; of several wishes the last is followed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What a `RunKeeper` keeps to.

    Attributes:
        steps: updates of this training.
        log_every_steps, checkpoint_every_steps: how often a row and a checkpoint are written.
        optimizer: for the learning rate in the rows.
        time_budget_minutes: minutes of training after which it ends, or None.
        first_step: updates that other trainings of the same run count before this one.
        columns: what every row also holds, such as the number of a trial.
    """

    steps: int
    log_every_steps: int
    checkpoint_every_steps: int
    optimizer: OptimizerConfig
    time_budget_minutes: float | None = None
    first_step: int = 0
    columns: dict = dataclasses.field(default_factory=dict)


class RunKeeper(keras.callbacks.Callback):
    """Keeps the run folder while `fit` works through one run.

    An epoch of `fit` is a logging interval. Between steps nothing is read from the device: figures are
    fetched at the end of an interval only. Told to end within an interval, it ends with the next step;
    several processes agree on that every few steps, and one of them writes. With several steps per
    execution (`model.steps_per_execution`), all this happens between two executions.

    Args:
        plan: `TrainingPlan`.
        session: the open run folder.
        signals: Ctrl-C and SIGTERM.
        batches: being trained on, with `waiting_seconds` and `tokens_until(step)`.
        save: called with the model and a dict for `state.json`; writes a checkpoint of the step that
            it names.
        step: of the checkpoint that training goes on from.
        seconds: of training up to there.
        on_row: called with each row of the log.
        on_step: called with the number of steps done, after each step or execution of several.

    Attributes:
        outcome: "finished", "stopped" or "interrupted" once training ended.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        session: RunSession,
        signals: StopSignals,
        batches,
        save,
        *,
        step: int = 0,
        seconds: float = 0.0,
        metrics=None,
        on_row=None,
        on_step=None,
    ):
        super().__init__()
        self.plan = plan
        self.session = session
        self.signals = signals
        self.batches = batches
        self.save = save
        self.step = self.saved_step = step
        self.outcome = None
        self.on_row = on_row or (lambda row: None)
        self.on_step = on_step or (lambda number: None)
        self._carried_metrics = metrics if step % plan.log_every_steps else None
        self._started = time.monotonic() - seconds
        self._looked = 0.0
        self._newly_done = 1
        self._is_paused = False
        # Updates left out before: those of a checkpoint are known when its model is there.
        self._skipped = None
        self._clocked_from = None
        self._saves_at_end = True
        self._start_interval()

    @property
    def run_step(self) -> int:
        """Updates of the whole run, trainings before this one counted."""
        return self.plan.first_step + self.step

    @property
    def seconds(self) -> float:
        """Seconds of training, over all sessions, pauses left out."""
        return time.monotonic() - self._started

    def on_train_begin(self, logs=None):
        """Fit the schedule to the clock before the first step that follows."""
        if self._skipped is None:
            self._skipped = int(number_of(self.model.optimizer.skipped_steps))
        self._keep_to_clock()

    def on_epoch_begin(self, epoch, logs=None):
        """Go on with the sums of an interval that a checkpoint cut in two."""
        if self._carried_metrics is not None:
            for variable, value in zip(
                self.model.metrics_variables, self._carried_metrics, strict=True
            ):
                variable.assign(value)
            self._carried_metrics = None

    def on_train_batch_begin(self, batch, logs=None):
        """The work between two steps of an interval.

        Not `on_train_batch_end`: for that, Keras either fetches the figures of every step from the
        device, or calls it from a thread while the next step is changing the weights.
        """
        if batch:
            self._count_steps()
            self._between_steps()

    def on_epoch_end(self, epoch, logs=None):
        """The work after the last step of an interval, or of the run."""
        self._count_steps()
        if self.step >= self.plan.steps:
            self._end("finished")
        is_interval_end = self._is_interval_end()
        # The row goes before the checkpoint: a kill in between may not lose it.
        if is_interval_end:
            row = self._row({name: float(value) for name, value in (logs or {}).items()})
            self.session.append_log(row)
            self.on_row(row)
            self._watch_skipped(row)
            self.model.reset_metrics()
        elif self.outcome is None:
            # Keras clears the figures when the next epoch begins.
            self._carried_metrics = [
                keras.ops.convert_to_numpy(variable) for variable in self.model.metrics_variables
            ]
        self._between_steps()
        if self.outcome is not None and self._saves_at_end:
            self.checkpoint()
        if is_interval_end:
            self._start_interval()
            # From here on the time of compiling does not count.
            self._clocked_from = self._clocked_from or (self.step, self.seconds)
            self._keep_to_clock()

    def checkpoint(self, again: bool = False):
        """Write a checkpoint of this step, once, or `again` where its state has changed."""
        if self.saved_step == self.step and not again:
            return
        # `self.model` and no other name of it: on JAX, asking for it brings its variables up to date.
        self.save(
            self.model, {"step": self.step, "tokens": self._tokens(), "seconds": self.seconds}
        )
        self.saved_step = self.step
        self.session.append_event("checkpoint", step=self.run_step)

    def leave_out(self, seconds: float) -> None:
        """Do not count this time, in which something else was done, as training."""
        self._started += seconds
        self._interval_started += seconds

    def _count_steps(self):
        # Not `self.model`: on JAX, asking for it brings all its variables up to date.
        self._newly_done = self._model.steps_per_execution
        self.step += self._newly_done
        self.on_step(self.run_step)
        self.session.set_state("running", self.run_step)

    def _between_steps(self):
        """Look whether to go on, obey commands, and write the checkpoint that is due."""
        is_time = devices.num_processes() == 1 or self.step % AGREE_EVERY_STEPS < self._newly_done
        if self.outcome is None and is_time:
            self._look_around()
        if self.step % self.plan.checkpoint_every_steps == 0:
            self.checkpoint()

    def _is_interval_end(self):
        return self.step % self.plan.log_every_steps == 0 or self.outcome == "finished"

    def _start_interval(self):
        self._interval_step = self.step
        self._interval_started = time.monotonic()
        self._interval_waiting = self.batches.waiting_seconds

    def _tokens(self):
        return self.batches.tokens_until(self.step)

    def _row(self, figures):
        seconds = time.monotonic() - self._interval_started
        tokens = self._tokens() - self.batches.tokens_until(self._interval_step)
        optimizer = self.model.optimizer
        fraction = number_of(optimizer.rate_fraction_at(self.step))
        return {
            "step": self.run_step,
            **self.plan.columns,
            "tokens": self._tokens(),
            **figures,
            "gradient_norm": float(number_of(optimizer.gradient_norm)),
            "learning_rate": self.plan.optimizer.learning_rate * float(fraction),
            "skipped_steps": int(number_of(optimizer.skipped_steps)),
            **scale_column(optimizer),
            "tokens_per_second": tokens / max(seconds, 1e-9),
            "data_wait_seconds": self.batches.waiting_seconds - self._interval_waiting,
            "seconds": self.seconds,
            **{
                name: value
                for name, value in zip(MEMORY_COLUMNS, memory_bytes(), strict=True)
                if value is not None
            },
        }

    def _watch_skipped(self, row):
        """Tell of updates left out; end a run in which no update works any more."""
        skipped, self._skipped = row["skipped_steps"] - self._skipped, row["skipped_steps"]
        if not skipped:
            return
        self.session.append_event(
            "warning",
            step=self.run_step,
            skipped_steps=skipped,
            **scale_column(self.model.optimizer),
        )
        num_steps = self.step - self._interval_step
        if "loss_scale" in row:
            self._watch_scale(row["loss_scale"], row["skipped_steps"])
        # One bad batch is passed over; from weights that are lost nothing comes back.
        elif 2 * skipped >= num_steps and not math.isfinite(row["gradient_norm"]):
            raise DivergedError(
                f"loss: expected finite gradients, received NaN or infinity at {skipped} of the "
                f"last {num_steps} steps before step {self.step}; a lower learning_rate or a longer "
                f"warm-up may help{self._intact()}"
            )

    def _watch_scale(self, scale, skipped):
        """End a run in mixed_float16 whose loss scale fell below 1, or that ends without any update.

        Above 1 an overflow is how the scale is found, and no sign that anything is wrong.
        """
        is_over = self.outcome == "finished"
        if scale < 1 or (is_over and skipped >= self.step):
            raise DivergedError(
                f"loss scale: expected gradients that fit float16 at a scale of 1 or more, received "
                f"an overflow or NaN at {skipped} of {self.step} steps and a scale of {scale:g} at step "
                f"{self.step}; train in float32 or mixed_bfloat16, or lower learning_rate{self._intact()}"
            )

    def _intact(self):
        """The end of a sentence: the checkpoint that holds nothing of a bad interval, if there is one."""
        is_older = 0 < self.saved_step <= self._interval_step
        return f", and the checkpoint of step {self.saved_step} is intact" if is_older else ""

    def _seconds_left(self):
        if self.plan.time_budget_minutes is None:
            return float("inf")
        return 60 * self.plan.time_budget_minutes - self.seconds

    def _keep_to_clock(self):
        """With a time budget: fit the schedule to the steps that the clock still allows."""
        if self.plan.time_budget_minutes is None or self.outcome is not None or not self.step:
            return
        steps, seconds = self._clocked_from or (0, 0.0)
        if self.step == steps:
            steps, seconds = 0, 0.0
        speed = (self.step - steps) / (self.seconds - seconds)
        reachable = self.step + int(self._seconds_left() * speed)
        total = devices.largest(min(self.plan.steps, max(reachable, self.step + 1)))
        self.model.optimizer.total_steps_variable.assign(total)

    def _look_around(self):
        """Follow signals, the clock and commands; a pause lasts until something ends it."""
        paused_at = time.monotonic()
        wish = self._agreed_wish()
        while wish == "paused":
            time.sleep(COMMAND_SECONDS / 2)
            wish = self._agreed_wish()
        pause = time.monotonic() - paused_at
        if pause > COMMAND_SECONDS / 4:
            self.leave_out(pause)
        if wish is not None:
            self._end(wish)

    def _agreed_wish(self):
        return WISHES[devices.largest(WISHES.index(self._wish()))]

    def _wish(self):
        """One of `WISHES`: what this process wants."""
        if self.signals.received is not None:
            return "interrupted"
        if not self._is_paused:
            if self._seconds_left() <= 0:
                return "finished"
            if time.monotonic() - self._looked <= COMMAND_SECONDS:
                return None
        self._looked = time.monotonic()
        return self._obey()

    def _obey(self):
        """Obey what lies in the control folder; "paused", "stopped" or None.

        A stop with `"save": false` writes no checkpoint: the run can go on from the last one.
        """
        for command in self.session.take_commands():
            kind = command["command"]
            if kind in ("pause", "checkpoint"):
                self.checkpoint()
            if kind == "pause" and not self._is_paused:
                self._is_paused = True
                self.session.set_state("paused", self.run_step)
                self.session.append_event("pause", step=self.run_step)
            elif kind in ("resume", "stop"):
                if self._is_paused:
                    self.session.append_event("resume", step=self.run_step)
                self._is_paused = False
            self.session.answer_command(command, step=self.run_step)
            if kind == "stop":
                self._saves_at_end = command.get("save") is not False
                return "stopped"
        return "paused" if self._is_paused else None

    def _end(self, outcome):
        self.outcome = outcome
        self.model.stop_training = True


def scale_column(optimizer) -> dict[str, float]:
    """{"loss_scale": value} of an optimizer that scales the loss, else {}."""
    scale = optimizer.loss_scale
    return {} if scale is None else {"loss_scale": float(number_of(scale.scale))}


def number_of(variable):
    """A scalar variable's value on the host; one that TensorFlow mirrors is no number by itself."""
    return keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(variable))
