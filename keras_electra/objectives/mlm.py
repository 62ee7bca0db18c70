"""Masked language modelling alone, as in BERT."""

from keras_electra.generators.tied import TiedGenerator
from keras_electra.objectives.base import Objective


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
    google_switches = ()
