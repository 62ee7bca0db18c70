"""What a kind of generator has to say of itself, and what most of them have in common.

Shapes: B examples, T tokens, K masked positions, V vocabulary entries.
"""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import keras

    from keras_electra.assembly import NetworkBuilder
    from keras_electra.config.encoder import EncoderConfig
    from keras_electra.config.objective import ObjectiveConfig
    from keras_electra.pretrainer import ElectraPretrainer

Tensor = Any
"""An array of the Keras backend."""
Batch = Mapping[str, Tensor]
"""The arrays of `PretrainBatches`, by name; inside of the pretrainer with `original_ids` (B, K)."""


@dataclasses.dataclass(frozen=True)
class Proposal:
    """What a generator says of a batch.

    Attributes:
        outputs: `generator_losses` with their `generator_weights`, which training uses, (B, K), or
            (B, T) where every token is predicted; and at the masked positions `mlm_losses` and
            `generator_hits` (argmax equals the original) (B, K).
        masses: (B, K, V), probabilities up to a factor of what may be sampled; None for a uniform
            generator.
        all_logits: (B, T, V) of a generator that reads the unmasked text; else None.
    """

    outputs: dict[str, Tensor]
    masses: Tensor | None = None
    all_logits: Tensor | None = None


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

    def network(self, builder: "NetworkBuilder") -> "keras.Model | None":
        """The Keras model, or None for a generator without one."""
        raise NotImplementedError

    def proposed(self, model: "ElectraPretrainer", batch: Batch, training: bool | None) -> Proposal:
        """What `model.generator` says of a batch."""
        from keras import ops

        from keras_electra.sampling import read_logits

        masked = {**batch, "token_ids": batch["masked_ids"]}
        logits = ops.cast(model.generator(masked, training=training), "float32")  # (B, K, V)
        original_allowed = model.objective.correct_token_allowed
        losses, hits, masses = read_logits(logits, batch["original_ids"], original_allowed)
        outputs = {
            "generator_losses": losses,
            "generator_weights": self.weights(batch),
            "mlm_losses": losses,
            "generator_hits": hits,
        }
        return Proposal(outputs, masses)

    def weights(self, batch: Batch) -> Tensor:
        """(B, K) or (B, T) of 0 and 1: where its loss counts."""
        return batch["mask_weights"]

    def sampled(
        self, model: "ElectraPretrainer", batch: Batch, proposal: Proposal, temperature: float
    ) -> Tensor:
        """Ids (B, K) int32, one for each masked position."""
        from keras_electra.sampling import sample_tokens

        excludes = not model.objective.correct_token_allowed
        draws = batch["uniform_draws"]
        return sample_tokens(proposal.masses, draws, temperature, has_excluded=excludes)

    def encoders(
        self, options: "ObjectiveConfig", encoder: "EncoderConfig"
    ) -> list[tuple["EncoderConfig", str]]:
        """(options, direction) of each encoder that it runs, which decide its FLOPs and memory.

        Args:
            options: of the objective.
            encoder: the discriminator's.
        """
        narrow = options.generator_encoder(encoder)
        return [] if narrow is None else [(narrow, direction) for direction in self.directions]
