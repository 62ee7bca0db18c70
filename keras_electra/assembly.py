"""Building generator and discriminator, and the embeddings they share, from the options."""

import numpy as np

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.objective import ObjectiveConfig
from keras_electra.layers import Embeddings
from keras_electra.networks import MaskedLanguageModel, ReplacedTokenDetector, TwoTowerGenerator

PARTS = ("discriminator", "generator", "generator_left", "generator_right")


class Assembly:
    """Makes the two networks of one pretrainer.

    Attributes:
        generator: `MaskedLanguageModel`, `TwoTowerGenerator`, or None when tokens are drawn uniformly.
        discriminator: `ReplacedTokenDetector`; a `MaskedLanguageModel` for the MLM ablations; None for
            plain masked language modelling.
        backbones: the encoders of both, each once.
    """

    def __init__(self, encoder: EncoderConfig, objective: ObjectiveConfig, seed: int, dtype):
        self.encoder = encoder
        self.objective = objective
        self.seed = seed
        self.dtype = dtype
        self.backbones = []
        self.generator_encoder = objective.generator_encoder(encoder)
        self.generator_embeddings = None
        self.main_backbone = self._main_backbone()
        self.generator = self._generator()
        self.discriminator = self._discriminator()

    def _main_backbone(self):
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

    def _generator(self):
        if self.objective.objective == "mlm" or self.objective.generator == "tied":
            return MaskedLanguageModel(self.main_backbone, name="generator")
        if self.objective.generator == "uniform":
            return None
        if self.objective.generator == "two_tower":
            return TwoTowerGenerator(self._tower("left"), self._tower("right"), name="generator")
        return MaskedLanguageModel(self._tower("both"), name="generator")

    def _tower(self, direction):
        owner = "generator" if direction == "both" else f"generator_{direction}"
        return self._backbone(
            owner,
            self.generator_encoder,
            embeddings=self.generator_embeddings,
            direction=direction,
        )

    def _discriminator(self):
        if not self.objective.has_second_network:
            return None
        if self.objective.has_detector:
            return ReplacedTokenDetector(self.main_backbone, name="discriminator")
        return MaskedLanguageModel(
            self.main_backbone, head_name="corrected_lm_head", name="discriminator"
        )

    def _embeddings(self, owner, encoder, **options):
        embeddings = Embeddings(
            encoder,
            name=f"{owner}_embeddings",
            seed=self._seed_of(owner),
            dtype=self.dtype,
            **options,
        )
        embeddings.build()
        return embeddings

    def _backbone(self, owner, encoder, **options):
        backbone = ElectraBackbone(
            **encoder.to_dict(),
            **options,
            seed=self._seed_of(owner),
            name=f"{owner}_backbone",
            dtype=self.dtype,
        )
        self.backbones.append(backbone)
        return backbone

    def _seed_of(self, owner):
        """Seeds of parts are hashed apart, since neighbouring seeds share draws on one backend."""
        words = np.random.SeedSequence([self.seed, PARTS.index(owner)]).generate_state(1)
        return int(words[0] >> 1)
