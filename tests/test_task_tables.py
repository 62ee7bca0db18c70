"""The user's own data: tables of every form come out whole, and their columns are understood."""

import gzip
import io
import json

import pytest

from keras_electra.errors import InputError, MissingSplitError
from keras_electra.tasks import (
    Answer,
    ChoiceExample,
    Problems,
    QuestionExample,
    TaggingExample,
    TextExample,
    own_examples,
    own_task,
)
from keras_electra.tasks.guessing import guess
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.tables import rows

REVIEWS = [
    {"review": "A slow, grey film about nothing.", "stars": 1},
    {"review": 'She said "wonderful"\nand left.', "stars": 5},
    {"review": "The music is good; the rest is not.", "stars": 3},
]


def table(columns, num_rows=40):
    """Rows made by functions of the row's number."""
    return [{name: make(row) for name, make in columns.items()} for row in range(num_rows)]


def sentence(row):
    return f"The river number {row} ran past the old mill ."


def write(path, content, encoding="utf-8"):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode(encoding))
    return path


def write_csv(path, records, **options):
    import csv

    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), **options)
    writer.writeheader()
    writer.writerows(records)
    return write(path, text.getvalue())


def values_of(data, **options):
    problems = Problems()
    found = [row.values for row in rows(data, problems, **options)]
    assert not problems.counts
    return found


def problems_of(data, **options):
    """(values of good rows, problems as a dict)."""
    problems = Problems()
    found = [row.values for row in rows(data, problems, **options)]
    return found, problems.to_dict()


# Tables


