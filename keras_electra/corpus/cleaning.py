"""Cleaning documents: each step optional, each counted; the order is that of the functions here."""

import dataclasses
import functools
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Self

from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus.contamination import HeldOutNgrams

CONTROL = {
    code: " " if chr(code).isspace() else None
    for code in [*range(32), *range(127, 160)]
    if chr(code) not in "\t\n"
}


@dataclasses.dataclass
class CleaningCounts:
    """What cleaning did; counts of parts of a corpus add up with `+`.

    Attributes:
        num_documents: documents looked at.
        num_normalized_lines: lines that Unicode normalisation changed.
        num_control_lines: lines that control characters were removed from.
        num_short, num_long: documents dropped for their length.
        num_contaminated: documents dropped because they hold held-out text.
        num_unknown: documents dropped for their [UNK] tokens.
        dropped_characters: characters of all documents dropped.
    """

    num_documents: int = 0
    num_normalized_lines: int = 0
    num_control_lines: int = 0
    num_short: int = 0
    num_long: int = 0
    num_contaminated: int = 0
    num_unknown: int = 0
    dropped_characters: int = 0

    def __add__(self, other: Self) -> Self:
        mine, others = dataclasses.astuple(self), dataclasses.astuple(other)
        return type(self)(*(a + b for a, b in zip(mine, others, strict=True)))

    def to_dict(self) -> dict:
        """JSON-ready values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> Self:
        """The inverse of `to_dict`."""
        return cls(**values)


def cleaned(
    lines: Iterator[str | None],
    config: CorpusConfig,
    counts: CleaningCounts,
    held_out: HeldOutNgrams | None = None,
) -> Iterator[str | None]:
    """Lines with None after each document, cleaned; the same iterator if there is nothing to do.

    Args:
        lines: from `read_unit`.
        config: which steps are taken.
        counts: changed in place.
        held_out: documents that share text with it are dropped.
    """
    steps = line_steps(config, counts)
    if steps:
        lines = changed_lines(lines, steps)
    lengths = (config.min_document_characters, config.max_document_characters)
    if lengths == (None, None) and held_out is None:
        return lines
    return kept_documents(lines, lengths, counts, held_out)


def line_steps(config: CorpusConfig, counts: CleaningCounts) -> list[Callable[[str], str]]:
    """The functions that a line goes through."""
    steps = []
    if config.unicode_form != "as_is":
        steps.append(functools.partial(normalized, form=config.unicode_form, counts=counts))
    if config.removes_control_characters:
        steps.append(functools.partial(without_control, counts=counts))
    return steps


def normalized(line: str, form: str, counts: CleaningCounts) -> str:
    """The line in Unicode's normal form "NFC" or "NFKC"."""
    if unicodedata.is_normalized(form, line):
        return line
    counts.num_normalized_lines += 1
    return unicodedata.normalize(form, line)


def without_control(line: str, counts: CleaningCounts) -> str:
    """The line without control characters (Unicode's Cc); those that are white space become " "."""
    changed = line.translate(CONTROL)
    counts.num_control_lines += changed != line
    return changed


def changed_lines(
    lines: Iterator[str | None], steps: Sequence[Callable[[str], str]]
) -> Iterator[str | None]:
    """The lines after the steps; lines and documents of which nothing is left disappear."""
    is_open = False
    for line in lines:
        if line is None:
            if is_open:
                yield None
            is_open = False
            continue
        for step in steps:
            line = step(line)
        if line := line.strip():
            yield line
            is_open = True


def kept_documents(
    lines: Iterator[str | None],
    lengths: tuple[int | None, int | None],
    counts: CleaningCounts,
    held_out: HeldOutNgrams | None,
) -> Iterator[str | None]:
    """Whole documents, if they are neither too short nor too long, and hold no held-out text."""
    least, most = lengths
    document = []
    for line in lines:
        if line is not None:
            document.append(line)
            continue
        counts.num_documents += 1
        num_characters = sum(map(len, document))
        reason = None
        if least is not None and num_characters < least:
            reason = "num_short"
        elif most is not None and num_characters > most:
            reason = "num_long"
        elif held_out is not None and held_out.is_shared_with(document):
            reason = "num_contaminated"
        if reason is None:
            yield from document
            yield None
        else:
            setattr(counts, reason, getattr(counts, reason) + 1)
            counts.dropped_characters += num_characters
        document = []
