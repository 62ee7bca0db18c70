"""`FineTuneLauncher` without a browser: data looked over, roles guessed, started, results shown."""

import datetime
import json
import os
import time

import pytest
from conftest import ENCODER, SUBJECTS, VERBS
from widget_stubs import from_browser

pytest.importorskip("anywidget")

import ipywidgets

import keras_electra_widgets
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.launching import FinetunePlan, Launch
from keras_electra.processes import host_name, start_time_of
from keras_electra.runs import RunSession
from keras_electra_widgets import launcher as launcher_module
from keras_electra_widgets.finetune import FineTuneLauncher

EVIL = "<script>alert(1)</script>"


class Shown(ipywidgets.VBox):
    """Stands where another panel would."""

    def __init__(self, run_dir):
        super().__init__()
        self.run_dir = run_dir

    def static_parts(self):
        return ["<p>shown</p>"]


@pytest.fixture
def model(tmp_path, vocabulary):
    path = tmp_path / "preset"
    path.mkdir()
    config = {"encoder": ENCODER, "tokenizer": TokenizerConfig().to_dict()}
    (path / "config.json").write_text(json.dumps(config))
    (path / "vocab.txt").write_text("".join(f"{token}\n" for token in vocabulary))
    return path


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "reviews.csv"
    rows = [f"the {SUBJECTS[i % 8]} {VERBS[i % 2]} .,{['good', 'bad'][i % 2]}" for i in range(40)]
    rows.append(f"{EVIL},good")
    path.write_text("review,stars\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def started(monkeypatch):
    """Plans that were started: nothing is, but a launch file of this very process is written."""
    plans = []

    def launch(commands, run_dir, *, plan=None, backend=None):
        found = Launch(run_dir)
        found.run.path.mkdir(parents=True, exist_ok=True)
        names = [{"name": c.name, "arguments": c.full_arguments} for c in commands]
        mine = {"pid": os.getpid(), "process_start_time": start_time_of(os.getpid())}
        content = {"commands": names, "at": 0, "host": host_name(), "started": time.time(), **mine}
        found.file.write({**content, "plan": plan})
        plans.append(plan)
        return found

    monkeypatch.setattr(launcher_module, "launch", launch)
    for name in ("RunMonitor", "TaskExplorer"):
        monkeypatch.setattr(keras_electra_widgets, name, Shown, raising=False)
    return plans


def looked_at(panel, seconds=20):
    """Wait until the data was looked over."""
    deadline = time.monotonic() + seconds
    while panel.data.report is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert panel.data.report is not None, panel.head.sentence
    # What is posted from the thread that looked is done in it.
    while not panel.assessment.estimate and time.monotonic() < deadline:
        time.sleep(0.02)
    return panel


def done_at_once(self, job, then=None, on_error=None):
    """In the place of `Panel.work`: without the one thread that writes widgets, two would write here."""
    try:
        result = job()
    except Exception as error:
        self._broken(error, on_error)
    else:
        then(result)


@pytest.fixture
def panel(comms, unthreaded, tmp_path, model, table, started, monkeypatch):
    monkeypatch.setattr(FineTuneLauncher, "work", done_at_once)
    return looked_at(FineTuneLauncher(tmp_path / "work", model=str(model), data=str(table)))


def type_in(panel, name, value):
    from_browser(panel.rows[name].control, value=value)


def test_nothing_chosen_says_what_is_missing(comms, unthreaded, tmp_path):
    panel = FineTuneLauncher(tmp_path / "work")
    assert panel.rows["data"].problem.endswith(
        "expected a file or folder with examples, received none"
    )
    assert panel.rows["model"].problem.endswith("a checkpoint or a preset, received none")
    assert panel.start.reason == "2 fields need a correction"
    assert "Data 1 field needs a correction" in panel.steps.value
    assert not (tmp_path / "work").exists()


def test_data_is_shown_and_looked_over(panel):
    assert panel.state == "ready"
    assert "text column &#x27;review&#x27;" in panel.data.view.found.value
    assert "<td" in panel.data.view.preview.value
    assert "41" in panel.data.view.checks.value or "37 in train" in panel.data.view.checks.value
    assert "no text is empty" in panel.data.view.checks.value
    assert "tokens" in panel.data.view.lengths.value
    assert "[CLS]" in panel.data.seen.value and "what the model sees" in panel.data.seen.value
    assert "learning_rate 0.0003" in panel.recipe.value
    assert [name for name, _ in panel.assessment.estimate][:2] == ["parameters", "steps"]


def test_no_row_of_the_data_becomes_markup(panel):
    panel.data.view.chooser.value = panel.data.view.chooser.options[-1]
    for widget in (panel.data.view.preview, panel.data.view.rows, panel.data.seen):
        assert "<script" not in widget.value


def test_rows_behind_a_check_are_shown(panel):
    view = panel.data.view
    assert "duplicate" in view.chooser.options
    view.chooser.value = "duplicate"
    assert "duplicate: the first 10 of" in view.rows.value
    view.chooser.value = "no rows"
    assert view.rows.value == ""


def test_roles_are_guessed_and_can_be_overruled(panel):
    shown = [row.name for row in panel._roles_box.children]
    assert shown == ["kind", "text_column", "second_text_column", "label_column"]
    assert panel.rows["text_column"].control.placeholder == "review (guessed)"
    type_in(panel, "text_column", "revue")
    assert "did you mean &#x27;review&#x27;?" in panel.rows["text_column"].message.value
    type_in(panel, "text_column", "review")
    assert "--text-column review" in panel.shell.text
    panel.rows["kind"].control.value = "tagging"
    assert [row.name for row in panel._roles_box.children][1:] == ["words_column", "tags_column"]


def test_settings_are_checked_as_they_are_typed(panel):
    type_in(panel, "epochs", "-1")
    assert panel.rows["epochs"].problem == "epochs: expected more than 0, received -1.0"
    type_in(panel, "sequence_length", "512")
    assert panel.rows["sequence_length"].problem.startswith("sequence_length: expected at most the")
    assert panel.start.disabled and panel.quick.disabled
    type_in(panel, "epochs", "2")
    type_in(panel, "sequence_length", "")
    assert "--epochs 2.0 --has-baselines" in panel.shell.text
    assert "ke.finetune(start, task," in panel.code()


def test_a_known_task_needs_no_roles(panel):
    panel.rows["task"].control.value = "cola"
    assert panel._roles_box.children == ()
    assert "--task cola" in panel.shell.text


def test_from_start_to_results(panel, unthreaded, started):
    panel.start.click()
    assert FinetunePlan(**started[0]) == panel.assessment.plan
    unthreaded.run_timers()
    assert panel.state == "busy" and panel.slot.children == ()
    with RunSession(
        panel.launched.run.path, config={"finetune": {}}, vocabulary=b"", environment={}, steps=60
    ) as run:
        run.set_state("running", 1)
        unthreaded.run_timers()
        assert panel.state == "running"
        assert len(panel.slot.children) == 1
        run.set_state("finished", 60)
    unthreaded.run_timers()
    assert panel.state == "finished"
    assert [shown.run_dir for shown in panel.slot.children] == [panel.launched.run.path] * 2
    unthreaded.run_timers()
    assert len(panel.slot.children) == 2
    panel.again.click()
    assert panel.slot.children == () and panel.rows["name"].value == "task-2"


def test_a_quick_look_is_a_run_of_its_own(panel, started):
    panel.quick.click()
    plan = FinetunePlan(**started[0])
    assert (plan.name, plan.is_quick) == ("quick-1", True)
    assert plan.config().max_examples == 200
    assert panel.launched.run.path.name == "quick-1"


def test_a_run_at_work_is_found_again(panel, tmp_path):
    type_in(panel, "epochs", "7")
    panel.start.click()
    other = FineTuneLauncher(tmp_path / "work")
    assert other.launched.run.path == panel.launched.run.path
    assert (other.rows["epochs"].value, other.rows["data"].value) == (
        "7",
        panel.rows["data"].value,
    )


def test_a_table_in_memory_is_written_into_the_folder(comms, unthreaded, tmp_path, model):
    rows = [{"text": f"the cat sees {i}", "label": "ab"[i % 2]} for i in range(20)]
    panel = looked_at(FineTuneLauncher(tmp_path / "work", model=str(model), data=rows))
    (path,) = (tmp_path / "work" / "tables").iterdir()
    assert panel.rows["data"].value == str(path)
    assert [json.loads(line) for line in path.read_text().splitlines()] == rows
    assert panel.assessment.problems == {}


def test_an_upload_stays_in_the_working_folder(panel, tmp_path):
    file = {"name": "..\\..\\own.csv", "content": memoryview(b"text,label\n"), "size": 11}
    now = datetime.datetime.now()
    panel.upload.set_trait("value", ({**file, "type": "", "last_modified": now},))
    assert panel.rows["data"].value == str(tmp_path / "work" / "uploads" / "own.csv")


def test_the_static_copy_holds_data_and_plan(panel, tmp_path):
    page = panel.to_html(tmp_path / "page.html").read_text()
    assert "keras-electra finetune" in page and "no text is empty" in page
    assert "<script" not in page


def test_few_messages_for_a_key(panel, comms):
    type_in(panel, "epochs", "2")
    comms.clear()
    type_in(panel, "epochs", "20")
    assert len(comms) <= 12


def test_unknown_settings_are_refused(comms, unthreaded, tmp_path):
    with pytest.raises(TypeError, match="did you mean 'task'"):
        FineTuneLauncher(tmp_path, tsk="cola")


def test_hints_are_those_of_the_recipe(panel):
    """The encoder takes 16 tokens, so the recipe's 128 are not what it gets."""
    assert panel.rows["sequence_length"].control.placeholder == "16 (recipe)"
    assert panel.rows["learning_rate"].control.placeholder == "0.0003 (recipe)"


def test_a_table_in_memory_may_hold_what_json_does_not(comms, unthreaded, tmp_path, model):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "text": [f"the cat sees {i}" for i in range(20)],
            "label": [float("nan"), *(["a", "b"][i % 2] for i in range(19))],
            "when": pandas.date_range("2024-01-01", periods=20),
            "raw": [b"\xff"] * 20,
            "names": [{"b", "a"}] * 20,
        }
    )
    panel = looked_at(FineTuneLauncher(tmp_path / "work", model=str(model), data=frame))
    (path,) = (tmp_path / "work" / "tables").iterdir()
    first = json.loads(path.read_text().splitlines()[0])
    assert (first["label"], first["when"], first["names"]) == (
        None,
        "2024-01-01 00:00:00",
        ["a", "b"],
    )
    assert panel.assessment.problems == {} and "2024-01-01" in panel.data.view.preview.value


def test_the_form_has_a_separator_for_several_labels(panel, tmp_path):
    type_in(panel, "kind", "multi_label")
    type_in(panel, "separator", ";")
    plan, _ = panel.plan_of_form()
    assert plan.columns["separator"] == ";" and panel.rows["separator"] in panel._roles_box.children
