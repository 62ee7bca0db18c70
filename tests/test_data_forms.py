"""The same data in every form that people have: the same examples, or a sentence that says why not."""

import gzip
import json

import pytest

from keras_electra.corpus import documents, sample_lines
from keras_electra.corpus.delimited import separator_of
from keras_electra.errors import InputError
from keras_electra.tasks import Problems, TextExample, own_examples, own_task
from keras_electra.tasks.tag_forms import form_of_tags

TEXTS = [f"The river number {row}, it ran past the old mill" for row in range(40)]
LABELS = ["calm", "rough"]
ROWS = [{"text": text, "label": LABELS[row % 2]} for row, text in enumerate(TEXTS)]
EXPECTED = [TextExample(id=str(row), **values) for row, values in enumerate(ROWS)]


def separated(sign, first="", header=True, quote=""):
    rows = [("text", "label")] * header + [tuple(row.values()) for row in ROWS]
    lines = [sign.join(f"{quote}{field}{quote}" for field in row) for row in rows]
    return first + "\n".join(lines) + "\n"


LINES = "\n".join(map(json.dumps, ROWS))
FORMS = {
    "commas.csv": separated(",", quote='"'),
    "semicolons.csv": separated(";"),
    "tabs.csv": separated("\t"),
    "bars.csv": separated("|"),
    "comment.csv": separated(",", "# exported on Monday\n# by hand\n", quote='"'),
    "comment.tsv": separated("\t", "# exported on Monday\n"),
    "excel.csv": separated(";", "sep=;\n"),
    "excel_quoted.csv": separated(";", '"sep=;"\r\n', quote='"'),
    "mark.csv": "\ufeff" + separated(";"),
    "no_header.csv": separated(";", header=False),
    "no_header_tabs.csv": separated("\t", header=False),
    "a.tsv": separated("\t"),
    "lines.jsonl": LINES,
    "lines.json": LINES,
    "list.json": json.dumps(ROWS),
    "pretty.json": json.dumps(ROWS, indent=2),
    "data.json": json.dumps({"data": ROWS}),
    "versioned.json": json.dumps({"version": "1.0", "n": 2, "data": ROWS}, indent=1),
    "no_ending": LINES,
}


def stored(tmp_path, name, content):
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(content.encode()))
    else:
        path.write_bytes(content.encode())
    return path


def read_all(path, **options):
    """All training and validation examples, in the order of the data."""
    task, _ = own_task(path, **options)
    parts = [task.read(path, split) for split in ("train", "validation")]
    return sorted(parts[0] + parts[1], key=lambda one: int(one.id))


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("name", FORMS)
def test_a_table_of_any_form_gives_the_same_examples(tmp_path, name, ending):
    path = stored(tmp_path, name + ending, FORMS[name])
    assert read_all(path) == EXPECTED
    told = own_examples(path, "classification")
    assert [one.text for one in told] == TEXTS


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("name", FORMS)
def test_a_corpus_of_any_form_gives_the_same_texts(tmp_path, name, ending):
    from keras_electra.config.corpus import CorpusConfig

    path = stored(tmp_path, name + ending, FORMS[name])
    config = CorpusConfig(text_column="column 1" if "no_header" in name else "text")
    found = documents(path, config)
    assert [text for (text,) in found] == TEXTS
    assert sorted(sample_lines(path, 10**6, config)) == sorted(TEXTS)


def test_a_large_list_of_json_is_not_divided(tmp_path, monkeypatch):
    """A list has no lines to begin at; it is read in small blocks."""
    from keras_electra import corpus

    monkeypatch.setattr(corpus.text, "READ_BYTES", 100)
    for name in ("list.json", "data.json", "lines.json", "no_ending"):
        path = stored(tmp_path, name, FORMS[name])
        found = corpus.units(path, unit_bytes=500)
        assert len(found) > 1 or name in ("list.json", "data.json")
        lines = [line for unit in found for line in corpus.read_unit(unit) if line]
        assert lines == TEXTS


