"""Rows of results as tables: means over seeds with 95 % intervals."""

import json

import numpy as np

from recipes.variants import TABLES

COLUMNS = {
    "RTD AUC": ("held_out", "rtd_auc", 4),
    "RTD loss": ("held_out", "rtd_loss", 4),
    "generator accuracy": ("held_out", "generator_accuracy", 4),
    "MLM loss": ("held_out", "mlm_loss", 3),
    "SST-2": ("tasks", "sst2", 3),
    "CoLA": ("tasks", "cola", 3),
    "CoNLL-2000": ("tasks", "chunk", 3),
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


def figure(row: dict, place) -> float | None:
    """One figure of a row, or None."""
    return row[place[0]].get(place[1])


def cell(values: list, digits: int) -> str:
    """A mean and half the width of its 95 % interval, by Student's t; the mean alone of one seed."""
    from keras_electra.scoring import summary

    values = [value for value in values if value is not None]
    if not values:
        return ""
    found = summary(values)
    mean = f"{found['mean']:.{digits}f}"
    if found["interval"] is None:
        return mean
    low, high = found["interval"]
    return f"{mean} ± {(high - low) / 2:.{digits}f}"


def share_of_tokens(rows: list[dict], base: list[dict]) -> str:
    """Tokens until the first variant's last loss is reached / the tokens that it took itself.

    Between two checkpoints the loss is taken as a straight line over the tokens; the mean over the
    seeds that get there, "not reached" if one does not.
    """
    goals = [row["held_out"]["rtd_loss"] for row in base if row["held_out"]["rtd_loss"] is not None]
    if not goals or any(row["held_out"]["rtd_loss"] is None for row in rows):
        return ""
    tokens = [tokens_to(row["curve"], float(np.mean(goals))) for row in rows if row["curve"]]
    if not tokens or None in tokens:
        return "not reached" if tokens else ""
    return f"{np.mean(tokens) / np.mean([row['tokens'] for row in base]):.2f} ×"


def tokens_to(curve: list[list], goal: float) -> float | None:
    """Tokens at which a curve of [tokens, loss] first comes down to a loss."""
    before = None
    for tokens, loss in curve:
        if loss <= goal:
            if before is None:
                return float(tokens)
            share = (before[1] - goal) / (before[1] - loss)
            return before[0] + share * (tokens - before[0])
        before = tokens, loss
    return None
