"""Commands, signals and callbacks that stop mean the same for `pretrain`, `finetune` and `RunLogger`."""

import os
import pathlib
import re
import signal
import threading
import time

import keras
import numpy as np
import pytest
from conftest import ENCODER, SUBJECTS, VERBS

from keras_electra import RunLogger
from keras_electra.errors import InputError
from keras_electra.monitoring import describe
from keras_electra.pretraining import pretrain
from keras_electra.runs import RunFolder, send_command

X = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def fit_plainly(run, callbacks):
    """Some 24 steps of `fit`."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    options = {"batch_size": 4, "epochs": 2, "verbose": 0}
    model.fit(X, Y, callbacks=[*callbacks, RunLogger(run, log_every_steps=4)], **options)


@pytest.fixture(params=["pretrain", "finetune", "fit"])
def train(request, tiny_config, store, tmp_path, monkeypatch):
    """A training of one of the three kinds, with a row every 4 steps; takes callbacks."""
    monkeypatch.setattr("keras_electra.runs.steering.COMMAND_SECONDS", 0.0)
    run = tmp_path / "run"
    if request.param == "fit":
        return lambda callbacks: fit_plainly(run, callbacks)
    if request.param == "pretrain":
        config = tiny_config(log_every_steps=4, steps=24, checkpoint_every_steps=1000)
        return lambda callbacks: pretrain(config, store, run, callbacks=callbacks)
    # Asked for only here: the other kinds need no scikit-learn.
    tune = request.getfixturevalue("tune")
    return lambda callbacks: tune(run, callbacks=callbacks)


@pytest.fixture
def tune(tokenizer, tmp_path):
    """A function: `finetune` with two trials on 64 sentences whose verb decides the label."""
    pytest.importorskip("sklearn")
    from keras_electra.backbone import ElectraBackbone
    from keras_electra.finetuning import finetune, recipe_for
    from keras_electra.tasks.own import own_task

    table = tmp_path / "verbs.csv"
    rows = [f"the old {who} {verb} .,{verb}" for who in SUBJECTS[:8] for verb in VERBS[:2]]
    table.write_text("\n".join(["text,label", *rows * 4]) + "\n", encoding="utf-8")
    backbone = ElectraBackbone(**{**ENCODER, "num_layers": 1}, seed=1)
    backbone.tokenizer = tokenizer
    task, _ = own_task(table)

    def run(path, callbacks):
        options = {"epochs": 4, "batch_size": 8, "log_every_steps": 4, "layer_decay": None}
        options |= {"checkpoint_every_steps": 1000, "num_trials": 2, "max_restarts": 0}
        start, config = recipe_for(backbone, task, **options)
        return finetune(start, task, table, path, config=config, callbacks=callbacks)

    return run


class At(keras.callbacks.Callback):
    """Calls `act(self)` once, before the step after `step` others of this training."""

    def __init__(self, act, step=5):
        super().__init__()
        self.act, self.left = act, step

    def on_train_batch_begin(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            self.act(self)


def asking(run, *commands, **details):
    return At(lambda _: [send_command(run, command, **details) for command in commands])


def kinds(run):
    return [event["kind"] for event in RunFolder(run).events()]


def last_event(run):
    event = RunFolder(run).events()[-1]
    return event["kind"], event.get("reason")


def has_checkpoint_of(run, step):
    path = RunFolder(run).checkpoint_path(step)
    return path.is_dir() and (path / "state.json").is_file()


def test_a_paused_run_has_a_checkpoint_of_its_step(train, tmp_path):
    run, seen = tmp_path / "run", {}

    def watch():
        deadline = time.monotonic() + 60
        while RunFolder(run).state() != "paused" and time.monotonic() < deadline:
            time.sleep(0.02)
        for _ in range(2):
            step = RunFolder(run).status()["step"]
            seen[step] = has_checkpoint_of(run, step)
            time.sleep(0.3)
        send_command(run, "resume")

    thread = threading.Thread(target=watch)
    thread.start()
    train([asking(run, "pause")])
    thread.join()
    ((step, has_checkpoint),) = seen.items()
    assert step > 0 and has_checkpoint
    assert describe(run)["state"] == "finished"
    order = [one for one in kinds(run) if one in ("checkpoint", "pause", "resume")]
    assert order[:3] == ["checkpoint", "pause", "resume"]


def test_a_checkpoint_is_written_and_training_continues(train, tmp_path):
    run = tmp_path / "run"
    train([asking(run, "checkpoint")])
    answers = [one for one in RunFolder(run).events() if one["kind"] == "command_obeyed"]
    assert [one["command"] for one in answers] == ["checkpoint"]
    assert "checkpoint" in kinds(run)[: kinds(run).index("command_obeyed")]
    assert describe(run)["state"] == "finished"


@pytest.mark.parametrize("saves", [True, False])
def test_stop_writes_a_checkpoint_unless_told_not_to(train, tmp_path, saves):
    run = tmp_path / "run"
    train([asking(run, "stop", **({} if saves else {"save": False}))])
    record = describe(run)
    assert record["state"] == "stopped" and 0 < record["step"] < 24
    assert has_checkpoint_of(run, record["step"]) == saves
    assert last_event(run) == ("stop", "stopped by command")


def test_a_paused_run_can_be_stopped(train, tmp_path):
    run = tmp_path / "run"
    train([asking(run, "pause", "stop")])
    record = describe(run)
    assert record["state"] == "stopped" and has_checkpoint_of(run, record["step"])
    assert [one for one in kinds(run) if one in ("pause", "resume", "stop")] == [
        *("pause", "resume", "stop")
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_writes_a_checkpoint(train, tmp_path, request, number):
    run, received = tmp_path / "run", []
    former = signal.getsignal(number)
    # What the signal means to the caller, once a plain `fit` has ended.
    signal.signal(number, lambda *_: received.append(number))
    try:
        train([At(lambda _: os.kill(os.getpid(), number))])
        assert signal.getsignal(number) not in (former, signal.SIG_DFL)
    finally:
        signal.signal(number, former)
    record = describe(run)
    assert record["state"] == "interrupted" and 0 < record["step"] < 24
    assert has_checkpoint_of(run, record["step"])
    assert last_event(run) == ("stop", f"interrupted by {number.name}")
    assert received == ([number] if "fit" in request.node.callspec.params.values() else [])


def stop_training(callback):
    callback.model.stop_training = True


def test_a_callback_that_stops_leaves_a_checkpoint_and_the_run_stopped(train, tmp_path):
    run = tmp_path / "run"
    train([At(stop_training)])
    record = describe(run)
    assert record["state"] == "stopped" and 0 < record["step"] < 24
    assert has_checkpoint_of(run, record["step"])
    kind, reason = last_event(run)
    assert kind == "stop" and reason in ("stopped by callback At", "stopped by another callback")


def test_a_pause_that_cannot_save_is_refused(tmp_path, monkeypatch):
    """A plain `fit` may train a model that Keras cannot save."""
    monkeypatch.setattr("keras_electra.runs.steering.COMMAND_SECONDS", 0.0)
    run = tmp_path / "run"

    def save(model, path):
        raise ValueError("no such thing")

    monkeypatch.setattr("keras_electra.run_logger.save_whole", save)
    fit_plainly(run, [asking(run, "pause")])
    (refusal,) = [one for one in RunFolder(run).events() if one["kind"] == "command_refused"]
    assert refusal["reason"] == "the model cannot be saved: no such thing"
    assert "pause" not in kinds(run) and describe(run)["state"] == "finished"


def test_a_signal_after_a_fit_that_failed_reaches_its_handler(tmp_path):
    """Keras tells no callback of the error, so the logger's handlers are still there."""
    received, former = [], signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: received.append(1))

    def fail(callback):
        raise RuntimeError("no more")

    try:
        with pytest.raises(RuntimeError, match="no more"):
            fit_plainly(tmp_path / "run", [At(fail)])
        os.kill(os.getpid(), signal.SIGTERM)
        assert received == [1]
        os.kill(os.getpid(), signal.SIGTERM)
        assert received == [1, 1]
    finally:
        signal.signal(signal.SIGTERM, former)


