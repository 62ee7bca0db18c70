"""What happened to a text on its way through masking, generator and discriminator, as plain records.

Nothing here computes with a model: `inspection` and `tracing` fill these records, and everything that
shows them, in a terminal, a page or a notebook, needs no Keras.
"""

from keras_electra.traces.plain_text import plain_text
from keras_electra.traces.records import (
    Candidate,
    Candidates,
    ScoredWord,
    SensitivePlace,
    Trace,
    Word,
)
from keras_electra.traces.scenario import MASKINGS, Scenario
from keras_electra.traces.sentence import Sentence
from keras_electra.traces.verdicts import VERDICTS, VerdictCounts, verdicts, word_verdicts

__all__ = [
    "MASKINGS",
    "VERDICTS",
    "Candidate",
    "Candidates",
    "Scenario",
    "ScoredWord",
    "SensitivePlace",
    "Sentence",
    "Trace",
    "VerdictCounts",
    "Word",
    "plain_text",
    "verdicts",
    "word_verdicts",
]
