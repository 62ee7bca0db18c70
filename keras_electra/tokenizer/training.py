"""Learning a vocabulary from counted words, so that the same texts always give the same one."""

import collections
import itertools
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import InputError
from keras_electra.tokenizer.choosing import UNCOVERED_FRACTION, decided, percent, survey_of
from keras_electra.tokenizer.normalization import folding

CONTINUATION = "##"
UNUSED = re.compile(r"\[unused(\d+)\]")
MIN_ALPHABET, MAX_ALPHABET = 100, 1000
# Scripts with thousands of letters need more: all but the rarest, which together are
# UNCOVERED_FRACTION of the text, and none that is so rare alone.
RARE_FRACTION = 0.000001
TRAINING_CHUNK_WORDS = 1000
# The trainer takes about 130 bytes a letter. Natural text has far fewer distinct words than this;
# lines without spaces, such as proteins, have as many as there are lines.
MAX_LETTERS = 8_000_000
MAX_COUNTED = 1_000_000
UNKNOWN_SHARE = 0.01
"""Share of the characters that become [UNK] from which on it is reported."""


def learn_vocabulary(
    texts: Iterable[str],
    reserved: list[str],
    vocabulary_size: int,
    config: TokenizerConfig,
    min_frequency: int,
    multiple_of: int = 1,
    tell: Callable[[str], None] = lambda sentence: None,
) -> tuple[list[str], TokenizerConfig]:
    """Reserved entries, letters, and pieces joined from them: at most V tokens, and filling.

    Args:
        texts: read once.
        reserved: entries that come first and are never found in text.
        vocabulary_size: V.
        config: how the texts are folded; what it leaves open is decided by the text.
        min_frequency: times a pair of pieces must occur to be joined.
        multiple_of: the result is filled up with `[unused…]` entries to a multiple of this.
        tell: receives sentences about what was decided, and what does not fit.

    Returns:
        the tokens, and the options that were decided on.
    """
    counted, config, sentences = counted_and_decided(texts, config, vocabulary_size)
    words = frequent_words(counted, MAX_LETTERS)
    if not words:
        raise InputError(
            "texts: expected at least one word of at most "
            f"{config.max_word_characters} characters, received none"
        )
    letters = alphabet(words, vocabulary_size)
    start = [*reserved, *letters, *continuations(words, letters)]
    if vocabulary_size < len(start):
        raise InputError(
            f"vocabulary_size: expected at least {len(start)} (reserved entries and the "
            f"{len(letters)} letters of the texts), received {vocabulary_size}"
        )
    for sentence in [*sentences, *letters_left_out(words, letters)]:
        tell(sentence)
    learned = learn_pieces(words, start, letters, vocabulary_size, min_frequency)
    return filled(learned, multiple_of), config


