"""One variant, one seed: trained, measured on held-out text, fine-tuned."""

import pathlib
import re

import fine_tuned

TASKS = ("sst2", "cola", "chunk")
HELD_OUT = ("rtd_auc", "rtd_loss", "generator_accuracy", "mlm_loss")
CHECKPOINTS = 10
"""Checkpoints of a training; of these the curve is made."""


def row_of(name: str, changes: dict, seed: int, options, store) -> dict:
    """The figures of a variant, after training what is missing, as a row of the results."""

    from keras_electra.evaluation import evaluate
    from keras_electra.flops import run_flops
    from keras_electra.runs import RunFolder, prune_checkpoints

    config = config_of(changes, seed, options, store)
    config, initial = with_generator(config, options)
    run = folder_of(name, seed, options)
    print(f"{name}, seed {seed}: {config.steps} steps, {run}", flush=True)
    train(config, store, run, initial, options.curve)
    examples = {"max_examples": options.held_out_examples}
    figures = evaluate(run, store, **examples)
    row = {
        "variant": name,
        "seed": seed,
        "changes": changes,
        "settings": settings_of(options, store),
        "steps": config.steps,
        "tokens": config.tokens_until(config.steps),
        "operations": run_flops(config),
        "held_out": {key: figures[key] for key in HELD_OUT},
        "curve": curve_of(run, store, examples) if options.curve else None,
        "tasks": {},
    }
    for task in TASKS if options.glue else ():
        place = run.with_name(f"{run.name}-{task}")
        results = fine_tuned.results_of(run, task, options, place, num_trials=1, seed=seed)
        row["tasks"][task] = fine_tuned.judged(results, task)["mean"]
    # Last: what is cut short before measures its checkpoints again.
    prune_checkpoints(RunFolder(run), 1, None)
    return row


def config_of(changes: dict, seed: int, options, store):
    """The recipe of a variant's changes."""
    from recipes.variants import recipe_of

    return recipe_of(
        options.size,
        options.base,
        changes,
        store.manifest.vocabulary_size,
        options.flops,
        seed=seed,
        warmup_fraction=options.warmup_fraction,
        **(options.shape or {}),
    )


def settings_of(options, store) -> dict:
    """What rows must agree on to stand in one table."""
    return {
        "size": options.size,
        "base": options.base,
        "shape": options.shape,
        "flops": options.flops,
        "warmup_fraction": options.warmup_fraction,
        "store": store.fingerprint,
        "held_out_examples": options.held_out_examples,
        "epochs": options.epochs if options.glue else None,
        "max_train_examples": options.max_train_examples if options.glue else None,
    }


def folder_of(name: str, seed: int, options) -> pathlib.Path:
    """The run's folder: of size, base and budget, then variant and seed."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return options.out / f"{options.size}-{options.base}-{options.flops:.3g}" / f"{words}-{seed}"


def train(config, store, run, initial, has_curve: bool) -> None:
    """Pretrain, or go on; ends the program where the training is told to stop."""
    from keras_electra.pretraining import pretrain

    every = max(1, config.steps // CHECKPOINTS)
    config = config.changed(
        log_every_steps=max(1, config.steps // 50),
        checkpoint_every_steps=every,
        keep_checkpoints=1,
        milestone_every_steps=every if has_curve else None,
    )
    outcome = pretrain(config, store, run, initial=initial, on_message=print)
    if outcome.state != "finished":
        raise SystemExit(outcome.exit_code or 1)


def curve_of(run, store, examples: dict) -> list[list]:
    """[tokens, held-out RTD loss] of each checkpoint."""
    from keras_electra.evaluation import evaluate
    from keras_electra.runs import RunFolder

    curve = []
    for _, path in RunFolder(run).checkpoints():
        figures = evaluate(path, store, **examples)
        curve.append([figures["tokens"], figures["rtd_loss"]])
    return curve


def with_generator(config, options):
    """(the recipe, what it starts from): of a frozen generator its sizes and its weights.

    The budget buys other steps then: the generator goes forward only, and what it cost before is not
    counted.
    """
    if not config.objective.has_frozen_generator:
        return config, None
    from keras_electra.convert.pairing import as_pretrainer
    from keras_electra.opening import load
    from keras_electra.pretrainer import ElectraPretrainer
    from recipes.variants import with_budget

    plain = config.changed(has_frozen_generator=False, embedding_sharing="full")
    fresh = ElectraPretrainer.from_recipe(plain).discriminator
    initial = as_pretrainer(
        fresh, load(options.generator).generator, is_frozen=True, seed=config.seed
    )
    given = initial.objective
    names = ("width_fraction", "depth_fraction", "num_heads", "embedding_dim")
    sizes = {f"generator_{name}": getattr(given, f"generator_{name}") for name in names}
    config = with_budget(config.changed(**sizes), options.flops, options.warmup_fraction, None)
    return config, initial
