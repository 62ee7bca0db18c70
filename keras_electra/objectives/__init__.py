"""What a pretraining learns: one file for each objective.

The options choose among them by name, and are read without Keras: at import these files need none.
"""

from keras_electra.objectives.all_tokens_mlm import AllTokensMLM
from keras_electra.objectives.base import Objective
from keras_electra.objectives.electric import Electric
from keras_electra.objectives.mlm import MaskedLanguageModelling
from keras_electra.objectives.replace_mlm import ReplaceMLM
from keras_electra.objectives.rtd import ReplacedTokenDetection
from keras_electra.objectives.rtd_masked_only import DetectionOfMasked

OBJECTIVES: tuple[Objective, ...] = (
    ReplacedTokenDetection(),
    MaskedLanguageModelling(),
    Electric(),
    DetectionOfMasked(),
    ReplaceMLM(),
    AllTokensMLM(),
)
"""The one place that lists them: another objective is a file of this folder and a line here."""


def objective_named(name: str) -> Objective:
    """The objective that the option `objective` names."""
    return next(kind for kind in OBJECTIVES if kind.name == name)
