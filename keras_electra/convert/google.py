"""Models from checkpoints of the original TensorFlow 1 program; all sizes are told by the shapes."""

import os
import pathlib

import numpy as np

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.convert.checking import networks_of
from keras_electra.convert.google_files import checkpoint_prefix, read_checkpoint
from keras_electra.convert.google_parts import google_parts
from keras_electra.convert.google_variables import (
    FAMILIES,
    Variables,
    answers_told_by,
    encoder_told_by,
    tasks_of,
)
from keras_electra.convert.original_names import fill, layer_parts, task_head_weights
from keras_electra.convert.vocabulary_rows import fitted
from keras_electra.errors import InputError
from keras_electra.files import read_json
from keras_electra.networks import ReplacedTokenDetector
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.task_models import ExtractiveQA
from keras_electra.tasks import kinds
from keras_electra.tasks.kinds import kind_of
from keras_electra.tokenizer import WordPieceTokenizer

HPARAMS_FILE = "hparams.json"


def from_google(
    source,
    num_heads=None,
    generator_num_heads=None,
    dropout_rate=0.1,
    tasks=None,
    *,
    objective=None,
    lowercase=True,
) -> dict:
    """Models with the weights of an original checkpoint.

    Args:
        source: path of a checkpoint (its prefix, its `.index`, or its folder), which TensorFlow reads
            in a process of its own; or a mapping of the original's variable names
            (`electra/encoder/layer_0/...`, without `:0`) to arrays.
        num_heads, generator_num_heads: attention heads, which shapes don't tell; when None those of an
            `hparams.json` beside the checkpoint, else `max(1, H // 64)`, as in the original.
        dropout_rate: of all dropouts in later training; the original's default.
        tasks: name of each fine-tuned task to take along -> (kind, labels) for "classification" and
            "tagging", (kind, value range) for "regression", the original's being (0, 5), and (kind,
            `AnswerConfig` or None for one by the variables that are there) for "question_answering";
            "all" for those that are there, as `tasks_of` tells them.
        objective: "electric" (when None) or "rtd" for a checkpoint with a two-tower generator, whose
            variables are the same for both.
        lowercase: whether the vocabulary is of lower-cased text, for the `vocab.txt` beside a
            checkpoint.

    Returns:
        A dict of those that the variables hold: `backbone` (`ElectraBackbone`), `generator`
        (`MaskedLanguageModel` or `TwoTowerGenerator`), `discriminator` (`ReplacedTokenDetector`),
        `pretrainer` (`ElectraPretrainer`, when there is a generator or the checkpoint is of masked
        language modelling alone); of `tasks`, if asked for: name -> task model, all on `backbone`;
        `step`, the number of updates done, or None; `slots`, Adam's moments of the pretrainer as
        `fill_optimizer` takes them, empty for a checkpoint without; `tokenizer`, or None;
        `left_out`, names of the variables that nothing here is for.

    Raises:
        InputError: if there is no encoder in them, or a variable of one is missing or of another shape.
        DamagedDataError: if a file is cut or changed.
        MissingExtraError: for a path, without TensorFlow.
    """
    variables, tokenizer = source, None
    if isinstance(source, str | os.PathLike):
        variables, folder = read_checkpoint(source), checkpoint_prefix(source).parent
        tokenizer = _tokenizer_in(folder, lowercase)
        num_heads = _heads_in(folder) if num_heads is None else num_heads
    variables = {name.removesuffix(":0"): np.asarray(value) for name, value in variables.items()}
    if "electra/embeddings/word_embeddings" not in variables:
        raise InputError(
            "variables: expected the original's names, such as electra/embeddings/word_embeddings, "
            f"received {sorted(variables)[:3]}"
        )
    if tasks == "all":
        tasks = tasks_of(variables)
    tensors = Variables(variables)
    models = _pretrained(tensors, num_heads, generator_num_heads, dropout_rate, objective)
    if tasks:
        models["tasks"] = {
            name: _task_model(tensors, models["backbone"], name, *choice)
            for name, choice in tasks.items()
        }
    num_rows = models["backbone"].encoder.vocabulary_size
    tokenizer = fitted(tokenizer, num_rows, "vocab.txt")
    for model in [*models.values(), *models.get("tasks", {}).values()]:
        if not isinstance(model, dict):
            model.tokenizer = tokenizer
    step = variables.get("global_step")
    return {
        **models,
        "step": None if step is None else int(step),
        "slots": _slots(variables, models.get("pretrainer")),
        "tokenizer": tokenizer,
        "left_out": tensors.unused(),
    }


