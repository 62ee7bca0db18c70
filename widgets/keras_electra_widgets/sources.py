"""What a view can be given as a model, made into something that answers requests."""

import dataclasses
import inspect
import os
from collections.abc import Callable

import keras_electra
from keras_electra.errors import InputError
from keras_electra.traces import Scenario, Trace
from keras_electra.workers import InspectorClient, LocalWorker

OPTIONS = tuple(field.name for field in dataclasses.fields(Scenario) if field.name != "text")
NEEDS = {
    "mask": ("masking", "places"),
    "sample": ("draw",),
    "draw": ("temperature", "top_k", "is_greedy"),
    "edit": ("edits",),
    "words": ("masking",),
    "hardest": ("masking",),
}
"""Control → the options that a plain function must take for it."""


def opened(model, backend: str | None, device: str, weights: str = "last"):
    """(what answers, its name, where its weights come from) of the model of a view.

    Args:
        model: the folder of a run, a checkpoint or a preset, whose worker is started at the first
            question; an `InspectorClient`; an `Inspector`; a model in this kernel; or a function
            `texts → traces`.
        backend: of the worker.
        device: of the worker.
        weights: of a folder, "last" or "average".
    """
    if weights != "last" and not isinstance(model, str | os.PathLike):
        raise InputError(
            "weights: expected 'last' unless the model is a folder; "
            "`keras_electra.load(folder, weights=...)` opens one in this kernel"
        )
    if isinstance(model, InspectorClient):
        return model, model.path.name, os.fspath(model.path)
    if isinstance(model, str | os.PathLike):
        client = InspectorClient(model, backend=backend, device=device, weights=weights)
        return client, client.path.resolve().name, os.fspath(client.path)
    if hasattr(model, "handlers"):
        return LocalWorker(model.handlers()), "the model in this kernel", None
    if hasattr(model, "tokenizer"):
        inspector = keras_electra.Inspector(model)
        return LocalWorker(inspector.handlers()), "the model in this kernel", None
    if callable(model):
        name = getattr(model, "__name__", "a function")
        return LocalWorker(function_handlers(model)), name, None
    raise InputError(
        "model: expected a folder, an Inspector, a model with a tokenizer or a function, "
        f"received {type(model).__name__}"
    )


def function_handlers(function: Callable) -> dict:
    """The answers of a plain function `texts → traces`, as far as it can give them.

    It is called with a list of one text and those options of `Scenario` that it takes by name; it
    returns traces, or their dicts.
    """
    taken = options_taken(function)

    def info(request):
        limits = {
            what: f"the function takes no option {' or '.join(map(repr, names))}"
            for what, names in NEEDS.items()
            if not set(names) & taken
        }
        for what in ("candidates", "strip", "film", "compare", "refresh", "file"):
            limits[what] = "a plain function only gives traces: pass an Inspector or a folder"
        return {"limits": limits}

    def trace(request):
        scenario = Scenario.from_dict(request["scenario"])
        options = {name: getattr(scenario, name) for name in OPTIONS if name in taken}
        if "edits" in options:
            options["edits"] = dict(scenario.edits)
        found = list(function([scenario.text], **options))
        if len(found) != 1 or not isinstance(found[0], Trace | dict):
            raise InputError("function: expected a list of one trace for a list of one text")
        return found[0].to_dict() if isinstance(found[0], Trace) else found[0]

    return {"info": info, "trace": trace}


def options_taken(function: Callable) -> set[str]:
    """The options of `Scenario` that a function takes by name."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return set()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return set(OPTIONS)
    return {one.name for one in parameters if one.kind is not one.VAR_POSITIONAL} & set(OPTIONS)


def reasons_of(info: dict) -> dict[str, str]:
    """Control → why it is off, from what a model says of itself."""
    if "limits" in info:
        return dict(info["limits"])
    off = {}
    if info["no_generator"]:
        names = ["candidates", "hardest", "strip", "draw"]
        names += [] if info["is_uniform"] else ["mask", "words", "random", "sample"]
        off |= dict.fromkeys(names, f"there is no generator: {info['no_generator']}")
    if info["no_detector"]:
        names = ("strip", "film", "compare", "file", "game")
        off |= dict.fromkeys(names, f"there is no discriminator: {info['no_detector']}")
    if not info.get("checkpoints"):
        why = "there is no run folder with checkpoints"
        off |= {name: why for name in ("film", "refresh") if name not in off}
    if "checkpoint" not in info:
        off.setdefault("compare", "other checkpoints are read by a worker: pass a folder")
    return off
