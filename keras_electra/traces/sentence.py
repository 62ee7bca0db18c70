"""A text as words and pieces, with some words edited: what the networks are shown of it.

Shapes: T places, [CLS] and [SEP] counted.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from keras_electra.errors import InputError
from keras_electra.tokenizer import WordPieceTokenizer
from keras_electra.traces.records import Word


@dataclasses.dataclass(frozen=True)
class Sentence:
    """A text cut into words and pieces, as far as it fits into a window.

    Edited words are tokenized by themselves, so an edit never changes the pieces of its neighbours.

    Attributes:
        text: as given.
        ids: (T,) int32, `[CLS] … [SEP]`.
        words: all words of the text; those that did not fit have no pieces.
        is_edited: (T,) bool, the pieces of words that an edit changed; another case or accent, which
            the tokenizer does not see, is no change.
        original_ids: the ids of every word as it was typed.
        num_left_out: pieces that did not fit.
    """

    text: str
    ids: np.ndarray
    words: tuple[Word, ...]
    is_edited: np.ndarray
    original_ids: tuple[tuple[int, ...], ...]
    num_left_out: int

    @classmethod
    def of(
        cls,
        text: str,
        tokenizer: WordPieceTokenizer,
        longest: int,
        edits: Mapping[int, str] | None = None,
    ) -> "Sentence":
        """Tokenize a text.

        Args:
            text: the text.
            tokenizer: of the model.
            longest: most places, [CLS] and [SEP] counted.
            edits: word → what is written in its place.

        Raises:
            InputError: if an edited word is not there, or holds nothing that the tokenizer keeps.
        """
        edits = dict(edits or {})
        parts = _words_of(text, tokenizer)
        for number in edits:
            if number >= len(parts):
                raise InputError(
                    f"edits: expected words from 0 to {len(parts) - 1}, received word {number}"
                )
        ids, words, is_edited, num_pieces = [tokenizer.class_id], [], [False], 0
        for number, (start, end, typed) in enumerate(parts):
            pieces = typed
            if number in edits:
                pieces = _pieces_of_edit(edits[number], tokenizer)
            seen = pieces[: longest - 1 - len(ids)]
            first, num_pieces = len(ids), num_pieces + len(pieces)
            ids += seen
            is_edited += [pieces != typed] * len(seen)
            words.append(Word(text[start:end], start, end, first, len(ids), edits.get(number)))
        return cls(
            text=text,
            ids=np.array([*ids, tokenizer.separator_id], np.int32),
            words=tuple(words),
            is_edited=np.array([*is_edited, False]),
            original_ids=tuple(tuple(typed) for _, _, typed in parts),
            num_left_out=num_pieces - (len(ids) - 1),
        )

    @property
    def seen(self) -> str:
        """The part of the text that fits."""
        if not self.num_left_out:
            return self.text
        ends = [word.end for word in self.words if word.last > word.first]
        return self.text[: max(ends, default=0)]

    @property
    def written(self) -> str:
        """The text with its edits in place."""
        parts, done = [], 0
        for word in self.words:
            if word.edited is not None:
                parts += [self.text[done : word.start], word.edited]
                done = word.end
        return "".join(parts) + self.text[done:]

    def position_of(self, word: int, piece: int) -> int | None:
        """The place of a piece of a word; None if it is not there, or did not fit."""
        if word >= len(self.words):
            return None
        place = self.words[word].first + piece
        return place if place < self.words[word].last else None

    def place_of(self, position: int) -> tuple[int, int]:
        """(word, piece) of a place; `InputError` for [CLS], [SEP] and what is not there."""
        for number, word in enumerate(self.words):
            if word.first <= position < word.last:
                return number, position - word.first
        raise InputError(
            f"position: expected the place of a token, from 1 to {len(self.ids) - 2}, "
            f"received {position}"
        )

    def original_id(self, position: int) -> int | None:
        """The id that was typed in a place; None where an edit made more or fewer pieces."""
        number, piece = self.place_of(position)
        typed, word = self.original_ids[number], self.words[number]
        return typed[piece] if len(typed) == word.last - word.first else None


def _words_of(text, tokenizer):
    """(start, end, ids) of every word: a piece that continues one belongs to it."""
    words = []
    for index, token, (start, end) in zip(*tokenizer.encode_with_offsets(text), strict=True):
        if words and token.startswith("##") and tokenizer.is_continuation[index]:
            first, _, ids = words[-1]
            words[-1] = (first, end, [*ids, index])
        else:
            words.append((start, end, [index]))
    return words


def _pieces_of_edit(written, tokenizer):
    ids = tokenizer.encode(written)
    if not ids:
        raise InputError(f"edits: expected a word, received {written!r}, of which no token is made")
    return ids
