"""Search for hyper-parameters over a declared space, judged on the validation part alone."""

import dataclasses
import itertools
import math
import pathlib

import numpy as np

from keras_electra.errors import DivergedError, InputError
from keras_electra.exploring.records import main_of
from keras_electra.files import write_bytes, write_json
from keras_electra.finetuning.story import finetune, recipe_for

SEARCH_FILE, TABLE_FILE = "search.json", "search.md"


@dataclasses.dataclass(frozen=True)
class SearchOutcome:
    """How a search ended.

    Attributes:
        rows: one per combination tried, best first: {"number", "options", "main", "run", "diverged"}. Of
            one whose training was not finite `main` is None and `diverged` its sentence, else None.
        best: options of the best one.
        is_finished: whether all combinations were tried.
        exit_code: 0, or that of the run that was interrupted.
    """

    rows: list[dict]
    best: dict | None
    is_finished: bool
    exit_code: int


def search(
    model,
    task,
    data,
    out,
    space: dict,
    *,
    num_samples: int | None = None,
    seed: int = 0,
    options: dict | None = None,
    weights: str = "last",
    on_message=None,
    **callbacks,
) -> SearchOutcome:
    """Fine-tune with every combination of a grid, or with some drawn from a space.

    Each combination is a fine-tuning run in `out/run_000`, ...; the same call goes on where it was.
    Only the validation part is scored. A combination that diverges comes last, and the others go on.

    Args:
        model, task, data: as for `finetune`.
        out: folder of the runs; gets `search.json` and `search.md`.
        space: option -> list of values, or {"low", "high"} with "scale": "linear" or "log".
        num_samples: combinations to draw; None for the whole grid, which needs lists only.
        seed: decides the combinations drawn.
        options: further options of every run.
        weights: of a path, "last" or "average", as of `load`.
        on_message: called with sentences for the user.
        **callbacks: `on_row`, `on_step`, `on_steps`, as for `finetune`.

    Raises:
        InputError: for a space that cannot be searched, and as `finetune` does.
        DivergedError: if every combination diverged.
    """
    out = pathlib.Path(out)
    combinations = combinations_of(space, num_samples, seed)
    tell = on_message or (lambda sentence: None)
    rows = []
    for number, values in enumerate(combinations):
        tell(f"combination {number + 1} of {len(combinations)}: {values}")
        start, config = recipe_for(model, task, weights, **{**(options or {}), **values})
        run, main, diverged = out / f"run_{number:03d}", None, None
        try:
            outcome = finetune(
                start,
                task,
                data,
                run,
                config=config,
                splits=("train", "validation"),
                on_message=on_message,
                **callbacks,
            )
        except DivergedError as error:
            diverged = str(error)
            tell(f"combination {number + 1} diverged and counts as the worst: {diverged}")
        else:
            if outcome.results is None:
                return SearchOutcome(rows, None, False, outcome.exit_code)
            main = float(np.mean([main_of(trial) for trial in outcome.results["trials"]]))
        rows.append(
            {
                "number": number,
                "options": values,
                "main": main,
                "run": str(run),
                "diverged": diverged,
            }
        )
        rows.sort(key=rank)
        write_search(out, rows, space)
    if rows[0]["diverged"]:
        raise DivergedError(
            f"space: expected a combination that does not diverge, received {len(rows)} that do; the "
            f"first: {rows[0]['diverged']}"
        )
    return SearchOutcome(rows, rows[0]["options"], True, 0)


def rank(row: dict) -> tuple:
    """What rows are sorted by: those that diverged last, before them the better first."""
    return row["diverged"] is not None, 0.0 if row["main"] is None else -row["main"], row["number"]


def combinations_of(space: dict, num_samples: int | None, seed: int) -> list[dict]:
    """The combinations to try, as dicts of options.

    combinations_of({"epochs": [3, 10], "batch_size": [16]}, None, 0) is
    [{"epochs": 3, "batch_size": 16}, {"epochs": 10, "batch_size": 16}].

    Raises:
        InputError: for an empty space or a range that is none; a whole grid over a range.
    """
    if not space:
        raise InputError("space: expected at least one option, received none")
    for name, values in space.items():
        check_values(name, values, num_samples)
    if num_samples is None:
        return [
            dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())
        ]
    if num_samples < 1:
        raise InputError(f"num_samples: expected at least 1, received {num_samples}")
    rng = np.random.default_rng(seed)
    return [
        {name: drawn(values, rng) for name, values in space.items()} for _ in range(num_samples)
    ]


def check_values(name: str, values, num_samples: int | None) -> None:
    """Raise `InputError` unless `values` is a list, or a range where combinations are drawn."""
    if isinstance(values, list) and values:
        return
    if not isinstance(values, dict) or not {"low", "high"} <= values.keys() <= {
        "low",
        "high",
        "scale",
    }:
        raise InputError(
            f"{name}: expected a list of values, or low and high with scale linear or log, "
            f"received {values!r}"
        )
    if num_samples is None:
        raise InputError(
            f"{name}: expected a list for a whole grid, received a range; set num_samples"
        )
    scale = values.get("scale", "linear")
    is_range = values["low"] < values["high"] and (scale == "linear" or values["low"] > 0)
    if scale not in ("linear", "log") or not is_range:
        raise InputError(
            f"{name}: expected low below high, above 0 for a log scale, received {values}"
        )


def drawn(values, rng):
    """One value of a list or range."""
    if isinstance(values, list):
        return values[int(rng.integers(len(values)))]
    low, high = values["low"], values["high"]
    if values.get("scale") == "log":
        return float(math.exp(rng.uniform(math.log(low), math.log(high))))
    return float(rng.uniform(low, high))


def write_search(out: pathlib.Path, rows: list[dict], space: dict) -> None:
    """Write the table of what was tried so far, best first.

    Args:
        rows: as of `SearchOutcome`.
    """
    write_json(out / SEARCH_FILE, {"space": space, "tried": rows})
    names = list(space)
    lines = [f"| {' | '.join([*names, 'validation', 'run'])} |", "|---" * (len(names) + 2) + "|"]
    for row in rows:
        main = "diverged" if row["diverged"] else f"{row['main']:.4f}"
        cells = [*(str(row["options"][name]) for name in names), main, row["run"]]
        lines.append(f"| {' | '.join(cells)} |")
    write_bytes(out / TABLE_FILE, ("\n".join(lines) + "\n").encode())
