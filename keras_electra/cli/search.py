"""`search`: fine-tune with many combinations of options, judged on the validation part alone."""

import dataclasses
import json
import pathlib

from keras_electra.cli import display
from keras_electra.cli.arguments import existing, start_keras
from keras_electra.cli.finetune import Finetune, require
from keras_electra.cli.options import OptionalText, argument, given, whole
from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import InputError
from keras_electra.launching.commands import command

NEXT_TRIALS = 5
"""Trials to train with the best combination, where the user names no number."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search(Finetune):
    """Fine-tune with every combination of a grid, or some of a space, and say which is best.

    Only the validation part is looked at. The same command goes on where it was.
    """

    space: argument(
        OptionalText,
        "option -> list of values, or low, high and scale (linear or log); a JSON object or "
        "the path of a .json file",
        "required",
        metavar="JSON",
    ) = None
    num_samples: whole("num_samples", "combinations to draw", "the whole grid") = None
    search_seed: whole("search_seed", "decides the combinations drawn") = 0

    def run(self):
        require(self, "model", "data", "run_dir")
        space = read_space(self.space)
        existing("--model", self.model)
        existing("--data", self.data)
        task = self.columns.task(self.task, self.data)
        start_keras(self.backend, keeps_memory=True)
        from keras_electra.finetuning import search

        options = given(self.training, self.answers, self.optimizer)
        batch_size = options.get("batch_size", FinetuneConfig.batch_size)
        with display.TrainingProgress(None, batch_size.__mul__, unit="examples") as progress:
            outcome = search(
                self.model,
                task,
                self.data,
                self.run_dir,
                space,
                num_samples=self.num_samples,
                seed=self.search_seed,
                options=options,
                weights=self.weights,
                on_row=progress.on_row,
                on_step=progress.on_step,
                on_steps=progress.set_steps,
                on_message=display.tell,
            )
        if not outcome.is_finished:
            display.say(f"interrupted after {len(outcome.rows)} combinations: {self.run_dir}")
            return outcome.exit_code or 0
        grid = display.table(*space, "validation", "run")
        for row in outcome.rows:
            values = [display.figure(row["options"][name]) for name in space]
            main = "diverged" if row["diverged"] else display.figure(row["main"])
            grid.add_row(*values, main, row["run"])
        display.output.print(grid)
        display.say_next(self._next_command(outcome.best))
        return 0

    def _next_command(self, best: dict) -> str:
        """What trains with the best combination: this command's options, with those of `best` put in."""
        places = {
            "model": self.model,
            "task": self.task,
            "data": self.data,
            "backend": self.backend,
        }
        options = {
            **{name: value for name, value in places.items() if value not in (None, ())},
            **self.columns.given(),
            **({"weights": self.weights} if self.weights != "last" else {}),
            "run_dir": "OUT",
            "num_trials": NEXT_TRIALS,
            **given(self.training, self.answers, self.optimizer),
            **best,
        }
        return command("finetune", options).shell


def read_space(text: str | None) -> dict:
    """The space as a dict; `InputError` unless it is a JSON object."""
    if text is None:
        raise InputError("--space: expected a JSON object, received none")
    try:
        is_file = text.endswith(".json")
        value = json.loads(pathlib.Path(text).read_text(encoding="utf-8") if is_file else text)
    except (OSError, ValueError) as error:
        raise InputError(f"--space: expected a JSON object or a .json file ({error})") from error
    if not isinstance(value, dict):
        raise InputError(f"--space: expected a JSON object, received {text!r}")
    return value
