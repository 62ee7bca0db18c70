"""An inspector in a process of its own: the same questions, asked without Keras."""

import pathlib

from keras_electra.config.optimizer import WEIGHTS
from keras_electra.corpus import texts_of
from keras_electra.errors import InputError
from keras_electra.files.paths import StrPath
from keras_electra.runs import RunFolder
from keras_electra.traces import Scenario, Trace
from keras_electra.workers.model_client import ModelClient


class InspectorClient(ModelClient):
    """Asks `python -m keras_electra.inspect_worker` about a run, a checkpoint or a preset.

    Args:
        path: the folder.
        weights: "last" or "average", as of `keras_electra.load`.
        **options: of `ModelClient`, such as `backend` and `device`, and of `WorkerClient`.
    """

    def __init__(self, path: StrPath, *, weights: str = "last", **options):
        if weights not in WEIGHTS:
            raise InputError(f"weights: expected one of {', '.join(WEIGHTS)}, received {weights!r}")
        arguments = ["--weights", weights]
        super().__init__("keras_electra.inspect_worker", path, arguments=arguments, **options)
        check_folder(self.path)

    def info(self) -> dict:
        """What the model is: checkpoint, step, parts, device."""
        return self.ask("info")

    def trace(self, text: str, **options) -> Trace:
        """As `Inspector.trace`."""
        scenario = Scenario.from_dict({"text": text, **options})
        return Trace.from_dict(self.ask("trace", scenario=scenario.to_dict()))

    def __call__(self, texts, **options) -> list[Trace]:
        """The trace of each text, given as for `detect`."""
        return [self.trace(text, **options) for text in texts_of(texts)]


def check_folder(path: pathlib.Path) -> None:
    """Raise `InputError` for what cannot be inspected, before a worker takes seconds to find out."""
    names = ("state.json", "config.json", "discriminator/config.json", "snapshots")
    if not any((path / name).exists() for name in names):
        raise InputError(
            "model: expected a run, a checkpoint or a preset folder, or one of Hugging Face, "
            f"received {path}"
        )
    run = RunFolder(path)
    if run.exists() and "finetune" in run.config():
        raise InputError(f"model: expected a pretraining run, received {path}, a fine-tuning run")
    if run.exists() and not run.checkpoints():
        raise InputError(f"run {path}: expected at least one checkpoint, found none")
