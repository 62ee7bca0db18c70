"""Exploring a fine-tuning run: examples beside predictions, filters, thresholds, flags, text."""

import dataclasses
import json
import math

import pytest
from finetuned_runs import EXAMPLES, ROWS, write_run

from keras_electra.errors import DamagedDataError, InputError
from keras_electra.exploring import (
    Flags,
    Selection,
    TaskRun,
    answer_segments,
    as_text,
    confusion,
    decisions_at,
    judged_examples,
    prediction_sentence,
    right_sentence,
    select,
    tag_groups,
    with_probability_threshold,
    write_examples,
)
from keras_electra.exploring.records import read_lines
from keras_electra.exploring.selecting import ORDERS, VERDICTS
from keras_electra.tasks import TextExample


def judged(kind):
    return judged_examples(kind, ROWS[kind], EXAMPLES[kind])


def ids(examples):
    return [one.id for one in examples]


# Examples


@pytest.mark.parametrize(
    ("kind", "right", "errors"),
    [
        (
            "classification",
            [True, False, False, True, True, None],
            [-math.log(0.9), -math.log(0.2)],
        ),
        ("multi_label", [True, False], [-math.log(0.9 * 0.8), -math.log(0.4 * 0.1)]),
        ("regression", [None, None, None], [0.25, 2.0, 0.0]),
        ("tagging", [False, True], [0.6, 0.0]),
        ("multiple_choice", [True, False], [-math.log(0.8), -math.log(0.3)]),
        ("question_answering", [True, False, False], [0.0, 0.6 * (1 - 2 / 3), 0.5]),
    ],
)
def test_each_kind_is_judged(kind, right, errors):
    examples = judged(kind)
    assert [one.is_right for one in examples] == right
    assert [one.error for one in examples][: len(errors)] == pytest.approx(errors)


def test_confidence_is_of_what_was_given():
    assert [one.confidence for one in judged("classification")][:3] == pytest.approx(
        [0.9, 0.8, 0.55]
    )
    assert [one.confidence for one in judged("multi_label")] == pytest.approx([0.8, 0.6])
    assert [one.confidence for one in judged("tagging")] == [0.6, 0.9]
    assert judged("regression")[0].confidence is None


def test_what_has_no_gold_answer_has_no_verdict():
    one = judged("classification")[5]
    assert (one.verdict, one.error, right_sentence(one)) == ("unknown", None, "not known")


def test_examples_are_found_by_id_and_may_be_missing():
    rows = [{"id": "b", "value": 1.0, "gold": 1.0}, {"id": "a", "value": 1.0, "gold": 1.0}] * 2
    examples = [
        {"id": "a", "text": "first a"},
        {"id": "b", "text": "b"},
        {"id": "a", "text": "second a"},
    ]
    texts = [one.texts for one in judged_examples("regression", rows, examples)]
    assert texts == [(("text", "b"),), (("text", "first a"),), (), (("text", "second a"),)]


# Filters and orders


def test_filters():
    examples = judged("classification")
    assert ids(select(examples, Selection(verdict="wrong"))) == ["e1", "e2"]
    assert ids(select(examples, Selection(verdict="right"))) == ["e0", "e3", "e4"]
    assert ids(select(examples, Selection(verdict="unknown"))) == ["e5"]
    assert ids(select(examples, Selection(verdict="flagged"), {"e3"})) == ["e3"]
    assert ids(select(examples, Selection(gold="no", predicted="yes"))) == ["e1"]
    assert ids(select(examples, Selection(search="LOVELY"))) == ["e0", "e2"]
    assert ids(select(judged("tagging"), Selection(gold="I-PER", predicted="O"))) == ["e0"]
    assert ids(select(judged("multi_label"), Selection(gold="b"))) == ["e1"]
    assert ids(select(judged("multi_label"), Selection(gold="b", predicted="b"))) == []


def test_orders():
    examples = judged("classification")
    order = {name: ids(select(examples, Selection(order=name))) for name in ORDERS}
    assert order["as in the data"] == ["e0", "e1", "e2", "e3", "e4", "e5"]
    assert order["most wrong"] == ["e1", "e2", "e4", "e0", "e3", "e5"]
    assert order["least sure"][:2] == ["e2", "e5"]
    assert order["most sure"][0] in ("e0", "e3")
    assert order["longest"][0] == "e2"
    assert order["shortest"][0] == "e3"


