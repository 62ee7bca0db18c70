"""Options of fine-tuning: the recipe, and what the paper sets for each size and task."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.config.options import (
    PRECISION_HELP,
    GroupedOptions,
    Options,
    Precision,
    option,
    required,
)
from keras_electra.errors import InputError

LORA_TARGETS = ("query", "key", "value", "output", "feed_forward")
"""Every name in `Kernel.targets` of an encoder layer."""

RECIPE = {
    "learning_rate": 3e-4,
    "layer_decay": 0.8,
    "weight_decay_rate": 0.0,
    "schedule": "linear",
    "warmup_steps": 0,
}
"""Clark et al. (2020), appendix B, small: the start of every recipe."""

RECIPES_OF_SIZES = {
    "tiny": {"learning_rate": 2e-3, "layer_decay": None, "bias_correction": True},
    "mini": {"learning_rate": 2e-3, "layer_decay": None, "bias_correction": True},
    "small": {"learning_rate": 3e-4, "layer_decay": 0.8},
    "base": {"learning_rate": 1e-4, "layer_decay": 0.8},
    "large": {"learning_rate": 5e-5, "layer_decay": 0.9},
}
"""Appendix B for the paper's sizes; `tiny` and `mini` are this package's own.

A `mini` of 12 million tokens, fine-tuned on 2,000 sentences of SST-2, had 0.54 right with the rate 5e-4
and a layer decay of 0.9, 0.58 with 1e-3, and 0.62 with 2e-3 and no decay (one seed each).
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnswerConfig(Options):
    """How answers are found in a context, after the original's question-answering head.

    Example:

    >>> ke.AnswerConfig(answerability="none", max_answer_tokens=10).num_best
    20
    """

    max_question_tokens: int = option(64, "longest question, in tokens; longer ones are cut")
    window_stride: int = option(128, "tokens between the starts of two windows over a context")
    max_answer_tokens: int = option(30, "longest answer, in tokens")
    num_best: int = option(20, "answers kept for each question")
    beam_size: int = option(20, "starts, and ends for each start, that are looked at")
    has_joint_ends: bool = option(True, "whether the end is predicted from the start")
    answerability: Literal["start", "class", "none"] = option(
        "start",
        "whether a question has an answer: told from the likely starts and [CLS], from [CLS] alone, "
        "or not asked",
    )
    answerability_weight: float = option(0.5, "factor of the answerability loss")
    null_threshold: float | None = option(
        None,
        "a question has no answer where its null odds are above this; none for the best one on the "
        "validation part, which the trained model keeps (the original: -2.75)",
    )
    window_labels: Literal["correct", "original"] = option(
        "correct",
        "a window without the answer counts as unanswerable, or as answerable at place 0 as in the "
        "original",
    )

    def check(self) -> None:
        self.require_range(
            "at least 1", "max_question_tokens window_stride max_answer_tokens num_best beam_size"
        )
        self.require_range("0 or more", "answerability_weight")


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinetuneConfig(GroupedOptions):
    """Everything that fixes a fine-tuning run, apart from model, task, data and backend.

    Example:

    >>> config = ke.FinetuneConfig.for_task({"epochs": 3.0}, size="base", batch_size=16)
    >>> config.epochs, config.batch_size, config.optimizer.learning_rate
    (3.0, 16, 0.0001)
    """

    purpose: ClassVar[str] = "fine-tuning"

    optimizer: OptimizerConfig = required("how it is learned")
    answers: AnswerConfig = required("question answering")
    sequence_length: int = option(128, "longest example in tokens; longer ones are cut")
    batch_size: int = option(32, "examples per step")
    epochs: float = option(3.0, "passes over the training data")
    warmup_fraction: float | None = option(
        0.1, "part of the steps over which the rate rises from 0; none to go by warmup_steps"
    )
    head: Literal["original", "huggingface"] = option(
        "original", "the head's form: ELECTRA's own, or that of transformers"
    )
    head_dropout_rate: float = option(0.1, "dropout before the head of a text or choice")
    has_swapped_pairs: bool = option(
        False, "whether training also sees each pair with its texts swapped"
    )
    tagging_form: Literal["correct", "original"] = option(
        "correct",
        "tagging: as for other texts, or the original's segments of 1, forced lower case, early "
        "cut and summed loss",
    )
    lora_rank: int | None = option(
        None, "rank of the low-rank updates that stand in for training the encoder; none for none"
    )
    lora_alpha: float = option(16.0, "scale of the low-rank updates, divided by their rank")
    lora_targets: str = option(
        "query,value", f"kernels with low-rank updates, of {', '.join(LORA_TARGETS)}"
    )
    validate_every_steps: int | None = option(
        None, "steps between two validations; none for one after each epoch"
    )
    early_stopping_patience: int | None = option(
        None, "validations without a better score after which a trial ends; none for all epochs"
    )
    selection: Literal["last", "best"] = option(
        "last",
        "weights that a trial ends with: the last, as in the paper, or of its best validation",
    )
    num_trials: int = option(1, "independent trainings, with seeds seed, seed + 1, ...")
    max_restarts: int = option(2, "times that a diverged trial starts again with another seed")
    keep_models: Literal["all", "best"] = option(
        "best", "models kept of several trials: all, or the best by validation"
    )
    seed: int = option(0, "decides head, order and dropout of the first trial")
    dtype_policy: Precision = option("float32", PRECISION_HELP)
    log_every_steps: int = option(20, "steps between two rows of log.jsonl")
    checkpoint_every_steps: int = option(500, "steps between two checkpoints")
    has_fresh_weights: bool = option(
        False, "whether the encoder starts from new weights, for comparison with the trained ones"
    )
    has_baselines: bool = option(
        False, "whether simple baselines (majority, word counts) are scored beside the model"
    )
    has_strict_rows: bool = option(
        False,
        "whether a row that cannot be used ends the run; otherwise it is left out and counted",
    )
    max_examples: int | None = option(
        None, "examples of each part that are used at most, for a quick look; none for all"
    )

    def check(self) -> None:
        self.require_range(
            "at least 1", "batch_size num_trials log_every_steps checkpoint_every_steps"
        )
        self.require_range(
            "at least 1", "lora_rank validate_every_steps early_stopping_patience max_examples"
        )
        self.require(self.sequence_length >= 8, "sequence_length", "at least 8")
        self.require_range("more than 0", "epochs")
        self.require_range("a fraction in [0, 1), or none", "warmup_fraction")
        self.require_range("a fraction in [0, 1)", "head_dropout_rate")
        self.require_range("0 or more", "seed max_restarts")
        self.require_range("more than 0", "lora_alpha")
        names = self.lora_target_names
        self.require(
            bool(names) and set(names) <= set(LORA_TARGETS),
            "lora_targets",
            f"names of {', '.join(LORA_TARGETS)}, with commas between",
        )
        if self.optimizer.ema_rate is not None:
            raise InputError(
                "ema_rate: expected none in fine-tuning, which selects weights by validation, "
                f"received {self.optimizer.ema_rate}"
            )
        parts = self.optimizer.accumulation_steps
        self.require(
            self.batch_size % parts == 0, "batch_size", f"a multiple of accumulation_steps={parts}"
        )

    @property
    def lora_target_names(self) -> tuple[str, ...]:
        """The names in `lora_targets`."""
        return tuple(name.strip() for name in self.lora_targets.split(",") if name.strip())

    @classmethod
    def for_task(cls, recipe: Mapping[str, Any], size: str | None = None, **changes: Any) -> Self:
        """The recipe of a size and a task, with single options changed.

        Args:
            recipe: options that the task sets, such as `Task.recipe`.
            size: one of `RECIPES_OF_SIZES`; None, or another model's name, for the recipe of `small`.
            **changes: any option of this class or of its groups, by its own name.

        Raises:
            InputError: for an unknown option or a wrong value.
        """
        values = {**RECIPE, **RECIPES_OF_SIZES.get(size or "", {}), **recipe, **changes}
        if "warmup_steps" in changes and "warmup_fraction" not in changes:
            values["warmup_fraction"] = None
        return cls.from_flat(values)
