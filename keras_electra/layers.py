"""What stands around an encoder's transformer layers: embeddings, projection, local mixing.

Shapes: B examples, T tokens, V vocabulary entries, E embedding width, H hidden width, W tokens in the
window of local mixing.
"""

from typing import Any

import keras
from keras import ops

from keras_electra import backends
from keras_electra.backends.typed import Tensor
from keras_electra.config.encoder import Direction, EncoderConfig, Kernel
from keras_electra.initializers import GlorotUniform, TruncatedNormal

LAYER_NORM_EPSILON = 1e-12


class ElectraLayer(keras.layers.Layer):
    """Base: weights named and seeded in one line each, LayerNorm in float32, dropout by site."""

    def __init__(self, *, seed: int = 0, scale: float = 0.02, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.scale = scale

    def add_kernel(
        self,
        name: str,
        shape: tuple[int, ...],
        glorot: bool = False,
        hidden_blocks: int = 0,
        autocast: bool = True,
    ) -> Any:
        """A weight drawn from the truncated normal of the original, or from Glorot's uniform.

        `hidden_blocks` tells the optimizer how many matrices between activations stand side by side in
        it; 0 for a table or for what belongs to a head. `autocast` is whether it is read in the layer's
        dtype.
        """
        path = f"{self.path}/{name}"
        draw = GlorotUniform(self.seed, path) if glorot else None
        initializer = draw or TruncatedNormal(self.seed, path, self.scale)
        weight = self.add_weight(name=name, shape=shape, initializer=initializer, autocast=autocast)
        weight.hidden_blocks = hidden_blocks
        return weight

    def add_dense(self, kernel: Kernel) -> tuple[Any, Any]:
        """The pair (kernel, bias) that an `EncoderConfig` describes."""
        weight = self.add_kernel(
            kernel.name, (kernel.rows, kernel.columns), kernel.is_glorot, kernel.blocks
        )
        return weight, self.add_bias(kernel.bias_name, kernel.columns)

    def add_bias(self, name: str, width: int) -> Any:
        return self.add_weight(name=name, shape=(width,), initializer="zeros")

    def add_norm(self, name: str, width: int) -> tuple[Any, Any]:
        """The pair (gamma, beta) of a LayerNorm, kept in float32 under mixed precision."""
        gamma = self.add_weight(
            name=f"{name}_gamma", shape=(width,), initializer="ones", autocast=False
        )
        beta = self.add_weight(
            name=f"{name}_beta", shape=(width,), initializer="zeros", autocast=False
        )
        return gamma, beta

    @property
    def own_weights(self) -> dict:
        """Its weights by name, without those of another layer that it looks up."""
        return {w.name: w for w in [*self._trainable_variables, *self._non_trainable_variables]}

    def normalized(self, x: Tensor, norm: tuple[Any, Any]) -> Tensor:
        """LayerNorm over the last axis of `x`, computed in float32, in the layer's dtype."""
        gamma, beta = norm
        x = ops.layer_normalization(
            ops.cast(x, "float32"), gamma, beta, axis=-1, epsilon=LAYER_NORM_EPSILON
        )
        return ops.cast(x, self.compute_dtype)


class Embeddings(ElectraLayer):
    """Token, position and segment embeddings, summed, normalized and dropped out.

    Tables are looked up in float32 under mixed precision, too. A row's gradient is the sum over all its
    tokens, and in bfloat16 such a sum stops growing: that of a segment, 8,192 tokens, was off by 70 %.

    Args:
        encoder: `EncoderConfig`.
        token_table: an `Embeddings` whose token table is used in place of an own one, or None.
        is_disentangled: whether an own table, starting at zero, is added to the shared one, which
            then gets no gradient from here (He et al., 2021, section 3.2).
    """

    def __init__(
        self,
        encoder: EncoderConfig,
        *,
        token_table: "Embeddings | None" = None,
        is_disentangled: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(scale=encoder.initializer_range, **kwargs)
        self.encoder = encoder
        self.token_table = token_table
        self.is_disentangled = is_disentangled

    @classmethod
    def with_table(cls, encoder: EncoderConfig, table: dict, **options: Any) -> "Embeddings":
        """Built embeddings whose token table is that of other ones, from what `table_config` returned."""
        owner = cls(encoder.from_dict(table["encoder"]), name="token_table", **options)
        owner.build()
        is_disentangled = table["is_disentangled"]
        embeddings = cls(
            encoder,
            token_table=owner,
            is_disentangled=is_disentangled,
            name="embeddings",
            **options,
        )
        embeddings.build()
        return embeddings

    def table_config(self) -> dict | None:
        """What it takes to make the embeddings whose token table is used here; None for an own one."""
        if self.token_table is None:
            return None
        return {
            "encoder": self.token_table.encoder.to_dict(),
            "is_disentangled": self.is_disentangled,
        }

    def build(self, input_shape: Any = None) -> None:
        tables = self.encoder.tables()
        shape = tables.pop("token_embeddings")
        if self.token_table is None:
            self.token_embeddings = self.add_kernel("token_embeddings", shape, autocast=False)
        elif self.is_disentangled:
            self.token_delta = self.add_weight(
                name="token_delta", shape=shape, initializer="zeros", autocast=False
            )
        for name, shape in tables.items():
            setattr(self, name, self.add_kernel(name, shape, autocast=False))
        self.norm = self.add_norm("norm", self.encoder.embedding_dim)
        self.built = True

    def call(
        self,
        token_ids: Tensor,
        segment_ids: Tensor | None = None,
        noise: Tensor | None = None,
        training: bool | None = None,
    ) -> Tensor:
        table = self.table()
        x = ops.take(table, token_ids, axis=0)  # (V, E)[(B, T)] -> (B, T, E)
        if self.encoder.position_encoding == "learned":
            x = x + self.position_embeddings[: ops.shape(token_ids)[1]]  # (T, E)
        if segment_ids is None or self.encoder.num_segments == 1:
            # With one row there is one segment, though batches go on to tell two texts apart: question
            # answering finds its context by that.
            x = x + self.segment_embeddings[0]  # (E,)
        else:
            table = ops.convert_to_tensor(self.segment_embeddings)
            x = x + ops.take(table, segment_ids, axis=0)  # (B, T, E)
        x = self.normalized(x, self.norm)
        if training and self.encoder.dropout_rate > 0:
            x = backends.dropout(x, self.encoder.dropout_rate, noise, site=0)
        return x

    def table(self) -> Tensor:
        """The token table (V, E) that this network looks up and, in a generator, multiplies by."""
        if self.token_table is None:
            # Multiplied by 1 so that TensorFlow's gradient is one dense tensor for both uses.
            return ops.convert_to_tensor(self.token_embeddings) * 1
        shared = self.token_table.table()
        if not self.is_disentangled:
            return shared
        return ops.stop_gradient(shared) + ops.convert_to_tensor(self.token_delta)


class Projection(ElectraLayer):
    """Dense E -> H without activation, as the original's `embeddings_project`."""

    def __init__(self, encoder: EncoderConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder

    def build(self, input_shape: Any = None) -> None:
        self.kernel, self.bias = self.add_dense(self.encoder.projection())
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        return backends.dense(x, self.kernel, self.bias)  # (B, T, E) -> (B, T, H)


class LocalMixing(ElectraLayer):
    """Adds to each place a gated projection of its neighbours, before any attention.

    `x + (gelu(n A) * (n B)) C` with n the places in the window side by side. Which words may stand
    beside each other is most of what a small model can learn soon; the product of the two projections
    can express it, and attention need not discover it first.

    Args:
        encoder: options, of which `local_mixing_width` is the number of tokens seen.
        direction: "both", or "left"/"right" for an encoder that may see one side only.
    """

    def __init__(
        self, encoder: EncoderConfig, direction: Direction = "both", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder
        self.direction: Direction = direction
        self.offsets = encoder.mixed_offsets(direction)

    def build(self, input_shape: Any = None) -> None:
        gate, output = self.encoder.mixing(self.direction)
        self.gate_kernel, self.gate_bias = self.add_dense(gate)
        self.output_kernel, self.output_bias = self.add_dense(output)
        self.built = True

    def call(
        self, x: Tensor, padding_mask: Tensor | None = None, document_ids: Tensor | None = None
    ) -> Tensor:
        if padding_mask is not None:
            x = x * ops.expand_dims(ops.cast(padding_mask, x.dtype), -1)  # (B, T, 1)
        window = [shifted(x, offset) for offset in self.offsets]
        if document_ids is not None:
            # From 1 on, so that the zeros beside the example are no document.
            numbers = ops.expand_dims(document_ids, -1) + 1  # (B, T, 1)
            window = [
                places * ops.cast(shifted(numbers, offset) == numbers, x.dtype)
                for places, offset in zip(window, self.offsets, strict=True)
            ]
        window = ops.concatenate(window, axis=-1)  # (B, T, WH)
        gates = backends.dense(window, self.gate_kernel, self.gate_bias)  # (B, T, 2H)
        gate, value = ops.split(gates, 2, axis=-1)  # (B, T, H) each
        mixed = backends.gelu(gate) * value
        return x + backends.dense(mixed, self.output_kernel, self.output_bias)  # (B, T, H)


def shifted(x: Tensor, offset: int) -> Tensor:
    """`x[:, t + offset]` at place t of `x` (B, T, H), zero where that is outside.

    shifted([[1, 2, 3]], 1) is [[2, 3, 0]]; shifted([[1, 2, 3]], -1) is [[0, 1, 2]].
    """
    if offset == 0:
        return x
    padded = ops.pad(x, [[0, 0], [max(-offset, 0), max(offset, 0)], [0, 0]])
    return padded[:, offset:] if offset > 0 else padded[:, :offset]
