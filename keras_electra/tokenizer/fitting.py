"""Whether a vocabulary, its options and a text fit each other: sentences about what does not."""

import collections
from collections.abc import Iterable

import numpy as np

from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.tokenizer.choosing import (
    MARKED_SHARE,
    composed,
    mark_remover,
    marks_lost,
    percent,
    survey_of,
)
from keras_electra.tokenizer.normalization import folding
from keras_electra.tokenizer.training import CONTINUATION, UNKNOWN_SHARE, counted_and_decided
from keras_electra.tokenizer.wordpiece import WordPieceTokenizer
from keras_electra.tokenizer.words import tokens_of_words

MAX_UPPER_SHARE, MAX_USELESS_SHARE = 0.05, 0.01
"""Shares of the entries that a text may never have, from which on it is reported."""
HELPS_BELOW = 0.5
"""An option helps if it lowers the share of [UNK] below this share of it."""


def misfits(tokenizer: WordPieceTokenizer, lines: Iterable[str]) -> list[str]:
    """What does not fit, each with figures, an example and the option that helps.

    Args:
        tokenizer: the vocabulary and its options.
        lines: of the text, or a sample of it.
    """
    pieces = collections.Counter()
    for line in lines:
        pieces.update(line.split())
    of_vocabulary = vocabulary_misfits(tokenizer)
    if not pieces:
        return of_vocabulary
    found = lost_marks(tokenizer, pieces)
    # Those of the vocabulary say the same without figures of the text.
    rest = [sentence for sentence in of_vocabulary if not (found and "marks" in sentence)]
    return [*rest, *found, *unknown(tokenizer, pieces)]


def training_remarks(
    config: TokenizerConfig, lines: Iterable[str], vocabulary_size: int
) -> list[str]:
    """What training a vocabulary from these lines would decide, and say of it.

    Args:
        config: the options given.
        lines: a sample of the text.
        vocabulary_size: most entries (V).
    """
    return counted_and_decided(lines, config, vocabulary_size)[2]


def vocabulary_misfits(tokenizer: WordPieceTokenizer) -> list[str]:
    """Entries that no text can become with these options."""
    size, sentences = tokenizer.vocabulary_size, []
    num_upper = sum(token != token.lower() for token in entries_of(tokenizer))
    if tokenizer.config.lowercase and num_upper > MAX_UPPER_SHARE * size:
        sentences.append(
            f"warning: {num_upper:,} of {size:,} entries of the vocabulary have upper-case letters, "
            "which lower-cased text never has; --no-lowercase keeps them"
        )
    num_marked = num_marked_entries(tokenizer)
    if tokenizer.config.removes_accents and num_marked > MAX_USELESS_SHARE * size:
        sentences.append(
            f"warning: {num_marked:,} of {size:,} entries of the vocabulary have accents or other "
            "marks of letters, which text without accents never has; --no-strip-accents keeps them"
        )
    return sentences


def entries_of(tokenizer: WordPieceTokenizer) -> list[str]:
    """The entries for text, without what marks a continuation."""
    return [
        token.removeprefix(CONTINUATION)
        for token in tokenizer.vocabulary
        if not token.startswith("[")
    ]


def num_marked_entries(tokenizer: WordPieceTokenizer) -> int:
    """How many entries have marks that removing accents takes away."""
    without_marks = mark_remover(tokenizer.config.lowercase)
    return sum(bool(without_marks(token)) for token in entries_of(tokenizer) if not token.isascii())


def lost_marks(tokenizer: WordPieceTokenizer, pieces: collections.Counter[str]) -> list[str]:
    """The sentence about words whose marks are removed, if they are many."""
    config = tokenizer.config
    if not config.removes_accents:
        return []
    # Pieces of ASCII lose nothing, and are only counted.
    words = collections.Counter({piece: n for piece, n in pieces.items() if piece.isascii()})
    marked = collections.Counter({piece: n for piece, n in pieces.items() if not piece.isascii()})
    words.update(folded(marked, config.replace(strip_accents=False)))
    found = survey_of(words, config.lowercase)
    if found.losing_share < MARKED_SHARE:
        return []
    num_marked = num_marked_entries(tokenizer)
    if num_marked > MAX_USELESS_SHARE * tokenizer.vocabulary_size:
        size = tokenizer.vocabulary_size
        entries = f", which {num_marked:,} of {size:,} entries of the vocabulary have"
        return [marks_lost(found) + entries]
    return [
        f"warning: removing accents changes {found.change}, and the vocabulary has no entries with "
        "these marks; `keras-electra tokenizer train` learns one from this text that keeps them"
    ]


def unknown(tokenizer: WordPieceTokenizer, pieces: collections.Counter[str]) -> list[str]:
    """The sentence about characters that become [UNK], if they are many."""
    share, example = unknown_share(tokenizer, pieces)
    if share < UNKNOWN_SHARE:
        return []
    begun = f"warning: {percent(share)} of the characters become [UNK], such as {example!r}; "
    in_one = collections.Counter()
    for piece, count in pieces.items():
        in_one[composed(piece)] += count
    with_composed = unknown_share(tokenizer, in_one)[0]
    if with_composed < HELPS_BELOW * share:
        return [
            f"{begun}the text has letters and their marks as separate characters (NFD), the vocabulary as "
            "single ones; --unicode-form NFC (in Python unicodedata.normalize) lowers this to "
            f"{percent(with_composed)}"
        ]
    shares = {}
    for name, value in other_options(tokenizer.config).items():
        other = WordPieceTokenizer(tokenizer.vocabulary, tokenizer.config.replace(**{name: value}))
        flag = f"--{'' if value else 'no-'}{name.replace('_', '-')}"
        shares[flag] = unknown_share(other, pieces)[0]
    best = min(shares, key=shares.get)
    if shares[best] < HELPS_BELOW * share:
        return [f"{begun}{best} lowers this to {percent(shares[best])}"]
    return [
        f"{begun}a vocabulary learned from this text (`keras-electra tokenizer train`), or one with "
        "its letters added (`keras-electra tokenizer extend`), helps"
    ]


def other_options(config: TokenizerConfig) -> dict[str, bool]:
    """What could be changed so that fewer words become [UNK]."""
    return {
        "lowercase": not config.lowercase,
        "strip_accents": not config.removes_accents,
        **({} if config.cuts_long_words else {"cuts_long_words": True}),
    }


def unknown_share(
    tokenizer: WordPieceTokenizer, pieces: collections.Counter[str]
) -> tuple[float, str]:
    """The share of the characters that become [UNK], and the commonest word among them."""
    words = folded(pieces, tokenizer.config)
    ids, lengths = tokens_of_words(tokenizer, list(words))
    # A word is unknown as a whole: [UNK] is its one token.
    firsts = ids[np.cumsum(lengths) - lengths]
    lost = [
        word for word, first in zip(words, firsts, strict=True) if first == tokenizer.unknown_id
    ]
    total = sum(len(word) * count for word, count in words.items())
    share = sum(len(word) * words[word] for word in lost) / max(1, total)
    example = max(lost, key=words.get, default="")
    return share, example if len(example) <= 30 else example[:30] + "…"


def folded(pieces: collections.Counter[str], config: TokenizerConfig) -> collections.Counter[str]:
    """The words that the pieces become, those that are too long for a token among them."""
    fold, words = folding(config), collections.Counter()
    for piece, count in pieces.items():
        for word in fold(piece).split():
            words[word] += count
    return words
