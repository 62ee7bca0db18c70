"""Pretraining as a Keras model: mask, generate, corrupt, judge.

Shapes: B examples, T tokens, K masked positions, V vocabulary entries.
"""

from typing import Any, Self

import keras
from keras import ops

from keras_electra import backends
from keras_electra.assembly import NetworkBuilder
from keras_electra.assets import TokenizerAsset
from keras_electra.backbone import ElectraBackbone
from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.masking import MaskingConfig
from keras_electra.config.objective import ObjectiveConfig
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.generators.base import Batch, Proposal, Tensor
from keras_electra.objectives.base import Corrupted
from keras_electra.sampling import mean_of_duplicates, replace_tokens
from keras_electra.statistics import PretrainStatistics


@keras.saving.register_keras_serializable("keras_electra")
class ElectraPretrainer(TokenizerAsset, backends.TrainStep, keras.Model):
    """Trains a generator and a discriminator together (Clark et al., 2020).

    Called with a batch of `PretrainBatches`, in which positions are masked; returns the small arrays
    that losses and metrics need, nothing of size V. `sampled_ids` (B, K) in the batch stand in for the
    generator's samples. What the steps do is said by the files of `generators/` and `objectives/`.

    Args:
        encoder, objective, masking: the options, or their dicts; the encoder is the discriminator's.
        seed: decides the starting weights and the dropout noise.
        accumulation_steps: micro-batches of a step.
        rematerialize: whether the layers' inner results are computed twice instead of kept.

    Attributes:
        generator: the Keras model that proposes tokens; None where they are sampled uniformly.
        discriminator: the Keras model that reads the corrupted text; None for the objective "mlm".
        backbone: the encoder that is kept.
        tokenizer, sequence_length: of its training, or None; longer text is judged in windows.
    """

    def __init__(
        self,
        encoder: EncoderConfig | dict,
        objective: ObjectiveConfig | dict | None = None,
        masking: MaskingConfig | dict | None = None,
        *,
        seed: int = 0,
        accumulation_steps: int = 1,
        rematerialize: bool = False,
        name: str = "electra_pretrainer",
        dtype: str | keras.DTypePolicy | None = None,
    ):
        # Of the batch only: in bfloat16 its uniform draws would miss entries, its weights not add up.
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.encoder = EncoderConfig.of(encoder)
        self.objective = ObjectiveConfig.of(objective or {})
        self.masking = MaskingConfig.of(masking or {})
        self.seed, self.rematerialize = seed, rematerialize
        self.accumulation_steps = accumulation_steps
        self.step = self.tokens = 0
        built = NetworkBuilder(self.encoder, self.objective, seed, self.dtype_policy, rematerialize)
        self.generator, self.discriminator = built.generator, built.discriminator
        self.objective.kind.add_heads(self)
        self.statistics = PretrainStatistics(self.objective.kind)
        self.built = True

    @classmethod
    def from_size(cls, size: str, vocabulary_size: int, **changes: Any) -> Self:
        """The networks of a named size; `changes` are options of `PretrainConfig` by name."""
        return cls.from_recipe(PretrainConfig.from_size(size, vocabulary_size, **changes))

    @classmethod
    def from_recipe(cls, config: PretrainConfig) -> Self:
        """The networks that a `PretrainConfig` describes."""
        return cls(
            *(config.encoder, config.objective, config.masking),
            seed=config.seed,
            accumulation_steps=config.optimizer.accumulation_steps,
            rematerialize=config.rematerialize,
            dtype=config.dtype_policy,
        )

    @property
    def backbone(self) -> ElectraBackbone:
        return (self.discriminator or self.generator).backbone

    def call(self, batch: Batch, training: bool | None = None) -> dict[str, Tensor]:
        original_ids = ops.take_along_axis(batch["token_ids"], batch["mask_positions"], axis=1)
        batch = {**batch, "original_ids": original_ids}  # (B, K)
        proposal = self.generated(batch, training)
        if (sampled_ids := batch.get("sampled_ids")) is None:
            sampled_ids = self.objective.kind.sampled(self, batch, proposal)  # (B, K)
        corrupted_ids = self.corrupted(batch, sampled_ids)  # (B, T)
        inputs = {**batch, "token_ids": corrupted_ids}
        return {
            **proposal.outputs,
            "mlm_weights": batch["mask_weights"],
            "sampled_hits": ops.cast(sampled_ids == original_ids, "float32"),
            "sampled_ids": sampled_ids,
            "corrupted_ids": corrupted_ids,
            **self.judged(Corrupted(batch, inputs, proposal, training)),
        }

    def generated(self, batch: Batch, training: bool | None = None) -> Proposal:
        """What the generator says of the masked positions; a frozen one has no dropout."""
        training = False if self.objective.has_frozen_generator else training
        return self.objective.generator_kind.proposed(self, batch, training)

    def corrupted(self, batch: Batch, sampled_ids: Tensor) -> Tensor:
        """The text (B, T) with samples (B, K) at the masked positions."""
        if self.masking.selection == "original":
            positions, weights = batch["mask_positions"], batch["mask_weights"]
            sampled_ids = mean_of_duplicates(sampled_ids, positions, weights)
        return replace_tokens(batch["token_ids"], batch["slot_of_token"], sampled_ids)

    def judged(self, text: Corrupted) -> dict[str, Tensor]:
        """What the second network says of the corrupted text; empty without one."""
        return self.objective.kind.judged(self, text)

    def loss_totals(self, batch: Batch) -> dict[str, Tensor]:
        """Sums of weights over a whole batch, by which its micro-batches divide their losses."""
        generator = {"generator": self.objective.generator_kind.weights(batch)}
        weights = {**generator, **self.objective.kind.weights(batch)}
        return {name: ops.sum(values) for name, values in weights.items()}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The sum of the losses by their factors, each a mean over what counts in the whole batch."""
        totals = x.get("totals") or self.loss_totals(x)
        self.statistics.update_state(y_pred)
        loss = 0.0
        for name, factor in self.objective.kind.loss_factors(self.objective).items():
            part = ops.sum(y_pred[f"{name}_losses"] * y_pred[f"{name}_weights"])
            loss += factor * part / ops.maximum(totals[name], 1.0)
        return backends.scaled_for_replicas(loss)

    def get_config(self) -> dict[str, Any]:
        groups = {n: getattr(self, n).to_dict() for n in ("encoder", "objective", "masking")}
        plain = ("seed", "accumulation_steps", "rematerialize", "name")
        dtype = keras.saving.serialize_keras_object(self.dtype_policy)
        return {**groups, **{n: getattr(self, n) for n in plain}, "dtype": dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        policy = keras.saving.deserialize_keras_object(config["dtype"])
        return cls(**{**config, "dtype": policy})
