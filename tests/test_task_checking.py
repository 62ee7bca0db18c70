"""Looking a task's data over: each check finds what is wrong, and says so where nothing is."""

import pytest

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.tasks import Task, known_task, own_task
from keras_electra.tasks.checking import check_examples, check_task_data, measured_lengths
from keras_electra.tasks.checks import has_broken_span
from keras_electra.tasks.examples import TaggingExample, TextExample
from keras_electra.tasks.showing import first_rows, seen_by_model
from keras_electra.tasks.splits import some_examples


def texts(*rows, first=0):
    return [
        TextExample(id=str(i), text=text, label=label)
        for i, (text, label) in enumerate(rows, first)
    ]


def task_of(kind="classification", **options):
    values = {"metrics": ("accuracy",), "main_metric": "accuracy", **options}
    return Task(name="own", kind=kind, reader=lambda *_: [], **values)


@pytest.fixture
def report():
    train = texts(
        ("a cat", "yes"), ("a dog", "no"), ("a cat", "yes"), ("a dog", "yes"), ("  ", "no")
    )
    test = texts(("a cat", "yes"), ("a bird", "maybe"))
    return check_examples(task_of(), {"train": train, "test": test})


def check_of(report, name):
    return next(check for check in report.checks if check.name == name)


@pytest.mark.parametrize(
    ("name", "count", "shown"),
    [
        ("empty text", 1, {"split": "train", "id": "4"}),
        ("duplicate", 1, {"split": "train", "id": "2"}),
        ("contradiction", 1, {"split": "train", "id": "3"}),
        ("text in train and elsewhere", 1, {"split": "test", "id": "0"}),
        ("label not in train", 1, {"label": "maybe", "test": 1}),
    ],
)
def test_what_is_wrong_is_found(report, name, count, shown):
    check = check_of(report, name)
    assert (check.count, check.is_problem) == (count, True)
    assert shown.items() <= check.rows[0].items()
    assert str(count) in check.sentence


def test_data_that_is_fine_has_no_problem():
    train = texts(("a cat", "yes"), ("a dog", "no"), ("a man", "yes"), ("a girl", "no"))
    report = check_examples(task_of(), {"train": train, "validation": texts(("a king", "no"))})
    assert report.num_problems == 0
    assert report.num_examples == {"train": 4, "validation": 1}
    assert "no text is empty" in [check.sentence for check in report.checks]


def test_uneven_labels_are_told_with_numbers():
    train = texts(*[(f"text {i}", "no" if i < 9 else "yes") for i in range(10)])
    check = check_of(check_examples(task_of(), {"train": train}), "uneven labels")
    assert check.is_problem
    assert check.sentence == (
        "2 labels; the commonest, 'no', is 90% of train, the rarest, 'yes', 1 examples"
    )


def test_scores_outside_the_range():
    task = task_of("regression", value_range=(0.0, 5.0), metrics=("mse",), main_metric="mse")
    check = check_of(
        check_examples(task, {"train": texts(("a", 1.0), ("b", 5.5), ("c", 5.0))}), "score range"
    )
    assert (check.count, check.rows[0]["label"]) == (1, 5.5)


@pytest.mark.parametrize(
    ("tags", "is_broken"),
    [
        (["O", "B-PER", "I-PER", "O"], False),
        (["I-PER"], True),
        (["B-PER", "I-LOC"], True),
        (["B-PER", "O", "I-PER"], True),
        (["NOUN", "VERB"], False),
    ],
)
def test_spans_without_a_beginning(tags, is_broken):
    assert has_broken_span(tags) == is_broken
    words = tuple("w" for _ in tags)
    train = [TaggingExample(id="0", words=words, tags=tuple(tags))]
    report = check_examples(task_of("tagging"), {"train": train})
    assert check_of(report, "span without a beginning").is_problem == is_broken


def test_lengths_and_the_cut(tokenizer):
    train = texts(*[("cat " * n, "yes") for n in (1, 2, 3, 30)])
    lengths = measured_lengths({"train": train}, tokenizer, 10)
    assert sum(lengths.counts) == lengths.num_measured == 4
    assert lengths.num_cut == 1
    assert lengths.mean == pytest.approx((3 + 4 + 5 + 32) / 4)
    assert len(lengths.edges) == len(lengths.counts) + 1
    report = check_examples(task_of(), {"train": train}, tokenizer=tokenizer, sequence_length=10)
    check = check_of(report, "cut texts")
    assert check.sentence.startswith("1 of 4 examples (25%) are longer than 10 tokens")


def test_answers_that_are_not_in_their_context(tmp_path):
    path = tmp_path / "questions.csv"
    path.write_text(
        "question,context,answers\nWhere?,In a wood.,wood\nWho?,In a wood.,the king of all\n"
        "What?,It is a cat.,cat\n"
    )
    task, _ = own_task(path)
    report = check_task_data(task, path)
    check = check_of(report, "answer not in its context")
    assert check.count == 1 and "the king of all" in check.rows[0]["found"]


def test_rows_that_cannot_be_used(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("text,label\na cat sees a dog,yes\na dog sees a cat,\nthe old dog sees,no\n")
    task, _ = own_task({"train": path, "validation": path})
    report = check_task_data(task, {"train": path, "validation": path})
    assert any("left out" in check.sentence for check in report.checks)
    assert check_of(report, "text in train and elsewhere").count == 2


def test_first_rows_of_tables_and_of_other_files(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("text,label\n" + "a cat,yes\n" * 20)
    assert first_rows(path, 3) == [{"text": "a cat", "label": "yes"}] * 3
    assert len(first_rows(path)) == 10
    words = tmp_path / "train.conll"
    words.write_text("cat B-X\ndog O\n\n")
    assert first_rows(words) == []


def test_what_the_model_sees(tokenizer):
    config = FinetuneConfig.for_task({})
    places = seen_by_model(
        known_task("rte"),
        [TextExample(id="0", text="the cat", second_text="a dog", label="entailment")],
        tokenizer,
        config,
    )
    assert [place["piece"] for place in places] == [
        *("[CLS]", "the", "cat", "[SEP]", "a", "dog", "[SEP]")
    ]
    assert [place["segment"] for place in places] == [0, 0, 0, 0, 1, 1, 1]


def test_what_the_model_sees_of_tags(tokenizer):
    config = FinetuneConfig.for_task({})
    example = TaggingExample(id="0", words=("cats", "in"), tags=("B-X", "O"))
    places = seen_by_model(task_of("tagging"), [example], tokenizer, config)
    assert [(place["piece"], place["label"]) for place in places] == [
        ("[CLS]", None),
        ("cat", "B-X"),
        ("##s", None),
        ("in", "O"),
        ("[SEP]", None),
    ]


def test_some_examples_come_from_everywhere():
    examples = list(range(1000))
    some = some_examples(examples, 50)
    assert len(some) == 50 and some == sorted(some) == some_examples(examples, 50)
    assert some[0] < 200 and some[-1] > 800
    assert some_examples(examples, None) is examples
