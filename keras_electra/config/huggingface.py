"""The options of an encoder in the words of Hugging Face's `config.json`."""

from keras_electra.config.encoder import EncoderConfig
from keras_electra.errors import InputError

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


def encoder_of(where, config: dict, is_bert: bool) -> EncoderConfig:
    """The encoder's options.

    Args:
        where: what error messages call the file.
        config: the content of `config.json`.
        is_bert: whether it is one of BERT's, whose embeddings are as wide as its layers.

    Raises:
        InputError: for an entry that is missing, or an option that no encoder here has.
    """
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
