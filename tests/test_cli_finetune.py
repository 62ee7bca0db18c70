"""Fine-tuning from the command line: commands, what they print, and what they say of wrong input."""

import io
import json
import shlex
import shutil
from types import SimpleNamespace

import keras
import pytest
from conftest import ENCODER, SUBJECTS, VERBS

from keras_electra.cli import main
from keras_electra.finetuning import SearchOutcome
from keras_electra.presets import save_preset
from keras_electra.pretrainer import ElectraPretrainer

BACKEND = keras.config.backend()
QUICK = ["--epochs", "6", "--batch-size", "8", "--learning-rate", "0.005", "--layer-decay", "none"]
QUICK += ["--bias-correction"]


@pytest.fixture(scope="module")
def preset(tokenizer, tmp_path_factory):
    model = ElectraPretrainer({**ENCODER, "num_layers": 1}, {"generator_width_fraction": 0.5})
    model.tokenizer, model.sequence_length = tokenizer, 16
    path = tmp_path_factory.mktemp("preset") / "preset"
    save_preset(path, model)
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """120 sentences whose verb decides the label, in columns of other names."""
    path = tmp_path_factory.mktemp("table") / "reviews.csv"
    rows = [
        f"the {SUBJECTS[i % 8]} {VERBS[i % 2]} a {SUBJECTS[(i * 3 + 1) % 8]} .,{['good', 'bad'][i % 2]}"
        for i in range(120)
    ]
    path.write_text("review,stars\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(preset, table, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "stars"
    flags = ["--text-column", "review", "--label-column", "stars", "--run-dir", str(path)]
    arguments = ["finetune", "--model", str(preset), "--data", str(table), *flags, *QUICK]
    assert main([*arguments, "--backend", BACKEND]) == 0
    return path


def test_a_run_ends_with_its_results(run, preset, table, capsys):
    results = json.loads((run / "results.json").read_text())
    assert {entry["split"] for entry in results["results"]} == {"validation"}
    flags = ["--text-column", "review", "--label-column", "stars", "--run-dir", str(run)]
    assert main(["finetune", "--model", str(preset), "--data", str(table), *flags, *QUICK]) == 0
    captured = capsys.readouterr()
    assert "text column 'review'" in captured.err
    assert "accuracy" in captured.out
    assert f"keras-electra predict --model {run}" in captured.out


def test_texts_are_labelled(run, capsys):
    assert main(["predict", "--model", str(run), f"the cat {VERBS[0]} a dog .", "the dog ."]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("good  (")
    assert main(["predict", "--model", str(run), "--json", "the cat ."]) == 0
    row = json.loads(capsys.readouterr().out)
    assert set(row["probabilities"]) == {"good", "bad"}


def test_lines_of_standard_input_are_labelled(run, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"the cat {VERBS[0]} a dog .\n\nthe dog .\n"))
    assert main(["predict", "--model", str(run), "-"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[0].startswith("good  (") and not lines[1]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert main(["predict", "--model", str(run), "-"]) == 2
    assert "text: expected at least one, or - for standard" in capsys.readouterr().err


def test_a_line_of_text_gives_a_row_with_its_number(run, tmp_path, capsys, monkeypatch):
    text = f"the cat {VERBS[0]} a dog .\n\nthe dog .\n"
    (tmp_path / "texts.txt").write_text(text)
    for arguments in (["--data", str(tmp_path / "texts.txt")], ["-", "--json"]):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        assert main(["predict", "--model", str(run), *arguments]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [row["id"] for row in rows] == ["0", "1", "2"]
        assert rows[0]["label"] == "good"
        assert rows[1] == {"id": "1", "label": None, "probabilities": None, "gold": None}
    arguments = ["--data", str(tmp_path / "texts.txt"), "--text-column", "review"]
    assert main(["predict", "--model", str(run), *arguments]) == 2
    assert "expected no columns of a file of texts" in capsys.readouterr().err


def test_a_table_may_have_numbers_for_names_or_none(run, tmp_path, capsys):
    lines = "the cat . 1,0\nthe dog . 2,1\n"
    (tmp_path / "a.csv").write_text(f"0,1\n{lines}")
    arguments = ["predict", "--model", str(run), "--data", str(tmp_path / "a.csv")]
    for options, num_rows in (
        (["--has-header", "--text-column", "0"], 2),
        (["--text-column", "0"], 2),
        (["--no-has-header", "--text-column", "column 1"], 3),
    ):
        assert main([*arguments, *options]) == 0
        assert len(capsys.readouterr().out.splitlines()) == num_rows


def test_a_table_is_labelled(run, table, tmp_path, capsys):
    out = tmp_path / "labels.jsonl"
    arguments = ["predict", "--model", str(run), "--data", str(table), "--out", str(out)]
    assert main([*arguments, "--text-column", "review"]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 120
    right = sum(row["label"] == ("good", "bad")[index % 2] for index, row in enumerate(rows))
    assert right > 100


def test_a_table_is_read_by_the_columns_of_the_training(run, table, tmp_path, capsys):
    header, *lines = table.read_text().splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join([f"text,{header}", *(f"the dog .,{line}" for line in lines)]))
    assert main(["predict", "--model", str(run), "--data", str(other), "--json"]) == 0
    captured = capsys.readouterr()
    rows = [json.loads(line) for line in captured.out.splitlines()]
    assert sum(row["label"] == row["gold"] for row in rows) > 100
    assert "as in training: text column 'review', label column 'stars'" in captured.err


def test_a_model_of_before_guesses_the_columns(run, tmp_path, capsys):
    old = tmp_path / "old"
    shutil.copytree(run / "trials" / "trial_00" / "model", old)
    config = json.loads((old / "config.json").read_text())
    (part,) = config["tasks"].values()
    assert part.pop("columns") == {"text_column": "review", "label_column": "stars"}
    (old / "config.json").write_text(json.dumps(config))
    (tmp_path / "a.csv").write_text("text,review\nthe cat .,the dog .\n")
    assert main(["predict", "--model", str(old), "--data", str(tmp_path / "a.csv")]) == 0
    assert "text column 'text', classification; not used: 'review'" in capsys.readouterr().err


@pytest.mark.full
def test_two_encoders_are_compared(preset, table, tmp_path, capsys):
    arguments = ["compare", str(preset), str(preset), "--data", str(table)]
    options = ["--run-dir", str(tmp_path / "which"), "--num-trials", "2", *QUICK]
    assert main([*arguments, *options]) == 0
    assert "B - A" in capsys.readouterr().out
    runs = [str(tmp_path / "which" / name) for name in "ab"]
    assert main(["compare", *runs, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["difference"] for row in found["differences"]} == {0.0}


@pytest.mark.full
def test_search_prints_the_best(preset, table, tmp_path, capsys):
    flags = ["--data", str(table), "--run-dir", str(tmp_path / "tried"), "--epochs", "1"]
    space = ["--space", '{"learning_rate": [1e-5, 1e-2]}']
    assert main(["search", "--model", str(preset), *flags, *space, "--batch-size", "16"]) == 0
    assert "--learning-rate" in capsys.readouterr().out


def test_search_says_the_whole_command(preset, tmp_path, monkeypatch, capsys):
    """What is printed trains as the search did, whatever was asked for beside the space."""
    best = {"learning_rate": 1e-3, "clip_norm": None}
    row = {"number": 0, "options": best, "main": 0.5, "run": "r", "diverged": None}
    outcome = SearchOutcome([row], best, is_finished=True, exit_code=0)
    monkeypatch.setattr("keras_electra.finetuning.search", lambda *args, **options: outcome)
    path = tmp_path / "my reviews.csv"
    path.write_text("review,stars\nthe cat,good\na dog,bad\n")
    space = json.dumps({"learning_rate": [1e-3, 1.0], "clip_norm": [None]})
    common = ["--model", str(preset), "--data", str(path), "--run-dir", "tried", "--space", space]
    own = ["--text-column", "review", "--label-column", "stars", "--main-metric", "macro_f1"]
    options = ["--epochs", "2", "--layer-decay", "none", "--has-baselines", "--learning-rate", "3"]

    def told(*more):
        assert main(["search", *common, *more]) == 0
        return shlex.split(capsys.readouterr().out.rpartition("next:")[2])

    start = ["keras-electra", "finetune", "--model", str(preset)]
    ended = ["--run-dir", "OUT", "--num-trials", "5"]
    chosen = ["--learning-rate", "0.001", "--clip-norm", "none"]
    words = told("--backend", BACKEND)
    assert words == [*start, "--data", str(path), "--backend", BACKEND, *ended, *chosen]
    words = told("--task", "rte", "mrpc", "--num-trials", "3")
    assert words[4:9] == ["--task", "rte", "mrpc", "--data", str(path)]
    assert words[words.index("--num-trials") + 1] == "3" and words.count("--num-trials") == 1
    words = told(*own, *options)
    assert words[:16] == [*start, "--data", str(path), *own, *ended]
    asked = []
    monkeypatch.setattr(
        "keras_electra.cli.finetune.finetune_with_progress",
        lambda *arguments, weights: asked.append(arguments) or SimpleNamespace(exit_code=0),
    )
    monkeypatch.setattr("keras_electra.cli.finetune.conclude", lambda outcome: None)
    assert main(words[1:]) == 0
    (_, task, _, run_dir, changes, _), expected = asked[0], {"epochs": 2.0, "layer_decay": None}
    assert (task.main_metric, str(run_dir)) == ("macro_f1", "OUT")
    assert changes == {"num_trials": 5, "has_baselines": True, **expected, **best}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["finetune", "--task", "cola"], "--model: expected a path"),
        (["finetune", "--model", "{preset}", "--data", "{table}"], "--run-dir: expected a path"),
        (["finetune", "--model", "nowhere", "--data", "{table}", "--run-dir", "r"], "nowhere"),
        (
            [
                "finetune",
                "--model",
                "{preset}",
                "--data",
                "{table}",
                "--run-dir",
                "r",
                "--task",
                "colo",
            ],
            "did you mean 'cola'",
        ),
        (
            [
                "finetune",
                "--model",
                "{preset}",
                "--data",
                "{table}",
                "--run-dir",
                "r",
                "--task",
                "cola",
                "--text-column",
                "review",
            ],
            "expected no columns beside known tasks",
        ),
        (
            [
                "finetune",
                "--model",
                "{preset}",
                "--data",
                "{table}",
                "--run-dir",
                "r",
                "--text-column",
                "revue",
            ],
            "review",
        ),
        (["predict", "--model", "{preset}", "a text"], "expected a fine-tuned model"),
        (["predict", "--model", "{preset}"], "expected texts or --data"),
        (
            [
                "search",
                "--model",
                "{preset}",
                "--data",
                "{table}",
                "--run-dir",
                "r",
                "--space",
                "[1]",
            ],
            "--space: expected a JSON object",
        ),
        (["compare", "{preset}", "{preset}"], "--data: expected a path"),
    ],
)
def test_wrong_input_is_one_sentence(
    arguments, sentence, preset, table, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    arguments = [argument.format(preset=preset, table=table) for argument in arguments]
    assert main(arguments) == 2
    said = capsys.readouterr().err.splitlines()
    assert sentence in said[-1]
    assert not (tmp_path / "r" / "config.json").exists()
