"""Any script through `tokenizer train` with its defaults: no letter lost, next to nothing [UNK]."""

import json
import pathlib
import unicodedata

import pytest

from keras_electra.__main__ import main
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import InputError
from keras_electra.store import prepare_store
from keras_electra.tokenizer import SPECIAL_TOKENS, WordPieceTokenizer
from keras_electra.tokenizer.choosing import script_of
from keras_electra.tokenizer.fitting import misfits, unknown_share
from keras_electra.tokenizer.training import count_words, counted_and_decided

SAMPLES = json.loads(
    pathlib.Path(__file__).with_name("writing_systems.json").read_text(encoding="utf-8")
)
"""A few sentences in each of many languages."""

MARKED = {
    *("japanese", "thai", "hindi", "arabic", "vietnamese", "turkish", "hebrew", "bengali", "tamil"),
    *("khmer", "lao", "burmese", "tibetan", "german", "greek", "russian"),
}
SPACELESS = {"japanese", "thai", "khmer", "lao", "burmese", "tibetan", "chinese"}


def letters(text):
    """Letters and their marks, whatever the case and the way in which they are put together."""
    text = unicodedata.normalize("NFC", text.lower())
    return [c for c in text if unicodedata.category(c)[0] in "LM"]


def unknown_of(tokenizer, text):
    words = dict.fromkeys(text.split(" "), 1)
    return unknown_share(tokenizer, words)[0]


@pytest.mark.parametrize("language", SAMPLES)
def test_no_letter_is_lost(language, tmp_path, capsys):
    text = SAMPLES[language]
    (tmp_path / "text.txt").write_text(text.replace("。", "。\n"), encoding="utf-8")
    place = tmp_path / "vocab.txt"
    command = ["tokenizer", "train", "--corpus", str(tmp_path / "text.txt"), "--out", str(place)]
    assert main(command) == 0
    remarks = capsys.readouterr().err
    tokenizer = WordPieceTokenizer.from_file(place)
    assert letters(tokenizer.decode(tokenizer.encode(text))) == letters(text)
    assert unknown_of(tokenizer, text) < 0.01
    assert ("marks of letters are kept" in remarks) == (language in MARKED)
    assert ("--strip-accents" in remarks) == (language in MARKED | {"korean"})
    assert bool(tokenizer.config.cuts_long_words) == (language in SPACELESS)
    assert ("--no-cuts-long-words" in remarks) == (language in SPACELESS)
    assert ("--no-lowercase" in remarks) == (language == "turkish")
    if language == "english":
        assert remarks == ""
        assert tokenizer.config == TokenizerConfig()


def test_a_run_without_spaces_is_never_unknown():
    text = SAMPLES["thai"].replace(" ", "")
    tokenizer = WordPieceTokenizer.train([text], 2000, tell=print)
    ids = tokenizer.encode(text * 9)
    assert tokenizer.unknown_id not in ids
    assert tokenizer.decode(ids).replace(" ", "") == text * 9


def test_options_overrule(tmp_path, capsys):
    (tmp_path / "text.txt").write_text(SAMPLES["thai"], encoding="utf-8")
    command = ["tokenizer", "train", "--corpus", str(tmp_path / "text.txt"), "--strip-accents"]
    place = tmp_path / "vocab.txt"
    assert main([*command, "--no-cuts-long-words", "--out", str(place)]) == 0
    remarks = capsys.readouterr().err
    assert remarks.startswith("warning: removing accents changes 100.0% of the words")
    assert "--no-strip-accents" in remarks
    config = WordPieceTokenizer.from_file(place).config
    assert (config.strip_accents, config.cuts_long_words) == (True, False)


def test_a_few_accents_are_removed_as_in_the_original(capsys):
    text = "We had tea in the old café by the sea . " + "The storm went by the lamp . " * 60
    told = []
    tokenizer = WordPieceTokenizer.train([text], 200, tell=told.append)
    assert tokenizer.config == TokenizerConfig()
    assert told == [
        "accents are removed, as in the original: this changes 0.2% of the words, such as "
        "café → cafe (--no-strip-accents keeps them)"
    ]


