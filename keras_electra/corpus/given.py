"""Texts or files: what an argument means, decided here for every function that takes text."""

import glob
import itertools
import math
import os
from collections.abc import Iterable, Iterator, Mapping

from keras_electra.corpus.kinds import COMPRESSIONS, FORMATS, SHORT_NAMES
from keras_electra.corpus.opening import STANDARD_INPUT, is_remote
from keras_electra.errors import InputError

NUM_LOOKED_AT, NUM_TAKEN_AHEAD = 1000, 10
"""Strings of a list, and of an iterator, that are looked up on the disk."""
MAX_NAME_CHARACTERS = 4096
ENDINGS = (
    ".txt",
    ".text",
    ".md",
    ".rst",
    ".log",
    ".html",
    ".xml",
    *COMPRESSIONS,
    *SHORT_NAMES,
    *FORMATS,
)


class Files(tuple):
    """Names of files, folders, patterns and addresses: strings that are not asked about again."""


class Texts:
    """Strings that are texts, even if they are also names of files.

    >>> from keras_electra.corpus import Texts
    >>> texts = Texts(["README.md", "a second text"])

    Args:
        texts: an iterable of strings, read each time that this one is.
        name: of the argument, for messages.
    """

    def __init__(self, texts: Iterable[str], name: str = "texts"):
        self.texts, self.name = texts, name

    def __iter__(self) -> Iterator[str]:
        for number, text in enumerate(self.texts):
            if not isinstance(text, str):
                raise refused(self.name, number, text)
            yield text


def files_or_texts(given, name: str = "corpus") -> Files | Texts:
    """What an argument means.

    - A path (`os.PathLike`), a list of paths, or one string is the name of a file, folder, pattern
      or address; "-" is standard input.
    - An iterable of strings holds texts. If its strings read like names of files, it is refused, for
      either may be meant: `Files` or a list of `pathlib.Path` says the one, `Texts` the other.

    An iterator is read a few items ahead; the types of its items are checked while it is read.

    Args:
        given: the argument.
        name: of the argument, for messages.

    Raises:
        InputError: for anything else, naming the item, and for strings that may be either.
    """
    if isinstance(given, Files | Texts):
        return given
    if isinstance(given, str | os.PathLike):
        refuse_lone_text(given, name)
        return Files([given])
    refuse_unfit(given, name)
    if isinstance(given, set | frozenset):
        given = sorted(given, key=str)
    elif hasattr(given, "to_pylist"):
        given = given.to_pylist()
    num_ahead = NUM_LOOKED_AT if isinstance(given, list | tuple) else NUM_TAKEN_AHEAD
    head = list(itertools.islice(given, num_ahead))
    if isinstance(given, Iterator):
        given = chained(head, given)
    if not head or any(isinstance(item, os.PathLike) for item in head):
        return paths_of(given, name)
    is_held = isinstance(given, list | tuple)
    for number, item in enumerate(given if is_held else head):
        if not isinstance(item, str):
            raise refused(name, number, item)
    refuse_names(head, name)
    return Texts(given, name)


def chained(first: list, rest: Iterator) -> Iterator:
    """The items that were taken from an iterator, and what follows."""
    yield from first
    yield from rest


def paths_of(given: Iterable, name: str) -> Files:
    """Paths, and among them strings that can be nothing else."""
    found = list(given)
    for number, item in enumerate(found):
        is_name = isinstance(item, str) and (is_file(item) or reads_like_a_name(item))
        if not (is_name or isinstance(item, os.PathLike)):
            other = next(i for i, one in enumerate(found) if isinstance(one, os.PathLike))
            raise InputError(
                f"{name}: expected paths alone or texts alone, received {described(item)} as item "
                f"{number} and {described(found[other])} as item {other}; "
                "path.read_text() is the text of a file"
            )
    return Files(found)


def refuse_lone_text(given, name: str) -> None:
    """Raise `InputError` for one string that is no name: it would be read as a list of letters."""
    if isinstance(given, str) and not (is_file(given) or reads_like_a_name(given)):
        raise InputError(
            f"{name}: expected a file or folder, received {given:.80}, which is missing; "
            "a single text is given in a list, [text]"
        )


