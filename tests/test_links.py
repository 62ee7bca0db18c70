"""Nothing inside of a run, store or preset folder is written, locked or deleted through a link."""

import os

import numpy as np
import pytest

from keras_electra.corpus import Problems
from keras_electra.errors import InputError
from keras_electra.exploring.flags import Flags
from keras_electra.launching.commands import Command
from keras_electra.launching.starting import launch
from keras_electra.runs import RunFolder, RunSession, prune_checkpoints, send_command
from keras_electra.store import report, report_page
from keras_electra.store.preparing.working_folder import WorkingFolder, working_path

CONFIG = {"steps": 10}
VOCABULARY = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n"

FILES = [
    ".lock",
    "log.jsonl",
    "events.jsonl",
    "status.json",
    "config.json",
    "vocab.txt",
    "environment.json",
    "results.json",
]
FOLDERS = ["control", "checkpoints", "trials", "examples", "trials/trial_00/model"]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links need a privilege elsewhere")


def session(path) -> RunSession:
    return RunSession(path, config=CONFIG, vocabulary=VOCABULARY, environment={})


@pytest.fixture
def home(tmp_path):
    """A folder outside of every run, with something in it that nobody may touch."""
    folder = tmp_path / "home"
    (folder / "letters").mkdir(parents=True)
    (folder / "letters" / "one.txt").write_text("Dear\n")
    (folder / "notes.json").write_text('{"a": 1}')
    (folder / "notes.txt").write_text("no line end")
    (folder / ".left.1.tmp").write_text("mine")
    (folder / "step_00000001").mkdir()
    return folder


def contents(folder):
    found = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return found, sorted(folder.rglob("*"))


