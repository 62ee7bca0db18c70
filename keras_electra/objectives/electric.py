"""Electric: an energy model of text, by noise-contrastive estimation (Clark et al., 2020b)."""

import math

from keras_electra.generators.base import Array, ElectraPretrainer, Tensor
from keras_electra.objectives.base import Corrupted, is_masked
from keras_electra.objectives.rtd import ReplacedTokenDetection


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

    def logits(self, model: ElectraPretrainer, text: Corrupted) -> Tensor:
        from keras import ops

        from keras_electra.sampling import read_logits

        energies = super().logits(model, text)  # (B, T)
        noise_losses, _, _ = read_logits(text.proposal.all_logits, text.inputs["token_ids"])
        rate = model.masking.mask_rate
        return energies + ops.stop_gradient(-noise_losses) + math.log(rate / (1 - rate))

    def is_replaced(self, text: Corrupted) -> Tensor:
        return is_masked(text.original)

    def detector_logits(self, model: ElectraPretrainer, ids: Array, padding_mask: Array) -> Tensor:
        import numpy as np

        # A batch in which nothing is masked: its one slot belongs to no position.
        slots = np.zeros((len(ids), 1), np.int32)
        batch = {name: padding_mask for name in ("padding_mask", "maskable")}
        batch |= {name: ids for name in ("token_ids", "masked_ids")}
        batch |= {name: slots.astype("float32") for name in ("mask_weights", "uniform_draws")}
        batch |= {"mask_positions": slots, "slot_of_token": np.ones_like(ids)}
        return model.predict_on_batch(batch)["rtd_logits"]
