"""How many parameters a pretraining has, told from its options: no model is built.

Shapes: V vocabulary entries, E embedding width, H hidden width.
"""

import dataclasses

from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.objective import ObjectiveConfig


@dataclasses.dataclass(frozen=True)
class ParameterCounts:
    """Trainable parameters; what two parts share is counted once.

    Attributes:
        encoder: of the encoder that is kept, its embeddings among them.
        total: of all that is trained together.
        hidden: of those the matrices between activations, which Muon moves where it is chosen.
    """

    encoder: int
    total: int
    hidden: int


def count_parameters(encoder: EncoderConfig, objective: ObjectiveConfig) -> ParameterCounts:
    """The numbers for the networks that an `ElectraPretrainer` of these options has."""
    sharing = objective.embedding_sharing
    has_own_table = sharing != "disentangled"
    # The discriminator's own table is, disentangled, one of differences, as large as any.
    kept = embedding_count(encoder) + body_count(encoder)
    total, hidden = kept, hidden_count(encoder)
    kind = objective.generator_kind
    encoders = kind.encoders(objective, encoder)
    for narrow, direction in encoders if kind.directions else ():
        total += body_count(narrow, direction)
        hidden += hidden_count(narrow, direction)
        if sharing == "none":
            total += embedding_count(narrow)
    if encoders:
        first, _ = encoders[0]
        total += lm_head_count(first, len(encoders) * first.hidden_dim)
        if sharing in ("token", "disentangled"):
            total += embedding_count(first, has_table=not has_own_table)
    total += objective.kind.head_parameters(encoder)
    return ParameterCounts(kept, total, hidden)


def embedding_count(encoder: EncoderConfig, has_table: bool = True) -> int:
    """Parameters of the embeddings: tokens, places where they are learned, segments, LayerNorm."""
    rows = encoder.vocabulary_size if has_table else 0
    rows += encoder.max_sequence_length if encoder.position_encoding == "learned" else 0
    return (rows + encoder.num_segments + 2) * encoder.embedding_dim


def body_count(encoder: EncoderConfig, direction: str = "both") -> int:
    """Parameters of an encoder above its embeddings."""
    hidden, width = encoder.hidden_dim, encoder.local_mixing_width
    count = encoder.num_layers * layer_count(encoder)
    if encoder.embedding_dim != hidden:
        count += (encoder.embedding_dim + 1) * hidden
    if width:
        seen = width if direction == "both" else width // 2 + 1
        count += (seen * hidden + 1) * 2 * hidden + (hidden + 1) * hidden
    return count + (2 * hidden if encoder.norm_position == "pre" else 0)


def hidden_count(encoder: EncoderConfig, direction: str = "both") -> int:
    """Parameters in the matrices of an encoder's layers and of its local mixing."""
    hidden, inner = encoder.hidden_dim, encoder.intermediate_dim
    kernels = 3 if encoder.feed_forward == "geglu" else 2
    layers = encoder.num_layers * (4 * hidden * hidden + kernels * hidden * inner)
    width = encoder.local_mixing_width
    seen = width if direction == "both" else width // 2 + 1
    return layers + ((2 * seen + 1) * hidden * hidden if width else 0)


def layer_count(encoder: EncoderConfig) -> int:
    """Parameters of one encoder layer: attention, feed-forward, two LayerNorms."""
    hidden, inner = encoder.hidden_dim, encoder.intermediate_dim
    gates = 2 if encoder.feed_forward == "geglu" else 1
    attention = (hidden + 1) * 4 * hidden
    feed_forward = (hidden + 1) * gates * inner + (inner + 1) * hidden
    return attention + feed_forward + 4 * hidden


def lm_head_count(encoder: EncoderConfig, hidden_dim: int) -> int:
    """Parameters of a `MaskedLMHead`: dense to E, LayerNorm, a bias per entry of the vocabulary."""
    width = encoder.embedding_dim
    return (hidden_dim + 1) * width + 2 * width + encoder.vocabulary_size
