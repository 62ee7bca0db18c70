"""What the user names: one source or several, each with the weight it has in a mixture."""

import dataclasses
import os
import pathlib
from collections.abc import Iterable, Iterator

from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus.listing import files_of, refuse_none
from keras_electra.corpus.problems import Problems
from keras_electra.errors import InputError

Paths = str | os.PathLike | Iterable[str | os.PathLike]
DEFAULTS = CorpusConfig()


@dataclasses.dataclass(frozen=True)
class Source:
    """One corpus of several.

    Attributes:
        path: file, folder, glob, URL, "-" for standard input, an iterable of texts, or an object
            of the `datasets` library.
        weight: its share of the tokens, relative to the other sources' weights; None where no
            source has one: then every document is taken once.
    """

    path: object
    weight: float | None = None

    def __post_init__(self):
        is_number = isinstance(self.weight, int | float) and not isinstance(self.weight, bool)
        if self.weight is not None and not (is_number and 0 < self.weight < float("inf")):
            raise InputError(
                f"weight of {self.name}: expected a number above 0, received {self.weight!r}"
            )

    @property
    def is_path(self) -> bool:
        """Whether it is named, and not an object with texts in it."""
        return isinstance(self.path, str | os.PathLike)

    @property
    def name(self) -> str:
        """What sentences call it."""
        return os.fspath(self.path) if self.is_path else f"<{type(self.path).__name__}>"


def sources_of(named) -> list[Source]:
    """The sources that an argument means: one, or a list of them.

    Strings and paths are names; an iterable that stands in a list, or alone and is no list, holds
    texts.

    Raises:
        InputError: if some sources have a weight and others have none.
    """
    if isinstance(named, str | os.PathLike | Source):
        named = [named]
    elif isinstance(named, set | frozenset):
        named = sorted(named, key=str)
    elif not isinstance(named, list | tuple):
        named = names_or_texts(named)
    sources = [source if isinstance(source, Source) else Source(source) for source in named]
    weighted = [source for source in sources if source.weight is not None]
    if weighted and len(weighted) < len(sources):
        plain = next(source.name for source in sources if source.weight is None)
        raise InputError(
            f"weights: expected one for every source or for none, received none for {plain}"
        )
    return sources


def names_or_texts(named) -> list:
    """An iterator over paths as a list of them, any other object as the one source it is."""
    if not isinstance(named, Iterator):
        return [named]
    taken = []
    for item in named:
        taken.append(item)
        if not isinstance(item, os.PathLike):
            break
    else:
        return taken
    return [chained(taken, named)]


def chained(first: list, rest: Iterator) -> Iterator:
    yield from first
    yield from rest


def text_files(paths: Paths) -> list[pathlib.Path]:
    """The local files that `paths` name: in the given order, those of a folder sorted, each once.

    Raises:
        InputError: if a path does not exist, or there is no file at all.
    """
    paths = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found = {}
    for path in paths:
        for file in files_of(os.fspath(path), DEFAULTS, Problems()):
            found.setdefault(file.identity, pathlib.Path(file.path))
    refuse_none(found, paths)
    return list(found.values())
