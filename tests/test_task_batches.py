"""Batches of tasks: each row once a pass, nothing but the step decides, and little is padded."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import InputError
from keras_electra.task_batches import FEW_LENGTHS, MixedTaskBatches, TaskBatches, padded_length
from keras_electra.tasks.collating import collate
from keras_electra.tasks.encoding import encode
from keras_electra.tasks.examples import (
    Answer,
    ChoiceExample,
    QuestionExample,
    TaggingExample,
    TextExample,
)
from keras_electra.tasks.task import Task

KINDS = (
    "classification",
    "multi_label",
    "regression",
    "tagging",
    "question_answering",
    "multiple_choice",
)


def task(kind):
    value_range = (0.0, 5.0) if kind == "regression" else None
    return Task(
        name="t",
        kind=kind,
        reader=None,
        metrics=("m",),
        main_metric="m",
        value_range=value_range,
        labels=("a", "b", "c") if kind in ("classification", "multi_label", "tagging") else None,
    )


def example(kind, number, num_words):
    """An example of about `num_words` words."""
    words = ("cats", "dog", "house")[number % 3 :] + ("the",) * (num_words - 1)
    text, label = " ".join(words), "abc"[number % 3]
    if kind == "tagging":
        return TaggingExample(id=str(number), words=words, tags=(label,) * len(words))
    if kind == "question_answering":
        answers = (Answer(words[0], 0),)
        return QuestionExample(id=str(number), question="who", context=text, answers=answers)
    if kind == "multiple_choice":
        choices = (text,) * (2 + number % 2)
        return ChoiceExample(id=str(number), question="a", choices=choices, label=1)
    label = {"multi_label": (label,), "regression": float(number % 5)}.get(kind, label)
    return TextExample(id=str(number), text=text, label=label)


@pytest.fixture(scope="module")
def encoded(tokenizer):
    """A function: examples of a kind with these numbers of words."""

    @functools.lru_cache(maxsize=64)
    def make(kind="classification", sizes=tuple(range(1, 24)), length=40):
        examples = [example(kind, number, size) for number, size in enumerate(sizes)]
        options = FinetuneConfig.for_task({}, sequence_length=length)
        return encode(task(kind), examples, tokenizer, options, is_training=True)

    return make


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def rows_of(batches, steps):
    return np.concatenate([batches.batch(step)["rows"] for step in steps])


# Content


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_and_types_are_as_written(encoded, kind):
    batch = collate(encoded(kind), np.array([3, 1]), length=32, batch_size=4)
    inputs = (4, 3, 32) if kind == "multiple_choice" else (4, 32)
    expected = {
        "token_ids": (inputs, "int32"),
        "segment_ids": (inputs, "int32"),
        "padding_mask": (inputs, "bool"),
        "rows": ((4,), "int32"),
        "example_weights": ((4,), "float32"),
        **{
            "classification": {"labels": ((4,), "int32")},
            "multi_label": {"labels": ((4, 3), "float32")},
            "regression": {"labels": ((4,), "float32")},
            "tagging": {
                "word_positions": ((4, 32), "int32"),
                "word_weights": ((4, 32), "float32"),
                "labels": ((4, 32), "int32"),
            },
            "question_answering": {
                "answer_mask": ((4, 32), "bool"),
                "start_positions": ((4,), "int32"),
                "end_positions": ((4,), "int32"),
                "is_impossible": ((4,), "float32"),
            },
            "multiple_choice": {"labels": ((4,), "int32"), "choice_weights": ((4, 3), "float32")},
        }[kind],
    }
    assert {name: (value.shape, str(value.dtype)) for name, value in batch.items()} == expected
    assert all(value.flags.c_contiguous for value in batch.values())
    assert list(batch["rows"]) == [3, 1, -1, -1]
    assert list(batch["example_weights"]) == [1, 1, 0, 0]
    # Attention over no place at all is not a number.
    assert batch["padding_mask"].any(-1).all()


def test_a_batch_holds_its_rows(encoded, tokenizer):
    found = encoded()
    batch = collate(found, np.array([5, 0]), length=16, batch_size=3)
    for place, row in enumerate([5, 0]):
        length = found.lengths[row]
        assert list(batch["token_ids"][place, :length]) == list(found.token_ids[row])
        assert (batch["token_ids"][place, length:] == tokenizer.pad_id).all()
        assert batch["padding_mask"][place].sum() == length
        assert batch["labels"][place] == found.fields["labels"][row]


def test_where_an_answer_may_stand(encoded):
    batch = collate(encoded("question_answering"), np.array([0]), length=12, batch_size=2)
    tokens = ["[CLS]", "who", "[SEP]", "cat", "##s", "dog", "house", "[SEP]"]
    allowed = [True, False, False] + [True] * (len(tokens) - 3)
    assert list(batch["answer_mask"][0]) == allowed + [False] * (12 - len(allowed))
    assert list(batch["answer_mask"][1]) == [True] + [False] * 11
    assert (batch["start_positions"][0], batch["end_positions"][0]) == (3, 4)


def test_examples_without_gold_have_no_weight(tokenizer):
    examples = [
        TextExample(id="0", text="cat", label="z"),
        TextExample(id="1", text="dog", label="a"),
    ]
    options = FinetuneConfig.for_task({})
    found = encode(task("classification"), examples, tokenizer, options, is_training=False)
    batch = collate(found, np.array([0, 1]), length=8, batch_size=2)
    assert list(batch["example_weights"]) == [0, 1] and list(batch["rows"]) == [0, 1]


# Order


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=80).map(tuple),
    st.integers(1, 9),
    st.integers(0, 3),
    st.booleans(),
)
def test_every_row_once_a_pass(encoded, sizes, batch_size, epoch, is_training):
    found = encoded("classification", sizes)
    batches = TaskBatches(found, batch_size=batch_size, seed=1, is_training=is_training)
    steps = range(epoch * batches.epoch_steps, (epoch + 1) * batches.epoch_steps)
    rows = [batches.batch(step)["rows"] for step in steps]
    # Only the last batch of a pass is filled up.
    assert all((numbers >= 0).all() for numbers in rows[:-1])
    together = np.concatenate(rows)
    assert sorted(together[together >= 0]) == list(range(len(sizes)))


def test_a_batch_depends_on_seed_and_step_alone(encoded):
    def make(**options):
        return TaskBatches(encoded(), batch_size=4, is_endless=True, **options)

    batches = make(seed=3)
    forwards = [batches[index][0] for index in range(20)]
    resumed = make(seed=3, start_step=13)
    assert same(resumed[0][0], forwards[13]) and same(resumed[4][0], forwards[17])
    assert same(make(seed=3).batch(13), forwards[13])
    batches.start_step = 2
    assert same(batches[0][0], forwards[2])
    epochs = [list(rows_of(make(seed=3), range(e * 6, e * 6 + 6))) for e in (0, 1)]
    other = list(rows_of(make(seed=4), range(6)))
    assert epochs[0] != epochs[1] and epochs[0] != other


def test_little_is_padded_and_batches_of_different_length_are_mixed(encoded):
    rng = np.random.default_rng(0)
    sizes = tuple(int(size) for size in rng.integers(1, 37, 600))
    found = encoded("classification", sizes)
    batches = TaskBatches(found, batch_size=8, pad_to=1)
    shapes = [batches.batch(step)["token_ids"].shape[1] for step in range(batches.epoch_steps)]
    padded = sum(shapes) * 8 / found.num_tokens.sum()
    assert padded < 1.1
    # Sorted from end to end, neighbours would differ by less than one place on average.
    assert np.abs(np.diff(shapes)).mean() > 5


def test_judging_goes_from_short_to_long(encoded):
    batches = TaskBatches(encoded(), batch_size=5, is_training=False)
    lengths = [
        batches[index][0]["padding_mask"].sum(-1).max() for index in range(batches.num_batches)
    ]
    assert lengths == sorted(lengths)
    before = batches[0][0]
    batches.on_epoch_end()
    assert same(batches[0][0], before)


def test_passes_of_finite_batches_go_on(encoded):
    batches = TaskBatches(encoded(), batch_size=4)
    assert batches.num_batches == batches.epoch_steps == 6
    endless = TaskBatches(encoded(), batch_size=4, is_endless=True)
    assert endless.num_batches is None
    batches.on_epoch_end()
    assert batches.start_step == 0, "no epoch had begun"
    batches.on_epoch_begin()
    batches.on_epoch_end()
    assert same(batches[1][0], endless[7][0])
    assert [batches.num_steps(epochs) for epochs in (3.0, 2.5, 0.01)] == [18, 15, 1]


def test_a_given_order(encoded):
    order = [np.array([2, 0]), np.array([1]), np.array([2, 2])]
    batches = TaskBatches(encoded(), batch_size=2, order=order)
    assert batches.epoch_steps == 3
    assert list(rows_of(batches, range(4))) == [2, 0, 1, -1, 2, 2, 2, 0]


@pytest.mark.parametrize("kind", ["classification", "multiple_choice", "question_answering"])
def test_tokens_are_those_that_are_not_padding(encoded, kind):
    batches = TaskBatches(encoded(kind), batch_size=4)
    num_tokens = 0
    for step in range(2 * batches.epoch_steps + 3):
        assert batches.tokens_until(step) == num_tokens
        batch = batches.batch(step)
        is_row = batch["rows"] >= 0
        if kind == "multiple_choice":
            is_row = is_row[:, None] & (batch["choice_weights"] > 0)
        num_tokens += int(batch["padding_mask"][is_row].sum())


@pytest.mark.parametrize(
    ("num_places", "pad_to", "longest", "expected"),
    [
        (20, 8, 128, 24),
        (24, 8, 128, 24),
        (99, 8, 100, 100),
        (33, FEW_LENGTHS, 128, 48),
        (70, FEW_LENGTHS, 80, 80),
        (600, FEW_LENGTHS, 700, 700),
        (2, (64, 32), 128, 32),
    ],
)
def test_lengths_to_pad_to(num_places, pad_to, longest, expected):
    assert padded_length(num_places, pad_to, longest) == expected


def test_few_lengths_give_few_shapes(encoded):
    sizes = tuple(np.random.default_rng(0).integers(1, 37, 300).tolist())
    batches = TaskBatches(encoded("classification", sizes), batch_size=4, pad_to=FEW_LENGTHS)
    shapes = {batches.batch(step)["token_ids"].shape for step in range(batches.epoch_steps)}
    assert len(shapes) <= 7 and (4, 40) in shapes


def test_no_rows(encoded):
    with pytest.raises(InputError, match="at least one encoded row"):
        TaskBatches(encoded("classification", ()))


# Several tasks


@pytest.fixture
def mixed(encoded):
    """A function: three tasks of 6, 2 and 3 batches."""

    def make(**options):
        sizes = {"classification": 23, "tagging": 8, "question_answering": 9}
        parts = {
            f"a {kind}": TaskBatches(
                encoded(kind, tuple(range(1, size + 1))), batch_size=4, seed=5, is_endless=True
            )
            for kind, size in sizes.items()
        }
        return MixedTaskBatches(parts, seed=5, **options)

    return make


def test_mixed_batches_have_the_same_keys_and_one_task_each(mixed):
    batches = mixed()
    assert batches.epoch_steps == 11 and batches.num_batches is None
    seen = []
    for step in range(22):
        batch = batches.batch(step)
        assert batch.keys() == batches.batch(0).keys()
        weights = {name: batch[f"{name}/example_weights"].sum() for name in batches.names}
        (name,) = [name for name, weight in weights.items() if weight]
        kind = name.removeprefix("a ")
        assert set(batch[f"{name}/rows"]) != {-1}
        others = [other for other in batches.names if other != name]
        assert all(set(batch[f"{other}/rows"]) == {-1} for other in others)
        length = batch["token_ids"].shape[1]
        assert batch["a tagging/labels"].shape == batch["a question_answering/answer_mask"].shape
        assert batch["a tagging/labels"].shape == (4, length)
        seen.append((kind, tuple(batch[f"{name}/rows"])))
    for epoch in (seen[:11], seen[11:]):
        for kind, size in {"classification": 23, "tagging": 8, "question_answering": 9}.items():
            rows = [row for name, numbers in epoch if name == kind for row in numbers if row >= 0]
            assert sorted(rows) == list(range(size))
    assert [kind for kind, _ in seen[:11]] != [kind for kind, _ in seen[11:]]


def test_mixed_batches_depend_on_the_step_alone(mixed):
    batches = mixed()
    forwards = [batches[index][0] for index in range(15)]
    resumed = mixed(start_step=9)
    assert all(same(resumed[index][0], forwards[9 + index]) for index in range(6))


def test_tokens_of_mixed_batches(mixed):
    batches = mixed(is_endless=False)
    assert batches.num_batches == 11
    num_tokens = 0
    for step in range(25):
        assert batches.tokens_until(step) == num_tokens
        batch = batches.batch(step)
        is_row = sum(batch[f"{name}/example_weights"] for name in batches.names) > 0
        num_tokens += int(batch["padding_mask"][is_row].sum())


def test_what_cannot_be_mixed(encoded):
    text = TaskBatches(encoded(), batch_size=4)
    with pytest.raises(InputError, match="train it alone"):
        MixedTaskBatches({"a": text, "b": TaskBatches(encoded("multiple_choice"), batch_size=4)})
    with pytest.raises(InputError, match="batch_size: expected the same"):
        MixedTaskBatches({"a": text, "b": TaskBatches(encoded("tagging"), batch_size=8)})
