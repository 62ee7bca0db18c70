"""The command line: each command from its arguments to its exit code and what it prints."""

import contextlib
import dataclasses
import errno
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import keras
import pytest
import rich.console

import keras_electra.cli.demo as demo
from keras_electra.cli import COMMANDS, GROUPS, backend, display, main, parse
from keras_electra.cli.evaluate import print_figures
from keras_electra.cli.options import NONE, given, options_of
from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.config.sizes import SIZES
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import DamagedDataError, InputError
from keras_electra.evaluation import FIGURES
from keras_electra.launching import installed
from keras_electra.runs import RunFolder

NARROW = [
    "--size",
    "tiny",
    "--architecture",
    "electra",
    "--hidden-dim",
    "16",
    "--num-layers",
    "1",
    "--num-heads",
    "2",
    "--intermediate-dim",
    "32",
    "--embedding-dim",
    "8",
    "--sequence-length",
    "12",
    "--batch-size",
    "4",
    "--steps",
    "4",
    "--log-every-steps",
    "2",
    "--learning-rate",
    "0.01",
]
ALL = [[name] for name in COMMANDS]
ALL += [[name, own] for name, (_, commands) in GROUPS.items() for own in commands]
NO_KERAS = """
import json, sys
from keras_electra.cli import main
for arguments in json.loads(sys.argv[1]):
    try:
        main([*arguments, "--help"])
    except SystemExit as end:
        assert end.code == 0, arguments
loaded = {"keras", "jax", "tensorflow", "torch"} & sys.modules.keys()
assert not loaded, loaded
"""


@pytest.fixture(scope="module")
def run_dir(store, tmp_path_factory):
    """A finished run of four steps, made by the command line."""
    path = tmp_path_factory.mktemp("runs") / "run"
    assert main(["pretrain", "--store", str(store.path), "--run-dir", str(path), *NARROW]) == 0
    return path


@pytest.fixture
def copied_run(run_dir, tmp_path):
    return shutil.copytree(run_dir, tmp_path / "copy")


@pytest.fixture
def failing(monkeypatch):
    """A function: make a command raise."""

    def make(error):
        def run(self):
            raise error

        monkeypatch.setattr(COMMANDS["export"], "run", run)
        return main(["export", "--model", "a", "--out", "b"])

    return make


