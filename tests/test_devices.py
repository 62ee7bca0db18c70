"""Several devices train as one does: the same batches, losses and checkpoints."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

from keras_electra import pretraining
from keras_electra.backends import devices
from keras_electra.batches import PretrainBatches
from keras_electra.callbacks import RunKeeper
from keras_electra.cli import parse
from keras_electra.errors import ElectraError, InputError
from keras_electra.runs import RunFolder, RunSession, SilentSession
from keras_electra.runs.steering import WISHES

BACKEND = keras.config.backend()
STEPS = 20
WITHOUT_DROPOUT = {"dropout_rate": 0.0, "attention_dropout_rate": 0.0}
TWO_OF_TENSORFLOW = """
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    half = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [half, half])
"""
WORKER = """
    import json, os, signal, sys
    from keras_electra.backends import devices
    from keras_electra.cli import complain
    from keras_electra.config.pretrain import PretrainConfig
    from keras_electra.errors import LostWorkerError
    from keras_electra.pretraining import pretrain

    store, run_dir, config, lost_at = sys.argv[1:]

    def on_step(step):
        if step == int(lost_at) and devices.process_index() == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        with devices.on_devices("all"):
            assert devices.num_devices() == 2
            pretrain(PretrainConfig.from_dict(json.loads(config)), store, run_dir, on_step=on_step)
    except LostWorkerError as error:
        complain(str(error), 2)
        os._exit(2)
