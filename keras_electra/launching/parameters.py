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
    narrow = objective.generator_encoder(encoder)
    if narrow is not None:
        is_tower = objective.generator == "two_tower"
        directions: list[Direction] = ["left", "right"] if is_tower else ["both"]
        total += sum(body_count(narrow, direction) for direction in directions)
        hidden += sum(hidden_count(narrow, direction) for direction in directions)
        if sharing == "none":
            total += len(directions) * embedding_count(narrow)
        elif sharing != "full":
            total += embedding_count(narrow, has_table=not has_own_table)
        total += lm_head_count(narrow, len(directions) * narrow.hidden_dim)
    elif objective.generator != "uniform":
        total += lm_head_count(encoder, encoder.hidden_dim)
    if objective.has_detector:
        total += detector_head_count(encoder.hidden_dim)
    elif objective.has_second_network:
        total += lm_head_count(encoder, encoder.hidden_dim)
    if objective.objective == "all_tokens_mlm":
        total += encoder.hidden_dim + 1
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


def detector_head_count(hidden_dim: int) -> int:
    """Parameters of a `ReplacedTokenHead`."""
    return (hidden_dim + 1) * hidden_dim + hidden_dim + 1
