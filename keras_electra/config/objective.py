"""Options of the pretraining objective: what is predicted, by whom, and how it is weighted."""

import dataclasses
from collections.abc import Iterable
from typing import Literal

from keras_electra import generators, objectives
from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.options import Options, option
from keras_electra.errors import InputError
from keras_electra.generators import Generator
from keras_electra.objectives import Objective


def _help(kinds: Iterable[Objective | Generator]) -> str:
    return "; ".join(f"{kind.name}: {kind.help}" for kind in kinds)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ObjectiveConfig(Options):
    """What `ElectraPretrainer` learns.

    Example:

    >>> objective = ke.ObjectiveConfig(generator_width_fraction=0.5)
    >>> encoder = ke.PretrainConfig.from_size("small", vocabulary_size=30522).encoder
    >>> objective.generator_encoder(encoder).hidden_dim, encoder.hidden_dim
    (128, 256)
    """

    # The tuples are read when an option is checked, so that one can be added in a program.
    objective: str = option(
        "rtd",
        _help(objectives.OBJECTIVES),
        choices=lambda: [kind.name for kind in objectives.OBJECTIVES],
    )
    generator: str = option(
        "small",
        _help(generators.GENERATORS),
        choices=lambda: [kind.name for kind in generators.GENERATORS],
    )
    embedding_sharing: Literal["full", "token", "none", "disentangled"] = option(
        "full",
        "what generator and discriminator share: all embeddings and their LayerNorm, the token table, "
        "nothing, or the token table without the discriminator's gradient (DeBERTaV3)",
    )
    generator_width_fraction: float = option(0.25, "generator width / discriminator width")
    generator_depth_fraction: float = option(1.0, "generator layers / discriminator layers")
    generator_num_heads: int | None = option(
        None, "attention heads of the generator; none for max(1, width // 64) as in the original"
    )
    generator_embedding_dim: int | None = option(
        None,
        "width of the generator's own embeddings with embedding_sharing='none'; none for that of its "
        "layers, as in the original",
    )
    has_frozen_generator: bool = option(
        False, "whether a generator that was trained elsewhere stays as it is"
    )
    temperature: float = option(1.0, "divides the generator's logits before sampling")
    correct_token_allowed: bool = option(True, "whether the generator may draw the original token")
    attends_across_documents: bool = option(
        True,
        "whether a token sees other documents that share its example; with short documents, such as "
        "messages, they are better kept apart",
    )
    mlm_weight: float = option(1.0, "weight of the generator's loss in the sum")
    rtd_weight: float = option(50.0, "weight of the discriminator's loss in the sum")

    def check(self) -> None:
        for name in ("generator_width_fraction", "generator_depth_fraction", "temperature"):
            self.require(getattr(self, name) > 0, name, "more than 0")
        for name in ("mlm_weight", "rtd_weight"):
            self.require(getattr(self, name) >= 0, name, "0 or more")
        for name in ("generator_num_heads", "generator_embedding_dim"):
            value = getattr(self, name)
            self.require(value is None or value >= 1, name, "at least 1, or none")
        self._check_required("objective", self.kind)
        if self.embedding_sharing != "none":
            if self.generator_embedding_dim is not None:
                self._refuse("embedding_sharing", "generator_embedding_dim", "shares the width too")
            if self.has_frozen_generator:
                reason = "trains what a frozen generator would look up"
                self._refuse("embedding_sharing", "has_frozen_generator", reason)
        self._check_required("generator", self.generator_kind)

    def _check_required(self, name: str, kind: Objective | Generator) -> None:
        """Refuse what the value of an option does not go with."""
        for other, value, reason in kind.required_options:
            if getattr(self, other) != value:
                self._refuse(name, other, reason)

    def _refuse(self, first: str, second: str, reason: str) -> None:
        raise InputError(
            f"{first}={getattr(self, first)!r} and {second}={getattr(self, second)!r} "
            f"do not go together: {first}={getattr(self, first)!r} {reason}"
        )

    def generator_encoder(self, encoder: EncoderConfig) -> EncoderConfig | None:
        """The options of the generator's encoder, or of each of its two towers; None without one.

        Follows the original: `hidden = int(round(hidden * fraction))`, feed-forward width
        `4 * hidden`, and unless given `max(1, hidden // 64)` heads and embeddings of its own as wide
        as its layers.

        Args:
            encoder: the discriminator's.

        Raises:
            InputError: where the generator's width or heads make no encoder, naming its option.
        """
        if not self.generator_kind.directions:
            return None
        width = round(encoder.hidden_dim * self.generator_width_fraction)
        num_heads = self.generator_num_heads or max(1, width // 64)
        self._check_generator(width, num_heads, encoder.position_encoding == "rotary")
        embedding_dim = encoder.embedding_dim
        if self.embedding_sharing == "none":
            embedding_dim = self.generator_embedding_dim or width
        return encoder.replace(
            hidden_dim=width,
            num_layers=max(1, round(encoder.num_layers * self.generator_depth_fraction)),
            num_heads=num_heads,
            intermediate_dim=4 * width,
            embedding_dim=embedding_dim,
        )

    def _check_generator(self, width: int, num_heads: int, is_rotary: bool) -> None:
        """Here, because an encoder's own sentences would name the discriminator's options."""
        fraction, parts = "generator_width_fraction", "equal widths"
        self.require(width >= 1, fraction, "one that leaves the generator a width of 1 or more")
        if is_rotary:
            parts = "even widths"
            reason = f"an even width of the generator for position_encoding='rotary', not {width}"
            self.require(width % 2 == 0, fraction, reason)
        fits = width % (2 * num_heads if is_rotary else num_heads) == 0
        if self.generator_num_heads is None:
            wrong = f"not {width}, or generator_num_heads beside it"
            divided = f"a generator's width that its {num_heads} heads divide into {parts}, {wrong}"
            self.require(fits, fraction, divided)
        divisor = f"heads that divide the generator's width of {width} into {parts}"
        self.require(fits, "generator_num_heads", divisor)

    @property
    def kind(self) -> Objective:
        """The objective of this name."""
        return objectives.objective_named(self.objective)

    @property
    def generator_kind(self) -> Generator:
        """What proposes tokens: the objective's own generator, or the one of this name."""
        return self.kind.generator or generators.generator_named(self.generator)

    @property
    def has_detector(self) -> bool:
        """Whether a replaced-token head is trained."""
        return self.kind.has_detector

    @property
    def has_second_network(self) -> bool:
        """Whether anything is trained beside the masked language model."""
        return self.kind.has_second_network