def linked(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def finished_run(path):
    with session(path) as one:
        one.append_log({"step": 1})
    return path


@pytest.mark.parametrize("is_old", [True, False], ids=["resumed", "new"])
@pytest.mark.parametrize("name", FILES + FOLDERS)
def test_a_run_with_a_link_inside_is_refused(tmp_path, home, name, is_old):
    run = tmp_path / "run"
    if is_old:
        finished_run(run)
        for gone in [run / name] if (run / name).exists() else []:
            gone.rmdir() if gone.is_dir() else gone.unlink()
    target = home if name in FOLDERS else home / "notes.txt"
    linked(run / name, target)
    before = contents(home)
    with pytest.raises(InputError, match="link") as caught, session(run):
        pass
    assert str(run / name) in str(caught.value)
    assert str(target) in str(caught.value)
    assert contents(home) == before
    assert (run / name).is_symlink()


def test_a_link_to_nothing_makes_nothing(tmp_path):
    linked(tmp_path / "run" / "log.jsonl", tmp_path / "elsewhere.jsonl")
    with pytest.raises(InputError, match="link"), session(tmp_path / "run"):
        pass
    assert not (tmp_path / "elsewhere.jsonl").exists()


def test_the_folder_itself_and_what_is_above_may_be_links(tmp_path):
    (tmp_path / "disk" / "first").mkdir(parents=True)
    linked(tmp_path / "runs", tmp_path / "disk")
    linked(tmp_path / "short", tmp_path / "runs" / "first")
    finished_run(tmp_path / "short")
    with session(tmp_path / "short") as again:
        assert again.resumed
    assert RunFolder(tmp_path / "disk" / "first").log_rows() == [{"step": 1}]


def test_links_made_while_a_run_is_open(tmp_path, home):
    run = tmp_path / "run"
    with session(run) as one:
        one.set_state("running", 1)
        (run / "control").rmdir()
        linked(run / "control", home)
        before = contents(home)
        assert one.take_commands() == []
        with pytest.raises(InputError, match="link"):
            send_command(run, "stop")
        linked(run / "log.jsonl", home / "notes.txt")
        for write in (lambda: one.append_log({"step": 2}), lambda: one.cut_log(1)):
            with pytest.raises(InputError, match="link"):
                write()
        (run / "log.jsonl").unlink()
    assert contents(home) == before


def test_pruning_leaves_links_alone(tmp_path, home):
    run = RunFolder(finished_run(tmp_path / "run"))
    linked(run.checkpoint_path(1), home / "step_00000001")
    run.checkpoint_path(2).mkdir()
    run.checkpoint_path(3).mkdir()
    before = contents(home)
    assert prune_checkpoints(run, 1) == [2]
    assert run.checkpoint_path(1).is_symlink()
    for step in (1, 3):
        run.checkpoint_path(step).unlink() if step == 1 else run.checkpoint_path(step).rmdir()
    run.checkpoints_path.rmdir()
    linked(run.checkpoints_path, home)
    with pytest.raises(InputError, match="link"):
        prune_checkpoints(run, 1)
    assert contents(home) == before


@pytest.mark.parametrize("name", ["output.txt", "launch.json"])
def test_a_launch_writes_through_no_link(tmp_path, home, name):
    run = tmp_path / "run"
    linked(run / name, home / "notes.json")
    before = contents(home)
    with pytest.raises(InputError, match="link"):
        launch([Command("list", ("runs", "list"))], run)
    assert contents(home) == before


def test_flags_are_written_through_no_link(tmp_path, home):
    linked(tmp_path / "run" / "flags.jsonl", home / "notes.txt")
    before = contents(home)
    with pytest.raises(InputError, match="link"):
        Flags(tmp_path / "run").set("task", "validation", "1", True)
    assert contents(home) == before


@pytest.mark.parametrize("name", ["lock", "parts", "settings.json", "units.json", "parts/000000"])
def test_a_store_in_the_making_with_a_link_inside_is_refused(tmp_path, home, name):
    working = WorkingFolder(tmp_path / "store.preparing")
    linked(working.path / name, home if name.startswith("parts") else home / "notes.json")
    before = contents(home)
    with pytest.raises(InputError, match="link"), working.held(is_shared=False):
        pass
    assert contents(home) == before


def test_a_store_in_the_making_may_be_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    linked(tmp_path / "store.preparing", tmp_path / "disk")
    # Twice, for the folder behind the link is removed at the end.
    for _ in range(2):
        working = WorkingFolder(working_path(tmp_path / "store"))
        with working.held(is_shared=False):
            working.begin({}, [], is_shared=False)
            assert (tmp_path / "disk" / "settings.json").is_file()
        working.remove()
        assert not (tmp_path / "disk").exists()


@pytest.mark.parametrize("is_link", [True, False])
def test_a_folder_with_other_things_is_no_store_in_the_making(tmp_path, home, is_link):
    if is_link:
        linked(tmp_path / "store.preparing", home)
    else:
        home.rename(tmp_path / "store.preparing")
        home = tmp_path / "store.preparing"
    before = contents(home)
    working = WorkingFolder(working_path(tmp_path / "store"))
    message = "expected an empty folder or a store in the making, received"
    with pytest.raises(InputError, match=message), working.held(is_shared=False):
        pass
    with pytest.raises(InputError, match=message):
        working.remove()
    assert contents(home) == before


@pytest.mark.parametrize("name", ["report.json", "report.html"])
def test_files_of_a_store_are_replaced_through_no_link(tmp_path, home, monkeypatch, name):
    linked(tmp_path / "store" / name, home / "notes.json")
    monkeypatch.setattr(report_page, "page", str)
    before = contents(home)
    with pytest.raises(InputError, match="link"):
        report.write_report(tmp_path / "store", {})
    assert contents(home) == before
    assert (tmp_path / "store" / name).is_symlink()


def test_what_is_done_of_a_store_is_noted_through_no_link(tmp_path, home):
    working = WorkingFolder(tmp_path / "store.preparing")
    linked(working.unit_folder(0) / "done.json", home / "notes.json")
    before = contents(home)
    with pytest.raises(InputError, match="link"):
        working.finish_unit(0, 1, Problems())
    assert contents(home) == before


def test_checkpoints_and_presets(tmp_path, home, tiny_encoder, tokenizer):
    from keras_electra.checkpoint import save_checkpoint
    from keras_electra.opening import load
    from keras_electra.optimizers import ElectraAdamW
    from keras_electra.presets import save_preset
    from keras_electra.pretrainer import ElectraPretrainer

    model = ElectraPretrainer(tiny_encoder(num_layers=1))
    model.tokenizer, model.sequence_length = tokenizer, 12
    model.compile(optimizer=ElectraAdamW({}, 10))
    model.optimizer.build(model.trainable_variables)
    before = contents(home)
    linked(tmp_path / "run" / "checkpoints", home)
    state = {"step": 1, "tokens": 0, "seconds": 0}
    for path in (tmp_path / "run" / "checkpoints" / "step_00000001", tmp_path / "run2" / "one"):
        if path.name == "one":
            linked(path, home / "step_00000001")
        with pytest.raises(InputError, match="link"):
            save_checkpoint(path, model, state)
    assert contents(home) == before
    # A preset's own folder may be a link.
    (tmp_path / "disk").mkdir()
    linked(tmp_path / "preset", tmp_path / "disk")
    save_preset(tmp_path / "preset", model)
    assert (tmp_path / "preset").is_symlink()
    assert (tmp_path / "disk" / "config.json").is_file()
    opened = load(tmp_path / "preset")
    np.testing.assert_array_equal(
        np.asarray(opened.backbone.embeddings.table()),
        np.asarray(model.backbone.embeddings.table()),
    )
