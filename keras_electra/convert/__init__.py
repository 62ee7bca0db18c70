"""Weights from and to other programs, by the names those programs use."""

from keras_electra.convert.google import from_google
from keras_electra.convert.huggingface import from_huggingface

__all__ = ["from_google", "from_huggingface"]
