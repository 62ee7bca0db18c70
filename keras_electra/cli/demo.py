"""`demo`: the whole road, from books to a judged sentence, without a network."""

import contextlib
import dataclasses
import importlib.resources
import pathlib

from keras_electra.cli import display
from keras_electra.cli.arguments import Backend, quoted, start_keras
from keras_electra.cli.evaluate import measured, print_figures
from keras_electra.cli.following import RESUMES
from keras_electra.cli.judge import load, print_trace
from keras_electra.cli.options import argument, whole
from keras_electra.cli.prepare import build_store
from keras_electra.cli.pretrain import pretrain_with_progress, resumed_config, summarize
from keras_electra.cli.vocabulary import train_tokenizer
from keras_electra.config.corpus import CorpusConfig
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.config.store import StoreConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import InputError
from keras_electra.files import shown_path
from keras_electra.runs import RunFolder
from keras_electra.runs.kind import settings_of_kind

VOCABULARY_SIZE = 2048
NUM_TOKENS = 700_000
"""Tokens to train on."""
SIZE = "tiny"
STORE_FOLDER = "store"
"""The store, inside the run folder, so that removing the run leaves nothing behind."""
EVERY_STEPS = {"log_every_steps": 50, "checkpoint_every_steps": 200}
SENTENCE = "The children ran down to the station every morning to wait for the first train."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Demo:
    """Train a vocabulary and a tiny model on the books in this package, and try them.

    Starting it again in the same folder goes on where it ended.
    """

    run_dir: argument(pathlib.Path, "the run", metavar="DIR")
    steps: whole("steps", "optimizer updates", f"{NUM_TOKENS:,} tokens' worth") = None
    seed: whole("seed", "decides start, order, masks and draws", "0") = None
    backend: Backend = None

    def run(self):
        run, store = RunFolder(self.run_dir), self.run_dir / STORE_FOLDER
        check_folder(run, store)
        start_keras(self.backend, keeps_memory=True)
        if not store.exists():
            make_store(store)
        config = self._config(run, store)
        display.say(f"training a {config.size} model for {config.steps:,} steps")
        outcome = pretrain_with_progress(config, store, run.path)
        summarize(outcome, config)
        if outcome.state != "finished":
            again = f"keras-electra demo --run-dir {quoted(run.path)}"
            display.say_next(f"{again}{RESUMES}")
            return outcome.exit_code
        show(run.path, config.steps)
        return outcome.exit_code

    def _config(self, run, store) -> PretrainConfig:
        changes = {"steps": self.steps, "seed": self.seed}
        changes = {name: value for name, value in changes.items() if value is not None}
        if run.exists():
            return resumed_config(run, SIZE, None, changes)
        from keras_electra.store import Store

        entries = Store(store).manifest.vocabulary_size
        recipe = PretrainConfig.from_size(SIZE, entries)
        steps = NUM_TOKENS // (recipe.batch_size * recipe.sequence_length)
        return PretrainConfig.from_size(SIZE, entries, **{"steps": steps, **EVERY_STEPS, **changes})


def check_folder(run: RunFolder, store: pathlib.Path) -> None:
    """Raise `InputError` if the folder holds a run on another store than the demo's."""
    if not run.exists():
        return
    from keras_electra.store import Store

    recorded = settings_of_kind(run, "pretrain")["store"]
    # A folder that was moved or copied is still the demo's.
    is_here = store.exists() and Store(store).fingerprint == recorded["fingerprint"]
    if not is_here and pathlib.Path(recorded["path"]) != store.resolve():
        raise InputError(
            f"--run-dir: expected a new folder or one of the demo, received {shown_path(run.path)}, "
            f"a run on the store {recorded['path']}"
        )


def make_store(out: pathlib.Path) -> None:
    """Learn a vocabulary from the shipped books and tokenize them."""
    with contextlib.ExitStack() as stack:
        books = shipped_books(stack)
        size = sum(book.stat().st_size for book in books) / 1e6
        display.say(f"learning a vocabulary of {VOCABULARY_SIZE:,} entries")
        tokenizer = train_tokenizer(books, VOCABULARY_SIZE, TokenizerConfig(), CorpusConfig())
        display.say(f"tokenizing {len(books)} books, {size:.1f} MB")
        build_store(books, tokenizer, out, StoreConfig())


def shipped_books(stack: contextlib.ExitStack) -> list[pathlib.Path]:
    """The text files of the package's books, as files while `stack` is open."""
    folder = importlib.resources.files("keras_electra") / "books"
    books = sorted(
        (book for book in folder.iterdir() if book.name.endswith(".txt")),
        key=lambda book: book.name,
    )
    return [stack.enter_context(importlib.resources.as_file(book)) for book in books]


def show(path: pathlib.Path, steps: int) -> None:
    """Evaluate the run, corrupt and judge a sentence, and say what to do next."""
    from keras_electra.tracing import trace

    model = load(path)
    display.say()
    print_figures(measured(model, path / STORE_FOLDER))
    display.say()
    display.say("a sentence, masked, filled in by the generator and judged by the discriminator:")
    print_trace(trace(model, [SENTENCE])[0])
    here = quoted(path)
    display.say_next(
        f'keras-electra corrupt --model {here} "A sentence of your own."',
        f"keras-electra demo --run-dir {here} --steps {2 * steps}    # trains longer",
        "keras-electra tokenizer train --corpus YOUR_TEXTS --out vocab.txt",
        "keras-electra prepare --corpus YOUR_TEXTS --vocab vocab.txt --out STORE",
        "keras-electra pretrain --store STORE --run-dir RUN --size small",
    )
