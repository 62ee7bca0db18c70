"""The original program's names for the weights of every model here, in both directions.

Names and shapes: google-research/electra at its last revision. Kernels are (inputs, outputs), as here;
query, key and value are three kernels there and one here. `transformers` has nearly the same names.
"""

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.finetune import AnswerConfig


def dense_weights(ours: str, theirs: str) -> dict[str, str]:
    """Our names of a dense layer's weights -> the original's."""
    return {f"{ours}_{part}".lstrip("_"): f"{theirs}/{part}" for part in ("kernel", "bias")}


def norm_weights(ours: str, theirs: str) -> dict[str, str]:
    """Our names of a LayerNorm's weights -> the original's."""
    return {f"{ours}_{part}": f"{theirs}/{part}" for part in ("gamma", "beta")}


LAYER_WEIGHTS = {
    **dense_weights("attention", "attention/output/dense"),
    **norm_weights("attention_norm", "attention/output/LayerNorm"),
    **dense_weights("intermediate", "intermediate/dense"),
    **dense_weights("output", "output/dense"),
    **norm_weights("output_norm", "output/LayerNorm"),
}
EMBEDDING_WEIGHTS = {
    "token_embeddings": "word_embeddings",
    "position_embeddings": "position_embeddings",
    "segment_embeddings": "token_type_embeddings",
    **norm_weights("norm", "LayerNorm"),
}
PROJECTION_WEIGHTS = {"kernel": "kernel", "bias": "bias"}
MLM_HEAD_WEIGHTS = {
    **dense_weights("", "dense"),
    **norm_weights("norm", "LayerNorm"),
    "output_bias": "output_bias",
}
RTD_HEAD_WEIGHTS = {**dense_weights("", "dense"), **dense_weights("logit", "dense_1")}
QUERY_KEY_VALUE = ("query", "key", "value")


class Part(NamedTuple):
    """A weight there, and the one here that holds it: whole, or as third number `third` of columns."""

    name: str
    variable: Any
    third: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that the weight has there."""
        *first, last = self.variable.shape
        return (*first, last if self.third is None else last // 3)

    def taken_from(self, values: np.ndarray) -> np.ndarray:
        """This part of an array of the variable's shape."""
        return values if self.third is None else np.split(values, 3, axis=-1)[self.third]


def layer_parts(layer, scope: str, names: dict[str, str]) -> list[Part]:
    """The parts of one layer, from our names of its weights -> theirs below `scope`."""
    weights, prefix = layer.own_weights, f"{scope}/" if scope else ""
    return [Part(f"{prefix}{theirs}", weights[ours]) for ours, theirs in names.items()]


def backbone_parts(backbone: ElectraBackbone, scope: str, with_embeddings=True) -> list[Part]:
    """The parts of an encoder of the original's architecture.

    Args:
        scope: "electra", "generator", "generator_ltr" or "generator_rtl"; "" for names without one.
        with_embeddings: False for an encoder that looks up another's embeddings.
    """
    prefix = f"{scope}/" if scope else ""
    parts = []
    if with_embeddings:
        parts += layer_parts(backbone.embeddings, f"{prefix}embeddings", EMBEDDING_WEIGHTS)
    if backbone.projection is not None:
        parts += layer_parts(backbone.projection, f"{prefix}embeddings_project", PROJECTION_WEIGHTS)
    for index, layer in enumerate(backbone.encoder_layers):
        below = f"{prefix}encoder/layer_{index}"
        for variable, kind in ((layer.qkv_kernel, "kernel"), (layer.qkv_bias, "bias")):
            parts += [
                Part(f"{below}/attention/self/{name}/{kind}", variable, third)
                for third, name in enumerate(QUERY_KEY_VALUE)
            ]
        parts += layer_parts(layer, below, LAYER_WEIGHTS)
    return parts


def fill(parts: list[Part], value) -> None:
    """Assign the variables of some parts.

    Args:
        value: called with a name and the shape expected; returns the array or raises.
    """
    found = {}
    for part in parts:
        found.setdefault(id(part.variable), (part.variable, []))[1].append(
            value(part.name, part.shape)
        )
    for variable, arrays in found.values():
        variable.assign(arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=-1))


def arrays_of_parts(parts: list[Part], values_of=None) -> dict[str, np.ndarray]:
    """Their names -> arrays.

    Args:
        values_of: called with a variable, returns an array of its shape; None for its value.
    """
    values_of = values_of or (lambda variable: ops.convert_to_numpy(variable))
    return {
        part.name: np.array(part.taken_from(values_of(part.variable)), "float32", order="C")
        for part in parts
    }


def task_head_weights(model) -> dict[str, str]:
    """Our names -> the original's of a task model's head."""
    answers = getattr(model, "answers", None)
    return dense_weights("logit", "dense") if answers is None else answer_head_weights(answers)


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


def plain_copy(backbone: ElectraBackbone) -> ElectraBackbone:
    """The backbone, or where its kernels have low-rank updates or its token table is computed from
    another network's, a copy with the updates merged and a table of its own."""
    if backbone.lora is None and backbone.embeddings.token_table is None:
        return backbone
    copy = ElectraBackbone(
        **backbone.encoder.to_dict(), direction=backbone.direction, name=backbone.name
    )
    copy.assign_from(backbone)
    return copy
