"""Numbers of parameters: the original's for the published sizes, the promised ones for ours.

Counted without a value being drawn or kept: in Keras' stateless scope a variable is its shape.
"""

import math

import pytest

from keras_electra.config.pretrain import PretrainConfig
from keras_electra.config.sizes import SIZES
from keras_electra.launching.parameters import count_parameters
from keras_electra.pretrainer import ElectraPretrainer

V = 30_522


def count(part, but=()):
    left_out = {id(variable) for other in but for variable in other.trainable_variables}
    return sum(
        math.prod(variable.shape)
        for variable in part.trainable_variables
        if id(variable) not in left_out
    )


def variables_of_the_original(model):
    """How many variables the original has for ours: query, key and value are three there."""
    return sum(3 if "/qkv_" in v.path else 1 for v in model.trainable_variables)


@pytest.mark.parametrize(
    ("size", "changes", "num_variables", "num_parameters"),
    [
        ("small", {}, 402, 14_196_219),
        ("small", {"objective": "mlm"}, 204, 13_546_682),
        ("small", {"generator": "tied"}, 208, 13_612_731),
        ("small", {"embedding_sharing": "none"}, 405, 16_170_107),
        ("small", {"generator": "uniform"}, 203, 13_549_057),
        ("small", {"generator": "two_tower"}, 596, 14_812_475),
        ("small", {"objective": "electric", "generator": "two_tower"}, 596, 14_812_475),
        (
            "small",
            {"objective": "electric", "generator": "two_tower", "embedding_sharing": "none"},
            602,
            18_760_443,
        ),
        ("small", {"generator_width_fraction": 1.0}, 402, 23_122_875),
        ("base", {}, 400, 119_386_427),
        ("large", {}, 784, 354_655_291),
    ],
    ids=lambda value: str(value) if isinstance(value, str | dict) else "",
)
def test_the_originals_counts(shapes_only, size, changes, num_variables, num_parameters):
    model = ElectraPretrainer.from_size(size, V, **changes)
    assert count(model) == num_parameters
    assert variables_of_the_original(model) == num_variables


@pytest.mark.parametrize(
    ("size", "changes", "encoder", "generator_encoder", "detector_head", "generator_head"),
    [
        ("small", {}, 13_483_008, 4_580_928, 66_049, 39_098),
        (
            *("small", {"generator_width_fraction": 1.0}),
            *(13_483_008, 13_483_008, 66_049, 63_674),
        ),
        ("base", {}, 108_891_648, 33_511_168, 591_361, 229_434),
        ("large", {}, 334_092_288, 50_999_552, 1_050_625, 295_738),
    ],
    ids=["small", "small, full generator", "base", "large"],
)
def test_the_originals_parts(
    shapes_only, size, changes, encoder, generator_encoder, detector_head, generator_head
):
    model = ElectraPretrainer.from_size(size, V, **changes)
    assert count(model.backbone) == encoder
    assert count(model.generator.backbone) == generator_encoder
    assert count(model.discriminator.head) == detector_head
    assert count(model.generator.head) == generator_head


@pytest.mark.parametrize("vocabulary_size", [2048, 4096, 8192])
@pytest.mark.parametrize(("size", "most"), [("tiny", 2_000_000), ("mini", 5_000_000)])
def test_our_own_sizes_keep_their_promise(shapes_only, size, most, vocabulary_size):
    model = ElectraPretrainer.from_size(size, vocabulary_size)
    assert count(model) <= most


def test_a_size_is_the_papers_recipe():
    base, large = (PretrainConfig.from_size(size, V) for size in ("base", "large"))
    assert (base.sequence_length, base.batch_size, base.steps) == (512, 256, 766_000)
    assert base.objective.generator_width_fraction == pytest.approx(1 / 3)
    assert (base.optimizer.learning_rate, base.masking.mask_rate) == (2e-4, 0.15)
    assert (large.masking.mask_rate, large.batch_size, large.steps) == (0.25, 2048, 400_000)
    assert large.objective.generator_width_fraction == 0.25


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("vocabulary_size", [2048, V])
def test_counts_from_the_options_alone(shapes_only, size, vocabulary_size):
    config = PretrainConfig.from_size(size, vocabulary_size)
    model = ElectraPretrainer.from_recipe(config)
    counted = count_parameters(config.encoder, config.objective)
    assert counted.total == count(model)
    assert counted.encoder == count(model.backbone)


@pytest.mark.parametrize(
    "changes",
    [
        {"objective": "mlm"},
        {"objective": "replace_mlm"},
        {"objective": "all_tokens_mlm"},
        {"objective": "rtd_masked_only", "generator": "uniform"},
        {"generator": "tied"},
        {"embedding_sharing": "none", "hidden_dim": 64},
        {"embedding_sharing": "none", "generator_embedding_dim": 48},
        {"embedding_sharing": "token"},
        {"embedding_sharing": "disentangled"},
        {"objective": "electric", "generator": "two_tower", "embedding_sharing": "disentangled"},
        {"objective": "electric", "generator": "two_tower", "embedding_sharing": "none"},
        {"objective": "electric", "generator": "two_tower", "embedding_sharing": "token"},
        {"generator_width_fraction": 0.5, "generator_depth_fraction": 0.5, "num_layers": 3},
        {"position_encoding": "rotary", "feed_forward": "geglu", "norm_position": "pre"},
        {"local_mixing_width": 5, "generator": "two_tower"},
    ],
    ids=str,
)
@pytest.mark.parametrize("architecture", ["electra", "modern", "modern_rotary"])
def test_counts_of_any_objective(shapes_only, changes, architecture):
    if "norm_position" in changes or "local_mixing_width" in changes:
        architecture = None
    config = PretrainConfig.from_size("tiny", 300, architecture=architecture, **changes)
    model = ElectraPretrainer.from_recipe(config)
    counted = count_parameters(config.encoder, config.objective)
    # Disentangled, the encoder looks up the generator's table, which it is kept without.
    is_disentangled = config.objective.embedding_sharing == "disentangled"
    others = [model.generator] if is_disentangled else []
    assert (counted.total, counted.encoder) == (count(model), count(model.backbone, but=others))
    moved = [v for v in model.trainable_variables if getattr(v, "hidden_blocks", 0)]
    assert counted.hidden == sum(math.prod(variable.shape) for variable in moved)
