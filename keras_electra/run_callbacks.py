"""The caller's Keras callbacks in a training that is several calls of `fit`."""

import contextlib

import keras

from keras_electra.callbacks import RunKeeper
from keras_electra.errors import InputError


class RunCallbacks(keras.callbacks.CallbackList):
    """A `RunKeeper` and the caller's callbacks, for all calls of `fit` of one training.

    The caller's callbacks see one training: `on_train_begin` and `on_train_end` come once, and an epoch
    is a whole logging interval even where a stage or a resume cuts it in two. So `EarlyStopping` keeps
    count over all of it.

    Args:
        keeper: comes first at every event.
        callers: list of Keras callbacks.
        model: compiled.
    """

    def __init__(self, keeper: RunKeeper, callers, model: keras.Model):
        super().__init__([keeper, *callers], add_history=True, model=model)
        self.keeper = keeper
        self.callers = [one for one in self.callbacks if one is not keeper]
        self._has_own = bool(callers)
        self._has_begun = self._has_open_epoch = self._has_finished = False
        self._stopped_by = None

    def on_train_begin(self, logs=None):
        """Tell all at the first `fit`, later the keeper only."""
        with self._only([self.keeper] if self._has_begun else self.callbacks):
            super().on_train_begin(logs)
        self._has_begun = True

    def on_train_end(self, logs=None):
        """Tell the keeper only; `finish` tells the others."""
        with self._only([self.keeper]):
            super().on_train_end(logs)

    def on_epoch_begin(self, epoch, logs=None):
        """Tell the caller's callbacks unless their epoch is still open."""
        told = [self.keeper] if self._has_open_epoch else self.callbacks
        self._each("on_epoch_begin", epoch, logs, told)
        self._has_open_epoch = True

    def on_epoch_end(self, epoch, logs=None):
        """Tell the caller's callbacks where a logging interval, or the training, ends."""
        self._each("on_epoch_end", epoch, logs, [self.keeper])
        if self.keeper.has_row or self._model.stop_training:
            self._each("on_epoch_end", epoch, logs, self.callers)
            self._has_open_epoch = False

    def on_train_batch_begin(self, batch, logs=None):
        """Tell all, noting who stops the training."""
        for callback in self.callbacks:
            with self._noting(callback):
                callback.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        """Tell all; Keras may do so in another thread."""
        with self._noting(*filter(acts_on_batch_end, self.callers)):
            super().on_train_batch_end(batch, logs)

    @property
    def is_over(self) -> bool:
        """Whether the training shall not continue."""
        return self.keeper.outcome is not None or self._stopped_by is not None

    def after_fit(self) -> None:
        """Take up a `stop_training` that was set where nobody looked, once `fit` returned."""
        if self._model.stop_training and self.keeper.outcome is None:
            self._stopped_by = self._stopped_by or "stop_training"

    def finish(self) -> None:
        """End the training for the caller's callbacks, then write its last checkpoint; once."""
        if self._has_finished:
            return
        self._has_finished = True
        for callback in self.callers if self._has_begun else ():
            callback.on_train_end()
        self.keeper.conclude(self._stopped_by, again=self._has_own)

    def _each(self, hook, epoch, logs, callbacks):
        """Call a hook of one callback after the other."""
        for callback in callbacks:
            with self._noting(callback), self._only([callback]):
                getattr(super(), hook)(epoch, logs)

    @contextlib.contextmanager
    def _noting(self, *callbacks):
        """Remember which callbacks set `stop_training` in the block; the keeper has its own reasons."""
        was_stopped = self._model.stop_training
        yield
        if self._model.stop_training and not was_stopped and self.keeper.outcome is None:
            names = sorted({type(one).__name__ for one in callbacks if one is not self.keeper})
            self._stopped_by = f"callback {' or '.join(names)}" if names else "stop_training"

    @contextlib.contextmanager
    def _only(self, callbacks):
        all_of_them, self.callbacks = self.callbacks, list(callbacks)
        try:
            yield
        finally:
            self.callbacks = all_of_them


def acts_on_batch_end(callback) -> bool:
    """Whether a callback does anything at the end of a training batch."""
    return any(
        getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook)
        for hook in ("on_batch_end", "on_train_batch_end")
    )


def check_callbacks(callbacks) -> tuple:
    """The callbacks as a tuple.

    Raises:
        InputError: for anything but a list of Keras callbacks.
    """
    if isinstance(callbacks, list | tuple):
        wrong = [one for one in callbacks if not isinstance(one, keras.callbacks.Callback)]
        if not wrong:
            return tuple(callbacks)
        callbacks = wrong[0]
    raise InputError(
        f"callbacks: expected a list of Keras callbacks, received {callbacks!r}; for a single one pass "
        "callbacks=[callback]"
    )
