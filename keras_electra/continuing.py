"""Starting a run from weights that exist: another run, a checkpoint, a preset, a converted model."""

import re

import keras
import numpy as np

from keras_electra.backbone import ElectraBackbone
from keras_electra.errors import InputError
from keras_electra.opening import load
from keras_electra.presets import network_variables
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.tokenizer import WordPieceTokenizer
from keras_electra.tokenizer.extending import former_pieces

VOCABULARY_WEIGHTS = re.compile(r"/(token_embeddings|token_delta|\w+_head/output_bias)$")
"""Weights with one row per vocabulary entry, by path."""

ENCODER = "discriminator_backbone"
"""The name of a pretrainer's main encoder."""


def start_from(model: ElectraPretrainer, source) -> list[str]:
    """Copy the weights of `source` into `model`, by path; the optimizer and the step stay fresh.

    Where the vocabulary differs, rows are matched by token: every token that the source knows keeps
    its row, and a new token starts as the mean of the rows of the pieces that the source's tokenizer
    cuts it into.

    Args:
        model: with its tokenizer.
        source: path of anything that `load` opens, or an `ElectraPretrainer`. Of a model without its
            pretraining networks the encoder is taken.

    Returns:
        Sentences that say what was not carried over.

    Raises:
        InputError: if no weight fits, or the tokenizers clean text differently.
    """
    source = source if isinstance(source, ElectraPretrainer) else load(source)
    rows = _row_map(source.tokenizer, model.tokenizer)
    # Not the trainable ones: a frozen generator is carried over too.
    theirs = _weights(source)
    fresh, reshaped, mine = [], [], list(_weights(model).values())
    for variable in mine:
        if variable.path not in theirs:
            fresh.append(variable.path)
            continue
        value = keras.ops.convert_to_numpy(theirs.pop(variable.path))
        if rows is not None and VOCABULARY_WEIGHTS.search(variable.path):
            value = _mapped(value, rows, variable.shape[0])
        if value.shape != tuple(variable.shape):
            reshaped.append(variable.path)
            continue
        variable.assign(value)
    if len(fresh) + len(reshaped) == len(mine):
        raise InputError("initial: expected weights of a like architecture, received none that fit")
    sentences = _not_carried_over(fresh, reshaped, sorted(theirs))
    if rows is not None:
        sentences.append(_of_vocabularies(source.tokenizer, model.tokenizer))
    return [*sentences, "the optimizer, its schedule and the step counter start afresh"]


def _weights(model):
    """The weights of all networks, a shared one once, by the paths of a pretrainer."""
    if not isinstance(model, ElectraPretrainer):
        backbone = model if isinstance(model, ElectraBackbone) else model.backbone
        return {f"{ENCODER}/{v.path.partition('/')[2]}": v for v in backbone.trainable_variables}
    variables = [v for network in network_variables(model).values() for v in network]
    return {variable.path: variable for variable in variables}


def _row_map(old: WordPieceTokenizer | None, new: WordPieceTokenizer):
    """For each new token the old rows it is the mean of; None when both vocabularies are the same."""
    if old is None or old.vocabulary == new.vocabulary:
        return None
    if old.config.lowercase != new.config.lowercase:
        raise InputError(
            f"initial: expected a tokenizer with lowercase={new.config.lowercase}, "
            f"received lowercase={old.config.lowercase}"
        )
    return former_pieces(old, new.vocabulary)


def _mapped(value, rows, num_rows):
    """Rows of the old table (V_old, ...) arranged for the new one; the mean where none fits."""
    mean = value.mean(axis=0)
    rows = rows + [None] * (num_rows - len(rows))
    return np.stack([mean if row is None else value[list(row)].mean(axis=0) for row in rows])


def _not_carried_over(fresh, reshaped, unused) -> list[str]:
    sentences = []
    for words, paths in (
        ("started afresh, for the source has no such weight", fresh),
        ("started afresh, for the source's shape differs", reshaped),
        ("of the source left out", unused),
    ):
        if paths:
            names = ", ".join(paths[:3]) + (", ..." if len(paths) > 3 else "")
            sentences.append(f"{len(paths)} weights {words}: {names}")
    return sentences


def _of_vocabularies(old: WordPieceTokenizer, new: WordPieceTokenizer) -> str:
    num_new = len(set(new.vocabulary) - set(old.vocabulary))
    return (
        f"vocabulary mapped by token: {num_new} of {new.vocabulary_size} entries are new "
        "and start as the mean of their former pieces"
    )
