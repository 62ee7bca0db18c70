"""mixed_float16: an overflow skips a step, halves the loss scale and loses nothing."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_electra import loss_scale
from keras_electra.checkpoint import optimizer_arrays
from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.errors import DivergedError, InputError
from keras_electra.monitoring.guards import steps_left_out
from keras_electra.optimizers import ElectraAdamW
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.pretraining import pretrain
from keras_electra.runs import RunFolder

OPTIONS = {
    "learning_rate": 1e-2,
    "schedule": "constant",
    "warmup_steps": 0,
    "bias_correction": True,
    "clip_norm": 0.5,
    "ema_rate": 0.9,
}
HALF = {"dtype_policy": "mixed_float16"}
FIRST = loss_scale.INITIAL_SCALE


def made(hidden_optimizer="adamw", has_loss_scale=True, **options):
    """(optimizer, its two variables); one is a kernel, which Muon may move."""
    rng = np.random.default_rng(0)
    variables = [
        keras.Variable(rng.standard_normal((3, 2)).astype("float32"), name=name)
        for name in ("qkv_kernel", "bias")
    ]
    variables[0].hidden_blocks = 1
    config = OptimizerConfig(**{**OPTIONS, "hidden_optimizer": hidden_optimizer, **options})
    optimizer = ElectraAdamW(config, 100, has_loss_scale=has_loss_scale)
    optimizer.build(variables)
    return optimizer, variables


def step(optimizer, variables, number, spoilt=None):
    """One update by random gradients, scaled as those of a scaled loss are."""
    rng = np.random.default_rng([1, number])
    gradients = [rng.standard_normal((3, 2)).astype("float32") for _ in variables]
    if spoilt is not None:
        gradients[1][2, 0] = spoilt
    scaled = [optimizer.scale_loss(ops.convert_to_tensor(gradient)) for gradient in gradients]
    optimizer.apply(scaled, variables)


def state(optimizer, variables):
    """Weights, moments and averages by name."""
    slots = {variable.path: ops.convert_to_numpy(variable) for variable in variables}
    for name, value in optimizer_arrays(optimizer).items():
        if name.split("/")[0] in ("first_moment", "second_moment", "average"):
            slots[name] = value
    return slots


def assert_same(received, expected):
    assert received.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(received[name], value, err_msg=name)


def scale_of(optimizer):
    return float(ops.convert_to_numpy(optimizer.loss_scale.scale))


# The optimizer


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_without_an_overflow_it_changes_no_bit(kind):
    (scaled, ours), (plain, theirs) = made(kind), made(kind, has_loss_scale=False)
    for number in range(4):
        step(scaled, ours, number)
        step(plain, theirs, number)
        assert float(scaled.gradient_norm) == float(plain.gradient_norm)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))
    assert_same(
        {name.split("/")[0]: value for name, value in state(scaled, []).items()},
        {name.split("/")[0]: value for name, value in state(plain, []).items()},
    )


@pytest.mark.parametrize("kind", ["adamw", "muon"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("first", [0, 2])
def test_an_overflow_skips_the_step_and_halves_the_scale(kind, wrong, first):
    optimizer, variables = made(kind)
    untouched, others = made(kind)
    for number in range(first):
        step(optimizer, variables, number)
        step(untouched, others, number)
    before = state(optimizer, variables)
    step(optimizer, variables, 9, spoilt=wrong)
    after = state(optimizer, variables)
    if first == 0:
        # An average that holds nothing yet takes the first weights.
        before |= {f"average/{v.path}": ops.convert_to_numpy(v) for v in variables}
    assert_same(after, before)
    assert scale_of(optimizer) == FIRST / 2
    assert int(optimizer.loss_scale.finite_steps) == 0
    assert (int(optimizer.skipped_steps), int(optimizer.iterations)) == (1, first + 1)

    # The next step trains as if that one had not been, the bias correction included.
    step(optimizer, variables, first)
    step(untouched, others, first)
    for one, other in zip(variables, others, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(one), ops.convert_to_numpy(other), rtol=1e-6, atol=1e-7
        )
    assert scale_of(optimizer) == FIRST / 2


def test_a_row_of_finite_steps_doubles_the_scale(monkeypatch):
    monkeypatch.setattr(loss_scale, "GROWTH_STEPS", 3)
    optimizer, variables = made()
    found = []
    for number in range(8):
        step(optimizer, variables, number, spoilt=np.inf if number == 3 else None)
        found.append(scale_of(optimizer) / FIRST)
    assert found == [1, 1, 2, 1, 1, 1, 2, 2]


def test_the_scale_stays_between_its_ends(monkeypatch):
    optimizer, variables = made()
    for number in range(40):
        step(optimizer, variables, number, spoilt=np.nan)
    assert scale_of(optimizer) == loss_scale.SMALLEST_SCALE > 0
    monkeypatch.setattr(loss_scale, "GROWTH_STEPS", 1)
    optimizer.loss_scale.scale.assign(loss_scale.LARGEST_SCALE)
    step(optimizer, variables, 0)
    assert scale_of(optimizer) == loss_scale.LARGEST_SCALE < np.inf


def test_a_reset_sets_the_first_scale():
    optimizer, variables = made()
    fresh = optimizer_arrays(optimizer)
    step(optimizer, variables, 0)
    step(optimizer, variables, 1, spoilt=np.inf)
    optimizer.reset()
    assert_same(optimizer_arrays(optimizer), fresh)


def test_saved_options_tell_of_it():
    optimizer, _ = made()
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.has_loss_scale


def test_without_loss_scaling_a_checkpoint_is_what_it_was():
    arrays = optimizer_arrays(made(has_loss_scale=False)[0])
    assert not {"loss_scale", "finite_steps"} & arrays.keys()


# A model


@pytest.fixture(scope="module")
def make_model(tiny_encoder):
    def make(optimizer, accumulation_steps=1, **options):
        model = ElectraPretrainer(
            tiny_encoder(num_layers=1),
            {"generator_width_fraction": 0.5},
            {"mask_rate": 0.3},
            accumulation_steps=accumulation_steps,
            dtype="mixed_float16",
        )
        model.compile(optimizer=optimizer, **options)
        model.optimizer.build(model.trainable_variables)
        return model

    return make


@pytest.mark.parametrize(("kind", "parts"), [("adamw", 1), ("muon", 2)])
def test_a_training_step_that_overflows_leaves_the_model_as_it_was(
    make_model, make_batch, kind, parts
):
    config = OptimizerConfig(**{**OPTIONS, "hidden_optimizer": kind, "accumulation_steps": parts})
    optimizer = ElectraAdamW(config, 100, has_loss_scale=True)
    model = make_model(optimizer, parts, auto_scale_loss=False)
    optimizer.loss_scale.scale.assign(2.0**8)
    good = float(model.train_on_batch(make_batch(0))[0])
    before = state(optimizer, model.trainable_variables)
    optimizer.loss_scale.scale.assign(2.0**60)
    # The logged loss is that of the model, whatever the scale.
    for scale in (2.0**59, 2.0**58):
        assert float(model.train_on_batch(make_batch(1))[0]) == pytest.approx(good, rel=0.2)
        assert scale_of(optimizer) == scale
    assert int(optimizer.skipped_steps) == 2
    assert_same(state(optimizer, model.trainable_variables), before)
    optimizer.loss_scale.scale.assign(2.0**8)
    model.train_on_batch(make_batch(2))
    after = state(optimizer, model.trainable_variables)
    assert int(optimizer.skipped_steps) == 2
    assert any((after[name] != value).any() for name, value in before.items())


def test_a_second_loss_scale_by_keras_is_refused(make_model, make_batch):
    model = make_model(ElectraAdamW(OptimizerConfig(), 10, has_loss_scale=True))
    # Where nothing is traced, with the first step that does not overflow.
    model.optimizer.dynamic_scale.assign(2.0**8)
    with pytest.raises(InputError, match="auto_scale_loss=False"):
        model.train_on_batch(make_batch())


@pytest.mark.parametrize("optimizer", [ElectraAdamW(total_steps=9), "adam"], ids=["ours", "adam"])
def test_keras_own_loss_scale_works_too(make_model, make_batch, optimizer):
    model = make_model(optimizer)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    found = model.train_on_batch(make_batch())
    assert 5 < float(found[0]) < 60


# Runs


class Died(Exception):
    """Stands for a process that dies."""


class DieIn(keras.callbacks.Callback):
    def __init__(self, number):
        super().__init__()
        self.left = number

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise Died


def rows_of(outcome):
    path = outcome.run.path / "log.jsonl"
    names = ("step", "loss", "mlm_loss", "rtd_loss", "learning_rate", "loss_scale", "skipped_steps")
    return [[row[name] for name in names] for row in map(json.loads, path.read_text().splitlines())]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="plain"),
        pytest.param(
            {"steps_per_execution": 2, "hidden_optimizer": "muon", "accumulation_steps": 2},
            id="together",
            marks=pytest.mark.full,
        ),
    ],
)
def test_a_run_through_overflows_resumes_exactly(
    tiny_config, store, tmp_path, monkeypatch, options
):
    """Six overflows come first, the death after four: the scale goes on where it was."""
    monkeypatch.setattr(loss_scale, "INITIAL_SCALE", 2.0**17)
    config = tiny_config(
        **HALF, ema_rate=0.9, log_every_steps=2, checkpoint_every_steps=4, steps=14, **options
    )
    whole = pretrain(config, store, tmp_path / "whole")
    death = DieIn(6 // config.steps_per_execution)
    with pytest.raises(Died):
        pretrain(config, store, tmp_path / "run", callbacks=[death])
    assert [number for number, _ in RunFolder(tmp_path / "run").checkpoints()] == [4]
    again = pretrain(config, store, tmp_path / "run")
    rows = rows_of(whole)
    skipped = rows[-1][-1]
    assert 4 <= skipped < 12
    assert rows[-1][-2] == 2.0 ** (17 - skipped)
    assert rows[1][-1] == 4
    assert rows_of(again) == rows
    mine, theirs = (
        state(one.model.optimizer, one.model.trainable_variables) for one in (whole, again)
    )
    assert_same(theirs, mine)
    # It has trained, and is counted: an overflow is told, and no error.
    assert rows[-1][1] < rows[0][1]
    told = [e for e in RunFolder(tmp_path / "run").events() if e["kind"] == "warning"]
    assert sum(event["skipped_steps"] for event in told) == skipped
    assert all("loss_scale" in event for event in told)


def test_losses_are_near_those_of_float32(tiny_config, store, tmp_path, monkeypatch):
    """And in no row is one multiplied by the scale; each starts at the same weights."""
    monkeypatch.setattr(loss_scale, "INITIAL_SCALE", 2.0**8)
    quiet = {"dropout_rate": 0.0, "attention_dropout_rate": 0.0, "log_every_steps": 1, "steps": 6}
    found = {}
    for policy in ("float32", "mixed_float16"):
        outcome = pretrain(tiny_config(**quiet, dtype_policy=policy), store, tmp_path / policy)
        lines = (outcome.run.path / "log.jsonl").read_text().splitlines()
        found[policy] = [json.loads(line) for line in lines]
    assert all("loss_scale" not in row for row in found["float32"])
    assert all(row["skipped_steps"] == 0 for row in found["mixed_float16"])
    for name in ("loss", "mlm_loss", "rtd_loss", "gradient_norm"):
        exact, half = ([row[name] for row in rows] for rows in found.values())
        np.testing.assert_allclose(half, exact, rtol=0.03, err_msg=name)


def test_a_scale_that_falls_below_one_ends_the_run(tiny_config, store, tmp_path):
    class Spoil(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch >= 1:
                table = self.model.backbone.embeddings.token_embeddings
                table.assign(ops.convert_to_tensor(table) * float("nan"))

    config = tiny_config(**HALF, steps=100, log_every_steps=10, checkpoint_every_steps=10)
    with pytest.raises(DivergedError, match=r"loss scale: .* at step 30; train in float32 or"):
        pretrain(config, store, tmp_path / "run", callbacks=[Spoil()])
    assert RunFolder(tmp_path / "run").state() == "failed"


def test_a_run_that_never_trained_has_not_finished(tiny_config, store, tmp_path, monkeypatch):
    monkeypatch.setattr(loss_scale, "INITIAL_SCALE", 2.0**80)
    with pytest.raises(DivergedError, match="loss scale: .* at 12 of 12 steps"):
        pretrain(tiny_config(**HALF), store, tmp_path / "run")


def test_a_panel_warns_of_it_below_one_only():
    columns = {"skipped_steps": [0, 4], "loss_scale": [2.0**15, 2.0**11]}
    assert steps_left_out(columns) == []
    assert "4 of the steps" in steps_left_out({**columns, "loss_scale": [2.0, 0.5]})[0]
    assert "4 of the steps" in steps_left_out({"skipped_steps": [0, 4]})[0]


@pytest.mark.parametrize("policy", ["float16", "bfloat16", "float64"])
def test_weights_in_half_precision_are_refused(tiny_config, tiny_encoder, policy):
    with pytest.raises(InputError, match="dtype_policy: expected one of 'float32', 'mixed_bf"):
        tiny_config(dtype_policy=policy)
    with pytest.raises(InputError, match=f"dtype: expected float32, mixed_.*received '{policy}'"):
        ElectraPretrainer(tiny_encoder(), dtype=policy)
