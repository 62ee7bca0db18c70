"""`python -m keras_electra.inspect_worker --model FOLDER`: an inspector that is asked over pipes.

`workers` says how requests and answers look. Kinds: `info`, `refresh`, `trace`, `candidates`,
`sensitivity`, `judge`, `film`, `file`.
"""

import argparse
import os
import pathlib
import sys

from keras_electra.errors import ElectraError, InputError
from keras_electra.traces import Scenario
from keras_electra.workers import WorkerLoop, private_pipes
from keras_electra.workers.inspector_client import run_of

MAX_FILE_BYTES = 64 << 20
MAX_FRAMES = 24


def main(arguments: list[str] | None = None) -> int:
    """Answer until standard input ends; returns 0, or 2 and 3 as the command line does."""
    parser = argparse.ArgumentParser(prog="python -m keras_electra.inspect_worker")
    parser.add_argument(
        "--model", required=True, type=pathlib.Path, help="run, checkpoint or preset"
    )
    parser.add_argument("--backend", help="what Keras computes with")
    chosen = parser.parse_args(arguments)
    lines, answers = private_pipes()
    models = Models(chosen.model)
    loop = WorkerLoop(handlers_of(models), lines, answers)
    loop.read_ahead()
    try:
        from keras_electra.cli.backend import start_backend

        start_backend(chosen.backend, lambda sentence: print(sentence, file=sys.stderr))
        hello = models.info()
    except ElectraError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    loop.run(hello)
    return 0


class Models:
    """The model that was asked for, and its run's other checkpoints through a second one.

    All checkpoints of a run have one shape: the second model takes their weights in turn, so that
    nothing is compiled anew.

    Args:
        path: run, checkpoint or preset.
    """

    def __init__(self, path: pathlib.Path):
        self.path = path
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
        import keras

        networks = self.inspector.networks
        model = self.inspector.model
        run = run_of(self.path)
        return {
            "path": str(self.path),
            "checkpoint": str(self._opened),
            "step": getattr(model, "step", 0),
            "written": os.path.getmtime(self._opened),
            "checkpoints": checkpoints_of(run),
            "num_parameters": model.count_params(),
            "backend": keras.config.backend(),
            "vocabulary_size": networks.vocabulary_size,
            "longest": networks.longest,
            "temperature": networks.temperature,
            "no_generator": networks.no_generator,
            "no_detector": networks.no_detector,
        }

    def _open(self, path):
        from keras_electra.inspection import Inspector
        from keras_electra.presets import load

        path = newest_checkpoint(path) or path
        return Inspector(load(path)), path

    def _assign(self, inspector, path):
        from keras_electra.presets import assign_checkpoint

        assign_checkpoint(inspector.model, path)
        inspector.forget()


def newest_checkpoint(path: pathlib.Path) -> pathlib.Path | None:
    """The newest undamaged checkpoint, if `path` is a pretraining run; else None."""
    from keras_electra.checkpoint import latest_checkpoint
    from keras_electra.runs import RunFolder

    run = RunFolder(path)
    if not run.exists() or "pretrain" not in run.config() or "finetune" in run.config():
        return None
    return latest_checkpoint(run)


def checkpoints_of(run: pathlib.Path | None) -> list[list]:
    """[step, path] of the checkpoints of a run."""
    from keras_electra.runs import RunFolder

    if run is None:
        return []
    return [[step, str(path)] for step, path in RunFolder(run).checkpoints()]


def handlers_of(models: Models) -> dict:
    """The questions that the worker answers, by kind."""

    def info(request):
        return models.info()

    def refresh(request):
        models.refresh()
        return models.info()

    def trace(request):
        inspector, scenario = models.inspector, scenario_in(request)
        if scenario.masking == "hardest" and inspector.networks.generator is not None:
            return looked_at(inspector, scenario)
        return inspector.trace(scenario).to_dict()

    def candidates(request):
        word, piece = request["place"]
        count = request.get("count", 10)
        found = models.inspector.candidates(scenario_in(request), (word, piece), count)
        return found.to_dict()

    def sensitivity(request):
        found = []
        for done, total, places in models.inspector.sensitivity(scenario_in(request)):
            rows = [place.to_dict() for place in places]
            found += rows
            yield done, total, rows
        return found

    def judge(request):
        return judged(models, scenario_in(request), pathlib.Path(request["model"]))

    def film(request):
        scenario, frames = scenario_in(request), []
        run = run_of(models.path)
        chosen = spread(checkpoints_of(run), min(request.get("count", 12), MAX_FRAMES))
        if not chosen:
            raise InputError("film: expected a run with checkpoints, received a model without")
        for step, path in chosen:
            frame = {"step": step, **judged(models, scenario, pathlib.Path(path))}
            frames.append(frame)
            yield len(frames), len(chosen), frame
        return frames

    def file(request):
        from keras_electra.inspection import score_lines

        lines, rows = lines_of(request["path"]), []
        for done, total, best in score_lines(
            models.inspector.model, lines, request.get("top", 100)
        ):
            rows = [word.to_dict() for word in best]
            yield done, total, rows[:20]
        return rows

    handlers = [info, refresh, trace, candidates, sensitivity, judge, film, file]
    return {handler.__name__: handler for handler in handlers}


def scenario_in(request: dict) -> Scenario:
    """The scenario of a request; `InputError` if there is none."""
    if not isinstance(request.get("scenario"), dict):
        raise InputError("scenario: expected an object with the fields of Scenario, received none")
    return Scenario.from_dict(request["scenario"])


def looked_at(inspector, scenario):
    """A trace for which the generator first looks at each place alone."""
    sentence = inspector.sentence(scenario)
    for done in inspector.look_alone(sentence):
        yield done, len(sentence.ids) - 2, None
    return inspector.trace(scenario).to_dict()


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


def lines_of(path) -> list[str]:
    """The lines of a text file.

    Raises:
        InputError: if it cannot be read, is larger than 64 MB, or is no UTF-8.
    """
    path = pathlib.Path(path).expanduser()
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"file: expected at most {MAX_FILE_BYTES >> 20} MB, received {path}")
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f"file {path}: expected UTF-8, received byte 0x{error.object[error.start]:02x} at "
            f"offset {error.start}"
        ) from error
    except OSError as error:
        raise InputError(
            f"file: expected a readable text file, received {path}: {error}"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
