"""`load`: a model of any format that is read, for every command and panel that takes a model."""

import pathlib
import shlex
import warnings

from keras_electra.convert.checking import main_name, sentences_on_left_out
from keras_electra.convert.huggingface import HEAD_SCOPES, from_huggingface
from keras_electra.convert.pairing import alone
from keras_electra.convert.sources import kind_of_source
from keras_electra.errors import InputError, Remark
from keras_electra.presets import OPENERS, open_own, refuse_average

TO_CONVERT = {
    "google": "a checkpoint of the original program",
    "keras-hub": "a preset of KerasHub",
}
"""Kinds that are read by `convert` alone: reading them needs another program."""


def load(path, *, dtype: str = "float32", weights: str = "last"):
    """Open a run, a checkpoint, a preset folder, a `.keras` file or a Hugging Face folder.

    Of a fine-tuning run it is the best trial's model. What there is to say about a Hugging Face folder
    is a warning of the class `Remark`.

    Args:
        path: the folder or file; also a model's folder in the hub's cache, or one with the two Hugging
            Face folders `discriminator` and `generator`.
        dtype: policy of the layers; a `.keras` file has its own, and no other can be asked of it.
        weights: "last", or "average" for the moving average of a run trained with `ema_rate`, which is
            refused where there is none.

    Returns:
        An `ElectraPretrainer` with `tokenizer` and `sequence_length` set, for `detect`, `evaluate` and
        taking `generator`, `discriminator` or `backbone` out; or a task model, for `predict`; of a
        `.keras` file whatever was saved; of a Hugging Face folder without a head an `ElectraBackbone`,
        for fine-tuning. It carries no optimizer. A Hugging Face discriminator that stands alone has no
        generator: its replacements are sampled uniformly.

    Raises:
        InputError: if the path is none of these, or has to be converted first.
        DamagedDataError: if its files are damaged.
    """
    path, kind = pathlib.Path(path), kind_of_source(path)
    if kind in OPENERS:
        return open_own(kind, path, dtype=dtype, weights=weights)
    refuse_average(path, weights)
    if kind in TO_CONVERT:
        raise InputError(
            f"{path} is {TO_CONVERT[kind]}: convert it with `keras-electra convert --from "
            f"{shlex.quote(str(path))} --to NEW_FOLDER`, then use NEW_FOLDER"
        )
    return _of_huggingface(path, dtype)


def _of_huggingface(path, dtype):
    """The model of a Hugging Face folder."""
    models = from_huggingface(path, dtype=dtype)
    if models["tokenizer"] is None:
        raise InputError(f"{path}: {models['sentences'][0]}; put one beside the weights")
    sentences = [*models["sentences"], *sentences_on_left_out(models)]
    name = main_name(models)
    model = alone(models[name], dtype) if name in HEAD_SCOPES else models[name]
    if name == "discriminator":
        sentences.append("it has no generator, so that replacements are sampled uniformly")
    model.sequence_length = models["backbone"].encoder.max_sequence_length
    for sentence in sentences:
        warnings.warn(f"{path}: {sentence}", Remark, stacklevel=3)
    return model
