"""Encoders of Hugging Face `transformers` folders, by the names its classes use.

Its names follow the original's with few exceptions, so the tables of `convert.google` serve here too.
"""

import pathlib

import numpy as np

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.encoder import EncoderConfig
from keras_electra.convert.google import (
    EMBEDDING_WEIGHTS,
    LAYER_WEIGHTS,
    MLM_HEAD_WEIGHTS,
    PROJECTION_WEIGHTS,
    RTD_HEAD_WEIGHTS,
)
from keras_electra.convert.huggingface_tensors import FolderTensors
from keras_electra.convert.tensor_files import read_json_in
from keras_electra.convert.tokenizer_files import read_tokenizer
from keras_electra.errors import InputError
from keras_electra.networks import MaskedLanguageModel, ReplacedTokenDetector

CONFIG_FILE = "config.json"
NETWORKS = {
    "ElectraModel": None,
    "ElectraForPreTraining": "discriminator",
    "ElectraForMaskedLM": "generator",
}
"""ELECTRA's classes, and which network each of them is."""

BERT_CLASSES = (
    "BertModel",
    "BertForPreTraining",
    "BertForMaskedLM",
    "BertForNextSentencePrediction",
    "BertForSequenceClassification",
    "BertForMultipleChoice",
    "BertForTokenClassification",
    "BertForQuestionAnswering",
)
SIZES = {
    "vocabulary_size": "vocab_size",
    "hidden_dim": "hidden_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "intermediate_dim": "intermediate_size",
    "embedding_dim": "embedding_size",
    "max_sequence_length": "max_position_embeddings",
    "num_segments": "type_vocab_size",
}
RATES = {
    "dropout_rate": ("hidden_dropout_prob", 0.1),
    "attention_dropout_rate": ("attention_probs_dropout_prob", 0.1),
    "initializer_range": ("initializer_range", 0.02),
}
FIXED = {
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "layer_norm_eps": 1e-12,
    "is_decoder": False,
    "add_cross_attention": False,
}
"""Options that an encoder here has no choice in; a folder without one has this value."""

HEAD_SCOPES = {"discriminator": "discriminator_predictions", "generator": "generator_predictions"}


def from_huggingface(folder, *, dtype=None) -> dict:
    """The models of a folder that `save_pretrained` wrote.

    Classes read: ElectraModel, ElectraForPreTraining, ElectraForMaskedLM, and those of BERT, whose
    encoder is a warm start with `embedding_dim` = `hidden_dim`; heads and pooler of BERT are left out.
    Weights come from `model.safetensors` or `pytorch_model.bin`, whole or in parts; no pickle is run.

    Args:
        folder: path of the folder.
        dtype: policy of the models' layers; Keras' own when None.

    Returns:
        A dict of `backbone` (`ElectraBackbone`), and for the two classes with a head `discriminator`
        (`ReplacedTokenDetector`) or `generator` (`MaskedLanguageModel`); `tokenizer`
        (`WordPieceTokenizer`, or None for a folder without one), which the models have as their
        attribute `tokenizer` too; `left_out`, names of the tensors that could not be carried over;
        `missing`, names of ELECTRA's heads that the folder has no weights for.

    Raises:
        InputError: for an unknown class, an option that this package's encoder lacks, a missing tensor
            or one of a wrong shape, a vocabulary of another size, or files that lead out of the folder.
        DamagedDataError: for files that are cut or changed.
    """
    folder = pathlib.Path(folder)
    config = read_json_in(folder, CONFIG_FILE)
    if config is None:
        raise InputError(f"{folder}: expected a folder with {CONFIG_FILE}, found none")
    name = _class_of(folder, config)
    network = NETWORKS.get(name)
    encoder = _encoder_of(folder, config, is_bert=name in BERT_CLASSES)
    tokenizer = read_tokenizer(folder)
    _check_vocabulary(folder, encoder, tokenizer)
    tensors = FolderTensors(folder, "bert" if name in BERT_CLASSES else "electra")
    _check_sizes(tensors, encoder)
    backbone = ElectraBackbone(**encoder.to_dict(), dtype=dtype)
    _fill_backbone(backbone, tensors)
    models = {"backbone": backbone}
    if network == "discriminator":
        models[network] = ReplacedTokenDetector(backbone)
        _fill(models[network].head, tensors, HEAD_SCOPES[network], RTD_HEAD_WEIGHTS)
    if network == "generator":
        models[network] = MaskedLanguageModel(backbone)
        _fill(models[network].head, tensors, HEAD_SCOPES[network], MLM_HEAD_WEIGHTS)
        tensors.check_tied()
    for model in models.values():
        model.tokenizer = tokenizer
    missing = [scope for head, scope in HEAD_SCOPES.items() if head not in models]
    return {**models, "tokenizer": tokenizer, "left_out": tensors.unused(), "missing": missing}


