"""`prepare_store`: any corpus to a store, on every core, in bounded memory, resumable at any moment."""

import os
import pathlib
import warnings
from collections.abc import Callable
from typing import NamedTuple

from keras_electra.config.corpus import CorpusConfig
from keras_electra.config.store import DuplicatesConfig, StoreConfig
from keras_electra.corpus import Problems, sources_of, units
from keras_electra.errors import InputError
from keras_electra.files import new_folder
from keras_electra.store.manifest import Manifest
from keras_electra.store.preparing.assembling import Assembly
from keras_electra.store.preparing.dealing import make_parts
from keras_electra.store.preparing.fit_check import FitCheck
from keras_electra.store.preparing.held_out_texts import held_out_ngrams
from keras_electra.store.preparing.record_table import database_library
from keras_electra.store.preparing.records import made_with
from keras_electra.store.preparing.settings import finished, refuse_inside, settings_of
from keras_electra.store.preparing.tokenizing import Recipe
from keras_electra.store.preparing.watch import Progress, Watch, total_bytes
from keras_electra.store.preparing.working_folder import WorkingFolder, working_path
from keras_electra.tokenizer import WordPieceTokenizer

UNIT_BYTES = 1 << 23


class Share(NamedTuple):
    """One of several calls, perhaps on several machines, each of which prepares some of the units.

    Attributes:
        index: from 0 to count - 1.
        count: how many calls there are; 1 prepares everything and assembles the store.
    """

    index: int = 0
    count: int = 1


WHOLE = Share()


class Prepared(NamedTuple):
    """What came of it.

    Attributes:
        manifest: of the store; None where other shares may still be in the making.
        is_new: False if the store was there already.
        num_units: units of this share.
    """

    manifest: Manifest | None
    is_new: bool
    num_units: int


def prepare_store(
    sources,
    tokenizer: WordPieceTokenizer,
    out: str | os.PathLike,
    config: StoreConfig | None = None,
    corpus_config: CorpusConfig | None = None,
    duplicates: DuplicatesConfig | None = None,
    *,
    num_processes: int = 1,
    share: Share = WHOLE,
    held_out_texts=(),
    tokens_per_second: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Prepared:
    """Prepare a corpus: tokenize it with worker processes, drop what is not wanted, assemble a store.

    Work in progress lies in the folder `out` + ".preparing". Whatever ends the program, the same call
    goes on where it was. The store depends on the text and the settings only, not on the number of
    processes or shares, and is the one that `build_store` makes.

    Memory: about 300 MB for a worker, at most 500; about 600 MB for this process while duplicates
    are looked for; more only for mixtures, 40 bytes a document. Disk: parts as large as the store,
    until it is there; for duplicates see `tell`.

    Programs that call this with several processes must guard their main module by
    `if __name__ == "__main__"`, as always with Python's multiprocessing.

    Args:
        sources: a path, paths, an iterable of texts, a `Source`, a `datasets` object, or a list of such;
            see `corpus.files_or_texts`. A `Source` may have a weight in a mixture.
        tokenizer: makes the ids.
        out: the store to make. If it is there, made of the same text with the same settings,
            nothing is done.
        config: held-out fraction and seed.
        corpus_config: how the corpus is read and cleaned.
        duplicates: which documents are dropped because they occurred before.
        num_processes: worker processes; 1 works in this one.
        share: for array jobs; all calls need the same folder. When all shares are there, a call
            without this makes the store of them; it also makes what is missing.
        held_out_texts: files of a task, or its texts; documents that hold text of theirs are dropped.
        tokens_per_second: speed of training, for the report.
        on_progress: called while work goes on.
        tell: receives remarks, one sentence each; without it, that text, vocabulary and options do
            not fit is a Python warning.

    Raises:
        InputError: if something cannot be read or written, the settings or files differ from those
            that the work began with, or another process is at work.
        DamagedDataError: if a part is not as it was written.
    """
    check_numbers(num_processes, share)
    config, corpus_config = config or StoreConfig(), corpus_config or CorpusConfig()
    duplicates = duplicates or DuplicatesConfig()
    if duplicates.looks_at_documents:
        # It is asked for now, not after hours.
        database_library()
    out, sources = pathlib.Path(out), sources_of(sources)
    refuse_inside(out, sources)
    met = Problems()
    found = units(sources, corpus_config, met, UNIT_BYTES)
    held_out = held_out_ngrams(held_out_texts, corpus_config.contamination_words)
    recipe = Recipe(tokenizer.vocabulary, tokenizer.config, corpus_config, duplicates, held_out)
    made = made_with(recipe, sources)
    if os.path.lexists(out):
        manifest = finished(out, tokenizer, config, made, sources, found)
        WorkingFolder(working_path(out)).remove()
        return Prepared(manifest, False, len(found))
    working = WorkingFolder(working_path(out))
    own = {index: found[index] for index in range(share.index, len(found), share.count)}
    settings = settings_of(tokenizer.config, tokenizer.fingerprint, config, made, sources)
    with working.held(is_shared=share.count > 1):
        working.begin(settings, found, share.count > 1)
        watch = Watch(total_bytes([unit.num_bytes for unit in own.values()]), on_progress)
        check = FitCheck(tokenizer, working, tell or warnings.warn)
        make_parts(working, recipe, own, num_processes, watch, check)
        if share.count > 1:
            return Prepared(None, True, len(own))
        assembly = Assembly(working, tokenizer, config, duplicates, sources, found, met, check)
        with new_folder(out) as folder:
            manifest = assembly.write(
                folder, made, tokens_per_second, num_processes, watch, tell or no_remark
            )
        working.remove()
    return Prepared(manifest, True, len(found))


def no_remark(sentence: str) -> None:
    """Nobody asked for remarks."""


def check_numbers(num_processes: int, share: Share) -> None:
    """Raise `InputError` for numbers that make no sense."""
    if num_processes < 1:
        raise InputError(f"num_processes: expected at least 1, received {num_processes}")
    if share.count < 1:
        raise InputError(f"task_count: expected at least 1, received {share.count}")
    if not 0 <= share.index < share.count:
        raise InputError(
            f"task_index: expected a number from 0 to {share.count - 1}, received {share.index}"
        )
