"""Outputs become predictions: names, values, tags, choices and answers, in the order of the examples."""

import json
import math

import numpy as np
import pytest

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import InputError
from keras_electra.tasks.answer_decoding import with_threshold
from keras_electra.tasks.encoding import encode
from keras_electra.tasks.examples import (
    Answer,
    ChoiceExample,
    QuestionExample,
    TaggingExample,
    TextExample,
)
from keras_electra.tasks.predictions import in_order, predictions
from keras_electra.tasks.task import Task

CONTEXT = "the old cat sees a young dog in the house . the king hears a bird by the river ."


def task(kind, **options):
    if kind == "regression":
        options.setdefault("value_range", (1.0, 5.0))
    return Task(name="t", kind=kind, reader=None, metrics=("m",), main_metric="m", **options)


def config(**changes):
    return FinetuneConfig.for_task({}, **{"sequence_length": 12, "window_stride": 3, **changes})


@pytest.fixture(scope="module")
def encoded(tokenizer):
    """A function: the examples of a kind, encoded for judging."""

    def make(kind, examples, labels=None, is_training=False, **changes):
        return encode(
            task(kind),
            examples,
            tokenizer,
            config(**changes),
            labels=labels,
            is_training=is_training,
        )

    return make


def texts(*labels):
    return [TextExample(id=f"x{n}", text="cat", label=label) for n, label in enumerate(labels)]


# Order


def test_outputs_come_back_in_order():
    batches = [
        (np.array([2, 0, -1]), np.array([[2.0], [0.0], [9.0]])),
        (np.array([1, 3, -1]), np.array([[1.0, 1.5], [3.0, 3.5], [9.0, 9.0]])),
    ]
    assert [row.tolist() for row in in_order(batches)] == [[0.0], [1.0, 1.5], [2.0], [3.0, 3.5]]
    named = [(rows, {"a": values, "b": -values}) for rows, values in batches]
    assert [row.tolist() for row in in_order(named)["b"]] == [
        [0.0],
        [-1.0, -1.5],
        [-2.0],
        [-3.0, -3.5],
    ]


@pytest.mark.parametrize("rows", [[0, 0], [0, 2]])
def test_rows_twice_or_missing(rows):
    with pytest.raises(InputError, match="expected each of"):
        in_order([(np.array(rows), np.zeros((2, 1)))])


def test_outputs_of_another_split(encoded):
    with pytest.raises(InputError, match="expected those of 2 rows, received 3"):
        predictions(encoded("classification", texts("a", "b")), np.zeros((3, 2)))


# Texts and choices


def test_labels_with_probabilities(encoded):
    found = encoded("classification", texts("no", "yes", "other", None), labels=("no", "yes"))
    rows = predictions(found, np.log(np.array([[1, 3], [4, 1], [1, 1], [1, 1]], np.float32)))
    assert [(row["id"], row["label"], row["gold"]) for row in rows] == [
        ("x0", "yes", "no"),
        ("x1", "no", "yes"),
        # A name that the model cannot give is still what is right.
        ("x2", "no", "other"),
        ("x3", "no", None),
    ]
    assert rows[0]["probabilities"] == pytest.approx({"no": 0.25, "yes": 0.75})
    assert json.dumps(rows)


def test_several_labels(encoded):
    found = encoded("multi_label", texts(("a",), (), ("b", "z")), labels=("a", "b"))
    rows = predictions(found, np.array([[math.log(3), -1000.0], [-1.0, 1.0], [-1.0, 1.0]]))
    assert [(row["labels"], row["gold"]) for row in rows] == [
        (["a"], ["a"]),
        (["b"], []),
        (["b"], ["b", "z"]),
    ]
    assert rows[0]["probabilities"] == pytest.approx({"a": 0.75, "b": 0.0})


def test_values_in_the_range_of_the_task(encoded):
    rows = predictions(encoded("regression", texts(2, None)), np.array([0.25, 1.1], np.float32))
    assert [row["value"] for row in rows] == pytest.approx([2.0, 5.4])
    assert [row["gold"] for row in rows] == [2.0, None]


def test_a_swapped_pair_is_one_prediction(encoded):
    examples = [TextExample(id="p", text="cat", second_text="dog", label="a")]
    found = encoded(
        "classification", examples, ("a", "b"), is_training=True, has_swapped_pairs=True
    )
    assert [row["label"] for row in predictions(found, np.array([[0, 1], [1, 0]]))] == ["b"]