@pytest.mark.parametrize("content", ['[{"text": "a"}, {"text": "b"', '[{"text": "a"} x', "[1]"])
def test_a_damaged_list_is_named(tmp_path, content):
    with pytest.raises(InputError, match=r"bad\.json.*expected .*JSON object"):
        list(documents(stored(tmp_path, "bad.json", content)))


@pytest.mark.parametrize(
    ("lines", "sign"),
    [
        (["id;text", "1;Slow, grey", "2;Fine"], ";"),
        (["Slow, really;bad", "Fine, really;good"], ";"),
        (["a;3,5", "b;4,0"], ";"),
        (['"a;b",x', '"c;d",y'], ","),
        (["a,b|c", "d,e|f"], ","),
        (["text,label", "a;b;c,x", "d,y"], ","),
        (["text;label\n", '"one\n', 'two, three";x\n', "four;y\n"], ";"),
        (["text", "Slow, grey"], None),
        ([], None),
    ],
)
def test_the_separator_fits_every_row(lines, sign):
    assert separator_of(lines) == sign


def test_utf_16_is_named(tmp_path):
    path = tmp_path / "excel.csv"
    path.write_bytes(separated("\t").encode("utf-16"))
    for read in (own_task, lambda path: list(documents(path))):
        with pytest.raises(InputError, match=r"excel\.csv.*--encoding.*utf-16"):
            read(path)
    assert read_all(path, encoding="utf-16") == EXPECTED


# What `datasets` writes


@pytest.fixture
def dataset():
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=LABELS)}
    )
    rows = [{**row, "label": LABELS.index(row["label"])} for row in ROWS]
    return datasets.Dataset.from_list(rows, features=features)


def saved(dataset, folder, form):
    import datasets

    if form == "folder":
        dataset.save_to_disk(folder, num_shards=3)
    elif form == "splits":
        parts = {"train": dataset, "test": dataset.select(range(4))}
        datasets.DatasetDict(parts).save_to_disk(folder)
    elif form == "parquet":
        folder.mkdir()
        dataset.to_parquet(folder / "train.parquet")
    else:
        (folder / "data").mkdir(parents=True)
        (folder / "README.md").write_text("A card.")
        for number in range(2):
            shard = dataset.shard(2, number, contiguous=True)
            shard.to_parquet(folder / "data" / f"train-0000{number}-of-00002.parquet")
        dataset.select(range(4)).to_parquet(folder / "data" / "test-00000-of-00001.parquet")


@pytest.mark.parametrize("form", ["folder", "splits", "parquet", "hub"])
def test_what_datasets_saved_has_its_label_names(dataset, tmp_path, form):
    folder = tmp_path / "saved"
    saved(dataset, folder, form)
    assert read_all(folder) == EXPECTED
    _, sentence = own_task(folder)
    assert ("not read: 'README.md'" in sentence) == (form == "hub")
    if form in ("folder", "parquet"):
        found = own_examples(folder, "classification")
        assert found == EXPECTED
    else:
        with pytest.raises(InputError, match="one table.*'test', 'train'|'train', 'test'"):
            own_examples(folder, "classification")


def test_a_missing_shard_is_named(dataset, tmp_path):
    saved(dataset, tmp_path / "saved", "hub")
    (tmp_path / "saved" / "data" / "train-00001-of-00002.parquet").unlink()
    with pytest.raises(InputError, match=r"expected 2 files train-.*received 1"):
        own_task(tmp_path / "saved")


# Files of a folder


@pytest.mark.parametrize(
    "name", ["eval.csv", "evaluation.csv", "holdout.csv", "valid.csv", "val.csv", "dev.csv.gz"]
)
def test_names_of_validation_files(tmp_path, name):
    stored(tmp_path, "train.csv", FORMS["semicolons.csv"])
    stored(tmp_path, "notes.csv", "a,b\n")
    (tmp_path / "old").mkdir()
    stored(tmp_path, name, separated(";").replace("river", "brook"))
    task, sentence = own_task(tmp_path)
    assert sentence.endswith("classification; not read: 'notes.csv', 'old'")
    assert len(task.read(tmp_path, "train")) == 40
    assert "brook" in task.read(tmp_path, "validation")[0].text


