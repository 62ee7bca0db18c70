"""Scoring answers: worked figures, agreement with torchmetrics' SQuAD, and thresholds by trying all."""

import numpy as np
import pytest

from keras_electra import scoring
from keras_electra.errors import InputError
from keras_electra.scoring.answers import normalized
from keras_electra.tasks.kinds import kind_of

WORDS = [
    "the",
    "a",
    "An",
    "old,",
    "Red",
    "hat's",
    "ship",
    "(boat)",
    "sea.",
    "1,000",
    "café",
    "船",
    "-",
]


def random_answers(rng, count):
    """Gold texts of each question, and answers that often share words with them.

    Every gold text has a word that counts: of those without one, torchmetrics says what SQuAD 2.0's
    script does, not 1.1's.
    """
    gold, answers = [], []
    for _ in range(count):
        texts = [
            " ".join(["ship", *rng.choice(WORDS, rng.integers(0, 4))])
            for _ in range(rng.integers(1, 4))
        ]
        words = [*rng.choice(WORDS, rng.integers(0, 3)), *str(rng.choice(texts)).split()]
        rng.shuffle(words)
        gold.append(texts)
        answers.append(texts[0] if rng.random() < 0.3 else " ".join(words))
    return gold, answers


def test_normal_form():
    assert normalized(" The cat's  HAT, an (old) one! ") == "cats hat old one"
    assert normalized("theatre a-b Athens") == "theatre ab athens"
    assert normalized("«Ein» Haus – 船 船。") == "«ein» haus – 船 船。"


def test_single_answers():
    assert scoring.exact_match("the Red Hat!", ["blue", "red hat"]) == 1
    assert scoring.exact_match("red", ["red hat"]) == 0
    assert scoring.token_f1("the red hat", ["a red and blue hat"]) == pytest.approx(2 / 3)
    assert scoring.token_f1("red red hat", ["red hat hat"]) == pytest.approx(2 / 3)
    assert scoring.token_f1("red hat", ["sea", "hat"]) == pytest.approx(2 / 3)
    assert scoring.token_f1("sun", ["sea"]) == scoring.token_f1("", ["sea"]) == 0
    assert scoring.token_f1("船", ["船 sea"]) == pytest.approx(2 / 3)


def test_means_over_questions():
    found = scoring.squad1_figures(["a hat", "sea", "red sun"], [["Hat"], ["sun"], ["sun", "sea"]])
    assert found == {"exact_match": pytest.approx(1 / 3), "f1": pytest.approx((1 + 2 / 3) / 3)}
    # As in the script, an article that is right is an exact match without a common token.
    assert scoring.squad1_figures(["the"], [["the"]]) == {"exact_match": 1, "f1": 0}
    with pytest.raises(InputError, match="expected one or more"):
        scoring.squad1_figures([], [])


@pytest.mark.full
@pytest.mark.parametrize("seed", range(5))
def test_squad1_agrees_with_torchmetrics(seed):
    reference = pytest.importorskip("torchmetrics.functional.text")
    gold, answers = random_answers(np.random.default_rng(seed), 200)
    theirs = reference.squad(
        [{"prediction_text": text, "id": str(n)} for n, text in enumerate(answers)],
        [
            {"answers": {"answer_start": [0] * len(texts), "text": texts}, "id": str(n)}
            for n, texts in enumerate(gold)
        ],
    )
    found = scoring.squad1_figures(answers, gold)
    for name, value in found.items():
        assert 100 * value == pytest.approx(float(theirs[name]), abs=1e-4)
    assert 0.1 < found["exact_match"] < found["f1"] < 0.95


# Five questions: three with an answer, two without; null odds as a network might give them.
GOLD = [["red hat"], ["the sea"], ["sun"], [], []]
ANSWERS = ["hat", "sea", "moon", "ship", "boat"]
NULL_ODDS = [-2.0, 0.5, 1.0, 2.0, 3.0]


def test_squad2_without_a_threshold():
    found = scoring.squad2_figures(ANSWERS, GOLD)
    assert found == {
        "exact_match": 1 / 5,
        "f1": pytest.approx((2 / 3 + 1) / 5),
        "has_answer_exact_match": pytest.approx(1 / 3),
        "has_answer_f1": pytest.approx((2 / 3 + 1) / 3),
        "no_answer_accuracy": 0,
        "num_questions": 5,
        "num_has_answer": 3,
        "num_no_answer": 2,
    }
    assert scoring.squad2_figures(["", ""], [[], ["sun"]])["no_answer_accuracy"] == 1
    with pytest.raises(InputError, match="null_odds: expected 5 for a threshold"):
        scoring.squad2_figures(ANSWERS, GOLD, threshold=0.0)


def test_squad2_with_a_threshold():
    found = scoring.squad2_figures(ANSWERS, GOLD, NULL_ODDS, threshold=2.0)
    # The boat is withheld; an answer right at the threshold, the ship, is not.
    assert found["f1"] == pytest.approx((2 / 3 + 1 + 0 + 0 + 1) / 5)
    assert found["exact_match"] == pytest.approx(2 / 5)
    assert found["no_answer_accuracy"] == 0.5
    assert found["has_answer_f1"] == pytest.approx((2 / 3 + 1) / 3)
    # It is best to keep the hat and the sea.
    assert (found["best_f1"], found["best_f1_threshold"]) == (pytest.approx(11 / 15), 0.5)
    assert found["best_exact_match"] == pytest.approx(3 / 5)
    assert found["best_exact_match_threshold"] == 0.5