def test_choices_that_an_example_has(encoded):
    examples = [
        ChoiceExample(id="0", question="cat", choices=("a", "the"), label=1),
        ChoiceExample(id="1", question="cat", choices=("a", "the", "by")),
    ]
    rows = predictions(encoded("multiple_choice", examples), np.array([[0, 0, 9], [0, 0, 9.0]]))
    assert [(row["choice"], row["gold"]) for row in rows] == [(0, 1), (2, None)]
    assert rows[0]["probabilities"] == [0.5, 0.5]
    assert rows[1]["probabilities"][2] == pytest.approx(1 / (1 + 2 * math.exp(-9)))


# Tags


@pytest.mark.parametrize("form", ["correct", "original"])
def test_perfect_logits_give_the_gold_tags(encoded, form):
    words = tuple(CONTEXT.split())
    tags = tuple("B-NP" if word in ("the", "a") else "I-NP" for word in words)
    examples = [
        TaggingExample(id="long", words=words * 2, tags=tags * 2),
        TaggingExample(id="short", words=("cat",), tags=("O",)),
        TaggingExample(id="none", words=()),
    ]
    found = encoded("tagging", examples, tagging_form=form)
    assert len(found) > 4
    logits = [np.full((12, len(found.labels)), -3.0) for _ in range(len(found))]
    for row, labels in zip(logits, found.fields["labels"], strict=True):
        row[np.arange(len(labels)), labels] = 3.0
    rows = predictions(found, logits)
    assert [row["id"] for row in rows] == ["long", "short", "none"]
    assert rows[0]["tags"] == rows[0]["gold"] and rows[1]["tags"] == rows[1]["gold"]
    assert rows[0]["words"] == list(words * 2) and len(rows[0]["probabilities"]) == 2 * len(words)
    assert (rows[2]["tags"], rows[2]["gold"]) == ([], None)
    others = (len(found.labels) - 1) * math.exp(-6)
    assert rows[1]["probabilities"] == pytest.approx([1 / (1 + others)])


def test_a_tag_that_training_never_saw_stays_in_the_gold(encoded):
    examples = [TaggingExample(id="0", words=("cat", "dog"), tags=("A", "Z"))]
    (row,) = predictions(encoded("tagging", examples, labels=("A", "B")), np.zeros((1, 8, 2)))
    assert row["gold"] == ["A", "Z"] and row["tags"] == ["A", "A"]


# Answers


def question(text=None, context=CONTEXT, **options):
    answers = () if text is None else (Answer(text, context.index(text)),)
    return QuestionExample(id="q", question="who", context=context, answers=answers, **options)


def random_beams(found, beam_size, seed=0):
    rng = np.random.default_rng(seed)
    num_rows, shape = len(found), (len(found), beam_size, beam_size)
    return {
        "start_top_positions": rng.integers(0, 12, (num_rows, beam_size)),
        "start_top_log_probs": rng.normal(size=(num_rows, beam_size)).astype(np.float32),
        "end_top_positions": rng.integers(0, 12, shape),
        "end_top_log_probs": rng.normal(size=shape).astype(np.float32),
        "answerability_logits": rng.normal(size=num_rows).astype(np.float32),
    }


def plain_candidates(found, beams):
    """(score, start character, end character) of all candidates, by loops over windows and beams."""
    for row in range(len(found)):
        first_place = int(found.fields["first_places"][row])
        offsets = found.fields["char_offsets"][row]
        for i, start in enumerate(beams["start_top_positions"][row]):
            for j, end in enumerate(beams["end_top_positions"][row][i]):
                a, b = start - first_place, end - first_place
                if not (0 <= a < len(offsets) and 0 <= b < len(offsets)) or b < a:
                    continue
                if b - a + 1 > found.answers.max_answer_tokens:
                    continue
                if not found.fields["is_max_context"][row][a]:
                    continue
                score = float(beams["start_top_log_probs"][row][i])
                score += float(beams["end_top_log_probs"][row][i][j])
                yield score, int(offsets[a][0]), int(offsets[b][1])


@pytest.mark.parametrize("seed", range(5))
def test_beams_give_what_plain_loops_give(encoded, seed):
    found = encoded("question_answering", [question("cat")], max_answer_tokens=4, num_best=6)
    beams = random_beams(found, 5, seed)
    (row,) = predictions(found, beams)
    best = {}
    for score, start, end in sorted(plain_candidates(found, beams), reverse=True):
        best.setdefault(CONTEXT[start:end], score)
    expected = list(best.items())[:6]
    assert [entry["text"] for entry in row["n_best"]] == [text for text, _ in expected]
    assert [entry["score"] for entry in row["n_best"]] == pytest.approx([s for _, s in expected])
    assert row["answer"] == expected[0][0]
    weights = np.exp([score for _, score in expected])
    assert [entry["probability"] for entry in row["n_best"]] == pytest.approx(
        weights / weights.sum()
    )
    assert row["null_odds"] == pytest.approx(float(beams["answerability_logits"].min()))
    assert row["gold"] == ["cat"]
    assert json.dumps(row, allow_nan=False)