class TestHelp:
    def test_no_help_imports_keras(self):
        arguments = json.dumps([[], ["tokenizer"], ["runs"], *ALL])
        command = [sys.executable, "-c", NO_KERAS, arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        for words in ALL:
            assert f"usage: keras-electra {' '.join(words)}" in done.stdout

    @pytest.mark.parametrize("arguments", [[], ["pretrain"], ["finetune"]])
    def test_help_is_instant(self, arguments):
        """Less than a second on an idle machine; a busy one may take three times that."""
        command = [sys.executable, "-m", "keras_electra", *arguments, "--help"]
        seconds = []
        for _ in range(3):
            started = time.monotonic()
            subprocess.run(command, capture_output=True, check=True)
            seconds.append(time.monotonic() - started)
        assert min(seconds) < 3.0

    def test_every_option_of_the_configuration_is_there_with_its_help(self, capsys):
        with pytest.raises(SystemExit):
            main(["pretrain", "--help"])
        shown = "".join(character for character in capsys.readouterr().out if character.isalnum())
        for kind in (PretrainConfig, *PretrainConfig.groups().values()):
            for field in dataclasses.fields(kind):
                if field.name not in PretrainConfig.groups():
                    assert "".join(filter(str.isalnum, field.name)) in shown
                if field.name not in (*PretrainConfig.groups(), "size"):
                    assert "".join(filter(str.isalnum, field.metadata["help"])) in shown

    def test_nothing_at_all_shows_the_commands(self, capsys):
        with pytest.raises(SystemExit) as end:
            main([])
        assert end.value.code == 0
        assert "pretrain" in capsys.readouterr().out


class TestOptions:
    def test_what_is_given_and_nothing_else(self):
        flags = "--steps 7 --whole-words --clip-norm none --ema-rate 0.5 --schedule cosine"
        flags += " --no-bias-correction --time-budget-minutes 2"
        command = parse(["pretrain", *flags.split()])
        groups = (command.training, command.encoder, command.masking, command.optimizer)
        assert given(*groups) == {
            "steps": 7,
            "whole_words": True,
            "clip_norm": None,
            "ema_rate": 0.5,
            "schedule": "cosine",
            "bias_correction": False,
            "time_budget_minutes": 2.0,
        }
        assert command.optimizer.clip_norm is NONE

    def test_given_options_make_the_configuration(self):
        group = options_of(OptimizerConfig)(clip_norm=NONE, learning_rate=1e-3)
        assert OptimizerConfig(**given(group)) == OptimizerConfig(
            clip_norm=None, learning_rate=1e-3
        )

    def test_underscores_are_hyphens(self):
        assert parse(["pretrain", "--batch_size", "3"]).training.batch_size == 3

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["pretrain", "--stepz", "3"], "'--stepz'; did you mean '--steps'?"),
            (["pretrain", "--stepz=3"], "'--stepz=3'; did you mean '--steps'?"),
            (["pretrian"], "'pretrian'; did you mean 'pretrain'?"),
            (["runs", "lsit"], "did you mean 'list'?"),
            (["pretrain", "--steps", "x"], "--steps: expected a whole number, received 'x'"),
            (["pretrain", "--clip-norm", "x"], "--clip-norm: expected a number or none"),
            (["pretrain", "--size", "huge"], "--size: expected one of tiny, mini, small"),
            (["pretrain", "--backend", "mxnet"], "--backend: expected one of jax, torch"),
            (["detect", "--model", "m", "--max", "1", "text"], "unknown option '--max'"),
        ],
    )
    def test_errors_are_one_sentence(self, arguments, sentence, capsys):
        assert main(arguments) == 2
        output, remarks = capsys.readouterr()
        assert sentence in remarks
        assert output == ""
        assert len(remarks.splitlines()) == 1

    def test_texts_may_look_like_options(self):
        command = parse(["detect", "--model", "m", "- a", "--", "--b"])
        assert command.texts == ("- a", "--b")


class TestBackendChoice:
    @pytest.fixture
    def have(self, monkeypatch, tmp_path):
        """A function: say which backends are installed and what keras.json holds."""
        monkeypatch.delenv("KERAS_BACKEND", raising=False)
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))

        def make(*names, content=None):
            monkeypatch.setattr(installed, "is_installed", lambda name: name in names)
            if content is not None:
                (tmp_path / "keras.json").write_text(content)

        return make

    def test_order(self, have, monkeypatch):
        have("jax", "torch", "tensorflow", content='{"backend": "torch"}')
        assert backend.choose_backend()[0] == "torch"
        monkeypatch.setenv("KERAS_BACKEND", "jax")
        assert backend.choose_backend() == ("jax", "KERAS_BACKEND")
        assert backend.choose_backend("tensorflow") == ("tensorflow", "--backend")

    @pytest.mark.parametrize(
        "content",
        [None, "{", "[]", '{"backend": "tensorflow"}', json.dumps(backend.WRITTEN_BY_KERAS)],
    )
    def test_first_installed(self, have, content):
        have("torch", "jax", content=content)
        assert backend.choose_backend()[0] == "jax"
        have("torch")
        assert backend.choose_backend()[0] == "torch"

    def test_the_file_that_keras_writes_chooses_nothing(self, have):
        have("jax", "torch", "tensorflow", content=json.dumps(backend.WRITTEN_BY_KERAS))
        assert backend.choose_backend()[0] == "jax"

    def test_what_keras_writes_by_itself_is_nobodys_choice(self, tmp_path):
        """Else a second run would take another backend than the first."""
        environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
        environment["KERAS_BACKEND"] = keras.config.backend()
        subprocess.run([sys.executable, "-c", "import keras"], env=environment, check=True)
        assert json.loads((tmp_path / "keras.json").read_text()) == backend.WRITTEN_BY_KERAS

    def test_compiled_programs_are_kept_for_the_next_start(self, monkeypatch, tmp_path):
        monkeypatch.delenv(backend.CACHE, raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        small_ones_too = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
        kept = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "keras-electra" / "jax")}
        assert backend.compiled_programs("jax") == {**kept, **small_ones_too}
        assert backend.compiled_programs("torch") == backend.compiled_programs("tensorflow") == {}
        monkeypatch.setenv(backend.CACHE, str(tmp_path / "other"))
        kept = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "other")}
        assert backend.compiled_programs("jax") == {**kept, **small_ones_too}
        monkeypatch.setenv(backend.CACHE, "off")
        assert backend.compiled_programs("jax") == {}

    def test_not_installed(self, have, monkeypatch):
        have()
        with pytest.raises(InputError, match=r"pip install 'keras-electra\[jax\]'"):
            backend.choose_backend()
        with pytest.raises(InputError, match=r"pip install 'keras-electra\[torch\]'"):
            backend.choose_backend("torch")
        monkeypatch.setenv("KERAS_BACKEND", "openvino")
        with pytest.raises(InputError, match="KERAS_BACKEND: expected one of"):
            backend.choose_backend()

    def test_a_folder_of_that_name_is_no_backend(self, tmp_path, monkeypatch):
        (tmp_path / "tensorflow_like").mkdir()
        monkeypatch.syspath_prepend(tmp_path)
        assert not installed.is_installed("tensorflow_like")

    def test_keras_cannot_change_its_backend(self):
        running = keras.config.backend()
        other = next(name for name in backend.BACKENDS if name != running)
        assert backend.start_backend(running, print) == running
        with pytest.raises(InputError, match=running):
            backend.start_backend(other, print)