def forms(tmp_path):
    pandas = pytest.importorskip("pandas")
    datasets = pytest.importorskip("datasets")

    lines = "".join(json.dumps(row) + "\n" for row in REVIEWS)
    frame = pandas.DataFrame(REVIEWS)
    frame.to_parquet(tmp_path / "r.parquet")
    with gzip.open(tmp_path / "r.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(lines)
    return {
        "jsonl": write(tmp_path / "r.jsonl", lines),
        "gzip": tmp_path / "r.jsonl.gz",
        "json": write(tmp_path / "r.json", json.dumps(REVIEWS, indent=1)),
        "lines in json": write(tmp_path / "s.json", lines),
        "parquet": tmp_path / "r.parquet",
        "pandas": frame,
        "dicts": REVIEWS,
        "datasets": datasets.Dataset.from_list(REVIEWS),
    }


def test_every_form_gives_the_same_rows(tmp_path):
    for name, data in forms(tmp_path).items():
        assert values_of(data) == REVIEWS, name


def test_csv_gives_them_as_text_whatever_is_quoted(tmp_path):
    expected = [{name: str(value) for name, value in row.items()} for row in REVIEWS]
    for number, options in enumerate(
        [{}, {"delimiter": ";"}, {"delimiter": "\t"}, {"quoting": 1, "lineterminator": "\n"}]
    ):
        path = write_csv(tmp_path / f"{number}.csv", REVIEWS, **options)
        assert values_of(path) == expected


def test_tsv_knows_no_quotes(tmp_path):
    path = write(tmp_path / "t.tsv", 'text\tlabel\n"Ay, he said.\tgood\nNo "no" no\tbad\r\n')
    assert [row["text"] for row in values_of(path)] == ['"Ay, he said.', 'No "no" no']


def test_places_name_file_and_first_line(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\n"two\nlines",x\n\nmore,y\n')
    places = [row.place for row in rows(path, Problems())]
    assert places == [f"{path}:2", f"{path}:5"]
    assert [row.place for row in rows(REVIEWS, Problems())][-1] == "row 3"


def test_wrong_rows_are_told_with_file_and_line_and_the_others_kept(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\nfine,x\none\na,b,c\n"bad" quote,x\nlast,y\n')
    found, problems = problems_of(path)
    assert [row["text"] for row in found] == ["fine", "last"]
    assert problems["wrong number of columns"]["count"] == 2
    assert problems["wrong number of columns"]["first"][0] == (
        f"{path}:3: expected 2 columns, received 1"
    )
    assert problems["wrong quotes"]["first"][0].startswith(f"{path}:5: ")
    with pytest.raises(InputError, match=r"a\.csv:3: expected 2 columns"):
        list(rows(path, Problems(is_strict=True)))


def test_wrong_json_lines_are_told(tmp_path):
    found, problems = problems_of(write(tmp_path / "a.jsonl", '{"a": 1}\n\n[1]\n{"a": \n'))
    assert found == [{"a": 1}]
    assert problems["not JSON"]["count"] == 2
    assert ":3: " in problems["not JSON"]["first"][0]


def test_a_quote_that_never_ends_swallows_nothing_silently(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\nfine,x\n"open,y\nlost,z\n')
    with pytest.raises(InputError, match=r"a\.csv:3: expected a closing quote"):
        list(rows(path, Problems()))


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    content = "text,label\nÄpfel,gut\n"
    for encoding, named in (("utf-8-sig", "utf-8"), ("utf-16", "utf-16")):
        path = write(tmp_path / "a.csv", content, encoding)
        assert values_of(path, encoding=named) == [{"text": "Äpfel", "label": "gut"}]


def test_another_encoding_is_refused_with_its_line(tmp_path):
    lines = ["text,label"] + [f"row {row},x" for row in range(3000)] + ["Äpfel,y"]
    path = write(tmp_path / "a.csv", "\n".join(lines), "latin-1")
    with pytest.raises(InputError, match=r"a\.csv:3002: expected utf-8 text, received byte 0xc4"):
        list(rows(path, Problems()))
    assert len(values_of(path, encoding="latin-1")) == 3001
    with pytest.raises(InputError, match="encoding: expected"):
        list(rows(path, Problems(), encoding="utf-9"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", ""),
        ("a.tsv", "\n\n"),
        ("a.jsonl", ""),
        ("a.json", "{"),
        ("a.json", '{"a": 1,\n"b": 2}'),
        ("a.parquet", "PAR1"),
        ("a.csv.gz", "no gzip"),
        ("a.xlsx", "x"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, content):
    with pytest.raises(InputError, match=r"a\."):
        list(rows(write(tmp_path / name, content), Problems()))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"missing\.csv: expected a readable file"):
        list(rows(tmp_path / "missing.csv", Problems()))
    with pytest.raises(InputError, match="received generator"):
        list(rows((row for row in REVIEWS), Problems()))


def test_a_field_may_be_long_and_the_limit_is_put_back(tmp_path):
    import csv

    limit = 100_000
    csv.field_size_limit(limit)
    path = write(tmp_path / "a.csv", f"text,label\n{'a' * 200_000},x\nshort,y\n")
    found = rows(path, Problems())
    assert len(next(found).values["text"]) == 200_000
    assert csv.field_size_limit() == limit


def test_a_first_line_without_names_is_a_row(tmp_path):
    path = write(tmp_path / "a.tsv", "Slow and grey.\tbad\nFine.\tgood\nDull.\tbad\n")
    found = values_of(path)
    assert found[0] == {"column 1": "Slow and grey.", "column 2": "bad"}
    assert len(found) == 3
    assert len(values_of(path, has_header=True)) == 2
    numbers = write(tmp_path / "b.csv", "0.5,Calm sea\n0.25,Rough sea\n")
    assert len(values_of(numbers)) == 2


LINES = "A calm sea here {row},{label}{end}\n"


@pytest.mark.parametrize(
    ("header", "end", "columns"),
    [
        ("text,label,", ",", ["text", "label", "column 3"]),
        ("text,label,,id,", ",{row} mills,{row},", ["text", "label", "column 3", "id", "column 5"]),
        ("0,1", "", ["0", "1"]),
        ("text,label,label", ",x", ["text", "label"]),
    ],
)
def test_a_first_line_of_unusual_names_is_no_row(tmp_path, header, end, columns):
    ends = [end.format(row=row) for row in range(6)]
    lines = [LINES.format(row=row, label="ab"[row % 2], end=end) for row, end in enumerate(ends)]
    found = values_of(write(tmp_path / "a.csv", f"{header}\n{''.join(lines)}"))
    assert list(found[0]) == columns and len(found) == 6


def test_a_column_that_is_named_makes_a_header(tmp_path):
    lines = "".join(LINES.format(row=row, label=row % 2, end="") for row in range(6))
    path = write(tmp_path / "a.csv", f"0,1\n{lines}")
    assert len(values_of(path)) == 7
    task, text = own_task(path, text_column="0", label_column="1")
    assert text.startswith("text column '0', label column '1' (2 labels)")
    data = {"train": path, "validation": path}
    assert len(task.read(data, "train")) == 6
    found = own_examples(path, "classification", text_column="0")
    assert [one.id for one in found] == ["0", "1", "2", "3", "4", "5"]
    with pytest.raises(InputError, match="text_column: expected one of 'column 1', 'column 2'"):
        own_task(path, text_column="0", has_header=False)


def test_a_repeated_name_is_refused_where_it_is_used(tmp_path):
    lines = "".join(LINES.format(row=row, label="ab"[row % 2], end=",c,d") for row in range(6))
    path = write(tmp_path / "a.csv", f"text,label,id,id\n{lines}")
    task, text = own_task(path)
    assert task.reader.form.roles.id is None and "not used: 'id'" in text
    path = write(tmp_path / "b.csv", f"text,label,label,id\n{lines}")
    sentence = "label_column: expected the name of one column, received 'label', which several have"
    with pytest.raises(InputError, match=sentence):
        own_task(path)
    with pytest.raises(InputError, match=sentence):
        task.read({"train": path, "validation": path}, "train")
    assert len(own_examples(path, "classification", label_column="id")) == 6


def test_row_numbers_of_pandas_are_a_column(tmp_path):
    path = write(tmp_path / "a.csv", ",text,label\n0,a b c,x\n1,d e f,y\n")
    assert list(values_of(path)[0]) == ["column 1", "text", "label"]


def test_missing_values_of_pandas_are_none():
    pandas = pytest.importorskip("pandas")

    frame = pandas.DataFrame({"text": ["a", None], "label": [1.0, float("nan")]})
    frame["when"] = pandas.to_datetime(["2020-01-01", None])
    assert values_of(frame)[1] == {"text": None, "label": None, "when": None}


def test_class_labels_become_their_names():
    datasets = pytest.importorskip("datasets")

    features = datasets.Features(
        {
            "tokens": datasets.List(datasets.Value("string")),
            "tags": datasets.List(datasets.ClassLabel(names=["O", "B-RIVER"])),
            "label": datasets.ClassLabel(names=["no", "yes"]),
        }
    )
    data = datasets.Dataset.from_dict(
        {"tokens": [["the", "Elbe"]], "tags": [[0, 1]], "label": [-1]}, features=features
    )
    assert values_of(data) == [{"tokens": ["the", "Elbe"], "tags": ["O", "B-RIVER"], "label": None}]


def guessed(data, **options):
    return guess(rows(data, Problems()), **options)


# Guessing


def test_the_sentence_says_it_all():
    data = table({"review": sentence, "stars": lambda row: 1 + row % 5, "date": lambda row: row})
    found = guessed(data)
    assert found.kind == "classification"
    assert found.labels == ("1", "2", "3", "4", "5")
    assert found.sentence == (
        "text column 'review', label column 'stars' (5 labels), classification "
        "(whole numbers in 'stars'; --kind regression for amounts); not used: 'date'"
    )


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (lambda row: row % 3, "classification"),
        (lambda row: str(row % 3), "classification"),
        (lambda row: float(row % 3), "classification"),
        (lambda row: bool(row % 2), "classification"),
        (lambda row: ["calm", "rough"][row % 2], "classification"),
        (lambda row: row / 8, "regression"),
        (lambda row: f"{row / 8}", "regression"),
        (lambda row: row // 2, "classification"),
        (lambda row: ["sea", "wind"][: row % 3], "multi_label"),
        (lambda row: "sea|wind" if row % 2 else "sea", "multi_label"),
    ],
)
def test_the_kind_follows_from_the_labels(labels, kind):
    assert guessed(table({"text": sentence, "label": labels})).kind == kind


def test_the_users_kind_and_separator_win():
    data = table({"text": sentence, "label": lambda row: row % 3})
    assert guessed(data, kind="regression").kind == "regression"
    data = table({"text": sentence, "label": lambda row: "sea, wind" if row % 2 else "sea"})
    assert guessed(data).kind == "classification"
    found = guessed(data, separator=",")
    assert (found.kind, found.labels) == ("multi_label", ("sea", "wind"))
    with pytest.raises(InputError, match="separator: expected none for classification"):
        guessed(data, kind="classification", separator=",")


@pytest.mark.parametrize(
    "names",
    [("sentence1", "sentence2"), ("Premise", "Hypothesis"), ("text_a", "text_b"), ("q1", "q2")],
)
def test_pairs_are_known_by_their_names(names):
    first, second = names
    data = table({first: sentence, second: sentence, "gold_label": lambda row: "ab"[row % 2]})
    roles = guessed(data).roles
    assert (roles.text, roles.second_text, roles.label) == (first, second, "gold_label")


def test_columns_without_telling_names_are_known_by_content():
    data = table({"nr": lambda row: 7 + row, "x": lambda row: "ab"[row % 2], "what": sentence})
    roles = guessed(data).roles
    assert (roles.text, roles.label) == ("what", "x")


def test_a_named_text_is_alone():
    data = table({"sentence1": sentence, "sentence2": sentence, "label": lambda row: row % 2})
    found = guessed(data, given=Roles(text="sentence2"))
    assert (found.roles.text, found.roles.second_text) == ("sentence2", None)
    assert found.sentence.endswith("not used: 'sentence1'")


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        (
            {"film": sentence, "book": sentence, "label": lambda row: row % 2},
            "text_column: .*'film', 'book'.*--text-column",
        ),
        (
            {"text": sentence, "stars": lambda row: row % 2, "score": lambda row: row % 3},
            "label_column: .*'stars', 'score'.*--label-column",
        ),
        ({"text": sentence}, "label_column: .*none among 'text'"),
        (
            {"text": sentence, "label": lambda row: f"note {row}"},
            "label_column: expected labels that occur again.*40 different values in 40 rows",
        ),
        (
            {
                "tokens": lambda row: ["a", "b"],
                "ner_tags": lambda row: ["O", "O"],
                "pos_tags": lambda row: ["X", "Y"],
            },
            "tags_column: .*'ner_tags', 'pos_tags'",
        ),
    ],
)
def test_what_cannot_be_told_is_asked(columns, match):
    with pytest.raises(InputError, match=match):
        guessed(table(columns))


def test_a_column_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(InputError, match="text_column: .*'reviw'; did you mean 'review'"):
        guessed(REVIEWS, given=Roles(text="reviw"))
    with pytest.raises(InputError, match="words_column: expected none for classification"):
        guessed(REVIEWS, kind="classification", given=Roles(words="review"))


def test_an_answer_that_is_no_part_of_its_context_is_a_label():
    columns = {"question": sentence, "passage": sentence, "answer": lambda row: row % 2 == 0}
    found = guessed(table(columns))
    assert (found.kind, found.roles.label) == ("classification", "answer")
    columns["answer"] = lambda row: f"number {row}"
    assert guessed(table(columns)).kind == "question_answering"


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({}, "question_answering"),
        ({"question": "question"}, "question_answering"),
        ({"label": "answer"}, "classification"),
        ({"text": "context", "label": "answer"}, "classification"),
        ({"words": "question", "tags": "answer"}, "tagging"),
    ],
)
def test_a_given_role_says_what_is_learned(given, kind):
    columns = {
        "question": lambda row: "Which mill ?",
        "context": lambda row: f"It is the {'old' if row % 2 else 'new'} one .",
        "answer": lambda row: "old" if row % 2 else "new",
    }
    assert guessed(table(columns), given=Roles(**given)).kind == kind


