"""A fine-tuned model in a process of its own, asked without Keras."""

from keras_electra.files.paths import StrPath
from keras_electra.workers.model_client import ModelClient


class PredictorClient(ModelClient):
    """Asks `python -m keras_electra.predict_worker` about new text; on the CPU while a run holds another
    device.

    Args:
        path: fine-tuning run or preset.
        **options: of `ModelClient`, such as `backend`, and of `WorkerClient`.
    """

    def __init__(self, path: StrPath, **options):
        super().__init__("keras_electra.predict_worker", path, **options)

    def __call__(self, inputs: list, task: str | None = None) -> list[dict]:
        """Prediction rows of inputs, as `model.predict` takes them.

        Args:
            task: of a model of several tasks; None for the first.

        Raises:
            WorkerError: with the worker's sentence.
        """
        return self.ask("predict", inputs=inputs, task=task)
