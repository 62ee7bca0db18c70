"""An ablation of the paper: the second network predicts the originals of what was replaced."""

from keras_electra.generators.base import (
    Batch,
    ElectraPretrainer,
    EncoderConfig,
    Model,
    NetworkBuilder,
    ObjectiveConfig,
    Tensor,
)
from keras_electra.objectives.base import Corrupted, Objective


class ReplaceMLM(Objective):
    """Masked language modelling with samples instead of [MASK] (Clark et al., 2020, section 3.4).

    The second loss has weight 1, for it is of the same kind as the generator's. Outputs, each (B, K):
    `correction_losses`, `correction_weights`.
    """

    has_second_network = True
    name = "replace_mlm"
    help = "masked language modelling of sampled tokens instead of [MASK] (the paper's section 3.4)"

    def network(self, builder: NetworkBuilder) -> Model:
        from keras_electra.networks import MaskedLanguageModel

        return MaskedLanguageModel(
            builder.main_backbone, head_name="corrected_lm_head", name="discriminator"
        )

    def head_flops(self, encoder: EncoderConfig, masked: float) -> float:
        from keras_electra.flops import vocabulary_head_flops

        return masked * vocabulary_head_flops(encoder, encoder.hidden_dim)

    def head_parameters(self, encoder: EncoderConfig) -> int:
        from keras_electra.launching.parameters import lm_head_count

        return lm_head_count(encoder, encoder.hidden_dim)

    def judged(self, model: ElectraPretrainer, text: Corrupted) -> dict[str, Tensor]:
        weights = self.weights(text.original)["correction"]
        return {"correction_losses": self.losses(model, text), "correction_weights": weights}

    def losses(self, model: ElectraPretrainer, text: Corrupted) -> Tensor:
        """(B, K): -log P(original) at the masked positions."""
        from keras import ops

        from keras_electra.sampling import read_logits

        logits = ops.cast(model.discriminator(text.inputs, training=text.training), "float32")
        losses, _, _ = read_logits(logits, text.original["original_ids"])
        return losses

    def weights(self, batch: Batch) -> dict[str, Tensor]:
        return {"correction": batch["mask_weights"]}

    def loss_factors(self, options: ObjectiveConfig) -> dict[str, float]:
        return {**super().loss_factors(options), "correction": 1.0}

    def summed(self, outputs: Batch) -> list[Tensor]:
        from keras import ops

        from keras_electra.statistics import weighted

        weights = outputs["correction_weights"]
        return [weighted(outputs["correction_losses"], weights), ops.sum(weights)]
