"""Memory: layers computed twice, and micro-batches found by trial."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_electra import micro_batches, pretraining
from keras_electra.backends import devices
from keras_electra.errors import InputError, OutOfMemoryError
from keras_electra.optimizers import ElectraAdamW
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.runs import RunFolder

BACKEND = keras.config.backend()


def trained(tiny_encoder, make_batch, rematerialize, generator="small"):
    """Weights and figures after three steps with dropout."""
    keras.utils.clear_session()
    objective = {"generator_width_fraction": 0.5, "generator": generator}
    model = ElectraPretrainer(
        tiny_encoder(dropout_rate=0.3), objective, seed=5, rematerialize=rematerialize
    )
    model.compile(optimizer=ElectraAdamW({"learning_rate": 1e-2, "warmup_steps": 1}, 10))
    model.optimizer.build(model.trainable_variables)
    for step in range(3):
        logs = model.train_on_batch(make_batch(step), return_dict=True)
    return logs, {v.path: ops.convert_to_numpy(v) for v in model.trainable_variables}


@pytest.mark.parametrize("generator", ["small", pytest.param("two_tower", marks=pytest.mark.full)])
def test_computing_twice_changes_no_number(tiny_encoder, make_batch, generator):
    """Dropout noise included: the second time must draw what the first drew."""
    plain_logs, plain = trained(tiny_encoder, make_batch, False, generator)
    logs, weights = trained(tiny_encoder, make_batch, True, generator)
    assert logs["loss"] == pytest.approx(plain_logs["loss"], rel=1e-5)
    for path, weight in plain.items():
        np.testing.assert_allclose(weights[path], weight, atol=2e-5, err_msg=path)


def test_layers_are_computed_twice(tiny_encoder, make_batch, monkeypatch):
    from keras_electra import backends

    wrapped = []
    monkeypatch.setattr(backends, "rematerialized", lambda function: wrapped.append(1) or function)
    model = ElectraPretrainer(tiny_encoder(), {"generator_width_fraction": 0.5}, rematerialize=True)
    model(make_batch(), training=True)
    assert len(wrapped) == 4
    model(make_batch(), training=False)
    assert len(wrapped) == 4
    assert ElectraPretrainer.from_config(model.get_config()).backbone.rematerialize


def out_of_memory():
    """The error of this backend when something far too large is asked for."""
    try:
        ops.convert_to_numpy(ops.ones((2**24, 2**24)))
    except Exception as error:
        return error
    raise AssertionError("a petabyte was had")


def test_full_memory_is_known_for_what_it_is():
    assert devices.is_out_of_memory(out_of_memory())
    assert not devices.is_out_of_memory(RuntimeError("the shapes do not match"))


@pytest.fixture
def small_device(monkeypatch):
    """A device that holds three examples; the counts of micro-batches that were tried."""
    error, counts = out_of_memory(), []
    fit = ElectraPretrainer.fit

    def fit_three(self, batches, **options):
        # On PyTorch `fit` gets them in a loader.
        given = batches.dataset.batches if BACKEND == "torch" else batches
        if given.batch_size // self.accumulation_steps > 3:
            counts.append(self.accumulation_steps)
            for variable in self.trainable_variables:
                variable.assign(np.full(variable.shape, np.nan))
            raise error
        counts.append(self.accumulation_steps)
        return fit(self, batches, **options)

    monkeypatch.setattr(ElectraPretrainer, "fit", fit_three)
    return counts


def test_the_fewest_micro_batches_that_fit_are_found_and_remembered(
    tiny_config, store, tmp_path, small_device
):
    config = tiny_config(batch_size=12, steps=2, log_every_steps=1, fit_memory=True)
    told = []
    pretraining.pretrain(config, store, tmp_path / "run", on_message=told.append)
    assert small_device[:4] == [1, 2, 3, 4]
    assert told == [f"micro-batches: 4, the fewest that fit {devices.device_kind()}"]
    path = tmp_path / "run" / micro_batches.FILE
    assert json.loads(path.read_text())["micro_batches"] == 4
    # The trials left nothing behind, and a resumed run tries nothing.
    small_device.clear()
    pretraining.pretrain(config.changed(steps=4), store, tmp_path / "run")
    assert set(small_device) == {4}
    given = config.changed(accumulation_steps=4, fit_memory=False, steps=4)
    pretraining.pretrain(given, store, tmp_path / "given")
    losses = [
        [row["loss"] for row in RunFolder(tmp_path / name).log_rows()] for name in ("run", "given")
    ]
    assert losses[0] == losses[1]


def test_a_step_that_does_not_fit_is_a_sentence(tiny_config, store, tmp_path, small_device):
    with pytest.raises(OutOfMemoryError, match="12 examples of 12 tokens .* fit_memory"):
        pretraining.pretrain(tiny_config(batch_size=12), store, tmp_path / "run")
    assert RunFolder(tmp_path / "run").status()["state"] == "failed"


def test_another_device_is_tried_anew(tiny_config, tmp_path, monkeypatch):
    run, config = RunFolder(tmp_path), tiny_config(batch_size=12)
    conditions = micro_batches.conditions_of(config)
    micro_batches.write_json(tmp_path / micro_batches.FILE, {"micro_batches": 3, **conditions})
    assert micro_batches.remembered(run, conditions) == 3
    monkeypatch.setattr(devices, "device_kind", lambda: "a smaller one")
    assert micro_batches.remembered(run, micro_batches.conditions_of(config)) is None


def test_possible_counts_divide_every_batch(tiny_config, monkeypatch):
    config = tiny_config(batch_size=12)
    assert micro_batches.possible_counts(config) == [1, 2, 3, 4, 6, 12]
    assert micro_batches.possible_counts(config.changed(stages="5:12x8")) == [1, 2, 4]
    assert micro_batches.possible_counts(config.changed(accumulation_steps=3)) == [3, 4, 6, 12]
    monkeypatch.setattr(devices, "num_devices", lambda: 2)
    assert micro_batches.possible_counts(config) == [1, 2, 3, 6]


def test_several_processes_do_not_try(tiny_config, monkeypatch):
    monkeypatch.setattr(devices, "num_processes", lambda: 2)
    with pytest.raises(InputError, match="fit_memory: expected one process, received 2"):
        micro_batches.fit_memory(None, tiny_config(), None, None, None)
