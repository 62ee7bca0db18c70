"""Models for tasks: a backbone under a head, with their losses, and `fit` and `predict` in words."""

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.finetune import FinetuneConfig
from keras_electra.task_models.answers import ExtractiveQA
from keras_electra.task_models.base import TaskModel
from keras_electra.task_models.several import SeveralTasks
from keras_electra.task_models.texts import MultipleChoice, TextClassifier, TextRegressor
from keras_electra.task_models.words import TokenClassifier
from keras_electra.tasks.task import Task

__all__ = [
    "ExtractiveQA",
    "MultipleChoice",
    "SeveralTasks",
    "TaskModel",
    "TextClassifier",
    "TextRegressor",
    "TokenClassifier",
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
    common = {
        "head": config.head,
        "seed": seed,
        "accumulation_steps": config.optimizer.accumulation_steps,
        "name": task.name,
    }
    dropout = {"head_dropout_rate": config.head_dropout_rate}
    answers = config.answers
    if not task.has_answerability:
        answers = answers.replace(null_threshold=None)
    makers = {
        "classification": lambda: TextClassifier(backbone, labels, **dropout, **common),
        "multi_label": lambda: TextClassifier(
            backbone, labels, is_multi_label=True, **dropout, **common
        ),
        "regression": lambda: TextRegressor(backbone, task.value_range, **dropout, **common),
        "tagging": lambda: TokenClassifier(
            backbone, labels, tagging_form=config.tagging_form, **dropout, **common
        ),
        "question_answering": lambda: ExtractiveQA(backbone, answers, **common),
        "multiple_choice": lambda: MultipleChoice(backbone, **dropout, **common),
    }
    model = makers[task.kind]()
    model.sequence_length = config.sequence_length
    model.columns = dict(task.columns) or None
    return model
