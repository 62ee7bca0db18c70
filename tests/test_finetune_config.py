"""The recipe of fine-tuning: sizes, tasks, single options, and the sentences about wrong ones."""

import pytest

from keras_electra.config.finetune import RECIPES_OF_SIZES, FinetuneConfig
from keras_electra.errors import InputError


def test_sizes_have_the_rates_of_the_paper():
    """Clark et al. (2020), appendix B: rate and layer-wise decay; warm-up 10 %, no weight decay."""
    expected = {"small": (3e-4, 0.8), "base": (1e-4, 0.8), "large": (5e-5, 0.9)}
    for size, (rate, decay) in expected.items():
        config = FinetuneConfig.for_task({}, size)
        assert (config.optimizer.learning_rate, config.optimizer.layer_decay) == (rate, decay)
        assert (config.batch_size, config.warmup_fraction) == (32, 0.1)
        assert config.optimizer.weight_decay_rate == 0.0
        assert config.epochs == 3.0


def test_the_task_sets_what_the_user_does_not():
    config = FinetuneConfig.for_task({"epochs": 10.0, "sequence_length": 256}, "base", epochs=2)
    assert (config.epochs, config.sequence_length) == (2.0, 256)
    assert config.optimizer.learning_rate == 1e-4


def test_an_unknown_size_takes_the_recipe_of_small():
    assert FinetuneConfig.for_task({}, None) == FinetuneConfig.for_task({}, "small")
    assert {"tiny", "mini"} < set(RECIPES_OF_SIZES)


def test_warmup_steps_stand_in_for_the_fraction():
    assert FinetuneConfig.for_task({}, warmup_steps=7).warmup_fraction is None
    assert FinetuneConfig.for_task({}).warmup_fraction == 0.1


def test_dict_and_back():
    config = FinetuneConfig.for_task({}, "mini", lora_rank=4, lora_targets="query, feed_forward")
    assert FinetuneConfig.from_dict(config.to_dict()) == config
    assert config.lora_target_names == ("query", "feed_forward")
    assert config.changed(beam_size=3).answers.beam_size == 3
    assert FinetuneConfig.option_groups()["beam_size"] == "answers"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epoch": 3}, "did you mean 'epochs'"),
        ({"epochs": 0}, "epochs: expected more than 0"),
        ({"lora_targets": "queries"}, "lora_targets: expected names of query, key"),
        ({"batch_size": 10, "accumulation_steps": 3}, "batch_size: expected a multiple of"),
        ({"warmup_fraction": 1.0}, "warmup_fraction: expected a fraction"),
        ({"head": "other"}, "head: expected one of 'original', 'huggingface'"),
        ({"beam_size": 0}, "beam_size: expected at least 1"),
        ({"selection": "first"}, "selection: expected one of"),
        ({"ema_rate": 0.9}, "ema_rate: expected none in fine-tuning"),
    ],
)
def test_wrong_options_are_one_sentence(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        FinetuneConfig.for_task({}, "small", **changes)
