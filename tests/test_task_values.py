"""A value means the same in every form that a table may have, and what cannot be read says so."""

import datetime
import decimal
import enum
import json
import math
import pathlib
import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_electra.errors import InputError
from keras_electra.tasks import Problems, own_examples, own_task
from keras_electra.tasks.numerals import NumberForm, form_of_numbers, number
from keras_electra.tasks.printed import as_list, spelt
from keras_electra.tasks.values import plain, refusal

pandas = pytest.importorskip("pandas")
datasets = pytest.importorskip("datasets")

NAN = float("nan")
NUM_ROWS = 40


def sentence(row):
    return f"The river number {row} ran past the old mill ."


def records(label, name="label"):
    return [{"text": sentence(row), name: label(row)} for row in range(NUM_ROWS)]


TABLES = {
    "names": (records(lambda row: "ab"[row % 2]), "classification"),
    "whole numbers": (records(lambda row: row % 5), "classification"),
    "many whole numbers": (2 * records(lambda row: 3 * row % 26), "classification"),
    "floats, one missing": (records(lambda row: NAN if row == 3 else row % 2), "classification"),
    "names, one missing": (records(lambda row: None if row == 3 else "ab"[row % 2]), "classification"),
    "booleans": (records(lambda row: row % 3 == 0), "classification"),
    "fractions": (records(lambda row: row / 8, "score"), "regression"),
    "fractions, one missing": (records(lambda row: NAN if row == 5 else row / 10), "regression"),
    "vectors": (records(lambda row: [int(row % 3 == k) for k in range(3)], "labels"), "multi_label"),
    "vectors of floats": (records(lambda row: [float(row % 3 == k) for k in range(3)]), "multi_label"),
    "vectors of booleans": (records(lambda row: [row % 3 == k for k in range(3)]), "multi_label"),
    "names in lists": (records(lambda row: ["sport", "art"][: row % 3], "labels"), "multi_label"),
    "numbers in lists": (records(lambda row: [7, 12, 3][: row % 4], "labels"), "multi_label"),
    "lists, one missing": (
        records(lambda row: None if row == 3 else ["a", "b"][: 1 + row % 2], "labels"),
        "multi_label",
    ),
    "a column for each label": (
        [
            {"text": sentence(row), "toxic": row % 2, "threat": row % 3 == 0, "insult": row % 5 // 4}
            for row in range(NUM_ROWS)
        ],
        "multi_label",
    ),
    "tagged words": (
        [
            {"tokens": ["Rain", "over", "St. Ives"][:num], "tags": ["O", "O", "B-X"][:num]}
            for num in (1, 2, 3, 2) * (NUM_ROWS // 4)
        ],
        "tagging",
    ),
    "numbered tags": (
        [
            {"tokens": ["Rain", "over", "Bonn"][: 2 + row % 2], "tags": [0, 0, 1][: 2 + row % 2]}
            for row in range(NUM_ROWS)
        ],
        "tagging",
    ),
    "answers": (
        [
            {
                "question": f"What of {row}?",
                "context": f"Number {row} is 1964 and the old mill.",
                "answers": {"text": ["the old mill"], "answer_start": [len(f"Number {row} is 1964 and ")]},
            }
            for row in range(NUM_ROWS)
        ],
        "question_answering",
    ),
    "choices": (
        [
            {"question": f"Which way is {row}?", "choices": ["up", "down", "left"], "label": row % 3}
            for row in range(NUM_ROWS)
        ],
        "multiple_choice",
    ),
}  # fmt: skip


def in_arrays(rows):
    """Lists and numbers as NumPy's, as a DataFrame of other programs holds them."""
    return [
        {
            name: np.array(value) if isinstance(value, list) else np.asarray(value)[()]
            for name, value in row.items()
        }
        for row in rows
    ]


def without_nan(rows):
    return [
        {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in row.items()}
        for row in rows
    ]


def file_of(write, path):
    write(path)
    return path


def delimited(rows, path, **options):
    return file_of(lambda path: pandas.DataFrame(rows).to_csv(path, index=False, **options), path)


def lines(rows, path):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    return file_of(lambda path: path.write_text(text, encoding="utf-8"), path)


def formatted(name):
    def make(rows, folder):
        pytest.importorskip({"torch": "torch", "jax": "jax", "tf": "tensorflow"}.get(name, "numpy"))
        return datasets.Dataset.from_list(without_nan(rows)).with_format(name)

    return make


FORMS = {
    "dicts": lambda rows, folder: rows,
    "dicts of arrays": lambda rows, folder: in_arrays(rows),
    "DataFrame": lambda rows, folder: pandas.DataFrame(rows),
    "DataFrame of arrays": lambda rows, folder: pandas.DataFrame(in_arrays(rows)),
    "DataFrame of extension types": lambda rows, folder: pandas.DataFrame(rows).convert_dtypes(),
    "CSV": lambda rows, folder: delimited(rows, folder / "a.csv"),
    "CSV of arrays": lambda rows, folder: delimited(in_arrays(rows), folder / "b.csv"),
    "CSV of text": lambda rows, folder: file_of(
        lambda path: pandas.DataFrame(rows).astype(str).to_csv(path, index=False), folder / "c.csv"
    ),
    "TSV": lambda rows, folder: delimited(rows, folder / "a.tsv", sep="\t", quoting=3),
    "JSONL": lambda rows, folder: lines(rows, folder / "a.jsonl"),
    "JSON": lambda rows, folder: file_of(
        lambda path: path.write_text(json.dumps(rows), encoding="utf-8"), folder / "a.json"
    ),
    "Parquet": lambda rows, folder: file_of(pandas.DataFrame(rows).to_parquet, folder / "a.parquet"),
    "datasets": lambda rows, folder: datasets.Dataset.from_list(without_nan(rows)),
    "datasets in CSV": lambda rows, folder: file_of(
        datasets.Dataset.from_list(without_nan(rows)).to_csv, folder / "d.csv"
    ),
    "pyarrow scalars": lambda rows, folder: [
        dict(zip(row, row.values(), strict=True))
        for row in datasets.Dataset.from_list(without_nan(rows)).data.table.to_pylist()
    ],
    **{
        f"datasets as {name}": formatted(name)
        for name in ("numpy", "torch", "jax", "tf", "pandas", "arrow")
    },
}  # fmt: skip


def understood(data):
    """(kind, labels, range, main figure, all examples) of a table."""
    task, _ = own_task(data)
    parts = {"train": data, "validation": data}
    return task.kind, task.labels, task.value_range, task.main_metric, task.read(parts, "train")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_the_same_in_every_form(tmp_path, name):
    rows, kind = TABLES[name]
    expected = understood(rows)
    assert expected[0] == kind and len(expected[-1]) >= NUM_ROWS - 1
    for form, make in FORMS.items():
        if form == "CSV of text" and "missing" in name and kind == "multi_label":
            continue  # Python's None in a list column becomes the text "None", which may be a name.
        if form == "CSV of text" and name == "names, one missing":
            continue
        assert understood(make(rows, tmp_path)) == expected, form


class Stars(enum.Enum):
    FIVE = 5


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NAN, None),
        (pandas.NaT, None),
        (pandas.NA, None),
        (np.datetime64("NaT", "ns"), None),
        (np.float32(3.7), 3.7),
        (np.array([3.7, NAN], np.float32), [3.7, None]),
        (np.int64(4), 4),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array(["a", None, NAN], object), ["a", None, None]),
        (np.array("2024-05-06T07:08:09", "datetime64[ns]"), "2024-05-06 07:08:09"),
        (np.array(["2024-05-06"], "datetime64[ns]"), ["2024-05-06 00:00:00"]),
        (pandas.Timestamp("2024-05-06"), "2024-05-06 00:00:00"),
        (datetime.date(2024, 5, 6), "2024-05-06"),
        (datetime.time(7, 8), "07:08:00"),
        (pandas.Period("2024-05"), "2024-05"),
        (pandas.Series([1, 2]), [1, 2]),
        (pandas.Categorical(["a", "b"]), ["a", "b"]),
        (decimal.Decimal("3.50"), 3.5),
        (decimal.Decimal("4.0"), 4),
        (decimal.Decimal("NaN"), None),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (pathlib.PurePosixPath("a/b"), "a/b"),
        (Stars.FIVE, 5),
        ("Äpfel".encode(), "Äpfel"),
        ({"b", "a"}, ["a", "b"]),
        ((1, (2, NAN)), [1, [2, None]]),
        ({1: {"a": b"x"}}, {"1": {"a": "x"}}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_other_libraries(value, expected):
    found = plain(value)
    assert found == expected and type(found) is type(expected)
    assert json.loads(json.dumps(found)) == expected


@pytest.mark.parametrize("name", ["torch", "tensorflow", "jax"])
def test_tensors(name):
    library = pytest.importorskip(name)
    make = {"torch": "tensor", "tensorflow": "constant"}.get(name)
    make = getattr(library, make) if make else library.numpy.asarray
    assert plain(make(3)) == 3 and plain(make([0, 1])) == [0, 1]
    assert plain(make([3.7, NAN])) == [3.7, None]
    assert plain(make([[True], [False]])) == [[True], [False]]


def test_pyarrow_scalars():
    pyarrow = pytest.importorskip("pyarrow")
    assert plain(pyarrow.scalar(["a", None])) == ["a", None]
    assert plain(pyarrow.array([1, 2])) == [1, 2]


def test_what_cannot_be_read_is_named():
    assert refusal(plain(b"\xff")) == "bytes that are not UTF-8; decode them first"
    assert refusal(plain(object())) == "a object" and refusal({"a": 1}) is None
    rows = records(lambda row: "ab"[row % 2])
    rows[2]["text"] = b"\xff\xfe"
    rows[4]["label"] = object()
    rows[6]["label"] = ["a"]
    task, _ = own_task(rows, kind="classification")
    problems = Problems()
    task.read({"train": rows, "validation": rows}, "train", problems)
    assert problems.shown == {
        "not a text": [
            "row 3: expected a text in column 'text', received bytes that are not UTF-8; decode them "
            "first"
        ],
        "not readable": ["row 5: expected one label in column 'label', received a object"],
        "not a label": [
            "row 7: expected one label in column 'label', received a list; several labels are of kind "
            "multi_label"
        ],
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("['a' 'b']", ["a", "b"]),
        ("['a'\n 'it\\'s' \"b\"]", ["a", "it's", "b"]),
        ("[0 1 0]", [0, 1, 0]),
        ("[0. 1.]", [0.0, 1.0]),
        ("[ True False]", [True, False]),
        ("['a', nan]", ["a", None]),
        ("[NaN]", [None]),
        ("[[0 1]\n [1 0]]", [[0, 1], [1, 0]]),
        ("array(['a', 'b'], dtype=object)", ["a", "b"]),
        ("array(['a, dtype=x)'], dtype='<U9')", ["a, dtype=x)"]),
        ("tensor([0., 1.], device='cuda:0')", [0.0, 1.0]),
        ("[np.str_('a'), np.int64(3)]", ["a", 3]),
        ("{'text': array(['x y'], dtype=object), 'start': array([3])}", {"text": ["x y"], "start": [3]}),
        ("{'b', 'a'}", ["a", "b"]),
        ("set()", []),
        ("[sport, art]", "[sport, art]"),
        ("[1996-08-22]", "[1996-08-22]"),
        ("[citation needed]", "[citation needed]"),
        ("[" * 50_000 + "]" * 50_000, "[" * 50_000 + "]" * 50_000),
    ],
)  # fmt: skip
def test_lists_that_a_text_shows(text, expected):
    assert spelt(text) == expected


