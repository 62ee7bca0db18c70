"""Texts, pairs, choices and tagged sentences become the rows that they should."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import InputError
from keras_electra.tasks.encoded import cut_pair
from keras_electra.tasks.encoding import encode, labels_of
from keras_electra.tasks.examples import ChoiceExample, TaggingExample, TextExample
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.tag_encoding import in_form, split_words
from keras_electra.tasks.task import Task
from keras_electra.tokenizer import WordPieceTokenizer


def task(kind, **options):
    if kind == "regression":
        options.setdefault("value_range", (0.0, 5.0))
    return Task(name="t", kind=kind, reader=None, metrics=("m",), main_metric="m", **options)


def config(**changes):
    return FinetuneConfig.for_task({}, **{"sequence_length": 12, **changes})


def texts(*rows):
    """Examples of (text, second text or None, label)."""
    return [
        TextExample(id=str(number), text=text, second_text=second, label=label)
        for number, (text, second, label) in enumerate(rows)
    ]


def words_of(tokenizer, ids):
    return " ".join(tokenizer.tokens_of(ids))


# Texts and pairs


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 40))
def test_pairs_lose_tokens_as_one_by_one_from_the_longer(num_first, num_second, room):
    first, second = num_first, num_second
    while first + second > room:
        if first > second:
            first -= 1
        else:
            second -= 1
    assert cut_pair(num_first, num_second, room) == (first, second)


def test_rows_are_framed_as_the_original_does(tokenizer):
    examples = texts(("The cat sees.", None, "a"), ("a dog", "Birds hear", "b"))
    found = encode(task("classification"), examples, tokenizer, config(), is_training=True)
    assert [words_of(tokenizer, ids) for ids in found.token_ids] == [
        "[CLS] the cat sees . [SEP]",
        "[CLS] a dog [SEP] bird ##s [UNK] [SEP]",
    ]
    assert [list(ids) for ids in found.segment_ids] == [[0] * 6, [0, 0, 0, 0, 1, 1, 1, 1]]
    assert found.labels == ("a", "b")
    assert list(found.fields["labels"]) == [0, 1]
    assert list(found.lengths) == list(found.num_tokens) == [6, 8]
    assert found.num_truncated == 0


def test_long_texts_are_cut_and_counted(tokenizer):
    examples = texts(
        ("cat " * 30, None, "a"), ("dog " * 20, "cat " * 3, "a"), ("dog", "cat " * 8, "b")
    )
    found = encode(task("classification"), examples, tokenizer, config(), is_training=True)
    assert [len(ids) for ids in found.token_ids] == [12, 12, 12]
    assert words_of(tokenizer, found.token_ids[1]) == (
        "[CLS] dog dog dog dog dog dog [SEP] cat cat cat [SEP]"
    )
    assert found.token_ids[0][-1] == tokenizer.separator_id
    assert found.num_truncated == 2


def test_swapped_pairs_only_in_training(tokenizer):
    examples = texts(("cat", "dog", "a"), ("king", None, "b"), ("man", "girl", "b"))
    options = config(has_swapped_pairs=True)
    trained = encode(task("classification"), examples, tokenizer, options, is_training=True)
    judged = encode(task("classification"), examples, tokenizer, options, is_training=False)
    assert [words_of(tokenizer, ids[1:-1]) for ids in trained.token_ids] == [
        "cat [SEP] dog",
        "king",
        "man [SEP] girl",
        "dog [SEP] cat",
        "girl [SEP] man",
    ]
    assert list(trained.owners) == [0, 1, 2, 0, 2]
    assert list(trained.fields["labels"]) == [0, 1, 1, 0, 1]
    assert list(judged.owners) == [0, 1, 2]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("classification", "a", "z"),
        ("multi_label", ("a", "b"), ("a", "z")),
        ("regression", 2.5, None),
    ],
)
def test_labels_that_are_not_known(tokenizer, kind, good, bad):
    examples = texts(("cat", None, good), ("dog", None, float("nan") if bad is None else bad))
    labels = None if kind == "regression" else ("a", "b")
    for is_training in (True, False):
        problems = Problems()
        found = encode(
            task(kind),
            examples,
            tokenizer,
            config(),
            labels=labels,
            problems=problems,
            is_training=is_training,
        )
        is_named = kind != "regression"
        if is_training or not is_named:
            assert problems.counts == {"unknown label": 1}
            assert problems.shown["unknown label"][0].startswith("t 1: expected")
        else:
            assert not problems.counts
        assert found.unseen == ({1: ["z"]} if is_named else {})
        assert list(found.has_gold) == ([True] if is_training else [True, False])


def test_unlabelled_examples_are_judged_without_a_word_and_not_trained_on(tokenizer):
    examples = texts(("cat", None, None), ("dog", None, "a"))
    problems = Problems()
    options = {"labels": ("a", "b"), "problems": problems}
    judged = encode(
        task("classification"), examples, tokenizer, config(), is_training=False, **options
    )
    assert len(judged) == 2 and not problems.counts
    trained = encode(
        task("classification"), examples, tokenizer, config(), is_training=True, **options
    )
    assert list(trained.owners) == [1] and problems.counts == {"no label": 1}


def test_a_text_without_a_token_is_judged_and_not_trained_on(tokenizer):
    examples = texts((" \x00", None, "a"), ("", "dog", "b"))
    problems = Problems()
    options = {"labels": ("a", "b"), "problems": problems}
    trained = encode(
        task("classification"), examples, tokenizer, config(), is_training=True, **options
    )
    assert list(trained.owners) == [1] and problems.counts == {"empty text": 1}
    judged = encode(
        task("classification"), examples, tokenizer, config(), is_training=False, **options
    )
    assert words_of(tokenizer, judged.token_ids[0]) == "[CLS] [SEP]"


def test_targets(tokenizer):
    several = texts(("cat", None, ("c", "a")), ("dog", None, ()))
    found = encode(
        task("multi_label"), several, tokenizer, config(), labels=("a", "b", "c"), is_training=True
    )
    assert [list(target) for target in found.fields["labels"]] == [[1, 0, 1], [0, 0, 0]]
    values = texts(("cat", None, 1), ("dog", None, 5.0))
    ranged = task("regression", value_range=(1.0, 5.0))
    assert list(encode(ranged, values, tokenizer, config(), is_training=True).fields["labels"]) == [
        0,
        1,
    ]


def test_labels_of():
    examples = texts(("", None, "yes"), ("", None, None), ("", None, "no"))
    assert labels_of(task("classification"), examples) == ("no", "yes")
    assert labels_of(task("classification", labels=("yes", "no")), examples) == ("yes", "no")
    assert labels_of(task("multi_label"), texts(("", None, ("b", "a")))) == ("a", "b")
    assert labels_of(task("regression"), examples) is None
    sentence = TaggingExample(id="0", words=("a", "b"), tags=("B-X", "I-X"))
    assert labels_of(task("tagging"), [sentence]) == ("B-X", "I-X")
    assert labels_of(task("tagging"), [sentence], config(tagging_form="original")) == ("B-X", "E-X")


def test_no_labels_at_all(tokenizer):
    with pytest.raises(InputError, match="expected labels"):
        encode(
            task("classification"),
            texts(("cat", None, None)),
            tokenizer,
            config(),
            is_training=False,
        )


# Choices


def test_choices_stand_after_the_question(tokenizer):
    examples = [
        ChoiceExample(id="0", question="the cat", choices=("sees", "a dog"), label=1),
        ChoiceExample(id="1", question="dog " * 9, choices=("cat",) * 3, label=3),
        ChoiceExample(id="2", question="dog", choices=()),
    ]
    problems = Problems()
    options = {"problems": problems, "is_training": False}
    found = encode(task("multiple_choice"), examples, tokenizer, config(), **options)
    assert [words_of(tokenizer, ids) for ids in found.token_ids[0]] == [
        "[CLS] the cat [SEP] sees [SEP]",
        "[CLS] the cat [SEP] a dog [SEP]",
    ]
    assert list(found.lengths) == [7, 12] and list(found.num_tokens) == [13, 36]
    assert found.max_choices == 3 and found.num_truncated == 1
    assert list(found.has_gold) == [True, False]
    assert problems.counts == {"unknown label": 1, "no choices": 1}
    trained = encode(task("multiple_choice"), examples, tokenizer, config(), is_training=True)
    assert list(trained.owners) == [0] and list(trained.fields["labels"]) == [1]


# Tagging


def sentence(*words, tags=None, number=0):
    return TaggingExample(id=str(number), words=words, tags=tags)


def test_tags_stand_at_the_first_piece_of_each_word(tokenizer):
    example = sentence("Cats", "\x07", "seeing", "dog-house", tags=("A", "B", "A", "C"))
    found = encode(task("tagging"), [example], tokenizer, config(), is_training=True)
    assert words_of(tokenizer, found.token_ids[0]) == (
        "[CLS] cat ##s [UNK] [UNK] dog [UNK] house [SEP]"
    )
    assert list(found.fields["word_positions"][0]) == [1, 3, 4, 5]
    assert list(found.fields["labels"][0]) == [0, 1, 0, 2]
    assert not found.segment_ids[0].any()


def test_long_sentences_are_cut_in_training_and_split_for_judging(tokenizer):
    words = ("cats", "dog") * 10
    example = sentence(*words, tags=("A", "B") * 10)
    trained = encode(task("tagging"), [example], tokenizer, config(), is_training=True)
    assert len(trained) == 1 and trained.num_truncated == 1
    assert len(trained.fields["labels"][0]) == 6 and len(trained.token_ids[0]) == 11
    judged = encode(task("tagging"), [example], tokenizer, config(), is_training=False)
    assert judged.num_truncated == 0 and set(judged.owners) == {0}
    labels = np.concatenate(judged.fields["labels"])
    assert list(labels) == [0, 1] * 10
    firsts = judged.fields["first_words"]
    assert list(firsts) == [0, 6, 12, 18]
    for row, first in enumerate(firsts):
        start = judged.token_ids[row][judged.fields["word_positions"][row]]
        expected = [tokenizer.encode(word)[0] for word in words[first : first + len(start)]]
        assert list(start) == expected


def test_a_word_larger_than_a_row(tokenizer):
    example = sentence("dog", "cat", "dog-" * 20, "dog", tags=("A",) * 4)
    for is_training in (True, False):
        found = encode(task("tagging"), [example], tokenizer, config(), is_training=is_training)
        assert found.lengths.max() <= 12
        num_tags = sum(len(labels) for labels in found.fields["labels"])
        assert num_tags == (2 if is_training else 4)


def test_tags_that_training_never_saw(tokenizer):
    example = sentence("cat", "dog", tags=("A", "Z"))
    options = {"labels": ("A", "B"), "problems": Problems()}
    judged = encode(task("tagging"), [example], tokenizer, config(), is_training=False, **options)
    assert list(judged.fields["word_weights"][0]) == [1, 0] and judged.has_gold[0]
    assert judged.unseen == {0: ["Z"]}
    assert not options["problems"].counts
    trained = encode(task("tagging"), [example], tokenizer, config(), is_training=True, **options)
    assert len(trained) == 0 and options["problems"].counts == {"unknown label": 1}


def test_a_sentence_without_words_keeps_its_row(tokenizer):
    found = encode(
        task("tagging"), [sentence()], tokenizer, config(), labels=("A", "B"), is_training=False
    )
    assert words_of(tokenizer, found.token_ids[0]) == "[CLS] [SEP]"
    assert len(found.fields["word_positions"][0]) == 0


@given(st.lists(st.integers(1, 6), max_size=40), st.integers(8, 20))
def test_words_are_split_into_rows_as_full_as_can_be(sizes, length):
    stretches = split_words(np.array(sizes, np.int64), length, False)
    assert [place for first, last in stretches for place in range(first, last)] == list(
        range(len(sizes))
    )
    for first, last in stretches:
        assert sum(sizes[first:last]) + 2 <= length
        if last < len(sizes):
            assert sum(sizes[first : last + 1]) + 2 > length


@given(st.lists(st.integers(1, 4), min_size=1, max_size=40), st.integers(12, 60))
def test_the_originals_early_cut(sizes, length):
    """The rule as the original states it, word by word."""
    all_sizes = [1, *sizes, 1]
    num_places = num_words = 0
    for size in all_sizes[:-1]:
        if len(all_sizes) + num_places + 1 > length or num_places + size + 1 > length:
            break
        num_places += size
        num_words += 1
    num_words -= 1
    first, last = split_words(np.array(sizes, np.int64), length, True)[0]
    if num_words >= 1:
        assert (first, last) == (0, num_words)
    else:
        assert (first, last) == split_words(np.array(sizes, np.int64), length, False)[0]


def test_the_original_form_folds_case_and_has_segments_of_one(vocabulary):
    cased = WordPieceTokenizer(vocabulary, TokenizerConfig(lowercase=False))
    example = sentence("The", "CÁT", "sees", tags=("B-NP", "I-NP", "B-VP"))
    options = config(tagging_form="original")
    found = encode(task("tagging"), [example], cased, options, is_training=True)
    assert words_of(cased, found.token_ids[0]) == "[CLS] the cat sees [SEP]"
    assert list(found.segment_ids[0]) == [1] * 5
    assert found.labels == ("B-NP", "E-NP", "S-VP")
    assert found.examples[0].tags == ("B-NP", "E-NP", "S-VP")
    plain = encode(task("tagging"), [example], cased, config(), is_training=True)
    assert words_of(cased, plain.token_ids[0]) == "[CLS] [UNK] [UNK] sees [SEP]"


def original_tags(tags):
    """The tags of a sentence in the form of the original."""
    example = TaggingExample(id="0", words=tuple("w" * len(tags)), tags=tuple(tags))
    return in_form([example], "original")[0].tags


@given(st.lists(st.tuples(st.sampled_from("XY"), st.integers(1, 4)) | st.none(), max_size=12))
def test_spans_as_bioes(spans):
    """Spans written down as BIO and as BIOES; None is a word outside."""
    bio, bioes = [], []
    for span in spans:
        if span is None:
            bio.append("O")
            bioes.append("O")
            continue
        kind, size = span
        bio += [f"B-{kind}"] + [f"I-{kind}"] * (size - 1)
        middle = ["B", *"I" * (size - 2), "E"] if size > 1 else ["S"]
        bioes += [f"{prefix}-{kind}" for prefix in middle]
    assert original_tags(bio) == tuple(bioes)
    assert original_tags(bioes) == tuple(bioes)


def test_tags_of_another_form_stay():
    assert original_tags(["NN", "B-X", "-LRB-"]) == ("NN", "B-X", "-LRB-")
    assert original_tags(["I-X", "I-Y", "O", "I-Y"]) == ("S-X", "S-Y", "O", "S-Y")
