"""The encoder that pretraining makes and every task keeps."""

import dataclasses
import functools
from collections.abc import Collection
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_electra import backends
from keras_electra.assets import TokenizerAsset
from keras_electra.backends.typed import Tensor
from keras_electra.config.encoder import ARCHITECTURES, Direction, EncoderConfig
from keras_electra.config.options import refuse_unknown
from keras_electra.config.sizes import SIZES
from keras_electra.encoder_layer import EncoderLayer, Rotation, rotation_table
from keras_electra.errors import InputError
from keras_electra.layers import ElectraLayer, Embeddings, LocalMixing, Projection
from keras_electra.sampling import refuse_short_numbers


@keras.saving.register_keras_serializable("keras_electra")
class ElectraBackbone(TokenizerAsset, keras.Model):
    """ELECTRA's encoder: embeddings, projection where widths differ, encoder layers; no pooler.

    Shapes: B examples, T tokens, H hidden width.

    Call with int token ids (B, T), or a dict of `token_ids` (B, T) and optionally `segment_ids`
    (B, T), `padding_mask` (B, T), True at real tokens, and `document_ids` (B, T), of which only equal
    ones see each other; leave a mask out when nothing is padded or kept apart. With `num_segments=1`
    all tokens are of one segment, whatever `segment_ids` says. Returns the last hidden states (B, T, H).

    Args:
        embeddings: an `Embeddings` layer shared with another backbone, or None for its own.
        direction: "both"; "left" or "right" see only earlier or only later tokens.
        seed: decides the starting weights and the dropout noise.
        lora: None, or the options of `lora.add_lora` as a dict, whose updates are then added.
        **options: the fields of `EncoderConfig`, by name.

    Attributes:
        rematerialize: whether training keeps only what enters each layer, and computes the rest of it
            again for the gradient: less memory, about a third more work, the same numbers.

    Example:

    >>> backbone = ke.ElectraBackbone.from_size("tiny", vocabulary_size=1000, num_layers=1)
    >>> token_ids = np.array([[2, 17, 38, 3], [2, 54, 3, 0]])  # (B, T)
    >>> hidden = backbone({"token_ids": token_ids, "padding_mask": token_ids > 0})
    >>> tuple(hidden.shape)  # (B, T, H)
    (2, 4, 128)
    """

    def __init__(
        self,
        *,
        embeddings: Embeddings | None = None,
        direction: Direction = "both",
        seed: int = 0,
        lora: dict[str, Any] | None = None,
        name: str | None = None,
        dtype: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if self.variable_dtype != "float32":
            raise InputError(
                "dtype: expected float32, mixed_bfloat16 or mixed_float16, whose weights are float32, "
                f"received {self.dtype_policy.name!r}, in which small updates of a weight are lost"
            )
        if direction not in ("both", "left", "right"):
            raise InputError(
                f"direction: expected 'both', 'left' or 'right', received {direction!r}"
            )
        self.encoder = EncoderConfig.from_dict(options)
        self.direction: Direction = direction
        self.seed = seed
        self.rematerialize = False
        parts = {"seed": seed, "dtype": self.dtype_policy}
        self.embeddings = embeddings or Embeddings(self.encoder, name="embeddings", **parts)
        self.projection = None
        width = self.embeddings.encoder.embedding_dim
        if width != self.encoder.hidden_dim:
            narrow = self.encoder.replace(embedding_dim=width)
            self.projection = Projection(narrow, name="projection", **parts)
        self.mixing = None
        if self.encoder.local_mixing_width:
            self.mixing = LocalMixing(self.encoder, direction, name="mixing", **parts)
        self.encoder_layers = [
            EncoderLayer(self.encoder, index, name=f"layer_{index}", **parts)
            for index in range(self.encoder.num_layers)
        ]
        self.final_norm = None
        if self.encoder.norm_position == "pre":
            self.final_norm = FinalNorm(name="final_norm", **parts)
        self.noise = keras.random.SeedGenerator(seed, name=f"{self.name}_noise")
        self.build()
        self.lora = None
        if lora is not None:
            self.add_adapters(**lora)

    def build(self, input_shape: Any = None) -> None:
        for part in self.parts:
            if not part.built:
                part.build((None, None, self.encoder.hidden_dim))
        self.built = True

    @classmethod
    def from_size(cls, size: str, vocabulary_size: int, **options: Any) -> "ElectraBackbone":
        """The encoder of a named size (`tiny`, `mini`, `small`, `base`, `large`)."""
        refuse_unknown([size], SIZES, "sizes")
        fields = {field.name for field in dataclasses.fields(EncoderConfig)}
        recipe = {name: value for name, value in SIZES[size].items() if name in fields}
        bundle = ARCHITECTURES[SIZES[size]["architecture"]]
        return cls(**{**bundle, **recipe, "vocabulary_size": vocabulary_size, **options})

    def call(self, inputs: Any, training: bool | None = None) -> Tensor:
        token_ids, segment_ids, padding_mask, document_ids = unpacked(inputs)
        self.refuse_too_long(token_ids.shape[1])
        noise = backends.noise_key(self.noise) if training else None
        x = self.embeddings(token_ids, segment_ids, noise, training=training)
        if self.projection is not None:
            x = self.projection(x)
        if self.mixing is not None:
            x = self.mixing(x, padding_mask, document_ids)
        length = ops.shape(token_ids)[1]
        mask = self.attention_mask(padding_mask, document_ids, length)
        rotation = self.rotation(length)
        for layer in self.encoder_layers:

            def through(x, layer=layer):
                return layer(x, mask, rotation, noise, training=training)

            if training and self.rematerialize:
                through = backends.rematerialized(through)
            x = through(x)
        return x if self.final_norm is None else self.final_norm(x)

    def refuse_too_long(self, length: int | None) -> None:
        longest = self.encoder.max_sequence_length
        if length is not None and length > longest:
            raise InputError(
                f"token_ids: expected at most max_sequence_length={longest} tokens, received {length}"
            )

    def attention_mask(
        self, padding_mask: Tensor | None, document_ids: Tensor | None, length: Any
    ) -> Tensor | None:
        """Bool (B or 1, 1, 1 or T, T), True where a query may look, or None when all of it is.

        A query that may look nowhere, such as padding in a tower, looks everywhere: the original adds
        the same -10000 to all its scores, which changes nothing. Backends differ on an empty row.
        """
        masks = []
        if padding_mask is not None:
            # By this operation, because LiteRT has none for new axes in a slice of booleans.
            masks.append(ops.expand_dims(ops.cast(padding_mask, "bool"), (1, 2)))  # (B, 1, 1, T)
        if document_ids is not None:
            queries, keys = document_ids[:, None, :, None], document_ids[:, None, None, :]
            masks.append(queries == keys)  # (B, 1, T, T)
        if self.direction != "both":
            # The type is named because `torch.export` has no number here to guess it by.
            places = ops.arange(length, dtype="int32")
            before = places[None, :] <= places[:, None]  # (T, T)
            allowed = before if self.direction == "left" else ops.transpose(before)  # (T, T)
            masks.append(allowed[None, None])  # (1, 1, T, T)
        if not masks:
            return None
        mask = functools.reduce(ops.logical_and, masks)
        if padding_mask is None:
            # Every query sees itself.
            return mask
        is_empty = ops.logical_not(ops.any(mask, axis=-1, keepdims=True))  # (B, 1, 1 or T, 1)
        return ops.logical_or(mask, is_empty)

    def rotation(self, length: int) -> Rotation | None:
        """Rotary tables for `length` places, or None with learned positions."""
        if self.encoder.position_encoding == "learned":
            return None
        return rotation_table(length, self.encoder.hidden_dim // self.encoder.num_heads)

    def assign_from(self, source: "ElectraBackbone") -> None:
        """Take the weights of another backbone of the same options.

        Low-rank updates arrive merged, and a token table that is computed from another network's as
        the plain table that it amounts to.
        """
        for theirs, mine in zip(source.parts, self.parts, strict=True):
            weights = theirs.own_weights
            for weight in mine.own_weights.values():
                value = weights.get(weight.name)
                if weight.name == "token_embeddings":
                    value = source.embeddings.table()
                elif weight.name in getattr(theirs, "adapters", {}):
                    value = theirs.updated(weight.name)
                # A copy: JAX would share the buffer, and a training step write over the source's.
                weight.assign(np.array(ops.convert_to_numpy(value), "float32"))

    @property
    def parts(self) -> list[ElectraLayer]:
        """The layers with weights, in the order of the forward pass."""
        parts = [
            self.embeddings,
            self.projection,
            self.mixing,
            *self.encoder_layers,
            self.final_norm,
        ]
        return [part for part in parts if part is not None]

    def add_adapters(self, rank: int, alpha: float, targets: Collection[str]) -> None:
        """Freeze every weight, and put low-rank updates beside kernels; `lora.add_lora` checks first."""
        for variable in self.trainable_variables:
            variable.trainable = False
        for layer in self.encoder_layers:
            layer.add_adapters(rank, alpha / rank, targets)
        self.lora = {"rank": rank, "alpha": alpha, "targets": tuple(targets)}

    def merge_adapters(self) -> None:
        """Add the low-rank updates to the kernels they belong to; every weight is trained again."""
        for layer in self.encoder_layers:
            layer.merge_adapters()
        for variable in self.weights:
            variable.trainable = True
        self.lora = None

    def get_config(self) -> dict[str, Any]:
        return {
            **self.encoder.to_dict(),
            "direction": self.direction,
            "seed": self.seed,
            "token_table": self.embeddings.table_config(),
            "lora": self.lora and {**self.lora, "targets": list(self.lora["targets"])},
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ElectraBackbone":
        policy = keras.saving.deserialize_keras_object(config["dtype"])
        config = {**config, "dtype": policy}
        table = config.pop("token_table", None)
        if table is not None and "embeddings" not in config:
            known = {field.name for field in dataclasses.fields(EncoderConfig)}
            encoder = EncoderConfig(**{n: v for n, v in config.items() if n in known})
            parts = {"seed": config["seed"], "dtype": policy}
            config["embeddings"] = Embeddings.with_table(encoder, table, **parts)
        return cls(**config)


class FinalNorm(ElectraLayer):
    """The LayerNorm that closes a pre-norm encoder."""

    def build(self, input_shape: Any) -> None:
        self.norm = self.add_norm("norm", input_shape[-1])
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        return self.normalized(x, self.norm)


def unpacked(inputs: Any) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """(token_ids, segment_ids, padding_mask, document_ids) of what a network is called with.

    All but the first are None where they are not given.
    """
    if not isinstance(inputs, dict):
        inputs = {"token_ids": inputs}
    refuse_short_numbers("token_ids", inputs["token_ids"])
    types = {
        "token_ids": "int32",
        "segment_ids": "int32",
        "padding_mask": None,
        "document_ids": "int32",
    }
    given = {name: inputs.get(name) for name in types}
    token_ids, segment_ids, padding_mask, document_ids = (
        None if given[name] is None else ops.convert_to_tensor(given[name], dtype)
        for name, dtype in types.items()
    )
    return token_ids, segment_ids, padding_mask, document_ids
