"""Fine-tuning runs: figures over trials, exact resuming, restarts, several tasks, search, comparison."""

import csv
import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
from conftest import ENCODER, PLACES, SUBJECTS, VERBS

from keras_electra.backbone import ElectraBackbone
from keras_electra.comparing import compare_results
from keras_electra.errors import DivergedError, InputError, MissingExtraError
from keras_electra.exploring import TaskRun, best_trial
from keras_electra.finetuning import finetune, recipe_for, search
from keras_electra.finetuning.searching import combinations_of
from keras_electra.finetuning.trials import Course
from keras_electra.monitoring.run_events import marks_of
from keras_electra.opening import load
from keras_electra.runs import RunFolder, send_command
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.own import own_task
from keras_electra.workers import PredictorClient, WorkerError

CLOCK_KEYS = {
    "tokens_per_second",
    "data_wait_seconds",
    "seconds",
    "time",
    "memory_bytes",
    "peak_memory_bytes",
}
QUICK = {
    "epochs": 6,
    "batch_size": 8,
    "learning_rate": 5e-3,
    "bias_correction": True,
    "layer_decay": None,
    "log_every_steps": 4,
}


class Interrupted(Exception):
    """Stands for a process that dies: nothing after it is executed."""


class DieAfter(keras.callbacks.Callback):
    """Raises when `num_steps` steps are done."""

    def __init__(self, num_steps):
        super().__init__()
        self.left = num_steps

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise Interrupted


