"""`prepare` and `store` on the command line, with the original programs' flags too."""

import io
import json
import lzma
import pathlib
import subprocess
import sys
import tarfile
import types

import numpy as np
import pytest

from keras_electra.cli import main, preparing
from keras_electra.cli.preparing import figures
from keras_electra.store import Progress, Store
from keras_electra.tokenizer import SPECIAL_TOKENS, WordPieceTokenizer

WORDS = ["The", "the", "cat", "sat", "on", "a", "mat", "é", "e", "dog", "ran", "far"]
VOCABULARY = [*SPECIAL_TOKENS, *WORDS, ".", *(f"word{number}" for number in range(20))]


@pytest.fixture
def vocab(tmp_path):
    WordPieceTokenizer(VOCABULARY).save(tmp_path / "vocab.txt")
    return tmp_path / "vocab.txt"


def sentences(count, seed=0):
    rng = np.random.default_rng(seed)
    return ["The é " + " ".join(rng.choice(WORDS, 8)) + " ." for _ in range(count)]


@pytest.fixture
def texts(tmp_path):
    (tmp_path / "texts").mkdir()
    for name in "ab":
        lines = sentences(60, ord(name))
        documents = ["\n".join(lines[first : first + 6]) for first in range(0, 60, 6)]
        (tmp_path / "texts" / f"{name}.txt").write_text("\n\n".join(documents), encoding="utf-8")
    return tmp_path / "texts"


def run(*arguments):
    return main([str(argument) for argument in arguments])


def tokens_of(path):
    store = Store(path)
    return [store.tokenizer().vocabulary[i] for i in store.tokens[np.arange(store.num_tokens)]]


def test_prepare(texts, vocab, tmp_path, capsys):
    out = tmp_path / "store"
    command = ["prepare", "--corpus", texts, "--vocab", vocab, "--out", out]
    assert run(*command, "--num-processes", "2") == 0
    printed, remarks = capsys.readouterr()
    assert "in 120 sentences and 20 documents written to" in printed
    assert "report.html" in printed
    assert f"keras-electra pretrain --store {out} --run-dir RUN --size tiny" in printed
    assert remarks.startswith("warning: removing accents changes ")
    assert remarks.count("\n") == 1 and "é → e; --no-strip-accents keeps their marks" in remarks
    assert run(*command) == 0
    printed, remarks = capsys.readouterr()
    assert "20 documents are in" in printed
    assert "nothing was to be done" in remarks
    assert run(*command, "--no-lowercase") == 2
    assert "lowercase=True, received False" in capsys.readouterr().err


def test_shares_of_an_array_job(texts, vocab, tmp_path, capsys):
    out = tmp_path / "store"
    command = ["prepare", "--corpus", texts, "--vocab", vocab, "--out", out]
    for index in range(2):
        assert run(*command, "--task-index", index, "--task-count", 2) == 0
        assert f"share {index} of 2 is ready" in capsys.readouterr().out
        assert not out.exists()
    assert run(*command) == 0
    assert Store(out).num_documents == 20
    assert run(*command, "--task-index", 1) == 2
    assert "expected both or none" in capsys.readouterr().err


def test_all_options_of_cleaning(texts, vocab, tmp_path, capsys):
    (texts / "c.txt").write_text((texts / "a.txt").read_text(encoding="utf-8"), encoding="utf-8")
    command = ["prepare", "--corpus", texts, "--vocab", vocab, "--out", tmp_path / "store"]
    command += ["--drop-duplicates", "--near-duplicate-similarity", 0.9]
    assert run(*command, "--min-document-characters", 10) == 0
    assert "10 duplicates and 0 near duplicates" in capsys.readouterr().err
    assert Store(tmp_path / "store").num_documents == 20


