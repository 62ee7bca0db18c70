"""`serve`: a model behind HTTP."""

import dataclasses
import importlib.util
import pathlib

from keras_electra.cli import display
from keras_electra.cli.arguments import Backend, Head, Weights, existing, start_keras
from keras_electra.cli.options import OptionalPath, argument, given, options_of, whole
from keras_electra.config.serving import ServeConfig
from keras_electra.errors import InputError, MissingExtraError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
PACKAGES = ("starlette", "uvicorn")

Limits = options_of(ServeConfig, name="limits")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Serve:
    """Answer /detect, /predict and /healthz over HTTP until Ctrl-C."""

    model: argument(
        pathlib.Path, "run, checkpoint, preset, fine-tuning run or .onnx file", metavar="PATH"
    )
    host: argument(str, "address to listen at") = "127.0.0.1"
    port: whole("port", "port to listen at; 0 for any that is free") = 8000
    web: argument(
        OptionalPath,
        "folder to show at /, such as that of `export --format web`",
        "",
        metavar="DIR",
    ) = None
    task: Head = None
    weights: Weights = "last"
    backend: Backend = None
    limits: Limits

    def run(self):
        config = ServeConfig(**given(self.limits))
        existing("--model", self.model)
        if self.web is not None and not (self.web / "index.html").is_file():
            raise InputError(f"--web: expected a folder with index.html, received {self.web}")
        if any(importlib.util.find_spec(package) is None for package in PACKAGES):
            raise MissingExtraError("serving", "serve")
        if self.model.suffix != ".onnx":
            start_keras(self.backend)
        from keras_electra.serving.judge import open_judge
        from keras_electra.serving.server import run_server

        with display.waiting(f"loading {self.model}"):
            judge = open_judge(self.model, self.task, config.batch_size, self.weights)
        if self.host not in LOOPBACK:
            display.tell(
                f"remark: whoever reaches {self.host} can ask this server; it knows no passwords"
            )
        run_server(
            judge,
            config,
            host=self.host,
            port=self.port,
            web=self.web,
            on_ready=lambda address: display.say(
                f"serving {self.model} ({judge.kind}) at {address}"
            ),
        )