def test_a_count_from_a_sample_says_so():
    data = table({"text": sentence, "label": lambda row: "ab"[row % 2]}, 400)
    assert "(2 labels in the first 300 rows)" in guessed(data).sentence


# One's own task


def test_texts():
    records = table({"text": sentence, "label": lambda row: row % 2, "id": lambda row: f"n{row}"})
    data = {"train": records, "dev": records[:4]}
    task, text = own_task(data)
    assert (task.kind, task.name, task.main_metric) == ("classification", "own", "accuracy")
    assert text == (
        "text column 'text', label column 'label' (2 labels), classification "
        "(whole numbers in 'label'; --kind regression for amounts)"
    )
    assert len(task.read(data, "train")) == 40
    assert task.read(data, "validation")[3] == TextExample(id="n3", text=sentence(3), label="1")


def test_labels_are_names():
    data = [
        {"text": "a b c", "label": label} for label in (4, 4.0, "4", " 4 ", True, "true", "4.0")
    ]
    task, _ = own_task({"train": data, "validation": data}, kind="classification")
    labels = [example.label for example in task.read({"train": data, "validation": data}, "train")]
    assert labels == ["4", "4", "4", "4", "true", "true", "4"]


def test_pairs_and_regression():
    data = table({"text_a": sentence, "text_b": sentence, "score": lambda row: 1 + row / 8})
    task, text = own_task(data)
    assert task.kind == "regression" and task.value_range == (1.0, 1 + 39 / 8)
    assert text.startswith("text columns 'text_a' and 'text_b', label column 'score', regression")
    assert "numbers from 1 to 5.875" in text
    example = task.read(data, "train")[0]
    assert example.second_text == example.text
    task, _ = own_task(data, value_range=(0, 5))
    problems = Problems()
    found = task.read({"train": data, "validation": data}, "train", problems)
    assert problems.counts["number out of range"] == sum(1 + row / 8 > 5 for row in range(40))
    assert len(found) + problems.counts["number out of range"] == 40


