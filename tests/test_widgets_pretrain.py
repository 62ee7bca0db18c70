"""`PretrainLauncher` without a browser: checked as typed, estimated, started, followed, found again."""

import datetime
import os
import pathlib
import time

import pytest
from widget_stubs import from_browser

pytest.importorskip("anywidget")

import ipywidgets

import keras_electra_widgets
from keras_electra.launching import Launch, PretrainPlan
from keras_electra.launching.installed import installed_backends
from keras_electra.launching.launch_file import LaunchFile
from keras_electra.launching.progress import ProgressFile
from keras_electra.processes import host_name, start_time_of
from keras_electra.runs import RunSession
from keras_electra.store import prepare_store
from keras_electra.tokenizer import SPECIAL_TOKENS, WordPieceTokenizer
from keras_electra_widgets import launcher as launcher_module
from keras_electra_widgets import ticker
from keras_electra_widgets.pretrain import PretrainLauncher

EVIL = "<script>alert(1)</script>"


class Monitor(ipywidgets.VBox):
    """Stands where a `RunMonitor` would."""

    def __init__(self, run_dir):
        super().__init__()
        self.run_dir = run_dir

    def static_parts(self):
        return ["<p>the run</p>"]


@pytest.fixture
def started(monkeypatch):
    """Plans that were started: nothing is, but a launch file of this very process is written."""
    plans = []

    def launch(commands, run_dir, *, plan=None, backend=None):
        found = Launch(run_dir)
        found.run.path.mkdir(parents=True, exist_ok=True)
        names = [
            {"name": c.name, "arguments": c.full_arguments, "progress": c.progress_path}
            for c in commands
        ]
        mine = {"pid": os.getpid(), "process_start_time": start_time_of(os.getpid())}
        content = {"commands": names, "at": 0, "host": host_name(), "started": time.time(), **mine}
        found.file.write({**content, "plan": plan})
        plans.append(plan)
        return found

    monkeypatch.setattr(launcher_module, "launch", launch)
    monkeypatch.setattr(keras_electra_widgets, "RunMonitor", Monitor, raising=False)
    return plans


@pytest.fixture
def panel(comms, unthreaded, tmp_path, corpus_file, started):
    return PretrainLauncher(tmp_path / "work", corpus=str(corpus_file), vocabulary_size=300)


def type_in(panel, name, value):
    from_browser(panel.rows[name].control, value=value)


def choose(panel, name, value):
    control = panel.rows[name].control
    control.value = value


def session(panel, **details):
    """A run in the folder of the panel, written by this process."""
    path = panel.launched.run.path
    return RunSession(
        path, config={"pretrain": {}}, vocabulary=b"", environment={}, steps=60, details=details
    )


def test_a_form_that_is_right(panel):
    assert panel.state == "ready"
    assert not panel.start.disabled
    assert panel.cancel.reason == "nothing is at work"
    names = [name for name, _ in panel.assessment.estimate]
    assert names == ["parameters", "memory", "tokens", "time", "disk"]
    lines = panel.shell.text.splitlines()
    assert [line.split()[1] for line in lines] == ["tokenizer", "prepare", "pretrain"]
    assert "ke.pretrain(config, store," in panel.python.text
    assert panel.code() == panel.python.text


def test_what_does_not_fit_the_text_is_shown_before_the_start(panel, tmp_path):
    text = tmp_path / "hi.txt"
    text.write_text("हिन्दी में कुछ शब्द और वाक्य लिखे गए हैं।\n" * 20, encoding="utf-8")
    type_in(panel, "corpus", str(text))
    decided = "marks of letters are kept: removing accents would change "
    assert decided in panel.estimate.value and decided in panel.as_text()
    assert any(decided in part for part in panel.static_parts())
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\n<b>\n")
    choose(panel, "vocabulary_source", "file")
    type_in(panel, "vocabulary", str(vocabulary))
    assert "become [UNK]" in panel.estimate.value and "ke-problem" in panel.estimate.value
    assert "हिनदी" in panel.estimate.value and not panel.start.disabled
    assert f"from_file({str(vocabulary)!r})" in panel.python.text