def refuse_unfit(given, name: str) -> None:
    """Raise `InputError` for what holds no texts, or holds them together with other things."""
    expected = f"{name}: expected a path, a list of paths or an iterable of texts (str)"
    if isinstance(given, Mapping) or is_table(given):
        raise InputError(
            f"{expected}, received {described(given)}; give the texts of one column, "
            "such as table['text']"
        )
    if isinstance(given, bytes | bytearray) or not isinstance(given, Iterable):
        raise InputError(f"{expected}, received {described(given)}")


def is_table(given) -> bool:
    """Whether this is a DataFrame or the like, which as a list is the names of its columns."""
    return hasattr(given, "columns") or hasattr(given, "column_names")


def refused(name: str, number: int, item) -> InputError:
    """The message about an item that is no text."""
    hint = ""
    if isinstance(item, os.PathLike):
        hint = "; path.read_text() is the text of a file"
    elif isinstance(item, bytes | bytearray):
        hint = "; bytes.decode() makes text of it"
    elif isinstance(item, Mapping):
        hint = "; give the text alone, such as [row['text'] for row in rows]"
    elif item is None or (isinstance(item, float) and math.isnan(item)):
        hint = "; leave out what is empty"
    return InputError(
        f"{name}: expected texts (str), received {described(item)} as item {number}{hint}"
    )


def described(item) -> str:
    """A value in a message: its type, and a short one itself."""
    if item is None:
        return "None"
    kind = type(item).__name__
    kind = f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
    is_short = isinstance(item, str | bytes | int | float | os.PathLike)
    return f"{kind} ({item!r:.60})" if is_short else kind


def refuse_names(strings: list[str], name: str) -> None:
    """Raise `InputError` if strings read like names of files: all exist, some do, or none."""
    found = [text for text in strings if is_file(text)]
    alike = [text for text in strings if reads_like_a_name(text)]
    are_many = 2 * max(len(found), len(alike)) >= len(strings) > 0
    if not are_many and not any(map(reads_like_a_name, found)):
        return
    kind = "keras_electra.corpus.Source" if any(map(is_remote, strings)) else "pathlib.Path"
    ways = (
        f"for files give [{kind}(item) for item in items], "
        "for texts keras_electra.corpus.Texts(items)"
    )
    if len(found) == len(strings):
        named = f"strings that are all names of files ({found[0]!r:.80})"
    elif found:
        missing = next(text for text in strings if text not in set(found))
        named = (
            f"{len(strings):,} strings of which {len(found):,} are names of files ({found[0]!r:.80}) "
            f"and others are not ({missing!r:.80}, item {strings.index(missing)})"
        )
    else:
        number = strings.index(alike[0])
        named = (
            f"strings that read like names of files; {alike[0]!r:.80} (item {number}) is missing"
        )
    raise InputError(f"{name}: expected either files or texts, received {named}; {ways}")


def is_file(text: str) -> bool:
    """Whether a string names something that is there, or standard input; addresses are not tried."""
    if text == STANDARD_INPUT or is_address(text):
        return True
    if not text or len(text) > MAX_NAME_CHARACTERS or "\n" in text:
        return False
    if os.path.exists(text):
        return True
    is_pattern = glob.has_magic(text) and text == "".join(text.split())
    return is_pattern and next(glob.iglob(text, recursive=True), None) is not None


def is_address(text: str) -> bool:
    """Whether a string is a URL and nothing else."""
    return is_remote(text) and text == "".join(text.split())


def reads_like_a_name(text: str) -> bool:
    """Whether a string can hardly be a text: it ends as files do, or begins or ends as paths do."""
    if len(text) > MAX_NAME_CHARACTERS or "\n" in text:
        return False
    has_separator = "/" in text or os.sep in text
    is_one_word = len(text.split()) == 1
    if is_one_word and (is_address(text) or text.startswith(("/", "./", "../", "~/"))):
        return True
    is_folder = is_one_word and has_separator and text.endswith(("/", os.sep))
    return is_folder or ((is_one_word or has_separator) and text.lower().endswith(ENDINGS))
