"""One text's way through masking, generator and discriminator, as plain arrays and strings.

Shapes: T places of the text, [CLS] and [SEP] counted; M masked places.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_electra.errors import InputError
from keras_electra.masking import mask_batch, never_masked_ids
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.windows import framed, padded_length


@dataclasses.dataclass(frozen=True)
class Trace:
    """What happened to one text.

    Attributes:
        text: the part of the given text that fitted into one window.
        tokens: T tokens.
        masked_tokens: T tokens, as the generator was shown them.
        mask_positions: (M,) int, the places it had to fill.
        sampled_tokens: M tokens it drew there.
        alternatives: per masked place the likeliest tokens and their probabilities, best first, of
            the distribution that was drawn from; empty lists with a uniform generator.
        corrupted_tokens: T tokens, as the discriminator was shown them.
        is_replaced: (T,) bool, where that is not the original; for Electric, where a place was
            drawn.
        probabilities: (T,) float32, P(replaced); None if the objective has no detector.
    """

    text: str
    tokens: list[str]
    masked_tokens: list[str]
    mask_positions: np.ndarray
    sampled_tokens: list[str]
    alternatives: list[list[tuple[str, float]]]
    corrupted_tokens: list[str]
    is_replaced: np.ndarray
    probabilities: np.ndarray | None


def trace(
    model: ElectraPretrainer, texts: Sequence[str], seed: int = 0, num_alternatives: int = 5
) -> list[Trace]:
    """Mask, fill and judge some texts, dropout off, and tell everything on the way.

    Text that does not fit into one window of the model is left out.

    Args:
        model: an `ElectraPretrainer` from `load` or `pretrain`.
        texts: any number of strings.
        seed: of the masks and draws; text number i of a list gets the i-th of them.
        num_alternatives: proposals listed per masked place.

    Raises:
        InputError: if the model has no tokenizer.
    """
    if isinstance(texts, str):
        raise InputError("texts: expected a list of strings, received a string")
    if model.tokenizer is None:
        raise InputError("model: expected one with a tokenizer, received tokenizer=None")
    return [_traced(model, text, index, seed, num_alternatives) for index, text in enumerate(texts)]


def _traced(model, text, index, seed, num_alternatives):
    text, batch = _masked(model, text, index, seed)
    outputs = {name: np.asarray(value)[0] for name, value in model.predict_on_batch(batch).items()}
    length = int(batch["padding_mask"].sum())
    slots = np.flatnonzero(batch["mask_weights"][0])
    originals, corrupted = batch["token_ids"][0, :length], outputs["corrupted_ids"][:length]
    is_replaced, probabilities = corrupted != originals, None
    if model.objective.has_detector:
        is_replaced = outputs["is_replaced"][:length].astype(bool)
        logits = outputs["rtd_logits"][:length]
        probabilities = (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)
    names = _names(model)
    return Trace(
        text=text,
        tokens=names(originals),
        masked_tokens=names(batch["masked_ids"][0, :length]),
        mask_positions=batch["mask_positions"][0, slots],
        sampled_tokens=names(outputs["sampled_ids"][slots]),
        alternatives=_alternatives(model, batch, slots, num_alternatives),
        corrupted_tokens=names(corrupted),
        is_replaced=is_replaced,
        probabilities=probabilities,
    )


def _masked(model, text, index, seed):
    """The text that fits, and its batch of one example."""
    tokenizer = model.tokenizer
    longest = model.sequence_length or model.encoder.max_sequence_length
    ids, _, offsets = tokenizer.encode_with_offsets(text)
    if len(ids) > longest - 2:
        ids, text = ids[: longest - 2], text[: offsets[longest - 3][1]]
    token_ids, padding_mask = framed([ids], tokenizer, padded_length(len(ids) + 2, longest))
    masked = mask_batch(
        token_ids,
        padding_mask,
        config=model.masking,
        special=tokenizer,
        vocabulary_size=model.encoder.vocabulary_size,
        seed=seed,
        step=0,
        first_index=index,
        is_continuation=_continuations(model) if model.masking.whole_words else None,
    )
    maskable = ~np.isin(token_ids, never_masked_ids(tokenizer))
    return text, {
        "token_ids": token_ids,
        "segment_ids": np.zeros_like(token_ids),
        "padding_mask": padding_mask,
        "maskable": maskable,
        **masked,
    }


def _continuations(model):
    """bool (V,), padded where the encoder has rows beyond the vocabulary."""
    result = np.zeros(model.encoder.vocabulary_size, bool)
    result[: model.tokenizer.vocabulary_size] = model.tokenizer.is_continuation
    return result


def _names(model):
    """A function from ids to tokens; a row beyond the vocabulary, which can be drawn, is numbered."""
    vocabulary = model.tokenizer.vocabulary
    rows = range(len(vocabulary), model.encoder.vocabulary_size)
    names = [*vocabulary, *(f"[row {row}]" for row in rows)]
    return lambda ids: [names[index] for index in ids]


def _alternatives(model, batch, slots, count):
    """Per masked place the `count` likeliest (token, probability) of what was drawn from."""
    if model.generator is None or not len(slots):
        return [[] for _ in slots]
    names = ("token_ids", "segment_ids", "padding_mask", "mask_positions")
    inputs = {name: batch[name] for name in names}
    if model.objective.generator != "two_tower":
        inputs["token_ids"] = batch["masked_ids"]
    logits = np.asarray(model.generator.predict_on_batch(inputs), np.float64)[0, slots]
    logits /= model.objective.temperature
    if not model.objective.correct_token_allowed:
        originals = batch["token_ids"][0, batch["mask_positions"][0, slots]]
        logits[np.arange(len(slots)), originals] = -np.inf
    masses = np.exp(logits - logits.max(axis=-1, keepdims=True))
    masses /= masses.sum(axis=-1, keepdims=True)
    best = np.argsort(-masses, axis=-1, kind="stable")[:, :count]
    names = _names(model)
    return [
        list(zip(names(ids), map(float, row[ids]), strict=True))
        for ids, row in zip(best, masses, strict=True)
    ]
