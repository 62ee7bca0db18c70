"""`RunLogger`: what a plain `fit` of any model leaves, obeys and refuses."""

import threading
import time

import keras
import numpy as np
import pytest

from keras_electra import RunLogger
from keras_electra.errors import InputError
from keras_electra.monitoring import describe, list_runs
from keras_electra.run_logger import MAX_COLUMNS
from keras_electra.runs import RunFolder, send_command

X = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


class Doubling(keras.layers.Layer):
    """A layer that Keras cannot save."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        raise NotImplementedError("expected no one to save this")


def new_model(*layers, **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(1, name="last")])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"], **options)
    return model


def fit(model, logger, callbacks=(), epochs=2, **options):
    options = {"batch_size": 4, "verbose": 0, "shuffle": False, **options}
    return model.fit(X, Y, epochs=epochs, callbacks=[logger, *callbacks], **options)


class Asking(keras.callbacks.Callback):
    """Sends commands to the run when a step begins, and waits until the first is answered."""

    def __init__(self, run, commands, step=3):
        super().__init__()
        self.run, self.commands, self.at = RunFolder(run), commands, step

    def on_train_batch_begin(self, batch, logs=None):
        if batch == self.at and self.commands:
            commands, self.commands = self.commands, ()
            for command in commands:
                send_command(self.run, command)
            time.sleep(0.6)


def kinds(run):
    return [event["kind"] for event in RunFolder(run).events()]


def test_a_fit_leaves_an_ordinary_run(tmp_path):
    run, model = tmp_path / "run", new_model()
    logger = RunLogger(run, settings={"note": "first"}, log_every_steps=5)
    history = fit(model, logger, validation_data=(X, Y))
    assert [found.path for found in list_runs(tmp_path)] == [run]
    record = describe(run)
    assert (record["state"], record["step"], record["steps"]) == ("finished", 24, 24)
    rows = RunFolder(run).log_rows()
    assert [row["step"] for row in rows] == [5, 10, 12, 17, 22, 24]
    assert [row["epoch"] for row in rows] == [0, 0, 0, 1, 1, 1]
    for row, epoch in zip((rows[2], rows[5]), (0, 1), strict=True):
        for name in ("loss", "mae", "val_loss", "val_mae"):
            assert row[name] == pytest.approx(history.history[name][epoch], rel=1e-6)
    assert rows[0]["learning_rate"] == pytest.approx(0.01)
    assert rows[-1]["steps_per_second"] > 0
    config = RunFolder(run).config()
    assert config["settings"] == {"note": "first"}
    assert config["fit"]["parameters"] == 4
    assert kinds(run) == ["start", "finish"]


def test_figures_within_an_epoch_are_those_so_far(tmp_path):
    seen = []

    class Losses(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(logs["loss"])

    fit(new_model(), RunLogger(tmp_path / "run", log_every_steps=4), [Losses()], epochs=1)
    rows = RunFolder(tmp_path / "run").log_rows()
    assert [row["loss"] for row in rows] == pytest.approx([seen[3], seen[7], seen[11]], rel=1e-6)


class PerColumn(keras.metrics.Metric):
    """A metric with a value for each of `count` columns."""

    def __init__(self, count, name):
        super().__init__(name=name)
        self.count = count
        self.values = self.add_weight(shape=(count,), initializer="zeros", name="values")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.values.assign_add(keras.ops.arange(1, self.count + 1, dtype="float32"))

    def result(self):
        return keras.ops.convert_to_tensor(self.values)


def test_a_metric_of_several_values_becomes_columns(tmp_path):
    model = new_model()
    counts = {"one": 1, "some": 2, "most": MAX_COLUMNS, "many": MAX_COLUMNS + 1}
    figures = [PerColumn(count, name) for name, count in counts.items()]
    model.compile(optimizer="adam", loss="mse", metrics=figures)
    fit(model, RunLogger(tmp_path / "run", log_every_steps=5), epochs=1, validation_data=(X, Y))
    rows = RunFolder(tmp_path / "run").log_rows()
    # A row within the epoch, and that of its end, with validation.
    assert [(row["some_0"], row["some_1"]) for row in rows] == [(5, 10), (10, 20), (12, 24)]
    assert [row["one"] for row in rows] == [5, 10, 12]
    assert (rows[-1]["val_some_1"], rows[-1]["most_19"]) == (24, 12 * 20)
    assert not any(name.startswith(("many", "val_many")) for row in rows for name in row)
    assert describe(tmp_path / "run")["state"] == "finished"


def test_logs_that_are_no_numbers_are_left_out(tmp_path):
    class Chatty(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs.update(note="fine", nothing=None, pairs=[[1.0], [2.0, 3.0]], phase=1j, whole=3)
            logs.update(
                table=np.array([[1, 2], [3, 4]]), right=True, half=keras.ops.ones((1,), "bfloat16")
            )

    callbacks = [Chatty(), RunLogger(tmp_path / "run")]
    new_model().fit(X, Y, epochs=1, verbose=0, callbacks=callbacks)
    (row,) = RunFolder(tmp_path / "run").log_rows()
    assert not {"note", "nothing", "pairs", "phase"} & row.keys()
    assert [row[f"table_{i}"] for i in range(4)] == [1, 2, 3, 4]
    assert (row["whole"], row["right"], row["half"]) == (3, 1, 1)


def test_logging_changes_no_weight(tmp_path):
    plain, logged = new_model(), new_model()
    plain.fit(X, Y, epochs=2, batch_size=4, verbose=0, shuffle=False)
    fit(logged, RunLogger(tmp_path / "run", log_every_steps=1, checkpoint_every_steps=5))
    for a, b in zip(plain.get_weights(), logged.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_stop_and_checkpoint_are_obeyed(tmp_path):
    run, model = tmp_path / "run", new_model()
    logger = RunLogger(run)
    fit(model, logger, [Asking(run, ["checkpoint", "stop"])], epochs=50)
    record = describe(run)
    assert record["state"] == "stopped"
    assert record["step"] < 24
    assert kinds(run).count("command_obeyed") == 2
    last, path = RunFolder(run).checkpoints()[-1]
    assert last == record["step"]
    saved = keras.models.load_model(path / "model.keras")
    np.testing.assert_array_equal(saved.get_layer("last").kernel, model.get_layer("last").kernel)


def test_a_pause_waits_for_resume(tmp_path):
    run = tmp_path / "run"

    def resume():
        deadline = time.monotonic() + 20
        while RunFolder(run).state() != "paused" and time.monotonic() < deadline:
            time.sleep(0.05)
        paused_steps.append(RunFolder(run).status()["step"])
        time.sleep(0.5)
        paused_steps.append(RunFolder(run).status()["step"])
        send_command(run, "resume")

    paused_steps = []
    thread = threading.Thread(target=resume)
    thread.start()
    fit(new_model(), RunLogger(run), [Asking(run, ["pause"])])
    thread.join()
    assert paused_steps[0] == paused_steps[1] < 24
    assert describe(run)["state"] == "finished"
    assert [k for k in kinds(run) if k in ("pause", "resume")] == ["pause", "resume"]


def test_what_cannot_be_saved_is_refused_in_words(tmp_path):
    run = tmp_path / "run"
    fit(new_model(Doubling(2.0)), RunLogger(run), [Asking(run, ["checkpoint"])])
    refusals = [e for e in RunFolder(run).events() if e["kind"] == "command_refused"]
    assert "cannot be saved" in refusals[0]["reason"]
    assert RunFolder(run).checkpoints() == []
    assert list((run / "checkpoints").iterdir()) == []


def test_a_model_goes_on_in_its_folder(tmp_path):
    run, model = tmp_path / "run", new_model()
    logger = RunLogger(run, log_every_steps=100)
    fit(model, logger, epochs=1)
    fit(model, logger, epochs=3, initial_epoch=1)
    record = describe(run)
    assert (record["step"], record["steps"], record["num_sessions"]) == (36, 36, 2)
    assert [row["step"] for row in RunFolder(run).log_rows()] == [12, 24, 36]


def test_a_new_model_does_not_overwrite_a_run(tmp_path):
    run = tmp_path / "run"
    fit(new_model(), RunLogger(run))
    rows = RunFolder(run).log_rows()
    with pytest.raises(InputError, match="at least the 24 steps logged there, received one with 0"):
        fit(new_model(), RunLogger(run))
    assert RunFolder(run).log_rows() == rows


def test_an_error_in_fit_closes_the_run(tmp_path):
    run = tmp_path / "run"

    class Failing(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 5:
                raise RuntimeError("no more")

    logger = RunLogger(run)
    with pytest.raises(RuntimeError, match="no more"):
        fit(new_model(), logger, [Failing()])
    deadline = time.monotonic() + 20
    while RunFolder(run).state() != "failed" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert RunFolder(run).state() == "failed"
    assert not (RunFolder(run).is_running())


def test_a_loop_of_ones_own(tmp_path):
    """Callbacks may be called by hand, as Keras' guides do."""
    run, model = tmp_path / "run", new_model()
    callbacks = keras.callbacks.CallbackList(
        [RunLogger(run, log_every_steps=2)], model=model, epochs=1, steps=3
    )
    callbacks.on_train_begin()
    callbacks.on_epoch_begin(0)
    for batch in range(3):
        callbacks.on_train_batch_begin(batch)
        model.train_on_batch(X[:4], Y[:4])
    callbacks.on_epoch_end(0, {"loss": 1.0})
    callbacks.on_train_end()
    assert [row["step"] for row in RunFolder(run).log_rows()] == [2, 3]


@pytest.mark.parametrize("name", ["log_every_steps", "checkpoint_every_steps"])
def test_steps_are_checked(tmp_path, name):
    with pytest.raises(InputError, match=f"{name}: expected at least 1, received 0"):
        RunLogger(tmp_path, **{name: 0})


def test_our_own_model(tmp_path, tiny_config, store):
    from keras_electra.batches import training_batches
    from keras_electra.optimizers import ElectraAdamW
    from keras_electra.pretrainer import ElectraPretrainer

    config = tiny_config()
    model = ElectraPretrainer.from_recipe(config)
    model.compile(optimizer=ElectraAdamW(config.optimizer, 8))
    batches = training_batches(store, config)
    run = tmp_path / "run"
    logger = RunLogger(run, log_every_steps=3)
    model.fit(batches, steps_per_epoch=4, epochs=2, callbacks=[logger], shuffle=False, verbose=0)
    rows = RunFolder(run).log_rows()
    assert [row["step"] for row in rows] == [3, 4, 7, 8]
    assert all(np.isfinite(row["mlm_loss"]) for row in rows)
