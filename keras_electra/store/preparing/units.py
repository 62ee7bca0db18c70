"""Units of a corpus to parts on disk: what one worker process does, in bounded memory."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Iterable, Iterator

from keras_electra.corpus import Problems, Unit, read_unit
from keras_electra.store.preparing.parts import write_part
from keras_electra.store.preparing.tokenizing import Marked, Recipe, Tokenizing
from keras_electra.store.preparing.watch import OnTally, Tally
from keras_electra.store.preparing.working_folder import WorkingFolder

PART_CHARACTERS = 1 << 23


@dataclasses.dataclass(frozen=True)
class UnitWork:
    """Read a unit alone, and write all its parts."""

    index: int
    unit: Unit


@dataclasses.dataclass(frozen=True)
class BlockWork:
    """Write one part of a unit that somebody else reads in order."""

    index: int
    number: int
    block: Unit
    stamp: str


class TokenizeJob:
    """The work of a process: called with one unit or block after the other.

    Args:
        recipe: how lines become parts.
        folder: the working folder.
    """

    def __init__(self, recipe: Recipe, folder: pathlib.Path):
        self._recipe, self._folder = recipe, WorkingFolder(folder)
        self._tokenizing = None

    def __getstate__(self):
        return {**vars(self), "_tokenizing": None}

    def __call__(self, work: UnitWork | BlockWork, on_tally: OnTally) -> None:
        """Make the parts of a unit or a block.

        Raises:
            InputError: if something cannot be read or written.
        """
        self._tokenizing = self._tokenizing or Tokenizing(self._recipe)
        if isinstance(work, BlockWork):
            self._write_block(work, on_tally)
        else:
            self._write_unit(work, on_tally)

    def _write_unit(self, work: UnitWork, on_tally: OnTally) -> None:
        self._folder.start_unit(work.index)
        problems, number = Problems(), -1
        lines = read_unit(
            work.unit, self._recipe.corpus, problems, lambda count: on_tally(Tally(count))
        )
        for number, piece in enumerate(pieces(lines)):
            path = self._folder.part(work.index, number)
            if not path.exists():
                write_part(path, self._tokenizing.part(piece, on_tally))
        self._folder.finish_unit(work.index, number + 1, problems)

    def _write_block(self, work: BlockWork, on_tally: OnTally) -> None:
        problems = Problems()
        lines = list(read_unit(work.block, self._recipe.corpus, problems))
        part = self._tokenizing.part(lines, on_tally)
        part.record.update(stamp=work.stamp, problems=problems.to_dict())
        write_part(self._folder.part(work.index, work.number), part)


def pieces(lines: Iterable[str | None]) -> Iterator[Marked]:
    """The same lines in lists of whole documents, about 8 M characters each.

    Where one ends depends on the lines alone, so that an interrupted unit is cut again as it was.
    """
    piece, num_characters = [], 0
    for line in lines:
        piece.append(line)
        if line is not None:
            num_characters += len(line)
        elif num_characters >= PART_CHARACTERS:
            yield piece
            piece, num_characters = [], 0
    if piece:
        yield piece


def stamp_of(block: Unit) -> str:
    """A hash of what is in a block, to notice that a stream has changed."""
    digest = hashlib.blake2b(digest_size=16)
    text = "\n".join("" if line is None else line for line in block.content.lines)
    digest.update(text.encode("utf-8", "surrogatepass"))
    for member in block.content.members:
        digest.update(member.place.name.encode("utf-8", "surrogatepass"))
        digest.update(member.data)
    return digest.hexdigest()
