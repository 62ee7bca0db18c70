"""What a pretraining will need, told before it starts, and better once it runs.

Parameters, tokens and checkpoints are counted. The rest is rough:

- Memory: 16 bytes for each parameter (weight, gradient, two moments, of which Muon needs one; 4 more for a
  moving average, 2 for copies in bfloat16); for backpropagation, of every token of a micro-batch and every
  layer, 16 H + 4 I + 4 N T numbers (hidden and inner width, heads, tokens); three copies of the logits
  (B, K, V) in float32; and what Python, the backend and compiling take. Of six runs on a processor, `tiny`
  and `small` with 16 examples on each backend, it was within 10 % of the highest resident memory.
- Time: of runs of the same size in the same folder, else arithmetic: six operations for each token and
  parameter of a matrix, at 30 % of the speed at which this processor multiplies two matrices. Of a graphics
  card nothing is known before the first steps.
"""

import dataclasses
import functools
import math
import os
import pathlib
import shutil
import time

from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.errors import ElectraError
from keras_electra.flops import optimizer_flops
from keras_electra.launching.parameters import (
    ParameterCounts,
    body_count,
    count_parameters,
    generator_encoder,
    has_generator_encoder,
)
from keras_electra.runs import RunFolder, list_runs
from keras_electra.runs.rows import read_rows

PROCESS_BYTES = {"torch": 600_000_000, "jax": 1_100_000_000, "tensorflow": 1_230_000_000}
LAYER_WIDTHS, INNER_WIDTHS, SCORE_COPIES, LOGIT_COPIES = 16, 4, 4, 3
EFFICIENCY = 0.3
ROW_BYTES = 700
REPORT_BYTES = 5_000_000
CORRECTION_STEPS = 20
"""Steps from which the speed of a run itself counts."""


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


# Memory and disk


def memory_of(pid: int | None) -> int | None:
    """Most bytes of memory that a process of this machine took so far; None where that is not told."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("VmHWM:"))
    except (OSError, ValueError):
        return None
    return 1024 * int(line.split()[1])


def memory_bytes(
    config: PretrainConfig, counts: ParameterCounts, backend: str | None = None
) -> int:
    """Bytes of the training process at its highest; see the module."""
    is_half = config.dtype_policy == "mixed_bfloat16"
    per_parameter = 8 + 2 * is_half
    logits = max(
        stage.batch_size * config.masking.max_masked(stage.sequence_length)
        for stage in config.all_stages
    )
    logits *= 4 * LOGIT_COPIES * config.encoder.vocabulary_size
    kept = max(
        stage.batch_size * activation_numbers(config, stage.sequence_length)
        for stage in config.all_stages
    )
    per_batch = logits + kept * (2 if is_half else 4)
    parts = config.optimizer.accumulation_steps
    process = PROCESS_BYTES.get(backend, max(PROCESS_BYTES.values()))
    kept_for_steps = slot_bytes(config, counts)
    return process + per_parameter * counts.total + kept_for_steps + per_batch // parts


def activation_numbers(config: PretrainConfig, length: int) -> int:
    """Numbers kept for backpropagation, of one example, in both networks."""
    encoders = [config.encoder]
    if has_generator_encoder(config.objective):
        narrow = generator_encoder(config.encoder, config.objective)
        encoders += [narrow] * (2 if config.objective.generator == "two_tower" else 1)
    elif config.objective.generator == "tied" and config.objective.has_second_network:
        encoders.append(config.encoder)
    return sum(map(lambda encoder: length * numbers_of_token(encoder, length), encoders))


def numbers_of_token(encoder: EncoderConfig, length: int) -> int:
    """Numbers kept for one token of an encoder."""
    gates = 1.5 if encoder.feed_forward == "geglu" else 1
    per_layer = (
        LAYER_WIDTHS * encoder.hidden_dim
        + INNER_WIDTHS * gates * encoder.intermediate_dim
        + SCORE_COPIES * encoder.num_heads * length
    )
    mixing = 8 * encoder.hidden_dim if encoder.local_mixing_width else 0
    return int(encoder.num_layers * per_layer + mixing + 3 * encoder.embedding_dim)


def slot_bytes(config: PretrainConfig, counts: ParameterCounts) -> int:
    """Bytes of the optimizer's slots: two moments and a moving average; one moment where Muon moves."""
    averages = 0 if config.optimizer.ema_rate is None else 1
    by_muon = counts.hidden if config.optimizer.hidden_optimizer == "muon" else 0
    return 4 * ((2 + averages) * counts.total - by_muon)


