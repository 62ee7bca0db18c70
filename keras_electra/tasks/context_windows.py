"""Questions about a context to token ids: windows over the context, and where the answer stands.

Shapes: N pieces of a context, n pieces of a window.
"""

import functools
import re

import numpy as np

from keras_electra.tasks.encoded import EncodingJob, Rows
from keras_electra.tasks.examples import Answer, QuestionExample

EDGE_FACTOR = 0.01
"""What a place of a window's length counts beside a place of distance from its edge."""


def encode_questions(job: EncodingJob) -> Rows:
    """`[CLS] question [SEP] window of the context [SEP]`, one row per window.

    The question keeps `max_question_tokens`, and no more than half of a row. The training answer is
    the first one. A window that does not hold it whole points to place 0; with
    `window_labels="correct"` it counts as unanswerable, in the original it does not. Unanswerable
    questions point to place 0.

    Rows have the fields `start_positions`, `end_positions`, `is_impossible`; `first_places`, the place
    of the window's first piece; `char_offsets` (n, 2) int32, what each piece stands for in the
    context; `is_max_context` (n,) bool, whether no other window shows more around the piece.
    """
    rows = Rows()
    answers = job.config.answers
    questions = job.tokenizer.encode_many([example.question for example in job.examples])
    max_question = min(answers.max_question_tokens, (job.config.sequence_length - 3) // 2)
    # Questions on one context follow each other; a few contexts are enough to remember.
    pieces_of = functools.lru_cache(maxsize=8)(lambda text: pieces_with_offsets(job, text))
    for owner, (example, question) in enumerate(zip(job.examples, questions, strict=True)):
        ids, offsets = pieces_of(example.context)
        span, is_known = answer_pieces(job, example, offsets)
        if job.is_training and not is_known:
            continue
        if len(question) > max_question:
            rows.cut_owners.add(owner)
        question = question[:max_question]
        capacity = job.config.sequence_length - len(question) - 3
        spans = window_spans(len(ids), capacity, answers.window_stride)
        flags = max_context_flags(spans)
        for (first, last), is_max_context in zip(spans, flags, strict=True):
            token_ids, segment_ids, _ = job.framing.pair(question, ids[first:last])
            first_place = len(question) + 2
            start, end, is_impossible = window_target(
                span, first, last, first_place, example.is_impossible, answers.window_labels
            )
            rows.add(
                owner,
                token_ids,
                segment_ids,
                is_known,
                start_positions=start,
                end_positions=end,
                is_impossible=is_impossible,
                first_places=first_place,
                char_offsets=offsets[first:last],
                is_max_context=is_max_context,
            )
    return rows


def pieces_with_offsets(job: EncodingJob, text: str) -> tuple[list[int], np.ndarray]:
    """Ids of a context's pieces, and (N, 2) int32 the characters that each stands for."""
    ids, _, offsets = job.tokenizer.encode_with_offsets(text)
    return ids, np.array(offsets, np.int32).reshape(-1, 2)


def window_spans(num_pieces: int, capacity: int, stride: int) -> list[tuple[int, int]]:
    """(first, last) of the windows over a context; `last` is not included.

    Windows begin `stride` pieces apart, until one reaches the end: window_spans(10, 6, 3) is
    [(0, 6), (3, 9), (6, 10)]. A context without a piece has one empty window.

    Args:
        capacity: pieces of a window.
        stride: a larger one than `capacity` leaves no piece out.
    """
    stride = min(stride, capacity)
    num_more = max(0, -(-(num_pieces - capacity) // stride))
    firsts = range(0, (num_more + 1) * stride, stride)
    return [(first, min(first + capacity, num_pieces)) for first in firsts]


def max_context_flags(spans: list[tuple[int, int]]) -> list[np.ndarray]:
    """Per window bool (n,): whether it shows more around the piece than every other window.

    More is a larger smaller distance to its two edges, plus 0.01 times its length as in the original;
    the first of equals.
    """
    num_pieces = spans[-1][1]
    best_score, best_window = np.full(num_pieces, -1.0), np.zeros(num_pieces, np.int64)
    for number, (first, last) in enumerate(spans):
        places = np.arange(last - first)
        score = np.minimum(places, places[::-1]) + EDGE_FACTOR * (last - first)
        is_better = score > best_score[first:last]
        best_score[first:last][is_better] = score[is_better]
        best_window[first:last][is_better] = number
    return [best_window[first:last] == number for number, (first, last) in enumerate(spans)]


def answer_pieces(
    job: EncodingJob, example: QuestionExample, offsets: np.ndarray
) -> tuple[tuple[int, int] | None, bool]:
    """((first, last) piece of the answer or None, whether the right answer is known)."""
    if example.is_impossible:
        return None, True
    if not example.answers:
        job.note_missing_gold(example)
        return None, False
    found = located(example.context, example.answers[0])
    span = found and piece_span(offsets, *found)
    if span is None and job.is_training:
        job.leave_out(
            "answer not in its context",
            example,
            f"the answer at character {example.answers[0].start} of its context",
            example.answers[0].text,
        )
    return span, span is not None


def located(context: str, answer: Answer) -> tuple[int, int] | None:
    """Characters (start, end) of the answer, or None if it is not where it is said to be.

    Within the words that it touches, the answer may be off by some characters, and differ in case
    and white space: `located("in  Paris.", Answer("IN PARIS", 0))` is (0, 9).
    """
    start, end = answer.start, answer.start + len(answer.text)
    words = answer.text.split()
    if not words or not 0 <= start < len(context):
        return None
    if context[start:end] == answer.text:
        return start, end
    while start > 0 and not context[start - 1].isspace():
        start -= 1
    while end < len(context) and not context[end].isspace():
        end += 1
    pattern = re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE)
    match = pattern.search(context, start, end)
    return match and match.span()


def piece_span(offsets: np.ndarray, start: int, end: int) -> tuple[int, int] | None:
    """First and last piece (both included) that stand for a character of [start, end), or None.

    Counted by characters, the span is as tight as the pieces allow, and it is the right one of several
    equal words; the original looks for the first stretch of equal pieces within the answer's words.

    Args:
        offsets: (N, 2), ascending.
    """
    first = int(np.searchsorted(offsets[:, 1], start, side="right"))
    last = int(np.searchsorted(offsets[:, 0], end, side="left")) - 1
    return (first, last) if first <= last else None


def window_target(
    span: tuple[int, int] | None,
    first: int,
    last: int,
    first_place: int,
    is_impossible: bool,
    window_labels: str,
) -> tuple[int, int, float]:
    """(start place, end place, 1.0 if unanswerable else 0.0) of one window.

    Args:
        span: first and last piece of the answer in the context, or None.
        first, last: pieces of the window; `last` is not included.
        first_place: place of the window's first piece in the row.
        is_impossible: whether the whole context holds no answer.
        window_labels: as of `AnswerConfig`.
    """
    if span is not None and first <= span[0] and span[1] < last:
        return span[0] - first + first_place, span[1] - first + first_place, 0.0
    return 0, 0, float(is_impossible or window_labels == "correct")
