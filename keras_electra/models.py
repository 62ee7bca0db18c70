"""Every model class of the package: importing this registers them for `keras.models.load_model`."""

from keras_electra.backbone import ElectraBackbone
from keras_electra.networks import MaskedLanguageModel, ReplacedTokenDetector, TwoTowerGenerator
from keras_electra.optimizers import ElectraAdamW
from keras_electra.pretrainer import ElectraPretrainer

__all__ = [
    "ElectraAdamW",
    "ElectraBackbone",
    "ElectraPretrainer",
    "MaskedLanguageModel",
    "ReplacedTokenDetector",
    "TwoTowerGenerator",
]
