"""Every conversion looks at its own outcome: a sample through both sides, the largest difference told."""

import dataclasses
import pathlib

import numpy as np
from keras import ops

from keras_electra.backbone import ElectraBackbone
from keras_electra.errors import ConversionError
from keras_electra.networks import (
    MaskedLanguageModel,
    ReplacedTokenDetector,
    TwoTowerGenerator,
)
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.task_models import SeveralTasks, TaskModel
from keras_electra.tasks.kinds import kind_of

TOLERANCE = 1e-5
"""Largest difference between two outputs in float32 that counts as rounding."""

NAMES = {
    ElectraPretrainer: "pretrainer",
    TaskModel: "task_model",
    ReplacedTokenDetector: "discriminator",
    MaskedLanguageModel: "generator",
    ElectraBackbone: "backbone",
}
"""The name under which the readers of other formats return a model; the whole before its parts."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conversion:
    """What a conversion made.

    Attributes:
        path: the file or folder that was written.
        format: "huggingface", "google", "keras-hub" or "keras".
        largest_difference: between the outputs of both sides for a sample, absolute.
        checked_with: the program that opened what was written.
        sentences: what was left out, and what is different on the other side.
    """

    path: pathlib.Path
    format: str
    largest_difference: float
    checked_with: str
    sentences: tuple[str, ...] = ()


def sample_inputs(encoder, num_rows: int = 3) -> dict[str, np.ndarray]:
    """Random texts (B, T) for an encoder: token ids, segments, and a mask with padding in the last row.

    Padding is the id 0, whatever the tokenizer takes for it: no outcome depends on it.
    """
    rng = np.random.default_rng(0)
    length = min(12, encoder.max_sequence_length)
    token_ids = rng.integers(0, encoder.vocabulary_size, (num_rows, length)).astype("int32")
    padding_mask = np.ones(token_ids.shape, bool)
    padding_mask[-1, (length + 1) // 2 :] = False
    segment_ids = np.zeros(token_ids.shape, "int32")
    if encoder.num_segments > 1:
        segment_ids[0, length // 2 :] = 1
    return {
        "token_ids": np.where(padding_mask, token_ids, 0).astype("int32"),
        "segment_ids": segment_ids,
        "padding_mask": padding_mask,
    }


def backbone_of(model) -> ElectraBackbone | None:
    """What a model encodes text with; of two towers the left one; None without any."""
    if isinstance(model, ElectraBackbone):
        return model
    return getattr(model, "backbone", None) or getattr(model, "left", None)


def networks_of(pretrainer: ElectraPretrainer) -> dict:
    """A pretrainer and its parts by the names of `NAMES`, without those that it does not have."""
    parts = ("backbone", "discriminator", "generator")
    models = {"pretrainer": pretrainer, **{name: getattr(pretrainer, name) for name in parts}}
    return {name: model for name, model in models.items() if model is not None}


def main_name(models: dict) -> str:
    """Which of the models that a reader returned has the others as its parts."""
    return next(name for name in NAMES.values() if name in models)


def sentences_on_left_out(models: dict) -> list[str]:
    """What there is to say about the tensors that a reader could not carry over."""
    return [f"left out: {', '.join(models['left_out'])}"] if models["left_out"] else []


def name_of(model) -> str:
    """The name of `NAMES` of a model's class."""
    return next(name for kind, name in NAMES.items() if isinstance(model, kind))


def sample_outputs(model, inputs) -> dict[str, np.ndarray]:
    """What a model says of `sample_inputs`, by name, at real tokens only; float32.

    Args:
        model: a backbone, a network, a pretrainer (what both networks say), a task model, or
            `SeveralTasks` (what each task's model says).
    """
    parts = {}
    if isinstance(model, ElectraPretrainer):
        parts = {"generator": model.generator, "discriminator": model.discriminator}
    if isinstance(model, SeveralTasks):
        parts = model.models
    if parts:
        return {
            f"{part}/{name}": value
            for part, one in parts.items()
            if one is not None
            for name, value in sample_outputs(one, inputs).items()
        }
    if isinstance(model, TaskModel):
        return _task_outputs(model, inputs)
    if isinstance(model, TwoTowerGenerator):
        # Its state for a text's last token is of the place after it, which padding means nothing for.
        is_full = inputs["padding_mask"].all(axis=1)
        inputs = {name: value[is_full] for name, value in inputs.items()}
    return {"outputs": numbers(model(inputs, training=False))[inputs["padding_mask"]]}


def _task_outputs(model, inputs):
    """As `sample_outputs`, of a task model."""
    outputs, kind = model(model.plain_batch(inputs), training=False), kind_of(model.kind)
    outputs = outputs if isinstance(outputs, dict) else {kind.output: outputs}
    mask = inputs["padding_mask"]
    return {
        name: numbers(value)[mask] if name in kind.positions_in else numbers(value)
        for name, value in outputs.items()
        # Positions of the beam may change order where two are as likely; their probabilities do not.
        if not name.endswith("_positions")
    }


def largest_difference(ours: dict, theirs: dict) -> float:
    """The largest absolute difference between arrays of the same names.

    Raises:
        ConversionError: if shapes differ or a number is not finite.
    """
    largest = 0.0
    for name, expected in ours.items():
        received = np.asarray(theirs[name])
        if received.shape != expected.shape:
            raise ConversionError(
                f"{name}: expected the shape {expected.shape} on the other side, "
                f"received {received.shape}"
            )
        if expected.size:
            difference = float(np.abs(expected - received).max())
            if not np.isfinite(difference):
                raise ConversionError(f"{name}: expected finite numbers, received others")
            largest = max(largest, difference)
    return largest


def refuse_difference(difference: float, tolerance: float, path) -> None:
    """Raise `ConversionError` if a difference is more than rounding."""
    if difference > tolerance:
        raise ConversionError(
            f"{path}: expected outputs equal to {tolerance:g} on both sides, received a largest "
            f"difference of {difference:.3g}; nothing was written"
        )


def tokenizer_of(*models):
    """The first tokenizer that the models, or their encoders, have; None if they have none."""
    owners = [owner for model in models for owner in (model, getattr(model, "backbone", None))]
    found = (getattr(owner, "tokenizer", None) for owner in owners)
    return next((tokenizer for tokenizer in found if tokenizer is not None), None)


def numbers(value) -> np.ndarray:
    """An output as a float32 array."""
    return np.asarray(ops.convert_to_numpy(value), "float32")
