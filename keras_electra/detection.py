"""What a detector says of texts, whatever computes its outputs.

Shapes: B windows, T places, N tokens of one text.
"""

import dataclasses
from collections.abc import Callable, Iterable

import numpy as np

from keras_electra.corpus import texts_of
from keras_electra.errors import InputError
from keras_electra.windows import framed, joined, padded_length, windows


@dataclasses.dataclass(frozen=True)
class Detection:
    """What the discriminator says of one text; [CLS] and [SEP] are left out.

    Attributes:
        text: as given.
        tokens: N tokens.
        offsets: N pairs (start, end), in characters of `text`.
        probabilities: (N,) float32, P(replaced).
    """

    text: str
    tokens: list[str]
    offsets: list[tuple[int, int]]
    probabilities: np.ndarray

    def to_dict(self) -> dict:
        """The detection as JSON has it; `replaced` are the probabilities."""
        return {
            "text": self.text,
            "tokens": self.tokens,
            "offsets": self.offsets,
            "replaced": self.probabilities,
        }


def detections(texts, tokenizer, score: Callable, longest: int, batch_size: int) -> list[Detection]:
    """The detections of texts, by the logits that `score` gives for windows.

    Args:
        texts: as `corpus.texts_of` takes them.
        tokenizer: cuts them.
        score, longest, batch_size: as of `scores_of_rows`.
    """
    texts = list(texts_of(texts))
    encoded = encoded_texts(texts, tokenizer)
    rows = [ids for ids, _, _ in encoded]
    logits = scores_of_rows(rows, tokenizer, score, longest, batch_size)
    return [
        Detection(text, tokens, offsets, sigmoid(values))
        for text, (_, tokens, offsets), values in zip(texts, encoded, logits, strict=True)
    ]


def encoded_texts(texts: Iterable[str], tokenizer) -> list:
    """Per text its ids, tokens and offsets."""
    if tokenizer is None:
        raise InputError("model: expected one with a tokenizer, received tokenizer=None")
    return [tokenizer.encode_with_offsets(text) for text in texts]


def scores_of_rows(
    rows: list[list[int]], tokenizer, score: Callable, longest: int, batch_size: int
) -> list[np.ndarray]:
    """Per text an array (N,) of what `score` gives for its tokens.

    Args:
        rows: ids of each text.
        tokenizer: its special tokens frame the windows.
        score: called with token_ids and padding_mask (B, T); returns a number per place (B, T).
        longest: places of the longest window, [CLS] and [SEP] counted.
        batch_size: windows per call.
    """
    spans = [windows(len(ids), longest - 2) for ids in rows]
    places = [(text, start, end) for text, parts in enumerate(spans) for start, end in parts]
    # Windows of like length side by side, so that little is padded.
    order = sorted(range(len(places)), key=lambda index: places[index][2] - places[index][1])
    found = [None] * len(places)
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
        parts = [rows[text][start:end] for text, start, end in (places[i] for i in chosen)]
        scores = batch_scores(parts, tokenizer, score, longest)
        for index, values in zip(chosen, scores, strict=True):
            found[index] = values
    by_text = iter(found)
    return [joined(parts, [next(by_text) for _ in parts]) for parts in spans]


def batch_scores(parts: list[list[int]], tokenizer, score: Callable, longest: int) -> list:
    """Per window of ids an array of its tokens' scores; rows are added up to a power of two."""
    num_rows = 1 << (len(parts) - 1).bit_length()
    length = padded_length(max(map(len, parts)) + 2, longest)
    filler = [parts[0]] * (num_rows - len(parts))
    token_ids, padding_mask = framed([*parts, *filler], tokenizer, length)
    scores = np.asarray(score(token_ids, padding_mask), np.float32)
    return [scores[row, 1 : len(ids) + 1] for row, ids in enumerate(parts)]


def sigmoid(values: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x) in float32, without overflow."""
    return (0.5 * (1 + np.tanh(0.5 * values))).astype(np.float32)
