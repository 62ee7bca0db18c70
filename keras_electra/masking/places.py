"""Choosing places: distinct ones, ones drawn with replacement, or whole words.

Shapes: B examples, T tokens, K slots. `key` is (seed, step, index of the first example).
"""

import numpy as np

from keras_electra.masking.draws import Purpose, draw, draw_bits


def choose_places(maskable, num_selected, key):
    """Distinct places, uniformly at random.

    Args:
        maskable: (B, T) booleans, the places to choose from.
        num_selected: (B,) integers, at least 1, how many to choose; all where there are fewer.

    Returns:
        (B, T) booleans, True at the chosen places.
    """
    keys = _random_order(maskable, key)
    threshold = np.take_along_axis(np.sort(keys, axis=1), num_selected[:, None] - 1, axis=1)
    return maskable & (keys <= threshold)


def choose_words(maskable, continues, num_selected, key):
    """Whole words: taken in random order, passing over each that would exceed the number.

    Args:
        maskable: (B, T) booleans, the places to choose from.
        continues: (B, T) booleans, True where a piece continues the word before it.
        num_selected: (B,) integers, the largest number of pieces to choose.

    Returns:
        (B, T) booleans, True at the chosen places.
    """
    word_of_place, is_start = _words(maskable, continues)
    rows = np.arange(len(maskable))
    order = _words_in_random_order(word_of_place, is_start, key)
    sizes = _word_sizes(word_of_place, maskable)
    is_taken = np.zeros(maskable.shape, bool)
    left = num_selected.copy()
    for word in order.T[: is_start.sum(1).max(initial=0)]:
        size = sizes[rows, word]
        takes = size <= left
        is_taken[rows[takes], word[takes]] = True
        left -= np.where(takes, size, 0)
        if not left.any():
            break
    return maskable & np.take_along_axis(is_taken, np.maximum(word_of_place, 0), axis=1)


def draw_places(maskable, num_slots, key):
    """Places drawn with replacement, uniformly at random.

    Args:
        maskable: (B, T) booleans, the places to draw from.
        num_slots: K.

    Returns:
        (B, K) integers; meaningless for an example without a maskable place.
    """
    fraction = draw(*key, Purpose.PLACES, len(maskable), num_slots)
    num_maskable = maskable.sum(1)
    first_of_example = np.cumsum(num_maskable) - num_maskable
    # The zero at the end is what an example without a maskable place may point to.
    places = np.append(np.nonzero(maskable)[1], 0)
    chosen = first_of_example[:, None] + (fraction * num_maskable[:, None]).astype(np.int64)
    return places[chosen]


def ascending_positions(chosen, num_slots):
    """The places that are True in `chosen` (B, T), in ascending order, then zeros: (B, K)."""
    rows, places = np.nonzero(chosen)
    num_chosen = chosen.sum(1)
    first_of_example = np.cumsum(num_chosen) - num_chosen
    positions = np.zeros((len(chosen), num_slots), np.int64)
    positions[rows, np.arange(len(rows)) - first_of_example[rows]] = places
    return positions


def _random_order(eligible, key):
    """Random distinct numbers (B, T) with the place in the low bits; the largest if not eligible.

    Sorting them orders the places of an example at random, and no two can tie: the result does
    not depend on the sorting algorithm, which differs between machines.
    """
    num_tokens = eligible.shape[1]
    place_bits = _place_bits(num_tokens)
    bits = draw_bits(*key, Purpose.PLACES, *eligible.shape)
    keys = (bits >> place_bits << place_bits) | np.arange(num_tokens, dtype=np.uint64)
    return np.where(eligible, keys, np.uint64(2**64 - 1))


def _place_bits(num_tokens):
    return np.uint64((num_tokens - 1).bit_length())


def _words(maskable, continues):
    """The number of each place's word (-1 before the first word), and where words start: (B, T)."""
    continues = continues & maskable
    # A piece after [SEP] or at the start continues a word that this example does not show.
    continues[:, 1:] &= maskable[:, :-1]
    continues[:, 0] = False
    is_start = maskable & ~continues
    return np.cumsum(is_start, axis=1) - 1, is_start


def _words_in_random_order(word_of_place, is_start, key):
    """Numbers of the words of each example in random order (B, T).

    Beyond the last come repetitions of the last word (-1 if there is none): considered a second
    time, after all others, it changes nothing.
    """
    num_tokens = is_start.shape[1]
    keys = np.sort(_random_order(is_start, key), axis=1)
    low_bits = (np.uint64(1) << _place_bits(num_tokens)) - np.uint64(1)
    places = np.minimum((keys & low_bits).astype(np.int64), num_tokens - 1)
    return np.take_along_axis(word_of_place, places, axis=1)


def _word_sizes(word_of_place, maskable):
    """How many pieces each word has: (B, T), by number of the word."""
    num_tokens = maskable.shape[1]
    rows, places = np.nonzero(maskable)
    words = rows * num_tokens + word_of_place[rows, places]
    return np.bincount(words, minlength=maskable.size).reshape(maskable.shape)