def test_multi_label():
    data = table({"text": sentence, "topics": lambda row: ["sea | wind", "sea", ""][row % 3]})
    task, text = own_task(data)
    assert task.kind == "multi_label" and task.main_metric == "micro_f1"
    assert "(2 labels)" in text
    labels = {example.label for example in task.read(data, "train")}
    assert labels == {("sea", "wind"), ("sea",), ()}
    spelt = table({"text": sentence, "topics": lambda row: "['sea', 'wind']"})
    task, _ = own_task(spelt)
    assert task.read(spelt, "train")[0].label == ("sea", "wind")


@pytest.mark.parametrize(
    "field", [list, " ".join, json.dumps, repr], ids=["list", "blanks", "JSON", "Python"]
)
def test_tagging(field):
    data = table(
        {
            "tokens": lambda row: field(["Rain", "over", "Bonn"]),
            "ner_tags": lambda row: field(["O", "O", "B-PLACE"]),
        }
    )
    task, text = own_task(data)
    assert task.kind == "tagging" and task.main_metric == "span_f1"
    assert "(2 tags), tagging" in text
    example = task.read(data, "train")[0]
    assert example == TaggingExample(
        id="0", words=("Rain", "over", "Bonn"), tags=("O", "O", "B-PLACE")
    )


def test_tagging_without_spans_and_with_wrong_rows():
    data = table({"words": lambda row: "Rain falls", "tags": lambda row: "NOUN VERB"})
    task, _ = own_task(data)
    assert task.metrics == ("token_accuracy",)
    data[3] = {"words": "Rain falls", "tags": "NOUN"}
    problems = Problems()
    assert len(task.read(data, "train", problems)) + len(task.read(data, "validation")) == 39
    assert problems.to_dict()["wrong number of tags"]["first"] == [
        "row 4: expected 2 tags in column 'tags', received 1"
    ]


ANSWERS = [
    "the mill",
    ["the mill", "mill"],
    {"text": ["the mill"], "answer_start": [22]},
    [{"text": "the mill", "answer_start": 22}],
    '{"text": ["the mill"], "answer_start": [22]}',
]


