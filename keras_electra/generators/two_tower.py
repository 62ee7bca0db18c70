"""Electric's cloze model: two narrow encoders, each of which reads one side of the unmasked text."""

from keras_electra.generators.base import (
    Batch,
    ElectraPretrainer,
    Generator,
    Model,
    NetworkBuilder,
    Proposal,
    Tensor,
)


class TwoTower(Generator):
    """Predicts every token from what stands left and right of it (Clark et al., 2020b, section 3)."""

    name = "two_tower"
    help = "a left-to-right and a right-to-left encoder"
    directions = ("left", "right")
    reads_unmasked = True
    google_switch = ("two_tower_generator", True)
    not_in_huggingface = (
        "the two-tower generator is left out, for transformers has no class for it; Google's format, "
        "a .keras file and a preset can carry it"
    )

    def network(self, builder: NetworkBuilder) -> Model:
        from keras_electra.networks import TwoTowerGenerator

        left, right = map(builder.tower, self.directions)
        return TwoTowerGenerator(left, right, name="generator")

    def proposed(self, model: ElectraPretrainer, batch: Batch, training: bool | None) -> Proposal:
        from keras import ops

        from keras_electra import backends
        from keras_electra.sampling import read_logits

        clean = {name: value for name, value in batch.items() if name != "mask_positions"}
        all_logits = ops.cast(model.generator(clean, training=training), "float32")  # (B, T, V)
        all_losses, _, _ = read_logits(all_logits, batch["token_ids"])  # (B, T)
        logits = backends.gather_places(all_logits, batch["mask_positions"])  # (B, K, V)
        original_allowed = model.objective.correct_token_allowed
        losses, hits, masses = read_logits(logits, batch["original_ids"], original_allowed)
        return Proposal(all_losses, self.weights(batch), losses, hits, masses, all_logits)

    def weights(self, batch: Batch) -> Tensor:
        """(B, T): it is trained on every token but the special ones."""
        from keras import ops

        return ops.cast(batch["maskable"], "float32")
