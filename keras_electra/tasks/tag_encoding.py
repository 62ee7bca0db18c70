"""Sentences of tagged words to token ids: a tag is learned and told at the first piece of its word."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.scoring.spans import has_span_tags, to_bioes
from keras_electra.tasks.encoded import EncodingJob, Rows
from keras_electra.tasks.examples import TaggingExample
from keras_electra.tokenizer import WordPieceTokenizer


def encode_sentences(job: EncodingJob) -> Rows:
    """`[CLS] pieces of the words [SEP]`; a word without a piece, such as a control character, is [UNK].

    A sentence that is too long is cut for training, and split into several rows for judging, so that
    every word gets a tag. There, a tag that is not one of the labels is not trained or measured as
    loss, but stays in the example's gold: the model can only miss it.

    In the form "original", all segment ids are 1, and words are lower-cased and stripped of accents
    whatever the vocabulary. Rows have the fields `word_positions`, `labels`, `word_weights`: arrays
    (words,), and `first_words`, the place in its sentence of a row's first word.
    """
    rows = Rows()
    is_original = job.config.tagging_form == "original"
    pieces = pieces_of_words(job, is_original)
    for owner, example in enumerate(job.examples):
        numbers = numbers_of(job, example)
        if job.is_training and numbers is None:
            continue
        parts = [pieces[word] for word in example.words]
        sizes = np.array([len(part) for part in parts], np.int64)
        stretches = split_words(sizes, job.config.sequence_length, is_original)
        if job.is_training and len(stretches) > 1:
            stretches = stretches[:1]
            rows.cut_owners.add(owner)
        for first, last in stretches:
            add_stretch(job, rows, owner, parts, first, last, numbers, is_original)
    return rows


def add_stretch(job, rows: Rows, owner: int, parts, first, last, numbers, is_original) -> None:
    """Add the row of the words `first` to `last` (not included) of a sentence."""
    room = job.config.sequence_length - 2
    ids = [index for part in parts[first:last] for index in part[:room]]
    token_ids, segment_ids, _ = job.framing.single(ids)
    sizes = np.array([0, *(len(part) for part in parts[first:last])], np.int64)
    known = numbers is not None
    labels = np.array(numbers[first:last] if known else [-1] * (last - first), np.int32)
    rows.add(
        owner,
        token_ids,
        np.ones_like(segment_ids) if is_original else segment_ids,
        known,
        word_positions=np.array(1 + np.cumsum(sizes)[:-1], np.int32),
        word_weights=np.array(labels >= 0, np.float32),
        labels=np.maximum(labels, 0),
        first_words=first,
    )


def split_words(sizes: np.ndarray, length: int, is_original: bool) -> list[tuple[int, int]]:
    """(first, last) of the stretches of words that fill one row each; `last` is not included.

    split_words([2, 2, 3, 1], 6, False) is [(0, 2), (2, 4)]: four pieces stand between [CLS] and [SEP].

    Args:
        sizes: (words,), pieces of each word; one word alone may be larger than a row.
        length: places of a row, [CLS] and [SEP] counted.
        is_original: cut earlier, where the words of the sentence (with [CLS] and [SEP]) and the places
            filled so far are together as many as `length`; not where no word would be left.
    """
    if not len(sizes):
        return [(0, 0)]
    stretches, first = [], 0
    while first < len(sizes):
        last = first + max(1, num_fitting(sizes[first:], length, is_original))
        stretches.append((first, last))
        first = last
    return stretches


def num_fitting(sizes: np.ndarray, length: int, is_original: bool) -> int:
    """How many of the next words go into one row; as for `split_words`."""
    filled = 1 + np.cumsum(sizes)
    num_words = int(np.searchsorted(filled, length - 1, side="right"))
    if is_original:
        num_early = int(np.searchsorted(filled - sizes, length - len(sizes) - 3, side="right"))
        if num_early:
            return min(num_words, num_early)
    return num_words


def pieces_of_words(job: EncodingJob, is_original: bool) -> dict[str, list[int]]:
    """Piece ids of every distinct word."""
    tokenizer = folding(job.tokenizer) if is_original else job.tokenizer
    words = list(dict.fromkeys(word for example in job.examples for word in example.words))
    unknown = [tokenizer.unknown_id]
    found = tokenizer.encode_many(words)
    return {word: ids or unknown for word, ids in zip(words, found, strict=True)}


def folding(tokenizer: WordPieceTokenizer) -> WordPieceTokenizer:
    """The same vocabulary, with case and accents folded."""
    config = TokenizerConfig(
        lowercase=True,
        strip_accents=True,
        max_word_characters=tokenizer.config.max_word_characters,
    )
    return WordPieceTokenizer(tokenizer.vocabulary, config)


def numbers_of(job: EncodingJob, example: TaggingExample) -> list[int] | None:
    """Number of each word's tag, -1 where it is not one of the labels; None if not known."""
    if example.tags is None:
        job.note_missing_gold(example)
        return None
    if len(example.tags) != len(example.words):
        received = len(example.tags)
        job.leave_out("wrong number of tags", example, f"{len(example.words)} tags", received)
        return None
    numbers = [job.number_of_label.get(tag, -1) for tag in example.tags]
    if job.is_training and -1 in numbers:
        job.note_unknown_label(example, example.tags[numbers.index(-1)])
        return None
    return numbers


def in_form(examples: Iterable[TaggingExample], form: str) -> list[TaggingExample]:
    """The examples with their tags as the form wants them; "original" re-encodes spans as BIOES.

    Tags of another kind, such as parts of speech, stay as they are.
    """
    if form != "original":
        return list(examples)
    return [
        dataclasses.replace(example, tags=tuple(to_bioes(example.tags)))
        if example.tags is not None and has_span_tags(example.tags)
        else example
        for example in examples
    ]
