"""Fine-tuning: trials on a task's data, their figures, and the model that is kept."""

from keras_electra.finetuning.predicting import open_task_model, predict_rows
from keras_electra.finetuning.searching import SearchOutcome, search
from keras_electra.finetuning.start import Start
from keras_electra.finetuning.story import FinetuneOutcome, finetune, recipe_for

__all__ = [
    "FinetuneOutcome",
    "SearchOutcome",
    "Start",
    "finetune",
    "open_task_model",
    "predict_rows",
    "recipe_for",
    "search",
]