class TestPrepare:
    def test_from_text_to_store(self, corpus_file, tmp_path, capsys):
        vocabulary, out = tmp_path / "new" / "vocab.txt", tmp_path / "store"
        flags = ["--corpus", str(corpus_file), "--vocabulary-size", "200"]
        assert main(["tokenizer", "train", *flags, "--out", str(vocabulary)]) == 0
        assert "keras-electra prepare" in capsys.readouterr().out
        assert "[MASK]" in vocabulary.read_text().splitlines()
        flags = ["--corpus", str(corpus_file), "--vocab", str(vocabulary), "--out", str(out)]
        assert main(["prepare", *flags, "--held-out-fraction", "0.1"]) == 0
        assert "keras-electra pretrain" in capsys.readouterr().out
        manifest = json.loads((out / "manifest.json").read_text())
        assert manifest["store"]["held_out_fraction"] == 0.1
        assert main(["prepare", *flags]) == 2
        assert str(out) in capsys.readouterr().err

    def test_a_cased_vocabulary_on_lower_cased_text_is_told(self, vocabulary, tmp_path, capsys):
        path = tmp_path / "vocab.txt"
        path.write_text("\n".join([*vocabulary, "Anna", "Berlin", "Rome", "Oslo"]) + "\n")
        corpus = tmp_path / "text.txt"
        corpus.write_text("the old king sees a young cat .\n" * 400)
        flags = ["--corpus", str(corpus), "--vocab", str(path)]
        main(["prepare", *flags, "--out", str(tmp_path / "lower")])
        assert "--no-lowercase" in capsys.readouterr().err
        main(["prepare", *flags, "--out", str(tmp_path / "cased"), "--no-lowercase"])
        assert capsys.readouterr().err == ""
        manifest = json.loads((tmp_path / "cased" / "manifest.json").read_text())
        assert manifest["tokenizer"] == TokenizerConfig(lowercase=False).to_dict()

    @pytest.mark.parametrize(
        "flags", [["--corpus", "missing"], ["--encoding", "klingon"], ["--vocab", "missing"]]
    )
    def test_what_is_missing(self, flags, corpus_file, store, tmp_path, capsys):
        known = {"--corpus": str(corpus_file), "--vocab": str(store.vocabulary)}
        known |= {"--out": str(tmp_path / "out"), **dict([flags])}
        assert main(["prepare", *(word for pair in known.items() for word in pair)]) == 2
        assert flags[1] in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []


