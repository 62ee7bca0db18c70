"""Bad input to the corpus readers: one sentence each; what came before the damage stays valid."""

import bz2
import gzip
import io
import json
import lzma
import os
import pathlib
import random
import re
import stat
import sys
import tarfile
import tracemalloc
import zipfile

import pytest
from test_corpus_kinds import TWINS

from keras_electra import corpus
from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus import Problems, Source, read_unit, units
from keras_electra.errors import InputError, MissingExtraError

TEXT = "".join(f"Line {n} of the ledger: {n * n} herrings.\n" for n in range(3000)).encode()


def zstd(data):
    return pytest.importorskip("zstandard").ZstdCompressor(write_checksum=True).compress(data)


PACKERS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd}


def read(sources, problems=None, **options):
    """All lines, and the error that ended the reading."""
    config, problems, taken = CorpusConfig(**options), problems or Problems(), []
    try:
        for unit in units(sources, config, problems):
            taken.extend(read_unit(unit, config, problems))
    except InputError as error:
        sentence = str(error)
        assert "\n" not in sentence
        return taken, sentence
    return taken, None


def is_beginning_of(taken, text):
    lines = text.decode().split("\n")
    whole = [line for line in taken if line is not None]
    return (
        len(whole) > 0
        and whole[:-1] == lines[: len(whole) - 1]
        and lines[len(whole) - 1].startswith(whole[-1])
    )


@pytest.mark.parametrize(
    "name",
    [
        "a.txt",
        "a.gz",
        "a.bz2",
        "a.xz",
        "a.zst",
        "a.tar",
        "a.tar.xz",
        "a.zip",
        "a.csv",
        "a.tsv",
        "a.jsonl",
        "a.parquet",
        "a.arrow",
    ],
)
def test_empty_file(tmp_path, name):
    (tmp_path / name).touch()
    (tmp_path / "b.txt").write_text("text")
    problems = Problems()
    assert read(tmp_path, problems) == (["text", None], None)
    assert problems.counts == {"empty": 1}
    assert name in problems.examples["empty"][0]