def test_a_little_thai_among_much_english_keeps_its_marks():
    text = "the sea and the storm " * 200 + SAMPLES["thai"]
    told = []
    tokenizer = WordPieceTokenizer.train([text], 400, tell=told.append)
    assert tokenizer.config.strip_accents is False and tokenizer.config.cuts_long_words
    # Few words, but long ones: the share is that of the letters, and is called so.
    assert "would change words with 9" in told[0] and "% of the letters, such as " in told[0]


def test_hangul_without_room_is_cut_into_letters():
    text = "".join(chr(0xAC00 + 28 * n) + (" " if n % 3 == 0 else "") for n in range(399))
    tokenizer = WordPieceTokenizer.train([text] * 3, 500, tell=print)
    assert tokenizer.config.removes_accents
    assert letters(tokenizer.decode(tokenizer.encode(text))) == letters(text)
    assert not WordPieceTokenizer.train([text] * 3, 5000, tell=print).config.removes_accents


@pytest.mark.parametrize("language", SAMPLES)
def test_words_are_those_of_the_decided_options(language):
    texts = [SAMPLES[language], "naïve CAFÉ, ΟΔΟΣ. İ\u0301 a·b\u0301c " + "x" * 250]
    words, config, _ = counted_and_decided(texts, TokenizerConfig(), 30522)
    assert words == count_words(texts, config)


# What is beside a vocabulary


