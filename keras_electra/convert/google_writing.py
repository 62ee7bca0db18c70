"""Models as checkpoints that the original TensorFlow 1 program opens."""

import pathlib

import numpy as np

from keras_electra.backbone import ElectraBackbone
from keras_electra.checkpoint import optimizer_arrays
from keras_electra.config.huggingface import RATES, SIZES
from keras_electra.config.objective import ObjectiveConfig
from keras_electra.convert.checking import (
    TOLERANCE,
    Conversion,
    backbone_of,
    largest_difference,
    refuse_difference,
    sample_inputs,
    sample_outputs,
    tokenizer_of,
)
from keras_electra.convert.google import HPARAMS_FILE, from_google
from keras_electra.convert.google_files import write_checkpoint
from keras_electra.convert.google_parts import google_parts
from keras_electra.convert.google_variables import FAMILIES
from keras_electra.convert.original_names import arrays_of_parts
from keras_electra.errors import ConversionError, InputError
from keras_electra.files import new_folder, write_json
from keras_electra.generators import GENERATORS, generator_named
from keras_electra.networks import MaskedLanguageModel, ReplacedTokenDetector
from keras_electra.optimizers import ElectraAdamW
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.task_models import SeveralTasks
from keras_electra.tasks.kinds import kind_of


def to_google(model, path, *, slots=None) -> Conversion:
    """Write a folder with a checkpoint of the original program, `vocab.txt` and `hparams.json`.

    `hparams.json` holds the options with which the original builds the same graph
    (`--hparams hparams.json`).

    Args:
        model: an `ElectraPretrainer`, a network, a backbone, or a task model or `SeveralTasks` whose
            heads have the form "original"; of the published architecture.
        path: a new or empty folder.
        slots: optimizer slots by family and path of the weight, as a checkpoint here names them
            (`first_moment/...`); None for those of the model's own `ElectraAdamW`, if it is built.

    Returns:
        What was written.

    Raises:
        InputError: for what the original has no counterpart of, or a folder that holds something.
        MissingExtraError: without TensorFlow.
        ConversionError: if what was written is not what was meant; nothing is left then.
    """
    if slots is None and isinstance(getattr(model, "optimizer", None), ElectraAdamW):
        slots = optimizer_arrays(model.optimizer) if model.optimizer.built else None
    arrays, sentences = google_arrays(model, slots or {})
    with new_folder(path, "empty") as folder:
        prefix = folder / f"model.ckpt-{int(arrays['global_step'])}"
        found = write_checkpoint(prefix, arrays)
        tokenizer = tokenizer_of(model)
        if tokenizer is not None:
            tokenizer.save(folder / "vocab.txt", with_options=False)
        write_json(folder / HPARAMS_FILE, hparams_of(model))
        difference = _difference(model, arrays, found)
        refuse_difference(difference, TOLERANCE, path)
    return Conversion(
        path=pathlib.Path(path),
        format="google",
        largest_difference=difference,
        checked_with="TensorFlow's reader and this package's networks",
        sentences=tuple(sentences),
    )


def google_arrays(model, slots) -> tuple[dict[str, np.ndarray], list[str]]:
    """(the original's variables of a model, what there is to say about them)."""
    parts = google_parts(model)
    arrays = arrays_of_parts(parts)
    arrays["global_step"] = np.array(getattr(model, "step", 0), "int64")
    sentences = []
    # A frozen generator has none, and the original would want them.
    is_trained = isinstance(model, ElectraPretrainer) and not model.objective.has_frozen_generator
    has_muon = any(name.replace("first", "second", 1) not in slots for name in _momenta(slots))
    has_slots = bool(slots) and is_trained and not has_muon
    for family, ending in FAMILIES.items() if has_slots else ():
        paths = {f"{family}/{part.variable.path}" for part in parts}
        if not paths <= slots.keys():
            raise InputError(f"slots: expected {min(paths - slots.keys())!r}, not found")
        moments = arrays_of_parts(parts, lambda v, family=family: slots[f"{family}/{v.path}"])
        arrays |= {f"{name}/{ending}": value for name, value in moments.items()}
    if has_muon:
        sentences.append("no optimizer slots are written, for Muon has none of the original's kind")
    elif not has_slots:
        sentences.append("no optimizer slots are written, for there are none with the model")
    sentences += _about_heads(model)
    return arrays, sentences


