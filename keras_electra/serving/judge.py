"""What a server asks: a model of any kind and runtime, with one method."""

import pathlib
import warnings

from keras_electra.corpus import Texts
from keras_electra.errors import InputError
from keras_electra.onnx_model import OnnxModel
from keras_electra.tasks.kinds import kind_of


class Judge:
    """A detector or task model, under Keras or onnxruntime.

    Args:
        model: an `ElectraPretrainer` with a detector, a task model, or an `OnnxModel`.
        batch_size: most rows that go through the network at once.

    Attributes:
        kind: "detection", or a task's kind.
        about: what there is to say of it, in the types of JSON.
    """

    def __init__(self, model, batch_size: int = 32):
        self._model = model
        self._batch_size = batch_size
        self.kind = getattr(model, "kind", "detection")
        self.about = {
            "kind": self.kind,
            "task": getattr(model, "task_name", None),
            "labels": getattr(model, "labels", None),
            "sequence_length": model.sequence_length,
            "runtime": "onnxruntime" if isinstance(model, OnnxModel) else "keras",
        }

    def answers(self, inputs: list) -> list[dict]:
        """What the model says of inputs, in the types of JSON: detections, or predictions.

        Raises:
            InputError: for an input that cannot be used.
        """
        if self.kind == "detection":
            return [detection.to_dict() for detection in self._detections(inputs)]
        with warnings.catch_warnings():
            # That a text was cut is told to who calls `predict`; here nobody reads it.
            warnings.simplefilter("ignore")
            rows = self._model.encoded(inputs)
        predictions = self._predictions(rows)
        return [
            {name: value for name, value in row.items() if name not in ("id", "gold")}
            for row in predictions
        ]

    def warm_up(self) -> None:
        """Ask once, so that the first request need not wait for what is done only once."""
        self.answers(["warm up" if self.kind == "detection" else kind_of(self.kind).warm_up])

    def _detections(self, texts):
        # What somebody else sends is never the name of a file.
        texts = Texts(texts)
        if isinstance(self._model, OnnxModel):
            return self._model.detect(texts, self._batch_size)
        from keras_electra.predict import detect

        return detect(self._model, texts, self._batch_size)

    def _predictions(self, rows):
        """Predictions of encoded examples, all batches of about the same size."""
        num_batches = -(-len(rows) // self._batch_size)
        size = -(-len(rows) // num_batches)
        if isinstance(self._model, OnnxModel):
            return self._model.predict_rows(rows, size)
        from keras_electra.task_batches import FEW_LENGTHS

        # Few shapes on every backend: some compile each, and PyTorch keeps memory for each.
        return self._model.predict_rows(rows, 1 << (size - 1).bit_length(), FEW_LENGTHS)


def open_judge(path, task: str | None = None, batch_size: int = 32, weights: str = "last") -> Judge:
    """The model of a run, checkpoint, preset, or of an ONNX file; the latter needs no Keras.

    Raises:
        InputError: for a model that answers nothing, such as one without a detector.
    """
    path = pathlib.Path(path)
    if path.suffix == ".onnx":
        if weights != "last":
            raise InputError(f"weights: expected 'last' for {path}, an exported file")
        model = OnnxModel(path)
        if task not in (None, model.task_name):
            raise InputError(f"--task: expected {model.task_name!r}, received {task!r}")
        return Judge(model, batch_size)
    from keras_electra.deploy.network import one_task, refuse_without_detector
    from keras_electra.opening import load
    from keras_electra.pretrainer import ElectraPretrainer

    model = one_task(load(path, weights=weights), task)
    if isinstance(model, ElectraPretrainer):
        refuse_without_detector(model)
    return Judge(model, batch_size)
