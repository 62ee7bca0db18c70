"""Text to token ids and back: the WordPiece tokenizer and what it is made of."""

from keras_electra.tokenizer.wordpiece import SPECIAL_TOKENS, WordPieceTokenizer

__all__ = ["SPECIAL_TOKENS", "WordPieceTokenizer"]
