"""Rows of a token table that no line of a `vocab.txt` is for: added tokens, and rows without a token."""

from keras_electra.errors import InputError
from keras_electra.tasks.text import named
from keras_electra.tokenizer import WordPieceTokenizer
from keras_electra.tokenizer.training import filled_up_to, without_fill
from keras_electra.tokenizer.vocabulary_files import (
    SENTENCEPIECE_FILES,
    VOCABULARY_FILE,
    WHOLE_FILE,
    added_tokens,
)


def sentences_on_rows(folder, tokenizer: WordPieceTokenizer | None) -> list[str]:
    """What there is to say about the vocabulary of a Hugging Face folder and the rows of its table."""
    if tokenizer is None:
        found = [name for name in SENTENCEPIECE_FILES if (folder / name).exists()]
        what = f" ({found[0]} is a SentencePiece model, which is not read)" if found else ""
        return [f"no {VOCABULARY_FILE} or {WHOLE_FILE} found{what}: the model has no tokenizer"]
    sentences = []
    words = without_fill(tokenizer.vocabulary)
    num_rows = tokenizer.vocabulary_size - len(words)
    if num_rows:
        sentences.append(
            f"the token table has more rows than the vocabulary has tokens ({num_rows}): they are kept "
            f"as entries, {named(tokenizer.vocabulary[len(words) :], limit=2)}"
        )
    special = tokenizer.tokens_of(tokenizer.special_ids)
    added = [token for token in added_tokens(folder) if token not in special]
    never = [token for token in added if len(tokenizer.encode(token)) != 1]
    if added:
        sentences.append(f"added tokens are entries of the vocabulary: {named(added)}")
    if never:
        sentences.append(
            f"transformers finds the added tokens {named(never)} in text before it cuts words; here "
            "they are cut like any text, so that their rows are never looked up"
        )
    return sentences


def fitted(tokenizer: WordPieceTokenizer | None, num_rows: int, where) -> WordPieceTokenizer | None:
    """The tokenizer with an `[unused…]` entry for each further row of a token table.

    Raises:
        InputError: if the table has fewer rows than the vocabulary entries.
    """
    if tokenizer is None or tokenizer.vocabulary_size == num_rows:
        return tokenizer
    if tokenizer.vocabulary_size > num_rows:
        raise InputError(
            f"{where}: expected a vocabulary of at most {num_rows} entries, as the token table has "
            f"rows, received {tokenizer.vocabulary_size}"
        )
    return WordPieceTokenizer(filled_up_to(tokenizer.vocabulary, num_rows), tokenizer.config)
