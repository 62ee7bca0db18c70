"""Documents in memory: token ids with the lengths of sentences and documents."""

from typing import NamedTuple, Self

import numpy as np

from keras_electra.tokenizer.words import sums


class Chunk(NamedTuple):
    """D whole documents of S sentences and N tokens, none of them empty.

    Attributes:
        token_ids: unsigned (N,).
        sentence_lengths: int64 (S,), tokens of each sentence.
        document_sentences: int64 (D,), sentences of each document.
    """

    token_ids: np.ndarray
    sentence_lengths: np.ndarray
    document_sentences: np.ndarray

    @property
    def document_tokens(self) -> np.ndarray:
        """int64 (D,): tokens of each document."""
        return sums(self.sentence_lengths, self.document_sentences)

    def only(self, is_kept: np.ndarray) -> Self:
        """The documents where bool (D,) `is_kept` is True."""
        if is_kept.all():
            return self
        sentences = np.repeat(is_kept, self.document_sentences)
        tokens = np.repeat(sentences, self.sentence_lengths)
        return type(self)(
            self.token_ids[tokens],
            self.sentence_lengths[sentences],
            self.document_sentences[is_kept],
        )

    def without(self, is_removed: np.ndarray) -> Self:
        """The tokens where bool (N,) `is_removed` is False; sentences and documents end at gaps.

        >>> chunk = Chunk(np.array([1, 2, 3, 4, 5]), np.array([3, 2]), np.array([2]))
        >>> chunk.without(np.array([False, True, False, False, False]))
        Chunk(token_ids=array([1, 3, 4, 5]), sentence_lengths=array([1, 1, 2]),
        document_sentences=array([1, 2]))
        """
        places = np.flatnonzero(~is_removed)
        sentence = np.repeat(np.arange(len(self.sentence_lengths)), self.sentence_lengths)
        document = np.repeat(np.arange(len(self.document_sentences)), self.document_sentences)
        sentence = sentence[places]
        is_after_gap = np.diff(places, prepend=-2) > 1
        begins = np.flatnonzero(is_after_gap | (np.diff(sentence, prepend=-1) != 0))
        document = document[sentence[begins]]
        opens = np.flatnonzero(is_after_gap[begins] | (np.diff(document, prepend=-1) != 0))
        return type(self)(
            self.token_ids[places],
            np.diff(begins, append=len(places)),
            np.diff(opens, append=len(begins)),
        )
