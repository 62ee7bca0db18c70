"""Vocabularies as people have them: one reader for every form, and other things named for what they are."""

import json

import pytest

from keras_electra.cli import main
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.convert.tokenizer_writing import write_tokenizer
from keras_electra.errors import DamagedDataError, InputError
from keras_electra.launching import PretrainPlan
from keras_electra.tokenizer import WordPieceTokenizer
from keras_electra.tokenizer.training import filled_up_to, without_fill

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:6c2b0e3c4ee3b5f5b1d8ad36f2b1c3b5bb1b6bd4f94b7dc2fae4b5e2d2f7a5d1\nsize 12345\n"
)


@pytest.fixture
def folder(tokenizer, tmp_path):
    """The files of a tokenizer as they are beside a model of `transformers`."""
    path = tmp_path / "hf"
    path.mkdir()
    cased = WordPieceTokenizer(tokenizer.vocabulary, TokenizerConfig(lowercase=False))
    write_tokenizer(cased, path, 128)
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n\n  \n",
        lambda text: text.replace("\n", "\r\n") + "\r\n\r\n",
        lambda text: "\ufeff" + text,
    ],
    ids=["plain", "no last line feed", "blank last lines", "CRLF", "BOM"],
)
def test_lines(tokenizer, tmp_path, change):
    path = tmp_path / "vocab.txt"
    text = change("".join(f"{token}\n" for token in tokenizer.vocabulary))
    path.write_bytes(text.encode())
    assert WordPieceTokenizer.from_file(path).vocabulary == tokenizer.vocabulary


@pytest.mark.parametrize("what", ["vocab.txt", "tokenizer.json", "folder", "without vocab.txt"])
def test_hugging_face(folder, tokenizer, what):
    if what == "without vocab.txt":
        (folder / "vocab.txt").unlink()
    path = folder / what if "." in what and " " not in what else folder
    found = WordPieceTokenizer.from_file(path)
    assert found.vocabulary == tokenizer.vocabulary
    assert not found.config.lowercase
    assert WordPieceTokenizer.from_file(path, lowercase=True).config.lowercase
    assert not WordPieceTokenizer.from_file(path, TokenizerConfig(lowercase=False)).config.lowercase


def test_a_store_and_a_snapshot_of_the_hub(store, folder, tokenizer, tmp_path):
    assert WordPieceTokenizer.from_file(store.path).fingerprint == tokenizer.fingerprint
    cache = tmp_path / "models--a--b"
    (cache / "blobs").mkdir(parents=True)
    (cache / "snapshots" / "abc").mkdir(parents=True)
    for file in folder.iterdir():
        file.rename(cache / "blobs" / file.name)
        (cache / "snapshots" / "abc" / file.name).symlink_to(f"../../blobs/{file.name}")
    for path in (cache, cache / "snapshots" / "abc"):
        assert WordPieceTokenizer.from_file(path).vocabulary == tokenizer.vocabulary
    (cache / "snapshots" / "def").mkdir()
    with pytest.raises(InputError, match="one revision"):
        WordPieceTokenizer.from_file(cache)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("abc")
    assert WordPieceTokenizer.from_file(cache).vocabulary == tokenizer.vocabulary


def test_added_tokens_take_their_ids(folder, tokenizer):
    size = tokenizer.vocabulary_size
    (folder / "added_tokens.json").write_text(json.dumps({"<url>": size + 1, "<user>": size}))
    options = json.loads((folder / "tokenizer_config.json").read_text())
    options["added_tokens_decoder"] = {
        "0": {"content": "[PAD]"},
        str(size): {"content": "<user>"},
        str(size + 2): {"content": "<hashtag>"},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(options))
    found = WordPieceTokenizer.from_file(folder)
    assert found.vocabulary == (*tokenizer.vocabulary, "<user>", "<url>", "<hashtag>")


