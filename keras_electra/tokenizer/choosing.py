"""Which options a text needs: whether folding would remove marks of its letters, and has it spaces.

Looks at distinct words; those of ASCII letters alone are only counted.
"""

import collections
import dataclasses
import functools
import itertools
import unicodedata

from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.tokenizer.normalization import folding

MARKED_SHARE = 0.01
"""Share of the words from which on removing marks is not what the original's languages knew."""

TOLD_SHARE = 0.001
"""Share of the words from which on it is reported that their accents are removed."""

SCRIPT_SHARE = 0.01
"""Share of the letters that a script must have to decide anything."""

UNCOVERED_FRACTION = 0.0005
"""So much of a text may be written in letters that the vocabulary has no room for."""

# First words of the names that Unicode gives to their letters.
SPACELESS = {
    *("BALINESE", "BOPOMOFO", "CHAM", "CJK", "HALFWIDTH", "HIRAGANA", "JAVANESE", "KATAKANA"),
    *("KHMER", "LAO", "MYANMAR", "NEW", "TAI", "THAI", "TIBETAN", "YI"),
}
SCRIPT_NAMES = {"CJK": "Han"}
DOTLESS = "ı"


@dataclasses.dataclass
class Survey:
    """What a text is written in.

    Attributes:
        num_words, num_letters: of the text; letters are characters of words.
        num_losing, letters_losing: words that lose marks when accents are removed, and their letters.
        num_dotless: words with the letter ı.
        num_needed: letters that write nearly all of the text; counted where there is Hangul.
        scripts: characters beyond ASCII, by script.
        example: the commonest word that loses marks, before and after; None without any.
    """

    num_words: int = 0
    num_letters: int = 0
    num_losing: int = 0
    letters_losing: int = 0
    num_dotless: int = 0
    num_needed: int = 0
    scripts: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    example: tuple[str, str] | None = None

    @property
    def losing_share(self) -> float:
        """The share of words that lose marks; of letters in them where that is more.

        Without spaces a word is a sentence, and few of them are much text.
        """
        return max(self.losing_words, self.letters_losing / max(1, self.num_letters))

    @property
    def losing_words(self) -> float:
        """The share of words that lose marks."""
        return self.num_losing / max(1, self.num_words)

    @property
    def change(self) -> str:
        """What removing marks changes, in words, with an example."""
        few_words = self.losing_words < MARKED_SHARE <= self.losing_share
        share = f"words with {percent(self.losing_share)} of the letters"
        share = share if few_words else f"{percent(self.losing_words)} of the words"
        return f"{share}, such as {arrow(self.example)}"

    def has(self, script: str) -> bool:
        """Whether the script is enough of the text to decide anything."""
        return self.scripts[script] > SCRIPT_SHARE * self.num_letters

    @property
    def without_spaces(self) -> list[str]:
        """The scripts of the text that put no spaces between words, the commonest first."""
        return [
            name for name, _ in self.scripts.most_common() if name in SPACELESS and self.has(name)
        ]


def survey_of(words: collections.Counter[str], lowercase: bool) -> Survey:
    """Look at counted words whose marks are still there."""
    found, most = Survey(num_words=words.total()), 0
    found.num_letters = sum(len(word) * count for word, count in words.items())
    without_marks = mark_remover(lowercase)
    letters = collections.Counter()
    for word, count in words.items():
        if word.isascii():
            continue
        found.num_dotless += count * (DOTLESS in word)
        for letter in word:
            letters[letter] += count
        if after := without_marks(word):
            found.num_losing += count
            found.letters_losing += len(word) * count
            if count > most:
                found.example, most = (word, after), count
    for letter, count in letters.items():
        found.scripts[script_of(letter)] += count
    written = itertools.accumulate(sorted(letters.values(), reverse=True))
    enough = letters.total() - UNCOVERED_FRACTION * found.num_letters
    found.num_needed = sum(count < enough for count in written) + bool(letters)
    if found.scripts["HANGUL"]:
        found.num_needed += len(set().union(*filter(str.isascii, words)))
    return found