def test_a_gold_text_without_words_asks_for_none():
    found = scoring.squad2_figures(["", "the"], [["the"], ["."]])
    assert (found["exact_match"], found["f1"], found["num_has_answer"]) == (1, 1, 2)


@pytest.mark.parametrize("has_ties", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_the_best_threshold_is_the_best_of_all(seed, has_ties):
    rng = np.random.default_rng(seed)
    gold, answers = random_answers(rng, 60)
    gold = [texts if rng.random() < 0.6 else [] for texts in gold]
    answers = [text if rng.random() < 0.8 else "" for text in answers]
    null_odds = rng.normal([1.0 if not texts else -1.0 for texts in gold], 2.0)
    null_odds = np.round(null_odds) if has_ties else null_odds
    found = scoring.squad2_figures(answers, gold, null_odds)

    def score(name, threshold):
        return scoring.squad2_figures(answers, gold, null_odds, threshold)[name]

    for name in ("exact_match", "f1"):
        best = max(score(name, threshold) for threshold in (-99.0, *null_odds))
        assert found[f"best_{name}"] == pytest.approx(best)
        assert score(name, found[f"best_{name}_threshold"]) == pytest.approx(best)


def test_the_best_threshold_wants_the_empty_answer_itself():
    """As the script does: an article is right for a question without an answer, but not there."""
    found = scoring.squad2_figures(["the", "sun"], [[], ["sun"]], [0.0, -1.0])
    assert (found["f1"], found["best_f1"], found["best_f1_threshold"]) == (1, 1, -1)
    found = scoring.squad2_figures(["the", "sun"], [[], ["sun"]], [-1.0, 0.0])
    assert (found["f1"], found["best_f1"]) == (1, 0.5)


@pytest.mark.parametrize("lowest", [2.0, -3.0, 0.0])
def test_where_no_answer_is_best_kept(lowest):
    best = scoring.best_threshold([0.0, 0.0], [1.0, 1.0], [lowest, 5.0])
    assert best.score == 1
    assert best.value < lowest
    assert scoring.best_threshold([1, 0, 1], [0, 1, 0], [-3, 2, -1]) == (1.0, -1.0)


# Prediction rows


def rows_of(answers, gold, null_odds):
    return [
        {
            "id": str(number),
            "answer": text,
            "gold": texts,
            "null_odds": odds,
            "n_best": [{"text": text, "start": 0, "end": 1, "score": 0.0, "probability": 1.0}],
        }
        for number, (text, texts, odds) in enumerate(zip(answers, gold, null_odds, strict=True))
    ]


METRICS = ("exact_match", "f1")


def test_rows_of_questions_with_answers():
    rows = rows_of(ANSWERS[:3], GOLD[:3], NULL_ODDS[:3])
    found = kind_of("question_answering").figures(rows, metrics=METRICS)
    assert found == scoring.squad1_figures(ANSWERS[:3], GOLD[:3])
    withheld = kind_of("question_answering").figures(rows, metrics=METRICS, null_threshold=0.0)
    assert withheld["exact_match"] == 0


def test_rows_of_questions_of_which_some_have_none():
    rows = rows_of(ANSWERS, GOLD, NULL_ODDS)
    found = kind_of("question_answering").figures(rows, metrics=METRICS)
    assert list(found) == list(kind_of("question_answering").metrics)
    assert found["best_threshold"] == 0.5
    assert found["f1"] == found["best_f1"] == pytest.approx(11 / 15)
    given = kind_of("question_answering").figures(rows, metrics=METRICS, null_threshold=1.0)
    wanted = scoring.squad2_figures(ANSWERS, GOLD, NULL_ODDS, 1.0)
    assert all(given[name] == wanted[name] for name in given if name != "best_threshold")


def test_rows_whose_answers_were_withheld_give_the_same_figures():
    """What is known of the best answers stays in the rows, whatever threshold they were cut by."""
    rows = rows_of(ANSWERS, GOLD, NULL_ODDS)
    cut = [{**row, "answer": ""} for row in rows]
    for threshold in (None, 0.5, 1.0):
        figures = [
            kind_of("question_answering").figures(some, metrics=METRICS, null_threshold=threshold)
            for some in (rows, cut)
        ]
        assert figures[0] == figures[1]


def test_rows_without_null_odds_are_taken_as_they_are():
    rows = [{**row, "null_odds": None} for row in rows_of(ANSWERS, GOLD, NULL_ODDS)]
    found = kind_of("question_answering").figures(rows, metrics=METRICS, null_threshold=-9.0)
    assert found["f1"] == scoring.squad2_figures(ANSWERS, GOLD)["f1"]
    assert not [name for name in found if name.startswith("best")]
    with pytest.raises(InputError, match="best_f1: expected null odds in every row"):
        kind_of("question_answering").figures(rows, metrics=["best_f1"])
