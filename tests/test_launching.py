"""Plans: checked field by field, said as commands and as Python, estimated; without Keras."""

import dataclasses
import os
import shlex
import subprocess
import sys
import threading
import time

import pytest

from keras_electra.cli import parse
from keras_electra.cli.options import given
from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.config.sizes import SIZES
from keras_electra.errors import InputError
from keras_electra.files import readable_json
from keras_electra.launching import estimating, pace
from keras_electra.launching.commands import flags, shell_text
from keras_electra.launching.fields import all_problems, fields_of, named_in
from keras_electra.launching.installed import installed_backends, usual_backend
from keras_electra.launching.parameters import count_parameters
from keras_electra.launching.places import free_name
from keras_electra.launching.pretrain_plan import PretrainPlan, pretrain_fields
from keras_electra.launching.programs import pretrain_program
from keras_electra.launching.progress import ProgressFile
from keras_electra.launching.space import checkpoint_bytes
from keras_electra.runs import RunFolder, RunSession

CHANGED = {
    "steps": 12,
    "time_budget_minutes": None,
    "learning_rate": 1e-3,
    "clip_norm": None,
    "whole_words": True,
    "bias_correction": False,
    "objective": "rtd_masked_only",
    "stages": "6:12x4",
    "sequence_length": 12,
    "batch_size": 4,
}


@pytest.fixture
def plan(tmp_path, corpus_file):
    return PretrainPlan(folder=tmp_path / "with space", corpus=[corpus_file], vocabulary_size=300)


def sentences(plan, **changes):
    return dataclasses.replace(plan, **changes).problems()


# Fields


def test_every_option_is_a_field():
    found = pretrain_fields()
    names = [field.name for group in found.values() for field in group]
    assert {"steps", "mask_rate", "objective", "beta_2", "hidden_dim", "lowercase"} <= set(names)
    assert "vocabulary_size" not in names
    assert all(field.help for group in found.values() for field in group)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("learning_rate", "3e-4", 3e-4),
        ("learning_rate", "1", 1.0),
        ("warmup_steps", "10_000", 10_000),
        ("clip_norm", "none", None),
        ("bias_correction", "on", True),
        ("schedule", "cosine", "cosine"),
    ],
)
def test_a_field_reads_what_is_typed(name, text, value):
    (field,) = (one for one in fields_of(OptimizerConfig, "optimizer") if one.name == name)
    assert field.read(text) == value
    assert field.read(field.shown(value)) == value


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("warmup_steps", "many", "warmup_steps: expected a whole number, received 'many'"),
        ("warmup_steps", "1.5", "warmup_steps: expected a whole number, received '1.5'"),
        ("beta_1", "", "beta_1: expected a number, received ''"),
        ("schedule", "steep", "schedule: expected one of 'linear'"),
        ("bias_correction", "maybe", "bias_correction: expected true or false, received 'maybe'"),
    ],
)
def test_a_field_complains_in_the_words_of_the_library(name, text, sentence):
    (field,) = (one for one in fields_of(OptimizerConfig, "optimizer") if one.name == name)
    with pytest.raises(InputError) as caught:
        field.read(text)
    assert str(caught.value).startswith(sentence)


def test_all_problems_are_found_at_once():
    found = all_problems(
        {"steps": 0, "mask_rate": 2.0, "beta_1": 0.5, "objective": "mlm", "generator": "tied"},
        lambda values: PretrainConfig.from_size("tiny", 100, **values),
    )
    assert set(found) == {"steps", "mask_rate", "generator"}
    assert found["steps"] == "steps: expected at least 1, received 0"
    assert "do not go together" in found["generator"]


def test_a_value_that_a_default_does_not_go_with():
    found = all_problems(
        {"hidden_dim": 101}, lambda values: PretrainConfig.from_size("tiny", 100, **values)
    )
    assert found == {"num_heads": "num_heads: expected a divisor of hidden_dim=101, received 2"}


def test_what_a_sentence_is_about():
    assert named_in("Text of another kind: expected nothing") == ()


# Plans


