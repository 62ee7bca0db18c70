"""One corpus as files of every kind: the same documents come out of all of them."""

import bz2
import contextlib
import csv
import functools
import gzip
import http.server
import io
import json
import lzma
import os
import pathlib
import re
import sys
import tarfile
import threading
import zipfile

import pytest

from keras_electra import corpus
from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus import Problems, Source, blocks, read_unit, units
from keras_electra.errors import InputError

DOCUMENTS = [
    ["The ferry left at dawn.", "Nobody waved, nobody ever did."],
    ["Ein schöner Morgen: 42 €, bitte.", "今日は海が静かだ。", 'He said "come, now", and went.'],
    ["One line only."],
    [f"Letter {number} of the keeper, who counts his birds." for number in range(40)],
]
TEXTS = ["\n".join(document) for document in DOCUMENTS]
PLAIN = "\n\n".join(TEXTS) + "\n"


def zstd(data):
    return pytest.importorskip("zstandard").ZstdCompressor().compress(data)


PACKERS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd}


def json_lines(texts=TEXTS, **more):
    return "".join(json.dumps({"id": 7, "text": text, **more}) + "\n" for text in texts).encode()


def csv_rows(texts=TEXTS, header=("id", "text")):
    file = io.StringIO()
    csv.writer(file).writerows([header, *((number, text) for number, text in enumerate(texts))])
    return file.getvalue().encode()


def parquet(texts=TEXTS, column="text", rows=2):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    file = io.BytesIO()
    table = pa.table({"id": list(range(len(texts))), column: texts})
    parquet.write_table(table, file, row_group_size=rows)
    return file.getvalue()


