"""Options of a pretraining run: the recipe, and the groups it is made of."""

import dataclasses
import re
from typing import Any, ClassVar, Self

from keras_electra.config.encoder import ARCHITECTURES, EncoderConfig
from keras_electra.config.masking import MaskingConfig
from keras_electra.config.objective import ObjectiveConfig
from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.config.options import (
    PRECISION_HELP,
    GroupedOptions,
    Precision,
    option,
    refuse_unknown,
    required,
)
from keras_electra.config.sizes import SIZES
from keras_electra.config.store import Packing
from keras_electra.errors import InputError

STAGE = re.compile(r"(\d+):(\d+)x(\d+)")


@dataclasses.dataclass(frozen=True)
class Stage:
    """Steps from `first_step` on have batches of this shape."""

    first_step: int
    sequence_length: int
    batch_size: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainConfig(GroupedOptions):
    """Everything that fixes a pretraining run, apart from the store and the backend.

    Example:

    >>> config = ke.PretrainConfig.from_size("small", vocabulary_size=30522, steps=1000)
    >>> config.batch_size, config.sequence_length, config.optimizer.warmup_steps
    (128, 128, 10)
    >>> config.changed(batch_size=64, learning_rate=1e-3).optimizer.learning_rate
    0.001
    """

    purpose: ClassVar[str] = "pretraining"

    encoder: EncoderConfig = required("the discriminator's encoder")
    objective: ObjectiveConfig = required("what is learned")
    masking: MaskingConfig = required("what is hidden")
    optimizer: OptimizerConfig = required("how it is learned")
    size: str | None = option(None, "the named size that the recipe was taken from")
    sequence_length: int = option(128, "tokens per example (T)")
    packing: Packing = option(
        "continuous", "examples filled to the last token, or two padded segments as in the original"
    )
    batch_size: int = option(128, "examples per step, over all micro-batches (B)")
    stages: str | None = option(
        None,
        "other lengths and batch sizes from given steps on, STEP:TxB with commas between, such as "
        "'900000:512x32', which go on in the text where the ones before ended; none for one shape",
    )
    steps: int = option(1_000_000, "optimizer updates")
    time_budget_minutes: float | None = option(
        None,
        "end the schedule and the run after this many minutes of training, without the first step, which "
        "compiles; the warm-up takes a tenth of the steps at most; none for no limit",
    )
    seed: int = option(0, "decides the start, the order, the masks, the draws and the dropout")
    dtype_policy: Precision = option("float32", PRECISION_HELP)
    rematerialize: bool = option(
        False, "compute each layer's inner results twice instead of keeping them: less memory"
    )
    fit_memory: bool = option(
        False,
        "divide batches into the fewest micro-batches that fit the device's memory, found by trial",
    )
    steps_per_execution: int = option(
        1,
        "steps handed to the device together; commands and Ctrl-C are obeyed between two executions",
    )
    jit_compile: bool = option(
        False,
        "compile the step into one program: torch.compile on PyTorch, XLA on TensorFlow; JAX always does",
    )
    log_every_steps: int = option(100, "steps between two rows of log.jsonl")
    checkpoint_every_steps: int = option(1_000, "steps between two checkpoints")
    keep_checkpoints: int = option(3, "newest checkpoints kept")
    milestone_every_steps: int | None = option(
        None, "checkpoints at multiples of this many steps are kept for good; none for none"
    )

    def check(self) -> None:
        self.require_range("at least 1", "sequence_length batch_size steps steps_per_execution")
        self.require_range("at least 1", "log_every_steps checkpoint_every_steps keep_checkpoints")
        self.require_range("0 or more", "seed")
        self.require_range("more than 0, or none", "milestone_every_steps time_budget_minutes")
        self.objective.generator_encoder(self.encoder)
        self._check_mask_rates()
        if self.packing == "original" and not self.objective.attends_across_documents:
            raise InputError(
                "attends_across_documents: expected on with packing='original', whose examples hold one "
                "document each, received off"
            )
        longest = self.encoder.max_sequence_length
        self.require(
            5 <= self.sequence_length <= longest,
            "sequence_length",
            f"between 5 and max_sequence_length={longest}",
        )
        parts = self.optimizer.accumulation_steps
        self.require(
            self.batch_size % parts == 0, "batch_size", f"a multiple of accumulation_steps={parts}"
        )
        stages = self.all_stages
        steps = [stage.first_step for stage in stages]
        fits = all(
            5 <= stage.sequence_length <= longest
            and stage.batch_size >= 1
            and stage.batch_size % parts == 0
            for stage in stages
        )
        self.require(
            fits and steps == sorted(set(steps)),
            "stages",
            f"rising steps, lengths from 5 to {longest} and batch sizes that are multiples of {parts}",
        )
        together = self.steps_per_execution
        for name in ("log_every_steps", "checkpoint_every_steps"):
            value = getattr(self, name)
            self.require(
                value % together == 0, name, f"a multiple of steps_per_execution={together}"
            )
        self.require(
            all(step % together == 0 for step in steps),
            "stages",
            f"first steps that are multiples of steps_per_execution={together}",
        )

    def _check_mask_rates(self) -> None:
        """Two mask rates need the number of steps beforehand, and an objective that takes any rate."""
        if self.masking.final_mask_rate is None:
            return
        budget = self.time_budget_minutes
        self.require(
            budget is None,
            "time_budget_minutes",
            "none beside final_mask_rate, which goes by steps",
        )
        if reason := self.objective.kind.one_mask_rate:
            raise InputError(
                f"final_mask_rate: expected none with objective={self.objective.objective!r}, {reason}, "
                f"received {self.masking.final_mask_rate}"
            )

    @property
    def all_stages(self) -> tuple[Stage, ...]:
        """The shapes of the batches, that of step 0 first."""
        stages = [Stage(0, self.sequence_length, self.batch_size)]
        for text in self.stages.split(",") if self.stages else ():
            match = STAGE.fullmatch(text.strip())
            numbers = match.groups() if match else ()
            self.require(bool(numbers), "stages", "STEP:TxB with commas between")
            stages.append(Stage(*map(int, numbers)))
        return tuple(stages)

    @property
    def longest_sequence(self) -> int:
        """Tokens per example in the stage with the longest ones."""
        return max(stage.sequence_length for stage in self.all_stages)

    def longest_sequence_until(self, step: int) -> int:
        """Tokens per example in the longest of the stages that have begun before `step`.

        Of places beyond them nothing is known: their positions were never trained.
        """
        first, *others = self.all_stages
        begun = [stage.sequence_length for stage in others if stage.first_step < step]
        return max([first.sequence_length, *begun])

    def tokens_until(self, step: int) -> int:
        """Places of the batches before `step`."""
        stages = self.all_stages
        ends = [stage.first_step for stage in stages[1:]] + [step]
        return sum(
            max(0, min(end, step) - stage.first_step) * stage.sequence_length * stage.batch_size
            for stage, end in zip(stages, ends, strict=True)
        )

    @classmethod
    def from_size(cls, size: str, vocabulary_size: int, **changes: Any) -> Self:
        """The recipe of a named size, with single options changed.

        Args:
            size: one of `SIZES`.
            vocabulary_size: entries of the vocabulary (V).
            **changes: any option of this class or of its groups, by its own name, and
                `architecture`, a name of `ARCHITECTURES`. Options left at None that cannot be None
                keep the recipe's value. When `steps` is changed and `warmup_steps` is not, the
                warm-up keeps its share of the run.

        Raises:
            InputError: for an unknown size or option.
        """
        refuse_unknown([size], SIZES, "sizes")
        recipe = dict(SIZES[size])
        architecture = changes.pop("architecture", None) or recipe.pop("architecture")
        recipe.pop("architecture", None)
        refuse_unknown([architecture], ARCHITECTURES, "architectures")
        if "steps" in changes and "warmup_steps" not in changes:
            share = recipe["warmup_steps"] / recipe["steps"]
            changes["warmup_steps"] = max(1, round(share * changes["steps"]))
        values = {**ARCHITECTURES[architecture], **recipe, **changes}
        return cls.from_flat({**values, "size": size, "vocabulary_size": vocabulary_size})
