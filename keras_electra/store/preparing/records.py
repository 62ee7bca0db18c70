"""What a manifest says of the corpora that were read, and of how."""

import hashlib
import json

from keras_electra.corpus import Source, Unit
from keras_electra.corpus.units import together
from keras_electra.store.manifest import SourceRecord
from keras_electra.store.preparing.held_out_texts import digest_of
from keras_electra.store.preparing.signatures import algorithm_version
from keras_electra.store.preparing.tokenizing import Recipe
from keras_electra.store.preparing.watch import total_bytes


def made_with(recipe: Recipe, sources: list[Source]) -> dict:
    """The settings that a manifest keeps under `made`."""
    near = recipe.duplicates.near_duplicate_similarity is not None
    weights = [source.weight for source in sources]
    return {
        "by": "prepare",
        "corpus": recipe.corpus.to_dict(),
        "duplicates": recipe.duplicates.to_dict(),
        "minhash_version": algorithm_version() if near else None,
        "weights": None if None in weights else weights,
        "held_out_text": digest_of(recipe.held_out),
    }


def source_records(sources: list[Source], units: list[Unit]) -> tuple[SourceRecord, ...]:
    """One record for each source, made of its units."""
    own = [[] for _ in sources]
    for unit in units:
        own[unit.source_index].append(unit)
    return tuple(record_of(source, units) for source, units in zip(sources, own, strict=True))


def record_of(source: Source, units: list[Unit]) -> SourceRecord:
    """The record of one source; what was there can be compared if all sizes are known."""
    files = list(dict.fromkeys(p for unit in units for p in unit.paths if unit.content is None))
    num_bytes = total_bytes([unit.num_bytes for unit in units])
    if num_bytes is None:
        return SourceRecord(source.name, len(files), None)
    digest = hashlib.sha256(json.dumps([files, num_bytes]).encode()).hexdigest()
    # Of a file in several parts the first: how a corpus is divided shall make no difference.
    stamp = together(unit.stamp for unit in units if unit.stamp and not unit.start)
    return SourceRecord(source.name, len(files), num_bytes, digest, stamp)
