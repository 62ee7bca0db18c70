"""Preparing a corpus: the same store whatever the processes, the tasks, the kills and the file kinds."""

import bz2
import contextlib
import gzip
import io
import itertools
import json
import lzma
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time

import numpy as np
import pytest

from keras_electra.config.corpus import CorpusConfig
from keras_electra.config.store import DuplicatesConfig, StoreConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.corpus import Source
from keras_electra.errors import DamagedDataError, InputError
from keras_electra.store import Share, Store, build_store, prepare, prepare_store
from keras_electra.store.preparing import assembling, tokenizing, units, workers
from keras_electra.tokenizer import SPECIAL_TOKENS, WordPieceTokenizer

TEXT = "the cat sat on a mat and dog ran far home in snow rain sun with old new red blue"
WORDS = TEXT.split()
VOCABULARY = [*SPECIAL_TOKENS, *WORDS, ".", ",", "##s"]
TOKENIZER = WordPieceTokenizer(VOCABULARY)


def text_of(num_documents, seed=0):
    """Documents of random sentences, no two alike."""
    rng = np.random.default_rng(seed)
    documents = []
    for _ in range(num_documents):
        lines = [
            " ".join(rng.choice(WORDS, rng.integers(3, 20))) + " ."
            for _ in range(rng.integers(1, 8))
        ]
        documents.append("\n".join(lines))
    return documents


def write_corpus(folder):
    """Text that is cut into ranges, small files, a stream and a table."""
    folder.mkdir()
    (folder / "a.txt").write_text("\n\n".join(text_of(800, 1)) + "\n")
    for number in range(4):
        (folder / f"b{number}.txt").write_text("\n\n".join(text_of(10, 10 + number)))
    (folder / "c.txt.xz").write_bytes(lzma.compress("\n\n".join(text_of(200, 2)).encode()))
    (folder / "d.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in text_of(150, 3))
    )
    (folder / "e.txt.gz").write_bytes(gzip.compress("\n\n".join(text_of(5, 4)).encode()))
    return folder


@pytest.fixture(autouse=True)
def small_units(monkeypatch):
    """Units so small that a small corpus has many."""
    monkeypatch.setattr(prepare, "UNIT_BYTES", 8_192)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus") / "texts")


@pytest.fixture(scope="module")
def expected(corpus, tmp_path_factory):
    """The store that one process makes without interruption."""
    out = tmp_path_factory.mktemp("expected") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare, "UNIT_BYTES", 8_192)
        assert prepare_store(corpus, TOKENIZER, out).is_new
    return out


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def all_tokens(store):
    return store.tokens[np.arange(store.num_tokens)]


def texts_in(store):
    """The documents of a store, as strings of tokens."""
    sentences = np.fromfile(store.path / "sentence_offsets.bin", "<i8")
    ends = sentences[np.fromfile(store.path / "document_offsets.bin", "<i8")]
    tokens, tokenizer = all_tokens(store), store.tokenizer()
    return [tokenizer.decode(tokens[a:b]) for a, b in itertools.pairwise(ends)]


def working(out):
    return out.with_name(out.name + ".preparing")


# The same store, whatever the way


def test_every_document_is_in_the_store_once(expected):
    documents = [
        *text_of(800, 1),
        *itertools.chain.from_iterable(text_of(10, 10 + number) for number in range(4)),
        *text_of(200, 2),
        *text_of(150, 3),
        *text_of(5, 4),
    ]
    assert texts_in(Store(expected)) == [" ".join(text.split()) for text in documents]


def test_the_corpus_is_divided(corpus, tmp_path):
    prepare_store(corpus, TOKENIZER, tmp_path / "store", share=Share(0, 2))
    listed = json.loads((working(tmp_path / "store") / "units.json").read_text())["units"]
    assert len(listed) > 8
    assert sum(unit["is_sequential"] for unit in listed) >= 1