def test_the_warnings_of_a_store_are_shown(panel, tmp_path):
    store = tmp_path / "store"
    WordPieceTokenizer([*SPECIAL_TOKENS, "mude", "müde"]).save(tmp_path / "vocab.txt")
    (tmp_path / "de.txt").write_text("müde müde\n" * 20, encoding="utf-8")
    told = []
    tokenizer = WordPieceTokenizer.from_file(tmp_path / "vocab.txt")
    prepare_store(tmp_path / "de.txt", tokenizer, store, tell=told.append)
    choose(panel, "source", "store")
    type_in(panel, "prepared_store", str(store))
    assert told[0] in panel.as_text() and "--no-strip-accents" in panel.estimate.value


def test_nothing_is_written_before_the_start(panel, tmp_path):
    assert not (tmp_path / "work").exists()


def test_each_field_is_checked_as_it_is_typed(panel):
    type_in(panel, "steps", "1x")
    assert panel.rows["steps"].problem == "steps: expected a whole number, received '1x'"
    assert "expected a whole number" in panel.rows["steps"].message.value
    type_in(panel, "name", "a/b")
    assert panel.rows["name"].problem.startswith("name: expected the name of a folder")
    assert panel.start.disabled
    assert panel.start.reason == "2 fields need a correction"
    assert "2 fields need a correction" in panel.actions.reasons.value
    assert (panel.head.state, panel.shell.text) == ("empty", "")
    type_in(panel, "steps", "20")
    type_in(panel, "name", "fine")
    assert not panel.start.disabled
    assert "--steps 20" in panel.shell.text


def test_what_is_typed_is_never_markup(panel):
    type_in(panel, "name", EVIL)
    assert "<script" not in panel.rows["name"].message.value
    type_in(panel, "corpus", EVIL)
    assert "&lt;script" in panel.rows["corpus"].message.value


def test_advanced_options_are_folded_away_and_checked(panel):
    assert panel.advanced._made == {}
    panel.advanced.chooser.value = "masking"
    rows = panel.advanced._made["masking"].rows
    assert rows["mask_rate"].control.placeholder == "0.15 (recipe)"
    assert rows["mask_rate"].help == "fraction of the tokens of an example to select"
    from_browser(rows["mask_rate"].control, value="3")
    assert rows["mask_rate"].problem == "mask_rate: expected a fraction in (0, 1), received 3.0"
    from_browser(rows["mask_rate"].control, value="0.2")
    rows["whole_words"].control.value = "on"
    assert panel.assessment.problems == {}
    assert "--mask-rate 0.2 --whole-words" in panel.shell.text
    panel.advanced.chooser.value = panel.advanced.NONE
    assert "--mask-rate 0.2" in panel.shell.text


def test_a_wrong_value_folds_its_group_out(panel):
    panel.advanced.fill({"optimizer": {"beta_1": 2.0}})
    panel.assess()
    assert panel.advanced.chooser.value == "optimizer"
    assert panel.advanced._made["optimizer"].rows["beta_1"].problem.startswith("beta_1: expected")


def test_options_of_preparing_are_their_own(panel):
    panel.advanced.fill({"dividing the store": {"seed": 5}, "training": {"seed": 6}})
    panel.assess()
    prepare, pretrain = panel.shell.text.splitlines()[1:]
    assert "--seed 5" in prepare and "--seed 6" in pretrain


def test_the_kernels_backend_is_chosen_first(panel, monkeypatch, tmp_path):
    values = [value for _, value in panel.rows["backend"].control.options]
    assert values == list(installed_backends())
    monkeypatch.setenv("KERAS_BACKEND", values[-1])
    assert PretrainLauncher(tmp_path).rows["backend"].value == values[-1]


@pytest.mark.parametrize(
    ("source", "shown"),
    [("books", 0), ("paths", 1), ("upload", 2), ("store", 1)],
)
def test_only_the_fields_that_a_source_needs(panel, source, shown):
    choose(panel, "source", source)
    assert len(panel._source_box.children) == shown
    assert bool(panel._vocabulary_box.children) == (source != "store")


