"""The layers of an encoder: embeddings, local mixing, and one coarse transformer layer.

Shapes: B examples, T tokens, E embedding width, H hidden width, N heads.

An encoder layer is one Keras layer, not a dozen: on PyTorch each layer call costs more host time than
the arithmetic of a small model, and one fused kernel serves query, key and value.
"""

import keras
from keras import ops

from keras_electra import backends
from keras_electra.initializers import GlorotUniform, TruncatedNormal

LAYER_NORM_EPSILON = 1e-12


class ElectraLayer(keras.layers.Layer):
    """Base: weights named and seeded in one line each, LayerNorm in float32, dropout by site."""

    def __init__(self, *, seed: int = 0, scale: float = 0.02, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.scale = scale

    def add_kernel(self, name, shape, glorot=False, hidden_blocks=0):
        """A weight drawn from the truncated normal of the original, or from Glorot's uniform.

        `hidden_blocks` tells the optimizer how many matrices between activations stand side by side in
        it; 0 for a table or for what belongs to a head.
        """
        path = f"{self.path}/{name}"
        draw = GlorotUniform(self.seed, path) if glorot else None
        initializer = draw or TruncatedNormal(self.seed, path, self.scale)
        weight = self.add_weight(name=name, shape=shape, initializer=initializer)
        weight.hidden_blocks = hidden_blocks
        return weight

    def add_bias(self, name, width):
        return self.add_weight(name=name, shape=(width,), initializer="zeros")

    def add_norm(self, name, width):
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

    def normalized(self, x, norm):
        """LayerNorm over the last axis of `x`, computed in float32, in the layer's dtype."""
        gamma, beta = norm
        x = ops.layer_normalization(
            ops.cast(x, "float32"), gamma, beta, axis=-1, epsilon=LAYER_NORM_EPSILON
        )
        return ops.cast(x, self.compute_dtype)


class Embeddings(ElectraLayer):
    """Token, position and segment embeddings, summed, normalized and dropped out.

    Args:
        encoder: `EncoderConfig`.
        token_table: an `Embeddings` whose token table is used in place of an own one, or None.
        is_disentangled: whether an own table, starting at zero, is added to the shared one, which
            then gets no gradient from here (He et al., 2021, section 3.2).
    """

    def __init__(self, encoder, *, token_table=None, is_disentangled=False, **kwargs):
        super().__init__(scale=encoder.initializer_range, **kwargs)
        self.encoder = encoder
        self.token_table = token_table
        self.is_disentangled = is_disentangled

    @classmethod
    def with_table(cls, encoder, table: dict, **options):
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

    def build(self, input_shape=None):
        encoder, width = self.encoder, self.encoder.embedding_dim
        if self.token_table is None:
            self.token_embeddings = self.add_kernel(
                "token_embeddings", (encoder.vocabulary_size, width)
            )
        elif self.is_disentangled:
            self.token_delta = self.add_weight(
                name="token_delta", shape=(encoder.vocabulary_size, width), initializer="zeros"
            )
        if encoder.position_encoding == "learned":
            self.position_embeddings = self.add_kernel(
                "position_embeddings", (encoder.max_sequence_length, width)
            )
        self.segment_embeddings = self.add_kernel(
            "segment_embeddings", (encoder.num_segments, width)
        )
        self.norm = self.add_norm("norm", width)
        self.built = True

    def call(self, token_ids, segment_ids=None, noise=None, training=None):
        table = self.table()
        x = ops.take(table, token_ids, axis=0)
        if self.encoder.position_encoding == "learned":
            x = x + self.position_embeddings[: ops.shape(token_ids)[1]]
        if segment_ids is None:
            x = x + self.segment_embeddings[0]
        else:
            x = x + ops.take(ops.convert_to_tensor(self.segment_embeddings), segment_ids, axis=0)
        x = self.normalized(x, self.norm)
        if training and self.encoder.dropout_rate > 0:
            x = backends.dropout(x, self.encoder.dropout_rate, noise, site=0)
        return x

    def table(self):
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

    def __init__(self, width: int, **kwargs):
        super().__init__(**kwargs)
        self.width = width

    def build(self, input_shape):
        self.kernel = self.add_kernel("kernel", (input_shape[-1], self.width), glorot=True)
        self.bias = self.add_bias("bias", self.width)
        self.built = True

    def call(self, x):
        return backends.dense(x, self.kernel, self.bias)


class LocalMixing(ElectraLayer):
    """Adds to each place a gated projection of its neighbours, before any attention.

    `x + (gelu(n A) * (n B)) C` with n the places in the window side by side. Which words may stand
    beside each other is most of what a small model can learn soon; the product of the two projections
    can express it, and attention need not discover it first.

    Args:
        width: tokens seen, the place itself included; odd.
        direction: "both", or "left"/"right" for an encoder that may see one side only.
    """

    def __init__(self, width: int, direction: str = "both", **kwargs):
        super().__init__(**kwargs)
        reach = width // 2
        first = -reach if direction != "right" else 0
        last = reach if direction != "left" else 0
        self.offsets = range(first, last + 1)

    def build(self, input_shape):
        hidden = input_shape[-1]
        window = len(self.offsets) * hidden
        self.gate_kernel = self.add_kernel(
            "gate_kernel", (window, 2 * hidden), glorot=True, hidden_blocks=2
        )
        self.gate_bias = self.add_bias("gate_bias", 2 * hidden)
        self.output_kernel = self.add_kernel(
            "output_kernel", (hidden, hidden), glorot=True, hidden_blocks=1
        )
        self.output_bias = self.add_bias("output_bias", hidden)
        self.built = True

    def call(self, x, padding_mask=None, document_ids=None):
        if padding_mask is not None:
            x = x * ops.expand_dims(ops.cast(padding_mask, x.dtype), -1)
        window = [shifted(x, offset) for offset in self.offsets]
        if document_ids is not None:
            # From 1 on, so that the zeros beside the example are no document.
            numbers = ops.expand_dims(document_ids, -1) + 1
            window = [
                places * ops.cast(shifted(numbers, offset) == numbers, x.dtype)
                for places, offset in zip(window, self.offsets, strict=True)
            ]
        window = ops.concatenate(window, axis=-1)
        gates = backends.dense(window, self.gate_kernel, self.gate_bias)
        gate, value = ops.split(gates, 2, axis=-1)
        mixed = backends.gelu(gate) * value
        return x + backends.dense(mixed, self.output_kernel, self.output_bias)


def shifted(x, offset: int):
    """`x[:, t + offset]` at place t of `x` (B, T, H), zero where that is outside.

    shifted([[1, 2, 3]], 1) is [[2, 3, 0]]; shifted([[1, 2, 3]], -1) is [[0, 1, 2]].
    """
    if offset == 0:
        return x
    padded = ops.pad(x, [[0, 0], [max(-offset, 0), max(offset, 0)], [0, 0]])
    return padded[:, offset:] if offset > 0 else padded[:, :offset]


ADAPTED = {
    "qkv_kernel": ("query", "key", "value"),
    "attention_kernel": ("output",),
    "intermediate_kernel": ("feed_forward",),
    "output_kernel": ("feed_forward",),
}
"""Kernel -> the targets of low-rank updates in it, side by side."""


class EncoderLayer(ElectraLayer):
    """Self-attention and feed-forward with their residuals, post-norm or pre-norm.

    Variables are those of the original, with query, key and value side by side in one kernel (H, 3H);
    `lora.add_lora` puts low-rank updates beside the kernels.

    Args:
        encoder: `EncoderConfig`.
        index: number of the layer from 0; decides the dropout sites.
    """

    def __init__(self, encoder, index: int, **kwargs):
        super().__init__(scale=encoder.initializer_range, **kwargs)
        self.encoder = encoder
        self.index = index
        self.adapters = {}

    def build(self, input_shape=None):
        hidden, inner = self.encoder.hidden_dim, self.encoder.intermediate_dim
        gates = 2 if self.encoder.feed_forward == "geglu" else 1
        self.qkv_kernel = self.add_kernel("qkv_kernel", (hidden, 3 * hidden), hidden_blocks=3)
        self.qkv_bias = self.add_bias("qkv_bias", 3 * hidden)
        self.attention_kernel = self.add_kernel(
            "attention_kernel", (hidden, hidden), hidden_blocks=1
        )
        self.attention_bias = self.add_bias("attention_bias", hidden)
        self.attention_norm = self.add_norm("attention_norm", hidden)
        self.intermediate_kernel = self.add_kernel(
            "intermediate_kernel", (hidden, gates * inner), hidden_blocks=gates
        )
        self.intermediate_bias = self.add_bias("intermediate_bias", gates * inner)
        self.output_kernel = self.add_kernel("output_kernel", (inner, hidden), hidden_blocks=1)
        self.output_bias = self.add_bias("output_bias", hidden)
        self.output_norm = self.add_norm("output_norm", hidden)
        self.built = True

    def call(self, x, attention_mask=None, rotation=None, noise=None, training=None):
        if self.encoder.norm_position == "pre":
            normalized = self.normalized(x, self.attention_norm)
            x = x + self.attended(normalized, attention_mask, rotation, noise, training)
            return x + self.transformed(self.normalized(x, self.output_norm), noise, training)
        x = self.normalized(
            x + self.attended(x, attention_mask, rotation, noise, training), self.attention_norm
        )
        return self.normalized(x + self.transformed(x, noise, training), self.output_norm)

    def attended(self, x, attention_mask, rotation, noise, training):
        """The attention sublayer without residual or norm: (B, T, H) -> (B, T, H)."""
        encoder, length = self.encoder, ops.shape(x)[1]
        heads, width = encoder.num_heads, encoder.hidden_dim // encoder.num_heads
        qkv = backends.dense(x, self.updated("qkv_kernel"), self.qkv_bias)
        query, key, value = (
            ops.reshape(part, (-1, length, heads, width)) for part in ops.split(qkv, 3, axis=-1)
        )
        if rotation is not None:
            query, key = rotated(query, rotation), rotated(key, rotation)
        rate = encoder.attention_dropout_rate if training else 0.0
        context = backends.attention(
            query, key, value, attention_mask, rate, noise, 3 * self.index + 1
        )
        context = ops.reshape(context, (-1, length, encoder.hidden_dim))
        output = backends.dense(context, self.updated("attention_kernel"), self.attention_bias)
        return self.dropped(output, noise, 3 * self.index + 2, training)

    def transformed(self, x, noise, training):
        """The feed-forward sublayer without residual or norm: (B, T, H) -> (B, T, H)."""
        inner = backends.dense(x, self.updated("intermediate_kernel"), self.intermediate_bias)
        if self.encoder.feed_forward == "geglu":
            inner, gate = ops.split(inner, 2, axis=-1)
            inner = backends.gelu(inner) * gate
        else:
            inner = backends.gelu(inner)
        output = backends.dense(inner, self.updated("output_kernel"), self.output_bias)
        return self.dropped(output, noise, 3 * self.index + 3, training)

    def dropped(self, x, noise, site, training):
        if training and self.encoder.dropout_rate > 0:
            return backends.dropout(x, self.encoder.dropout_rate, noise, site)
        return x

    # Low-rank updates

    def add_adapters(self, rank: int, scale: float, targets) -> None:
        """Put `scale * down @ up` beside the kernels of `targets`, which is zero at the start.

        As in LoRA's own code (Hu et al., 2021), `down` has the deviation `1 / sqrt(3 * inputs)`.
        """
        # Keras locks the variables of a built layer; its own layers open them for this in the same way.
        self._tracker.unlock()
        for name, blocks in ADAPTED.items():
            inputs, outputs = getattr(self, name).shape
            pairs = []
            for block in blocks:
                if block not in targets:
                    pairs.append(None)
                    continue
                stem = f"{name}_{block}"
                draw = TruncatedNormal(self.seed, f"{self.path}/{stem}_down", (3 * inputs) ** -0.5)
                down = self.add_weight(name=f"{stem}_down", shape=(inputs, rank), initializer=draw)
                up = self.add_weight(
                    name=f"{stem}_up", shape=(rank, outputs // len(blocks)), initializer="zeros"
                )
                pairs.append((down, up))
            if any(pairs):
                self.adapters[name] = pairs
        self.adapter_scale = scale
        self._tracker.lock()

    def merge_adapters(self) -> None:
        """Add the low-rank updates to the kernels, and remove them."""
        for name, pairs in self.adapters.items():
            getattr(self, name).assign(ops.convert_to_numpy(self.updated(name)))
            for variable in [variable for pair in pairs if pair for variable in pair]:
                self._untrack_variable(variable)
        self._tracker.unlock()
        self.adapters = {}
        self._tracker.lock()

    def updated(self, name):
        """Kernel `name` with its low-rank update, if it has one."""
        kernel = getattr(self, name)
        pairs = self.adapters.get(name)
        if pairs is None:
            return kernel
        width = kernel.shape[1] // len(pairs)
        blocks = [
            ops.matmul(*pair) if pair else ops.zeros((kernel.shape[0], width), kernel.dtype)
            for pair in pairs
        ]
        update = blocks[0] if len(blocks) == 1 else ops.concatenate(blocks, axis=1)
        return kernel + self.adapter_scale * update


def rotation_table(length: int, width: int):
    """Cosines and sines (T, D/2) of rotary positions (Su et al., 2021), base 10000."""
    rates = 10_000.0 ** (-ops.arange(0, width, 2, dtype="float32") / width)
    angles = ops.arange(length, dtype="float32")[:, None] * rates[None, :]
    return ops.cos(angles), ops.sin(angles)


def rotated(x, rotation):
    """Queries or keys (B, T, N, D) turned by their positions, half-split pairs, in float32."""
    cos, sin = (ops.cast(part, "float32")[None, :, None, :] for part in rotation)
    first, second = ops.split(ops.cast(x, "float32"), 2, axis=-1)
    turned = ops.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
    return ops.cast(turned, x.dtype)
