"""`export`: a trained model as a folder or file for others to use."""

import contextlib
import dataclasses
import pathlib
import shlex

from keras_electra.cli import display
from keras_electra.cli.arguments import Backend, Head, Weights, existing, quoted, start_keras
from keras_electra.cli.following import of_model
from keras_electra.cli.options import OptionalPath, argument, choice
from keras_electra.errors import InputError

FORMATS = ("keras", "onnx", "openvino", "saved-model", "litert", "torch", "web")
BACKEND_OF_FORMAT = {"saved-model": "tensorflow", "litert": "tensorflow", "torch": "torch"}
PRECISIONS = ("float32", "int8")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Export:
    """Write a model for others to use; every form is checked against Keras while it is written."""

    model: argument(pathlib.Path, "run, checkpoint, preset or fine-tuning run", metavar="DIR")
    out: argument(pathlib.Path, "new file, or new folder", metavar="PATH")
    format: argument(
        choice("format", FORMATS),
        "keras: the folder that `keras_electra.load` opens; onnx: a file; openvino: a folder; "
        "saved-model: a folder (TensorFlow); litert: a .tflite file (TensorFlow); torch: a .pt2 "
        "file (PyTorch); web: a folder with a page that runs the model in a browser",
    ) = "keras"
    precision: argument(choice("precision", PRECISIONS), "onnx and web: numbers of the weights") = (
        "float32"
    )
    runtime: argument(OptionalPath, "web: unpacked package onnxruntime-web", "", metavar="DIR") = (
        None
    )
    task: Head = None
    weights: Weights = "last"
    backend: Backend = None

    def run(self):
        self._refuse_what_does_not_go_together()
        existing("--model", self.model)
        start_keras(self.backend or BACKEND_OF_FORMAT.get(self.format))
        from keras_electra.opening import load
        from keras_electra.presets import save_preset

        # The converters of TensorFlow write pages to standard error.
        is_loud = BACKEND_OF_FORMAT.get(self.format) == "tensorflow"
        silence = display.native_messages_held() if is_loud else contextlib.nullcontext()
        with silence as stream, display.waiting(f"exporting {self.model}", stream):
            model = load(self.model, weights=self.weights)
            if self.format == "keras":
                save_preset(self.out, model)
                difference = None
            else:
                difference = self._write(model)
        display.say(self._sentence(difference))
        display.say_next(*self._next(model))

    def _refuse_what_does_not_go_together(self):
        if self.precision != "float32" and self.format not in ("onnx", "web"):
            raise InputError(
                f"--precision: expected float32 with --format {self.format}, received "
                f"{self.precision!r}"
            )
        if (self.runtime is not None) != (self.format == "web"):
            expected = "a folder with" if self.format == "web" else "nothing without"
            raise InputError(
                f"--runtime: expected {expected} --format web, received {self.runtime}"
            )
        if self.task is not None and self.format == "keras":
            raise InputError("--task: expected nothing with --format keras, which keeps all heads")

    def _write(self, model):
        """Write the model; returns the difference to Keras."""
        if self.format == "onnx":
            from keras_electra.deploy.onnx_file import export_onnx

            return export_onnx(model, self.out, precision=self.precision, task=self.task)
        if self.format == "web":
            from keras_electra.deploy.web_folder import export_web

            return export_web(
                model, self.out, self.runtime, precision=self.precision, task=self.task
            )
        from keras_electra.deploy.other_formats import export_other

        return export_other(model, self.out, self.format, task=self.task)

    def _sentence(self, difference) -> str:
        """What was written, and how far from Keras it is."""
        if difference is None:
            names = ", ".join(sorted(path.name for path in self.out.iterdir()))
            return f"written to {self.out}: {names}"
        subject = "probabilities" if self.precision == "int8" else "outputs"
        return f"written to {self.out}; {subject} beside those of Keras: {difference}"

    def _next(self, model) -> list[str]:
        """What to do with it."""
        path, named = quoted(self.out), repr(str(self.out))
        opened = {
            "keras": f"import keras_electra; model = keras_electra.load({named})",
            "onnx": f"import keras_electra; model = keras_electra.OnnxModel({named})",
            "openvino": "import openvino; "
            f"model = openvino.compile_model({str(self.out / 'model.xml')!r})",
            "saved-model": f"import tensorflow; model = tensorflow.saved_model.load({named})",
            "litert": "from ai_edge_litert.interpreter import Interpreter; "
            f"model = Interpreter({named}).get_signature_runner()",
            "torch": f"import torch; model = torch.export.load({named}).module()",
        }
        commands = {
            "keras": of_model(model, self.out),
            "onnx": [f"keras-electra serve --model {path}"],
            "web": [f"python -m http.server --bind 127.0.0.1 --directory {path}"],
        }
        lines = commands.get(self.format, [])
        if self.format in opened:
            lines.append(f"python -c {shlex.quote(opened[self.format])}")
        return lines
