"""Electric: an energy model of text, by noise-contrastive estimation (Clark et al., 2020b)."""

import math
from typing import TYPE_CHECKING

from keras_electra.generators.base import Batch, Proposal, Tensor
from keras_electra.objectives.base import is_masked
from keras_electra.objectives.rtd import ReplacedTokenDetection

if TYPE_CHECKING:
    import numpy as np

    from keras_electra.pretrainer import ElectraPretrainer


class Electric(ReplacedTokenDetection):
    """The label is whether the position was masked; the discriminator gives energies E.

    The logit is the energy corrected by the noise distribution q, the generator's of the unmasked text:
    `E + log q + ln(rate / (1 - rate))` (section 2).
    """

    name = "electric"
    help = "energy model by noise-contrastive estimation"
    required_options = (
        ("generator", "two_tower", "needs generator='two_tower'"),
        ("correct_token_allowed", True, "needs samples from the plain generator"),
    )
    one_mask_rate = "whose noise has one rate"
    counts_masked = judges_with_generator = has_energies = True
    google_switches = ("electric_objective",)

    def logits(
        self,
        model: "ElectraPretrainer",
        corrupted: Batch,
        proposal: Proposal,
        training: bool | None,
    ) -> Tensor:
        from keras import ops

        from keras_electra.sampling import read_logits

        energies = super().logits(model, corrupted, proposal, training)  # (B, T)
        noise_losses, _, _ = read_logits(proposal.all_logits, corrupted["token_ids"])
        rate = model.masking.mask_rate
        return energies + ops.stop_gradient(-noise_losses) + math.log(rate / (1 - rate))

    def is_replaced(self, batch: Batch, corrupted: Batch) -> Tensor:
        return is_masked(batch)

    def detector_logits(
        self, model: "ElectraPretrainer", token_ids: "np.ndarray", padding_mask: "np.ndarray"
    ) -> Tensor:
        import numpy as np

        # A batch in which nothing is masked: its one slot belongs to no position.
        slots = np.zeros((len(token_ids), 1), np.int32)
        batch = {
            "token_ids": token_ids,
            "padding_mask": padding_mask,
            "maskable": padding_mask,
            "masked_ids": token_ids,
            "mask_positions": slots,
            "mask_weights": slots.astype(np.float32),
            "uniform_draws": slots.astype(np.float32),
            "slot_of_token": np.ones_like(token_ids),
        }
        return model.predict_on_batch(batch)["rtd_logits"]
