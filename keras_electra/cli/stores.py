"""`store show`, `merge`, `split`, `add` and `import`: what is done with stores that are there."""

import dataclasses
import pathlib

import tyro

from keras_electra.cli import display
from keras_electra.cli.arguments import Json, existing
from keras_electra.cli.options import argument, given, number, switch, whole
from keras_electra.cli.preparing import (
    CorpusOptions,
    DuplicatesOptions,
    Sources,
    StoreOptions,
    Working,
    available_processors,
    prepared,
)
from keras_electra.cli.vocabulary import Tokenizer
from keras_electra.config.corpus import CorpusConfig
from keras_electra.config.store import DuplicatesConfig, StoreConfig

StorePath = argument(tyro.conf.Positional[pathlib.Path], "made by `prepare`", metavar="STORE")
Out = argument(pathlib.Path, "the store to make", metavar="DIR")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShowStore:
    """Say what is in a store and how it was made."""

    store: StorePath
    verify: switch("read and check every file") = False
    json: Json = False

    def run(self):
        from keras_electra.store import Store

        store = Store(existing("store", self.store))
        if self.verify:
            store.verify()
        facts = facts_of(store)
        if self.json:
            display.print_json(facts)
            return
        grid = display.table("", "")
        for name, value in facts.items():
            is_number = isinstance(value, int) and not isinstance(value, bool)
            grid.add_row(name.replace("_", " "), f"{value:,}" if is_number else str(value))
        display.output.print(grid)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MergeStores:
    """Join stores of the same vocabulary into a new one."""

    stores: argument(
        tyro.conf.Positional[tuple[pathlib.Path, ...]],
        "in the order in which they are joined",
        metavar="STORE...",
    )
    out: Out
    duplicates: DuplicatesOptions

    def run(self):
        from keras_electra.store import merge_stores

        for store in self.stores:
            existing("store", store)
        with display.waiting("merging"):
            manifest = merge_stores(
                self.stores,
                self.out,
                duplicates=DuplicatesConfig(**given(self.duplicates)),
                num_threads=available_processors(),
                tell=display.tell,
            )
        tell_made(manifest, self.out)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitStore:
    """Divide a store into two, by documents chosen at random."""

    store: StorePath
    out: argument(tuple[pathlib.Path, pathlib.Path], "the two stores to make", metavar="DIR DIR")
    fraction: argument(number("fraction", float), "of the documents that go to the second store")
    seed: whole("seed", "chooses the documents") = 0

    def run(self):
        from keras_electra.store import split_store

        with display.waiting("splitting"):
            manifests = split_store(
                existing("store", self.store), *self.out, self.fraction, self.seed
            )
        for manifest, out in zip(manifests, self.out, strict=True):
            tell_made(manifest, out)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AddToStore:
    """Make a new store of an old one and more text, without what the old one has, if asked."""

    store: StorePath
    corpus: Sources
    out: Out
    text: CorpusOptions
    duplicates: DuplicatesOptions
    working: Working

    def run(self):
        from keras_electra.corpus import Files
        from keras_electra.store import add_to_store

        tell_made(
            add_to_store(
                existing("store", self.store),
                Files(self.corpus),
                self.out,
                corpus_config=CorpusConfig(**given(self.text)),
                duplicates=DuplicatesConfig(**given(self.duplicates)),
                prepare=prepared,
                tell=display.tell,
                **self.working.keywords(),
            ),
            self.out,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportStore:
    """Make a store of the examples that the original program prepared, `pretrain_data.tfrecord-*`."""

    shards: argument(
        tyro.conf.Positional[pathlib.Path], "folder with all of them, or one file", metavar="SHARDS"
    )
    vocab: argument(pathlib.Path, "the vocabulary that they were made with", metavar="FILE")
    out: Out
    store: StoreOptions
    tokenizer: Tokenizer

    def run(self):
        from keras_electra.store import import_tfrecords
        from keras_electra.tokenizer import WordPieceTokenizer

        tokenizer = WordPieceTokenizer.from_file(self.vocab, **given(self.tokenizer))
        with display.progress("reading examples", "bytes") as update:
            manifest = import_tfrecords(
                existing("shards", self.shards),
                tokenizer,
                self.out,
                StoreConfig(**given(self.store)),
                lambda now: update(now.num_bytes, now.total_bytes),
            )
        tell_made(manifest, self.out)


def facts_of(store) -> dict:
    """What a store is, as JSON-ready values."""
    manifest = store.manifest
    return {
        "tokens": manifest.num_tokens,
        "sentences": manifest.num_sentences,
        "documents": manifest.num_documents,
        "held_out_tokens": manifest.num_held_out_tokens,
        "vocabulary_size": manifest.vocabulary_size,
        "token_dtype": manifest.token_dtype,
        "lowercase": manifest.tokenizer.lowercase,
        "made_by": manifest.made["by"],
        "sources": [source.name for source in manifest.sources],
        "format_version": manifest.format_version,
        "fingerprint": manifest.fingerprint,
    }


def tell_made(manifest, out) -> None:
    """Say what is in a store that was made."""
    display.say(
        f"{manifest.num_tokens:,} tokens in {manifest.num_documents:,} documents written to {out}; "
        f"{manifest.num_held_out_tokens:,} tokens are held out for evaluation"
    )
