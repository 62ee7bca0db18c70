"""Choosing the places of a scenario that the generator fills.

Shapes: T places, M masked places.
"""

import numpy as np

from keras_electra.config.masking import MaskingConfig
from keras_electra.errors import InputError
from keras_electra.inspection.drawing import Draws
from keras_electra.inspection.filling import Masked
from keras_electra.masking import Purpose, draw, mask_batch
from keras_electra.passes import Networks
from keras_electra.traces import Scenario, Sentence


def masked(networks: Networks, sentence: Sentence, scenario: Scenario, unsureness) -> Masked:
    """The sentence with its chosen places hidden.

    Args:
        unsureness: a function () → (T,) float, how unsure the generator is of each place.
    """
    ids = sentence.ids.copy()
    positions = _positions(networks, sentence, scenario, unsureness)
    ids[positions] = networks.tokenizer.mask_id
    kept = {}
    for word, piece, token in scenario.kept:
        position = sentence.position_of(word, piece)
        if position in positions:
            kept[position] = _id_of(networks, token)
    return Masked(ids, positions, kept)


def masked_as_in_training(
    networks: Networks, sentence: Sentence, config: MaskingConfig, seed: int, index: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sentence as the example with this index of a batch of training.

    Returns:
        (T,) int32, what the generator is shown; (M,) int64, the places to fill; (M,) float32, the
        randomness of the samples.
    """
    continues = np.zeros(networks.vocabulary_size, bool)
    continues[: networks.tokenizer.vocabulary_size] = networks.tokenizer.is_continuation
    batch = mask_batch(
        sentence.ids[None],
        config=config,
        special=networks.tokenizer,
        vocabulary_size=networks.vocabulary_size,
        seed=seed,
        step=0,
        first_index=index,
        is_continuation=continues,
    )
    is_used = batch["mask_weights"][0] > 0
    positions = batch["mask_positions"][0, is_used].astype(np.int64)
    return batch["masked_ids"][0], positions, batch["uniform_draws"][0, is_used]


def draws_of(networks: Networks, scenario: Scenario, positions: np.ndarray) -> Draws:
    """The randomness of a scenario's samples; a place has its own, whatever else is masked."""
    width = max(int(positions.max(initial=0)) + 1, networks.longest)
    uniform = draw(scenario.seed, scenario.draw, 0, Purpose.SAMPLING, 1, width)[0, positions]
    return Draws(
        uniform, scenario.temperature, scenario.top_k, scenario.is_greedy, networks.original_allowed
    )


def _positions(networks, sentence, scenario, unsureness):
    if scenario.masking == "none" or len(sentence.ids) <= 2:
        return np.zeros(0, np.int64)
    if scenario.masking == "places":
        found = (sentence.position_of(word, piece) for word, piece in scenario.places)
        return np.array(sorted({place for place in found if place is not None}), np.int64)
    if scenario.masking == "hardest":
        count = max(1, round(scenario.mask_rate * (len(sentence.ids) - 2)))
        values = unsureness()
        hardest = 1 + np.argsort(-values[1:-1], kind="stable")[:count]
        return np.sort(hardest)
    is_whole = scenario.masking == "words"
    config = MaskingConfig(mask_rate=scenario.mask_rate, whole_words=is_whole)
    return masked_as_in_training(networks, sentence, config, scenario.seed)[1]


def _id_of(networks, token):
    try:
        return networks.token_names.index(token)
    except ValueError:
        raise InputError(f"kept: expected a token of the vocabulary, received {token!r}") from None
