"""Seconds per pretraining step: every installed backend and a plain PyTorch loop, interleaved.

    python benchmarks/pretrain_step.py --sizes small --batch-size 32 --sequence-lengths 128

Each contestant is a process of its own that makes a step when asked, a few in a row and then the next, so
all of them see the same disturbances of the machine. `--steps-per-execution 1 20` adds rows in which 20
steps are made when asked, handed over together and waited for once; `--jit-compile` adds rows with the
compiled step of PyTorch and TensorFlow. The plain loop is in `plain_loop.py`; `--compiled-peer` adds the
same under `torch.compile`, `--peer-keeps-memory` the same with the memory setting that our command makes.
All mask on the host with the same function, before they are asked. In every round one more process
multiplies two large matrices and copies a large array: the arithmetic and the memory floor. One JSON line
per row.
"""

import argparse
import datetime
import importlib.metadata
import importlib.util
import itertools
import json
import multiprocessing
import os
import platform
import statistics
import time

VOCABULARY_SIZE = 30_522
PLAIN, COMPILED, FLOOR = "plain PyTorch", "compiled PyTorch", "floor"
PLAIN_KEPT = "plain PyTorch, freed memory kept"
NUM_BATCHES = 8
"""Made before the first step and then used in turn; a run has a thread that makes them ahead."""
COMPILABLE = ("torch", "tensorflow")
WEIGHT_BYTES = 4
"""Of a weight, a moment and a gradient: all of them stay in float32."""
PASSES_OVER_WEIGHTS = 9
"""Read forward and backward; gradient written and read; both moments read and written; weight written."""


def config_of(case):
    """The recipe of a row."""
    from keras_electra.config.pretrain import PretrainConfig

    return PretrainConfig.from_size(
        case["size"],
        VOCABULARY_SIZE,
        batch_size=case["batch_size"],
        sequence_length=case["sequence_length"],
        dropout_rate=case["dropout_rate"],
        attention_dropout_rate=case["dropout_rate"],
        dtype_policy=case["dtype_policy"],
        rematerialize=case["rematerialize"],
    )


def batch_of(rng, case, step):
    """A batch of Zipf-distributed ids, [CLS] first and [SEP] last, masked as in training."""
    from keras_electra.config.masking import MaskingConfig
    from keras_electra.masking import SpecialIds, mask_batch

    special = SpecialIds(0, 100, 101, 102, 103)
    shape = (case["batch_size"], case["sequence_length"])
    token_ids = (rng.zipf(1.2, shape) % (VOCABULARY_SIZE - 1000) + 1000).astype("int32")
    token_ids[:, 0], token_ids[:, -1] = special.class_id, special.separator_id
    masked = mask_batch(
        token_ids,
        config=MaskingConfig(),
        special=special,
        vocabulary_size=VOCABULARY_SIZE,
        seed=0,
        step=step,
    )
    maskable = (token_ids != special.class_id) & (token_ids != special.separator_id)
    return {"token_ids": token_ids, "segment_ids": token_ids * 0, "maskable": maskable, **masked}


def contestants_of(options):
    """What competes: each a dict of its name and how it is run."""
    found = [
        {"contestant": name, "steps_per_execution": number, "jit_compile": is_compiled}
        for name in options.backends
        for is_compiled in (
            [False, True] if options.jit_compile and name in COMPILABLE else [False]
        )
        for number in options.steps_per_execution
    ]
    peers = [PLAIN]
    peers += [PLAIN_KEPT] if options.peer_keeps_memory else []
    peers += [COMPILED] if options.compiled_peer else []
    return found + [{"contestant": name, "steps_per_execution": 1} for name in peers]


