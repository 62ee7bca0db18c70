"""Metrics: worked examples, agreement with scikit-learn, and what does not count does not matter."""

import numpy as np
import pytest

from keras_electra.errors import InputError
from keras_electra.masking import SpecialIds
from keras_electra.metrics import (
    DetectionCounts,
    auc_from_histograms,
    commonest_id,
    roc_auc,
    rtd_loss,
    unigram_accuracy,
    unigram_baselines,
    weighted_accuracy,
)

SPECIAL = SpecialIds(pad_id=0, unknown_id=4, class_id=1, separator_id=2, mask_id=3)


def random_batch(seed=0, shape=(8, 64), rate=0.1):
    rng = np.random.default_rng(seed)
    is_replaced = rng.random(shape) < rate
    # Rounded, so that many scores tie.
    logits = np.round(rng.normal(is_replaced * 1.0 - 2.0, 1.5), 1)
    weights = (rng.random(shape) < 0.8).astype(np.float32)
    return logits, is_replaced, weights


def test_counts_of_a_worked_example():
    logits = np.array([[2.0, 0.1, -1.0, 0.0], [3.0, -2.0, -2.0, 9.0]])
    is_replaced = np.array([[1, 0, 1, 1], [1, 0, 0, 0]])
    weights = np.array([[1, 1, 1, 1], [1, 1, 1, 0]])
    counts = DetectionCounts.of(logits, is_replaced, weights)
    assert counts == DetectionCounts(hits=2, false_alarms=1, misses=2, correct_rejections=2)
    assert counts.accuracy == 4 / 7
    assert counts.precision == 2 / 3
    assert counts.recall == 2 / 4
    assert counts.replaced_rate == 4 / 7
    assert counts.majority_accuracy == 4 / 7


def test_logit_of_exactly_zero_is_judged_original():
    assert DetectionCounts.of([0.0], [True]).misses == 1


def test_counts_agree_with_scikit_learn_and_add_up():
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    logits, is_replaced, weights = random_batch()
    counts = DetectionCounts.of(logits, is_replaced, weights)
    judged, truth, sample_weight = (logits > 0).ravel(), is_replaced.ravel(), weights.ravel()
    for ours, theirs in (
        (counts.accuracy, sklearn_metrics.accuracy_score),
        (counts.precision, sklearn_metrics.precision_score),
        (counts.recall, sklearn_metrics.recall_score),
    ):
        assert ours == pytest.approx(theirs(truth, judged, sample_weight=sample_weight))
    halves = [
        DetectionCounts.of(logits[part], is_replaced[part], weights[part])
        for part in (slice(0, 3), slice(3, None))
    ]
    assert sum(halves, DetectionCounts()) == counts


def test_rates_of_nothing_are_zero():
    counts = DetectionCounts()
    for name in ("accuracy", "precision", "recall", "replaced_rate", "majority_accuracy"):
        assert getattr(counts, name) == 0.0
    assert weighted_accuracy([[1]], [[1]], [[0]]) == 0.0


def test_majority_baseline_answers_the_commoner_kind():
    mostly_original = DetectionCounts.of(np.zeros(10), np.arange(10) < 2)
    mostly_replaced = DetectionCounts.of(np.zeros(10), np.arange(10) < 7)
    assert mostly_original.majority_accuracy == 0.8
    assert mostly_replaced.majority_accuracy == 0.7


def test_auc_of_the_worked_example():
    assert roc_auc([1, 2, 2, 3], [0, 0, 1, 1]) == 0.875
    assert auc_from_histograms([0, 1, 1], [1, 1, 0]) == 0.875


def test_auc_is_the_share_of_pairs_in_order():
    logits, is_replaced, _ = random_batch(1)
    above = logits[is_replaced][:, None] - logits[~is_replaced]
    share = np.mean((above > 0) + 0.5 * (above == 0))
    assert roc_auc(logits, is_replaced) == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fractional", [False, True])
def test_auc_agrees_with_scikit_learn(seed, fractional):
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    logits, is_replaced, weights = random_batch(seed)
    if fractional:
        weights = weights * np.random.default_rng(seed).random(weights.shape)
    theirs = sklearn_metrics.roc_auc_score(
        is_replaced.ravel(), logits.ravel(), sample_weight=weights.ravel()
    )
    assert roc_auc(logits, is_replaced, weights) == pytest.approx(theirs, abs=1e-12)
    assert roc_auc(logits, is_replaced.astype(np.int32), weights) == pytest.approx(theirs)


def test_auc_at_its_ends_and_in_the_middle():
    labels = np.arange(100) >= 90
    assert roc_auc(np.arange(100), labels) == 1.0
    assert roc_auc(-np.arange(100), labels) == 0.0
    assert roc_auc(np.zeros(100), labels) == 0.5


