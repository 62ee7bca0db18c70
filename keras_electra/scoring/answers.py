"""Answers to questions, scored as the scripts of SQuAD 1.1, SQuAD 2.0 and MRQA do.

Shapes: Q questions. All figures are fractions in [0, 1]; the scripts give percent. Every text is
compared in its normal form, whose tokens are what white space separates, in any language.

A question for which there is no prediction is not given here at all. So a mean is over the questions
that were answered, as in MRQA's script; those of SQuAD count the others as wrong.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_electra.errors import InputError
from keras_electra.scoring.labels import require_pairs

ARTICLES = re.compile(r"\b(?:a|an|the)\b")
WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


class Threshold(NamedTuple):
    """The best score, a fraction, and the null odds above which no answer is given for it."""

    score: float
    value: float


def normalized(text: str) -> str:
    """Lower case, without ASCII punctuation and English articles, single spaces.

    normalized(" The cat's  HAT. ") is "cats hat".
    """
    return " ".join(ARTICLES.sub(" ", text.lower().translate(WITHOUT_PUNCTUATION)).split())


def exact_match(answer: str, gold: Sequence[str]) -> float:
    """1 if the answer is one of the gold texts, normalised, else 0."""
    return float(normalized(answer) in {normalized(text) for text in gold})


def token_f1(answer: str, gold: Sequence[str]) -> float:
    """F1 of the tokens that answer and gold text share, repetitions counted; the best over gold texts.

    token_f1("the red hat", ["a red and blue hat"]) is 2 · 1 · 0.5 / (1 + 0.5) = 2/3. Without a common
    token it is 0.
    """
    tokens = normalized(answer).split()
    return max((overlap_f1(tokens, normalized(text).split()) for text in gold), default=0.0)


def overlap_f1(tokens: list[str], gold_tokens: list[str]) -> float:
    """F1 of two lists of tokens."""
    num_shared = (Counter(tokens) & Counter(gold_tokens)).total()
    return 2 * num_shared / (len(tokens) + len(gold_tokens)) if num_shared else 0.0


def squad1_figures(answers: Sequence[str], gold: Sequence[Sequence[str]]) -> dict[str, float]:
    """Means over Q questions that all have an answer: SQuAD 1.1 and MRQA.

    Args:
        answers: Q texts.
        gold: for each question, the texts that are right.

    Returns:
        {"exact_match", "f1"}.
    """
    require_pairs(gold, answers)
    pairs = list(zip(answers, gold, strict=True))
    return {
        "exact_match": float(np.mean([exact_match(answer, texts) for answer, texts in pairs])),
        "f1": float(np.mean([token_f1(answer, texts) for answer, texts in pairs])),
    }


def squad2_figures(
    answers: Sequence[str],
    gold: Sequence[Sequence[str]],
    null_odds: Sequence[float] | None = None,
    threshold: float | None = None,
) -> dict[str, float]:
    """Means over Q questions of which some have no answer: SQuAD 2.0.

    "" is right for a question without an answer, and wrong for any other.

    Args:
        answers: Q texts; "" for none.
        gold: for each question the texts that are right; none where the context holds no answer.
        null_odds: Q numbers, the larger the less likely the question has an answer; None if not known.
        threshold: an answer whose null odds are above it counts as ""; None to take all as they are.

    Returns:
        "exact_match", "f1", "num_questions"; "has_answer_exact_match", "has_answer_f1",
        "num_has_answer"; "no_answer_accuracy", "num_no_answer", 0 where there are none. With null odds
        also "best_exact_match", "best_exact_match_threshold", "best_f1" and "best_f1_threshold": what
        the best threshold, of all, gives for these answers, and that threshold; see `best_threshold`.

    Raises:
        InputError: for a threshold without null odds, or another number of them.
    """
    require_pairs(gold, answers)
    if null_odds is not None:
        require_pairs(answers, null_odds)
    elif threshold is not None:
        raise InputError(f"null_odds: expected {len(answers)} for a threshold, received none")
    has_answer = np.array([bool(texts) for texts in gold])
    # As in the script: a gold text of nothing but articles and punctuation asks for no words.
    gold = [[text for text in texts if normalized(text)] for texts in gold]
    is_withheld = np.zeros(len(answers), bool)
    if threshold is not None:
        is_withheld = np.asarray(null_odds, np.float64) > threshold
    figures, bests = {}, {}
    for name, score in (("exact_match", exact_match), ("f1", token_f1)):
        kept = np.array([scored(score, *pair) for pair in zip(answers, gold, strict=True)])
        scores = np.where(is_withheld, ~has_answer, kept)
        figures[name] = float(np.mean(scores))
        figures[f"has_answer_{name}"] = mean_of(scores[has_answer])
        # Exact match and F1 are the same where there is no answer.
        figures["no_answer_accuracy"] = mean_of(scores[~has_answer])
        if null_odds is not None:
            # Here the script wants "" itself, and not just no words, where there is no answer.
            kept = np.where(has_answer, kept, [text == "" for text in answers])
            best = best_threshold(kept, ~has_answer, null_odds)
            bests |= {f"best_{name}": best.score, f"best_{name}_threshold": best.value}
    counts = {
        "num_questions": len(answers),
        "num_has_answer": int(has_answer.sum()),
        "num_no_answer": int((~has_answer).sum()),
    }
    return figures | counts | bests


def scored(score, answer: str, gold: list[str]) -> float:
    """The score of an answer; where no words are asked for, whether it has none."""
    return score(answer, gold) if gold else float(not normalized(answer))


def best_threshold(kept, withheld, null_odds) -> Threshold:
    """The threshold of null odds that gives the best mean score; the lowest of equally good ones.

    With scores 1, 0 and 1 for keeping the answers, 0, 1 and 0 for giving none, and null odds -3, 2 and
    -1, it is (1, -1): the first and the third answer are kept.

    Answers of equal null odds are kept or withheld together, as a threshold does; the script of
    SQuAD 2.0 goes through them one by one, and then gives scores that no threshold has. Where it is
    best to keep no answer, the script says 0; here the threshold is below all null odds, which is 0 only
    if they are all above it.

    Args:
        kept: (Q,) scores where the answer is given.
        withheld: (Q,) scores where it is not.
        null_odds: (Q,) numbers.
    """
    null_odds = np.asarray(null_odds, np.float64)
    kept, withheld = np.asarray(kept, np.float64), np.asarray(withheld, np.float64)
    order = np.argsort(null_odds, kind="stable")
    ordered = null_odds[order]
    totals = withheld.sum() + np.append(0.0, np.cumsum((kept - withheld)[order]))
    # After the last of equals, and before all.
    is_possible = np.append(True, np.append(ordered[1:] > ordered[:-1], True))
    best = int(np.argmax(np.where(is_possible, totals, -np.inf)))
    below_all = 0.0 if ordered[0] > 0 else float(ordered[0]) - 1.0
    value = float(ordered[best - 1]) if best else below_all
    return Threshold(float(totals[best] / len(kept)), value)


def mean_of(scores: np.ndarray) -> float:
    """Their mean; 0 for none."""
    return float(scores.mean()) if scores.size else 0.0
