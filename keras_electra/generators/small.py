"""The published generator: a narrower encoder than the discriminator's."""

from keras_electra.generators.base import Generator, Model, NetworkBuilder


class SmallGenerator(Generator):
    """A masked language model with an encoder of its own (Clark et al., 2020, section 3.2)."""

    name = "small"
    help = "an encoder of its own"
    directions = ("both",)

    def network(self, builder: NetworkBuilder) -> Model:
        from keras_electra.networks import MaskedLanguageModel

        return MaskedLanguageModel(builder.tower("both"), name="generator")
