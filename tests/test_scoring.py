"""Scoring: worked figures, agreement with seqeval on spans, what is not defined, baselines, errors."""

import json
import subprocess
import sys
import warnings

import numpy as np
import pytest

from keras_electra import scoring
from keras_electra.errors import InputError
from keras_electra.scoring.word_counts import shared_words
from keras_electra.tasks.examples import (
    Answer,
    ChoiceExample,
    QuestionExample,
    TaggingExample,
    TextExample,
)
from keras_electra.tasks.kinds import kind_names, kind_of
from keras_electra.tasks.kinds.question_answering import first_words

pytest.importorskip("sklearn")


@pytest.fixture(autouse=True)
def _no_warnings():
    """What is not defined has a documented value, and says so nowhere else."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def random_labels(rng, count, names="abc"):
    return [str(name) for name in rng.choice(list(names), count)]


# Labels

GOLD = ["1", "1", "1", "0", "0", "0", "0", "0"]
PREDICTED = ["1", "1", "0", "1", "0", "0", "0", "0"]
"""For label 1: two hits, one miss, one false alarm; four correct rejections."""


def test_figures_of_a_worked_example():
    assert scoring.accuracy(GOLD, PREDICTED) == 6 / 8
    assert scoring.f1(GOLD, PREDICTED, "1") == pytest.approx(2 / 3)
    assert scoring.f1(GOLD, PREDICTED, "0") == pytest.approx(4 / 5)
    assert scoring.macro_f1(GOLD, PREDICTED) == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert scoring.micro_f1(GOLD, PREDICTED) == pytest.approx(6 / 8)
    # (hits · rejections - false alarms · misses) / √(product of the four margins)
    assert scoring.matthews(GOLD, PREDICTED) == pytest.approx((2 * 4 - 1) / np.sqrt(3 * 3 * 5 * 5))


@pytest.mark.parametrize("predicted", [["1"] * 4, ["0"] * 4])
def test_one_class_only_is_zero(predicted):
    gold = ["1"] * 4
    assert scoring.matthews(gold, predicted) == 0
    assert scoring.matthews(["1", "0", "1", "0"], predicted) == 0
    assert scoring.f1(["0"] * 4, ["0"] * 4, "1") == 0
    assert scoring.macro_f1(gold, predicted) == (predicted == gold)


def test_labels_that_do_not_occur_are_reported_but_not_averaged():
    report = scoring.per_label_report(["a", "b"], ["a", "a"], ["c", "a", "b"])
    assert list(report) == ["c", "a", "b"]
    assert report["c"] == {"precision": 0, "recall": 0, "f1": 0, "support": 0}
    assert report["a"] == {"precision": 0.5, "recall": 1, "f1": pytest.approx(2 / 3), "support": 1}
    rows = [{"gold": g, "label": p} for g, p in (("a", "a"), ("b", "a"))]
    found = kind_of("classification").figures(rows, metrics=["macro_f1"], labels=["c", "a", "b"])
    assert found["macro_f1"] == pytest.approx(1 / 3)


def test_confusion_matrix_has_gold_in_rows():
    names, counts = scoring.confusion_matrix(GOLD, PREDICTED, ["1", "0"])
    assert names == ["1", "0"]
    np.testing.assert_array_equal(counts, [[2, 1], [1, 4]])
    names, counts = scoring.confusion_matrix(["x"], ["y"], ["b"])
    assert names == ["b", "x", "y"]
    assert counts[1, 2] == counts.sum() == 1


def test_sets_of_labels():
    gold = [["red", "blue"], ["red"], [], ["green"]]
    predicted = [["blue", "red"], ["red", "green"], [], []]
    assert scoring.subset_accuracy(gold, predicted) == 2 / 4
    # Three decisions for a label are right, one is wrong, and one was missed.
    assert scoring.micro_f1(gold, predicted) == pytest.approx(6 / 8)
    assert scoring.macro_f1(gold, predicted) == pytest.approx((1 + 1 + 0) / 3)
    assert scoring.per_label_report(gold, predicted)["green"]["precision"] == 0


def test_sets_of_one_label_are_like_the_label():
    rng = np.random.default_rng(0)
    gold, predicted = random_labels(rng, 60), random_labels(rng, 60)
    sets = [[[name] for name in names] for names in (gold, predicted)]
    assert scoring.per_label_report(*sets) == scoring.per_label_report(gold, predicted)
    assert scoring.micro_f1(*sets) == pytest.approx(scoring.accuracy(gold, predicted))


def test_a_single_label_to_give_or_not():
    gold, predicted = [["x"], [], ["x"]], [["x"], ["x"], []]
    assert scoring.micro_f1(gold, predicted) == scoring.macro_f1(gold, predicted) == 0.5
    assert scoring.micro_f1([[], []], [[], []]) == scoring.macro_f1([[], []], [[], []]) == 0


# Numbers


def test_correlations_of_a_worked_example():
    gold, predicted = [1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 40.0, 30.0]
    assert scoring.pearson(gold, predicted) == pytest.approx(0.8)
    assert scoring.spearman(gold, [10, 20, 4000, 3000]) == pytest.approx(0.8)
    assert scoring.spearman(gold, [-1, -2, -3, -4]) == pytest.approx(-1)
    assert scoring.mse(gold, [1.0, 2.0, 3.0, 2.0]) == 1.0


@pytest.mark.parametrize("constant", [[0.1] * 3, [0.1, 0.1, np.nextafter(0.1, 1)], [0.0] * 3])
def test_a_constant_has_no_correlation(constant):
    for figure in (scoring.pearson, scoring.spearman):
        assert figure([1.0, 2.0, 3.0], constant) == 0
        assert figure(constant, [1.0, 2.0, 3.0]) == 0
        assert figure([1.0], [2.0]) == 0


def test_what_is_no_number_is_not_hidden():
    assert np.isnan(scoring.pearson([1.0, 2.0, 3.0], [1.0, np.nan, 3.0]))
    assert np.isnan(scoring.mse([1.0, 2.0], [1.0, np.inf - np.inf]))


# Spans


def test_spans_by_the_conventions_of_conlleval():
    tags = ["B-NP", "I-NP", "I-VP", "O", "I-VP", "B-VP", "B-VP", "E-VP", "I-VP", "S-VP", "E-NP"]
    assert scoring.spans_of(tags) == [
        ("NP", 0, 2),
        ("VP", 2, 3),
        ("VP", 4, 5),
        ("VP", 5, 6),
        ("VP", 6, 8),
        ("VP", 8, 9),
        ("VP", 9, 10),
        ("NP", 10, 11),
    ]
    assert scoring.spans_of([]) == []
    assert scoring.spans_of(["B", "I", "O", "I"]) == [("", 0, 2), ("", 3, 4)]
    assert scoring.spans_of(["B-per-son"]) == [("per-son", 0, 1)]


def test_the_same_spans_in_every_scheme():
    bio = ["B-NP", "I-NP", "B-NP", "O", "B-VP", "B-NP", "I-NP", "I-NP"]
    iob1 = ["I-NP", "I-NP", "B-NP", "O", "I-VP", "I-NP", "I-NP", "I-NP"]
    bioes = ["B-NP", "E-NP", "S-NP", "O", "S-VP", "B-NP", "I-NP", "E-NP"]
    for tags in (bio, iob1, bioes):
        assert scoring.spans_of(tags) == scoring.spans_of(bio)
        assert scoring.to_bioes(tags) == bioes
    assert scoring.to_bioes(["B", "I", "O", "B"]) == ["B", "E", "O", "S"]


@pytest.mark.parametrize("tag", ["NN", "B_NP", "X-NP", "", "B-", "BI-NP", "-NP"])
def test_tags_that_tell_no_spans(tag):
    with pytest.raises(InputError, match=r"tag: expected O or B-type, .*received"):
        scoring.spans_of(["O", tag])
    assert not scoring.has_span_tags(["O", tag])


def test_span_figures_of_a_worked_example():
    """Gold: NP 0-2, VP 2-3, NP 4-5. Predicted: NP 0-2, VP 2-4 (too long). One of two is right."""
    gold = [["B-NP", "I-NP", "B-VP", "O", "B-NP"]]
    predicted = [["B-NP", "I-NP", "B-VP", "I-VP", "O"]]
    found = scoring.span_figures(gold, predicted)
    assert found == {"precision": 1 / 2, "recall": 1 / 3, "f1": pytest.approx(0.4)}
    report = scoring.per_type_report(gold, predicted)
    assert report["NP"] == {
        "precision": 1,
        "recall": 1 / 2,
        "f1": pytest.approx(2 / 3),
        "support": 2,
    }
    assert report["VP"] == {"precision": 0, "recall": 0, "f1": 0, "support": 1}
    assert scoring.token_accuracy(gold, predicted) == 3 / 5
    nothing = scoring.span_figures([["O"]], [["O"]])
    assert nothing == {"precision": 0, "recall": 0, "f1": 0}
    with pytest.raises(InputError, match="5 words, received 4"):
        scoring.span_figures(gold, [predicted[0][:4]])


def random_sentences(rng, scheme="BIO", count=30):
    """Valid tags with spans of one to four words, of three types, often side by side."""
    sentences = []
    for _ in range(count):
        tags = []
        for _ in range(rng.integers(1, 6)):
            name, size = rng.choice(["NP", "VP", "PP"]), rng.integers(1, 5)
            tags += [f"B-{name}", *[f"I-{name}"] * (size - 1)] if rng.random() < 0.7 else ["O"]
        sentences.append(scoring.to_bioes(tags) if scheme == "BIOES" else tags)
    return sentences


def corrupted(rng, sentences, rate):
    """Some tags replaced by any others, so that sequences are no longer valid."""
    tags = sorted({tag for sentence in sentences for tag in sentence})
    return [
        [str(rng.choice(tags)) if rng.random() < rate else tag for tag in sentence]
        for sentence in sentences
    ]


@pytest.mark.parametrize("scheme", ["BIO", "BIOES"])
def test_span_figures_agree_with_seqeval(scheme):
    """On gold tags, and on 100 variants of them with 1 to 60 % of the tags replaced."""
    reference = pytest.importorskip("seqeval.metrics")
    rng = np.random.default_rng(0)
    gold = random_sentences(rng, scheme)
    assert scoring.span_figures(gold, gold)["f1"] == reference.f1_score(gold, gold) == 1
    seen = []
    for number, rate in enumerate(np.linspace(0.01, 0.6, 100)):
        variant = corrupted(rng, gold, rate)
        found = scoring.span_figures(gold, variant)
        for name in ("precision", "recall", "f1"):
            theirs = getattr(reference, f"{name}_score")(gold, variant)
            assert found[name] == pytest.approx(theirs, abs=1e-12)
        seen.append(found["f1"])
        if number % 20:
            continue
        theirs = reference.classification_report(gold, variant, output_dict=True, zero_division=0)
        for name, of_type in scoring.per_type_report(gold, variant).items():
            assert of_type["f1"] == pytest.approx(theirs[name]["f1-score"], abs=1e-12)
            assert of_type["support"] == theirs[name]["support"]
    assert max(seen) > 0.9 and min(seen) < 0.4


def test_conversions_keep_the_spans_of_any_tags():
    rng = np.random.default_rng(1)
    for tags in corrupted(rng, random_sentences(rng, "BIOES"), 0.5):
        assert scoring.spans_of(scoring.to_bioes(tags)) == scoring.spans_of(tags)


# Calibration


def test_calibration_of_a_worked_example():
    confidences, is_right = [0.8, 0.8, 0.8, 0.8, 0.6], [True, True, True, False, True]
    error = scoring.expected_calibration_error(confidences, is_right)
    assert error == pytest.approx((4 * 0.05 + 0.4) / 5)
    brier = (3 * 0.2**2 + 0.8**2 + 0.4**2) / 5
    assert scoring.brier_score(confidences, is_right) == pytest.approx(brier)
    found = scoring.calibration_of(confidences, is_right)
    assert (found["accuracy"], found["confidence"]) == (0.8, pytest.approx(0.76))
    used = {one["high"]: (one["count"], one["accuracy"]) for one in found["bins"] if one["count"]}
    assert used == {0.6: (1, 1.0), 0.8: (4, 0.75)}


def test_every_confidence_has_a_bin():
    bins = scoring.reliability_bins([0.0, 0.1, 0.10001, 0.7, 1.0], [True] * 5)
    assert [one["count"] for one in bins] == [2, 1, 0, 0, 0, 0, 1, 0, 0, 1]
    assert (bins[0]["low"], bins[-1]["high"]) == (0, 1)


def test_honest_probabilities_are_calibrated():
    rng = np.random.default_rng(0)
    probabilities = rng.uniform(0, 1, 20000)
    happens = rng.random(20000) < probabilities
    assert scoring.expected_calibration_error(probabilities, happens) < 0.02
    assert scoring.expected_calibration_error(probabilities**3, happens) > 0.1
    assert scoring.brier_score(probabilities, happens) == pytest.approx(1 / 6, abs=0.01)
    assert scoring.brier_score([[0.7, 0.3]], [[0, 1]]) == pytest.approx(0.98)


# Prediction rows

ROWS = {
    "classification": [
        {"id": str(n), "gold": g, "label": p, "probabilities": {p: 0.75, "01"[p == "0"]: 0.25}}
        for n, (g, p) in enumerate(zip(GOLD, PREDICTED, strict=True))
    ],
    "multi_label": [
        {"gold": ["a"], "labels": ["a", "b"], "probabilities": {"a": 0.9, "b": 0.6, "c": 0.1}},
        {"gold": [], "labels": [], "probabilities": {"a": 0.2, "b": 0.2, "c": 0.2}},
    ],
    "regression": [{"gold": g, "value": v} for g, v in ((0.0, 1.0), (2.0, 2.0), (5.0, 4.0))],
    "tagging": [
        {"gold": ["B-X", "O"], "tags": ["B-X", "I-X"], "probabilities": [0.9, 0.5]},
        {"gold": ["O"], "tags": ["O"], "probabilities": [0.8]},
    ],
    "multiple_choice": [
        {"gold": 0, "choice": 0, "probabilities": [0.6, 0.4]},
        {"gold": 3, "choice": 1, "probabilities": [0.1, 0.5, 0.2, 0.2]},
    ],
    "question_answering": [
        {
            "gold": ["a red hat"],
            "answer": "red hat",
            "null_odds": -1.0,
            "n_best": [{"text": "red hat", "start": 2, "end": 9, "score": 1.0, "probability": 0.9}],
        }
    ],
}


@pytest.mark.parametrize("kind", kind_names())
def test_every_figure_of_every_kind_is_a_number(kind):
    found = kind_of(kind).figures(ROWS[kind], metrics=kind_of(kind).metrics)
    assert list(found) == list(kind_of(kind).metrics)
    assert all(isinstance(value, float) and np.isfinite(value) for value in found.values())


@pytest.mark.parametrize("kind", kind_names())
def test_rows_without_gold_are_left_out(kind):
    metrics = kind_of(kind).metrics
    unknown = [{**row, "gold": None} for row in ROWS[kind]]
    found = kind_of(kind).figures([*unknown, *ROWS[kind]], metrics=metrics)
    assert found == kind_of(kind).figures(ROWS[kind], metrics=metrics)
    with pytest.raises(InputError, match="expected a known gold answer in some of"):
        kind_of(kind).figures(unknown, metrics=metrics)
    with pytest.raises(InputError, match="expected a known gold answer in some of"):
        kind_of(kind).report(unknown)


def test_figures_are_those_of_the_functions():
    rows = ROWS["classification"]
    found = kind_of("classification").figures(rows, metrics=["matthews", "f1"], labels=["0", "1"])
    assert found["matthews"] == scoring.matthews(GOLD, PREDICTED)
    assert found["f1"] == scoring.f1(GOLD, PREDICTED, "1")
    other = kind_of("classification").figures(rows, metrics=["f1"], labels=["1", "0"])
    assert other["f1"] == scoring.f1(GOLD, PREDICTED, "0")
    assert kind_of("regression").figures(ROWS["regression"], metrics=["mse"]) == {"mse": 2 / 3}
    found = kind_of("tagging").figures(ROWS["tagging"], metrics=["span_recall", "token_accuracy"])
    assert found == {"span_recall": 0, "token_accuracy": 2 / 3}
    found = kind_of("multiple_choice").figures(ROWS["multiple_choice"], metrics=["accuracy"])
    assert found == {"accuracy": 0.5}


def test_tags_that_tell_no_spans_have_their_accuracy():
    rows = [{"gold": ["NN", "VB"], "tags": ["NN", "NN"], "probabilities": [0.9, 0.6]}]
    assert kind_of("tagging").figures(rows, metrics=["token_accuracy"]) == {"token_accuracy": 0.5}
    assert kind_of("tagging").report(rows)["per_span_type"] is None
    with pytest.raises(InputError, match="received 'NN'"):
        kind_of("tagging").figures(rows, metrics=["span_f1"])


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'matthews'"):
        kind_of("classification").figures(ROWS["classification"], metrics=["mathews"])
    with pytest.raises(InputError, match="for tagging, received 'pearson'"):
        kind_of("tagging").check_metrics(["pearson"])
    with pytest.raises(InputError, match="kind: expected one of classification"):
        kind_of("chunking")


@pytest.mark.parametrize("kind", ["classification", "multi_label"])
def test_a_label_that_the_model_lacks_is_missed(kind):
    """As scikit-learn scores it, whose labels are those that occur on either side."""
    names = {"a": 0.9, "b": 0.2}
    gold = ["a", "b", "z", "a"]
    if kind == "multi_label":
        rows = [{"labels": ["a"], "gold": [g], "probabilities": names} for g in gold]
    else:
        rows = [{"label": "a", "gold": g, "probabilities": names} for g in gold]
    found = kind_of(kind).figures(rows, metrics=kind_of(kind).metrics, labels=["a", "b"])
    shared = pytest.importorskip("sklearn.metrics")
    assert found["macro_f1"] == pytest.approx(
        shared.f1_score(gold, ["a"] * 4, average="macro", zero_division=0)
    )
    assert found.get("accuracy", 0.5) == found.get("subset_accuracy", 0.5) == 0.5
    report = kind_of(kind).report(rows, ["a", "b"])
    assert [of_label["support"] for of_label in report["per_label"].values()] == [2, 1, 1]
    if kind == "classification":
        assert report["confusion"] == {
            "labels": ["a", "b", "z"],
            "counts": [[2, 0, 0], [1, 0, 0], [1, 0, 0]],
        }
        assert report["calibration"]["accuracy"] == 0.5


@pytest.mark.parametrize("kind", kind_names())
def test_reports_are_json(kind):
    labels = ["0", "1"] if kind == "classification" else None
    found = kind_of(kind).report(ROWS[kind], labels)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["num_examples"] == len(ROWS[kind])


def test_a_report_of_a_worked_example():
    found = kind_of("classification").report(ROWS["classification"], ["0", "1"])
    assert found["confusion"] == {"labels": ["0", "1"], "counts": [[4, 1], [1, 2]]}
    assert found["per_label"]["1"]["support"] == 3
    # All are given with 0.75, and six of eight are right.
    assert found["calibration"]["expected_calibration_error"] == 0
    found = kind_of("multiple_choice").report(ROWS["multiple_choice"])
    assert found["chance_accuracy"] == (1 / 2 + 1 / 4) / 2
    found = kind_of("multi_label").report(ROWS["multi_label"])
    # Of six decisions, only b of the first row is wrong.
    assert found["calibration"]["accuracy"] == pytest.approx(5 / 6)
    assert found["calibration"]["confidence"] == pytest.approx((0.9 + 0.6 + 0.9 + 3 * 0.8) / 6)
    without = [{"gold": "1", "label": "1"}]
    assert kind_of("classification").report(without)["calibration"] is None


# Baselines

KINDS_OF_REVIEW = {"good": ["fine", "lovely", "great"], "bad": ["dull", "poor", "awful"]}


def reviews(rng, count, pick=lambda label: label):
    """Short texts of which one word tells the label; two of three are good."""
    examples = []
    for number in range(count):
        label = "good" if number % 3 else "bad"
        text = f"a {rng.choice(KINDS_OF_REVIEW[label])} {rng.choice(['film', 'book', 'play'])}"
        examples.append(TextExample(id=str(number), text=text, label=pick(label)))
    return examples


def scored_baselines(kind, train, examples, metric, labels=None):
    rows = kind_of(kind).baselines(train, examples, labels)
    assert kind_of(kind).simplest(train, examples, labels) == next(iter(rows.values()))
    for of_one in rows.values():
        assert [row["id"] for row in of_one] == [example.id for example in examples]
        json.dumps(of_one, allow_nan=False)
        json.dumps(kind_of(kind).report(of_one, labels), allow_nan=False)
    return {
        name: kind_of(kind).figures(of_one, metrics=[metric], labels=labels)[metric]
        for name, of_one in rows.items()
    }


def test_baselines_of_texts():
    rng = np.random.default_rng(0)
    train, examples = reviews(rng, 90), reviews(rng, 30)
    labels = ["unseen", "bad", "good"]
    found = scored_baselines("classification", train, examples, "accuracy", labels)
    assert found == {"majority": 2 / 3, "tfidf": 1}
    rows = kind_of("classification").baselines(train, examples, labels)
    for row in (*rows["majority"], *rows["tfidf"]):
        assert list(row["probabilities"]) == labels
        assert row["probabilities"]["unseen"] == 0
        assert sum(row["probabilities"].values()) == pytest.approx(1)


def test_baselines_of_sets_of_labels():
    rng = np.random.default_rng(0)
    picks = {"good": ("text", "praise"), "bad": ("text", "blame")}
    train, examples = (reviews(rng, count, picks.get) for count in (90, 30))
    found = scored_baselines("multi_label", train, examples, "subset_accuracy")
    assert found == {"majority": 2 / 3, "tfidf": 1}
    labels = ["text", "praise", "never"]
    rows = kind_of("multi_label").baselines(train, examples, labels)["tfidf"]
    assert {row["probabilities"]["never"] for row in rows} == {0}
    assert {row["probabilities"]["text"] for row in rows} == {1}


def test_baselines_of_numbers_of_pairs():
    """The value is how many of four words the second text has of the first."""
    rng = np.random.default_rng(0)
    words = [f"word{number}" for number in range(200)]

    def pairs(count):
        for number in range(count):
            first, other = rng.choice(words, (2, 4))
            kept = int(rng.integers(0, 5))
            second = " ".join([*first[:kept], *other[kept:]])
            yield TextExample(
                id=str(number), text=" ".join(first), second_text=second, label=float(kept)
            )

    train, examples = list(pairs(80)), list(pairs(40))
    found = scored_baselines("regression", train, examples, "pearson")
    assert found["mean"] == 0
    assert found["tfidf"] > 0.9
    values = [row["value"] for row in kind_of("regression").baselines(train, examples)["tfidf"]]
    assert min(values) >= 0 and max(values) <= 4
    assert shared_words("A red cat.", "a blue cat") == [0.5, 0.25]
    assert shared_words("", "") == [0, 0]


def test_baseline_of_tags():
    train = [
        TaggingExample(id="0", words=("the", "run"), tags=("O", "B-N")),
        TaggingExample(id="1", words=("they", "run"), tags=("O", "B-V")),
        TaggingExample(id="2", words=("a", "run", "and"), tags=("O", "B-N", "O")),
        TaggingExample(id="3", words=("unknown",)),
    ]
    example = TaggingExample(id="x", words=("a", "run", "today"), tags=("O", "B-V", "O"))
    (row,) = kind_of("tagging").baselines(train, [example])["majority"]
    assert row["tags"] == ["O", "B-N", "O"]
    assert row["probabilities"] == [1, pytest.approx(2 / 3), pytest.approx(4 / 7)]
    assert scored_baselines("tagging", train, [example], "token_accuracy") == {
        "majority": pytest.approx(2 / 3)
    }


def test_baselines_of_choices():
    def example(number, label):
        topics = ["the sun", "the sea", "a stone"]
        choices = tuple(f"it is about {topic}" for topic in topics[: 2 + number % 2])
        question = f"what of {topics[label]} is this"
        return ChoiceExample(id=str(number), question=question, choices=choices, label=label)

    train = [example(number, label) for number, label in enumerate([1, 0, 1, 2, 1])]
    examples = [example(1, 2), example(0, 1), example(2, 0)]
    found = scored_baselines("multiple_choice", train, examples, "accuracy")
    assert found == {"majority": 1 / 3, "tfidf": 1}
    few = [example(3, 2)] * 2
    rows = kind_of("multiple_choice").baselines(few, [example(0, 1)])
    assert rows["majority"][0]["choice"] in (0, 1)


def test_baselines_of_answers():
    context = " Two  old ships sailed. "
    answered = QuestionExample(
        id="a", question="?", context=context, answers=(Answer("old ships", 6),)
    )
    impossible = QuestionExample(id="b", question="?", context="No.", is_impossible=True)
    rows = kind_of("question_answering").baselines([answered], [answered, impossible])
    assert list(rows) == ["first_words"]
    best = rows["first_words"][0]["n_best"][0]
    assert rows["first_words"][0]["answer"] == context[best["start"] : best["end"]] == "Two  old"
    train = [answered, impossible]
    found = scored_baselines("question_answering", train, [answered, impossible], "exact_match")
    assert found == {"first_words": 0, "no_answer": 0.5}
    assert [first_words(" a b  c ", n) for n in (1, 2, 3, 4)] == ["a", "a b", "a b  c", "a b  c"]
    assert first_words("  ", 2) == ""


def test_baselines_of_what_has_no_words_or_one_label():
    train = [TextExample(id=str(n), text="!?", label="ab"[n % 3 == 0]) for n in range(6)]
    rows = kind_of("classification").baselines(train, train[:2])
    assert rows["tfidf"][0]["label"] == rows["majority"][0]["label"] == "a"
    rows = kind_of("classification").baselines(train[1:3], train, ["a", "b"])
    assert {row["label"] for row in rows["tfidf"]} == {"a"}


def test_examples_whose_label_is_not_known():
    train = [TextExample(id="0", text="a b", label="x"), TextExample(id="1", text="c", label="y")]
    odd = [TextExample(id="2", text="a"), TextExample(id="3", text="c", label="z")]
    rows = kind_of("classification").baselines([*train, *odd], [*train, *odd], ["x", "y"])
    # What is none of the labels is not learned from, and is missed.
    for name in ("majority", "tfidf"):
        assert [row["gold"] for row in rows[name]] == ["x", "y", None, "z"]
        assert all(set(row["probabilities"]) == {"x", "y"} for row in rows[name])
    several = [TextExample(id="4", text="a", label=("x", "z"))]
    several += [TextExample(id=str(n), text="b", label=("y",)) for n in (5, 6)]
    rows = kind_of("multi_label").baselines(several, several, ["x", "y"])["majority"]
    assert [(row["labels"], row["gold"]) for row in rows][:2] == [
        (["y"], ["x", "z"]),
        (["y"], ["y"]),
    ]
    with pytest.raises(InputError, match="labels in some of 2 training examples, received none"):
        kind_of("classification").baselines(odd, train, ["x", "y"])


def test_importing_imports_no_optional_library():
    program = (
        "import sys, keras_electra.scoring\n"
        "print(*{'sklearn', 'scipy', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
