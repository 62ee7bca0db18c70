"""Where the time of a training step goes, and what would help."""

import dataclasses
import statistics
import time

import keras
import numpy as np
from keras import ops

from keras_electra import backends
from keras_electra.backends import devices
from keras_electra.batches import training_batches
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.flops import step_flops
from keras_electra.pretraining import build, check_divisible, check_vocabulary_size
from keras_electra.processes import memory_bytes
from keras_electra.sampling import read_logits, sample_tokens
from keras_electra.store import Store

WARMUP_STEPS = 2
REPETITIONS = 3
LARGE_MATRIX = {False: 1024, True: 8192}
"""Rows of the matrix product that stands for the peak, without and with an accelerator."""
WAITS_FOR_DATA = 0.05
WAITS_FOR_HOST = 0.8
WELL_USED = 0.5
"""Fractions of a step, or of the peak, above which something is called the bound."""

REST = "optimizer and the rest"


class Profile(keras.callbacks.Callback):
    """Measures the steps of any `fit`: time, handing over to the device, and waiting for data.

    It has Keras fetch the figures of every step, so that a step's time is its own; in a real run it
    costs what running ahead of the device gains.

    Args:
        batches: what is trained on, with `waiting_seconds`; None to leave that out.

    Attributes:
        first_step_seconds: of the first step, compiling included.
        step_seconds: of each later step, in seconds, data included; with several steps per execution
            the mean of each execution, as for the next.
        dispatch_seconds: of each later step, until the host was free again, data left out.
        waiting_seconds: for data, over the later steps.
    """

    def __init__(self, batches=None):
        super().__init__()
        self.batches = batches
        self.first_step_seconds = None
        self.step_seconds, self.dispatch_seconds = [], []
        self.waiting_seconds = 0.0

    def on_train_begin(self, logs=None):
        self._train_function = self.model.train_function
        self.model.train_function = self._handed_over
        self._begun, self._waited = time.perf_counter(), self._waiting()

    def on_train_end(self, logs=None):
        self.model.train_function = self._train_function

    def on_train_batch_end(self, batch, logs=None):
        # `logs` are numbers here: the step is over.
        now, waited = time.perf_counter(), self._waiting()
        if self.first_step_seconds is None:
            self.first_step_seconds = now - self._begun
        else:
            steps = self._model.steps_per_execution
            self.step_seconds.append((now - self._begun) / steps)
            self.dispatch_seconds.append(self._dispatched / steps)
            self.waiting_seconds += waited - self._waited
        self._begun, self._waited = now, waited

    def _handed_over(self, *arguments):
        begun, waited = time.perf_counter(), self._waiting()
        result = self._train_function(*arguments)
        # Some backends fetch the batch in here.
        elapsed = time.perf_counter() - begun - (self._waiting() - waited)
        self._dispatched = max(0.0, elapsed)
        return result

    def _waiting(self):
        return getattr(self.batches, "waiting_seconds", 0.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepProfile:
    """What `profile` found; times in seconds per step.

    Attributes:
        device, backend, devices: what it ran on.
        step_seconds, first_step_seconds: median, and that of the first with compiling.
        data_wait_seconds, dispatch_seconds: for the next batch, and until the host was free.
        part_seconds: by part, going forward and backward, measured alone; the last is what is left.
        tokens_per_second: places per second.
        flops: operations of a step; flops_per_second; peak_flops_per_second: of one large product.
        memory_peak_bytes: of the device, or of the process on a processor.
        bound: one of "data", "host", "arithmetic", "memory traffic".
        advice: one sentence.
    """

    device: str
    backend: str
    devices: int
    step_seconds: float
    first_step_seconds: float
    data_wait_seconds: float
    dispatch_seconds: float
    part_seconds: dict
    tokens_per_second: float
    flops: float
    flops_per_second: float
    peak_flops_per_second: float
    memory_peak_bytes: int
    bound: str
    advice: str

    def to_dict(self) -> dict:
        """The figures by name, in the types of JSON."""
        return dataclasses.asdict(self)


def profile(config: PretrainConfig, store, steps: int = 10) -> StepProfile:
    """Train some steps of a recipe from fresh weights and measure them; nothing is written.

    Args:
        config: the recipe; of several stages the first is measured.
        store: a `Store` or its path.
        steps: measured, after two that warm up.
    """
    store = store if isinstance(store, Store) else Store(store)
    config = config.replace(stages=None)
    check_vocabulary_size(config, store)
    check_divisible(config)
    model, batches = build(config, store), training_batches(store, config)
    measured = Profile(batches)
    total = WARMUP_STEPS + steps
    model.fit(
        backends.moved_ahead(batches),
        steps_per_epoch=total,
        shuffle=False,
        verbose=0,
        callbacks=[measured],
    )
    later = slice(WARMUP_STEPS - 1, None)
    seconds = statistics.median(measured.step_seconds[later])
    peak = peak_flops_per_second(config.dtype_policy) * devices.num_devices()
    rate = step_flops(config) / seconds
    figures = {
        "device": devices.device_kind(),
        "backend": keras.config.backend(),
        "devices": devices.num_devices(),
        "step_seconds": seconds,
        "first_step_seconds": measured.first_step_seconds,
        "data_wait_seconds": measured.waiting_seconds / len(measured.step_seconds),
        "dispatch_seconds": statistics.median(measured.dispatch_seconds[later]),
        "part_seconds": {},
        "tokens_per_second": config.batch_size * config.sequence_length / seconds,
        "flops": step_flops(config),
        "flops_per_second": rate,
        "peak_flops_per_second": peak,
        "memory_peak_bytes": devices.memory_peak_bytes() or memory_bytes()[1],
    }
    if devices.num_devices() == 1:
        figures["part_seconds"] = part_seconds(model, batches.batch(0), seconds)
    bound, advice = verdict(figures, config)
    return StepProfile(**figures, bound=bound, advice=advice)


def part_seconds(model, batch: dict, step_seconds: float) -> dict[str, float]:
    """Seconds per step of each part, forward and backward, each run alone as often as in a step.

    Parts run alone lack what a compiler shares between them: the sum may differ from the whole, and
    what is left is at least 0.
    """
    count = model.accumulation_steps
    part = {name: array[: len(array) // count] for name, array in batch.items()}
    networks = [n for n in (model.generator, model.discriminator) if n is not None]
    backbone = model.backbone

    def embedded(inputs):
        noise = backends.noise_key(backbone.noise)
        return backbone.embeddings(inputs["token_ids"], inputs["segment_ids"], noise, training=True)

    embeddings = seconds_of(embedded, backbone.embeddings.trainable_variables, part)
    found = {"embeddings": embeddings * len(networks)}
    names = ("token_ids", "segment_ids", "padding_mask", "document_ids")
    inputs = {name: part[name] for name in names if name in part}
    if hasattr(model.generator, "backbone") and model.generator.trainable:
        found.update(_generator_seconds(model.generator, inputs, part, embeddings))
    if model.discriminator is not None and model.objective.has_detector:
        whole = seconds_of(
            lambda x: model.discriminator(x, training=True),
            model.discriminator.trainable_variables,
            inputs,
        )
        found["discriminator"] = max(0.0, whole - embeddings)
    found = {name: seconds * count for name, seconds in found.items()}
    return {**found, REST: max(0.0, step_seconds - sum(found.values()))}


def _generator_seconds(generator, inputs, part, embeddings):
    """Of the generator's layers, and of its head with the sampling."""
    whole = seconds_of(
        lambda x: generator.backbone(x, training=True),
        generator.backbone.trainable_variables,
        inputs,
    )
    hidden = np.zeros((*part["token_ids"].shape, generator.backbone.encoder.hidden_dim), "float32")
    answers = np.take_along_axis(part["token_ids"], part["mask_positions"], axis=1)
    places = {"hidden": hidden, "answers": answers}
    places |= {name: part[name] for name in ("mask_positions", "uniform_draws")}

    def read(x):
        table = generator.backbone.embeddings.table()
        logits = generator.head(x["hidden"], table, x["mask_positions"])
        losses, _, masses = read_logits(ops.cast(logits, "float32"), x["answers"])
        # Added with no weight to speak of, or a compiler would leave the sampling out.
        return losses + 1e-9 * ops.cast(sample_tokens(masses, x["uniform_draws"]), "float32")

    return {
        "generator": max(0.0, whole - embeddings),
        "vocabulary head and sampling": seconds_of(
            read, generator.head.trainable_variables, places
        ),
    }


def seconds_of(function, variables, inputs) -> float:
    """The least of some runs of `function`, forward and backward, after one that compiles."""
    program = backends.differentiated(function, variables)
    program(inputs)
    return least_seconds(lambda: program(inputs))


def least_seconds(run) -> float:
    """Seconds of the fastest of some calls."""
    found = []
    for _ in range(REPETITIONS):
        begun = time.perf_counter()
        run()
        found.append(time.perf_counter() - begun)
    return min(found)


def peak_flops_per_second(dtype_policy: str) -> float:
    """Operations per second of one large matrix product in the precision of a step."""
    rows = LARGE_MATRIX[devices.is_accelerated()]
    dtype = dtype_policy.removeprefix("mixed_")
    matrix = ops.ones((rows, rows), dtype)

    def run():
        backends.wait_for(ops.matmul(matrix, matrix))

    run()
    return 2 * rows**3 / least_seconds(run)


def verdict(figures: dict, config: PretrainConfig) -> tuple[str, str]:
    """What bounds the run, and one sentence with the setting that would help.

    The first that holds: waiting for data, the host on an accelerator, arithmetic near the peak; else
    it is memory traffic and small operations.
    """
    step = figures["step_seconds"]
    waiting = figures["data_wait_seconds"] / step
    dispatch = figures["dispatch_seconds"] / step
    share = figures["flops_per_second"] / figures["peak_flops_per_second"]
    faster = ", or dtype_policy='mixed_bfloat16'" if config.dtype_policy == "float32" else ""
    if waiting > WAITS_FOR_DATA:
        return "data", (
            f"The run waits for data during {waiting:.0%} of a step: put the store on a faster disk, or "
            "leave a processor core to the thread that makes batches."
        )
    if devices.is_accelerated() and dispatch > WAITS_FOR_HOST:
        return "host", (
            f"The host needs {dispatch:.0%} of a step to hand the work over: a larger batch_size, fewer "
            "accumulation_steps, jit_compile or more steps_per_execution would help."
        )
    if share > WELL_USED:
        return "arithmetic", (
            f"The step runs at {share:.0%} of what one large product reaches: only more devices{faster} or "
            "a smaller model would help."
        )
    return "memory traffic", (
        f"The step runs at {share:.0%} of what one large product reaches, the rest is memory traffic and "
        f"small operations: a larger batch_size{faster} would help."
    )
