"""Lines to documents: where one ends, and how long one may grow."""

import itertools
from collections.abc import Iterator

from keras_electra.corpus.text import Lines, cut_long

RECORD_BLOCK_CHARACTERS = 1 << 20

Marked = list[str | None]


class DocumentMarker:
    """Strips lines, drops the empty ones, and puts None after the last line of each document.

    >>> marker = DocumentMarker("blank_line")
    >>> marker.mark(Lines([" one", "two ", "", "", "three"]))
    ['one', 'two', None, 'three']
    >>> marker.end()
    [None]

    Args:
        boundary: "blank_line", "line", or "file", where only `end` ends a document.
    """

    def __init__(self, boundary: str):
        self._boundary = boundary
        self._is_open = self._in_line = False

    def mark(self, lines: Lines) -> Marked:
        """The next lines, marked."""
        stripped = list(map(str.strip, lines.lines))
        if lines.is_unfinished or self._boundary == "file":
            marked = list(filter(None, stripped))
        elif self._boundary == "line":
            marked = self._mark_every_line(stripped)
        else:
            marked = self._mark_blank_lines(stripped)
        self._in_line = lines.is_unfinished or (self._in_line and not stripped)
        if marked:
            self._is_open = marked[-1] is not None
        return marked

    def _mark_every_line(self, stripped: list[str]) -> Marked:
        pairs = zip(filter(None, stripped), itertools.repeat(None), strict=False)
        # Only white space may be left of a line whose first pieces came before.
        is_over = self._is_open and self._in_line and stripped[:1] == [""]
        return [*([None] if is_over else []), *itertools.chain.from_iterable(pairs)]

    def _mark_blank_lines(self, stripped: list[str]) -> Marked:
        if self._in_line and stripped and not stripped[0]:
            del stripped[0]
        marked = [line or None for line in stripped]
        before = [self._is_open or None, *marked]
        # Of several blank lines in a row, and of those before the first line, none ends anything.
        return [
            line
            for line, last in zip(marked, before, strict=False)
            if line is not None or last is not None
        ]

    def end(self) -> Marked:
        """What the end of the text adds."""
        is_open, self._is_open, self._in_line = self._is_open, False, False
        return [None] if is_open else []


def mark_record(text: str, marker: DocumentMarker, max_line_characters: int) -> Iterator[Marked]:
    """The lines of one record of a table, marked, some at a time; the record's end is not."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    start, limit = 0, min(RECORD_BLOCK_CHARACTERS, max_line_characters)
    while len(text) - start > limit:
        # Many short lines take ten times as much memory as the text they are cut from.
        end = text.find("\n", start + limit)
        end = len(text) if end < 0 else end
        lines = text[start:end].split("\n")
        yield from map(marker.mark, cut_long(lines, max_line_characters))
        start = end + 1
    if start <= len(text):
        yield marker.mark(Lines((text[start:] if start else text).split("\n")))


class DocumentSplitter:
    """Ends a document that grows too long, before the line that would be too many.

    >>> DocumentSplitter(4).split(["one", "two", None, "six"])
    ['one', None, 'two', None, 'six']
    """

    def __init__(self, max_characters: int):
        self._max_characters = max_characters
        self._num_characters = 0

    def split(self, block: Marked) -> Marked:
        """The next block, with more ends in it where they are needed."""
        num_open = open_characters(block)
        num_block = sum(map(len, filter(None, block))) if None in block else num_open
        if self._num_characters + num_block > self._max_characters:
            return self._split(block)
        self._num_characters = num_open + (0 if None in block else self._num_characters)
        return block

    def _split(self, block: Marked) -> Marked:
        result = []
        for line in block:
            if line is None:
                self._num_characters = 0
            elif self._num_characters and self._is_too_much(line):
                result.append(None)
                self._num_characters = len(line)
            else:
                self._num_characters += len(line)
            result.append(line)
        return result

    def _is_too_much(self, line: str) -> bool:
        return self._num_characters + len(line) > self._max_characters


def open_characters(block: Marked) -> int:
    """Characters after the last end of a document."""
    last = len(block) - 1 - block[::-1].index(None) if None in block else -1
    return sum(map(len, block[last + 1 :]))
