"""The original program's fine-tuning flags: each is translated, or refused with a reason."""

import pathlib

import pytest

from keras_electra.cli.original_finetune import (
    DEFAULTS,
    MEANINGLESS,
    OTHERS,
    OriginalFinetune,
    translated,
)
from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import InputError

FOLDER = pathlib.Path("d")


def changes_of(hparams):
    return translated(FOLDER, "m", hparams).changes


@pytest.mark.parametrize(
    ("hparams", "changes"),
    [
        ({"learning_rate": 3e-4}, {"learning_rate": 3e-4}),
        ({"weight_decay_rate": 0.0}, {"weight_decay_rate": 0.0}),
        ({"layerwise_lr_decay": 0.9}, {"layer_decay": 0.9}),
        ({"layerwise_lr_decay": -1.0}, {"layer_decay": None}),
        ({"num_train_epochs": 10.0}, {"epochs": 10.0}),
        ({"warmup_proportion": 0.2}, {"warmup_fraction": 0.2}),
        ({"max_seq_length": 64}, {"sequence_length": 64}),
        ({"train_batch_size": 16}, {"batch_size": 16}),
        ({"num_trials": 10}, {"num_trials": 10}),
        ({"keep_all_models": False}, {"keep_models": "best"}),
        ({"keep_all_models": True}, {"keep_models": "all"}),
        ({"double_unordered": True, "task_names": ["mrpc"]}, {"has_swapped_pairs": True}),
        ({"double_unordered": True, "task_names": ["qqp"]}, {}),
        ({"doc_stride": 64}, {"window_stride": 64}),
        ({"joint_prediction": False}, {"has_joint_ends": False}),
        ({"answerable_classifier": False}, {"answerability": "none"}),
        ({"answerable_uses_start_logits": False}, {"answerability": "class"}),
        ({"qa_na_threshold": -1.0}, {"null_threshold": -1.0}),
    ],
)
def test_each_becomes_options(hparams, changes):
    assert changes_of(hparams) == changes
    FinetuneConfig.for_task({}, "small", **changes)


def test_folders_are_those_of_the_original():
    there = translated(FOLDER, "m", {"task_names": ["mnli"], "model_size": "base"})
    assert there.model == FOLDER / "models" / "m"
    assert there.data == {"mnli": FOLDER / "finetuning_data" / "mnli"}
    assert there.run_dir == FOLDER / "models" / "m" / "finetuning_models" / "mnli_model"
    assert there.tasks == ("mnli",)
    several = translated(FOLDER, "m", {"task_names": ["sts", "cola"]})
    assert several.data == {
        "stsb": FOLDER / "finetuning_data" / "sts",
        "cola": FOLDER / "finetuning_data" / "cola",
    }


def test_original_defaults_follow_task_and_size():
    there = changes_of({"defaults": "original", "task_names": ["rte"], "model_size": "large"})
    assert (there["epochs"], there["learning_rate"], there["layer_decay"]) == (10.0, 5e-5, 0.9)
    there = changes_of({"defaults": "original", "task_names": ["squad"], "num_train_epochs": 4.0})
    assert (there["epochs"], there["sequence_length"], there["null_threshold"]) == (4.0, 512, -2.75)
    assert there["layer_decay_form"] == there["window_labels"] == "original"
    FinetuneConfig.for_task({}, "small", **there)


def test_every_name_is_an_option_here_or_has_a_reason():
    assert not set(DEFAULTS) & set(MEANINGLESS)
    assert not set(OTHERS) & (set(MEANINGLESS) | set(DEFAULTS))


@pytest.mark.parametrize("name", sorted(MEANINGLESS))
def test_what_has_no_meaning_is_refused_with_the_reason(name):
    default, reason = MEANINGLESS[name]
    assert changes_of({name: default}) == {}
    with pytest.raises(InputError, match=name) as error:
        changes_of({name: "another"})
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("hparams", "sentence"),
    [
        ({"learning_rat": 1.0}, "did you mean 'learning_rate'"),
        ({"task_names": "cola"}, "task_names: expected a list"),
        ({"model_size": "huge"}, "model_size: expected one of small, base, large"),
        ({"num_trials": "many"}, "num_trials: expected a whole number"),
        ({"defaults": "none"}, "defaults: expected 'paper' or 'original'"),
    ],
)
def test_bad_values_are_one_sentence(hparams, sentence):
    with pytest.raises(InputError, match=sentence):
        changes_of(hparams)


def test_flags_of_both_sorts_do_not_go_together():
    flags = OriginalFinetune(data_dir=FOLDER, model_name="m", hparams="{}")
    with pytest.raises(InputError, match="--data-dir and --task do not go together"):
        flags.read({"model": None, "task": ("cola",)})
    with pytest.raises(InputError, match="--model-name: expected a value beside --data-dir"):
        OriginalFinetune(data_dir=FOLDER).read({})
    assert OriginalFinetune().read({}) is None