def test_tuples_are_lists_of_labels_alone():
    assert as_list("('a', 'b')") == ["a", "b"] and as_list("(a, b)") is None
    assert spelt("(1964, 1970)") == "(1964, 1970)"


@given(
    st.lists(st.one_of(st.text(max_size=9), st.integers(), st.booleans(), st.none()), max_size=9)
)
def test_what_python_and_numpy_print_is_read_again(values):
    assert as_list(repr(values)) == as_list(json.dumps(values)) == values
    array = np.array(values, object)
    if len(values) != 1 and "..." not in str(array):
        with np.printoptions(threshold=10**6):
            assert as_list(str(array)) == values


def test_a_list_that_was_cut_is_refused():
    rows = records(lambda row: str(np.arange(2000)) if row == 3 else "[1 2]")
    task, _ = own_task(rows)
    with pytest.raises(
        InputError, match=r"row 4: .*printed with '...' in place of its middle; write"
    ):
        list(task.reader({"train": rows, "validation": rows}, "train", Problems(is_strict=True)))


# Numbers


@pytest.mark.parametrize(
    ("values", "form", "expected"),
    [
        (["3.5", "-2"], NumberForm(), [3.5, -2]),
        (["3,5", "1,25", "4"], NumberForm(","), [3.5, 1.25, 4]),
        (["1,234.5", "12"], NumberForm(), [1234.5, 12]),
        (["1.234,5", "0,5"], NumberForm(","), [1234.5, 0.5]),
        (["1 234", "2'345"], NumberForm(), [1234, 2345]),
        (["1.125", "2.250"], NumberForm(), [1.125, 2.25]),
        (["0,125", "0,250"], NumberForm(","), [0.125, 0.25]),
        (["35%", "4 %"], NumberForm(has_percent=True), [35, 4]),
        (["3,5 %", "\u22124 %"], NumberForm(",", True), [3.5, -4]),
        ([1, 2.5, "3.5"], NumberForm(), [1, 2.5, 3.5]),
    ],
)
def test_numbers_as_people_write_them(values, form, expected):
    assert form_of_numbers(values) == form
    assert [number(value, form) for value in values] == expected


