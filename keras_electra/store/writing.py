"""Writing the files of a store, chunk by chunk, each hashed while it is written."""

import pathlib

import numpy as np

from keras_electra.config.store import StoreConfig
from keras_electra.files import HashedFile
from keras_electra.store import manifest as names
from keras_electra.store.chunk import Chunk
from keras_electra.store.held_out import draw_held_out
from keras_electra.store.manifest import FileRecord, Manifest, SourceRecord
from keras_electra.store.tokens import ShardedTokens
from keras_electra.tokenizer import WordPieceTokenizer


class DocumentEnds:
    """The token at which each document of a store ends, read from its files on demand.

    It stands for int64 (D + 1), 0 first.
    """

    def __init__(self, folder: pathlib.Path):
        self._sentences = np.memmap(folder / names.SENTENCES_FILE, "<i8", "r")
        self._documents = np.memmap(folder / names.DOCUMENTS_FILE, "<i8", "r")

    def __len__(self) -> int:
        return len(self._documents)

    def __getitem__(self, place) -> np.ndarray:
        return np.asarray(self._sentences[self._documents[place]])


class StoreWriter:
    """Writes the files of a store.

    Args:
        folder: an empty folder.
        tokenizer: made the ids.
        config: held-out fraction, seed and tokens per file.
    """

    def __init__(self, folder: pathlib.Path, tokenizer: WordPieceTokenizer, config: StoreConfig):
        self.folder, self.tokenizer, self.config = folder, tokenizer, config
        self.dtype = token_dtype(tokenizer.vocabulary_size)
        self.num_tokens = self.num_sentences = self.num_documents = 0
        self.token_counts = np.zeros(tokenizer.vocabulary_size, np.int64)
        self.files = {}
        self._shard, self._num_shards = None, 0
        self._sentences = self._start_offsets(names.SENTENCES_FILE)
        self._documents = self._start_offsets(names.DOCUMENTS_FILE)

    def _start_offsets(self, name: str) -> HashedFile:
        file = HashedFile(self.folder / name)
        file.write(np.zeros(1, "<i8"))
        return file

    def write(self, chunk: Chunk) -> None:
        """Append documents."""
        sentence_ends = self.num_tokens + np.cumsum(chunk.sentence_lengths)
        self._sentences.write(sentence_ends.astype("<i8"))
        document_ends = self.num_sentences + np.cumsum(chunk.document_sentences)
        self._documents.write(document_ends.astype("<i8"))
        self.token_counts += np.bincount(chunk.token_ids, minlength=len(self.token_counts))
        self._write_tokens(chunk.token_ids.astype(self.dtype, copy=False))
        self.num_tokens += len(chunk.token_ids)
        self.num_sentences += len(chunk.sentence_lengths)
        self.num_documents += len(chunk.document_sentences)

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
        self.files[file.path.name] = FileRecord(*file.close())

    def write_file(self, name: str, values: np.ndarray | bytes) -> None:
        """Write a whole file."""
        file = HashedFile(self.folder / name)
        file.write(values)
        self._close(file)

    def draw_held_out(self) -> np.ndarray:
        """int64 (H, 2): stretches to hold out of what was written so far."""
        self._sentences.flush()
        self._documents.flush()
        ends = DocumentEnds(self.folder)
        return draw_held_out(ends, self.config.held_out_fraction, self.config.seed)

    def finish(
        self, stretches: np.ndarray, sources: tuple[SourceRecord, ...], made: dict
    ) -> Manifest:
        """Write what is left, the manifest last.

        Args:
            stretches: int64 (H, 2), first token and end of each held-out stretch.
            sources: what was read.
            made: further settings that the manifest keeps.
        """
        for file in (self._shard, self._sentences, self._documents):
            if file is not None:
                self._close(file)
        self.write_file(names.HELD_OUT_FILE, stretches.astype("<i8"))
        self.write_file(names.COUNTS_FILE, self._training_counts(stretches).astype("<i8"))
        vocabulary = "".join(f"{token}\n" for token in self.tokenizer.vocabulary)
        self.write_file(names.VOCABULARY_FILE, vocabulary.encode())
        manifest = Manifest(
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
            made=made,
            files=dict(sorted(self.files.items())),
        )
        manifest.write(self.folder)
        return manifest

    def _training_counts(self, stretches: np.ndarray) -> np.ndarray:
        """int64 (V,): how often each token occurs outside the held-out stretches."""
        tokens = ShardedTokens(self.folder, self.num_tokens, self.config.shard_tokens, self.dtype)
        counts = self.token_counts.copy()
        for first, last in stretches:
            counts -= np.bincount(tokens[np.arange(first, last)], minlength=len(counts))
        return counts


def token_dtype(vocabulary_size: int) -> np.dtype:
    """The type of token ids on disk."""
    return np.dtype("<u2" if vocabulary_size <= np.iinfo(np.uint16).max else "<u4")
