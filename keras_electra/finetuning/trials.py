"""One trial: a training from the start's weights with one seed, validated on the way."""

import dataclasses
import time

import safetensors.numpy

from keras_electra.callbacks import RunKeeper, TrainingPlan
from keras_electra.checkpoint import save_checkpoint
from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import DivergedError
from keras_electra.exploring.records import main_of
from keras_electra.finetuning.setting import Setting
from keras_electra.pretraining import train_until
from keras_electra.run_callbacks import RunCallbacks
from keras_electra.runs import prune_checkpoints
from keras_electra.weights import arrays_of, assign, write_arrays

BEST_FILE = "best.safetensors"
KEPT_CHECKPOINTS = 2
FAILURE_FILE = "failure.json"
"""What a trial leaves that diverged with all its seeds: {"reason"}, a sentence."""
RESTART_SEEDS = 1000
"""A restart takes the seed of its trial plus this many times the number of restarts."""


@dataclasses.dataclass
class Course:
    """How far a trial is; kept in the `state.json` of its checkpoints.

    Attributes:
        trial: number from 0.
        attempt: how often it was started again after a divergence.
        validations: rows {"step", "main", "figures": {task: {metric: value}}}, oldest first.
        step, seconds: of training.
        is_over: whether early stopping ended it.
    """

    trial: int
    attempt: int = 0
    validations: list = dataclasses.field(default_factory=list)
    step: int = 0
    seconds: float = 0.0
    is_over: bool = False

    def seed(self, config: FinetuneConfig) -> int:
        """The seed of this attempt."""
        return config.seed + self.trial + RESTART_SEEDS * self.attempt

    @property
    def scores(self) -> list[float]:
        """The main score of each validation."""
        return [main_of(row) for row in self.validations]

    @property
    def is_best(self) -> bool:
        """Whether the newest validation is better than all before; the first is, whatever its score."""
        *former, newest = self.scores
        return not former or newest > max(former)

    def has_stalled(self, patience: int | None) -> bool:
        """Whether the last `patience` validations brought nothing better than those before."""
        if patience is None or len(self.scores) <= patience:
            return False
        return max(self.scores[-patience:]) <= max(self.scores[:-patience])


class Trial:
    """Trains the setting's model once.

    Args:
        setting: what all trials share; its model holds the weights that the trial goes on with.
        course: where it goes on from.
        metrics: values of the model's metrics at the checkpoint, or None.
    """

    def __init__(self, setting: Setting, course: Course, metrics=None):
        self.setting, self.course = setting, course
        self.config, self.model = setting.config, setting.model
        self.path = setting.trial_path(course.trial)
        self.batches = setting.training_batches(course.seed(self.config))
        plan = TrainingPlan(
            steps=setting.steps,
            log_every_steps=self.config.log_every_steps,
            checkpoint_every_steps=self.config.checkpoint_every_steps,
            optimizer=self.model.optimizer.config,
            first_step=setting.first_step(course.trial),
            columns={"trial": course.trial},
        )
        self.keeper = RunKeeper(
            plan,
            setting.session,
            setting.signals,
            self.batches,
            save=self._save,
            step=course.step,
            seconds=course.seconds,
            metrics=metrics,
            on_row=setting.on_row,
            on_step=setting.on_step,
        )
        self.callbacks = RunCallbacks(self.keeper, setting.callbacks, self.model)

    def run(self) -> str:
        """Train to the end, or to what ends it.

        Returns:
            "finished", "stopped" or "interrupted".

        Raises:
            DivergedError: when no update works any more.
        """
        for border in self.setting.validation_steps():
            if self.course.is_over:
                break
            self._train(border)
            if self.callbacks.is_over:
                self.callbacks.finish()
            if self.keeper.outcome in ("stopped", "interrupted"):
                return self.keeper.outcome
            if border not in [row["step"] for row in self.course.validations]:
                self._validate()
        self.callbacks.finish()
        if self.config.selection == "best":
            assign(
                self.model.trainable_variables,
                safetensors.numpy.load_file(self.path / BEST_FILE),
                self.path,
            )
        return "finished"

    def _train(self, border):
        try:
            train_until(border, self.model, self.batches, self.callbacks)
        except DivergedError:
            # On JAX, asking a callback for its model takes up the state of the `fit` that was left;
            # a later one would put it over the weights of the next attempt.
            _ = self.keeper.model
            raise

    def _validate(self):
        """Score the validation parts, note the scores, and decide whether to go on."""
        step, started = self.keeper.step, time.monotonic()
        figures = self.setting.score("validation")
        main = self.setting.main_score(figures)
        self.course.validations.append({"step": step, "main": main, "figures": figures})
        if self.config.selection == "best" and self.course.is_best:
            self.path.mkdir(parents=True, exist_ok=True)
            write_arrays(self.path / BEST_FILE, arrays_of(self.model.trainable_variables))
        self.course.is_over = self.course.has_stalled(self.config.early_stopping_patience)
        self.setting.session.append_event(
            "validation", step=self.keeper.run_step, trial=self.course.trial, figures=figures
        )
        self.setting.tell(self._sentence(step, figures))
        self.keeper.leave_out(time.monotonic() - started)
        self.keeper.checkpoint(again=True)

    def _sentence(self, step, figures):
        """What a validation found, for the user."""
        parts = [
            f"{name} {metric} {figures[name][metric]:.4f}"
            for name, data in self.setting.data.items()
            for metric in [data.task.main_metric]
        ]
        return f"trial {self.course.trial}, step {step}: {', '.join(parts)}"

    def _save(self, model, state):
        folder = self.setting.session.folder
        self.course.step, self.course.seconds = state["step"], state["seconds"]
        path = folder.checkpoint_path(self.setting.first_step(self.course.trial) + state["step"])
        save_checkpoint(path, model, {**state, "course": dataclasses.asdict(self.course)})
        prune_checkpoints(folder, KEPT_CHECKPOINTS, None)