@pytest.mark.parametrize(
    "value", ["1,234.5.6", "1_000", "nan", "inf", "4 stars", "", "35%", True, None]
)
def test_what_is_no_number(value):
    assert number(value) is None


def scored(*written):
    return [
        {"text": sentence(row), "score": written[row % len(written)]} for row in range(NUM_ROWS)
    ]


def test_decimal_commas_and_percent_signs_make_a_regression():
    task, text = own_task(scored("3,5", "1,25", "4,0"))
    assert task.value_range == (1.25, 4.0) and "--kind classification for classes" in text
    task, text = own_task(scored("35%", "4%", "7 %"))
    assert task.value_range == (4.0, 35.0) and text.count("percent") == 2


def test_a_number_of_another_form_is_left_out():
    rows = scored("3,5", "1,25", "4,0")
    rows[2]["score"], rows[3]["score"] = "0.5", "50%"
    task, _ = own_task(rows)
    problems = Problems()
    task.read({"train": rows, "validation": rows}, "train", problems)
    assert problems.shown["not a number"] == [
        f"row {row}: expected a number such as 3,5 in column 'score', received {value!r}"
        for row, value in ((3, "0.5"), (4, "50%"))
    ]


def test_a_comma_that_may_mean_two_things_is_asked_about():
    with pytest.raises(InputError, match="1234.5 or 1234,5 in 'score', received '1,234'"):
        own_task(scored("1,234", "5,678"))


