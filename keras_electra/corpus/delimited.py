"""CSV and TSV as people have them: which sign separates the fields, and the records, one by one."""

import csv
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

DELIMITERS = (",", ";", "\t", "|")
"""Signs that may separate fields, the usual one first."""
NUM_LOOKED_AT = 200
MIN_ALIKE = 0.9
"""Share of the first records of a table with as many fields as the first."""
"""Lines that are looked at to tell which one does."""
MAX_FIELD_CHARACTERS = 2**31 - 1
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)
"""What Excel may write above a table."""
IN_PROSE = {sign: re.compile(rf"{re.escape(sign)}\s") for sign in DELIMITERS} | {
    ",": re.compile(r",\s|(?<=\d),(?=\d)"),
    "\t": re.compile(r"(?!)"),
}
"""Where a sign more likely belongs to a text or a number than to the table."""

Record = tuple[int, list[str]]


def separator_of(lines: Sequence[str]) -> str | None:
    """The sign that separates fields, judged by the first lines of a CSV file; None for no such sign.

    It divides every record into as many fields as the first one, at least two, quotes respected. Of
    several signs that do, it is the one that looks less like a part of a text: a comma before a
    blank or between digits is one.

    >>> separator_of(["It was slow, really;bad", "It was fine, really;good"])
    ';'

    Args:
        lines: with their ends.
    """
    text = "".join(lines)
    ranks = []
    for place, sign in enumerate(DELIMITERS):
        if sign in lines[0] if lines else False:
            share = equal_share(lines, sign)
            num_in_prose = len(IN_PROSE[sign].findall(text))
            ranks.append((-share, num_in_prose, place))
    best = min(ranks, default=(0, 0, 0))
    return DELIMITERS[best[2]] if best[0] else None


def equal_share(lines: Sequence[str], separator: str) -> float:
    """The share of the records with as many fields as the first, 0.0 where that has one field."""
    sizes, reader = [], csv.reader(lines, delimiter=separator, strict=True)
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            # The lines that are looked at may end within a record.
            if "unexpected end" in str(error) and sizes:
                break
            fields = [""]
        if fields is None:
            break
        if fields:
            sizes.append(len(fields))
    return sizes.count(sizes[0]) / len(sizes) if sizes and sizes[0] > 1 else 0.0


def csv_records(
    lines: Iterable[str], max_characters: int = MAX_FIELD_CHARACTERS
) -> Iterator[Record | tuple[int, str]]:
    """(first line, fields) of every record; (first line, sentence) of one with wrong quotes.

    A first line such as `sep=;` names the separator; otherwise it is that of `separator_of`, or a comma.
    Comments above the table are passed over (`num_comments`).

    Args:
        lines: with their ends, where line ends within quotes are kept.
        max_characters: of a field.

    Raises:
        EOFError: with the number of its first line, for a record whose quotes never end.
    """
    lines = iter(lines)
    first, num_passed = list(itertools.islice(lines, NUM_LOOKED_AT)), 0
    named = SEPARATOR_LINE.fullmatch(first[0]) if first else None
    if named:
        num_passed, separator = 1, named[1]
    else:
        num_passed = num_comments(first)
        separator = separator_of(first[num_passed:]) or ","
    rest = itertools.chain(first[num_passed:], lines)
    reader = csv.reader(rest, delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1 + num_passed
        fields = next_record(reader, line, max_characters)
        if fields is None:
            return
        if fields:
            yield line, fields


def num_comments(lines: Sequence[str], separator: str | None = None) -> int:
    """How many lines above a table are comments: they begin with `#` and lack the table's fields.

    >>> num_comments(["# exported on Monday\n", "text,label\n", "It was fine,good\n"])
    1

    Args:
        lines: the first ones, with their ends.
        separator: of the table; None for what `separator_of` finds.
    """
    number = next((n for n, line in enumerate(lines) if not line.startswith("#")), 0)
    rest = lines[number:]
    separator = separator or separator_of(rest)
    if not number or separator is None or equal_share(rest, separator) < MIN_ALIKE:
        return 0
    sizes = [len(next(csv.reader([line], delimiter=separator))) for line in lines[: number + 1]]
    return number if sizes[-1] not in sizes[:-1] else 0


def next_record(reader, line: int, max_characters: int) -> list[str] | str | None:
    """The next fields, a sentence where their quotes are wrong, or None at the end."""
    # The limit is one for the whole process, and is put back before anyone else can need it.
    limit = csv.field_size_limit(max_characters)
    try:
        return next(reader, None)
    except csv.Error as error:
        if "field limit" in str(error):
            return (
                f"expected fields of at most {max_characters:,} characters, received a longer one"
            )
        if "unexpected end" not in str(error):
            return f"expected quotes around a whole field, received others ({error})"
        raise EOFError(line) from error
    finally:
        csv.field_size_limit(limit)


def tsv_records(lines: Iterable[str]) -> Iterator[Record]:
    """(line, fields) of every line that is not empty; quotes are signs like any other.

    A first line `sep=`, and comments above the table, are passed over.
    """
    lines = iter(lines)
    first = list(itertools.islice(lines, NUM_LOOKED_AT))
    num_passed = num_comments(first, "\t")
    if first and SEPARATOR_LINE.fullmatch(first[0].rstrip("\r\n")):
        num_passed = 1
    for number, line in enumerate(itertools.chain(first, lines), 1):
        line = line.rstrip("\r\n")
        if line and number > num_passed:
            yield number, line.split("\t")