def tar(members, mode="w"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return file.getvalue()


def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def text_members():
    return {f"./corpus/{n}.txt": text.encode() for n, text in enumerate(TEXTS)}


def openwebtext_part(texts):
    """What `urlsf_subset00-1_data.xz` holds: a compressed tar with a text in each file."""
    blank = [text.replace("\n", "\n\n") for text in texts]
    return lzma.compress(tar({f"{n:07d}-x.txt": text.encode() for n, text in enumerate(blank)}))


def openwebtext():
    half = len(TEXTS) // 2
    return {
        "openwebtext/urlsf_subset00-1_data.xz": openwebtext_part(TEXTS[:half]),
        "openwebtext/urlsf_subset00-2_data.xz": openwebtext_part(TEXTS[half:]),
    }


TWINS = {
    "plain.txt": lambda: PLAIN.encode(),
    "README.MD": lambda: PLAIN.encode(),
    "windows.text": lambda: PLAIN.replace("\n", "\r\n").encode(),
    **{
        f"plain.txt{ending}": lambda pack=pack: pack(PLAIN.encode())
        for ending, pack in PACKERS.items()
    },
    "two.gz": lambda: gzip.compress(PLAIN[:100].encode()) + gzip.compress(PLAIN[100:].encode()),
    "two.txt.xz": lambda: (
        lzma.compress(PLAIN[:9].encode()) + bytes(8) + lzma.compress(PLAIN[9:].encode())
    ),
    "two.zst": lambda: zstd(PLAIN[:100].encode()) + zstd(PLAIN[100:].encode()),
    "lines.jsonl": json_lines,
    "lines.json.gz": lambda: gzip.compress(json_lines()),
    "lines.jsonl.zst": lambda: zstd(json_lines()),
    "rows.csv": csv_rows,
    "rows.csv.bz2": lambda: bz2.compress(csv_rows()),
    "table.parquet": parquet,
    "texts.tar": lambda: tar(text_members()),
    "texts.tar.gz": lambda: tar(text_members(), "w:gz"),
    "texts.tgz": lambda: tar(text_members(), "w:gz"),
    "texts.tar.bz2": lambda: tar(text_members(), "w:bz2"),
    "texts.txz": lambda: tar(text_members(), "w:xz"),
    "texts.tar.zst": lambda: zstd(tar(text_members())),
    "texts.zip": lambda: zipped(text_members()),
    "tables.tar": lambda: tar(
        {
            "a.jsonl": json_lines(TEXTS[:1]),
            "b.parquet": parquet(TEXTS[1:3]),
            "c.txt.gz": gzip.compress(TEXTS[3].encode()),
        }
    ),
    "inner.zip": lambda: zipped(
        {
            "a.zip": zipped({"t.txt": TEXTS[0].encode()}),
            "b.tar.xz": tar({"t.csv": csv_rows(TEXTS[1:])}, "w:xz"),
        }
    ),
    "openwebtext.tar.xz": lambda: tar(openwebtext(), "w:xz"),
    "urlsf_subset00.tar": lambda: tar(openwebtext()),
    "both.tar": lambda: tar({"urlsf_subset00.tar": tar(openwebtext())}),
}


def read(sources, **options):
    return list(corpus.documents(sources, CorpusConfig(**options)))


@pytest.fixture(params=TWINS)
def twin(request, tmp_path):
    path = tmp_path / request.param
    path.write_bytes(TWINS[request.param]())
    return path


def test_every_kind_gives_the_same_documents(twin):
    assert read(twin) == DOCUMENTS


@pytest.mark.parametrize("member_bytes", [10, 1 << 23])
def test_blocks_give_the_same_lines(twin, monkeypatch, member_bytes):
    """Members of archives are handed on as they are, or read on the way if they are large."""
    config = CorpusConfig()
    monkeypatch.setattr(corpus.contents, "MAX_MEMBER_BYTES", member_bytes)
    for size in (1, 500, 1 << 22):
        monkeypatch.setattr(corpus.reading, "BLOCK_CHARACTERS", size)
        monkeypatch.setattr(corpus.reading, "BLOCK_BYTES", size)
        for unit in units(twin, config):
            taken = list(blocks(unit, config))
            assert [line for block in taken for line in read_unit(block)] == list(read_unit(unit))
            assert all(list(read_unit(block))[-1] is None for block in taken)
    assert read(twin) == DOCUMENTS


@pytest.mark.parametrize("unit_bytes", [8, 100, 1000])
def test_small_units_give_the_same_documents(twin, unit_bytes):
    config = CorpusConfig()
    found = units(twin, config, unit_bytes=unit_bytes)
    joined = [line for unit in found for line in read_unit(unit, config)]
    assert joined == list(corpus.lines(twin, config))


def test_folder_of_everything(tmp_path):
    for name, content in TWINS.items():
        (tmp_path / name).write_bytes(content())
    assert read(tmp_path) == DOCUMENTS * len(TWINS)
    problems = Problems()
    (unit,) = units(tmp_path, problems=problems)
    assert len(unit.paths) == len(TWINS)
    assert problems.counts == {}


def test_openwebtext_unpacked_once(tmp_path):
    for name, data in openwebtext().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert read(tmp_path / "openwebtext") == DOCUMENTS
    # Asked for, blank lines end documents there too.
    every_line = [[line] for document in DOCUMENTS for line in document]
    assert read(tmp_path / "openwebtext", document_boundary="blank_line") == every_line


def test_nothing_is_unpacked_to_disk(tmp_path, monkeypatch):
    path = tmp_path / "openwebtext.tar.xz"
    path.write_bytes(TWINS[path.name]())
    monkeypatch.chdir(tmp_path)
    read(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("boundary", "expected"),
    [
        ("auto", [["a", "b", "c"], ["d"]]),
        ("record", [["a", "b", "c"], ["d"]]),
        ("blank_line", [["a", "b"], ["c"], ["d"]]),
        ("line", [["a"], ["b"], ["c"], ["d"]]),
        ("file", [["a", "b", "c", "d"]]),
    ],
)
def test_boundaries_in_tables(tmp_path, boundary, expected):
    (tmp_path / "t.jsonl").write_bytes(json_lines(["a\r\nb\r\n\r\nc", "", "d"]))
    assert read(tmp_path, document_boundary=boundary) == expected
    assert read(Source(["a\nb\n\nc", " \n", "d"]), document_boundary=boundary) == expected


@pytest.mark.parametrize(
    ("boundary", "expected"),
    [
        ("record", [["a", "b", "c"]]),
        ("auto", [["a", "b"], ["c"]]),
    ],
)
def test_boundaries_in_text(tmp_path, boundary, expected):
    (tmp_path / "t.txt").write_text("a\nb\n \nc")
    assert read(tmp_path, document_boundary=boundary) == expected


class TestNames:
    def test_globs(self, tmp_path):
        for name in ["b/1.txt", "b/2.md", "a/3.txt", "a/.4.txt"]:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(name)
        assert read(f"{tmp_path}/*/*.txt") == [["a/3.txt"], ["b/1.txt"]]
        assert read(f"{tmp_path}/**/[12].*") == [["b/1.txt"], ["b/2.md"]]
        assert read(tmp_path / "?") == [["a/3.txt"], ["b/1.txt"], ["b/2.md"]]
        with pytest.raises(InputError, match="received .*none.txt"):
            read(f"{tmp_path}/*none.txt")

    def test_a_file_with_a_star_in_its_name(self, tmp_path):
        (tmp_path / "a*[1].txt").write_text("stars")
        assert read(f"{tmp_path}/a*[1].txt") == [["stars"]]

    def test_one_list_of_several_sources(self, tmp_path):
        (tmp_path / "a.txt").write_text("file")
        sources = [str(tmp_path / "a.txt"), ["text one", "text two"], Source(iter(["three"]))]
        assert read(sources) == [["file"], ["text one"], ["text two"], ["three"]]
        found = units(sources)
        assert [unit.source_index for unit in found] == [0, 1, 2]
        assert [unit.is_sequential for unit in found] == [False, True, True]

    def test_iterators_over_paths_and_over_texts(self, tmp_path):
        for name in "ab":
            (tmp_path / name).write_text(name)
        assert read(sorted(tmp_path.iterdir())) == read(iter(sorted(tmp_path.iterdir())))
        assert read(text for text in ["x", "y"]) == [["x"], ["y"]]
        with pytest.raises(InputError, match="received no path"):
            read(iter([]))

    @pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress, bz2.compress, zstd])
    def test_standard_input(self, monkeypatch, pack):
        stream = io.TextIOWrapper(io.BytesIO(pack(PLAIN.encode())))
        monkeypatch.setattr(sys, "stdin", stream)
        assert read("-") == DOCUMENTS
        assert not stream.closed
        (unit,) = units("-")
        assert unit.is_sequential
        assert unit.num_bytes is None

    def test_a_pipe_is_read_in_sequence(self, tmp_path):
        path = tmp_path / "pipe"
        os.mkfifo(path)
        writer = threading.Thread(target=path.write_bytes, args=[PLAIN.encode()])
        writer.start()
        (unit,) = units(path)
        assert unit.is_sequential
        every_line = [line for document in DOCUMENTS for line in document]
        assert [line for line in read_unit(unit) if line] == every_line
        writer.join()

    def test_the_only_text_column_is_taken_and_said(self, tmp_path):
        (tmp_path / "a.jsonl").write_text('{"body": "one", "n": 3}\n')
        (tmp_path / "b.parquet").write_bytes(parquet(["two"], "content"))
        (tmp_path / "c.csv").write_text("line\nthree\n")
        problems = Problems()
        (unit,) = units(tmp_path)
        lines = list(read_unit(unit, CorpusConfig(), problems))
        assert lines == ["one", None, "two", None, "three", None]
        assert problems.counts == {"note": 3}
        assert "'body', the only one that holds text" in problems.examples["note"][0]

    def test_a_column_by_name(self, tmp_path):
        (tmp_path / "a.jsonl").write_text('{"text": "no", "body": "yes"}\n{"body": null}\n')
        (tmp_path / "b.parquet").write_bytes(parquet(["yes"], "body"))
        (tmp_path / "c.csv").write_text('body,text\n"ye\ns",no\n')
        (tmp_path / "d.tsv").write_text('text\tbody\n"\t"yes\n')
        assert read(tmp_path, text_column="body") == [["yes"], ["yes"], ["ye", "s"], ['"yes']]

    def test_tables_in_another_encoding(self, tmp_path):
        (tmp_path / "a.csv").write_text("text\nÄpfel\n", encoding="utf-16")
        (tmp_path / "b.jsonl").write_text('{"text": "Öl"}\n', encoding="utf-16")
        assert read(tmp_path, encoding="utf-16") == [["Äpfel"], ["Öl"]]