# What is learned


@pytest.mark.parametrize(
    ("name", "label", "kind"),
    [
        ("label", lambda row: row % 77, "classification"),
        ("category", lambda row: 3 * (row % 77), "classification"),
        ("score", lambda row: row % 77, "classification"),
        ("score", lambda row: 3 * (row % 77), "regression"),
        ("stars", lambda row: 1 + row % 5, "classification"),
        ("label", lambda row: row % 77 / 2, "regression"),
        ("label", lambda row: f"{row % 77}.0", "classification"),
    ],
)
def test_whole_numbers_are_classes_or_amounts(name, label, kind):
    rows = [{"text": sentence(row), name: label(row)} for row in range(400)]
    task, text = own_task(rows)
    other = "regression" if kind == "classification" else "classification"
    assert task.kind == kind and f"--kind {other} for" in text
    assert own_task(rows, kind=other)[0].kind == other


def test_vectors_have_a_label_for_each_position():
    rows = records(lambda row: [int(row % 3 == k) for k in range(12)])
    rows[5]["label"], rows[6]["label"] = [0, 1], [2] + 11 * [0]
    task, text = own_task(rows)
    assert task.labels == tuple(map(str, range(12))) and "--labels names them" in text
    problems = Problems()
    task.read({"train": rows, "validation": rows}, "train", problems)
    assert problems.counts == {"wrong number of labels": 1, "neither 0 nor 1": 1}
    names = [f"topic {row}" for row in range(12)]
    task, _ = own_task(rows, labels=names)
    assert task.labels == tuple(names) and task.read(rows, "train")[0].label == ("topic 0",)
    found = own_examples(rows[:1], "multi_label", trained_columns=task.columns)
    assert found[0].label == ("topic 0",)
    with pytest.raises(InputError, match="labels: expected the names of '0', '1'"):
        own_task(rows, labels=["a", "b"])


