"""What is compared: each variant a name and the options of `PretrainConfig` that it changes.

Two entries are relative to the size, so that a variant serves every size: `inner_fraction` times the
feed-forward's inner width, and `short_share`, the share of the steps whose examples have half the length
and whose batches have twice as many of them.
"""

BASES = {
    "paper": {
        "architecture": "electra",
        "generator_width_fraction": 0.25,
        "dropout_rate": 0.1,
        "attention_dropout_rate": 0.1,
        "hidden_optimizer": "adamw",
        "learning_rate": 5e-4,
        "beta_2": 0.999,
        "bias_correction": False,
    },
    "modern": {"architecture": "modern", "hidden_optimizer": "adamw"},
    "own": {},
}
"""What a variant's changes are put on: the paper's recipe at the size's widths, the size's own without
rotary positions and Muon, or the size's own."""

CLAIM = {
    "RTD, generator 1/4": {"generator_width_fraction": 0.25},
    "RTD, generator 1/8": {"generator_width_fraction": 0.125},
    "RTD, generator 1/2": {"generator_width_fraction": 0.5},
    "RTD, generator 1": {"generator_width_fraction": 1.0},
    "RTD on masked places only": {
        "objective": "rtd_masked_only",
        "generator_width_fraction": 0.25,
    },
    "MLM": {"objective": "mlm"},
    "Replace MLM": {"objective": "replace_mlm", "generator_width_fraction": 0.25},
    "all-tokens MLM": {"objective": "all_tokens_mlm", "generator_width_fraction": 0.25},
}
"""The paper's central claim; the first is what the others are compared with."""

PIECES = {
    "pre-norm": {"norm_position": "pre"},
    "local mixing": {"local_mixing_width": 3},
    "rotary": {"position_encoding": "rotary"},
    "geglu": {"feed_forward": "geglu", "inner_fraction": 2 / 3},
    "disentangled": {"embedding_sharing": "disentangled"},
    "short memory": {"bias_correction": True, "beta_2": 0.98},
    "higher rate": {"learning_rate": 2e-3},
    "no dropout": {"dropout_rate": 0.0, "attention_dropout_rate": 0.0},
    "muon": {"hidden_optimizer": "muon"},
    "warm-up-stable-decay": {"schedule": "warmup_stable_decay"},
    "falling mask rate": {"mask_rate": 0.3, "final_mask_rate": 0.15},
    "short examples first": {"short_share": 0.8},
    "tempered generator": {"temperature": 1.5},
    "frozen generator": {"has_frozen_generator": True, "embedding_sharing": "none"},
}
"""What may make the recipe stronger, one by one."""

TOGETHER = (
    "pre-norm",
    "local mixing",
    "geglu",
    "rotary",
    "short memory",
    "higher rate",
    "no dropout",
    "muon",
    "warm-up-stable-decay",
    "falling mask rate",
)
"""The pieces of "together", unless the command line names others."""

TABLES = {
    "claim": CLAIM,
    "recipe": {"base": {}, **PIECES, "together": {}},
}
"""Table -> its variants; the first is what the others are compared with."""


def variants_of(table: str, together=TOGETHER, generator: str | None = None) -> dict[str, dict]:
    """Name of each variant of a table -> its changes.

    Args:
        together: names of the pieces that "together" is made of.
        generator: a pretrained run, without which there is no frozen generator.
    """
    found = dict(TABLES[table])
    if "together" in found:
        found["together"] = {k: v for name in together for k, v in PIECES[name].items()}
    if generator is None:
        found.pop("frozen generator", None)
    return found


def without_repeats(variants: dict[str, dict], of) -> dict[str, dict]:
    """The variants without those that a base has already, so that they would repeat an earlier one.

    Args:
        of: gives the recipe of a variant's changes.
    """
    found, kept = [], {}
    for name, changes in variants.items():
        recipe = of(changes)
        if recipe not in found:
            kept[name] = changes
            found.append(recipe)
    return kept


def recipe_of(size: str, base: str, changes: dict, vocabulary_size: int, budget: float, **options):
    """The `PretrainConfig` of a variant: as many steps as the budget buys, the schedule fitted to them.

    Args:
        size: a named size.
        base: a name of `BASES`.
        changes: as `variants_of` gives them.
        budget: operations of the whole training, as `flops.run_flops` counts them.
        **options: of `PretrainConfig`, and `warmup_fraction`, the warm-up's share of the steps.
    """
    from keras_electra.config.pretrain import PretrainConfig

    share = options.pop("warmup_fraction")
    changes = {**BASES[base], **changes}
    relative = {name: changes.pop(name, None) for name in ("inner_fraction", "short_share")}
    config = PretrainConfig.from_size(size, vocabulary_size, **{**changes, **options, "steps": 1})
    if relative["inner_fraction"]:
        inner = round(relative["inner_fraction"] * config.encoder.intermediate_dim)
        config = config.changed(intermediate_dim=inner)
    return with_budget(config, budget, share, relative["short_share"])


def with_budget(config, budget: float, warmup_share: float, short_share: float | None):
    """The recipe with the most steps whose operations are within the budget."""
    from keras_electra.errors import InputError
    from keras_electra.flops import run_flops, step_flops

    def of(steps):
        warmup = {"warmup_steps": max(1, round(warmup_share * steps))}
        return _staged(config, short_share, steps).changed(steps=steps, **warmup)

    long, mean = step_flops(config), step_flops(config)
    if short_share:
        short = step_flops(_staged(config, short_share, 1_000_000).changed(stages=None))
        mean = (1 - short_share) * long + short_share * short
    steps = int(budget / mean)
    while steps > 0 and run_flops(of(steps)) > budget:
        steps -= 1
    if steps < 1:
        raise InputError(f"flops: expected at least {long:.3g}, received {budget:.3g}")
    return of(steps)


def _staged(config, short_share, steps):
    """Half-length examples, twice as many, over the first steps."""
    border = round((short_share or 0.0) * steps)
    if not border or border >= steps:
        return config
    stage = f"{border}:{config.sequence_length}x{config.batch_size}"
    return config.changed(
        sequence_length=config.sequence_length // 2,
        batch_size=2 * config.batch_size,
        stages=stage,
    )
