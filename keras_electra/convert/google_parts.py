"""Which variables of the original's checkpoints belong to which weights of a model."""

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.encoder import ARCHITECTURES, EncoderConfig
from keras_electra.convert.checking import backbone_of
from keras_electra.convert.original_names import (
    MLM_HEAD_WEIGHTS,
    RTD_HEAD_WEIGHTS,
    Part,
    backbone_parts,
    layer_parts,
    plain_copy,
    task_head_weights,
)
from keras_electra.errors import InputError
from keras_electra.networks import MaskedLanguageModel, ReplacedTokenDetector, TwoTowerGenerator
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.task_models import SeveralTasks, TaskModel
from keras_electra.tasks.kinds import kind_of

CARRIERS = (
    "a .keras file and a preset of this package (--format keras) and ONNX (export) can carry it"
)


def refuse_other_architecture(encoder: EncoderConfig, program: str) -> None:
    """Raise `InputError` unless an encoder is of the published architecture.

    Args:
        program: who would have to have it, for the sentence.
    """
    published = ARCHITECTURES["electra"]
    others = {n: getattr(encoder, n) for n in published if getattr(encoder, n) != published[n]}
    if others:
        received = ", ".join(f"{name}={value!r}" for name, value in others.items())
        raise InputError(
            f"model: expected architecture='electra', the one that {program} has, "
            f"received {received}; {CARRIERS}"
        )


def google_parts(model) -> list[Part]:
    """The parts of a pretrainer, a network, a backbone, a task model or several tasks.

    Raises:
        InputError: for what the original program does not have.
    """
    if isinstance(model, ElectraPretrainer):
        return _pretrainer_parts(model)
    if isinstance(model, SeveralTasks):
        models = model.models.values()
        return _encoder_parts(model.backbone) + [p for m in models for p in _task_parts(m)]
    if isinstance(model, TaskModel):
        return _encoder_parts(model.backbone) + _task_parts(model)
    if isinstance(model, ElectraBackbone | ReplacedTokenDetector | MaskedLanguageModel):
        return _encoder_parts(backbone_of(model)) + head_parts(model)
    raise InputError(f"model: expected a model of this package, received {type(model).__name__}")


def _encoder_parts(backbone, scope="electra", with_embeddings=True):
    refuse_other_architecture(backbone.encoder, "the original program")
    return backbone_parts(plain_copy(backbone), scope, with_embeddings)


def head_parts(network) -> list[Part]:
    """The parts of a discriminator's or generator's head; none of an encoder alone."""
    if isinstance(network, ElectraBackbone):
        return []
    if isinstance(network, ReplacedTokenDetector):
        return layer_parts(network.head, "discriminator_predictions", RTD_HEAD_WEIGHTS)
    scope = "generator_predictions" if hasattr(network, "backbone") else "cloze_predictions"
    return layer_parts(network.head, scope, MLM_HEAD_WEIGHTS)


def _pretrainer_parts(model):
    objective = model.objective
    if objective.kind.google_switches is None:
        raise InputError(
            "model: expected an objective that the original program has, received "
            f"objective={objective.objective!r}"
        )
    if objective.embedding_sharing in ("token", "disentangled"):
        raise InputError(
            "model: expected embedding_sharing='full' or 'none', as the original program has it, "
            f"received {objective.embedding_sharing!r}"
        )
    width = objective.generator_embedding_dim
    own_width = _towers(model)[0][1].encoder.hidden_dim if width is not None else None
    if width != own_width:
        raise InputError(
            "model: expected the generator's own embeddings to be as wide as its layers, as the "
            f"original program has it, {own_width}, received generator_embedding_dim={width}; "
            f"{CARRIERS}"
        )
    parts = _encoder_parts(model.backbone)
    if model.discriminator is not None:
        parts += head_parts(model.discriminator)
    if model.generator is None:
        return parts
    for scope, tower in _towers(model):
        is_own = tower.embeddings is not model.backbone.embeddings
        parts += _encoder_parts(tower, scope, with_embeddings=is_own)
    return parts + head_parts(model.generator)


def _towers(model):
    """(scope, backbone) of each encoder that the generator has of its own."""
    generator = model.generator
    if isinstance(generator, TwoTowerGenerator):
        return [("generator_ltr", generator.left), ("generator_rtl", generator.right)]
    if generator.backbone is model.backbone:
        return []
    return [("generator", generator.backbone)]


def _task_parts(model):
    if model.head.form != "original" or kind_of(model.kind).google is None:
        raise InputError(
            f"model: expected a head that the original program has, received the one of "
            f"{type(model).__name__} with head={model.head.form!r}"
        )
    scope = f"task_specific/{model.task_name}"
    return layer_parts(model.head, scope, task_head_weights(model))
