"""Statistics over trials: worked figures, agreement with scipy, coverage, and trials that diverged."""

import math

import numpy as np
import pytest

from keras_electra import scoring
from keras_electra.errors import InputError
from keras_electra.tasks.kinds import kind_of

stats = pytest.importorskip("scipy.stats")


def test_summary_of_a_worked_example():
    found = scoring.summary([0.8, 0.9, 1.0])
    assert found["values"] == [0.8, 0.9, 1.0]
    assert found["mean"] == found["median"] == pytest.approx(0.9)
    assert found["std"] == pytest.approx(0.1)
    # 4.3027 is the 97.5 % point of Student's t with two degrees of freedom.
    half = 4.3027 * 0.1 / math.sqrt(3)
    assert found["interval"] == pytest.approx([0.9 - half, 0.9 + half], abs=1e-5)
    assert scoring.summary([1.0, 2.0, 9.0])["median"] == 2


def test_summary_of_what_tells_no_spread():
    found = scoring.summary([0.5])
    assert (found["mean"], found["std"], found["interval"]) == (0.5, None, None)
    found = scoring.summary([0.1, 0.1, 0.1])
    assert found["std"] == 0 and found["interval"] == [found["mean"]] * 2
    for missing in (math.nan, None):
        found = scoring.summary([0.5, missing])
        assert math.isnan(found["mean"]) and found["interval"] is None
    with pytest.raises(InputError, match="received none"):
        scoring.summary([])


def test_paired_difference_agrees_with_scipy():
    rng = np.random.default_rng(0)
    for count in (2, 5, 20):
        a = rng.normal(0.8, 0.05, count)
        b = a + rng.normal(0.01, 0.02, count)
        found, theirs = scoring.paired_difference(a, b), stats.ttest_rel(a, b)
        assert found["mean"] == pytest.approx(np.mean(a - b))
        assert found["p_value"] == pytest.approx(theirs.pvalue)
        assert found["interval"] == pytest.approx(list(theirs.confidence_interval(0.95)))
        assert found["std"] == pytest.approx(np.std(a - b, ddof=1))


def test_pairs_see_what_means_cannot():
    rng = np.random.default_rng(1)
    a = rng.normal(0.8, 0.1, 8)
    b = a + 0.02 + rng.normal(0, 0.002, 8)
    assert scoring.paired_difference(b, a)["interval"][0] > 0
    low, high = scoring.difference_of_means(b, a)["interval"]
    assert low < 0 < high


def test_paired_difference_of_special_cases():
    one = scoring.paired_difference([0.5], [0.25])
    assert one == {"mean": 0.25, "std": None, "interval": None, "p_value": None}
    same = scoring.paired_difference([0.5, 0.6], [0.5, 0.6])
    assert same == {"mean": 0, "std": 0, "interval": [0, 0], "p_value": 1}
    shifted = scoring.paired_difference([0.5, 0.75], [0.25, 0.5])
    assert (shifted["mean"], shifted["std"], shifted["p_value"]) == (0.25, 0, 0)
    with pytest.raises(InputError, match="received 2 and 1"):
        scoring.paired_difference([1, 2], [1])


def test_difference_of_means_agrees_with_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.8, 0.1, 5), rng.normal(0.7, 0.02, 9)
    found, theirs = scoring.difference_of_means(a, b), stats.ttest_ind(a, b, equal_var=False)
    assert found["mean"] == pytest.approx(np.mean(a) - np.mean(b))
    assert found["p_value"] == pytest.approx(theirs.pvalue)
    assert found["interval"] == pytest.approx(list(theirs.confidence_interval(0.95)))
    assert scoring.difference_of_means([1.0], [1.0, 2.0])["interval"] is None
    same = scoring.difference_of_means([1.0, 1.0], [0.5, 0.5])
    assert same == {"mean": 0.5, "interval": [0.5, 0.5], "p_value": 0}


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    covered = [0, 0, 0]
    for _ in range(1000):
        a, b = rng.normal(0.3, 1.0, 5), rng.normal(0.0, 0.5, 7)
        found = (
            scoring.summary(a)["interval"],
            scoring.difference_of_means(a, b)["interval"],
            scoring.paired_difference(a, b[:5])["interval"],
        )
        covered = [n + (low <= 0.3 <= high) for n, (low, high) in zip(covered, found, strict=True)]
    # Of 1000, 95 % are 950; three standard deviations are 21.
    assert all(929 <= number <= 971 for number in covered)


