"""Bytes to lines: decoding with a policy for wrong bytes, line ends of every kind, bounded lines."""

import codecs
import io
from collections.abc import Iterator
from typing import NamedTuple

from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus.problems import Problems
from keras_electra.errors import InputError

READ_BYTES = 1 << 18
BYTE_ORDER_MARK = "\ufeff"
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Half of a surrogate pair: no decoder makes it of valid bytes.
MARK = "\udcff"
MARK_WRONG = "keras_electra.mark_wrong_bytes"
codecs.register_error(MARK_WRONG, lambda error: (MARK, error.end))


class Lines(NamedTuple):
    """Some lines of a text, in order.

    Attributes:
        lines: without their ends, white space around them included.
        is_unfinished: True if these are pieces of one line, longer than allowed, that goes on.
    """

    lines: list[str]
    is_unfinished: bool = False


def read_lines(
    file, name: str, config: CorpusConfig, problems: Problems, offset: int = 0
) -> Iterator[Lines]:
    """The lines of a text, block by block, whichever way their ends are written.

    Args:
        file: binary; read from where it stands to its end.
        name: what error sentences call it.
        config: encoding, its policy, and the longest line.
        problems: receives what the policy let pass.
        offset: bytes of the text before `file`, for error sentences.

    Raises:
        InputError: at bytes of another encoding, naming their position, under the policy "strict".
    """
    most = config.max_line_characters
    pending, num_pending = [], 0
    for text in read_text(file, name, config, problems, offset):
        pending.append(text)
        num_pending += len(text)
        if num_pending <= most and "\n" not in text:
            continue
        text = "".join(pending)
        lines = text.split("\n")
        rest = lines.pop()
        if MARK in text:
            lines = without_marked(lines, problems)
        if len(text) <= most:
            yield Lines(lines)
        else:
            yield from cut_long(lines, most)
            pieces, rest = cut_line(rest, most)
            if pieces:
                yield Lines(without_marked(pieces, problems), True)
        pending, num_pending = [rest], len(rest)
    yield Lines(without_marked(["".join(pending)], problems))


def without_marked(lines: list[str], problems: Problems) -> list[str]:
    """Only the lines whose bytes were all of the encoding; the others are counted."""
    kept = [line for line in lines if MARK not in line]
    if len(kept) < len(lines):
        problems.count("encoding", len(lines) - len(kept))
    return kept


def cut_long(lines: list[str], max_characters: int) -> Iterator[Lines]:
    """The same lines, those that are too long cut into pieces."""
    whole = []
    for line in lines:
        if len(line) > max_characters:
            pieces, line = cut_line(line, max_characters)
            if pieces:
                yield Lines(whole)
                yield Lines(pieces, True)
                whole = []
        whole.append(line)
    yield Lines(whole)


def cut_line(line: str, max_characters: int) -> tuple[list[str], str]:
    """Pieces cut from the front of a line, and the rest, which is short enough.

    Each piece is the longest that ends before white space; a longer run without any is cut
    anywhere. White space before a piece is dropped. The pieces do not depend on how much of the
    line is known already.

    >>> cut_line("the cat sat", 5)
    (['the', 'cat'], 'sat')
    """
    pieces, line = [], line.lstrip()
    while len(line) > max_characters:
        end = max_characters
        if not line[end].isspace():
            head = line[:end]
            *before, last = head.rsplit(None, 1)
            if before and not head[-1].isspace():
                end -= len(last)
        pieces.append(line[:end].rstrip())
        line = line[end:].lstrip()
    return pieces, line


def read_text(
    file, name: str, config: CorpusConfig, problems: Problems, offset: int = 0
) -> Iterator[str]:
    """The text of one file in blocks, line ends made "\\n", a byte order mark removed."""
    decoder = Decoder(name, config, problems, offset)
    ends = io.IncrementalNewlineDecoder(None, translate=True)
    is_first = offset == 0
    while True:
        block = file.read(READ_BYTES)
        text = decoder.decode(block)
        if is_first and text:
            text, is_first = text.removeprefix(BYTE_ORDER_MARK), False
        yield ends.decode(text, final=not block)
        if not block:
            return


class Decoder:
    """Blocks of bytes to text; wrong bytes are refused, replaced by U+FFFD, or marked.

    Args:
        name: what error sentences call the text.
        config: encoding and policy.
        problems: receives one sentence about each block with wrong bytes.
        offset: bytes before the first block, for error sentences.
    """

    def __init__(self, name: str, config: CorpusConfig, problems: Problems, offset: int = 0):
        self._name, self._config, self._problems = name, config, problems
        self._offset = offset
        self._decoder = new_decoder(config.encoding)

    def decode(self, block: bytes) -> str:
        """The text of the next block; an empty block is the last."""
        state = self._decoder.getstate()
        try:
            text = self._decoder.decode(block, final=not block)
        except UnicodeError as error:
            sentence = self._sentence(error, self._offset - len(state[0]))
            is_about_bytes = isinstance(error, UnicodeDecodeError)
            if self._config.encoding_errors == "strict" or not is_about_bytes:
                begins = self._offset == 0 and block.startswith(UTF16_MARKS)
                likely = "; it begins as UTF-16 does: --encoding utf-16" if begins else ""
                raise InputError(
                    f"{sentence}; name the file's encoding with --encoding{likely}"
                ) from error
            self._decoder.setstate(state)
            text = self._decode_wrong(block, sentence)
        self._offset += len(block)
        return text

    def _decode_wrong(self, block: bytes, sentence: str) -> str:
        self._decoder.errors = MARK_WRONG
        text = self._decoder.decode(block, final=not block)
        self._decoder.errors = "strict"
        if self._config.encoding_errors == "skip":
            self._problems.add("encoding", f"{sentence}; the line was skipped", 0)
            return text
        self._problems.add("encoding", f"{sentence}; replaced", text.count(MARK))
        return text.replace(MARK, "\ufffd")

    def _sentence(self, error: UnicodeError, offset: int) -> str:
        """What is wrong; `offset` is where the decoder's input began."""
        received = "bytes that are not"
        if isinstance(error, UnicodeDecodeError):
            position = offset + error.start
            received = f"byte 0x{error.object[error.start]:02x} at offset {position}"
        return f"{self._name}: expected {self._config.encoding} text, received {received}"


def new_decoder(encoding: str) -> codecs.IncrementalDecoder:
    """A strict decoder.

    Raises:
        InputError: if there is no text encoding of that name.
    """
    try:
        # Codecs that make bytes of bytes (base64, zip) are refused here, and only here.
        "".encode(encoding)
        return codecs.getincrementaldecoder(encoding)(errors="strict")
    except (LookupError, ValueError) as error:
        raise InputError(
            f"encoding: expected the name of a text encoding such as utf-8, received {encoding!r}"
        ) from error
