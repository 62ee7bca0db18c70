"""The known tasks read their published files: small invented ones in the same layouts."""

import gzip
import json
import subprocess
import sys

import pytest

import keras_electra
from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import InputError, MissingSplitError
from keras_electra.tasks import (
    KNOWN_TASKS,
    Answer,
    Problems,
    QuestionExample,
    TaggingExample,
    TextExample,
    known_task,
)
from keras_electra.tasks.answers import answers_in, located
from keras_electra.tasks.columns import column_sentences, conllu_sentences, tagging_task
from keras_electra.tasks.kinds import kind_of


def write(path, *lines):
    """Write lines, each a text or a sequence of fields."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [line if isinstance(line, str) else "\t".join(line) for line in lines]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")
    return path


def read(task, data, split="train"):
    """(examples, problems as a dict)."""
    problems = Problems()
    return known_task(task).read(data, split, problems), problems.to_dict()


def text(id, text, second=None, label=None):
    return TextExample(id=str(id), text=text, second_text=second, label=label)


# Known tasks


def test_all_are_there():
    names = (
        "cola sst2 mrpc stsb qqp mnli qnli rte wnli squad1 squad naturalqs newsqa triviaqa searchqa "
        "chunk ner pos"
    )
    assert " ".join(KNOWN_TASKS) == names


@pytest.mark.parametrize("name", KNOWN_TASKS)
def test_figures_and_recipes_exist(name):
    task = KNOWN_TASKS[name]
    assert task.name == name
    assert set(task.metrics) <= set(kind_of(task.kind).metrics)
    assert FinetuneConfig.for_task(task.recipe, "small").has_swapped_pairs is False


def test_recipes_of_the_paper():
    epochs = {name: task.recipe.get("epochs", 3.0) for name, task in KNOWN_TASKS.items()}
    assert {name for name, number in epochs.items() if number == 10} == {"rte", "stsb"}
    assert {name for name, number in epochs.items() if number == 2} == {
        "squad1", "squad", "naturalqs", "newsqa", "triviaqa", "searchqa"
    }  # fmt: skip
    assert known_task("chunk").recipe["sequence_length"] == 256
    assert known_task("squad").recipe["sequence_length"] == 512
    assert {task.name for task in KNOWN_TASKS.values() if task.has_answerability} == {"squad"}


@pytest.mark.parametrize(
    ("name", "other"),
    [("sst", "sst2"), ("STS-B", "stsb"), ("squadv1", "squad1"), ("squad2", "squad")],
)
def test_other_names(name, other):
    assert known_task(name) is KNOWN_TASKS[other]


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(InputError, match="received 'cloa'; did you mean 'cola'"):
        known_task("cloa")


def test_they_are_there_at_once():
    program = (
        "import sys, keras_electra.tasks\n"
        "print({'keras', 'pandas', 'pyarrow', 'datasets'} & set(sys.modules))"
    )
    package = str(keras_electra.__path__[0]).rsplit("/", 1)[0]
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": package}, capture_output=True
    )
    assert done.stdout.decode().strip() == "set()", done.stderr


# GLUE: each task's columns, from the headers of the download

LAYOUTS = {
    "cola": ("CoLA/train.tsv", [("gj04", "1", "", "The boat sank.")], ("The boat sank.", None, "1")),
    "sst2": (
        "SST-2/train.tsv",
        [("sentence", "label"), ("a fine , quiet film ", "1")],
        ("a fine , quiet film ", None, "1"),
    ),
    "mrpc": (
        "MRPC/train.tsv",
        [
            ("\ufeffQuality", "#1 ID", "#2 ID", "#1 String", "#2 String"),
            ("0", "702", "703", 'He said "no".', "She did not."),
        ],
        ('He said "no".', "She did not.", "0"),
    ),
    "stsb": (
        "STS-B/train.tsv",
        [
            ("index", "genre", "filename", "year", "old_index", "source1", "source2",
             "sentence1", "sentence2", "score"),
            ("0", "news", "f", "2012", "1", "none", "none", "A dog runs.", "A dog ran.", "4.2"),
        ],
        ("A dog runs.", "A dog ran.", 4.2),
    ),
    "qqp": (
        "QQP/train.tsv",
        [
            ("id", "qid1", "qid2", "question1", "question2", "is_duplicate"),
            ("133", "213", "214", "How far is it?", "What is the way?", "0"),
        ],
        ("How far is it?", "What is the way?", "0"),
    ),
    "mnli": (
        "MNLI/train.tsv",
        [
            ("index", "promptID", "pairID", "genre", "sentence1_binary_parse",
             "sentence2_binary_parse", "sentence1_parse", "sentence2_parse", "sentence1",
             "sentence2", "label1", "gold_label"),
            ("0", "31", "31n", "fiction", "( a )", "( b )", "(R a)", "(R b)", "It rains.",
             "It is wet.", "neutral", "entailment"),
        ],
        ("It rains.", "It is wet.", "entailment"),
    ),
    "qnli": (
        "QNLI/train.tsv",
        [
            ("index", "question", "sentence", "label"),
            ("0", "Who came?", "Anna came.", "entailment"),
        ],
        ("Who came?", "Anna came.", "entailment"),
    ),
    "rte": (
        "RTE/train.tsv",
        [
            ("index", "sentence1", "sentence2", "label"),
            ("0", "Anna came.", "Nobody came.", "not_entailment"),
        ],
        ("Anna came.", "Nobody came.", "not_entailment"),
    ),
    "wnli": (
        "WNLI/train.tsv",
        [("index", "sentence1", "sentence2", "label"), ("0", "It broke.", "It is old.", "0")],
        ("It broke.", "It is old.", "0"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_train(name, tmp_path):
    file, lines, (first, second, label) = LAYOUTS[name]
    path = write(tmp_path / file, *lines)
    for data in (tmp_path, path.parent):
        found, problems = read(name, data)
        assert found == [text(0, first, second, label)]
        assert not problems


TESTS = {
    "cola": [("index", "sentence"), ("0", "The boat sank.")],
    "sst2": [("index", "sentence"), ("0", "fine")],
    "mrpc": [("index", "#1 ID", "#2 ID", "#1 String", "#2 String"), ("0", "1", "2", "a", "b")],
    "stsb": [
        ("index", "genre", "filename", "year", "old_index", "source1", "source2", "sentence1",
         "sentence2"),
        ("0", "g", "f", "y", "o", "s", "s", "a", "b"),
    ],
    "qqp": [("id", "question1", "question2"), ("0", "a", "")],
    "qnli": [("index", "question", "sentence"), ("0", "a", "b")],
    "rte": [("index", "sentence1", "sentence2"), ("0", "a", "b")],
    "wnli": [("index", "sentence1", "sentence2"), ("0", "a", "b")],
}  # fmt: skip


@pytest.mark.parametrize("name", TESTS)
def test_test_files_have_no_labels(name, tmp_path):
    write(tmp_path / name / "test.tsv", *TESTS[name])
    found, problems = read(name, tmp_path / name, "test")
    texts = dict(zip(*TESTS[name], strict=True))
    (example,) = found
    assert example.label is None and example.id == "0" and not problems
    assert example.text in texts.values()
    assert (example.second_text is None) == (name in ("cola", "sst2"))


def test_labels_of_a_test_file_are_kept_where_there_are_any(tmp_path):
    header = ("index", "sentence1", "sentence2", "score")
    write(tmp_path / "sts" / "test.tsv", header, ("0", "a", "b", "3.5"), ("1", "c", "d", ""))
    found, problems = read("stsb", tmp_path, "test")
    assert [example.label for example in found] == [3.5, None] and not problems


def test_all_splits_of_mnli(tmp_path):
    header = ("index", "sentence1", "sentence2", "gold_label")
    open_header, folder = header[:3], tmp_path / "MNLI"
    for name in ("train", "dev_matched", "dev_mismatched"):
        write(folder / f"{name}.tsv", header, ("0", name, "b", "neutral"))
    for name in ("test_matched", "test_mismatched"):
        write(folder / f"{name}.tsv", open_header, ("0", name, "b"))
    write(tmp_path / "diagnostic" / "diagnostic.tsv", open_header, ("0", "diagnostic", "b"))
    task = known_task("mnli")
    texts = {split: task.read(tmp_path, split)[0].text for split in task.splits}
    assert texts == {
        "train": "train",
        "validation": "dev_matched",
        "validation_mismatched": "dev_mismatched",
        "test": "test_matched",
        "test_mismatched": "test_mismatched",
        "diagnostic": "diagnostic",
    }
    full = ("Lexical Semantics", "Premise", "Hypothesis", "Label")
    write(folder / "diagnostic-full.tsv", full, ("", "The cat sat.", "A cat.", "entailment"))
    assert task.read(tmp_path, "diagnostic") == [text(0, "The cat sat.", "A cat.", "entailment")]


MRPC = (
    ("\ufeffQuality", "#1 ID", "#2 ID", "#1 String", "#2 String"),
    *(("1", f"{row}", f"{row + 100}", f"text {row}", f"other {row}") for row in range(30)),
)


def test_the_own_files_of_mrpc(tmp_path):
    write(tmp_path / "MRPC" / "msr_paraphrase_train.txt", *MRPC)
    write(tmp_path / "MRPC" / "msr_paraphrase_test.txt", *MRPC[:3])
    drawn = [read("mrpc", tmp_path, split)[0] for split in ("train", "validation", "test")]
    assert [len(part) for part in drawn] == [27, 3, 2]
    assert not set(drawn[0]) & set(drawn[1])
    write(tmp_path / "MRPC" / "dev_ids.tsv", ("3", "103"), ("5", "105"))
    assert len(read("mrpc", tmp_path)[0]) == 28
    assert [one.text for one in read("mrpc", tmp_path, "validation")[0]] == ["text 3", "text 5"]
    write(tmp_path / "MRPC" / "dev.tsv", *MRPC[:2])
    assert len(read("mrpc", tmp_path, "validation")[0]) == 1


def test_bad_lines_are_told_with_file_and_line(tmp_path):
    path = write(
        tmp_path / "qqp" / "dev.tsv",
        ("id", "qid1", "qid2", "question1", "question2", "is_duplicate"),
        ("0", "1", "2", "a", "b", "1"),
        ("1", "1", "2", "a", "b"),
        ("2", "1", "2", "a", "b", "maybe"),
        ("3", "1", "2", "a", "", "0"),
    )
    found, problems = read("qqp", tmp_path, "validation")
    assert found == [text(0, "a", "b", "1"), text(3, "a", "", "0")]
    assert problems == {
        "wrong number of columns": {
            "count": 1,
            "first": [f"{path}:3: expected 6 columns, received 5"],
        },
        "unknown label": {
            "count": 1,
            "first": [f"{path}:4: expected one of '0', '1', received 'maybe'"],
        },
    }
    with pytest.raises(InputError, match=r"dev\.tsv:3: expected 6 columns"):
        known_task("qqp").read(tmp_path, "validation", Problems(is_strict=True))


def test_numbers_out_of_range_are_told(tmp_path):
    header = ("index", "sentence1", "sentence2", "score")
    rows = [("0", "a", "b", value) for value in ("0.0", "5", "5.1", "nan", "x")]
    write(tmp_path / "STS-B" / "train.tsv", header, *rows)
    found, problems = read("stsb", tmp_path)
    assert [example.label for example in found] == [0.0, 5.0]
    assert problems["unknown label"]["count"] == 3
    assert "expected a number from 0 to 5, received '5.1'" in problems["unknown label"]["first"][0]


def test_what_is_missing_is_named(tmp_path):
    write(tmp_path / "RTE" / "train.tsv", ("a", "b"), ("1", "2"))
    with pytest.raises(InputError, match="expected a header with 'sentence1', 'sentence2'"):
        read("rte", tmp_path)
    with pytest.raises(MissingSplitError, match="expected 'dev.tsv'.*received 'train.tsv'"):
        read("rte", tmp_path, "validation")
    assert not known_task("rte").has_split(tmp_path, "test")
    with pytest.raises(InputError, match="expected a folder"):
        read("rte", tmp_path / "nowhere")
    with pytest.raises(InputError, match="own_task"):
        read("rte", [{"sentence1": "a"}])
    write(tmp_path / "WNLI" / "train.tsv", ("index", "sentence1", "sentence2"), ("0", "a", "b"))
    with pytest.raises(InputError, match="expected a column 'label'"):
        read("wnli", tmp_path)


# Answers in their context


def test_an_answer_is_looked_for_where_it_is_not():
    context = "The mill, the old mill and the windmill in New\n York."
    assert located(context, "mill", 18) == Answer("mill", 18)
    assert located(context, "mill", 16) == Answer("mill", 18)
    assert located(context, "mill") == Answer("mill", 4)
    assert located(context, "new york", 3) == Answer("New\n York", 43)
    assert located(context, "wind", 0) == Answer("wind", 31)
    assert located(context, "mills", 4) is None
    assert located(context, " ", 0) is None


def test_answers_that_are_not_there_come_last():
    found, missing = answers_in("Anna rows.", [("Berta", 0), ("Anna", 0), ("Anna", None)])
    assert found == (Answer("Anna", 0), Answer("Berta", -1))
    assert missing == "Berta"
    assert answers_in("Anna rows.", [("Berta", 0)]) == ((), "Berta")


# SQuAD


CONTEXT = "Anna rows over the Elbe, and Berta waits."


def squad(*entries, context=CONTEXT):
    return {
        "version": "x",
        "data": [{"title": "t", "paragraphs": [{"context": context, "qas": entries}]}],
    }


def question(id, *answers, **others):
    said = [{"text": one, "answer_start": start} for one, start in answers]
    return {"id": id, "question": f"Who is {id}?", "answers": said, **others}


def dump(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_answers_and_files(tmp_path):
    content = squad(question("a", ("Anna", 0), ("the Elbe", 15)))
    dump(tmp_path / "train-v1.1.json", content)
    dump(tmp_path / "sub" / "squadv1" / "train.json", content)
    expected = QuestionExample(
        id="a",
        question="Who is a?",
        context=CONTEXT,
        answers=(Answer("Anna", 0), Answer("the Elbe", 15)),
    )
    assert read("squad1", {"train": tmp_path / "train-v1.1.json", "dev": "x"})[0] == [expected]
    dump(tmp_path / "dev-v1.1.json", content)
    assert read("squad1", tmp_path)[0] == [expected]
    assert read("squad1", tmp_path, "validation")[0] == [expected]
    dump(tmp_path / "sub" / "squadv1" / "dev.json", content)
    assert read("squad1", tmp_path / "sub")[0] == [expected]
    assert not known_task("squad1").has_split(tmp_path, "test")


def test_questions_without_an_answer(tmp_path):
    content = squad(
        question("a", ("Anna", 0), is_impossible=False),
        question("b", is_impossible=True, plausible_answers=[{"text": "Anna", "answer_start": 0}]),
    )
    for version in ("1.1", "2.0"):
        for split in ("train", "dev"):
            dump(tmp_path / f"{split}-v{version}.json", content)
    found, problems = read("squad", tmp_path)
    assert [(one.is_impossible, len(one.answers)) for one in found] == [(False, 1), (True, 0)]
    assert not problems
    found, problems = read("squad1", tmp_path)
    assert [one.id for one in found] == ["a"]
    assert problems["question without an answer"]["count"] == 1


def test_answers_that_are_not_in_their_context_are_told(tmp_path):
    content = squad(
        question("moved", ("Berta", 0)),
        question("lost", ("Clara", 0)),
        question("half", ("Clara", 0), ("Anna", 0)),
        question("none"),
        {"id": "broken", "answers": []},
    )
    found, problems = read("squad1", {"train": dump(tmp_path / "q.json", content), "dev": "x"})
    assert [(one.id, one.answers) for one in found] == [
        ("moved", (Answer("Berta", 29),)),
        ("half", (Answer("Anna", 0), Answer("Clara", -1))),
    ]
    assert problems["answer not in its context"]["first"] == [
        f"{tmp_path / 'q.json'}: item 1, question lost: expected an answer that stands in its context, "
        "received 'Clara'"
    ]
    assert {sort: one["count"] for sort, one in problems.items()} == {
        "answer not in its context": 1,
        "question without an answer": 1,
        "not a question": 1,
    }


def test_test_data_may_come_without_answers(tmp_path):
    content = squad({"id": "a", "question": "Who?"})
    (example,), _ = read("squad", {"test": dump(tmp_path / "q.json", content)}, "test")
    assert example.answers == () and not example.is_impossible


def test_a_file_is_the_split_it_is_named_after_or_is_divided(tmp_path):
    paragraphs = [
        {
            "context": f"Anna {row} rows.",
            "qas": [question(f"{row} {n}", ("Anna", 0)) for n in "ab"],
        }
        for row in range(20)
    ]
    content = {"data": [{"paragraphs": paragraphs}]}
    dev = dump(tmp_path / "dev-v1.1.json", content)
    assert len(read("squad1", dev, "validation")[0]) == 40
    with pytest.raises(MissingSplitError, match="expected the split 'train'"):
        read("squad1", dev)
    every = dump(tmp_path / "qamr.dev.json", content)
    train, validation = (read("squad1", every, s)[0] for s in ("train", "validation"))
    assert (len(train), len(validation)) == (36, 4)
    assert not {one.context for one in train} & {one.context for one in validation}


@pytest.mark.parametrize("content", [[], {"data": [{"title": "t"}]}, {"data": {}}])
def test_another_form_is_refused(tmp_path, content):
    with pytest.raises(InputError, match=r"q\.json: (item 1: )?expected"):
        read("squad1", dump(tmp_path / "q.json", content))


# MRQA


LINES = (
    {"header": {"dataset": "NewsQA", "split": "train"}},
    {
        "id": "c",
        "context": CONTEXT,
        "qas": [
            {
                "qid": "q1",
                "question": "Which river?",
                "detected_answers": [
                    {"text": "the Elbe", "char_spans": [[15, 22]], "token_spans": [[3, 4]]},
                    {"text": "Elbe", "char_spans": [[19, 22]], "token_spans": [[4, 4]]},
                ],
                "answers": ["Elbe", "the Elbe", "Labe"],
            },
            {"qid": "q2", "question": "Who?", "detected_answers": [], "answers": ["Clara"]},
        ],
    },
)


@pytest.mark.parametrize(
    "name", ["train.jsonl", "train.jsonl.gz", "newsqa/train.jsonl", "train/NewsQA.jsonl.gz"]
)
def test_detected_answers_come_first_and_other_spellings_last(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    content = "".join(json.dumps(line) + "\n" for line in LINES).encode()
    path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    problems = Problems()
    whole = {"train": path, "dev": path}
    found = known_task("newsqa").read(whole, "train", problems)
    assert found[0].id == "q1"
    assert found[0].answers == (Answer("the Elbe", 15), Answer("Elbe", 19), Answer("Labe", -1))
    assert problems.counts == {"answer not in its context": 1}
    assert known_task("newsqa").has_split(tmp_path, "test") is False
    with pytest.raises(InputError, match="at least two examples"):
        known_task("newsqa").read(tmp_path, "train")


def test_a_broken_line_is_told_and_the_rest_read(tmp_path):
    path = tmp_path / "train.jsonl"
    lines = [*LINES, {"context": "no questions"}, LINES[1]]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found, problems = read("newsqa", {"train": path, "dev": path})
    assert [one.id for one in found] == ["q1", "q1#2"]
    assert problems["not a question"]["first"] == [
        f"{path}:3: expected 'context' and 'qas', or 'paragraphs' with these, as in SQuAD and MRQA, "
        "received 'context'"
    ]


def test_half_of_a_character_is_no_question(tmp_path):
    path = tmp_path / "train.jsonl"
    cut = {**LINES[1], "context": LINES[1]["context"] + " \ud83d"}
    path.write_text("".join(json.dumps(line) + "\n" for line in [*LINES, cut]), encoding="utf-8")
    found, problems = read("newsqa", {"train": path, "dev": path})
    assert len(found) == len(LINES) - 1
    assert problems["half of a character"]["first"] == [
        f"{path}:3, question q1: expected characters, received half of a surrogate pair (U+D83D)"
    ]


def test_another_form_of_lines_is_refused(tmp_path):
    path = tmp_path / "dev.jsonl"
    path.write_text('{"text": "a"}\n')
    with pytest.raises(InputError, match=r"dev\.jsonl:1: expected 'context' and 'qas'"):
        read("searchqa", path, "validation")


# Columns of tagged words


def sentence(id, words, tags):
    return TaggingExample(id=str(id), words=tuple(words.split()), tags=tags and tuple(tags.split()))


CHUNKS = (
    "-DOCSTART- -X- O",
    "",
    "Rain NN B-NP",
    "falls VBZ B-VP",
    "",
    "",
    "Wind NN B-NP",
)


def test_sentences_and_the_last_one(tmp_path):
    path = write(tmp_path / "test.txt", *CHUNKS)
    expected = [sentence(0, "Rain falls", "B-NP B-VP"), sentence(1, "Wind", "B-NP")]
    assert read("chunk", tmp_path, "test")[0] == expected
    path.write_text(path.read_text().rstrip("\n").replace(" ", "\t").replace("\n", "\r\n"))
    assert read("chunk", tmp_path, "test")[0] == expected
    (tmp_path / "chunk").mkdir()
    path.rename(tmp_path / "chunk" / "test.txt")
    assert read("chunk", tmp_path, "test")[0] == expected


def test_a_column_can_be_chosen(tmp_path):
    path = write(tmp_path / "a.txt", *CHUNKS)
    (first, _) = column_sentences(path, Problems(), tag_column=2)
    assert first.tags == ("NN", "VBZ")
    task = tagging_task("nouns", tag_column=2, has_spans=False)
    assert task.read({"test": path}, "test")[0].tags == ("NN", "VBZ")
    with pytest.raises(InputError, match="a tag in column 4 on each line, received 3 columns"):
        list(column_sentences(path, Problems(), tag_column=4))


def test_validation_is_drawn_where_there_is_none(tmp_path):
    lines = [line for row in range(50) for line in (f"word{row} O", "")]
    write(tmp_path / "train.txt", *lines)
    train, validation = (read("ner", tmp_path, s)[0] for s in ("train", "validation"))
    assert (len(train), len(validation)) == (45, 5)
    assert not set(train) & set(validation)
    assert validation == read("ner", tmp_path, "validation")[0]
    write(tmp_path / "valid.txt", "word O")
    assert len(read("ner", tmp_path)[0]) == 50
    assert len(read("ner", tmp_path, "validation")[0]) == 1


def test_files_of_conll_2003(tmp_path):
    for name, word in (("eng.train", "a"), ("eng.testa", "b"), ("eng.testb", "c")):
        write(tmp_path / name, f"{word} NN B-NP B-PER")
    splits = ("train", "validation", "test")
    assert [read("ner", tmp_path, s)[0][0].words for s in splits] == [("a",), ("b",), ("c",)]


def test_bad_sentences_are_told_with_file_and_line(tmp_path):
    path = write(
        tmp_path / "test.txt",
        "Rain NN O",
        "falls O",
        "hard RB O",
        "",
        "Wind NN PERSON",
        "",
        "Sun NN I-NP",
        "",
        "Ice\tNN\t",
    )
    found, problems = read("ner", tmp_path, "test")
    assert found == [sentence(2, "Sun", "I-NP")]
    assert {sort: one["first"] for sort, one in problems.items()} == {
        "wrong number of columns": [f"{path}:2: expected 3 columns, received 2"],
        "tag that marks no span": [
            f"{path}:5: expected a tag O, B-..., I-..., E-... or S-..., received 'PERSON'"
        ],
        "missing tag": [f"{path}:9: expected a word and its tag, received ['Ice', 'NN', '']"],
    }


def test_a_file_without_spans_is_refused_naming_the_tag(tmp_path):
    write(tmp_path / "train.txt", "Rain NOUN", "", "falls VERB")
    with pytest.raises(InputError, match=r"train\.txt:3: expected a tag O.*received 'VERB'"):
        read("ner", {"train": tmp_path / "train.txt", "dev": "x"})
    write(tmp_path / "train.txt", "Rain", "falls")
    with pytest.raises(InputError, match="expected a word and a tag on each line"):
        read("ner", {"train": tmp_path / "train.txt", "dev": "x"})
    write(tmp_path / "train.txt", "", "")
    with pytest.raises(InputError, match="received an empty file"):
        read("ner", {"train": tmp_path / "train.txt", "dev": "x"})


def test_test_data_may_be_words_alone(tmp_path):
    write(tmp_path / "test.txt", "Rain", "falls")
    assert read("chunk", tmp_path, "test")[0] == [sentence(0, "Rain falls", None)]


# CoNLL-U


WORDS = (
    "# sent_id = s-1",
    "# text = I don't.",
    ("1", "I", "i", "PRON", "PRP", *"_____"),
    ("2-3", "don't", *"________"),
    ("2", "do", "do", "AUX", "VBP", *"_____"),
    ("3", "n't", "not", "PART", "RB", *"_____"),
    ("3.1", "go", "go", "VERB", "VB", *"_____"),
    "",
    ("1", "Rain", "rain", "NOUN", "_", *"_____"),
)


def test_ranges_and_empty_nodes_are_passed_over(tmp_path):
    path = write(tmp_path / "en_test-ud-dev.conllu", *WORDS)
    found, problems = read("pos", tmp_path, "validation")
    assert found == [
        sentence("s-1", "I do n't", "PRON AUX PART"),
        sentence(1, "Rain", "NOUN"),
    ]
    assert not problems
    problems = Problems()
    (only,) = conllu_sentences(path, problems, column="xpos")
    assert only.tags == ("PRP", "VBP", "RB")
    assert problems.shown["missing tag"] == [f"{path}:9: expected xpos of 'Rain', received '_'"]
    with pytest.raises(InputError, match="expected one of lemma, upos, xpos"):
        list(conllu_sentences(path, Problems(), column="form"))


def test_bad_lines_are_told(tmp_path):
    path = write(tmp_path / "train.conllu", *WORDS, "2 falls", "", *WORDS)
    found, problems = read("pos", {"train": path, "dev": "x"})
    assert [len(one.words) for one in found] == [3, 3, 1]
    assert problems["wrong number of columns"]["first"] == [
        f"{path}:10: expected 10 columns, received 1"
    ]
    with pytest.raises(InputError, match="expected sentences in CoNLL-U"):
        read("pos", {"test": write(tmp_path / "e.conllu", "# nothing")}, "test")
