"""Encoders to and from KerasHub's `ElectraBackbone`, and the tokenizer to and from its `ElectraTokenizer`.

KerasHub's encoder differs in two things, whatever weights it gets: it approximates GELU by tanh, and it
has a pooler on [CLS] that ELECTRA does not have and nobody trained.
"""

import functools
import importlib.util
import pathlib

from keras import ops

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.convert.checking import (
    TOLERANCE,
    Conversion,
    largest_difference,
    numbers,
    refuse_difference,
    sample_inputs,
    tokenizer_of,
)
from keras_electra.convert.google_parts import refuse_other_architecture
from keras_electra.convert.original_names import arrays_of_parts, backbone_parts, fill, plain_copy
from keras_electra.convert.tokenizer_writing import SAMPLE_TEXTS, check_token_ids
from keras_electra.convert.vocabulary_rows import fitted
from keras_electra.errors import DamagedDataError, InputError, MissingExtraError
from keras_electra.files import new_folder
from keras_electra.foreign_files import refuse_pointer
from keras_electra.tokenizer import WordPieceTokenizer

SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_layers",
    "num_heads": "num_heads",
    "hidden_dim": "hidden_dim",
    "embedding_dim": "embedding_dim",
    "intermediate_dim": "intermediate_dim",
    "max_sequence_length": "max_sequence_length",
    "num_segments": "num_segments",
    "dropout_rate": "dropout",
}
BACKBONE_CONFIG, TOKENIZER_CONFIG = "config.json", "tokenizer.json"
POOLER = "pooled_output comes from a pooler that nobody trained: use sequence_output"
GELU = (
    "KerasHub approximates GELU by tanh, which moves its sequence_output by up to {difference:.2g} on a "
    "sample; with the exact GELU in its place the difference is {rest:.2g}"
)


def to_keras_hub(model, folder) -> Conversion:
    """Write a preset that KerasHub opens by itself, `keras_hub.models.Backbone.from_preset(folder)`.

    Args:
        model: an `ElectraBackbone`, or any model with one (`backbone`), of which the encoder is taken;
            of the published architecture. Its tokenizer is written too.
        folder: a new or empty folder.

    Returns:
        What was written. `largest_difference` is that with the exact GELU on both sides; the sentences
        have that of KerasHub's own.

    Raises:
        MissingExtraError: without KerasHub.
        InputError: for another architecture, or a folder that holds something.
        ConversionError: if the encoders differ by more than the approximation; nothing is left then.
    """
    keras_hub = _keras_hub()
    source = model if isinstance(model, ElectraBackbone) else getattr(model, "backbone", None)
    if source is None:
        raise InputError(f"model: expected one with an encoder, received a {type(model).__name__}")
    tokenizer = tokenizer_of(model)
    backbone = plain_copy(source)
    refuse_other_architecture(backbone.encoder, "KerasHub")
    sizes = {theirs: getattr(backbone.encoder, ours) for ours, theirs in SIZES.items()}
    theirs = keras_hub.models.ElectraBackbone(**sizes, dtype="float32")
    for name, value in arrays_of_parts(backbone_parts(backbone, "")).items():
        variable = _variable(theirs, name)
        variable.assign(value.reshape(variable.shape))
    with new_folder(folder, "empty") as temporary:
        theirs.save_to_preset(str(temporary))
        if tokenizer is not None:
            _their_tokenizer(keras_hub, tokenizer).save_to_preset(str(temporary))
        again = keras_hub.models.Backbone.from_preset(str(temporary))
        difference, rest = _differences(backbone, again)
        refuse_difference(rest, TOLERANCE, folder)
        if tokenizer is not None:
            _check_tokenizer(keras_hub, temporary, tokenizer)
    sentences = [GELU.format(difference=difference, rest=rest), POOLER]
    if tokenizer is not None and tokenizer.config.lowercase:
        sentences.append("KerasHub folds case further than lower-casing does: ß becomes ss")
    if source is not model:
        sentences.append("the encoder alone is written: KerasHub has no heads for it")
    if tokenizer is None:
        sentences.append("the model has no tokenizer, so none is written")
    return Conversion(
        path=pathlib.Path(folder),
        format="keras-hub",
        largest_difference=rest,
        checked_with="KerasHub",
        sentences=tuple(sentences),
    )


def from_keras_hub(source) -> dict:
    """The encoder of KerasHub.

    Args:
        source: path of a preset folder, or a `keras_hub.models.ElectraBackbone`.

    Returns:
        A dict of `backbone` (`ElectraBackbone`, with its attribute `tokenizer`), `tokenizer`
        (`WordPieceTokenizer`, or None if there is none beside the encoder), and `left_out`, names of
        what could not be carried over.

    Raises:
        MissingExtraError: without KerasHub.
        InputError: if it is another model than an `ElectraBackbone`, or a vocabulary has more entries
            than the token table rows.
        DamagedDataError: if a file is cut or changed.
    """
    keras_hub, tokenizer = _keras_hub(), None
    theirs = source
    if not isinstance(source, keras_hub.models.Backbone):
        theirs, tokenizer = _opened(keras_hub, pathlib.Path(source))
    if not isinstance(theirs, keras_hub.models.ElectraBackbone):
        raise InputError(
            f"{source}: expected an ElectraBackbone of KerasHub, received a {type(theirs).__name__}"
        )
    values = {ours: getattr(theirs, name) for ours, name in SIZES.items()}
    values["attention_dropout_rate"] = values["dropout_rate"]
    backbone = ElectraBackbone(**EncoderConfig(**values).to_dict())
    tokenizer = fitted(tokenizer, backbone.encoder.vocabulary_size, source)
    fill(
        backbone_parts(backbone, ""),
        lambda name, shape: numbers(_variable(theirs, name)).reshape(shape),
    )
    backbone.tokenizer = tokenizer
    difference, rest = _differences(backbone, theirs)
    refuse_difference(rest, TOLERANCE, source)
    return {
        "backbone": backbone,
        "tokenizer": tokenizer,
        "left_out": ["pooled_dense/kernel", "pooled_dense/bias"],
        "sentences": [GELU.format(difference=difference, rest=rest)],
    }