@pytest.mark.parametrize("answers", ANSWERS)
def test_questions(answers):
    context = "The mill by the river, the mill of old, is shut."
    assert context.index("the mill") == 23
    data = table(
        {
            "question": lambda row: f"What is shut ({row})?",
            "context": lambda row: f"{row} {context}",
            "answers": lambda row: answers,
        }
    )
    task, text = own_task(data)
    assert task.kind == "question_answering" and not task.has_answerability
    assert "answers column 'answers', question_answering" in text
    example = task.read(data, "train")[0]
    assert isinstance(example, QuestionExample)
    for answer in example.answers:
        assert example.context[answer.start :].startswith(answer.text)
    assert example.answers[0].text == "the mill"


def test_questions_without_an_answer():
    data = table(
        {
            "question": lambda row: "Who?",
            "context": lambda row: f"Anna {row} rowed home.",
            "answer": lambda row: "" if row % 2 else "Anna",
        }
    )
    data[4]["answer"] = "Berta"
    task, _ = own_task(data)
    assert task.has_answerability
    problems = Problems()
    found = task.read({"train": data, "validation": data}, "train", problems)
    assert sum(example.is_impossible for example in found) == 20
    assert problems.counts == {"answer not in its context": 1}
    assert "'Berta'" in problems.shown["answer not in its context"][0]


CHOICES = [
    ({"choices": ["up", "down", "left"]}, [2, "2", "C", "left"], 0),
    ({"choices": {"label": ["1", "2", "3"], "text": ["up", "down", "left"]}}, ["3"], 1),
    ({"choice1": "up", "choice2": "down", "choice3": "left"}, [2, "choice3"], 0),
    ({"option1": "up", "option2": "down", "option3": "left"}, [3, "3"], 1),
    ({"ending0": "up", "ending1": "down", "ending2": "left"}, [2], 0),
]


@pytest.mark.parametrize(
    ("choices", "label", "first"),
    [(choices, label, first) for choices, labels, first in CHOICES for label in labels],
)
def test_multiple_choice(choices, label, first):
    other = {2: 0, "2": "0", 3: 1, "3": "1", "C": "A", "left": "up", "choice3": "choice1"}[label]
    data = [
        {
            "question": f"Which way does way {row} go?",
            **choices,
            "label": label if row else other,
        }
        for row in range(20)
    ]
    task, text = own_task(data)
    assert task.kind == "multiple_choice"
    assert (f"(counted from {first})" in text) == str(label).isdigit()
    found = task.read({"train": data, "validation": data}, "train")
    assert found[0].label == 0
    assert found[1] == ChoiceExample(
        id="1", question="Which way does way 1 go?", choices=("up", "down", "left"), label=2
    )


def test_a_number_of_a_choice_counts_columns_not_texts():
    row = {"question": "Which way is out?", "choice1": "up", "choice2": "", "choice3": "left"}
    data = [{**row, "label": label} for label in (0, 2, 1, 2)]
    task, _ = own_task(data)
    problems = Problems()
    found = task.read({"train": data, "validation": data}, "train", problems)
    assert [(one.choices[one.label], one.id) for one in found] == [
        ("up", "0"),
        ("left", "1"),
        ("left", "3"),
    ]
    assert problems.shown["unknown label"] == [
        "row 3: expected one of 2 choices in column 'label', received 1"
    ]


def choice_rows(form):
    """Sums with their numbers to choose from, the right one said by its text."""
    for row in range(12):
        texts = [str((row + place) % 4) for place in range(4)]
        columns = {f"choice{place}": text for place, text in enumerate(texts)}
        choices = {"lists": {"choices": texts}, "columns": columns}[form]
        yield {"question": "Which number is it?", **choices, "label": str(row % 3)}


@pytest.mark.parametrize("form", ["lists", "columns"])
def test_the_text_of_a_choice_that_is_a_number_is_no_position(form):
    data = list(choice_rows(form))
    task, text = own_task(data)
    assert "label column 'label' (the text of the right choice)" in text
    found = task.read({"train": data, "validation": data}, "train")
    assert [one.choices[one.label] for one in found] == [row["label"] for row in data]
    found = own_examples(data, "multiple_choice")
    assert [one.choices[one.label] for one in found] == [row["label"] for row in data]


@pytest.mark.parametrize("label", [1, "B", "9"])
def test_labels_of_which_one_is_no_text_are_positions(label):
    data = [*choice_rows("lists"), {**next(choice_rows("lists")), "label": label}]
    task, text = own_task(data)
    assert "the text of the right choice" not in text
    found = task.read({"train": data, "validation": data}, "train")
    assert [one.label for one in found[:3]] == [0, 1, 2]


def test_names_that_the_data_gives_its_choices_go_before_their_texts():
    choices = {"text": ["4", "3", "2", "1"], "label": ["1", "2", "3", "4"]}
    data = [{"question": "Which one is it?", "choices": choices, "label": "2"}] * 4
    task, _ = own_task(data)
    assert task.read({"train": data, "validation": data}, "train")[0].label == 1


def test_a_question_beside_its_short_sort_is_the_long_one():
    row = {"premise": "The boat ran onto the rocks.", "question": "effect"}
    data = [{**row, "choice1": "It sank.", "choice2": "It sang.", "label": 0}] * 4
    _, text = own_task(data)
    assert "question column 'premise'" in text and "not used: 'question'" in text


