"""An objective that the package does not have, in one file, as somebody would add it.

Detection in which the neighbours of masked positions count double, with sharper samples, and with a
second head that tells whether the token before was replaced.
"""

from keras_electra.generators.base import Array, Batch, ElectraPretrainer, EncoderConfig, Tensor
from keras_electra.objectives.base import Corrupted, is_masked
from keras_electra.objectives.rtd import ReplacedTokenDetection


class SpanDetection(ReplacedTokenDetection):
    name = "span_rtd"
    help = "replaced token detection, the neighbours of masked positions counted double"
    extra_heads = ("before_head",)
    sums = (*ReplacedTokenDetection.sums, "before_loss", "before")
    evaluated = (*ReplacedTokenDetection.evaluated, "before_losses", "before_weights")
    google_switches = None
    not_in_huggingface = "the second head of span_rtd is left out"

    def add_heads(self, model: ElectraPretrainer) -> None:
        from keras_electra.heads import CopyHead

        model.before_head = CopyHead(name="before_head", seed=model.seed, dtype=model.dtype_policy)
        model.before_head.build((None, None, model.encoder.hidden_dim))

    def head_flops(self, encoder: EncoderConfig, masked: float) -> float:
        return super().head_flops(encoder, masked) + 2 * encoder.hidden_dim

    def head_parameters(self, encoder: EncoderConfig) -> int:
        return super().head_parameters(encoder) + encoder.hidden_dim + 1

    def sampled(self, model: ElectraPretrainer, batch: Batch, proposal) -> Tensor:
        from keras_electra.sampling import sample_tokens

        return sample_tokens(proposal.masses, batch["uniform_draws"], 0.5)

    def judged(self, model: ElectraPretrainer, text: Corrupted) -> dict[str, Tensor]:
        from keras import ops

        hidden = model.discriminator.backbone(text.inputs, training=text.training)
        log_replaced, log_kept = model.before_head(hidden)
        before = ops.roll(self.is_replaced(text), 1, axis=1)
        return {
            **super().judged(model, text),
            "before_losses": -ops.where(before, log_replaced, log_kept),
            "before_weights": self.weights(text.original)["before"],
        }

    def weights(self, batch: Batch) -> dict[str, Tensor]:
        from keras import ops

        plain = super().weights(batch)["rtd"]
        masked = ops.cast(is_masked(batch), "float32")
        near = ops.maximum(ops.roll(masked, 1, axis=1), ops.roll(masked, -1, axis=1))
        return {"rtd": plain * (1 + near), "before": plain}

    def loss_factors(self, options) -> dict[str, float]:
        return {**super().loss_factors(options), "before": 10.0}

    def summed(self, outputs: Batch) -> list[Tensor]:
        from keras import ops

        from keras_electra.statistics import weighted

        losses, weights = outputs["before_losses"], outputs["before_weights"]
        return [*super().summed(outputs), weighted(losses, weights), ops.sum(weights)]

    def metrics(self, sums, score_counts: Tensor) -> dict[str, Tensor]:
        from keras_electra.statistics import ratio

        before = ratio(sums["before_loss"], sums["before"])
        return {**super().metrics(sums, score_counts), "before_loss": before}

    def measured(self, rows: dict[str, Array]) -> dict[str, float | None]:
        losses, weights = rows["before_losses"], rows["before_weights"]
        before = float((losses * weights).sum() / weights.sum())
        return {**super().measured(rows), "before_loss": before}
