"""`export`: a trained model as a folder for others to use."""

import dataclasses
import pathlib
from typing import Annotated

import tyro

from keras_electra.cli import display
from keras_electra.cli.arguments import Backend, existing, quoted, start_keras
from keras_electra.cli.options import choice


@dataclasses.dataclass(frozen=True, kw_only=True)
class Export:
    """Write a model as a preset folder: configuration, vocabulary, weights of both networks."""

    model: Annotated[pathlib.Path, tyro.conf.arg(metavar="DIR", help="run, checkpoint or preset")]
    out: Annotated[pathlib.Path, tyro.conf.arg(metavar="DIR", help="new or empty folder")]
    format: Annotated[
        str,
        choice("format", ("keras",)),
        tyro.conf.arg(help="keras: what `keras_electra.load` opens"),
    ] = "keras"
    weights: Annotated[
        str,
        choice("weights", ("last", "average")),
        tyro.conf.arg(help="the latest, or the moving average of a run with --ema-rate"),
    ] = "last"
    backend: Backend = None

    def run(self):
        existing("--model", self.model)
        start_keras(self.backend)
        from keras_electra.presets import load, save_preset

        with display.waiting(f"exporting {self.model}"):
            save_preset(self.out, load(self.model, weights=self.weights))
        display.say(
            f"written to {self.out}: {', '.join(sorted(p.name for p in self.out.iterdir()))}"
        )
        display.say_next(
            f'keras-electra detect --model {quoted(self.out)} "Some text."',
            f"python -c \"import keras_electra; model = keras_electra.load('{self.out}')\"",
        )