def test_a_mixture(texts, vocab, tmp_path, capsys):
    command = ["prepare", "--corpus", texts / "a.txt", texts / "b.txt", "--vocab", vocab]
    assert run(*command, "--out", tmp_path / "store", "--weights", 3, 1) == 0
    rows = json.loads((tmp_path / "store" / "report.json").read_text())["mixture"]
    assert rows[0]["tokens_taken"] > 2 * rows[1]["tokens_taken"]
    assert run(*command, "--out", tmp_path / "other", "--weights", 3) == 2
    assert "weights: expected 2" in capsys.readouterr().err


def test_standard_input(texts, vocab, tmp_path):
    text = (texts / "a.txt").read_bytes()
    command = [sys.executable, "-m", "keras_electra", "prepare", "--corpus", "-", "--vocab", vocab]
    command.append("--no-strip-accents")
    done = subprocess.run(
        [*map(str, command), "--out", str(tmp_path / "store"), "--num-processes", "2"],
        input=text,
        capture_output=True,
        cwd=pathlib.Path(preparing.__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert Store(tmp_path / "store").num_documents == 10


@pytest.mark.parametrize("missing", ["--corpus", "--vocab", "--out"])
def test_what_is_missing(texts, vocab, tmp_path, missing, capsys):
    given = {"--corpus": texts, "--vocab": vocab, "--out": tmp_path / "store"}
    del given[missing]
    assert run("prepare", *(word for pair in given.items() for word in pair)) == 2
    assert f"{missing}: expected a value, received none" in capsys.readouterr().err


# The original's flags


def write_openwebtext(folder):
    """Archives of texts as in the original's data folder: tar files that are compressed by xz."""
    folder.mkdir(parents=True)
    for number in range(3):
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            for name in range(4):
                text = "\n\n".join(sentences(3, 10 * number + name)).encode()
                entry = tarfile.TarInfo(f"{number}-{name}.txt")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text))
        path = folder / f"urlsf_subset{number:02d}-1_data.xz"
        path.write_bytes(lzma.compress(content.getvalue()))


def test_data_dir(vocab, tmp_path, capsys):
    write_openwebtext(tmp_path / "openwebtext")
    command = ["prepare", "--data-dir", tmp_path, "--max-seq-length", 64]
    assert run(*command, "--num-processes", 2) == 0
    store = Store(tmp_path / "store")
    assert (store.num_documents, store.manifest.num_sentences) == (12, 36)
    expected = [line for n in range(3) for name in range(4) for line in sentences(3, 10 * n + name)]
    folded = " ".join(expected).lower().replace("é", "e").split()
    assert tokens_of(tmp_path / "store") == folded
    printed = capsys.readouterr().out
    assert f"pretrain --data-dir {tmp_path} --model-name NAME" in printed
    assert '{"max_seq_length": 64}' in printed


def test_corpus_dir(texts, vocab, tmp_path, capsys):
    there = ["prepare", "--corpus-dir", texts, "--vocab-file", vocab, "--output-dir"]
    assert run(*there, tmp_path / "one") == 0
    assert "--size small --sequence-length 128" in capsys.readouterr().out
    assert Store(tmp_path / "one").num_documents == 20
    assert run(*there, tmp_path / "two", "--blanks-separate-docs", "False") == 0
    assert Store(tmp_path / "two").num_documents == 2
    assert tokens_of(tmp_path / "one") == tokens_of(tmp_path / "two")
    assert "The" not in tokens_of(tmp_path / "one")
    assert run(*there, tmp_path / "three", "--no-lower-case", "--max-seq-length", 256) == 0
    assert "The" in tokens_of(tmp_path / "three") and "é" in tokens_of(tmp_path / "three")
    assert "--sequence-length 256" in capsys.readouterr().out
    assert run(*there, tmp_path / "four", "--do-lower-case", "--no-strip-accents") == 0
    assert "é" in tokens_of(tmp_path / "four") and "The" not in tokens_of(tmp_path / "four")
    assert run(*there, tmp_path / "five", "--no-lower-case", "--do-strip-accents") == 0
    assert "The" in tokens_of(tmp_path / "five") and "é" not in tokens_of(tmp_path / "five")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data-dir", "D", "--corpus", "C"], "--data-dir and --corpus do not go together"),
        (["--data-dir", "D", "--out", "O"], "--data-dir and --out do not go together"),
        (["--data-dir", "D", "--corpus-dir", "C"], "--corpus-dir: expected only beside"),
        (["--corpus-dir", "C"], "--vocab-file: expected a value"),
        (["--corpus-dir", "C", "--vocab-file", "V"], "--output-dir: expected a value"),
        (["--vocab-file", "V"], "--vocab-file: expected only beside --corpus-dir"),
        (["--data-dir", "D", "--blanks-separate-docs", "True"], "expected only beside"),
        (["--data-dir", "D", "--do-lower-case", "--no-lower-case"], "do not go together"),
        (["--data-dir", "D", "--no-lower-case", "--lowercase"], "lowercase: received both"),
        (
            [
                "--corpus-dir",
                "C",
                "--vocab-file",
                "V",
                "--output-dir",
                "O",
                "--document-boundary",
                "line",
            ],
            "--blanks-separate-docs and --document-boundary do not go together",
        ),
    ],
)
def test_flags_that_do_not_go_together(flags, message, vocab, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "D").mkdir()
    for name in ("D/vocab.txt", "V"):
        (tmp_path / name).write_bytes(vocab.read_bytes())
    assert run("prepare", *flags) == 2
    assert message in capsys.readouterr().err


