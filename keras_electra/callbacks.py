"""`RunKeeper`: what happens between the steps of a run: log rows, checkpoints, commands, the clock."""

import dataclasses
import math
import time

import keras

from keras_electra.backends import devices
from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.errors import DivergedError
from keras_electra.processes import memory_bytes
from keras_electra.runs import RunControl, RunSession, StopSignals, TimeBudget

MEMORY_COLUMNS = ("memory_bytes", "peak_memory_bytes")
AGREE_EVERY_STEPS = 10
"""How often several processes agree whether to continue."""
FIRST_LOOKS = (1, 2, 4, 8)
"""Steps of a session after which several processes also agree, under a time budget."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What a `RunKeeper` keeps to.

    Attributes:
        steps: updates of this training.
        log_every_steps, checkpoint_every_steps: how often a row and a checkpoint are written.
        optimizer: for the learning rate in the rows.
        time_budget_minutes: minutes of training after which it ends, or None. The first step of each
            shape in a session, which compiles, is not counted.
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
        control: `RunControl`, which knows how training ended.
        has_row: whether the epoch that ended last was a whole logging interval.
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
        self.control = RunControl(session, signals, self.checkpoint, agree=devices.largest)
        self.has_row = False
        self.on_row = on_row or (lambda row: None)
        self.on_step = on_step or (lambda number: None)
        self._carried_metrics = metrics if step % plan.log_every_steps else None
        self._started = time.monotonic() - seconds
        # While a step compiles, the clock of a time budget stands still.
        self._stopped_at = None
        self._budget = None
        if plan.time_budget_minutes is not None:
            self._stopped_at = self._started + seconds
            speed = step / seconds if step and seconds else None
            self._budget = TimeBudget(60 * plan.time_budget_minutes, speed)
        self._programs = set()
        # Of the schedule so far; a resumed run is fitted anew.
        self._total = 0 if step else plan.steps
        self._first_step = step
        self._newly_done = 1
        # Updates left out before: those of a checkpoint are known when its model is there.
        self._skipped = None
        self._start_interval()

    @property
    def outcome(self) -> str | None:
        """ "finished", "stopped" or "interrupted" once training ended, else None."""
        return self.control.outcome

    @property
    def run_step(self) -> int:
        """Updates of the whole run, trainings before this one counted."""
        return self.plan.first_step + self.step

    @property
    def seconds(self) -> float:
        """Seconds of training, over all sessions; pauses and, under a time budget, compiling left out."""
        now = time.monotonic() if self._stopped_at is None else self._stopped_at
        return now - self._started

    def on_train_begin(self, logs=None):
        """Fit the schedule to the clock before the first step that follows."""
        if self._skipped is None:
            self._skipped = int(number_of(self.model.optimizer.skipped_steps))
        if self._budget is not None:
            self._stop_clock_to_compile()
            self._fit_schedule(self.model.steps_per_execution)

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
            # Told to end here, `fit` does one more execution.
            self._between_steps(self._newly_done)

    def on_epoch_end(self, epoch, logs=None):
        """The work after the last step of an interval, or of the run."""
        self._count_steps()
        if self.step >= self.plan.steps:
            self._end("finished")
        self.has_row = self.step % self.plan.log_every_steps == 0 or self.outcome == "finished"
        # The row goes before the checkpoint: a kill in between may not lose it.
        if self.has_row:
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
        if self.has_row:
            self._start_interval()

    def conclude(self, stopped_by: str | None = None, again: bool = False) -> None:
        """Write the last checkpoint once training ended, if it has.

        Args:
            stopped_by: what set `stop_training`, unless a command, a signal or the clock did.
            again: whether the model was changed since the last step.
        """
        if stopped_by is not None:
            self.control.end("stopped", f"stopped by {stopped_by}")
        if self.outcome is not None and self.control.saves_at_end:
            self.checkpoint(again)

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

    def _stop_clock_to_compile(self):
        """Do not count the next step if it is the first of its shape in this session."""
        tokens = self.batches.tokens_until(self.step + 1) - self._tokens()
        program = (tokens, self.model.steps_per_execution)
        if program not in self._programs:
            self._programs.add(program)
            self._stopped_at = self._stopped_at or time.monotonic()

    def _count_steps(self):
        # Not `self.model`: on JAX, asking for it brings all its variables up to date.
        self._newly_done = self._model.steps_per_execution
        self.step += self._newly_done
        self.on_step(self.run_step)
        self.session.set_state("running", self.run_step)
        if self._stopped_at is not None:
            self._wait_for_device()
            self._started += time.monotonic() - self._stopped_at
            self._stopped_at = None
            self._budget.restart(self.step, self.seconds)

    def _between_steps(self, ahead: int = 0):
        """Look whether to continue, obey commands, and write the checkpoint that is due.

        Args:
            ahead: steps that are still done if training is told to end now.
        """
        if self.outcome is None and self._may_look():
            is_time_up = self._budget is not None and self._fit_schedule(ahead)
            self.leave_out(self.control.look(self.run_step, is_time_up))
            if self.outcome is not None:
                self._end(self.outcome)
            if self.outcome == "finished" and self._budget is not None:
                self.model.optimizer.total_steps_variable.assign(max(self.step + ahead, 1))
        if self.step % self.plan.checkpoint_every_steps == 0:
            self.checkpoint()

    def _may_look(self):
        """Whether this is a step at which all processes look; a single one looks at every step."""
        if devices.num_processes() == 1 or self.step % AGREE_EVERY_STEPS < self._newly_done:
            return True
        return self._budget is not None and self.step - self._first_step in FIRST_LOOKS

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
            **dict(zip(MEMORY_COLUMNS, memory_bytes(), strict=True)),
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

    def _fit_schedule(self, ahead: int) -> bool:
        """Set the schedule's number of steps to what the clock still allows; whether time is up.

        Training ends after `ahead` steps, or after as many groups of steps as can be told to end:
        executions, and with several processes the steps between two agreements.
        """
        is_alone = devices.num_processes() == 1
        if self._stopped_at is None:
            if is_alone and ahead and not self._budget.is_due(self.seconds):
                return False
            self._wait_for_device()
        left = self._budget.steps_left(self.step, self.seconds)
        if left is None:
            return False
        group = self._newly_done if is_alone else max(AGREE_EVERY_STEPS, self._newly_done)
        num_groups = max(round((left - ahead) / group), 0)
        total = devices.largest(min(self.plan.steps, self.step + ahead + num_groups * group))
        self._total = max(total, self._least_total(), 1)
        self.model.optimizer.total_steps_variable.assign(self._total)
        return num_groups == 0

    def _least_total(self):
        """Steps of a schedule that has its peak at the next step, if the one so far still rises.

        A schedule that becomes shorter, as the first estimate makes it, would otherwise jump over its peak.
        """
        fraction = self.model.optimizer.max_warmup_fraction
        if self.step >= min(self.plan.optimizer.warmup_steps, fraction * self._total):
            return 0
        return min(self._total, math.ceil((self.step + 1) / fraction))

    def _wait_for_device(self):
        """Wait until the step is computed: JAX runs ahead, and the clock would time its queue."""
        number_of(self.model.optimizer.iterations)

    def _end(self, outcome):
        self.control.end(outcome)
        self.model.stop_training = True


def scale_column(optimizer) -> dict[str, float]:
    """{"loss_scale": value} of an optimizer that scales the loss, else {}."""
    scale = optimizer.loss_scale
    return {} if scale is None else {"loss_scale": float(number_of(scale.scale))}


def number_of(variable):
    """A scalar variable's value on the host; one that TensorFlow mirrors is no number by itself."""
    return keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(variable))