# `callbacks=` of `pretrain` and `finetune`


class Watcher(keras.callbacks.Callback):
    """Notes what it is told, batches left out."""

    def __init__(self):
        super().__init__()
        self.told = []

    def on_train_begin(self, logs=None):
        self.told.append("begin")

    def on_train_end(self, logs=None):
        self.told.append("end")

    def on_epoch_end(self, epoch, logs=None):
        self.told.append((epoch, sorted(logs)))


def early_stopping(**options):
    """Stops at the third epoch: nothing improves by a million."""
    return keras.callbacks.EarlyStopping("loss", patience=2, min_delta=1e6, **options)


def test_early_stopping_in_pretraining(tiny_config, store, tmp_path):
    config = tiny_config(log_every_steps=2, steps=24, stages="3:16x2,20:12x4")
    said, watcher = [], Watcher()
    callbacks = [early_stopping(), watcher]
    outcome = pretrain(config, store, tmp_path, callbacks=callbacks, on_message=said.append)
    # The stage cuts the second epoch in two, which counts once.
    assert (outcome.state, outcome.step) == ("stopped", 6)
    assert [one if isinstance(one, str) else one[0] for one in watcher.told] == [
        *("begin", 0, 1, 2, "end")
    ]
    assert {"loss", "mlm_loss", "rtd_loss", "rtd_auc"} <= set(watcher.told[1][1])
    assert has_checkpoint_of(tmp_path, 6)
    assert last_event(tmp_path) == ("stop", "stopped by callback EarlyStopping")
    assert said[-1] == "stopped by callback EarlyStopping, at step 6"
    assert describe(tmp_path)["state"] == "stopped"
    # Without the callback, the same call continues to the end.
    steps = []
    outcome = pretrain(config, store, tmp_path, on_step=steps.append)
    assert (outcome.state, steps[0], steps[-1]) == ("finished", 7, 24)


