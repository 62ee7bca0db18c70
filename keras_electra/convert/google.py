"""Models from checkpoints of the original TensorFlow 1 program; all sizes are told by the shapes."""

import os
import pathlib
import re

import numpy as np

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.finetune import AnswerConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.convert.google_files import checkpoint_prefix, read_checkpoint
from keras_electra.convert.google_parts import google_parts
from keras_electra.convert.original_names import (
    answer_head_weights,
    dense_weights,
    fill,
    layer_parts,
)
from keras_electra.errors import InputError
from keras_electra.networks import ReplacedTokenDetector
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.runs.files import read_json
from keras_electra.task_models import (
    ExtractiveQA,
    TextClassifier,
    TextRegressor,
    TokenClassifier,
)
from keras_electra.tokenizer import WordPieceTokenizer

TASK_KINDS = {
    "classification": TextClassifier,
    "regression": TextRegressor,
    "tagging": TokenClassifier,
    "question_answering": ExtractiveQA,
}
"""The kinds of task that the original has."""

TASK = re.compile(r"task_specific/([^/]+)/dense/kernel$")
LABELS = {
    "mnli": ("contradiction", "entailment", "neutral"),
    "qnli": ("entailment", "not_entailment"),
    "rte": ("entailment", "not_entailment"),
}
"""The labels of the original's tasks where they are more than numbers, in its order."""

HPARAMS_FILE = "hparams.json"

