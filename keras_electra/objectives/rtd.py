"""ELECTRA's objective: of every token, whether it was replaced (Clark et al., 2020, section 2)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from keras_electra.generators.base import Batch, Proposal, Tensor
from keras_electra.objectives.base import Objective

if TYPE_CHECKING:
    import keras
    import numpy as np

    from keras_electra.assembly import NetworkBuilder
    from keras_electra.config.encoder import EncoderConfig
    from keras_electra.config.objective import ObjectiveConfig
    from keras_electra.pretrainer import ElectraPretrainer


class ReplacedTokenDetection(Objective):
    """`mlm_weight` times the generator's loss, plus `rtd_weight` times the detector's.

    Outputs, each (B, T): `rtd_logits`, `rtd_losses`, `is_replaced`, `rtd_weights`.
    """

    name = "rtd"
    help = "replaced token detection"
    has_detector = True
    sums = ("rtd_loss", "rtd_hits", "predicted", "found", "replaced", "tokens")
    evaluated = ("rtd_logits", "is_replaced", "rtd_weights")
    google_switches = ("electra_objective",)

    def network(self, builder: "NetworkBuilder") -> "keras.Model":
        from keras_electra.networks import ReplacedTokenDetector

        return ReplacedTokenDetector(builder.main_backbone, name="discriminator")

    def head_flops(self, encoder: "EncoderConfig", masked: float) -> float:
        return 2 * encoder.hidden_dim * encoder.hidden_dim + 2 * encoder.hidden_dim

    def head_parameters(self, encoder: "EncoderConfig") -> int:
        return (encoder.hidden_dim + 1) * encoder.hidden_dim + encoder.hidden_dim + 1

    def judged(
        self,
        model: "ElectraPretrainer",
        batch: Batch,
        corrupted: Batch,
        proposal: Proposal,
        training: bool | None = None,
    ) -> dict[str, Tensor]:
        from keras import ops

        logits = self.logits(model, corrupted, proposal, training)
        is_replaced = self.is_replaced(batch, corrupted)
        label = ops.cast(is_replaced, "float32")
        losses = ops.relu(logits) - logits * label + ops.log1p(ops.exp(-ops.absolute(logits)))
        return {
            "rtd_logits": logits,
            "rtd_losses": losses,
            "is_replaced": is_replaced,
            "rtd_weights": self.weights(batch)["rtd"],
        }

    def logits(
        self,
        model: "ElectraPretrainer",
        corrupted: Batch,
        proposal: Proposal,
        training: bool | None,
    ) -> Tensor:
        """(B, T) float32, positive for *replaced*."""
        from keras import ops

        return ops.cast(model.discriminator(corrupted, training=training), "float32")

    def is_replaced(self, batch: Batch, corrupted: Batch) -> Tensor:
        """The labels (B, T) bool."""
        return corrupted["token_ids"] != batch["token_ids"]

    def weights(self, batch: Batch) -> dict[str, Tensor]:
        """(B, T): everywhere but at padding."""
        from keras import ops

        if batch.get("padding_mask") is None:
            return {"rtd": ops.ones_like(ops.cast(batch["token_ids"], "float32"))}
        return {"rtd": ops.cast(batch["padding_mask"], "float32")}

    def loss_factors(self, options: "ObjectiveConfig") -> dict[str, float]:
        return {"generator": options.mlm_weight, "rtd": options.rtd_weight}

    def summed(self, outputs: Mapping[str, Tensor]) -> list[Tensor]:
        from keras import ops

        from keras_electra.statistics import weighted

        weights = outputs["rtd_weights"]
        replaced = ops.cast(outputs["is_replaced"], "float32")
        predicted = ops.cast(outputs["rtd_logits"] > 0, "float32")
        return [
            weighted(outputs["rtd_losses"], weights),
            weighted(predicted == replaced, weights),
            weighted(predicted, weights),
            weighted(predicted * replaced, weights),
            weighted(replaced, weights),
            ops.sum(weights),
        ]

    def score_counts(self, outputs: Mapping[str, Tensor]) -> Tensor:
        from keras_electra.statistics import binned_scores

        return binned_scores(outputs["rtd_logits"], outputs["is_replaced"], outputs["rtd_weights"])

    def metrics(self, sums: Mapping[str, Tensor], score_counts: Tensor) -> dict[str, Tensor]:
        from keras_electra.statistics import binned_auc, ratio

        return {
            "rtd_loss": ratio(sums["rtd_loss"], sums["tokens"]),
            "rtd_accuracy": ratio(sums["rtd_hits"], sums["tokens"]),
            "rtd_precision": ratio(sums["found"], sums["predicted"]),
            "rtd_recall": ratio(sums["found"], sums["replaced"]),
            "rtd_auc": binned_auc(score_counts[0], score_counts[1]),
            "replaced_rate": ratio(sums["replaced"], sums["tokens"]),
        }

    def measured(self, rows: "Mapping[str, np.ndarray]") -> dict[str, float | None]:
        """The same without bins, and `majority_accuracy`: never, or always, replaced."""
        from keras_electra.metrics import DetectionCounts, roc_auc, rtd_loss

        logits, labels, weights = rows["rtd_logits"], rows["is_replaced"] > 0, rows["rtd_weights"]
        counts = DetectionCounts.of(logits, labels, weights)
        auc = roc_auc(logits, labels, weights)
        return {
            "rtd_loss": rtd_loss(logits, labels, weights),
            "rtd_accuracy": counts.accuracy,
            "rtd_precision": counts.precision,
            "rtd_recall": counts.recall,
            # Not a number where all labels are alike.
            "rtd_auc": None if auc != auc else auc,
            "replaced_rate": counts.replaced_rate,
            "majority_accuracy": counts.majority_accuracy,
        }