def test_a_part_without_the_column_is_told_so():
    data = {"train": REVIEWS * 5, "test": [{"text": "Fine."}]}
    task, _ = own_task(data)
    problems = Problems()
    with pytest.raises(InputError, match="received none"):
        task.read(data, "test", problems)
    assert problems.shown["missing column"] == [
        "row 1: expected a column 'review', received 'text'"
    ]


def test_unusable_rows_are_told_and_left_out():
    data = table({"text": sentence, "label": lambda row: "ab"[row % 2]})
    data[1]["text"] = "  "
    data[2]["label"] = None
    data[3]["label"] = "c"
    data[4]["text"] = ["a", "list"]
    task, _ = own_task(data, labels=["a", "b"])
    problems = Problems()
    train = task.read(data, "train", problems)
    silent = Problems()
    validation = task.read(data, "validation", silent)
    assert len(train) + len(validation) == 36
    assert problems.counts == {
        "empty text": 1,
        "missing label": 1,
        "unknown label": 1,
        "not a text": 1,
    }
    assert not silent.counts
    assert problems.shown["unknown label"] == [
        "row 4: expected one of 'a', 'b' in column 'label', received 'c'"
    ]


HALF = "half of a surrogate pair (U+D83D)"


@pytest.mark.parametrize("kind", ["classification", "tagging", "multiple_choice"])
def test_half_of_a_character_is_no_text(tmp_path, kind):
    row = {
        "classification": lambda end: {"text": f"A calm sea{end}", "label": "calm"},
        "tagging": lambda end: {"words": ["A", f"sea{end}"], "tags": ["O", "O"]},
        "multiple_choice": lambda end: {
            "question": "What is it?",
            "choices": ["a mill", f"a sea{end}"],
            "label": 1,
        },
    }[kind]
    ends = ["", "\U0001f600", "\ud83d"]
    path = write(tmp_path / "a.jsonl", "".join(json.dumps(row(end)) + "\n" for end in ends))
    task, _ = own_task(path, kind=kind)
    problems = Problems()
    data = {"train": path, "validation": path}
    assert len(task.read(data, "train", problems)) == 2
    assert problems.shown["half of a character"] == [
        f"{path}:3: expected characters, received {HALF}"
    ]
    with pytest.raises(InputError, match=r"a\.jsonl:3: expected characters"):
        task.read(data, "train", Problems(is_strict=True))
    problems = Problems()
    assert len(own_examples(path, kind, problems=problems)) == 2 and problems.counts


def test_a_test_part_needs_no_labels():
    data = {
        "train": table({"text": sentence, "label": lambda row: "ab"[row % 2]}),
        "test": [{"text": "Who knows what this is?"}],
    }
    task, _ = own_task(data)
    assert task.read(data, "test")[0].label is None


@pytest.mark.parametrize("empty", ["", None, []])
def test_a_test_part_without_any_label_is_of_unknown_labels(empty):
    texts = table({"text": sentence}, 6)
    open_part = [{**row, "labels": empty} for row in texts]
    told_part = [{**row, "labels": ["", "sea|wind"][row is texts[0]]} for row in texts]
    data = {"train": told_part, "validation": open_part, "test": open_part, "told": told_part}
    task, _ = own_task(data, kind="multi_label")
    assert [one.label for one in task.read(data, "test")] == [None] * 6
    assert [one.label for one in task.read(data, "told")] == [("sea", "wind")] + [()] * 5
    assert [one.label for one in task.read(data, "validation")] == [()] * 6
    found = own_examples(open_part, "multi_label", label_column="labels")
    assert [one.label for one in found] == [None] * 6


def test_a_test_part_without_any_answer_is_of_unknown_answers():
    texts = table({"question": lambda row: f"What of {row}?", "context": sentence}, 4)
    open_part = [{**row, "answer": ""} for row in texts]
    told_part = [{**row, "answer": ["", "mill"][row is texts[0]]} for row in texts]
    data = {"train": told_part, "validation": told_part, "test": open_part, "told": told_part}
    task, _ = own_task(data)
    assert task.has_answerability
    assert not any(one.is_impossible for one in task.read(data, "test"))
    assert [one.is_impossible for one in task.read(data, "told")] == [False, True, True, True]


def test_metrics_are_checked_at_once():
    task, _ = own_task(REVIEWS * 5, main_metric="matthews")
    assert task.main_metric == "matthews" and "accuracy" in task.metrics
    with pytest.raises(InputError, match="metrics: expected some of accuracy.*'acuracy'"):
        own_task(REVIEWS * 5, metrics=["acuracy"])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"kind": "clasification"}, "kind: expected one of"),
        ({"labels": ["1"]}, "labels: expected at least two"),
        ({"kind": "regression", "labels": ["1", "2"]}, "labels: expected none for regression"),
        ({"value_range": (0, 5)}, "value_range: "),
        ({"validation_fraction": 1.0}, "validation_fraction: "),
    ],
)
def test_wrong_options_are_refused(options, match):
    with pytest.raises(InputError, match=match):
        own_task(REVIEWS * 5, **options)


