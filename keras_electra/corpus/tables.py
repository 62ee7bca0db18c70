"""Records of JSON and CSV files: the text of each, in order."""

import json
import re
from collections.abc import Iterable, Iterator

from keras_electra.config.corpus import CorpusConfig
from keras_electra.corpus.delimited import csv_records, tsv_records
from keras_electra.corpus.kinds import BEFORE_RECORDS
from keras_electra.corpus.problems import Problems
from keras_electra.corpus.text import read_lines, read_text
from keras_electra.errors import InputError

MAX_RECORD_CHARACTERS = 1 << 24
IN_BETWEEN = re.compile(r"[\s,]*")
UNNAMED = re.compile(r"column (\d+)")
"""What a column is called in a table without names."""
HALF_OF_A_PAIR = re.compile("[\ud800-\udfff]")


def json_texts(
    file, name: str, config: CorpusConfig, problems: Problems, offset: int = 0
) -> Iterator[str]:
    """The texts of a JSON Lines file: one object a line, one of its values the text.

    Args:
        file: bytes, read from where it stands.
        name: what error sentences call it.
        config: the column that holds the text, and the encoding.
        problems: receives what was passed over.
        offset: bytes of the file before.

    Raises:
        InputError: at a record that is no object, or has no such column, under "stop".
    """
    place = f" after byte {offset}" if offset else ""
    lines = record_lines(file, name, config, problems, offset)
    values = (
        (f"{name}: record {number}{place}", line)
        for number, line in enumerate(lines, 1)
        if line and not line.isspace()
    )
    yield from texts_of_values(values, parsed, name, config, problems)


def json_list_texts(file, name: str, config: CorpusConfig, problems: Problems) -> Iterator[str]:
    """The texts of a JSON file with a list of objects, alone or as "data", one object at a time.

    Arguments and errors as of `json_texts`.
    """
    values = (
        (f"{name}: record {number}", value)
        for number, value in enumerate(list_items(read_text(file, name, config, problems), name), 1)
    )
    yield from texts_of_values(values, checked_object, name, config, problems)


def texts_of_values(values, read, name: str, config, problems) -> Iterator[str]:
    """The text of each of (place, value), where `read(value, place)` gives the object."""
    column = None
    for where, value in values:
        try:
            record = read(value, where)
            if column is None:
                strings = [key for key, value in record.items() if isinstance(value, str)]
                column = chosen_column(list(record), strings, name, config, problems)
            if column not in record:
                raise InputError(
                    f"{where}: expected the column {column!r}, received "
                    f"{', '.join(map(repr, record)) or 'none'}; --damaged-files skip passes over such "
                    "records"
                )
            text = record[column]
            if text is not None and not isinstance(text, str):
                raise InputError(f"{where}: expected text in {column!r}, received {shown(text)}")
        except InputError as error:
            if config.damaged_files == "stop" or column is None:
                raise
            problems.add("damaged", f"{error}; the record was skipped")
            continue
        yield text or ""


def list_items(blocks: Iterable[str], name: str) -> Iterator:
    """The items of a JSON list, alone or as "data", of which a block is read at a time."""
    blocks, decoder = iter(blocks), json.JSONDecoder()
    text = next(blocks, "").lstrip()
    before = BEFORE_RECORDS.match(text)
    place, reason = before.end() + 1 if before else 1, "it ends too soon"
    while True:
        place = IN_BETWEEN.match(text, place).end()
        if text[place : place + 1] == "]":
            return
        try:
            value, end = decoder.raw_decode(text, place)
            # A number at the end of what is known may have further digits.
            is_whole = end < len(text)
        except ValueError as error:
            reason, is_whole = error, False
        except RecursionError as error:
            raise InputError(f"{name}: expected JSON, received too many brackets") from error
        if is_whole:
            yield value
            place = end
            continue
        block = next(blocks, "")
        if not block or len(text) - place > MAX_RECORD_CHARACTERS:
            raise InputError(
                f"{name}: expected a list of JSON objects, received {shown(text[place:])} ({reason})"
            )
        text, place = text[place:] + block, 0