def test_prepare_follows_the_options_that_are_stored_with_the_vocabulary(tmp_path, capsys):
    text, place = tmp_path / "text.txt", tmp_path / "hi.txt"
    text.write_text("\n".join([SAMPLES["hindi"]] * 60), encoding="utf-8")
    assert main(["tokenizer", "train", "--corpus", str(text), "--out", str(place)]) == 0
    assert "--no-strip" not in capsys.readouterr().out
    command = ["prepare", "--corpus", str(text), "--vocab", str(place), "--out"]
    assert main([*command, str(tmp_path / "store")]) == 0
    assert capsys.readouterr().err == ""
    manifest = json.loads((tmp_path / "store" / "manifest.json").read_text())
    assert manifest["tokenizer"]["strip_accents"] is False
    # The vocabulary of a store, alone.
    again = WordPieceTokenizer.from_file(tmp_path / "store" / "vocab.txt")
    assert again.config.strip_accents is False
    assert main([*command, str(tmp_path / "stripped"), "--strip-accents"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("warning: removing accents changes ") and told.count("\n") == 1
    assert (
        "; --no-strip-accents keeps their marks, which " in told
        and " of " in told
        and " → " in told
    )
    report = json.loads((tmp_path / "stripped" / "report.json").read_text())
    assert report["warnings"] == [told.strip()]
    page = (tmp_path / "stripped" / "report.html").read_text(encoding="utf-8")
    assert "--no-strip-accents keeps their marks" in page


def test_options_beside_that_are_none(tmp_path):
    WordPieceTokenizer(SPECIAL_TOKENS, TokenizerConfig(lowercase=False)).save(tmp_path / "v.txt")
    assert not WordPieceTokenizer.from_file(tmp_path / "v.txt").config.lowercase
    assert WordPieceTokenizer.from_file(tmp_path / "v.txt", lowercase=True).config.lowercase
    (tmp_path / "v.txt.options.json").write_text('{"lowercase": 3}')
    with pytest.raises(
        InputError, match="v.txt.options.json: expected the options of a vocabulary"
    ):
        WordPieceTokenizer.from_file(tmp_path / "v.txt")
    WordPieceTokenizer(SPECIAL_TOKENS).save(tmp_path / "v.txt")
    assert not (tmp_path / "v.txt.options.json").exists()
    (tmp_path / "v.txt.options.json").symlink_to(tmp_path / "gone.json")
    with pytest.raises(InputError, match="v.txt.options.json: expected .* No such file"):
        WordPieceTokenizer.from_file(tmp_path / "v.txt")
    (tmp_path / "config.json").write_text('{"tokenizer": "wordpiece"}')
    WordPieceTokenizer(SPECIAL_TOKENS).save(tmp_path / "vocab.txt")
    assert WordPieceTokenizer.from_file(tmp_path / "vocab.txt").config == TokenizerConfig()


# Vocabulary, options and text


def trained(language, **options):
    return WordPieceTokenizer.train(
        [SAMPLES[language]] * 3, 400, TokenizerConfig(**options), tell=lambda sentence: None
    )


def with_options(tokenizer, **options):
    return WordPieceTokenizer(tokenizer.vocabulary, TokenizerConfig(**options))


def test_what_fits_is_not_told():
    for language, text in SAMPLES.items():
        assert misfits(trained(language), [text]) == []


@pytest.mark.parametrize(
    ("made", "used", "language", "expected"),
    [
        # A vocabulary without capitals on text that has them.
        (
            {},
            {"lowercase": False},
            "english",
            ["become [UNK], such as 'The'", "--lowercase lowers"],
        ),
        # Umlauts in the vocabulary but not in the text, and the reverse.
        ({}, {}, "german", ["removing accents changes ", "→", "--no-strip-accents"]),
        ({"strip_accents": True}, {"strip_accents": False}, "german", ["--strip-accents lowers"]),
        ({"strip_accents": True}, {}, "german", ["no entries with these marks", "tokenizer train"]),
        ({}, {}, "vietnamese", ["removing accents changes", "--no-strip-accents"]),
        ({}, {"strip_accents": False}, "thai", []),
    ],
)
def test_what_does_not_fit_is_told_with_the_option_that_helps(made, used, language, expected):
    tokenizer = with_options(trained(language, **made), **used)
    told = misfits(tokenizer, [SAMPLES[language]])
    assert len(told) == bool(expected), told
    assert all(part in sentence for sentence in told for part in expected)


def test_a_cased_vocabulary_on_lower_cased_text_is_told():
    texts = [SAMPLES["english"], SAMPLES["english"].title(), SAMPLES["english"].upper()]
    tokenizer = WordPieceTokenizer.train(texts * 2, 400, TokenizerConfig(lowercase=False))
    (told,) = misfits(with_options(tokenizer), texts)
    assert "have upper-case letters" in told and "--no-lowercase keeps them" in told


def test_long_runs_and_foreign_letters_are_told():
    thai = trained("thai")
    (told,) = misfits(with_options(thai, strip_accents=False), [SAMPLES["thai"].replace(" ", "")])
    assert "become [UNK]" in told and "--cuts-long-words lowers this to less than 0.1%" in told
    *_, told = misfits(trained("english"), [SAMPLES["russian"]])
    assert "become [UNK]" in told and "tokenizer train" in told and "tokenizer extend" in told


def test_a_vocabulary_without_room_is_told():
    told = []
    text = " ".join(chr(0x4E00 + n) for n in range(3000))
    WordPieceTokenizer.train([text] * 2, 4000, tell=told.append)
    assert any("become [UNK]" in one and "--vocabulary-size" in one for one in told)


def test_from_python_it_is_a_warning(tmp_path):
    tokenizer = with_options(trained("german"))
    (tmp_path / "text.txt").write_text(SAMPLES["german"], encoding="utf-8")
    with pytest.warns(UserWarning, match="--no-strip-accents"):
        prepare_store(tmp_path / "text.txt", tokenizer, tmp_path / "store")


def test_scripts():
    assert [script_of(c) for c in "ก가кé1。々"] == [
        "THAI",
        "HANGUL",
        "CYRILLIC",
        "LATIN",
        "",
        "",
        "IDEOGRAPHIC",
    ]


def test_marks_as_separate_characters_are_named():
    """Texts from macOS; removing the marks is no help."""
    text = "Die Männer müssen früh los und die größten Bäume sind schön"
    kept = WordPieceTokenizer.train([text] * 9, 300, tell=lambda sentence: None)
    assert not misfits(kept, [text])
    (told,) = misfits(kept, [unicodedata.normalize("NFD", text)])
    assert "separate characters (NFD)" in told and "--unicode-form NFC" in told
    assert "strip-accents" not in told
