"""What a fine-tuning will need, told before it starts; `space` and `pace` say what is rough about it."""

import dataclasses
import math

from keras_electra.files import free_bytes
from keras_electra.flops import TRAINING, encoder_flops
from keras_electra.launching.estimating import bytes_in_words, duration_in_words
from keras_electra.launching.finetune_plan import FinetunePlan
from keras_electra.launching.pace import EFFICIENCY, has_graphics_card, multiplying_speed
from keras_electra.launching.parameters import body_count, embedding_count
from keras_electra.launching.space import PROCESS_BYTES, numbers_of_token
from keras_electra.tasks.checking import DataReport

KEPT_CHECKPOINTS = 3
"""Two that are kept, and one that is being written."""


@dataclasses.dataclass(frozen=True)
class FinetuneEstimate:
    """What a fine-tuning needs.

    Attributes:
        parameters: of the encoder; a head has few beside it.
        steps: of all trials together.
        memory_bytes, disk_bytes: at their highest.
        seconds: of training and validating; None where nothing is known about the speed.
        source: where the speed comes from, for people.
        free_bytes: on the disk.
    """

    parameters: int
    steps: int
    memory_bytes: int
    disk_bytes: int
    seconds: float | None
    source: str
    free_bytes: int | None

    def at_speed(self, steps_per_second: float, steps: int) -> "FinetuneEstimate":
        """The estimate for a run that was seen to be so fast."""
        return dataclasses.replace(
            self,
            steps=steps,
            seconds=steps / steps_per_second,
            source=f"measured: {steps_per_second:,.3g} steps/s, validation left out",
        )

    def in_words(self) -> list[tuple[str, str]]:
        """(what, how much) for people."""
        time = "not known" if self.seconds is None else f"about {duration_in_words(self.seconds)}"
        disk = f"about {bytes_in_words(self.disk_bytes)}"
        if self.free_bytes is not None:
            disk += f"; {bytes_in_words(self.free_bytes)} are free"
        return [
            ("parameters", f"{self.parameters:,} in the encoder"),
            ("steps", f"{self.steps:,}"),
            ("memory", f"about {bytes_in_words(self.memory_bytes)}"),
            ("time", f"{time} ({self.source})"),
            ("disk", disk),
        ]


def estimate_finetuning(plan: FinetunePlan, report: DataReport) -> FinetuneEstimate:
    """The estimate for a plan without problems.

    Args:
        report: what is known of its data.
    """
    config, encoder = plan.config(), plan.starting_model.encoder
    parameters = embedding_count(encoder) + body_count(encoder)
    numbers = {
        split: min(number, config.max_examples or number)
        for split, number in report.num_examples.items()
    }
    steps = max(1, math.ceil(numbers["train"] * config.epochs / config.batch_size))
    length = config.sequence_length
    if report.lengths is not None:
        length = max(8, min(length, round(report.lengths.mean)))
    kept = config.batch_size * config.sequence_length
    kept *= 4 * numbers_of_token(encoder, config.sequence_length)
    process = PROCESS_BYTES.get(plan.backend or "", max(PROCESS_BYTES.values()))
    models = config.num_trials if config.keep_models == "all" else 1
    seconds, source = None, "told after the first steps: this machine has a graphics card"
    if not has_graphics_card():
        examples = steps * config.batch_size + numbers.get("validation", 0) * config.epochs / 3
        operations = TRAINING * length * encoder_flops(encoder, length)
        seconds = config.num_trials * examples * operations / (EFFICIENCY * multiplying_speed())
        source = "a rough guess from a product of matrices on this processor"
    return FinetuneEstimate(
        parameters=parameters,
        steps=steps * config.num_trials,
        memory_bytes=process + 16 * parameters + kept // config.optimizer.accumulation_steps,
        disk_bytes=4 * parameters * (3 * KEPT_CHECKPOINTS + models),
        seconds=seconds,
        source=source,
        free_bytes=free_bytes(plan.folder),
    )
