"""Launches are processes of their own: they outlive who started them, and are found by their folder."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from keras_electra.errors import InputError
from keras_electra.launching.commands import Command, command
from keras_electra.launching.pretrain_plan import PretrainPlan
from keras_electra.launching.starting import Launch, launch
from keras_electra.processes import host_name
from keras_electra.runs import RunFolder

SMALL = {
    "num_layers": 1,
    "hidden_dim": 16,
    "intermediate_dim": 32,
    "embedding_dim": 8,
    "sequence_length": 12,
    "batch_size": 4,
    "steps": 4,
    "log_every_steps": 2,
}
STARTS_AND_DIES = """
import json, os, signal, sys
from keras_electra.launching.pretrain_plan import PretrainPlan
from keras_electra.launching.starting import launch
plan = PretrainPlan.from_settings(json.loads(sys.argv[1]))
launch(plan.commands(only_missing=True), plan.run_dir, plan=plan.settings())
os.kill(os.getpid(), signal.SIGKILL)
"""


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


def test_a_launch_goes_on_when_its_parent_is_killed(tmp_path, corpus_file):
    """All of it: vocabulary, store and training go on without the process that asked for them."""
    plan = PretrainPlan(
        folder=tmp_path, corpus=[corpus_file], vocabulary_size=300, options=SMALL, name="first"
    )
    settings = json.dumps(plan.settings())
    parent = subprocess.run([sys.executable, "-c", STARTS_AND_DIES, settings], check=False)
    assert parent.returncode == -signal.SIGKILL
    found = Launch(plan.run_dir)
    assert found.status().is_live
    with pytest.raises(InputError, match="without work in it"):
        launch(plan.commands(), plan.run_dir)
    status = found.wait(240)
    assert status.state == "finished", found.output()
    run = RunFolder(plan.run_dir)
    assert run.status()["step"] == 4
    assert [row["step"] for row in run.log_rows()] == [2, 4]
    until(lambda: "finished at step 4 of 4" in "\n".join(found.output()))
    # The process that prepared the text became the one that trained.
    assert run.status()["pid"] == found.file.read()["pid"]
    assert PretrainPlan.from_settings(found.plan()) == plan
    assert plan.problems()["name"].endswith("a run that is finished at step 4")


def test_a_failure_is_told_in_the_programs_own_sentence(tmp_path, corpus_file):
    few = command(
        "tokenizer train",
        {"corpus": (corpus_file,), "vocabulary_size": 3, "out": tmp_path / "vocab.txt"},
    )
    started = launch([few, Command("pretrain", ("pretrain",))], tmp_path / "run")
    status = started.wait(60)
    assert (status.state, status.command) == ("failed", "tokenizer train")
    assert status.message.startswith("vocabulary_size: expected at least")
    assert status.sentence == status.message
    assert not (tmp_path / "vocab.txt").exists()


def test_what_was_cancelled_can_be_started_again(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    waits = command("tokenizer train", {"corpus": (pipe,), "out": tmp_path / "vocab.txt"})
    commands = [waits, Command("pretrain", ("pretrain",))]
    started = launch(commands, tmp_path / "run")
    until(lambda: started.file.read().get("pid"))
    assert started.status().state == "preparing"
    started.cancel()
    assert started.wait(30).state == "cancelled"
    with pytest.raises(InputError, match="received a run that is cancelled"):
        started.cancel()
    again = launch(commands, tmp_path / "run")
    assert again.status().is_live
    again.cancel()
    assert again.wait(30).state == "cancelled"


def test_a_process_that_was_killed_is_said_to_be_lost(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    waits = command("tokenizer train", {"corpus": (pipe,), "out": tmp_path / "vocab.txt"})
    started = launch([waits, Command("pretrain", ("pretrain",))], tmp_path / "run")
    until(lambda: started.file.read().get("pid"))
    os.killpg(started.file.read()["pid"], signal.SIGKILL)
    status = started.wait(30)
    assert status.state == "lost"
    assert status.message == "tokenizer train ended without saying why"


def test_a_folder_without_a_launch(tmp_path):
    assert not Launch(tmp_path).exists()
    with pytest.raises(InputError, match="expected a folder that a run was started in"):
        Launch(tmp_path).status()
    assert list(pathlib.Path(tmp_path).iterdir()) == []


def test_preparing_alone_finishes(tmp_path, corpus_file):
    plan = PretrainPlan(folder=tmp_path, corpus=[corpus_file], vocabulary_size=300)
    started = launch(plan.commands()[:-1], plan.data_dir)
    status = started.wait(90)
    assert (status.state, status.command) == ("finished", "prepare"), started.output()
    assert plan.store_path.is_dir()
    names = [one.name for one in plan.commands(only_missing=True)]
    assert names == ["pretrain"]


def test_a_folder_from_elsewhere_names_no_process_of_ours(tmp_path):
    """What lies in a folder is read, never run, and no process is ended by its number alone."""
    found = Launch(tmp_path)
    content = {"commands": [{"name": "pretrain", "arguments": []}], "host": host_name()}
    found.file.write({**content, "pid": os.getpid(), "plan": {"prepared_store": None, "evil": 1}})
    assert found.status().state == "lost"
    with pytest.raises(InputError, match="received a run that is lost"):
        found.cancel()
    with pytest.raises(InputError, match="expected the settings of a form"):
        PretrainPlan.like(tmp_path)
