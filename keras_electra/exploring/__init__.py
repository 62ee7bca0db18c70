"""Exploring what a fine-tuning run predicted: examples beside predictions, filters, thresholds, flags.

Reads the run folder only, finished or not; needs neither Keras nor a notebook.
"""

from keras_electra.exploring.examples import Judged, judged_examples
from keras_electra.exploring.flags import Flags
from keras_electra.exploring.records import (
    best_trial,
    over_trials,
    trial_results,
    write_examples,
)
from keras_electra.exploring.run import TaskRun
from keras_electra.exploring.selecting import ORDERS, VERDICTS, Selection, confusion, select
from keras_electra.exploring.text import as_text, prediction_sentence, right_sentence
from keras_electra.exploring.thresholds import Decisions, decisions_at, with_probability_threshold
from keras_electra.tasks.marking import answer_segments, tag_groups

__all__ = [
    "ORDERS",
    "VERDICTS",
    "Decisions",
    "Flags",
    "Judged",
    "Selection",
    "TaskRun",
    "answer_segments",
    "as_text",
    "best_trial",
    "confusion",
    "decisions_at",
    "judged_examples",
    "over_trials",
    "prediction_sentence",
    "right_sentence",
    "select",
    "tag_groups",
    "trial_results",
    "with_probability_threshold",
    "write_examples",
]
