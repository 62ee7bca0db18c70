"""Models from Hugging Face `transformers` folders, by the names its classes use.

Its names follow the original's with few exceptions, so the tables of `convert.original_names` serve
here too.
"""

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.huggingface import encoder_of
from keras_electra.convert.checking import name_of, networks_of
from keras_electra.convert.google_parts import head_parts
from keras_electra.convert.huggingface_heads import TASK_CLASSES, task_model_of
from keras_electra.convert.huggingface_tensors import FolderTensors
from keras_electra.convert.original_names import backbone_parts, fill, layer_parts
from keras_electra.convert.pairing import as_pretrainer
from keras_electra.convert.vocabulary_rows import fitted, sentences_on_rows
from keras_electra.errors import InputError
from keras_electra.foreign_files import hub_snapshot, read_json_in
from keras_electra.networks import MaskedLanguageModel, ReplacedTokenDetector
from keras_electra.tokenizer import WordPieceTokenizer
from keras_electra.tokenizer.vocabulary_files import has_vocabulary

CONFIG_FILE = "config.json"
NETWORKS = {
    "ElectraForPreTraining": ReplacedTokenDetector,
    "ElectraForMaskedLM": MaskedLanguageModel,
    "BertForMaskedLM": MaskedLanguageModel,
    "BertForPreTraining": MaskedLanguageModel,
}
"""The classes that pretraining makes with a head, and the network that each of them is."""

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
HEAD_SCOPES = {"discriminator": "discriminator_predictions", "generator": "generator_predictions"}
BERT_MLM_WEIGHTS = {
    "kernel": "transform/dense/kernel",
    "bias": "transform/dense/bias",
    "norm_gamma": "transform/LayerNorm/gamma",
    "norm_beta": "transform/LayerNorm/beta",
    "output_bias": "bias",
}


def from_huggingface(folder, *, dtype=None) -> dict:
    """The models of a folder that `save_pretrained` or `to_huggingface` wrote.

    Classes read: ElectraModel, ElectraForPreTraining, ElectraForMaskedLM, those for sequence and token
    classification, question answering and multiple choice, and those of BERT, whose encoder is a warm
    start with `embedding_dim` = `hidden_dim`; BERT's masked language head comes along, its other heads
    and its pooler are left out. Weights come from `model.safetensors` or `pytorch_model.bin`, whole or
    in parts; no pickle is run.

    Args:
        folder: path of the folder; of one with the folders `discriminator` and `generator`; or of the
            model's folder in the hub's cache, which has `snapshots`.
        dtype: policy of the models' layers; Keras' own when None.

    Returns:
        A dict of `backbone` (`ElectraBackbone`), and by the class `discriminator`
        (`ReplacedTokenDetector`), `generator` (`MaskedLanguageModel`) or `task_model`; `pretrainer`
        (`ElectraPretrainer`) if both networks are there; `tokenizer` (`WordPieceTokenizer`, or None for
        a folder without one), which the models have as their attribute `tokenizer` too; `left_out`,
        names of the tensors that could not be carried over; `missing`, names of ELECTRA's heads that
        the folder has no weights for; `sentences`, what there is to say about the vocabulary. Added
        tokens take their ids in it, and a row of the token table without a token is an `[unused…]`
        entry.

    Raises:
        InputError: for an unknown class, an option that this package's encoder lacks, a missing tensor
            or one of a wrong shape, a vocabulary of another size, or files that lead out of the folder.
        DamagedDataError: for files that are cut or changed.
    """
    folder = hub_snapshot(folder)
    config = read_json_in(folder, CONFIG_FILE)
    if config is None and all((folder / name).is_dir() for name in HEAD_SCOPES):
        return _both(folder, dtype)
    if config is None:
        raise InputError(f"{folder}: expected a folder with {CONFIG_FILE}, found none")
    name = _class_of(folder, config)
    is_bert = name in BERT_CLASSES
    encoder = encoder_of(f"{folder}/{CONFIG_FILE}", config, is_bert)
    tokenizer = WordPieceTokenizer.from_file(folder) if has_vocabulary(folder) else None
    tensors = FolderTensors(folder, "bert" if is_bert else "electra")
    _check_sizes(tensors, encoder)
    tokenizer = fitted(tokenizer, encoder.vocabulary_size, folder)
    backbone = ElectraBackbone(**encoder.to_dict(), dtype=dtype)
    fill(backbone_parts(backbone, ""), tensors.value)
    models = {"backbone": backbone}
    if name in NETWORKS:
        network = NETWORKS[name](backbone)
        models[name_of(network)] = network
        parts = head_parts(network)
        if is_bert:
            parts = layer_parts(network.head, "cls/predictions", BERT_MLM_WEIGHTS)
        fill(parts, tensors.value)
    if "generator" in models:
        tensors.check_tied()
    if name in TASK_CLASSES:
        models["task_model"] = task_model_of(name, config, backbone, tensors)
    for model in models.values():
        model.tokenizer = tokenizer
    missing = [scope for head, scope in HEAD_SCOPES.items() if head not in models]
    return {
        **models,
        "tokenizer": tokenizer,
        "left_out": tensors.unused(),
        "missing": missing,
        "sentences": sentences_on_rows(folder, tokenizer),
    }


def _both(folder, dtype):
    """The models of the folders `discriminator` and `generator` below `folder`."""
    found = {name: from_huggingface(folder / name, dtype=dtype) for name in HEAD_SCOPES}
    for name, models in found.items():
        if name not in models:
            raise InputError(f"{folder / name}: expected a {name}, received another class")
    pretrainer = as_pretrainer(
        found["discriminator"]["discriminator"], found["generator"]["generator"], dtype=dtype
    )
    return {
        **networks_of(pretrainer),
        "tokenizer": pretrainer.tokenizer,
        "left_out": [f"{n}/{name}" for n, models in found.items() for name in models["left_out"]],
        "missing": [],
        "sentences": found["discriminator"]["sentences"],
    }


def _class_of(folder, config) -> str:
    """The class that wrote the folder."""
    names = config.get("architectures") or ["none"]
    known = [*dict.fromkeys(["ElectraModel", *NETWORKS, *TASK_CLASSES, *BERT_CLASSES])]
    if not isinstance(names, list) or len(names) != 1 or names[0] not in known:
        raise InputError(
            f"{folder}/{CONFIG_FILE}: expected architectures to be one of {', '.join(known)}, "
            f"received {names!r}"
        )
    return names[0]


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
