"""Baselines: what is reached without a network, as prediction rows that are scored like a model's.

Examples are those of `tasks.examples`; only their attributes are looked at. Training examples whose label
is not known, or none of those given, are left out; of others what is right stays, and is missed.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from keras_electra.errors import InputError
from keras_electra.scoring.word_counts import (
    WordCounts,
    label_probabilities,
    regressed_values,
)


def baseline_rows(
    kind: str, train: Sequence, examples: Sequence, labels: Sequence[str] | None = None
) -> dict[str, list[dict]]:
    """The predictions of all baselines of a kind.

    classification      "majority": the commonest label. "tfidf": logistic regression on word counts and,
                        for pairs, on how many words the two texts share
    multi_label         "majority": the labels that more than half of the examples have. "tfidf": a
                        logistic regression for each label
    regression          "mean": the mean value. "tfidf": ridge regression on the same
    tagging             "majority": the commonest tag of each word; of an unknown word, that of all words
    multiple_choice     "majority": the commonest place of the right choice. "tfidf": the choice whose
                        word counts are most like the question's. Chance is in `report`
    question_answering  "first_words": the first words of the context, as many as the median answer has.
                        "no_answer": none to any question, if some training question has none

    Args:
        kind: of the task.
        train: training examples.
        examples: those to predict.
        labels: names of the labels, which get a probability each; None for those in training.

    Returns:
        {name: rows}, rows as of `tasks.predictions`, without probabilities where a baseline has none.

    Raises:
        InputError: for an unknown kind, or if no training example has a label.
    """
    rows_of_kind = {
        "classification": label_rows,
        "multi_label": label_set_rows,
        "regression": value_rows,
        "tagging": tag_rows,
        "multiple_choice": choice_rows,
        "question_answering": answer_rows,
    }
    if kind not in rows_of_kind:
        raise InputError(f"kind: expected one of {', '.join(rows_of_kind)}, received {kind!r}")
    predicted = rows_of_kind[kind](known_examples(kind, train, labels), examples, labels)
    return {name: with_gold(kind, examples, rows) for name, rows in predicted.items()}


def simplest_rows(
    kind: str, train: Sequence, examples: Sequence, labels: Sequence[str] | None = None
) -> list[dict]:
    """The predictions of the first baseline of a kind alone, which looks at no word's neighbours.

    Args, raises: as for `baseline_rows`.
    """
    known = known_examples(kind, train, labels)
    if kind == "classification":
        rows = commonest_labels(known, examples, labels)
    elif kind == "multi_label":
        rows = commonest_label_sets(known, examples, labels)
    elif kind == "regression":
        rows = mean_values(known, examples)
    elif kind == "multiple_choice":
        rows = commonest_places(known, examples)
    else:
        rows = next(
            iter(
                {"tagging": tag_rows, "question_answering": answer_rows}[kind](
                    known, examples, labels
                ).values()
            )
        )
    return with_gold(kind, examples, rows)


def known_examples(kind: str, train: Sequence, labels: Sequence[str] | None) -> list:
    """The training examples whose answer is known; `InputError` if there is none."""
    known = [
        example
        for example in train
        if (gold := gold_of(kind, example)) is not None and is_among(kind, gold, labels)
    ]
    if not known:
        raise InputError(
            f"baselines: expected labels in some of {len(train)} training examples, received none"
        )
    return known


def with_gold(kind: str, examples: Sequence, rows: Sequence[dict]) -> list[dict]:
    """Rows with what is right beside what was predicted."""
    return [
        {"id": example.id, **row, "gold": gold_of(kind, example)}
        for example, row in zip(examples, rows, strict=True)
    ]


def is_among(kind: str, gold, labels: Sequence[str] | None) -> bool:
    """Whether a text can be learned from: all that is right of it are labels, where these are given."""
    if not labels or kind not in ("classification", "multi_label"):
        return True
    return set(labels).issuperset([gold] if kind == "classification" else gold)


def gold_of(kind: str, example):
    """What is right, as in prediction rows; None where it is not known."""
    if kind == "question_answering":
        is_known = example.is_impossible or example.answers
        return [answer.text for answer in example.answers] if is_known else None
    if kind == "tagging":
        is_whole = example.tags is not None and len(example.tags) == len(example.words)
        return list(example.tags) if is_whole else None
    label = example.label
    if label is None:
        return None
    if kind == "multiple_choice":
        return label if 0 <= label < len(example.choices) else None
    if kind == "regression":
        return float(label) if isinstance(label, int | float) and math.isfinite(label) else None
    return list(label) if kind == "multi_label" else label


def label_rows(train, examples, labels) -> dict[str, list[dict]]:
    """One label for each text."""
    labels = labels or sorted({example.label for example in train})
    train_features, features = features_of(train, examples)
    names, probabilities = label_probabilities(
        train_features, [example.label for example in train], features
    )
    number_of = {name: number for number, name in enumerate(names)}
    places = [number_of.get(name, len(names)) for name in labels]
    # Labels that no training text has get the zeros of a further column.
    padded = np.pad(probabilities, ((0, 0), (0, 1)))[:, places]
    return {
        "majority": commonest_labels(train, examples, labels),
        "tfidf": likeliest(labels, padded),
    }


def commonest_labels(train, examples, labels) -> list[dict]:
    """The same label for each text, with how often each occurs."""
    counts = Counter(example.label for example in train)
    labels = labels or sorted(counts)
    shares = np.array([[counts[name] / len(train) for name in labels]])
    return likeliest(labels, np.repeat(shares, len(examples), axis=0))


def likeliest(labels: Sequence[str], probabilities: np.ndarray) -> list[dict]:
    """{"label", "probabilities"} of each row of probabilities (B, N)."""
    return [
        {"label": labels[int(row.argmax())], "probabilities": named(labels, row)}
        for row in probabilities
    ]


def label_set_rows(train, examples, labels) -> dict[str, list[dict]]:
    """A set of labels for each text."""
    labels = labels or sorted({name for example in train for name in example.label})
    train_features, features = features_of(train, examples)
    columns = []
    for name in labels:
        found, probabilities = label_probabilities(
            train_features, [name in example.label for example in train], features
        )
        is_ever = True in found
        columns.append(probabilities[:, found.index(True)] if is_ever else np.zeros(len(examples)))
    return {
        "majority": commonest_label_sets(train, examples, labels),
        "tfidf": likelier_than_not(labels, np.stack(columns, axis=1)),
    }


def commonest_label_sets(train, examples, labels) -> list[dict]:
    """The same set of labels for each text, with how often each occurs."""
    labels = labels or sorted({name for example in train for name in example.label})
    shares = np.array([[np.mean([name in example.label for example in train]) for name in labels]])
    return likelier_than_not(labels, np.repeat(shares, len(examples), axis=0))


def likelier_than_not(labels: Sequence[str], probabilities: np.ndarray) -> list[dict]:
    """{"labels", "probabilities"} of each row of probabilities (B, N)."""
    return [
        {
            "labels": [name for name, share in zip(labels, row, strict=True) if share > 0.5],
            "probabilities": named(labels, row),
        }
        for row in probabilities
    ]


def value_rows(train, examples, labels) -> dict[str, list[dict]]:
    """A number for each text."""
    values = [float(example.label) for example in train]
    train_features, features = features_of(train, examples)
    predicted = regressed_values(train_features, values, features)
    return {
        "mean": mean_values(train, examples),
        "tfidf": [{"value": float(value)} for value in predicted],
    }


def mean_values(train, examples) -> list[dict]:
    """The same number for each text."""
    mean = float(np.mean([float(example.label) for example in train]))
    return [{"value": mean} for _ in examples]


def tag_rows(train, examples, labels) -> dict[str, list[dict]]:
    """A tag for each word."""
    tags_of_word, all_tags = defaultdict(Counter), Counter()
    for example in train:
        all_tags.update(example.tags)
        for word, tag in zip(example.words, example.tags, strict=True):
            tags_of_word[word][tag] += 1
    rows = []
    for example in examples:
        counts = [tags_of_word.get(word, all_tags) for word in example.words]
        best = [counter.most_common(1)[0] for counter in counts]
        shares = [count / counter.total() for (_, count), counter in zip(best, counts, strict=True)]
        words, tags = list(example.words), [tag for tag, _ in best]
        rows.append({"words": words, "tags": tags, "probabilities": shares})
    return {"majority": rows}


def choice_rows(train, examples, labels) -> dict[str, list[dict]]:
    """One of the texts of each question."""
    texts = [text for example in train for text in (example.question, *example.choices)]
    counts = WordCounts([(text, None) for text in texts])
    likest = []
    for example in examples:
        similar = counts.similarity([example.question] * len(example.choices), example.choices)
        likest.append({"choice": int(similar.argmax())})
    return {"majority": commonest_places(train, examples), "tfidf": likest}


def commonest_places(train, examples) -> list[dict]:
    """The place that is right most often, of those that a question has."""
    ranked = [place for place, _ in Counter(example.label for example in train).most_common()]
    return [
        {"choice": next((place for place in ranked if place < len(example.choices)), 0)}
        for example in examples
    ]


def answer_rows(train, examples, labels) -> dict[str, list[dict]]:
    """A stretch of each context."""
    sizes = [len(example.answers[0].text.split()) for example in train if example.answers]
    num_words = max(1, int(np.median(sizes))) if sizes else 1
    rows = []
    for example in examples:
        text = first_words(example.context, num_words)
        start = example.context.find(text)
        best = {"text": text, "start": start, "end": start + len(text), "score": 0.0}
        n_best = [{**best, "probability": 1.0}] if text else []
        rows.append({"answer": text, "null_odds": None, "n_best": n_best})
    if all(example.answers for example in train):
        return {"first_words": rows}
    none = [{"answer": "", "null_odds": None, "n_best": []} for _ in examples]
    return {"first_words": rows, "no_answer": none}


def first_words(context: str, num_words: int) -> str:
    """The beginning of a context, as it stands there, up to the end of so many words."""
    words = context.split(maxsplit=num_words)
    if len(words) <= num_words:
        return context.strip()
    return context[: len(context.rstrip()) - len(words[-1].rstrip())].strip()


def named(labels: Sequence[str], probabilities: np.ndarray) -> dict[str, float]:
    """{label: probability}."""
    return {name: float(share) for name, share in zip(labels, probabilities, strict=True)}


def features_of(train, examples) -> tuple:
    """Word counts of training examples and of others."""
    counts = WordCounts(pairs_of(train))
    return counts(pairs_of(train)), counts(pairs_of(examples))


def pairs_of(examples) -> list[tuple[str, str | None]]:
    """The text and the second text of each example."""
    return [(example.text, example.second_text) for example in examples]
