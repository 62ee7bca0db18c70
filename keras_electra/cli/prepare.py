"""`tokenizer train` and `prepare`: from text files to a vocabulary, and on to a store."""

import dataclasses
import pathlib
from typing import Annotated

import tyro

from keras_electra.cli import display
from keras_electra.cli.arguments import quoted
from keras_electra.cli.options import given, number, options_of
from keras_electra.cli.original_prepare import OriginalPrepare, reading_of
from keras_electra.cli.preparing import (
    CorpusOptions,
    DuplicatesOptions,
    Sources,
    StoreOptions,
    Working,
    prepared,
    tell_prepared,
    weighted,
)
from keras_electra.config.corpus import CorpusConfig
from keras_electra.config.store import DuplicatesConfig, StoreConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import InputError

PLAIN = CorpusConfig()
MAX_MEGABYTES = 500
Tokenizer = options_of(TokenizerConfig)
# What is a document, and what is cleaned away, matters to a store only.
OF_DOCUMENTS = {
    "document_boundary",
    "split_document_characters",
    "unicode_form",
    "removes_control_characters",
    "min_document_characters",
    "max_document_characters",
    "max_unknown_fraction",
    "contamination_words",
}
ReadingOptions = options_of(CorpusConfig, leave_out=OF_DOCUMENTS, name="reading")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainTokenizer:
    """Learn a WordPiece vocabulary from text files."""

    corpus: Sources
    out: Annotated[pathlib.Path, tyro.conf.arg(metavar="FILE", help="the vocabulary to write")]
    vocabulary_size: Annotated[
        int,
        number("vocabulary_size", int),
        tyro.conf.arg(help="most entries (V); a small corpus gives fewer"),
    ] = 30522
    num_unused: Annotated[
        int,
        number("num_unused", int),
        tyro.conf.arg(help="entries [unused0], [unused1], ... kept free for later"),
    ] = 0
    min_frequency: Annotated[
        int,
        number("min_frequency", int),
        tyro.conf.arg(help="times a pair of pieces must occur to be joined"),
    ] = 2
    multiple_of: Annotated[
        int,
        number("multiple_of", int),
        tyro.conf.arg(
            help="the entries are made a multiple of this by further [unused] ones; 8 or 64 suits GPUs"
        ),
    ] = 1
    max_megabytes: Annotated[
        int,
        number("max_megabytes", int),
        tyro.conf.arg(help="of text to learn from, taken from everywhere in the corpus"),
    ] = MAX_MEGABYTES
    tokenizer: Tokenizer
    text: ReadingOptions

    def run(self):
        least_values = {"num_unused": 0, "min_frequency": 1, "multiple_of": 1, "max_megabytes": 1}
        for name, least in least_values.items():
            if getattr(self, name) < least:
                received = getattr(self, name)
                raise InputError(f"{name}: expected at least {least}, received {received}")
        config = TokenizerConfig(**given(self.tokenizer))
        tokenizer = train_tokenizer(
            self.corpus,
            self.vocabulary_size,
            config,
            CorpusConfig(**given(self.text)),
            self.max_megabytes * 10**6,
            num_unused=self.num_unused,
            min_frequency=self.min_frequency,
            multiple_of=self.multiple_of,
        )
        self.out.absolute().parent.mkdir(parents=True, exist_ok=True)
        tokenizer.save(self.out)
        display.say(f"{tokenizer.vocabulary_size:,} entries written to {self.out}")
        corpus, vocabulary = " ".join(map(quoted, self.corpus)), quoted(self.out)
        files = f"--corpus {corpus} --vocab {vocabulary}"
        display.say_next(f"keras-electra prepare {files}{as_flags(config)} --out STORE")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prepare:
    """Turn text of any kind into a store of token ids; interrupted, the same command goes on."""

    corpus: Sources = ()
    weights: Annotated[
        tuple[float, ...],
        tyro.conf.arg(
            metavar="FLOAT...",
            help="one for each of --corpus: the shares of their tokens in a mixture",
            help_behavior_hint="(default: every document once)",
        ),
    ] = ()
    vocab: Annotated[
        tyro.conf.DisallowNone[pathlib.Path | None],
        tyro.conf.arg(metavar="FILE", help="vocabulary, one token per line", help_behavior_hint=""),
    ] = None
    out: Annotated[
        tyro.conf.DisallowNone[pathlib.Path | None],
        tyro.conf.arg(metavar="DIR", help="the store to make", help_behavior_hint=""),
    ] = None
    held_out_text: Annotated[
        tuple[str, ...],
        tyro.conf.arg(
            metavar="FILE...",
            help="task files; documents that share runs of words with them are dropped",
            help_behavior_hint="",
        ),
    ] = ()
    task_index: Annotated[
        object,
        number("task_index", int),
        tyro.conf.arg(
            help="which share of an array job to prepare, from 0; without it, what is missing is "
            "prepared and the store is made of all shares",
            help_behavior_hint="",
        ),
    ] = None
    task_count: Annotated[
        object,
        number("task_count", int),
        tyro.conf.arg(help="how many shares there are", help_behavior_hint=""),
    ] = None
    text: CorpusOptions
    duplicates: DuplicatesOptions
    store: StoreOptions
    tokenizer: Tokenizer
    working: Working
    original: OriginalPrepare

    def run(self):
        from keras_electra.store import Share
        from keras_electra.tokenizer import WordPieceTokenizer

        if (self.task_index is None) != (self.task_count is None):
            raise InputError("--task-index and --task-count: expected both or none, received one")
        share = Share() if self.task_count is None else Share(self.task_index, self.task_count)
        places = self.original.places(self.corpus, self.vocab, self.out)
        options = TokenizerConfig(**self.original.tokenizer_options(given(self.tokenizer)))
        tokenizer = WordPieceTokenizer.from_file(places.vocab, options)
        warn_of_case(tokenizer)
        done = prepared(
            weighted(places.corpus, self.weights),
            tokenizer,
            places.out,
            StoreConfig(**given(self.store)),
            reading_of(given(self.text), places),
            DuplicatesConfig(**given(self.duplicates)),
            share=share,
            held_out_texts=self.held_out_text,
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


def train_tokenizer(
    sources, vocabulary_size, config, corpus_config, max_bytes=MAX_MEGABYTES * 10**6, **options
):
    """A `WordPieceTokenizer` learnt from a sample of a corpus, with a progress bar."""
    from keras_electra import corpus
    from keras_electra.tokenizer import WordPieceTokenizer

    sources = corpus.sources_of(sources)
    sizes = [unit.num_bytes for unit in corpus.units(sources, corpus_config)]
    total = None if None in sizes else sum(sizes)
    with display.progress("learning a vocabulary", "bytes") as update:
        done = 0

        def add(num_bytes):
            nonlocal done
            done += num_bytes
            update(done, total)

        lines = corpus.sample_lines(sources, max_bytes, corpus_config, on_read=add)
        return WordPieceTokenizer.train(lines, vocabulary_size, config, **options)


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


def warn_of_case(tokenizer) -> None:
    """Say so where a vocabulary of mixed case would be used on lower-cased text."""
    if not tokenizer.config.lowercase:
        return
    entries = [token for token in tokenizer.vocabulary if not token.startswith("[")]
    num_upper = sum(token != token.lower() for token in entries)
    if num_upper > len(entries) // 20:
        display.tell(
            f"warning: {num_upper:,} of {tokenizer.vocabulary_size:,} entries of the vocabulary "
            "have upper-case letters, which lower-cased text never has; --no-lowercase keeps them"
        )


def as_flags(config: TokenizerConfig) -> str:
    """The flags that give a tokenizer configuration again; empty for the defaults."""
    flags = "" if config.lowercase else " --no-lowercase"
    if config.strip_accents is not None:
        flags += " --strip-accents" if config.strip_accents else " --no-strip-accents"
    if config.max_word_characters != TokenizerConfig.max_word_characters:
        flags += f" --max-word-characters {config.max_word_characters}"
    flags += " --cuts-long-words" if config.cuts_long_words else ""
    return flags