def _momenta(slots):
    """Names of the first moments, and of Muon's momenta."""
    return [name for name in slots if name.startswith("first_moment/")]


def _about_heads(model):
    """A sentence for each encoder whose number of heads the original would not guess."""
    encoder = backbone_of(model).encoder
    if encoder.num_heads == max(1, encoder.hidden_dim // 64):
        return []
    return [
        f"the encoder has {encoder.num_heads} attention heads, which no checkpoint says: "
        f"{HPARAMS_FILE} has them for the original, from_google(num_heads={encoder.num_heads}) here"
    ]


def hparams_of(model) -> dict:
    """The options with which the original builds the graph of a model."""
    encoder = backbone_of(model).encoder
    # Where the original has an option, transformers has its name for it.
    names = SIZES | {ours: theirs for ours, (theirs, _) in RATES.items()}
    sizes = {theirs: getattr(encoder, ours) for ours, theirs in names.items()}
    hparams = {
        "model_size": "small",
        "vocab_size": sizes.pop("vocab_size"),
        "embedding_size": sizes.pop("embedding_size"),
        "model_hparam_overrides": sizes,
    }
    if model.sequence_length is not None:
        hparams["max_seq_length"] = model.sequence_length
    if isinstance(model, ElectraPretrainer):
        objective = model.objective
        hparams |= {
            **_switches(objective),
            "untied_generator_embeddings": objective.embedding_sharing == "none",
            "generator_hidden_size": objective.generator_width_fraction,
            "generator_layers": objective.generator_depth_fraction,
            "temperature": objective.temperature,
            "disallow_correct": not objective.correct_token_allowed,
            "gen_weight": objective.mlm_weight,
            "disc_weight": objective.rtd_weight,
            "mask_prob": model.masking.at_the_end().mask_rate,
        }
    return hparams


def _switches(options: ObjectiveConfig) -> dict[str, bool]:
    """The original's switches for objective and generator."""
    own = generator_named(options.generator).google_switch
    kinds = [kind.google_switch for kind in GENERATORS if kind.google_switch]
    names = ("electra_objective", "electric_objective")
    switches = {name: name in options.kind.google_switches for name in names}
    return switches | {name: value == ((name, value) == own) for name, value in kinds}


def _difference(model, arrays, found) -> float:
    """The largest difference of a sample's outputs, of a model and of what was read back.

    Raises:
        ConversionError: if a variable is not there with the same bits.
    """
    for name, value in arrays.items():
        if name not in found or not np.array_equal(found[name], value):
            raise ConversionError(f"{name}: expected what was written, read something else back")
    again = _rebuilt(model, found)
    inputs = sample_inputs(backbone_of(model).encoder)
    return largest_difference(sample_outputs(model, inputs), sample_outputs(again, inputs))


def _rebuilt(model, found):
    """A model of the same kind from variables alone."""
    is_pretrainer = isinstance(model, ElectraPretrainer)
    objective = model.objective if is_pretrainer else None
    tasks = getattr(model, "models", {})
    if hasattr(model, "task_name"):
        tasks = {model.task_name: model}
    models = from_google(
        found,
        num_heads=backbone_of(model).encoder.num_heads,
        generator_num_heads=_generator_heads(model) if is_pretrainer else None,
        objective=objective.objective if is_pretrainer else None,
        tasks={name: (kind_of(one.kind).google, _choice_of(one)) for name, one in tasks.items()},
    )
    if isinstance(model, SeveralTasks):
        return SeveralTasks(models["tasks"])
    if tasks:
        return models["tasks"][model.task_name]
    kinds = {
        ElectraPretrainer: "pretrainer",
        MaskedLanguageModel: "generator",
        ReplacedTokenDetector: "discriminator",
        ElectraBackbone: "backbone",
    }
    name = next(name for kind, name in kinds.items() if isinstance(model, kind))
    if is_pretrainer and model.generator is None:
        return models["discriminator"]
    return models[name]


def _generator_heads(model):
    backbone = backbone_of(model.generator)
    return None if backbone is None else backbone.encoder.num_heads


def _choice_of(model):
    """What `from_google` takes beside the kind of a task."""
    names = ("answers", "value_range", "labels")
    return next(getattr(model, name) for name in names if hasattr(model, name))