def test_a_good_plan_has_no_problem(plan):
    assert plan.problems() == {}


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": ""}, "name", "expected a name for the run, received none"),
        ({"name": "../out"}, "name", "expected the name of a folder for the run"),
        ({"name": "data"}, "name", "expected the name of a folder for the run"),
        ({"corpus": "/nowhere"}, "corpus", "which is missing"),
        ({"vocabulary": "/nowhere"}, "vocabulary", "expected a readable file"),
        ({"vocabulary_size": 0}, "vocabulary_size", "expected at least 1, received 0"),
        ({"size": "huge"}, "size", "expected one of tiny, mini, small, base, large"),
        ({"backend": "numpy"}, "backend", "expected one of jax, torch, tensorflow"),
        ({"options": {"steps": 0}}, "steps", "expected at least 1, received 0"),
        ({"preparing": {"store": {"seed": -1}}}, "store.seed", "expected 0 or more, received -1"),
        ({"prepared_store": "/nowhere"}, "prepared_store", "expected a folder with manifest.json"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_each_field_gets_the_librarys_sentence(plan, changes, field, words):
    found = sentences(plan, **changes)
    assert list(found) == [field]
    assert words in found[field]


def test_a_name_that_is_taken(plan, tmp_path):
    (plan.run_dir / "anything").mkdir(parents=True)
    assert "which exists and is no run" in plan.problems()["name"]
    assert free_name(plan.folder) == "run-2"


def test_other_text_gets_another_folder(plan, tmp_path):
    text = tmp_path / "text.txt"
    folders = set()
    for content in ("one line", "another, longer line"):
        text.write_text(content)
        folders.add(dataclasses.replace(plan, corpus=[text]).data_dir)
    folders.add(dataclasses.replace(plan, corpus=[text], vocabulary_size=500).data_dir)
    text.write_text("other words at this..")
    folders.add(dataclasses.replace(plan, corpus=[text]).data_dir)
    vocabulary = tmp_path / "vocab.txt"
    for content in ("[PAD]\n[UNK]\n", "[PAD]\n[CLS]\n"):
        vocabulary.write_text(content)
        folders.add(dataclasses.replace(plan, corpus=[text], vocabulary=vocabulary).data_dir)
    assert len(folders) == 6
    assert all(folder.parent == plan.folder / "data" for folder in folders)


def test_nothing_but_the_working_folder_is_written(plan):
    for command in plan.commands():
        for flag in ("--out", "--run-dir"):
            words = command.arguments
            if flag in words:
                path = words[words.index(flag) + 1]
                assert os.path.commonpath([path, plan.folder]) == str(plan.folder)


def test_the_shell_command_is_the_plan(plan, store):
    plan = dataclasses.replace(
        plan, prepared_store=str(store.path), options=CHANGED, backend="torch"
    )
    (line,) = shell_text(plan.commands()).splitlines()
    program, *arguments = shlex.split(line)
    command = parse(arguments)
    assert program == "keras-electra"
    assert command.backend == "torch"
    folders = command._folders(None)
    config = command._config(RunFolder(command.run_dir), folders[0], None)
    assert config == plan.config()
    assert (str(folders[0]), folders[1]) == (str(store.path), plan.run_dir)


def test_the_commands_that_prepare_are_the_plan(plan):
    plan = dataclasses.replace(
        plan,
        preparing={
            "tokenizer": {"lowercase": False},
            "corpus": {"unicode_form": "NFC", "encoding": "latin-1"},
            "duplicates": {"drop_duplicates": True},
            "store": {"seed": 3},
        },
    )
    lines = shell_text(plan.commands()).splitlines()
    train, prepare, _ = (parse(shlex.split(line)[1:]) for line in lines)
    assert given(train.tokenizer) == given(prepare.tokenizer) == {"lowercase": False}
    assert given(train.text) == {"encoding": "latin-1"}
    assert given(prepare.text) == {"encoding": "latin-1", "unicode_form": "NFC"}
    assert given(prepare.duplicates) == {"drop_duplicates": True}
    assert given(prepare.store) == {"seed": 3}
    assert (train.corpus, train.vocabulary_size) == (plan.corpus, 300)
    assert train.out == prepare.vocab == plan.vocabulary_path
    assert prepare.out == plan.store_path


def test_what_is_there_already_is_not_made_again(plan, store):
    names = [command.name for command in plan.commands(only_missing=True)]
    assert names == ["tokenizer train", "prepare", "pretrain"]
    plan.data_dir.mkdir(parents=True)
    plan.vocabulary_path.write_text("[PAD]\n")
    names = [command.name for command in plan.commands(only_missing=True)]
    assert names == ["prepare", "pretrain"]


def test_the_python_program_does_it(plan, tmp_path):
    small = {"num_layers": 1, "hidden_dim": 16, "intermediate_dim": 32, "embedding_dim": 8}
    options = {**small, "steps": 2, "sequence_length": 12, "batch_size": 4, "learning_rate": 0.01}
    plan = dataclasses.replace(plan, options=options, preparing={"store": {"seed": 3}})
    exec(compile(pretrain_program(plan), "program", "exec"), {})
    run = RunFolder(plan.run_dir)
    assert run.state() == "finished"
    assert PretrainConfig.from_dict(run.config()["pretrain"]) == plan.config()
    assert plan.store_path.is_dir()


def test_settings_are_json_and_the_plan_again(plan):
    changed = dataclasses.replace(plan, options=CHANGED)
    assert PretrainPlan(**changed.settings()) == changed


def test_flags_of_every_sort():
    options = {"corpus": ("a", "b"), "keep": True, "drop": False, "limit": None, "rate": 0.5}
    assert flags(options) == shlex.split("--corpus a b --keep --no-drop --limit none --rate 0.5")


# Estimates


@pytest.mark.parametrize("size", SIZES)
def test_estimates_of_all_sizes(size, tmp_path):
    config = PretrainConfig.from_size(size, 8192)
    found = estimating.estimate(config, tmp_path, corpus_tokens=10**6, has_store=False)
    assert found.tokens == config.steps * config.batch_size * config.sequence_length
    assert found.passes == pytest.approx(found.tokens / 10**6)
    assert found.seconds is None or found.seconds > 0
    assert found.memory_bytes > 16 * found.parameters.total
    assert found.free_bytes > 0


def test_sizes_need_more_and_more(tmp_path):
    found = [
        estimating.estimate(PretrainConfig.from_size(size, 8192, batch_size=64), tmp_path)
        for size in SIZES
    ]
    for name in ("memory_bytes", "disk_bytes"):
        values = [getattr(one, name) for one in found]
        assert values == sorted(values)


@pytest.mark.parametrize(
    ("size", "backend", "megabytes"),
    [
        ("tiny", "torch", 754),
        ("small", "torch", 2101),
        ("tiny", "jax", 1139),
        ("small", "jax", 2525),
        ("tiny", "tensorflow", 1215),
        ("small", "tensorflow", 2951),
    ],
)
def test_memory_is_about_what_was_measured(size, backend, megabytes, tmp_path):
    """The highest resident memory of runs of 16 examples, V = 8192, on a processor."""
    config = PretrainConfig.from_size(size, 8192, batch_size=16)
    found = estimating.estimate(config, tmp_path, backend=backend)
    assert found.memory_bytes == pytest.approx(megabytes * 1e6, rel=0.1)


@pytest.mark.parametrize("hidden_optimizer", ["adamw", "muon"])
def test_checkpoints_are_as_large_as_told(hidden_optimizer, tmp_path, tiny_config, store):
    from keras_electra.pretraining import pretrain

    wide = {"num_layers": 2, "hidden_dim": 64, "intermediate_dim": 256}
    config = tiny_config(steps=5, hidden_optimizer=hidden_optimizer, **wide)
    run = pretrain(config, store, tmp_path / "run").run
    (_, path) = run.checkpoints()[-1]
    one = sum(file.stat().st_size for file in path.iterdir())
    counts = count_parameters(config.encoder, config.objective)
    assert checkpoint_bytes(config, counts) == pytest.approx(3 * one, rel=0.1)


def test_an_estimate_in_words(tmp_path):
    config = PretrainConfig.from_size("tiny", 8192, time_budget_minutes=90.0)
    found = estimating.estimate(config, tmp_path, corpus_tokens=10**6)
    words = dict(estimating.in_words(found))
    assert words["parameters"] == "1,627,137; 1,560,960 in the encoder that is kept"
    assert words["tokens"] == "20,480,000, 20 passes over about 1,000,000"
    assert words["time"].startswith("about ")
    assert dict(estimating.in_words(found.at_speed(10.0, 600)))["time"].startswith("about 1 min")


def test_micro_batches_need_less_memory(tmp_path):
    whole, parted = (
        estimating.estimate(
            PretrainConfig.from_size("small", 8192, accumulation_steps=parts), tmp_path
        )
        for parts in (1, 8)
    )
    assert parted.memory_bytes < whole.memory_bytes / 3


def test_a_time_budget_is_the_time(tmp_path):
    config = PretrainConfig.from_size("large", 8192, time_budget_minutes=3.0)
    assert estimating.estimate(config, tmp_path).seconds == 180


def test_the_first_steps_correct_the_estimate(tmp_path):
    run = RunFolder(tmp_path)
    found = estimating.estimate(PretrainConfig.from_size("tiny", 100), tmp_path / "none")
    assert found.corrected(run) == found
    rows = [{"step": step, "tokens_per_second": speed} for step, speed in ((10, 1), (15, 500))]
    text = "".join(f"{str(row).replace(chr(39), chr(34))}\n" for row in rows)
    run.log_path.write_text(text)
    assert found.corrected(run) == found
    run.log_path.write_text(text + '{"step": 20, "tokens_per_second": 520}\n')
    corrected = found.corrected(run)
    assert corrected.seconds == pytest.approx(found.tokens / 520)
    assert "measured" in corrected.speed_source


def test_the_speed_of_a_run_like_this_one(tmp_path):
    config = PretrainConfig.from_size("tiny", 2048)
    settings = {"pretrain": config.to_dict()}
    session = RunSession(
        tmp_path / "old",
        config=settings,
        vocabulary=b"",
        environment={},
        details={"backend": "jax"},
    )
    with session:
        for step, speed in ((20, 10.0), (40, 1000.0)):
            session.append_log({"step": step, "tokens_per_second": speed})
    same = PretrainConfig.from_size("tiny", 8192, steps=100)
    found = estimating.estimate(same, tmp_path, backend="jax")
    assert found.speed_source == "as fast as old"
    assert found.seconds == pytest.approx(found.tokens / 1000)
    other = PretrainConfig.from_size("tiny", 8192, num_layers=9)
    for config, backend in ((same, "torch"), (other, "jax")):
        source = estimating.estimate(config, tmp_path, backend=backend).speed_source
        assert source != "as fast as old"


def test_a_status_tells_the_speed_after_twenty_steps():
    watch = pace.StepWatch()
    assert watch.steps_per_second({"state": "starting", "step": 0, "heartbeat": 1.0}) is None
    assert watch.steps_per_second({"state": "running", "step": 1, "heartbeat": 10.0}) is None
    assert watch.steps_per_second({"state": "running", "step": 15, "heartbeat": 12.0}) is None
    assert watch.steps_per_second({"state": "running", "step": 41, "heartbeat": 30.0}) == 2.0


def test_a_speed_is_news_every_half_minute(monkeypatch):
    now = [5.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    news = pace.SpeedNews()
    status = {"state": "running", "step": 1, "heartbeat": 10.0}
    assert news.of(status) is None
    later = {**status, "step": 41, "heartbeat": 30.0}
    assert news.of(later) == 2.0
    now[0] += 29.0
    assert news.of(later) is None
    now[0] += 2.0
    assert news.of({**later, "step": 81, "heartbeat": 40.0}) == 80 / 30


# What two launches need


@pytest.mark.skipif(os.name != "posix", reason="needs locks of files")
def test_what_two_launches_need_is_made_once(tmp_path, monkeypatch, capfd):
    """The second waits for the first, and takes what it made."""
    from keras_electra.launching import driver

    result, calls = tmp_path / "data" / "vocab.txt", []

    def call(arguments):
        calls.append(arguments)
        time.sleep(0.3)
        result.write_text("made")
        return 0

    monkeypatch.setattr(driver.subprocess, "call", call)
    made = {"shell": "make it", "arguments": ["make"], "result": str(result)}
    threads = [
        threading.Thread(target=driver.run, args=(made,), kwargs={"is_last": False})
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    told = capfd.readouterr().out
    assert f"waiting for another launch that makes {result}" in told
    assert f"{result} is there already" in told
    # Asked for by itself it says how it ended.
    assert driver.run(made, is_last=True) == 0 and len(calls) == 2


# Progress and backends


def test_progress_is_told_to_other_processes(tmp_path):
    path = tmp_path / "new" / "progress.json"
    assert readable_json(path) == {}
    with ProgressFile(path) as file:
        assert readable_json(path)["state"] == "working"
        file.update("reading", 5, 10)
        assert (readable_json(path)["stage"], readable_json(path)["done"]) == ("reading", 5)
    assert readable_json(path)["state"] == "finished"
    with pytest.raises(ValueError, match="no more"), ProgressFile(path):
        raise ValueError("no more")
    assert (readable_json(path)["state"], readable_json(path)["message"]) == ("failed", "no more")


@pytest.mark.parametrize("command", ["tokenizer", "prepare"])
def test_commands_tell_their_progress(command, tmp_path, corpus_file, vocabulary):
    progress, vocab = tmp_path / "progress.json", tmp_path / "vocab.txt"
    words = ["--corpus", str(corpus_file), "--progress-file", str(progress)]
    if command == "tokenizer":
        words = ["tokenizer", "train", *words, "--vocabulary-size", "100", "--out", str(vocab)]
    else:
        vocab.write_text("".join(f"{token}\n" for token in vocabulary))
        words = ["prepare", *words, "--vocab", str(vocab), "--out", str(tmp_path / "store")]
        words += ["--num-processes", "1"]
    parse(words).run()
    told = readable_json(progress)
    assert told["state"] == "finished"
    assert told["done"] == told["total"] > 0


def test_backends_are_found_without_importing_them():
    program = (
        "import sys\n"
        "from keras_electra.launching.installed import installed_backends\n"
        "print(*installed_backends())\n"
        "print(*{'jax', 'torch', 'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    found, imported = done.stdout.split("\n")[:2]
    assert found.split() == list(installed_backends())
    assert imported == ""


def test_the_kernels_backend_comes_first(monkeypatch):
    there = installed_backends()
    monkeypatch.setenv("KERAS_BACKEND", there[-1])
    assert usual_backend() == there[-1]
    monkeypatch.setenv("KERAS_BACKEND", "nothing")
    assert usual_backend() == there[0]
