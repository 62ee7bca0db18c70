"""Using a pretrained model on text: which tokens look replaced, and how likely a text is.

Shapes: B windows, T places.
"""

import functools
import os
from collections.abc import Iterable

import numpy as np

from keras_electra.corpus import texts_of
from keras_electra.detection import Detection, detections, encoded_texts, scores_of_rows
from keras_electra.errors import InputError
from keras_electra.objectives import OBJECTIVES
from keras_electra.passes import detector_logits, refuse_others
from keras_electra.pretrainer import ElectraPretrainer

Given = Iterable[str] | str | os.PathLike
"""Texts, a path or paths."""


def detect(model: ElectraPretrainer, texts: Given, batch_size: int = 16) -> list[Detection]:
    """How probable it is, for every token of some texts, that it was put in place of another.

    A text longer than the model's `sequence_length` is judged in half-overlapping windows; each
    token's probability comes from the window in which it stands farthest from an edge.

    Args:
        model: an `ElectraPretrainer` from `load` or `pretrain`.
        texts: any number of strings, of which an empty one has no tokens; or the path of a file, or
            paths, of which every non-empty line or record is a text. See `corpus.files_or_texts`.
        batch_size: windows per forward pass.

    Raises:
        InputError: if the model has no tokenizer, or its objective trains no detector; or for texts
            that cannot be used.
    """
    refuse_others(model)
    if not model.objective.has_detector:
        names = " or ".join(kind.name for kind in OBJECTIVES if kind.has_detector)
        raise InputError(
            f"model: expected one trained with objective {names}, "
            f"received objective={model.objective.objective!r}, which has no detector"
        )
    score = functools.partial(detector_logits, model)
    return detections(texts, model.tokenizer, score, window_places(model), batch_size)


def pseudo_log_likelihood(
    model: ElectraPretrainer, texts: Given, batch_size: int = 16
) -> np.ndarray:
    """Electric's score of each text (B,) float64, in nats, up to a constant per token.

    The sum of the negative energies of its tokens in the unmasked text, one pass for all of them
    (Clark et al., 2020b, section 4). Texts cut into the same number of tokens can be compared. `texts`
    are as for `detect`.

    Raises:
        InputError: if the model was trained with another objective.
    """
    refuse_others(model)
    kind = model.objective.kind
    if not kind.has_energies:
        names = " or ".join(f"objective={one.name!r}" for one in OBJECTIVES if one.has_energies)
        raise InputError(
            f"model: expected one trained with {names}, "
            f"received objective={model.objective.objective!r}"
        )
    rows = [ids for ids, _, _ in encoded_texts(texts_of(texts), model.tokenizer)]
    score = functools.partial(kind.head_outputs, model)
    energies = scores_of_rows(rows, model.tokenizer, score, window_places(model), batch_size)
    return np.array([0.0 - values.sum(dtype=np.float64) for values in energies])


def window_places(model: ElectraPretrainer) -> int:
    """Places of the longest input to judge at once, [CLS] and [SEP] counted."""
    return model.sequence_length or model.encoder.max_sequence_length
