"""Learning a vocabulary from counted words, so that the same texts always give the same one."""

import collections
import itertools
from collections.abc import Iterable, Iterator

import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import InputError
from keras_electra.tokenizer.normalization import normalization

CONTINUATION = "##"
MIN_ALPHABET = 100
MAX_ALPHABET = 1000
TRAINING_CHUNK_WORDS = 1000


def learn_vocabulary(
    texts: Iterable[str],
    reserved: list[str],
    vocabulary_size: int,
    config: TokenizerConfig,
    min_frequency: int,
) -> list[str]:
    """Reserved entries, letters, and pieces joined from them: at most V tokens.

    Args:
        texts: read once.
        reserved: entries that come first and are never found in text.
        vocabulary_size: V.
        config: how the texts are folded.
        min_frequency: times a pair of pieces must occur to be joined.
    """
    words = count_words(texts, config)
    if not words:
        raise InputError("texts: expected at least one word, received none")
    letters = alphabet(words, min(MAX_ALPHABET, max(MIN_ALPHABET, vocabulary_size // 8)))
    start = [*reserved, *letters, *continuations(words, letters)]
    if vocabulary_size < len(start):
        raise InputError(
            f"vocabulary_size: expected at least {len(start)} (reserved entries and the "
            f"{len(letters)} letters of the texts), received {vocabulary_size}"
        )
    return learn_pieces(words, start, letters, vocabulary_size, min_frequency)


def count_words(texts: Iterable[str], config: TokenizerConfig) -> collections.Counter[str]:
    """How often each folded word occurs; words too long to be cut are left out."""
    stages = normalization(config)
    words = collections.Counter()
    for text in texts:
        for stage in stages:
            text = stage(text)
        words.update(text.split())
    return collections.Counter(
        {word: n for word, n in words.items() if len(word) <= config.max_word_characters}
    )


def alphabet(words: collections.Counter[str], max_letters: int) -> list[str]:
    """The most frequent characters, in code-point order."""
    letters = collections.Counter()
    for word, count in words.items():
        for character in word:
            letters[character] += count
    frequent = sorted(letters, key=lambda letter: (-letters[letter], letter))
    return sorted(frequent[:max_letters])


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
