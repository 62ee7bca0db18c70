"""The side of this package."""

import time

import keras
import numpy as np

from keras_electra.backbone import ElectraBackbone
from keras_electra.optimizers import ElectraAdamW
from keras_electra.task_batches import TaskBatches
from keras_electra.task_models import task_model


def new_model(case, seed: int, dropout_rate: float, steps: int, warmup_steps: int):
    """A compiled task model with the case's encoder and a new head.

    Args:
        dropout_rate: of every dropout.
        steps, warmup_steps: of the schedule.
    """
    encoder = case.encoder.encoder.replace(
        dropout_rate=dropout_rate, attention_dropout_rate=dropout_rate
    )
    backbone = ElectraBackbone(**encoder.to_dict(), seed=seed, name="backbone")
    backbone.assign_from(case.encoder)
    config = case.config.changed(head_dropout_rate=dropout_rate)
    model = task_model(case.task, case.labels, backbone, config, seed=seed)
    optimizer = config.optimizer.replace(warmup_steps=warmup_steps)
    model.compile(optimizer=ElectraAdamW(optimizer, steps))
    return model


def head_weights(model) -> tuple[np.ndarray, np.ndarray]:
    """(kernel (H, N), bias (N,)) of the head."""
    return tuple(keras.ops.convert_to_numpy(weight) for weight in model.head.logit)


def losses_of_batches(model, batches) -> list[float]:
    """The loss of each step over the given batches, one update after the other."""
    losses = []
    for batch in batches:
        model.reset_metrics()
        losses.append(float(model.train_on_batch(batch, return_dict=True)["loss"]))
    return losses


def score(case, seed: int, dropout_rate: float) -> tuple[dict[str, float], float]:
    """({metric: value}, seconds of training) of a whole training."""
    model = new_model(case, seed, dropout_rate, case.steps, case.warmup_steps)
    seconds, _ = fit(case, model, seed, epochs=int(case.config.epochs))
    return case.scores_of_rows(model.predict_rows(case.judged)), seconds


def epoch_seconds(case, seed: int, dropout_rate: float) -> tuple[float, int]:
    """(seconds, places that went through the encoder, padding included) of one epoch."""
    model = new_model(case, seed, dropout_rate, case.steps, case.warmup_steps)
    return fit(case, model, seed, epochs=1)


def fit(case, model, seed, epochs) -> tuple[float, int]:
    """(seconds, places of all batches) of some epochs."""
    options = {"batch_size": case.config.batch_size, "seed": seed}
    batches = TaskBatches(case.train, **options)
    started = time.perf_counter()
    model.fit(batches, epochs=epochs, verbose=0, shuffle=False)
    seconds = time.perf_counter() - started
    again = TaskBatches(case.train, **options)
    num_places = sum(
        again.batch(step)["token_ids"].size for step in range(epochs * again.epoch_steps)
    )
    return seconds, num_places