def checkpoint_bytes(config: PretrainConfig, counts: ParameterCounts) -> int:
    """Bytes of all checkpoints that a whole run keeps, and of one that is being written."""
    one = 4 * counts.total + slot_bytes(config, counts)
    kept = min(config.keep_checkpoints, 1 + config.steps // config.checkpoint_every_steps)
    every = config.milestone_every_steps
    milestones = 0 if every is None else config.steps // every
    return one * (kept + 1 + milestones)


def store_bytes(num_tokens: int, vocabulary_size: int) -> int:
    """Bytes of a store and its report."""
    return num_tokens * (2 if vocabulary_size <= 65535 else 4) + REPORT_BYTES


def tokens_in(num_bytes: int, vocabulary_size: int) -> int:
    """About how many tokens a text has: 3.5 bytes a token for 2048 entries, 0.3 more per doubling.

    Measured on the shipped books, which are English.
    """
    per_token = min(5.0, max(1.5, 3.5 + 0.29 * (math.log2(max(vocabulary_size, 2)) - 11)))
    return int(num_bytes / per_token)


def free_bytes(folder) -> int | None:
    """Room on the disk that the folder is, or will be, on."""
    path = pathlib.Path(folder).absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


# Time


def training_seconds(
    config: PretrainConfig, tokens: int, folder, backend: str | None = None
) -> tuple[float | None, str]:
    """Seconds of a whole training, and where the speed comes from."""
    speed, name = speed_of_others(config, folder, backend)
    if speed is not None:
        return tokens / speed, f"as fast as {name}"
    if has_graphics_card():
        return None, f"told after {CORRECTION_STEPS} steps: this machine has a graphics card"
    stage_seconds = operations(config) / (EFFICIENCY * multiplying_speed())
    return stage_seconds, "a rough guess from a product of matrices on this processor"


def operations(config: PretrainConfig) -> float:
    """Arithmetic operations of a whole training."""
    counted, stages = float(config.steps * optimizer_flops(config)), config.all_stages
    ends = [*(stage.first_step for stage in stages[1:]), config.steps]
    for stage, end in zip(stages, ends, strict=True):
        steps = max(0, min(end, config.steps) - stage.first_step)
        counted += steps * stage.batch_size * example_operations(config, stage.sequence_length)
    return counted


def example_operations(config: PretrainConfig, length: int) -> float:
    """Operations of one example: forward once, backward twice as much."""
    encoders = [(config.encoder, "both")]
    if has_generator_encoder(config.objective):
        narrow = generator_encoder(config.encoder, config.objective)
        is_two = config.objective.generator == "two_tower"
        encoders += [(narrow, side) for side in (("left", "right") if is_two else ("both",))]
    dense = sum(6.0 * body_count(encoder, side) for encoder, side in encoders)
    attention = sum(12.0 * one.num_layers * one.hidden_dim * length for one, _ in encoders)
    places = config.masking.max_masked(length)
    logits = 6.0 * places * config.encoder.embedding_dim * config.encoder.vocabulary_size
    return length * (dense + attention) + logits


@functools.cache
def multiplying_speed() -> float:
    """Operations a second when this processor multiplies two matrices of 512 x 512."""
    import numpy as np

    matrix = np.ones((512, 512), "float32")
    matrix @ matrix
    best, begun, count = math.inf, time.perf_counter(), 0
    while time.perf_counter() - begun < 0.1 or count < 5:
        count += 1
        start = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - start)
    return 2 * 512**3 / best


def has_graphics_card() -> bool:
    """Whether this machine seems to have one that a backend could use."""
    return os.path.exists("/dev/nvidia0") or shutil.which("nvidia-smi") is not None


def speed_of_others(
    config: PretrainConfig, folder, backend: str | None = None
) -> tuple[float | None, str]:
    """Tokens a second of the last run in the folder that is like this one, and its name."""
    if not pathlib.Path(folder).is_dir():
        return None, ""
    wanted = speed_settings(config.to_dict())
    for run in reversed(list_runs(folder)):
        try:
            settings = speed_settings(run.config().get("pretrain", {}))
        except ElectraError:
            continue
        is_like = settings == wanted and backend in (None, run.status().get("backend"))
        speed = measured_speed(run) if is_like else None
        if speed is not None:
            return speed, run.path.name
    return None, ""


def speed_settings(settings: dict) -> dict:
    """The options of a recipe that decide its speed; the vocabulary's size matters little."""
    names = ("encoder", "objective", "sequence_length", "batch_size", "dtype_policy", "stages")
    found = {name: settings.get(name) for name in names}
    return {**found, "encoder": {**(found["encoder"] or {}), "vocabulary_size": None}}


def measured_speed(run: RunFolder | str | os.PathLike) -> float | None:
    """Tokens a second of a run after its first steps; None before.

    The first row, in which the program is compiled, does not count where there are others.
    """
    path = RunFolder(run).log_path
    try:
        return speed_in(path, path.stat().st_size)
    except OSError:
        return None


@functools.lru_cache(maxsize=64)
def speed_in(path: pathlib.Path, num_bytes: int) -> float | None:
    """The speed that a log tells; a form asks at every key, and a log may be long.

    Args:
        num_bytes: of the file, which changes whenever it grows.
    """
    try:
        rows = [row for row in read_rows(path) if row.get("tokens_per_second")]
    except ElectraError:
        return None
    if not rows or rows[-1].get("step", 0) < CORRECTION_STEPS:
        return None
    later = [row["tokens_per_second"] for row in rows[1:]] or [rows[0]["tokens_per_second"]]
    return sorted(later[-9:])[len(later[-9:]) // 2]


class StepWatch:
    """The speed of a run between the rows of its log, from the steps that its status tells.

    A run that logs every hundred steps is measured after twenty.
    """

    def __init__(self):
        self._first = None

    def steps_per_second(self, status: dict) -> float | None:
        """Take a status; the speed since the first step, once twenty steps were seen."""
        step, moment = status.get("step") or 0, status.get("heartbeat")
        if status.get("state") != "running" or moment is None or step < 1:
            return None
        if self._first is None or step < self._first[0]:
            self._first = (step, moment)
        steps, seconds = step - self._first[0], moment - self._first[1]
        return steps / seconds if steps >= CORRECTION_STEPS and seconds > 0 else None
