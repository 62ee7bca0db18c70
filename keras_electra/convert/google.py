"""Weights of the original TensorFlow 1 program, by its variable names.

Names and shapes: google-research/electra at its last revision. Kernels are (inputs, outputs), as here;
query, key and value are three kernels there and one here.
"""

import re

import numpy as np

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.finetune import AnswerConfig
from keras_electra.errors import InputError
from keras_electra.networks import MaskedLanguageModel, ReplacedTokenDetector
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.task_models import (
    ExtractiveQA,
    TextClassifier,
    TextRegressor,
    TokenClassifier,
)

LAYER_WEIGHTS = {
    "attention_kernel": "attention/output/dense/kernel",
    "attention_bias": "attention/output/dense/bias",
    "attention_norm_gamma": "attention/output/LayerNorm/gamma",
    "attention_norm_beta": "attention/output/LayerNorm/beta",
    "intermediate_kernel": "intermediate/dense/kernel",
    "intermediate_bias": "intermediate/dense/bias",
    "output_kernel": "output/dense/kernel",
    "output_bias": "output/dense/bias",
    "output_norm_gamma": "output/LayerNorm/gamma",
    "output_norm_beta": "output/LayerNorm/beta",
}
EMBEDDING_WEIGHTS = {
    "token_embeddings": "word_embeddings",
    "position_embeddings": "position_embeddings",
    "segment_embeddings": "token_type_embeddings",
    "norm_gamma": "LayerNorm/gamma",
    "norm_beta": "LayerNorm/beta",
}
PROJECTION_WEIGHTS = {"kernel": "kernel", "bias": "bias"}
MLM_HEAD_WEIGHTS = {
    "kernel": "dense/kernel",
    "bias": "dense/bias",
    "norm_gamma": "LayerNorm/gamma",
    "norm_beta": "LayerNorm/beta",
    "output_bias": "output_bias",
}
RTD_HEAD_WEIGHTS = {
    "kernel": "dense/kernel",
    "bias": "dense/bias",
    "logit_kernel": "dense_1/kernel",
    "logit_bias": "dense_1/bias",
}
TASK_KINDS = {
    "classification": TextClassifier,
    "regression": TextRegressor,
    "tagging": TokenClassifier,
    "question_answering": ExtractiveQA,
}
"""The kinds of task that the original has."""


def from_google(
    variables, num_heads=None, generator_num_heads=None, dropout_rate=0.1, tasks=None
) -> dict:
    """Models with the weights of an original checkpoint.

    Args:
        variables: mapping of the original's variable names (`electra/encoder/layer_0/...`, without
            `:0`) to arrays; optimizer slots and other names are ignored.
        num_heads, generator_num_heads: attention heads, which shapes don't tell; `max(1, H // 64)`
            when None, as in the original.
        dropout_rate: of all dropouts in later training; the original's default.
        tasks: name of each fine-tuned task to take along -> (kind, labels) for "classification" and
            "tagging", (kind, value range) for "regression", the original's being (0, 5), and (kind,
            `AnswerConfig` or None for one by the variables that are there) for "question_answering".

    Returns:
        A dict of those that the variables hold: `backbone` (`ElectraBackbone`), `generator`
        (`MaskedLanguageModel`), `discriminator` (`ReplacedTokenDetector`), `pretrainer`
        (`ElectraPretrainer`, when both networks are there and share their embeddings); and of `tasks`,
        if asked for: name -> task model, all on `backbone`.

    Raises:
        InputError: if there is no encoder in them, or a variable of one is missing or of another shape.
    """
    variables = {name.removesuffix(":0"): np.asarray(value) for name, value in variables.items()}
    if "electra/embeddings/word_embeddings" not in variables:
        raise InputError(
            "variables: expected the original's names, such as electra/embeddings/word_embeddings, "
            f"received {sorted(variables)[:3]}"
        )
    models = _pretrained(variables, num_heads, generator_num_heads, dropout_rate)
    if tasks:
        models["tasks"] = {
            name: _task_model(variables, models["backbone"], name, *choice)
            for name, choice in tasks.items()
        }
    return models


def _pretrained(variables, num_heads, generator_num_heads, dropout_rate):
    """The networks of pretraining, by name."""
    encoder = _encoder_of(variables, "electra", num_heads, dropout_rate)
    has_detector = "discriminator_predictions/dense/kernel" in variables
    has_own_generator = "generator/encoder/layer_0/intermediate/dense/kernel" in variables
    has_mlm_head = "generator_predictions/output_bias" in variables
    if (
        has_detector
        and has_own_generator
        and "generator/embeddings/word_embeddings" not in variables
    ):
        pretrainer = _pretrainer(variables, encoder, generator_num_heads, dropout_rate)
        return {
            "backbone": pretrainer.backbone,
            "generator": pretrainer.generator,
            "discriminator": pretrainer.discriminator,
            "pretrainer": pretrainer,
        }
    models = {"backbone": ElectraBackbone(**encoder.to_dict())}
    _fill_backbone(models["backbone"], variables, "electra")
    if has_detector:
        models["discriminator"] = ReplacedTokenDetector(models["backbone"])
        _fill(
            models["discriminator"].head, variables, "discriminator_predictions", RTD_HEAD_WEIGHTS
        )
    if has_mlm_head:
        models["generator"] = _lone_generator(variables, models, generator_num_heads, dropout_rate)
    return models


