"""Files with a word a line: where word and tag stand, which lines are comments, and the sentences."""

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from keras_electra.errors import InputError
from keras_electra.tasks.tag_forms import OUTSIDE, form_of_tags
from keras_electra.tasks.text import text_lines

DOCUMENT_START = "-DOCSTART-"
DOCUMENT_COMMENT = re.compile(r"#\s*(begin|end) document\b")
SETTING_COMMENT = re.compile(r"#\s*[\w.:-]+\s*=(\s|$)")
"""A comment of CoNLL-U: `# sent_id = 4`."""
LIKE_A_TAG = re.compile(r"[^\da-z=]+|[BIESbies][-_].+")
PART_OF_NUMBERING = re.compile(r"\d+[-.]\d+")
"""The number of a range of words (3-4) or of an empty node (5.1)."""
NUM_SENTENCES = 300
"""Sentences that are looked at."""
CONLLU_WIDTH = 10

Line = tuple[int, list[str]]


class Layout(NamedTuple):
    """What the columns of a file are.

    Attributes:
        width: number of columns.
        word: index of the word, 0 or, behind the number of the word in its sentence, 1.
        tag: index of the tag, None if there is none.
        tags: those of the sentences looked at.
        is_numbered: whether the first column counts the words.
    """

    width: int
    word: int
    tag: int | None
    tags: frozenset[str]
    is_numbered: bool

    @property
    def is_conllu(self) -> bool:
        """Whether the file is CoNLL-U, whatever its name."""
        return self.is_numbered and self.width == CONLLU_WIDTH


def layout_of(
    path,
    *,
    words_column: int | None = None,
    tag_column: int | None = None,
    may_be_open: bool = False,
    encoding: str = "utf-8",
) -> Layout:
    """What the columns of a file are, by its first sentences.

    The word is in the first column, or in the second where the first counts the words. The tag is in
    the last column; behind a count, or where the last one holds "_" or "-" only, in the first one
    that marks spans.

    Args:
        words_column, tag_column: numbers of the columns from 1; None to look.
        may_be_open: whether there may be words alone.

    Raises:
        InputError: if the file is empty or has no such columns.
    """
    first = list(itertools.islice(groups(path, encoding), NUM_SENTENCES))
    sentences = [[line for line in group if not line[1][0].startswith("#")] for group in first]
    sentences = list(filter(None, sentences)) or first
    if not sentences:
        raise InputError(f"{path}: expected sentences of tagged words, received an empty file")
    width = len(sentences[0][0][1])
    rows = [[fields for _, fields in group if len(fields) == width] for group in sentences]
    rows = list(filter(None, rows))
    is_numbered = width > 1 and all(map(counts_words, rows)) and any(len(row) > 1 for row in rows)
    word = int(is_numbered) if words_column is None else words_column - 1
    if not 0 <= word < width:
        raise InputError(
            f"{path}: expected words in column {words_column}, received {width} columns"
        )
    columns = list(zip(*itertools.chain.from_iterable(rows), strict=True))
    tag = tag_place(path, columns, word, tag_column, may_be_open, is_numbered)
    tags = frozenset() if tag is None else frozenset(columns[tag])
    return Layout(width, word, tag, tags, is_numbered)


def counts_words(rows: list[list[str]]) -> bool:
    """Whether the first fields of a sentence are 1, 2, 3, ... or 0, 1, 2, ..."""
    numbers = [row[0] for row in rows if not PART_OF_NUMBERING.fullmatch(row[0])]
    return any(numbers == [str(start + one) for one in range(len(numbers))] for start in (0, 1))


def tag_place(path, columns, word: int, tag_column, may_be_open: bool, is_numbered: bool):
    """Index of the tag among the fields, None if there is none; `InputError` if there has to be one."""
    width = len(columns)
    others = [place for place in range(word + 1, width)]
    if may_be_open and not others:
        return None
    place = others[-1] if others and tag_column is None else (tag_column or 0) - 1
    if not 0 <= place < width or place == word:
        expected = "a tag" if tag_column is None else f"a tag in column {tag_column}"
        raise InputError(
            f"{path}: expected a word and {expected} on each line, received {width} columns"
        )
    if tag_column is None and (is_numbered or set(columns[place]) <= {"_", "-"}):
        spans = (one for one in others if not set(columns[one]) <= set(OUTSIDE))
        return next((one for one in spans if form_of_tags(set(columns[one]))), place)
    return place


def groups(path, encoding: str) -> Iterator[list[Line]]:
    """(line, fields) between empty lines, without what are comments in any file."""
    for lines in raw_groups(path, encoding):
        kept = [(number, fields) for number, line, fields in lines if not is_setting(line)]
        if kept:
            yield kept


def is_setting(line: str) -> bool:
    """Whether a line is a comment whatever the columns are."""
    return bool(SETTING_COMMENT.match(line) or DOCUMENT_COMMENT.match(line))


def raw_groups(path, encoding: str) -> Iterator[list[tuple[int, str, list[str]]]]:
    """(number, line, fields) of the lines between empty ones, starts of documents left out."""
    lines = []
    for number, line in enumerate(text_lines(path, encoding), 1):
        line = line.rstrip("\r\n")
        if not line.strip():
            if lines:
                yield lines
            lines = []
            continue
        fields = line.split("\t") if "\t" in line else re.split(" +", line.strip(" "))
        if fields[0] != DOCUMENT_START:
            lines.append((number, line, fields))
    if lines:
        yield lines


def sentence_lines(path, layout: Layout, encoding: str) -> Iterator[list[Line]]:
    """(line, fields) of the words of each sentence; comments in front of it are passed over."""
    for lines in raw_groups(path, encoding):
        words = without_comments(lines, layout)
        if layout.is_numbered:
            words = [one for one in words if not PART_OF_NUMBERING.fullmatch(one[1][0])]
        if words:
            yield words


def without_comments(lines: Iterable, layout: Layout) -> list[Line]:
    """The lines of words; a "#" with a tag behind it is a word, and so is all within a sentence."""
    words = []
    for number, line, fields in lines:
        is_first = not words
        if DOCUMENT_COMMENT.match(line) or (is_first and is_comment(line, fields, layout)):
            continue
        words.append((number, fields))
    return words


def is_comment(line: str, fields: list[str], layout: Layout) -> bool:
    """Whether a line in front of a sentence is no word of it."""
    if not line.startswith("#"):
        return False
    if SETTING_COMMENT.match(line) or len(fields) != layout.width or layout.is_numbered:
        return True
    tag = None if layout.tag is None else fields[layout.tag]
    return tag is not None and tag not in layout.tags and not LIKE_A_TAG.fullmatch(tag)
