"""Options of reading a corpus: what a document is, which bytes are text, and what is cleaned away."""

import dataclasses
from typing import Literal

from keras_electra.config.options import Options, option

DOCUMENT_OPTIONS = frozenset(
    {
        "document_boundary",
        "split_document_characters",
        "unicode_form",
        "removes_control_characters",
        "min_document_characters",
        "max_document_characters",
        "max_unknown_fraction",
        "contamination_words",
    }
)
"""What is a document, and what is cleaned away: it matters to a store, not to a vocabulary."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorpusConfig(Options):
    """How sources of any kind become documents of lines.

    Example:

    >>> corpus = ke.CorpusConfig(document_boundary="line", min_document_characters=20)
    >>> corpus.replace(document_boundary="file").min_document_characters
    20
    """

    document_boundary: Literal["auto", "blank_line", "file", "line", "record"] = option(
        "auto",
        "what ends a document: auto is a blank line in text, a record in tables, a whole text in "
        "OpenWebText; the end of a file always does",
    )
    encoding: str = option("utf-8", "encoding of the text files")
    encoding_errors: Literal["strict", "replace", "skip"] = option(
        "strict",
        "bytes of another encoding: stop there, replace them by U+FFFD, or skip their line",
    )
    damaged_files: Literal["stop", "skip"] = option(
        "stop", "a damaged or unreadable file: stop there, or skip what follows in that file"
    )
    follows_links: bool = option(
        False, "whether links inside a folder that lead out of it are read"
    )
    text_column: str = option("text", "column of the tables that holds the text")
    max_line_characters: int = option(
        1_000_000, "longer lines are cut at white space, so that memory stays bounded"
    )
    split_document_characters: int = option(
        4_000_000, "longer documents are cut between lines, so that memory stays bounded"
    )
    unicode_form: Literal["as_is", "NFC", "NFKC"] = option(
        "as_is", "Unicode normalisation of every line"
    )
    removes_control_characters: bool = option(
        False, "whether control characters are removed from every line"
    )
    min_document_characters: int | None = option(
        None, "shorter documents are dropped; characters of all lines together"
    )
    max_document_characters: int | None = option(
        None, "longer documents are dropped; characters of all lines together"
    )
    max_unknown_fraction: float | None = option(
        None, "documents with a larger fraction of [UNK] among their tokens are dropped"
    )
    contamination_words: int = option(
        13, "documents that share so many words in a row with held-out text are dropped"
    )

    def check(self) -> None:
        self.require_range(
            "at least 1", "max_line_characters split_document_characters contamination_words"
        )
        self.require_range("at least 1, or none", "min_document_characters max_document_characters")
        self.require_range("a fraction in [0, 1]", "max_unknown_fraction")
        least, most = self.min_document_characters, self.max_document_characters
        self.require(
            least is None or most is None or least <= most,
            "max_document_characters",
            f"at least min_document_characters ({least})",
        )
