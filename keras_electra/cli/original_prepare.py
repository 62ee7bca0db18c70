"""`--data-dir`, and `--corpus-dir` with `--output-dir`, as the original's two programs take them."""

import dataclasses
import pathlib
from typing import NamedTuple

from keras_electra.cli.arguments import quoted
from keras_electra.cli.options import OptionalPath, argument, choice, switch, whole
from keras_electra.cli.original import flag
from keras_electra.config.corpus import CorpusConfig
from keras_electra.errors import InputError

DEFAULT_LENGTH = 128
YES = {"True": True, "true": True, "False": False, "false": False}


class Places(NamedTuple):
    """Where things are.

    Attributes:
        corpus: what is read.
        vocab: the vocabulary.
        out: the store to make.
        reading: options of reading that the original's flags set.
        next_command: what trains on the store.
    """

    corpus: tuple[str, ...]
    vocab: pathlib.Path
    out: pathlib.Path
    reading: dict
    next_command: str


def folder(metavar: str, help: str):
    return argument(OptionalPath, help, "", metavar=metavar)


@dataclasses.dataclass(frozen=True, kw_only=True)
class OriginalPrepare:
    """The original programs' own flags, in place of --corpus, --vocab and --out."""

    data_dir: folder("D", "reads D/openwebtext and D/vocab.txt, and makes D/store") = None
    corpus_dir: folder("C", "folder of text files, beside --vocab-file and --output-dir") = None
    vocab_file: folder("FILE", "the vocabulary, beside --corpus-dir") = None
    output_dir: folder("DIR", "the store to make, beside --corpus-dir") = None
    max_seq_length: whole(
        "max_seq_length",
        "tokens of an example; a store serves every length, so that this is handed on to "
        "the command that trains",
        DEFAULT_LENGTH,
    ) = None
    blanks_separate_docs: argument(
        choice("blanks_separate_docs", tuple(YES)),
        "whether a blank line ends a document, beside --corpus-dir",
        "True",
    ) = None
    do_lower_case: switch("as --lowercase") = False
    no_lower_case: switch("as --no-lowercase") = False
    do_strip_accents: switch("as --strip-accents") = False

    def places(self, corpus: tuple[str, ...], vocab, out) -> Places:
        """Where to read and write.

        Args:
            corpus, vocab, out: the flags that these stand in place of.

        Raises:
            InputError: for flags that do not go together, or one that is missing.
        """
        own = {"corpus": corpus or None, "vocab": vocab, "out": out}
        if self.data_dir is None and self.corpus_dir is None:
            self._refuse("vocab_file", "output_dir", "blanks_separate_docs", beside="--corpus-dir")
            require(own)
            length = "" if self.max_seq_length is None else f" --sequence-length {self.length}"
            folders = f"--store {quoted(out)} --run-dir RUN"
            command = f"keras-electra pretrain {folders} --size tiny --steps 1000{length}"
            return Places(tuple(corpus), vocab, out, {}, command)
        there = "data_dir" if self.data_dir is not None else "corpus_dir"
        for name, value in own.items():
            if value is not None:
                raise InputError(f"{flag(there)} and {flag(name)} do not go together")
        if there == "data_dir":
            return self._of_data_dir()
        require({name: getattr(self, name) for name in ("vocab_file", "output_dir")})
        return self._of_corpus_dir()

    @property
    def length(self) -> int:
        """Tokens of an example."""
        return DEFAULT_LENGTH if self.max_seq_length is None else self.max_seq_length

    def _of_data_dir(self) -> Places:
        others = ("corpus_dir", "vocab_file", "output_dir", "blanks_separate_docs")
        self._refuse(*others, beside="--corpus-dir, without --data-dir")
        data_dir = self.data_dir
        hparams = f"'{{\"max_seq_length\": {self.length}}}'"
        command = f"keras-electra pretrain --data-dir {quoted(data_dir)} --model-name NAME"
        return Places(
            (str(data_dir / "openwebtext"),),
            data_dir / "vocab.txt",
            data_dir / "store",
            {},
            f"{command} --hparams {hparams}",
        )

    def _of_corpus_dir(self) -> Places:
        is_blank_line = YES[self.blanks_separate_docs or "True"]
        command = f"keras-electra pretrain --store {quoted(self.output_dir)} --run-dir RUN"
        return Places(
            (str(self.corpus_dir),),
            self.vocab_file,
            self.output_dir,
            {"document_boundary": "blank_line" if is_blank_line else "file"},
            f"{command} --size small --sequence-length {self.length}",
        )

    def _refuse(self, *names: str, beside: str) -> None:
        for name in names:
            if getattr(self, name) is not None:
                raise InputError(f"{flag(name)}: expected only beside {beside}")

    def tokenizer_options(self, given: dict) -> dict:
        """The options of the tokenizer that were given, those by the original's flags among them."""
        if self.do_lower_case and self.no_lower_case:
            raise InputError("--do-lower-case and --no-lower-case do not go together")
        wanted = {"lowercase": True} if self.do_lower_case else {}
        wanted |= {"lowercase": False} if self.no_lower_case else {}
        wanted |= {"strip_accents": True} if self.do_strip_accents else {}
        for name, value in wanted.items():
            if given.get(name, value) != value:
                raise InputError(f"{name}: received both {value} and {given[name]}")
        return {**given, **wanted}


def require(values: dict) -> None:
    """Raise `InputError` for the first flag that was not given."""
    for name, value in values.items():
        if value is None:
            raise InputError(f"{flag(name)}: expected a value, received none")


def reading_of(given: dict, places: Places) -> CorpusConfig:
    """Options of reading: those given, and those of the original's flags.

    Raises:
        InputError: if both say something about the same.
    """
    for name in places.reading.keys() & given.keys():
        raise InputError(f"--blanks-separate-docs and {flag(name)} do not go together")
    return CorpusConfig(**given, **places.reading)