def counted_and_decided(
    texts: Iterable[str], config: TokenizerConfig, vocabulary_size: int
) -> tuple[collections.Counter[str], TokenizerConfig, list[str]]:
    """The folded words, the options that were decided on, and sentences that say so.

    Words are first counted with their marks, and folded for good once all of them are known.
    """
    keeping = config.replace(
        strip_accents=False, cuts_long_words=False, max_word_characters=sys.maxsize
    )
    words = count_words(texts, keeping)
    room = max(usual_letters(vocabulary_size), vocabulary_size // 4)
    config, sentences = decided(config, survey_of(words, config.lowercase), room)
    # Nothing else would change: words without capitals are split and lower-cased already.
    changing = [
        word
        for word in words
        if len(word) > config.max_word_characters or (config.removes_accents and not word.isascii())
    ]
    add_folded(words, {word: words.pop(word) for word in changing}, config)
    return words, config, sentences


def letters_left_out(words: collections.Counter[str], letters: list[str]) -> list[str]:
    """A sentence if the alphabet has no room for letters of too much text."""
    missing = set().union(*words).difference(letters)
    if not missing:
        return []
    unknown = {word: len(word) * words[word] for word in words if not missing.isdisjoint(word)}
    share = sum(unknown.values()) / sum(len(word) * count for word, count in words.items())
    if share < UNKNOWN_SHARE:
        return []
    return [
        f"warning: {percent(share)} of the characters become [UNK], because the vocabulary has no "
        f"room for {len(missing):,} of the letters; a larger --vocabulary-size helps"
    ]


def count_words(texts: Iterable[str], config: TokenizerConfig) -> collections.Counter[str]:
    """How often each folded word occurs; words too long for a token are left out."""
    words, pieces = collections.Counter(), collections.Counter()
    for text in texts:
        # No step of the folding looks across a space: each piece is folded once, not each time.
        pieces.update(text.split(" "))
        if len(pieces) > MAX_COUNTED:
            add_folded(words, pieces, config)
            pieces.clear()
    add_folded(words, pieces, config)
    return words


def add_folded(
    words: collections.Counter[str], pieces: collections.Counter[str], config: TokenizerConfig
) -> None:
    """Count the words that the pieces become."""
    fold = folding(config)
    for piece, count in pieces.items():
        for word in fold(piece).split():
            if len(word) <= config.max_word_characters:
                words[word] += count


def frequent_words(words: collections.Counter[str], max_letters: int) -> collections.Counter[str]:
    """The most frequent words, with at most so many letters together.

    >>> frequent_words(collections.Counter({"cat": 1, "tac": 1, "a": 5}), max_letters=4)
    Counter({'a': 5, 'cat': 1})
    """
    if sum(map(len, words)) <= max_letters:
        return words
    frequent = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    sizes = itertools.accumulate(len(word) for word, _ in frequent)
    return collections.Counter(
        {word: n for (word, n), size in zip(frequent, sizes, strict=True) if size <= max_letters}
    )


def alphabet(words: collections.Counter[str], vocabulary_size: int) -> list[str]:
    """The most frequent characters, in code-point order.

    They are 100 to 1000, an eighth of V; up to a quarter of V where that is not enough to write all
    but 0.05 % of the text, and a further letter is at least one in a million.
    """
    letters = collections.Counter()
    for word, count in words.items():
        for character in word:
            letters[character] += count
    frequent = sorted(letters, key=lambda letter: (-letters[letter], letter))
    total = letters.total()
    written = itertools.accumulate(letters[letter] for letter in frequent)
    num_needed = 1 + sum(count < (1 - UNCOVERED_FRACTION) * total for count in written)
    num_common = sum(count >= RARE_FRACTION * total for count in letters.values())
    most = max(usual_letters(vocabulary_size), min(num_needed, num_common, vocabulary_size // 4))
    return sorted(frequent[:most])


def usual_letters(vocabulary_size: int) -> int:
    """How many letters have room where the text does not need more."""
    return min(MAX_ALPHABET, max(MIN_ALPHABET, vocabulary_size // 8))


def continuations(words: Iterable[str], letters: Iterable[str]) -> list[str]:
    """The letters that occur inside words, as pieces, in code-point order."""
    inside = set().union(*(word[1:] for word in words))
    return [CONTINUATION + letter for letter in letters if letter in inside]


def learn_pieces(
    words: collections.Counter[str],
    start: list[str],
    letters: list[str],
    vocabulary_size: int,
    min_frequency: int,
) -> list[str]:
    """Join pairs of pieces, the commonest first; V tokens that begin with `start`.

    The letters are given as fixed entries: left to itself, the trainer numbers them in the order of
    a hash table, and ties between pairs would be decided differently in every process.
    """
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary_size,
        min_frequency=min_frequency,
        show_progress=False,
        special_tokens=start,
        initial_alphabet=letters,
        limit_alphabet=len(letters),
        continuing_subword_prefix=CONTINUATION,
    )
    learner = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    learner.train_from_iterator(repeated(words), trainer)
    ids = learner.get_vocab()
    return sorted(ids, key=ids.__getitem__)


def repeated(words: collections.Counter[str]) -> Iterator[str]:
    """Texts that hold each word as often as it was counted."""
    for word, count in words.items():
        whole, rest = divmod(count, TRAINING_CHUNK_WORDS)
        yield from itertools.repeat(" ".join([word] * TRAINING_CHUNK_WORDS), whole)
        yield " ".join([word] * rest)


def filled_up_to(vocabulary: Sequence[str], num_rows: int) -> list[str]:
    """The vocabulary with an `[unused…]` entry, numbered by its id, for each further row of a table.

    >>> filled_up_to(["[PAD]", "a"], 4)
    ['[PAD]', 'a', '[unused2]', '[unused3]']
    """
    vocabulary, known = list(vocabulary), set(vocabulary)
    for index in range(len(vocabulary), num_rows):
        number = index
        while f"[unused{number}]" in known:
            number += num_rows
        vocabulary.append(f"[unused{number}]")
        known.add(vocabulary[-1])
    return vocabulary


def without_fill(vocabulary: Sequence[str]) -> list[str]:
    """The vocabulary without the entries at its end that `filled_up_to` made.

    >>> without_fill(["[PAD]", "a", "[unused2]", "[unused3]"])
    ['[PAD]', 'a']
    """
    length = len(vocabulary)
    while length and vocabulary[length - 1] == f"[unused{length - 1}]":
        length -= 1
    return list(vocabulary[:length])


def filled(vocabulary: list[str], multiple_of: int) -> list[str]:
    """The vocabulary with so many further `[unused…]` entries that V is a multiple.

    >>> filled(["[PAD]", "[unused0]", "a"], 4)
    ['[PAD]', '[unused0]', 'a', '[unused1]']
    """
    if multiple_of < 1:
        raise InputError(f"multiple_of: expected at least 1, received {multiple_of}")
    numbers = (UNUSED.fullmatch(token) for token in vocabulary)
    first = max((int(match[1]) + 1 for match in numbers if match), default=0)
    missing = -len(vocabulary) % multiple_of
    return [*vocabulary, *(f"[unused{number}]" for number in range(first, first + missing))]
