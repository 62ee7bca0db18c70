"""One text's way through masking, generator and discriminator, as it goes in training."""

from keras_electra.corpus import texts_of
from keras_electra.errors import InputError
from keras_electra.inspection.drawing import Draws
from keras_electra.inspection.filling import Masked, filled
from keras_electra.inspection.masks import masked_as_in_training
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
    networks, config = Networks.of(model), model.masking.at_the_end()
    temperature, original_allowed = model.objective.temperature, networks.original_allowed
    traces = []
    for index, text in enumerate(texts_of(texts)):
        sentence = Sentence.of(text, networks.tokenizer, networks.longest)
        ids, positions, uniform = masked_as_in_training(networks, sentence, config, seed, index)
        draws = Draws(uniform, temperature, original_allowed=original_allowed)
        masked = Masked(ids, positions)
        traces.append(filled(networks, sentence, masked, draws, num_alternatives))
    return traces
