"""`evaluate`: how good a run, checkpoint or preset is on held-out text."""

import dataclasses

from keras_electra.cli import display
from keras_electra.cli.arguments import Backend, Json, Weights, existing, start_keras
from keras_electra.cli.following import of_pretrainer
from keras_electra.cli.options import NONE, OptionalPath, argument, number, whole
from keras_electra.cli.original import Original
from keras_electra.errors import InputError

MEANINGS = {
    "step": ("updates", None),
    "tokens": ("tokens seen in training", None),
    "mlm_loss": ("generator: loss, nats", None),
    "generator_accuracy": ("generator: likeliest token is right", "unigram_accuracy"),
    "sampled_accuracy": ("generator: drawn token is right", None),
    "rtd_loss": ("discriminator: loss, nats", None),
    "rtd_accuracy": ("discriminator: accuracy", "majority_accuracy"),
    "rtd_precision": ("discriminator: precision", None),
    "rtd_recall": ("discriminator: recall", None),
    "rtd_auc": ("discriminator: area under the ROC curve", 0.5),
    "replaced_rate": ("tokens that were replaced", None),
}
"""Figure -> what it is, and the figure (or number) that needs no training."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure a model on the held-out part of its store."""

    run_dir: argument(OptionalPath, "run, checkpoint or preset", "required", metavar="DIR") = None
    store: argument(
        OptionalPath,
        "whose held-out part is used; needed with a preset",
        "the run's own",
        metavar="DIR",
    ) = None
    batch_size: whole("batch_size", "examples per forward pass") = 64
    max_examples: argument(
        number("max_examples", int, may_be_none=True), "examples evaluated at most; none for all"
    ) = 12_800
    weights: Weights = "last"
    json: Json = False
    backend: Backend = None
    original: Original

    def run(self):
        original = self.original.read(
            store=self.store, run_dir=self.run_dir, size=None, evaluates=True
        )
        if original is None and self.run_dir is None:
            raise InputError("--run-dir: expected a run, checkpoint or preset, received none")
        path, store, options = self.run_dir, self.store, {"batch_size": self.batch_size}
        options["max_examples"] = None if self.max_examples is NONE else self.max_examples
        if original is not None:
            path, store = original.run_dir, original.checked_store()
            options = {
                "batch_size": original.eval_batch_size,
                "max_examples": original.eval_examples,
            }
        for name, value in options.items():
            if value is not None and value < 1:
                raise InputError(f"{name}: expected at least 1, received {value}")
        existing("--run-dir", path)
        start_keras(self.backend, keeps_memory=True)
        options["weights"] = self.weights
        evaluate_and_print(path, store, as_json=self.json, **options)


def measured(model, store=None, **options) -> dict:
    """The figures of a model, or of the one at a path, taken with a progress bar."""
    from keras_electra.evaluation import evaluate

    with display.progress("evaluating") as update:
        return evaluate(model, store, on_step=update, **options)


def evaluate_and_print(path, store=None, *, as_json=False, **options) -> None:
    """Evaluate and print a table, or JSON alone."""
    figures = measured(path, store, **options)
    if as_json:
        display.print_json(figures)
        return
    print_figures(figures)
    display.say_next(*of_pretrainer(path, figures["rtd_loss"] is not None))


def print_figures(figures: dict) -> None:
    """The table, with the baselines beside what they belong to."""
    grid = display.table("held-out text", "value", "without training")
    for name, (meaning, baseline) in MEANINGS.items():
        if figures[name] is not None:
            beside = figures[baseline] if isinstance(baseline, str) else baseline
            grid.add_row(
                meaning,
                display.figure(figures[name]),
                "" if baseline is None else display.figure(beside),
            )
    display.output.print(grid)