def work(pipe, one, case):
    """The life of a contestant: build, then a step per request, or an execution of several."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    peers = dict.fromkeys((PLAIN, PLAIN_KEPT, COMPILED), run_plain_loop)
    ({**peers, FLOOR: run_floor}).get(one["contestant"], run_ours)(pipe, one, case)


def run_ours(pipe, one, case):
    from keras_electra.cli.freed_memory import keep_freed_memory

    os.environ["KERAS_BACKEND"] = one["contestant"]
    # As the command line does.
    keep_freed_memory()
    import keras
    import numpy as np

    from keras_electra import backends
    from keras_electra.backends import devices
    from keras_electra.optimizers import ElectraAdamW
    from keras_electra.pretrainer import ElectraPretrainer

    rng, steps = np.random.default_rng(0), one["steps_per_execution"]
    made = [batch_of(rng, case, number) for number in range(NUM_BATCHES)]

    class Batches(keras.utils.PyDataset):
        num_batches = None

        def __getitem__(self, index):
            return (made[index % NUM_BATCHES],)

    class OneAtATime(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if pipe.recv() != "step":
                self.model.stop_training = True
                raise KeyboardInterrupt
            self.started = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            # `logs` are floats here: the step is over.
            seconds = time.perf_counter() - self.started
            # The first one compiles, and is told as a whole.
            seconds /= steps if batch >= steps else 1
            peak = devices.memory_peak_bytes()
            pipe.send({"seconds": seconds, "loss": float(logs["loss"]), "peak_bytes": peak})

    config = config_of(case)
    model = ElectraPretrainer.from_recipe(config)
    model.compile(
        optimizer=ElectraAdamW(config.optimizer, config.steps),
        steps_per_execution=steps,
        jit_compile=one["jit_compile"] or "auto",
    )
    model.optimizer.build(model.trainable_variables)
    try:
        model.fit(
            backends.moved_ahead(Batches()),
            steps_per_epoch=10**6 * steps,
            verbose=0,
            shuffle=False,
            callbacks=[OneAtATime()],
        )
    except KeyboardInterrupt:
        return


def run_plain_loop(pipe, one, case):
    if one["contestant"] == PLAIN_KEPT:
        from keras_electra.cli.freed_memory import keep_freed_memory

        keep_freed_memory()
    import numpy as np
    from plain_loop import PlainLoop

    loop = PlainLoop(config_of(case), is_compiled=one["contestant"] == COMPILED)
    rng, step = np.random.default_rng(0), 0
    while pipe.recv() == "step":
        seconds, loss = loop.step(batch_of(rng, case, step))
        step += 1
        pipe.send({"seconds": seconds, "loss": loss})


def run_floor(pipe, one, case):
    """What the machine can do: a large product in the row's precision, and a copy of a large array."""
    import torch

    has_gpu = torch.cuda.is_available()
    device, rows = ("cuda", 8192) if has_gpu else ("cpu", 2048)
    dtype = torch.bfloat16 if case["dtype_policy"] == "mixed_bfloat16" else torch.float32
    matrix = torch.ones((rows, rows), dtype=dtype, device=device)
    array = torch.ones(2**28 if has_gpu else 2**25, device=device)
    target = torch.empty_like(array)

    def seconds_of(run):
        started = time.perf_counter()
        run()
        if has_gpu:
            torch.cuda.synchronize()
        return time.perf_counter() - started

    while pipe.recv() == "step":
        product = seconds_of(lambda: matrix @ matrix)
        copied = seconds_of(lambda: target.copy_(array))
        pipe.send(
            {
                "seconds": product,
                "flops_per_second": 2 * rows**3 / product,
                "bytes_per_second": 2 * array.nbytes / copied,
                "device": torch.cuda.get_device_name() if has_gpu else platform.machine(),
            }
        )


def measure(case, options):
    """The rows of one case, steps of all contestants in turn."""
    contestants = [*contestants_of(options), {"contestant": FLOOR}]
    context = multiprocessing.get_context("spawn")
    pipes, first, answers = [], [], [[] for _ in contestants]
    for one in contestants:
        pipe, end = context.Pipe()
        context.Process(target=work, args=(end, one, case), daemon=True).start()
        # With the other end open here too, a contestant that dies would be waited for without end.
        end.close()
        pipe.send("step")
        pipes.append(pipe)
        first.append(pipe.recv())
    num_steps = options.warmup_steps + options.steps
    for start in range(0, num_steps, options.steps_in_a_row):
        for pipe, known in zip(pipes, answers, strict=True):
            for _ in range(min(options.steps_in_a_row, num_steps - start)):
                pipe.send("step")
                known.append(pipe.recv())
    answers = [known[options.warmup_steps :] for known in answers]
    for pipe in pipes:
        pipe.send("stop")
    *competing, floor = answers
    floor = floor_of(floor, case)
    names = [one["contestant"] for one in contestants]
    plain = median_seconds(answers[names.index(PLAIN)])
    return [
        row({**one, **case}, early, known, floor, plain)
        for one, early, known in zip(contestants, first, competing, strict=False)
    ]


def median_seconds(answers):
    return statistics.median(answer["seconds"] for answer in answers)


