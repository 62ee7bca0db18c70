"""Recipes of pretraining at equal arithmetic: what each piece of a recipe gives, and what ELECTRA gives.

    python benchmarks/recipe.py --store STORE --table claim --size mini --flops 1e14 --seeds 0 1 2 \\
      --out DIR --results FILE [--glue DIR --conll2000 DIR]
    python benchmarks/recipe.py --report --results FILE [--table claim]

Each variant of a table (`recipes/variants.py`) is pretrained for as many steps as the operations buy,
counted by `keras_electra.flops`, with the schedule fitted to them; then measured on the held-out part of
the store and, where `--glue` and `--conll2000` are given, fine-tuned on SST-2, CoLA and CoNLL-2000. Seeds
go round the variants. A training adds a line to the results, and what stands there is not done again;
one that is cut short goes on from its run folder. `--report` prints the tables of what is there.

A detector is judged on the samples of its own generator, so held-out RTD figures compare recipes with
like generators; across generators only the tasks do.
"""

import argparse
import json
import os
import pathlib

from recipes.variants import BASES, PIECES, TABLES, TOGETHER, variants_of, without_repeats


def measure(options) -> None:
    """Do the trainings that the results lack, one line each."""
    from recipes.measuring import config_of, row_of, settings_of

    from keras_electra.config.options import refuse_unknown
    from keras_electra.files import append_row, drop_cut_line, read_rows
    from keras_electra.store import Store

    store = Store(options.store)
    refuse_unknown(options.together or (), PIECES, "together")
    variants = variants_of(options.table, options.together or TOGETHER, options.generator)
    variants = without_repeats(variants, lambda changes: config_of(changes, 0, options, store))
    refuse_unknown(options.variants or (), variants, f"table {options.table}")
    drop_cut_line(options.results)
    settings = json.loads(json.dumps(settings_of(options, store)))
    for seed in options.seeds:
        for name in options.variants or variants:
            wanted = {"variant": name, "seed": seed, "changes": variants[name]}
            wanted["settings"] = settings
            rows = read_rows(options.results)
            if not any(all(row[key] == value for key, value in wanted.items()) for row in rows):
                append_row(options.results, row_of(name, variants[name], seed, options, store))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", required=True, type=pathlib.Path, help="gets a line each")
    parser.add_argument(
        "--report", action="store_true", help="print the tables and do nothing else"
    )
    parser.add_argument("--table", choices=TABLES, help="all, for a report")
    parser.add_argument("--store", help="made by `prepare`")
    parser.add_argument("--out", type=pathlib.Path, help="gets the runs")
    parser.add_argument("--flops", type=float, help="operations of each pretraining")
    parser.add_argument("--size", default="mini")
    parser.add_argument(
        "--base",
        choices=tuple(BASES),
        default="own",
        help="what the variants change: the paper's recipe at the size's widths, `tiny`'s and `mini`'s "
        "without rotary positions and Muon (modern), or the size's own",
    )
    parser.add_argument("--shape", type=json.loads, help="further options of all, as a JSON object")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variants", nargs="+", help="of the table; all if left out")
    parser.add_argument("--together", nargs="+", help="the pieces of the variant `together`")
    parser.add_argument("--generator", help="run with a pretrained generator, to be frozen")
    parser.add_argument("--warmup-fraction", type=float, default=0.05)
    parser.add_argument("--held-out-examples", type=int, default=2048)
    parser.add_argument("--curve", action="store_true", help="held-out loss at ten checkpoints too")
    parser.add_argument("--glue", help="folder that holds SST-2 and CoLA")
    parser.add_argument("--conll2000", help="folder with train.txt and test.txt")
    parser.add_argument("--epochs", type=float, default=3.0, help="of fine-tuning")
    parser.add_argument("--max-train-examples", type=int, help="of fine-tuning")
    options = parser.parse_args()
    if not options.report:
        for name in ("store", "out", "flops", "table"):
            if getattr(options, name) is None:
                parser.error(f"--{name} is needed without --report")
        if (options.glue is None) != (options.conll2000 is None):
            parser.error("--glue and --conll2000 go together")
        from keras_electra.cli.freed_memory import keep_freed_memory

        os.environ.setdefault("KERAS_BACKEND", "torch")
        # As the command line does.
        keep_freed_memory()
        measure(options)
    from recipes.reporting import print_tables

    from keras_electra.files import read_rows

    print_tables(read_rows(options.results), [options.table] if options.table else TABLES)


if __name__ == "__main__":
    main()
