"""Samples for learning a vocabulary: as large as asked for, from everywhere, the same every time."""

import gzip
import json

import pytest

from keras_electra import corpus
from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus import Problems, Source, sample_lines, sampling, units

LINES = [f"{number:06} words of the harbour log" for number in range(20_000)]
SIZE = sum(map(len, LINES))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(sampling, "MIN_CHUNK_BYTES", 512)


def write(folder, kind):
    text = "\n".join(LINES)
    if kind == "plain":
        (folder / "a.txt").write_text(text)
    elif kind == "jsonl":
        (folder / "a.jsonl").write_text(
            "".join(json.dumps({"text": line}) + "\n" for line in LINES)
        )
    elif kind == "gz":
        (folder / "a.txt.gz").write_bytes(gzip.compress(text.encode()))
    elif kind == "files":
        for first in range(0, len(LINES), 100):
            (folder / f"{first:06}.txt").write_text("\n".join(LINES[first : first + 100]))
    elif kind == "gz files":
        for first in range(0, len(LINES), 200):
            part = "\n".join(LINES[first : first + 200])
            (folder / f"{first:06}.gz").write_bytes(gzip.compress(part.encode()))


@pytest.mark.parametrize("kind", ["plain", "jsonl", "gz", "files", "gz files"])
class TestSample:
    def test_about_as_much_as_asked_for(self, tmp_path, kind):
        write(tmp_path, kind)
        sizes = []
        for seed in range(5):
            sample = list(sample_lines(tmp_path, SIZE // 10, seed=seed))
            assert set(sample) <= set(LINES)
            assert sample == sorted(sample)
            sizes.append(sum(map(len, sample)))
        assert max(sizes) <= SIZE // 10
        assert sum(sizes) / 5 > SIZE // 10 * 0.6

    def test_from_everywhere(self, tmp_path, kind):
        write(tmp_path, kind)
        sample = list(sample_lines(tmp_path, SIZE // 5))
        tenths = [sum(int(line[:6]) // 2000 == tenth for line in sample) for tenth in range(10)]
        assert sum(map(bool, tenths)) >= 8
        assert max(tenths) < len(sample) / 3

    def test_the_same_every_time_and_another_with_another_seed(self, tmp_path, kind):
        write(tmp_path, kind)
        first, again, other = (list(sample_lines(tmp_path, SIZE // 10, seed=s)) for s in (0, 0, 1))
        assert first == again
        assert first != other

    def test_all_of_a_small_corpus(self, tmp_path, kind):
        write(tmp_path, kind)
        assert list(sample_lines(tmp_path, 20 * SIZE)) == LINES

    def test_progress_reaches_the_end(self, tmp_path, kind):
        write(tmp_path, kind)
        counts, total = [], sum(unit.num_bytes for unit in units(tmp_path))
        list(sample_lines(tmp_path, SIZE // 10, on_read=counts.append))
        assert sum(counts) >= total * 0.95


def test_sources_of_unknown_size():
    sample = list(sample_lines(Source(LINES), SIZE // 10))
    assert SIZE // 20 < sum(map(len, sample)) <= SIZE // 10
    assert sample == sorted(sample)
    assert sample[-1] > "016000"


def test_plain_files_are_not_read_whole(tmp_path, monkeypatch):
    write(tmp_path, "plain")
    read = []
    monkeypatch.setattr(
        corpus.opening.StoredFile,
        "read",
        lambda self, size, read_file=corpus.opening.StoredFile.read: (
            read.append(len(block := read_file(self, size))) or block
        ),
    )
    monkeypatch.setattr(corpus.ranges, "LOOK_BYTES", (256, 4096))
    list(sample_lines(tmp_path, SIZE // 50))
    assert sum(read) < SIZE // 8


def test_problems_are_told(tmp_path):
    write(tmp_path, "gz")
    (tmp_path / "a.txt").write_bytes(b"caf\xe9\n")
    problems = Problems()
    config = CorpusConfig(encoding_errors="skip")
    list(sample_lines(tmp_path, 20 * SIZE, config, problems=problems))
    assert problems.counts == {"encoding": 1}