def test_an_upload_stays_in_the_working_folder(panel, tmp_path):
    choose(panel, "source", "upload")
    assert panel.rows["corpus"].control.value
    file = {"name": "../../evil.txt", "content": memoryview(b"A line.\n"), "size": 8}
    panel.upload.set_trait(
        "value", ({**file, "type": "", "last_modified": datetime.datetime.now()},)
    )
    path = tmp_path / "work" / "uploads" / "evil.txt"
    assert path.read_bytes() == b"A line.\n"
    assert panel.rows["corpus"].value == str(path)


def test_from_start_to_finish(panel, unthreaded, started):
    panel.start.click()
    assert PretrainPlan(**started[0]) == panel.assessment.plan
    assert (panel.state, panel.head.word) == ("busy", "busy") or panel.head.word == "preparing"
    assert panel.start.reason == "run-1 is preparing; New run plans another"
    progress = panel.launched.file.read()["commands"][0]["progress"]
    with ProgressFile(progress) as file:
        file.update("reading", 5_000_000, 20_000_000)
        unthreaded.run_timers()
        assert panel.head.sentence == "tokenizer train: reading, 5.0 of 20.0 MB"
        assert (panel.bar.value, panel.bar.layout.display) == (0.25, None)
    panel.launched.file.update(at=2)
    unthreaded.run_timers()
    assert "compiled, which can take a minute" in panel.head.sentence
    assert panel.slot.children == ()
    with session(panel) as run:
        run.set_state("running", 1)
        unthreaded.run_timers()
        assert (panel.state, panel.monitor.run_dir) == ("running", panel.launched.run.path)
        run.set_state("finished", 60)
    unthreaded.run_timers()
    assert panel.state == "finished"
    assert panel.start.reason == "run-1 is finished; New run plans another"
    panel.again.click()
    assert panel.rows["name"].value == "run-2"
    assert panel.slot.children == ()
    assert not panel.start.disabled


def test_twenty_steps_correct_the_estimate(panel, unthreaded):
    panel.start.click()
    panel.launched.file.update(at=2)
    before = dict(panel.assessment.estimate)["time"]
    start = time.time() + 100
    with session(panel) as run:
        for step, moment in ((1, start), (41, start + 10)):
            run.set_state("running", step)
            status = panel.launched.run.status_path
            status.write_text(
                f'{{"state": "running", "step": {step}, "steps": 60, "heartbeat": '
                f'{moment}, "pid": {os.getpid()}, "host": "{host_name()}"}}'
            )
            unthreaded.run_timers()
    after = dict(panel.assessment.estimate)
    assert before != after["time"] == "about 15 s (measured: 4 steps/s)"
    assert "at most so far" in after["memory"] or not pathlib.Path("/proc/self/status").exists()
    assert "15 s" in panel.estimate.value


def test_a_failure_is_told_with_the_last_lines(panel, unthreaded):
    panel.start.click()
    panel.launched.run.output_path.write_text(
        "$ keras-electra prepare\nkeras-electra: corpus: expected text, received <b>none</b>\n"
    )
    panel.launched.file.update(exit_code=2, pid=2**22 + 1)
    unthreaded.run_timers()
    assert panel.state == "error"
    assert panel.head.sentence == "corpus: expected text, received <b>none</b>"
    assert panel.head.is_alert and "$ keras-electra prepare" in panel.head.details
    assert not panel.again.disabled


def test_of_many_changes_in_a_row_the_last_is_checked(panel, monkeypatch):
    """On the one thread that all panels share, a check may take seconds."""
    shared, checked = ticker.Ticker(), []
    monkeypatch.setattr(ticker, "shared", shared)
    monkeypatch.setattr(panel, "assess", lambda: (time.sleep(0.2), checked.append(1)))
    for number in range(20):
        type_in(panel, "steps", str(number))
    assert shared.flush(10.0)
    assert 1 <= len(checked) <= 3


