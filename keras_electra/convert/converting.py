"""From any format to any other; the outcome is looked at."""

import dataclasses
import pathlib
from typing import NamedTuple

from keras_electra.backbone import ElectraBackbone
from keras_electra.checkpoint import OPTIMIZER_FILE, latest_checkpoint, read_state
from keras_electra.convert.checking import Conversion, main_name, sentences_on_left_out
from keras_electra.convert.google import from_google
from keras_electra.convert.google_writing import to_google
from keras_electra.convert.huggingface import from_huggingface
from keras_electra.convert.huggingface_writing import to_huggingface
from keras_electra.convert.keras_files import is_keras_file, to_keras
from keras_electra.convert.keras_hub import from_keras_hub, to_keras_hub
from keras_electra.convert.pairing import GENERATORS, alone, as_pretrainer
from keras_electra.convert.sources import kind_of_source
from keras_electra.errors import InputError
from keras_electra.networks import MaskedLanguageModel, ReplacedTokenDetector
from keras_electra.presets import OPENERS, open_own, refuse_average
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.runs import RunFolder
from keras_electra.task_models import SeveralTasks
from keras_electra.weights import read_arrays

FORMATS = ("huggingface", "google", "keras-hub", "keras")


class Opened(NamedTuple):
    """A source: its kind and model, what was left out, the run that trained it, optimizer slots."""

    kind: str
    model: object
    sentences: list
    run: pathlib.Path | None = None
    slots: dict | None = None


def convert_model(
    source,
    target,
    format: str | None = None,
    *,
    generator=None,
    is_frozen: bool = False,
    temperature: float = 1.0,
    weights: str = "last",
    num_heads: int | None = None,
    lowercase: bool = True,
) -> Conversion:
    """Convert a trained model from one format to another; the command `convert`.

    Args:
        source: path of a run, a checkpoint, a preset, a `.keras` file, a folder of Hugging Face, a
            checkpoint of the original, or a preset of KerasHub.
        target: the folder to write; for "keras" a name that ends in `.keras` or `.weights.h5` is a
            file, any other a preset.
        format: one of `FORMATS`; None for "keras" if the source is another program's or the target is
            such a file, else "huggingface".
        generator: for a source that has a discriminator or an encoder alone: "fresh", "copied", or the
            path of any source with a masked language model; the outcome is a pretrainer.
        is_frozen, temperature: of that generator; see `as_pretrainer`.
        weights: "last" or "average", for a run that kept a moving average.
        num_heads: attention heads, for a checkpoint of the original that has others than H // 64.
        lowercase: whether the `vocab.txt` beside such a checkpoint is of lower-cased text.

    Returns:
        What was written; its sentences say what was left out, and what differs on the other side.

    Raises:
        InputError, DamagedDataError: for a source that cannot be read or carried over.
        ConversionError: if the outcome gives other numbers; nothing is left then.
        MissingExtraError: without what one of the formats needs.
    """
    source, target = pathlib.Path(source), pathlib.Path(target)
    opened = open_model(source, weights=weights, num_heads=num_heads, lowercase=lowercase)
    format = format or default_format(opened.kind, target)
    if format not in FORMATS:
        raise InputError(f"format: expected one of {FORMATS}, received {format!r}")
    model, sentences = opened.model, list(opened.sentences)
    if generator is not None:
        model, more = _paired(model, generator, is_frozen, temperature)
        sentences += more
    elif is_frozen or temperature != 1.0:
        raise InputError("is_frozen, temperature: expected a generator with them, received none")
    if format == "keras" and not is_keras_file(target):
        model, more = _for_preset(model)
        sentences += more
    if format == "huggingface":
        done = to_huggingface(model, target, run=opened.run)
    elif format == "google":
        done = to_google(model, target, slots=opened.slots)
    elif format == "keras-hub":
        done = to_keras_hub(model, target)
    else:
        done = to_keras(model, target)
    return dataclasses.replace(done, sentences=(*sentences, *done.sentences))


