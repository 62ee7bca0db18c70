"""Runs whose examples grow longer and whose batches change size on the way."""

import json

import keras
import numpy as np
import pytest

from keras_electra.batches import PretrainBatches, StagedBatches, training_batches
from keras_electra.config.pretrain import Stage
from keras_electra.errors import InputError
from keras_electra.opening import load
from keras_electra.optimizers import ElectraAdamW
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.pretraining import pretrain

CLOCK_KEYS = {
    "tokens_per_second",
    "data_wait_seconds",
    "seconds",
    "memory_bytes",
    "peak_memory_bytes",
}


class Died(Exception):
    """Stands for a process that dies."""


class DieAfter(keras.callbacks.Callback):
    """Raises when `num_steps` steps are done."""

    def __init__(self, num_steps):
        super().__init__()
        self.left = num_steps

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise Died


def rows_of(path):
    lines = (path / "log.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in CLOCK_KEYS} for line in lines]


def test_stages_are_read(tiny_config):
    config = tiny_config(stages="5:16x2, 9:12x8")
    assert config.all_stages == (Stage(0, 12, 4), Stage(5, 16, 2), Stage(9, 12, 8))
    assert config.longest_sequence == 16
    assert config.tokens_until(5) == 5 * 48
    assert config.tokens_until(11) == 5 * 48 + 4 * 32 + 2 * 96


def test_a_stage_that_was_not_reached_sets_no_length(tiny_config, store, tmp_path):
    config = tiny_config(stages="5:14x2,90:16x2", steps=12, checkpoint_every_steps=4)
    lengths = [config.longest_sequence_until(step) for step in (0, 5, 6, 12, 91)]
    assert lengths == [12, 12, 14, 14, 16]
    said = []
    outcome = pretrain(config, store, tmp_path, on_message=said.append)
    assert any("from step 90 lies beyond the 12 steps" in sentence for sentence in said)
    assert outcome.model.sequence_length == load(tmp_path).sequence_length == 14
    assert load(tmp_path / "checkpoints" / "step_00000004").sequence_length == 12


@pytest.mark.parametrize(
    "stages", ["5:16", "x", "5:16x2,5:12x4", "9:16x2,5:12x4", "5:17x2", "5:3x2"]
)
def test_wrong_stages_are_one_sentence(tiny_config, stages):
    with pytest.raises(InputError, match="stages: expected"):
        tiny_config(stages=stages)


def test_a_stage_goes_on_where_the_one_before_it_ended(tiny_config, store):
    """In larger batches of the same length come the examples that would have come without the stage."""
    config = tiny_config(stages="5:12x8")
    batches = training_batches(store, config)
    alone = training_batches(store, tiny_config())
    assert np.array_equal(batches[5][0]["token_ids"][:4], alone.batch(5)["token_ids"])
    assert np.array_equal(batches[5][0]["token_ids"][4:], alone.batch(6)["token_ids"])
    assert np.array_equal(batches[6][0]["token_ids"][:4], alone.batch(7)["token_ids"])
    # Masks and draws are of the run's step: no batch gets those of an earlier one.
    assert np.array_equal(batches[5][0]["uniform_draws"][:4], alone.batch(5)["uniform_draws"])


def test_stages_of_other_lengths(tiny_config, store):
    config = tiny_config(stages="5:16x2")
    batches = training_batches(store, config)
    assert isinstance(batches, StagedBatches)
    (first,) = batches[5]
    assert first["token_ids"].shape == (2, 16)
    # 240 tokens before are 15 examples of 16.
    recipe = tiny_config(sequence_length=16, batch_size=1)
    alone = PretrainBatches.from_recipe(store, recipe, is_endless=True)
    for row, number in zip(first["token_ids"], (15, 16), strict=True):
        assert np.array_equal(row, alone.batch(number)["token_ids"][0])
    batches.start_step = 4
    (again,) = batches[1]
    assert np.array_equal(first["masked_ids"], again["masked_ids"])
    assert [batches.tokens_until(step) for step in (5, 7)] == [240, 304]
    assert isinstance(training_batches(store, tiny_config()), PretrainBatches)


def test_a_staged_run_resumes_exactly(tiny_config, store, tmp_path):
    """The border lies within a logging interval; the second run dies on either side of it."""
    config = tiny_config(stages="5:16x2", steps=10, checkpoint_every_steps=3)
    whole = pretrain(config, store, tmp_path / "whole")
    assert whole.model.sequence_length == 16
    for num_steps in (4, 4):
        with pytest.raises(Died):
            pretrain(config, store, tmp_path / "parts", callbacks=[DieAfter(num_steps)])
    pretrain(config, store, tmp_path / "parts")
    rows = rows_of(tmp_path / "whole")
    assert [row["tokens"] for row in rows] == [4 * 48, 5 * 48 + 3 * 32, 5 * 48 + 5 * 32]
    assert rows == rows_of(tmp_path / "parts")


def test_fit_begins_with_the_first_pass(tiny_config, store):
    """Keras calls `on_epoch_end` before the first epoch too; no pass may be left out by that."""
    seen = []

    class Watched(PretrainBatches):
        def batch(self, step):
            seen.append(step)
            return super().batch(step)

    batches = Watched(store, batch_size=64, sequence_length=12)
    model = ElectraPretrainer.from_recipe(tiny_config())
    model.compile(optimizer=ElectraAdamW(tiny_config().optimizer, 10))
    model.fit(batches, epochs=2, verbose=0, shuffle=False)
    assert min(seen) == 0
    assert batches.start_step == 2 * batches.num_batches