@pytest.mark.parametrize("num_processes", [2, 3])
def test_the_number_of_processes_makes_no_difference(corpus, tmp_path, expected, num_processes):
    out = tmp_path / "store"
    prepare_store(corpus, TOKENIZER, out, num_processes=num_processes)
    assert contents(out) == contents(expected)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_the_size_of_parts_makes_no_difference(corpus, tmp_path, monkeypatch, expected):
    monkeypatch.setattr(units, "PART_CHARACTERS", 4000)
    monkeypatch.setattr(tokenizing, "BATCH_LINES", 7)
    prepare_store(corpus, TOKENIZER, tmp_path / "store")
    assert contents(tmp_path / "store") == contents(expected)


def test_one_pass_makes_the_same_store(corpus, tmp_path):
    build_store(corpus, TOKENIZER, tmp_path / "one")
    prepare_store(corpus, TOKENIZER, tmp_path / "two")
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert two.pop("report.json") and two.pop("report.html")
    assert one == two


def test_an_array_job(corpus, tmp_path, expected):
    out = tmp_path / "store"
    counts = [
        prepare_store(corpus, TOKENIZER, out, share=Share(index, 3)).num_units for index in range(3)
    ]
    assert sum(counts) == len(json.loads((working(out) / "units.json").read_text())["units"])
    assert not out.exists()
    parts = [path.stat().st_size for path in working(out).rglob("*.part")]
    reports = []
    prepare_store(corpus, TOKENIZER, out, on_progress=reports.append)
    assert contents(out) == contents(expected)
    assert reports[-1].stage == "assembling"
    last = reports[-1]
    assert last.num_bytes == last.total_bytes == sum(parts)
    assert last.num_tokens == Store(out).num_tokens
    assert {report.num_tokens for report in reports if report.stage == "tokenizing"} == {0}


def test_an_array_job_with_a_share_missing(corpus, tmp_path, expected):
    out = tmp_path / "store"
    prepare_store(corpus, TOKENIZER, out, share=Share(1, 2))
    prepare_store(corpus, TOKENIZER, out, num_processes=2)
    assert contents(out) == contents(expected)


@pytest.mark.parametrize("share", [Share(2, 2), Share(-1, 2), Share(0, 0)])
def test_impossible_tasks(corpus, tmp_path, share):
    with pytest.raises(InputError, match="task_(index|count): expected"):
        prepare_store(corpus, TOKENIZER, tmp_path / "store", share=share)


# Again, and with other settings


def test_nothing_to_do(corpus, tmp_path, expected):
    out = shutil.copytree(expected, tmp_path / "store")
    start = time.perf_counter()
    done = prepare_store(corpus, TOKENIZER, out, num_processes=2)
    assert time.perf_counter() - start < 1
    assert not done.is_new
    assert done.manifest == Store(expected).manifest
    assert contents(out) == contents(expected)


