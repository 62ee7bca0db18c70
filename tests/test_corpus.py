"""The corpus reader: documents, line ends, encodings, folders and bad input."""

import tracemalloc

import pytest

from keras_electra import corpus
from keras_electra.config.corpus import CorpusConfig
from keras_electra.errors import InputError

TWO_BOOKS = "First line.\n  Second line.  \n\n\n\nOther book.\n"


def read(*paths, **options):
    return list(corpus.documents(paths, CorpusConfig(**options)))


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "books.txt"
    path.write_text(TWO_BOOKS, encoding="utf-8")
    return path


def test_blank_lines_separate_documents(book):
    assert read(book) == [["First line.", "Second line."], ["Other book."]]


def test_file_boundary(book):
    assert read(book, document_boundary="file") == [["First line.", "Second line.", "Other book."]]


def test_line_boundary(book):
    assert read(book, document_boundary="line") == [
        ["First line."],
        ["Second line."],
        ["Other book."],
    ]


def test_end_of_file_ends_a_document(tmp_path):
    (tmp_path / "a").write_text("one")
    (tmp_path / "b").write_text("two")
    for boundary in ("blank_line", "file", "line"):
        assert read(tmp_path, document_boundary=boundary) == [["one"], ["two"]]


def test_one_path_may_stand_alone(book):
    assert list(corpus.documents(book)) == list(corpus.documents(str(book))) == read(book)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path, line_end):
    path = tmp_path / "text"
    path.write_bytes(TWO_BOOKS.replace("\n", line_end).encode())
    assert read(path) == [["First line.", "Second line."], ["Other book."]]


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_other_separators_do_not_end_a_line(tmp_path, separator):
    path = tmp_path / "text"
    path.write_text(f"a{separator}b", encoding="utf-8")
    assert read(path) == [[f"a{separator}b"]]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]
)
@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 20])
def test_encodings_in_blocks_of_any_size(tmp_path, monkeypatch, encoding, block):
    monkeypatch.setattr(corpus.text, "READ_BYTES", block)
    text = "Grüße\r\nà la carte\n\nñ\r\n" + ("" if encoding == "latin-1" else "中🙂\n")
    path = tmp_path / "text"
    path.write_bytes(text.encode(encoding))
    lines = [["Grüße", "à la carte"], ["ñ"] + ([] if encoding == "latin-1" else ["中🙂"])]
    assert read(path, encoding=encoding) == lines


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_byte_order_mark_is_no_text(tmp_path, encoding):
    path = tmp_path / "text"
    path.write_bytes("\ufefffirst".encode(encoding))
    assert read(path, encoding=encoding) == [["first"]]


@pytest.mark.parametrize("block", [1, 5, 1 << 20])
@pytest.mark.parametrize("prefix", ["", "plain text\n" * 100, "ü" * 777 + "\n"])
def test_wrong_encoding_names_file_offset_and_option(tmp_path, monkeypatch, block, prefix):
    monkeypatch.setattr(corpus.text, "READ_BYTES", block)
    path = tmp_path / "latin.txt"
    path.write_bytes(prefix.encode() + "naïve".encode("latin-1"))
    offset = len(prefix.encode()) + 2
    with pytest.raises(InputError) as error:
        read(path)
    assert "latin.txt: expected utf-8 text" in str(error.value)
    assert f"byte 0xef at offset {offset};" in str(error.value)
    assert "--encoding" in str(error.value)


def test_a_character_cut_off_at_the_end(tmp_path):
    path = tmp_path / "cut.txt"
    path.write_bytes("good €".encode()[:-1])
    with pytest.raises(InputError, match="byte 0xe2 at offset 5"):
        read(path)


@pytest.mark.parametrize("name", ["klingon", "base64", "hex", ""])
def test_unknown_encoding(book, name):
    with pytest.raises(InputError, match=f"encoding: expected .* received '{name}'"):
        read(book, encoding=name)


def test_folders_are_read_whole_and_in_order(tmp_path):
    for name in ["b/2.txt", "b/10.md", "a.txt", "c/d/e.text", ".hidden", ".git/config", "b/.swp"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    assert read(tmp_path) == [["a.txt"], ["b/10.md"], ["b/2.txt"], ["c/d/e.text"]]


def test_hidden_things_are_read_when_named(tmp_path):
    folder = tmp_path / ".cache"
    folder.mkdir()
    (folder / "text").write_text("inside")
    (tmp_path / ".file").write_text("named")
    assert read(folder, tmp_path / ".file") == [["inside"], ["named"]]


def test_each_file_once(tmp_path, book):
    assert read(book, tmp_path, str(book)) == read(book)


def test_given_order_is_kept(tmp_path):
    for name in "zab":
        (tmp_path / name).write_text(name)
    assert read(tmp_path / "z", tmp_path / "a", tmp_path / "b") == [["z"], ["a"], ["b"]]


def test_empty_files_hold_no_document(tmp_path):
    (tmp_path / "empty").write_text("")
    (tmp_path / "blank").write_text("\n \n\t\n\ufeff")
    assert read(tmp_path, document_boundary="line") in ([], [["\ufeff"]])
    (tmp_path / "blank").write_text("\n \n\t\n")
    assert read(tmp_path) == []


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="corpus: expected at least one text file"):
        read(tmp_path)
    with pytest.raises(
        InputError, match="corpus: expected at least one text file, received no path"
    ):
        read()


def test_missing_path(tmp_path):
    with pytest.raises(InputError, match=r"absent\.txt, which is missing"):
        read(tmp_path / "absent.txt")


def test_reads_a_little_at_a_time(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("a line of text that comes again and again\n" * 500_000)
    tracemalloc.start()
    num_lines = sum(line is not None for line in corpus.lines(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert num_lines == 500_000
    # One block as bytes, as text, and as lines, but not the 21 MB of the file.
    assert peak < 10e6


def test_bytes_read_are_reported(book):
    counts = []
    list(corpus.lines(book, on_read=counts.append))
    assert sum(counts) == book.stat().st_size
