"""How long a pretraining will take: from runs like it, from arithmetic, and from its own first steps.

Without a run of the same size in the same folder it is arithmetic: the operations that `flops` counts, at
30 % of the speed at which this processor multiplies two matrices. Of a graphics card nothing is known
before the first steps.
"""

import functools
import math
import os
import pathlib
import shutil
import time

from keras_electra.config.pretrain import PretrainConfig
from keras_electra.errors import ElectraError
from keras_electra.files import read_rows
from keras_electra.flops import run_flops
from keras_electra.monitoring import list_runs
from keras_electra.runs import RunFolder

EFFICIENCY = 0.3
CORRECTION_STEPS = 20
"""Steps from which the speed of a run itself counts."""


def training_seconds(
    config: PretrainConfig, tokens: int, folder, backend: str | None = None
) -> tuple[float | None, str]:
    """Seconds of a whole training, and where the speed comes from."""
    speed, name = speed_of_others(config, folder, backend)
    if speed is not None:
        return tokens / speed, f"as fast as {name}"
    if has_graphics_card():
        return None, f"told after {CORRECTION_STEPS} steps: this machine has a graphics card"
    seconds = run_flops(config) / (EFFICIENCY * multiplying_speed())
    return seconds, "a rough guess from a product of matrices on this processor"


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


class SpeedNews:
    """Says now and then how fast a run is, for an estimate that is to be corrected."""

    PAUSE_SECONDS = 30.0

    def __init__(self):
        self._watch, self._told_at = StepWatch(), -math.inf

    def of(self, status: dict) -> float | None:
        """Steps a second, where there is news: after the first steps, then every half minute."""
        speed = self._watch.steps_per_second(status)
        if speed is None or time.monotonic() - self._told_at < self.PAUSE_SECONDS:
            return None
        self._told_at = time.monotonic()
        return speed
