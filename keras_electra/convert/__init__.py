"""Weights from and to other programs, by the names those programs use."""

from keras_electra.convert.google import from_google

__all__ = ["from_google"]