CHANGES = {
    "seed": {"config": StoreConfig(seed=1)},
    "held_out_fraction": {"config": StoreConfig(held_out_fraction=0.1)},
    "document_boundary": {"corpus_config": CorpusConfig(document_boundary="line")},
    "drop_duplicates": {"duplicates": DuplicatesConfig(drop_duplicates=True)},
    "lowercase": {"tokenizer": WordPieceTokenizer(VOCABULARY, TokenizerConfig(lowercase=False))},
    "vocabulary": {"tokenizer": WordPieceTokenizer([*VOCABULARY, "more"])},
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("is_finished", [False, True])
def test_other_settings_are_refused(corpus, tmp_path, expected, name, is_finished):
    out = tmp_path / "store"
    if is_finished:
        shutil.copytree(expected, out)
    else:
        prepare_store(corpus, TOKENIZER, out, share=Share(0, 2))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    changed = {"tokenizer": TOKENIZER, **CHANGES[name]}
    with pytest.raises(InputError, match=f"{name}=.*received"):
        prepare_store(corpus, out=out, **changed)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_text_that_changed_is_refused(corpus, tmp_path, expected):
    texts = shutil.copytree(corpus, tmp_path / "texts")
    out = tmp_path / "store"
    prepare_store(texts, TOKENIZER, out, share=Share(0, 2))
    with (texts / "a.txt").open("a") as file:
        file.write("the dog\n")
    with pytest.raises(InputError, match=r"a\.txt.* was changed since.*remove .*preparing"):
        prepare_store(texts, TOKENIZER, out)
    shutil.copy2(corpus / "a.txt", texts)
    (texts / "f.txt").write_text("the dog")
    with pytest.raises(InputError, match="is new|was changed since"):
        prepare_store(texts, TOKENIZER, out)
    (texts / "f.txt").unlink()
    prepare_store(texts, TOKENIZER, out)
    here, there = contents(out), contents(expected)
    for name in ("tokens-00000.bin", "held_out.bin", "document_offsets.bin"):
        assert here[name] == there[name]
    (texts / "a.txt").write_text("the dog\n" * 50)
    with pytest.raises(InputError, match=r"out: .* and .*texts was changed since"):
        prepare_store(texts, TOKENIZER, out)


def test_text_edited_at_the_same_size_is_refused(corpus, tmp_path):
    texts, out = shutil.copytree(corpus, tmp_path / "texts"), tmp_path / "store"
    prepare_store(texts, TOKENIZER, out)
    edited = (texts / "a.txt").read_bytes().swapcase()
    (texts / "a.txt").write_bytes(edited)
    with pytest.raises(InputError, match=r"out: .* and .*texts was changed since"):
        prepare_store(texts, TOKENIZER, out)


def test_a_store_that_recorded_no_stamp_is_compared_by_names_and_sizes(corpus, tmp_path):
    texts, out = shutil.copytree(corpus, tmp_path / "texts"), tmp_path / "store"
    prepare_store(texts, TOKENIZER, out)
    content = json.loads((out / "manifest.json").read_bytes())
    del content["sources"][0]["stamp"]
    (out / "manifest.json").write_text(json.dumps(content))
    (texts / "a.txt").touch()
    assert not prepare_store(texts, TOKENIZER, out).is_new


def test_a_file_whose_name_is_no_text(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")
    pathlib.Path(path).write_text("the dog\n\n" * 200)
    prepare_store(path, TOKENIZER, tmp_path / "store")
    (record,) = Store(tmp_path / "store").manifest.sources
    assert record.name == path


def test_a_stream_that_changed_is_refused(tmp_path, monkeypatch):
    texts = text_of(300, 5)
    monkeypatch.setattr("keras_electra.corpus.reading.BLOCK_CHARACTERS", 2000)
    out = tmp_path / "store"

    def broken():
        yield from texts[:200]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_store([broken()], TOKENIZER, out)
    assert list(working(out).rglob("*.part"))
    with pytest.raises(InputError, match="expected the same text as before the interruption"):
        prepare_store([(text for text in texts[1:])], TOKENIZER, out)
    prepare_store([(text for text in texts)], TOKENIZER, out)
    assert texts_in(Store(out)) == [" ".join(text.split()) for text in texts]


def test_what_cannot_be_compared_is_not_taken_for_the_same(tmp_path):
    prepare_store([text_of(30)], TOKENIZER, tmp_path / "store")
    with pytest.raises(InputError, match="same text cannot be told"):
        prepare_store([text_of(30)], TOKENIZER, tmp_path / "store")


def test_a_folder_that_is_no_store(corpus, tmp_path):
    (tmp_path / "store").mkdir()
    with pytest.raises(InputError, match="out: expected a folder that does not exist yet"):
        prepare_store(corpus, TOKENIZER, tmp_path / "store")


def test_a_store_inside_the_corpus_is_refused(corpus):
    with pytest.raises(InputError, match="out: expected a folder outside"):
        prepare_store([corpus], TOKENIZER, corpus / "store")
    assert not (corpus / "store.preparing").exists()


def test_failing_before_the_first_part_leaves_nothing(tmp_path):
    (tmp_path / "text").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match="offset 3"):
        prepare_store(tmp_path / "text", TOKENIZER, tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


@pytest.mark.parametrize("content", ["", "\n\n", "\u200b\n"])
def test_a_corpus_without_text(tmp_path, content):
    (tmp_path / "text").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="corpus: expected text, received"):
        prepare_store(tmp_path / "text", TOKENIZER, tmp_path / "store")


# Interruptions

PROGRAM = """
import sys, time
from keras_electra.store import prepare, prepare_store
from keras_electra.tokenizer import WordPieceTokenizer
if __name__ == "__main__":
    prepare.UNIT_BYTES = 8_192
    def wait(progress):
        print(progress.num_tokens, flush=True)
        time.sleep(float(sys.argv[4]))
    tokenizer = WordPieceTokenizer.from_file(sys.argv[2])
    prepare_store(sys.argv[1], tokenizer, sys.argv[3], num_processes=2, on_progress=wait)
"""


def start(tmp_path, corpus, out, seconds=0.0, **options):
    """The program that prepares, in a process group of its own."""
    TOKENIZER.save(tmp_path / "vocab.txt")
    (tmp_path / "program.py").write_text(PROGRAM)
    paths = [tmp_path / "program.py", corpus, tmp_path / "vocab.txt", out]
    return subprocess.Popen(
        [sys.executable, *map(str, paths), str(seconds)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
        **options,
    )


def kill_tree(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()


def kill_and_go_on(tmp_path, corpus, expected, num_kills, seed):
    """Kill all processes at random moments, go on each time, and compare at the end."""
    rng = np.random.default_rng(seed)
    out = tmp_path / "store"
    for _ in range(num_kills):
        process = start(tmp_path, corpus, out, 0.03)
        time.sleep(rng.uniform(0.2, 2.5))
        kill_tree(process)
    prepare_store(corpus, TOKENIZER, out, num_processes=2)
    assert contents(out) == contents(expected)
    assert not working(out).exists()


def test_two_kills(tmp_path, corpus, expected):
    kill_and_go_on(tmp_path, corpus, expected, 2, seed=0)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(3))
def test_ten_kills(tmp_path, corpus, expected, seed):
    kill_and_go_on(tmp_path, corpus, expected, 10, seed=seed + 1)


def test_a_kill_after_every_part(tmp_path, corpus, expected, monkeypatch):
    """As if the power went at each moment at which something is written."""
    out = tmp_path / "store"
    write = units.write_part

    def write_one(path, part):
        write(path, part)
        raise KeyboardInterrupt

    monkeypatch.setattr(units, "write_part", write_one)
    monkeypatch.setattr(units, "PART_CHARACTERS", 4000)
    for _ in range(8):
        with pytest.raises(KeyboardInterrupt):
            prepare_store(corpus, TOKENIZER, out)
    assert len(list(working(out).rglob("*.part"))) == 8
    monkeypatch.setattr(units, "write_part", write)
    prepare_store(corpus, TOKENIZER, out)
    assert contents(out) == contents(expected)


@pytest.mark.parametrize("name", ["drop_and_tell", "assemble", "write_report"])
def test_an_interruption_of_the_assembly(tmp_path, corpus, expected, monkeypatch, name):
    out, config = tmp_path / "store", DuplicatesConfig(drop_duplicates=True)
    real, times = getattr(assembling, name), []

    def interrupted(*arguments, **keywords):
        result = real(*arguments, **keywords)
        times.append(name)
        if len(times) == 1:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(assembling, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare_store(corpus, TOKENIZER, out, duplicates=config)
    assert [path.name for path in tmp_path.iterdir()] == ["store.preparing"]
    reports = []
    prepare_store(corpus, TOKENIZER, out, duplicates=config, on_progress=reports.append)
    assert sum(r.num_tokens for r in reports if r.stage == "tokenizing") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    here, there = contents(out), contents(expected)
    assert here["tokens-00000.bin"] == there["tokens-00000.bin"]


def children(pid):
    """Process ids below a process, by Linux's records."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                own = int(path.parent.name)
                found += [own, *children(own)]
    return found


def workers_of(process, count):
    """The worker processes, once they are at work."""
    for _ in range(200):
        found = [
            pid
            for pid in children(process.pid)
            if b"spawn_main" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise AssertionError("no workers")


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@linux
def test_a_worker_that_is_killed(tmp_path, corpus, expected):
    process = start(tmp_path, corpus, tmp_path / "store", 0.1)
    os.kill(workers_of(process, 2)[0], signal.SIGKILL)
    error = process.stderr.read()
    assert process.wait() == 1
    process.stderr.close()
    assert "a worker process was ended by signal 9, perhaps for want of memory" in error
    prepare_store(corpus, TOKENIZER, tmp_path / "store")
    assert contents(tmp_path / "store") == contents(expected)


@linux
def test_workers_end_with_the_program(tmp_path, corpus):
    process = start(tmp_path, corpus, tmp_path / "store", 0.1)
    found = workers_of(process, 2)
    process.kill()
    process.wait()
    process.stderr.close()
    for _ in range(100):
        if not any(pathlib.Path(f"/proc/{pid}").exists() for pid in found):
            return
        time.sleep(0.1)
    raise AssertionError("workers are still there")


def test_a_folder_in_use_is_refused(tmp_path, corpus):
    process = start(tmp_path, corpus, tmp_path / "store", 0.1)
    while not (working(tmp_path / "store") / "units.json").exists():
        time.sleep(0.02)
    for share in (Share(), Share(0, 2)):
        with pytest.raises(InputError, match="preparing is in use"):
            prepare_store(corpus, TOKENIZER, tmp_path / "store", share=share)
    kill_tree(process)


@linux
def test_a_full_disk(tmp_path, corpus, expected):
    def limit():
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))

    process = start(tmp_path, corpus, tmp_path / "store", preexec_fn=limit)
    error = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1
    assert "no space left on the disk of" in error.splitlines()[-1]
    assert "start again" in error.splitlines()[-1]
    prepare_store(corpus, TOKENIZER, tmp_path / "store")
    assert contents(tmp_path / "store") == contents(expected)


def test_a_damaged_part_is_found(tmp_path, corpus, expected):
    out = tmp_path / "store"
    for index in range(2):
        prepare_store(corpus, TOKENIZER, out, share=Share(index, 2))
    part = sorted(working(out).rglob("*.part"))[3]
    before = part.read_bytes()
    flipped = bytearray(before)
    flipped[-5] ^= 1
    for content in (bytes(flipped), before[:-3], b""):
        part.write_bytes(content)
        with pytest.raises(DamagedDataError, match=f"{part.name} is damaged.*remove"):
            prepare_store(corpus, TOKENIZER, out)
        assert not out.exists()
    part.unlink()
    with pytest.raises(DamagedDataError, match=r"is missing: remove .*done\.json"):
        prepare_store(corpus, TOKENIZER, out)
    part.with_name("done.json").unlink()
    prepare_store(corpus, TOKENIZER, out)
    assert contents(out) == contents(expected)


def test_errors_of_workers_arrive(tmp_path):
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(40):
        (texts / f"{number}.txt").write_text("\n\n".join(text_of(10, number)))
    (texts / "77.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"77\.txt.*offset 3.*--encoding"):
        prepare_store(texts, TOKENIZER, tmp_path / "store", num_processes=2)


def fail(work, on_tally):
    if work == "damaged":
        raise DamagedDataError("a part is damaged")
    raise ZeroDivisionError("a bug")


def test_other_errors_of_workers_arrive_too():
    with pytest.raises(DamagedDataError, match="a part is damaged"):
        workers.do_all(fail, ["damaged"], 2, print)
    with pytest.raises(RuntimeError, match="a worker process failed:(.|\n)*a bug"):
        workers.do_all(fail, ["bug"], 2, print)


# Mixtures, cleaning, the report


def test_a_mixture(tmp_path):
    for name, count in (("a", 600), ("b", 60)):
        (tmp_path / name).write_text("\n\n".join(text_of(count, count)))
    sources = [Source(tmp_path / "a", 2.0), Source(tmp_path / "b", 1.0)]
    prepare_store(sources, TOKENIZER, tmp_path / "store")
    store = Store(tmp_path / "store")
    plain = prepare_store([tmp_path / "a", tmp_path / "b"], TOKENIZER, tmp_path / "plain").manifest
    rows = json.loads((store.path / "report.json").read_text())["mixture"]
    assert [row["source"] for row in rows] == [str(tmp_path / name) for name in "ab"]
    taken = [row["tokens_taken"] for row in rows]
    assert sum(row["tokens"] for row in rows) == plain.num_tokens
    assert taken[0] == pytest.approx(2 * taken[1], rel=0.02)
    assert sum(taken) == pytest.approx(plain.num_tokens, rel=0.02)
    assert store.manifest.made["weights"] == [2.0, 1.0]
    # What is held out of the first copies is not in the others.
    missing = sum(taken) - store.num_tokens
    assert 0 < missing < 6 * store.manifest.num_held_out_tokens
    store.verify()


def test_held_out_text_of_a_mixture_is_in_no_copy(tmp_path):
    """Every word of source b occurs once in it, so that a held-out one must not be trained on."""
    words = [f"w{number}" for number in range(3000)]
    lines = [" ".join(words[i : i + 5]) for i in range(0, 3000, 5)]
    (tmp_path / "b").write_text("\n".join(lines))
    (tmp_path / "a").write_text("\n\n".join(text_of(300)))
    tokenizer = WordPieceTokenizer([*VOCABULARY, *words])
    sources = [Source(tmp_path / "a", 0.5), Source(tmp_path / "b", 0.5)]
    prepare_store(sources, tokenizer, tmp_path / "store", StoreConfig(held_out_fraction=0.2))
    store = Store(tmp_path / "store")
    tokens, is_held_out = all_tokens(store), np.zeros(store.num_tokens, bool)
    for first, last in store.held_out_stretches:
        is_held_out[first:last] = True
    own = tokens >= len(VOCABULARY)
    held_out, trained = set(tokens[own & is_held_out]), set(tokens[own & ~is_held_out])
    assert held_out and trained
    assert not held_out & trained
    assert held_out | trained == set(range(len(VOCABULARY), len(VOCABULARY) + 3000))
    counts = np.bincount(tokens[own & ~is_held_out])
    assert counts.max() >= 2


def test_held_out_files_are_kept_out(tmp_path):
    documents = text_of(60)
    secret = "red blue red sun snow rain far home old cat new dog mat sat on a far old home"
    documents[20] += f"\nand {secret} ."
    (tmp_path / "text").write_text("\n\n".join(documents))
    (tmp_path / "task.json").write_text(json.dumps({"data": [{"context": secret.upper()}]}))
    for name, paths in (("with", [tmp_path / "task.json"]), ("without", [])):
        prepare_store(
            tmp_path / "text", TOKENIZER, tmp_path / name, held_out_texts=paths, num_processes=2
        )
    kept, every = (texts_in(Store(tmp_path / name)) for name in ("with", "without"))
    assert kept == every[:20] + every[21:]
    report = json.loads((tmp_path / "with" / "report.json").read_text())
    assert report["dropped_documents"]["held_out_text"] == 1
    with pytest.raises(InputError, match="held_out_text="):
        prepare_store(tmp_path / "text", TOKENIZER, tmp_path / "with")


def test_documents_that_are_unknown(tmp_path):
    documents = [*text_of(40), "zebra quagga the okapi", "zebra the cat sat"]
    (tmp_path / "text").write_text("\n\n".join(documents))
    config = CorpusConfig(max_unknown_fraction=0.5)
    prepare_store(tmp_path / "text", TOKENIZER, tmp_path / "store", corpus_config=config)
    assert texts_in(Store(tmp_path / "store"))[40:] == ["[UNK] the cat sat"]
    report = json.loads((tmp_path / "store" / "report.json").read_text())
    assert report["dropped_documents"]["too_many_unknown"] == 1


def test_the_report(tmp_path):
    documents = ["the cats sat .\nthe okapi ran", "a dog\n\u200b", "\u200b", *["red sun"] * 20]
    (tmp_path / "text").write_text("\n\n".join(documents), encoding="utf-8")
    prepare_store(tmp_path / "text", TOKENIZER, tmp_path / "store", tokens_per_second=1000)
    report = json.loads((tmp_path / "store" / "report.json").read_text())
    assert (report["documents"], report["sentences"]) == (22, 23)
    assert (report["words"], report["tokens"]) == (4 + 3 + 2 + 1 + 40, 5 + 3 + 2 + 40)
    assert report["bytes"] == 14 + 13 + 5 + 3 + 20 * 7
    assert report["tokens_per_word"] == pytest.approx(50 / 50)
    assert report["unknown_rate"] == pytest.approx(1 / 50)
    assert report["train_tokens"] + report["held_out_tokens"] == 50
    assert report["document_lengths"] == [
        {"from": 2, "to": 3, "count": 21},
        {"from": 4, "to": 7, "count": 0},
        {"from": 8, "to": 15, "count": 1},
    ]
    assert report["most_frequent_tokens"][:3] == [["sun", 20], ["red", 20], ["the", 2]]
    (small,) = (row for row in report["sizes"] if row["size"] == "small")
    assert small["tokens"] == 1_000_000 * 128 * 128
    assert small["hours"] == pytest.approx(small["tokens"] / 1000 / 3600)
    assert small["epochs"] == pytest.approx(small["tokens"] / report["train_tokens"])
    page = (tmp_path / "store" / "report.html").read_text(encoding="utf-8")
    assert "Plotly.newPlot" in page
    assert not re.search(r"<(script|link|img|iframe)[^>]* (src|href)=", page)
    assert Store(tmp_path / "store").manifest.files.keys().isdisjoint({"report.json"})


def test_the_speed_that_the_report_assumes(tmp_path):
    (tmp_path / "text").write_text("\n\n".join(text_of(20)))
    prepare_store(tmp_path / "text", TOKENIZER, tmp_path / "store")
    rows = json.loads((tmp_path / "store" / "report.json").read_text())["sizes"]
    hours = {row["size"]: row["hours"] for row in rows}
    assert hours["small"] == pytest.approx(96)
    speeds = {row["size"]: row["tokens_per_second"] for row in rows}
    assert speeds["tiny"] > speeds["mini"] > speeds["base"] > speeds["large"]


def test_what_readers_pass_over_is_told(tmp_path):
    lines = "\n\n".join(text_of(40)).encode().replace(b"cat", b"c\xe9t", 3)
    (tmp_path / "text.xz").write_bytes(lzma.compress(lines))
    config = CorpusConfig(encoding_errors="replace")
    for count in (1, 2):
        out = tmp_path / f"store{count}"
        prepare_store(
            tmp_path / "text.xz", TOKENIZER, out, corpus_config=config, num_processes=count
        )
        report = json.loads((out / "report.json").read_text())
        assert report["problems"]["counts"] == {"encoding": 3}


# Other kinds of files


def packed(members, mode="w"):
    """A tar archive of (name, content)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def write_twins(folder, documents):
    """One corpus in many layouts; returns what to name to read it."""
    import csv

    import fsspec
    import pyarrow
    import pyarrow.parquet
    import zstandard

    folder.mkdir()
    text = "\n\n".join(documents).encode()
    (folder / "text.txt").write_bytes(text)
    (folder / "text.txt.bz2").write_bytes(bz2.compress(text))
    table = pyarrow.table({"text": documents, "number": list(range(len(documents)))})
    pyarrow.parquet.write_table(table, folder / "table.parquet", row_group_size=50)
    lines = "".join(json.dumps({"text": document}) + "\n" for document in documents)
    compressed = zstandard.ZstdCompressor().compress(lines.encode())
    (folder / "table.jsonl.zst").write_bytes(compressed)
    with (folder / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["number", "text"], *enumerate(documents)])
    third = len(documents) // 3
    archives = [
        (
            f"openwebtext/subset{number}_data.xz",
            lzma.compress(packed((f"{i:03d}.txt", d.encode()) for i, d in enumerate(part))),
        )
        for number, part in enumerate(
            (documents[:third], documents[third : 2 * third], documents[2 * third :])
        )
    ]
    (folder / "openwebtext.tar.xz").write_bytes(packed(archives, "w:xz"))
    with fsspec.open("memory://prepare-twins/text.txt", "wb") as file:
        file.write(text)
    names = sorted(path for path in folder.iterdir())
    return {path.name: path for path in names} | {"memory": "memory://prepare-twins/text.txt"}


def test_twins_of_a_corpus_give_the_same_store(tmp_path):
    documents = text_of(180, 7)
    twins = write_twins(tmp_path / "twins", documents) | {"iterable": [documents]}
    stores = {}
    for name, source in twins.items():
        num_processes = 1 if name == "memory" else 2
        prepare_store(source, TOKENIZER, tmp_path / name, num_processes=num_processes)
        stores[name] = contents(tmp_path / name)
    fingerprints = {name: Store(tmp_path / name).fingerprint for name in twins}
    assert len(twins) == 8
    assert len(set(fingerprints.values())) == 1, fingerprints
    for content in stores.values():
        assert content.pop("manifest.json")
    assert all(content == stores["text.txt"] for content in stores.values())
