"""What the user names: one source or several, each with the weight it has in a mixture."""

import dataclasses
import os
import pathlib
from collections.abc import Iterable, Mapping

from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus.columns import is_dataset
from keras_electra.corpus.given import Files, Texts, files_or_texts, is_table, refuse_lone_text
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
            of the `datasets` library. One string is always a path here.
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
        """What messages call it."""
        held = self.path.texts if isinstance(self.path, Texts) else self.path
        return os.fspath(held) if self.is_path else f"<{type(held).__name__}>"


def sources_of(named, name: str = "corpus") -> list[Source]:
    """The sources that an argument means: one, or a list of them.

    A path, paths, one string or texts as `files_or_texts` has them; a `Source`; a data set; or a list
    in which such sources stand.

    Args:
        named: the argument.
        name: of the argument, for messages.

    Raises:
        InputError: if some sources have a weight and others have none, and as `files_or_texts` does.
    """
    if is_source(named):
        named = [named]
    if isinstance(named, list | tuple) and any(map(holds_texts, named)):
        sources = [source_of(number, item, name) for number, item in enumerate(named)]
    else:
        given = files_or_texts(named, name)
        sources = list(map(Source, given)) if isinstance(given, Files) else [Source(given)]
    weighted = [source for source in sources if source.weight is not None]
    if weighted and len(weighted) < len(sources):
        plain = next(source.name for source in sources if source.weight is None)
        raise InputError(
            f"weights: expected one for every source or for none, received none for {plain}"
        )
    return sources


def is_source(item) -> bool:
    """Whether an item stands for itself, whatever is in it."""
    return isinstance(item, Source) or is_dataset(item)


def holds_texts(item) -> bool:
    """Whether an item of a list is itself a source with several texts."""
    if isinstance(item, str | bytes | bytearray | os.PathLike):
        return False
    if is_source(item):
        return True
    return isinstance(item, Iterable) and not isinstance(item, Mapping) and not is_table(item)


def source_of(number: int, item, name: str) -> Source:
    """One of several sources, with its texts checked."""
    if isinstance(item, Source):
        is_decided = item.is_path or isinstance(item.path, Texts) or is_dataset(item.path)
        if is_decided:
            return item
        given = files_or_texts(item.path, f"{name}[{number}]")
        if isinstance(given, Files) and given:
            raise InputError(
                f"{name}[{number}]: expected one path or texts in a source, received a list of paths"
            )
        return dataclasses.replace(item, path=given or Texts(()))
    if isinstance(item, os.PathLike) or is_dataset(item):
        return Source(item)
    if isinstance(item, str):
        refuse_lone_text(item, f"{name}[{number}]")
        return Source(item)
    return source_of(number, Source(item), name)


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
