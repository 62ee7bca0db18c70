"""Building generator and discriminator, and the embeddings they share, from the options."""

from typing import Any

import keras
import numpy as np

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.objective import ObjectiveConfig
from keras_electra.layers import Embeddings

PARTS = ("discriminator", "generator", "generator_left", "generator_right")


class NetworkBuilder:
    """Makes the two networks of one pretrainer.

    Attributes:
        main_backbone: the encoder that is kept.
        generator: what the kind of generator makes of it, a Keras model or None.
        discriminator: what the objective makes of it, a Keras model or None.
    """

    def __init__(
        self,
        encoder: EncoderConfig,
        objective: ObjectiveConfig,
        seed: int,
        dtype: keras.DTypePolicy,
        rematerialize: bool,
    ):
        self.encoder, self.objective = encoder, objective
        self.seed, self.dtype, self.rematerialize = seed, dtype, rematerialize
        self.generator_encoder = self.objective.generator_encoder(self.encoder)
        self.generator_embeddings: Embeddings | None = None
        self.main_backbone = self._main_backbone()
        self.generator = self.objective.generator_kind.network(self)
        if self.objective.has_frozen_generator:
            self.generator.trainable = False
        self.discriminator = self.objective.kind.network(self)

    def _main_backbone(self) -> ElectraBackbone:
        embeddings = None
        if self.objective.embedding_sharing == "disentangled":
            self.generator_embeddings = self._embeddings("generator", self.generator_encoder)
            embeddings = self._embeddings(
                "discriminator",
                self.encoder,
                token_table=self.generator_embeddings,
                is_disentangled=True,
            )
        main = self._backbone("discriminator", self.encoder, embeddings=embeddings)
        if self.objective.embedding_sharing == "full":
            self.generator_embeddings = main.embeddings
        elif self.objective.embedding_sharing == "token":
            self.generator_embeddings = self._embeddings(
                "generator", self.generator_encoder, token_table=main.embeddings
            )
        return main

    def tower(self, direction: str) -> ElectraBackbone:
        """An encoder of the generator's own: "both", or "left" or "right" for one that sees one side."""
        owner = "generator" if direction == "both" else f"generator_{direction}"
        return self._backbone(
            owner,
            self.generator_encoder,
            embeddings=self.generator_embeddings,
            direction=direction,
        )

    def _embeddings(self, owner: str, encoder: EncoderConfig, **options: Any) -> Embeddings:
        embeddings = Embeddings(
            encoder,
            name=f"{owner}_embeddings",
            seed=self._seed_of(owner),
            dtype=self.dtype,
            **options,
        )
        embeddings.build()
        return embeddings

    def _backbone(self, owner: str, encoder: EncoderConfig, **options: Any) -> ElectraBackbone:
        backbone = ElectraBackbone(
            **encoder.to_dict(),
            **options,
            seed=self._seed_of(owner),
            name=f"{owner}_backbone",
            dtype=self.dtype,
        )
        backbone.rematerialize = self.rematerialize
        return backbone

    def _seed_of(self, owner: str) -> int:
        """Seeds of parts are hashed apart, since neighbouring seeds share draws on one backend."""
        words = np.random.SeedSequence([self.seed, PARTS.index(owner)]).generate_state(1)
        return int(words[0] >> 1)
