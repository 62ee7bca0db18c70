"""Relative paths keep their meaning after `os.chdir`, in everything that lives on after the call."""

import pathlib
import shlex
import shutil

import pytest
from finetuned_runs import write_run
from widget_stubs import from_browser

pytest.importorskip("anywidget")

from keras_electra import Store
from keras_electra.errors import InputError
from keras_electra.exploring import TaskRun
from keras_electra.files import shown_path
from keras_electra.launching import FinetunePlan, Launch, PretrainPlan, pretrain_program
from keras_electra.launching.commands import shell_text
from keras_electra.monitoring import RunFollower, list_runs
from keras_electra.run_logger import RunLogger
from keras_electra.runs import RunFolder, RunSession
from keras_electra_widgets import (
    FineTuneLauncher,
    PretrainLauncher,
    RunMonitor,
    RunTable,
    TaskExplorer,
)


@pytest.fixture
def here(tmp_path, store, corpus_file, monkeypatch):
    """The working directory, with a store, a text, a pretraining and a fine-tuning run."""
    (tmp_path / "elsewhere").mkdir()
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    shutil.copytree(store.path, work / "store")
    shutil.copy(corpus_file, work / "text.txt")
    write_run(work / "runs" / "task")
    settings = {"config": {"pretrain": {}}, "vocabulary": b"x\n", "environment": {}}
    with RunSession("runs/first", **settings) as session:
        session.append_log({"step": 1, "loss": 2.0})
        session.set_state("finished", 1)
    return work


@pytest.fixture
def leave(here, monkeypatch):
    return lambda: monkeypatch.chdir(here.parent / "elsewhere")


def test_plain_objects(here, leave):
    made = {
        "folder": RunFolder("runs/first"),
        "follower": RunFollower("runs/first"),
        "task": TaskRun("runs/task"),
        "store": Store("store"),
        "launch": Launch("runs/first"),
        "runs": list_runs("runs"),
        "logger": RunLogger("runs/logged"),
    }
    leave()
    assert made["folder"].log_rows() == [{"step": 1, "loss": 2.0}]
    made["follower"].update()
    assert made["follower"].state == "finished"
    made["task"].refresh()
    assert made["task"].judged(made["task"].tasks[0], "validation")
    assert made["task"].path == here / "runs" / "task"
    assert made["store"].tokenizer() and made["store"].path == here / "store"
    assert made["launch"].run.path == here / "runs" / "first"
    assert [run.exists() for run in made["runs"]] == [True, True]
    assert made["logger"].run_dir == here / "runs" / "logged"
    assert not list((here.parent / "elsewhere").iterdir())


def test_a_session_goes_on_in_its_folder(here, leave):
    with RunSession("runs/new", config={}, vocabulary=b"x\n", environment={}) as session:
        leave()
        session.append_log({"step": 1})
        session.append_event("checkpoint", step=1)
        session.set_state("finished", 1)
    run = RunFolder(here / "runs" / "new")
    assert (run.log_rows(), run.state()) == ([{"step": 1}], "finished")
    assert not list((here.parent / "elsewhere").iterdir())


def test_plans(here, leave):
    plan = PretrainPlan(folder="work", corpus="text.txt", vocabulary_size=300)
    tuned = FinetunePlan(folder="work", model="runs/task", data="text.txt")
    shell, program, place = shell_text(plan.commands()), pretrain_program(plan), plan.data_dir
    assert str(here) not in shell + program
    assert "--corpus text.txt" in shell and "--run-dir work/run-1" in shell
    leave()
    assert not plan.problems()
    assert (plan.data_dir, plan.run_dir) == (place, here / "work" / "run-1")
    assert f"--corpus {shlex.quote(str(here / 'text.txt'))}" in shell_text(plan.commands())
    assert str(here / "text.txt") in pretrain_program(plan)
    assert tuned.data == str(here / "text.txt") and tuned.run_dir.parent == here / "work"
    with pytest.raises(InputError, match=r"elsewhere/text\.txt|text\.txt, which is missing"):
        PretrainPlan(corpus="text.txt").sources and PretrainPlan(corpus="text.txt").files


def test_panels(here, leave, comms, unthreaded):
    monitor, table = RunMonitor("runs/first"), RunTable("runs")
    explorer = TaskExplorer("runs/task", predict=lambda inputs: [])
    launcher = PretrainLauncher("work", corpus="text.txt", vocabulary_size=300)
    tuner = FineTuneLauncher("work", data="text.txt")
    assert "RunMonitor('runs/first')" in monitor.code() and "RunTable('runs'" in table.code()
    assert launcher.rows["corpus"].value == "text.txt"
    leave()
    monitor._tick()
    assert "finished" in monitor.as_text() and "No run" not in monitor.as_text()
    table._next_look = table._surveyed_at = 0.0
    table._tick()
    assert len(table.records) == 2
    assert str(here / "runs" / "first") in monitor.code()
    explorer._look()
    assert explorer.run.judged(explorer.run.tasks[0], "validation")
    launcher.assess()
    assert not launcher.assessment.problems
    assert launcher.assessment.plan.sources == (str(here / "text.txt"),)
    from_browser(launcher.rows["corpus"].control, value="missing.txt")
    assert str(here / "missing.txt") in launcher.assessment.problems["corpus"]
    assert tuner.plan_of_form()[0].data == str(here / "text.txt")
    for panel in (monitor, table, explorer, launcher, tuner):
        panel.close()
    assert not list((here.parent / "elsewhere").iterdir())


def test_paths_are_shown_as_they_are_typed(here, leave):
    assert shown_path(here / "runs") == "runs"
    leave()
    assert shown_path(here / "runs") == str(here / "runs")
    assert pathlib.Path.cwd().name == "elsewhere"
