"""Arithmetic of a training step: the matrix products, counted from the recipe alone.

A multiplication with its addition counts as two operations. Look-ups, LayerNorms, softmax and
activations are left out, as is usual. Going backward costs twice as much as going forward. Of the
optimizer, Muon's iteration is counted, which is matrix products too.
"""

from collections.abc import Iterable

from keras_electra.config.encoder import EncoderConfig, Kernel
from keras_electra.config.pretrain import PretrainConfig

TRAINING = 3
"""Operations of a step over those of going forward."""
MUON_ITERATIONS = 5


def layer_flops(encoder: EncoderConfig, sequence_length: int) -> int:
    """Operations of one encoder layer per token, going forward.

    `8 h^2` for query, key, value and output, `4 s h` for the two products of attention, and `4 h i` for
    the feed-forward part, or `6 h i` where it is gated.
    """
    return dense_flops(encoder.layer_kernels()) + 4 * sequence_length * encoder.hidden_dim


def dense_flops(kernels: Iterable[Kernel]) -> int:
    """Operations of dense products per token, going forward."""
    return sum(2 * kernel.size for kernel in kernels)


def encoder_flops(encoder: EncoderConfig, sequence_length: int, is_one_sided: bool = False) -> int:
    """Operations of an encoder per token, going forward: layers, projection and local mixing.

    Args:
        is_one_sided: whether it sees one side only, as each tower of a two-tower generator.
    """
    attention = 4 * sequence_length * encoder.hidden_dim
    kernels = encoder.kernels("left" if is_one_sided else "both")
    return dense_flops(kernels) + encoder.num_layers * attention


def vocabulary_head_flops(encoder: EncoderConfig, width: int) -> int:
    """Operations of the head that scores the vocabulary per place, going forward."""
    return 2 * width * encoder.embedding_dim + 2 * encoder.embedding_dim * encoder.vocabulary_size


def forward_flops(config: PretrainConfig) -> dict[str, float]:
    """Operations per token of going forward, by part.

    Returns:
        `generator`, `vocabulary_head`, `discriminator`: per token of the batch, padding included; 0 for
        what the objective does not have.
    """
    encoder, length = config.encoder, config.sequence_length
    masked = config.masking.max_masked(length) / length
    generator, head = _generator_flops(config, masked)
    objective, discriminator = config.objective.kind, 0
    if objective.has_second_network:
        discriminator = encoder_flops(encoder, length) + objective.head_flops(encoder, masked)
    return {"generator": generator, "vocabulary_head": head, "discriminator": discriminator}


def _generator_flops(config, masked):
    """Of the generator's encoder or encoders, and of its head."""
    kind, length = config.objective.generator_kind, config.sequence_length
    encoders = kind.encoders(config.objective, config.encoder)
    if not encoders:
        return 0, 0
    encoder, _ = encoders[0]
    head = vocabulary_head_flops(encoder, len(encoders) * encoder.hidden_dim)
    flops = sum(encoder_flops(one, length, side != "both") for one, side in encoders)
    return flops, head if kind.reads_unmasked else masked * head


def training_flops_per_token(config: PretrainConfig) -> float:
    """Operations per token of a training step; about 70.2 million for `small` at length 128.

    A frozen generator goes forward only.
    """
    parts = forward_flops(config)
    frozen = ("generator", "vocabulary_head") if config.objective.has_frozen_generator else ()
    return sum(flops * (1 if name in frozen else TRAINING) for name, flops in parts.items())


def muon_flops(encoder: EncoderConfig, is_one_sided: bool = False) -> int:
    """Operations of Muon's iteration on the hidden matrices of an encoder, once.

    A matrix of n rows and m >= n columns takes five times `4 n^2 m + 2 n^3`.
    """
    kernels = encoder.kernels("left" if is_one_sided else "both")
    return sum(
        kernel.blocks * _iteration_flops(kernel.rows, kernel.columns // kernel.blocks)
        for kernel in kernels
        if kernel.blocks
    )


def _iteration_flops(*shape):
    n, m = sorted(shape)
    return MUON_ITERATIONS * (4 * n * n * m + 2 * n**3)


def optimizer_flops(config: PretrainConfig) -> int:
    """Operations of the optimizer's matrix products in one step: 0 without Muon."""
    objective = config.objective
    if config.optimizer.hidden_optimizer != "muon":
        return 0
    own = muon_flops(config.encoder)
    if not objective.generator_kind.directions or objective.has_frozen_generator:
        return own
    encoders = objective.generator_kind.encoders(objective, config.encoder)
    return own + sum(muon_flops(encoder, side != "both") for encoder, side in encoders)


def step_flops(config: PretrainConfig) -> float:
    """Operations of one training step, over the whole batch, of a recipe of one stage or its first."""
    tokens = config.batch_size * config.sequence_length
    return training_flops_per_token(config) * tokens + optimizer_flops(config)


def run_flops(config: PretrainConfig) -> float:
    """Operations of all steps of a run, each stage by its own length and batch size."""
    stages = config.all_stages
    ends = [stage.first_step for stage in stages[1:]] + [config.steps]
    total = 0.0
    for stage, end in zip(stages, ends, strict=True):
        shape = {"sequence_length": stage.sequence_length, "batch_size": stage.batch_size}
        num_steps = max(0, min(end, config.steps) - stage.first_step)
        total += num_steps * step_flops(config.replace(stages=None, **shape))
    return total