def test_examples_to_predict_on_need_no_labels():
    data = [{"review": "A calm sea.", "date": 3}, {"review": " ", "date": 4}]
    problems = Problems()
    found = own_examples(data, "classification", problems=problems)
    assert found == [TextExample(id="0", text="A calm sea.")]
    assert problems.counts == {"empty text": 1}
    found = own_examples(REVIEWS, "classification", text_column="review", label_column="stars")
    assert [example.label for example in found] == ["1", "5", "3"]
    with pytest.raises(InputError, match="own_examples has no option 'txt_column'"):
        own_examples(REVIEWS, "classification", txt_column="review")


TWO_TEXTS = table(
    {"text": lambda row: f"posted in city {row}", "summary": sentence, "label": lambda row: row % 2}
)
PAIRS = table({"text1": sentence, "text2": sentence, "topic": lambda row: row % 2})


def judged(data, trained, kind="classification", **options):
    """The first example and the sentence."""
    told = []
    found = own_examples(data, kind, trained_columns=trained, on_message=told.append, **options)
    return found[0], *told


def test_a_task_keeps_its_columns():
    task, _ = own_task(TWO_TEXTS, text_column="summary")
    assert task.columns == {"text_column": "summary", "label_column": "label"}
    data = table({"text": sentence, "labels": lambda row: ["a,b", "a"][row % 2]})
    task, _ = own_task(data, separator=",")
    assert task.columns["separator"] == ","
    example, _ = judged(data, task.columns, "multi_label")
    assert example.label == ("a", "b")
    choices = [{"question": "Which way?", "choice1": "up", "choice2": "down", "label": 0}] * 4
    assert own_task(choices)[0].columns["choice_columns"] == ["choice1", "choice2"]


def test_a_table_to_judge_is_read_by_the_columns_of_the_training():
    trained = {"text_column": "summary", "label_column": "label"}
    example, told = judged(TWO_TEXTS, trained)
    assert (example.text, example.label) == (sentence(0), "0")
    assert told.startswith("as in training: text column 'summary', label column 'label'")
    example, told = judged(TWO_TEXTS, trained, text_column="text")
    assert example.text == "posted in city 0" and told.startswith("text column 'text'")
    example, told = judged(TWO_TEXTS, None)
    assert example.text == "posted in city 0" and told.startswith("text column 'text'")


def test_columns_that_the_training_did_without_are_not_taken():
    trained = {"text_column": "summary", "label_column": "label"}
    example, told = judged(PAIRS, trained)
    assert (example.text, example.second_text, example.label) == (sentence(0), None, None)
    assert told == (
        "columns of the training are missing here ('summary'), and guessed: text column 'text1', "
        "classification; not used: 'text2', 'topic'"
    )
    example, _ = judged(PAIRS, trained, second_text_column="text2", text_column="text1")
    assert example.second_text == sentence(0)
    trained = {"text_column": "text1", "second_text_column": "text2"}
    assert judged(PAIRS, trained)[0].second_text == sentence(0)
    example, told = judged(TWO_TEXTS, trained)
    assert example.second_text is None and "missing here ('text1', 'text2')" in told


def test_columns_of_the_training_make_a_header(tmp_path):
    lines = "".join(f"A calm sea {row},{row % 2}\n" for row in range(4))
    path = write(tmp_path / "a.csv", f"0,1\n{lines}")
    example, _ = judged(path, {"text_column": "0", "label_column": "1"})
    assert (example.text, example.label) == ("A calm sea 0", "0")


# Splits

DATA = table({"text": sentence, "label": lambda row: "aaaabbbbcc"[row % 10]}, 200)


def ids(task, data, split):
    return [example.id for example in task.read(data, split)]


def test_a_draw_divides_one_table_and_gives_each_label_its_share():
    task, text = own_task(DATA)
    assert text.endswith("validation: 0.1 of the training examples, drawn")
    train, validation = (task.read(DATA, split) for split in ("train", "validation"))
    assert {e.id for e in train}.isdisjoint(e.id for e in validation)
    assert len(train) + len(validation) == 200
    counts = [sum(e.label == label for e in validation) for label in "abc"]
    assert counts == [8, 8, 4]
    assert ids(task, DATA, "train") == [e.id for e in train]


def test_the_draw_depends_on_seed_and_number_alone():
    drawn = []
    for seed in (0, 0, 1):
        task, _ = own_task(DATA, split_seed=seed, validation_fraction=0.2)
        drawn.append(ids(task, DATA, "validation"))
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 40
    other = [{**row, "text": "Something else."} for row in DATA]
    assert ids(own_task(other, validation_fraction=0.2)[0], other, "validation") == drawn[0]


def test_questions_on_one_context_stay_together():
    data = table(
        {
            "question": lambda row: f"What of {row}?",
            "context": lambda row: f"The mill {row // 4} is shut.",
            "answer": lambda row: "shut",
        },
        80,
    )
    task, _ = own_task(data)
    train, validation = (task.read(data, split) for split in ("train", "validation"))
    assert len(validation) == 8
    assert {e.context for e in train}.isdisjoint(e.context for e in validation)