def sentence(rng, verb):
    who, whom = rng.choice(SUBJECTS, 2)
    return f"the old {who} {verb} a young {whom} in the {rng.choice(PLACES)} ."


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """160 sentences whose verb decides the label."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("table") / "verbs.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for _ in range(160):
            verb = rng.choice(VERBS[:2])
            writer.writerow([sentence(rng, verb), "seen" if verb == VERBS[0] else "liked"])
    return path


@pytest.fixture(scope="module")
def model(tokenizer):
    """An encoder without training."""
    backbone = ElectraBackbone(**{**ENCODER, "num_layers": 1}, seed=1)
    backbone.tokenizer = tokenizer
    return backbone


@pytest.fixture(scope="module")
def tune(model, table):
    """A function: `finetune` on the table, with options changed by name."""

    def run(path, *, callbacks=(), task=None, start=model, data=table, on_message=None, **changes):
        task = task or own_task(table)[0]
        start, config = recipe_for(start, task, **{**QUICK, **changes})
        return finetune(
            start, task, data, path, config=config, callbacks=callbacks, on_message=on_message
        )

    return run


@pytest.fixture(scope="module")
def whole_run(tune, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "run"
    return path, tune(path, num_trials=2, checkpoint_every_steps=5)


def rows_of(path):
    lines = (path / "log.jsonl").read_text().splitlines()
    return [
        {name: value for name, value in json.loads(line).items() if name not in CLOCK_KEYS}
        for line in lines
    ]


def predictions_of(path, trial=0):
    file = path / "trials" / f"trial_{trial:02d}" / "predictions" / "validation.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_results_have_a_summary_over_the_trials(whole_run):
    path, outcome = whole_run
    assert (outcome.state, outcome.exit_code) == ("finished", 0)
    results = json.loads((path / "results.json").read_text())
    assert results == outcome.results
    entries = {entry["split"]: entry for entry in results["results"]}
    values = entries["validation"]["metrics"]["accuracy"]
    assert len(values["values"]) == 2
    assert values["mean"] == pytest.approx(np.mean(values["values"]))
    low, high = values["interval"]
    assert low <= values["mean"] <= high
    assert [trial["seed"] for trial in results["trials"]] == [0, 1]
    assert "validation" in (path / "results.md").read_text()


def test_it_learns_what_can_be_learned(whole_run):
    path, outcome = whole_run
    (entry,) = [one for one in outcome.results["results"] if one["split"] == "validation"]
    assert entry["metrics"]["accuracy"]["mean"] > 0.9
    rows = predictions_of(path)
    right = np.mean([row["label"] == row["gold"] for row in rows])
    assert right == pytest.approx(entry["metrics"]["accuracy"]["values"][0])
    for row in rows:
        assert sum(row["probabilities"].values()) == pytest.approx(1)


def test_a_run_can_be_explored_without_its_data(whole_run):
    path, outcome = whole_run
    run = TaskRun(path)
    assert run.splits(run.tasks[0]) == ["validation"]
    examples = run.judged(run.tasks[0], "validation")
    assert [one.row for one in examples] == predictions_of(path, run.best_trial)
    assert all(one.texts and one.example["label"] == one.gold for one in examples)
    best = outcome.results["results"][0]["metrics"]["accuracy"]["values"][run.best_trial]
    assert np.mean([one.is_right for one in examples]) == pytest.approx(best)
    assert run.labels(run.tasks[0], "validation") == ["liked", "seen"]


def test_new_text_is_asked_about_in_another_process(whole_run):
    path, _ = whole_run
    inputs = [
        "the old cat sees a young dog in the house .",
        ["the old cat likes a dog .", "in the wood"],
    ]
    client = PredictorClient(path, backend=keras.config.backend())
    rows = client(inputs)
    with pytest.raises(WorkerError, match="task: expected one of"):
        client(inputs, task="none")
    client.close()
    model = load(path)
    expected = model.predict([inputs[0], tuple(inputs[1])])
    assert [row["label"] for row in rows] == [row["label"] for row in expected]
    assert rows[0]["probabilities"] == pytest.approx(expected[0]["probabilities"], abs=1e-5)


def test_rows_count_steps_over_the_trials(whole_run):
    path, _ = whole_run
    rows = rows_of(path)
    steps = [row["step"] for row in rows]
    assert steps == sorted(steps)
    assert {row["trial"] for row in rows} == {0, 1}
    last = max(row["step"] for row in rows if row["trial"] == 0)
    assert min(row["step"] for row in rows if row["trial"] == 1) > last
    assert RunFolder(path).status()["steps"] == 2 * last


@pytest.mark.parametrize(
    "num_steps",
    [pytest.param(3, marks=pytest.mark.full), 8, pytest.param(130, marks=pytest.mark.full)],
)
def test_a_killed_run_ends_as_if_it_had_not_been(tune, whole_run, tmp_path, num_steps):
    """Killed in the first trial before and after a checkpoint, and in the second trial."""
    path, outcome = whole_run
    options = {"num_trials": 2, "checkpoint_every_steps": 5}
    with pytest.raises(Interrupted):
        tune(tmp_path / "run", callbacks=[DieAfter(num_steps)], **options)
    again = tune(tmp_path / "run", **options)
    assert rows_of(tmp_path / "run") == rows_of(path)
    for trial in range(2):
        assert predictions_of(tmp_path / "run", trial) == predictions_of(path, trial)
    assert again.results["results"] == outcome.results["results"]


def test_trials_leave_the_encoder_they_start_from_as_it_is(model, tune, tmp_path):
    """Also where a backend trains in place."""
    before = [keras.ops.convert_to_numpy(weight).copy() for weight in model.weights]
    tune(tmp_path / "run", num_trials=2, epochs=1)
    for weight, value in zip(model.weights, before, strict=True):
        assert np.array_equal(keras.ops.convert_to_numpy(weight), value), weight.path


def test_a_run_that_is_done_is_done(tune, whole_run):
    path, outcome = whole_run
    before = (path / "trials/trial_00/result.json").stat().st_mtime_ns
    again = tune(path, num_trials=2, checkpoint_every_steps=5)
    assert again.results["results"] == outcome.results["results"]
    assert (path / "trials/trial_00/result.json").stat().st_mtime_ns == before


def test_other_settings_are_refused_by_name(tune, whole_run):
    path, _ = whole_run
    with pytest.raises(InputError, match="learning_rate"):
        tune(path, num_trials=2, checkpoint_every_steps=5, learning_rate=1e-3)


def test_the_main_metric_is_one_of_the_settings(tune, table, whole_run, tmp_path):
    path = shutil.copytree(whole_run[0], tmp_path / "run")
    other = own_task(table, main_metric="macro_f1")[0]
    options = {"num_trials": 2, "checkpoint_every_steps": 5}
    sentence = "main_metrics.* is 'accuracy' there and 'macro_f1' here"
    with pytest.raises(InputError, match=sentence):
        tune(path, task=other, **options)
    assert tune(path, **options).state == "finished"
    assert TaskRun(path).main_metric(TaskRun(path).tasks[0]) == "accuracy"


def test_the_best_model_is_opened(whole_run):
    path, outcome = whole_run
    model = load(path)
    best = outcome.results["best_trial"]
    assert [p.parent.name for p in path.glob("trials/*/model")] == [f"trial_{best:02d}"]
    rows = predictions_of(path, best)
    found = model.predict(["the old cat sees a young dog in the wood ."])
    assert found[0]["label"] == "seen"
    assert set(found[0]["probabilities"]) == set(rows[0]["probabilities"])


@pytest.mark.full
def test_a_stopped_run_goes_on(tune, tmp_path):
    path = tmp_path / "run"

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                send_command(path, "stop", wait_seconds=0)

    outcome = tune(path, callbacks=[Stop()], epochs=30)
    assert (outcome.state, outcome.results) == ("stopped", None)
    assert tune(path, epochs=30).state == "finished"


@pytest.mark.full
def test_early_stopping_keeps_the_best_weights(tune, tmp_path):
    outcome = tune(
        tmp_path / "run",
        epochs=20,
        selection="best",
        early_stopping_patience=2,
    )
    (trial,) = outcome.results["trials"]
    scores = [row["main"] for row in trial["validations"]]
    assert len(scores) < 20
    (entry,) = [one for one in outcome.results["results"] if one["split"] == "validation"]
    assert entry["metrics"]["accuracy"]["values"] == [max(scores)]


def test_each_trial_in_float16_finds_its_loss_scale(tune, tmp_path, monkeypatch):
    """The second starts with the first scale again, learns, and its overflows are no divergence."""
    monkeypatch.setattr("keras_electra.loss_scale.INITIAL_SCALE", 2.0**24)
    path = tmp_path / "run"
    outcome = tune(path, num_trials=2, dtype_policy="mixed_float16")
    (entry,) = [one for one in outcome.results["results"] if one["split"] == "validation"]
    assert min(entry["metrics"]["accuracy"]["values"]) > 0.9
    rows = rows_of(path)
    for trial in (0, 1):
        mine = [row for row in rows if row["trial"] == trial]
        skipped = mine[-1]["skipped_steps"]
        assert skipped >= 1
        assert mine[-1]["loss_scale"] == 2.0 ** (24 - skipped)
        assert all(np.isfinite(row["loss"]) for row in mine)


def test_a_diverged_trial_starts_again(tune, tmp_path, monkeypatch):
    """A gradient that is not finite at the first attempt only."""
    sentences = []
    spoiled = Spoil(attempts=1)
    outcome = tune(tmp_path / "run", callbacks=[spoiled], on_message=sentences.append)
    assert outcome.state == "finished"
    (trial,) = outcome.results["trials"]
    assert (trial["diverged"], trial["seed"], trial["attempt"]) == ([0], 1000, 1)
    assert outcome.results["num_diverged"] == 1
    assert outcome.results["num_learned_nothing"] == 0
    events = RunFolder(tmp_path / "run").events()
    (noted,) = [event["figures"] for event in events if event["kind"] == "baselines"]
    assert 0.3 < next(iter(noted.values()))["accuracy"] < 0.7
    restarts = [event for event in events if event["kind"] == "restart"]
    assert "expected finite gradients" in restarts[0]["reason"]
    assert any("diverged with seed 0" in sentence for sentence in sentences)


@pytest.fixture
def constant(monkeypatch):
    """Every trial gives one answer for everything."""
    monkeypatch.setattr(type(kind_of("classification")), "has_diverged", lambda *found: True)
    return {"epochs": 1, "max_restarts": 1}


def test_a_trial_too_short_to_learn_is_not_restarted(tune, tmp_path, constant):
    path, sentences = tmp_path / "run", []
    outcome = tune(path, on_message=sentences.append, **constant)
    (trial,) = outcome.results["trials"]
    assert trial["is_too_short"] and not trial["learned_nothing"]
    assert (trial["diverged"], trial["attempt"]) == ([], 0)
    assert any("too few to tell whether it learns" in sentence for sentence in sentences)
    told = "1 trial, 0 restarted after they diverged, 1 too short to tell whether they learned"
    assert (path / "results.md").read_text().startswith(told)
    assert "1 too short to tell whether they learned" in TaskRun(path).state_sentence()
    assert "too_short" in [event["kind"] for event in RunFolder(path).events()]


def test_a_trial_that_learned_nothing_is_told_apart(tune, tmp_path, constant, monkeypatch):
    monkeypatch.setattr("keras_electra.finetuning.concluding.ENOUGH_STEPS", 2)
    path, sentences = tmp_path / "run", []
    outcome = tune(path, on_message=sentences.append, **constant)
    (trial,) = outcome.results["trials"]
    assert trial["learned_nothing"] and not trial["is_too_short"]
    assert (trial["diverged"], trial["restart_reasons"]) == ([0], ["learned nothing"])
    assert (outcome.results["num_diverged"], outcome.results["num_learned_nothing"]) == (0, 1)
    assert any("learned nothing with seed 0 and starts again" in one for one in sentences)
    assert "1 restarted after they learned nothing" in (path / "results.md").read_text()
    marks = [mark for mark in marks_of(RunFolder(path).events()) if mark.kind == "trial restart"]
    assert [mark.label for mark in marks] == ["a trial started again at step 0: learned nothing"]


class Spoil(keras.callbacks.Callback):
    """Puts NaN into the head at the start of the first attempts."""

    def __init__(self, attempts):
        super().__init__()
        self.left = attempts

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 0 and self.left:
            self.left -= 1
            weight = self.model.trainable_variables[-1]
            weight.assign(np.full(weight.shape, np.nan))


DIVERGING = {"learning_rate": 1e38, "epochs": 1, "log_every_steps": 1000, "max_restarts": 1}
"""The first update is finite, and no loss after it."""


def test_a_loss_that_is_not_finite_ends_in_a_sentence(tune, tmp_path):
    path, sentences = tmp_path / "run", []
    with pytest.raises(DivergedError, match="loss: expected finite gradients") as caught:
        tune(path, on_message=sentences.append, **DIVERGING)
    assert any("diverged with seed 0 and starts again" in sentence for sentence in sentences)
    restarts = [event for event in RunFolder(path).events() if event["kind"] == "restart"]
    assert [event["reason"] for event in restarts] == [str(caught.value)]
    assert RunFolder(path).status()["message"] == str(caught.value)
    # Started again, it ends the same way, and at once: no step is done.
    with pytest.raises(DivergedError) as again:
        tune(path, callbacks=[DieAfter(1)], **DIVERGING)
    assert str(again.value) == str(caught.value)


def test_a_run_that_ended_before_it_was_looked_at_ends_in_the_sentence(tune, tmp_path, monkeypatch):
    """As one of an older version, which failed where the log has null for the loss."""
    path = tmp_path / "run"
    monkeypatch.setattr("keras_electra.callbacks.RunKeeper._watch_skipped", lambda self, row: None)
    for _ in range(2):
        with pytest.raises(DivergedError, match="at the end of trial 0"):
            tune(path, **{**DIVERGING, "max_restarts": 0})
        (path / "trials" / "trial_00" / "failure.json").unlink()
    assert [row["loss"] for row in rows_of(path)] == [None]


def test_a_score_that_is_no_number_is_the_worst():
    course = Course(0, validations=[{"main": None}])
    assert course.is_best
    course.validations.append({"main": 0.1})
    assert course.is_best and not course.has_stalled(1)
    trials = [{"trial": 0, "main": None}, {"trial": 1, "main": -5.0}]
    assert best_trial(trials) == 1


def test_a_search_goes_on_beside_what_diverges(model, table, tmp_path):
    task, sentences = own_task(table)[0], []
    options = {"batch_size": 8, **DIVERGING, "max_restarts": 0}
    del options["learning_rate"]

    def tried(rates):
        space = {"learning_rate": rates}
        found = search(
            model, task, table, tmp_path, space, options=options, on_message=sentences.append
        )
        return [
            (row["options"]["learning_rate"], row["main"], row["diverged"]) for row in found.rows
        ]

    first = tried([1e38, 5e-3])
    assert [(rate, main is None) for rate, main, _ in first] == [(5e-3, False), (1e38, True)]
    assert first[0][2] is None and "received NaN" in first[1][2]
    assert any("combination 1 diverged" in sentence for sentence in sentences)
    assert tried([1e38, 5e-3]) == first
    assert "| 1e+38 | diverged |" in (tmp_path / "search.md").read_text()
    with pytest.raises(DivergedError, match="space: expected a combination .* received 1 that do"):
        tried([1e38])


@pytest.mark.full
def test_a_fine_tuned_encoder_can_be_started_from(tune, whole_run, tmp_path):
    path, _ = whole_run
    outcome = tune(tmp_path / "run", start=path, epochs=1)
    assert outcome.state == "finished"
    fresh = tune(tmp_path / "fresh", start=path, epochs=1, has_fresh_weights=True)
    assert rows_of(fresh.run.path)[0]["loss"] != rows_of(outcome.run.path)[0]["loss"]


def test_low_rank_updates_train_and_are_merged(tune, tmp_path):
    outcome = tune(
        tmp_path / "run", lora_rank=4, lora_targets="query,key,value,output,feed_forward"
    )
    assert outcome.state == "finished"
    model = load(tmp_path / "run")
    assert not [v.path for v in model.variables if "lora" in v.path]
    texts = [row["id"] for row in predictions_of(tmp_path / "run")]
    assert texts


def test_several_tasks_on_one_encoder(tune, table, tmp_path):
    first, _ = own_task(table, name="first")
    second, _ = own_task(table, name="second")
    outcome = tune(tmp_path / "run", task=[first, second])
    assert {entry["task"] for entry in outcome.results["results"]} == {"first", "second"}
    predictions = tmp_path / "run" / "trials" / "trial_00" / "predictions"
    assert (predictions / "first" / "validation.jsonl").is_file()
    assert TaskRun(tmp_path / "run").judged("second", "validation")[0].texts


def test_what_a_reader_of_ones_own_lets_through_is_written(tune, table, tmp_path):
    def read(data, split, problems):
        for example in own_task(table)[0].reader(data, split, problems):
            yield dataclasses.replace(
                example, text=f"{example.text} \ud83d", id=f"\ud83d{example.id}"
            )

    task = dataclasses.replace(own_task(table)[0], reader=read)
    outcome = tune(tmp_path / "run", task=task, epochs=1)
    assert outcome.state == "finished"
    assert predictions_of(tmp_path / "run")[0]["id"].startswith("\ud83d")


@pytest.mark.full
def test_baselines_stand_beside(tune, tmp_path):
    outcome = tune(tmp_path / "run", has_baselines=True, epochs=1)
    (found,) = outcome.results["baselines"].values()
    assert {"majority"} <= set(found)
    assert "majority" in (tmp_path / "run" / "results.md").read_text()


def test_bad_rows_are_counted_and_told(tune, table, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(table.read_text() + "only one column\n,seen\n", encoding="utf-8")
    sentences = []
    outcome = tune(
        tmp_path / "run", data=path, task=own_task(path)[0], epochs=1, on_message=sentences.append
    )
    left_out = outcome.results["inputs"]["data"]
    counts = [
        found["count"]
        for splits in left_out.values()
        for entry in splits.values()
        for found in entry["left_out"].values()
    ]
    assert sum(counts) >= 1
    assert any("left out" in one for one in sentences)
    with pytest.raises(InputError, match=r"bad.csv"):
        tune(tmp_path / "strict", data=path, task=own_task(path)[0], has_strict_rows=True)


def test_labels_that_are_not_learned_count_as_missed(tune, table, tmp_path):
    folder, sentences = tmp_path / "data", []
    folder.mkdir()
    lines = table.read_text().splitlines()
    (folder / "train.csv").write_text("\n".join(lines[:121]), encoding="utf-8")
    other = [line.rpartition(",")[0] + ",heard" for line in lines[121:141]]
    (folder / "validation.csv").write_text("\n".join([*lines[:21], *other]), encoding="utf-8")
    task = own_task(folder)[0]
    path = tmp_path / "run"
    outcome = tune(path, data=folder, task=task, has_baselines=True, on_message=sentences.append)
    (entry,) = outcome.results["results"]
    rows = predictions_of(path)
    assert [row["gold"] for row in rows[20:]] == ["heard"] * 20
    right = sum(row["gold"] == row["label"] for row in rows)
    assert entry["metrics"]["accuracy"]["mean"] == right / 40 <= 0.5
    for baseline in outcome.results["baselines"][task.name].values():
        assert baseline["validation"]["accuracy"] <= 0.5
    told = "20 of 40 examples have a label that is not learned ('heard'), and that counts as missed"
    assert any(told in sentence for sentence in sentences)
    assert outcome.results["inputs"]["data"][task.name]["validation"]["num_unseen"] == 20
    run = TaskRun(path)
    assert run.labels(task.name, "validation") == ["liked", "seen", "heard"]
    report = run.report(run.judged(task.name, "validation"), ["liked", "seen"])
    assert report["per_label"]["heard"] == {"precision": 0, "recall": 0, "f1": 0, "support": 20}


@pytest.mark.full
def test_comparison_is_paired_over_seeds(tune, whole_run, tmp_path):
    path, _ = whole_run
    same = compare_results(path, path)
    row = same["differences"][0]
    assert row["difference"] == 0
    assert same["seeds"] == [0, 1]
    other = tune(tmp_path / "other", num_trials=2, learning_rate=1e-6)
    found = compare_results(other.run.path, path)
    row = next(one for one in found["differences"] if one["metric"] == "accuracy")
    assert row["difference"] > 0
    assert row["mean_b"] - row["mean_a"] == pytest.approx(row["difference"])
    shutil.copytree(path, tmp_path / "cut")
    (tmp_path / "cut" / "results.json").unlink()
    with pytest.raises(InputError, match="expected a finished"):
        compare_results(path, tmp_path / "cut")


@pytest.mark.full
def test_search_tries_the_grid_and_looks_at_validation_only(model, table, tmp_path):
    task = own_task(table)[0]
    space = {"learning_rate": [1e-7, 5e-3], "epochs": [2]}
    outcome = search(model, task, table, tmp_path, space, options={"batch_size": 8})
    assert outcome.is_finished
    assert outcome.best == {"learning_rate": 5e-3, "epochs": 2}
    assert len(outcome.rows) == 2
    results = json.loads((tmp_path / "run_000" / "results.json").read_text())
    assert {entry["split"] for entry in results["results"]} == {"validation"}
    tried = json.loads((tmp_path / "search.json").read_text())["tried"]
    assert tried[0]["options"]["learning_rate"] == 5e-3


def test_combinations():
    space = {"epochs": [3, 10], "learning_rate": {"low": 1e-5, "high": 1e-3, "scale": "log"}}
    drawn = combinations_of(space, 50, seed=0)
    assert drawn == combinations_of(space, 50, seed=0)
    assert {one["epochs"] for one in drawn} == {3, 10}
    rates = [one["learning_rate"] for one in drawn]
    assert 1e-5 <= min(rates) < 1e-4 < max(rates) <= 1e-3
    with pytest.raises(InputError, match="learning_rate: expected a list for a whole grid"):
        combinations_of(space, None, 0)
    with pytest.raises(InputError, match="low below high"):
        combinations_of({"epochs": {"low": 3, "high": 1}}, 3, 0)


def test_missing_libraries_are_told_before_anything_is_done(tune, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"keras-electra\[tasks\]"):
        tune(tmp_path / "run")
    assert not (tmp_path / "run").exists()
