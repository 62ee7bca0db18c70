"""Texts or names of files: every function that takes text means the same by the same argument."""

import json
import pathlib

import numpy as np
import pandas
import pytest

from keras_electra import (
    ElectraBackbone,
    ElectraPretrainer,
    Inspector,
    Store,
    TextClassifier,
    WordPieceTokenizer,
    add_to_store,
    build_store,
    detect,
    prepare_store,
    pseudo_log_likelihood,
    trace,
)
from keras_electra.corpus import Files, HeldOutNgrams, Source, Texts, documents, sample_lines
from keras_electra.detection import detections
from keras_electra.errors import InputError
from keras_electra.launching import PretrainPlan
from keras_electra.store.preparing.held_out_texts import held_out_ngrams
from keras_electra.tokenizer.extending import extend

LINES = [
    "the old cat sees a young dog in the garden by the river",
    "a young girl finds the red house and the blue river by the wood",
    "the king likes the horse and the wolf hears the old bird",
    "by the street a man sees the green field and the young horse",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two files, with two documents of one line each."""
    path = tmp_path_factory.mktemp("folder")
    for name, part in (("a.txt", LINES[:2]), ("b.txt", LINES[2:])):
        (path / name).write_text("\n\n".join(part) + "\n")
    return path


@pytest.fixture(scope="module")
def models(tiny_encoder, tokenizer):
    def pretrainer(objective="rtd"):
        options = {"objective": objective, "generator_width_fraction": 0.5}
        options |= {"generator": "two_tower"} if objective == "electric" else {}
        model = ElectraPretrainer(tiny_encoder(num_layers=1), options, {"mask_rate": 0.3})
        model.tokenizer, model.sequence_length = tokenizer, 16
        return model

    backbone = ElectraBackbone(**tiny_encoder(num_layers=1).to_dict())
    classifier = TextClassifier(backbone, ["no", "yes"])
    classifier.tokenizer, classifier.sequence_length = tokenizer, 16
    return pretrainer(), pretrainer("electric"), classifier


def content_of(path):
    return Store(path).fingerprint


def readers(models, tokenizer, out):
    """name -> a function that is given texts or files, and returns something that shows what it read."""
    detector, electric, _ = models
    small = WordPieceTokenizer.train(Texts(LINES), 60)

    def stored(make, name):
        def read(given):
            make(given, tokenizer, out / name)
            return content_of(out / name)

        return read

    def added(given):
        build_store(Texts(LINES), tokenizer, out / "old")
        add_to_store(out / "old", given, out / "new")
        return content_of(out / "new")

    def planned(given):
        plan = PretrainPlan(folder=out, corpus=given)
        if plan.problems().get("corpus"):
            raise InputError(plan.problems()["corpus"])
        return sorted(map(tuple, documents(plan.sources)))

    def scored(token_ids, padding_mask):
        return np.zeros(token_ids.shape)

    return {
        "train": lambda given: WordPieceTokenizer.train(given, 90).vocabulary,
        "extend": lambda given: extend(small, given, 9).tokenizer.vocabulary,
        "prepare_store": stored(prepare_store, "prepared"),
        "build_store": stored(build_store, "built"),
        "add_to_store": added,
        "documents": lambda given: list(documents(given)),
        "sample_lines": lambda given: list(sample_lines(given, 10**6)),
        "held_out_texts": lambda given: {
            length: found.tolist() for length, found in held_out_ngrams(given, 13).hashes.items()
        },
        "PretrainPlan": planned,
        "detect": lambda given: [one.text for one in detect(detector, given)],
        # As `OnnxModel.detect` calls it.
        "detections": lambda given: [d.text for d in detections(given, tokenizer, scored, 16, 4)],
        "trace": lambda given: [one.text for one in trace(detector, given)],
        "Inspector": lambda given: [one.text for one in Inspector(detector)(given)],
        "pseudo_log_likelihood": lambda given: (
            pseudo_log_likelihood(electric, given).round(3).tolist()
        ),
    }


READERS = [
    "train",
    "extend",
    "prepare_store",
    "build_store",
    "add_to_store",
    "documents",
    "sample_lines",
    "held_out_texts",
    "PretrainPlan",
    "detect",
    "detections",
    "trace",
    "Inspector",
    "pseudo_log_likelihood",
]
SAME = {
    "texts": lambda folder: list(LINES),
    "a tuple": lambda folder: tuple(LINES),
    "an iterator": lambda folder: iter(LINES),
    "a series": lambda folder: pandas.Series(LINES),
    "an array": lambda folder: np.array(LINES),
    "paths": lambda folder: [folder / "a.txt", folder / "b.txt"],
    "paths, some as strings": lambda folder: [folder / "a.txt", str(folder / "b.txt")],
    "an iterator of paths": lambda folder: iter(sorted(folder.iterdir())),
    "files": lambda folder: Files([str(folder / "a.txt"), str(folder / "b.txt")]),
}
ONLY_WHERE_FOLDERS_ARE_READ = {
    "a folder": lambda folder: folder,
    "a folder as a string": str,
    "a pattern": lambda folder: f"{folder}/*.txt",
}
# `held_out_texts` reads files of tasks, one by one.
ALL = [(r, f) for r in READERS for f in SAME] + [
    (r, f) for r in READERS for f in ONLY_WHERE_FOLDERS_ARE_READ if r != "held_out_texts"
]


@pytest.mark.parametrize(("reader", "form"), ALL)
def test_the_same_text_in_every_form(reader, form, folder, models, tokenizer, tmp_path):
    given = {**SAME, **ONLY_WHERE_FOLDERS_ARE_READ}[form](folder)
    (tmp_path / "expected").mkdir()
    expected = readers(models, tokenizer, tmp_path / "expected")[reader](Texts(LINES))
    assert readers(models, tokenizer, tmp_path)[reader](given) == expected


WRONG = {
    "names that exist": (["a.txt", "b.txt"], r"all names of files \('a.txt'\).*Path.*Texts\("),
    "an iterator of names": (lambda: iter(["a.txt", "b.txt"]), r"all names of files"),
    "names of which one is missing": (["a.txt", "b.txt", "c.txt"], r"2 are names.*'c.txt', item 2"),
    "a name among texts": (["a text of words", "a.txt", "more"], r"1 are names.*'a text of words'"),
    "missing names": (
        ["c.txt", "texts/d.jsonl.gz"],
        r"read like names.*'c.txt' \(item 0\) is miss",
    ),
    "addresses": (["s3://bucket/a.txt", "hf://b"], r"names of files.*corpus.Source\("),
    "standard input": (["-"], r"all names of files"),
    "one text": ("a text of some words", r"which is missing; a single text is given in a list"),
    "a missing name": ("texts/c.txt", r"texts/c\.txt, which is missing|receiv.*texts/c\.txt"),
    "None": (None, "received None"),
    "a number": (7, r"received an int \(7\)"),
    "bytes": (b"text", "received a bytes"),
    "a dict": ({"text": LINES}, r"received a dict; give the texts of one column"),
    "a table": (lambda: pandas.DataFrame({"text": LINES}), r"a DataFrame; give the texts of one"),
    "None among texts": ([*LINES, None], "received None as item 4; leave out"),
    "a missing value": (lambda: pandas.Series([*LINES, np.nan]), "float .nan. as item 4; leave"),
    "bytes among texts": ([*LINES, b"x"], r"received a bytes \(b'x'\) as item 4"),
    "rows": ([{"text": line} for line in LINES], r"a dict as item 0; give the text alone"),
    "a path among texts": ([*LINES, pathlib.Path("a.txt")], "as item 0 and a PosixPath"),
    "a text among paths": ([pathlib.Path("a.txt"), LINES[0]], r"as item 1 and a PosixPath"),
    "numbers": ([3, 4], r"received an int \(3\) as item 0"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_neither_is_one_sentence(
    reader, case, folder, models, tokenizer, tmp_path, monkeypatch
):
    monkeypatch.chdir(folder)
    given, message = WRONG[case]
    with pytest.raises(InputError, match=message) as found:
        readers(models, tokenizer, tmp_path)[reader](given() if callable(given) else given)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("reader", ["train", "documents", "detect", "PretrainPlan"])
def test_texts_that_are_names_too(reader, folder, models, tokenizer, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    found = readers(models, tokenizer, tmp_path)[reader](Texts(["a.txt", "b.txt"]))
    assert "txt" in str(found) and "river" not in str(found)


def test_words_are_texts_where_a_folder_is_called_like_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    words = ["the", "data", "of", "words"]
    assert list(documents(words)) == [[word] for word in words]


def test_a_list_of_sources_stays_one(folder):
    sources = [folder / "a.txt", Source(str(folder / "b.txt")), ["one more"], iter(["and another"])]
    assert list(documents(sources)) == [[line] for line in [*LINES, "one more", "and another"]]
    with pytest.raises(InputError, match=r"corpus\[0\].*a single text is given in a list"):
        list(documents(["a lone text", ["one more"]]))


def test_long_lists_are_not_looked_up_whole(monkeypatch):
    looked = []
    monkeypatch.setattr("keras_electra.corpus.given.is_file", lambda text: looked.append(text))
    assert sum(1 for _ in documents([f"text {number}" for number in range(5000)])) == 5000
    assert len(looked) == 1000


def test_texts_of_a_plan_are_written_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = PretrainPlan(folder="work", corpus=iter(LINES))
    again = PretrainPlan(folder="work", corpus=LINES)
    assert first.corpus == again.corpus
    assert [path.suffix for path in (tmp_path / "work/data").iterdir()] == [".jsonl"]
    assert PretrainPlan(**first.settings()) == first
    kept = json.loads(json.dumps(first.settings()))
    assert PretrainPlan(**{**kept, "corpus": Files(kept["corpus"])}) == first
    assert not first.problems()


class TestPredict:
    @pytest.fixture
    def table(self, tmp_path):
        (tmp_path / "table.csv").write_text("text\n" + "\n".join(LINES) + "\n")
        return tmp_path / "table.csv"

    def test_every_form(self, models, table):
        model = models[2]
        expected = model.predict(LINES)
        series = pandas.Series(LINES)
        for given in (Texts(LINES), tuple(LINES), iter(LINES), (t for t in LINES), series, table):
            assert model.predict(given) == expected
        assert model.predict(str(table)) == model.predict([table]) == expected
        assert len(model.predict([table, table])) == 2 * len(expected)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (["table.csv"], "x: .*all names of files"),
            (["table.csv", "other.csv"], "x: .*'other.csv', item 1"),
            (["other.csv"], "x: .*read like names"),
            ("a lone text", "x: .*a single text is given in a list"),
            (None, "x: expected a list of raw examples, received None"),
            (b"text", "received a bytes"),
            (pandas.DataFrame({"text": LINES}), "received a DataFrame"),
            ([*LINES, None], r"x\[4\]: expected a string or a pair of strings, received None"),
            ([None], r"x\[0\]: expected a string or a pair of strings, received None"),
            ([b"x"], r"x\[0\]: expected a string or a pair of strings"),
            ([7], r"x\[0\]: expected a string or a pair of strings"),
            (iter([7]), r"x\[0\]: expected a string or a pair of strings"),
            (["a text", pathlib.Path("table.csv")], "paths alone or texts alone"),
        ],
    )
    def test_what_is_refused(self, models, table, given, message, monkeypatch):
        monkeypatch.chdir(table.parent)
        with pytest.raises(InputError, match=message):
            models[2].predict(given)

    def test_training_takes_no_files(self, models, table):
        with pytest.raises(InputError, match=r"`predict` takes files, and .*finetune"):
            models[2].fit(table, ["no"] * 4)


def test_the_contamination_words_of_given_texts():
    assert held_out_ngrams([], 13) is None
    found, same = held_out_ngrams(LINES, 13), HeldOutNgrams.from_texts(LINES, 13)
    assert found.hashes.keys() == same.hashes.keys()


def test_a_single_text_is_not_a_list_of_letters(tokenizer):
    with pytest.raises(InputError, match="texts: expected a list"):
        tokenizer.encode_many("text")