def test_a_table_too_small_to_divide_is_refused():
    data = [{"text": "One only here.", "label": "a"}]
    task, _ = own_task(data)
    with pytest.raises(InputError, match="validation: expected at least two"):
        task.read(data, "train")
    pair = [{"text": f"Row {row} is here.", "label": "a"} for row in range(2)]
    assert [len(task.read(pair, split)) for split in ("train", "validation")] == [1, 1]


def test_a_folder_has_its_splits_by_name(tmp_path):
    for name, split in (("train.csv", 0), ("dev.csv", 1), ("test.csv", 2), ("test_new.csv", 3)):
        write_csv(tmp_path / name, [{"text": f"This is part {split}.", "label": split % 2}] * 3)
    write(tmp_path / "README.md", "words")
    task, _ = own_task(tmp_path)
    assert task.splits == ("train", "validation", "test", "test_new")
    for number, split in enumerate(task.splits):
        assert task.read(tmp_path, split)[0].text == f"This is part {number}."
    write_csv(tmp_path / "train.tsv", [{"text": "x", "label": "1"}])
    with pytest.raises(
        InputError, match=r"one file for 'train', received 'train.csv', 'train.tsv'"
    ):
        own_task(tmp_path)


def test_a_folder_without_data_is_refused(tmp_path):
    write(tmp_path / "notes.txt", "words")
    with pytest.raises(InputError, match="expected files such as train and test"):
        own_task(tmp_path)
    with pytest.raises(InputError, match="missing"):
        own_task(tmp_path / "nowhere")


def test_a_dict_and_a_datasets_object_have_theirs():
    datasets = pytest.importorskip("datasets")

    data = {"train": DATA, "val": DATA[:20], "hard": DATA[:10]}
    for parts in (
        data,
        datasets.DatasetDict({k: datasets.Dataset.from_list(v) for k, v in data.items()}),
    ):
        task, _ = own_task(parts)
        assert task.splits == ("train", "validation", "test", "hard")
        sizes = [len(task.read(parts, split)) for split in ("train", "validation", "hard")]
        assert sizes == [200, 20, 10]
        assert not task.has_split(parts, "test")
        with pytest.raises(MissingSplitError, match="expected the split 'test'"):
            task.read(parts, "test")
    with pytest.raises(InputError, match="expected a dict with 'train'"):
        own_task({"text": ["a"], "label": [1]})


# Files of tagged words and of questions

COLUMNS = "Rain NN B-NP\nfalls VBZ B-VP\n\nWind NN B-NP\n"


def test_columns_of_words(tmp_path):
    path = write(tmp_path / "words.conll", COLUMNS * 10)
    task, text = own_task(path)
    assert task.kind == "tagging" and task.main_metric == "span_f1"
    assert "last column ('B-NP', 'B-VP')" in text
    task, _ = own_task(path, tags_column="2")
    assert task.metrics == ("token_accuracy",)
    assert task.read(path, "train")[0].tags == ("NN", "VBZ")
    for column, match in (("5", "tag in column 5"), ("upos", "number of a column")):
        with pytest.raises(InputError, match=match):
            own_task(path, tags_column=column)
    with pytest.raises(InputError, match="text_column: expected none for a file of tagged words"):
        own_task(path, text_column="text")


def test_a_text_file_that_is_a_table_is_not_taken_for_words(tmp_path):
    path = write(tmp_path / "reviews.txt", "A slow film.\tbad\nA fine film.\tgood\n" * 4)
    assert own_task(path)[0].kind == "classification"
    path = write(tmp_path / "some.txt", "New York\tLOC\nRome\tLOC\nBonn\tLOC\n")
    with pytest.raises(InputError, match="expected a word at the beginning.*'New York'"):
        own_task(path)


def test_words_alone_can_be_judged(tmp_path):
    path = write(tmp_path / "words.txt", "Rain\nfalls\n")
    (example,) = own_examples(path, "tagging")
    assert example == TaggingExample(id="0", words=("Rain", "falls"))


def test_questions_in_json(tmp_path):
    entry = {"id": "q", "question": "Who?", "answers": [{"text": "Anna", "answer_start": 0}]}
    entries = [entry, {**entry, "id": "r", "answers": [], "is_impossible": True}]
    articles = [
        {"paragraphs": [{"context": f"Anna {row} rows.", "qas": entries}]} for row in range(20)
    ]
    path = write(tmp_path / "all.json", json.dumps({"data": articles}))
    task, text = own_task(path)
    assert task.has_answerability
    assert text.startswith("40 questions on 20 contexts, 20 of them without an answer")
    found = task.read(path, "train")
    assert found[0].answers == (Answer("Anna", 0),) and found[1].is_impossible
    assert len(task.read(path, "validation")) == 4


def test_a_few_wrong_rows_do_not_hide_what_a_table_is():
    data = [{"words": ["Rain", "falls"], "tags": ["O", "B-ACT"]} for _ in range(9)]
    data[4] = {"words": ["Rain", "falls"], "tags": ["O"]}
    task, sentence = own_task(data)
    assert "tagging" in sentence
    problems = Problems()
    assert len([*task.read(data, "train", problems), *task.read(data, "validation")]) == 8
    assert problems.counts["wrong number of tags"] == 1
