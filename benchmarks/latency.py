"""A fine-tuned classifier under Keras and as ONNX: do they agree, and how long do they take?

    python benchmarks/latency.py --model RUN --data dev.tsv

Exports the model as float32 and int8, labels every sentence of a table (columns `sentence` and `label`)
with each form, then measures rounds of one batch each, the forms in turn, with batches of 1 and 32
sentences. Tokenizing counts, for that is what a caller waits for; so does turning logits into labels.
"""

import argparse
import csv
import os
import pathlib
import tempfile
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import keras_electra as ke

WARM_ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--num-threads", type=int, default=None, help="of onnxruntime")
    options = parser.parse_args()
    sentences, gold = read(options.data)
    warnings.filterwarnings("ignore", message=".* were cut to")
    with tempfile.TemporaryDirectory() as folder:
        forms = forms_of(options.model, pathlib.Path(folder), options.num_threads)
        print_agreement(forms, sentences, gold)
        for batch_size in options.batch_sizes:
            print_latency(forms, sentences, batch_size, options.rounds)


def read(path) -> tuple[list[str], list[str]]:
    """Sentences and labels of a table."""
    with open(path, encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row["sentence"] for row in rows], [row["label"] for row in rows]


def forms_of(path, folder, num_threads) -> dict:
    """Name of each form -> a function from sentences to rows of predictions."""
    model = ke.load(path)
    forms = {f"Keras on {keras.config.backend()}": lambda texts: judged(model, texts)}
    for precision in ("float32", "int8"):
        file = folder / f"{precision}.onnx"
        difference = ke.export_onnx(model, file, precision=precision)
        print(f"{precision}: {difference}; {file.stat().st_size / 1e6:.1f} MB")
        opened = ke.OnnxModel(file, num_threads=num_threads)
        forms[f"ONNX {precision}"] = lambda texts, opened=opened: opened.predict(texts)
    return forms


def judged(model, texts):
    """Keras' predictions, in batches that are not filled up."""
    return model.predict(texts, batch_size=min(32, len(texts)))


def print_agreement(forms, sentences, gold) -> None:
    """How many labels of each form are those of the first form, and how many are right."""
    first, *_ = forms
    rows = {name: predict(sentences) for name, predict in forms.items()}
    print(
        f"\n| {len(sentences)} sentences | as {first} | right | largest difference of a probability |"
    )
    print("|---|--:|--:|--:|")
    chances = {
        name: np.array([list(row["probabilities"].values()) for row in found])
        for name, found in rows.items()
    }
    for name, found in rows.items():
        same = sum(a["label"] == b["label"] for a, b in zip(found, rows[first], strict=True))
        right = sum(row["label"] == label for row, label in zip(found, gold, strict=True))
        gap = np.abs(chances[name] - chances[first]).max()
        print(f"| {name} | {same} | {right} | {gap:.1e} |")


def print_latency(forms, sentences, batch_size, rounds) -> None:
    """Milliseconds of a batch, the forms in turn within each round; by the clock and of the processor."""
    rng = np.random.default_rng(0)
    seconds = {name: [] for name in forms}
    # The first rounds compile and warm up.
    for number in range(-WARM_ROUNDS, rounds):
        texts = [sentences[i] for i in rng.integers(0, len(sentences), batch_size)]
        for name, predict in forms.items():
            start = time.perf_counter(), time.process_time()
            predict(texts)
            if number >= 0:
                end = time.perf_counter(), time.process_time()
                seconds[name].append(np.subtract(end, start))
    first, *_ = forms
    base = np.median(seconds[first], axis=0)
    print(f"\n| batch {batch_size}, {rounds} rounds | ms by the clock | 90th percentile ", end="")
    print("| ms of the processor | times as fast by the clock | of the processor |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, values in seconds.items():
        median = np.median(values, axis=0)
        clock, processor = 1e3 * median
        high = 1e3 * np.quantile(values, 0.9, axis=0)[0]
        ratios = " | ".join(f"{ratio:.2f}" for ratio in base / median)
        print(f"| {name} | {clock:.1f} | {high:.1f} | {processor:.1f} | {ratios} |")


if __name__ == "__main__":
    main()