def test_holm():
    assert scoring.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert scoring.holm([0.9, 0.8]) == [1, 1]
    assert scoring.holm([]) == []
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = rng.random(6) ** 3
        adjusted = np.array(scoring.holm(values))
        assert (np.diff(adjusted[np.argsort(values)]) >= 0).all()
        assert (adjusted >= values).all() and (adjusted <= np.minimum(6 * values, 1) + 1e-12).all()
        # Rejecting by adjusted values is Holm's procedure, step by step.
        rejected = np.zeros(6, bool)
        for place, index in enumerate(np.argsort(values)):
            if values[index] > 0.05 / (6 - place):
                break
            rejected[index] = True
        np.testing.assert_array_equal(adjusted <= 0.05, rejected)


# Trials that diverged


def label_rows(gold, predicted):
    return [{"gold": g, "label": p} for g, p in zip(gold, predicted, strict=True)]


UNEVEN = ["1"] * 7 + ["0"] * 3
"""The best constant probabilities have the loss -0.7 ln 0.7 - 0.3 ln 0.3 = 0.611."""


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_has_diverged(loss):
    assert kind_of("classification").has_diverged(label_rows(UNEVEN, UNEVEN), loss)


@pytest.mark.parametrize(
    ("predicted", "loss", "expected"),
    [
        (["1"] * 10, 0.611, True),
        (["1"] * 10, 0.72, True),
        # A little lower by chance, and clearly lower.
        (["1"] * 10, 0.60, True),
        (["1"] * 10, 0.45, False),
        # Bad, but not the same for all.
        (["1"] * 9 + ["0"], 0.9, False),
    ],
)
def test_one_label_for_everything(predicted, loss, expected):
    assert kind_of("classification").has_diverged(label_rows(UNEVEN, predicted), loss) is expected


def test_gold_answers_that_are_all_alike_tell_nothing():
    assert not kind_of("classification").has_diverged(label_rows(["1"] * 5, ["1"] * 5), 0.9)
    unknown = [{"gold": None, "label": "1"}] * 3
    for kind in ("classification", "regression", "question_answering"):
        rows = [{**row, "value": 0.5, "answer": ""} for row in unknown]
        assert not kind_of(kind).has_diverged(rows, 0.9)
        assert kind_of(kind).has_diverged(rows, math.nan)


@pytest.mark.parametrize("kind", ["classification", "multi_label"])
def test_labels_that_the_model_lacks_tell_nothing(kind):
    """They would make the best constant answer look worse than it is to one who cannot give them."""
    gold, name = [*UNEVEN, *"zzzzzzzzzz"], "label"
    rows = [{**row, "probabilities": {"0": 0.3, "1": 0.7}} for row in label_rows(gold, ["1"] * 20)]
    if kind == "multi_label":
        rows = [{**row, "gold": [row["gold"]], "labels": [row[name]]} for row in rows]
    assert kind_of(kind).has_diverged(rows, 0.611)


def test_constant_values():
    def rows(values):
        return [{"gold": g, "value": v} for g, v in zip([0.0, 2.5, 5.0], values, strict=True)]

    assert kind_of("regression").has_diverged(rows([2.4, 2.41, 2.4]), 0.1)
    assert not kind_of("regression").has_diverged(rows([2.0, 2.5, 2.2]), 0.1)


def test_constant_tags_choices_and_answers():
    tags = [{"gold": ["O", "B-X"], "tags": ["O", "O"]}, {"gold": ["O"], "tags": ["O"]}]
    assert kind_of("tagging").has_diverged(tags, 0.7)
    assert not kind_of("tagging").has_diverged(tags, 0.2)
    choices = [{"gold": place % 4, "choice": 2} for place in range(8)]
    assert kind_of("multiple_choice").has_diverged(choices, math.log(4))
    assert not kind_of("multiple_choice").has_diverged(choices, 1.0)
    answers = [{"gold": ["red"], "answer": ""}, {"gold": ["sea"], "answer": ""}]
    assert kind_of("question_answering").has_diverged(answers, 2.0)
    answers[0]["answer"] = "red"
    assert not kind_of("question_answering").has_diverged(answers, 2.0)


def test_constant_sets_of_labels():
    """Rare labels that a model rightly holds unlikely are not given, and their loss is low."""
    probabilities = {"a": 0.1, "b": 0.1}
    rows = [
        {"gold": gold, "labels": [], "probabilities": probabilities}
        for gold in (["a"], ["b"], [], [], [], [], [], [], [], [])
    ]
    constant = -0.1 * math.log(0.1) - 0.9 * math.log(0.9)
    assert kind_of("multi_label").has_diverged(rows, constant)
    assert not kind_of("multi_label").has_diverged(rows, 0.8 * constant)
