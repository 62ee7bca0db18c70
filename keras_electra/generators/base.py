"""What a kind of generator has to say of itself, and what most of them have in common.

Shapes: B examples, T tokens, K masked positions, V vocabulary entries.
"""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from keras import Layer, Model
    from numpy import ndarray as Array

    from keras_electra.assembly import NetworkBuilder
    from keras_electra.config.encoder import EncoderConfig
    from keras_electra.config.objective import ObjectiveConfig
    from keras_electra.pretrainer import ElectraPretrainer
else:
    # Names for annotations, so that neither generators nor objectives import Keras.
    Array = ElectraPretrainer = EncoderConfig = Layer = Model = NetworkBuilder = Any
    ObjectiveConfig = Any

Tensor = Any
"""An array of the Keras backend."""
Batch = Mapping[str, Tensor]
"""The arrays of `PretrainBatches`, by name; inside of the pretrainer with `original_ids` (B, K)."""


LARGE = ("masses", "all_logits")


@dataclasses.dataclass(frozen=True)
class Proposal:
    """What a generator says of a batch.

    Attributes:
        generator_losses: that it is trained by, where `generator_weights` says: (B, K), or (B, T) of
            every token.
        generator_weights: 0 and 1.
        mlm_losses: at the masked positions (B, K).
        generator_hits: (B, K), 1.0 where no entry scores above the original.
        masses: (B, K, V), probabilities up to a factor of what may be sampled; None where all may.
        all_logits: (B, T, V) of a generator that reads the unmasked text; else None.
    """

    generator_losses: Tensor
    generator_weights: Tensor
    mlm_losses: Tensor
    generator_hits: Tensor
    masses: Tensor | None = None
    all_logits: Tensor | None = None

    @property
    def outputs(self) -> dict[str, Tensor]:
        """What the pretrainer gives of it: all but what is of size V."""
        return {name: value for name, value in vars(self).items() if name not in LARGE}


class Generator:
    """A generator that reads the masked text and is trained at the masked positions.

    Attributes:
        name: of the option's value.
        help: what it is, as the end of a line of `--help`.
        required_options: (option, the value it needs, why, as the end of a sentence) for each.
        directions: of each encoder of its own, "both", "left" or "right".
        reads_unmasked: whether it is shown the text as it is, and trained on every token.
        google_switch: (option of the original program that asks for it, its value); None for the
            original's usual generator.
        not_in_huggingface: what is left out of a conversion to `transformers`, as a sentence, or "".
    """

    name: ClassVar[str]
    help: ClassVar[str]
    required_options: ClassVar[tuple[tuple[str, Any, str], ...]] = ()
    directions: ClassVar[tuple[str, ...]] = ()
    reads_unmasked: ClassVar[bool] = False
    google_switch: ClassVar[tuple[str, bool] | None] = None
    not_in_huggingface: ClassVar[str] = ""

    def network(self, builder: NetworkBuilder) -> Model | None:
        """The Keras model, or None for a generator without one."""
        raise NotImplementedError

    def proposed(self, model: ElectraPretrainer, batch: Batch, training: bool | None) -> Proposal:
        """What `model.generator` says of a batch."""
        from keras import ops

        from keras_electra.sampling import read_logits

        masked = {**batch, "token_ids": batch["masked_ids"]}
        logits = ops.cast(model.generator(masked, training=training), "float32")  # (B, K, V)
        original_allowed = model.objective.correct_token_allowed
        losses, hits, masses = read_logits(logits, batch["original_ids"], original_allowed)
        return Proposal(losses, self.weights(batch), losses, hits, masses)

    def weights(self, batch: Batch) -> Tensor:
        """(B, K) or (B, T) of 0 and 1: where its loss counts."""
        return batch["mask_weights"]

    def sampled(self, model: ElectraPretrainer, batch: Batch, proposal: Proposal) -> Tensor:
        """Ids (B, K) int32, one for each masked position."""
        from keras_electra.sampling import sample_tokens

        options, draws = model.objective, batch["uniform_draws"]
        excludes = not options.correct_token_allowed
        return sample_tokens(proposal.masses, draws, options.temperature, has_excluded=excludes)

    def encoders(
        self, options: ObjectiveConfig, encoder: EncoderConfig
    ) -> list[tuple[EncoderConfig, str]]:
        """(options, direction) of each encoder that it runs, which decide its FLOPs and memory.

        Args:
            options: of the objective.
            encoder: the discriminator's.
        """
        narrow = options.generator_encoder(encoder)
        return [] if narrow is None else [(narrow, direction) for direction in self.directions]
