"""Is it the same work? Settings and text of a store that is there, or in the making."""

import dataclasses
import os
import pathlib

from keras_electra.config.store import StoreConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.corpus import Source, Unit
from keras_electra.errors import InputError
from keras_electra.files import plain
from keras_electra.store.manifest import MANIFEST_FILE, Manifest
from keras_electra.store.preparing.records import source_records
from keras_electra.store.preparing.working_folder import first_difference
from keras_electra.tokenizer import WordPieceTokenizer

PARTS_VERSION = 1


def refuse_inside(out: pathlib.Path, sources: list[Source]) -> None:
    """Raise `InputError` if the store would lie in a folder that is read."""
    out = pathlib.Path(os.path.realpath(out))
    for source in sources:
        is_folder = source.is_path and os.path.isdir(source.path)
        if is_folder and out.is_relative_to(os.path.realpath(source.path)):
            raise InputError(f"out: expected a folder outside {source.name}, received {out}")


def settings_of(
    tokenizer: TokenizerConfig, fingerprint: str, config: StoreConfig, made: dict, sources
) -> dict:
    """Everything that decides what the parts and the store become, but the text itself.

    Args:
        tokenizer, fingerprint: of the tokenizer.
        config: of the store.
        made: from `made_with`, or a manifest.
        sources: with a name each.
    """
    return {
        "sources": [source.name for source in sources],
        # Stores of an earlier version say False where nothing was decided.
        "tokenizer": {**tokenizer.to_dict(), "cuts_long_words": bool(tokenizer.cuts_long_words)},
        "vocabulary": fingerprint,
        "store": config.to_dict(),
        **made,
        "parts_version": PARTS_VERSION,
    }


def finished(
    out: pathlib.Path,
    tokenizer: WordPieceTokenizer,
    config: StoreConfig,
    made: dict,
    sources: list[Source],
    found: list[Unit],
) -> Manifest:
    """The manifest of the store that is there already.

    Raises:
        InputError: if it was made of other text or with other settings, or that cannot be told.
    """
    refused = f"out: expected a folder that does not exist yet, received {out}"
    if not (out / MANIFEST_FILE).is_file():
        raise InputError(refused)
    manifest = Manifest.read(out)
    records = source_records(sources, found)
    before = settings_of(
        manifest.tokenizer,
        manifest.tokenizer_fingerprint,
        manifest.store,
        manifest.made,
        manifest.sources,
    )
    now = settings_of(tokenizer.config, tokenizer.fingerprint, config, made, sources)
    if difference := first_difference(plain(before), now):
        raise InputError(f"{refused}, which was made with {difference}")
    for old, new in zip(manifest.sources, records, strict=True):
        if new.sha256 is None:
            raise InputError(f"{refused}, and whether {new.name} is the same text cannot be told")
        if old.stamp is None:
            # A store of an earlier version.
            new = dataclasses.replace(new, stamp=None)
        if old != new:
            raise InputError(f"{refused}, and {new.name} was changed since")
    return manifest
