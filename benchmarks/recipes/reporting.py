"""Rows of results as tables: means over seeds, and differences in pairs, with 95 % intervals."""

import json

from recipes.variants import TABLES

COLUMNS = {
    "RTD AUC": ("held_out", "rtd_auc", 4),
    "RTD loss": ("held_out", "rtd_loss", 4),
    "generator accuracy": ("held_out", "generator_accuracy", 4),
    "MLM loss": ("held_out", "mlm_loss", 3),
    "SST-2": ("tasks", "sst2", 3),
    "CoLA": ("tasks", "cola", 3),
    "CoNLL-2000": ("tasks", "chunk", 4),
}
"""Heading -> where it stands in a row, and digits."""


def print_tables(rows: list[dict], names) -> None:
    """Print the tables named, one for each of the settings that rows of them have."""
    latest = {(settings_key(row), row["variant"], row["seed"]): row for row in rows}
    for key in dict.fromkeys(settings_key(row) for row in rows):
        settings = json.loads(key)
        for name in names:
            of_variant = {
                variant: [r for (k, v, _), r in latest.items() if (k, v) == (key, variant)]
                for variant in TABLES[name]
            }
            if any(of_variant.values()):
                print(
                    f"\nTable `{name}`: `{settings['size']}`, base `{settings['base']}`, "
                    f"{settings['flops']:.3g} operations each\n"
                )
                print("\n".join(table(of_variant)))
                print("\n".join(differences(of_variant)))


def settings_key(row: dict) -> str:
    """The settings of a row as one string."""
    return json.dumps(row["settings"], sort_keys=True)


def table(of_variant: dict[str, list[dict]]) -> list[str]:
    """The lines of a table; variants without rows are left out, as are columns without figures."""
    of_variant = {name: rows for name, rows in of_variant.items() if rows}
    every = [row for rows in of_variant.values() for row in rows]
    columns = {
        heading: place
        for heading, place in COLUMNS.items()
        if any(figure(row, place) is not None for row in every)
    }
    base = next(iter(of_variant.values()))
    has_curve = any(row["curve"] for row in every)
    headings = ["variant", "seeds", "steps", "M tokens", *columns]
    headings += ["tokens to the first's RTD loss"] if has_curve else []
    lines = [f"| {' | '.join(headings)} |", "|---|" + "--:|" * (len(headings) - 1)]
    for name, rows in of_variant.items():
        cells = [name, str(len(rows)), f"{rows[0]['steps']:,}", f"{rows[0]['tokens'] / 1e6:.1f}"]
        cells += [
            cell([figure(row, place) for row in rows], place[2]) for place in columns.values()
        ]
        if has_curve:
            cells.append(share_of_tokens(rows, base))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def differences(of_variant: dict[str, list[dict]]) -> list[str]:
    """The lines of a table of each variant less the first, in pairs over the seeds that both have.

    Seeds share their data order and their samples of the tasks, so that pairs tell more than the means
    do. Nothing where no variant has two seeds in common with the first.
    """
    of_variant = {name: rows for name, rows in of_variant.items() if rows}
    (first, base), *others = of_variant.items()
    lines = []
    for name, rows in others:
        cells = []
        for place in COLUMNS.values():
            mine, its = ({r["seed"]: figure(r, place) for r in each} for each in (rows, base))
            seeds = [seed for seed in mine if None not in (mine[seed], its.get(seed))]
            values = [mine[seed] - its[seed] for seed in seeds]
            cells.append(cell(values, place[2], sign="+") if len(values) > 1 else "")
        if any(cells):
            lines.append(f"| {' | '.join([name, *cells])} |")
    if not lines:
        return []
    head = f"| less `{first}`, in pairs | {' | '.join(COLUMNS)} |"
    return ["", head, "|---|" + "--:|" * len(COLUMNS), *lines]


def figure(row: dict, place) -> float | None:
    """One figure of a row, or None."""
    return row[place[0]].get(place[1])


def cell(values: list, digits: int, sign: str = "-") -> str:
    """A mean and half the width of its 95 % interval, by Student's t; the mean alone of one seed.

    Args:
        sign: "+" for a sign before a mean above 0 too.
    """
    from keras_electra.scoring import summary

    values = [value for value in values if value is not None]
    if not values:
        return ""
    found = summary(values)
    mean = f"{found['mean']:{sign}.{digits}f}"
    if found["interval"] is None:
        return mean
    low, high = found["interval"]
    return f"{mean} ± {(high - low) / 2:.{digits}f}"


def share_of_tokens(rows: list[dict], base: list[dict]) -> str:
    """Tokens until the first variant's last loss is reached for good / the tokens that it took itself.

    Told from the means over the seeds at each checkpoint, between two of which the loss is taken as a
    straight line over the tokens; "not reached" where the last is still above.
    """
    curves = [mean_curve(each) for each in (rows, base)]
    if None in curves:
        return ""
    tokens = tokens_to(curves[0], curves[1][-1][1])
    return "not reached" if tokens is None else f"{tokens / curves[1][-1][0]:.2f} ×"


def mean_curve(rows: list[dict]) -> list[tuple] | None:
    """(tokens, mean loss) at each checkpoint; None where rows have no such losses, or not as many."""
    curves = [row["curve"] for row in rows]
    if not all(curves) or len({len(curve) for curve in curves}) > 1:
        return None
    if any(loss is None for curve in curves for _, loss in curve):
        return None
    return [
        (points[0][0], sum(loss for _, loss in points) / len(points))
        for points in zip(*curves, strict=True)
    ]


def tokens_to(curve: list, goal: float) -> float | None:
    """Tokens from which on a curve of (tokens, loss) is at a loss or below, or None."""
    after = None
    for tokens, loss in reversed(curve):
        if loss > goal:
            if after is None:
                return None
            share = (loss - goal) / (loss - after[1])
            return tokens + share * (after[0] - tokens)
        after = tokens, loss
    return float(curve[0][0])