def test_auc_depends_on_the_order_alone():
    logits, is_replaced, weights = random_batch(2)
    chances = 1 / (1 + np.exp(-logits))
    assert roc_auc(chances, is_replaced, weights) == roc_auc(logits, is_replaced, weights)


def test_padding_changes_no_metric():
    logits, is_replaced, weights = random_batch(3)
    padded = [np.pad(values, ((0, 0), (0, 50))) for values in (logits, is_replaced, weights)]
    padded[0][:, -50:] = np.nan
    assert roc_auc(*padded) == roc_auc(logits, is_replaced, weights)
    assert rtd_loss(*padded) == pytest.approx(rtd_loss(logits, is_replaced, weights), rel=1e-12)
    assert DetectionCounts.of(*padded) == DetectionCounts.of(logits, is_replaced, weights)


def test_auc_is_undefined_without_both_kinds_or_with_nan():
    assert np.isnan(roc_auc([1.0, 2.0], [True, True]))
    assert np.isnan(roc_auc([1.0, 2.0], [False, False]))
    assert np.isnan(roc_auc([], np.zeros(0, bool)))
    assert np.isnan(roc_auc([1.0, np.nan], [True, False]))
    assert np.isnan(auc_from_histograms([np.nan, 1], [1, 1]))


def test_histograms_give_nearly_the_exact_auc():
    rng = np.random.default_rng(4)
    is_replaced = rng.random(20_000) < 0.1
    logits = rng.normal(is_replaced * 1.0 - 2.5, 1.0)
    edges = np.linspace(-12, 12, 513)
    histograms = [np.histogram(logits[kind], edges)[0] for kind in (is_replaced, ~is_replaced)]
    assert auc_from_histograms(*histograms) == pytest.approx(roc_auc(logits, is_replaced), abs=1e-4)


def test_rtd_loss_weighs_examples_alike():
    logits = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 5.0], [7.0, 7.0, 7.0]])
    weights = np.array([[1, 0, 0], [1, 1, 1], [0, 0, 0]])
    surprise = np.log1p(np.exp(5.0))
    expected = (np.log(2) + (2 * np.log(2) + surprise) / 3) / 2
    assert rtd_loss(logits, np.zeros((3, 3), bool), weights) == pytest.approx(expected)


def test_rtd_loss_is_finite_for_large_logits_and_nan_for_nothing():
    assert rtd_loss([[800.0, -800.0]], [[False, True]]) == 800.0
    assert rtd_loss([[np.inf, -np.inf]], [[True, False]]) == 0.0
    assert np.isnan(rtd_loss([[1.0]], [[True]], [[0]]))
    assert np.isnan(rtd_loss([[1.0, np.nan]], [[True, False]]))


def test_weighted_accuracy_ignores_unused_slots():
    assert weighted_accuracy([[5, 6, 7]], [[5, 9, 7]], [[1, 1, 0]]) == 0.5


def test_unigram_baselines_of_the_text_alone():
    special = SpecialIds(pad_id=0, unknown_id=1, class_id=2, separator_id=3, mask_id=4)
    found = unigram_baselines([9, 0, 9, 9, 9, 2, 1, 1], special)
    assert found["unigram_accuracy"] == 0.5
    assert found["unigram_entropy"] == pytest.approx(1.0397, abs=1e-4)
    assert unigram_baselines([9, 0, 9, 9, 9, 0], special) == {}


def test_unigram_baseline_of_a_worked_example():
    token_counts = np.array([900, 800, 800, 700, 5, 40, 30])
    assert commonest_id(token_counts, SPECIAL) == 5
    accuracy = unigram_accuracy(
        [[5, 6, 5], [5, 0, 0]], [[1, 1, 1], [1, 0, 0]], token_counts, SPECIAL
    )
    assert accuracy == 3 / 4


def test_unknown_word_can_be_the_commonest_answer():
    assert commonest_id([0, 0, 0, 0, 9, 3], SPECIAL) == 4


def test_baseline_leaves_the_counts_alone():
    token_counts = np.arange(6)[::-1].copy()
    commonest_id(token_counts, SPECIAL)
    assert token_counts.tolist() == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("measure", [DetectionCounts.of, roc_auc, rtd_loss])
def test_shapes_that_differ_are_refused(measure):
    with pytest.raises(InputError, match=r"one shape, received \(2, 3\), \(2, 2\)"):
        measure(np.zeros((2, 3)), np.zeros((2, 2), bool))


def test_counts_without_special_tokens_are_refused():
    with pytest.raises(InputError, match="token_counts"):
        commonest_id([1, 2], SPECIAL)