def test_two_validation_files_are_asked_about(tmp_path):
    for name in ("train.csv", "eval.csv", "holdout.csv"):
        stored(tmp_path, name, FORMS["commas.csv"])
    with pytest.raises(InputError, match=r"one file for 'validation'.*'eval.csv', 'holdout.csv'"):
        own_task(tmp_path)


# Files .txt


@pytest.mark.parametrize(
    "line", ["{label}\t{text}", "__label__{label} {text}", "{text};{label}", "{text}|{label}"]
)
def test_a_text_file_with_labels_is_a_table(tmp_path, line):
    path = stored(tmp_path, "a.txt", "\n".join(line.format(**row) for row in ROWS))
    assert read_all(path) == EXPECTED


def test_several_labels_of_fasttext(tmp_path):
    lines = [f"__label__a __label__{LABELS[row % 2]} {text}" for row, text in enumerate(TEXTS)]
    found = read_all(stored(tmp_path, "a.txt", "\n".join(lines)))
    assert found[1].label == ("a", "rough") and found[1].text == TEXTS[1]


def test_lines_of_text_to_judge_keep_their_numbers(tmp_path):
    path = stored(tmp_path, "texts.txt", f"{TEXTS[0]}\n\n{TEXTS[1]}\n")
    found = own_examples(path, "classification")
    assert [(one.id, one.text) for one in found] == [("0", TEXTS[0]), ("2", TEXTS[1])]
    with pytest.raises(InputError, match="text_column: expected none for a file of texts"):
        own_examples(path, "classification", text_column="text")


# A word a line

SENTENCES = [
    (("EU", "rejects", "calls"), ("B-ORG", "O", "O")),
    (("#", "Anna", "Maria", "Bell"), ("O", "B-PER", "I-PER", "I-PER")),
    (("Rome",), ("B-LOC",)),
] * 5


def word_lines(form, comment=None, gap="\n", numbered=False):
    groups = []
    for number, (words, tags) in enumerate(SENTENCES):
        lines = [] if comment is None else [comment.format(number)]
        for place, (word, tag) in enumerate(zip(words, tags, strict=True), 1):
            lines.append(form.format(word=word, tag=tag, place=place))
        groups.append("\n".join(lines) + "\n")
    return gap.join(groups)


def word_rows(header, first, separator=","):
    rows = [header]
    for number, (words, tags) in enumerate(SENTENCES):
        for place, (word, tag) in enumerate(zip(words, tags, strict=True)):
            name = number if place == 0 or not first else ""
            rows.append(separator.join(map(str, (name, word, "X", tag))))
    return "\n".join(rows)


WORD_FORMS = {
    "plain.conll": word_lines("{word} {tag}"),
    "multiconer1.conll": word_lines("{word} _ _ {tag}", "# id 00{} domain=en", "\n\n"),
    "multiconer2.conll": word_lines("{word} _ _ {tag}", "# id 00{}\tdomain=en", "\n\n"),
    "uner.iob2": word_lines("{place}\t{word}\t{tag}\t-\t-", "# sent_id = {}\n# text = # a b"),
    "ontonotes.conll": "#begin document (a/b); part 000\n"
    + word_lines("{word}\tX\t{tag}")
    + "\n#end document\n",
    "germeval.tsv": word_lines("{place}\t{word}\t{tag}\tO", "#\thttp://x.example/{} [2009]"),
    "words.tsv": word_lines("{word}\t{tag}"),
    "words.txt": word_lines("{word}\t{tag}"),
    "numbered.csv": word_rows("sentence_id,words,pos,labels", False),
    "kaggle.csv": word_rows("Sentence #,Word,POS,Tag", True),
    "kaggle.tsv": word_rows("Sentence #\tWord\tPOS\tTag", True, "\t"),
}


@pytest.mark.parametrize("name", WORD_FORMS)
def test_words_of_any_form_give_the_same_sentences(tmp_path, name):
    path = stored(tmp_path, name, WORD_FORMS[name])
    task, sentence = own_task(path)
    assert task.kind == "tagging" and task.main_metric == "span_f1", sentence
    found = [*task.read(path, "train"), *task.read(path, "validation")]
    key = str if name.endswith("csv") else int
    assert sorted((one.words, one.tags) for one in found) == sorted(SENTENCES), key
    told = own_examples(path, "tagging", trained_columns=task.columns)
    assert [(one.words, one.tags) for one in told] == SENTENCES


