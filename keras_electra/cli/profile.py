"""`profile`: where the time of a training step goes."""

import dataclasses
from typing import get_args

from keras_electra.cli import display
from keras_electra.cli.arguments import Backend, Json, devices_spec, start_keras
from keras_electra.cli.options import OptionalPath, argument, choice, whole
from keras_electra.cli.pretrain import DEFAULT_SIZE, vocabulary_size_of
from keras_electra.config.options import Precision
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.config.sizes import SIZES
from keras_electra.errors import InputError
from keras_electra.runs import RunFolder
from keras_electra.runs.kind import settings_of_kind

BY_RECIPE = "by run or size"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Profile:
    """Measure some training steps, part by part, and say what bounds them; nothing is written."""

    run_dir: argument(OptionalPath, "run whose recipe and store are measured", metavar="DIR") = None
    store: argument(
        OptionalPath, "made by `prepare`; needed without a run", "the run's own", metavar="DIR"
    ) = None
    size: argument(choice("size", SIZES), "named recipe, without a run", DEFAULT_SIZE) = None
    batch_size: whole("batch_size", "examples per step", BY_RECIPE) = None
    sequence_length: whole("sequence_length", "tokens per example", BY_RECIPE) = None
    accumulation_steps: whole("accumulation_steps", "micro-batches of a step", BY_RECIPE) = None
    dtype_policy: argument(
        choice("dtype_policy", get_args(Precision)), "precision of the step", BY_RECIPE
    ) = None
    steps: whole("steps", "steps measured") = 10
    json: Json = False
    backend: Backend = None
    devices: argument(devices_spec(), "over how many devices each batch is divided", "1") = None

    def run(self):
        if self.steps < 1:
            raise InputError(f"--steps: expected at least 1, received {self.steps}")
        config, store = self._config_and_store()
        start_keras(self.backend, keeps_memory=True)
        from keras_electra.backends.devices import on_devices
        from keras_electra.profiling import profile

        with on_devices(self.devices):
            found = profile(config, store, self.steps)
        if display.speaks():
            print_profile(found, self.json)

    def _config_and_store(self):
        names = ("batch_size", "sequence_length", "accumulation_steps", "dtype_policy")
        changes = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if self.run_dir is not None:
            settings = settings_of_kind(RunFolder(self.run_dir), "pretrain")
            config = PretrainConfig.from_dict(settings["pretrain"]).changed(**changes, stages=None)
            return config, self.store or settings["store"]["path"]
        if self.store is None:
            raise InputError("--store: expected a store, or --run-dir a run, received none")
        entries = vocabulary_size_of(self.store)
        return PretrainConfig.from_size(self.size or DEFAULT_SIZE, entries, **changes), self.store


def print_profile(found, as_json: bool) -> None:
    """A table of the times and a sentence, or JSON alone."""
    if as_json:
        display.print_json(found.to_dict())
        return
    grid = display.table("a step", "ms", "share")
    rows = {
        "whole": found.step_seconds,
        **found.part_seconds,
        "of it waiting for data": found.data_wait_seconds,
        "of it until the host was free": found.dispatch_seconds,
    }
    for name, seconds in rows.items():
        grid.add_row(name, f"{1000 * seconds:.1f}", f"{seconds / found.step_seconds:.0%}")
    display.output.print(grid)
    share = found.flops_per_second / found.peak_flops_per_second
    display.say(
        f"{found.tokens_per_second:,.0f} tokens/s, {found.flops_per_second / 1e9:,.1f} GFLOP/s, "
        f"{share:.0%} of a large product; first step {found.first_step_seconds:.1f} s; at most "
        f"{(found.memory_peak_bytes or 0) / 2**20:,.0f} MiB; {found.devices} x {found.device}"
    )
    display.say(found.advice)