def test_columns_of_marks_are_labels():
    rows, _ = TABLES["a column for each label"]
    task, text = own_task(rows)
    assert "label columns 'toxic', 'threat', 'insult' (3 labels), multi_label" in text
    assert task.columns["label_columns"] == ["toxic", "threat", "insult"]
    two = [{**row, "toxic": "no"} for row in rows]
    with pytest.raises(InputError, match="--label-column"):
        own_task(two)
    task, _ = own_task(two, label_columns=["threat", "insult"])
    assert task.read(rows, "train")[0].label == ("threat",)
    found = own_examples(rows, "multi_label", trained_columns=task.columns)
    assert found[0].label == ("threat",) and found[4].label == ("insult",)
    with pytest.raises(
        InputError, match="label_column: .*; several columns of 0 and 1 with label_col"
    ):
        own_task(rows, kind="classification")
    with pytest.raises(InputError, match="label_columns: expected none together with label_column"):
        own_task(two, label_column="toxic", label_columns=["threat", "insult"])
    with pytest.raises(InputError, match="label_columns: expected none for regression"):
        own_task(two, kind="regression", label_columns=["threat", "insult"])


def test_dicts_of_marks_are_labels():
    rows = records(lambda row: {"sport": row % 2, "art": float(row % 3 == 0)})
    task, _ = own_task(rows)
    assert task.labels == ("sport", "art") and task.read(rows, "train")[0].label == ("art",)


@pytest.mark.parametrize("label", [[0.2, 0.8], [[1, 0]], [0, 2, 2], "[sport, art]", [{"a": 1}]])
def test_a_list_that_is_no_set_of_names_is_refused(label):
    rows = records(lambda row: label if row == 2 else ["a", "b"][: row % 3])
    task, _ = own_task(rows)
    problems = Problems()
    task.read({"train": rows, "validation": rows}, "train", problems)
    (first,) = problems.shown.values()
    assert first[0].startswith("row 3: expected ")


JOINED = ("sport, art", "art", "news, art", "sport")
TOWNS = ("New York, NY", "Albany, NY", "Los Angeles, CA", "Fresno, CA")


def test_labels_joined_by_a_sign_are_several():
    task, text = own_task(records(lambda row: JOINED[row % 4], "labels"))
    assert task.kind == "multi_label" and "(3 labels)" in text and task.columns["separator"] == ","
    assert "--kind classification takes each field as one" in text
    assert own_task(records(lambda row: TOWNS[row % 4], "labels"))[0].kind == "classification"
    rows = records(lambda row: JOINED[row % 4].replace(", ", ";"), "mood")
    with pytest.raises(InputError, match=r"'art' stands elsewhere too; .*--separator ';'"):
        own_task(rows)
    assert own_task(rows, kind="classification")[0].kind == "classification"
    for options in ({"separator": ";"}, {"kind": "multi_label"}):
        task, _ = own_task(rows, **options)
        assert {name for one in task.read(rows, "train") for name in one.label} == {
            "sport", "art", "news"
        }  # fmt: skip


def test_numbers_joined_by_commas_are_labels_where_the_column_says_so():
    rows = records(lambda row: ("1,2", "2", "3,2")[row % 3], "topics")
    assert own_task(rows)[0].kind == "multi_label"
    rows = [{"text": row["text"], "score": ("4,5", "5,0")[i % 2]} for i, row in enumerate(rows)]
    assert own_task(rows)[0].kind == "regression"


