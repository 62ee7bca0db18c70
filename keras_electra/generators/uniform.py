"""No generator at all: every entry of the vocabulary is as likely as any other."""

import math

from keras_electra.generators.base import (
    Batch,
    ElectraPretrainer,
    Generator,
    NetworkBuilder,
    Proposal,
    Tensor,
)


class UniformGenerator(Generator):
    """Samples from all V entries alike (the original's `uniform_generator`)."""

    name = "uniform"
    help = "tokens drawn at random"
    required_options = (("embedding_sharing", "full", "has no embeddings of its own to share"),)
    google_switch = ("uniform_generator", True)

    def network(self, builder: NetworkBuilder) -> None:
        return None

    def proposed(self, model: ElectraPretrainer, batch: Batch, training: bool | None) -> Proposal:
        from keras import ops

        zeros = ops.zeros_like(batch["mask_weights"])  # (B, K)
        losses = zeros + math.log(model.encoder.vocabulary_size)
        return Proposal(losses, self.weights(batch), losses, zeros)

    def sampled(self, model: ElectraPretrainer, batch: Batch, proposal: Proposal) -> Tensor:
        from keras_electra.sampling import sample_uniformly

        excluded_ids = None if model.objective.correct_token_allowed else batch["original_ids"]
        return sample_uniformly(batch["uniform_draws"], model.encoder.vocabulary_size, excluded_ids)
