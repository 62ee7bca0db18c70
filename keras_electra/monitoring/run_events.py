"""What the events of a run say: pauses and restarts, validations, and what it is measured against."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Mark:
    """Something that happened to a run.

    Attributes:
        step: when.
        kind: "pause", "restart", "trial restart", "failure" or "checkpoint".
        label: in words.
    """

    step: float
    kind: str
    label: str


def marks_of(events: list[dict]) -> list[Mark]:
    """Pauses, restarts, failures and checkpoints, oldest first."""
    marks = []
    for event in events:
        step, kind = event.get("step"), event.get("kind")
        if not isinstance(step, int | float) or isinstance(step, bool):
            continue
        when = f"at step {step:,}"
        if kind == "pause":
            marks.append(Mark(step, "pause", f"paused {when}"))
        elif kind == "resume" and "checkpoint" in event:
            marks.append(Mark(step, "restart", f"went on from the checkpoint {when}"))
        elif kind == "restart":
            reason = f": {event['reason']}" if event.get("reason") else ""
            marks.append(Mark(step, "trial restart", f"a trial started again {when}{reason}"))
        elif kind == "failure":
            marks.append(Mark(step, "failure", f"failed {when}"))
        elif kind == "checkpoint":
            marks.append(Mark(step, "checkpoint", f"checkpoint {when}"))
    return marks


def baselines_of(events: list[dict]) -> dict[str, float]:
    """The constants that a run noted at its start, such as `unigram_entropy`."""
    found = {}
    for event in events:
        if event.get("kind") == "baselines":
            found.update(
                (name, float(value))
                for name, value in event.items()
                if name.startswith("unigram_") and isinstance(value, int | float)
            )
    return found


@dataclasses.dataclass(frozen=True)
class Validation:
    """What one validation of a fine-tuning run found.

    Attributes:
        step: of the run, over all trials.
        trial: number from 0.
        figures: {"task metric": value}; the task is left out where there is only one.
    """

    step: float
    trial: int
    figures: dict[str, float]


def validations_of(events: list[dict]) -> list[Validation]:
    """The validations that count, oldest first.

    A trial that started again leaves none, and a resumed run validates again where it was cut.
    """
    found = []
    for event in events:
        kind, step = event.get("kind"), event.get("step")
        trial = event.get("trial") if isinstance(event.get("trial"), int) else 0
        if kind == "restart":
            found = [one for one in found if one.trial != trial]
        elif kind == "validation" and isinstance(step, int | float):
            found = [one for one in found if one.step < step]
            found.append(Validation(step, trial, flat_figures(event.get("figures"))))
    return found


def flat_figures(figures) -> dict[str, float]:
    """{task: {metric: value}} as {"task metric": value}, and {"metric": value} for a single task.

    Anything else than numbers in such dicts is left out.
    """
    tasks = figures if isinstance(figures, dict) else {}
    return {
        metric if len(tasks) == 1 else f"{task} {metric}": float(value)
        for task, found in tasks.items()
        if isinstance(found, dict)
        for metric, value in found.items()
        if isinstance(value, int | float)
    }


def validation_baselines_of(events: list[dict], results: dict | None = None) -> dict[str, float]:
    """{"task metric": value} that the commonest label (or tag, or the mean) reaches in validation.

    Args:
        events: of the run, which notes them at its start.
        results: content of `results.json`, which holds them once the run is finished.
    """
    found = {}
    for event in events:
        if event.get("kind") == "baselines":
            found.update(flat_figures(event.get("figures")))
    baselines = (results or {}).get("baselines")
    tasks = {}
    for task, methods in baselines.items() if isinstance(baselines, dict) else ():
        simplest = (
            [methods.get(name) for name in ("majority", "mean")]
            if isinstance(methods, dict)
            else []
        )
        for splits in simplest:
            if isinstance(splits, dict) and isinstance(splits.get("validation"), dict):
                tasks[task] = splits["validation"]
    return {**found, **flat_figures(tasks)}