def test_a_comment_is_no_word_and_a_word_is_no_comment(tmp_path):
    tagged = "# id 0 lang=en\n# X SYM\none X NUM\n\n#Brexit X PROPN\n# X SYM\n\n#one X NUM\n\n"
    path = stored(tmp_path, "a.conll", tagged * 4)
    task, _ = own_task(path)
    found = task.read({"train": path, "validation": path}, "train")
    assert [one.words for one in found[:3]] == [("#", "one"), ("#Brexit", "#"), ("#one",)]


def test_columns_can_be_named(tmp_path):
    path = stored(tmp_path, "a.conll", word_lines("x{tag} {word} {tag} y"))
    task, sentence = own_task(path, words_column="2", tags_column="3")
    assert "words in column 2, tags in column 3" in sentence
    assert task.read({"train": path, "dev": path}, "train")[0].words == SENTENCES[0][0]
    with pytest.raises(InputError, match="expected words in column 9, received 4 columns"):
        own_task(path, words_column="9")


def test_conllu_by_another_name(tmp_path):
    line = "{place}\t{word}\tx\tX\t_\t_\t0\troot\t_\tSpaceAfter=No"
    path = stored(tmp_path, "a.conll", word_lines(line, "# sent_id = {}"))
    task, sentence = own_task(path)
    assert "tags in upos of CoNLL-U" in sentence and task.main_metric == "token_accuracy"
    assert task.read({"train": path, "dev": path}, "train")[1].words == SENTENCES[1][0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "words,labels\n" + "Anna,B-PER\nsleeps,O\nnow,O\n" * 9),
        ("a.csv", "Anna,B-PER\nsleeps,O\nnow,O\n" * 9),
        ("a.tsv", "Anna\tB-PER\nsleeps\tO\nnow\tO\n" * 9),
    ],
)
def test_words_without_sentences_are_refused(tmp_path, name, content):
    path = stored(tmp_path, name, content)
    with pytest.raises(InputError, match="one word in every row.*--id-column"):
        own_task(path)


def test_a_row_without_its_word_is_told(tmp_path):
    content = WORD_FORMS["kaggle.csv"].replace("Maria,X", ",X", 1)
    path = stored(tmp_path, "a.csv", content)
    task, problems = own_task(path)[0], Problems()
    found = task.read({"train": path, "validation": path}, "train", problems)
    assert len(found) == len(SENTENCES) - 1
    assert problems.shown["missing tag"][0].startswith(f"{path}:7: expected a word and its tag")


# Schemes of tags

BIOES = ("B-PER", "I-PER", "E-PER", "O", "S-LOC")
SCHEMES = {
    "BIOES": BIOES,
    "BILOU": ("B-PER", "I-PER", "L-PER", "O", "U-LOC"),
    "BMES": ("B-PER", "M-PER", "E-PER", "O", "S-LOC"),
    "BMEWO": ("B-PER", "M-PER", "E-PER", "O", "W-LOC"),
    "suffix": ("PER-B", "PER-I", "PER-E", "O", "LOC-S"),
    "suffix BILOU": ("PER-B", "PER-I", "PER-L", "O", "LOC-U"),
    "underscore": ("B_PER", "I_PER", "E_PER", "O", "S_LOC"),
    "lower case": ("b-PER", "i-PER", "e-PER", "o", "s-LOC"),
    "zero": ("B-PER", "I-PER", "E-PER", "0", "S-LOC"),
}


def tagged_data(tags):
    words = ["Anna", "Maria", "Bell", "saw", "Rome"]
    return [{"words": words, "tags": list(tags)} for _ in range(20)]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("form", ["table", "columns"])
