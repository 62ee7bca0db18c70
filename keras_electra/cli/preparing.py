"""What `prepare` and `store add` share: their options, and the line that shows how far they are."""

import dataclasses
import os
import time

import rich.progress

from keras_electra.cli import display
from keras_electra.cli.options import OptionalPath, argument, number, options_of, whole
from keras_electra.config.corpus import CorpusConfig
from keras_electra.config.store import DuplicatesConfig, StoreConfig
from keras_electra.errors import InputError
from keras_electra.launching.progress import ProgressFile

Sources = argument(
    tuple[str, ...],
    "files, folders with all below them, globs, archives, tables, URLs; - is standard input",
    "",
    metavar="PATH...",
)
CorpusOptions = options_of(CorpusConfig, name="reading and cleaning")
DuplicatesOptions = options_of(DuplicatesConfig, name="duplicates")
StoreOptions = options_of(StoreConfig, name="store")
PLAIN = CorpusConfig()
MIN_SECONDS = 1.0
"""Time after which a speed is worth showing."""


ProgressPath = argument(
    OptionalPath,
    "JSON object, replaced while the work goes on, that says how far it is",
    "",
    metavar="FILE",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Working:
    """How the work is done; the result does not depend on it."""

    num_processes: whole(
        "num_processes", "worker processes, each of 300 to 500 MB", "one for each processor"
    ) = None
    tokens_per_second: argument(
        number("tokens_per_second", float),
        "speed of training, for the hours in the report",
        "that of the paper's machine",
    ) = None
    progress_file: ProgressPath = None

    def keywords(self) -> dict:
        """The arguments of `prepared` that these options set."""
        speed = self.tokens_per_second
        if speed is not None and not 0 < speed < float("inf"):
            raise InputError(f"tokens_per_second: expected a number above 0, received {speed}")
        return {
            "num_processes": (
                available_processors() if self.num_processes is None else self.num_processes
            ),
            "tokens_per_second": speed,
            "progress_file": self.progress_file,
        }


def available_processors() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def weighted(paths: tuple[str, ...], weights: tuple[float, ...]) -> list:
    """The sources of a mixture.

    Raises:
        InputError: unless there is a weight for each path, or none at all.
    """
    from keras_electra.corpus import Source

    if weights and len(weights) != len(paths):
        raise InputError(
            f"weights: expected {len(paths)}, one for each of --corpus, received {len(weights)}"
        )
    return [
        Source(path, weight)
        for path, weight in zip(paths, weights or [None] * len(paths), strict=True)
    ]


def prepared(
    sources,
    tokenizer,
    out,
    config,
    reading,
    duplicates,
    tell=display.tell,
    *,
    progress_file=None,
    **keywords,
):
    """`prepare_store` with a line of progress, the same in a file if one is named, and remarks."""
    from keras_electra.store import prepare_store

    with PreparingProgress() as shown, ProgressFile(progress_file) as file:

        def on_progress(progress):
            shown.update(progress)
            file.update(progress.stage, progress.num_bytes, progress.total_bytes)

        return prepare_store(
            sources,
            tokenizer,
            out,
            config,
            reading,
            duplicates,
            on_progress=on_progress,
            tell=tell,
            **keywords,
        )


def tell_prepared(prepared, out) -> None:
    """Say what is in a store that was made, or was there already."""
    manifest = prepared.manifest
    how = "written to" if prepared.is_new else "are in"
    display.say(
        f"{manifest.num_tokens:,} tokens in {manifest.num_sentences:,} sentences and "
        f"{manifest.num_documents:,} documents {how} {out}; "
        f"{manifest.num_held_out_tokens:,} tokens are held out for evaluation"
    )
    if not prepared.is_new:
        display.tell("nothing was to be done: the store is of the same text and settings")


class PreparingProgress(display.ProgressLine):
    """One line: what is being done, how much of it, MB/s, documents/s, time left."""

    def __init__(self):
        super().__init__(rich.progress.DownloadColumn(), "reading")
        self._first = None

    def update(self, progress) -> None:
        """Show a `Progress`."""
        now = time.monotonic()
        if self._first is None or self._first[1].stage != progress.stage:
            # What an earlier run had done comes in the first report, and is no speed.
            self._first = (now, progress)
        told = figures(progress, self._first[1], now - self._first[0])
        self.show(progress.stage, progress.num_bytes, progress.total_bytes, told)


def figures(progress, first, seconds: float) -> list[str]:
    """MB/s, documents/s and time left, once they mean something."""
    num_bytes = progress.num_bytes - first.num_bytes
    if seconds < MIN_SECONDS or not num_bytes:
        return []
    shown = [
        f"{num_bytes / 1e6 / seconds:,.1f} MB/s",
        f"{(progress.num_documents - first.num_documents) / seconds:,.0f} documents/s",
    ]
    if progress.total_bytes is not None:
        left = max(0, progress.total_bytes - progress.num_bytes) * seconds / num_bytes
        shown.append(f"{display.clock(left)} left")
    return shown
