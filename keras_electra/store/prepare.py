"""`prepare_store`: any corpus to a store, on every core, in bounded memory, resumable at any moment."""

import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from keras_electra.config.corpus import CorpusConfig
from keras_electra.config.store import DuplicatesConfig, StoreConfig
from keras_electra.corpus import Problems, Source, Unit, blocks, sources_of, units
from keras_electra.errors import InputError
from keras_electra.store.build import Progress, Watch
from keras_electra.store.folder import new_folder, unwritten
from keras_electra.store.manifest import MANIFEST_FILE, Manifest
from keras_electra.store.preparing.assembling import Parts, assemble, set_copies
from keras_electra.store.preparing.counting import Counts
from keras_electra.store.preparing.duplicates import (
    Duplicates,
    drop_duplicates,
    estimated_bytes,
)
from keras_electra.store.preparing.held_out_texts import held_out_ngrams
from keras_electra.store.preparing.parts import read_record
from keras_electra.store.preparing.records import made_with, source_records
from keras_electra.store.preparing.signatures import bands_and_rows
from keras_electra.store.preparing.tokenizing import (
    BlockTask,
    Recipe,
    Tally,
    TokenizeJob,
    UnitTask,
    stamp_of,
)
from keras_electra.store.preparing.workers import run_tasks
from keras_electra.store.preparing.working_folder import (
    WorkingFolder,
    first_difference,
    plain,
    working_path,
)
from keras_electra.store.report import report_of, write_report
from keras_electra.store.writing import StoreWriter
from keras_electra.tokenizer import WordPieceTokenizer

UNIT_BYTES = 1 << 24
PARTS_VERSION = 1
EXAMPLE_TOKENS = 40


class Task(NamedTuple):
    """One of several runs of the same command, each of which prepares its share of the units.

    Attributes:
        index: from 0 to count - 1.
        count: how many runs there are; 1 prepares everything and assembles the store.
    """

    index: int = 0
    count: int = 1


WHOLE = Task()


class Prepared(NamedTuple):
    """What came of it.

    Attributes:
        manifest: of the store; None where other tasks may still be at work.
        is_new: False if the store was there already.
        num_units: units of this task.
    """

    manifest: Manifest | None
    is_new: bool
    num_units: int


