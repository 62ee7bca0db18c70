"""Text to words: cleaned, lower-cased, stripped of accents and split, as the original program does.

Python's own Unicode tables are used, because they decide the ids in the original too. The BERT
normalizer of the `tokenizers` library carries older tables and lower-cases letter by letter, which
gives other ids.
"""

import functools
import operator
import unicodedata
from collections.abc import Callable

from keras_electra.config.tokenizer import TokenizerConfig

CJK_RANGES = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class CharacterTable(dict):
    """A table for `str.translate` that asks `rule(character)` the first time one is met."""

    def __init__(self, rule: Callable[[str], str]):
        super().__init__()
        self.rule = rule

    def __missing__(self, code: int) -> str:
        self[code] = self.rule(chr(code))
        return self[code]


def cleaned(character: str) -> str:
    """Nothing for control characters, a space for white space, spaces around CJK ideographs."""
    if character in "\t\n\r ":
        return " "
    category = unicodedata.category(character)
    if category.startswith("C") or character == "\ufffd":
        return ""
    if category.startswith("Z"):
        return " "
    if any(first <= ord(character) <= last for first, last in CJK_RANGES):
        return f" {character} "
    return character


def split_off(character: str) -> str:
    """Spaces around punctuation; every ASCII sign counts as such."""
    is_ascii_sign = "!" <= character <= "~" and not character.isalnum()
    if is_ascii_sign or unicodedata.category(character).startswith("P"):
        return f" {character} "
    return character


def split_off_without_accent(character: str) -> str:
    """As `split_off`, and nothing for an accent that stands alone after decomposition."""
    return "" if unicodedata.category(character) == "Mn" else split_off(character)


CLEAN = CharacterTable(cleaned)
SPLIT = CharacterTable(split_off)
SPLIT_WITHOUT_ACCENTS = CharacterTable(split_off_without_accent)


def normalization(config: TokenizerConfig) -> list[Callable[[str], str]]:
    """The functions, applied in order, that turn a text into words between spaces."""
    stages = [operator.methodcaller("translate", CLEAN)]
    if config.lowercase:
        stages.append(str.lower)
    if config.removes_accents:
        stages.append(functools.partial(unicodedata.normalize, "NFD"))
    table = SPLIT_WITHOUT_ACCENTS if config.removes_accents else SPLIT
    return [*stages, operator.methodcaller("translate", table)]


def align(text: str, stages: list[Callable[[str], str]]) -> tuple[str, list[int]]:
    """Apply `stages`, and say for every character of the result which one of `text` it came from.

    Every stage turns one character into as many as it does inside a text, so lengths add up.
    """
    sources = list(range(len(text)))
    for stage in stages:
        changed = stage(text)
        if changed != text:
            sources = [
                source
                for character, source in zip(text, sources, strict=True)
                for _ in stage(character)
            ]
            text = changed
    return text, sources
