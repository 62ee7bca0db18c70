"""An ablation of the paper: the detector learns from the masked positions only."""

from keras_electra.generators.base import Batch, Tensor
from keras_electra.objectives.base import is_masked
from keras_electra.objectives.rtd import ReplacedTokenDetection


class DetectionOfMasked(ReplacedTokenDetection):
    """ "ELECTRA 15%" of Clark et al. (2020), section 3.4."""

    name = "rtd_masked_only"
    help = "replaced token detection at the masked positions only (the paper's section 3.4)"

    def weights(self, batch: Batch) -> dict[str, Tensor]:
        """(B, T): at the masked positions."""
        from keras import ops

        return {"rtd": ops.cast(is_masked(batch), "float32")}
