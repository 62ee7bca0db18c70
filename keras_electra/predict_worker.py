"""`python -m keras_electra.predict_worker --model FOLDER`: a fine-tuned model that is asked over pipes.

`workers` says how requests and answers look. Kinds: `info`; and `predict`, with `inputs` as
`model.predict` takes them and, of a model of several tasks, `task`.
"""

import argparse
import pathlib
import sys

from keras_electra.cli.worker import answer_requests
from keras_electra.errors import InputError


def main(arguments: list[str] | None = None) -> int:
    """Answer until standard input ends; returns 0, or 2 and 3 as the command line does."""
    parser = argparse.ArgumentParser(prog="python -m keras_electra.predict_worker")
    parser.add_argument("--model", required=True, type=pathlib.Path, help="run or preset")
    return answer_requests(parser, arguments, opened)


def opened(chosen: argparse.Namespace) -> tuple[dict, dict]:
    """What the model is, and the answers to questions about it."""
    models = TaskModels(chosen.model)
    return models.info({}), {"info": models.info, "predict": models.predict}


class TaskModels:
    """The model of a folder, which may hold several tasks.

    Args:
        path: fine-tuning run or preset.
    """

    def __init__(self, path: pathlib.Path):
        self.path = path
        self._model = None

    def info(self, request: dict) -> dict:
        """{"tasks": names, "kinds": {name: kind}}."""
        return {"tasks": list(self.models), "kinds": {n: m.kind for n, m in self.models.items()}}

    def predict(self, request: dict) -> list[dict]:
        """Prediction rows of `inputs`, one each."""
        from keras_electra.finetuning import predict_rows

        task = request.get("task") or next(iter(self.models))
        if task not in self.models:
            raise InputError(f"task: expected one of {', '.join(self.models)}, received {task!r}")
        # JSON knows no pairs.
        inputs = [tuple(one) if isinstance(one, list) else one for one in request["inputs"]]
        return predict_rows(self.models[task], inputs)

    @property
    def models(self) -> dict:
        """Name of each task and its model, opened at first use."""
        if self._model is None:
            from keras_electra.opening import load
            from keras_electra.task_models import SeveralTasks, TaskModel

            self._model = load(self.path)
            if not isinstance(self._model, SeveralTasks | TaskModel):
                raise InputError(f"model: expected a fine-tuned model, received {self.path}")
        return getattr(self._model, "models", None) or {self._model.task_name: self._model}


if __name__ == "__main__":
    sys.exit(main())
