"""Masked language modelling alone, as in BERT."""

from typing import TYPE_CHECKING

from keras_electra.generators.base import Batch, Proposal, Tensor
from keras_electra.generators.tied import TiedGenerator
from keras_electra.objectives.base import Objective

if TYPE_CHECKING:
    from keras_electra.assembly import NetworkBuilder
    from keras_electra.config.encoder import EncoderConfig
    from keras_electra.config.objective import ObjectiveConfig
    from keras_electra.pretrainer import ElectraPretrainer


class MaskedLanguageModelling(Objective):
    """The encoder that is kept fills masked positions; there is no second network."""

    name = "mlm"
    help = "masked language modelling alone"
    generator = TiedGenerator()
    required_options = (
        ("generator", "small", "trains one encoder and has no generator"),
        ("embedding_sharing", "full", "has nothing to share embeddings with"),
        ("correct_token_allowed", True, "replaces no token"),
    )
    has_second_network = False
    google_switches = ()

    def network(self, builder: "NetworkBuilder") -> None:
        return None

    def head_flops(self, encoder: "EncoderConfig", masked: float) -> float:
        return 0

    def head_parameters(self, encoder: "EncoderConfig") -> int:
        return 0

    def judged(
        self,
        model: "ElectraPretrainer",
        batch: Batch,
        corrupted: Batch,
        proposal: Proposal,
        training: bool | None = None,
    ) -> dict[str, Tensor]:
        return {}

    def weights(self, batch: Batch) -> dict[str, Tensor]:
        return {}

    def loss_factors(self, options: "ObjectiveConfig") -> dict[str, float]:
        return {"generator": options.mlm_weight}
