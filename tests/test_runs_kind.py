"""What a run trains, told by its settings, and the command that goes on with it."""

import pytest

from keras_electra.errors import InputError
from keras_electra.runs import RunFolder, RunSession
from keras_electra.runs.kind import refuse_other_kind, settings_of_kind, way_on


def make_run(
    path, settings, monkeypatch, command="keras-electra finetune --model 'a b' --data x.csv"
):
    monkeypatch.setattr("keras_electra.runs.session._command", lambda: command)
    with RunSession(path, config=settings, vocabulary=b"", environment={}):
        pass
    return RunFolder(path)


def test_a_run_of_another_kind_is_named(tmp_path, monkeypatch):
    tuned = make_run(tmp_path / "a", {"finetune": {}}, monkeypatch)
    other = make_run(tmp_path / "b", {"fit": {}}, monkeypatch)
    assert settings_of_kind(tuned, "finetune") == {"finetune": {}}
    with pytest.raises(
        InputError, match=r"expected a pretraining run, received .*a, a fine-tuning run$"
    ):
        settings_of_kind(tuned, "pretrain")
    with pytest.raises(
        InputError, match=r"a fine-tuning run, received .*b, a run of another program$"
    ):
        refuse_other_kind(other.path, "finetune")
    refuse_other_kind(tmp_path / "none", "finetune")


def test_what_goes_on_with_a_run(tmp_path, monkeypatch):
    first = make_run(tmp_path / "a b", {"pretrain": {}}, monkeypatch)
    assert way_on(first) == f"keras-electra pretrain --run-dir '{tmp_path}/a b'"
    tuned = make_run(tmp_path / "c", {"finetune": {}}, monkeypatch)
    assert way_on(tuned) == "keras-electra finetune --model 'a b' --data x.csv"
    of_a_kernel = make_run(tmp_path / "d", {"fit": {}}, monkeypatch, "ipykernel_launcher.py -f x")
    assert way_on(of_a_kernel) == "the call that started it, made again,"
    first.config_path.write_text("{")
    assert way_on(first).startswith("keras-electra finetune")
