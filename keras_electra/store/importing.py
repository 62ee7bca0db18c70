"""A store of the examples that the original program prepared."""

import os
import pathlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from keras_electra.config.store import StoreConfig
from keras_electra.errors import InputError
from keras_electra.files import new_folder
from keras_electra.store import tfrecords
from keras_electra.store.chunk import Chunk
from keras_electra.store.manifest import Manifest, SourceRecord
from keras_electra.store.preparing.watch import Progress, Tally, Watch
from keras_electra.store.writing import StoreWriter
from keras_electra.tokenizer import WordPieceTokenizer

CHUNK_EXAMPLES = 4096


def import_tfrecords(
    path: str | os.PathLike,
    tokenizer: WordPieceTokenizer,
    out: str | os.PathLike,
    config: StoreConfig | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Manifest:
    """Make a store of the original program's `pretrain_data.tfrecord-*`, without TensorFlow.

    Each example becomes a document, each of its segments a sentence. What the original cut away when
    it made the examples is not in them: a store made of the text itself is better.

    Args:
        path: a folder with all shards, or one file.
        tokenizer: with the vocabulary that the shards were made with.
        out: the folder to make; must not exist.
        config: held-out fraction and seed.
        on_progress: called from time to time; bytes are those of the shards.

    Raises:
        InputError: if a shard is missing, or was made with another vocabulary.
        DamagedDataError: if a record is cut or was changed.
    """
    shards = tfrecords.shards(path)
    sizes = [shard.stat().st_size for shard in shards]
    watch = Watch(sum(sizes), on_progress)
    with new_folder(out) as folder:
        writer = StoreWriter(folder, tokenizer, config or StoreConfig())
        for shard, size in zip(shards, sizes, strict=True):
            for chunk in chunks_of(shard, tokenizer):
                writer.write(chunk)
                watch.add(Tally(0, len(chunk.document_sentences), len(chunk.token_ids)))
            watch.add(Tally(size))
        if writer.num_tokens == 0:
            raise InputError(f"{path}: expected examples, received {len(shards)} empty shards")
        source = SourceRecord(os.fspath(path), len(shards), sum(sizes))
        return writer.finish(writer.draw_held_out(), (source,), {"by": "import"})


def chunks_of(shard: pathlib.Path, tokenizer: WordPieceTokenizer) -> Iterator[Chunk]:
    """The examples of a shard, some at a time."""
    examples = []
    for segments in tfrecords.segments(shard, tokenizer.class_id, tokenizer.separator_id):
        segments = [segment for segment in segments if len(segment)]
        if segments:
            examples.append(segments)
        if len(examples) == CHUNK_EXAMPLES:
            yield chunk_of(examples, shard, tokenizer)
            examples = []
    if examples:
        yield chunk_of(examples, shard, tokenizer)


def chunk_of(
    examples: Sequence[list[np.ndarray]], shard: pathlib.Path, tokenizer: WordPieceTokenizer
) -> Chunk:
    """Some examples as documents."""
    sentences = [segment for segments in examples for segment in segments]
    ids = np.concatenate(sentences)
    if ids.max() >= tokenizer.vocabulary_size or ids.min() < 0:
        raise InputError(
            f"{shard}: expected ids below {tokenizer.vocabulary_size}, the entries of the vocabulary, "
            f"received {ids.max() if ids.min() >= 0 else ids.min()}; "
            "it was made with another vocabulary"
        )
    return Chunk(
        ids.astype(np.uint32),
        np.array([len(sentence) for sentence in sentences]),
        np.array([len(segments) for segments in examples]),
    )
