"""Scoring: figures of predictions, and what several trials say together.

What is asked of each kind of task, `tasks.kinds` says. Figures are fractions, not percent. scikit-learn
and scipy are imported by the functions that need them.
"""

from keras_electra.scoring.answers import (
    best_threshold,
    exact_match,
    squad1_figures,
    squad2_figures,
    token_f1,
)
from keras_electra.scoring.calibration import (
    brier_score,
    calibration_of,
    expected_calibration_error,
    reliability_bins,
)
from keras_electra.scoring.labels import (
    accuracy,
    confusion_matrix,
    f1,
    macro_f1,
    matthews,
    micro_f1,
    per_label_report,
    subset_accuracy,
)
from keras_electra.scoring.numbers import mse, pearson, spearman
from keras_electra.scoring.spans import (
    has_span_tags,
    per_type_report,
    span_figures,
    spans_of,
    to_bioes,
    token_accuracy,
)
from keras_electra.scoring.trials import (
    difference_of_means,
    holm,
    paired_difference,
    summary,
)

__all__ = [
    "accuracy",
    "best_threshold",
    "brier_score",
    "calibration_of",
    "confusion_matrix",
    "difference_of_means",
    "exact_match",
    "expected_calibration_error",
    "f1",
    "has_span_tags",
    "holm",
    "macro_f1",
    "matthews",
    "micro_f1",
    "mse",
    "paired_difference",
    "pearson",
    "per_label_report",
    "per_type_report",
    "reliability_bins",
    "span_figures",
    "spans_of",
    "spearman",
    "squad1_figures",
    "squad2_figures",
    "subset_accuracy",
    "summary",
    "to_bioes",
    "token_accuracy",
    "token_f1",
]
