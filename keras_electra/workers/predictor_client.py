"""A fine-tuned model in a process of its own, asked without Keras."""

import os

from keras_electra.errors import InputError
from keras_electra.files import absolute
from keras_electra.workers.client import WorkerClient
from keras_electra.workers.inspector_client import ON_CPU, SHARING, accelerator_in_use

MODULE = "keras_electra.predict_worker"


class PredictorClient(WorkerClient):
    """Asks `python -m keras_electra.predict_worker` about new text; on the CPU while a run holds another
    device.

    Args:
        path: fine-tuning run or preset.
        backend: "jax", "tensorflow" or "torch"; None for what the command line would take.
        **options: of `WorkerClient`.
    """

    def __init__(self, path, *, backend: str | None = None, **options):
        self.path = absolute(path)
        if not self.path.is_dir():
            raise InputError(
                f"model: expected a folder, received {str(path)!r}, which is not there"
            )
        arguments = ["--model", os.fspath(self.path.resolve())]
        if backend is not None:
            arguments += ["--backend", backend]
        super().__init__(MODULE, arguments, **options)

    def _started(self):
        on_cpu = ON_CPU if accelerator_in_use(self.path) else {}
        self.environment = {**self.environment, **SHARING, **on_cpu}
        return super()._started()

    def __call__(self, inputs: list, task: str | None = None) -> list[dict]:
        """Prediction rows of inputs, as `model.predict` takes them.

        Args:
            task: of a model of several tasks; None for the first.

        Raises:
            WorkerError: with the worker's sentence.
        """
        return self.ask("predict", inputs=inputs, task=task)
