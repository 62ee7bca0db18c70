"""`python -m keras_electra.inspect_worker --model FOLDER`: an inspector that is asked over pipes.

`workers` says how requests and answers look. Kinds: `info`, `refresh`, `trace`, `candidates`,
`sensitivity`, `judge`, `film`, `file`.
"""

import argparse
import os
import pathlib
import sys

from keras_electra.cli.worker import answer_requests
from keras_electra.config.optimizer import WEIGHTS
from keras_electra.errors import InputError
from keras_electra.runs import RunFolder
from keras_electra.traces import Scenario
from keras_electra.workers.model_client import run_of

MAX_FRAMES = 24


def main(arguments: list[str] | None = None) -> int:
    """Answer until standard input ends; returns 0, or 2 and 3 as the command line does."""
    parser = argparse.ArgumentParser(prog="python -m keras_electra.inspect_worker")
    parser.add_argument(
        "--model", required=True, type=pathlib.Path, help="run, checkpoint or preset"
    )
    parser.add_argument("--weights", default="last", choices=WEIGHTS, help="as of `load`")
    return answer_requests(parser, arguments, opened)


def opened(chosen: argparse.Namespace) -> tuple[dict, dict]:
    """What the model is, and the answers to questions about it."""
    models = Models(chosen.model, chosen.weights)
    return models.info(), handlers_of(models)


class Models:
    """The model that was asked for, and its run's other checkpoints through a second one.

    All checkpoints of a run have one shape: the second model takes their weights in turn, so that
    nothing is compiled anew.

    Args:
        path: run, checkpoint or preset.
        weights: "last" or "average", as of `load`; what is compared from elsewhere has its last.
    """

    def __init__(self, path: pathlib.Path, weights: str = "last"):
        self.path, self.weights = path, weights
        self._inspector = None
        self._opened = None
        self._others = {}

    @property
    def inspector(self):
        """The inspector of `path`, opened at first use."""
        if self._inspector is None:
            self._inspector, self._opened = self._open(self.path)
        return self._inspector

    def refresh(self) -> None:
        """Take the weights of the run's newest checkpoint."""
        newest = newest_checkpoint(self.path)
        if newest is None or self._inspector is None or newest == self._opened:
            return
        self._assign(self._inspector, newest)
        self._opened = newest

    def at(self, path: pathlib.Path):
        """The inspector of another checkpoint or model; the latest few are kept open.

        Raises:
            InputError: if it has another vocabulary, so that tokens cannot be compared.
        """
        path = newest_checkpoint(path) or path
        home = run_of(path) or path.resolve()
        if home not in self._others:
            if len(self._others) >= 2:
                self._others.pop(next(iter(self._others)))
            self._others[home] = list(self._open(path))
        entry = self._others[home]
        if entry[1] != path:
            self._assign(entry[0], path)
            entry[1] = path
        mine, theirs = (one.networks.tokenizer for one in (self.inspector, entry[0]))
        if mine.fingerprint != theirs.fingerprint:
            raise InputError(f"compare: expected a model with the same vocabulary, received {path}")
        return entry[0]

    def info(self) -> dict:
        """What the model is, in the types of JSON."""
        from keras_electra.inspection.answering import facts

        found = facts(self.inspector)
        return {
            **found,
            "path": str(self.path),
            "checkpoint": str(self._opened),
            "written": os.path.getmtime(self._opened),
            "checkpoints": checkpoints_of(run_of(self.path)),
        }

    def _open(self, path):
        from keras_electra.inspection import Inspector
        from keras_electra.opening import load

        path = newest_checkpoint(path) or path
        return Inspector(load(path, weights=self._weights_of(path))), path

    def _assign(self, inspector, path):
        from keras_electra.presets import assign_checkpoint

        assign_checkpoint(inspector.model, path, self._weights_of(path))
        inspector.forget()

    def _weights_of(self, path):
        """Which weights to take of a model or checkpoint."""
        run = run_of(path)
        is_own = path == self.path or (run is not None and run == run_of(self.path))
        return self.weights if is_own else "last"


def newest_checkpoint(path: pathlib.Path) -> pathlib.Path | None:
    """The newest undamaged checkpoint, if `path` is a pretraining run; else None."""
    from keras_electra.checkpoint import latest_checkpoint

    run = RunFolder(path)
    if not run.exists() or "pretrain" not in run.config() or "finetune" in run.config():
        return None
    return latest_checkpoint(run)


def checkpoints_of(run: pathlib.Path | None) -> list[list]:
    """[step, path] of the checkpoints of a run."""
    if run is None:
        return []
    return [[step, str(path)] for step, path in RunFolder(run).checkpoints()]


def handlers_of(models: Models) -> dict:
    """The questions that the worker answers, by kind."""
    from keras_electra.inspection import answering

    def info(request):
        return models.info()

    def refresh(request):
        models.refresh()
        return models.info()

    def judge(request):
        scenario = answering.scenario_in(request)
        return judged(models, scenario, pathlib.Path(request["model"]))

    def film(request):
        scenario, frames = answering.scenario_in(request), []
        run = run_of(models.path)
        chosen = spread(checkpoints_of(run), min(request.get("count", 12), MAX_FRAMES))
        if not chosen:
            raise InputError("film: expected a run with checkpoints, received a model without")
        for step, path in chosen:
            frame = {"step": step, **judged(models, scenario, pathlib.Path(path))}
            frames.append(frame)
            yield len(frames), len(chosen), frame
        return frames

    own = {handler.__name__: handler for handler in (info, refresh, judge, film)}
    return {**answering.handlers_of(lambda: models.inspector), **own}


def judged(models: Models, scenario: Scenario, path: pathlib.Path) -> dict:
    """What another checkpoint says of the tokens that this model's trace shows."""
    shown = models.inspector.trace(scenario).corrupted_ids
    other = models.at(path)
    if other.networks.judge is None:
        raise InputError(f"compare: expected a discriminator, but {other.networks.no_detector}")
    if len(shown) > other.networks.longest:
        raise InputError(f"compare: expected at most {other.networks.longest} tokens")
    probabilities = other.networks.probabilities(shown[None])[0]
    return {"model": str(path), "probabilities": probabilities.tolist()}


def spread(items: list, count: int) -> list:
    """At most `count` of the items, evenly spaced, first and last among them.

    >>> spread([1, 2, 3, 4, 5], 3)
    [1, 3, 5]
    """
    if len(items) <= count:
        return items
    return [items[round(index * (len(items) - 1) / (count - 1))] for index in range(count)]


if __name__ == "__main__":
    sys.exit(main())
