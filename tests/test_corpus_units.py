"""Units: together they are the corpus, whatever their size; and the figures they carry."""

import gzip
import json
import pickle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_electra import corpus
from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus import Source, Unit, blocks, read_unit, units
from keras_electra.corpus.ranges import can_be_cut, cut
from keras_electra.errors import InputError


def joined(path, config, unit_bytes):
    return [
        line
        for unit in units(path, config, unit_bytes=unit_bytes)
        for line in read_unit(unit, config)
    ]


TEXTS = st.text(st.sampled_from("ab \t\u3000é中\x0b") | st.just("\n"), max_size=60)


@settings(
    max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    text=TEXTS,
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    boundary=st.sampled_from(["auto", "blank_line", "line", "file", "record"]),
    unit_bytes=st.integers(8, 40),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_units_of_any_size_give_the_same_lines(tmp_path, text, end, boundary, unit_bytes, encoding):
    path = tmp_path / "text.txt"
    path.write_bytes(text.replace("\n", end).encode(encoding))
    config = CorpusConfig(document_boundary=boundary, encoding=encoding)
    whole = list(corpus.lines(path, config))
    assert joined(path, config, unit_bytes) == whole
    expected = [line.strip() for line in text.split("\n")]
    assert [line for line in whole if line is not None] == [line for line in expected if line]


@settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(records=st.lists(TEXTS, max_size=12), unit_bytes=st.integers(8, 60))
def test_json_lines_in_units_of_any_size(tmp_path, records, unit_bytes):
    path = tmp_path / "text.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in records))
    config = CorpusConfig()
    assert joined(path, config, unit_bytes) == list(corpus.lines(Source(records), config))


def test_a_file_is_divided_where_documents_start(tmp_path):
    path = tmp_path / "books.txt"
    path.write_text("".join(f"book {n}\n\n" + "a line\n" * 20 + "\n" for n in range(30)))
    found = units(path, unit_bytes=500)
    size = path.stat().st_size
    assert len(found) == size // 500
    assert sum(unit.num_bytes for unit in found) == size
    assert [unit.start for unit in found] == [500 * n for n in range(len(found))]
    assert [unit.stop for unit in found] == [*(500 * n for n in range(1, len(found))), None]
    for unit in found:
        assert list(read_unit(unit))[-1] is None
    assert found[1].name == f"{path} [500:1000]"


def test_bytes_read_add_up(tmp_path):
    path = tmp_path / "books.txt"
    path.write_text("a line\n\n" * 1000)
    counts = []
    for unit in units(path, unit_bytes=1000):
        list(read_unit(unit, on_read=counts.append))
    # The places where units begin are looked up, which reads a little more.
    assert sum(counts) >= path.stat().st_size


def test_small_files_are_gathered(tmp_path):
    for number in range(100):
        (tmp_path / f"{number:03}.txt").write_text(f"text {number}")
    found = units(tmp_path, unit_bytes=100)
    assert 5 < len(found) < 20
    assert sum(unit.num_bytes for unit in found) == sum(
        file.stat().st_size for file in tmp_path.iterdir()
    )
    assert found[0].name.startswith(f"{tmp_path}/000.txt and ")
    (whole,) = units(tmp_path)
    assert [line for line in read_unit(whole) if line] == [f"text {n}" for n in range(100)]


def test_large_compressed_files_are_sequential(tmp_path):
    for number in range(5):
        (tmp_path / f"{number}.txt.gz").write_bytes(gzip.compress(str(number).encode() * 99))
    size = sum(file.stat().st_size for file in tmp_path.iterdir()) // 5
    found = units(tmp_path, unit_bytes=8 * size - 8)
    assert [unit.is_sequential for unit in found] == [True] * 5
    assert len(units(tmp_path, unit_bytes=32 * size)) == 1
    for number in range(5, 32):
        (tmp_path / f"{number}.txt.gz").write_bytes(gzip.compress(str(number).encode() * 99))
    found = units(tmp_path, unit_bytes=8 * size - 8)
    assert [unit.is_sequential for unit in found] == [False] * 32


def test_units_are_written_and_read_again(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("one\n\ntwo\n\nthree\n\n" * 10)
    for unit in units(path, unit_bytes=50):
        again = Unit.from_dict(json.loads(json.dumps(unit.to_dict())))
        assert again == unit
        assert list(read_unit(again)) == list(read_unit(unit))


def test_blocks_can_be_sent_to_other_processes(tmp_path):
    (unit,) = units([["one\ntwo", "three"]])
    (block,) = blocks(unit)
    again = pickle.loads(pickle.dumps(block))
    assert list(read_unit(again)) == ["one", "two", None, "three", None]
    assert again.num_bytes == 11


def test_stamps_tell_a_changed_file(tmp_path):
    import os

    path = tmp_path / "a.txt"
    path.write_text("one")
    before = units(path)[0].stamp
    assert units(path)[0].stamp == before
    path.write_text("two")
    os.utime(path, ns=(1, 1))
    assert units(path)[0].stamp != before


def test_weights():
    assert Source(["a"], 2).weight == 2
    for weight in (0, -1, "much", float("nan"), float("inf"), True):
        with pytest.raises(InputError, match="weight of <list>: expected a number above 0"):
            Source(["a"], weight)
    with pytest.raises(InputError, match="expected one for every source or for none"):
        units([Source(["a"], 1.0), Source(["b"])])


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-8", True),
        ("UTF8", True),
        ("utf-8-sig", True),
        ("ascii", True),
        ("latin-1", True),
        ("cp1252", True),
        ("koi8-r", True),
        ("utf-16", False),
        ("utf-32-le", False),
        ("shift_jis", False),
        ("gb18030", False),
        ("utf-7", False),
        ("cp037", False),
        ("iso2022_jp", False),
        ("klingon", False),
        ("base64", False),
        ("punycode", False),
        ("unicode_escape", False),
    ],
)
def test_encodings_that_can_be_cut(encoding, expected):
    assert can_be_cut(encoding) is expected


class TestCut:
    """Long documents: the search for the next one ends somewhere."""

    @pytest.fixture(autouse=True)
    def near(self, monkeypatch):
        monkeypatch.setattr(corpus.ranges, "LOOK_BYTES", (4, 16))

    def cuts(self, tmp_path, text, boundary="blank_line"):
        path = tmp_path / "text"
        path.write_bytes(text)
        with path.open("rb") as file:
            return [cut(file, place, len(text), boundary) for place in range(len(text) + 1)]

    def test_never_backwards(self, tmp_path):
        text = b"ab cd\ne\n\n" * 3 + b"word " * 20 + b"x" * 40 + "中".encode() * 20
        for boundary in ("blank_line", "line", "file"):
            places = self.cuts(tmp_path, text, boundary)
            assert places == sorted(places)
            assert places[0] == 0
            assert places[-1] == len(text)
            assert all(place <= found for place, found in enumerate(places))
            for place in places:
                text[place:].decode()

    def test_the_nearest_border_there_is(self, tmp_path):
        text = b"a" * 20 + b"\n" + b"b" * 20 + b" " + b"c" * 20 + b"\n\n" + b"d" * 20
        places = self.cuts(tmp_path, text)
        assert places[10] == 21
        assert places[30] == 42
        assert places[50] == 64
        assert places[1] == 1
        assert places[70] == len(text)
