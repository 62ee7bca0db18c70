"""From what a network says of each window to the answers of each question.

Shapes: T places of a window, K beams, C candidates.
"""

import itertools
from typing import NamedTuple

import numpy as np

from keras_electra.tasks.encoded import EncodedExamples


class Candidates(NamedTuple):
    """Possible answers: `starts`, `ends` (C,) int64 characters of the context, `scores` (C,) float64."""

    starts: np.ndarray
    ends: np.ndarray
    scores: np.ndarray


def answer_rows(encoded: EncodedExamples, outputs: dict) -> list[dict]:
    """The answers to each question, from all windows over its context.

    As in the original, a candidate is a pair of start and end that lie in the window, in this order,
    with no more than `max_answer_tokens` pieces, and whose start no other window sees in more context.
    Its score is the sum of the two log-probabilities, or logits. The `num_best` best of different text
    are kept; their probabilities are the softmax over their scores.

    An answer's text is the stretch of the context that its pieces stand for. The original joins the
    pieces and aligns them with the words again, which fails where a character was changed on the way,
    and then gives whole words.

    Args:
        encoded: questions.
        outputs: per row either `start_top_log_probs`, `start_top_positions` (K,), `end_top_log_probs`,
            `end_top_positions` (K, K), or `start_logits`, `end_logits` (T,); with both or none
            `answerability_logits` (), positive for unanswerable.

    Returns:
        Per question {"id", "answer", "gold", "null_odds", "n_best": [{"text", "start", "end", "score",
        "probability"}, ...]}, best first; the larger `null_odds`, the less likely has it an answer.
        `answer` is the best one, "" if there is no candidate.
    """
    result = []
    row_numbers = range(len(encoded))
    for owner, group in itertools.groupby(row_numbers, key=lambda row: encoded.owners[row]):
        group = list(group)
        example = encoded.examples[owner]
        parts = [window_candidates(encoded, outputs, row) for row in group]
        candidates = Candidates(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
        n_best = best_answers(candidates, example.context, encoded.answers.num_best)
        is_known = example.is_impossible or example.answers
        result.append(
            {
                "id": example.id,
                "answer": n_best[0]["text"] if n_best else "",
                "gold": [answer.text for answer in example.answers] if is_known else None,
                "null_odds": null_odds(outputs, group, n_best),
                "n_best": n_best,
            }
        )
    return result


def with_threshold(rows: list[dict], threshold: float | None) -> list[dict]:
    """Answers with "" where the null odds are above the threshold; None leaves all as they are.

    Args:
        rows: of `answer_rows`; they are not changed.
        threshold: such as the original's -2.75, or the best one on the validation part.
    """
    if threshold is None:
        return rows
    result = []
    for row in rows:
        is_null = row["null_odds"] is not None and row["null_odds"] > threshold
        result.append({**row, "answer": "" if is_null else best_text(row)})
    return result


def best_text(row: dict) -> str:
    """The likeliest answer of a question, whether or not it was found to have one."""
    if "n_best" not in row:
        return row["answer"]
    return row["n_best"][0]["text"] if row["n_best"] else ""


def window_candidates(encoded: EncodedExamples, outputs: dict, row: int) -> Candidates:
    """The candidates of one window."""
    if "start_top_positions" in outputs:
        starts, ends, scores = beam_pairs(outputs, row)
    else:
        starts, ends, scores = independent_pairs(outputs, row, encoded)
    fields, max_tokens = encoded.fields, encoded.answers.max_answer_tokens
    offsets, is_max_context = fields["char_offsets"][row], fields["is_max_context"][row]
    first, last = starts - fields["first_places"][row], ends - fields["first_places"][row]
    is_kept = (first >= 0) & (first <= last) & (last < len(offsets))
    is_kept &= last - first < max_tokens
    first, last, scores = first[is_kept], last[is_kept], scores[is_kept]
    is_kept = is_max_context[first]
    first, last, scores = first[is_kept], last[is_kept], scores[is_kept]
    return Candidates(offsets[first, 0].astype(np.int64), offsets[last, 1].astype(np.int64), scores)


def beam_pairs(outputs: dict, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start places, end places and scores of K x K beams, (K * K,) each."""
    ends = np.asarray(outputs["end_top_positions"][row])
    starts = np.broadcast_to(np.asarray(outputs["start_top_positions"][row])[:, None], ends.shape)
    start_scores = np.asarray(outputs["start_top_log_probs"][row], np.float64)
    scores = start_scores[:, None] + np.asarray(outputs["end_top_log_probs"][row], np.float64)
    return starts.ravel(), ends.ravel(), scores.ravel()


def independent_pairs(outputs: dict, row: int, encoded: EncodedExamples):
    """Start places, end places and scores of the best `num_best` starts with the best ends."""
    num_best, length = encoded.answers.num_best, encoded.lengths[row]
    best = []
    for name in ("start_logits", "end_logits"):
        logits = np.asarray(outputs[name][row], np.float64)[:length]
        places = np.argsort(-logits, kind="stable")[:num_best]
        best.append((places, logits[places]))
    (starts, start_scores), (ends, end_scores) = best
    scores = start_scores[:, None] + end_scores
    starts, ends = np.meshgrid(starts, ends, indexing="ij")
    return starts.ravel(), ends.ravel(), scores.ravel()


def best_answers(candidates: Candidates, context: str, num_best: int) -> list[dict]:
    """The best candidates of different text, best first."""
    found = {}
    for index in np.argsort(-candidates.scores, kind="stable"):
        start, end = int(candidates.starts[index]), int(candidates.ends[index])
        text = context[start:end]
        if text not in found:
            score = float(candidates.scores[index])
            found[text] = {"text": text, "start": start, "end": end, "score": score}
            if len(found) == num_best:
                break
    n_best = list(found.values())
    scores = np.array([answer["score"] for answer in n_best])
    weights = np.exp(scores - scores.max(initial=-np.inf))
    for answer, weight in zip(n_best, weights, strict=True):
        answer["probability"] = float(weight / weights.sum())
    return n_best


def null_odds(outputs: dict, group: list[int], n_best: list[dict]) -> float:
    """How much speaks for there being no answer, least of all windows.

    The answerability logit. A head without one is asked for the score of place 0 as start and end, of
    which the best answer's score is taken off (0 if there is no candidate), as in the original.
    """
    if "answerability_logits" in outputs:
        return min(float(np.reshape(outputs["answerability_logits"][row], ())) for row in group)
    score = min(null_score(outputs, row) for row in group)
    return score - (n_best[0]["score"] if n_best else 0.0)


def null_score(outputs: dict, row: int) -> float:
    """The score of place 0 as start and end; where beams lack it, the lowest that they have."""
    if "start_logits" in outputs:
        return float(outputs["start_logits"][row][0]) + float(outputs["end_logits"][row][0])
    starts, ends, scores = beam_pairs(outputs, row)
    is_null = (starts == 0) & (ends == 0)
    return float(scores[is_null].max() if is_null.any() else scores.min())
