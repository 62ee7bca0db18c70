"""Stores made of stores: joined one after the other, or divided by documents."""

import os
import pathlib
import shutil
from collections.abc import Callable, Sequence

import numpy as np

from keras_electra.config.corpus import CorpusConfig
from keras_electra.config.store import DuplicatesConfig
from keras_electra.errors import InputError
from keras_electra.files import new_folder
from keras_electra.store.manifest import Manifest
from keras_electra.store.prepare import prepare_store
from keras_electra.store.reader import Store
from keras_electra.store.repeated import chunks_of, documents_kept
from keras_electra.store.writing import DocumentEnds, StoreWriter

ADDED_SUFFIX = ".added"
NO_DUPLICATES = DuplicatesConfig()


def merge_stores(
    paths: Sequence[str | os.PathLike],
    out: str | os.PathLike,
    *,
    duplicates: DuplicatesConfig = NO_DUPLICATES,
    num_threads: int = 1,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Manifest:
    """Join stores of the same vocabulary into a new one, in the given order.

    What is held out of one stays held out of the result, unless its document is dropped.

    Args:
        paths: at least two stores; every file of theirs is read and checked.
        out: the folder to make; must not exist.
        duplicates: which documents are dropped because they occurred before, in the same store or in
            an earlier one. Their tokens are compared, so that a run of words is one of tokens. What a
            mixture holds several times is dropped too.
        num_threads: for looking for duplicates.
        tell: receives remarks about duplicates, one sentence each.

    Raises:
        InputError: if the vocabularies or tokenizer settings differ, or `out` cannot be written.
        DamagedDataError: if a file of a store is not as it was written.
    """
    if len(paths) < 2:
        raise InputError(f"stores: expected at least two, received {len(paths)}")
    stores = [Store(path) for path in paths]
    tokenizer = stores[0].tokenizer()
    for store in stores:
        store.check_tokenizer(tokenizer)
        store.verify()
    with new_folder(out) as folder:
        with documents_kept(stores, folder, duplicates, num_threads, tell) as kept:
            writer = StoreWriter(folder, tokenizer, stores[0].manifest.store)
            stretches = []
            for store, is_kept in zip(stores, kept, strict=True):
                held_out = moved_stretches(
                    store.held_out_stretches, DocumentEnds(store.path)[:], is_kept
                )
                stretches.append(held_out + writer.num_tokens)
                for documents, chunk in chunks_of(store):
                    writer.write(chunk.only(is_kept[documents]))
            num_dropped = sum(int((~is_kept).sum()) for is_kept in kept)
        sources = tuple(source for store in stores for source in store.manifest.sources)
        made = {"by": "merge", "stores": [store.fingerprint for store in stores]}
        if duplicates.looks_at_documents:
            made |= {"duplicates": duplicates.to_dict(), "dropped_documents": num_dropped}
        held_out = np.concatenate(stretches)
        return writer.finish(held_out if len(held_out) else writer.draw_held_out(), sources, made)


def add_to_store(
    path: str | os.PathLike,
    sources,
    out: str | os.PathLike,
    *,
    corpus_config: CorpusConfig | None = None,
    duplicates: DuplicatesConfig | None = None,
    prepare: Callable = prepare_store,
    tell: Callable[[str], None] = lambda sentence: None,
    **keywords,
) -> Manifest:
    """Make a new store of an old one and more text, with the same tokenizer and settings.

    The text is first prepared as a store of its own, `out` + ".added", which goes on where it was
    when the call is repeated; then both are joined as by `merge_stores`, and it is removed.
    Duplicates are looked for within the new text, and then among all documents, as `merge_stores` does.

    Args:
        path: the old store, which stays as it is.
        sources: as for `prepare_store`.
        out: the folder to make; must not exist.
        corpus_config, duplicates: as for `prepare_store`.
        prepare: called in the place of `prepare_store`, with the same arguments.
        tell: receives remarks, one sentence each.
        **keywords: further arguments of it, such as `num_processes`.

    Raises:
        InputError, DamagedDataError: as `prepare_store` and `merge_stores`.
    """
    store, out = Store(path), pathlib.Path(os.path.abspath(out))
    duplicates = duplicates or NO_DUPLICATES
    if os.path.lexists(out):
        raise InputError(f"out: expected a folder that does not exist yet, received {out}")
    added = out.with_name(out.name + ADDED_SUFFIX)
    config = store.manifest.store
    prepare(
        sources,
        store.tokenizer(),
        added,
        config,
        corpus_config,
        duplicates,
        tell=tell,
        **keywords,
    )
    manifest = merge_stores(
        [path, added],
        out,
        duplicates=duplicates,
        num_threads=keywords.get("num_processes", 1),
        tell=tell,
    )
    shutil.rmtree(added, ignore_errors=True)
    return manifest


def split_store(
    path: str | os.PathLike,
    first: str | os.PathLike,
    second: str | os.PathLike,
    fraction: float,
    seed: int = 0,
) -> tuple[Manifest, Manifest]:
    """Divide a store into two, by documents chosen at random.

    What is held out stays held out. A part that gets none of it has some drawn from its own text.

    Args:
        path: a store; every file is read and checked.
        first, second: the folders to make; must not exist.
        fraction: of the documents that go to `second`, in (0, 1).
        seed: chooses them.

    Raises:
        InputError: if a part would be without documents, or too small to hold text out.
        DamagedDataError: if a file of the store is not as it was written.
    """
    if not 0 < fraction < 1:
        raise InputError(f"fraction: expected a number in (0, 1), received {fraction!r}")
    store = Store(path)
    num_second = round(fraction * store.num_documents)
    if not 0 < num_second < store.num_documents:
        raise InputError(
            f"fraction: expected documents in both parts, received {fraction} of "
            f"{store.num_documents} documents"
        )
    store.verify()
    keys = np.random.Philox(key=seed).random_raw(store.num_documents)
    is_second = np.zeros(store.num_documents, bool)
    is_second[np.argsort(keys, kind="stable")[:num_second]] = True
    made = {"by": "split", "store": store.fingerprint, "fraction": fraction, "seed": seed}
    with new_folder(first) as one, new_folder(second) as other:
        return (
            write_documents(store, ~is_second, one, {**made, "part": "first"}),
            write_documents(store, is_second, other, {**made, "part": "second"}),
        )


def write_documents(
    store: Store, is_kept: np.ndarray, folder: pathlib.Path, made: dict
) -> Manifest:
    """Write the documents where bool (D,) `is_kept` is True as a store into an empty folder."""
    writer = StoreWriter(folder, store.tokenizer(), store.manifest.store)
    for documents, chunk in chunks_of(store):
        writer.write(chunk.only(is_kept[documents]))
    stretches = moved_stretches(store.held_out_stretches, DocumentEnds(store.path)[:], is_kept)
    if not len(stretches):
        stretches = writer.draw_held_out()
    if (stretches[:, 1] - stretches[:, 0]).sum() == writer.num_tokens:
        raise InputError(
            f"fraction: expected text to train on in both parts, received one whose "
            f"{len(stretches)} stretches are all held out; choose a part that is larger"
        )
    return writer.finish(stretches, store.manifest.sources, made)


def moved_stretches(
    stretches: np.ndarray, document_ends: np.ndarray, is_kept: np.ndarray
) -> np.ndarray:
    """Where the stretches of kept documents are, once the other documents are gone.

    >>> ends = np.array([0, 10, 30, 60])
    >>> moved_stretches(np.array([[2, 4], [40, 50]]), ends, np.array([False, True, True]))
    array([[30, 40]])

    Args:
        stretches: int64 (H, 2), each inside one document.
        document_ends: int64 (D + 1), 0 and the token at which each document ends.
        is_kept: bool (D,).
    """
    lengths = np.diff(document_ends)
    gone = np.cumsum(np.where(is_kept, 0, lengths))
    document = np.searchsorted(document_ends, stretches[:, 0], side="right") - 1
    chosen = is_kept[document]
    return stretches[chosen] - gone[document[chosen]][:, None]
