"""An inspector in a process of its own: the same questions, asked without Keras."""

import os
import pathlib

from keras_electra.config.optimizer import WEIGHTS
from keras_electra.corpus import texts_of
from keras_electra.errors import InputError
from keras_electra.files import absolute
from keras_electra.runs import RunFolder
from keras_electra.traces import Scenario, Trace
from keras_electra.workers.client import WorkerClient

MODULE = "keras_electra.inspect_worker"
DEVICES = ("auto", "cpu", "default")
ON_CPU = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
# Beside a training that uses every core, OpenMP's threads would spend their share of them on waiting
# for one another, unless they sleep.
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
SHARING = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


class InspectorClient(WorkerClient):
    """Asks `python -m keras_electra.inspect_worker` about a run, a checkpoint or a preset.

    Args:
        path: the folder.
        backend: "jax", "tensorflow" or "torch"; None for what the command line would take.
        device: "cpu", "default" for the backend's own, or "auto": the CPU while a run beside this one
            holds another device, else the backend's own.
        weights: "last" or "average", as of `keras_electra.load`.
        **options: of `WorkerClient`.
    """

    def __init__(
        self,
        path,
        *,
        backend: str | None = None,
        device: str = "auto",
        weights: str = "last",
        **options,
    ):
        path = absolute(path)
        check_folder(path)
        if device not in DEVICES:
            raise InputError(f"device: expected one of {', '.join(DEVICES)}, received {device!r}")
        self.path, self.backend, self.device = path, backend, device
        if weights not in WEIGHTS:
            raise InputError(f"weights: expected one of {', '.join(WEIGHTS)}, received {weights!r}")
        arguments = ["--model", os.fspath(path.resolve()), "--weights", weights]
        if backend is not None:
            arguments += ["--backend", backend]
        super().__init__(MODULE, arguments, **options)

    def _started(self):
        # Asked anew at every start: a run may have begun or ended.
        uses_cpu = self.device == "cpu" or (self.device == "auto" and accelerator_in_use(self.path))
        own = {**PATIENT, **SHARING}
        own = {name: os.environ.get(name, value) for name, value in own.items()}
        self.environment = {**own, **self.environment, **(ON_CPU if uses_cpu else {})}
        return super()._started()

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
    if not path.is_dir():
        raise InputError(f"model: expected a folder, received {str(path)!r}, which is not there")
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


def accelerator_in_use(path: pathlib.Path) -> bool:
    """Whether a live run, the one at `path` or one beside it, computes on something else than a CPU."""
    folder = run_of(path)
    if folder is None:
        return False
    return any(_holds_accelerator(RunFolder(other)) for other in folder.parent.iterdir())


def run_of(path: pathlib.Path) -> pathlib.Path | None:
    """The folder of the run that `path` is or that it is a checkpoint of; else None."""
    path = pathlib.Path(path).resolve()
    for folder in (path, path.parent.parent):
        if RunFolder(folder).exists():
            return folder
    return None


def _holds_accelerator(run: RunFolder) -> bool:
    device = str(run.status().get("device") or "cpu").lower()
    return "cpu" not in device and run.is_running()
