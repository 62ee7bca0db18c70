"""An objective is one file and one line of a tuple: it trains, evaluates, resumes and is profiled."""

import keras
import numpy as np
import pytest
from keras import ops
from span_rtd import SpanDetection
from test_pretraining import DieAfter, Interrupted, rows_of, weights_of

from keras_electra import objectives
from keras_electra.config.objective import ObjectiveConfig
from keras_electra.convert import to_google
from keras_electra.errors import InputError
from keras_electra.evaluation import FIGURES, evaluate
from keras_electra.flops import step_flops
from keras_electra.launching.fields import fields_of
from keras_electra.launching.parameters import count_parameters
from keras_electra.opening import load
from keras_electra.predict import detect
from keras_electra.presets import save_preset
from keras_electra.pretraining import pretrain
from keras_electra.profiling import profile

NAME = SpanDetection.name


@pytest.fixture(scope="module", autouse=True)
def added():
    """The line of the tuple."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objectives, "OBJECTIVES", (*objectives.OBJECTIVES, SpanDetection()))
        yield


@pytest.fixture(scope="module")
def config(tiny_config):
    return tiny_config(objective=NAME, log_every_steps=2, accumulation_steps=2)


@pytest.fixture(scope="module")
def whole_run(config, store, tmp_path_factory):
    return pretrain(config, store, tmp_path_factory.mktemp("span") / "run")


def test_it_is_one_of_the_choices():
    (field,) = [one for one in fields_of(ObjectiveConfig, "objective") if one.name == "objective"]
    assert field.choices[-1] == NAME
    with pytest.raises(InputError, match=f"objective: expected one of .*, '{NAME}', received 'x'"):
        ObjectiveConfig(objective="x")


def test_it_trains(whole_run):
    assert (whole_run.state, whole_run.step) == ("finished", 12)
    rows = rows_of(whole_run.run.path)
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["before_loss"] < rows[0]["before_loss"]
    factors = {"mlm_loss": 1.0, "rtd_loss": 50.0, "before_loss": 10.0}
    for row in rows:
        total = sum(factor * row[name] for name, factor in factors.items())
        assert row["loss"] == pytest.approx(total, rel=0.05)


def test_its_weights_count(whole_run, make_batch):
    """The whole loss, put together by hand from the outputs."""
    model, batch = whole_run.model, make_batch()
    outputs = {name: np.asarray(ops.convert_to_numpy(x)) for name, x in model(batch).items()}
    masked = batch["slot_of_token"] < batch["mask_positions"].shape[1]
    near = np.roll(masked, 1, axis=1) | np.roll(masked, -1, axis=1)
    np.testing.assert_array_equal(outputs["rtd_weights"], batch["padding_mask"] * (1.0 + near))
    expected = 0.0
    for name, factor in {"generator": 1.0, "rtd": 50.0, "before": 10.0}.items():
        losses, weights = outputs[f"{name}_losses"], outputs[f"{name}_weights"]
        expected += factor * np.average(losses, weights=weights)
    batch = {name: ops.convert_to_tensor(value) for name, value in batch.items()}
    loss = model.compute_loss(x=batch, y_pred=model(batch))
    np.testing.assert_allclose(float(ops.convert_to_numpy(loss)), expected, rtol=1e-5)


def test_it_samples_as_it_says(whole_run, make_batch, monkeypatch):
    def originals(self, model, batch, proposal):
        return batch["original_ids"]

    monkeypatch.setattr(SpanDetection, "sampled", originals)
    batch = make_batch()
    corrupted = ops.convert_to_numpy(whole_run.model(batch)["corrupted_ids"])
    np.testing.assert_array_equal(corrupted, batch["token_ids"])


def test_it_resumes_bit_for_bit(whole_run, config, store, tmp_path):
    """After the last checkpoint, amid an interval of the log."""
    with pytest.raises(Interrupted):
        pretrain(config, store, tmp_path, callbacks=[DieAfter(7)])
    again = pretrain(config, store, tmp_path)
    assert rows_of(tmp_path) == rows_of(whole_run.run.path)
    weights = weights_of(again.model)
    assert any("before_head" in path for path in weights)
    for name, value in weights_of(whole_run.model).items():
        np.testing.assert_array_equal(value, weights[name], err_msg=name)


def test_it_is_evaluated(whole_run, store):
    figures = evaluate(whole_run.run.path, batch_size=8, max_examples=32)
    assert set(figures) == {*FIGURES, "before_loss"}
    assert 0 < figures["before_loss"] < 1
    assert 0 <= figures["rtd_auc"] <= 1


def test_it_is_profiled(config, store):
    found = profile(config, store, steps=2)
    assert found.flops == step_flops(config)
    tokens, width = config.batch_size * config.sequence_length, config.encoder.hidden_dim
    plain = step_flops(config.changed(objective="rtd"))
    assert found.flops == plain + 3 * 2 * width * tokens


def test_its_parameters_are_counted(whole_run, config):
    counted = count_parameters(config.encoder, config.objective).total
    own = whole_run.model.trainable_variables
    assert counted == sum(int(np.prod(variable.shape)) for variable in own)


def test_it_is_kept_and_detects(whole_run, tmp_path):
    model = load(whole_run.run.path)
    expected = detect(model, ["the old cat sees a dog ."])[0].probabilities
    model.save(tmp_path / "model.keras")
    save_preset(tmp_path / "preset", model)
    for again in (keras.saving.load_model(tmp_path / "model.keras"), load(tmp_path / "preset")):
        head = ops.convert_to_numpy(again.before_head.kernel)
        np.testing.assert_array_equal(head, ops.convert_to_numpy(model.before_head.kernel))
        found = detect(again, ["the old cat sees a dog ."])[0].probabilities
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(InputError, match=f"received objective='{NAME}'"):
        to_google(model, tmp_path / "google")
