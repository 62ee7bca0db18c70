"""What clients of a worker with a model have in common: the folder, and the device that is free."""

import os
import pathlib
from collections.abc import Sequence

from keras_electra.errors import InputError
from keras_electra.files import absolute
from keras_electra.files.paths import StrPath
from keras_electra.runs import RunFolder
from keras_electra.workers.client import WorkerClient

DEVICES = ("auto", "cpu", "default")
ON_CPU = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
# Beside a training that uses every core, OpenMP's threads would spend their share of them on waiting
# for one another, unless they sleep.
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
SHARING = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


class ModelClient(WorkerClient):
    """A `WorkerClient` of a module that takes `--model` and `--backend`.

    Args:
        module: as of `WorkerClient`.
        path: the folder of the model.
        backend: "jax", "tensorflow" or "torch"; None for what the command line would take.
        device: "cpu", "default" for the backend's own, or "auto": the CPU while a run beside this one
            holds another device, else the backend's own.
        arguments: more of them for the module.
        **options: of `WorkerClient`.
    """

    def __init__(
        self,
        module: str,
        path: StrPath,
        *,
        backend: str | None = None,
        device: str = "auto",
        arguments: Sequence[str] = (),
        **options,
    ):
        self.path = absolute(path)
        if not self.path.is_dir():
            raise InputError(
                f"model: expected a folder, received {str(self.path)!r}, which is not there"
            )
        if device not in DEVICES:
            raise InputError(f"device: expected one of {', '.join(DEVICES)}, received {device!r}")
        self.backend, self.device = backend, device
        chosen = ["--backend", backend] if backend is not None else []
        model = ["--model", os.fspath(self.path.resolve())]
        super().__init__(module, [*model, *arguments, *chosen], **options)

    def _start(self):
        # Asked anew at every start: a run may have begun or ended.
        uses_cpu = self.device == "cpu" or (self.device == "auto" and accelerator_in_use(self.path))
        own = {**PATIENT, **SHARING}
        own = {name: os.environ.get(name, value) for name, value in own.items()}
        self.environment = {**own, **self.environment, **(ON_CPU if uses_cpu else {})}
        super()._start()


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
