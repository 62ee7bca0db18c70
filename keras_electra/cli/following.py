"""The commands that a command names as the next ones: such as work for the model at hand."""

import json

from keras_electra.cli.arguments import quoted
from keras_electra.exploring.records import split_file
from keras_electra.tasks.kinds import kind_of

TEXT = '"Some text."'
PAIR = "\"$(printf 'Some text.\\tAnother text.')\""
RESUMES = "    # resumes where it ended"


def of_pretrainer(path, has_detector: bool) -> list[str]:
    """What looks into a pretrained model: without a detector there is nothing to detect."""
    commands = [f"keras-electra corrupt --model {quoted(path)} {TEXT}"]
    if has_detector:
        commands.insert(0, f"keras-electra detect --model {quoted(path)} {TEXT}")
    return commands


def of_task_model(model, path, run=None) -> str:
    """What judges new text with a fine-tuned model, by its kind.

    Args:
        model: a task model or `SeveralTasks`.
        path: of the run or preset that `predict` opens.
        run: its run folder, whose examples tell whether texts come in pairs; None where there is none.
    """
    models = getattr(model, "models", None)
    name, one = next(iter(models.items())) if models else (model.task_name, model)
    flag = f" --task {name}" if models else ""
    kind = kind_of(one.kind)
    text = PAIR if "second_text" in kind.roles and is_of_pairs(one, run, name) else kind.line
    return f"keras-electra predict --model {quoted(path)}{flag} {text}"


def is_of_pairs(model, run, task: str) -> bool:
    """Whether a model of texts was trained on pairs of them."""
    if "second_text_column" in (getattr(model, "columns", None) or {}):
        return True
    for is_alone in (True, False) if run is not None else ():
        path = split_file(run / "examples", task, "validation", is_alone)
        if path.is_file():
            with path.open(encoding="utf-8") as file:
                return json.loads(file.readline() or "{}").get("second_text") is not None
    return False


def of_model(model, path) -> list[str]:
    """What to do with any model that `keras_electra.load` opens."""
    if hasattr(model, "objective"):
        return of_pretrainer(path, model.objective.has_detector)
    if hasattr(model, "models") or hasattr(model, "task_name"):
        return [of_task_model(model, path)]
    return []
