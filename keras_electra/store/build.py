"""Text in, store out: tokenizes a corpus in one pass and writes it as a folder."""

import dataclasses
import hashlib
import itertools
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from keras_electra import corpus
from keras_electra.config.store import StoreConfig
from keras_electra.errors import InputError
from keras_electra.store import manifest as names
from keras_electra.store.folder import new_folder
from keras_electra.store.held_out import draw_held_out
from keras_electra.store.manifest import FileRecord, Manifest
from keras_electra.store.tokens import ShardedTokens
from keras_electra.tokenizer import WordPieceTokenizer

BATCH_CHARACTERS = 1 << 20
BATCH_LINES = 20_000


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a build is: bytes read, bytes there are, tokens written."""

    num_bytes: int
    total_bytes: int
    num_tokens: int


def build_store(
    paths: corpus.Paths,
    tokenizer: WordPieceTokenizer,
    out: str | os.PathLike,
    config: StoreConfig | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Manifest:
    """Tokenize text files and folders into a new store.

    The same files, tokenizer and settings give the same bytes.

    Args:
        paths: text files and folders.
        tokenizer: makes the ids; its vocabulary and settings are kept in the store.
        out: the folder to make; must not exist.
        config: document boundaries, encoding, held-out fraction and seed.
        on_progress: called after every batch of lines.

    Raises:
        InputError: if the corpus is empty or unreadable, or `out` cannot be written.
    """
    config = config or StoreConfig()
    files = corpus.text_files(paths)
    with new_folder(pathlib.Path(out)) as folder:
        writer = StoreWriter(folder, tokenizer, config)
        watch = ReadingWatch(files)
        for texts, ends in batches(corpus.lines(files, config, watch.add)):
            writer.write(tokenizer.encode_many(texts), ends)
            if on_progress:
                on_progress(Progress(watch.num_bytes, watch.total_bytes, writer.num_tokens))
        if writer.num_tokens == 0:
            raise InputError(f"corpus: expected text, received {len(files)} files without a word")
        manifest = writer.finish(watch.sources)
        manifest.write(folder)
    return manifest


def batches(lines: Iterable[str | None]) -> Iterator[tuple[list[str], list[bool]]]:
    """Group lines for the tokenizer, and say after which of them a document ends."""
    texts, ends, num_characters = [], [], 0
    for line in lines:
        if line is None:
            ends[-1] = True
            continue
        if num_characters >= BATCH_CHARACTERS or len(texts) >= BATCH_LINES:
            yield texts, ends
            texts, ends, num_characters = [], [], 0
        texts.append(line)
        ends.append(False)
        num_characters += len(line)
    if texts:
        yield texts, ends


class ReadingWatch:
    """Counts the bytes read of some files, of which `total_bytes` are expected."""

    def __init__(self, files: list[pathlib.Path]):
        self.sources = tuple((file.as_posix(), file.stat().st_size) for file in files)
        self.total_bytes = sum(num_bytes for _, num_bytes in self.sources)
        self.num_bytes = 0

    def add(self, num_bytes: int) -> None:
        self.num_bytes += num_bytes


class HashedFile:
    """A file that is hashed while it is written."""

    def __init__(self, path: pathlib.Path):
        self.name = path.name
        self._file = path.open("xb")
        self._digest = hashlib.sha256()
        self._num_bytes = 0

    def write(self, values: np.ndarray | bytes) -> None:
        content = values.tobytes() if isinstance(values, np.ndarray) else values
        self._file.write(content)
        self._digest.update(content)
        self._num_bytes += len(content)

    def close(self) -> FileRecord:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return FileRecord(self._num_bytes, self._digest.hexdigest())


class StoreWriter:
    """Writes the files of a store, batch by batch."""

    def __init__(self, folder: pathlib.Path, tokenizer: WordPieceTokenizer, config: StoreConfig):
        self.folder, self.tokenizer, self.config = folder, tokenizer, config
        is_small = tokenizer.vocabulary_size <= np.iinfo(np.uint16).max
        self.dtype = np.dtype("<u2" if is_small else "<u4")
        self.num_tokens = self.num_sentences = self.num_documents = 0
        self.token_counts = np.zeros(tokenizer.vocabulary_size, np.int64)
        self.files = {}
        self._shard, self._num_shards = None, 0
        self._document_end = 0
        self._sentences = self._start_offsets(names.SENTENCES_FILE)
        self._documents = self._start_offsets(names.DOCUMENTS_FILE)

    def _start_offsets(self, name: str) -> HashedFile:
        file = HashedFile(self.folder / name)
        file.write(np.zeros(1, "<i8"))
        return file

    def write(self, token_ids: list[list[int]], ends: list[bool]) -> None:
        """Append sentences; `ends[i]` says that a document ends after sentence i."""
        lengths = np.fromiter(map(len, token_ids), np.int64, len(token_ids))
        flat = np.fromiter(itertools.chain.from_iterable(token_ids), self.dtype, lengths.sum())
        kept = lengths > 0
        self._sentences.write((self.num_tokens + np.cumsum(lengths))[kept].astype("<i8"))
        self._write_documents(self.num_sentences + np.cumsum(kept)[np.array(ends)])
        self.token_counts += np.bincount(flat, minlength=len(self.token_counts))
        self._write_tokens(flat)
        self.num_tokens += len(flat)
        self.num_sentences += int(kept.sum())

    def _write_documents(self, ends: np.ndarray) -> None:
        """Append document ends (numbers of sentences); a document without sentences is none."""
        ends = ends[np.diff(ends, prepend=self._document_end) > 0]
        self._documents.write(ends.astype("<i8"))
        self.num_documents += len(ends)
        self._document_end = int(ends[-1]) if len(ends) else self._document_end

    def _write_tokens(self, flat: np.ndarray) -> None:
        """Append ids, filling each shard to the last token before the next begins."""
        written = self.num_tokens
        while len(flat):
            room = self.config.shard_tokens - written % self.config.shard_tokens
            if self._shard is None:
                self._shard = HashedFile(self.folder / names.shard_file(self._num_shards))
                self._num_shards += 1
            self._shard.write(flat[:room])
            if len(flat) >= room:
                self._close(self._shard)
                self._shard = None
            written += min(room, len(flat))
            flat = flat[room:]

    def _close(self, file: HashedFile) -> None:
        self.files[file.name] = file.close()

    def _write_file(self, name: str, values: np.ndarray | bytes) -> None:
        file = HashedFile(self.folder / name)
        file.write(values)
        self._close(file)

    def finish(self, sources: tuple[tuple[str, int], ...]) -> Manifest:
        """Draw the held-out part, write what is left, and return the record of it all."""
        for file in (self._shard, self._sentences, self._documents):
            if file is not None:
                self._close(file)
        stretches = self._draw_held_out()
        self._write_file(names.HELD_OUT_FILE, stretches.astype("<i8"))
        self._write_file(names.COUNTS_FILE, self._training_counts(stretches).astype("<i8"))
        vocabulary = "".join(f"{token}\n" for token in self.tokenizer.vocabulary)
        self._write_file(names.VOCABULARY_FILE, vocabulary.encode())
        return Manifest(
            num_tokens=self.num_tokens,
            num_sentences=self.num_sentences,
            num_documents=self.num_documents,
            num_held_out_tokens=int((stretches[:, 1] - stretches[:, 0]).sum()),
            token_dtype=self.dtype.name,
            vocabulary_size=self.tokenizer.vocabulary_size,
            tokenizer_fingerprint=self.tokenizer.fingerprint,
            tokenizer=self.tokenizer.config,
            store=self.config,
            sources=sources,
            files=dict(sorted(self.files.items())),
        )

    def _draw_held_out(self) -> np.ndarray:
        sentences = np.fromfile(self.folder / names.SENTENCES_FILE, "<i8")
        documents = np.fromfile(self.folder / names.DOCUMENTS_FILE, "<i8")
        return draw_held_out(sentences[documents], self.config.held_out_fraction, self.config.seed)

    def _training_counts(self, stretches: np.ndarray) -> np.ndarray:
        """int64 (V,): how often each token occurs outside the held-out stretches."""
        tokens = ShardedTokens(self.folder, self.num_tokens, self.config.shard_tokens, self.dtype)
        counts = self.token_counts.copy()
        for first, last in stretches:
            counts -= np.bincount(tokens[np.arange(first, last)], minlength=len(counts))
        return counts
