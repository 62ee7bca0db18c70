"""Runs side by side: what differs between them, which belong together, their curves and their figures."""

import dataclasses
import re

import numpy as np

from keras_electra.errors import InputError
from keras_electra.monitoring.axes import axis_values, smoothed
from keras_electra.monitoring.charts import Line, validation_charts
from keras_electra.monitoring.curves import NO_CURVES
from keras_electra.monitoring.survey import RunRecord, is_seed
from keras_electra.scoring import paired_difference

SHARE_AXIS = "share"
COMPARISON_AXES = {
    "steps": "step",
    "tokens": "tokens",
    "time": "hours of training",
    SHARE_AXIS: "share of the run's steps",
}
FEW_RUNS = 5
"""Fewer runs than these have a band from the lowest to the highest, more one of a standard deviation."""
GRID_POINTS = 1000
PLACES = ("store.path", "model.path")
"""Settings that say where things lie, not what they are."""
OPERATORS = {
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "!=": lambda a, b: a != b,
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}
CONDITION = re.compile(r"([\w.]+)\s*(<=|>=|!=|=|<|>)\s*(\S+)")
VALIDATION = "validation: "


# What differs.


def differing(records: list[RunRecord]) -> list[str]:
    """Dotted names of the settings, and of versions and machines, that are not the same in all records.

    Records without settings are not counted; of one record nothing differs.
    """
    usable = [properties(record) for record in records if record.is_usable]
    names = dict.fromkeys(name for values in usable for name in values)
    return [
        name
        for name in names
        if len({repr(values.get(name)) for values in usable}) > 1 and name not in PLACES
    ]


def properties(record: RunRecord) -> dict:
    """Settings, and the environment under names that begin with "environment."."""
    environment = {f"environment.{name}": value for name, value in record.environment.items()}
    return {**record.settings, **environment}


def short_names(names: list[str]) -> dict[str, str]:
    """Each dotted name as its last part, where that is not ambiguous.

    short_names(["pretrain.seed", "a.rate", "b.rate"]) has "seed", "a.rate" and "b.rate".
    """
    ends = [name.rpartition(".")[2] for name in names]
    return {
        name: end if ends.count(end) == 1 else name for name, end in zip(names, ends, strict=True)
    }


# Filtering.


def filtered(records: list[RunRecord], text: str) -> list[RunRecord]:
    """The records that fulfil every condition in a text such as "learning_rate>1e-4 size=small novels".

    A condition is a name, an operator and a value; any other word must stand in the run's name, state
    or kind. A name may be short for what ends in it ("seed") or be made of first letters ("lr").

    Raises:
        InputError: for a name that no record has.
    """
    conditions = CONDITION.findall(text)
    words = CONDITION.sub(" ", text).lower().split()
    for name, _, _ in conditions:
        if not any(lookup(record, name) for record in records):
            raise InputError(f"filter: expected the name of a setting or figure, received {name!r}")
    return [
        record
        for record in records
        if all(word in f"{record.name} {record.state} {record.kind}".lower() for word in words)
        and all(holds(record, *condition) for condition in conditions)
    ]


def holds(record: RunRecord, name: str, operator: str, wanted: str) -> bool:
    """Whether one of the record's values of that name fulfils a condition; texts are compared as texts."""
    for value in lookup(record, name):
        try:
            found = OPERATORS[operator](float(value), float(wanted))
        except (TypeError, ValueError):
            found = OPERATORS[operator](str(value).lower(), wanted.lower())
        if found:
            return True
    return False


def lookup(record: RunRecord, name: str) -> list:
    """The values that a name can mean: the whole name, else what ends in it, else its first letters."""
    values = {
        **properties(record),
        **record.figures,
        "state": record.state,
        "kind": record.kind,
        "step": record.step,
    }
    if name in values:
        return [values[name]]
    ends = [value for one, value in values.items() if one.rpartition(".")[2] == name]
    if ends:
        return ends
    return [
        value
        for one, value in values.items()
        if "".join(word[:1] for word in one.rpartition(".")[2].split("_")) == name
    ]


# Seeds.


def groups_of(records: list[RunRecord]) -> list[list[RunRecord]]:
    """Records that have the same settings but the seed, together; in the order of their first."""
    groups = {}
    for record in records:
        settings = {
            name: value
            for name, value in record.settings.items()
            if not is_seed(name) and name not in PLACES
        }
        key = repr(sorted(settings.items())) if record.is_usable else str(record.path)
        groups.setdefault(key, []).append(record)
    return list(groups.values())


# Curves.


def metrics_of(followers: list) -> list[str]:
    """What all runs can be compared by: figures of the log, and "validation: …" of validations.

    Args:
        followers: `RunFollower`s; names that not all have are left out, unless none is common.
    """
    names = []
    for follower in followers:
        own = [name for name in follower.columns.names if name not in NO_CURVES]
        names.append([*(chart.title for chart in validation_charts(follower)), *own])
    if not names:
        return []
    common = [name for name in names[0] if all(name in others for others in names)]
    return common or list(dict.fromkeys(name for own in names for name in own))