# Stores


@pytest.fixture
def stores(texts, vocab, tmp_path, capsys):
    for name in "ab":
        command = ["prepare", "--corpus", texts / f"{name}.txt", "--vocab", vocab]
        assert run(*command, "--out", tmp_path / name) == 0
    capsys.readouterr()
    return [tmp_path / name for name in "ab"]


def test_store_show(stores, capsys):
    assert run("store", "show", stores[0], "--json", "--verify") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["documents"] == 10
    assert facts["tokens"] == Store(stores[0]).num_tokens
    assert facts["made_by"] == "prepare"
    assert run("store", "show", stores[0]) == 0
    assert "held out tokens" in capsys.readouterr().out
    assert run("store", "show", stores[0].with_name("absent")) == 2


def test_store_merge(stores, tmp_path, capsys):
    assert run("store", "merge", *stores, "--out", tmp_path / "both") == 0
    assert "20 documents written to" in capsys.readouterr().out
    assert tokens_of(tmp_path / "both") == tokens_of(stores[0]) + tokens_of(stores[1])
    assert run("store", "merge", *stores, "--out", tmp_path / "both") == 2


def test_store_split(stores, tmp_path, capsys):
    out = [tmp_path / "one", tmp_path / "two"]
    assert run("store", "split", stores[0], "--out", *out, "--fraction", 0.3) == 0
    assert [Store(path).num_documents for path in out] == [7, 3]
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_store_add(stores, texts, tmp_path, capsys):
    command = ["store", "add", stores[0], "--corpus", texts / "b.txt", "--out", tmp_path / "more"]
    assert run(*command, "--num-processes", 1) == 0
    assert tokens_of(tmp_path / "more") == tokens_of(stores[0]) + tokens_of(stores[1])
    assert sorted(path.name for path in tmp_path.glob("more*")) == ["more"]


# Progress


def test_figures_of_the_progress():
    first = Progress(10_000_000, 100_000_000, 0, 100)
    now = Progress(30_000_000, 100_000_000, 5_000_000, 2100)
    assert figures(now, first, 10) == ["2.0 MB/s", "200 documents/s", "0:00:35 left"]
    assert figures(now, first, 0.5) == []
    unknown = Progress(30_000_000, None, 5_000_000, 2100)
    assert figures(unknown, first, 10) == ["2.0 MB/s", "200 documents/s"]


def test_processors_that_may_be_used(monkeypatch):
    monkeypatch.setattr(preparing.os, "sched_getaffinity", lambda pid: {1, 2, 5}, raising=False)
    assert preparing.available_processors() == 3
    monkeypatch.setattr(preparing, "os", types.SimpleNamespace(cpu_count=lambda: 7))
    assert preparing.available_processors() == 7
