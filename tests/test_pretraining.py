"""A run: resumed exactly, logged completely, ended by a clock, a signal or a NaN without loss."""

import json
import shutil

import keras
import numpy as np
import pytest

from keras_electra.cli import main
from keras_electra.errors import DivergedError, InputError
from keras_electra.evaluation import FIGURES
from keras_electra.opening import load
from keras_electra.pretraining import intervals, pretrain
from keras_electra.runs import RunFolder, send_command
from keras_electra.tokenizer.extending import former_pieces

ROW_KEYS = {
    *("step", "tokens", "loss", "mlm_loss", "rtd_loss", "generator_accuracy", "sampled_accuracy"),
    *("rtd_accuracy", "rtd_precision", "rtd_recall", "rtd_auc", "replaced_rate", "gradient_norm"),
    *("learning_rate", "tokens_per_second", "data_wait_seconds", "seconds", "skipped_steps"),
    *("memory_bytes", "peak_memory_bytes"),
}
CLOCK_KEYS = {
    *("tokens_per_second", "data_wait_seconds", "seconds", "time"),
    *("memory_bytes", "peak_memory_bytes"),
}


class Interrupted(Exception):
    """Stands for a process that dies: nothing after it is executed."""


class DieAfter(keras.callbacks.Callback):
    """Raises when `num_steps` steps are done, before anything is kept of the last of them."""

    def __init__(self, num_steps):
        super().__init__()
        self.left = num_steps

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise Interrupted


def rows_of(path):
    lines = (path / "log.jsonl").read_text().splitlines()
    return [
        {name: value for name, value in json.loads(line).items() if name not in CLOCK_KEYS}
        for line in lines
    ]


def weights_of(model):
    return {
        variable.path: keras.ops.convert_to_numpy(variable)
        for variable in model.trainable_variables
    }


@pytest.fixture(scope="module")
def whole_run(tiny_config, store, tmp_path_factory):
    """Twelve steps in one go, dropout on, a row for every second step."""
    path = tmp_path_factory.mktemp("whole") / "run"
    outcome = pretrain(tiny_config(log_every_steps=2), store, path)
    return path, outcome


def test_a_run_ends_with_its_steps(whole_run):
    path, outcome = whole_run
    assert (outcome.state, outcome.step, outcome.exit_code) == ("finished", 12, 0)
    assert RunFolder(path).status()["state"] == "finished"
    assert [step for step, _ in RunFolder(path).checkpoints()] == [5, 10, 12]


def test_rows_hold_every_figure(whole_run):
    path, _ = whole_run
    lines = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6, 8, 10, 12]
    for line in lines:
        assert set(line) >= ROW_KEYS
        assert all(np.isfinite(line[name]) for name in ROW_KEYS)
        assert line["tokens"] == line["step"] * 4 * 12
    assert set(FIGURES) - ROW_KEYS == {"unigram_accuracy", "majority_accuracy"}


def test_the_loss_falls(whole_run):
    rows = rows_of(whole_run[0])
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_the_schedule_in_the_log(whole_run):
    rates = [row["learning_rate"] for row in rows_of(whole_run[0])]
    expected = [1e-2 * (1 - (step - 2) / 10) for step in (2, 4, 6, 8, 10, 12)]
    np.testing.assert_allclose(rates, expected, atol=1e-8)


@pytest.mark.parametrize("death", [3, 7])
def test_a_run_that_died_goes_on_bit_for_bit(whole_run, tiny_config, store, tmp_path, death):
    """Dies after the last checkpoint and amid an interval; the log loses what came after."""
    path, whole = whole_run
    config = tiny_config(log_every_steps=2)
    with pytest.raises(Interrupted):
        pretrain(config, store, tmp_path / "run", callbacks=[DieAfter(death)])
    assert RunFolder(tmp_path / "run").status()["state"] == "failed"
    outcome = pretrain(config, store, tmp_path / "run")
    assert outcome.step == 12
    assert rows_of(tmp_path / "run") == rows_of(path)
    again = weights_of(outcome.model)
    for name, value in weights_of(whole.model).items():
        np.testing.assert_array_equal(value, again[name], err_msg=name)


