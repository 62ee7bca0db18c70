"""Simple models of word counts: what a task asks beyond them is what an encoder is for.

TF-IDF of words and pairs of neighbouring words (1 + log of the counts, rows of unit length), and linear
models on it. Shapes: B texts or pairs, F features, N labels.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_electra.errors import MissingExtraError

Pair = tuple[str, str | None]
"""A text, and the second text of a pair or None."""

WORD = r"\w+"
SEPARATOR = " xxsecondxx "
"""Stands between the texts of a pair; a word, as punctuation is not counted."""
MAX_ITERATIONS = 1000
INVERSE_REGULARIZATION = 10.0
"""Rows of unit length have small entries; scikit-learn's 1 underfits them, by 2 to 3 points of accuracy."""


class WordCounts:
    """Features of texts and pairs: TF-IDF, and how many words the texts of a pair share.

    Args:
        pairs: of the training examples, from which the words and their weights come.
    """

    def __init__(self, pairs: Sequence[Pair]):
        self._vectorizer = scikit_learn().feature_extraction.text.TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORD
        )
        try:
            self._vectorizer.fit([joined(*pair) for pair in pairs])
        except ValueError:
            # No training text has a word: to this model all texts are alike.
            self._vectorizer = None

    def __call__(self, pairs: Sequence[Pair]):
        """Sparse (B, F)."""
        import scipy.sparse

        shared = np.array([shared_words(*pair) for pair in pairs])
        counts = self._counts([joined(*pair) for pair in pairs])
        return scipy.sparse.hstack([counts, shared]).tocsr()

    def similarity(self, texts: Sequence[str], others: Sequence[str]) -> np.ndarray:
        """(B,) cosine between the TF-IDF of texts and of others."""
        products = self._counts(texts).multiply(self._counts(others))
        return np.asarray(products.sum(axis=1)).ravel()

    def _counts(self, texts):
        """Sparse (B, words)."""
        import scipy.sparse

        if self._vectorizer is None:
            return scipy.sparse.csr_matrix((len(texts), 1))
        return self._vectorizer.transform(texts)


def label_probabilities(train_features, train_labels: Sequence[Any], features):
    """Logistic regression.

    Args:
        train_features, features: sparse (texts, F), of the training texts and of B others.
        train_labels: one for each training text, of any type that sorts.

    Returns:
        A list of N labels, and their probabilities (B, N); of a single label, 1.
    """
    names = sorted(set(train_labels))
    if len(names) == 1:
        return names, np.ones((features.shape[0], 1))
    model = scikit_learn().linear_model.LogisticRegression(
        C=INVERSE_REGULARIZATION, max_iter=MAX_ITERATIONS
    )
    model.fit(train_features, np.searchsorted(names, train_labels))
    return names, model.predict_proba(features)


def regressed_values(train_features, train_values: Sequence[float], features) -> np.ndarray:
    """Ridge regression: (B,) values, cut to the range of the training values.

    Args:
        train_features, features: as for `label_probabilities`.
    """
    model = scikit_learn().linear_model.Ridge().fit(train_features, train_values)
    return np.clip(model.predict(features), min(train_values), max(train_values))


def joined(text: str, second_text: str | None) -> str:
    """One text of a pair."""
    return text if second_text is None else f"{text}{SEPARATOR}{second_text}"


def shared_words(text: str, second_text: str | None) -> list[float]:
    """The share of different words that both texts of a pair have, and its square; zeros for one text.

    shared_words("A red cat.", "a blue cat") is [0.5, 0.25]: of four words, two are in both.
    """
    if second_text is None:
        return [0.0, 0.0]
    words, others = (set(re.findall(WORD, one.lower())) for one in (text, second_text))
    share = len(words & others) / max(1, len(words | others))
    return [share, share**2]


def scikit_learn():
    """scikit-learn, with the parts used here."""
    try:
        import sklearn.feature_extraction.text
        import sklearn.linear_model
    except ImportError as error:
        raise MissingExtraError("the baseline of word counts", "tasks") from error
    return sklearn
