"""Text in, store out: tokenizes a corpus in one pass, in this process, and writes it as a folder."""

import os
from collections.abc import Callable

from keras_electra import corpus
from keras_electra.config.corpus import CorpusConfig
from keras_electra.config.store import DuplicatesConfig, StoreConfig
from keras_electra.errors import InputError
from keras_electra.files import new_folder
from keras_electra.store.manifest import Manifest
from keras_electra.store.preparing.records import made_with, source_records
from keras_electra.store.preparing.tokenizing import Recipe, Tokenizing
from keras_electra.store.preparing.units import pieces
from keras_electra.store.preparing.watch import Progress, Watch, total_bytes
from keras_electra.store.writing import StoreWriter
from keras_electra.tokenizer import WordPieceTokenizer

PLAIN = CorpusConfig()


def build_store(
    paths,
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
        paths: a path, paths, an iterable of texts, a `Source`, a `datasets` object, or a list of such;
            see `corpus.files_or_texts`.
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
    with new_folder(out) as folder:
        writer = StoreWriter(folder, tokenizer, config)
        tokenizing = Tokenizing(recipe, tokenizer)
        watch = Watch(total_bytes([unit.num_bytes for unit in units]), on_progress)
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
