"""Labels for new text from a fine-tuned model."""

import warnings

from keras_electra.errors import InputError
from keras_electra.opening import load
from keras_electra.task_models import SeveralTasks, TaskModel


def open_task_model(path, task: str | None = None) -> TaskModel:
    """The fine-tuned model of a run or preset.

    Args:
        path: the folder.
        task: which head of a model of several tasks.

    Raises:
        InputError: if the folder holds no fine-tuned model, or `task` is missing or unknown.
    """
    model = load(path)
    if isinstance(model, SeveralTasks):
        if task not in model.models:
            names = ", ".join(model.models)
            raise InputError(f"--task: expected one of {names}, received {task!r}")
        return model.models[task]
    if not isinstance(model, TaskModel):
        raise InputError(f"--model: expected a fine-tuned model, received {path}; see `finetune`")
    if task not in (None, model.task_name):
        raise InputError(f"--task: expected {model.task_name!r}, received {task!r}")
    return model


def predict_rows(model: TaskModel, inputs: list, on_message=None) -> list[dict]:
    """Predictions for raw inputs, one row each.

    Args:
        model: with its tokenizer.
        inputs: a list of raw examples as of `model.predict`; a string in it is always a text.
        on_message: called with what there is to remark, such as texts that were cut.
    """
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        rows = model.predict_rows(model.encoded(inputs))
    for remark in remarks:
        if on_message and issubclass(remark.category, UserWarning):
            on_message(str(remark.message))
    return rows
