"""One encoder for both networks."""

from keras_electra.generators.base import (
    EncoderConfig,
    Generator,
    Model,
    NetworkBuilder,
    ObjectiveConfig,
)


class TiedGenerator(Generator):
    """A masked language model on the encoder that is kept."""

    name = "tied"
    help = "the discriminator's own encoder"
    required_options = (("embedding_sharing", "full", "has no embeddings of its own to share"),)
    google_switch = ("untied_generator", False)

    def network(self, builder: NetworkBuilder) -> Model:
        from keras_electra.networks import MaskedLanguageModel

        return MaskedLanguageModel(builder.main_backbone, name="generator")

    def encoders(
        self, options: ObjectiveConfig, encoder: EncoderConfig
    ) -> list[tuple[EncoderConfig, str]]:
        return [(encoder, "both")]
