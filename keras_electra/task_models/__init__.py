"""Models for tasks: a backbone under a head, with their losses, and `fit` and `predict` in words."""

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.finetune import FinetuneConfig
from keras_electra.task_models.answers import ExtractiveQA
from keras_electra.task_models.base import TaskModel
from keras_electra.task_models.several import SeveralTasks
from keras_electra.task_models.texts import MultipleChoice, TextClassifier, TextRegressor
from keras_electra.task_models.words import TokenClassifier
from keras_electra.tasks import kinds
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.task import Task

__all__ = [
    "ExtractiveQA",
    "MultipleChoice",
    "SeveralTasks",
    "TaskModel",
    "TextClassifier",
    "TextRegressor",
    "TokenClassifier",
    "model_classes",
    "task_model",
]


def task_model(
    task: Task, labels, backbone: ElectraBackbone, config: FinetuneConfig, seed: int = 0
) -> TaskModel:
    """The model for a task that a recipe describes, with a new head.

    Args:
        task: its kind, name, value range and columns are used, and whether its questions may have no
            answer.
        labels: names of the labels, in the order of their numbers, where the kind has labels.
        backbone: trained together with the head.
        config: head, dropout, answers, tagging form and accumulation are used.
        seed: decides the head's starting weights and the dropout noise.
    """
    kind = kind_of(task.kind)
    model = kind.model_class()(
        backbone,
        head=config.head,
        seed=seed,
        accumulation_steps=config.optimizer.accumulation_steps,
        name=task.name,
        **kind.model_options(task, labels, config),
    )
    model.sequence_length = config.sequence_length
    model.columns = dict(task.columns) or None
    return model


def model_classes() -> dict[str, type[TaskModel]]:
    """Name -> class of the models of all kinds."""
    return {one.__name__: one for one in (kind.model_class() for kind in kinds.KINDS)}
