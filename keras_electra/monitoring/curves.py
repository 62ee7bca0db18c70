"""What a log is drawn as: plots of curves in words, beside what needs no training."""

import dataclasses

import numpy as np

MEGABYTE = 1e6


@dataclasses.dataclass(frozen=True)
class Curve:
    """One line.

    Attributes:
        column: of the log, or a name that `values_of` derives.
        label: in words.
        is_baseline: whether it is what needs no training.
    """

    column: str
    label: str
    is_baseline: bool = False


@dataclasses.dataclass(frozen=True)
class Plot:
    """Lines that share an axis.

    Attributes:
        title: with the unit.
        curves: the lines.
        can_be_log: whether a logarithmic axis makes sense; fractions have none.
    """

    title: str
    curves: tuple[Curve, ...]
    can_be_log: bool = True


PRETRAINING = (
    Plot(
        "generator loss (nats)",
        (Curve("mlm_loss", "generator"), Curve("unigram_entropy", "unigram", True)),
    ),
    Plot(
        "discriminator loss (nats)",
        (Curve("rtd_loss", "discriminator"), Curve("rtd_prior_entropy", "majority class", True)),
    ),
    Plot(
        "replaced token detection",
        (
            Curve("rtd_accuracy", "accuracy"),
            Curve("rtd_precision", "precision"),
            Curve("rtd_recall", "recall"),
            Curve("rtd_auc", "AUC"),
            Curve("majority_accuracy", "accuracy of majority class", True),
        ),
        can_be_log=False,
    ),
    Plot(
        "generator accuracy, replaced rate",
        (
            Curve("generator_accuracy", "likeliest token right"),
            Curve("sampled_accuracy", "drawn token right"),
            Curve("replaced_rate", "tokens replaced"),
            Curve("unigram_accuracy", "commonest token", True),
        ),
        can_be_log=False,
    ),
)
TRAINING = (
    Plot("loss (nats)", (Curve("loss", "training"), Curve("val_loss", "validation"))),
    Plot("correction loss (nats)", (Curve("correction_loss", "discriminator"),)),
)
MACHINE = (
    Plot("learning rate", (Curve("learning_rate", "learning rate"),)),
    Plot("gradient norm", (Curve("gradient_norm", "gradient norm"),)),
    Plot("tokens per second", (Curve("tokens_per_second", "tokens/s"),)),
    Plot("data wait (s per row)", (Curve("data_wait_seconds", "data wait"),)),
    Plot(
        "memory (MB)",
        (Curve("memory_megabytes", "now"), Curve("peak_memory_megabytes", "peak")),
    ),
)
NO_CURVES = {
    "step",
    "tokens",
    "seconds",
    "trial",
    "epoch",
    "skipped_steps",
    "memory_bytes",
    "peak_memory_bytes",
}
PRETRAINING_COLUMNS = tuple(
    curve.column for plot in PRETRAINING for curve in plot.curves if not curve.is_baseline
)


def plots_for(names) -> list[Plot]:
    """The plots of a log with these columns: the known ones, then one for every further figure.

    What is measured on training and validation data (`accuracy`, `val_accuracy`) shares a plot.
    """
    names = list(names)
    available = {*names, *derived_names(names)}
    is_pretraining = "mlm_loss" in names
    known = (*PRETRAINING, *TRAINING[1:]) if is_pretraining else TRAINING
    plots = [_only(plot, available) for plot in (*known, *MACHINE)]
    plots = [plot for plot in plots if plot is not None]
    used = {curve.column for plot in plots for curve in plot.curves} | NO_CURVES
    used |= {"loss"} if is_pretraining else set()
    rest = [name for name in names if name not in used and not name.startswith("val_")]
    rest += [
        name
        for name in names
        if name.startswith("val_") and name[4:] not in {*rest, *used} - {"loss"}
    ]
    rest = [name for name in rest if name not in used]
    others = [_other(name, names) for name in rest]
    num_first = len(plots) - sum(_only(plot, available) is not None for plot in MACHINE)
    return [*plots[:num_first], *others, *plots[num_first:]]


def derived_names(names) -> list[str]:
    """The names that `values_of` can make of a log with these columns."""
    derived = []
    if "replaced_rate" in names:
        derived += ["majority_accuracy", "rtd_prior_entropy"]
    if "mlm_loss" in names:
        derived.append("unigram_entropy")
    if "generator_accuracy" in names:
        derived.append("unigram_accuracy")
    derived += [
        f"{name.removesuffix('bytes')}megabytes"
        for name in ("memory_bytes", "peak_memory_bytes")
        if name in names
    ]
    return derived


def values_of(columns, name: str, baselines: dict | None = None) -> np.ndarray:
    """(N,) the values of a curve, NaN where there are none.

    Args:
        columns: of the log.
        name: a column or a derived name. The commonest class of the discriminator is right in
            max(r, 1 - r) of all tokens, r being the replaced rate; always saying r costs
            -r ln r - (1 - r) ln(1 - r) nats.
        baselines: constants by name, such as `unigram_entropy`.
    """
    if name in (baselines or {}):
        return np.full(len(columns), baselines[name], float)
    if name.endswith("_megabytes"):
        return columns[f"{name.removesuffix('megabytes')}bytes"] / MEGABYTE
    if name == "majority_accuracy":
        rate = columns["replaced_rate"]
        return np.maximum(rate, 1 - rate)
    if name == "rtd_prior_entropy":
        rate = np.clip(columns["replaced_rate"], 1e-12, 1 - 1e-12)
        return -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    if name in columns:
        return columns[name]
    return np.full(len(columns), np.nan)


def _only(plot, available):
    curves = tuple(curve for curve in plot.curves if curve.column in available)
    if not any(not curve.is_baseline for curve in curves):
        return None
    return dataclasses.replace(plot, curves=curves)


def _other(name, names):
    words = name.replace("_", " ")
    curves = [Curve(name, "training" if f"val_{name}" in names else words)]
    if f"val_{name}" in names:
        curves.append(Curve(f"val_{name}", "validation"))
    return Plot(words, tuple(curves))
