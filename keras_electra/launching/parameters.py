"""How many parameters a pretraining has, told from its options: no model is built.

Shapes: V vocabulary entries, E embedding width, H hidden width.
"""

import dataclasses

from keras_electra.config.encoder import Direction, EncoderConfig
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
    """Parameters of the embeddings: tokens, positions where they are learned, segments, LayerNorm."""
    tables = encoder.tables()
    if not has_table:
        del tables["token_embeddings"]
    return sum(rows * width for rows, width in tables.values()) + 2 * encoder.embedding_dim


def body_count(encoder: EncoderConfig, direction: Direction = "both") -> int:
    """Parameters of an encoder above its embeddings."""
    return sum(part.num_parameters for part in encoder.body(direction))


def hidden_count(encoder: EncoderConfig, direction: Direction = "both") -> int:
    """Parameters in the matrices of an encoder that Muon can optimize."""
    return sum(kernel.size for kernel in encoder.kernels(direction) if kernel.blocks)


def lm_head_count(encoder: EncoderConfig, hidden_dim: int) -> int:
    """Parameters of a `MaskedLMHead`: dense to E, LayerNorm, a bias per entry of the vocabulary."""
    width = encoder.embedding_dim
    return (hidden_dim + 1) * width + 2 * width + encoder.vocabulary_size
