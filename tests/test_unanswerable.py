"""Questions without an answer: the threshold that a run finds or is given is that of the model in use."""

import json

import pytest
from conftest import ENCODER, PLACES, SUBJECTS

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.finetune import FinetuneConfig
from keras_electra.finetuning import finetune, recipe_for
from keras_electra.opening import load
from keras_electra.serving.judge import Judge
from keras_electra.task_models import task_model
from keras_electra.tasks import known_task
from keras_electra.tasks.kinds import kind_of

QUICK = {"epochs": 1, "batch_size": 8, "max_restarts": 0, "sequence_length": 24}


def question(number, is_impossible):
    who, where = SUBJECTS[number % 8], PLACES[number % len(PLACES)]
    context = f"the old {who} likes the {where} ."
    answers = [] if is_impossible else [{"text": who, "answer_start": context.index(who)}]
    entry = {"id": f"q{number}", "question": "who likes ?", "answers": answers}
    return {"context": context, "qas": [{**entry, "is_impossible": is_impossible}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """SQuAD 2.0's files: every third question has no answer."""
    path = tmp_path_factory.mktemp("squad")
    for name, count in (("train", 24), ("dev", 8)):
        paragraphs = [question(number, number % 3 == 0) for number in range(count)]
        content = {"version": "2", "data": [{"title": "t", "paragraphs": paragraphs}]}
        (path / f"{name}-v2.0.json").write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def backbone(tokenizer):
    model = ElectraBackbone(**{**ENCODER, "num_layers": 1, "max_sequence_length": 32}, seed=1)
    model.tokenizer = tokenizer
    return model


@pytest.fixture(scope="module")
def tune(backbone, folder):
    """A function: `finetune` on the questions, with options changed by name."""

    def run(path, **changes):
        start, config = recipe_for(backbone, "squad", **{**QUICK, **changes})
        return finetune(start, "squad", folder, path, config=config)

    return run


def judged(run, trial=0):
    file = run / "trials" / f"trial_{trial:02d}" / "predictions" / "validation.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


def asked(folder):
    (part,) = json.loads((folder / "dev-v2.0.json").read_text())["data"]
    return [
        {"question": one["qas"][0]["question"], "context": one["context"]}
        for one in part["paragraphs"]
    ]


def test_the_best_threshold_of_each_trial_stays_with_its_model(tune, folder, tmp_path):
    outcome = tune(tmp_path / "run", num_trials=2, keep_models="all")
    for number, result in enumerate(("trial_00", "trial_01")):
        path = tmp_path / "run" / "trials" / result
        record = json.loads((path / "result.json").read_text())
        best = record["figures"]["squad"]["validation"]["best_threshold"]
        model = load(path / "model")
        assert model.null_threshold == model.answers.null_threshold == best
        rows = judged(tmp_path / "run", number)
        assert [row["answer"] for row in model.predict(asked(folder))] == [
            row["answer"] for row in rows
        ]
        # Half way between two odds, so that rounding decides nothing.
        odds = sorted(row["null_odds"] for row in rows)
        model.null_threshold = (odds[3] + odds[4]) / 2
        assert [row["answer"] for row in model.predict(asked(folder))].count("") == 4
    assert outcome.model.null_threshold == best


def test_a_given_threshold_holds_in_every_form(tune, folder, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from keras_electra.deploy.onnx_file import export_onnx
    from keras_electra.onnx_model import OnnxModel

    tune(tmp_path / "run", null_threshold=-50.0)
    assert {row["answer"] for row in judged(tmp_path / "run")} == {""}
    model = load(tmp_path / "run")
    export_onnx(model, tmp_path / "model.onnx")
    for one in (model, OnnxModel(tmp_path / "model.onnx")):
        rows = one.predict(asked(folder))
        assert {row["answer"] for row in rows} == {""} and rows[0]["n_best"][0]["text"]
        assert {row["answer"] for row in Judge(one).answers(asked(folder))} == {""}


def test_a_model_without_a_threshold_answers_everything(tune, folder, tmp_path):
    """As one that an older version saved."""
    tune(tmp_path / "run")
    path = tmp_path / "run" / "trials" / "trial_00" / "model" / "config.json"
    config = json.loads(path.read_text())
    del config["tasks"]["squad"]["options"]["answers"]["null_threshold"]
    path.write_text(json.dumps(config))
    assert all(row["answer"] for row in load(tmp_path / "run").predict(asked(folder)))


def test_questions_that_all_have_answers_know_no_threshold(backbone):
    config = FinetuneConfig.for_task({}, null_threshold=-50.0)
    assert task_model(known_task("squad1"), None, backbone, config).null_threshold is None
    assert task_model(known_task("squad"), None, backbone, config).null_threshold == -50


def test_withheld_answers_are_no_divergence():
    rows = [
        {"gold": [text], "answer": "", "n_best": [{"text": text}]} for text in ("a cat", "a dog")
    ]
    assert not kind_of("question_answering").has_diverged(rows, 1.0)
