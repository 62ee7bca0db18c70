"""What pretraining gave: a pretrained encoder against the same one with fresh weights, on four tasks.

    python benchmarks/pretraining_gain.py --model RUN --glue DIR --conll2000 DIR --out DIR

SST-2, CoLA, MRPC and CoNLL-2000, three seeds each, same recipe on both sides; majority class and TF-IDF
with logistic regression beside them. Every training is a fine-tuning run in `--out`: what is done is not
done again, and a killed one goes on. Ends with a table in Markdown, `--out`/gain.md.
"""

import argparse
import pathlib

import fine_tuned

TASKS = ("sst2", "cola", "mrpc", "chunk")
SIDES = {"pretrained": False, "fresh": True}


def results_of(options, name: str, side: str) -> dict:
    """`results.json` of one side, after training what is missing."""
    return fine_tuned.results_of(
        options.model,
        name,
        options,
        options.out / f"{side}-{name}",
        num_trials=options.num_trials,
        has_fresh_weights=SIDES[side],
        has_baselines=True,
    )


def line_of(name: str, sides: dict[str, dict]) -> str:
    """The table's line of one task."""
    from keras_electra.scoring import difference_of_means
    from keras_electra.tasks import known_task

    metric, split = known_task(name).main_metric, fine_tuned.JUDGED.get(name, "validation")
    figures = {side: fine_tuned.judged(results, name) for side, results in sides.items()}
    cells = [name, metric]
    for side in SIDES:
        low, high = figures[side]["interval"]
        cells.append(f"{figures[side]['mean']:.4f} [{low:.4f}, {high:.4f}]")
    found = difference_of_means(*(figures[side]["values"] for side in SIDES))
    low, high = found["interval"]
    cells.append(f"{found['mean']:+.4f} [{low:+.4f}, {high:+.4f}]")
    floors = sides["fresh"]["baselines"].get(name, {})
    for floor in ("majority", "tfidf"):
        value = floors.get(floor, {}).get(split, {}).get(metric)
        cells.append("" if value is None else f"{value:.4f}")
    return f"| {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="run, checkpoint or preset")
    parser.add_argument("--glue", required=True, help="folder that holds SST-2, CoLA and MRPC")
    parser.add_argument("--conll2000", required=True, help="folder with train.txt and test.txt")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="gets the runs")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--max-train-examples", type=int)
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--num-trials", type=int, default=3)
    options = parser.parse_args()
    lines = ["| task | figure | pretrained | fresh weights | difference | majority | TF-IDF |"]
    lines.append("|---|---|---|---|---|--:|--:|")
    for name in options.tasks:
        lines.append(line_of(name, {side: results_of(options, name, side) for side in SIDES}))
        (options.out / "gain.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