def test_tags_of_any_scheme_are_read_as_the_scorer_knows_them(tmp_path, scheme, form):
    data = tagged_data(SCHEMES[scheme])
    if form == "columns":
        groups = ["\n".join(map(" ".join, zip(*row.values(), strict=True))) for row in data]
        data = stored(tmp_path, "a.conll", "\n\n".join(groups))
    task, sentence = own_task(data)
    assert task.metrics[0] == "span_f1"
    assert ("read and predicted in BIOES" in sentence) == (scheme != "BIOES")
    assert {one.tags for one in task.read(data, "train")} == {BIOES}
    assert {one.tags for one in own_examples(data, "tagging")} == {BIOES}


def test_letters_alone_mark_spans():
    data = tagged_data(("B", "I", "I", "O", "B"))
    assert own_task(data)[0].main_metric == "span_f1"


def test_given_labels_are_of_the_users_scheme():
    data = tagged_data(SCHEMES["BILOU"])
    task, _ = own_task(data, labels=("O", *SCHEMES["BILOU"][:3], "U-LOC"))
    assert task.labels == ("O", "B-PER", "I-PER", "E-PER", "S-LOC")
    assert task.read(data, "train")


@pytest.mark.parametrize(
    ("tags", "named"),
    [
        (("PER", "PER", "PER", "O", "LOC"), "'LOC', 'PER'"),
        (("B-X", "I-X", "Q-X", "O", "O"), "'Q-X'"),
    ],
)
def test_tags_of_no_scheme_are_named(tags, named):
    task, sentence = own_task(tagged_data(tags))
    assert task.main_metric == "token_accuracy"
    assert f"tags such as {named} mark no spans" in sentence and "accuracy" in sentence


@pytest.mark.parametrize("tags", [{"NN", "VBZ", "IN"}, {"O", "NN"}, {"S-x", "U-y", "W-z"}])
def test_other_tags_are_no_spans(tags):
    assert form_of_tags(tags) is None


def test_parts_of_speech_are_not_remarked_on():
    _, sentence = own_task(tagged_data(("NN", "NN", "NN", "VBD", "NN")))
    assert "spans" not in sentence


# Questions

CONTEXT = "Amelia was born in Kansas in 1897, and flew from Kansas."
ENTRY = {"id": "q", "question": "Where?"}
ANSWER_FORMS = {
    "list": {"answers": [{"text": "Kansas", "answer_start": 49}]},
    "float": {"answers": [{"text": "Kansas", "answer_start": 49.0}]},
    "string": {"answers": [{"text": "Kansas", "answer_start": "49"}]},
    "float in a string": {"answers": [{"text": "Kansas", "answer_start": "49.0"}]},
    "dict of lists": {"answers": {"text": ["Kansas"], "answer_start": [49]}},
    "dict": {"answers": {"text": "Kansas", "answer_start": 49}},
    "answer": {"answer": "Kansas", "answer_start": 49},
    "possible in text": {
        "answers": [{"text": "Kansas", "answer_start": 49}],
        "is_impossible": "False",
    },
    "haystack": {
        "answers": [{"answer_id": 1, "text": "Kansas", "answer_start": 49, "answer_end": 55}],
        "is_impossible": False,
    },
}
NESTED = {
    "squad.json": lambda paragraphs: {"data": [{"title": "t", "paragraphs": paragraphs}]},
    "articles.json": lambda paragraphs: [{"title": "t", "paragraphs": paragraphs}],
    "paragraphs.json": lambda paragraphs: paragraphs,
    "data.json": lambda paragraphs: {"data": paragraphs},
    "one.json": lambda paragraphs: {"paragraphs": paragraphs},
}


def questions_of(path):
    return own_examples(path, "question_answering")


@pytest.mark.parametrize("form", ANSWER_FORMS)
def test_answers_of_any_form_are_the_same(tmp_path, form):
    content = NESTED["squad.json"]([{"context": CONTEXT, "qas": [{**ENTRY, **ANSWER_FORMS[form]}]}])
    (found,) = questions_of(stored(tmp_path, "a.json", json.dumps(content)))
    assert [(one.text, one.start) for one in found.answers] == [("Kansas", 49)]
    assert not found.is_impossible


