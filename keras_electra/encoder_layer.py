"""One coarse transformer layer, and rotary positions.

Shapes: B examples, T tokens, H hidden width, N heads, D width of a head, I inner width, G projections side
by side in front of the activation (1, or 2 where one is gated by the other), R rank of a low-rank update.

An encoder layer is one Keras layer, not a dozen: on PyTorch each layer call costs more host time than
the arithmetic of a small model, and one fused kernel serves query, key and value.
"""

from collections.abc import Collection
from typing import Any

from keras import ops

from keras_electra import backends
from keras_electra.backends.typed import Tensor
from keras_electra.config.encoder import EncoderConfig, Kernel
from keras_electra.initializers import TruncatedNormal
from keras_electra.layers import ElectraLayer

Rotation = tuple[Tensor, Tensor]
"""Cosines and sines (T, D/2) of rotary positions."""


class EncoderLayer(ElectraLayer):
    """Self-attention and feed-forward with their residuals, post-norm or pre-norm.

    Variables are those of the original, with query, key and value side by side in one kernel (H, 3H);
    `lora.add_lora` puts low-rank updates beside the kernels.

    Args:
        encoder: `EncoderConfig`.
        index: number of the layer from 0; decides the dropout sites.
    """

    def __init__(self, encoder: EncoderConfig, index: int, **kwargs: Any) -> None:
        super().__init__(scale=encoder.initializer_range, **kwargs)
        self.encoder = encoder
        self.index = index
        self.adapters: dict[str, list[tuple[Any, Any] | None]] = {}

    def build(self, input_shape: Any = None) -> None:
        qkv, attention, attention_norm, intermediate, output, output_norm = self.encoder.layer()
        self.qkv_kernel, self.qkv_bias = self.add_dense(qkv)
        self.attention_kernel, self.attention_bias = self.add_dense(attention)
        self.attention_norm = self.add_norm(*attention_norm)
        self.intermediate_kernel, self.intermediate_bias = self.add_dense(intermediate)
        self.output_kernel, self.output_bias = self.add_dense(output)
        self.output_norm = self.add_norm(*output_norm)
        self.built = True

    def call(
        self,
        x: Tensor,
        attention_mask: Tensor | None = None,
        rotation: Rotation | None = None,
        noise: Tensor | None = None,
        training: bool | None = None,
    ) -> Tensor:
        if self.encoder.norm_position == "pre":
            normalized = self.normalized(x, self.attention_norm)
            x = x + self.attended(normalized, attention_mask, rotation, noise, training)
            return x + self.transformed(self.normalized(x, self.output_norm), noise, training)
        x = self.normalized(
            x + self.attended(x, attention_mask, rotation, noise, training), self.attention_norm
        )
        return self.normalized(x + self.transformed(x, noise, training), self.output_norm)

    def attended(
        self,
        x: Tensor,
        attention_mask: Tensor,
        rotation: Rotation | None,
        noise: Tensor,
        training: bool | None,
    ) -> Tensor:
        """The attention sublayer without residual or norm: (B, T, H) -> (B, T, H)."""
        encoder, length = self.encoder, ops.shape(x)[1]
        heads, width = encoder.num_heads, encoder.hidden_dim // encoder.num_heads
        qkv = backends.dense(x, self.updated("qkv_kernel"), self.qkv_bias)  # (B, T, 3H)
        query, key, value = (
            ops.reshape(part, (-1, length, heads, width))  # (B, T, N, D)
            for part in ops.split(qkv, 3, axis=-1)  # (B, T, H) each
        )
        if rotation is not None:
            query, key = rotated(query, rotation), rotated(key, rotation)
        rate = encoder.attention_dropout_rate if training else 0.0
        context = backends.attention(
            query, key, value, attention_mask, rate, noise, 3 * self.index + 1
        )  # (B, T, N, D)
        context = ops.reshape(context, (-1, length, encoder.hidden_dim))  # (B, T, H)
        kernel, bias = self.updated("attention_kernel"), self.attention_bias  # (H, H), (H,)
        output = backends.dense(context, kernel, bias)  # (B, T, H)
        return self.dropped(output, noise, 3 * self.index + 2, training)

    def transformed(self, x: Tensor, noise: Tensor, training: bool | None) -> Tensor:
        """The feed-forward sublayer without residual or norm: (B, T, H) -> (B, T, H)."""
        kernel, bias = self.updated("intermediate_kernel"), self.intermediate_bias  # (H, GI), (GI,)
        inner = backends.dense(x, kernel, bias)  # (B, T, GI)
        if self.encoder.feed_forward == "geglu":
            inner, gate = ops.split(inner, 2, axis=-1)  # (B, T, I) each
            inner = backends.gelu(inner) * gate
        else:
            inner = backends.gelu(inner)
        kernel, bias = self.updated("output_kernel"), self.output_bias  # (I, H), (H,)
        output = backends.dense(inner, kernel, bias)  # (B, T, H)
        return self.dropped(output, noise, 3 * self.index + 3, training)

    def dropped(self, x: Tensor, noise: Tensor, site: int, training: bool | None) -> Tensor:
        if training and self.encoder.dropout_rate > 0:
            return backends.dropout(x, self.encoder.dropout_rate, noise, site)
        return x

    # Low-rank updates

    def add_adapters(self, rank: int, scale: float, targets: Collection[str]) -> None:
        """Put `scale * down @ up` beside the kernels of `targets`, which is zero at the start.

        As in LoRA's own code (Hu et al., 2021), `down` has the deviation `1 / sqrt(3 * inputs)`.
        """
        # Keras locks the variables of a built layer; its own layers open them for this in the same way.
        self._tracker.unlock()
        for kernel in self.encoder.layer_kernels():
            if set(kernel.targets) & set(targets):
                self.adapters[kernel.name] = [
                    self._add_pair(kernel, target, rank) if target in targets else None
                    for target in kernel.targets
                ]
        self.adapter_scale = scale
        self._tracker.lock()

    def _add_pair(self, kernel: Kernel, target: str, rank: int) -> tuple[Any, Any]:
        """`down` (rows, rank) and `up` (rank, columns of the target) beside a part of a kernel."""
        stem, columns = f"{kernel.name}_{target}", kernel.columns // len(kernel.targets)
        draw = TruncatedNormal(self.seed, f"{self.path}/{stem}_down", (3 * kernel.rows) ** -0.5)
        down = self.add_weight(name=f"{stem}_down", shape=(kernel.rows, rank), initializer=draw)
        up = self.add_weight(name=f"{stem}_up", shape=(rank, columns), initializer="zeros")
        return down, up

    def merge_adapters(self) -> None:
        """Add the low-rank updates to the kernels, and remove them."""
        for name, pairs in self.adapters.items():
            getattr(self, name).assign(ops.convert_to_numpy(self.updated(name)))
            for variable in [variable for pair in pairs if pair for variable in pair]:
                self._untrack_variable(variable)
        self._tracker.unlock()
        self.adapters = {}
        self._tracker.lock()

    def updated(self, name: str) -> Tensor:
        """Kernel `name` with its low-rank update, if it has one."""
        kernel = getattr(self, name)
        pairs = self.adapters.get(name)
        if pairs is None:
            return kernel
        width = kernel.shape[1] // len(pairs)
        blocks = [
            ops.matmul(*pair)  # (rows, R) @ (R, width)
            if pair
            else ops.zeros((kernel.shape[0], width), kernel.dtype)
            for pair in pairs
        ]
        # (rows, columns)
        update = blocks[0] if len(blocks) == 1 else ops.concatenate(blocks, axis=1)
        return kernel + self.adapter_scale * update


def rotation_table(length: int, width: int) -> Rotation:
    """Cosines and sines (T, D/2) of rotary positions (Su et al., 2021), base 10000."""
    rates = 10_000.0 ** (-ops.arange(0, width, 2, dtype="float32") / width)  # (D/2,)
    angles = ops.arange(length, dtype="float32")[:, None] * rates[None, :]  # (T, D/2)
    return ops.cos(angles), ops.sin(angles)


def rotated(x: Tensor, rotation: Rotation) -> Tensor:
    """Queries or keys (B, T, N, D) turned by their positions, half-split pairs, in float32."""
    # (1, T, 1, D/2) each
    cos, sin = (ops.cast(part, "float32")[None, :, None, :] for part in rotation)
    first, second = ops.split(ops.cast(x, "float32"), 2, axis=-1)  # (B, T, N, D/2) each
    turned = [first * cos - second * sin, second * cos + first * sin]
    turned = ops.concatenate(turned, axis=-1)  # (B, T, N, D)
    return ops.cast(turned, x.dtype)
