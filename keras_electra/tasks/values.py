"""What stands in a table: rows, and values in the types of JSON."""

import ast
import json
import math
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        place: where it stands, for people: "reviews.csv:17" or "row 17", counted from 1.
        values: name of each column -> value; text in CSV and TSV, None where a value is missing.
        number: of the row, counted from 0 without the header; unusable rows count too.
        repeated: names that several columns of its table have; what `values` holds for them is of one.
    """

    place: str
    values: dict[str, Any]
    number: int
    repeated: frozenset[str] = frozenset()


def plain(value):
    """A value in the types of JSON: NumPy's as Python's, what stands for a missing one as None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float) and math.isnan(value):
        return None
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def parsed(text: str):
    """The value of a JSON text, or None."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def spelt(value):
    """The list or dict that a text spells in JSON or Python; any other value as it is."""
    if not (isinstance(value, str) and value[:1] + value[-1:] in ("[]", "{}")):
        return value
    result = parsed(value)
    if result is None:
        try:
            result = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return value
    return result if isinstance(result, list | dict) else value


def as_list(value) -> list | None:
    """A value as a list: lists and tuples, and texts that spell one; None for all others.

    `as_list('["a", "b"]')` and `as_list("['a', 'b']")` are `["a", "b"]`; `as_list("a b")` is None.
    """
    value = spelt(value)
    return list(value) if isinstance(value, list | tuple) else None
