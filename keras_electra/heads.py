"""The layers above an encoder that pretraining needs.

Shapes: B examples, T tokens, K masked places, V vocabulary entries, E embedding width, H hidden width.
"""

from typing import Any

from keras import ops

from keras_electra import backends
from keras_electra.backends.typed import Tensor
from keras_electra.layers import ElectraLayer


class MaskedLMHead(ElectraLayer):
    """Scores every vocabulary entry at chosen places: dense H -> E, GELU, LayerNorm, tied table.

    Call with hidden states (B, T, H), the token table (V, E) and places (B, K), or None for every
    place; returns logits (B, K, V) or (B, T, V). Only chosen places are multiplied by the table.

    Example:

    >>> head = ke.MaskedLMHead(vocabulary_size=1000, embedding_dim=32)
    >>> hidden, table = np.zeros((2, 16, 64), "float32"), np.zeros((1000, 32), "float32")
    >>> tuple(head(hidden, table, np.array([[3, 7], [1, 9]])).shape)  # (B, K, V)
    (2, 2, 1000)
    """

    def __init__(self, vocabulary_size: int, embedding_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_kernel("kernel", (input_shape[-1], self.embedding_dim))
        self.bias = self.add_bias("bias", self.embedding_dim)
        self.norm = self.add_norm("norm", self.embedding_dim)
        self.output_bias = self.add_bias("output_bias", self.vocabulary_size)
        self.built = True

    def call(self, hidden: Tensor, table: Tensor, positions: Tensor | None = None) -> Tensor:
        if positions is not None:
            hidden = backends.gather_places(hidden, positions)  # (B, K, H)
        x = backends.gelu(backends.dense(hidden, self.kernel, self.bias))  # (B, K, E)
        x = self.normalized(x, self.norm)
        table = ops.cast(table, x.dtype)
        return backends.dense(x, ops.transpose(table), self.output_bias)  # (B, K, E) @ (E, V)


class ReplacedTokenHead(ElectraLayer):
    """One logit per token, positive for *replaced*: dense H -> H, GELU, dense H -> 1.

    Call with hidden states (B, T, H); returns logits (B, T).

    Example:

    >>> head = ke.ReplacedTokenHead()
    >>> tuple(head(np.zeros((2, 16, 64), "float32")).shape)
    (2, 16)
    """

    def build(self, input_shape: Any) -> None:
        hidden = input_shape[-1]
        self.kernel = self.add_kernel("kernel", (hidden, hidden))
        self.bias = self.add_bias("bias", hidden)
        self.logit_kernel = self.add_kernel("logit_kernel", (hidden, 1), glorot=True)
        self.logit_bias = self.add_bias("logit_bias", 1)
        self.built = True

    def call(self, hidden: Tensor) -> Tensor:
        x = backends.gelu(backends.dense(hidden, self.kernel, self.bias))  # (B, T, H)
        logits = backends.dense(x, self.logit_kernel, self.logit_bias)  # (B, T, 1)
        return ops.squeeze(logits, axis=-1)


class CopyHead(ElectraLayer):
    """Log-probabilities (B, T) that a token was copied, and that it was not: dense H -> 1.

    For the All-Tokens MLM ablation (Clark et al., 2020, section 3.4).
    """

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_kernel("kernel", (input_shape[-1], 1), glorot=True)
        self.bias = self.add_bias("bias", 1)
        self.built = True

    def call(self, hidden: Tensor) -> Tensor:
        logits = ops.squeeze(backends.dense(hidden, self.kernel, self.bias), axis=-1)  # (B, T)
        logits = ops.cast(logits, "float32")
        return ops.log_sigmoid(logits), ops.log_sigmoid(-logits)
