"""Byte ranges of a text file that can be read alone: each begins where a document does.

Where a range begins depends on the bytes behind its first one only, so that the reader of one range
and the reader of the next agree without asking each other.
"""

import codecs
import re

from keras_electra.corpus.opening import read_exactly

# Most documents start soon; the last number is how far the search goes.
LOOK_BYTES = (1 << 16, 1 << 20, 1 << 24)
# A "\r" before "\n" is half of a line end, and at the end of what is known it may be one.
LINE_END = rb"(?:\r\n|\n|\r(?!\n|\Z))"
AFTER_LINE = re.compile(LINE_END)
AFTER_BLANK_LINE = re.compile(LINE_END + rb"[ \t\v\f]*" + LINE_END)
NOTHING = re.compile(rb"(?!)")
CONTINUATION_BYTES = bytes(range(0x80, 0xC0))
SURE_ENCODINGS = re.compile("utf-8|ascii|iso8859|cp125|cp437|cp[78]|koi8|mac|tis-620")
LINE_ENDS = b"\r\n"


def can_be_cut(encoding: str) -> bool:
    """Whether line ends can be found in the bytes, without decoding from the start.

    True for UTF-8 and for encodings of one byte a character that agree with ASCII on line ends.
    """
    try:
        name = codecs.lookup(encoding).name
        return bool(SURE_ENCODINGS.match(name)) and LINE_ENDS.decode(name) == "\r\n"
    except (LookupError, UnicodeError, ValueError):
        return False


def cut(file, position: int | None, size: int, boundary: str) -> int:
    """Where the range that is said to start at `position` starts.

    That is the first document behind it, or the end of the file. If none starts within 16 MB, it is
    the first line behind `position`; if there is none either, the next word; else the next
    character.

    Args:
        file: binary and seekable.
        position: a byte offset; 0 stays 0, and None is the end of the file.
        size: bytes of the file.
        boundary: "blank_line", "line", or "file", where no document starts inside.
    """
    if position is None or position >= size:
        return size
    if position == 0:
        return 0
    start_of_document = {"blank_line": AFTER_BLANK_LINE, "line": AFTER_LINE, "file": NOTHING}
    window = b""
    for num_bytes in LOOK_BYTES:
        file.seek(position + len(window))
        window += read_exactly(file, num_bytes - len(window))
        # A search without success takes long; this does not.
        has_line = b"\n" in window or b"\r" in window
        if has_line and (found := start_of_document[boundary].search(window)):
            return position + found.end()
        if len(window) < num_bytes:
            return size
    if has_line and (found := AFTER_LINE.search(window)):
        return position + found.end()
    spaces = [window.find(space) for space in (b" ", b"\t") if space in window]
    return position + (min(spaces) + 1 if spaces else next_character(window))


def next_character(window: bytes) -> int:
    """Bytes at the front that continue a character of UTF-8, at most three."""
    front = window[:3]
    return len(front) - len(front.lstrip(CONTINUATION_BYTES))
