"""What all trials of a run share: data, model, the run folder, and how a model is made and scored."""

import dataclasses
import math
import pathlib
from collections.abc import Callable

import keras
import numpy as np

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.files import refuse_link
from keras_electra.finetuning.data import TaskData
from keras_electra.finetuning.start import Start
from keras_electra.optimizers import ElectraAdamW
from keras_electra.runs import RunSession, StopSignals
from keras_electra.task_batches import MixedTaskBatches, TaskBatches
from keras_electra.task_models import SeveralTasks, task_model
from keras_electra.tasks.kinds import TaskKind, is_less_better, kind_of

JUDGING_BATCH = 64
"""Rows judged at once."""


@dataclasses.dataclass
class Setting:
    """The common ground of the trials.

    Attributes:
        config: the recipe.
        start: the encoder that each trial begins with.
        data: name -> `TaskData`.
        session: the open run folder.
        signals: Ctrl-C and SIGTERM.
        callbacks: further Keras callbacks.
        on_row, on_step: as for `finetune`.
        tell: called with sentences for the user.
        model: compiled once, so that its program is too; trials put their weights into it.
    """

    config: FinetuneConfig
    start: Start
    data: dict[str, TaskData]
    session: RunSession
    signals: StopSignals
    callbacks: tuple = ()
    on_row: Callable | None = None
    on_step: Callable | None = None
    tell: Callable[[str], None] = lambda sentence: None

    def __post_init__(self):
        batches = self.training_batches(self.config.seed)
        self.epoch_steps = batches.epoch_steps
        self.steps = batches.num_steps(self.config.epochs)
        self.model = self.new_model(self.config.seed)
        optimizer = ElectraAdamW(
            self.optimizer_config(),
            self.steps,
            has_loss_scale=self.config.dtype_policy == "mixed_float16",
        )
        self.model.compile(optimizer=optimizer, auto_scale_loss=False)
        self.model.optimizer.build(self.model.trainable_variables)

    # Steps

    @property
    def total_steps(self) -> int:
        """Steps of all trials together."""
        return self.steps * self.config.num_trials

    def first_step(self, trial: int) -> int:
        """Steps of the trials before this one, were none of them to end early."""
        return trial * self.steps

    def validation_steps(self) -> list[int]:
        """Steps of a trial to validate after; the last step is one of them."""
        every = self.config.validate_every_steps or self.epoch_steps
        return [*range(every, self.steps, every), self.steps]

    def optimizer_config(self):
        """The optimizer's options, the warm-up in steps."""
        fraction = self.config.warmup_fraction
        if fraction is None:
            return self.config.optimizer
        return self.config.optimizer.replace(warmup_steps=int(fraction * self.steps))

    # Models and batches

    def training_batches(self, seed: int):
        """The batches of one trial."""
        parts = {
            name: TaskBatches(
                data.splits["train"],
                batch_size=self.config.batch_size,
                seed=seed,
                is_training=True,
                is_endless=True,
            )
            for name, data in self.data.items()
        }
        return self.only(parts) if len(parts) == 1 else MixedTaskBatches(parts, seed=seed)

    def new_model(self, seed: int):
        """A model with the start's encoder and new heads."""
        backbone = self.start.new_backbone(self.config, seed)
        models = {}
        for name, data in self.data.items():
            models[name] = task_model(data.task, data.labels, backbone, self.config, seed=seed)
            models[name].tokenizer = self.start.tokenizer
        if len(models) == 1:
            return self.only(models)
        several = SeveralTasks(
            models, seed=seed, accumulation_steps=self.config.optimizer.accumulation_steps
        )
        several.tokenizer = self.start.tokenizer
        return several

    def reset(self, seed: int) -> None:
        """Put the weights into the model that a new one with this seed has; optimizer and counts too."""
        fresh = self.new_model(seed)
        for mine, new in zip(self.model.variables, fresh.variables, strict=True):
            mine.assign(np.array(keras.ops.convert_to_numpy(new)))
        self.model.seed = seed
        for name, data in self.data.items():
            if data.task.has_answerability:
                # The trial before has put the best one of its own in its place.
                self.model_of(name).null_threshold = self.config.answers.null_threshold
        self.model.optimizer.reset()
        self.model.reset_metrics()

    def model_of(self, name: str):
        """The model of one task."""
        return self.model.models[name] if len(self.data) > 1 else self.model

    def kind_of(self, name: str) -> TaskKind:
        """The kind of one task."""
        return kind_of(self.data[name].task.kind)

    @staticmethod
    def only(parts: dict):
        """The one value of a dict."""
        (part,) = parts.values()
        return part

    # Scores

    def score(self, split: str) -> dict[str, dict[str, float]]:
        """{task: {metric: value}} of a split, for the tasks that have it."""
        scores = {}
        for name, data in self.data.items():
            rows = self.model_of(name).predict_rows(data.splits[split], JUDGING_BATCH)
            scores[name] = score_rows(data, rows, self.config)
        return scores

    def main_score(self, scores: dict[str, dict[str, float]]) -> float:
        """The mean of the tasks' main figures, more being better."""
        values = []
        for name, found in scores.items():
            metric = self.data[name].task.main_metric
            values.append(-found[metric] if is_less_better(metric) else found[metric])
        mean = sum(values) / len(values)
        return mean if math.isfinite(mean) else -math.inf

    def trial_path(self, trial: int) -> pathlib.Path:
        """Folder of what one trial leaves."""
        trials = self.session.folder.path / "trials"
        refuse_link(trials)
        return trials / f"trial_{trial:02d}"


def score_rows(data: TaskData, rows: list[dict], config: FinetuneConfig, threshold=None) -> dict:
    """{metric: value} of prediction rows.

    Args:
        threshold: null odds above which a question counts as unanswerable; None for the recipe's, or
            else the best on these very rows.
    """
    task = data.task
    if threshold is None and task.has_answerability:
        threshold = config.answers.null_threshold
    return kind_of(task.kind).figures(
        rows, metrics=task.metrics, labels=data.labels, null_threshold=threshold
    )
