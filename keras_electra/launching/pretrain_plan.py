"""A pretraining as it is asked for in a form: checked, and made into commands."""

import dataclasses
import functools
import hashlib
import importlib.resources
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Self

from keras_electra.config.corpus import DOCUMENT_OPTIONS, CorpusConfig
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.config.sizes import SIZES
from keras_electra.config.store import DuplicatesConfig, StoreConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.corpus.given import Files
from keras_electra.errors import ElectraError, InputError
from keras_electra.files import absolute, read_json
from keras_electra.launching.commands import Command, command
from keras_electra.launching.fields import Field, all_problems, fields_of
from keras_electra.launching.given_corpus import corpus_names
from keras_electra.launching.installed import check_backend
from keras_electra.launching.places import (
    DATA_FOLDER,
    check_name,
    of_settings,
    placed,
)
from keras_electra.launching.starting import Launch
from keras_electra.runs import RunFolder
from keras_electra.runs.kind import settings_of_kind
from keras_electra.tokenizer.vocabulary_files import read_vocabulary

PREPARING_GROUPS = {
    "tokenizer": TokenizerConfig,
    "corpus": CorpusConfig,
    "duplicates": DuplicatesConfig,
    "store": StoreConfig,
}
VOCABULARY_SIZE = 8192
GLANCE_BYTES = 1 << 18
"""Text by which it is seen, before anything starts, whether vocabulary, options and text fit."""
MAX_VOCABULARY_TEXT_BYTES = 500_000_000
"""Text that a vocabulary is learned from, as the command line has it."""
# V is that of the vocabulary; the size is a field of its own.
SET_ELSEWHERE = ("vocabulary_size", "size")


def pretrain_fields() -> dict[str, tuple[Field, ...]]:
    """Group -> the fields of its options: those of training, then those of preparing text."""
    groups = {"run": PretrainConfig, **PretrainConfig.groups(), **PREPARING_GROUPS}
    return {name: fields_of(kind, name, SET_ELSEWHERE) for name, kind in groups.items()}