FAMILIES = {"first_moment": "adam_m", "second_moment": "adam_v"}
"""The optimizer's slots here -> there."""


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
        variables = read_checkpoint(source)
        tokenizer = _tokenizer_beside(source, lowercase)
    if isinstance(source, str | os.PathLike) and num_heads is None:
        num_heads = _heads_beside(source)
    variables = {name.removesuffix(":0"): np.asarray(value) for name, value in variables.items()}
    if "electra/embeddings/word_embeddings" not in variables:
        raise InputError(
            "variables: expected the original's names, such as electra/embeddings/word_embeddings, "
            f"received {sorted(variables)[:3]}"
        )
    if tasks == "all":
        tasks = tasks_of(variables)
    tensors = _Variables(variables)
    models = _pretrained(tensors, num_heads, generator_num_heads, dropout_rate, objective)
    if tasks:
        models["tasks"] = {
            name: _task_model(tensors, models["backbone"], name, *choice)
            for name, choice in tasks.items()
        }
    _check_vocabulary(tokenizer, models["backbone"].encoder)
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
        InputError: if a moment is missing.
    """
    optimizer.build(pretrainer.trainable_variables)
    families = {
        "first_moment": optimizer.first_moments,
        "second_moment": optimizer.second_moments,
    }
    for family, moments in families.items():
        for owner, moment in zip(pretrainer.trainable_variables, moments, strict=True):
            name = f"{family}/{owner.path}"
            if name not in slots:
                raise InputError(f"slots: expected the optimizer slot {name!r}, not found")
            moment.assign(slots[name])
    optimizer.iterations.assign(step)


class _Variables:
    """Variables by name, asked for with the shape they must have; remembers which were used."""

    def __init__(self, variables):
        self.variables = variables
        self.used = set()

    def __contains__(self, name):
        return name in self.variables

    def value(self, name, shape):
        if name not in self.variables:
            raise InputError(f"variables: expected {name!r} among the original's names, not found")
        value = self.variables[name]
        if value.shape != tuple(shape):
            raise InputError(
                f"variables: expected {name} of shape {tuple(shape)}, received {value.shape}"
            )
        self.used.add(name)
        return value

    def unused(self):
        endings = (*(f"/{ending}" for ending in FAMILIES.values()), "global_step")
        return sorted(n for n in self.variables if n not in self.used and not n.endswith(endings))


def _pretrained(tensors, num_heads, generator_num_heads, dropout_rate, objective):
    """The networks of pretraining, by name."""
    encoder = _encoder_of(tensors.variables, "electra", num_heads, dropout_rate)
    choice = _objective_of(tensors, encoder, generator_num_heads, dropout_rate, objective)
    if choice is not None:
        pretrainer = ElectraPretrainer(encoder, choice)
        models = {
            "backbone": pretrainer.backbone,
            "generator": pretrainer.generator,
            "discriminator": pretrainer.discriminator,
            "pretrainer": pretrainer,
        }
        fill(google_parts(pretrainer), tensors.value)
        return {name: model for name, model in models.items() if model is not None}
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
    generator = _encoder_of(tensors.variables, scope, generator_num_heads, dropout_rate)
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
    if kind not in TASK_KINDS:
        raise InputError(f"tasks: expected a kind of {list(TASK_KINDS)}, received {kind!r}")
    scope = f"task_specific/{name}"
    if kind != "question_answering":
        model = TASK_KINDS[kind](backbone, choice, name=name)
        names = dense_weights("logit", "dense")
    else:
        answers = choice or _answer_config(tensors, scope)
        model = ExtractiveQA(backbone, answers, name=name)
        names = answer_head_weights(answers)
    fill(layer_parts(model.head, scope, names), tensors.value)
    return model


def _answer_config(tensors, scope) -> AnswerConfig:
    """The switches of a question-answering head, by the variables that are there."""
    answerability = "none"
    if f"{scope}/dense_2/kernel" in tensors:
        answerability = "start" if f"{scope}/dense_3/kernel" in tensors else "class"
    has_joint_ends = f"{scope}/qa_hidden/kernel" in tensors
    return AnswerConfig(has_joint_ends=has_joint_ends, answerability=answerability)


def _encoder_of(variables, scope, num_heads, dropout_rate) -> EncoderConfig:
    """The encoder options that the shapes under `scope` tell."""
    owner = scope if f"{scope}/embeddings/word_embeddings" in variables else "electra"
    first = f"{scope}/encoder/layer_0/intermediate/dense/kernel"
    tables = [f"{owner}/embeddings/{name}" for name in ("position", "token_type")]
    for name in (first, *(f"{table}_embeddings" for table in tables)):
        if name not in variables or variables[name].ndim != 2:
            raise InputError(f"variables: expected {name!r} among the original's names, not found")
    words = variables[f"{owner}/embeddings/word_embeddings"]
    hidden_dim, intermediate_dim = variables[first].shape
    layers = {
        int(match.group(1))
        for match in (re.match(rf"{scope}/encoder/layer_(\d+)/", name) for name in variables)
        if match
    }
    return EncoderConfig(
        vocabulary_size=words.shape[0],
        embedding_dim=words.shape[1],
        hidden_dim=hidden_dim,
        intermediate_dim=intermediate_dim,
        num_layers=len(layers),
        num_heads=num_heads or max(1, hidden_dim // 64),
        max_sequence_length=variables[f"{owner}/embeddings/position_embeddings"].shape[0],
        num_segments=variables[f"{owner}/embeddings/token_type_embeddings"].shape[0],
        dropout_rate=dropout_rate,
        attention_dropout_rate=dropout_rate,
    )


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


def tasks_of(variables) -> dict[str, tuple]:
    """The fine-tuned tasks that a checkpoint has heads for, as `from_google` takes them.

    The kind is told by name and shape. The original's checkpoints have no names of labels: known tasks
    get theirs, others numbers.
    """
    found = {}
    for name in sorted({match[1] for match in map(TASK.match, variables) if match}):
        scope = f"task_specific/{name}"
        if f"{scope}/dense_1/kernel" in variables:
            found[name] = ("question_answering", None)
            continue
        width = variables[f"{scope}/dense/kernel"].shape[-1]
        if width == 1:
            found[name] = ("regression", (0, 5) if name == "sts" else (0, 1))
            continue
        labels = LABELS.get(name, ())
        labels = labels if len(labels) == width else [str(number) for number in range(width)]
        found[name] = ("tagging" if name == "chunk" else "classification", labels)
    return found


def _heads_beside(path) -> int | None:
    """Attention heads that the `hparams.json` in the checkpoint's folder names, or None."""
    path = checkpoint_prefix(path).parent / HPARAMS_FILE
    if not path.is_file():
        return None
    heads = read_json(path).get("model_hparam_overrides", {}).get("num_attention_heads")
    return heads if isinstance(heads, int) and heads > 0 else None


def _tokenizer_beside(path, lowercase):
    """The tokenizer of the `vocab.txt` in the checkpoint's folder, or None."""
    vocabulary_path = pathlib.Path(checkpoint_prefix(path)).parent / "vocab.txt"
    if not vocabulary_path.is_file():
        return None
    return WordPieceTokenizer.from_file(vocabulary_path, TokenizerConfig(lowercase=lowercase))


def _check_vocabulary(tokenizer, encoder):
    if tokenizer is not None and tokenizer.vocabulary_size != encoder.vocabulary_size:
        raise InputError(
            f"vocab.txt: expected {encoder.vocabulary_size} entries, as the checkpoint's table has "
            f"rows, received {tokenizer.vocabulary_size}"
        )