def logits_for(found, high=5.0):
    """Start and end logits that point to the right places, of as many places as each row has."""
    starts, ends = [], []
    for row, length in enumerate(found.lengths):
        for name, values in (("start_positions", starts), ("end_positions", ends)):
            logits = np.full(length, -high)
            place = int(found.fields[name][row])
            logits[place] = high if place else 0.0
            values.append(logits)
    return {"start_logits": starts, "end_logits": ends}


@pytest.mark.parametrize("answer", ["the old cat", "young dog in", "king hears", "river", "."])
def test_perfect_logits_give_the_answer(encoded, answer):
    found = encoded("question_answering", [question(answer)])
    assert len(found) > 3
    (row,) = predictions(found, logits_for(found))
    assert row["answer"] == answer
    best = row["n_best"][0]
    assert CONTEXT[best["start"] : best["end"]] == answer and best["score"] == 10.0
    # Place 0 has 0 + 0 in windows without the answer and -5 - 5 in those with it.
    assert row["null_odds"] == -20.0


@pytest.mark.parametrize("seed", range(3))
def test_independent_logits_pair_the_best_starts_with_the_best_ends(encoded, seed):
    found = encoded("question_answering", [question("cat")], max_answer_tokens=4, num_best=3)
    rng = np.random.default_rng(seed)
    logits = {
        name: [rng.normal(size=length) for length in found.lengths]
        for name in ("start_logits", "end_logits")
    }
    beams = random_beams(found, 3)
    for row in range(len(found)):
        starts, ends = (np.argsort(-logits[name][row])[:3] for name in logits)
        beams["start_top_positions"][row] = starts
        beams["start_top_log_probs"][row] = logits["start_logits"][row][starts]
        beams["end_top_positions"][row] = ends
        beams["end_top_log_probs"][row] = logits["end_logits"][row][ends]
    best = {}
    for score, start, end in sorted(plain_candidates(found, beams), reverse=True):
        best.setdefault(CONTEXT[start:end], score)
    (row,) = predictions(found, logits)
    assert [entry["text"] for entry in row["n_best"]] == list(best)[:3]


def test_an_answer_is_written_as_in_the_context(encoded):
    context = "The OLD  Cät sees"
    found = encoded("question_answering", [question("OLD  Cät", context)])
    (row,) = predictions(found, logits_for(found))
    assert row["answer"] == "OLD  Cät"


def test_no_candidate(encoded):
    found = encoded("question_answering", [question(is_impossible=True), question()])
    beams = random_beams(found, 2)
    beams["start_top_positions"][:] = 0
    rows = predictions(found, beams)
    assert [(row["answer"], row["n_best"], row["gold"]) for row in rows] == [
        ("", [], []),
        ("", [], None),
    ]


def test_null_odds_of_a_head_that_is_not_asked(encoded):
    found = encoded("question_answering", [question("cat", "the cat")])
    beams = random_beams(found, 2)
    del beams["answerability_logits"]
    beams["start_top_positions"][:] = [[0, 4]]
    beams["start_top_log_probs"][:] = [[-1.0, -0.5]]
    beams["end_top_positions"][:] = [[[0, 3], [4, 0]]]
    beams["end_top_log_probs"][:] = [[[-0.25, -3.0], [-1.5, -4.0]]]
    (row,) = predictions(found, beams)
    assert row["answer"] == "cat" and row["null_odds"] == pytest.approx(-1.25 - -2.0)


def test_the_threshold_decides_what_has_no_answer():
    entry = {"text": "cat", "start": 0, "end": 3, "score": 1.0, "probability": 1.0}
    rows = [
        {"id": str(odds), "answer": "cat", "null_odds": odds, "n_best": [entry]}
        for odds in (-3.0, -2.75, -2.0)
    ]
    assert [row["answer"] for row in with_threshold(rows, -2.75)] == ["cat", "cat", ""]
    assert [row["answer"] for row in with_threshold(with_threshold(rows, -9.0), 0.0)] == ["cat"] * 3
    assert with_threshold(rows, None) == rows
    assert rows[2]["answer"] == "cat"
