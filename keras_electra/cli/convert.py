"""`convert`: a trained model from one program's format to another's."""

import dataclasses
import pathlib

from keras_electra.cli import display
from keras_electra.cli.arguments import Backend, Json, Weights, existing, start_keras
from keras_electra.cli.options import argument, choice, number, switch, whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class Convert:
    """Convert a model from and to Hugging Face, Google's checkpoints, KerasHub and Keras."""

    source: argument(
        pathlib.Path,
        "run, checkpoint, preset, .keras file, Hugging Face folder, checkpoint of the "
        "original program, or KerasHub preset; recognised by what is in it",
        metavar="PATH",
        name="from",
    )
    target: argument(
        pathlib.Path,
        "new or empty folder; a name that ends in .keras or .weights.h5 is a file",
        metavar="PATH",
        name="to",
    )
    format: argument(
        choice("format", ("huggingface", "google", "keras-hub", "keras")),
        "what to write",
        "keras for another program's model, else huggingface",
    ) = None
    generator: argument(
        str | None,
        "make a pretrainer of a lone discriminator or encoder: with a new small generator, "
        "with one made of its first layers, or with the masked language model at PATH",
        metavar="fresh|copied|PATH",
    ) = None
    frozen_generator: switch("that generator stays as it is in training") = False
    temperature: argument(
        number("temperature", float), "divides that generator's logits before sampling"
    ) = 1.0
    weights: Weights = "last"
    num_heads: whole(
        "num-heads",
        "attention heads of a checkpoint of the original program",
        "of hparams.json beside it, else one for 64 of width",
    ) = None
    cased: switch("the vocab.txt beside such a checkpoint is of text that keeps its case") = False
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
