"""Operations per token, against counts by hand."""

import pytest

from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.flops import (
    encoder_flops,
    forward_flops,
    layer_flops,
    muon_flops,
    optimizer_flops,
    run_flops,
    step_flops,
    training_flops_per_token,
)

ENCODER = {
    "vocabulary_size": 100,
    "hidden_dim": 8,
    "num_layers": 3,
    "num_heads": 2,
    "intermediate_dim": 32,
    "embedding_dim": 4,
}


def test_a_layer_counted_by_hand():
    """Width 8, inner width 32, 10 tokens; every product as rows x columns x inner x 2."""
    qkv, output = 2 * 8 * 24, 2 * 8 * 8
    # Per query: 10 keys, each a product of 8 numbers over both heads; and 10 values of 8 numbers.
    attention = 2 * 10 * 8 + 2 * 10 * 8
    feed_forward = 2 * 8 * 32 + 2 * 32 * 8
    assert layer_flops(EncoderConfig(**ENCODER), 10) == qkv + output + attention + feed_forward
    gated = EncoderConfig(**ENCODER, feed_forward="geglu")
    assert layer_flops(gated, 10) == qkv + output + attention + feed_forward + 2 * 8 * 32


def test_an_encoder_counted_by_hand():
    encoder = EncoderConfig(**ENCODER)
    layers = 3 * layer_flops(encoder, 10)
    assert encoder_flops(encoder, 10) == layers + 2 * 4 * 8
    assert encoder_flops(encoder.replace(embedding_dim=8), 10) == layers
    mixing = 2 * 24 * 16 + 2 * 8 * 8
    mixed = encoder.replace(local_mixing_width=3)
    assert encoder_flops(mixed, 10) == layers + 64 + mixing
    one_sided = 2 * 16 * 16 + 2 * 8 * 8
    assert encoder_flops(mixed, 10, is_one_sided=True) == layers + 64 + one_sided


@pytest.mark.parametrize(
    ("size", "length", "changes", "millions"),
    [
        ("small", 128, {}, 70.2),
        ("small", 512, {}, 88.0),
        ("base", 128, {"generator_width_fraction": 1 / 3}, 610.9),
        ("base", 512, {}, 668.3),
        ("large", 512, {}, 2169.8),
        ("small", 512, {"generator_width_fraction": 1.0}, 155.4),
    ],
)
def test_the_papers_sizes(size, length, changes, millions):
    """Published counts, to their last digit."""
    config = PretrainConfig.from_size(size, 30522, sequence_length=length, **changes)
    assert training_flops_per_token(config) / 1e6 == pytest.approx(millions, abs=0.06)
    tokens = config.batch_size * length
    assert step_flops(config) == training_flops_per_token(config) * tokens


def test_a_frozen_generator_goes_forward_only():
    config = PretrainConfig.from_size("small", 30522)
    frozen = config.changed(has_frozen_generator=True, embedding_sharing="none")
    parts = forward_flops(frozen)
    expected = 3 * parts["discriminator"] + parts["generator"] + parts["vocabulary_head"]
    assert training_flops_per_token(frozen) == expected
    wider = frozen.changed(generator_embedding_dim=128)
    assert forward_flops(wider)["vocabulary_head"] > parts["vocabulary_head"]


def test_muon_counted_by_hand():
    """Width 8, inner width 32: per iteration x x', its square, and the product with x."""
    square = 5 * (2 * 8 * 8 * 8 + 2 * 8 * 8 * 8 + 2 * 8 * 8 * 8)
    wide = 5 * (2 * 8 * 32 * 8 + 2 * 8 * 8 * 8 + 2 * 8 * 8 * 32)
    encoder = EncoderConfig(**ENCODER)
    assert muon_flops(encoder) == 3 * (4 * square + 2 * wide)
    assert muon_flops(encoder.replace(feed_forward="geglu")) == 3 * (4 * square + 3 * wide)
    window = 5 * (2 * 8 * 24 * 8 + 2 * 8 * 8 * 8 + 2 * 8 * 8 * 24)
    mixing = 2 * window + square
    mixed = encoder.replace(local_mixing_width=3)
    assert muon_flops(mixed) == muon_flops(encoder) + mixing
    narrower = 5 * (2 * 8 * 16 * 8 + 2 * 8 * 8 * 8 + 2 * 8 * 8 * 16)
    one_sided = 2 * narrower + square
    assert muon_flops(mixed, is_one_sided=True) == muon_flops(encoder) + one_sided


def test_muon_is_counted_for_what_is_trained():
    def of(**changes):
        return PretrainConfig.from_size("small", 1000, hidden_optimizer="muon", **changes)

    own = muon_flops(of().encoder)
    assert optimizer_flops(PretrainConfig.from_size("small", 1000)) == 0
    assert optimizer_flops(of(objective="mlm")) == own
    assert optimizer_flops(of(generator_width_fraction=1.0)) == 2 * own
    assert optimizer_flops(of(has_frozen_generator=True, embedding_sharing="none")) == own
    assert step_flops(of()) - step_flops(PretrainConfig.from_size("small", 1000)) > own


def test_the_towers_of_a_generator_see_one_side():
    def of(**changes):
        return PretrainConfig.from_size(
            "tiny", 1000, generator="two_tower", generator_width_fraction=1.0, **changes
        )

    encoder = of().encoder
    length = of().sequence_length
    towers = 2 * encoder_flops(encoder, length, is_one_sided=True)
    assert forward_flops(of())["generator"] == towers
    muon = muon_flops(encoder) + 2 * muon_flops(encoder, is_one_sided=True)
    assert optimizer_flops(of(hidden_optimizer="muon")) == muon


def test_a_run_counts_each_stage_by_its_shape():
    config = PretrainConfig.from_size("small", 1000, steps=10, stages="4:512x8,8:512x16")
    short, long = config.changed(stages=None), config.changed(stages=None, sequence_length=512)
    expected = 4 * step_flops(short)
    expected += 4 * step_flops(long.changed(batch_size=8))
    expected += 2 * step_flops(long.changed(batch_size=16))
    assert run_flops(config) == pytest.approx(expected)
    assert run_flops(short) == pytest.approx(10 * step_flops(short))


def test_objectives_have_the_parts_they_train():
    def parts(**changes):
        return forward_flops(PretrainConfig.from_size("small", 1000, **changes))

    rtd = parts()
    assert parts(objective="mlm")["discriminator"] == 0
    assert parts(objective="mlm")["generator"] > rtd["generator"]
    assert parts(generator="uniform")["generator"] == 0
    assert parts(generator="tied")["generator"] > rtd["generator"]
    two = parts(objective="electric", generator="two_tower")
    assert two["generator"] == 2 * rtd["generator"]
    assert two["vocabulary_head"] > 6 * rtd["vocabulary_head"]
    replace, every = parts(objective="replace_mlm"), parts(objective="all_tokens_mlm")
    assert every["discriminator"] > replace["discriminator"] > rtd["discriminator"] - 2 * 256 * 257
