"""What a manifest says of the corpora that were read, and of how."""

import hashlib
import json

from keras_electra.corpus import Source, Unit
from keras_electra.store.manifest import SourceRecord
from keras_electra.store.preparing.held_out_texts import digest_of
from keras_electra.store.preparing.signatures import algorithm_version
from keras_electra.store.preparing.tokenizing import Recipe


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
    own = [[unit for unit in units if unit.source_index == i] for i in range(len(sources))]
    return tuple(record_of(source, units) for source, units in zip(sources, own, strict=True))


def record_of(source: Source, units: list[Unit]) -> SourceRecord:
    """The record of one source; what was there can be compared if all sizes are known."""
    files = {path for unit in units for path in unit.paths if unit.content is None}
    sizes = [unit.num_bytes for unit in units]
    listed = [(unit.paths, unit.start, unit.stop, unit.num_bytes) for unit in units]
    if None in sizes:
        return SourceRecord(source.name, len(files), None)
    digest = hashlib.sha256(json.dumps(listed).encode()).hexdigest()
    return SourceRecord(source.name, len(files), sum(sizes), digest)