class TestRemote:
    @pytest.fixture
    def memory(self):
        fsspec = pytest.importorskip("fsspec")
        system = fsspec.filesystem("memory")
        system.store.clear()
        yield system
        system.store.clear()

    @pytest.mark.parametrize("name", TWINS)
    def test_every_kind(self, memory, name):
        memory.pipe(f"/bucket/{name}", TWINS[name]())
        assert read(f"memory://bucket/{name}") == DOCUMENTS

    def test_folders_and_globs(self, memory, tmp_path):
        for name in ["b/10.txt", "b/2.txt", "a.txt", ".git/x", "b/.x", "c/d/e.md"]:
            memory.pipe(f"/bucket/{name}", name.encode())
        assert read("memory://bucket") == [["a.txt"], ["b/10.txt"], ["b/2.txt"], ["c/d/e.md"]]
        assert read("memory://bucket/b/*.txt") == [["b/10.txt"], ["b/2.txt"]]
        assert read("memory://bucket/.git") == [[".git/x"]]
        with pytest.raises(InputError, match="received memory://bucket/none"):
            read("memory://bucket/none")
        with pytest.raises(InputError, match="expected at least one text file"):
            read("memory://bucket/*.none")

    def test_ranges(self, memory):
        memory.pipe("/bucket/plain.txt", PLAIN.encode())
        found = units("memory://bucket", unit_bytes=300)
        assert len(found) > 3
        assert [line for unit in found for line in read_unit(unit)] == list(
            corpus.lines("memory://bucket/plain.txt")
        )

    def test_unknown_protocol(self):
        with pytest.raises(InputError, match="nowhere"):
            read("nowhere://bucket/x.txt")


