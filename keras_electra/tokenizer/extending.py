"""Extending a vocabulary by the words of a domain, so that a trained model can go on with it."""

import collections
import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from keras_electra.corpus import texts_of
from keras_electra.errors import InputError
from keras_electra.tokenizer.training import (
    CONTINUATION,
    MAX_LETTERS,
    RARE_FRACTION,
    UNUSED,
    continuations,
    count_words,
    filled,
    frequent_words,
    learn_pieces,
)
from keras_electra.tokenizer.wordpiece import WordPieceTokenizer

# Each old piece is written as one letter of the planes above Unicode's first.
FIRST_LETTER = 0x10000
MAX_PIECES = 0x10FFFF - FIRST_LETTER
WORDS_PER_BATCH = 100_000


@dataclasses.dataclass(frozen=True)
class Extension:
    """A longer vocabulary, and what its new entries were before.

    Attributes:
        tokenizer: with the longer vocabulary; old entries keep their ids.
        pieces: id of each new entry → the old ids that stood for it; `[UNK]`'s for a letter that was
            unknown, none for an entry that only fills up.
    """

    tokenizer: WordPieceTokenizer
    pieces: Mapping[int, tuple[int, ...]]


def extend(
    tokenizer: WordPieceTokenizer,
    texts: Iterable[str] | str | os.PathLike,
    num_new: int,
    *,
    uses_unused: bool = False,
    min_frequency: int = 2,
    multiple_of: int = 1,
) -> Extension:
    """Join the pieces that stand side by side most often in a domain's texts, as training does.

    Letters that the vocabulary lacks come first, if they are at least one in a million; they take at
    most half of the new entries.

    Args:
        tokenizer: has the old vocabulary and the settings.
        texts: of the domain, as `WordPieceTokenizer.train` takes them; read once.
        num_new: most new entries; a small corpus gives fewer.
        uses_unused: whether they take the places of `[unused…]` entries, so that V stays; otherwise
            they are appended.
        min_frequency: times a letter or a pair of pieces must occur.
        multiple_of: V is filled up to a multiple of this.

    Raises:
        InputError: if there is no word, `num_new` is below 1, or there are fewer unused entries.
    """
    slots = unused_ids(tokenizer) if uses_unused else None
    if num_new < 1:
        raise InputError(f"num_new: expected at least 1, received {num_new}")
    if slots is not None and len(slots) < num_new:
        raise InputError(
            f"num_new: expected at most {len(slots)}, the number of [unused] entries, "
            f"received {num_new}"
        )
    words = count_words(texts_of(texts), tokenizer.config)
    if not words:
        raise InputError("texts: expected at least one word, received none")
    letters = missing_letters(words, tokenizer, min_frequency, max(1, num_new // 2))
    with_letters = WordPieceTokenizer([*tokenizer.vocabulary, *letters], tokenizer.config)
    joined = joined_pieces(words, with_letters, num_new - len(letters), min_frequency)
    new = {letter: (tokenizer.unknown_id,) for letter in letters} | {
        token: tuple(
            index if index < tokenizer.vocabulary_size else tokenizer.unknown_id for index in pieces
        )
        for token, pieces in joined.items()
    }
    return placed(tokenizer, new, slots, multiple_of)


def unused_ids(tokenizer: WordPieceTokenizer) -> list[int]:
    """The ids of the `[unused…]` entries."""
    return [index for index, token in enumerate(tokenizer.vocabulary) if UNUSED.fullmatch(token)]


def missing_letters(
    words: collections.Counter[str], tokenizer: WordPieceTokenizer, min_frequency: int, most: int
) -> list[str]:
    """Letters, at the start of a word or inside, that the vocabulary lacks; the commonest first."""
    known = set(tokenizer.vocabulary)
    counts = collections.Counter()
    for word, count in words.items():
        for place, letter in enumerate(word):
            counts[CONTINUATION + letter if place else letter] += count
    least = max(min_frequency, RARE_FRACTION * counts.total())
    missing = [letter for letter in counts if letter not in known and counts[letter] >= least]
    return sorted(missing, key=lambda letter: (-counts[letter], letter))[:most]


def joined_pieces(
    words: collections.Counter[str], tokenizer: WordPieceTokenizer, num_new: int, min_frequency: int
) -> dict[str, tuple[int, ...]]:
    """New tokens, the first joined first, each with the ids of the pieces it consists of.

    Words are written with one letter for each of their pieces; what the trainer joins of such
    letters is joined of pieces.
    """
    if tokenizer.vocabulary_size > MAX_PIECES:
        raise InputError(
            f"vocabulary: expected at most {MAX_PIECES} entries, "
            f"received {tokenizer.vocabulary_size}"
        )
    written = frequent_words(written_in_pieces(words, tokenizer), MAX_LETTERS)
    letters = sorted(set().union(*written))
    start = ["[UNK]", *letters, *continuations(written, letters)]
    size = len(start) + max(0, num_new)
    learned = learn_pieces(written, start, letters, size, min_frequency) if written else start
    joined = {}
    for token in learned[len(start) :]:
        ids = tuple(ord(letter) - FIRST_LETTER for letter in token.removeprefix(CONTINUATION))
        first, *rest = tokenizer.tokens_of(ids)
        whole = first + "".join(piece.removeprefix(CONTINUATION) for piece in rest)
        joined[whole] = ids
    return joined


def written_in_pieces(
    words: collections.Counter[str], tokenizer: WordPieceTokenizer
) -> collections.Counter[str]:
    """The words that the vocabulary can write, a letter for each piece."""
    written = collections.Counter()
    every = list(words)
    for first in range(0, len(every), WORDS_PER_BATCH):
        some = every[first : first + WORDS_PER_BATCH]
        for word, ids in zip(some, tokenizer.encode_folded(some), strict=True):
            if tokenizer.unknown_id not in ids:
                written["".join(chr(FIRST_LETTER + index) for index in ids)] += words[word]
    return written


def placed(
    tokenizer: WordPieceTokenizer,
    new: Mapping[str, tuple[int, ...]],
    slots: list[int] | None,
    multiple_of: int,
) -> Extension:
    """The vocabulary with the new entries, in the slots given or at the end."""
    vocabulary, pieces = list(tokenizer.vocabulary), {}
    for place, (token, ids) in enumerate(new.items()):
        index = len(vocabulary) if slots is None else slots[place]
        vocabulary[index : index + 1] = [token]
        pieces[index] = ids
    num_tokens = len(vocabulary)
    vocabulary = filled(vocabulary, multiple_of)
    pieces |= dict.fromkeys(range(num_tokens, len(vocabulary)), ())
    return Extension(WordPieceTokenizer(vocabulary, tokenizer.config), pieces)


def former_pieces(
    old: WordPieceTokenizer, vocabulary: Sequence[str]
) -> list[tuple[int, ...] | None]:
    """What stood for each entry of a new vocabulary in the old one.

    Returns:
        for each entry the ids of the old pieces that it is cut into, each the longest there is, with
        `[UNK]`'s for a letter that was unknown; the one id of an entry that was there before; None
        for a new `[unused…]` entry, for which nothing stood.
    """
    ids = {token: index for index, token in enumerate(old.vocabulary)}
    return [
        (ids[token],)
        if token in ids
        else None
        if UNUSED.fullmatch(token)
        else tuple(longest_pieces(token, ids, old.unknown_id))
        for token in vocabulary
    ]


def longest_pieces(token: str, ids: Mapping[str, int], unknown_id: int) -> Iterator[int]:
    """The ids of the pieces of a token.

    >>> ids = {"[UNK]": 0, "lamp": 1, "##lamp": 2, "##s": 3}
    >>> list(longest_pieces("lamps", ids, 0)), list(longest_pieces("##lamps!", ids, 0))
    ([1, 3], [2, 3, 0])
    """
    prefix = CONTINUATION if token.startswith(CONTINUATION) else ""
    rest = token.removeprefix(CONTINUATION)
    while rest:
        ends = (end for end in range(len(rest), 0, -1) if prefix + rest[:end] in ids)
        end = next(ends, None)
        yield unknown_id if end is None else ids[prefix + rest[:end]]
        prefix, rest = CONTINUATION, rest[end or 1 :]
