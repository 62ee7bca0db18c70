"""Packing: every place of an example accounted for, nothing lost, and the original's own way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_electra.store.examples import Examples
from keras_electra.store.held_out import Pieces
from keras_electra.store.original_packing import OriginalPacking
from keras_electra.store.packing import ContinuousPacking

PAD, CLS, SEP = 0, 1, 2
FIRST = 10  # token i of the store has the id FIRST + i, so that ids tell places


def pieces_from(lengths, is_last=None, gap=0):
    """Pieces that lie one after another in the store, `gap` unused tokens between them."""
    lengths = np.array(lengths, np.int64)
    starts = np.cumsum(lengths + gap) - lengths - gap
    return Pieces(starts, lengths, np.ones(len(lengths), bool) if is_last is None else is_last)


def tokens_of(pieces):
    """The pieces as lists of ids."""
    return [
        list(range(FIRST + start, FIRST + start + length))
        for start, length in zip(pieces.starts, pieces.lengths, strict=True)
    ]


def examples_of(pieces, packing, sequence_length):
    ids = np.arange(FIRST, FIRST + pieces.starts[-1] + pieces.lengths[-1], dtype=np.int32)
    return Examples(
        ids, packing, sequence_length=sequence_length, pad_id=PAD, class_id=CLS, separator_id=SEP
    )


def continuous(pieces, sequence_length):
    return examples_of(pieces, ContinuousPacking(pieces, sequence_length), sequence_length)


def take_all(examples):
    return examples.take(np.arange(len(examples)))


def segments_of(row, segment_row, mask_row):
    """The segments of one example as lists of ids, after checking its layout."""
    num_real = int(mask_row.sum())
    assert mask_row[:num_real].all()
    assert (row[num_real:] == PAD).all()
    assert (segment_row[num_real:] == 0).all()
    assert (row[0], row[num_real - 1]) == (CLS, SEP)
    segments, number = [[]], 0
    assert segment_row[0] == 0
    for token, segment in zip(row[1:num_real], segment_row[1:num_real], strict=True):
        assert segment == number % 2
        if token == SEP:
            segments.append([])
            number += 1
        else:
            assert token >= FIRST
            segments[-1].append(int(token))
    return segments[:-1]


def reference_continuous(pieces, sequence_length):
    """Examples as lists of segments, filled one piece at a time."""
    queue, examples = [list(piece) for piece in pieces], []
    while queue:
        segments, room = [], sequence_length - 1
        while room and queue:
            if room == 1:
                longest = max(segments, key=len)
                place, half = segments.index(longest), (len(longest) + 1) // 2
                if len(longest) == 1:
                    segments.append([])
                else:
                    segments[place : place + 1] = [longest[:half], longest[half:]]
                break
            segments.append(queue[0][: room - 1])
            queue[0] = queue[0][room - 1 :]
            room -= len(segments[-1]) + 1
            if not queue[0]:
                queue.pop(0)
        examples.append(segments)
    return examples


def random_lengths(rng):
    longest = rng.choice([1, 2, 5, 30, 200])
    return rng.integers(1, longest + 1, rng.integers(1, 60))


@pytest.mark.parametrize("sequence_length", [3, 4, 5, 8, 16, 64, 1000])
def test_continuous_equals_filling_by_hand(sequence_length):
    rng = np.random.default_rng(sequence_length)
    for _ in range(60):
        pieces = pieces_from(random_lengths(rng), gap=int(rng.integers(0, 3)))
        examples = continuous(pieces, sequence_length)
        found = [segments_of(*row) for row in zip(*take_all(examples), strict=True)]
        assert found == reference_continuous(tokens_of(pieces), sequence_length)


@given(
    lengths=st.lists(st.integers(1, 400), min_size=1, max_size=60),
    sequence_length=st.integers(3, 200),
    gap=st.integers(0, 2),
)
@settings(max_examples=150, deadline=None)
def test_continuous_loses_no_token_and_invents_none(lengths, sequence_length, gap):
    pieces = pieces_from(lengths, gap=gap)
    examples = continuous(pieces, sequence_length)
    token_ids, segment_ids, padding_mask = take_all(examples)
    ordinary = token_ids[token_ids >= FIRST]
    np.testing.assert_array_equal(ordinary, np.concatenate(tokens_of(pieces)))
    assert padding_mask[:-1].all()
    assert examples.num_padded == int(not padding_mask[-1].all())
    piece_of = {token: number for number, piece in enumerate(tokens_of(pieces)) for token in piece}
    for row in zip(token_ids, segment_ids, padding_mask, strict=True):
        segments = segments_of(*row)
        assert all(len({piece_of[token] for token in segment}) <= 1 for segment in segments)
        assert all(segments) or max(map(len, segments)) == 1


def test_continuous_worked_example():
    examples = continuous(pieces_from([4, 1, 7]), 8)
    token_ids, segment_ids, padding_mask = take_all(examples)
    a, b, c = 10, 14, 15
    assert token_ids.tolist() == [
        [CLS, a, a + 1, a + 2, a + 3, SEP, b, SEP],
        [CLS, c, c + 1, c + 2, c + 3, c + 4, c + 5, SEP],
        [CLS, c + 6, SEP, PAD, PAD, PAD, PAD, PAD],
    ]
    assert segment_ids.tolist() == [[0, 0, 0, 0, 0, 0, 1, 1], [0] * 8, [0] * 8]
    assert padding_mask.sum(axis=1).tolist() == [8, 8, 3]
    assert examples.num_padded == 1


def test_one_place_left_splits_the_longest_segment():
    examples = continuous(pieces_from([1, 3, 5]), 8)
    token_ids, segment_ids, _ = examples.take([0])
    assert token_ids.tolist() == [[CLS, 10, SEP, 11, 12, SEP, 13, SEP]]
    assert segment_ids.tolist() == [[0, 0, 0, 1, 1, 1, 0, 0]]


def test_one_place_left_among_single_tokens_holds_a_bare_separator():
    token_ids, segment_ids, padding_mask = take_all(continuous(pieces_from([1, 1, 1]), 6))
    assert token_ids[0].tolist() == [CLS, 10, SEP, 11, SEP, SEP]
    assert segment_ids[0].tolist() == [0, 0, 0, 1, 1, 0]
    assert token_ids[1].tolist() == [CLS, 12, SEP, PAD, PAD, PAD]
    assert padding_mask[0].all()


def test_a_long_sentence_fills_many_examples():
    examples = continuous(pieces_from([10_000]), 12)
    token_ids, segment_ids, _ = take_all(examples)
    assert len(examples) == 1000
    assert not segment_ids.any()
    assert (token_ids[:, -1] == SEP).all()
    assert examples.num_padded == 0


@pytest.mark.parametrize("kind", ["continuous", "original"])
def test_any_choice_of_examples_gives_the_same_rows(kind):
    rng = np.random.default_rng(5)
    pieces = pieces_from(rng.integers(1, 40, 300), rng.random(300) < 0.1)
    packing = (
        ContinuousPacking(pieces, 32)
        if kind == "continuous"
        else OriginalPacking(pieces, 32, seed=0)
    )
    examples = examples_of(pieces, packing, 32)
    whole = take_all(examples)
    indices = rng.integers(0, len(examples), 500)
    for values, chosen in zip(whole, examples.take(indices), strict=True):
        np.testing.assert_array_equal(values[indices], chosen)
    for index in (0, len(examples) - 1):
        np.testing.assert_array_equal(examples.take([index])[0][0], whole[0][index])


def test_shapes_and_types():
    examples = continuous(pieces_from([5, 9]), 8)
    for count in (0, 1, 2):
        token_ids, segment_ids, padding_mask = examples.take(np.arange(count))
        assert token_ids.shape == segment_ids.shape == padding_mask.shape == (count, 8)
        assert token_ids.dtype == segment_ids.dtype == np.int32
        assert padding_mask.dtype == bool


@pytest.mark.parametrize("indices", [[-1], [3], [0, 99]])
def test_numbers_of_no_example(indices):
    with pytest.raises(IndexError, match="from 0 to 2"):
        continuous(pieces_from([4, 1, 7]), 8).take(indices)


def uniform(seed):
    """The numbers that decide the original's packing."""
    generator = np.random.Philox(key=seed)
    while True:
        yield float(generator.random_raw() >> 11) / 2**53


