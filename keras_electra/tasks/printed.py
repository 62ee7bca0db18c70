"""Lists and dicts that a text shows, in JSON or as Python, NumPy, pandas and PyTorch print them."""

import ast
import re
from collections.abc import Mapping

from keras_electra.tasks.values import UNREADABLE, in_order, parsed, plain

CUT = (
    "a list that was printed with '...' in place of its middle; write the whole list, as JSON does"
)
END = r"(?=[\s,:\])}]|$)"
TOKEN = re.compile(
    r"""\s*(?:(?P<string>[bBuU]?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))"""
    rf"|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?{END})"
    rf"|(?P<constant>(?:[+-]?(?:inf|nan)|NaN|NaT|<NA>|None|null|True|true|False|false){END})"
    # What stands behind the contents of an array: `, dtype=object`.
    r"|(?P<option>,\s*\w+=(?:'[^']*'|[^,()\[\]'\"]*)(?=[,)]))"
    r"|(?P<call>[A-Za-z_][\w.]*\()|(?P<sign>\.\.\.|[\[\](){},:]))",
    re.DOTALL,
)
CONSTANTS = {"True": True, "true": True, "False": False, "false": False}
CALL = re.compile(
    r"(?:\w+\.)*(array|tensor|set|frozenset|list|tuple|str_|bool_?|u?int\d+|float\d+)\("
)
CLOSING = {"[": "]", "(": ")", "{": "}"}


def spelt(value):
    """The list or dict that a text spells in JSON, Python's or NumPy's form; any other value as it is.

    `spelt("['a' 'b']")`, as NumPy prints it, is `["a", "b"]`.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text[:1] + text[-1:] not in ("[]", "{}") and not (text[-1:] == ")" and CALL.match(text)):
        return value
    result = parsed(text)
    result = printed(text) if result is None else result
    return result if isinstance(result, list | dict) else value


def as_list(value) -> list | None:
    """A value as a list: lists, and texts that spell one, or a tuple; None for all others.

    `as_list('["a", "b"]')`, `as_list("['a' 'b']")` and `as_list("('a', 'b')")` are `["a", "b"]`;
    `as_list("a b")` is None.
    """
    value = spelt(value)
    if isinstance(value, str) and value[:1] + value[-1:] == "()":
        value = printed(value)
    return list(value) if isinstance(value, list | tuple) else None


def printed(text: str):
    """The value that a text shows as Python, NumPy or PyTorch print it, or None.

    Commas may be missing between the items, as NumPy leaves them out. Python's own reader is of no use:
    it joins strings that have no comma between.
    """
    tokens, place = [], 0
    text = text.rstrip()
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            return None
        if found.lastgroup != "option":
            tokens.append((found.lastgroup, found[found.lastgroup]))
        place = found.end()
    try:
        value, end = _value_at(tokens, 0)
    except (ValueError, SyntaxError, LookupError, RecursionError, TypeError):
        return None
    if end != len(tokens):
        return None
    return {UNREADABLE: CUT} if ("sign", "...") in tokens else plain(value)


def _value_at(tokens: list, place: int) -> tuple:
    """The value that begins at a token, and the place behind it."""
    sort, token = tokens[place]
    if sort in ("string", "number"):
        return ast.literal_eval(token), place + 1
    if sort == "constant":
        is_infinite = token.endswith("inf")
        return float(token) if is_infinite else CONSTANTS.get(token), place + 1
    if token == "...":
        return None, place + 1
    if sort == "call":
        if not CALL.fullmatch(token):
            raise ValueError
        items, end = _items_at(tokens, place + 1, ")")
        return items[0] if items else [], end
    if token == "{":
        return _braces_at(tokens, place + 1)
    return _items_at(tokens, place + 1, CLOSING[token])


def _items_at(tokens: list, place: int, closing: str) -> tuple[list, int]:
    """The items up to a closing bracket, and the place behind it."""
    items = []
    while tokens[place] != ("sign", closing):
        item, place = _value_at(tokens, place)
        items.append(item)
        place += tokens[place] == ("sign", ",")
    return items, place + 1


def _braces_at(tokens: list, place: int) -> tuple[Mapping | list, int]:
    """A dict, or the list of a set's members, and the place behind it."""
    items, values = [], []
    while tokens[place] != ("sign", "}"):
        item, place = _value_at(tokens, place)
        items.append(item)
        if tokens[place] == ("sign", ":"):
            value, place = _value_at(tokens, place + 1)
            values.append(value)
        place += tokens[place] == ("sign", ",")
    if len(items) == len(values):
        return dict(zip(items, values, strict=True)), place + 1
    if values:
        raise ValueError
    return in_order(items), place + 1