def test_what_a_callback_restores_is_in_the_checkpoint(tiny_config, store, tmp_path):
    config = tiny_config(log_every_steps=2, steps=24, learning_rate=0.5, warmup_steps=0)
    weights = {}

    class Keep(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            weights[epoch] = self.model.get_weights()

    callbacks = [Keep(), early_stopping(restore_best_weights=True)]
    outcome = pretrain(config, store, tmp_path, callbacks=callbacks)
    assert outcome.step == 6
    from keras_electra.opening import load

    for found in (outcome.model, load(tmp_path)):
        for mine, kept in zip(found.get_weights(), weights[0], strict=True):
            np.testing.assert_array_equal(mine, kept)


def test_figures_without_a_known_direction_need_a_mode(tiny_config, store, tmp_path):
    config = tiny_config(log_every_steps=2, steps=24)
    stopping = keras.callbacks.EarlyStopping("rtd_auc", mode="max", patience=1, min_delta=10.0)
    assert pretrain(config, store, tmp_path, callbacks=[stopping]).state == "stopped"


def test_early_stopping_in_fine_tuning(tune, tmp_path):
    watcher = Watcher()
    outcome = tune(tmp_path / "run", [early_stopping(), watcher])
    assert outcome.state == "stopped" and outcome.results is None
    record = describe(tmp_path / "run")
    # Over the validations between: the third row of the first trial, and no second trial.
    assert record["step"] == 12 and has_checkpoint_of(tmp_path / "run", 12)
    assert {row["trial"] for row in RunFolder(tmp_path / "run").log_rows()} == {0}
    assert last_event(tmp_path / "run") == ("stop", "stopped by callback EarlyStopping")
    assert watcher.told[0] == "begin" and watcher.told.count("begin") == 1
    again = tune(tmp_path / "run", [watcher])
    assert again.state == "finished" and len(again.results["trials"]) == 2
    # Once for each trial that was trained since.
    assert watcher.told.count("begin") == watcher.told.count("end") == 3


@pytest.mark.parametrize("wrong", [keras.callbacks.TerminateOnNaN(), [print], None])
def test_wrong_callbacks_are_one_sentence(tiny_config, store, tmp_path, wrong):
    with pytest.raises(InputError, match="callbacks: expected a list of Keras callbacks, received"):
        pretrain(tiny_config(), store, tmp_path / "run", callbacks=wrong)
    assert not pathlib.Path(tmp_path / "run").exists()


def test_the_callbacks_of_the_documentation(tiny_config, store, tmp_path, capsys):
    """The example of this backend, and the one for all of them."""
    page = pathlib.Path(__file__).parent.parent / "docs" / "runs.md"
    for_all, *for_one = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    (block,) = [one for one in for_one if f"KERAS_BACKEND={keras.config.backend()} " in one]
    names = {"__name__": "example"}
    exec(block, names)
    config = tiny_config(log_every_steps=6)
    assert pretrain(config, store, tmp_path / "a", callbacks=[names["WeightNorm"]()]).step == 12
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["0", "1"]
    small = (
        'ke.PretrainConfig.from_size("tiny", store.manifest.vocabulary_size, log_every_steps=50)'
    )
    assert small in for_all
    for_all = for_all.replace(small, "config").replace('ke.Store("store")', "store")
    for_all = for_all.replace('"runs/first"', "run")
    exec(for_all, {"config": config, "store": store, "run": tmp_path / "b"})
    assert capsys.readouterr().out.split() == ["finished", "12"]
