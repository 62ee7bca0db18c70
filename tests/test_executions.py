"""Several steps handed over together, and steps compiled: the same run, sooner."""

import collections
import json
import shutil

import keras
import numpy as np
import pytest

from keras_electra import backends
from keras_electra.batches import training_batches
from keras_electra.cli import parse
from keras_electra.errors import InputError
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.pretraining import executions, pretrain
from keras_electra.runs import RunFolder, send_command
from keras_electra.step_batches import AHEAD

BACKEND = keras.config.backend()
FIGURES = ("loss", "mlm_loss", "rtd_loss", "rtd_auc", "gradient_norm", "learning_rate", "tokens")
QUIET = {"dropout_rate": 0.0, "attention_dropout_rate": 0.0}
EVERY_FOURTH = {"log_every_steps": 4, "checkpoint_every_steps": 4, "steps": 10}
only_torch = pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's own way")


class Died(Exception):
    """Stands for a process that dies."""


class DieIn(keras.callbacks.Callback):
    """Raises in an execution, whose steps are lost."""

    def __init__(self, number):
        super().__init__()
        self.left = number

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise Died


def figures_of(run_dir):
    lines = (run_dir / "log.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return {row["step"]: [row[name] for name in FIGURES] for row in rows}


def values_of(model):
    """Weights and slots."""
    variables = [*model.trainable_variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def assert_equal_runs(first, second, **tolerance):
    """Logs and weights of two outcomes, equal within a tolerance."""
    expected, received = (figures_of(outcome.run.path) for outcome in (first, second))
    assert expected.keys() == received.keys()
    for step, figures in expected.items():
        np.testing.assert_allclose(received[step], figures, err_msg=str(step), **tolerance)
    for one, other in zip(values_of(first.model), values_of(second.model), strict=True):
        np.testing.assert_allclose(other, one, **tolerance)


@pytest.fixture(scope="module")
def one_by_one(tiny_config, store, tmp_path_factory):
    """Ten steps, dropout on."""
    return pretrain(tiny_config(**EVERY_FOURTH), store, tmp_path_factory.mktemp("one") / "run")


STEP = {"jax": ("train_step", "train_steps"), "tensorflow": ("train_step",), "torch": ("_update",)}


@pytest.fixture(scope="module")
def together(tiny_config, store, tmp_path_factory):
    """The same, four steps per execution; what `on_step` was told; the calls of `STEP`, by name."""
    told, calls = [], collections.Counter()

    def counted(name, function):
        def call(*arguments):
            calls[name] += 1
            return function(*arguments)

        return call

    config = tiny_config(**EVERY_FOURTH, steps_per_execution=4)
    path = tmp_path_factory.mktemp("together") / "run"
    with pytest.MonkeyPatch.context() as patch:
        for name in STEP[BACKEND]:
            patch.setattr(ElectraPretrainer, name, counted(name, getattr(ElectraPretrainer, name)))
        outcome = pretrain(config, store, path, on_step=told.append)
    return outcome, told, calls


# Several steps per execution


def test_the_run_is_the_same(one_by_one, together):
    """With rows and checkpoints where they were; the last two steps make no whole execution."""
    outcome, told, _ = together
    assert told == [4, 8, 9, 10]
    assert [step for step, _ in outcome.run.checkpoints()] == [4, 8, 10]
    assert_equal_runs(one_by_one, outcome, rtol=1e-6, atol=1e-7)


def test_a_death_in_an_execution_is_made_good_bit_for_bit(together, tiny_config, store, tmp_path):
    whole, _, _ = together
    config = tiny_config(**EVERY_FOURTH, steps_per_execution=4)
    with pytest.raises(Died):
        pretrain(config, store, tmp_path, callbacks=[DieIn(2)])
    assert [step for step, _ in RunFolder(tmp_path).checkpoints()] == [4]
    assert_equal_runs(whole, pretrain(config, store, tmp_path), rtol=0, atol=0)


@only_torch
def test_the_number_may_change_within_a_run(tiny_config, store, tmp_path):
    """From step 6, single steps lead to the next multiple of four; where nothing has to be compiled."""
    config = tiny_config(**{**EVERY_FOURTH, "checkpoint_every_steps": 2, "log_every_steps": 2})
    with pytest.raises(Died):
        pretrain(config, store, tmp_path / "run", callbacks=[DieIn(7)])
    told = []
    config = tiny_config(**{**EVERY_FOURTH, "steps": 14}, steps_per_execution=4)
    pretrain(config, store, tmp_path / "run", on_step=told.append)
    assert told == [7, 8, 12, 13, 14]


def test_commands_are_obeyed_between_executions(tiny_config, store, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_electra.runs.steering.COMMAND_SECONDS", 0)
    config = tiny_config(**{**EVERY_FOURTH, "log_every_steps": 8}, steps_per_execution=4)

    def stop(step):
        if step == 4:
            send_command(tmp_path, "stop", save=False)

    outcome = pretrain(config, store, tmp_path, on_step=stop)
    assert (outcome.state, outcome.step) == ("stopped", 8)
    assert [step for step, _ in outcome.run.checkpoints()] == [4, 8]


def test_the_loop_is_on_the_device(together):
    """A compiled execution follows the step's Python once or twice, however many steps it has."""
    _, _, calls = together
    if BACKEND == "torch":
        assert calls == {"_update": 10}
        return
    assert 2 <= calls["train_step"] <= 4
    if BACKEND == "jax":
        # Keras' own way, a loop on the host around a compiled step, never comes here.
        assert calls["train_steps"] == 1


@pytest.mark.parametrize(
    ("step", "last", "every", "number", "expected"),
    [
        (0, 25, 10, 1, [(2, 10, 1), (1, 5, 1)]),
        (0, 20, 10, 10, [(2, 10, 10)]),
        (8, 27, 10, 5, [(1, 2, 1), (1, 10, 5), (1, 5, 5), (1, 2, 1)]),
        (1, 3, 10, 5, [(1, 2, 1)]),
        (5, 5, 10, 5, []),
    ],
)
def test_executions(step, last, every, number, expected):
    assert executions(step, last, every, number) == expected


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"log_every_steps": 6}, "log_every_steps: expected a multiple of steps_per_execution=4"),
        ({"checkpoint_every_steps": 5}, "checkpoint_every_steps: expected a multiple of"),
        ({"stages": "6:16x2"}, "stages: expected first steps that are multiples of"),
        ({"steps_per_execution": 0}, "steps_per_execution: expected at least 1, received 0"),
    ],
)
def test_what_would_fall_within_an_execution_is_refused(tiny_config, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        tiny_config(**{**EVERY_FOURTH, "steps_per_execution": 4, **changes})


def test_an_execution_finds_its_batches_made(tiny_config, store):
    for number in (1, 8):
        config = tiny_config(
            log_every_steps=8, checkpoint_every_steps=8, steps_per_execution=number
        )
        assert training_batches(store, config).ahead == max(AHEAD, number)


def test_batches_reach_the_step_as_they_are(tiny_config, store):
    """On PyTorch not moved by Keras, which would wait for the device each time."""
    batches = training_batches(store, tiny_config())
    moved = backends.moved_ahead(batches)
    if BACKEND != "torch":
        assert moved is batches
        return
    for step, (batch,) in zip(range(2), moved, strict=False):
        for name, expected in batches.batch(step).items():
            assert batch[name].device.type == "cpu"
            np.testing.assert_array_equal(batch[name].numpy(), expected)


def test_scores_are_counted_by_bin():
    rng = np.random.default_rng(0)
    bins = rng.integers(0, 7, 50).astype("int32")
    weights = rng.integers(0, 2, 50).astype("float32")
    convert = keras.ops.convert_to_tensor
    counts = backends.summed_by_bin(convert(weights), convert(bins), 9)
    expected = np.bincount(bins, weights, minlength=9)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(counts), expected)