def test_a_run_that_is_started_again_is_followed(panel, unthreaded, started):
    panel.start.click()
    panel.launched.file.update(at=2)
    with session(panel) as run:
        run.set_state("stopped", 20)
    unthreaded.run_timers()
    assert panel.state == "stopped" and panel.cancel.disabled and not panel.again.disabled
    # What the monitor's Resume does.
    content = panel.launched.file.read()
    panel.launched.file.write({**content, "at": 0, "commands": content["commands"][-1:]})
    with session(panel) as run:
        run.set_state("running", 21)
        unthreaded.run_timers()
        assert panel.state == "running" and not panel.cancel.disabled and panel.again.disabled


def test_a_run_at_work_is_found_again(panel, unthreaded, tmp_path, started):
    """As after a restart of the kernel: another panel on the same folder shows the run."""
    type_in(panel, "steps", "77")
    panel.start.click()
    other = PretrainLauncher(tmp_path / "work")
    assert other.launched.run.path == panel.launched.run.path
    assert other.rows["steps"].value == "77"
    assert other.rows["corpus"].value == panel.rows["corpus"].value
    assert "New run plans another" in other.start.reason


def test_settings_of_another_run_are_copied(panel, unthreaded, tmp_path):
    type_in(panel, "steps", "77")
    choose(panel, "objective", "mlm")
    panel.start.click()
    panel.launched.file.update(at=2)
    with session(panel) as run:
        run.set_state("finished", 60)
    other = PretrainLauncher(tmp_path / "work")
    assert [value for _, value in other.rows["same_as"].control.options] == ["", "run-1"]
    choose(other, "same_as", "run-1")
    assert (other.rows["steps"].value, other.rows["objective"].value) == ("77", "mlm")
    assert other.rows["name"].value == "run-2"
    assert other.assessment.problems == {}


def test_settings_of_a_run_of_the_command_line(tmp_path, tiny_config, store):
    config = tiny_config(steps=9)
    settings = {"pretrain": config.to_dict(), "store": {"path": str(store.path)}}
    run = RunSession(tmp_path / "run", config=settings, vocabulary=b"", environment={})
    with run:
        pass
    plan = PretrainPlan.like(tmp_path / "run", folder=tmp_path, name="new")
    assert plan.config() == config
    assert plan.store_path == store.path


def test_preparing_alone(panel, started, monkeypatch):
    from keras_electra_widgets import pretrain

    monkeypatch.setattr(pretrain, "launch", launcher_module.launch)
    panel.prepare.click()
    (plan,) = started
    assert plan == {"prepares": str(panel.assessment.plan.store_path)}
    names = [one["name"] for one in panel.launched.file.read()["commands"]]
    assert names == ["tokenizer train", "prepare"]


def test_few_messages_for_a_key(panel, comms):
    type_in(panel, "steps", "2")
    comms.clear()
    type_in(panel, "steps", "20")
    assert len(comms) <= 10


def test_the_static_copy_tells_the_plan(panel, tmp_path):
    page = panel.to_html(tmp_path / "page.html").read_text()
    assert "keras-electra pretrain" in page and "parameters" in page
    assert "<script" not in page
    assert "parameters: " in panel.as_text()


def test_unknown_settings_are_refused(comms, unthreaded, tmp_path):
    with pytest.raises(TypeError, match="did you mean 'size'"):
        PretrainLauncher(tmp_path, sise="tiny")


def test_a_folder_without_a_launch_is_left_alone(panel, tmp_path):
    assert LaunchFile(tmp_path).read() == {}


def test_hints_follow_the_size(panel):
    assert panel.rows["steps"].control.placeholder == "20000 (recipe)"
    panel.advanced.chooser.value = "encoder"
    rows = panel.advanced._made["encoder"].rows
    assert rows["hidden_dim"].control.placeholder == "128 (recipe)"
    rows["norm_position"].control.value = "pre"
    choose(panel, "size", "small")
    assert panel.rows["steps"].control.placeholder == "1000000 (recipe)"
    assert rows["hidden_dim"].control.placeholder == "256 (recipe)"
    assert rows["norm_position"].control.options[0] == ("post (recipe)", "")
    assert rows["norm_position"].value == "pre"