@pytest.mark.parametrize("name", NESTED)
def test_contexts_with_questions_lie_where_they_may(tmp_path, name):
    paragraph = {"context": CONTEXT, "qas": [{**ENTRY, **ANSWER_FORMS["list"]}]}
    data = json.dumps(NESTED[name]([paragraph] * 20))
    task, _ = own_task(stored(tmp_path, name, data))
    assert task.kind == "question_answering"
    found = questions_of(tmp_path / name)
    assert [one.id for one in found[:3]] == ["q", "q#2", "q#3"]


def test_flat_rows_of_questions_in_data(tmp_path):
    row = {"id": "q", "context": CONTEXT, "question": "Where?", **ANSWER_FORMS["dict of lists"]}
    path = stored(tmp_path, "a.json", json.dumps({"data": [row] * 20}))
    task, _ = own_task(path)
    assert task.kind == "question_answering"
    assert questions_of(path)[0].answers[0].start == 49


@pytest.mark.parametrize("value", ["True", "true", "1", 1, True])
def test_what_is_impossible_may_be_text(tmp_path, value):
    entry = {"question": "Why?", "answers": [], "is_impossible": value}
    content = [{"context": CONTEXT, "qas": [entry, {**entry, "is_impossible": "maybe"}]}]
    problems = Problems()
    path = stored(tmp_path, "a.json", json.dumps(content))
    (found,) = own_examples(path, "question_answering", problems=problems)
    assert found.is_impossible and found.id == "0"
    assert "'is_impossible', received 'maybe'" in problems.shown["not a question"][0]


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"answers": [{"text": "Kansas", "answer_start": "late"}]}, "'answer_start'"),
        ({"answers": [7]}, "'answers'"),
        ({"question": None, "answers": []}, "'question'"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, entry, named):
    content = [{"context": CONTEXT, "qas": [{**ENTRY, **entry}]}]
    path = stored(tmp_path, "a.json", json.dumps(content))
    with pytest.raises(InputError, match=f"1 row could not be used.*{named}"):
        own_examples(path, "question_answering")


def test_a_table_of_questions_is_none_of_labels(tmp_path):
    rows = [{"context": CONTEXT, "question": f"Who ({row})?"} for row in range(30)]
    odd = [{**row, "answers": f"{{'text': object({number})}}"} for number, row in enumerate(rows)]
    with pytest.raises(InputError, match="answers_column: expected a text, or a list or dict"):
        own_task(odd)
    elsewhere = [{**row, "answers": f"Ohio {number}"} for number, row in enumerate(rows)]
    with pytest.raises(
        InputError, match="answers_column: expected answers that stand in 'context'"
    ):
        own_task(elsewhere)
    with pytest.raises(InputError, match="received column 'qas'"):
        own_task([{"context": CONTEXT, "qas": [ENTRY]}] * 20)


@pytest.mark.parametrize("numbers", [[0, 1, 5], [0.0, 1.0, 5.0], ["0", "rough", "5"]])
def test_class_numbers_without_a_name_are_left_out(dataset, tmp_path, numbers):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    dataset.to_parquet(tmp_path / "train.parquet")
    table = parquet.read_table(tmp_path / "train.parquet")
    column = pa.array([numbers[row % 2] for row in range(39)] + [numbers[2]])
    metadata = table.schema.metadata
    table = table.set_column(1, "label", column).replace_schema_metadata(metadata)
    parquet.write_table(table, tmp_path / "train.parquet")
    task, _ = own_task(tmp_path / "train.parquet")
    problems = Problems()
    found = task.read(tmp_path / "train.parquet", "train", problems)
    assert {one.label for one in found} == set(LABELS)
    assert "row 40: expected one label in column 'label', received the class number 5" in str(
        problems.shown
    )


@pytest.mark.parametrize("orient", ["columns", "index", "split"])
@pytest.mark.parametrize("indent", [None, 2])
def test_tables_in_one_object_are_refused(tmp_path, orient, indent):
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame(ROWS).to_json(tmp_path / "a.json", orient=orient, indent=indent)
    with pytest.raises(InputError, match=r"a\.json: expected a list .*to_json\(orient='records'\)"):
        own_task(tmp_path / "a.json")


