"""`convert`: a trained model from one program's format to another's."""

import dataclasses
import pathlib
from typing import Annotated

import tyro

from keras_electra.cli import display
from keras_electra.cli.arguments import Backend, Json, Weights, existing, start_keras
from keras_electra.cli.options import choice, number


@dataclasses.dataclass(frozen=True, kw_only=True)
class Convert:
    """Convert a model from and to Hugging Face, Google's checkpoints, KerasHub and Keras."""

    source: Annotated[
        pathlib.Path,
        tyro.conf.arg(
            name="from",
            metavar="PATH",
            help="run, checkpoint, preset, .keras file, Hugging Face folder, checkpoint of the "
            "original program, or KerasHub preset; recognised by what is in it",
        ),
    ]
    target: Annotated[
        pathlib.Path,
        tyro.conf.arg(
            name="to",
            metavar="PATH",
            help="new or empty folder; a name that ends in .keras or .weights.h5 is a file",
        ),
    ]
    format: Annotated[
        object,
        choice("format", ("huggingface", "google", "keras-hub", "keras")),
        tyro.conf.arg(
            help="what to write",
            help_behavior_hint="(default: keras for another program's model, else huggingface)",
        ),
    ] = None
    generator: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="fresh|copied|PATH",
            help="make a pretrainer of a lone discriminator or encoder: with a new small generator, "
            "with one made of its first layers, or with the masked language model at PATH",
        ),
    ] = None
    frozen_generator: Annotated[
        bool,
        tyro.conf.FlagCreatePairsOff,
        tyro.conf.arg(help="that generator stays as it is in training", help_behavior_hint=""),
    ] = False
    temperature: Annotated[
        float,
        number("temperature", float),
        tyro.conf.arg(help="divides that generator's logits before sampling"),
    ] = 1.0
    weights: Weights = "last"
    num_heads: Annotated[
        object,
        number("num-heads", int),
        tyro.conf.arg(
            help="attention heads of a checkpoint of the original program",
            help_behavior_hint="(default: of hparams.json beside it, else one for 64 of width)",
        ),
    ] = None
    cased: Annotated[
        bool,
        tyro.conf.FlagCreatePairsOff,
        tyro.conf.arg(
            help="the vocab.txt beside such a checkpoint is of text that keeps its case",
            help_behavior_hint="",
        ),
    ] = False
    json: Json = False
    backend: Backend = None

    def run(self):
        source = self.source
        # A checkpoint of the original goes by a prefix, which is no file itself.
        if not source.with_name(f"{source.name}.index").is_file():
            existing("--from", source)
        start_keras(self.backend)
        from keras_electra.convert import convert_model

        with display.waiting(f"converting {source}"):
            done = convert_model(
                source,
                self.target,
                self.format,
                generator=self.generator,
                is_frozen=self.frozen_generator,
                temperature=self.temperature,
                weights=self.weights,
                num_heads=self.num_heads,
                lowercase=not self.cased,
            )
        if self.json:
            display.print_json({**dataclasses.asdict(done), "path": str(done.path)})
            return
        display.say(f"written to {done.path} ({done.format})")
        display.say(
            f"checked with {done.checked_with}: the largest difference of a sample's outputs is "
            f"{done.largest_difference:.2g}"
        )
        for sentence in done.sentences:
            display.say(f"note: {sentence}")
