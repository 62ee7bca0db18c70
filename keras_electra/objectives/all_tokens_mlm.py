"""An ablation of the paper: the second network predicts every token, with a choice to copy it."""

from keras_electra.generators.base import Batch, ElectraPretrainer, EncoderConfig, Tensor
from keras_electra.objectives.base import Corrupted
from keras_electra.objectives.replace_mlm import ReplaceMLM


class AllTokensMLM(ReplaceMLM):
    """A copy head gives D, the probability that a token stands as it was (Clark et al., 2020, 3.4).

    Outputs, each (B, T): `correction_losses`, `correction_weights`.
    """

    name = "all_tokens_mlm"
    help = "masked language modelling of all tokens, with a copy head (the paper's section 3.4)"
    extra_heads = ("copy_head",)
    not_in_huggingface = "the copy head of all_tokens_mlm is left out: transformers has none"

    def add_heads(self, model: ElectraPretrainer) -> None:
        from keras_electra.heads import CopyHead

        model.copy_head = CopyHead(name="copy_head", seed=model.seed, dtype=model.dtype_policy)
        model.copy_head.build((None, None, model.encoder.hidden_dim))

    def head_flops(self, encoder: EncoderConfig, masked: float) -> float:
        return super().head_flops(encoder, 1) + 2 * encoder.hidden_dim

    def head_parameters(self, encoder: EncoderConfig) -> int:
        return super().head_parameters(encoder) + encoder.hidden_dim + 1

    def losses(self, model: ElectraPretrainer, text: Corrupted) -> Tensor:
        """(B, T): -log(D * [input is the answer] + (1 - D) * softmax(answer))."""
        from keras import ops

        from keras_electra.sampling import read_logits

        backbone = model.discriminator.backbone
        hidden = backbone(text.inputs, training=text.training)  # (B, T, H)
        table = backbone.embeddings.table()  # (V, E)
        logits = ops.cast(model.discriminator.head(hidden, table), "float32")  # (B, T, V)
        log_copied, log_written = model.copy_head(hidden)  # (B, T) each
        original_ids = text.original["token_ids"]
        losses, _, _ = read_logits(logits, original_ids)
        is_answer = text.inputs["token_ids"] == original_ids
        copied = ops.where(is_answer, log_copied, -1e9)
        return -ops.logaddexp(copied, log_written - losses)

    def weights(self, batch: Batch) -> dict[str, Tensor]:
        from keras import ops

        return {"correction": ops.cast(batch["maskable"], "float32")}