# The reason


def test_the_reason_is_said_where_nothing_is_left(tmp_path):
    train = records(lambda row: "ab"[row % 2])
    other = [{"review": row["text"], "mood": row["label"]} for row in train]
    task, _ = own_task(train)
    reason = r"; 40 rows could not be used \(missing column\), the first: "
    where = "row 1: expected a column 'text', received 'review', 'mood'"
    with pytest.raises(InputError, match=f"split 'validation', received none{reason}{where}"):
        task.read({"train": train, "validation": other}, "validation")
    path = lines([{**row, "label": "c"} for row in train], tmp_path / "a.jsonl")
    task, _ = own_task(path, labels=["a", "b"])
    match = r"draw a part of, received 0; 40 rows .*a\.jsonl:1: expected one of 'a', 'b'"
    with pytest.raises(InputError, match=match):
        task.read(path, "train")
    with pytest.raises(InputError, match=r"received none only; 40 rows .*received 'good'"):
        own_task(scored("good", "bad"), kind="regression")
    with pytest.raises(
        InputError, match=r"examples to judge, received none; 2 rows .*\(empty text\)"
    ):
        own_examples([{"text": ""}, {"text": NAN}], "classification", text_column="text")


def test_percent_signs_in_some_rows_only_are_not_guessed_away():
    rows = scored("35%", "4%", "0.07")
    task, _ = own_task(rows)
    problems = Problems()
    task.read({"train": rows, "validation": rows}, "train", problems)
    assert task.kind == "regression" and problems.counts == {"not a number": NUM_ROWS // 3}
    assert "such as 3.5 % in column 'score', received '0.07'" in problems.reason


# Further forms of labels


@pytest.mark.parametrize("sign", [" ", ",", ";", "|", ", "])
def test_vectors_without_brackets(sign):
    rows = records(lambda row: sign.join(str(int(row % 3 == k)) for k in range(3)), "labels")
    task, _ = own_task(rows)
    assert task.kind == "multi_label" and task.labels == ("0", "1", "2")
    assert task.read(rows, "train")[0].label == ("0",)


@pytest.mark.parametrize(
    "label",
    [
        lambda row: [row % 10 / 10, 1 - row % 10 / 10],
        lambda row: [0, 1, 0] if row % 2 else [1, 0],
    ],
)
def test_lists_that_are_mostly_no_sets_of_names_are_refused(label):
    with pytest.raises(InputError, match=r"label_column: expected labels .* of 40 rows"):
        own_task(records(label, "labels"))


@pytest.mark.parametrize("name", ["label", "labels", "stars"])
def test_whole_numbers_with_a_decimal_comma_are_classes(name):
    rows = records(lambda row: f"{row % 3},0", name)
    for options in ({}, {"kind": "classification"}):
        task, _ = own_task(rows, **options)
        assert task.kind == "classification"
        assert {one.label for one in task.read(rows, "train")} == {"0", "1", "2"}
    found = own_examples(rows, "classification", trained_columns=task.columns)
    assert [one.label for one in found[:3]] == ["0", "1", "2"]


def test_columns_of_marks_with_a_decimal_comma():
    rows = [
        {
            "text": sentence(row),
            **{name: f"{row % k},0" for name, k in (("a", 1), ("b", 2), ("c", 2))},
        }
        for row in range(NUM_ROWS)
    ]
    task, _ = own_task(rows)
    found = {one.label for one in task.read(rows, "train")}
    assert task.labels == ("a", "b", "c") and found == {(), ("b", "c")}


@pytest.mark.parametrize("other", ["N/A", "-", float("inf")])
def test_numbers_beside_something_else_are_asked_about(other):
    rows = records(lambda row: other if row == 3 else row % 4 / 2, "score")
    with pytest.raises(InputError, match="received 39 numbers such as .*--kind regression"):
        own_task(rows)
    task, _ = own_task(rows, kind="regression")
    problems = Problems()
    task.read(rows, "train", problems)
    assert problems.counts == {"not a number": 1}
    assert own_task(rows, kind="classification")[0].kind == "classification"
