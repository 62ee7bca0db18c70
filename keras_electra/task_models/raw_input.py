"""`fit`, `evaluate` and `predict` of a task model with text as it is, beside what Keras takes.

Text becomes examples, rows of token ids, and batches of like length; predictions come back as rows, one
per example.
"""

import keras
import numpy as np

from keras_electra import backends
from keras_electra.errors import InputError
from keras_electra.task_batches import TaskBatches
from keras_electra.tasks.encoded import EncodedExamples, some_of
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.predictions import in_order, predictions
from keras_electra.tasks.raw_encoding import encoded
from keras_electra.tasks.raw_examples import inputs_of, is_raw

BATCH_SIZE = 32


class RawInput:
    """Mixin for `keras.Model`: lets it be trained and asked in words.

    Text is cut to `sequence_length`, and a warning says how many texts were; a question's context is
    read in windows instead. An empty text is judged as `[CLS] [SEP]`, and refused in training.

    Attributes:
        null_threshold: null odds above which a question is given no answer; None to answer all.
    """

    null_threshold = None

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        *,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        **options,
    ):
        """Train as `keras.Model.fit` does.

        Args:
            x: `TaskBatches`; or a dict of arrays of a batch; or whatever Keras takes that gives such
                dicts; or raw examples, with `y`: a list of strings or pairs for text models, of lists
                of words or strings of them for a tagger, of dicts of `question` and `context` or
                `choices`; or of the records of `tasks.examples`.
            y: for raw examples, per example: a label's name or number; names, or N times 0 or 1, for
                several labels; a number of the value range; tags; a string of the context, (string,
                first character), or None for no answer; a choice's index.
            validation_data: (x, y), or anything else that `x` may be.
            shuffle: arrays only; batches have an order of their own, raw examples are shuffled.
            class_weight: not for raw examples or dicts.
            sample_weight: for dicts of arrays.
            **options: Keras' others.

        Raises:
            InputError: for examples that cannot be used; the first is named.
        """
        if class_weight is not None:
            raise InputError("class_weight: expected None, for labels stand among the inputs")
        if validation_split and is_raw(x):
            validation_data, (x, y) = _split(x, y, validation_split)
            validation_split = 0.0
        if validation_data is not None:
            parts = keras.utils.unpack_x_y_sample_weight(validation_data)
            validation_data = self._data(*parts, batch_size, is_training=False)
        data = self._data(x, y, sample_weight, batch_size, is_training=True)
        return super().fit(
            data,
            batch_size=batch_size if isinstance(data, dict) else None,
            epochs=epochs,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle and isinstance(data, dict),
            **options,
        )

    def evaluate(
        self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, **options
    ):
        """Loss and accuracy, as `keras.Model.evaluate`; `x` and `y` as for `fit`."""
        data = self._data(x, y, sample_weight, batch_size, is_training=False)
        size = batch_size if isinstance(data, dict) else None
        return super().evaluate(data, batch_size=size, verbose=verbose, **options)

    def predict(self, x, batch_size=None, verbose="auto", **options):
        """Outputs as of `keras.Model.predict`; of raw examples, predictions in words.

        Args:
            x: as for `fit`; or a path, or a list of paths, of files with examples as
                `tasks.own_examples` takes them. A list of strings that read like names of files is
                refused: `corpus.files_or_texts` says how to tell which is meant.

        Returns:
            For raw examples a list of dicts, one per example in their order, as
            `tasks.predictions.predictions` lists them: with `label` and `probabilities`, `value`,
            `tags`, `answer` and `n_best`, or `choice`. For anything else arrays, batches joined.
        """
        x = inputs_of(self, x)
        if is_raw(x):
            return self.predict_rows(self.encoded(x), batch_size or BATCH_SIZE)
        if isinstance(x, keras.utils.PyDataset):
            x = backends.with_free_shapes(x)
        return super().predict(x, batch_size=batch_size, verbose=verbose, **options)

    def predict_rows(
        self, encoded: EncodedExamples, batch_size: int = BATCH_SIZE, pad_to=None
    ) -> list[dict]:
        """Predictions of encoded examples, one row per example in their order.

        Args:
            pad_to: as of `TaskBatches`.
        """
        if not len(encoded):
            return []
        batches = TaskBatches(encoded, batch_size=batch_size, is_training=False, pad_to=pad_to)
        outputs = []
        for index in range(batches.num_batches):
            (batch,) = batches[index]
            found = keras.tree.map_structure(
                keras.ops.convert_to_numpy, self.predict_on_batch(batch)
            )
            outputs.append((batch["rows"], found))
        return predictions(encoded, in_order(outputs), self.null_threshold)

    def encoded(self, x, y=None, is_training: bool = False) -> EncodedExamples:
        """Raw examples as rows of token ids.

        Raises:
            InputError: without a tokenizer, or for an example that cannot be used.
        """
        return encoded(self, self.backbone.encoder.max_sequence_length, x, y, is_training)

    def _data(self, x, y, sample_weight, batch_size, is_training):
        """What Keras is given for `x`, everything the model needs inside."""
        if is_raw(x):
            encoded = self.encoded(x, y, is_training)
            if not encoded.has_gold.all():
                raise InputError(missing_answer(encoded))
            size, y = batch_size or BATCH_SIZE, None
            x = TaskBatches(encoded, batch_size=size, seed=self.seed, is_training=is_training)
        if isinstance(x, dict):
            return with_answers(x, y, sample_weight)
        if y is not None or sample_weight is not None:
            raise InputError(
                "y, sample_weight: expected None, for batches hold them as labels and "
                "example_weights"
            )
        if isinstance(x, keras.utils.PyDataset):
            return backends.with_free_shapes(x)
        return x


def missing_answer(encoded: EncodedExamples) -> str:
    """The sentence about the first row that there is no loss for."""
    owner = int(encoded.owners[np.argmin(encoded.has_gold)])
    if kind_of(encoded.kind).is_per_word or owner not in encoded.unseen:
        return "y: expected the answers to raw examples, received none"
    return f"y[{owner}]: expected {some_of(encoded.labels)}, received {encoded.unseen[owner][0]!r}"


def with_answers(arrays: dict, y, sample_weight) -> dict:
    """A dict of arrays, with `y` (a dict, or an array of `labels`) and weights put into it."""
    if y is not None:
        arrays = {**arrays, **(y if isinstance(y, dict) else {"labels": y})}
    if sample_weight is not None:
        arrays = {**arrays, "example_weights": np.asarray(sample_weight, np.float32)}
    return arrays


def _split(x, y, fraction):
    """((x, y) of the last `fraction` of raw examples, (x, y) of those before)."""
    x, y = list(x), None if y is None else list(y)
    cut = int(len(x) * (1 - fraction))
    if y is None:
        return (x[cut:], None), (x[:cut], None)
    return (x[cut:], y[cut:]), (x[:cut], y[:cut])
