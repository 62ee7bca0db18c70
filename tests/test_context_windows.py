"""Windows over a context: nothing is lost, and the answer is where it is said to be."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.tasks.context_windows import located, max_context_flags, window_spans
from keras_electra.tasks.encoding import encode
from keras_electra.tasks.examples import Answer, QuestionExample
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.task import Task
from keras_electra.tokenizer import WordPieceTokenizer

TASK = Task(name="qa", kind="question_answering", reader=None, metrics=("f1",), main_metric="f1")


@pytest.fixture(scope="module")
def letters():
    """A tokenizer that knows every letter, so that words become several pieces."""
    signs = [*"abcdefghijklmnopqrstuvwxyz0123456789.,-"]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return WordPieceTokenizer([*special, *signs, *(f"##{sign}" for sign in signs), "the", "##er"])


def config(**changes):
    return FinetuneConfig.for_task({}, **{"sequence_length": 24, "window_stride": 5, **changes})


def question(context, text=None, start=None, asked="who ?", **options):
    answers = ()
    if text is not None:
        answers = (Answer(text, context.index(text) if start is None else start),)
    return QuestionExample(id="q", question=asked, context=context, answers=answers, **options)


def text_of(encoded, row):
    """What the row's start and end stand for in the context; None for place 0."""
    fields = encoded.fields
    start, end = int(fields["start_positions"][row]), int(fields["end_positions"][row])
    if start == 0:
        return None
    first = int(fields["first_places"][row])
    offsets = fields["char_offsets"][row]
    context = encoded.examples[encoded.owners[row]].context
    return context[offsets[start - first, 0] : offsets[end - first, 1]]


@given(st.integers(0, 200), st.integers(1, 40), st.integers(1, 60))
def test_windows_cover_the_context(num_pieces, capacity, stride):
    spans = window_spans(num_pieces, capacity, stride)
    seen = np.zeros(num_pieces, bool)
    for first, last in spans:
        assert last - first <= capacity
        seen[first:last] = True
    assert seen.all()
    assert spans[0][0] == 0 and spans[-1][1] == num_pieces
    steps = np.diff([first for first, _ in spans])
    assert (steps == min(stride, capacity)).all()
    # Only the last window reaches the end.
    assert all(last < num_pieces for _, last in spans[:-1])


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 900), st.integers(1, 400), st.integers(4, 400))
@example(num_pieces=640, capacity=380, stride=128)
def test_each_piece_has_one_window_of_most_context(num_pieces, capacity, stride):
    spans = window_spans(num_pieces, capacity, stride)
    flags = max_context_flags(spans)
    for piece in range(num_pieces):
        scores = [
            min(piece - first, last - 1 - piece) + 0.01 * (last - first)
            if first <= piece < last
            else -1
            for first, last in spans
        ]
        is_chosen = [
            first <= piece < last and flags[number][piece - first]
            for number, (first, last) in enumerate(spans)
        ]
        assert np.flatnonzero(is_chosen).tolist() == [int(np.argmax(scores))]


def test_a_worked_example(tokenizer):
    """V = 60 words; 4 pieces fit beside the question, and windows begin 2 apart."""
    example = question("the old cat sees a dog .", "cat sees", asked="the king")
    found = encode(
        TASK,
        [example],
        tokenizer,
        config(sequence_length=9, window_stride=2),
        is_training=True,
    )
    assert [" ".join(tokenizer.tokens_of(ids)) for ids in found.token_ids] == [
        "[CLS] the king [SEP] the old cat sees [SEP]",
        "[CLS] the king [SEP] cat sees a dog [SEP]",
        "[CLS] the king [SEP] a dog . [SEP]",
    ]
    assert list(found.segment_ids[2]) == [0, 0, 0, 0, 1, 1, 1, 1]
    assert list(found.fields["start_positions"]) == [6, 4, 0]
    assert list(found.fields["end_positions"]) == [7, 5, 0]
    assert list(found.fields["is_impossible"]) == [0, 0, 1]
    assert [list(flags) for flags in found.fields["is_max_context"]] == [
        [True, True, True, False],
        [False, True, True, False],
        [False, True, True],
    ]