@pytest.mark.parametrize(
    "added", [{"<a>": 3}, {"<a>": 10**9}, {"<a>": "60"}, {"<a>": None}, {"[PAD]": 60}]
)
def test_wrong_added_tokens(folder, added):
    (folder / "added_tokens.json").write_text(json.dumps(added))
    with pytest.raises(InputError, match="added token"):
        WordPieceTokenizer.from_file(folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (POINTER, "Git LFS pointer.*git lfs pull"),
        ("the 1204\nof 900\nand 3\n", "list of words with numbers, such as 'of 900'"),
        ("the\t1204\nof\t900\nand\t3\n", "list of words with numbers"),
        ("▁the\t-3.25\n▁of\t-4.5\ns\t-5\n", "list of words with numbers"),
        ("\n\x0e\n\x05<unk>\x15\0\0\0\0\x18\x02\n", "SentencePiece model"),
        ("[PAD]\n[UNK]\n\n[CLS]\n[SEP]\n[MASK]\n", "a token as entry 2"),
    ],
)
def test_what_is_no_vocabulary_is_named(tmp_path, content, words):
    path = tmp_path / "vocab.txt"
    path.write_text(content)
    with pytest.raises(InputError, match=words):
        WordPieceTokenizer.from_file(path)


def test_folders_that_hold_none(tmp_path, folder):
    with pytest.raises(InputError, match="expected a WordPiece vocabulary"):
        WordPieceTokenizer.from_file(tmp_path)
    (tmp_path / "spiece.model").write_bytes(b"\n")
    with pytest.raises(InputError, match="spiece.model, a SentencePiece model"):
        WordPieceTokenizer.from_file(tmp_path)
    (folder / "tokenizer.json").write_text(POINTER)
    with pytest.raises(InputError, match="tokenizer.json is a Git LFS pointer"):
        WordPieceTokenizer.from_file(folder)
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(DamagedDataError, match=r"tokenizer\.json': expected a JSON object"):
        WordPieceTokenizer.from_file(folder / "tokenizer.json")
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE", "vocab": {}}}))
    with pytest.raises(InputError, match="expected a WordPiece model.*'BPE'"):
        WordPieceTokenizer.from_file(folder / "tokenizer.json")


@pytest.mark.parametrize("what", ["tokenizer.json", ""])
def test_prepare_and_extend_take_them(folder, corpus_file, tmp_path, what):
    vocabulary, out = folder / what, tmp_path / "out.txt"
    train = ["tokenizer", "extend", "--vocab", str(vocabulary), "--corpus", str(corpus_file)]
    assert main([*train, "--out", str(out), "--num-new", "3"]) == 0
    assert WordPieceTokenizer.from_file(out).config.lowercase is False
    command = ["prepare", "--corpus", str(corpus_file), "--vocab", str(vocabulary)]
    assert main([*command, "--out", str(tmp_path / "store")]) == 0


def test_pointers_among_texts_and_tables(tmp_path, tokenizer, capsys):
    (tmp_path / "book.txt").write_text(POINTER)
    vocabulary = tmp_path / "vocab.txt"
    tokenizer.save(vocabulary)
    command = ["prepare", "--corpus", str(tmp_path / "book.txt"), "--vocab", str(vocabulary)]
    assert main([*command, "--out", str(tmp_path / "store")]) == 2
    assert "book.txt is a Git LFS pointer" in capsys.readouterr().err
    from keras_electra.tasks.problems import Problems
    from keras_electra.tasks.tables import rows

    for name in ("a.csv", "a.parquet", "a.jsonl"):
        (tmp_path / name).write_text(POINTER)
        with pytest.raises(InputError, match="Git LFS pointer"):
            list(rows(tmp_path / name, Problems()))


def test_rows_without_a_token():
    vocabulary = ["[PAD]", "[unused3]", "a"]
    filled = filled_up_to(vocabulary, 5)
    assert filled == ["[PAD]", "[unused3]", "a", "[unused8]", "[unused4]"]
    assert without_fill(filled_up_to(["[PAD]", "a"], 5)) == ["[PAD]", "a"]
    assert without_fill(["[unused0]", "b"]) == ["[unused0]", "b"]


