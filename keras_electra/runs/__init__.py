"""A run is a folder: how training writes it, what it holds, and how it is told what to do."""

from keras_electra.runs.control import COMMANDS, send_command
from keras_electra.runs.folder import LIVE_STATES, STATES, RunFolder
from keras_electra.runs.keeping import prune_checkpoints
from keras_electra.runs.session import RunSession
from keras_electra.runs.signals import StopSignals
from keras_electra.runs.silent_session import SilentSession
from keras_electra.runs.steering import RunControl, write_outcome
from keras_electra.runs.time_budget import TimeBudget

__all__ = [
    "COMMANDS",
    "LIVE_STATES",
    "STATES",
    "RunControl",
    "RunFolder",
    "RunSession",
    "SilentSession",
    "StopSignals",
    "TimeBudget",
    "prune_checkpoints",
    "send_command",
    "write_outcome",
]
