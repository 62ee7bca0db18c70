"""Using a pretrained model on text: which tokens look replaced, and how likely a text is.

Shapes: B windows, T places, N tokens of one text.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_electra.config.objective import OBJECTIVES_WITH_DETECTOR
from keras_electra.errors import InputError
from keras_electra.passes import detector_logits, head_outputs, sigmoid
from keras_electra.pretrainer import ElectraPretrainer
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


def detect(model: ElectraPretrainer, texts: Sequence[str], batch_size: int = 16) -> list[Detection]:
    """How probable it is, for every token of some texts, that it was put in place of another.

    A text longer than the model's `sequence_length` is judged in half-overlapping windows; each
    token's probability comes from the window in which it stands farthest from an edge.

    Args:
        model: an `ElectraPretrainer` from `load` or `pretrain`.
        texts: any number of strings; an empty one has no tokens.
        batch_size: windows per forward pass.

    Raises:
        InputError: if the model has no tokenizer, or its objective trains no detector.
    """
    if not model.objective.has_detector:
        raise InputError(
            f"model: expected one trained with objective {' or '.join(OBJECTIVES_WITH_DETECTOR)}, "
            f"received objective={model.objective.objective!r}, which has no detector"
        )
    encoded = _encoded(model, texts)
    logits = _scores(model, [ids for ids, _, _ in encoded], detector_logits, batch_size)
    return [
        Detection(text, tokens, offsets, sigmoid(values))
        for text, (_, tokens, offsets), values in zip(texts, encoded, logits, strict=True)
    ]


def pseudo_log_likelihood(
    model: ElectraPretrainer, texts: Sequence[str], batch_size: int = 16
) -> np.ndarray:
    """Electric's score of each text (B,) float64, in nats, up to a constant per token.

    The sum of the negative energies of its tokens in the unmasked text, one pass for all of them
    (Clark et al., 2020b, section 4). Texts cut into the same number of tokens can be compared.

    Raises:
        InputError: if the model was trained with another objective.
    """
    if model.objective.objective != "electric":
        raise InputError(
            "model: expected one trained with objective='electric', "
            f"received objective={model.objective.objective!r}"
        )
    rows = [ids for ids, _, _ in _encoded(model, texts)]
    energies = _scores(model, rows, head_outputs, batch_size)
    return np.array([0.0 - values.sum(dtype=np.float64) for values in energies])


def window_places(model: ElectraPretrainer) -> int:
    """Places of the longest input to judge at once, [CLS] and [SEP] counted."""
    return model.sequence_length or model.encoder.max_sequence_length


def _encoded(model, texts):
    """Per text ids, tokens and offsets."""
    if isinstance(texts, str):
        raise InputError("texts: expected a list of strings, received a string")
    if model.tokenizer is None:
        raise InputError("model: expected one with a tokenizer, received tokenizer=None")
    return [model.tokenizer.encode_with_offsets(text) for text in texts]


def _scores(model, rows, score, batch_size):
    """Per text an array (N,) of what `score` gives for its tokens."""
    capacity = window_places(model) - 2
    spans = [windows(len(ids), capacity) for ids in rows]
    places = [(text, start, end) for text, parts in enumerate(spans) for start, end in parts]
    # Windows of like length side by side, so that little is padded.
    order = sorted(range(len(places)), key=lambda index: places[index][2] - places[index][1])
    found = [None] * len(places)
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
        parts = [rows[text][start:end] for text, start, end in (places[i] for i in chosen)]
        for index, values in zip(chosen, _batch_scores(model, parts, score), strict=True):
            found[index] = values
    by_text = iter(found)
    return [joined(parts, [next(by_text) for _ in parts]) for parts in spans]


def _batch_scores(model, parts, score):
    """Per window of ids an array of its tokens' scores; rows are added up to a power of two."""
    num_rows = 1 << (len(parts) - 1).bit_length()
    length = padded_length(max(map(len, parts)) + 2, window_places(model))
    filler = [parts[0]] * (num_rows - len(parts))
    token_ids, padding_mask = framed([*parts, *filler], model.tokenizer, length)
    scores = np.asarray(score(model, token_ids, padding_mask), np.float32)
    return [scores[row, 1 : len(ids) + 1] for row, ids in enumerate(parts)]
