"""Text to words: cleaned, lower-cased, stripped of accents and split, as the original program does.

Python's own Unicode tables are used, because they decide the ids in the original too. The BERT
normalizer of the `tokenizers` library carries older tables and lower-cases letter by letter, which
gives other ids.
"""

import functools
import operator
import re
import sys
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


def folding(config: TokenizerConfig) -> Callable[[str], str]:
    """One function for all of it: the words of a text, with white space between them."""
    stages = normalization(config)
    if config.cuts_long_words:
        stages.append(functools.partial(cut_words, max_characters=config.max_word_characters))
    return functools.partial(apply, stages)


def apply(stages: list[Callable[[str], str]], text: str) -> str:
    """The result of all functions, one after the other."""
    for stage in stages:
        text = stage(text)
    return text


def cut_words(text: str, max_characters: int) -> str:
    """A space after every `max_characters` characters of a longer word.

    >>> cut_words("abcde fgh", 3)
    'abc de fgh'
    """
    if len(text) <= max_characters:
        return text
    return too_long(max_characters).sub(r"\g<0> ", text)


@functools.cache
def too_long(max_characters: int) -> re.Pattern:
    """What of a word is to be followed by a cut."""
    return re.compile(rf"\S{{{max_characters}}}(?=\S)")


def align_cuts(text: str, sources: list[int], max_characters: int) -> tuple[str, list[int]]:
    """`cut_words`, and for every character of the result what `sources` said of it."""
    parts, start = [], 0
    for match in too_long(max_characters).finditer(text):
        parts.append((text[start : match.end()] + " ", sources[start : match.end()]))
        start = match.end()
    cut = "".join(part for part, _ in parts) + text[start:]
    moved = [source for _, some in parts for source in [*some, some[-1]]] + sources[start:]
    return cut, moved


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


def character_tables() -> dict[str, list[int]]:
    """What the functions above make of single characters, for programs in other languages.

    Returns:
        Name -> [first, last, first, last, ...], bounds of stretches of code points: `removed`,
        `spaces`, `ideographs` (set apart), `punctuation` (split off), `accents`.
    """
    tables = {name: [] for name in ("removed", "spaces", "ideographs", "punctuation", "accents")}
    names = {"": "removed", " ": "spaces"}
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        clean = cleaned(character)
        if clean != character or character == " ":
            extend_stretches(tables[names.get(clean, "ideographs")], code)
        if split_off(character) != character:
            extend_stretches(tables["punctuation"], code)
        elif split_off_without_accent(character) == "":
            extend_stretches(tables["accents"], code)
    return tables


def extend_stretches(bounds: list[int], code: int) -> None:
    """Add a code point behind the others to a list of bounds."""
    if bounds and bounds[-1] == code - 1:
        bounds[-1] = code
    else:
        bounds += [code, code]
