"""The first rows of a table, and what its columns seem to hold, by their names and their content."""

import difflib
import itertools
import re
from collections.abc import Iterable, Sequence

from keras_electra.errors import InputError
from keras_electra.tasks.fields import are_marks, is_missing
from keras_electra.tasks.numerals import is_number, number
from keras_electra.tasks.text import named
from keras_electra.tasks.values import Row

NUM_ROWS = 300
"""Rows that are looked at."""
TEXT_WORDS = 3
"""Mean number of words from which a column counts as texts."""
ID_NAMES = ("id", "idx", "index", "guid", "uid", "qid", "example_id", "row_id", "sent_id")


class Sample:
    """The first rows of a table.

    Args:
        rows: of the table; the first few hundred are taken.

    Raises:
        InputError: if there are none.

    Attributes:
        names: of all columns, in order.
        num_rows: how many rows were looked at.
        repeated: those that several columns have.
        is_whole: whether the table has no more.
    """

    def __init__(self, rows: Iterable[Row]):
        rows = iter(rows)
        first = list(itertools.islice(rows, NUM_ROWS))
        self._rows = [row.values for row in first]
        if not self._rows:
            raise InputError("data: expected rows, received a table without any that can be used")
        self.is_whole = next(rows, None) is None
        self.num_rows = len(self._rows)
        self.repeated = frozenset().union(*(row.repeated for row in first))
        self.names = list(dict.fromkeys(name for row in self._rows for name in row))
        self._plain = {plain_name(name): name for name in reversed(self.names)}

    def values(self, name: str) -> list:
        """What a column holds, missing values left out."""
        return [value for row in self._rows if not is_missing(value := row.get(name))]

    def having(self, name: str) -> list[dict]:
        """The rows where a column is not missing."""
        return [row for row in self._rows if not is_missing(row.get(name))]

    def pairs(self, name: str, other: str) -> list[tuple]:
        """What two columns hold, row by row, where neither is missing."""
        pairs = [(row.get(name), row.get(other)) for row in self._rows]
        return [pair for pair in pairs if not any(map(is_missing, pair))]

    def check(self, option: str, name: str) -> str:
        """The name of a column that an option gives; `InputError` if there is none like it."""
        if name in self.names:
            return name
        near = difflib.get_close_matches(str(name), self.names, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"{option}: expected one of {named(self.names)}, received {name!r}{hint}")

    def called(self, tier: Sequence[str], used: Iterable[str] = ()) -> list[str]:
        """Columns with one of these names; case and signs between words do not matter."""
        found = (self._plain[name] for name in tier if name in self._plain)
        return [name for name in found if name not in used]

    def matching(self, pattern: str) -> list[str]:
        """Columns whose name matches, in order."""
        return [name for name in self.names if re.fullmatch(pattern, plain_name(name))]

    def is_text(self, name: str) -> bool:
        """Whether a column holds texts of several words."""
        values = self.values(name)
        if not values or not all(isinstance(value, str) for value in values):
            return False
        return sum(len(value.split()) for value in values) >= TEXT_WORDS * len(values)

    def is_string(self, name: str) -> bool:
        """Whether a column holds strings that are no numbers."""
        values = self.values(name)
        return bool(values) and all(isinstance(v, str) and not is_number(v) for v in values)

    def is_id(self, name: str) -> bool:
        """Whether a column names its rows: called so, or consecutive whole numbers."""
        if plain_name(name) in ID_NAMES:
            return True
        values = self.values(name)
        numbers = [number(value) for value in values]
        if len(values) < 3 or None in numbers:
            return False
        return all(b - a == 1 for a, b in itertools.pairwise(numbers))

    def is_dict(self, name: str) -> bool:
        """Whether a column holds something that is no single value, such as pictures."""
        return any(isinstance(value, dict) for value in self.values(name))

    def is_marks(self, name: str) -> bool:
        """Whether a column holds nothing but 0 and 1, or False and True."""
        values = self.values(name)
        return bool(values) and are_marks(values)


def plain_name(name: str) -> str:
    """A column's name in lower case, with "_" between words: "star_rating" of "Star Rating"."""
    return re.sub(r"[\s\-.]+", "_", name.strip().lower())
