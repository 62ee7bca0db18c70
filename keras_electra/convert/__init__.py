"""Weights from and to other programs, by the names those programs use."""

from keras_electra.convert.checking import Conversion
from keras_electra.convert.converting import convert_model
from keras_electra.convert.google import fill_optimizer, from_google
from keras_electra.convert.google_writing import to_google
from keras_electra.convert.huggingface import from_huggingface
from keras_electra.convert.huggingface_writing import to_huggingface
from keras_electra.convert.keras_files import to_keras
from keras_electra.convert.keras_hub import from_keras_hub, to_keras_hub
from keras_electra.convert.pairing import as_pretrainer

__all__ = [
    "Conversion",
    "as_pretrainer",
    "convert_model",
    "fill_optimizer",
    "from_google",
    "from_huggingface",
    "from_keras_hub",
    "to_google",
    "to_huggingface",
    "to_keras",
    "to_keras_hub",
]
