"""Options of the WordPiece tokenizer."""

import dataclasses

from keras_electra.config.options import Options, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenizerConfig(Options):
    """How text is cut into pieces; stored beside every vocabulary.

    Example:

    >>> ke.TokenizerConfig().removes_accents, ke.TokenizerConfig(lowercase=False).removes_accents
    (True, False)
    """

    lowercase: bool = option(True, "whether text is lower-cased")
    strip_accents: bool | None = option(
        None,
        "whether accents and other marks of letters are removed; none: training a vocabulary keeps "
        "them where 1% of the words would change, else follows lowercase, as in the original",
    )
    max_word_characters: int = option(200, "words longer than this, in characters, become [UNK]")
    cuts_long_words: bool | None = option(
        None,
        "whether longer words are cut into several instead, as proteins need; none: training a "
        "vocabulary turns it on for scripts without spaces, such as Thai; else off",
    )

    def check(self) -> None:
        self.require_range("at least 1", "max_word_characters")

    @property
    def removes_accents(self) -> bool:
        """Whether accents are removed, after `strip_accents=None` is decided."""
        return self.lowercase if self.strip_accents is None else self.strip_accents
