"""ELECTRA's objective: of every token, whether it was replaced (Clark et al., 2020, section 2)."""

from collections.abc import Mapping

from keras_electra.generators.base import (
    Array,
    Batch,
    ElectraPretrainer,
    EncoderConfig,
    Model,
    NetworkBuilder,
    ObjectiveConfig,
    Tensor,
)
from keras_electra.objectives.base import Corrupted, Objective


class ReplacedTokenDetection(Objective):
    """`mlm_weight` times the generator's loss, plus `rtd_weight` times the detector's.

    Outputs, each (B, T): `rtd_logits`, `rtd_losses`, `is_replaced`, `rtd_weights`.
    """

    name = "rtd"
    help = "replaced token detection"
    has_second_network = has_detector = True
    sums = ("rtd_loss", "rtd_hits", "predicted", "found", "replaced", "tokens")
    evaluated = ("rtd_logits", "is_replaced", "rtd_weights")
    google_switches = ("electra_objective",)

    def network(self, builder: NetworkBuilder) -> Model:
        from keras_electra.networks import ReplacedTokenDetector

        return ReplacedTokenDetector(builder.main_backbone, name="discriminator")

    def head_flops(self, encoder: EncoderConfig, masked: float) -> float:
        return 2 * encoder.hidden_dim * encoder.hidden_dim + 2 * encoder.hidden_dim

    def head_parameters(self, encoder: EncoderConfig) -> int:
        return (encoder.hidden_dim + 1) * encoder.hidden_dim + encoder.hidden_dim + 1

    def judged(self, model: ElectraPretrainer, text: Corrupted) -> dict[str, Tensor]:
        from keras import ops

        logits, is_replaced = self.logits(model, text), self.is_replaced(text)
        label = ops.cast(is_replaced, "float32")
        losses = ops.relu(logits) - logits * label + ops.log1p(ops.exp(-ops.absolute(logits)))
        return {
            "rtd_logits": logits,
            "rtd_losses": losses,
            "is_replaced": is_replaced,
            "rtd_weights": self.weights(text.original)["rtd"],
        }

    def logits(self, model: ElectraPretrainer, text: Corrupted) -> Tensor:
        """(B, T) float32, positive for *replaced*."""
        from keras import ops

        return ops.cast(model.discriminator(text.inputs, training=text.training), "float32")

    def is_replaced(self, text: Corrupted) -> Tensor:
        """The labels (B, T) bool."""
        return text.inputs["token_ids"] != text.original["token_ids"]

    def weights(self, batch: Batch) -> dict[str, Tensor]:
        """(B, T): everywhere but at padding."""
        from keras import ops

        if batch.get("padding_mask") is None:
            return {"rtd": ops.ones_like(ops.cast(batch["token_ids"], "float32"))}
        return {"rtd": ops.cast(batch["padding_mask"], "float32")}

    def loss_factors(self, options: ObjectiveConfig) -> dict[str, float]:
        return {**super().loss_factors(options), "rtd": options.rtd_weight}

    def summed(self, outputs: Batch) -> list[Tensor]:
        from keras import ops

        from keras_electra.statistics import weighted

        weights = outputs["rtd_weights"]
        replaced = ops.cast(outputs["is_replaced"], "float32")
        predicted = ops.cast(outputs["rtd_logits"] > 0, "float32")
        summed = (outputs["rtd_losses"], predicted == replaced, predicted, predicted * replaced)
        return [*(weighted(x, weights) for x in (*summed, replaced)), ops.sum(weights)]

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

    def measured(self, rows: Mapping[str, Array]) -> dict[str, float | None]:
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