def fill_optimizer(optimizer, pretrainer: ElectraPretrainer, slots: dict, step: int) -> None:
    """Give an `ElectraAdamW` the moments and the step of a checkpoint of the original.

    Args:
        slots, step: as `from_google` returns them.

    Raises:
        InputError: if a moment is missing, or the optimizer moves matrices by Muon.
    """
    if optimizer.config.hidden_optimizer != "adamw":
        raise InputError(
            "hidden_optimizer: expected 'adamw', as the original's, "
            f"received {optimizer.config.hidden_optimizer!r}"
        )
    optimizer.build(pretrainer.trainable_variables)
    for family in FAMILIES:
        moments = getattr(optimizer, f"{family}s")
        for owner, moment in zip(pretrainer.trainable_variables, moments, strict=True):
            name = f"{family}/{owner.path}"
            if name not in slots:
                raise InputError(f"slots: expected the optimizer slot {name!r}, not found")
            moment.assign(slots[name])
    optimizer.iterations.assign(step)


def _pretrained(tensors, num_heads, generator_num_heads, dropout_rate, objective):
    """The networks of pretraining, by name."""
    encoder = encoder_told_by(tensors.variables, "electra", num_heads, dropout_rate)
    choice = _objective_of(tensors, encoder, generator_num_heads, dropout_rate, objective)
    if choice is not None:
        pretrainer = ElectraPretrainer(encoder, choice)
        fill(google_parts(pretrainer), tensors.value)
        return networks_of(pretrainer)
    backbone = ElectraBackbone(**encoder.to_dict())
    models = {"backbone": backbone}
    if "discriminator_predictions/dense/kernel" in tensors:
        models["discriminator"] = ReplacedTokenDetector(backbone)
    fill(google_parts(models.get("discriminator", backbone)), tensors.value)
    return models


def _objective_of(tensors, encoder, generator_num_heads, dropout_rate, objective):
    """Options of the objective that has these variables; None for a checkpoint without a generator."""
    has_detector = "discriminator_predictions/dense/kernel" in tensors
    first = "encoder/layer_0/intermediate/dense/kernel"
    has_towers = f"generator_ltr/{first}" in tensors
    if not has_detector or not (has_towers or f"generator/{first}" in tensors):
        if "generator_predictions/output_bias" not in tensors:
            return None
        return {"generator": "tied"} if has_detector else {"objective": "mlm"}
    scope = "generator_ltr" if has_towers else "generator"
    generator = encoder_told_by(tensors.variables, scope, generator_num_heads, dropout_rate)
    is_own = f"{scope}/embeddings/word_embeddings" in tensors
    return {
        "objective": (objective or "electric") if has_towers else "rtd",
        "generator": "two_tower" if has_towers else "small",
        "embedding_sharing": "none" if is_own else "full",
        "generator_width_fraction": generator.hidden_dim / encoder.hidden_dim,
        "generator_depth_fraction": generator.num_layers / encoder.num_layers,
        "generator_num_heads": generator.num_heads,
    }


def _task_model(tensors, backbone, name, kind, choice):
    """A task model with the head under `task_specific/<name>`."""
    known = [one.name for one in kinds.KINDS if one.google == one.name]
    if kind not in known:
        raise InputError(f"tasks: expected a kind of {known}, received {kind!r}")
    scope, model_class = f"task_specific/{name}", kind_of(kind).model_class()
    if issubclass(model_class, ExtractiveQA):
        choice = choice or answers_told_by(tensors, scope)
    model = model_class(backbone, choice, name=name)
    fill(layer_parts(model.head, scope, task_head_weights(model)), tensors.value)
    return model


def _slots(variables, pretrainer) -> dict[str, np.ndarray]:
    """Adam's moments of the pretrainer's weights, by family and the path of the weight."""
    slots = {}
    for family, ending in FAMILIES.items() if pretrainer is not None else ():
        arrays = {}
        for part in google_parts(pretrainer):
            value = variables.get(f"{part.name}/{ending}")
            if value is None or value.shape != part.shape:
                return {}
            arrays.setdefault(part.variable.path, []).append(value)
        for path, parts in arrays.items():
            slots[f"{family}/{path}"] = np.concatenate(parts, axis=-1)
    return slots


def _heads_in(folder: pathlib.Path) -> int | None:
    """Attention heads that the `hparams.json` in the checkpoint's folder names, or None."""
    if not (folder / HPARAMS_FILE).is_file():
        return None
    heads = (
        read_json(folder / HPARAMS_FILE)
        .get("model_hparam_overrides", {})
        .get("num_attention_heads")
    )
    return heads if isinstance(heads, int) and heads > 0 else None


def _tokenizer_in(folder: pathlib.Path, lowercase: bool) -> WordPieceTokenizer | None:
    """The tokenizer of the `vocab.txt` in the checkpoint's folder, or None."""
    path, config = folder / "vocab.txt", TokenizerConfig(lowercase=lowercase)
    return WordPieceTokenizer.from_file(path, config) if path.is_file() else None