def test_unknown_filters_are_refused():
    with pytest.raises(InputError, match="verdict: expected one of all, right"):
        Selection(verdict="bad")
    with pytest.raises(InputError, match="order: expected one of"):
        Selection(order="bad")
    assert "all" in VERDICTS


def test_confusion_counts_and_selects_alike():
    for kind in ("classification", "tagging"):
        examples = judged(kind)
        names, counts = confusion(examples)
        for row, gold in enumerate(names):
            for column, given in enumerate(names):
                found = select(examples, Selection(gold=gold, predicted=given))
                assert bool(found) == bool(counts[row][column])
    names, counts = confusion(judged("classification"), ["yes", "no"])
    assert (names, counts) == (["yes", "no"], [[1, 1], [1, 2]])


def test_a_right_label_that_the_model_lacks():
    rows = [{**row, "gold": "perhaps"} for row in ROWS["classification"]]
    examples = judged_examples("classification", rows, EXAMPLES["classification"])
    assert examples[0].verdict == "wrong" and examples[0].error == pytest.approx(-math.log(1e-12))
    assert len(select(examples, Selection(gold="perhaps", predicted="yes"))) == 3
    names, counts = confusion(examples, ["no", "yes"])
    assert (names, counts) == (["no", "yes", "perhaps"], [[0] * 3, [0] * 3, [3, 3, 0]])
    assert decisions_at(examples, ["no", "yes"]).accuracy is None


# Thresholds


def test_a_threshold_moves_the_predictions():
    labels = ["no", "yes"]
    counts = [
        decisions_at(
            with_probability_threshold(judged("classification"), labels, threshold), labels
        )
        for threshold in (0.0, 0.4, 0.5, 0.85, 1.0)
    ]
    assert [(c.num_caught, c.num_false_alarms, c.num_missed, c.num_passed) for c in counts] == [
        (2, 3, 0, 0),
        (2, 1, 0, 2),
        (1, 1, 1, 2),
        (1, 0, 1, 3),
        (0, 0, 2, 3),
    ]
    at_04, at_1 = counts[1], counts[-1]
    assert (at_04.accuracy, at_04.precision, at_04.recall, at_04.f1) == (0.8, 2 / 3, 1.0, 0.8)
    assert (at_1.precision, at_1.recall, at_1.f1) == (None, 0.0, 0.0)
    with pytest.raises(InputError, match="expected two labels, received 3"):
        decisions_at([], ["a", "b", "c"])


# Spans and answers


def test_spans_are_cut_into_groups_that_nothing_crosses():
    groups = tag_groups(judged("tagging")[0])
    assert [group.words for group in groups] == [("Ada", "Lovelace"), ("met",), ("Charles",)]
    assert (groups[0].gold, groups[0].predicted) == ((("PER", 0, 2),), (("PER", 0, 1),))
    assert [group.verdict for group in groups] == ["wrong", "", "right"]


def test_tags_without_spans_are_marks_of_words():
    row = {"id": "a", "words": ["a", "cat"], "tags": ["DT", "NN"], "gold": ["DT", "VB"]}
    groups = tag_groups(judged_examples("tagging", [row], [])[0])
    assert [group.verdict for group in groups] == ["right", "wrong"]


def test_answers_are_marked_in_their_context():
    right, half, none = judged("question_answering")
    assert ("London", "both") in answer_segments(right)
    assert [part for part in answer_segments(half) if part[1]] == [
        ("Charles", "both"),
        (" Babbage", "gold"),
    ]
    assert answer_segments(none)[0] == ("Ada", "predicted")
    for one in (right, half, none):
        assert "".join(text for text, _ in answer_segments(one)) == one.example["context"]


def test_long_contexts_are_shortened_around_the_answer():
    example = {**EXAMPLES["question_answering"][0], "context": "x" * 500 + "London" + "y" * 500}
    example["answers"] = [{"text": "London", "start": 500}]
    row = {"id": "e0", "answer": "", "gold": ["London"], "null_odds": None, "n_best": []}
    segments = answer_segments(judged_examples("question_answering", [row], [example])[0])
    assert [mark for _, mark in segments] == ["cut", "", "gold", "", "cut"]
    assert len(segments[1][0]) == 160