@pytest.mark.parametrize("saves", [True, False])
def test_a_stop_saves_unless_told_not_to(saves, tiny_config, store, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_electra.runs.steering.COMMAND_SECONDS", 0)
    config = tiny_config(log_every_steps=2)

    def stop(step):
        if step == 7:
            send_command(tmp_path, "stop", **({} if saves else {"save": False}))

    outcome = pretrain(config, store, tmp_path, on_step=stop)
    assert (outcome.state, outcome.step) == ("stopped", 8)
    saved = [step for step, _ in outcome.run.checkpoints()]
    assert saved == ([5, 8] if saves else [5])
    assert RunFolder(tmp_path).state() == "stopped"
    rest = []
    pretrain(config, store, tmp_path, on_step=rest.append)
    assert rest[0] == (9 if saves else 6)


def test_what_needs_no_training_is_noted(whole_run, store):
    (event,) = [one for one in RunFolder(whole_run[0]).events() if one["kind"] == "baselines"]
    counts = store.token_counts[5:]
    assert event["unigram_accuracy"] == pytest.approx(counts.max() / counts.sum(), abs=0.02)
    assert 0 < event["unigram_entropy"] < np.log(np.count_nonzero(counts))


def test_a_run_told_to_have_more_steps_goes_on(whole_run, tiny_config, store, tmp_path):
    """Also one of a version that did not have all options yet."""
    shutil.copytree(whole_run[0], tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    settings = json.loads(path.read_text())
    del settings["pretrain"]["optimizer"]["hidden_optimizer"]
    del settings["pretrain"]["masking"]["final_mask_rate"]
    path.write_text(json.dumps(settings))
    outcome = pretrain(tiny_config(log_every_steps=2, steps=14), store, tmp_path / "run")
    assert outcome.step == 14
    assert [row["step"] for row in rows_of(tmp_path / "run")][-1] == 14
    assert int(outcome.model.optimizer.total_steps_variable) == 14


def test_a_run_with_other_settings_is_refused(whole_run, tiny_config, store):
    with pytest.raises(InputError, match="learning_rate"):
        pretrain(tiny_config(log_every_steps=2, learning_rate=3e-3), store, whole_run[0])


def test_a_damaged_checkpoint_gives_way_to_the_one_before(whole_run, tiny_config, store, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(whole_run[0], path)
    newest = path / "checkpoints" / "step_00000012" / "model.safetensors"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(bytes(content))
    said = []
    config = tiny_config(log_every_steps=2)
    outcome = pretrain(config, store, path, on_message=said.append)
    assert any("step_00000010" in sentence for sentence in said)
    assert outcome.step == 12
    assert rows_of(path) == rows_of(whole_run[0])


def test_micro_batches_change_nothing_but_rounding(tiny_config, store, tmp_path):
    options = {"dropout_rate": 0.0, "attention_dropout_rate": 0.0, "log_every_steps": 1, "steps": 3}
    rows = []
    for parts in (1, 2):
        config = tiny_config(**options, accumulation_steps=parts)
        pretrain(config, store, tmp_path / str(parts))
        rows.append(rows_of(tmp_path / str(parts)))
    for one, two in zip(*rows, strict=True):
        for name in ("loss", "mlm_loss", "rtd_loss", "gradient_norm"):
            np.testing.assert_allclose(one[name], two[name], rtol=2e-4, err_msg=name)


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_its_checkpoint(
    whole_run, tiny_config, store, tmp_path
):
    path = tmp_path / "run"
    shutil.copytree(whole_run[0], path)
    for step in (10, 12):
        shutil.rmtree(path / "checkpoints" / f"step_{step:08d}")

    class Spoil(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            table = self.model.backbone.embeddings.token_embeddings
            table.assign(keras.ops.convert_to_tensor(table) * float("nan"))

    with pytest.raises(InputError, match="loss: expected finite") as error:
        pretrain(tiny_config(log_every_steps=2), store, path, callbacks=[Spoil()])
    assert "step 5" in str(error.value)
    run = RunFolder(path)
    assert run.status()["state"] == "failed"
    assert 5 in [step for step, _ in run.checkpoints()]


@pytest.mark.parametrize("log_every_steps", [4, 5])
def test_moving_averages_leave_the_training_as_it_is(
    whole_run, tiny_config, store, tmp_path, log_every_steps
):
    """Whatever the intervals, and over a death: the weights are those of a run without averages."""
    config = tiny_config(log_every_steps=log_every_steps, ema_rate=0.9)
    with pytest.raises(Interrupted):
        pretrain(config, store, tmp_path / "run", callbacks=[DieAfter(7)])
    outcome = pretrain(config, store, tmp_path / "run")
    found = weights_of(outcome.model)
    for name, value in weights_of(whole_run[1].model).items():
        np.testing.assert_array_equal(value, found[name], err_msg=name)
    average = weights_of(load(tmp_path / "run", weights="average"))
    outcome.model.optimizer.use_averages(outcome.model.trainable_variables)
    for name, value in weights_of(outcome.model).items():
        np.testing.assert_array_equal(value, average[name], err_msg=name)
    assert any((average[name] != found[name]).any() for name in found)


def test_a_run_that_diverges_at_once_has_not_finished(tiny_config, store, tmp_path):
    config = tiny_config(learning_rate=1e30, warmup_steps=0, log_every_steps=12)
    with pytest.raises(DivergedError, match=r"infinity at 11 of the last 12 .*may help$"):
        pretrain(config, store, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    assert run.state() == "failed"
    (warning,) = [event for event in run.events() if event["kind"] == "warning"]
    assert warning["skipped_steps"] == 11


def test_a_budget_fits_the_schedule_again_when_a_run_goes_on(
    tiny_config, store, tmp_path, monkeypatch
):
    """The rate falls on from where it was, and the warm-up takes a tenth of the steps at most."""
    options = {"steps": 100_000, "warmup_steps": 1000, "checkpoint_every_steps": 100_000}
    config = tiny_config(**options, log_every_steps=10, time_budget_minutes=10.0)
    clock = Clock()
    for module in ("callbacks", "runs.steering"):
        monkeypatch.setattr(f"keras_electra.{module}.time", clock)

    def stop(step):
        clock.now += 3.0
        if step == 105:
            send_command(tmp_path, "stop")

    outcome = pretrain(config, store, tmp_path, on_step=stop)
    assert 105 <= outcome.step < 110
    before = rows_of(tmp_path)[-1]
    outcome = pretrain(config, store, tmp_path, on_step=lambda step: clock.wait(3.0))
    assert outcome.state == "finished" and abs(outcome.step - 200) <= 2
    rates = {row["step"]: row["learning_rate"] for row in rows_of(tmp_path)}
    peak = config.optimizer.learning_rate
    assert before["learning_rate"] == rates[100] == pytest.approx(peak * 100 / 180, rel=0.05)
    assert rates[110] == pytest.approx(peak * 90 / 180, rel=0.05)
    assert rates[190] < peak * 0.1


class Clock:
    """Stands for `time`: it goes on when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds

    sleep = wait


def test_a_time_budget_ends_the_schedule_and_the_run(tiny_config, store, tmp_path):
    config = tiny_config(steps=100_000, log_every_steps=1, time_budget_minutes=1e-3)
    outcome = pretrain(config, store, tmp_path / "run")
    assert outcome.state == "finished"
    assert outcome.step < 1000
    assert RunFolder(tmp_path / "run").checkpoints()[-1][0] == outcome.step


def test_a_run_can_start_from_another(whole_run, tiny_config, store, tmp_path):
    said = []
    config = tiny_config(log_every_steps=2, steps=1, learning_rate=1e-12, warmup_steps=1)
    outcome = pretrain(
        config, store, tmp_path / "run", initial=whole_run[0], on_message=said.append
    )
    assert outcome.step == 1
    assert any("optimizer" in sentence for sentence in said)
    started = weights_of(outcome.model)
    for name, value in weights_of(whole_run[1].model).items():
        np.testing.assert_allclose(value, started[name], atol=1e-8, err_msg=name)


def test_a_vocabulary_too_large_for_the_encoder_is_refused(tiny_config, store, tmp_path):
    with pytest.raises(InputError, match="vocabulary_size"):
        pretrain(tiny_config(vocabulary_size=50), store, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("step", "last", "every", "expected"),
    [
        (0, 25, 10, [(2, 10), (1, 5)]),
        (25, 100, 10, [(1, 5), (7, 10)]),
        (12, 12, 4, []),
        (3, 5, 10, [(1, 2)]),
        (10, 20, 10, [(1, 10)]),
    ],
)
def test_intervals(step, last, every, expected):
    assert intervals(step, last, every) == expected


def test_a_run_goes_on_with_a_longer_vocabulary(whole_run, corpus_file, tmp_path):
    """By command: a domain's words are added, and their rows start as the mean of their pieces."""
    run, before = whole_run
    domain = tmp_path / "domain.txt"
    domain.write_text("the dogs and cats , girls and dogs .\n" * 30)
    vocab, out = str(tmp_path / "vocab.txt"), str(tmp_path / "store")
    options = ["--corpus", str(domain), str(corpus_file)]
    old = str(run / "vocab.txt")
    extend = ["tokenizer", "extend", "--vocab", old, "--corpus", str(domain), "--num-new", "3"]
    assert main([*extend, "--out", vocab]) == 0
    assert main(["prepare", *options, "--vocab", vocab, "--out", out, "--num-processes", "1"]) == 0
    config = before.model.encoder
    shape = ["--hidden-dim", str(config.hidden_dim), "--num-layers", "1"]
    shape += ["--num-heads", str(config.num_heads), "--embedding-dim", str(config.embedding_dim)]
    shape += ["--intermediate-dim", str(config.intermediate_dim), "--architecture", "electra"]
    shape += ["--max-sequence-length", str(config.max_sequence_length), "--batch-size", "4"]
    shape += ["--generator-width-fraction", "0.5", "--sequence-length", "12", "--size", "tiny"]
    shape += ["--steps", "1", "--warmup-steps", "1", "--learning-rate", "1e-12"]
    new_run = str(tmp_path / "run")
    assert main(["pretrain", "--store", out, "--from", str(run), "--run-dir", new_run, *shape]) == 0
    after = load(new_run)
    assert after.tokenizer.vocabulary[:-3] == before.model.tokenizer.vocabulary
    rows, old_rows = (
        keras.ops.convert_to_numpy(model.backbone.embeddings.token_embeddings)
        for model in (after, before.model)
    )
    np.testing.assert_allclose(rows[:-3], old_rows, atol=1e-8)
    new = after.tokenizer.vocabulary[-3:]
    assert {"dogs", "cats"} < set(new)
    for row, pieces in zip(rows[-3:], former_pieces(before.model.tokenizer, new), strict=True):
        np.testing.assert_allclose(row, old_rows[list(pieces)].mean(0), atol=1e-8)
