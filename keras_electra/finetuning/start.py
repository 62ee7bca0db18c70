"""What fine-tuning starts from: a trained encoder with its tokenizer, ready to be copied for each trial."""

import dataclasses
import hashlib
import os
import pathlib

import keras

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.finetune import FinetuneConfig
from keras_electra.config.sizes import size_named
from keras_electra.errors import InputError
from keras_electra.lora import add_lora
from keras_electra.opening import load
from keras_electra.presets import refuse_average
from keras_electra.tokenizer import WordPieceTokenizer


@dataclasses.dataclass(frozen=True)
class Start:
    """The encoder that every trial begins with.

    Attributes:
        backbone: an `ElectraBackbone`; it is copied, never trained.
        tokenizer: made the ids it was trained on.
        source: path it was opened from, or None for a model in memory.
    """

    backbone: ElectraBackbone
    tokenizer: WordPieceTokenizer
    source: str | None

    @classmethod
    def of(cls, model, weights: str = "last") -> "Start":
        """Open a path, or take a pretrainer, a task model or a backbone with a `tokenizer`.

        Args:
            weights: of a path, "last" or "average", as of `load`.

        Raises:
            InputError: if it is none of these, or has no tokenizer.
        """
        source = None
        if isinstance(model, str | os.PathLike):
            source = str(pathlib.Path(model).resolve())
            model = load(model, weights=weights)
        else:
            refuse_average("a model in memory", weights)
        if isinstance(model, cls):
            return model
        backbone = model if isinstance(model, ElectraBackbone) else getattr(model, "backbone", None)
        tokenizer = getattr(model, "tokenizer", None)
        if not isinstance(backbone, ElectraBackbone):
            raise InputError(
                "model: expected a run, checkpoint or preset, or a model with an ElectraBackbone, "
                f"received {type(model).__name__}"
            )
        if tokenizer is None:
            raise InputError("model: expected one with a tokenizer, received tokenizer=None")
        return cls(backbone, tokenizer, source)

    @property
    def size(self) -> str | None:
        """The named size of the same width and depth, or None."""
        return size_named(self.backbone.encoder.hidden_dim, self.backbone.encoder.num_layers)

    @property
    def max_sequence_length(self) -> int:
        """Longest input in tokens."""
        return self.backbone.encoder.max_sequence_length

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the encoder's weights."""
        digest = hashlib.sha256()
        for weight in self.backbone.trainable_variables:
            digest.update(keras.ops.convert_to_numpy(weight).tobytes())
        return digest.hexdigest()

    def new_backbone(self, config: FinetuneConfig, seed: int) -> ElectraBackbone:
        """A copy to be trained, in the precision of the recipe, with low-rank updates if it asks."""
        backbone = ElectraBackbone(
            **self.backbone.encoder.to_dict(),
            direction=self.backbone.direction,
            seed=seed,
            name="backbone",
            dtype=config.dtype_policy,
        )
        if not config.has_fresh_weights:
            backbone.assign_from(self.backbone)
        if config.lora_rank is not None:
            add_lora(backbone, config.lora_rank, config.lora_alpha, config.lora_target_names)
        return backbone