def _keras_hub():
    if importlib.util.find_spec("keras_hub") is None:
        raise MissingExtraError("converting to and from KerasHub", "hub")
    import keras_hub

    return keras_hub


def _variable(theirs, name: str):
    """The variable of KerasHub's backbone that is the original's `name`, without a scope."""
    *scopes, last = name.split("/")
    if scopes[0] == "embeddings":
        tables = {
            "word_embeddings": theirs.token_embedding,
            "token_type_embeddings": theirs.segment_embedding,
        }
        if last == "position_embeddings":
            return theirs.position_embedding.position_embeddings
        if last in tables:
            return tables[last].embeddings
        return getattr(theirs.embeddings_layer_norm, last)
    if scopes[0] == "embeddings_project":
        return getattr(theirs.embeddings_projection, last)
    layer = theirs.transformer_layers[int(scopes[1].removeprefix("layer_"))]
    attention = layer._self_attention_layer
    parts = {
        "attention/self/query": attention.query_dense,
        "attention/self/key": attention.key_dense,
        "attention/self/value": attention.value_dense,
        "attention/output/dense": attention.output_dense,
        "attention/output/LayerNorm": layer._self_attention_layer_norm,
        "intermediate/dense": layer._feedforward_intermediate_dense,
        "output/dense": layer._feedforward_output_dense,
        "output/LayerNorm": layer._feedforward_layer_norm,
    }
    return getattr(parts["/".join(scopes[2:])], last)


def _opened(keras_hub, path):
    """(backbone, tokenizer here or None) of a preset folder."""
    if not (path / BACKBONE_CONFIG).is_file():
        raise InputError(f"{path}: expected a KerasHub preset with {BACKBONE_CONFIG}, found none")
    for file in path.glob("*.h5"):
        refuse_pointer(file)
    try:
        theirs = keras_hub.models.Backbone.from_preset(str(path))
        tokenizer = None
        if (path / TOKENIZER_CONFIG).is_file():
            tokenizer = _our_tokenizer(keras_hub.models.Tokenizer.from_preset(str(path)))
    except Exception as error:  # KerasHub raises what it likes about the content of a folder.
        reason = str(error).strip().partition("\n")[0]
        raise DamagedDataError(f"{path}: expected a whole KerasHub preset ({reason})") from error
    return theirs, tokenizer


def _their_tokenizer(keras_hub, tokenizer):
    return keras_hub.models.ElectraTokenizer(
        vocabulary=list(tokenizer.vocabulary),
        lowercase=tokenizer.config.lowercase,
        strip_accents=tokenizer.config.removes_accents,
    )


def _our_tokenizer(theirs) -> WordPieceTokenizer:
    config = TokenizerConfig(lowercase=theirs.lowercase, strip_accents=theirs.strip_accents)
    return WordPieceTokenizer(theirs.get_vocabulary(), config)


def _check_tokenizer(keras_hub, folder, tokenizer):
    """Compare what both sides make of some texts; KerasHub writes ß as ss, and no special tokens."""
    theirs = keras_hub.models.Tokenizer.from_preset(str(folder))

    def ids_of(texts):
        words = ([int(index) for index in numbers(theirs(text))] for text in texts)
        return [[tokenizer.class_id, *ids, tokenizer.separator_id] for ids in words]

    check_token_ids(tokenizer, ids_of, folder.name, SAMPLE_TEXTS[:2])


def _differences(backbone, theirs) -> tuple[float, float]:
    """Largest differences of a sample's hidden states: as KerasHub has them, and with the exact GELU."""
    inputs = sample_inputs(backbone.encoder)
    mask = inputs["padding_mask"]
    ours = {"hidden": numbers(backbone(inputs))[mask]}
    batch = {**inputs, "padding_mask": mask.astype("int32")}
    found = [numbers(theirs(batch)["sequence_output"])[mask]]
    dense = [layer._feedforward_intermediate_dense for layer in theirs.transformer_layers]
    theirs_own = [layer.activation for layer in dense]
    for layer in dense:
        layer.activation = functools.partial(ops.gelu, approximate=False)
    try:
        found.append(numbers(theirs(batch)["sequence_output"])[mask])
    finally:
        for layer, activation in zip(dense, theirs_own, strict=True):
            layer.activation = activation
    return tuple(largest_difference(ours, {"hidden": value}) for value in found)
