"""Looking at runs: their logs as columns and charts, what deserves a word, and runs side by side."""

from keras_electra.monitoring.run_follower import RunFollower
from keras_electra.monitoring.run_list import describe, list_runs

__all__ = ["RunFollower", "describe", "list_runs"]