def floor_of(answers, case):
    """The best that the machine showed in this run, and the seconds that follow from it."""
    from keras_electra.flops import step_flops, training_flops_per_token

    config = config_of(case)
    peak = max(answer["flops_per_second"] for answer in answers)
    bandwidth = max(answer["bytes_per_second"] for answer in answers)
    weights = num_weights(config) * WEIGHT_BYTES
    return {
        "device": answers[0]["device"],
        "peak_gflops_per_second": round(peak / 1e9, 1),
        "copy_gbytes_per_second": round(bandwidth / 1e9, 1),
        "megaflops_per_token": round(training_flops_per_token(config) / 1e6, 1),
        "step_flops": step_flops(config),
        "arithmetic_floor_seconds": round(step_flops(config) / peak, 5),
        "memory_floor_seconds": round(PASSES_OVER_WEIGHTS * weights / bandwidth, 5),
    }


def num_weights(config):
    """Numbers in both encoders and the table, heads and norms left out: a floor needs no more."""
    encoder = config.encoder
    narrow = config.objective.generator_encoder(encoder)
    layers = sum(
        each.num_layers * (4 * each.hidden_dim**2 + 2 * each.hidden_dim * each.intermediate_dim)
        for each in (encoder, narrow)
    )
    return layers + encoder.vocabulary_size * encoder.embedding_dim


def row(case, first, answers, floor, plain):
    """One result, with its ratio to the plain loop and its share of the peak of the same run."""
    seconds = [answer["seconds"] for answer in answers]
    median = statistics.median(seconds)
    flops_per_second = floor["step_flops"] / median
    return {
        **case,
        "median_seconds": round(median, 4),
        "min_seconds": round(min(seconds), 4),
        "max_seconds": round(max(seconds), 4),
        "tokens_per_second": round(case["batch_size"] * case["sequence_length"] / median),
        "times_plain": round(plain / median, 2),
        "first_step_seconds": round(first["seconds"], 1),
        "first_loss": round(first["loss"], 2),
        "gflops_per_second": round(flops_per_second / 1e9, 1),
        "share_of_peak": round(flops_per_second / 1e9 / floor["peak_gflops_per_second"], 3),
        "peak_memory_bytes": answers[-1].get("peak_bytes"),
        **{key: value for key, value in floor.items() if key != "step_flops"},
    }


def about():
    """Date, machine and versions, which every row carries."""
    versions = {}
    for name in ("keras", "jax", "tensorflow", "torch", "transformers"):
        if importlib.util.find_spec(name):
            versions[name] = importlib.metadata.version(name)
    return {
        "date": datetime.date.today().isoformat(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
    }


def main():
    installed = [n for n in ("jax", "tensorflow", "torch") if importlib.util.find_spec(n)]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["small"])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--sequence-lengths", type=int, nargs="+", default=[128])
    # The peer has no loop with loss scaling.
    policies = ("float32", "mixed_bfloat16")
    parser.add_argument("--dtype-policies", nargs="+", default=["float32"], choices=policies)
    parser.add_argument("--dropout-rates", type=float, nargs="+", default=[0.1])
    parser.add_argument("--rematerialize", action="store_true", help="compute layers twice")
    parser.add_argument("--backends", nargs="+", default=installed)
    parser.add_argument(
        "--steps-per-execution", type=int, nargs="+", default=[1], help="rows of each backend"
    )
    parser.add_argument("--jit-compile", action="store_true", help="add our step compiled")
    parser.add_argument(
        "--compiled-peer", action="store_true", help="add the peer under torch.compile"
    )
    parser.add_argument(
        "--peer-keeps-memory",
        action="store_true",
        help="add the peer with freed memory kept, as ours",
    )
    parser.add_argument("--steps", type=int, default=9, help="steps counted")
    parser.add_argument("--warmup-steps", type=int, default=2)
    parser.add_argument(
        "--steps-in-a-row",
        type=int,
        default=3,
        help="of each in its turn: a training makes no pauses, in which memory goes cold",
    )
    options = parser.parse_args()
    cases = itertools.product(
        options.sizes, options.sequence_lengths, options.dtype_policies, options.dropout_rates
    )
    for size, length, policy, rate in cases:
        case = {
            "size": size,
            "batch_size": options.batch_size,
            "sequence_length": length,
            "dtype_policy": policy,
            "dropout_rate": rate,
            "rematerialize": options.rematerialize,
        }
        for result in measure(case, options):
            print(json.dumps({**result, **about()}), flush=True)


if __name__ == "__main__":
    main()