def reference_original(pieces, is_last, sequence_length, seed):
    """The original's example writer on lists of ids: (first, second) segments."""
    draws = uniform(seed)
    lines, total, target = [], 0, sequence_length
    for piece, ends in zip(pieces, is_last, strict=True):
        lines.append(piece)
        total += len(piece)
        if total < target and not ends:
            continue
        goal = 100_000 if next(draws) < 0.1 else (target - 3) // 2
        first, second = [], []
        for line in lines:
            if (
                len(first) == 0
                or len(first) + len(line) < goal
                or (len(second) == 0 and len(first) < goal and next(draws) < 0.5)
            ):
                first += line
            else:
                second += line
        first = first[: sequence_length - 2]
        second = second[: max(0, sequence_length - len(first) - 3)]
        yield [first, second] if second else [first]
        lines, total, target = [], 0, sequence_length
        if next(draws) < 0.05:
            target = 5 + int(next(draws) * (sequence_length - 4))


@pytest.mark.parametrize("sequence_length", [5, 8, 33, 128])
def test_original_equals_the_original(sequence_length):
    rng = np.random.default_rng(sequence_length)
    for seed in range(20):
        lengths = random_lengths(rng)
        pieces = pieces_from(lengths, rng.random(len(lengths)) < 0.1)
        pieces.is_last[-1] = True
        packing = OriginalPacking(pieces, sequence_length, seed)
        examples = examples_of(pieces, packing, sequence_length)
        found = [segments_of(*row) for row in zip(*take_all(examples), strict=True)]
        args = tokens_of(pieces), pieces.is_last, sequence_length, seed
        assert found == list(reference_original(*args))
        assert examples.num_padded == sum(~take_all(examples)[2].all(axis=1))


@pytest.mark.parametrize(
    ("line_tokens", "kept", "single"), [(25, 0.82, 0.15), (80, 0.61, 0.41), (300, 0.30, 0.76)]
)
def test_original_keeps_the_share_of_text_that_was_measured(line_tokens, kept, single):
    rng = np.random.default_rng(0)
    lengths = np.maximum(1, rng.exponential(line_tokens, 20_000).astype(int))
    pieces = pieces_from(lengths, np.arange(20_000) == 19_999)
    token_ids, segment_ids, _ = take_all(
        examples_of(pieces, OriginalPacking(pieces, 128, seed=1), 128)
    )
    assert (token_ids >= FIRST).sum() / lengths.sum() == pytest.approx(kept, abs=0.02)
    assert (segment_ids.max(axis=1) == 0).mean() == pytest.approx(single, abs=0.02)


def test_original_depends_on_the_seed_only():
    lengths = np.random.default_rng(0).integers(1, 60, 500)
    pieces = pieces_from(lengths, np.arange(500) == 499)
    first, again, other = (
        take_all(examples_of(pieces, OriginalPacking(pieces, 64, seed), 64))[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()