def test_empty_table_and_archive(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("text\n")
    (tmp_path / "b.csv").write_text("\n")
    (tmp_path / "a.jsonl").write_text("\n\n")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz"), zipfile.ZipFile(tmp_path / "a.zip", "w"):
        pass
    assert read(tmp_path) == ([], None)


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
class TestTruncated:
    def test_compressed_text(self, tmp_path, ending, share):
        data = PACKERS[ending](TEXT)
        position = int(len(data) * share)
        path = tmp_path / f"cut.txt{ending}"
        path.write_bytes(data[:position])
        taken, sentence = read(path)
        assert f"cut.txt{ending}: expected a whole" in sentence
        assert f"byte {position}" in sentence
        assert not taken or is_beginning_of(taken, TEXT)

    def test_what_came_before_is_kept_and_the_rest_is_read(self, tmp_path, ending, share):
        data = PACKERS[ending](TEXT)
        (tmp_path / f"a.txt{ending}").write_bytes(data[: int(len(data) * share)])
        (tmp_path / "b.txt").write_text("after")
        problems = Problems()
        taken, sentence = read(tmp_path, problems, damaged_files="skip")
        assert sentence is None
        assert taken[-2:] == ["after", None]
        assert taken[:-2] in ([], [None]) or (
            taken[-3] is None and is_beginning_of(taken[:-3], TEXT)
        )
        assert problems.counts == {"damaged": 1}

    def test_tar(self, tmp_path, ending, share):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as archive:
            for number in range(20):
                entry = tarfile.TarInfo(f"{number}.txt")
                entry.size = 600
                archive.addfile(entry, io.BytesIO(TEXT[number * 600 : number * 600 + 600]))
        data = PACKERS[ending](file.getvalue())
        path = tmp_path / f"cut.tar{ending}"
        path.write_bytes(data[: int(len(data) * share)])
        _, sentence = read(path)
        assert f"cut.tar{ending}: expected a whole" in sentence


def test_a_tar_cut_anywhere_is_noticed(tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for number in range(3):
            entry = tarfile.TarInfo(f"{number}.txt")
            entry.size = 600
            archive.addfile(entry, io.BytesIO(TEXT[:600]))
    whole = file.getvalue()
    end_of_members = 3 * (512 + 1024)
    path = tmp_path / "cut.tar"
    for length in [
        1,
        511,
        512,
        513,
        1000,
        1535,
        1536,
        1537,
        2048,
        2900,
        4000,
        end_of_members,
        end_of_members + 500,
    ]:
        path.write_bytes(whole[:length])
        taken, sentence = read(path)
        assert "cut.tar: expected a whole tar archive" in sentence, length
        # A header of 512 bytes, 600 of text, and zeros up to 1536.
        assert taken.count(None) == (min(length, end_of_members) + 1536 - 512 - 600) // 1536
    path.write_bytes(whole[:1536] + b"x" * 512 + whole[2048:])
    taken, sentence = read(path)
    assert "damaged near byte 1536" in sentence
    path.write_bytes(whole)
    assert read(path)[1] is None


@pytest.mark.parametrize("ending", [*PACKERS, ".tar", ".zip", ".parquet", ".arrow"])
def test_something_else_under_that_name(tmp_path, ending):
    path = tmp_path / f"letter{ending}"
    path.write_bytes(TEXT)
    taken, sentence = read(path)
    assert taken == []
    assert f"letter{ending}: expected a whole" in sentence


@pytest.mark.parametrize("ending", PACKERS)
def test_damage_in_the_middle(tmp_path, ending):
    data = bytearray(PACKERS[ending](os.urandom(200_000).hex().encode()))
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    (tmp_path / f"a{ending}").write_bytes(data)
    _, sentence = read(tmp_path)
    assert "is damaged near compressed byte" in sentence


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_truncated_tables(tmp_path, share):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pa.table({"text": [f"{n} words" for n in range(1000)]})
    parquet.write_table(table, tmp_path / "whole.parquet")
    with pa.ipc.new_stream(tmp_path / "whole.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    with zipfile.ZipFile(tmp_path / "whole.zip", "w") as archive:
        archive.writestr("a.txt", TEXT)
    for kind in ("parquet", "arrow", "zip"):
        data = (tmp_path / f"whole.{kind}").read_bytes()
        cut = tmp_path / f"cut.{kind}"
        cut.write_bytes(data[: int(len(data) * share)])
        _, sentence = read(cut)
        assert f"cut.{kind}: expected a whole" in sentence


def test_zip_with_damaged_content_and_with_a_password(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", TEXT)
    data = bytearray(path.read_bytes())
    data[1000:1004] = b"ZZZZ"
    path.write_bytes(data)
    assert "a.zip/a.txt: expected a whole zip archive without a password" in read(path)[1]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", TEXT)
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[6] |= 1
    data[directory + 8] |= 1
    path.write_bytes(data)
    assert "a.zip/a.txt: expected a whole zip archive without a password" in read(path)[1]


class TestWrongEncoding:
    LATIN = "eins\nzwei Äpfel\ndrei\n\nvier Öfen, fünf\n".encode("latin-1")

    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "latin.txt"
        path.write_bytes(self.LATIN)
        return path

    def test_strict_names_the_place(self, path):
        taken, sentence = read(path)
        assert taken == []
        assert sentence == (
            f"{path}: expected utf-8 text, received byte 0xc4 at offset 10; "
            "name the file's encoding with --encoding"
        )

    def test_lines_before_the_block_are_valid(self, tmp_path):
        (tmp_path / "a.txt").write_bytes(TEXT * 10 + b"\xff\n")
        taken, sentence = read(tmp_path)
        assert f"byte 0xff at offset {10 * len(TEXT)}" in sentence
        assert is_beginning_of(taken, TEXT * 10)
        assert len(taken) > 3000

    def test_replace(self, path):
        problems = Problems()
        taken, _ = read(path, problems, encoding_errors="replace")
        assert taken == ["eins", "zwei �pfel", "drei", None, "vier �fen, f�nf", None]
        assert problems.counts == {"encoding": 3}
        assert "byte 0xc4 at offset 10; replaced" in problems.examples["encoding"][0]

    def test_skip(self, path):
        problems = Problems()
        taken, _ = read(path, problems, encoding_errors="skip")
        assert taken == ["eins", "drei", None]
        assert problems.counts == {"encoding": 2}
        assert "the line was skipped" in problems.examples["encoding"][0]

    @pytest.mark.parametrize("block", [1, 2, 3, 7])
    @pytest.mark.parametrize("policy", ["strict", "replace", "skip"])
    def test_blocks_of_any_size(self, path, monkeypatch, block, policy):
        wanted = read(path, encoding_errors=policy)
        monkeypatch.setattr(corpus.text, "READ_BYTES", block)
        taken, sentence = read(path, encoding_errors=policy)
        assert sentence == wanted[1]
        assert policy == "strict" or taken == wanted[0]

    @pytest.mark.parametrize(
        ("encoding", "data", "taken"),
        [
            ("utf-8", "gut\n€".encode()[:-1], ["gut", "�", None]),
            ("utf-16-le", "gut\nx\n".encode("utf-16-le") + b"\x00\xd8", ["gut", "x", "�", None]),
            (
                "shift_jis",
                "犬\n".encode("shift_jis") + b"\x81\n" + "猫".encode("shift_jis"),
                ["犬", "�", "猫", None],
            ),
            ("ascii", b"good\nb\xe4d\ngood", ["good", "b�d", "good", None]),
        ],
    )
    def test_other_encodings(self, tmp_path, encoding, data, taken):
        (tmp_path / "a.txt").write_bytes(data)
        assert read(tmp_path, encoding=encoding, encoding_errors="replace")[0] == taken
        without = [line for line in taken if line is None or "�" not in line]
        assert read(tmp_path, encoding=encoding, encoding_errors="skip")[0] == without
        assert encoding in read(tmp_path, encoding=encoding)[1]

    def test_no_policy_helps_against_a_missing_mark(self, tmp_path):
        (tmp_path / "a.txt").write_bytes(b"ab" * 10)
        _, sentence = read(tmp_path, encoding="utf-16", encoding_errors="replace")
        assert sentence is None or "utf-16" in sentence

    def test_wrong_bytes_in_tables_and_archives(self, tmp_path):
        (tmp_path / "a.jsonl").write_bytes(
            b'{"text": "good"}\n{"text": "b\xe4d"}\n{"text": "good"}\n'
        )
        (tmp_path / "b.csv").write_bytes(b"text\nb\xe4d\ngood\n")
        (tmp_path / "c.txt.gz").write_bytes(gzip.compress(b"b\xe4d\ngood"))
        assert read(tmp_path, encoding_errors="skip")[0] == ["good", None] * 4
        assert "c.txt.gz: expected utf-8" in read(tmp_path / "c.txt.gz")[1]

    def test_half_of_a_surrogate_pair(self, tmp_path):
        (tmp_path / "a.jsonl").write_text('{"text": "one \\ud83d two"}\n{"text": "\\ud83d\\ude00"}')
        assert "half of a surrogate pair (U+D83D)" in read(tmp_path)[1]
        problems = Problems()
        taken = read(tmp_path, problems, encoding_errors="replace")[0]
        assert taken == ["one � two", None, "😀", None]
        assert problems.counts == {"encoding": 1}
        assert read(tmp_path, encoding_errors="skip")[0] == ["😀", None]
        assert read(Source(["\ud83d"]), encoding_errors="replace")[0] == ["�", None]


def test_a_link_that_cannot_be_followed_is_told(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("one")

    class Entry:
        name = "a.txt"

        def is_symlink(self):
            return False

        def is_dir(self):
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("keras_electra.corpus.listing.entries_of", lambda folder: [Entry()])
    assert f"readable file, received {tmp_path / 'a.txt'}: Permission denied" in read(tmp_path)[1]


class TestTables:
    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("no json", "record 2: expected a JSON object"),
            ("[1, 2]", "record 2: expected a JSON object, received"),
            ('{"text": "cut', "record 2: expected a JSON object"),
            ('{"text": 7}', "expected text in 'text', received '7'"),
            ('{"content": "a", "n": 1}', "expected the column 'text', received 'content', 'n'"),
        ],
    )
    def test_json_lines(self, tmp_path, line, reason):
        (tmp_path / "a.jsonl").write_text(f'{{"text": "good"}}\n{line}\n{{"text": "better"}}\n')
        taken, sentence = read(tmp_path)
        assert reason in sentence
        problems = Problems()
        taken, sentence = read(tmp_path, problems, damaged_files="skip")
        assert taken == ["good", None, "better", None]
        assert problems.counts == {"damaged": 1}

    def test_missing_column(self, tmp_path):
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        (tmp_path / "a.jsonl").write_text('{"title": "a", "body": "b"}\n')
        (tmp_path / "a.csv").write_text("title,body\na,b\n")
        (tmp_path / "a.tsv").write_text("title\tbody\na\tb\n")
        parquet.write_table(pa.table({"title": ["a"], "body": ["b"]}), tmp_path / "a.parquet")
        for kind in ("jsonl", "csv", "tsv", "parquet"):
            _, sentence = read(tmp_path / f"a.{kind}")
            assert sentence == (
                f"{tmp_path}/a.{kind}: expected a column 'text', received 'title', 'body'; "
                "name the one that holds the text with --text-column"
            )
        parquet.write_table(pa.table({"text": [1, 2]}), tmp_path / "n.parquet")
        assert (
            "expected strings in the column 'text', received int64"
            in read(tmp_path / "n.parquet")[1]
        )

    def test_rows_of_wrong_length(self, tmp_path):
        (tmp_path / "a.csv").write_text("id,text\n1,good\n\n2,b,a,d\n")
        _, sentence = read(tmp_path)
        assert "a.csv:4: expected 2 fields in every row, received 4" in sentence
        assert read(tmp_path, damaged_files="skip")[0] == ["good", None]

    def test_quotes_without_end(self, tmp_path):
        (tmp_path / "a.csv").write_text('text\ngood\n"never closed\n' + "more\n" * 10)
        assert "a.csv:3: expected a closing quote" in read(tmp_path)[1]

    def test_fields_longer_than_the_library_allows(self, tmp_path):
        (tmp_path / "a.csv").write_text("text\n" + "word " * 100_000 + "\n")
        assert len(read(tmp_path)[0][0]) == 499_999

    def test_records_of_any_length_are_bounded(self, tmp_path, monkeypatch):
        monkeypatch.setattr(corpus.tables, "MAX_RECORD_CHARACTERS", 1000)
        (tmp_path / "a.jsonl").write_text(json.dumps({"text": "x" * 300_000}))
        assert "expected records of at most 1,000 characters" in read(tmp_path)[1]

    @pytest.mark.parametrize("item", [b"bytes", 7, None, pathlib.Path("x")])
    def test_iterables_of_other_things(self, item):
        _, sentence = read(Source(["text", item]))
        assert re.search(r"expected (texts \(str\)|paths alone or texts alone), received", sentence)
        assert "as item 1" in sentence
        assert "expected a path, a list of paths or an iterable of texts" in read(7)[1]


class TestUnsafeMembers:
    def members(self, tmp_path, *names, link=None):
        """A tar and a zip with members of these names, the first one good."""
        with tarfile.open(tmp_path / "a.tar", "w") as archive:
            for name in ("good.txt", *names):
                entry = tarfile.TarInfo(name)
                if link and name in names:
                    entry.type, entry.linkname = tarfile.SYMTYPE, link
                    archive.addfile(entry)
                else:
                    entry.size = 4
                    archive.addfile(entry, io.BytesIO(b"text"))
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for name in ("good.txt", *names):
                entry = zipfile.ZipInfo(name)
                is_link = link and name in names
                entry.external_attr = ((stat.S_IFLNK if is_link else stat.S_IFREG) | 0o644) << 16
                archive.writestr(entry, link if is_link else "text")
        return tmp_path / "a.tar", tmp_path / "a.zip"

    @pytest.mark.parametrize(
        "name", ["../out.txt", "a/../../out.txt", "/etc/out.txt", "..\\out.txt", "C:/out.txt"]
    )
    def test_names(self, tmp_path, name):
        for path in self.members(tmp_path, name):
            _, sentence = read(path)
            assert "expected members inside the archive's folder, received" in sentence
            assert repr(name).strip("'") in sentence
            problems = Problems()
            assert read(path, problems, damaged_files="skip") == (["text", None], None)
            assert problems.counts == {"member": 1}

    @pytest.mark.parametrize("link", ["/etc/passwd", "../../x.txt", "../x"])
    def test_links_that_lead_out(self, tmp_path, link):
        for path in self.members(tmp_path, "alias.txt", link=link):
            _, sentence = read(path)
            assert "received the link 'alias.txt'" in sentence
            assert read(path, damaged_files="skip") == (["text", None], None)

    def test_links_inside_are_left_out(self, tmp_path):
        for path in self.members(tmp_path, "a/alias.txt", link="../good.txt"):
            problems = Problems()
            assert read(path, problems) == (["text", None], None)
            assert problems.counts == {"link": 1}

    def test_names_with_dots_that_stay_inside(self, tmp_path):
        for path in self.members(tmp_path, "a/b..txt", "a../b", "...x/y", "./c.txt"):
            # A name with a leading dot is hidden.
            assert read(path) == (["text", None] * 4, None)

    def test_hard_links_and_devices(self, tmp_path):
        with tarfile.open(tmp_path / "a.tar", "w") as archive:
            for name, kind in [
                ("null", tarfile.CHRTYPE),
                ("pipe", tarfile.FIFOTYPE),
                ("folder", tarfile.DIRTYPE),
            ]:
                entry = tarfile.TarInfo(name)
                entry.type = kind
                archive.addfile(entry)
        assert read(tmp_path) == ([], None)
        with tarfile.open(tmp_path / "a.tar", "w") as archive:
            entry = tarfile.TarInfo("x")
            entry.type, entry.linkname = tarfile.LNKTYPE, "../../x"
            archive.addfile(entry)
        assert "the link 'x' to '../../x'" in read(tmp_path)[1]

    def test_archives_in_archives_have_a_limit(self, tmp_path):
        data = b"text"
        for _ in range(6):
            file = io.BytesIO()
            with tarfile.open(fileobj=file, mode="w") as archive:
                entry = tarfile.TarInfo("a.tar")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
            data = file.getvalue()
        (tmp_path / "a.tar").write_bytes(data)
        assert "expected at most 4 archives inside each other" in read(tmp_path)[1]


class TestFolders:
    def test_links_that_lead_out(self, tmp_path):
        outside, inside = tmp_path / "outside", tmp_path / "inside"
        outside.mkdir()
        inside.mkdir()
        (outside / "secret.txt").write_text("secret")
        (inside / "a.txt").write_text("a")
        (inside / "file.txt").symlink_to(outside / "secret.txt")
        (inside / "folder").symlink_to(outside)
        (inside / "again.txt").symlink_to("a.txt")
        (inside / "loop").symlink_to(".")
        problems = Problems()
        assert read(inside, problems) == (["a", None], None)
        assert problems.counts == {"link": 2}
        assert "--follows-links" in problems.examples["link"][0]
        assert read(inside, follows_links=True)[0] == ["a", None, "secret", None]
        (inside / "a.txt").unlink()
        (inside / "again.txt").unlink()
        assert "with none; 2 links lead out, which --follows-links reads" in read(inside)[1]
        # Who names a link means what it leads to.
        assert read(inside / "file.txt")[0] == ["secret", None]
        assert read(inside / "folder")[0] == ["secret", None]

    def test_links_in_circles(self, tmp_path):
        for name, other in [("a", "b"), ("b", "a")]:
            (tmp_path / name).mkdir()
            (tmp_path / name / f"{name}.txt").write_text(name)
            (tmp_path / name / "other").symlink_to(tmp_path / other)
        assert sorted(filter(None, read(tmp_path / "a", follows_links=True)[0])) == ["a", "b"]

    @pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.zip", "a.parquet", "a.csv"])
    def test_a_file_that_disappears(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"text")
        (tmp_path / "b.txt").write_text("text")
        (unit,) = units(tmp_path)
        (tmp_path / name).unlink()
        with pytest.raises(
            InputError, match=f"expected a readable file, received .*{name}: No such"
        ):
            list(read_unit(unit))
        config = CorpusConfig(damaged_files="skip")
        assert list(read_unit(unit, config)) == ["text", None]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_file_that_may_not_be_read(self, tmp_path):
        (tmp_path / "a.txt").write_text("text")
        (tmp_path / "a.txt").chmod(0)
        assert "a.txt: Permission denied" in read(tmp_path)[1]

    def test_a_file_that_is_cut_while_it_is_read(self, tmp_path):
        path = tmp_path / "a.txt"
        path.write_bytes(TEXT * 20)
        first, *more = units(path, unit_bytes=len(TEXT))
        path.write_bytes(TEXT)
        assert len(more) == 19
        taken = [list(read_unit(unit)) for unit in (first, *more)]
        assert len(taken[0]) == 3001
        assert not any(taken[1:])


@pytest.mark.parametrize("name", sorted(TWINS))
def test_damage_anywhere_is_one_sentence_or_none(tmp_path, name):
    draw, whole, path = random.Random(name), TWINS[name](), tmp_path / name
    for trial in range(10):
        data = bytearray(whole)
        first = draw.randrange(len(data))
        last = first + draw.choice([1, 8, 300, len(data)])
        data[first:last] = draw.choice([b"", bytes(last - first), draw.randbytes(last - first)])
        path.write_bytes(data)
        read(path)
        config = CorpusConfig(damaged_files="skip", encoding_errors="replace")
        lines = [
            line for unit in units(path, config, unit_bytes=500) for line in read_unit(unit, config)
        ]
        assert not lines or lines[-1] is None, trial


@pytest.mark.parametrize(
    ("module", "name", "purpose"),
    [
        ("zstandard", "a.txt.zst", "reading Zstandard files"),
        ("pyarrow", "a.parquet", "reading Parquet and Arrow files"),
        ("pyarrow", "a.arrow", "reading Parquet and Arrow files"),
        ("fsspec.core", "memory://a.txt", "reading URLs"),
    ],
)
def test_a_library_that_is_not_installed(tmp_path, monkeypatch, module, name, purpose):
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "plain.txt").write_text("text")
    assert read(tmp_path / "plain.txt")[0] == ["text", None]
    if "://" not in name:
        (tmp_path / name).write_bytes(b"something")
        name = tmp_path / name
    with pytest.raises(MissingExtraError, match=f"{purpose} needs .*keras-electra.data."):
        read(name)


class Endless:
    """A file of one line, made while it is read."""

    def __init__(self, num_blocks, block):
        self.left, self.block, self.rest = num_blocks, block, b""

    def read(self, num_bytes):
        count = min(num_bytes // len(self.block) + 1, self.left)
        self.left -= count
        whole = self.rest + self.block * count
        self.rest = whole[num_bytes:]
        return whole[:num_bytes]


@pytest.mark.parametrize("block", ["0123456789abcde ", "中", " "])
def test_a_line_without_end_is_read_in_pieces(block):
    config, problems = CorpusConfig(max_line_characters=100_000), Problems()
    file = Endless((24 << 20) // len(block), block.encode())
    tracemalloc.start()
    num_characters = longest = 0
    for lines, _ in corpus.text.read_lines(file, "x", config, problems):
        num_characters += sum(len(line) - line.count(" ") for line in lines)
        longest = max([longest, *map(len, lines)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert num_characters == (24 << 20) // len(block) * len(block.strip())
    assert 99_000 < longest <= 100_000 or block == " "
    assert peak < 8e6


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_pieces_do_not_depend_on_blocks(tmp_path, monkeypatch, size):
    path = tmp_path / "a.txt"
    path.write_text("the cat sat on the mattresses  \n\n  " + "x" * 30 + "\n" + " " * 40 + "\nend")
    wanted = [
        "the cat",
        "sat on",
        "the",
        "mattress",
        "es",
        None,
        "x" * 8,
        "x" * 8,
        "x" * 8,
        "x" * 6,
    ]
    monkeypatch.setattr(corpus.text, "READ_BYTES", size)
    assert read(path, max_line_characters=8)[0] == [*wanted, None, "end", None]
    # The pieces of a line are one document where every line is.
    assert read(path, max_line_characters=8, document_boundary="line")[0] == [
        *wanted,
        None,
        "end",
        None,
    ]
    assert read(path, max_line_characters=8, document_boundary="file")[0] == [
        *filter(None, wanted),
        "end",
        None,
    ]


def test_documents_without_end_are_split(tmp_path):
    (tmp_path / "a.txt").write_text("abcd\n" * 10 + "\nab\n")
    taken = read(tmp_path, split_document_characters=10, max_line_characters=10)[0]
    assert taken == [*["abcd", "abcd", None] * 5, "ab", None]


def test_problems_add_up():
    first, second = Problems(), Problems()
    first.add("link", "a")
    second.add("link", "b", 3)
    second.count("encoding", 2)
    first.merge(Problems.from_dict(json.loads(json.dumps(second.to_dict()))))
    assert first.counts == {"link": 4, "encoding": 2}
    assert first.examples == {"link": ["a", "b"]}
    for number in range(20):
        first.add("link", str(number))
    assert len(first.examples["link"]) == 5
