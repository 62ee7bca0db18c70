"""What stands in a table: rows, and values of any library in the types of JSON."""

import datetime
import decimal
import enum
import json
import math
import numbers
import os
import uuid
from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple

UNREADABLE = "unreadable"
"""The only key of the dict that stands for a value that cannot be read; its value says what it is."""
BYTES_REFUSED = "bytes that are not UTF-8; decode them first"
AS_TEXT = (datetime.date, datetime.time, datetime.timedelta, uuid.UUID)
READERS = ("tolist", "as_py", "to_pylist", "to_list", "numpy")
"""Methods of arrays, tensors, columns and scalars of other libraries that give their contents."""


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        place: where it stands, for people: "reviews.csv:17" or "row 17", counted from 1.
        values: name of each column -> value as of `plain`; text in CSV and TSV, None where it is missing.
        number: of the row, counted from 0 without the header; unusable rows count too.
        repeated: names that several columns of its table have; what `values` holds for them is of one.
    """

    place: str
    values: dict[str, Any]
    number: int
    repeated: frozenset[str] = frozenset()


def plain(value):
    """A value of any library in the types of JSON.

    NaN, NaT and NA become None; arrays, tensors, tuples and sets become lists (sets sorted); dates, UUIDs
    and paths become text, bytes the text that they hold in UTF-8, decimals numbers, members of an Enum
    their value. What has no such form becomes a dict that `refusal` knows.
    """
    kind = type(value)
    if value is None or kind is str or kind is int or kind is bool:
        return value
    if kind is float:
        return None if math.isnan(value) else value
    if kind.__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, numbers.Number) or hasattr(value, "dtype"):
        return number_or_array(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return decoded(bytes(value))
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, Set):
        return in_order(map(plain, value))
    if isinstance(value, AS_TEXT) or kind.__name__ in ("Period", "Interval"):
        return str(value)
    if isinstance(value, os.PathLike):
        return plain(os.fspath(value))
    if isinstance(value, Sequence):
        return [plain(one) for one in value]
    return contents(value)


def number_or_array(value):
    """A number, array or tensor in the types of JSON."""
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real | decimal.Decimal):
        # The text of a short float, such as NumPy's float32, is what it was written as: 3.7.
        number = float(str(value)) if hasattr(value, "dtype") else float(value)
        if isinstance(value, decimal.Decimal) and math.isfinite(number) and value == int(value):
            return int(value)
        return plain(number)
    if str(getattr(value, "dtype", "")) in ("datetime64[ns]", "timedelta64[ns]"):
        # Python's types have no nanoseconds: NumPy gives bare numbers in their place.
        value = value.astype(str(value.dtype).replace("[ns]", "[us]"))
    return contents(value)


def contents(value):
    """What an array, tensor or scalar of another library holds, in the types of JSON."""
    for name in READERS:
        if callable(read := getattr(value, name, None)):
            try:
                found = read()
            except (TypeError, ValueError, RuntimeError, NotImplementedError):
                continue
            if type(found) is not type(value):
                is_short = "float32" in str(getattr(value, "dtype", ""))
                return plain(shortened(found) if is_short else found)
    return {UNREADABLE: f"a {type(value).__name__}"}


def shortened(value):
    """Numbers of 32 bits, widened to 64, as they were written: 3.7 in place of 3.7000000477."""
    import numpy as np

    if isinstance(value, list):
        return [shortened(one) for one in value]
    return float(str(np.float32(value))) if isinstance(value, float) else value


def decoded(value: bytes):
    """The text that bytes hold."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {UNREADABLE: BYTES_REFUSED}


def in_order(values) -> list:
    """The members of a set, always in the same order."""
    return sorted(values, key=lambda value: (type(value).__name__, str(value)))


def refusal(value) -> str | None:
    """What a value is that cannot be read, as "bytes that are not UTF-8"; None for all others."""
    return value[UNREADABLE] if isinstance(value, Mapping) and [*value] == [UNREADABLE] else None


# Infinity stays a number, and NaN is a missing value as everywhere.
_DECODER = json.JSONDecoder(
    parse_constant=lambda name: None if name == "NaN" else float(name.lower())
)


def from_json(text: str):
    """The value of a JSON text, NaN as None.

    Raises:
        ValueError: if it is none.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("too many brackets in each other") from error


def parsed(text: str):
    """The value of a JSON text, or None."""
    try:
        return from_json(text)
    except ValueError:
        return None
