"""Fine-tuning with this package and with `transformers`' Trainer: same losses, same scores, less time.

    python benchmarks/finetune_parity.py --mode losses --model DIR --glue DIR --conll2000 DIR
    python benchmarks/finetune_parity.py --mode scores ... --results FILE.jsonl --seeds 0 1 2 3 4
    python benchmarks/finetune_parity.py --mode speed ...

`--model` is a Hugging Face folder with a BERT-shaped encoder. Both sides run on the CPU with PyTorch, in
one process, with the same hyper-parameters: AdamW with bias correction, weight decay but on biases and
norms, linear schedule with a warm-up of a tenth, gradients clipped to norm 1.

losses: without dropout, from the same head and over the same batches, the losses of the first steps.
scores: whole trainings, each side from the text on with its own tokenizer, batches and dropout noise. Each
    adds a line to the results; what stands there is not run again, so the work can be cut in pieces.
speed: seconds of an epoch, sides in turn. The Trainer pads its random batches, its default; this package
    sorts by length.
"""

import argparse
import os
import platform
import statistics

TASKS = ("mrpc", "cola", "rte", "stsb", "chunk")
MOST_RELATIVE_DIFFERENCE = 1e-4
DROPOUT_RATE = 0.1
SIDES = ("ours", "theirs")


def compare_losses(options):
    """Print the losses of both sides, step by step; exit code 1 if any pair differs too much."""
    import numpy as np
    from parity import ours, theirs
    from parity.cases import read_cases, settings

    from keras_electra.task_batches import TaskBatches

    worst = {}
    warmup_steps = max(1, options.steps // 10)
    for case in read_cases(options, settings(options)):
        size = case.config.batch_size
        rows = np.random.default_rng(0).permutation(len(case.train))
        order = [rows[step * size : (step + 1) * size] for step in range(options.steps)]
        made = TaskBatches(case.train, batch_size=size, order=order)
        batches = [made.batch(step) for step in range(options.steps)]
        model = ours.new_model(case, 0, 0.0, options.steps, warmup_steps)
        head = ours.head_weights(model)
        our_losses = ours.losses_of_batches(model, batches)
        their_losses = theirs.losses_of_batches(case, batches, head, warmup_steps)
        print(f"\n{case.task.name}\n| step | this package | transformers | relative difference |")
        print("|--:|--:|--:|--:|")
        differences = []
        for step, (mine, other) in enumerate(zip(our_losses, their_losses, strict=True), 1):
            differences.append(abs(mine - other) / abs(other))
            print(f"| {step} | {mine:.7f} | {other:.7f} | {differences[-1]:.1e} |", flush=True)
        worst[case.task.name] = max(differences)
    print("\n| task | largest relative difference |\n|---|--:|")
    for name, difference in worst.items():
        print(f"| {name} | {difference:.1e} |")
    return int(max(worst.values()) > MOST_RELATIVE_DIFFERENCE)


def compare_speeds(options):
    """Print the seconds of an epoch of both sides."""
    from parity import ours, theirs
    from parity.cases import read_cases, settings

    sides = {"ours": ours, "theirs": theirs}
    print("| task | side | median s | min-max s | places | times the Trainer |")
    print("|---|---|--:|--:|--:|--:|")
    for case in read_cases(options, settings(options)):
        seconds, places = {side: [] for side in SIDES}, {side: [] for side in SIDES}
        for number in range(options.rounds + 1):
            for side in SIDES if number % 2 else reversed(SIDES):
                elapsed, count = sides[side].epoch_seconds(case, number, DROPOUT_RATE)
                # The first round pays for what is made once.
                if number:
                    seconds[side].append(elapsed)
                    places[side].append(count)
        medians = {side: statistics.median(seconds[side]) for side in SIDES}
        for side in SIDES:
            print(
                f"| {case.task.name} | {side} | {medians[side]:.1f} | {min(seconds[side]):.1f}-"
                f"{max(seconds[side]):.1f} | {statistics.median(places[side]):.0f} | "
                f"{medians['theirs'] / medians[side]:.2f} |",
                flush=True,
            )
    return 0


def compare_scores(options):
    """Run the trainings that the results lack, then print the comparison."""
    from parity import ours, theirs
    from parity.cases import read_cases, settings
    from parity.results import Results, print_comparison

    sides = {"ours": ours, "theirs": theirs}
    config = settings(options)
    results = Results(options, config)
    cases = {case.task.name: case for case in read_cases(options, config)}
    for seed in options.seeds:
        for case in cases.values():
            for side in options.sides:
                if not results.has(case, side, seed):
                    scores, seconds = sides[side].score(case, seed, DROPOUT_RATE)
                    results.add(case, side, seed, scores, seconds)
    print_comparison(results, {name: case.task.main_metric for name, case in cases.items()})
    return 0


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mode", choices=("losses", "scores", "speed"), required=True)
    parser.add_argument("--model", required=True, help="Hugging Face folder of the encoder")
    parser.add_argument("--glue", help="folder that holds MRPC, CoLA, RTE and STS-B")
    parser.add_argument("--conll2000", help="folder with CoNLL-2000's train.txt and test.txt")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--max-train-examples", type=int)
    parser.add_argument("--max-eval-examples", type=int)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--sequence-length", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20, help="of losses")
    parser.add_argument("--rounds", type=int, default=5, help="of speed, after one not counted")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="of scores")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES), help="of scores")
    parser.add_argument("--results", default="finetune_parity.jsonl", help="of scores")
    return parser.parse_args()


def main():
    options = parse()
    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print(
        f"{platform.machine()}, {torch.get_num_threads()} threads, Python {platform.python_version()}, "
        f"keras {keras.__version__}, torch {torch.__version__}, transformers {transformers.__version__}"
    )
    modes = {"losses": compare_losses, "scores": compare_scores, "speed": compare_speeds}
    raise SystemExit(modes[options.mode](options))


if __name__ == "__main__":
    main()
