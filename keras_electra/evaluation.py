"""How good a pretrained model is on the held-out text, beside what needs no training."""

import os
import pathlib

import numpy as np

from keras_electra.batches import PretrainBatches
from keras_electra.errors import InputError
from keras_electra.metrics import unigram_accuracy
from keras_electra.opening import load
from keras_electra.passes import refuse_others
from keras_electra.presets import refuse_average
from keras_electra.runs import RunFolder
from keras_electra.runs.kind import settings_of_kind
from keras_electra.store import Store

EVALUATION_SEED = 0x5EED
"""Not a seed that training is likely to use, so that no mask of a training step returns."""

FIGURES = (
    "step",
    "tokens",
    "mlm_loss",
    "generator_accuracy",
    "sampled_accuracy",
    "rtd_loss",
    "rtd_accuracy",
    "rtd_precision",
    "rtd_recall",
    "rtd_auc",
    "replaced_rate",
    "unigram_accuracy",
    "majority_accuracy",
)


def evaluate(
    model,
    store=None,
    *,
    batch_size: int = 64,
    max_examples: int | None = 12_800,
    seed: int = EVALUATION_SEED,
    weights: str = "last",
    on_step=None,
) -> dict:
    """Measure a model on the held-out part of a store: no dropout, the mask rate of the training's end.

    Args:
        model: an `ElectraPretrainer` from `load` or `pretrain`, or the path of a run, checkpoint or
            preset.
        store: a `Store` or its path; None takes the one a run was trained on.
        batch_size: examples per forward pass.
        max_examples: examples evaluated at most, in an order fixed by `seed`; None for all.
        seed: of the masks and draws.
        weights: of a path, "last" or "average", as of `load`.
        on_step: called with (batches done, batches in all).

    Returns:
        A dict of `FIGURES`: losses in nats, the others fractions. `unigram_accuracy` is the generator's
        baseline (always the commonest token), `majority_accuracy` the discriminator's (never, or
        always, replaced). What the objective does not have is None; what it has beyond them is added.

    Raises:
        InputError: if the model is not one of pretraining, or the store is not of its vocabulary.
    """
    if isinstance(model, str | os.PathLike):
        store = store if store is not None else store_of(model)
        model = load(model, weights=weights)
    else:
        refuse_average("a model in memory", weights)
    refuse_others(model)
    if store is None:
        raise InputError("store: expected one beside a model that is not a run, received None")
    store = Store(store) if isinstance(store, str | os.PathLike) else store
    store.check_tokenizer(model.tokenizer)
    batches = PretrainBatches(
        store,
        part="held_out",
        batch_size=batch_size,
        sequence_length=model.sequence_length,
        masking=model.masking.at_the_end(),
        attends_across_documents=model.objective.attends_across_documents,
        seed=seed,
    )
    rows = _collect(model, batches, max_examples, on_step)
    return _figures(model, rows, store)


def store_of(path) -> Store:
    """The store that a run, or the run of a checkpoint, was trained on.

    Raises:
        InputError: if it is gone or has changed since.
    """
    path = pathlib.Path(path)
    run = RunFolder(path.parent.parent if path.parent.name == "checkpoints" else path)
    if not run.exists():
        raise InputError(f"store: expected one beside {path}, which is not a run, received None")
    recorded = settings_of_kind(run, "pretrain")["store"]
    store = Store(recorded["path"])
    if store.fingerprint != recorded["fingerprint"]:
        raise InputError(
            f"store {recorded['path']}: expected the one the run was trained on, which has changed"
        )
    return store


def _collect(model, batches, max_examples, on_step):
    """The outputs of all batches, joined; the examples that fill up the last batch are cut off."""
    num_examples = min(batches.num_examples, max_examples or batches.num_examples)
    num_batches = -(-num_examples // batches.batch_size)
    names = ("mlm_losses", "mlm_weights", "generator_hits", "sampled_hits")
    names += model.objective.kind.evaluated
    rows = {name: [] for name in (*names, "original_ids")}
    for step in range(num_batches):
        batch = batches.batch(step)
        keep = slice(0, num_examples - step * batches.batch_size)
        outputs = model.predict_on_batch(batch)
        for name in names:
            rows[name].append(np.asarray(outputs[name], "float64")[keep])
        originals = np.take_along_axis(batch["token_ids"], batch["mask_positions"], axis=1)
        rows["original_ids"].append(originals[keep])
        if on_step:
            on_step(step + 1, num_batches)
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def _figures(model, rows, store):
    masked = rows["mlm_weights"]
    figures = dict.fromkeys(FIGURES)
    figures["step"], figures["tokens"] = model.step, model.tokens
    for name, key in (
        ("mlm_loss", "mlm_losses"),
        ("generator_accuracy", "generator_hits"),
        ("sampled_accuracy", "sampled_hits"),
    ):
        figures[name] = float(np.average(rows[key], weights=masked))
    figures["unigram_accuracy"] = unigram_accuracy(
        rows["original_ids"], masked, store.token_counts, model.tokenizer
    )
    return {**figures, **model.objective.kind.measured(rows)}
