"""Numbers as people write them: 3.5, 3,5, 1,234.5 and 35 %."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

BLANKS = "'\u2019 \u00a0\u202f"
"""Signs between groups of three digits, besides the comma or the point."""
GROUPED = {
    decimal: re.compile(rf"[+-]?[1-9]\d{{0,2}}(?:([{other}{BLANKS}])\d{{3}})(?:\1\d{{3}})*{tail}")
    for decimal, other, tail in ((".", ",", r"(?:\.\d*)?"), (",", ".", r"(?:,\d*)?"))
}
SIMPLE = {
    decimal: re.compile(rf"[+-]?(?:\d+(?:{sign}\d*)?|{sign}\d+)(?:[eE][+-]?\d+)?", re.ASCII)
    for decimal, sign in ((".", r"\."), (",", ","))
}


class NumberForm(NamedTuple):
    """How the numbers of a column are written.

    Attributes:
        decimal: what stands before the fraction, "." or ",".
        has_percent: whether a percent sign follows; 35 % is the number 35.
    """

    decimal: str = "."
    has_percent: bool = False

    @property
    def example(self) -> str:
        """A number in this form."""
        return f"3{self.decimal}5" + " %" * self.has_percent


USUAL = NumberForm()
FORMS = (
    USUAL,
    NumberForm(","),
    NumberForm(has_percent=True),
    NumberForm(",", has_percent=True),
)


def number(value, form: NumberForm = USUAL) -> float | None:
    """The finite number that a value is, or that a text spells in this form; None for all others.

    `number("1,234.5")` is 1234.5, and `number("3,5", NumberForm(","))` is 3.5.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = digits_of(value.strip().replace("\u2212", "-"), form)
    elif form.has_percent or not isinstance(value, int | float):
        return None
    try:
        found = math.nan if value is None else float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def digits_of(text: str, form: NumberForm) -> str | None:
    """A number's text in the form of Python, or None."""
    if text.endswith("%") != form.has_percent:
        return None
    text = text.removesuffix("%").rstrip()
    grouped = GROUPED[form.decimal].fullmatch(text)
    if grouped:
        text = text.replace(grouped[1], "")
    elif not SIMPLE[form.decimal].fullmatch(text):
        return None
    return text.replace(",", ".")


def is_number(text: str) -> bool:
    """Whether a text is a number in any form."""
    return any(number(text, form) is not None for form in FORMS)


def form_of_numbers(values: Sequence) -> NumberForm | None:
    """The form in which the most values of a column are numbers.

    None where two forms read as many and give different numbers: "1,234" alone is 1234 or 1.234.
    """
    has_comma = any(isinstance(value, str) and "," in value for value in values)
    forms = [form for form in FORMS if has_comma or form.decimal == "."]
    counts = {form: sum(number(value, form) is not None for value in values) for form in forms}
    best, *others = (form for form in forms if counts[form] == max(counts.values()))
    if counts[best] and any(number(v, best) != number(v, o) for o in others for v in values):
        return None
    return best
