"""Looking into a model with a text: mask, draw, edit, judge, and ask what else could stand there."""

from keras_electra.inspection.files import score_lines
from keras_electra.inspection.inspector import Inspector

__all__ = ["Inspector", "score_lines"]