def default_format(kind: str, target: pathlib.Path) -> str:
    """The format meant when none is named."""
    return "huggingface" if kind in OPENERS and not is_keras_file(target) else "keras"


def open_model(path, *, weights="last", num_heads=None, lowercase=True) -> Opened:
    """The model of a path of any kind; arguments as of `convert_model`."""
    path, kind = pathlib.Path(path), kind_of_source(path)
    if kind != "google" and (num_heads is not None or not lowercase):
        raise InputError(
            "num_heads, lowercase: expected them for a checkpoint of the original program alone, "
            f"received them for a source of the kind {kind!r}"
        )
    if kind in OPENERS:
        model = open_own(kind, path, weights=weights)
        return Opened(kind, model, [], *_run_and_slots(path, kind))
    refuse_average(path, weights)
    if kind == "google":
        return _opened_google(path, num_heads, lowercase)
    models = from_huggingface(path) if kind == "huggingface" else from_keras_hub(path)
    sentences = [*models["sentences"], *sentences_on_left_out(models)]
    return Opened(kind, models[main_name(models)], sentences)


def _opened_google(path, num_heads, lowercase):
    models = from_google(path, num_heads=num_heads, lowercase=lowercase, tasks="all")
    sentences = sentences_on_left_out(models)
    tasks = models.get("tasks", {})
    if len(tasks) > 1:
        model = SeveralTasks(tasks)
        model.tokenizer = models["tokenizer"]
    else:
        model = next(iter(tasks.values()), None) or models[main_name(models)]
    if models["slots"]:
        sentences.append(
            "the optimizer's slots are read by from_google and fill_optimizer; no format but "
            "Google's own has room for them"
        )
    if hasattr(model, "step") and models["step"] is not None:
        model.step = models["step"]
    return Opened("google", model, sentences, None, models["slots"])


def _run_and_slots(path, kind):
    """(the run that trained a model or None, its optimizer slots or None)."""
    if kind not in ("run", "checkpoint"):
        return None, None
    run = path.parent.parent if kind == "checkpoint" else path
    checkpoint = path
    if kind == "run":
        is_finetuned = "finetune" in RunFolder(path).config()
        checkpoint = None if is_finetuned else latest_checkpoint(RunFolder(path))
    if checkpoint is None:
        return run, None
    return run, read_arrays(checkpoint, OPTIMIZER_FILE, read_state(checkpoint))


def _paired(model, generator, is_frozen, temperature):
    """(a pretrainer of a lone network and a generator, what there is to say)."""
    if not isinstance(model, ReplacedTokenDetector | ElectraBackbone):
        raise InputError(
            "generator: expected a source with a discriminator or an encoder alone, "
            f"received one with a {type(model).__name__}"
        )
    sentences = []
    if generator not in GENERATORS:
        found = open_model(generator).model
        generator = found.generator if isinstance(found, ElectraPretrainer) else found
        if not isinstance(generator, MaskedLanguageModel):
            raise InputError(
                "generator: expected 'fresh', 'copied' or the path of a masked language model, "
                f"received a {type(generator).__name__}"
            )
    else:
        sentences.append(f"the generator is {generator}: its head starts from new weights")
    if isinstance(model, ElectraBackbone):
        sentences.append("the discriminator's head starts from new weights")
    pretrainer = as_pretrainer(model, generator, is_frozen=is_frozen, temperature=temperature)
    return pretrainer, sentences


def _for_preset(model):
    """(a model that a preset can hold, what there is to say)."""
    if isinstance(model, ReplacedTokenDetector | ElectraBackbone):
        return _paired(model, "fresh", False, 1.0)
    if not isinstance(model, MaskedLanguageModel):
        return model, []
    return alone(model), ["the preset is of masked language modelling alone (objective='mlm')"]
