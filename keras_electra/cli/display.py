"""What the program prints: sentences, progress, tables and JSON.

Results go to standard output, progress and remarks to standard error, so that output can be piped.
Progress is for people: nothing of it is written where standard error is not a terminal.
"""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable

import rich.console
import rich.progress
import rich.table

from keras_electra.files import to_json

STDERR = 2
PROCESS_NUMBERS = ("RANK", "KERAS_DISTRIBUTION_PROCESS_ID")
"""Variables in which torchrun and Keras' `distribution` put the number of a process."""
MIN_SECONDS = 1.0
"""Time after which a speed is worth showing."""

output = rich.console.Console(highlight=False, soft_wrap=True)
remarks = rich.console.Console(stderr=True, highlight=False, soft_wrap=True)


def speaks() -> bool:
    """Whether this process prints: of several that train together, the first does."""
    return all(int(os.environ.get(name) or 0) == 0 for name in PROCESS_NUMBERS)


def tell(sentence: str) -> None:
    """A remark, on standard error."""
    if speaks():
        remarks.print(sentence, markup=False)


def say(sentence: str = "") -> None:
    """A result, on standard output."""
    output.print(sentence, markup=False)


def say_next(*commands: str) -> None:
    """What to do next, one command a line."""
    say("next:")
    for command in commands:
        say(f"  {command}")


def print_json(value) -> None:
    """One JSON value on one line of standard output; NaN and infinities become null."""
    print(to_json(value))


def is_watched() -> bool:
    """Whether somebody sees standard error."""
    return speaks() and sys.stderr.isatty()


@contextlib.contextmanager
def waiting(description: str, stream=None):
    """A spinner while the block runs, on standard error or the stream given in its place."""
    if not is_watched():
        yield
        return
    console = remarks if stream is None else rich.console.Console(file=stream)
    with console.status(description):
        yield


@contextlib.contextmanager
def native_messages_held():
    """Hold back what compiled libraries write to standard error; shown only if the block fails.

    The block gets a stream that still reaches standard error.
    """
    sys.stderr.flush()
    with os.fdopen(os.dup(STDERR), "w") as stream, tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), STDERR)
        try:
            yield stream
        except BaseException:
            held.seek(0)
            stream.write(held.read().decode(errors="replace"))
            raise
        finally:
            stream.flush()
            os.dup2(stream.fileno(), STDERR)


@contextlib.contextmanager
def progress(description: str, unit: str = ""):
    """A bar; the block gets a function to call with (done, total).

    Args:
        description: what is being done.
        unit: "bytes" shows kilobytes and megabytes; else the numbers are shown as they are.
    """
    if not is_watched():
        yield lambda done, total: None
        return
    counted = (
        rich.progress.DownloadColumn() if unit == "bytes" else rich.progress.MofNCompleteColumn()
    )
    columns = ("{task.description}", rich.progress.BarColumn(), counted)
    left = rich.progress.TimeRemainingColumn()
    with rich.progress.Progress(*columns, left, console=remarks, transient=True) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class ProgressLine:
    """A bar with figures beside it, on a terminal that is watched; a context manager.

    Args:
        counted: the column of what is done.
        description: what is done at first.
    """

    def __init__(self, counted: rich.progress.ProgressColumn, description: str):
        self._bar = rich.progress.Progress(
            "{task.description}",
            rich.progress.BarColumn(bar_width=20),
            counted,
            "{task.fields[figures]}",
            console=remarks,
            transient=True,
            disable=not is_watched(),
        )
        self._task = self._bar.add_task(description, total=None, figures="")

    def __enter__(self):
        self._bar.start()
        return self

    def __exit__(self, *error):
        self._bar.stop()

    def show(self, description: str, done: int, total: int | None, figures: list[str]) -> None:
        """Say how far it is."""
        told = "  ".join(filter(None, figures))
        self._bar.update(
            self._task, description=description, completed=done, total=total, figures=told
        )


class TrainingProgress(ProgressLine):
    """One line while training: step, loss, speed, time left; a context manager.

    Args:
        steps: of the whole run; None where `set_steps` will tell.
        units_until: how much is worked through before a step, such as `config.tokens_until`.
        budget_seconds: of training left at the start, or None.
        unit: what is counted: "tokens" or "examples".
    """

    def __init__(
        self,
        steps: int | None,
        units_until: Callable[[int], int],
        budget_seconds: float | None = None,
        unit: str = "tokens",
    ):
        self._steps, self._units_until, self._unit = steps, units_until, unit
        self._budget_seconds = budget_seconds
        self._first = None
        self._loss = ""
        super().__init__(rich.progress.MofNCompleteColumn(), "preparing")

    def set_steps(self, steps: int) -> None:
        """Say how many steps the whole run has."""
        self._steps = steps

    def on_row(self, row: dict) -> None:
        """Take the losses of a row of the log."""
        names = [name for name in ("mlm_loss", "rtd_loss") if row.get(name)] or ["loss"]
        losses = [f"{row[name]:.3f}" for name in names if row.get(name)]
        self._loss = f"loss {' + '.join(losses)}" if losses else ""

    def on_step(self, step: int) -> None:
        """Show that a step is done."""
        now = time.monotonic()
        if self._first is None:
            # The step that compiles says nothing about the speed, nor does it count for a time budget.
            self._first = (step, now)
        steps, seconds = step - self._first[0], now - self._first[1]
        figures = [self._loss]
        if steps and seconds > MIN_SECONDS:
            left = (self._steps - step) * seconds / steps
            if self._budget_seconds is not None:
                left = max(0.0, min(left, self._budget_seconds - seconds))
            units = self._units_until(step) - self._units_until(self._first[0])
            figures += [
                f"{units / seconds:,.0f} {self._unit}/s",
                f"{clock(left)} left",
            ]
        self.show("training", step, self._steps, figures)


def clock(seconds: float) -> str:
    """`clock(3725)` is "1:02:05"."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"


def table(*titles: str) -> rich.table.Table:
    """An empty table; columns after the first are aligned to the right."""
    grid = rich.table.Table(box=None, pad_edge=False, header_style="bold")
    for index, title in enumerate(titles):
        grid.add_column(title, justify="right" if index else "left", overflow="fold")
    return grid


def figure(value) -> str:
    """A number in four digits or as it is; a dash for what there is none of."""
    if value is None or value != value:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
