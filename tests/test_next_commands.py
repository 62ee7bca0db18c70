"""The commands that a command names as the next ones: each works for the model at hand."""

import json
import shutil
import subprocess

import keras
import pytest
from conftest import ENCODER, SUBJECTS, VERBS
from test_cli import NARROW

from keras_electra.cli import main
from keras_electra.presets import save_preset
from keras_electra.pretrainer import ElectraPretrainer

BACKEND = keras.config.backend()
OBJECTIVES = {
    "rtd": [],
    "rtd_masked_only": [],
    "mlm": [],
    "replace_mlm": [],
    "all_tokens_mlm": [],
    "electric": ["--generator", "two_tower"],
    "uniform": ["--generator", "uniform"],
}
WITH_DETECTOR = {"rtd", "rtd_masked_only", "electric", "uniform"}
SENTENCES = [f"the {SUBJECTS[i % 8]} {VERBS[i % 2]} a {SUBJECTS[(i * 3) % 8]}" for i in range(40)]
TABLES = {
    "classification": [{"text": s, "label": ["no", "yes"][i % 2]} for i, s in enumerate(SENTENCES)],
    "pairs": [
        {"sentence1": s, "sentence2": SENTENCES[i - 1], "label": ["no", "yes"][i % 2]}
        for i, s in enumerate(SENTENCES)
    ],
    "regression": [{"text": s, "score": i % 7 / 3} for i, s in enumerate(SENTENCES)],
    "tagging": [{"words": s.split(), "tags": ["O", "B-A", "O", "O", "B-B"]} for s in SENTENCES],
    "question_answering": [
        {
            "question": "who is it",
            "context": s,
            "answers": {"text": [s.split()[1]], "answer_start": [4]},
        }
        for s in SENTENCES
    ],
    "multiple_choice": [
        {"question": s, "choice_0": "a cat", "choice_1": "a dog", "label": i % 2}
        for i, s in enumerate(SENTENCES)
    ],
}
PLACEHOLDERS = {"PRESET": "preset", "STORE": "store", "RUN": "other", "OUT": "out"}


def next_commands(printed: str) -> list[list[str]]:
    """The words of each command after "next:", as a shell makes them."""
    lines = printed.rpartition("next:\n")[2].splitlines()
    found = []
    for line in lines:
        if line.startswith("  keras-electra "):
            done = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True)
            assert done.returncode == 0, done.stderr
            found.append(done.stdout.decode().split("\0")[1:-1])
    return found


def run_all(printed, tmp_path, capsys) -> list[str]:
    """Run the next commands, and those that `evaluate` and `export` name; their names."""
    names = []
    for words in next_commands(printed):
        words = [str(tmp_path / PLACEHOLDERS[w]) if w in PLACEHOLDERS else w for w in words]
        assert main(words) == 0, words
        names.append(words[0])
        told = capsys.readouterr().out
        if words[0] in ("evaluate", "export"):
            names += run_all(told, tmp_path, capsys)
    return names


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_after_pretraining(objective, store, tmp_path, capsys):
    run = tmp_path / "a run"
    name = "rtd" if objective == "uniform" else objective
    flags = ["--store", str(store.path), "--run-dir", str(run), *NARROW, "--steps", "2"]
    assert main(["pretrain", *flags, "--objective", name, *OBJECTIVES[objective]]) == 0
    names = run_all(capsys.readouterr().out, tmp_path, capsys)
    assert names[0] == "evaluate" and "corrupt" in names and "export" in names
    assert ("detect" in names) == (objective in WITH_DETECTOR)


@pytest.fixture(scope="module")
def preset(tokenizer, tmp_path_factory):
    model = ElectraPretrainer({**ENCODER, "num_layers": 1}, {"generator_width_fraction": 0.5})
    model.tokenizer, model.sequence_length = tokenizer, 16
    path = tmp_path_factory.mktemp("preset") / "preset"
    save_preset(path, model)
    return path


@pytest.mark.parametrize("kind", TABLES)
def test_after_finetuning(kind, preset, tmp_path, capsys):
    table, run = tmp_path / "table.jsonl", tmp_path / "a run"
    table.write_text("\n".join(map(json.dumps, TABLES[kind])))
    flags = ["--data", str(table), "--run-dir", str(run), "--epochs", "1", "--batch-size", "8"]
    assert main(["finetune", "--model", str(preset), *flags, "--max-restarts", "0"]) == 0
    printed = capsys.readouterr().out
    (words,) = next_commands(printed)
    tabs = {"pairs": 1, "question_answering": 1, "multiple_choice": 2}
    assert words[-1].count("\t") == tabs.get(kind, 0)
    assert run_all(printed, tmp_path, capsys) == ["predict"]
    out = tmp_path / "kept"
    assert main(["export", "--model", str(run), "--out", str(out)]) == 0
    assert run_all(capsys.readouterr().out, tmp_path, capsys) == ["predict"]
    shutil.rmtree(run)


def test_after_a_vocabulary_the_text_is_read_as_before(tmp_path, capsys):
    text, vocabulary = tmp_path / "my text.csv", tmp_path / "vocab.txt"
    text.write_bytes(
        "\n".join(["body;other", *["Süße Wörter;x"] * 40]).replace(";", ",").encode("latin-1")
    )
    flags = ["--corpus", str(text), "--out", str(vocabulary), "--vocabulary-size", "60"]
    options = ["--encoding", "latin-1", "--text-column", "body", "--no-lowercase"]
    assert main(["tokenizer", "train", *flags, *options]) == 0
    assert run_all(capsys.readouterr().out, tmp_path, capsys) == ["prepare"]
