"""One text's way through masking, generator and discriminator, as it goes in training."""

import numpy as np

from keras_electra.corpus import texts_of
from keras_electra.errors import InputError
from keras_electra.inspection.drawing import Draws
from keras_electra.inspection.filling import Masked, filled
from keras_electra.masking import mask_batch
from keras_electra.passes import Networks
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.traces import Sentence, Trace


def trace(model: ElectraPretrainer, texts, seed: int = 0, num_alternatives: int = 5) -> list[Trace]:
    """Mask some texts as in the model's training, fill and judge them, dropout off, and tell all.

    Text that does not fit into one window of the model is left out. `Inspector` lets you choose the
    places, edit words and ask further.

    Args:
        model: an `ElectraPretrainer` from `load` or `pretrain`.
        texts: any number of strings, or files with texts, as for `detect`.
        seed: of the masks and draws; text number i of a list gets the i-th of them.
        num_alternatives: proposals listed per masked place.

    Raises:
        InputError: if the model has no tokenizer.
    """
    if not isinstance(model, ElectraPretrainer):
        raise InputError(
            f"model: expected an ElectraPretrainer, received {type(model).__name__}; an Inspector "
            "takes one network alone"
        )
    networks = Networks.of(model)
    traces = []
    for index, text in enumerate(texts_of(texts)):
        sentence = Sentence.of(text, networks.tokenizer, networks.longest)
        masked, draws = _masked(model, networks, sentence, index, seed)
        traces.append(filled(networks, sentence, masked, draws, num_alternatives))
    return traces


def _masked(model, networks, sentence, index, seed):
    """The sentence, masked by the model's own options, and what its samples are drawn with."""
    continues = np.zeros(networks.vocabulary_size, bool)
    continues[: networks.tokenizer.vocabulary_size] = networks.tokenizer.is_continuation
    batch = mask_batch(
        sentence.ids[None],
        config=model.masking.at_the_end(),
        special=networks.tokenizer,
        vocabulary_size=networks.vocabulary_size,
        seed=seed,
        step=0,
        first_index=index,
        is_continuation=continues,
    )
    slots = np.flatnonzero(batch["mask_weights"][0])
    draws = Draws(
        batch["uniform_draws"][0, slots],
        model.objective.temperature,
        original_allowed=networks.original_allowed,
    )
    return Masked(batch["masked_ids"][0], batch["mask_positions"][0, slots], {}), draws