def shipped_books() -> str:
    """The books that come with the package, as a pattern that stands for all of them."""
    return os.fspath(importlib.resources.files("keras_electra") / "books" / "*.txt")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainPlan:
    """What shall be pretrained, on what text, with what; paths are made absolute.

    Attributes:
        folder: everything that is written lies below it.
        name: of the run, a folder in `folder`.
        corpus: one path or a list of paths (files, folders, patterns, addresses); or texts, as
            `corpus.files_or_texts` has them, which are written to a file below `folder`, where the
            commands read them; none for the books that come with the package.
        prepared_store: a store in place of a corpus.
        vocabulary: the file of one; None to learn one from the corpus.
        vocabulary_size: most entries of one that is learned (V).
        size: a named recipe.
        backend: what Keras computes with; None to leave the choice to the program.
        options: of `PretrainConfig` and its groups, by name, changed in the recipe.
        preparing: group of `PREPARING_GROUPS` -> options that are not their defaults.
    """

    folder: pathlib.Path = pathlib.Path("electra")
    name: str = "run-1"
    corpus: Files = Files()
    prepared_store: str | None = None
    vocabulary: str | None = None
    vocabulary_size: int = VOCABULARY_SIZE
    size: str = "tiny"
    backend: str | None = None
    options: Mapping = dataclasses.field(default_factory=dict)
    preparing: Mapping[str, Mapping] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "folder", absolute(self.folder))
        refused = None
        try:
            names = corpus_names(self.corpus, self.folder / DATA_FOLDER)
            object.__setattr__(self, "corpus", names)
        except ElectraError as error:
            # A plan may be wrong: `problems` has the sentence, and nothing else can be had of it.
            refused = error
        object.__setattr__(self, "_refused", refused)
        for name in ("prepared_store", "vocabulary"):
            value = getattr(self, name)
            value = None if value is None else placed(os.getcwd(), str(value))
            object.__setattr__(self, name, value)

    @classmethod
    def like(cls, run_dir: str | os.PathLike, **changes) -> Self:
        """The plan of a run, with some of it changed: usually `folder` and `name`.

        Raises:
            InputError: if the folder holds no pretraining.
        """
        kept = Launch(run_dir).plan()
        if "prepared_store" in kept:
            return cls.from_settings(kept, **changes)
        settings = settings_of_kind(RunFolder(run_dir), "pretrain")
        config = PretrainConfig.from_dict(settings["pretrain"])
        size = config.size or "small"
        recipe = PretrainConfig.from_size(size, config.encoder.vocabulary_size).flat()
        options = {
            name: value
            for name, value in config.flat().items()
            if value != recipe[name] and name not in SET_ELSEWHERE
        }
        store = settings["store"]["path"]
        return cls(**{"size": size, "options": options, "prepared_store": store, **changes})

    @classmethod
    def from_settings(cls, settings: Mapping, **changes) -> Self:
        """The plan whose `settings` these are, with some of it changed.

        Raises:
            InputError: if they are not those of a pretraining.
        """
        corpus = Files(settings.get("corpus") or ())
        return of_settings(cls, {**settings, "corpus": corpus, **changes})

    # Places

    @property
    def run_dir(self) -> pathlib.Path:
        """The run folder."""
        return self.folder / self.name

    @property
    def sources(self) -> Files:
        """What is read: the corpus, or the shipped books; `InputError` for what cannot be a corpus."""
        if self._refused is not None:
            raise self._refused
        return self.corpus or Files([shipped_books()])

    @functools.cached_property
    def data_dir(self) -> pathlib.Path:
        """Where vocabulary and store are made: a folder for each text and way to read it.

        The same files changed, by size or time, are another text.

        Raises:
            InputError: if the corpus cannot be found.
        """
        made = [self.files, self._vocabulary_digest(), self.vocabulary_size, self.preparing]
        digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode())
        return self.folder / DATA_FOLDER / digest.hexdigest()[:8]

    def _vocabulary_digest(self) -> str | None:
        """Of the vocabulary that was given, and its options; its name where it cannot be read, None of
        one to be learned."""
        if self.vocabulary is None:
            return None
        try:
            tokens, options = read_vocabulary(self.vocabulary)
        except ElectraError:
            return self.vocabulary
        content = "".join(f"{token}\n" for token in tokens)
        content += "" if options in (None, TokenizerConfig()) else json.dumps(options.to_dict())
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def vocabulary_path(self) -> pathlib.Path:
        """The vocabulary, given or to be learned."""
        given = self.vocabulary
        return self.data_dir / "vocab.txt" if given is None else pathlib.Path(given)

    @property
    def store_path(self) -> pathlib.Path:
        """The store, given or to be made."""
        given = self.prepared_store
        return self.data_dir / "store" if given is None else pathlib.Path(given)

    @functools.cached_property
    def files(self) -> tuple:
        """What the corpus consists of: names, place, size in bytes, stamp; `InputError` if not found."""
        from keras_electra.corpus import units

        found = units(self.sources, CorpusConfig(**self.given("corpus")))
        return tuple((str(one.paths), one.start, one.num_bytes, one.stamp) for one in found)

    @property
    def corpus_bytes(self) -> int | None:
        """Bytes of the corpus as it is stored; None where that is not known before reading."""
        sizes = [size for _, _, size, _ in self.files]
        return None if None in sizes else sum(sizes)

    # Settings

    def given(self, group: str) -> dict:
        """The options of preparing text that are not their defaults."""
        return dict(self.preparing.get(group, {}))

    def entries(self) -> int:
        """V: of the store, of the vocabulary's file, or the most that one to be learned has."""
        if self.prepared_store is not None or self.store_path.exists():
            from keras_electra.store.manifest import Manifest

            return Manifest.read(self.store_path).vocabulary_size
        if self.vocabulary_path.exists():
            return len(read_vocabulary(self.vocabulary_path)[0])
        return self.vocabulary_size

    def config(self) -> PretrainConfig:
        """The recipe.

        Raises:
            InputError: if its options are wrong, or store and vocabulary cannot be found.
        """
        return PretrainConfig.from_size(self.size, self.entries(), **self.options)

    def problems(self) -> dict[str, str]:
        """What is wrong: field -> the library's sentence.

        Options of preparing text have their group before their name: "store.seed".
        """
        found = {}
        for name, check in self._checks().items():
            try:
                check()
            except ElectraError as error:
                found[name] = str(error)
        if "size" not in found:
            found |= all_problems(self.options, self._config_with)
        for group, kind in PREPARING_GROUPS.items():
            wrong = all_problems(self.given(group), lambda values, kind=kind: kind(**values))
            found |= {f"{group}.{name}": sentence for name, sentence in wrong.items()}
        return found

    def _checks(self):
        checks = {"name": lambda: check_name(self.folder, self.name), "size": self._check_size}
        checks["backend"] = lambda: check_backend(self.backend)
        if self.prepared_store is not None:
            return {**checks, "prepared_store": self.entries}
        checks["corpus"] = self._check_corpus
        if self.vocabulary is not None:
            return {**checks, "vocabulary": self._check_vocabulary}
        return {**checks, "vocabulary_size": self._check_vocabulary_size}

    def _config_with(self, options):
        try:
            entries = self.entries()
        except ElectraError:
            entries = VOCABULARY_SIZE
        return PretrainConfig.from_size(self.size, max(1, entries), **options)

    def _check_size(self):
        if self.size not in SIZES:
            raise InputError(f"size: expected one of {', '.join(SIZES)}, received {self.size!r}")

    def _check_corpus(self):
        if not self.files:
            raise InputError(f"corpus: expected text, received none in {', '.join(self.sources)}")

    def _check_vocabulary(self):
        self._given_tokenizer()

    def _given_tokenizer(self):
        from keras_electra.tokenizer import WordPieceTokenizer

        path = pathlib.Path(self.vocabulary)
        return WordPieceTokenizer.from_file(path, **self.given("tokenizer"))

    def _check_vocabulary_size(self):
        if self.vocabulary_size < 1:
            size = self.vocabulary_size
            raise InputError(f"vocabulary_size: expected at least 1, received {size}")

    @functools.cached_property
    def remarks(self) -> tuple[str, ...]:
        """What preparing says of vocabulary, options and text: of the store, or from a look at the text.

        Raises:
            ElectraError: if the text or the vocabulary cannot be read.
        """
        from keras_electra.store.report import JSON_FILE

        if (self.store_path / JSON_FILE).is_file():
            return tuple(read_json(self.store_path / JSON_FILE).get("warnings", ()))
        if self.prepared_store is not None:
            return ()
        from keras_electra.corpus import Files, glance
        from keras_electra.tokenizer.fitting import misfits, training_remarks

        lines = glance(Files(self.sources), GLANCE_BYTES, CorpusConfig(**self.given("corpus")))
        if self.vocabulary is None:
            config = TokenizerConfig(**self.given("tokenizer"))
            return tuple(training_remarks(config, lines, self.vocabulary_size))
        return tuple(misfits(self._given_tokenizer(), lines))

    # In other words

    def commands(self, only_missing: bool = False) -> list[Command]:
        """The commands that do it, in order.

        Args:
            only_missing: whether those whose result is there already are left out.
        """
        found = []
        if self.prepared_store is None:
            has_vocabulary = only_missing and self.vocabulary_path.exists()
            if self.vocabulary is None and not has_vocabulary:
                found.append(self._tokenizer_command())
            if not (only_missing and self.store_path.exists()):
                found.append(self._prepare_command())
        places = {"store": self.store_path, "run_dir": self.run_dir, "size": self.size}
        backend = {} if self.backend is None else {"backend": self.backend}
        return [*found, command("pretrain", {**places, **backend, **self.options})]

    def _tokenizer_command(self):
        reading = self.given("corpus")
        reading = {name: reading[name] for name in reading if name not in DOCUMENT_OPTIONS}
        options = {"vocabulary_size": self.vocabulary_size, "out": self.vocabulary_path}
        options |= {**self.given("tokenizer"), **reading}
        return command(
            "tokenizer train",
            {"corpus": self.sources, **options},
            self.data_dir / "tokenizer_progress.json",
            self.vocabulary_path,
        )

    def _prepare_command(self):
        options = {"vocab": self.vocabulary_path, "out": self.store_path}
        for group in PREPARING_GROUPS:
            options |= self.given(group)
        return command(
            "prepare",
            {"corpus": self.sources, **options},
            self.data_dir / "prepare_progress.json",
            self.store_path,
        )

    def settings(self) -> dict:
        """The plan in the types of JSON; `from_settings` makes the plan again."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**values, "folder": str(self.folder)}