def _pretrainer(variables, encoder, generator_num_heads, dropout_rate):
    generator = _encoder_of(variables, "generator", generator_num_heads, dropout_rate)
    objective = {
        "generator_width_fraction": generator.hidden_dim / encoder.hidden_dim,
        "generator_depth_fraction": generator.num_layers / encoder.num_layers,
        "generator_num_heads": generator.num_heads,
    }
    pretrainer = ElectraPretrainer(encoder, objective)
    _fill_backbone(pretrainer.backbone, variables, "electra")
    _fill_backbone(pretrainer.generator.backbone, variables, "generator")
    _fill(pretrainer.generator.head, variables, "generator_predictions", MLM_HEAD_WEIGHTS)
    _fill(pretrainer.discriminator.head, variables, "discriminator_predictions", RTD_HEAD_WEIGHTS)
    return pretrainer


def _lone_generator(variables, models, num_heads, dropout_rate):
    """The masked language model of an MLM-mode, tied or untied-embeddings checkpoint."""
    backbone = models["backbone"]
    if "generator/encoder/layer_0/intermediate/dense/kernel" in variables:
        encoder = _encoder_of(variables, "generator", num_heads, dropout_rate)
        backbone = ElectraBackbone(**encoder.to_dict(), name="generator_backbone")
        _fill_backbone(backbone, variables, "generator")
    generator = MaskedLanguageModel(backbone)
    _fill(generator.head, variables, "generator_predictions", MLM_HEAD_WEIGHTS)
    return generator


def _task_model(variables, backbone, name, kind, choice):
    """A task model with the head under `task_specific/<name>`."""
    if kind not in TASK_KINDS:
        raise InputError(f"tasks: expected a kind of {list(TASK_KINDS)}, received {kind!r}")
    scope = f"task_specific/{name}"
    if kind != "question_answering":
        model = TASK_KINDS[kind](backbone, choice, name=name)
        names = dense_weights("logit", "dense")
    else:
        answers = choice or _answer_config(variables, scope)
        model = ExtractiveQA(backbone, answers, name=name)
        names = answer_head_weights(answers)
    _fill(model.head, variables, scope, names)
    return model


def dense_weights(ours: str, theirs: str) -> dict[str, str]:
    """Our names of a dense layer's weights -> the original's."""
    return {f"{ours}_{part}": f"{theirs}/{part}" for part in ("kernel", "bias")}


def answer_head_weights(answers: AnswerConfig) -> dict[str, str]:
    """Our names -> the original's of a question-answering head.

    The original numbers its dense layers in the order that they are made in: one that is not made
    moves the names of the rest.
    """
    layers = ["start"]
    names = {}
    if answers.has_joint_ends:
        names |= dense_weights("end_hidden", "qa_hidden")
    layers.append("end")
    if answers.answerability == "start":
        layers.append("answerable_hidden")
    if answers.answerability != "none":
        layers.append("answerable")
    for number, layer in enumerate(layers):
        names |= dense_weights(layer, f"dense_{number}" if number else "dense")
    return names


def _answer_config(variables, scope) -> AnswerConfig:
    """The switches of a question-answering head, by the variables that are there."""
    answerability = "none"
    if f"{scope}/dense_2/kernel" in variables:
        answerability = "start" if f"{scope}/dense_3/kernel" in variables else "class"
    has_joint_ends = f"{scope}/qa_hidden/kernel" in variables
    return AnswerConfig(has_joint_ends=has_joint_ends, answerability=answerability)


def _encoder_of(variables, scope, num_heads, dropout_rate) -> EncoderConfig:
    """The encoder options that the shapes under `scope` tell."""
    owner = scope if f"{scope}/embeddings/word_embeddings" in variables else "electra"
    words = variables[f"{owner}/embeddings/word_embeddings"]
    hidden_dim, intermediate_dim = variables[
        f"{scope}/encoder/layer_0/intermediate/dense/kernel"
    ].shape
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


def _fill_backbone(backbone, variables, scope):
    if f"{scope}/embeddings/word_embeddings" in variables:
        _fill(backbone.embeddings, variables, f"{scope}/embeddings", EMBEDDING_WEIGHTS)
    if backbone.projection is not None:
        _fill(backbone.projection, variables, f"{scope}/embeddings_project", PROJECTION_WEIGHTS)
    for index, layer in enumerate(backbone.encoder_layers):
        prefix = f"{scope}/encoder/layer_{index}"
        for ours, part in ((layer.qkv_kernel, "kernel"), (layer.qkv_bias, "bias")):
            names = [f"{prefix}/attention/self/{name}/{part}" for name in ("query", "key", "value")]
            ours.assign(np.concatenate([_value(variables, name) for name in names], axis=-1))
        _fill(layer, variables, prefix, LAYER_WEIGHTS)


def _fill(layer, variables, scope, names):
    """Assign the weights of `layer`, by name, from the original's under `scope`."""
    weights = {weight.name: weight for weight in layer.weights}
    for ours, theirs in names.items():
        value = _value(variables, f"{scope}/{theirs}")
        if value.shape != tuple(weights[ours].shape):
            raise InputError(
                f"variables: expected {scope}/{theirs} of shape {tuple(weights[ours].shape)}, "
                f"received {value.shape}"
            )
        weights[ours].assign(value)


def _value(variables, name):
    if name not in variables:
        raise InputError(f"variables: expected {name!r} among the original's names, not found")
    return variables[name]
