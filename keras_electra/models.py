"""Every model class of the package: importing this registers them for `keras.models.load_model`.

Example:

>>> import keras
>>> backbone = ke.models.ElectraBackbone.from_size("tiny", vocabulary_size=1000, num_layers=1)
>>> backbone.save("backbone.keras")
>>> type(keras.models.load_model("backbone.keras")).__name__
'ElectraBackbone'
"""

from keras_electra.backbone import ElectraBackbone
from keras_electra.networks import MaskedLanguageModel, ReplacedTokenDetector, TwoTowerGenerator
from keras_electra.optimizers import ElectraAdamW
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.task_models import (
    ExtractiveQA,
    MultipleChoice,
    SeveralTasks,
    TextClassifier,
    TextRegressor,
    TokenClassifier,
)

__all__ = [
    "ElectraAdamW",
    "ElectraBackbone",
    "ElectraPretrainer",
    "ExtractiveQA",
    "MaskedLanguageModel",
    "MultipleChoice",
    "ReplacedTokenDetector",
    "SeveralTasks",
    "TextClassifier",
    "TextRegressor",
    "TokenClassifier",
    "TwoTowerGenerator",
]