def prepare_store(
    sources,
    tokenizer: WordPieceTokenizer,
    out: str | os.PathLike,
    config: StoreConfig | None = None,
    corpus_config: CorpusConfig | None = None,
    duplicates: DuplicatesConfig | None = None,
    *,
    num_processes: int = 1,
    task: Task = WHOLE,
    held_out_texts: Sequence[str] = (),
    tokens_per_second: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Prepared:
    """Prepare a corpus: tokenize it with worker processes, drop what is not wanted, assemble a store.

    Work in progress lies in the folder `out` + ".preparing". Whatever ends the program, the same call
    goes on where it was. The store depends on the text and the settings only, not on the number of
    processes or tasks, and is the one that `build_store` makes. Memory: about 300 MB for a worker
    and for the assembly, whatever the corpus, and 2 bytes a document. Disk: parts as large as the
    store, until it is there; for duplicates see `tell`.

    Programs that call this with several processes must guard their main module by
    `if __name__ == "__main__"`, as always with Python's multiprocessing.

    Args:
        sources: what `corpus.units` takes; a `Source` may have a weight in a mixture.
        tokenizer: makes the ids.
        out: the store to make. If it is there, made of the same text with the same settings,
            nothing is done.
        config: held-out fraction and seed.
        corpus_config: how the corpus is read and cleaned.
        duplicates: which documents are dropped because they occurred before.
        num_processes: worker processes; 1 works in this one.
        task: the share of an array job; all shares need the same folder.
        held_out_texts: files of a task; documents that hold text of theirs are dropped.
        tokens_per_second: speed of training, for the report.
        on_progress: called while work goes on.
        tell: receives remarks, one sentence each.

    Raises:
        InputError: if something cannot be read or written, the settings or files differ from those
            that the work began with, or another process is at work.
        DamagedDataError: if a part is not as it was written.
    """
    check(num_processes, task)
    config, corpus_config = config or StoreConfig(), corpus_config or CorpusConfig()
    duplicates = duplicates or DuplicatesConfig()
    out, sources = pathlib.Path(out), sources_of(sources)
    met = Problems()
    found = units(sources, corpus_config, met, UNIT_BYTES)
    held_out = held_out_ngrams(held_out_texts, corpus_config.contamination_words)
    recipe = Recipe(tokenizer.vocabulary, tokenizer.config, corpus_config, duplicates, held_out)
    made = made_with(recipe, sources)
    if os.path.lexists(out):
        manifest = finished(out, tokenizer, config, made, sources, found)
        WorkingFolder(working_path(out)).remove()
        return Prepared(manifest, False, len(found))
    working = WorkingFolder(working_path(out))
    with working.held(is_shared=task.count > 1):
        working.begin(settings_of(tokenizer, config, made, sources), found, task.count > 1)
        watch = Watch(found[task.index :: task.count], on_progress)
        tokenize(working, recipe, found, task, num_processes, watch)
        if task.count > 1:
            return Prepared(None, True, len(found[task.index :: task.count]))
        assembly = Assembly(working, tokenizer, config, duplicates, sources, found, met)
        with new_folder(out) as folder:
            manifest = assembly.write(folder, made, tokens_per_second, num_processes, watch, tell)
        working.remove()
    return Prepared(manifest, True, len(found))


def check(num_processes: int, task: Task) -> None:
    """Raise `InputError` for numbers that make no sense."""
    if num_processes < 1:
        raise InputError(f"num_processes: expected at least 1, received {num_processes}")
    if task.count < 1:
        raise InputError(f"task_count: expected at least 1, received {task.count}")
    if not 0 <= task.index < task.count:
        raise InputError(
            f"task_index: expected a number from 0 to {task.count - 1}, received {task.index}"
        )


def settings_of(tokenizer: WordPieceTokenizer, config: StoreConfig, made: dict, sources) -> dict:
    """Everything that decides what the parts and the store become, but the text itself."""
    return {
        "sources": [source.name for source in sources],
        "tokenizer": tokenizer.config.to_dict(),
        "vocabulary": tokenizer.fingerprint,
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
    if not (out / MANIFEST_FILE).is_file():
        raise InputError(f"out: expected a folder that does not exist yet, received {out}")
    manifest = Manifest.read(out)
    before = {
        "tokenizer": manifest.tokenizer.to_dict(),
        "vocabulary": manifest.tokenizer_fingerprint,
        "store": manifest.store.to_dict(),
        **manifest.made,
        "text": plain([vars(record) for record in manifest.sources]),
    }
    records = source_records(sources, found)
    now = {
        "tokenizer": tokenizer.config.to_dict(),
        "vocabulary": tokenizer.fingerprint,
        "store": config.to_dict(),
        **made,
        "text": [vars(record) for record in records],
    }
    if difference := first_difference(before, now):
        raise InputError(
            f"out: expected a folder that does not exist yet, received {out}, which was made with "
            f"{difference}"
        )
    if any(record.sha256 is None for record in records):
        raise InputError(
            f"out: expected a folder that does not exist yet, received {out}, and whether it was "
            "made of the same text cannot be told"
        )
    return manifest


def tokenize(
    working: WorkingFolder,
    recipe: Recipe,
    found: list[Unit],
    task: Task,
    num_processes: int,
    watch: Watch,
) -> None:
    """Make all parts of this task's units that are not there yet."""
    own = range(task.index, len(found), task.count)
    left = [index for index in own if not working.is_done(index)]
    watch.add(Tally(sum(found[index].num_bytes or 0 for index in set(own) - set(left))))
    if not left:
        return
    read_to_end = []
    tasks = tasks_of(working, recipe.corpus, [(i, found[i]) for i in left], read_to_end, watch)
    has_streams = any(found[index].is_sequential for index in left)
    num_processes = num_processes if has_streams else min(num_processes, len(left))
    run_tasks(TokenizeJob(recipe, working.path), tasks, num_processes, watch.add)
    for index, num_parts, problems in read_to_end:
        working.finish_unit(index, num_parts, problems)


def tasks_of(
    working: WorkingFolder,
    corpus_config: CorpusConfig,
    left: list[tuple[int, Unit]],
    read_to_end: list,
    watch: Watch,
) -> Iterator[UnitTask | BlockTask]:
    """What is to be done for some units; streams are read here, and given out in blocks.

    Args:
        read_to_end: gets (unit, number of parts, problems) of every stream that ended.
    """
    for index, unit in left:
        if not unit.is_sequential:
            yield UnitTask(index, unit)
            continue
        working.start_unit(index)
        problems, number = Problems(), -1
        for number, block in enumerate(blocks(unit, corpus_config, problems, watch.add_bytes)):
            path, stamp = working.part(index, number), stamp_of(block)
            if not path.exists():
                yield BlockTask(index, number, block, stamp)
            elif read_record(path)["stamp"] != stamp:
                raise InputError(
                    f"{unit.name}: expected the same text as before the interruption, received "
                    f"other text; remove {working.path} to begin anew"
                )
        read_to_end.append((index, number + 1, problems))


class Assembly:
    """From the parts to the store.

    Args:
        working: holds the parts of all units.
        tokenizer, config, duplicates: as for `prepare_store`.
        sources, found: what was read.
        met: what was noticed before reading.
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
    ):
        self._working, self._tokenizer, self._config = working, tokenizer, config
        self._duplicates, self._sources, self._found, self._met = duplicates, sources, found, met

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
        parts = Parts([self._paths_of(index) for index in range(len(self._sources))])
        copies = self._new_copies(parts.num_documents)
        found = self._drop_duplicates(parts, copies, num_threads, watch, tell)
        mixture = []
        if made["weights"] is not None:
            names = [source.name for source in self._sources]
            mixture = set_copies(parts, copies, made["weights"], names, self._config.seed)
        watch.tell("assembling")
        writer = StoreWriter(folder, self._tokenizer, self._config)
        stretches, counts = assemble(parts, copies, writer)
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
            tokens_per_second=tokens_per_second,
        )
        write_report(folder, report)
        return manifest

    def _paths_of(self, source_index: int) -> list[pathlib.Path]:
        """The parts of one source, in order."""
        return [
            path
            for index, unit in enumerate(self._found)
            if unit.source_index == source_index
            for path in self._working.parts_of(index)
        ]

    def _new_copies(self, num_documents: int) -> np.ndarray:
        """uint16 (D,) on disk: 1 for every document."""
        path = self._working.path / "copies.bin"
        try:
            copies = np.memmap(path, np.uint16, "w+", shape=(max(1, num_documents),))
        except OSError as error:
            raise unwritten(path, error) from error
        copies[:] = 1
        return copies[:num_documents]

    def _drop_duplicates(self, parts, copies, num_threads, watch, tell) -> Duplicates:
        similarity = self._duplicates.near_duplicate_similarity
        if not self._duplicates.looks_at_documents:
            return Duplicates(0, 0, [], [], 0)
        watch.tell("looking for duplicates")
        num_bands = 0 if similarity is None else bands_and_rows(similarity)[0]
        most = estimated_bytes(parts.num_documents, num_bands) / 1e6
        tell(
            f"looking for duplicates among {parts.num_documents:,} documents: "
            f"at most about {most:,.0f} MB of temporary disk"
        )
        found = drop_duplicates(
            parts.paths,
            copies,
            self._working.path,
            near=similarity is not None,
            num_threads=num_threads,
        )
        tell(
            f"{found.num_exact:,} duplicates and {found.num_near:,} near duplicates; "
            f"the search took {found.num_bytes / 1e6:,.0f} MB of temporary disk"
        )
        return found

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