WORD = st.text("abcdeTHE\u00e9\u00df.,-", min_size=1, max_size=7)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(WORD, st.sampled_from([" ", "  ", "\n", "\u202f", "\t "])),
        min_size=1,
        max_size=30,
    ),
    st.data(),
)
def test_answers_map_back_to_their_text(letters, words, data):
    context = "".join(word + space for word, space in words)
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, min(first + 2, len(words) - 1)))
    start = sum(len(word + space) for word, space in words[:first])
    end = sum(len(word + space) for word, space in words[:last]) + len(words[last][0])
    example = question(context, context[start:end], start)
    found = encode(TASK, [example], letters, config(), is_training=True)
    ids, _, offsets = letters.encode_with_offsets(context)
    seen = np.zeros(len(ids), bool)
    for row in range(len(found)):
        place = int(found.fields["first_places"][row])
        window = found.token_ids[row][place:-1]
        rows = [
            i
            for i, pair in enumerate(offsets)
            if pair == tuple(found.fields["char_offsets"][row][0])
        ]
        at = next(i for i in rows if list(window) == ids[i : i + len(window)])
        seen[at : at + len(window)] = True
        assert text_of(found, row) in (None, example.answers[0].text)
    assert seen.all()
    num_pieces = len(letters.encode(example.answers[0].text))
    if num_pieces <= 5:
        # Two windows overlap by more than this, so one of them holds the answer whole.
        assert example.answers[0].text in [text_of(found, row) for row in range(len(found))]


def test_neighbours_without_a_space_are_no_part_of_an_answer(letters):
    for text in ("cat", "-", "dog"):
        found = encode(TASK, [question("the cat-dog.", text)], letters, config(), is_training=True)
        assert text_of(found, 0) == text


def test_the_answer_is_the_occurrence_that_was_meant(letters):
    context = "the cat and the cat and the cat"
    example = question(context, "the cat", 12)
    found = encode(TASK, [example], letters, config(sequence_length=64), is_training=True)
    first = int(found.fields["start_positions"][0] - found.fields["first_places"][0])
    assert found.fields["char_offsets"][0][first, 0] == 12


@pytest.mark.parametrize(("window_labels", "outside"), [("correct", 1.0), ("original", 0.0)])
def test_windows_without_the_answer(letters, window_labels, outside):
    context = "abc " * 10 + "dd"
    options = config(window_labels=window_labels)
    found = encode(TASK, [question(context, "dd")], letters, options, is_training=True)
    has_answer = np.array([text_of(found, row) == "dd" for row in range(len(found))])
    assert has_answer.any() and not has_answer.all()
    assert (found.fields["is_impossible"] == np.where(has_answer, 0, outside)).all()
    nowhere = question(context, is_impossible=True)
    found = encode(TASK, [nowhere], letters, options, is_training=True)
    assert (found.fields["is_impossible"] == 1).all() and not found.fields["start_positions"].any()


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("Paris.", 4, "Paris."),
        ("PARIS", 4, "Paris"),
        ("Paris", 5, "Paris"),
        ("in Paris", 0, "in  Paris"),
        ("Rome", 4, None),
        ("Paris", 99, None),
        ("Paris", -1, None),
        ("", 4, None),
    ],
)
def test_where_an_answer_is(text, start, expected):
    context = "in  Paris. It was in Rome"
    found = located(context, Answer(text, start))
    assert (found and context[slice(*found)]) == expected


def test_answers_that_are_not_in_their_context(letters):
    examples = [question("the cat", "the dog", 0), question("the cat"), question("the cat", "cat")]
    problems = Problems()
    trained = encode(TASK, examples, letters, config(), problems=problems, is_training=True)
    assert problems.counts == {"answer not in its context": 1, "no label": 1}
    assert list(trained.owners) == [2]
    judged = encode(TASK, examples, letters, config(), is_training=False)
    assert list(judged.owners) == [0, 1, 2] and list(judged.has_gold) == [False, False, True]


def test_long_questions_are_cut_and_leave_room(letters):
    example = question("the cat", "cat", asked="why " * 50)
    found = encode(TASK, [example], letters, config(max_question_tokens=7), is_training=True)
    assert found.fields["first_places"][0] == 9 and found.num_truncated == 1
    found = encode(TASK, [example], letters, config(), is_training=True)
    assert found.lengths.max() <= 24 and "cat" in [text_of(found, row) for row in range(len(found))]


def test_a_context_without_a_piece_keeps_a_row(letters):
    found = encode(TASK, [question("\x00 ", asked="who")], letters, config(), is_training=False)
    assert words(letters, found.token_ids[0]) == "[CLS] w ##h ##o [SEP] [SEP]"
    assert len(found.fields["char_offsets"][0]) == 0


def words(tokenizer, ids):
    return " ".join(tokenizer.tokens_of(ids))


def test_a_context_of_23000_characters(letters):
    context = ("the cat-" * 3000)[:22990] + " THE ÉNDE."
    example = question(context, "ÉNDE")
    options = config(sequence_length=384, window_stride=128)
    found = encode(TASK, [example], letters, options, is_training=True)
    assert len(found) > 30
    assert text_of(found, len(found) - 1) == "ÉNDE"
    num_seen = sum(flags.sum() for flags in found.fields["is_max_context"])
    assert num_seen == len(letters.encode(context))