class TestDatasets:
    @pytest.fixture
    def dataset(self):
        datasets = pytest.importorskip("datasets")
        return datasets.Dataset.from_dict({"text": [*TEXTS, None], "n": range(len(TEXTS) + 1)})

    def test_objects(self, dataset):
        import datasets

        assert read(dataset) == DOCUMENTS
        assert read(dataset.to_iterable_dataset()) == DOCUMENTS
        assert read(dataset.select([2, 0])) == [DOCUMENTS[2], DOCUMENTS[0]]
        assert read(datasets.DatasetDict({"only": dataset})) == DOCUMENTS
        assert read([dataset, Source(dataset)]) == DOCUMENTS * 2
        renamed = dataset.rename_column("text", "body")
        assert read(renamed) == DOCUMENTS
        assert read(datasets.IterableDataset.from_generator(lambda: iter(renamed))) == DOCUMENTS

    def test_of_several_splits_the_training_split(self, dataset, tmp_path):
        import datasets

        splits = datasets.DatasetDict({"test": dataset.select([0]), "train": dataset})
        problems = Problems()
        (unit,) = units(splits)
        list(read_unit(unit, CorpusConfig(), problems))
        assert "'train' was read, and not test" in problems.examples["note"][0]
        assert read(splits) == DOCUMENTS
        splits.save_to_disk(tmp_path / "splits")
        problems = Problems()
        (unit,) = units(tmp_path, problems=problems)
        assert "'train' was read" in problems.examples["note"][0]
        assert read(tmp_path) == DOCUMENTS
        assert read(tmp_path / "splits" / "test") == DOCUMENTS[:1]
        with pytest.raises(InputError, match="expected one split, or one called 'train'"):
            read(datasets.DatasetDict({"a": dataset, "b": dataset}))

    def test_folders(self, dataset, tmp_path):
        import datasets

        dataset.save_to_disk(tmp_path / "set", num_shards=2)
        # What the library leaves behind when it works on such a folder.
        datasets.load_from_disk(tmp_path / "set").map(lambda row: {"m": row["n"]})
        assert [file for file in (tmp_path / "set").iterdir() if file.name.startswith("cache-")]
        assert read(tmp_path / "set") == DOCUMENTS

    def test_missing_column(self, dataset):
        with pytest.raises(
            InputError, match="Dataset: expected a column 'body', received 'text', 'n', 'm'"
        ):
            read(dataset.add_column("m", ["x"] * len(dataset)), text_column="body")
        with pytest.raises(InputError, match="expected text in 'n' of record 0, received '0'"):
            read(dataset, text_column="n")


class WebFolder(http.server.SimpleHTTPRequestHandler):
    """Serves files; parts of them, if it is told to."""

    sends_ranges = sends_sizes = True

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = pathlib.Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        content, status = path.read_bytes(), 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        size, first = len(content), 0
        if asked and self.sends_ranges:
            first, last = int(asked[1]), int(asked[2] or size - 1)
            content, status = content[first : last + 1], 206
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{first + len(content) - 1}/{size}")
        if self.sends_sizes:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            with contextlib.suppress(ConnectionError):
                self.wfile.write(content)


class TestWeb:
    """Files of web servers, with and without ranges and sizes."""

    @pytest.fixture
    def url(self, tmp_path):
        pytest.importorskip("fsspec")
        pytest.importorskip("aiohttp")
        handler = functools.partial(WebFolder, directory=tmp_path)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join()

    @pytest.mark.parametrize("name", ["plain.txt", "lines.jsonl.zst", "rows.csv", "texts.tar.gz"])
    @pytest.mark.parametrize(("ranges", "sizes"), [(True, True), (False, True), (False, False)])
    def test_read_from_the_beginning(self, url, tmp_path, monkeypatch, name, ranges, sizes):
        monkeypatch.setattr(WebFolder, "sends_ranges", ranges)
        monkeypatch.setattr(WebFolder, "sends_sizes", sizes)
        (tmp_path / name).write_bytes(TWINS[name]())
        assert read(f"{url}/{name}") == DOCUMENTS
        found = units(f"{url}/{name}", unit_bytes=500)
        assert [line for unit in found for line in read_unit(unit)] == list(
            corpus.lines(tmp_path / name)
        )
        assert (len(found) > 1) is (ranges and name == "plain.txt")

    def test_read_from_the_end(self, url, tmp_path):
        for name in ("table.parquet", "texts.zip"):
            (tmp_path / name).write_bytes(TWINS[name]())
            assert read(f"{url}/{name}") == DOCUMENTS
        with pytest.raises(InputError, match=r"received .*/none.txt, which cannot be read"):
            read(f"{url}/none.txt")