def _class_of(folder, config) -> str:
    """The class that wrote the folder."""
    names = config.get("architectures") or ["none"]
    known = [*NETWORKS, *BERT_CLASSES]
    if not isinstance(names, list) or len(names) != 1 or names[0] not in known:
        raise InputError(
            f"{folder}/{CONFIG_FILE}: expected architectures to be one of {', '.join(known)}, "
            f"received {names!r}"
        )
    return names[0]


def _encoder_of(folder, config, is_bert) -> EncoderConfig:
    """The encoder's options."""
    where = f"{folder}/{CONFIG_FILE}"
    for name, expected in FIXED.items():
        received = config.get(name, expected)
        if received != expected:
            raise InputError(f"{where}: expected {name} to be {expected!r}, received {received!r}")
    if is_bert:
        config = {**config, SIZES["embedding_dim"]: config.get(SIZES["hidden_dim"])}
    values = {ours: config.get(theirs, default) for ours, (theirs, default) in RATES.items()}
    for ours, theirs in SIZES.items():
        if theirs not in config:
            raise InputError(f"{where}: expected the entry {theirs!r}, not found")
        values[ours] = config[theirs]
    try:
        return EncoderConfig(**values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _check_vocabulary(folder, encoder, tokenizer):
    if tokenizer is not None and tokenizer.vocabulary_size != encoder.vocabulary_size:
        raise InputError(
            f"{folder}: expected a vocabulary of vocab_size={encoder.vocabulary_size} entries, "
            f"received {tokenizer.vocabulary_size}"
        )


def _check_sizes(tensors, encoder):
    """Look at the tensors that carry the sizes before a model of these sizes is made."""
    inner = (encoder.hidden_dim, encoder.intermediate_dim)
    for name, shape in {
        "embeddings/word_embeddings": (encoder.vocabulary_size, encoder.embedding_dim),
        "embeddings/position_embeddings": (encoder.max_sequence_length, encoder.embedding_dim),
        "embeddings/token_type_embeddings": (encoder.num_segments, encoder.embedding_dim),
        f"encoder/layer_{encoder.num_layers - 1}/intermediate/dense/kernel": inner,
    }.items():
        tensors.value(name, shape)
    surplus = [n for n in tensors.arrays if f"encoder.layer.{encoder.num_layers}." in n]
    if surplus:
        raise InputError(
            f"{tensors.folder}: expected {encoder.num_layers} encoder layers, as {CONFIG_FILE} has it, "
            f"received {surplus[0]!r}"
        )


def _fill_backbone(backbone, tensors):
    _fill(backbone.embeddings, tensors, "embeddings", EMBEDDING_WEIGHTS)
    if backbone.projection is not None:
        _fill(backbone.projection, tensors, "embeddings_project", PROJECTION_WEIGHTS)
    hidden = backbone.encoder.hidden_dim
    for index, layer in enumerate(backbone.encoder_layers):
        prefix = f"encoder/layer_{index}"
        for ours, part, shape in (
            (layer.qkv_kernel, "kernel", (hidden, hidden)),
            (layer.qkv_bias, "bias", (hidden,)),
        ):
            names = [f"{prefix}/attention/self/{name}/{part}" for name in ("query", "key", "value")]
            parts = [tensors.value(name, shape) for name in names]
            ours.assign(np.concatenate(parts, axis=-1))
        _fill(layer, tensors, prefix, LAYER_WEIGHTS)


def _fill(layer, tensors, scope, names):
    """Assign the weights of `layer`, by name, from the tensors under `scope`."""
    weights = {weight.name: weight for weight in layer.weights}
    for ours, theirs in names.items():
        weights[ours].assign(tensors.value(f"{scope}/{theirs}", weights[ours].shape))
