"""What an objective has to say of itself, and what most of them have in common.

Shapes: B examples, T tokens, K masked positions, V vocabulary entries.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from keras_electra.generators.base import (
    Array,
    Batch,
    ElectraPretrainer,
    EncoderConfig,
    Generator,
    Model,
    NetworkBuilder,
    ObjectiveConfig,
    Proposal,
    Tensor,
)


@dataclasses.dataclass(frozen=True)
class Corrupted:
    """A batch with samples of the generator in place of some tokens.

    Attributes:
        original: the batch.
        inputs: the same with the `token_ids` (B, T) that the second network is shown.
        proposal: what the generator said.
        training: whether dropout is on.
    """

    original: Batch
    inputs: Batch
    proposal: Proposal
    training: bool | None


class Objective:
    """What is learned of the text that the generator corrupted.

    An objective's losses are outputs of the pretrainer, `NAME_losses` with their `NAME_weights`, one
    pair for each name of `loss_factors`.

    Attributes:
        name: of the option's value.
        help: what it is, as the end of a line of `--help`.
        generator: the kind that it always has, whatever the option `generator` says; None for any.
        required_options: (option, the value it needs, why, as the end of a sentence) for each.
        one_mask_rate: why its mask rate cannot change in a run, as the end of a sentence, or "".
        has_second_network: whether anything is trained beside the generator.
        has_detector: whether that gives a logit for each token, positive for *replaced*.
        counts_masked: whether masked positions count as replaced whatever was sampled.
        judges_with_generator: whether the detector's verdict needs the generator, too.
        has_energies: whether the detector's own outputs are energies, which score a text.
        extra_heads: attributes of the model that hold layers beside the two networks.
        sums: names of what `summed` adds up during training.
        evaluated: outputs of the pretrainer that `measured` needs.
        google_switches: which of the original program's switches `electra_objective` and
            `electric_objective` are on; None for an objective that it does not have.
        not_in_huggingface: what is left out of a conversion to `transformers`, as a sentence, or "".
    """

    name: ClassVar[str]
    help: ClassVar[str]
    generator: ClassVar[Generator | None] = None
    required_options: ClassVar[tuple[tuple[str, Any, str], ...]] = ()
    one_mask_rate: ClassVar[str] = ""
    has_second_network: ClassVar[bool] = False
    has_detector: ClassVar[bool] = False
    counts_masked: ClassVar[bool] = False
    judges_with_generator: ClassVar[bool] = False
    has_energies: ClassVar[bool] = False
    extra_heads: ClassVar[tuple[str, ...]] = ()
    sums: ClassVar[tuple[str, ...]] = ("correction_loss", "corrected")
    evaluated: ClassVar[tuple[str, ...]] = ()
    google_switches: ClassVar[tuple[str, ...] | None] = None
    not_in_huggingface: ClassVar[str] = ""

    # The networks

    def network(self, builder: NetworkBuilder) -> Model | None:
        """The network that reads the corrupted text, on `builder.main_backbone`; None without one."""
        return None

    def add_heads(self, model: ElectraPretrainer) -> None:
        """Give a model the layers, built, that it has under the names of `extra_heads`."""

    def head_flops(self, encoder: EncoderConfig, masked: float) -> float:
        """Operations of the second network's heads going forward, per token of the batch.

        Args:
            encoder: the discriminator's.
            masked: K / T.
        """
        return 0

    def head_parameters(self, encoder: EncoderConfig) -> int:
        """Parameters of the second network's heads, the shared token table left out."""
        return 0

    # A step: the generator's samples, what the second network says, and where its loss counts

    def sampled(self, model: ElectraPretrainer, batch: Batch, proposal: Proposal) -> Tensor:
        """Ids (B, K) int32 that are put at the masked positions."""
        return model.objective.generator_kind.sampled(model, batch, proposal)

    def judged(self, model: ElectraPretrainer, text: Corrupted) -> dict[str, Tensor]:
        """The second network's part: its losses, their weights, and what its metrics need."""
        return {}

    def weights(self, batch: Batch) -> dict[str, Tensor]:
        """Name of each loss of the second network -> where it counts, of 0 and 1."""
        return {}

    def loss_factors(self, options: ObjectiveConfig) -> dict[str, float]:
        """Name of each loss -> what its mean is multiplied by in the sum."""
        return {"generator": options.mlm_weight}

    # What training and evaluation measure

    def summed(self, outputs: Batch) -> list[Tensor]:
        """The sums (scalars) of a batch's outputs, in the order of `sums`."""
        from keras import ops

        return [ops.zeros(()) for _ in self.sums]

    def metrics(self, sums: Mapping[str, Tensor], score_counts: Tensor) -> dict[str, Tensor]:
        """Scalars that are logged, of everything summed since the last row.

        Args:
            sums: by their names.
            score_counts: (2, NUM_BINS), those of `statistics.binned_scores` with a detector.
        """
        from keras_electra.statistics import ratio

        return {"correction_loss": ratio(sums["correction_loss"], sums["corrected"])}

    def measured(self, rows: Mapping[str, Array]) -> dict[str, float | None]:
        """Metrics of the held-out text, of the outputs `evaluated` for all of it (float64)."""
        return {}

    # What its detector says of texts, with dropout off

    def detector_logits(self, model: ElectraPretrainer, ids: Array, padding_mask: Array) -> Tensor:
        """Logits (B, T) that tokens (B, T) were replaced."""
        return self.head_outputs(model, ids, padding_mask)

    def head_outputs(self, model: ElectraPretrainer, ids: Array, padding_mask: Array) -> Tensor:
        """What the discriminator alone gives (B, T) for tokens (B, T): logits, or energies."""
        inputs = {"token_ids": ids, "padding_mask": padding_mask}
        return model.discriminator.predict_on_batch(inputs)


def is_masked(batch: Batch) -> Tensor:
    """(B, T) bool: the positions that the generator may have changed."""
    from keras import ops

    return batch["slot_of_token"] < ops.shape(batch["mask_positions"])[1]
