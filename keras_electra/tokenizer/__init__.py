"""Text to token ids and back: the WordPiece tokenizer and what it is made of."""

from keras_electra.tokenizer.wordpiece import SPECIAL_TOKENS, WordPieceTokenizer
from keras_electra.tokenizer.words import EncodedLines, LineEncoder

__all__ = ["SPECIAL_TOKENS", "EncodedLines", "LineEncoder", "WordPieceTokenizer"]
