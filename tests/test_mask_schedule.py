"""A mask rate that changes over a run: shapes stay, counts follow, runs go on exactly."""

import numpy as np
import pytest
from keras import ops

from keras_electra.batches import PretrainBatches, training_batches
from keras_electra.config.masking import MaskingConfig
from keras_electra.errors import InputError
from keras_electra.evaluation import evaluate
from keras_electra.pretraining import pretrain

FALLING = {"mask_rate": 0.5, "final_mask_rate": 0.1}


def test_rates_go_in_equal_steps():
    config = MaskingConfig(mask_rate=0.3, final_mask_rate=0.1)
    np.testing.assert_allclose([config.rate_at(step, 3) for step in range(4)], [0.3, 0.2, 0.1, 0.1])
    assert config.rate_at(0, 1) == 0.3
    assert MaskingConfig(mask_rate=0.3).rate_at(7, 10) == 0.3
    assert config.at_the_end() == MaskingConfig(mask_rate=0.1)
    assert MaskingConfig().at_the_end() == MaskingConfig()


@pytest.mark.parametrize("rates", [(0.3, 0.1), (0.1, 0.3)])
def test_the_larger_rate_decides_how_many_slots_there_are(rates):
    config = MaskingConfig(mask_rate=rates[0], final_mask_rate=rates[1])
    assert config.max_masked(128) == MaskingConfig(mask_rate=0.3).max_masked(128) == 39


@pytest.mark.parametrize("selection", ["unique", "original"])
def test_batches_follow_the_rates_in_one_shape(tiny_config, store, selection):
    config = tiny_config(steps=9, selection=selection, **FALLING)
    batches = training_batches(store, config)
    for step in range(9):
        batch = batches.batch(step)
        assert batch["mask_positions"].shape == batch["uniform_draws"].shape == (4, 6)
        expected = round(12 * (0.5 - 0.05 * step))
        assert (batch["mask_weights"].sum(1) == expected).all(), step
        assert (batch["mask_positions"][:, expected:] == 0).all()
        masked = batch["masked_ids"] != batch["token_ids"]
        assert (masked.sum(1) <= expected).all()
    # A pure function of the step: another object, asked for this batch alone, and for its second half.
    again = training_batches(store, config).batch(5)
    half = PretrainBatches.from_recipe(
        store, config, is_endless=True, process_index=1, num_processes=2
    ).batch(5)
    for name, value in batches.batch(5).items():
        np.testing.assert_array_equal(value, again[name])
        np.testing.assert_array_equal(value[2:], half[name])


def test_a_constant_rate_draws_what_it_always_drew(tiny_config, store):
    config = tiny_config(steps=9, mask_rate=0.3)
    plain = training_batches(store, config).batch(4)
    equal = training_batches(store, config.changed(final_mask_rate=0.3)).batch(4)
    for name, value in plain.items():
        np.testing.assert_array_equal(value, equal[name])


def test_a_stage_goes_on_where_the_rate_is(tiny_config, store):
    batches = training_batches(store, tiny_config(steps=9, stages="4:16x2", **FALLING))
    for step, tokens in ((0, 12), (3, 12), (4, 16), (8, 16)):
        (batch,) = batches[step]
        assert (batch["mask_weights"].sum(1) == round(tokens * (0.5 - 0.05 * step))).all(), step


def test_a_run_resumes_exactly_and_is_measured_with_the_last_rate(tiny_config, store, tmp_path):
    """Stopped by another number of steps it would have other rates: the run is cut instead."""
    config = tiny_config(steps=6, checkpoint_every_steps=3, milestone_every_steps=3, **FALLING)
    whole = pretrain(config, store, tmp_path / "run").model
    expected = [ops.convert_to_numpy(variable) for variable in whole.variables]
    (last,) = tmp_path.glob("run/checkpoints/step_*6")
    last.rename(tmp_path / "gone")
    again = pretrain(config, store, tmp_path / "run").model
    for value, variable in zip(expected, again.variables, strict=True):
        np.testing.assert_array_equal(value, ops.convert_to_numpy(variable))
    figures = evaluate(again, store, max_examples=8)
    again.masking = MaskingConfig(mask_rate=0.1)
    assert evaluate(again, store, max_examples=8) == figures


def test_what_does_not_go_with_it_is_refused(tiny_config, store):
    with pytest.raises(InputError, match="time_budget_minutes: expected none"):
        tiny_config(time_budget_minutes=5.0, **FALLING)
    electric = {"objective": "electric", "generator": "two_tower"}
    with pytest.raises(InputError, match="final_mask_rate: expected none"):
        tiny_config(**electric, **FALLING)
    with pytest.raises(InputError, match="final_mask_rate: expected a fraction"):
        MaskingConfig(final_mask_rate=1.0)
    with pytest.raises(InputError, match="total_steps"):
        PretrainBatches(store, sequence_length=12, masking=MaskingConfig(**FALLING))
