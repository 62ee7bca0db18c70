"""Who does what: units are dealt out to processes, and streams are read and handed on in blocks."""

from collections.abc import Iterator

from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus import Problems, Unit, blocks
from keras_electra.errors import InputError
from keras_electra.store.preparing.fit_check import FitCheck
from keras_electra.store.preparing.parts import read_record
from keras_electra.store.preparing.tokenizing import Recipe
from keras_electra.store.preparing.units import BlockWork, TokenizeJob, UnitWork, stamp_of
from keras_electra.store.preparing.watch import Tally, Watch
from keras_electra.store.preparing.workers import do_all
from keras_electra.store.preparing.working_folder import WorkingFolder


def make_parts(
    working: WorkingFolder,
    recipe: Recipe,
    units: dict[int, Unit],
    num_processes: int,
    watch: Watch,
    check: FitCheck,
) -> None:
    """Make all parts of some units that are not there yet.

    Args:
        working: gets the parts.
        recipe: how text becomes parts.
        units: by their numbers.
        num_processes: how many work at a time.
        watch: told what was done.
        check: looks at the first part.
    """
    left = {index: unit for index, unit in units.items() if not working.is_done(index)}
    watch.add(Tally(sum(units[index].num_bytes or 0 for index in units.keys() - left.keys())))
    if not left:
        return
    if not any(unit.is_sequential for unit in left.values()):
        num_processes = min(num_processes, len(left))
    read_to_end = []
    works = dealt_out(working, recipe.corpus, left, read_to_end, watch)
    do_all(TokenizeJob(recipe, working.path), works, num_processes, check.watching(watch.add))
    for index, num_parts, problems in read_to_end:
        working.finish_unit(index, num_parts, problems)


def dealt_out(
    working: WorkingFolder,
    corpus_config: CorpusConfig,
    units: dict[int, Unit],
    read_to_end: list,
    watch: Watch,
) -> Iterator[UnitWork | BlockWork]:
    """What is to be done for some units; streams are read here, and given out in blocks.

    Args:
        read_to_end: gets (unit, number of parts, problems) of every stream that ended.
    """
    for index, unit in units.items():
        if not unit.is_sequential:
            yield UnitWork(index, unit)
            continue
        working.start_unit(index)
        problems, number = Problems(), -1
        for number, block in enumerate(blocks(unit, corpus_config, problems, watch.add_bytes)):
            path, stamp = working.part(index, number), stamp_of(block)
            if not path.exists():
                yield BlockWork(index, number, block, stamp)
            elif read_record(path)["stamp"] != stamp:
                raise InputError(
                    f"{unit.name}: expected the same text as before the interruption, received "
                    f"other text; remove {working.path} to begin anew"
                )
        read_to_end.append((index, number + 1, problems))
