"""Every model class of the package: importing this registers them for `keras.models.load_model`."""

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