def test_options_of_another_vocabulary(tokenizer, tmp_path):
    path = tmp_path / "words.txt"
    WordPieceTokenizer(tokenizer.vocabulary[:9], TokenizerConfig(lowercase=False)).save(path)
    assert not WordPieceTokenizer.from_file(path).config.lowercase
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert not WordPieceTokenizer.from_file(path).config.lowercase
    path.write_text("".join(f"{token}\n" for token in tokenizer.vocabulary))
    with pytest.raises(InputError, match="words.txt.options.json: .* another one.*remove the file"):
        WordPieceTokenizer.from_file(path)


def test_options_beside_the_vocabulary_of_a_folder_with_added_tokens(folder, tokenizer):
    kept = TokenizerConfig(strip_accents=False)
    WordPieceTokenizer(tokenizer.vocabulary, kept).save(folder / "vocab.txt")
    (folder / "added_tokens.json").write_text(json.dumps({"<drug>": len(tokenizer.vocabulary)}))
    found = WordPieceTokenizer.from_file(folder)
    assert found.vocabulary == (*tokenizer.vocabulary, "<drug>")
    assert found.config == kept


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normalizer": None}, "expected a BertNormalizer, received None"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "expected a BertPreTokenizer"),
        (
            {"normalizer": {"type": "BertNormalizer", "handle_chinese_chars": False}},
            "expected handle_chinese_chars to be true, received False",
        ),
        (
            {"normalizer": {"type": "BertNormalizer", "lowercase": "no"}},
            "tokenizer.json: lowercase",
        ),
        ({"model": None}, "expected a WordPiece vocabulary: .* JSON without a model"),
    ],
)
def test_tokenizer_json_that_makes_other_words(folder, change, message):
    whole = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**whole, **change}))
    with pytest.raises(InputError, match=message):
        WordPieceTokenizer.from_file(folder / "tokenizer.json")


def test_two_vocabularies_in_a_folder(folder, tokenizer):
    (folder / "vocab.txt").write_text("".join(f"{t}\n" for t in reversed(tokenizer.vocabulary)))
    with pytest.raises(
        InputError, match="expected the same tokens in vocab.txt .* and tokenizer.json"
    ):
        WordPieceTokenizer.from_file(folder)


def test_what_is_no_vocabulary_is_told_where_one_is(folder):
    with pytest.raises(InputError, match="received none itself, but in it hf$"):
        WordPieceTokenizer.from_file(folder.parent)
    with pytest.raises(InputError, match="expected the path of a file or folder, received None"):
        WordPieceTokenizer.from_file(None)


@pytest.mark.parametrize("what", ["tokenizer.json", ""])
def test_a_plan_with_a_vocabulary_of_hugging_face(folder, tokenizer, tmp_path, what):
    (tmp_path / "text.txt").write_text("some words\n")

    def plan():
        text, path = tmp_path / "text.txt", str(folder / what)
        return PretrainPlan(folder=tmp_path, name="r", corpus=text, vocabulary=path)

    assert plan().entries() == tokenizer.vocabulary_size
    before = plan().data_dir
    assert plan().data_dir == before
    whole = json.loads((folder / "tokenizer.json").read_text())
    whole["normalizer"]["strip_accents"] = True
    (folder / "tokenizer.json").write_text(json.dumps(whole))
    (folder / "tokenizer_config.json").unlink()
    assert plan().data_dir != before


def test_the_vocabulary_of_a_run_is_not_replaced(tokenizer, tmp_path):
    path = tmp_path / "vocab.txt"
    tokenizer.save(path)
    (tmp_path / "config.json").write_text(json.dumps({"tokenizer": TokenizerConfig().to_dict()}))
    before = path.read_bytes()
    with pytest.raises(
        InputError, match="expected another name, .*the vocabulary of .*config.json"
    ):
        WordPieceTokenizer([*tokenizer.vocabulary, "more"]).save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("what", ["vocab.txt", ""])
def test_the_tokenizer_json_of_a_keras_file(tokenizer, tmp_path, what):
    tokenizer.save(tmp_path / "vocab.txt")
    config = TokenizerConfig(lowercase=False)
    (tmp_path / "tokenizer.json").write_text(json.dumps({"tokenizer": config.to_dict()}))
    found = WordPieceTokenizer.from_file(tmp_path / what)
    assert (found.vocabulary, found.config) == (tokenizer.vocabulary, config)