WORDS = [["Rain", "over", "Bonn", "."], ["Ann", "is", "here", "."]]
TAGS = [["O", "O", "B-LOC", "O"], ["B-PER", "O", "O", "O"]]


def columns_of(line):
    pairs = [
        zip(words, tags, strict=True) for words, tags in 8 * list(zip(WORDS, TAGS, strict=True))
    ]
    return "\n".join("".join(line(*pair) + "\n" for pair in some) for some in pairs)


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (columns_of(lambda word, tag: f"bc/cctv\t0\t{word}\t{tag}"), "'bc/cctv' in every line"),
        (columns_of(lambda word, tag: f"{tag}\t{word}"), "tags such as 'B-"),
        (
            "Word\tTag\n" + columns_of(lambda word, tag: f"{word}\t{tag}"),
            "the names 'Word' and 'Tag'",
        ),
    ],
)
def test_what_stands_in_place_of_words_is_named(tmp_path, content, received):
    path = stored(tmp_path, "train.conll", content)
    with pytest.raises(InputError, match=rf"train\.conll: expected words.*, received {received}"):
        own_task(path)


def test_rows_of_words_out_of_order_are_refused():
    rows = [
        {"sentence_id": number, "word": word, "tag": tag}
        for position in range(4)
        for number in range(12)
        for word, tag in [(WORDS[number % 2][position], TAGS[number % 2][position])]
    ]
    rows.insert(1, rows[0])
    with pytest.raises(
        InputError, match="received one word in every row of 'word'; name the column"
    ):
        own_task(rows)


def test_empty_tags_are_missing():
    rows = [{"tokens": WORDS[row % 2], "tags": TAGS[row % 2]} for row in range(20)]
    rows[3] = {"tokens": ["Rain", "here"], "tags": ["", "O"]}
    problems = Problems()
    task, _ = own_task(rows)
    task.read(rows, "train", problems)
    assert problems.counts == {"missing tag": 1}


def test_tags_outside_of_spans_alone_are_named():
    rows = [{"tokens": WORDS[row % 2], "tags": [0, 0, 0, 0]} for row in range(20)]
    assert "tags such as '0' mark no spans" in own_task(rows)[1]


@pytest.mark.parametrize("indent", [None, 1])
def test_a_table_in_columns(tmp_path, indent):
    columns = {"text": TEXTS, "label": [row["label"] for row in ROWS]}
    path = stored(tmp_path, "a.json", json.dumps(columns, indent=indent))
    assert read_all(path) == EXPECTED


def test_a_hash_may_name_a_column(tmp_path):
    path = stored(
        tmp_path, "a.csv", "#,text,label\n1,good,pos\n2,bad,neg\n3,fine,pos\n4,poor,neg\n"
    )
    assert [one.text for one in read_all(path)] == ["good", "bad", "fine", "poor"]


def test_an_only_column_may_have_no_name(tmp_path):
    path = stored(tmp_path, "a.csv", "A lovely film.\nI left early\nThe dog sat there\n")
    assert len(own_examples(path, "classification")) == 3
    path = stored(tmp_path, "b.csv", "review text\nA lovely film.\nI left early\n")
    assert len(own_examples(path, "classification")) == 2


TAGGED = [("EU rejects it", ["B-ORG", "O", "O"]), ("Ann sat", ["B-PER", "O"]), ("Hi", ["O"])] * 4


def test_tags_beside_a_text_are_of_its_words(tmp_path):
    """Taken as labels of the whole text, they would train a model of nothing."""
    rows = [json.dumps({"text": text, "tags": tags}) for text, tags in TAGGED]
    task, sentence = own_task(stored(tmp_path, "a.jsonl", "\n".join(rows)))
    assert task.kind == "tagging"
    assert "words column 'text'" in sentence
    # One row with another number of them, and they are labels.
    rows[0] = json.dumps({"text": "EU rejects it", "tags": ["O", "B-ORG"]})
    assert own_task(stored(tmp_path, "b.jsonl", "\n".join(rows)))[0].kind == "multi_label"
