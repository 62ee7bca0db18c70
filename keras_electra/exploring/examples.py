"""One example with its prediction, in the same form for every kind of task."""

import dataclasses
import functools
import math

from keras_electra.exploring.records import joined
from keras_electra.scoring import exact_match, token_f1

SMALLEST = 1e-12
"""Probabilities below it count as it, so that an error is a number."""


@dataclasses.dataclass(frozen=True)
class Judged:
    """What was given for an example, and what is right.

    Attributes:
        index: place in the split.
        row: the prediction, as `predictions/*.jsonl` hold it.
        example: as `examples/*.jsonl` hold it; {} where it was not written down.
        kind: of the task.
    """

    index: int
    row: dict
    example: dict
    kind: str

    @property
    def id(self) -> str:
        """Name of the example within its split."""
        return self.row["id"]

    @property
    def gold(self):
        """What is right, in the types of JSON; None where it is not known."""
        return self.row["gold"]

    @property
    def predicted(self):
        """What was given, in the types of JSON: of the same type as `gold`, but one text for answers."""
        return self.row[GIVEN[self.kind]]

    @functools.cached_property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """(name, text) of what the model read."""
        if self.kind == "tagging":
            return (("sentence", " ".join(self.row["words"])),)
        names = ("text", "second_text", "question", "context")
        found = [(name, self.example[name]) for name in names if self.example.get(name)]
        for number, choice in enumerate(self.example.get("choices", ())):
            found.append((f"choice {number}", choice))
        return tuple((name.replace("_", " "), text) for name, text in found)

    @property
    def num_characters(self) -> int:
        """Length of the texts together."""
        return sum(len(text) for _, text in self.texts)

    @functools.cached_property
    def is_right(self) -> bool | None:
        """Whether the prediction is what is right; None where that is not known, or for numbers."""
        if self.gold is None or self.kind == "regression":
            return None
        if self.kind == "multi_label":
            return set(self.gold) == set(self.predicted)
        if self.kind == "question_answering":
            if not self.gold or not self.predicted:
                return not self.gold and not self.predicted
            return bool(exact_match(self.predicted, self.gold))
        return self.gold == self.predicted

    @functools.cached_property
    def confidence(self) -> float | None:
        """How sure the model is of what it gave, in [0, 1]; None where it does not say.

        Of several labels or words, the least sure decision; of an answer, its share among the candidates.
        """
        if self.kind == "question_answering":
            candidates = self.row.get("n_best")
            return candidates[0]["probability"] if candidates else None
        probabilities = self.row.get("probabilities")
        if not probabilities:
            return None
        if self.kind == "multi_label":
            return min(max(p, 1 - p) for p in probabilities.values())
        if self.kind == "tagging":
            return min(probabilities)
        return probabilities[self.predicted]

    @functools.cached_property
    def error(self) -> float | None:
        """How wrong the prediction is, 0 at best; None where what is right is not known.

        classification, multiple_choice   -log p of what is right, in nats
        multi_label                       the same, summed over the labels
        regression                        |predicted - gold|
        tagging                           the probabilities of the wrong words' tags, summed
        question_answering                1 - F1 of the tokens, times how sure it was of its answer
        """
        if self.gold is None:
            return None
        return ERRORS[self.kind](self)

    @property
    def verdict(self) -> str:
        """ "right", "wrong" or "unknown"; of numbers "off by 0.25"."""
        if self.kind == "regression" and self.error is not None:
            return f"off by {self.error:.3g}"
        return {None: "unknown", True: "right", False: "wrong"}[self.is_right]


GIVEN = {
    "classification": "label",
    "multi_label": "labels",
    "regression": "value",
    "tagging": "tags",
    "multiple_choice": "choice",
    "question_answering": "answer",
}


def surprise(probability: float) -> float:
    """-log of a probability, in nats."""
    return -math.log(max(probability, SMALLEST))


def label_error(judged: Judged) -> float:
    """Of one label, or one choice."""
    probabilities = judged.row.get("probabilities")
    if not probabilities:
        return float(not judged.is_right)
    is_named = isinstance(probabilities, dict)
    return surprise(probabilities.get(judged.gold, 0.0) if is_named else probabilities[judged.gold])


def label_set_error(judged: Judged) -> float:
    """Of a set of labels."""
    probabilities = judged.row.get("probabilities") or {}
    known = [surprise(p if name in judged.gold else 1 - p) for name, p in probabilities.items()]
    unseen = set(judged.gold) - set(probabilities)
    return sum(known) + len(unseen) * surprise(0.0)


def value_error(judged: Judged) -> float:
    """Of a number."""
    return abs(judged.predicted - judged.gold)


def tag_error(judged: Judged) -> float:
    """Of the words of a sentence."""
    pairs = list(zip(judged.gold, judged.predicted, strict=True))
    chances = judged.row.get("probabilities") or [1.0] * len(pairs)
    return sum(p for (gold, given), p in zip(pairs, chances, strict=True) if gold != given)


def answer_error(judged: Judged) -> float:
    """Of an answer to a question."""
    if judged.is_right:
        return 0.0
    share = token_f1(judged.predicted, judged.gold) if judged.gold else 0.0
    confidence = judged.confidence
    return (1 - share) * (1.0 if confidence is None else confidence)


ERRORS = {
    "classification": label_error,
    "multi_label": label_set_error,
    "regression": value_error,
    "tagging": tag_error,
    "multiple_choice": label_error,
    "question_answering": answer_error,
}


def judged_examples(kind: str, rows: list[dict], examples: list[dict]) -> list[Judged]:
    """Predictions with their examples, in the order of the predictions.

    Args:
        kind: of the task.
        rows: of `predictions/*.jsonl`.
        examples: of `examples/*.jsonl`; may be empty.
    """
    return [
        Judged(index, row, example, kind)
        for index, (row, example) in enumerate(joined(rows, examples))
    ]