def mark_remover(lowercase: bool):
    """A function that gives a word without its marks, or "" if it has none to lose.

    Hangul syllables are taken apart by the folding, which loses nothing.
    """
    keep = folding(TokenizerConfig(lowercase=lowercase, strip_accents=False))
    strip = folding(TokenizerConfig(lowercase=lowercase, strip_accents=True))

    def removed(word: str) -> str:
        kept, stripped = (composed(" ".join(fold(word).split())) for fold in (keep, strip))
        return "" if kept == stripped else stripped

    return removed


def composed(text: str) -> str:
    """The text with letters and marks as single characters where Unicode has them (NFC)."""
    return unicodedata.normalize("NFC", text)


@functools.cache
def script_of(letter: str) -> str:
    """The first word of a letter's Unicode name: "THAI", "CJK"; "" for what is no letter or mark."""
    if unicodedata.category(letter)[0] not in "LM":
        return ""
    return unicodedata.name(letter, "").partition(" ")[0]


def decided(
    config: TokenizerConfig, found: Survey, max_letters: int
) -> tuple[TokenizerConfig, list[str]]:
    """The options for a text: those given, and for those left open what the text needs.

    Args:
        config: the options given.
        found: what the text is written in.
        max_letters: as many have room in the vocabulary.

    Returns:
        the options, with None kept for what is as in the original, and sentences that say what was
        decided and why.
    """
    sentences = []
    if config.removes_accents and config.strip_accents is None:
        keeps, sentences = marks_kept(found, max_letters)
        config = config.replace(strip_accents=False) if keeps else config
    elif config.removes_accents and found.losing_share >= MARKED_SHARE:
        sentences.append(marks_lost(found))
    if config.cuts_long_words is None and found.without_spaces:
        config = config.replace(cuts_long_words=True)
        script = found.without_spaces[0]
        sentences.append(
            f"words of more than {config.max_word_characters} characters are cut, because text in "
            f"the script {SCRIPT_NAMES.get(script, script.capitalize())} has no spaces between words "
            "(--no-cuts-long-words makes them [UNK])"
        )
    if config.lowercase and found.num_dotless >= MARKED_SHARE * found.num_words:
        sentences.append(
            "warning: the text tells ı and i apart, and lower-casing turns the capital of both, I, "
            "into i; --no-lowercase keeps them apart"
        )
    return config, sentences


def marks_kept(found: Survey, max_letters: int) -> tuple[bool, list[str]]:
    """Whether a vocabulary of a text shall have the marks of its letters, and why."""
    if found.losing_share >= TOLD_SHARE:
        if found.losing_share >= MARKED_SHARE:
            return True, [
                f"marks of letters are kept: removing accents would change {found.change} "
                "(--strip-accents removes them)"
            ]
        return False, [
            f"accents are removed, as in the original: this changes {found.change} "
            "(--no-strip-accents keeps them)"
        ]
    if found.has("HANGUL") and found.num_needed <= max_letters:
        return True, [
            "Hangul syllables are kept whole: the vocabulary has room for all but the rarest "
            "(--strip-accents cuts them into their letters, as in the original)"
        ]
    return False, []


def marks_lost(found: Survey) -> str:
    """The sentence about words whose marks are removed."""
    return f"warning: removing accents changes {found.change}; --no-strip-accents keeps their marks"


def percent(share: float) -> str:
    """A share as people write it.

    >>> percent(0.123), percent(0.00002)
    ('12.3%', 'less than 0.1%')
    """
    return f"{share:.1%}" if share >= 0.001 else "less than 0.1%"


def arrow(example: tuple[str, str]) -> str:
    """An example before and after; long ones are cut."""
    return " → ".join(text if len(text) <= 30 else text[:30] + "…" for text in example)
