"""Masking: golden facts of the original program, properties of every option, and repeatability."""

import hashlib

import numpy as np
import pytest

from keras_electra.config.masking import MaskingConfig
from keras_electra.errors import InputError
from keras_electra.masking import Purpose, SpecialIds, draw, draw_bits, mask_batch

SPECIAL = SpecialIds(pad_id=0, unknown_id=1, class_id=2, separator_id=3, mask_id=4)
VOCABULARY_SIZE = 1000
NEVER_MASKED = [0, 2, 3, 4]
OPTIONS = [
    {},
    {"mask_rate": 0.25, "keep_rate": 0.1, "random_rate": 0.1},
    {"selection": "original"},
    {"selection": "original", "mask_rate": 0.4, "random_rate": 0.2},
    {"whole_words": True},
]
NAMES = {"masked_ids", "mask_positions", "mask_weights", "uniform_draws", "slot_of_token"}


def is_continuation():
    return np.arange(VOCABULARY_SIZE) % 3 == 0


def ordinary_batch(num_examples=64, num_tokens=128, seed=0):
    """[CLS], ordinary tokens with [SEP] in the middle and at the end; nothing padded."""
    token_ids = np.random.default_rng(seed).integers(5, VOCABULARY_SIZE, (num_examples, num_tokens))
    token_ids[:, 0] = SPECIAL.class_id
    token_ids[:, [num_tokens // 2, -1]] = SPECIAL.separator_id
    return token_ids


def padded_batch(lengths, num_tokens):
    """Examples [CLS] ... [SEP] of the given lengths, then padding; and the padding mask."""
    token_ids = ordinary_batch(len(lengths), num_tokens)
    token_ids[token_ids == SPECIAL.separator_id] = 7
    padding_mask = np.arange(num_tokens) < np.array(lengths)[:, None]
    token_ids[np.arange(len(lengths)), np.array(lengths) - 1] = SPECIAL.separator_id
    return np.where(padding_mask, token_ids, SPECIAL.pad_id), padding_mask


def mask(token_ids, padding_mask=None, seed=0, step=0, first_index=0, **options):
    return mask_batch(
        token_ids,
        padding_mask,
        config=MaskingConfig(**options),
        special=SPECIAL,
        vocabulary_size=VOCABULARY_SIZE,
        seed=seed,
        step=step,
        first_index=first_index,
        is_continuation=is_continuation(),
    )


def drawn_places(batch, num_tokens):
    """How often each place is held by a used slot: (B, T)."""
    counts = np.zeros((len(batch["mask_positions"]), num_tokens), int)
    for row, positions, weights in zip(
        counts, batch["mask_positions"], batch["mask_weights"], strict=True
    ):
        np.add.at(row, positions[weights > 0], 1)
    return counts


# The random numbers.


def test_random_numbers_never_change():
    """A changed stream would change every run; the digest was taken when it was fixed."""
    numbers = draw_bits(seed=11, purpose=Purpose.SAMPLING, step=7, first=3, count=5, width=6)
    digest = hashlib.sha256(numbers.astype("<u8").tobytes()).hexdigest()
    assert digest.startswith("3e66da294e722600")


def test_rows_are_those_of_the_whole():
    whole = draw(seed=5, purpose=1, step=9, first=0, count=20, width=7)
    for first, count in ((0, 1), (3, 5), (19, 1), (20, 0)):
        part = draw(seed=5, purpose=1, step=9, first=first, count=count, width=7)
        np.testing.assert_array_equal(part, whole[first : first + count])


def test_each_coordinate_changes_the_numbers():
    at = {"seed": 1, "purpose": 2, "step": 3, "first": 4, "count": 1, "width": 16}
    base = draw(**at)
    for name in ("seed", "purpose", "step", "first"):
        assert not np.intersect1d(base, draw(**{**at, name: at[name] + 1})).size


def test_numbers_are_uniform():
    numbers = draw(seed=0, purpose=0, step=0, first=0, count=100, width=1001)
    assert numbers.min() >= 0 and numbers.max() < 1
    shares = np.histogram(numbers, 20, (0, 1))[0] / numbers.size
    assert np.abs(shares - 0.05).max() < 0.004


def test_large_coordinates_are_taken_and_wrong_ones_refused():
    assert draw(2**64 - 1, 2**63, 2**62, purpose=0, count=2, width=40).shape == (2, 40)
    for name, value in (("seed", -1), ("step", 2**64), ("first", -5)):
        at = {"seed": 1, "purpose": 0, "step": 0, "first": 0, "count": 1, "width": 1, name: value}
        with pytest.raises(InputError, match=f"{name}: expected .* received {value}"):
            draw(**at)


# Golden facts of the original program.


@pytest.mark.parametrize("selection", ["unique", "original"])
def test_number_of_places_is_rounded_half_to_even(selection):
    expected = {10: 2, 30: 4, 50: 8, 70: 10, 90: 14, 110: 16, 128: 19, 3: 1}
    batch = mask(*padded_batch(list(expected), 128), selection=selection)
    assert batch["mask_weights"].sum(1).tolist() == list(expected.values())


def test_original_rounds_a_product_of_float32():
    token_ids, padding_mask = padded_batch([190], 512)
    for selection, expected in (("original", 29), ("unique", 28)):
        assert mask(token_ids, padding_mask, selection=selection)["mask_weights"].sum() == expected


@pytest.mark.parametrize(
    ("num_tokens", "mask_rate", "num_slots"), [(128, 0.15, 19), (512, 0.15, 79), (512, 0.25, 130)]
)
def test_number_of_slots_is_the_published_one(num_tokens, mask_rate, num_slots):
    batch = mask(ordinary_batch(2, num_tokens), mask_rate=mask_rate)
    assert batch["mask_positions"].shape == (2, num_slots)


@pytest.mark.parametrize(
    ("num_tokens", "mask_rate", "num_drawn", "num_distinct", "repeated_share"),
    [(128, 0.15, 19, 17.7, 0.07), (512, 0.25, 128, 113, 0.12)],
)
def test_original_draws_with_replacement(
    num_tokens, mask_rate, num_drawn, num_distinct, repeated_share
):
    batch = mask(ordinary_batch(3000, num_tokens), selection="original", mask_rate=mask_rate)
    counts = drawn_places(batch, num_tokens)
    assert (counts.sum(1) == num_drawn).all()
    assert (counts > 0).sum(1).mean() == pytest.approx(num_distinct, rel=0.005)
    assert (counts > 1).sum() / (counts > 0).sum() == pytest.approx(repeated_share, abs=0.012)


def test_original_shows_86_of_100_distinct_places_as_mask():
    token_ids = ordinary_batch(3000)
    batch = mask(token_ids, selection="original")
    counts = drawn_places(batch, 128)
    hidden = batch["masked_ids"] == SPECIAL.mask_id
    assert hidden[counts > 0].mean() == pytest.approx(0.86, abs=0.005)
    for times in (1, 2):
        share = hidden[counts == times].mean()
        assert share == pytest.approx(1 - 0.15**times, abs=0.012)


# Properties of every option.


@pytest.mark.parametrize("options", OPTIONS)
def test_shapes_and_types(options):
    batch = mask(ordinary_batch(8, 40).astype(np.uint16), **options)
    num_slots = MaskingConfig(**options).max_masked(40)
    shapes = {"masked_ids": (8, 40), "slot_of_token": (8, 40)}
    kinds = {"mask_weights": np.float32, "uniform_draws": np.float32}
    assert set(batch) == NAMES
    for name, values in batch.items():
        assert values.shape == shapes.get(name, (8, num_slots))
        assert values.dtype == kinds.get(name, np.int32)


@pytest.mark.parametrize("options", OPTIONS)
def test_special_tokens_are_never_chosen(options):
    token_ids, padding_mask = padded_batch(np.arange(3, 67), 80)
    token_ids[:, 1] = np.where(token_ids[:, 1] > 4, SPECIAL.mask_id, token_ids[:, 1])
    for step in range(5):
        batch = mask(token_ids, padding_mask, step=step, **options)
        chosen = drawn_places(batch, 80) > 0
        assert not np.isin(token_ids[chosen], NEVER_MASKED).any()
        assert (batch["masked_ids"] == token_ids)[~chosen].all()


@pytest.mark.parametrize("options", OPTIONS)
def test_unused_slots_come_last_and_are_empty(options):
    batch = mask(*padded_batch(np.arange(3, 67), 80), **options)
    weights = batch["mask_weights"]
    assert set(np.unique(weights)) == {0.0, 1.0}
    assert (np.diff(weights, axis=1) <= 0).all()
    assert (batch["mask_positions"][weights == 0] == 0).all()


@pytest.mark.parametrize("options", OPTIONS)
def test_slot_of_token_points_back(options):
    batch = mask(*padded_batch(np.arange(3, 67), 80), **options)
    slots, positions = batch["slot_of_token"], batch["mask_positions"]
    counts = drawn_places(batch, 80)
    num_slots = positions.shape[1]
    np.testing.assert_array_equal(slots < num_slots, counts > 0)
    for row, place in np.argwhere(counts > 0):
        first = np.flatnonzero((positions[row] == place) & (batch["mask_weights"][row] > 0))[0]
        assert slots[row, place] == first
    assert (slots[counts == 0] == num_slots).all()


@pytest.mark.parametrize("options", OPTIONS)
def test_slice_is_masked_as_in_the_whole(options):
    token_ids, padding_mask = padded_batch(np.arange(20, 60), 64)
    whole = mask(token_ids, padding_mask, seed=3, step=4, **options)
    part = mask(token_ids[12:20], padding_mask[12:20], seed=3, step=4, first_index=12, **options)
    for name in NAMES:
        np.testing.assert_array_equal(part[name], whole[name][12:20])


@pytest.mark.parametrize("options", OPTIONS)
def test_seed_and_step_change_the_batch_and_nothing_else_does(options):
    token_ids = ordinary_batch()
    base, again = mask(token_ids, **options), mask(token_ids, **options)
    for other in (mask(token_ids, seed=1, **options), mask(token_ids, step=1, **options)):
        for name in NAMES:
            np.testing.assert_array_equal(base[name], again[name])
            # Two batches may agree in how many slots are used.
            assert name == "mask_weights" or (base[name] != other[name]).any()


def test_padding_mask_of_nothing_padded_equals_none():
    token_ids = ordinary_batch()
    with_mask, without = mask(token_ids, np.ones_like(token_ids, bool)), mask(token_ids)
    for name in NAMES:
        np.testing.assert_array_equal(with_mask[name], without[name])


def test_unique_places_are_distinct_ascending_and_uniform():
    token_ids = ordinary_batch(4000)
    batch = mask(token_ids)
    assert (np.diff(batch["mask_positions"], axis=1) > 0).all()
    shares = drawn_places(batch, 128).mean(0)
    maskable = ~np.isin(token_ids[0], NEVER_MASKED)
    assert np.abs(shares[maskable] - 19 / 125).max() < 0.03
    assert (shares[~maskable] == 0).all()


def test_unknown_words_may_be_chosen():
    token_ids = np.full((20, 32), SPECIAL.unknown_id)
    assert (mask(token_ids)["mask_weights"] == 1).all()


def test_shares_of_what_is_shown():
    token_ids = ordinary_batch(3000)
    batch = mask(token_ids, keep_rate=0.1, random_rate=0.2)
    chosen = drawn_places(batch, 128) > 0
    shown = batch["masked_ids"][chosen]
    assert np.mean(shown == SPECIAL.mask_id) == pytest.approx(0.7, abs=0.01)
    # A random token is the original one in one of V cases.
    assert np.mean(shown == token_ids[chosen]) == pytest.approx(0.1, abs=0.01)


def test_slots_that_share_a_place_show_one_of_their_tokens():
    """Never a third token made of both, as averaging the two ids would show."""
    token_ids = np.full((2000, 20), 10)
    options = {"mask_rate": 0.5, "random_rate": 0.5, "keep_rate": 0.3, "selection": "original"}
    batch = mask(token_ids, **options)
    hidden = batch["masked_ids"] == SPECIAL.mask_id
    counts = drawn_places(batch, 20)
    for times in (1, 2):
        chosen = counts == times
        kept = (batch["masked_ids"] == token_ids)[chosen].mean()
        assert hidden[chosen].mean() == pytest.approx(1 - 0.8**times, abs=0.03)
        # The lowest slot decides between kept and random where neither slot hides the place.
        assert kept == pytest.approx(0.3 * 0.8 ** (times - 1), abs=0.03)


def test_everything_kept_everything_hidden_or_everything_random():
    token_ids = ordinary_batch()
    kept = mask(token_ids, keep_rate=1.0)
    np.testing.assert_array_equal(kept["masked_ids"], token_ids)
    hidden = mask(token_ids, keep_rate=0.0)
    chosen = drawn_places(hidden, 128) > 0
    assert (hidden["masked_ids"][chosen] == SPECIAL.mask_id).all()
    random = mask(token_ids, keep_rate=0.0, random_rate=1.0)
    assert not np.isin(random["masked_ids"][chosen], SPECIAL).any()


def test_random_tokens_are_uniform_over_ordinary_ones_wherever_the_special_ones_stand():
    special = SpecialIds(pad_id=32, unknown_id=3, class_id=4, separator_id=9, mask_id=7)
    batch = mask_batch(
        np.full((2000, 40), 5),
        config=MaskingConfig(mask_rate=0.5, keep_rate=0.0, random_rate=1.0),
        special=special,
        vocabulary_size=40,
        seed=0,
        step=0,
    )
    shown = batch["masked_ids"][drawn_places(batch, 40) > 0]
    shares = np.bincount(shown, minlength=40) / len(shown)
    np.testing.assert_allclose(shares, ~np.isin(np.arange(40), special) / 35, atol=0.005)


def test_uniform_draws_are_uniform_and_below_one():
    draws = mask(ordinary_batch(3000))["uniform_draws"]
    assert draws.min() >= 0 and draws.max() < 1
    # Longer fractions could round to 1 in float32, too seldom to be seen here.
    assert (draws * 2.0**24 % 1 == 0).all()
    assert np.abs(np.histogram(draws, 10, (0, 1))[0] / draws.size - 0.1).max() < 0.005


# Whole words.


def words_of(token_ids):
    """Lists of places, by a plain loop: one list per word between special tokens."""
    words, continues = [], is_continuation()
    previous_maskable = False
    for place, token in enumerate(token_ids):
        maskable = token not in NEVER_MASKED
        if maskable and previous_maskable and continues[token]:
            words[-1].append(place)
        elif maskable:
            words.append([place])
        previous_maskable = maskable
    return words


@pytest.mark.parametrize("mask_rate", [0.05, 0.15, 0.5])
def test_words_are_chosen_whole_and_fill_the_number(mask_rate):
    token_ids, padding_mask = padded_batch(np.arange(10, 74), 80)
    batch = mask(token_ids, padding_mask, whole_words=True, mask_rate=mask_rate)
    chosen = drawn_places(batch, 80)
    allowed = mask(token_ids, padding_mask, mask_rate=mask_rate)["mask_weights"].sum(1)
    assert chosen.max() == 1
    for row, ids, number in zip(chosen, token_ids, allowed, strict=True):
        words = words_of(ids)
        assert all(len(set(row[word])) == 1 for word in words)
        left = number - row.sum()
        assert left >= 0
        # No word that was passed over would still fit.
        assert not any(len(word) <= left and not row[word[0]] for word in words)


def test_word_does_not_reach_over_a_separator():
    """A sentence cut inside a word goes on after [SEP] with a continuation piece."""
    token_ids = np.array([[2, 10, 9, 3, 9, 12, 3]] * 200)
    chosen = drawn_places(mask(token_ids, whole_words=True, mask_rate=0.29), 7) > 0
    assert (chosen[:, 1] == chosen[:, 2]).all()
    assert (chosen[:, 4] == chosen[:, 5]).all()
    assert {tuple(row) for row in np.argwhere(chosen)[:, 1].reshape(200, 2)} == {(1, 2), (4, 5)}


def test_piece_that_continues_nothing_is_a_word_of_its_own():
    token_ids = np.array([[9, 10, 9, 9, 9, 3]] * 100)
    chosen = drawn_places(mask(token_ids, whole_words=True), 6)
    assert chosen.tolist() == [[1, 0, 0, 0, 0, 0]] * 100


def test_words_of_one_piece_are_chosen_with_equal_chance():
    token_ids = ordinary_batch(4000, 40)
    token_ids[token_ids > 4] = 7
    chosen = drawn_places(mask(token_ids, whole_words=True), 40).mean(0)
    assert np.abs(chosen[chosen > 0] - 6 / 37).max() < 0.03
    assert (chosen > 0).sum() == 37


def test_word_longer_than_the_number_is_passed_over():
    token_ids = np.array([[2, 10, 9, 9, 9, 3]])
    batch = mask(token_ids, whole_words=True)
    assert batch["mask_weights"].sum() == 0
    np.testing.assert_array_equal(batch["masked_ids"], token_ids)


# Awkward input.


@pytest.mark.parametrize("options", OPTIONS)
def test_nothing_maskable_selects_nothing(options):
    token_ids = np.array([[2, 3, 0, 0], [0, 0, 0, 0], [2, 10, 11, 3]])
    batch = mask(token_ids, token_ids > 0, **options)
    assert batch["mask_weights"].sum(1).tolist()[:2] == [0, 0]
    np.testing.assert_array_equal(batch["masked_ids"][:2], token_ids[:2])


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("shape", [(0, 16), (3, 1), (1, 2), (2, 3)])
def test_small_shapes_pass(options, shape):
    batch = mask(np.full(shape, 10), **options)
    assert batch["masked_ids"].shape == shape


def test_never_more_places_than_there_are():
    token_ids = np.array([[2, 10, 3, 0, 0, 0], [2, 3, 3, 3, 3, 11]])
    batch = mask(token_ids, token_ids > 0, mask_rate=0.9)
    assert batch["mask_weights"].sum(1).tolist() == [1, 1]
    assert batch["mask_positions"][:, 0].tolist() == [1, 5]
    assert mask(np.full((1, 512), 10), mask_rate=0.999)["mask_weights"].sum() == 511


def test_input_is_left_alone():
    token_ids, padding_mask = padded_batch([10, 20], 30)
    before = token_ids.copy(), padding_mask.copy()
    mask(token_ids, padding_mask)
    np.testing.assert_array_equal(token_ids, before[0])
    np.testing.assert_array_equal(padding_mask, before[1])


def wrong_calls():
    ids = ordinary_batch(2, 16)
    words = MaskingConfig(whole_words=True)
    yield {"token_ids": ids[0]}, r"token_ids: expected .* shape \(16,\)"
    yield {"token_ids": ids * 0.5}, "token_ids: expected integers"
    yield {"token_ids": ids + 1000}, r"token_ids: expected ids in \[0, 1000\)"
    yield {"token_ids": -ids}, r"token_ids: expected ids in \[0, 1000\)"
    yield {"padding_mask": np.ones((2, 8))}, r"padding_mask: expected shape \(2, 16\)"
    yield {"config": words}, "is_continuation: .* received none"
    yield {"config": words, "is_continuation": np.ones(7)}, r"is_continuation: .* shape \(7,\)"
    yield {"seed": -1}, "seed: "
    all_special = {"token_ids": ids % 5, "vocabulary_size": 5}
    yield all_special | {"config": MaskingConfig(random_rate=0.5)}, "vocabulary_size: "


@pytest.mark.parametrize(("changes", "message"), list(wrong_calls()))
def test_wrong_input_is_named(changes, message):
    arguments = {"token_ids": ordinary_batch(2, 16), "config": MaskingConfig()}
    arguments |= {"special": SPECIAL, "vocabulary_size": VOCABULARY_SIZE, "seed": 0, "step": 0}
    with pytest.raises(InputError, match=message):
        mask_batch(**(arguments | changes))
