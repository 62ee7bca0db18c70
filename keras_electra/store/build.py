"""Text in, store out: tokenizes a corpus in one pass, in this process, and writes it as a folder."""

import dataclasses
import os
import pathlib
from collections.abc import Callable

from keras_electra import corpus
from keras_electra.config.corpus import CorpusConfig
from keras_electra.config.store import DuplicatesConfig, StoreConfig
from keras_electra.errors import InputError
from keras_electra.store.folder import new_folder
from keras_electra.store.manifest import Manifest
from keras_electra.store.preparing.records import made_with, source_records
from keras_electra.store.preparing.tokenizing import Recipe, Tally, Tokenizing, pieces
from keras_electra.store.writing import StoreWriter
from keras_electra.tokenizer import WordPieceTokenizer

PLAIN = CorpusConfig()


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a build is.

    Attributes:
        num_bytes, total_bytes: bytes read, and bytes there are; None where that is not known.
        num_tokens, num_documents: made so far.
        stage: what is being done.
    """

    num_bytes: int
    total_bytes: int | None
    num_tokens: int
    num_documents: int = 0
    stage: str = "tokenizing"


class Watch:
    """Adds up what was done, and tells it.

    Args:
        units: what there is to do.
        on_progress: called after each piece of work; None for nobody.
    """

    def __init__(self, units: list[corpus.Unit], on_progress: Callable[[Progress], None] | None):
        sizes = [unit.num_bytes for unit in units]
        self._total = None if None in sizes else sum(sizes)
        self._sum, self._on_progress = Tally(), on_progress

    def add(self, tally: Tally) -> None:
        """Take what was done."""
        self._sum = Tally(*(a + b for a, b in zip(self._sum, tally, strict=True)))
        self.tell()

    def add_bytes(self, num_bytes: int) -> None:
        """Take bytes that were read; they are told with the tokens that they make."""
        self._sum = self._sum._replace(num_bytes=self._sum.num_bytes + num_bytes)

    def tell(self, stage: str = "tokenizing") -> None:
        """Say how far it is."""
        if self._on_progress:
            num_bytes, num_documents, num_tokens = self._sum
            self._on_progress(Progress(num_bytes, self._total, num_tokens, num_documents, stage))


def build_store(
    paths: corpus.Paths,
    tokenizer: WordPieceTokenizer,
    out: str | os.PathLike,
    config: StoreConfig | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    corpus_config: CorpusConfig = PLAIN,
) -> Manifest:
    """Tokenize a corpus into a new store, in this process.

    The same text, tokenizer and settings give the same bytes, and the same as `prepare_store` gives.
    That function also works with several processes, goes on after an interruption, and finds
    duplicates; this one leaves nothing behind when it fails.

    Args:
        paths: what `corpus.units` takes: files, folders, archives, tables, iterables of texts, …
        tokenizer: makes the ids; its vocabulary and settings are kept in the store.
        out: the folder to make; must not exist.
        config: held-out fraction and seed.
        on_progress: called after every batch of lines.
        corpus_config: how the corpus is read and cleaned.

    Raises:
        InputError: if the corpus is empty or unreadable, or `out` cannot be written.
    """
    config = config or StoreConfig()
    recipe = Recipe(tokenizer.vocabulary, tokenizer.config, corpus_config, DuplicatesConfig())
    sources = corpus.sources_of(paths)
    if any(source.weight is not None for source in sources):
        raise InputError("weights: expected none, received some; prepare_store makes mixtures")
    units = corpus.units(sources, corpus_config)
    with new_folder(pathlib.Path(out)) as folder:
        writer = StoreWriter(folder, tokenizer, config)
        tokenizing, watch = Tokenizing(recipe, tokenizer), Watch(units, on_progress)
        for unit in units:
            lines = corpus.read_unit(unit, corpus_config, None, watch.add_bytes)
            for piece in pieces(lines):
                writer.write(tokenizing.part(piece, watch.add).chunk)
        refuse_nothing(writer, units)
        stretches, records = writer.draw_held_out(), source_records(sources, units)
        return writer.finish(stretches, records, made_with(recipe, sources))


def refuse_nothing(writer: StoreWriter, units: list[corpus.Unit]) -> None:
    """Raise `InputError` if there was no text."""
    if writer.num_tokens == 0:
        num_files = sum(len(unit.paths) for unit in units)
        raise InputError(f"corpus: expected text, received {num_files} files without a word")