@only_torch
def test_counting_asks_the_device_for_nothing():
    """Tensors without values: whatever needs one to know its own shape raises."""
    import torch
    from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode

    with FakeTensorMode():
        values, bins = torch.ones(6), torch.zeros(6, dtype=torch.int32)
        assert backends.summed_by_bin(values, bins, 3).shape == (3,)
        with pytest.raises(DynamicOutputShapeException):
            keras.ops.segment_sum(values, bins, num_segments=3)


# Compiled steps


def compiled(tiny_config, **changes):
    return tiny_config(**{**EVERY_FOURTH, **changes}, jit_compile=True)


@only_torch
@pytest.mark.parametrize("parts", [1, 2])
def test_what_is_compiled_is_the_step(parts, tiny_config, store, tmp_path, monkeypatch):
    """The recorded operations, run as they are, have the very numbers of the plain step."""
    programs = []
    monkeypatch.setattr("torch.compile", lambda program, **_: programs.append(program) or program)
    # With the noise that is compiled; on a processor the plain step draws it otherwise.
    monkeypatch.setattr("keras_electra.backends.torch_dropout._draws_itself", lambda x: False)
    # Another model's variable, which would get its first value where the next scope of Keras ends.
    with keras.StatelessScope(initialize_variables=False):
        keras.Variable(lambda shape, dtype: np.ones(shape), shape=(3,))
    options = {"accumulation_steps": parts, "steps": 5}
    plain = pretrain(tiny_config(**{**EVERY_FOURTH, **options}), store, tmp_path / "plain")
    recorded = pretrain(compiled(tiny_config, **options), store, tmp_path / "recorded")
    (program,) = programs
    assert not list(program.graph.find_nodes(op="get_attr")), "a constant on the host"
    assert_equal_runs(plain, recorded, rtol=1e-6, atol=1e-7)


@pytest.mark.full
def test_a_compiled_run_is_the_same_but_for_its_noise(tiny_config, store, tmp_path):
    plain = pretrain(tiny_config(**EVERY_FOURTH, **QUIET), store, tmp_path / "plain")
    outcome = pretrain(compiled(tiny_config, **QUIET), store, tmp_path / "compiled")
    assert_equal_runs(plain, outcome, rtol=2e-3, atol=1e-4)


@pytest.mark.full
def test_a_compiled_run_goes_on_bit_for_bit(tiny_config, store, tmp_path):
    """Its dropout noise is a function of (seed, step) too."""
    config = compiled(tiny_config, steps_per_execution=2)
    whole = pretrain(config, store, tmp_path / "whole")
    with pytest.raises(Died):
        pretrain(config, store, tmp_path / "run", callbacks=[DieIn(3)])
    assert_equal_runs(whole, pretrain(config, store, tmp_path / "run"), rtol=0, atol=0)


@only_torch
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, r"jit_compile: expected a C\+\+ compiler .* received none"),
        ({"rematerialize": True}, "rematerialize: expected off with jit_compile on PyTorch"),
    ],
)
def test_what_cannot_be_compiled_is_refused_before_anything_is_written(
    changes, sentence, tiny_config, store, tmp_path, monkeypatch
):
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/g++" if changes else None)
    with pytest.raises(InputError, match=sentence):
        pretrain(compiled(tiny_config, **changes), store, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_command_line_has_both_options():
    given = parse(["pretrain", "--run-dir", "r", "--steps-per-execution", "20", "--jit-compile"])
    assert (given.training.steps_per_execution, given.training.jit_compile) == (20, True)
