"""A kind of task that one file adds: fine-tuned, asked, scored, shown, saved and exported as any other."""

import csv
import json

import numpy as np
import pytest
from conftest import ENCODER, PLACES, SUBJECTS, VERBS, assert_close
from ordinal_kind import Ordinal, OrdinalClassifier

from keras_electra.backbone import ElectraBackbone
from keras_electra.convert import to_huggingface
from keras_electra.errors import InputError
from keras_electra.exploring import Selection, TaskRun, as_text, confusion, select
from keras_electra.finetuning import finetune, recipe_for
from keras_electra.opening import load
from keras_electra.presets import save_preset
from keras_electra.serving.judge import Judge
from keras_electra.tasks import kinds, own_task
from keras_electra.tasks.checking import check_task_data
from keras_electra.tasks.kinds import kind_names, kind_of
from keras_electra.tasks.showing import seen_by_model

TEXTS = [f"the old cat {verb} a young dog ." for verb in VERBS]
QUICK = {
    "epochs": 6,
    "batch_size": 8,
    "learning_rate": 1e-2,
    "bias_correction": True,
    "has_baselines": True,
}


@pytest.fixture(scope="module", autouse=True)
def ordinal():
    """The kind, among the others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "KINDS", (*kinds.KINDS, Ordinal()))
        yield kind_of("ordinal")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Sentences whose verb decides how many stars they have."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("table") / "stars.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "stars"])
        for number in range(160):
            who, whom = rng.choice(SUBJECTS, 2)
            stars = number % 4
            place = rng.choice(PLACES)
            text = f"the old {who} {VERBS[stars]} a young {whom} in the {place} ."
            writer.writerow([text, stars + 1])
    return path


@pytest.fixture(scope="module")
def run(table, tokenizer, tmp_path_factory):
    """A fine-tuned run."""
    backbone = ElectraBackbone(**{**ENCODER, "num_layers": 1}, seed=1)
    backbone.tokenizer = tokenizer
    task, sentence = own_task(table, kind="ordinal")
    assert "(4 labels), ordinal" in sentence
    start, config = recipe_for(backbone, task, **QUICK)
    path = tmp_path_factory.mktemp("ordinal") / "run"
    return path, finetune(start, task, table, path, config=config).results


def test_it_has_a_name():
    assert kind_names()[-1] == "ordinal"
    with pytest.raises(InputError, match="multiple_choice, ordinal, received 'ordinary'"):
        kind_of("ordinary")


def test_it_learns_and_is_scored(run):
    path, results = run
    scores = {one["split"]: one["metrics"] for one in results["results"]}["validation"]
    baseline = results["baselines"]["own"]["majority"]["validation"]
    # Four labels, as often each: those two in the middle are one off on the mean.
    assert scores["mean_distance"]["mean"] < 0.6 * baseline["mean_distance"]
    assert results["main_metrics"] == {"own": "mean_distance"}
    report = results["reports"]["own"]["validation"]
    assert report["distance"] == scores["mean_distance"]["mean"]
    assert json.loads((path / "config.json").read_text())["tasks"] == {"own": "ordinal"}


def test_its_model_predicts_in_words(run):
    model = load(run[0])
    assert isinstance(model, OrdinalClassifier) and model.kind == "ordinal"
    rows = model.predict(TEXTS)
    assert {row["label"] for row in rows} <= {"1", "2", "3", "4"}
    for row in rows:
        assert sum(row["probabilities"].values()) == pytest.approx(1)
        assert row["label"] == max(row["probabilities"], key=row["probabilities"].get)
    assert int(rows[-1]["label"]) > int(rows[0]["label"])
    assert Judge(model).answers([TEXTS[0]])[0]["label"] == rows[0]["label"]


def test_it_is_shown(run, table, tokenizer):
    task_run = TaskRun(run[0])
    (task,) = task_run.tasks
    judged = task_run.judged(task, "validation")
    assert all(one.error >= 0 and one.verdict in ("right", "wrong") for one in judged)
    names, counts = confusion(judged, task_run.labels(task, "validation"))
    assert names == ["1", "2", "3", "4"] and sum(map(sum, counts)) == len(judged)
    assert len(select(judged, Selection(gold="2"))) == sum(counts[1])
    assert "mean_distance" in as_text(task_run, task, "validation", judged)
    made, _ = own_task(table, kind="ordinal")
    examples = made.read(table, "train")
    backbone = ElectraBackbone(**ENCODER)
    backbone.tokenizer = tokenizer
    _, config = recipe_for(backbone, made)
    assert seen_by_model(made, examples, tokenizer, config)[0]["piece"] == "[CLS]"
    assert "uneven labels" in {check.name for check in check_task_data(made, table).checks}


def test_a_panel_draws_it(run, comms, unthreaded):
    pytest.importorskip("anywidget")
    pytest.importorskip("sklearn")
    from keras_electra_widgets import TaskExplorer

    panel = TaskExplorer(run[0], predict=lambda inputs: [])
    try:
        assert "Confusions of 4 labels" in panel.seen.value
        assert "mean_distance (main)" in panel.results.value
        assert list(panel.new_text.boxes) == ["text", "second text"]
    finally:
        panel.close()


def test_it_is_saved_and_opened(run, tmp_path):
    model = load(run[0])
    save_preset(tmp_path / "preset", model)
    model.save(tmp_path / "model.keras")
    expected = model.predict(TEXTS)
    for name in ("preset", "model.keras"):
        assert_close(load(tmp_path / name).predict(TEXTS), expected)


def test_it_is_exported(run, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from keras_electra.deploy.onnx_file import export_onnx
    from keras_electra.onnx_model import OnnxModel

    model = load(run[0])
    export_onnx(model, tmp_path / "model.onnx")
    exported = OnnxModel(tmp_path / "model.onnx")
    assert exported.kind == "ordinal"
    assert_close(exported.predict(TEXTS), model.predict(TEXTS))
    export_onnx(model, tmp_path / "small.onnx", precision="int8")
    with pytest.raises(InputError, match="which transformers has|expected a kind of"):
        to_huggingface(model, tmp_path / "folder")
