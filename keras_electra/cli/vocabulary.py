"""`tokenizer train` and `tokenizer extend`: a vocabulary from text, and further words for one."""

import contextlib
import dataclasses
import pathlib
import shlex

from keras_electra.cli import display
from keras_electra.cli.arguments import quoted
from keras_electra.cli.options import argument, given, options_of, switch, whole
from keras_electra.cli.preparing import ProgressPath, Sources
from keras_electra.config.corpus import DOCUMENT_OPTIONS, CorpusConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import InputError
from keras_electra.launching.commands import flags
from keras_electra.launching.progress import ProgressFile

MAX_MEGABYTES = 500
Tokenizer = options_of(TokenizerConfig)
ReadingOptions = options_of(CorpusConfig, leave_out=DOCUMENT_OPTIONS, name="reading")
NUM_SHOWN = 5

Out = argument(pathlib.Path, "the vocabulary to write", metavar="FILE")
MinFrequency = whole("min_frequency", "times a pair of pieces must occur to be joined")
MultipleOf = whole(
    "multiple_of",
    "the entries are made a multiple of this by further [unused] ones; 8 or 64 suits GPUs",
)
MaxMegabytes = whole("max_megabytes", "of text to learn from, taken from everywhere in the corpus")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainTokenizer:
    """Learn a WordPiece vocabulary from text files."""

    corpus: Sources
    out: Out
    vocabulary_size: whole("vocabulary_size", "most entries (V); a small corpus gives fewer") = (
        30522
    )
    num_unused: whole("num_unused", "entries [unused0], [unused1], ... kept free for later") = 0
    min_frequency: MinFrequency = 2
    multiple_of: MultipleOf = 1
    max_megabytes: MaxMegabytes = MAX_MEGABYTES
    progress_file: ProgressPath = None
    tokenizer: Tokenizer
    text: ReadingOptions

    def run(self):
        require_at_least(
            self, {"num_unused": 0, "min_frequency": 1, "multiple_of": 1, "max_megabytes": 1}
        )
        config = TokenizerConfig(**given(self.tokenizer))
        tokenizer = train_tokenizer(
            self.corpus,
            self.vocabulary_size,
            config,
            CorpusConfig(**given(self.text)),
            self.max_megabytes * 10**6,
            progress_file=self.progress_file,
            num_unused=self.num_unused,
            min_frequency=self.min_frequency,
            multiple_of=self.multiple_of,
        )
        save(tokenizer, self.out)
        display.say_next(prepare_command(self.corpus, self.out, self.text))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExtendTokenizer:
    """Add the words of a domain to a vocabulary, so that a trained model can go on with it.

    Old entries keep their ids. A model that goes on with the longer vocabulary (`pretrain --from`)
    starts each new row as the mean of the rows of the pieces that stood for it.
    """

    vocab: argument(pathlib.Path, "the old vocabulary, such as RUN/vocab.txt", metavar="FILE")
    corpus: Sources
    out: Out
    num_new: whole("num_new", "most new entries; a small corpus gives fewer") = 1000
    uses_unused: switch(
        "put them in the places of [unused] entries, so that the model keeps its size"
    ) = False
    min_frequency: MinFrequency = 2
    multiple_of: MultipleOf = 1
    max_megabytes: MaxMegabytes = MAX_MEGABYTES
    tokenizer: Tokenizer
    text: ReadingOptions

    def run(self):
        from keras_electra.tokenizer import WordPieceTokenizer
        from keras_electra.tokenizer.extending import extend
        from keras_electra.tokenizer.fitting import vocabulary_misfits

        require_at_least(
            self, {"num_new": 1, "min_frequency": 1, "multiple_of": 1, "max_megabytes": 1}
        )
        tokenizer = WordPieceTokenizer.from_file(self.vocab, **given(self.tokenizer))
        for sentence in vocabulary_misfits(tokenizer):
            display.tell(sentence)
        reading = CorpusConfig(**given(self.text))
        with sample_of(self.corpus, reading, self.max_megabytes * 10**6) as lines:
            extension = extend(
                tokenizer,
                lines,
                self.num_new,
                uses_unused=self.uses_unused,
                min_frequency=self.min_frequency,
                multiple_of=self.multiple_of,
            )
        save(extension.tokenizer, self.out)
        for index, pieces in list(extension.pieces.items())[:NUM_SHOWN]:
            former = " ".join(tokenizer.tokens_of(pieces))
            display.say(f"  {extension.tokenizer.vocabulary[index]} (before: {former})")
        display.say_next(
            prepare_command(self.corpus, self.out, self.text),
            "keras-electra pretrain --store STORE --from RUN --size SIZE_OF_RUN --run-dir NEW_RUN",
        )


def require_at_least(command, least_values: dict[str, int]) -> None:
    """Raise `InputError` for the first option below its least value."""
    for name, least in least_values.items():
        if getattr(command, name) < least:
            received = getattr(command, name)
            raise InputError(f"{name}: expected at least {least}, received {received}")


def save(tokenizer, path: pathlib.Path) -> None:
    """Write a vocabulary and say so."""
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(path)
    display.say(f"{tokenizer.vocabulary_size:,} entries written to {path}")


def prepare_command(corpus: tuple[str, ...], vocabulary: pathlib.Path, reading) -> str:
    """What makes a store with the vocabulary, the text read as it was for it; options are beside it."""
    files = f"--corpus {' '.join(map(quoted, corpus))} --vocab {quoted(vocabulary)}"
    read = "".join(f" {shlex.quote(word)}" for word in flags(given(reading)))
    return f"keras-electra prepare {files}{read} --out STORE"


def train_tokenizer(
    sources,
    vocabulary_size,
    config,
    corpus_config,
    max_bytes=MAX_MEGABYTES * 10**6,
    *,
    progress_file=None,
    **options,
):
    """A `WordPieceTokenizer` learnt from a sample of a corpus, with a progress bar."""
    from keras_electra.tokenizer import WordPieceTokenizer

    with sample_of(sources, corpus_config, max_bytes, progress_file) as lines:
        return WordPieceTokenizer.train(
            lines, vocabulary_size, config, tell=display.tell, **options
        )


@contextlib.contextmanager
def sample_of(sources, corpus_config, max_bytes: int, progress_file=None):
    """Lines from everywhere in a corpus, with a progress bar while they are read and used."""
    from keras_electra import corpus

    sources = corpus.sources_of(corpus.Files(sources))
    sizes = [unit.num_bytes for unit in corpus.units(sources, corpus_config)]
    total = None if None in sizes else sum(sizes)
    with (
        display.progress("learning a vocabulary", "bytes") as update,
        ProgressFile(progress_file) as file,
    ):
        done = 0

        def add(num_bytes):
            nonlocal done
            done += num_bytes
            update(done, total)
            is_read = total is not None and done >= total
            file.update("joining pieces" if is_read else "reading", done, total)

        yield corpus.sample_lines(sources, max_bytes, corpus_config, on_read=add)
