"""Options of one encoder (a backbone): its sizes and each piece of its architecture."""

import dataclasses
from typing import Literal

from keras_electra.config.options import Options, option, required

ARCHITECTURES = {
    "electra": {
        "norm_position": "post",
        "local_mixing_width": 0,
        "position_encoding": "learned",
        "feed_forward": "gelu",
    },
    "modern": {
        "norm_position": "pre",
        "local_mixing_width": 3,
        "position_encoding": "learned",
        "feed_forward": "gelu",
    },
    "modern_rotary": {
        "norm_position": "pre",
        "local_mixing_width": 3,
        "position_encoding": "rotary",
        "feed_forward": "gelu",
    },
}
"""Named bundles of architecture options. A bundle never changes; a new one gets a new name."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderConfig(Options):
    """Everything that fixes the shape and the function of an `ElectraBackbone`."""

    vocabulary_size: int = required("entries of the vocabulary (V)")
    hidden_dim: int = required("width of the encoder layers (H)")
    num_layers: int = required("encoder layers")
    num_heads: int = required("attention heads; must divide hidden_dim")
    intermediate_dim: int = required("width inside the feed-forward part")
    embedding_dim: int = required("width of the embeddings (E); projected when not hidden_dim")
    max_sequence_length: int = option(512, "rows of the position table, in tokens")
    num_segments: int = option(
        2, "rows of the segment table; with 1 all texts of an input share it"
    )
    dropout_rate: float = option(0.1, "fraction of activations dropped in training")
    attention_dropout_rate: float = option(0.1, "fraction of attention weights dropped in training")
    initializer_range: float = option(0.02, "standard deviation of the truncated normal start")
    norm_position: Literal["post", "pre"] = option(
        "post", "LayerNorm after or before each sublayer"
    )
    local_mixing_width: int = option(
        0, "tokens mixed around each place after the embeddings: 0 for none, else odd"
    )
    position_encoding: Literal["learned", "rotary"] = option(
        "learned", "a table added to the embeddings, or rotation of queries and keys"
    )
    feed_forward: Literal["gelu", "geglu"] = option(
        "gelu", "one activated projection, or one gated by a second (GEGLU)"
    )

    def check(self) -> None:
        for name in (
            "vocabulary_size",
            "hidden_dim",
            "num_layers",
            "num_heads",
            "intermediate_dim",
            "embedding_dim",
            "max_sequence_length",
            "num_segments",
        ):
            self.require(getattr(self, name) >= 1, name, "at least 1")
        self.require(
            self.hidden_dim % self.num_heads == 0,
            "num_heads",
            f"a divisor of hidden_dim={self.hidden_dim}",
        )
        for name in ("dropout_rate", "attention_dropout_rate"):
            self.require(0 <= getattr(self, name) < 1, name, "a fraction in [0, 1)")
        self.require(self.initializer_range > 0, "initializer_range", "more than 0")
        width = self.local_mixing_width
        self.require(width == 0 or (width > 1 and width % 2), "local_mixing_width", "0 or odd")
        self.require(
            self.position_encoding == "learned" or (self.hidden_dim // self.num_heads) % 2 == 0,
            "position_encoding",
            "an even head width for 'rotary'",
        )