def record_lines(file, name, config, problems, offset=0) -> Iterator[str]:
    """Whole lines; one of more than 16 M characters is refused."""
    config = config.replace(max_line_characters=MAX_RECORD_CHARACTERS)
    for lines, is_unfinished in read_lines(file, name, config, problems, offset):
        if is_unfinished:
            raise InputError(
                f"{name}: expected records of at most {MAX_RECORD_CHARACTERS:,} characters, "
                f"received one that begins {lines[0][:40]!r}"
            )
        yield from lines


def parsed(line: str, where: str) -> dict:
    """The object that a line of JSON holds."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{where}: expected a JSON object, received {shown(line)} ({error})"
        ) from error
    return checked_object(record, where)


def checked_object(value, where: str) -> dict:
    """A value that has to be an object."""
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a JSON object, received {shown(value)}")
    return value


def shown(value) -> str:
    """The beginning of a value, for an error sentence."""
    text = value if isinstance(value, str) else repr(value)
    return repr(text[:40]) + ("…" if len(text) > 40 else "")


def csv_texts(
    file, name: str, config: CorpusConfig, problems: Problems, has_tabs: bool = False
) -> Iterator[str]:
    """The texts of a CSV or TSV file whose first row names the columns.

    In CSV, fields may stand in double quotes and hold line ends then, and the first rows tell which
    sign separates them; in TSV a quote is a character like any other. Where `config.text_column` is
    "column 2", or another number, and no column is called so, the first row holds no names.

    Raises:
        InputError: if the column is missing, or a row has more or fewer fields than the first.
    """
    lines = (line + "\n" for line in record_lines(file, name, config, problems))
    records = tsv_records(lines) if has_tabs else csv_records(lines, MAX_RECORD_CHARACTERS)
    num_fields = None
    try:
        for line, fields in records:
            if isinstance(fields, str):
                raise InputError(f"{name}:{line}: {fields}")
            if num_fields is None:
                num_fields = len(fields)
                place, has_header = chosen_place(fields, name, config, problems)
                if has_header:
                    continue
            if len(fields) != num_fields:
                raise InputError(
                    f"{name}:{line}: expected {num_fields} fields in every row, received "
                    f"{len(fields)}"
                )
            yield fields[place]
    except EOFError as error:
        raise InputError(
            f"{name}:{error}: expected a closing quote, received the end of the file"
        ) from error


def chosen_place(
    first: list[str], name: str, config: CorpusConfig, problems: Problems
) -> tuple[int, bool]:
    """Which field of a row holds the text, from 0, and whether the first row holds names."""
    number = UNNAMED.fullmatch(config.text_column)
    if number and config.text_column not in first and 1 <= int(number[1]) <= len(first):
        return int(number[1]) - 1, False
    return first.index(chosen_column(first, first, name, config, problems)), True


def chosen_column(
    columns: Iterable[str],
    string_columns: list[str],
    name: str,
    config: CorpusConfig,
    problems: Problems,
) -> str:
    """The column that holds the text: the one asked for, else the only one with strings.

    Raises:
        InputError: if there is neither.
    """
    if config.text_column in columns:
        return config.text_column
    if len(string_columns) == 1:
        problems.add(
            "note",
            f"{name}: no column {config.text_column!r}; {string_columns[0]!r}, "
            "the only one that holds text, was read",
        )
        return string_columns[0]
    names = ", ".join(map(repr, columns)) or "none"
    raise InputError(
        f"{name}: expected a column {config.text_column!r}, received {names}; "
        "name the one that holds the text with --text-column"
    )


def valid_text(text: str, name: str, config: CorpusConfig, problems: Problems) -> str:
    """The text of a record; halves of surrogate pairs, which are no characters, by the policy.

    They come from escapes such as "\\\\ud83d" in JSON, and from text cut in the middle of a pair.
    """
    if text.isascii() or is_encodable(text):
        return text
    wrong = HALF_OF_A_PAIR.search(text)
    sentence = (
        f"{name}: expected characters, received half of a surrogate pair (U+{ord(wrong[0]):04X})"
    )
    if config.encoding_errors == "strict":
        raise InputError(f"{sentence}; --encoding-errors replace accepts it")
    if config.encoding_errors == "skip":
        problems.add("encoding", f"{sentence}; the record was skipped")
        return ""
    problems.add("encoding", f"{sentence}; replaced", len(HALF_OF_A_PAIR.findall(text)))
    return HALF_OF_A_PAIR.sub("\ufffd", text)


def is_encodable(text: str) -> bool:
    """Whether all of it are characters; much faster than to search for what is not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