class TestPretrain:
    def test_settings(self, run_dir):
        config = PretrainConfig.from_dict(RunFolder(run_dir).config()["pretrain"])
        assert (config.size, config.steps, config.encoder.hidden_dim) == ("tiny", 4, 16)
        assert config.encoder.norm_position == "post"
        assert [row["step"] for row in RunFolder(run_dir).log_rows()] == [2, 4]

    def test_a_run_goes_on_with_its_own_settings(self, copied_run, capsys):
        assert main(["pretrain", "--run-dir", str(copied_run), "--steps", "6"]) == 0
        output, remarks = capsys.readouterr()
        assert "finished at step 6 of 6" in output
        assert remarks == ""
        rows = RunFolder(copied_run).log_rows()
        assert [row["step"] for row in rows] == [2, 4, 6]

    @pytest.mark.parametrize(
        ("flags", "name"),
        [
            (["--size", "small"], "size"),
            (["--learning-rate", "1.0"], "learning_rate"),
            (["--steps", "3"], "steps"),
            (["--architecture", "modern"], "norm_position"),
            (["--store", "missing"], "missing"),
        ],
    )
    def test_other_settings_are_refused_by_name(self, run_dir, flags, name, capsys):
        assert main(["pretrain", "--run-dir", str(run_dir), *flags]) == 2
        assert name in capsys.readouterr().err

    @pytest.mark.parametrize("flags", [[], ["--run-dir", "nowhere"]])
    def test_what_is_needed(self, flags, capsys, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert main(["pretrain", *flags]) == 2
        assert ("--store" if flags else "--run-dir") in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []

    def test_what_a_failed_start_left_is_no_run_to_go_on_with(self, store, tmp_path, capsys):
        """A mistake is mended by the command without it, in the same folder."""
        place = ["pretrain", "--store", str(store.path), "--run-dir", str(tmp_path / "run")]
        wrong = ["--from", str(tmp_path), "--mask-rate", "0.3"]
        assert main([*place, *NARROW, *wrong]) == 2
        assert main([*place, *NARROW]) == 0
        config = RunFolder(tmp_path / "run").config()["pretrain"]
        assert config["masking"]["mask_rate"] == 0.15

    def test_a_generator_that_cannot_be_leaves_no_folder(self, store, tmp_path, capsys):
        out = tmp_path / "run"
        flags = ["--store", str(store.path), "--run-dir", str(out), *NARROW]
        assert main(["pretrain", *flags, "--generator-num-heads", "3"]) == 2
        assert "generator_num_heads: expected heads that divide" in capsys.readouterr().err
        assert not out.exists()

    def test_from_another_run(self, run_dir, store, tmp_path, capsys):
        out = tmp_path / "run"
        flags = ["--store", str(store.path), "--run-dir", str(out), *NARROW, "--steps", "1"]
        assert main(["pretrain", *flags, "--from", "missing"]) == 2
        assert not out.exists()
        assert main(["pretrain", *flags, "--from", str(run_dir)]) == 0
        assert "start afresh" in capsys.readouterr().err

    def test_ctrl_c(self, store, tmp_path):
        out = tmp_path / "run"
        flags = ["--store", store.path, "--run-dir", out, *NARROW, "--steps", "1000000"]
        environment = {**os.environ, "KERAS_BACKEND": keras.config.backend()}
        command = [sys.executable, "-m", "keras_electra", "pretrain", *map(str, flags)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
            while process.poll() is None and not RunFolder(out).log_path.exists():
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            remarks = process.communicate()[1].decode()
        assert process.returncode == 130
        assert RunFolder(out).state() == "interrupted"
        assert RunFolder(out).checkpoints()
        assert remarks.startswith(f"backend: {keras.config.backend()} (KERAS_BACKEND)\n")
        assert "tokens/s" not in remarks


class TestModels:
    def test_evaluate(self, run_dir, capsys):
        assert main(["evaluate", "--run-dir", str(run_dir), "--json"]) == 0
        (line,) = capsys.readouterr().out.splitlines()
        figures = json.loads(line)
        assert tuple(figures) == FIGURES
        assert figures["step"] == 4
        assert main(["evaluate", "--run-dir", str(run_dir), "--max-examples", "8"]) == 0
        assert "area under the ROC curve" in capsys.readouterr().out

    def test_detect(self, run_dir, monkeypatch, capsys):
        monkeypatch.setattr(sys, "stdin", io.StringIO("the cat\n\na dog\n"))
        assert main(["detect", "--model", str(run_dir), "--json", "Old king .", "-"]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [row["text"] for row in rows] == ["Old king .", "the cat", "a dog"]
        assert rows[0]["tokens"] == ["old", "king", "."]
        assert rows[0]["offsets"] == [[0, 3], [4, 8], [9, 10]]
        assert all(0 < value < 1 for value in rows[0]["replaced"])
        assert main(["detect", "--model", str(run_dir), "the cat"]) == 0
        assert "P(replaced)" in capsys.readouterr().out

    def test_detect_in_a_file(self, run_dir, tmp_path, capsys):
        path = tmp_path / "texts.txt"
        path.write_text("the old king .\n\nthe dogged cat\n")
        flags = ["detect", "--model", str(run_dir), "--file", str(path)]
        assert main([*flags, "--top", "3", "--json"]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert len(rows) == 3
        assert [row["replaced"] for row in rows] == sorted(r["replaced"] for r in rows)[::-1]
        for row in rows:
            line = path.read_text().splitlines()[row["line"] - 1]
            assert line[row["start"] : row["end"]] == row["word"]
        assert main(flags) == 0
        assert "where it stands" in capsys.readouterr().out
        assert main([*flags, "a text"]) == main([*flags, "--top", "0"]) == 2
        assert main(["detect", "--model", str(run_dir), "--file", "missing"]) == 2
        assert "expected a readable text file" in capsys.readouterr().err

    def test_corrupt(self, run_dir, capsys):
        text = "the old king sees a young cat in the house ."
        assert main(["corrupt", "--model", str(run_dir), "--json", "--seed", "3", text]) == 0
        row = json.loads(capsys.readouterr().out)
        lengths = {len(value) for name, value in row.items() if name != "text"}
        assert lengths == {len(row["tokens"])}
        for original, sampled, corrupted, is_replaced in zip(
            *(row[k] for k in ("tokens", "sampled_tokens", "corrupted_tokens", "is_replaced")),
            strict=True,
        ):
            assert corrupted == (original if sampled is None else sampled)
            assert is_replaced == (corrupted != original)
        assert main(["corrupt", "--model", str(run_dir), "--seed", "3", text]) == 0
        assert "sampled" in capsys.readouterr().out

    def test_export(self, run_dir, tmp_path, capsys):
        out = tmp_path / "preset"
        flags = ["--format", "keras", "--model", str(run_dir), "--out", str(out)]
        assert main(["export", *flags]) == 0
        assert {path.name for path in out.iterdir()} >= {"config.json", "vocab.txt"}
        capsys.readouterr()
        main(["detect", "--model", str(run_dir), "--json", "the cat"])
        main(["detect", "--model", str(out), "--json", "the cat"])
        first, second = capsys.readouterr().out.splitlines()
        assert first == second
        assert main(["export", *flags]) == 2

    @pytest.mark.parametrize(
        "arguments",
        [
            ["evaluate", "--run-dir", "missing"],
            ["evaluate"],
            ["detect", "--model", "missing", "text"],
            ["detect", "--model", "."],
            ["detect", "--model", ".", "  "],
            ["corrupt", "--model", "missing", "text"],
            ["export", "--model", "missing", "--out", "out"],
        ],
    )
    def test_what_is_missing(self, arguments, capsys, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert main(arguments) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1

    def test_figures_that_an_objective_does_not_have(self, capsys):
        print_figures({**dict.fromkeys(FIGURES), "step": 3, "mlm_loss": 1.0})
        assert "discriminator" not in capsys.readouterr().out


class TestRuns:
    def test_list_and_show(self, run_dir, capsys):
        assert main(["runs", "list", str(run_dir.parent)]) == 0
        assert "finished" in capsys.readouterr().out
        assert main(["runs", "list", "--json", str(run_dir.parent)]) == 0
        (record,) = json.loads(capsys.readouterr().out)
        assert (record["state"], record["step"]) == ("finished", 4)
        for place in ([str(run_dir)], ["--run-dir", str(run_dir)]):
            assert main(["runs", "show", "--json", *place]) == 0
            assert json.loads(capsys.readouterr().out)["checkpoint_steps"] == [4]
        assert main(["runs", "show", str(run_dir)]) == 0
        assert "mlm loss" in capsys.readouterr().out

    @pytest.mark.parametrize("command", ["pause", "resume", "stop"])
    def test_a_finished_run_takes_no_command(self, command, run_dir, capsys):
        assert main(["runs", command, str(run_dir)]) == 2
        assert "finished" in capsys.readouterr().err

    def test_an_ended_run_is_told_what_goes_on_with_it(self, copied_run, capsys):
        status = json.loads((copied_run / "status.json").read_text())
        (copied_run / "status.json").write_text(json.dumps({**status, "state": "stopped"}))
        assert main(["runs", "resume", str(copied_run)]) == 2
        told = capsys.readouterr().err
        assert f"keras-electra pretrain --run-dir {copied_run} goes on with it" in told

    @pytest.mark.parametrize(
        "arguments", [["pretrain"], ["evaluate"], ["profile"], ["demo"], ["finetune"]]
    )
    def test_a_run_of_another_kind_is_refused(self, arguments, copied_run, capsys):
        kind = "pretrain" if arguments == ["finetune"] else "finetune"
        (copied_run / "config.json").write_text(json.dumps({kind: {}}))
        shutil.rmtree(copied_run / "checkpoints")
        assert main([*arguments, "--run-dir", str(copied_run)]) == 2
        (told,) = capsys.readouterr().err.splitlines()
        other = "a pretraining run" if kind == "finetune" else "a fine-tuning run"
        assert f"expected {other}, received {copied_run}, " in told

    def test_a_fine_tuning_named_alone_is_told_how_it_was_started(self, copied_run, capsys):
        (copied_run / "config.json").write_text(json.dumps({"finetune": {}}))
        assert main(["finetune", "--run-dir", str(copied_run)]) == 2
        told = capsys.readouterr().err
        assert "--model, --data: expected those that the run was started with" in told
        assert f"goes on with {copied_run}" in told

    def test_one_run_must_be_named(self, run_dir, tmp_path, capsys):
        assert main(["runs", "show"]) == 2
        assert main(["runs", "show", str(run_dir), "--run-dir", str(run_dir)]) == 2
        assert main(["runs", "show", str(tmp_path)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 3


class TestErrors:
    def test_exit_codes(self, failing, capsys):
        assert failing(InputError("x: expected 1, received 2")) == 2
        assert failing(DamagedDataError("damaged")) == 3
        assert failing(KeyboardInterrupt()) == 130
        assert failing(OSError(errno.ENOSPC, "No space left", "there")) == 2
        assert failing(PermissionError(errno.EACCES, "Permission denied", "here")) == 2
        remarks = capsys.readouterr().err.splitlines()
        assert len(remarks) == 5
        assert "no space left on the disk of 'there'" in remarks[3]
        assert "'here'" in remarks[4]

    def test_a_mistake_of_the_program_keeps_its_traceback(self, failing):
        with pytest.raises(ZeroDivisionError):
            failing(ZeroDivisionError())

    def test_sigterm_outside_training(self):
        code = "import os, signal; import keras_electra.cli as cli; "
        code += "cli.ListRuns.run = lambda self: os.kill(os.getpid(), signal.SIGTERM); "
        code += "cli.main(['runs', 'list']); print('survived')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (143, "")

    def test_the_former_handler_comes_back(self, failing):
        former = signal.getsignal(signal.SIGTERM)
        failing(InputError("x"))
        assert signal.getsignal(signal.SIGTERM) == former

    def test_damaged_store(self, store, tmp_path, capsys):
        copy = shutil.copytree(store.path, tmp_path / "store")
        shard = copy / "tokens-00000.bin"
        shard.write_bytes(bytes([shard.read_bytes()[0] ^ 1]) + shard.read_bytes()[1:])
        flags = ["--store", str(copy), "--run-dir", str(tmp_path / "run"), *NARROW]
        assert main(["pretrain", *flags]) == 3
        assert shard.name in capsys.readouterr().err


class TestDisplay:
    @pytest.fixture
    def screen(self, monkeypatch):
        """What a terminal would show."""
        screen = io.StringIO()
        console = rich.console.Console(file=screen, force_terminal=True, width=120)
        monkeypatch.setattr(display, "is_watched", lambda: True)
        monkeypatch.setattr(display, "remarks", console)
        return screen

    def test_training_line(self, screen, monkeypatch):
        monkeypatch.setattr(display, "MIN_SECONDS", 0.0)
        with display.TrainingProgress(100, lambda step: 64 * step) as progress:
            progress.on_step(1)
            progress.on_row({"mlm_loss": 6.25, "rtd_loss": 0.5})
            time.sleep(0.02)
            progress.on_step(2)
        shown = screen.getvalue()
        for part in ("2/100", "loss 6.250 + 0.500", "tokens/s", "left"):
            assert part in shown

    def test_a_time_budget_bounds_the_time_left(self, screen, monkeypatch):
        monkeypatch.setattr(display, "MIN_SECONDS", 0.0)
        with display.TrainingProgress(
            10**9, lambda step: 64 * step, budget_seconds=61.0
        ) as progress:
            progress.on_step(1)
            time.sleep(0.02)
            progress.on_step(2)
        assert "0:01:00 left" in screen.getvalue()

    def test_bar_and_spinner(self, screen):
        with display.progress("reading", "bytes") as update, display.waiting("for it"):
            update(500, 1000)
        assert "reading" in screen.getvalue()

    def test_nothing_without_a_terminal(self, capsys):
        with (
            display.TrainingProgress(2, lambda step: 64 * step) as progress,
            display.waiting("for it"),
        ):
            progress.on_row({"mlm_loss": 1.0})
            progress.on_step(1)
        with display.progress("reading") as update:
            update(1, 2)
        assert capsys.readouterr() == ("", "")

    def test_messages_of_compiled_libraries_are_shown_if_something_fails(self, capfd):
        with display.native_messages_held() as stream:
            os.write(2, b"greeting")
            stream.write("spinner")
        assert capfd.readouterr().err == "spinner"
        with contextlib.suppress(ImportError), display.native_messages_held():
            os.write(2, b"the reason")
            raise ImportError
        assert capfd.readouterr().err == "the reason"

    def test_numbers(self):
        assert display.clock(3725) == "1:02:05"
        assert [display.figure(value) for value in (None, float("nan"), 0.5, 1234)] == [
            "-",
            "-",
            "0.5000",
            "1,234",
        ]

    def test_json_has_no_nan(self, capsys):
        display.print_json({"auc": float("nan"), "path": pathlib.Path("a")})
        assert json.loads(capsys.readouterr().out) == {"auc": None, "path": "a"}


class TestDemo:
    @pytest.fixture
    def small_demo(self, monkeypatch, corpus_file):
        monkeypatch.setattr(demo, "VOCABULARY_SIZE", 200)
        monkeypatch.setattr(demo, "shipped_books", lambda stack: [corpus_file])
        narrow = {"hidden_dim": 16, "num_heads": 2, "num_layers": 1, "intermediate_dim": 32}
        narrow |= {"embedding_dim": 8, "sequence_length": 16, "batch_size": 4}
        monkeypatch.setitem(SIZES, "tiny", {**SIZES["tiny"], **narrow})

    def test_leaves_an_ordinary_run_and_can_be_repeated(self, small_demo, tmp_path, capsys):
        out = tmp_path / "the demo"
        assert main(["demo", "--run-dir", str(out), "--steps", "2"]) == 0
        first = capsys.readouterr().out
        for part in ("area under the ROC curve", "sampled", "next:", "finished at step 2 of 2"):
            assert part in first
        moved = out.rename(tmp_path / "moved")
        assert main(["demo", "--run-dir", str(moved)]) == 0
        assert "finished at step 2 of 2" in capsys.readouterr().out
        assert main(["evaluate", "--run-dir", str(moved), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["step"] == 2

    def test_leaves_other_runs_alone(self, run_dir, capsys):
        assert main(["demo", "--run-dir", str(run_dir)]) == 2
        assert "--run-dir" in capsys.readouterr().err

    def test_the_books_are_shipped(self):
        with contextlib.ExitStack() as stack:
            sizes = [book.stat().st_size for book in demo.shipped_books(stack)]
        assert len(sizes) > 5
        assert 2e6 < sum(sizes) < 3e6
