"""`prepare`: from text of any kind to a store."""

import dataclasses

from keras_electra.cli import display
from keras_electra.cli.options import OptionalPath, argument, given, whole
from keras_electra.cli.original_prepare import OriginalPrepare, reading_of
from keras_electra.cli.preparing import (
    PLAIN,
    CorpusOptions,
    DuplicatesOptions,
    Sources,
    StoreOptions,
    Working,
    prepared,
    tell_prepared,
    weighted,
)
from keras_electra.cli.vocabulary import Tokenizer
from keras_electra.config.store import DuplicatesConfig, StoreConfig
from keras_electra.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prepare:
    """Turn text of any kind into a store of token ids; interrupted, the same command goes on."""

    corpus: Sources = ()
    weights: argument(
        tuple[float, ...],
        "one for each of --corpus: the shares of their tokens in a mixture",
        "every document once",
        metavar="FLOAT...",
    ) = ()
    vocab: argument(OptionalPath, "vocabulary, one token per line", "", metavar="FILE") = None
    out: argument(OptionalPath, "the store to make", "", metavar="DIR") = None
    held_out_text: argument(
        tuple[str, ...],
        "task files; documents that share runs of words with them are dropped",
        "",
        metavar="FILE...",
    ) = ()
    task_index: whole(
        "task_index",
        "which share of an array job to prepare, from 0; without it, what is missing is "
        "prepared and the store is made of all shares",
        "",
    ) = None
    task_count: whole("task_count", "how many shares there are", "") = None
    text: CorpusOptions
    duplicates: DuplicatesOptions
    store: StoreOptions
    tokenizer: Tokenizer
    working: Working
    original: OriginalPrepare

    def run(self):
        from keras_electra.corpus import Files
        from keras_electra.store import Share
        from keras_electra.tokenizer import WordPieceTokenizer

        if (self.task_index is None) != (self.task_count is None):
            raise InputError("--task-index and --task-count: expected both or none, received one")
        share = Share() if self.task_count is None else Share(self.task_index, self.task_count)
        places = self.original.places(self.corpus, self.vocab, self.out)
        options = self.original.tokenizer_options(given(self.tokenizer))
        tokenizer = WordPieceTokenizer.from_file(places.vocab, **options)
        done = prepared(
            weighted(places.corpus, self.weights),
            tokenizer,
            places.out,
            StoreConfig(**given(self.store)),
            reading_of(given(self.text), places),
            DuplicatesConfig(**given(self.duplicates)),
            share=share,
            held_out_texts=Files(self.held_out_text),
            **self.working.keywords(),
        )
        if done.manifest is None:
            display.say(
                f"share {share.index} of {share.count} is ready ({done.num_units:,} units); when all "
                "are, the same command without --task-index and --task-count makes the store"
            )
            return
        tell_prepared(done, places.out)
        display.say(f"the report is {places.out / 'report.html'}")
        display.say_next(places.next_command)


def build_store(paths, tokenizer, out, config, corpus_config=PLAIN):
    """A store built with a progress bar; returns its `Manifest`."""
    from keras_electra.store import build_store as build

    with display.progress("preparing", "bytes") as update:
        return build(
            paths,
            tokenizer,
            out,
            config,
            lambda now: update(now.num_bytes, now.total_bytes),
            corpus_config,
        )
