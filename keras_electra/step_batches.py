"""Batches by number of step, made ahead of use."""

import concurrent.futures
import time

import keras

AHEAD = 4
"""Batches made before they are asked for, and as many as an execution takes at least."""


class StepBatches(keras.utils.PyDataset):
    """What batches by number of step have in common; one thread prepares the next ones.

    Subclasses give `batch(step)`, `tokens_until(step)` and the attribute `epoch_steps`.

    Args:
        start_step: step that index 0 stands for.
        is_endless: whether indices run on for ever; `fit` then needs `steps_per_epoch`. Otherwise an
            epoch is one pass over the rows.
        is_training: whether the next epoch goes on with other steps, or with the same again.
        ahead: batches made before they are asked for.

    Attributes:
        epoch_steps: batches of one pass.
        waiting_seconds: time that `fit` spent waiting for a batch.
    """

    epoch_steps: int

    def __init__(
        self, *, start_step: int, is_endless: bool, is_training: bool = True, ahead: int = AHEAD
    ):
        super().__init__()
        self.ahead = ahead
        self.start_step = start_step
        self.is_endless = is_endless
        self.is_training = is_training
        self.waiting_seconds = 0.0
        self._is_within = False
        self._pending = {}
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="batches")

    @property
    def num_batches(self):
        return None if self.is_endless else self.epoch_steps

    def num_steps(self, epochs: float) -> int:
        """Steps of some passes over the rows, a part of a pass too; at least one."""
        return max(1, int(self.epoch_steps * epochs))

    def __getitem__(self, index):
        step = self.start_step + index
        self._prepare(step)
        started = time.perf_counter()
        batch = self._pending.pop(step).result()
        self.waiting_seconds += time.perf_counter() - started
        return (batch,)

    def on_epoch_begin(self):
        self._is_within = True

    def on_epoch_end(self):
        # Keras also calls this before the first epoch.
        if self._is_within and self.is_training and not self.is_endless:
            self.start_step += self.epoch_steps
        self._is_within = False

    def _prepare(self, step):
        """Have this batch and the next ones made by the thread."""
        end = step + 1 + self.ahead
        if not self.is_training:
            end = max(step + 1, min(end, self.start_step + self.epoch_steps))
        wanted = range(step, end)
        for old in [other for other in self._pending if other not in wanted]:
            self._pending.pop(old).cancel()
        for number in wanted:
            if number not in self._pending:
                self._pending[number] = self._thread.submit(self.batch, number)