"""


@pytest.fixture(scope="module")
def config(tiny_config):
    changes = {**WITHOUT_DROPOUT, "learning_rate": 1e-3, "accumulation_steps": 2, "batch_size": 8}
    # Both optimizers: AdamW moves tables, heads and norms.
    changes["hidden_optimizer"] = "muon"
    return tiny_config(steps=STEPS, log_every_steps=1, checkpoint_every_steps=10, **changes)


@pytest.fixture(scope="module")
def alone(config, store, tmp_path_factory):
    """The log of a run on one device."""
    run_dir = tmp_path_factory.mktemp("alone") / "run"
    pretraining.pretrain(config, store, run_dir)
    return RunFolder(run_dir).log_rows()


def two_of(config, store, run_dir, lost_at=0):
    """Standard error of a run on two devices, or processes; process 1 dies at step `lost_at`."""
    script = run_dir.parent / "worker.py"
    script.write_text(
        textwrap.dedent((TWO_OF_TENSORFLOW if BACKEND == "tensorflow" else "") + WORKER)
    )
    root = pathlib.Path(pretraining.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    program = [sys.executable, str(script)]
    if BACKEND == "torch":
        program = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
        program += [f"--master-port={free_port()}", str(script)]
    arguments = [str(store.path), str(run_dir), json.dumps(config.to_dict()), str(lost_at)]
    environments = [environment]
    if BACKEND == "jax":
        environment["KERAS_DISTRIBUTION_JOB_ADDRESSES"] = f"127.0.0.1:{free_port()}"
        environment["KERAS_DISTRIBUTION_NUM_PROCESSES"] = "2"
        environments = [{**environment, "KERAS_DISTRIBUTION_PROCESS_ID": n} for n in "01"]
    started = [
        subprocess.Popen([*program, *arguments], env=env, stderr=subprocess.PIPE, text=True)
        for env in environments
    ]
    errors = [process.communicate(timeout=400)[1] for process in started]
    if not lost_at:
        assert [process.returncode for process in started] == [0] * len(started), errors
    return errors[0]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def assert_same_losses(rows, expected):
    assert [row["step"] for row in rows] == [row["step"] for row in expected]
    for name in ("loss", "mlm_loss", "rtd_loss", "rtd_accuracy", "gradient_norm"):
        np.testing.assert_allclose(
            [row[name] for row in rows], [row[name] for row in expected], rtol=1e-4, err_msg=name
        )


def test_two_train_as_one_and_one_goes_on(config, store, alone, tmp_path):
    """Losses of 20 steps; and a checkpoint of two is gone on with by one."""
    lost_at = 15 if BACKEND == "torch" else 0
    said = two_of(config, store, tmp_path / "run", lost_at)
    run = RunFolder(tmp_path / "run")
    assert run.status()["devices"] == 2
    if lost_at:
        assert "but one is gone at step 15" in said and "checkpoint of step 15" in said
        assert run.status()["state"] == "failed"
        assert run.checkpoints()[-1][0] == 15
        assert_same_losses(run.log_rows(), alone[:15])
    else:
        assert_same_losses(run.log_rows(), alone)
        shutil.rmtree(run.checkpoint_path(STEPS))
    outcome = pretraining.pretrain(config, store, run.path)
    assert (outcome.state, outcome.step) == ("finished", STEPS)
    assert_same_losses(run.log_rows(), alone)


@pytest.mark.full
@pytest.mark.skipif(BACKEND != "jax", reason="PyTorch's is above, TensorFlow has no other process")
def test_a_lost_process_ends_the_run(config, store, alone, tmp_path):
    """JAX notices after half a minute, and its weights cannot be trusted then."""
    said = two_of(config, store, tmp_path / "run", lost_at=15)
    run = RunFolder(tmp_path / "run")
    assert "but one is gone at step 15" in said and "checkpoint of step 10" in said
    assert [step for step, _ in run.checkpoints()] == [10]
    pretraining.pretrain(config, store, run.path)
    assert_same_losses(run.log_rows(), alone)


@pytest.mark.full
def test_two_devices_in_float16_find_one_loss_scale(config, store, tmp_path):
    """An overflow on one of them is one on both, for the gradients are added up first.

    Gradients of half a batch are smaller on TensorFlow, where an overflow less may be enough.
    """
    config = config.changed(steps=10, dtype_policy="mixed_float16")
    pretraining.pretrain(config, store, tmp_path / "alone")
    two_of(config, store, tmp_path / "run")
    rows, expected = (RunFolder(tmp_path / name).log_rows() for name in ("run", "alone"))
    for row in [*rows, *expected]:
        assert row["loss_scale"] == 2.0 ** (15 - row["skipped_steps"])
    assert 0 < rows[-1]["skipped_steps"] < 9
    assert abs(rows[-1]["skipped_steps"] - expected[-1]["skipped_steps"]) <= 1
    for name in ("loss", "mlm_loss", "rtd_loss"):
        found, wanted = ([row[name] for row in part] for part in (rows, expected))
        np.testing.assert_allclose(found, wanted, rtol=0.03, err_msg=name)


@pytest.mark.full
@pytest.mark.skipif(BACKEND == "tensorflow", reason="refused")
def test_executions_of_several_steps_on_two_devices(config, store, tmp_path):
    changes = {"steps": 6, "log_every_steps": 2, "checkpoint_every_steps": 4}
    config = config.changed(**changes)
    pretraining.pretrain(config, store, tmp_path / "alone" / "run")
    (tmp_path / "two").mkdir()
    two_of(config.changed(steps_per_execution=2), store, tmp_path / "two" / "run")
    alone, two = (RunFolder(tmp_path / name / "run") for name in ("alone", "two"))
    assert_same_losses(two.log_rows(), alone.log_rows())
    assert [step for step, _ in two.checkpoints()] == [4, 6]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="what its strategy cannot do")
@pytest.mark.parametrize("option", [{"steps_per_execution": 2}, {"jit_compile": True}])
def test_what_a_strategy_cannot_do_is_refused(option, tiny_config, store, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_electra.backends.tensorflow.devices.num_devices", lambda: 2)
    with pytest.raises(
        InputError, match=f"{next(iter(option))}: expected one device .* received 2"
    ):
        pretraining.pretrain(tiny_config(checkpoint_every_steps=4, **option), store, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_shares_are_slices_of_the_whole_batch(store):
    options = {"batch_size": 6, "sequence_length": 12, "seed": 3}
    whole = PretrainBatches(store, **options).batch(7)
    shares = [
        PretrainBatches(store, **options, process_index=n, num_processes=3).batch(7)
        for n in range(3)
    ]
    for name, array in whole.items():
        np.testing.assert_array_equal(np.concatenate([share[name] for share in shares]), array)
    with pytest.raises(InputError, match="multiple of the 4 processes, received 6"):
        PretrainBatches(store, **options, num_processes=4)


def test_a_batch_that_cannot_be_divided_is_refused(config, monkeypatch):
    monkeypatch.setattr(devices, "num_devices", lambda: 3)
    with pytest.raises(InputError, match="3 devices times 2 micro-batches, received 8"):
        pretraining.check_divisible(config)


# Several processes agree whether to go on


@pytest.mark.parametrize("others", WISHES)
def test_what_one_process_wants_all_do(config, store, tmp_path, monkeypatch, others):
    answers = [WISHES.index(others), 0]
    monkeypatch.setattr(devices, "num_processes", lambda: 2)
    monkeypatch.setattr(devices, "largest", lambda mine: max(mine, answers.pop(0)))
    keeper = keeper_of(config, SilentSession(tmp_path))
    keeper.step = 10
    keeper._between_steps()
    assert keeper.outcome == (None if others == "paused" else others)
    # A pause was waited for until the others went on.
    assert len(answers) == (0 if others == "paused" else 1)


def test_processes_ask_one_another_at_the_same_steps(config, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(devices, "num_processes", lambda: 2)
    monkeypatch.setattr(devices, "largest", lambda mine: asked.append(keeper.step) or mine)
    keeper = keeper_of(config, SilentSession(tmp_path))
    for keeper.step in range(1, 31):
        keeper._between_steps()
    assert asked == [10, 20, 30]
    # With executions of several steps: after those that a multiple of ten falls into.
    asked.clear()
    keeper._newly_done = 4
    for keeper.step in range(4, 41, 4):
        keeper._between_steps()
    assert asked == [12, 20, 32, 40]


def keeper_of(config, session):
    class Signals:
        received = None

    class Batches:
        waiting_seconds = 0.0

        def tokens_until(self, step):
            return step

    plan = pretraining.plan_of(config.changed(checkpoint_every_steps=1000))
    keeper = RunKeeper(plan, session, Signals(), Batches(), save=lambda model, state: None)
    keeper.set_model(keras.Sequential())
    return keeper


def test_a_process_that_follows_writes_nothing(config, store, tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "process_index", lambda: 1)
    session = pretraining.open_session(config, store, tmp_path / "run")
    with session:
        for name in ("set_state", "append_log", "append_event"):
            assert hasattr(RunSession, name)
        session.set_state("running", 1)
        session.append_log({"step": 1})
        session.append_event("checkpoint", step=1)
        assert (session.take_commands(), session.cut_log(0)) == ([], 0)
        pretraining.saver(config, session)(None, {"step": 1})
    assert list(tmp_path.iterdir()) == []


# What cannot be had is refused


def test_devices_that_are_not_there_are_refused():
    expected = "torchrun" if BACKEND == "torch" else "there are, received 77"
    with pytest.raises(InputError, match=expected), devices.on_devices(77):
        pass


@pytest.mark.skipif(BACKEND != "tensorflow", reason="a variable of TensorFlow")
def test_several_workers_of_tensorflow_are_refused(monkeypatch):
    cluster = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(InputError, match="JAX or PyTorch"), devices.on_devices():
        pass


def test_one_device_is_the_plain_case():
    with devices.on_devices(1):
        assert (devices.num_devices(), devices.num_processes(), devices.process_index()) == (
            1,
            1,
            0,
        )
        assert devices.largest(7) == 7
        assert devices.averaged_over_replicas({"a": 2.0}) == {"a": 2.0}
        assert not devices.is_lost_worker(RuntimeError("gloo: connection closed by peer"))


def test_the_command_line_reads_devices():
    read = ["pretrain", "--run-dir", "r", "--devices"]
    assert parse([*read, "4"]).devices == 4
    assert parse([*read, "all"]).devices == "all"
    for wrong in ("0", "some"):
        with pytest.raises(ElectraError, match="--devices: expected a whole number from 1 or all"):
            parse([*read, wrong])