def curve_of(
    follower, metric: str, axis: str, smoothing: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) of one run's figure, without gaps.

    Args:
        follower: a `RunFollower`.
        metric: a name of `metrics_of`.
        axis: a key of `COMPARISON_AXES`.
        smoothing: weight of what came before; validations are not smoothed.
    """
    if axis not in COMPARISON_AXES:
        known = ", ".join(COMPARISON_AXES)
        raise InputError(f"axis: expected one of {known}, received {axis!r}")
    log_axis = "steps" if axis == SHARE_AXIS else axis
    if metric.startswith(VALIDATION):
        charts = {chart.title: chart for chart in validation_charts(follower, log_axis)}
        lines = charts[metric].lines if metric in charts else ()
        lines = [line for line in lines if not line.is_baseline]
        x = np.concatenate([line.x for line in lines]) if lines else np.empty(0)
        y = np.concatenate([line.y for line in lines]) if lines else np.empty(0)
    else:
        x = axis_values(follower.columns, log_axis)
        y = smoothed(follower.columns[metric], smoothing)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    steps = follower.status.get("steps")
    if axis == SHARE_AXIS and len(x):
        x = x / (steps if isinstance(steps, int | float) and steps > 0 else x[-1])
    return x, y


def mean_line(label: str, curves: list[tuple[np.ndarray, np.ndarray]]) -> Line:
    """The mean of several runs' curves with its band, as far as all of them go.

    The band is from the lowest to the highest of fewer than five runs, of more the mean plus and minus
    the standard deviation.

    Args:
        label: of the line; the number of runs is added.
        curves: (x, y) of each run, x rising.
    """
    curves = [curve for curve in curves if len(curve[0])]
    if len(curves) < 2:
        x, y = curves[0] if curves else (np.empty(0), np.empty(0))
        return Line(label, x, y)
    first = max(x[0] for x, _ in curves)
    last = min(x[-1] for x, _ in curves)
    grid = np.unique(np.concatenate([x for x, _ in curves]))
    grid = grid[(grid >= first) & (grid <= last)]
    if len(grid) > GRID_POINTS:
        grid = np.linspace(first, last, GRID_POINTS)
    values = np.stack([np.interp(grid, x, y) for x, y in curves]) if len(grid) else np.empty((1, 0))
    mean = values.mean(axis=0)
    if len(curves) < FEW_RUNS:
        low, high = values.min(axis=0), values.max(axis=0)
    else:
        spread = values.std(axis=0, ddof=1)
        low, high = mean - spread, mean + spread
    return Line(f"{label} (n={len(curves)})", grid, mean, low=low, high=high)


def minus(line: Line, baseline: Line) -> Line:
    """A line less another, where both are; bands stay around it."""
    if not len(baseline.x) or not len(line.x):
        return dataclasses.replace(line, x=np.empty(0), y=np.empty(0), low=None, high=None)
    inside = (line.x >= baseline.x[0]) & (line.x <= baseline.x[-1])
    x = line.x[inside]
    level = np.interp(x, baseline.x, baseline.y)
    bands = [None if band is None else band[inside] - level for band in (line.low, line.high)]
    return dataclasses.replace(line, x=x, y=line.y[inside] - level, low=bands[0], high=bands[1])


# Pairs.


def paired_comparison(group_a: list[RunRecord], group_b: list[RunRecord], metric: str) -> dict:
    """The newest figures of two groups of runs, paired by their seeds.

    Args:
        group_a, group_b: records, each with a seed.
        metric: a name of their `figures`.

    Returns:
        {"metric", "seeds", "mean_a", "mean_b", "difference" (B - A), "interval" (95 %), "p_value",
        "sentence"}; interval and p_value are None with one seed.

    Raises:
        InputError: if no seed is in both, or a run has no such figure.
        MissingExtraError: without scipy.
    """
    a, b = ({record.seed: record for record in group} for group in (group_a, group_b))
    seeds = sorted(seed for seed in a if seed is not None and seed in b)
    if not seeds:
        raise InputError(
            f"compare: expected runs with the same seeds, received {sorted(map(str, a))} and "
            f"{sorted(map(str, b))}"
        )
    values = []
    for group in (a, b):
        for seed in seeds:
            if metric not in group[seed].figures:
                raise InputError(f"compare: expected {metric} in {group[seed].name}, received none")
        values.append([group[seed].figures[metric] for seed in seeds])
    found = paired_difference(values[1], values[0])
    return {
        "metric": metric,
        "seeds": seeds,
        "mean_a": float(np.mean(values[0])),
        "mean_b": float(np.mean(values[1])),
        "difference": found["mean"],
        "interval": found["interval"],
        "p_value": found["p_value"],
        "sentence": verdict(metric, found, len(seeds)),
    }


def verdict(metric: str, found: dict, num_seeds: int) -> str:
    """What a paired difference says, in a sentence that leaves open which way is better."""
    if found["interval"] is None:
        return f"{metric}: one seed cannot tell a difference (B - A is {found['mean']:+.4g})"
    low, high = found["interval"]
    told = "B is higher" if low > 0 else "A is higher" if high < 0 else "no difference is shown"
    return f"{metric}: {told} over {num_seeds} seeds (95 % interval of B - A {low:+.4g} to {high:+.4g})"
