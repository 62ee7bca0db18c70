"""A pretrainer from networks that came alone: a discriminator or an encoder, and some generator."""

import numpy as np
from keras import ops

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.objective import ObjectiveConfig
from keras_electra.convert.checking import tokenizer_of
from keras_electra.errors import InputError
from keras_electra.layers import Embeddings
from keras_electra.networks import ReplacedTokenDetector
from keras_electra.pretrainer import ElectraPretrainer

FRESH, COPIED = "fresh", "copied"
GENERATORS = (FRESH, COPIED)


def as_pretrainer(
    discriminator,
    generator=FRESH,
    *,
    is_frozen=False,
    temperature=1.0,
    width_fraction=0.25,
    depth_fraction=None,
    seed=0,
    dtype=None,
) -> ElectraPretrainer:
    """A pretrainer with the weights of networks that are there, and what is missing started.

    Args:
        discriminator: `ReplacedTokenDetector`, or an `ElectraBackbone`, whose head starts afresh.
        generator: a `MaskedLanguageModel` of the same vocabulary; or "fresh" for a new small one; or
            "copied" for one made of the discriminator's first layers, with all their weights and a new
            head. Embeddings that are equal are shared; a given generator with others keeps its own.
        is_frozen: whether a given generator stays as it is, embeddings of its own included; it then
            draws without dropout.
        temperature: divides the generator's logits before sampling; above 1 it errs more often, which
            a generator that is too good for the discriminator should.
        width_fraction: width of a fresh generator / that of the discriminator.
        depth_fraction: its layers / those of the discriminator; None for 1 when fresh and 1/4 when
            copied.
        seed: decides the weights that start afresh.
        dtype: policy of the layers; Keras' own when None.

    Raises:
        InputError: if the generator is of another vocabulary, or of sizes that no pretrainer has.
    """
    is_detector = isinstance(discriminator, ReplacedTokenDetector)
    backbone = discriminator.backbone if is_detector else discriminator
    if not isinstance(backbone, ElectraBackbone):
        raise InputError(
            "discriminator: expected a ReplacedTokenDetector or an ElectraBackbone, "
            f"received {type(discriminator).__name__}"
        )
    options = {"temperature": temperature}
    if isinstance(generator, str):
        if is_frozen:
            raise InputError(
                "is_frozen: expected a generator that is trained, received "
                f"generator={generator!r}, whose head is new"
            )
        options |= _new_options(generator, width_fraction, depth_fraction, backbone)
    else:
        options |= _given_options(generator.backbone, backbone, is_frozen)
    objective = ObjectiveConfig.from_dict(options)
    model = ElectraPretrainer(backbone.encoder, objective, seed=seed, dtype=dtype)
    model.backbone.assign_from(backbone)
    if is_detector:
        _copy(discriminator.head, model.discriminator.head)
    if generator == COPIED:
        _copy_layers(model.backbone, model.generator.backbone)
    elif not isinstance(generator, str):
        model.generator.backbone.assign_from(generator.backbone)
        _copy(generator.head, model.generator.head)
    model.tokenizer = tokenizer_of(discriminator)
    model.sequence_length = backbone.encoder.max_sequence_length
    return model


def alone(network, dtype=None) -> ElectraPretrainer:
    """A pretrainer that consists of one network: what is not there is not made up.

    Args:
        network: a `ReplacedTokenDetector`, whose replacements are then sampled uniformly; or a
            `MaskedLanguageModel`, then of the objective "mlm".
        dtype: policy of the layers; Keras' own when None.
    """
    is_detector = isinstance(network, ReplacedTokenDetector)
    options = {"generator": "uniform"} if is_detector else {"objective": "mlm"}
    encoder = network.backbone.encoder
    model = ElectraPretrainer(encoder, ObjectiveConfig.from_dict(options), dtype=dtype)
    own = model.discriminator if is_detector else model.generator
    own.backbone.assign_from(network.backbone)
    _copy(network.head, own.head)
    model.tokenizer = tokenizer_of(network)
    model.sequence_length = encoder.max_sequence_length
    return model


def _new_options(generator, width_fraction, depth_fraction, backbone):
    """Options of the objective for a generator that is made here."""
    if generator == FRESH:
        return {
            "generator_width_fraction": width_fraction,
            "generator_depth_fraction": 1.0 if depth_fraction is None else depth_fraction,
        }
    if generator == COPIED:
        if backbone.encoder.intermediate_dim != 4 * backbone.encoder.hidden_dim:
            raise InputError(
                "generator: expected 'fresh' or a network, for layers that are not "
                f"{4 * backbone.encoder.hidden_dim} wide inside, received 'copied'"
            )
        return {
            "generator_width_fraction": 1.0,
            "generator_depth_fraction": 0.25 if depth_fraction is None else depth_fraction,
            "generator_num_heads": backbone.encoder.num_heads,
        }
    raise InputError(
        f"generator: expected one of {GENERATORS} or a network, received {generator!r}"
    )


def _given_options(theirs, backbone, is_frozen):
    """Options of the objective that make a generator of the sizes of the one that is given."""
    mine, encoder = backbone.encoder, theirs.encoder
    for name in ("vocabulary_size", "max_sequence_length", "num_segments"):
        if getattr(encoder, name) != getattr(mine, name):
            raise InputError(
                f"generator: expected {name}={getattr(mine, name)}, as the discriminator has it, "
                f"received {getattr(encoder, name)}"
            )
    options = {
        "generator_width_fraction": encoder.hidden_dim / mine.hidden_dim,
        "generator_depth_fraction": encoder.num_layers / mine.num_layers,
        "generator_num_heads": encoder.num_heads,
    }
    if encoder.intermediate_dim != 4 * encoder.hidden_dim:
        raise InputError(
            f"generator: expected layers {4 * encoder.hidden_dim} wide inside, four times hidden_dim, "
            f"received {encoder.intermediate_dim}"
        )
    if is_frozen or not _have_equal_embeddings(theirs, backbone):
        options["embedding_sharing"] = "none"
        options["generator_embedding_dim"] = encoder.embedding_dim
        options["has_frozen_generator"] = is_frozen
    return options


def _have_equal_embeddings(first, second) -> bool:
    """Whether two backbones look up the same numbers, LayerNorm included."""
    pairs = zip(_embeddings(first), _embeddings(second), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def _embeddings(backbone):
    layer: Embeddings = backbone.embeddings
    rest = layer.own_weights
    names = ("position_embeddings", "segment_embeddings", "norm_gamma", "norm_beta")
    arrays = [layer.table(), *(rest[name] for name in names if name in rest)]
    return [ops.convert_to_numpy(array) for array in arrays]


def _copy(source, target):
    """Give a head the weights of another of the same shape."""
    weights = {weight.name: weight for weight in source.weights}
    for weight in target.weights:
        weight.assign(np.array(ops.convert_to_numpy(weights[weight.name])))


def _copy_layers(source, target):
    """Give the first layers, and the projection, the weights of another's."""
    pairs = [*zip(target.encoder_layers, source.encoder_layers, strict=False)]
    pairs += [(target.projection, source.projection)] if target.projection is not None else []
    pairs += [(target.mixing, source.mixing)] if target.mixing is not None else []
    for mine, theirs in pairs:
        _copy(theirs, mine)
