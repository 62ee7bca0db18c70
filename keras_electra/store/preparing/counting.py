"""What is counted of a corpus while it becomes a store."""

import numpy as np

from keras_electra.corpus import CleaningCounts, Problems
from keras_electra.store.preparing.parts import Part

NUM_BINS = 40


class Counts:
    """Sums over all documents, each once.

    Attributes:
        num_documents, num_sentences, num_words, num_tokens, num_bytes: words stand between white
            space; bytes are those of the lines in UTF-8.
        document_lengths, sentence_lengths: int64 (40,), how many have 1, 2 to 3, 4 to 7, … tokens.
        cleaning: what cleaning did.
        problems: what readers met in blocks of streams.
    """

    def __init__(self):
        self.num_documents = self.num_sentences = self.num_words = 0
        self.num_tokens = self.num_bytes = 0
        self.document_lengths = np.zeros(NUM_BINS, np.int64)
        self.sentence_lengths = np.zeros(NUM_BINS, np.int64)
        self.cleaning, self.problems = CleaningCounts(), Problems()

    def add(self, part: Part) -> None:
        """Count the documents of a part."""
        chunk = part.chunk
        self.num_documents += len(chunk.document_sentences)
        self.num_sentences += len(chunk.sentence_lengths)
        self.num_tokens += len(chunk.token_ids)
        self.num_words += int(part.document_words.sum())
        self.num_bytes += int(part.document_bytes.sum())
        self.document_lengths += binned(chunk.document_tokens)
        self.sentence_lengths += binned(chunk.sentence_lengths)
        self.cleaning += CleaningCounts.from_dict(part.record["cleaning"])
        if "problems" in part.record:
            self.problems.merge(Problems.from_dict(part.record["problems"]))


def binned(lengths: np.ndarray) -> np.ndarray:
    """int64 (40,): how many lengths are 1, 2 to 3, 4 to 7, …

    >>> binned(np.array([1, 3, 3, 8]))[:4]
    array([1, 2, 0, 1])
    """
    return np.bincount(np.frexp(lengths)[1] - 1, minlength=NUM_BINS)
