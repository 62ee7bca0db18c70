"""Tokens per second of `PretrainBatches`: examples packed, shuffled and masked, by one thread.

    python benchmarks/batches.py --store DIR [--lengths 128 512] [--batches 200]

Prints the median over batches, the fastest and the slowest tenth, and the processor time.
"""

import argparse
import os
import time

TOKENS_PER_BATCH = 16_384


def measured(store, length: int, num_batches: int) -> dict:
    """Tokens per second of batches of about 16,384 tokens, after ten that are not counted."""
    import numpy as np

    from keras_electra.batches import PretrainBatches

    batch_size = TOKENS_PER_BATCH // length
    batches = PretrainBatches(store, batch_size=batch_size, sequence_length=length, is_endless=True)
    seconds, processor_seconds = [], []
    for step in range(num_batches + 10):
        started, used = time.perf_counter(), time.process_time()
        batches.batch(step)
        seconds.append(time.perf_counter() - started)
        processor_seconds.append(time.process_time() - used)
    tokens = batch_size * length
    slow, middle, fast = tokens / np.percentile(seconds[10:], [90, 50, 10])
    return {
        "median": middle,
        "slow": slow,
        "fast": fast,
        "processor": tokens / np.median(processor_seconds[10:]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", required=True, help="made by `prepare`")
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--batches", type=int, default=200)
    options = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "torch")
    print("| length | million tokens/s | slowest to fastest tenth | by processor time |")
    print("|--:|--:|--:|--:|")
    for length in options.lengths:
        found = {k: v / 1e6 for k, v in measured(options.store, length, options.batches).items()}
        print(
            f"| {length} | {found['median']:.1f} | {found['slow']:.1f} to {found['fast']:.1f} "
            f"| {found['processor']:.1f} |"
        )


if __name__ == "__main__":
    main()
