"""What a pretraining will need, told before it starts, and better once it runs."""

import dataclasses
import os

from keras_electra.config.pretrain import PretrainConfig
from keras_electra.files import free_bytes
from keras_electra.launching.pace import measured_speed, training_seconds
from keras_electra.launching.parameters import ParameterCounts, count_parameters
from keras_electra.launching.space import checkpoint_bytes, memory_bytes, store_bytes
from keras_electra.runs import RunFolder

ROW_BYTES = 700
"""Of the log."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What a pretraining needs.

    Attributes:
        parameters: what is trained, exactly.
        memory_bytes: of the process, at its highest.
        tokens: places of all batches, padding among them.
        corpus_tokens: tokens to train on; None where that is not known.
        seconds: of training; None where nothing is known about the speed.
        speed_source: where the speed comes from, for people.
        disk_bytes: of checkpoints, log, and of a store that is still to be made.
        free_bytes: on the disk.
    """

    parameters: ParameterCounts
    memory_bytes: int
    tokens: int
    corpus_tokens: int | None
    seconds: float | None
    speed_source: str
    disk_bytes: int
    free_bytes: int | None = None

    @property
    def passes(self) -> float | None:
        """How often each token of the corpus is trained on."""
        return self.tokens / self.corpus_tokens if self.corpus_tokens else None

    def at_speed(self, steps_per_second: float, steps: int) -> "Estimate":
        """The estimate for a run that was seen to be so fast."""
        return dataclasses.replace(
            self,
            seconds=steps / steps_per_second,
            speed_source=f"measured: {steps_per_second:,.3g} steps/s",
        )

    def corrected(self, run: RunFolder | str | os.PathLike) -> "Estimate":
        """The estimate with the speed that a run itself shows, after its first steps; else unchanged."""
        speed = measured_speed(run)
        if speed is None:
            return self
        return dataclasses.replace(
            self, seconds=self.tokens / speed, speed_source=f"measured: {speed:,.0f} tokens/s"
        )


def estimate(
    config: PretrainConfig, folder, *, backend=None, corpus_tokens=None, has_store=True
) -> Estimate:
    """The estimate for one recipe.

    Args:
        config: the recipe.
        folder: where runs are written; runs of the same size there tell their speed.
        backend: what Keras computes with; None for whichever needs most.
        corpus_tokens: tokens to train on, or None where that is not known.
        has_store: whether their store is there already; otherwise it counts to the disk.
    """
    counts = count_parameters(config.encoder, config.objective)
    tokens = config.tokens_until(config.steps)
    seconds, source = training_seconds(config, tokens, folder, backend)
    budget = config.time_budget_minutes
    if budget is not None and (seconds is None or seconds > 60 * budget):
        seconds, source = 60 * budget, "the time budget"
    disk = checkpoint_bytes(config, counts) + ROW_BYTES * (config.steps // config.log_every_steps)
    if corpus_tokens and not has_store:
        disk += store_bytes(corpus_tokens, config.encoder.vocabulary_size)
    return Estimate(
        parameters=counts,
        memory_bytes=memory_bytes(config, counts, backend),
        tokens=tokens,
        corpus_tokens=corpus_tokens,
        seconds=seconds,
        speed_source=source,
        disk_bytes=disk,
        free_bytes=free_bytes(folder),
    )


def in_words(found: Estimate) -> list[tuple[str, str]]:
    """(what, how much) for people."""
    counts = found.parameters
    tokens = f"{found.tokens:,}"
    if found.passes is not None:
        digits = ",.0f" if found.passes >= 10 else ".2g"
        tokens += f", {found.passes:{digits}} passes over about {found.corpus_tokens:,}"
    seconds, disk = "not known", f"about {bytes_in_words(found.disk_bytes)}"
    if found.seconds is not None:
        seconds = f"about {duration_in_words(found.seconds)}"
    if found.free_bytes is not None:
        disk += f"; {bytes_in_words(found.free_bytes)} are free"
        disk += ", too little" if found.free_bytes < found.disk_bytes else ""
    return [
        ("parameters", f"{counts.total:,}; {counts.encoder:,} in the encoder that is kept"),
        ("memory", f"about {bytes_in_words(found.memory_bytes)}"),
        ("tokens", tokens),
        ("time", f"{seconds} ({found.speed_source})"),
        ("disk", disk),
    ]


def bytes_in_words(number: float) -> str:
    """`bytes_in_words(1_300_000_000)` is "1.3 GB"."""
    for size, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if number >= size:
            return (
                f"{number / size:,.1f} {unit}"
                if number < 10 * size
                else f"{number / size:,.0f} {unit}"
            )
    return f"{number:,.0f} bytes"


def duration_in_words(seconds: float) -> str:
    """`duration_in_words(5400)` is "1 h 30 min"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if hours else f"{minutes} min"
    return f"{hours / 24:,.0f} days"
