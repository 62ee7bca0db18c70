"""Plans of fine-tuning: checked field by field, said as a command and as Python, estimated."""

import dataclasses
import json
import shlex

import pytest
from conftest import ENCODER, SUBJECTS, VERBS

from keras_electra.cli import parse
from keras_electra.cli.options import given
from keras_electra.config.finetune import FinetuneConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import InputError
from keras_electra.launching.commands import shell_text
from keras_electra.launching.finetune_estimating import estimate_finetuning
from keras_electra.launching.finetune_plan import (
    FinetunePlan,
    StartingModel,
    finetune_fields,
    recommended,
)
from keras_electra.launching.programs import finetune_program
from keras_electra.runs import RunFolder
from keras_electra.tasks.checking import check_task_data


@pytest.fixture
def model(tmp_path, vocabulary):
    """The folder of a preset, without weights."""
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
    path.write_text("review,stars\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def plan(tmp_path, model, table):
    return FinetunePlan(folder=tmp_path / "work", model=model, data=table)


def test_a_good_plan_has_no_problem(plan):
    assert plan.problems() == {}
    task, sentence = plan.described_task
    assert task.kind == "classification"
    assert "text column 'review'" in sentence
    assert plan.config().sequence_length == 16


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"model": ""}, "model", "expected a run, a checkpoint or a preset, received none"),
        ({"model": "/nowhere"}, "model", "expected a run, a checkpoint or a preset"),
        ({"data": ""}, "data", "expected a file or folder with examples, received none"),
        ({"data": "/nowhere"}, "data", "which is missing"),
        ({"task": "colla"}, "task", "did you mean 'cola'?"),
        ({"columns": {"text_column": "revue"}}, "text_column", "did you mean 'review'?"),
        ({"name": ".x"}, "name", "expected the name of a folder"),
        ({"backend": "caffe"}, "backend", "expected one of jax, torch, tensorflow"),
        ({"options": {"epochs": 0.0}}, "epochs", "expected more than 0"),
        ({"options": {"sequence_length": 64}}, "sequence_length", "at most the encoder's 16"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_each_field_gets_the_librarys_sentence(plan, changes, field, words):
    found = dataclasses.replace(plan, **changes).problems()
    assert list(found) == [field]
    assert words in found[field]


def test_several_options_are_wrong_at_once(plan):
    options = {"epochs": 0.0, "batch_size": 0, "learning_rate": 1e-3, "lora_targets": "all"}
    found = dataclasses.replace(plan, options=options).problems()
    assert set(found) == {"epochs", "batch_size", "lora_targets"}


def test_the_shell_command_is_the_plan(plan):
    plan = dataclasses.replace(
        plan,
        columns={"text_column": "review", "label_column": "stars", "kind": "classification"},
        options={"epochs": 2.0, "num_trials": 3, "layer_decay": None, "has_baselines": True},
        backend="torch",
    )
    program, *arguments = shlex.split(shell_text(plan.commands()))
    command = parse(arguments)
    assert program == "keras-electra"
    assert (str(command.model), str(command.data)) == (plan.model, plan.data)
    assert (command.run_dir, command.backend) == (plan.run_dir, "torch")
    assert command.columns.given() == plan.columns
    options = given(command.training, command.answers, command.optimizer)
    assert options == plan.options
    assert plan.config(options) == plan.config()


def test_a_quick_look_is_small(plan):
    quick = dataclasses.replace(plan, options={"epochs": 5.0}, is_quick=True)
    config = quick.config()
    assert (config.epochs, config.max_examples, config.num_trials) == (1.0, 200, 1)
    assert "--max-examples 200" in shell_text(quick.commands())


def test_a_known_task_by_name(plan):
    plan = dataclasses.replace(plan, task="cola", columns={})
    assert plan.problems() == {}
    assert "--task cola" in shell_text(plan.commands())
    assert plan.described_task[1] == "cola: classification"


def test_what_is_recommended_says_from_where(plan, model):
    assert "for small, the nearest there is" in recommended(plan)
    for size, encoder, source in (
        ("base", {"hidden_dim": 768, "num_layers": 12, "num_heads": 12}, "appendix B"),
        ("mini", {"hidden_dim": 192, "num_layers": 6, "num_heads": 3}, "this package's own"),
    ):
        config = {"encoder": {**ENCODER, **encoder}}
        (model / "config.json").write_text(json.dumps(config))
        told = recommended(dataclasses.replace(plan))
        assert f"for {size}:" in told and source in told
    assert "learning_rate 0.002" in told


def test_estimates_know_the_data(plan):
    task, _ = plan.described_task
    report = check_task_data(task, plan.data)
    found = estimate_finetuning(plan, report)
    assert found.steps == -(-36 * 3 // 32)
    three = dataclasses.replace(plan, options={"num_trials": 3})
    assert estimate_finetuning(three, report).steps == 3 * found.steps
    words = dict(found.in_words())
    assert list(words) == ["parameters", "steps", "memory", "time", "disk"]
    assert dict(found.at_speed(2.0, 40).in_words())["time"].startswith("about 20 s (measured")


def test_every_option_is_a_field():
    names = [field.name for group in finetune_fields().values() for field in group]
    assert {"epochs", "learning_rate", "num_best", "max_examples"} <= set(names)
    assert "ema_rate" not in names


def test_settings_are_the_plan_again(plan):
    changed = dataclasses.replace(plan, columns={"choice_columns": ["a", "b"]}, is_quick=True)
    again = FinetunePlan(**json.loads(json.dumps(changed.settings())))
    assert again == changed


def test_a_folder_that_was_no_plan(tmp_path):
    with pytest.raises(InputError, match="expected a fine-tuning that was started from a form"):
        FinetunePlan.like(tmp_path)


def test_the_model_of_a_run_and_of_its_checkpoint(tmp_path, tiny_config, store):
    from keras_electra.pretraining import pretrain

    config = tiny_config(steps=2)
    run = pretrain(config, store, tmp_path / "run").run
    for path in (run.path, run.checkpoints()[-1][1]):
        found = StartingModel.at(path)
        assert found.encoder == config.encoder
        assert found.open_tokenizer().vocabulary_size == config.encoder.vocabulary_size


def test_the_python_program_does_it(plan, tmp_path, tokenizer):
    from keras_electra.presets import save_preset
    from keras_electra.pretrainer import ElectraPretrainer

    pytest.importorskip("sklearn")
    pretrainer = ElectraPretrainer({**ENCODER, "num_layers": 1}, {"generator_width_fraction": 0.5})
    pretrainer.tokenizer, pretrainer.sequence_length = tokenizer, 16
    save_preset(tmp_path / "model", pretrainer)
    plan = dataclasses.replace(
        plan, model=str(tmp_path / "model"), options={"epochs": 1.0, "max_examples": 16}
    )
    exec(compile(finetune_program(plan), "program", "exec"), {})
    run = RunFolder(plan.run_dir)
    assert run.state() == "finished"
    assert FinetuneConfig.from_dict(run.config()["finetune"]) == plan.config()
    results = json.loads((run.path / "results.json").read_text())
    assert results["inputs"]["data"]["own"]["train"]["num_examples"] == 16
