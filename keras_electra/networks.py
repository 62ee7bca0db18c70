"""Generator and discriminator: a backbone with a head, each an ordinary Keras model.

Shapes: B examples, T tokens, K masked places, V vocabulary entries, H hidden width.
"""

from typing import Any, Self

import keras
from keras import ops

from keras_electra.assets import TokenizerAsset
from keras_electra.backbone import ElectraBackbone
from keras_electra.backends.typed import Tensor
from keras_electra.heads import MaskedLMHead, ReplacedTokenHead


class _Network(TokenizerAsset, keras.Model):
    """Base: parts are models and layers given to the constructor, and serialized with it."""

    parts: tuple[str, ...] = ()

    def get_config(self) -> dict[str, Any]:
        parts = {
            name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.parts
        }
        return {"name": self.name, **parts}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in cls.parts}
        return cls(**{**config, **parts})


@keras.saving.register_keras_serializable("keras_electra")
class MaskedLanguageModel(_Network):
    """A backbone under a `MaskedLMHead`: ELECTRA's generator, or a BERT-style model by itself.

    Call with the backbone's inputs and `mask_positions` (B, K); returns logits (B, K, V). Without
    `mask_positions` every place is scored: (B, T, V).
    """

    parts = ("backbone",)

    def __init__(
        self,
        backbone: ElectraBackbone,
        *,
        head_name: str = "masked_lm_head",
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=backbone.dtype_policy)
        self.backbone = backbone
        self.head_name = head_name
        self.head = _masked_lm_head(backbone, head_name)
        self.build()

    def build(self, input_shape: Any = None) -> None:
        self.head.build((None, None, self.backbone.encoder.hidden_dim))
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Tensor:
        positions = inputs.get("mask_positions") if isinstance(inputs, dict) else None
        hidden = self.backbone(inputs, training=training)
        return self.head(hidden, self.backbone.embeddings.table(), positions)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "head_name": self.head_name}


@keras.saving.register_keras_serializable("keras_electra")
class TwoTowerGenerator(_Network):
    """A left-to-right and a right-to-left backbone that predict each token from both of its sides.

    The cloze model of Electric (Clark et al., 2020b, section 3). It reads the *unmasked* text; the
    state for place t joins the left tower at t - 1 and the right tower at t + 1. As in the original
    the states wrap around: place 0 sees the left tower's last state, the last place the right
    tower's first.

    Call with the backbone's inputs and optionally `mask_positions`; returns logits (B, K, V) or
    (B, T, V). Tied to the left tower's token table.
    """

    parts = ("left", "right")

    def __init__(
        self, left: ElectraBackbone, right: ElectraBackbone, *, name: str | None = None
    ) -> None:
        super().__init__(name=name, dtype=left.dtype_policy)
        self.left = left
        self.right = right
        self.head = _masked_lm_head(left, "cloze_head")
        self.build()

    def build(self, input_shape: Any = None) -> None:
        self.head.build((None, None, 2 * self.left.encoder.hidden_dim))
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Tensor:
        left = self.left(inputs, training=training)  # (B, T, H)
        right = self.right(inputs, training=training)
        neighbours = [ops.roll(left, 1, axis=1), ops.roll(right, -1, axis=1)]  # (B, T, H) each
        states = ops.concatenate(neighbours, axis=-1)  # (B, T, 2H)
        positions = inputs.get("mask_positions") if isinstance(inputs, dict) else None
        return self.head(states, self.left.embeddings.table(), positions)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "has_shared_embeddings": self.left.embeddings is self.right.embeddings,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        config = dict(config)
        left = keras.saving.deserialize_keras_object(config["left"])
        right = config["right"]
        if config.pop("has_shared_embeddings"):
            options = {**right["config"], "embeddings": left.embeddings}
            right = type(left).from_config(options)
        else:
            right = keras.saving.deserialize_keras_object(right)
        return cls(**{**config, "left": left, "right": right})


@keras.saving.register_keras_serializable("keras_electra")
class ReplacedTokenDetector(_Network):
    """A backbone under a `ReplacedTokenHead`: ELECTRA's discriminator.

    Call with the backbone's inputs; returns logits (B, T), positive for *replaced*.
    """

    parts = ("backbone",)

    def __init__(self, backbone: ElectraBackbone, *, name: str | None = None) -> None:
        super().__init__(name=name, dtype=backbone.dtype_policy)
        self.backbone = backbone
        self.head = ReplacedTokenHead(
            seed=backbone.seed,
            scale=backbone.encoder.initializer_range,
            name="replaced_token_head",
            dtype=backbone.dtype_policy,
        )
        self.build()

    def build(self, input_shape: Any = None) -> None:
        self.head.build((None, None, self.backbone.encoder.hidden_dim))
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Tensor:
        return self.head(self.backbone(inputs, training=training))


def _masked_lm_head(backbone: ElectraBackbone, name: str) -> MaskedLMHead:
    """A head for the vocabulary and the token table of `backbone`."""
    encoder = backbone.embeddings.encoder
    return MaskedLMHead(
        encoder.vocabulary_size,
        encoder.embedding_dim,
        seed=backbone.seed,
        scale=encoder.initializer_range,
        name=name,
        dtype=backbone.dtype_policy,
    )
