"""The folder with a web page: its tokenizer against ours in Node, what it holds, what is refused."""

import json
import pathlib
import random
import shutil
import subprocess
import sys
import unicodedata

import pytest

import keras_electra
from keras_electra.backbone import ElectraBackbone
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import InputError
from keras_electra.task_models import TextClassifier, TokenClassifier
from keras_electra.tokenizer import SPECIAL_TOKENS, WordPieceTokenizer
from keras_electra.tokenizer.normalization import character_tables

PAGE = pathlib.Path(keras_electra.__file__).parent / "deploy" / "page"
ENCODE = pathlib.Path(__file__).parent / "javascript" / "encode.mjs"
NODE = shutil.which("node")
AWKWARD = [
    "",
    "  \t\r\n ",
    "The cat, the DOG: unaffable!",
    "Ünïcödé naïve façade ÅNGSTRÖM e\u0301tude",
    "ΣΊΣΥΦΟΣ ΌΣΟΣ Σ ΑΣ",
    "İstanbul ISPARTA ıi",
    "中文字 and 日本語 カタカナ 한국어 각",
    "👩‍👩‍👧 🤖 x\u200dy \ufeff \u00ad soft\u00adhyphen",
    "a\u0000b\ufffdc\u0085d\u2028e\u3000f\u00a0g",
    "[MASK] [PAD] ##ing #hash $5 ^caret `tick` ~tilde <a|b>",
    "don't — “quote” … ¿qué? «où» ·middot",
    "ﬁ ﬂ ℌ ½ Ⅷ ß ẞ ŉ ǰ",
    "𝒜𝓁𝓅𝒽𝒶 𐐀𐐁 𠀀𪚥 \U000e0001 \U0001f9ff \U00016fe2",
    "\u0301\u0302a\u0323\u0307 q\u0307\u0323 \u1e9b\u0323",
    "x" * 300 + " " + "ab" * 120,
    "नमस्ते สวัสดี שלום مرحبا\u064b",
]


@pytest.fixture(scope="module")
def wide_vocabulary():
    """Letters of many scripts, whole and continued, and some longer pieces."""
    letters = {c for text in AWKWARD for c in unicodedata.normalize("NFD", text + text.lower())}
    letters |= set("abcdefghijklmnopqrstuvwxyz")
    letters = sorted(c for c in letters if c.isprintable() and not c.isspace())[::2]
    words = ["the", "cat", "un", "##aff", "##able", "facade", "##ing", "xx", "##xx", "istanbul"]
    return [*SPECIAL_TOKENS, *words, *letters, *(f"##{letter}" for letter in letters)]


@pytest.mark.skipif(NODE is None, reason="needs node")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lowercase": False},
        {"lowercase": False, "strip_accents": True},
        {"strip_accents": False},
        {"max_word_characters": 4},
        {"max_word_characters": 7, "cuts_long_words": True},
    ],
    ids=str,
)
def test_the_tokenizer_of_the_page_is_ours(wide_vocabulary, options):
    config = TokenizerConfig(**options)
    tokenizer = WordPieceTokenizer(wide_vocabulary, config)
    rng = random.Random(0)
    letters = "".join(AWKWARD)
    mixed = ["".join(rng.choices(letters, k=40)) for _ in range(200)]
    # Every character that Python knows, a few apart so that all stand beside various others.
    known = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) != "Cs"]
    every = ["".join(known[place::4096]) for place in range(0, 4096, 64)]
    texts = [*AWKWARD, *mixed, *every]
    job = {
        "vocabulary": wide_vocabulary,
        "options": config.to_dict(),
        "tables": character_tables(),
        "texts": texts,
    }
    done = subprocess.run(
        [NODE, ENCODE, PAGE / "wordpiece.js"],
        input=json.dumps(job).encode(),
        capture_output=True,
        check=True,
    )
    for text, received in zip(texts, json.loads(done.stdout), strict=True):
        ids, tokens, offsets = tokenizer.encode_with_offsets(text)
        assert received == [ids, tokens, [list(pair) for pair in offsets]], repr(text[:60])


def test_the_tables_say_what_the_functions_do():
    tables = character_tables()
    assert tables["spaces"][:4] == [9, 10, 13, 13]
    assert tables["punctuation"][:4] == [0x21, 0x2F, 0x3A, 0x40]
    assert tables["accents"][:2] == [0x300, 0x36F]
    assert tables["removed"][0] == 0 and tables["removed"][-1] == sys.maxunicode
    assert all(bounds == sorted(bounds) for bounds in tables.values())


# The folder


@pytest.fixture(scope="module")
def classifier(tiny_encoder, tokenizer):
    backbone = ElectraBackbone(**tiny_encoder(num_layers=1, initializer_range=0.5).to_dict())
    model = TextClassifier(backbone, ("no", "yes", "maybe"), name="mood")
    model.tokenizer, model.sequence_length = tokenizer, 16
    return model


@pytest.fixture
def runtime(tmp_path):
    """A folder that looks like the package."""
    from keras_electra.deploy.web_folder import RUNTIME_FILES

    folder = tmp_path / "onnxruntime-web"
    (folder / "dist").mkdir(parents=True)
    for name in RUNTIME_FILES:
        (folder / "dist" / name).write_text(name)
    (folder / "package.json").write_text("{}")
    return folder


def test_the_folder_is_whole(classifier, runtime, tmp_path):
    pytest.importorskip("onnxruntime")
    from keras_electra.deploy.web_folder import export_web

    export_web(classifier, tmp_path / "web", runtime)
    names = {p.relative_to(tmp_path / "web").as_posix() for p in (tmp_path / "web").rglob("*.*")}
    assert names >= {
        "index.html",
        "style.css",
        "page.js",
        "model.js",
        "wordpiece.js",
        "model.onnx",
        "vocab.txt",
        "about.json",
        "runtime/ort.wasm.min.mjs",
        "runtime/package.json",
    }
    about = json.loads((tmp_path / "web" / "about.json").read_text())
    assert (about["kind"], about["labels"]) == ("classification", ["no", "yes", "maybe"])
    for path in (tmp_path / "web").glob("*.[jhc]*"):
        if path.suffix in (".js", ".html", ".css"):
            assert "http://" not in path.read_text() and "https://" not in path.read_text()


def test_what_cannot_become_a_folder(classifier, runtime, tmp_path, tiny_encoder, tokenizer):
    pytest.importorskip("onnxruntime")
    from keras_electra.deploy.web_folder import export_web

    tagger = TokenClassifier(classifier.backbone, ("a", "b"))
    tagger.tokenizer = tokenizer
    with pytest.raises(InputError, match="which the page can show, received 'tagging'"):
        export_web(tagger, tmp_path / "web", runtime)
    with pytest.raises(InputError, match="onnxruntime-web with dist/ort.wasm.min.mjs"):
        export_web(classifier, tmp_path / "web", tmp_path)
    assert not (tmp_path / "web").exists()
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "mine").write_text("mine")
    with pytest.raises(InputError, match="new or empty folder"):
        export_web(classifier, tmp_path / "web", runtime)
    assert [path.name for path in (tmp_path / "web").iterdir()] == ["mine"]
