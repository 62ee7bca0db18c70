"""Files .txt, and files without an ending, looked into: tables in another dress, words, or plain texts."""

import itertools
from collections.abc import Iterator
from typing import Literal

from keras_electra.tasks.problems import Problems
from keras_electra.tasks.text import text_lines
from keras_electra.tasks.values import Row, parsed

NUM_LOOKED_AT = 200
"""Lines that are looked at."""
MIN_ALIKE = 0.9
"""Share of the lines of a table with as many fields as the first."""
LABEL = "__label__"
"""What fastText writes in front of a label."""
TextForm = Literal["json lines", "fasttext", "tabs", "csv"]


def table_form(path, encoding: str = "utf-8") -> TextForm | None:
    """What table a text file holds, by its first lines; None for tagged words and plain texts.

    JSON lines begin with an object, fastText's with `__label__`. Other tables have in nearly all lines the
    same number of tabs, or else of another separator, and texts of several words.
    """
    first = list(itertools.islice(text_lines(path, encoding), NUM_LOOKED_AT))
    lines = [line for line in first if line.strip()]
    if not lines:
        return None
    if lines[0].startswith("{") and isinstance(parsed(lines[0]), dict):
        return "json lines"
    if lines[0].startswith(LABEL):
        return "fasttext"
    # Words in columns have no blanks between tabs, or nothing but blanks.
    tabs = [line.rstrip("\r\n").split("\t") for line in lines]
    num_alike = sum(len(fields) == len(tabs[0]) > 1 for fields in tabs)
    if num_alike >= MIN_ALIKE * len(tabs):
        return "tabs" if mostly_texts(tabs) else None
    # Imported here because it brings NumPy, without which this package is imported at once.
    from keras_electra.corpus.delimited import equal_share, separator_of

    separator = separator_of(lines)
    is_table = separator is not None and equal_share(lines, separator) >= MIN_ALIKE
    if not is_table or (separator == "," and " " in lines[0].strip()):
        return None
    return "csv" if mostly_texts([line.split(separator) for line in lines[1:]]) else None


def mostly_texts(rows: list[list[str]]) -> bool:
    """Whether most rows have a field of several words."""
    hits = [any(" " in field.strip() for field in fields) for fields in rows]
    return 2 * sum(hits) > len(hits)


def holds_sentences(path, encoding: str = "utf-8") -> bool:
    """Whether a .tsv file has a word a line and empty lines between sentences, as GermEval's has."""
    lines = [
        line.rstrip("\r\n")
        for line in itertools.islice(text_lines(path, encoding), NUM_LOOKED_AT)
        if not line.startswith("#")
    ]
    groups = [list(some) for is_empty, some in itertools.groupby(lines, "".__eq__) if not is_empty]
    rows = [line.split("\t") for group in groups for line in group]
    has_words = all(len(row) == len(rows[0]) > 1 and " " not in "".join(row) for row in rows)
    return len(groups) > 1 and len(rows) > len(groups) and has_words


def fasttext_rows(path, problems: Problems, encoding: str = "utf-8") -> Iterator[Row]:
    """A row per line `__label__good A lovely film`, with "text" and "label".

    Where one of the first lines has several labels, all rows have a list of them, "labels".
    """
    lines = text_lines(path, encoding)
    first = list(itertools.islice(lines, NUM_LOOKED_AT))
    is_multi = any(len(parts_of(line)[0]) > 1 for line in first)
    numbered = enumerate(itertools.chain(first, lines), 1)
    for number, (line_number, line) in enumerate((n, line) for n, line in numbered if line.strip()):
        labels, text = parts_of(line)
        place = f"{path}:{line_number}"
        if is_multi:
            yield Row(place, {"text": text, "labels": labels}, number)
        elif len(labels) == 1:
            yield Row(place, {"text": text, "label": labels[0]}, number)
        else:
            problems.add(
                "wrong number of labels",
                f"{place}: expected one label {LABEL}..., received {len(labels)}",
            )


def parts_of(line: str) -> tuple[list[str], str]:
    """The labels in front of a text, and the text."""
    labels, text = [], line.strip()
    while text.startswith(LABEL):
        label, _, text = text.partition(" ")
        labels.append(label.removeprefix(LABEL))
        text = text.lstrip()
    return labels, text
