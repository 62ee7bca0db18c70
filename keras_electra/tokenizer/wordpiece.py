"""`WordPieceTokenizer`: text to token ids, exactly as the original BERT and ELECTRA do it."""

import functools
import hashlib
import json
import os
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import tokenizers
from tokenizers import models, pre_tokenizers

from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.corpus import texts_of
from keras_electra.errors import InputError
from keras_electra.files import write_bytes
from keras_electra.tokenizer.normalization import align, align_cuts, folding, normalization
from keras_electra.tokenizer.options_file import options_content, options_path, owner_of
from keras_electra.tokenizer.training import CONTINUATION, learn_vocabulary
from keras_electra.tokenizer.vocabulary_files import MARGIN, read_vocabulary

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
DEFAULTS = TokenizerConfig()


class WordPieceTokenizer:
    """Cuts words into the longest pieces that the vocabulary holds.

    No text can produce a special token other than `[UNK]`: a literal "[MASK]" is three words.

    Args:
        vocabulary: V distinct tokens; a token's place is its id. Must hold `[PAD] [UNK] [CLS] [SEP]
            [MASK]`, anywhere.
        config: case, accents and the longest word.

    Example:

    >>> texts = ["a cat sat", "a cat ate", "the cats sat"] * 2
    >>> tokenizer = ke.WordPieceTokenizer.train(texts, vocabulary_size=40)
    >>> tokenizer.tokens_of(tokenizer.encode("The cats"))
    ['the', 'cats']
    """

    def __init__(self, vocabulary: Sequence[str], config: TokenizerConfig = DEFAULTS):
        self.vocabulary = tuple(vocabulary)
        self.config = config
        self._ids = {token: index for index, token in enumerate(self.vocabulary)}
        check_vocabulary(self.vocabulary, self._ids)
        self.special_ids = tuple(self._ids[token] for token in SPECIAL_TOKENS)
        self.pad_id, self.unknown_id, self.class_id, self.separator_id, self.mask_id = (
            self.special_ids
        )
        self._fold = folding(config)
        model = models.WordPiece(
            self._ids, unk_token="[UNK]", max_input_chars_per_word=config.max_word_characters
        )
        self._backend = tokenizers.Tokenizer(model)
        self._backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()

    @classmethod
    def from_file(
        cls, path: str | os.PathLike, config: TokenizerConfig | None = None, **changes
    ) -> "WordPieceTokenizer":
        """Read a vocabulary: `vocab.txt` (UTF-8, one token per line, the line number is the id),
        `tokenizer.json`, or a folder with one of them: of Hugging Face, a run, a preset or a store.

        Args:
            path: the file or folder.
            config: the options; None takes those that are stored beside the vocabulary, by `save`, as
                those of a run, preset or store, or in a Hugging Face folder, else the defaults.
            **changes: options of `TokenizerConfig` that differ from these settings.

        Raises:
            InputError: if the file cannot be read, is something else, or an entry is blank, repeated or
                missing.
        """
        vocabulary, own = read_vocabulary(path)
        config = (config or own or DEFAULTS).replace(**changes)
        try:
            return cls(vocabulary, config)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    @classmethod
    def train(
        cls,
        texts: Iterable[str] | str | os.PathLike,
        vocabulary_size: int,
        config: TokenizerConfig = DEFAULTS,
        *,
        num_unused: int = 0,
        min_frequency: int = 2,
        multiple_of: int = 1,
        tell: Callable[[str], None] = warnings.warn,
    ) -> "WordPieceTokenizer":
        """Learn a vocabulary; the same texts give the same one, whatever their order.

        Where removing accents would change 1% of the words, `strip_accents=None` becomes False;
        where the text belongs to a script without spaces, `cuts_long_words=None` becomes True.

        Args:
            texts: an iterable of strings, a path, or paths, as `corpus.texts_of` takes them; read once,
                a text at a time; memory grows with the number of distinct words.
            vocabulary_size: most entries (V) of the result; a small corpus gives fewer.
            config: how the texts are folded, kept with the result.
            num_unused: entries `[unused0]`, `[unused1]`, … kept free for later.
            min_frequency: times a pair of pieces must occur to be joined.
            multiple_of: V becomes a multiple of this by further `[unused…]` entries at the end; 8 or
                64 suits the matrix units of GPUs.
            tell: receives sentences about what was decided for the text, and what does not fit.

        Raises:
            InputError: for texts that cannot be used, or if V is too small for their letters.
        """
        start = [*SPECIAL_TOKENS, *(f"[unused{index}]" for index in range(num_unused))]
        given = texts_of(texts)
        return cls(
            *learn_vocabulary(
                given, start, vocabulary_size, config, min_frequency, multiple_of, tell
            )
        )

    @property
    def vocabulary_size(self) -> int:
        """V, the number of entries."""
        return len(self.vocabulary)

    @functools.cached_property
    def is_continuation(self) -> np.ndarray:
        """bool (V,): True for pieces that continue a word ("##ing")."""
        return np.array([token.startswith(CONTINUATION) for token in self.vocabulary])

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) over the vocabulary and the options: equal means equal ids."""
        options = self.config.to_dict()
        if not self.config.cuts_long_words:
            # As in the fingerprints of stores that were made before there was this option.
            del options["cuts_long_words"]
        content = json.dumps([self.vocabulary, options], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, without special tokens around them."""
        return self._backend.encode(self.normalize(text), add_special_tokens=False).ids

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of every text, several at once on all cores."""
        if isinstance(texts, str):
            raise InputError("texts: expected a list of texts (str), received a single one")
        return self.encode_folded([self.normalize(text) for text in texts])

    def encode_folded(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of texts that went through `normalize` already, several at once on all cores."""
        batch = self._backend.encode_batch_fast(texts, add_special_tokens=False)
        return [encoding.ids for encoding in batch]

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[str], list[tuple[int, int]]]:
        """Token ids, tokens, and where each came from.

        Returns:
            ids, tokens and (start, end) offsets, one per token; `text[start:end]` is what the token
            stands for, as it was written, removed accents included.
        """
        folded, sources = align(text, normalization(self.config))
        if self.config.cuts_long_words:
            folded, sources = align_cuts(folded, sources, self.config.max_word_characters)
        encoding = self._backend.encode(folded, add_special_tokens=False)
        offsets = [
            (sources[first], self._with_accents(text, sources[last - 1] + 1))
            for first, last in encoding.offsets
        ]
        return encoding.ids, encoding.tokens, offsets

    def _with_accents(self, text: str, end: int) -> int:
        """`end`, moved behind the accents that were removed after it."""
        if self.config.removes_accents:
            while end < len(text) and unicodedata.category(text[end]) == "Mn":
                end += 1
        return end

    def normalize(self, text: str) -> str:
        """The words of `text`, cleaned and folded, with white space between them."""
        return self._fold(text)

    def tokens_of(self, ids: Iterable[int]) -> list[str]:
        """The tokens with these ids."""
        ids = [int(index) for index in ids]
        for index in ids:
            if not 0 <= index < self.vocabulary_size:
                raise InputError(
                    f"ids: expected numbers from 0 to {self.vocabulary_size - 1}, received {index}"
                )
        return [self.vocabulary[index] for index in ids]

    def decode(self, ids: Iterable[int]) -> str:
        """The tokens as text: pieces joined to words, words joined by spaces."""
        return " ".join(self.tokens_of(ids)).replace(" " + CONTINUATION, "")

    def save(self, path: str | os.PathLike, with_options: bool = True) -> None:
        """Write `vocab.txt`; a file of that name is replaced at once or not at all.

        Args:
            path: of the file.
            with_options: whether options that are not the defaults are written beside it, to
                `vocab.txt.options.json`, where `from_file` finds them.

        Raises:
            InputError: with options, for the vocabulary of a run, preset or store: its ids would change.
        """
        if with_options and (owner := owner_of(path)):
            raise InputError(
                f"{path}: expected another name, received the vocabulary of {owner}, whose ids "
                "would change"
            )
        decided = self.config.replace(cuts_long_words=self.config.cuts_long_words or None)
        if with_options and decided != DEFAULTS:
            write_bytes(options_path(path), options_content(self.config, self.vocabulary))
        elif with_options:
            options_path(path).unlink(missing_ok=True)
        write_bytes(path, "".join(f"{token}\n" for token in self.vocabulary).encode())


def check_vocabulary(vocabulary: tuple[str, ...], ids: dict[str, int]) -> None:
    """Raise `InputError` about the first entry that is blank, repeated or missing."""
    for index, token in enumerate(vocabulary):
        if not token or token != token.strip(MARGIN) or "\n" in token:
            raise InputError(f"vocabulary: expected a token as entry {index}, received {token!r}")
        if ids[token] != index:
            raise InputError(
                f"vocabulary: expected distinct entries, received {token!r} as entries "
                f"{index} and {vocabulary.index(token, index + 1)}"
            )
    for token in SPECIAL_TOKENS:
        if token not in ids:
            raise InputError(
                f"vocabulary: expected the entry {token}, received {len(vocabulary)} others"
            )