# Runs


def test_a_finished_run(tmp_path):
    run = TaskRun(write_run(tmp_path / "run"))
    assert (run.tasks, run.trials, run.best_trial) == (["t"], [0, 1], 1)
    assert run.splits("t") == ["validation", "test"]
    row = run.metrics()[0]
    assert (row["metric"], row["baselines"]) == ("accuracy", {"majority": 0.4})
    assert row["mean"] == pytest.approx(0.65)
    assert run.main_metric("t") == "accuracy"
    assert run.labels("t", "validation") == ["no", "yes"]
    report = run.report(run.judged("t", "validation"), ["no", "yes"])
    assert report["per_label"]["yes"]["support"] == 2
    assert "finished, 2 of 2 trials done; best by validation: trial 1" in run.state_sentence()


def test_a_run_that_goes_on_shows_what_is_done(tmp_path):
    run = TaskRun(write_run(tmp_path / "run", num_trials=3, num_done=1, state="stopped"))
    assert run.trials == [0] and run.metrics()[0]["baselines"] == {}
    assert "stopped, 1 of 3 trials done" in run.state_sentence()
    nothing = TaskRun(write_run(tmp_path / "new", num_done=0, state="stopped"))
    assert nothing.splits("t") == [] and nothing.metrics() == [] and nothing.best_trial is None
    assert "no trial was finished" in nothing.state_sentence()
    with pytest.raises(InputError, match="split: expected one that a finished trial judged"):
        nothing.judged("t", "validation")


def test_only_fine_tuning_runs_are_taken(tmp_path):
    path = write_run(tmp_path / "run")
    (path / "config.json").write_text('{"pretrain": {}}')
    with pytest.raises(InputError, match="expected a fine-tuning run"):
        TaskRun(path)
    with pytest.raises(InputError, match="expected the folder of a run"):
        TaskRun(tmp_path / "none")


def test_half_of_a_character_is_written_and_read(tmp_path):
    example = TextExample(id="0", text="schön \ud83d", label="no")
    write_examples(tmp_path, "t", "test", [example], is_alone=True)
    assert b"sch\xc3\xb6n \\ud83d" in (tmp_path / "test.jsonl").read_bytes()
    assert read_lines(tmp_path / "test.jsonl") == [dataclasses.asdict(example)]


def test_a_damaged_file_is_told_by_line(tmp_path):
    path = write_run(tmp_path / "run")
    with open(path / "trials/trial_01/predictions/validation.jsonl", "a") as file:
        file.write("[1]\n")
    with pytest.raises(
        DamagedDataError, match=r"validation.jsonl', line 7: expected a JSON object"
    ):
        TaskRun(path).judged("t", "validation")


@pytest.mark.parametrize("kind", ROWS)
def test_every_kind_has_a_text(kind, tmp_path):
    run = TaskRun(write_run(tmp_path / "run", kind))
    text = as_text(run, "t", "validation", run.judged("t", "validation"))
    assert "over 2 trials, majority 0.4000" in text
    assert "right:" in text
    assert all(prediction_sentence(one) for one in run.judged("t", "validation"))


# Flags


def test_flags_are_lines_in_the_run_folder(tmp_path):
    flags = Flags(tmp_path)
    assert flags.of("t", "test") == {}
    assert flags.toggle("t", "test", "e1") is True
    flags.set("t", "test", "e2", True, note="two authors disagree")
    flags.set("t", "validation", "e1", True)
    assert flags.of("t", "test") == {"e1": "", "e2": "two authors disagree"}
    assert flags.toggle("t", "test", "e1") is False
    assert Flags(tmp_path).of("t", "test") == {"e2": "two authors disagree"}
    rows = [json.loads(line) for line in (tmp_path / "flags.jsonl").read_text().splitlines()]
    assert [row["is_flagged"] for row in rows] == [True, True, True, False]
    assert [path.name for path in tmp_path.iterdir()] == ["flags.jsonl"]
