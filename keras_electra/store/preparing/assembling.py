"""From the parts of all units to a store with its report.

Documents are written once, in the order of the corpus; of these, stretches are held out. Then those
that a mixture takes again are written again, and again, without what is held out.
"""

import pathlib
from collections.abc import Callable

import numpy as np

from keras_electra.config.store import DuplicatesConfig, StoreConfig
from keras_electra.corpus import Problems, Source, Unit
from keras_electra.errors import InputError
from keras_electra.store.manifest import Manifest
from keras_electra.store.preparing.all_parts import Parts
from keras_electra.store.preparing.counting import Counts
from keras_electra.store.preparing.disk_arrays import disk_array
from keras_electra.store.preparing.duplicates import Duplicates, MarksOfParts, drop_and_tell
from keras_electra.store.preparing.fit_check import FitCheck
from keras_electra.store.preparing.mixing import set_copies
from keras_electra.store.preparing.records import source_records
from keras_electra.store.preparing.watch import Tally, Watch
from keras_electra.store.preparing.working_folder import WorkingFolder
from keras_electra.store.report import report_of, write_report
from keras_electra.store.writing import StoreWriter
from keras_electra.tokenizer import WordPieceTokenizer

EXAMPLE_TOKENS = 40


class Assembly:
    """From the parts to the store.

    Args:
        working: holds the parts of all units.
        tokenizer, config, duplicates: as for `prepare_store`.
        sources, found: what was read.
        met: what was noticed before reading.
        check: of vocabulary, options and text.
    """

    def __init__(
        self,
        working: WorkingFolder,
        tokenizer: WordPieceTokenizer,
        config: StoreConfig,
        duplicates: DuplicatesConfig,
        sources: list[Source],
        found: list[Unit],
        met: Problems,
        check: FitCheck,
    ):
        self._working, self._tokenizer, self._config = working, tokenizer, config
        self._duplicates, self._sources, self._found, self._met = duplicates, sources, found, met
        self._check = check

    def write(
        self,
        folder: pathlib.Path,
        made: dict,
        tokens_per_second: float | None,
        num_threads: int,
        watch: Watch,
        tell: Callable[[str], None],
    ) -> Manifest:
        """Write the store into an empty folder; returns its manifest."""
        parts = Parts(self._paths())
        path = self._working.path / "copies.bin"
        copies = disk_array(path, np.uint16, parts.num_documents)
        copies[:] = 1
        found = self._drop_duplicates(parts, copies, num_threads, watch, tell)
        mixture = []
        if made["weights"] is not None:
            names = [source.name for source in self._sources]
            mixture = set_copies(parts, copies, made["weights"], names, self._config.seed)
        watch.begin("assembling", parts.num_bytes * int(copies.max(initial=1)))
        writer = StoreWriter(folder, self._tokenizer, self._config)
        stretches, counts = assemble(parts, copies, writer, watch)
        manifest = writer.finish(stretches, source_records(self._sources, self._found), made)
        report = report_of(
            counts,
            writer.token_counts,
            manifest.num_tokens - manifest.num_held_out_tokens,
            self._tokenizer,
            dropped=dropped(counts, found),
            examples=self._examples(parts, found),
            mixture=mixture,
            problems=self._problems(counts).to_dict(),
            warnings=self._check.of_all(parts.paths),
            tokens_per_second=tokens_per_second,
        )
        write_report(folder, report)
        return manifest

    def _paths(self) -> list[list[pathlib.Path]]:
        """The parts of each source, in order."""
        paths = [[] for _ in self._sources]
        for index, unit in enumerate(self._found):
            paths[unit.source_index] += self._working.parts_of(index)
        return paths

    def _drop_duplicates(self, parts, copies, num_threads, watch, tell) -> Duplicates:
        if not self._duplicates.looks_at_documents:
            return Duplicates(0, 0, [], [], 0)
        watch.begin("looking for duplicates", None)
        return drop_and_tell(
            MarksOfParts(parts.paths),
            copies,
            self._working.path,
            self._duplicates,
            num_threads=num_threads,
            tell=tell,
        )

    def _examples(self, parts: Parts, found: Duplicates) -> list[dict]:
        pairs = [("duplicate", pair) for pair in found.exact]
        pairs += [("near duplicate", pair) for pair in found.near]

        def beginning(number: int) -> str:
            return self._tokenizer.decode(parts.document(number)[:EXAMPLE_TOKENS])

        return [
            {"kind": kind, "dropped": beginning(dropped), "kept": beginning(kept)}
            for kind, (dropped, kept) in pairs
        ]

    def _problems(self, counts: Counts) -> Problems:
        """What the readers met, in the order of the units."""
        problems = Problems()
        problems.merge(self._met)
        for index in range(len(self._found)):
            problems.merge(self._working.problems_of(index))
        problems.merge(counts.problems)
        return problems


def dropped(counts: Counts, found: Duplicates) -> dict[str, int]:
    """Documents that are not in the store, by the reason."""
    cleaning = counts.cleaning
    return {
        "too_short": cleaning.num_short,
        "too_long": cleaning.num_long,
        "held_out_text": cleaning.num_contaminated,
        "too_many_unknown": cleaning.num_unknown,
        "duplicates": found.num_exact,
        "near_duplicates": found.num_near,
    }


def assemble(
    parts: Parts, copies: np.ndarray, writer: StoreWriter, watch: Watch
) -> tuple[np.ndarray, Counts]:
    """Write the documents, each once and then those that are repeated, and hold some text out.

    Args:
        parts: in the order of the corpus.
        copies: uint16 (D,), how often each document is taken.
        writer: gets them.
        watch: told after every part.

    Returns:
        int64 (H, 2), the held-out stretches, and what was counted.
    """
    counts = Counts()
    for own, part, num_bytes in parts.read():
        kept = part.only(copies[own] > 0)
        writer.write(kept.chunk)
        counts.add(kept)
        watch.add(Tally(num_bytes, len(kept.chunk.document_sentences), len(kept.chunk.token_ids)))
    if writer.num_tokens == 0:
        raise InputError(
            f"corpus: expected text, received {parts.num_documents} documents of which none is left"
            if parts.num_documents
            else "corpus: expected text, received none with a word in it"
        )
    stretches = writer.draw_held_out()
    for repeat in range(1, int(copies.max())):
        position = 0
        for own, part, num_bytes in parts.read():
            taken = np.asarray(copies[own])
            chunk = part.only(taken > 0).chunk
            is_again = np.repeat(taken[taken > 0] > repeat, chunk.document_tokens)
            is_held_out = inside(stretches, position, len(is_again))
            writer.write(chunk.without(is_held_out | ~is_again))
            position += len(is_again)
            watch.add(Tally(num_bytes))
    return stretches, counts


def inside(stretches: np.ndarray, position: int, count: int) -> np.ndarray:
    """bool (count,): whether the tokens from `position` on lie in one of the stretches.

    >>> inside(np.array([[1, 3], [5, 9]]), 2, 4).tolist()
    [True, False, False, True]
    """
    places = np.arange(position, position + count)
    before = np.searchsorted(stretches[:, 0], places, side="right")
    return before > np.searchsorted(stretches[:, 1], places, side="right")
