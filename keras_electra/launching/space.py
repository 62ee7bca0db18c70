"""Memory and disk that a pretraining will take.

Parameters, tokens and checkpoints are counted. Memory is rough: 16 bytes for each parameter (weight,
gradient, two moments, of which Muon needs one; 4 more for a moving average, 2 for copies in half
precision); for backpropagation, of every token of a micro-batch and every layer, twice what enters and
leaves its kernels and 4 N T numbers (heads, tokens); three copies of the logits (B, K, V) in float32; and
what Python, the backend and compiling take. Of six runs on a processor, `tiny` and `small` with 16
examples on each backend, it was within 10 % of the highest resident memory.
"""

import math

from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.launching.parameters import ParameterCounts

PROCESS_BYTES = {"torch": 600_000_000, "jax": 1_100_000_000, "tensorflow": 1_230_000_000}
KERNEL_COPIES, MIXING_WIDTHS, SCORE_COPIES, LOGIT_COPIES = 2, 8, 4, 3
REPORT_BYTES = 5_000_000


def memory_bytes(
    config: PretrainConfig, counts: ParameterCounts, backend: str | None = None
) -> int:
    """Bytes of the training process at its highest; see the module."""
    is_half = config.dtype_policy != "float32"
    per_parameter = 8 + 2 * is_half
    logits = max(
        stage.batch_size * config.masking.max_masked(stage.sequence_length)
        for stage in config.all_stages
    )
    logits *= 4 * LOGIT_COPIES * config.encoder.vocabulary_size
    kept = max(
        stage.batch_size * activation_numbers(config, stage.sequence_length)
        for stage in config.all_stages
    )
    per_batch = logits + kept * (2 if is_half else 4)
    parts = config.optimizer.accumulation_steps
    process = PROCESS_BYTES.get(backend or "", max(PROCESS_BYTES.values()))
    kept_for_steps = slot_bytes(config, counts)
    return process + per_parameter * counts.total + kept_for_steps + per_batch // parts


def activation_numbers(config: PretrainConfig, length: int) -> int:
    """Numbers kept for backpropagation, of one example, in both networks."""
    objective, encoder = config.objective, config.encoder
    encoders = [encoder] if objective.has_second_network else []
    encoders += [one for one, _ in objective.generator_kind.encoders(objective, encoder)]
    return sum(map(lambda encoder: length * numbers_of_token(encoder, length), encoders))


def numbers_of_token(encoder: EncoderConfig, length: int) -> int:
    """Numbers kept for one token of an encoder."""
    widths = sum(kernel.rows + kernel.columns for kernel in encoder.layer_kernels())
    per_layer = KERNEL_COPIES * widths
    per_layer += SCORE_COPIES * encoder.num_heads * length
    mixing = MIXING_WIDTHS * encoder.hidden_dim if encoder.local_mixing_width else 0
    return encoder.num_layers * per_layer + mixing + 3 * encoder.embedding_dim


def slot_bytes(config: PretrainConfig, counts: ParameterCounts) -> int:
    """Bytes of the optimizer's slots: two moments and a moving average; one moment where Muon moves."""
    averages = 0 if config.optimizer.ema_rate is None else 1
    by_muon = counts.hidden if config.optimizer.hidden_optimizer == "muon" else 0
    return 4 * ((2 + averages) * counts.total - by_muon)


def checkpoint_bytes(config: PretrainConfig, counts: ParameterCounts) -> int:
    """Bytes of all checkpoints that a whole run keeps, and of one that is being written."""
    one = 4 * counts.total + slot_bytes(config, counts)
    kept = min(config.keep_checkpoints, 1 + config.steps // config.checkpoint_every_steps)
    every = config.milestone_every_steps
    milestones = 0 if every is None else config.steps // every
    return one * (kept + 1 + milestones)


def store_bytes(num_tokens: int, vocabulary_size: int) -> int:
    """Bytes of a store and its report."""
    return num_tokens * (2 if vocabulary_size <= 65535 else 4) + REPORT_BYTES


def tokens_in(num_bytes: int, vocabulary_size: int) -> int:
    """About how many tokens a text has: 3.5 bytes a token for 2048 entries, 0.3 more per doubling.

    Measured on the shipped books, which are English.
    """
    per_token = min(5.0, max(1.5, 3.5 + 0.29 * (math.log2(max(vocabulary_size, 2)) - 11)))
    return int(num_bytes / per_token)
