"""The answer to a question, as a stretch of its context."""

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import InputError
from keras_electra.scoring import answers as scores
from keras_electra.tasks.answer_decoding import answer_rows, best_text, with_threshold
from keras_electra.tasks.answers import answers_in
from keras_electra.tasks.context_windows import encode_questions
from keras_electra.tasks.encoded import EncodedExamples
from keras_electra.tasks.examples import Answer, QuestionExample
from keras_electra.tasks.fields import UnusableRow, id_of, said_in, text_in
from keras_electra.tasks.finding import Finder
from keras_electra.tasks.gold import RowForm
from keras_electra.tasks.kinds.base import Labels, TaskKind, column, rows_with_gold
from keras_electra.tasks.marking import answer_segments
from keras_electra.tasks.probabilities import softmax
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.values import Row


class QuestionAnswering(TaskKind):
    """Answers of questions about a context, which may hold none.

    Predictions are as of `answer_decoding.answer_rows`. Baselines: "first_words", the first words of the
    context, as many as the median answer has; "no_answer", none to any question, if some training
    question has none.
    """

    name = "question_answering"
    record = QuestionExample
    roles = ("question", "context", "answers", "answer_start", "id")
    may_have_none = True
    # All are computed together, by `figures`.
    metrics = dict.fromkeys(
        (
            "exact_match",
            "f1",
            "has_answer_exact_match",
            "has_answer_f1",
            "no_answer_accuracy",
            "best_exact_match",
            "best_f1",
            "best_threshold",
        )
    )
    usual_metrics = ("exact_match", "f1")
    main_metric = "f1"
    recipe = {"sequence_length": 512, "epochs": 2.0}  # noqa: RUF012
    given = "answer"
    simplest_baseline = "first_words"
    fields = ("question", "context")
    raw = "a dict of question and context"
    item = "an object with the strings question and context"
    warm_up = {"question": "warm", "context": "up"}  # noqa: RUF012
    line = "\"$(printf 'A question?\\tA context.')\""
    model = "task_models.ExtractiveQA"
    positions_in = ("start_logits", "end_logits")
    google = "question_answering"
    transformers = "ElectraForQuestionAnswering"

    # Tables

    def find_roles(self, finder: Finder) -> Roles:
        return finder.question_answering()

    def of_table(
        self, reader: Any, table: Any, found: Any, value_range: Any
    ) -> tuple[dict, str | None]:
        examples = reader.examples(table, Problems())
        return {"has_answerability": any(one.is_impossible for one in examples)}, None

    def example_of(self, row: Row, form: RowForm) -> Any:
        """Without an answer the question is unanswerable."""
        roles = form.roles
        context = text_in(row, roles.context)
        said = said_in(row, roles.answers, roles.answer_start)
        answers, missing = answers_in(context, said or ())
        if missing is not None and not answers:
            raise UnusableRow(
                "answer not in its context",
                f"expected an answer that stands in column {roles.context!r}, received {missing!r}",
            )
        return QuestionExample(
            id=id_of(row, roles.id),
            question=text_in(row, roles.question),
            context=context,
            answers=answers,
            is_impossible=said is not None and not answers,
        )

    def without_gold(self, example: Any) -> Any:
        return dataclasses.replace(example, is_impossible=False)

    # Examples as a user types them

    def gold_fields(self, answer: Any, example: Any, model: Any) -> dict:
        answers = answers_said(example, answer)
        return {"answers": answers, "is_impossible": not answers}

    def from_line(self, text: str) -> Any:
        parts = text.split("\t")
        if len(parts) != 2:
            raise InputError(
                f"text: expected a question, a tab and a context, received {text!r:.80}"
            )
        return {"question": parts[0], "context": parts[1]}

    def parts_of(self, item: Any) -> list | None:
        is_one = isinstance(item, dict) and set(item) == {"question", "context"}
        return [item["question"], item["context"]] if is_one else None

    # Token ids and batches

    encode = staticmethod(encode_questions)

    def collate(self, encoded: EncodedExamples, rows: np.ndarray, batch: dict) -> None:
        batch["answer_mask"] = (batch["segment_ids"] == 1) & batch["padding_mask"]
        batch["answer_mask"][:, 0] = True
        shape = batch["rows"].shape
        for name in ("start_positions", "end_positions"):
            batch[name] = encoded.padded(name, rows, shape, np.int32)
        batch["is_impossible"] = encoded.padded("is_impossible", rows, shape, np.float32)

    def cut_to(self, config: FinetuneConfig) -> tuple[str, int]:
        return "questions", config.answers.max_question_tokens

    # Predictions

    def predictions(
        self, encoded: EncodedExamples, outputs: Any, null_threshold: float | None = None
    ) -> list[dict]:
        return with_threshold(answer_rows(encoded, outputs), null_threshold)

    def from_exported(self, run: Callable[..., dict], inputs: dict, batch: dict) -> Any:
        return run(**inputs)

    def chances(self, outputs: dict) -> dict:
        """Those of the starts."""
        if "start_logits" in outputs:
            return {"starts": softmax(outputs["start_logits"])}
        return {"starts": np.exp(outputs["start_top_log_probs"])}

    # Scores

    def figures(
        self,
        rows: Iterable[dict],
        *,
        metrics: Sequence[str],
        labels: Labels = None,
        null_threshold: float | None = None,
    ) -> dict[str, float]:
        """Metrics of answers, and where some questions have none, of knowing that."""
        self.check_metrics(metrics)
        rows, threshold = rows_with_gold(rows), null_threshold
        gold, null_odds = column(rows, "gold"), [row.get("null_odds") for row in rows]
        if None in null_odds:
            null_odds = threshold = None
        has_unanswerable = any(not len(texts) for texts in gold)
        if null_odds is not None and threshold is None and has_unanswerable:
            best = scores.squad2_figures([best_text(row) for row in rows], gold, null_odds)
            threshold = best["best_f1_threshold"]
        if threshold is None and not has_unanswerable and set(metrics) <= {"exact_match", "f1"}:
            found = scores.squad1_figures(column(rows, "answer"), gold)
            return {name: found[name] for name in metrics}
        given = column(rows, "answer") if threshold is None else [best_text(row) for row in rows]
        found = scores.squad2_figures(given, gold, null_odds, threshold)
        if null_odds is not None:
            found["best_threshold"] = found["best_f1_threshold"]
        names = [name for name in self.metrics if name in found]
        wanted = list(dict.fromkeys([*metrics, *(names if has_unanswerable else ())]))
        missing = [name for name in wanted if name not in found]
        if missing:
            raise InputError(
                f"{missing[0]}: expected null odds in every row, received rows without"
            )
        return {name: found[name] for name in wanted}

    def report_of(self, rows: list[dict], labels: Labels) -> dict:
        """ "num_no_answer"; calibration of exact match, over questions with an answer."""
        return {"num_no_answer": sum(not row["gold"] for row in rows)}

    def sureness(self, row: dict) -> list[tuple[float, bool]]:
        if not row["gold"] or not row.get("n_best"):
            return []
        return [(self.confidence(row), bool(scores.exact_match(best_text(row), row["gold"])))]

    def gold_of(self, example: Any) -> Any:
        is_known = example.is_impossible or example.answers
        return [answer.text for answer in example.answers] if is_known else None

    def simplest_rows(self, train: list, examples: Sequence, labels: Labels) -> list[dict]:
        sizes = [len(example.answers[0].text.split()) for example in train if example.answers]
        num_words = max(1, int(np.median(sizes))) if sizes else 1
        rows = []
        for example in examples:
            text = first_words(example.context, num_words)
            start = example.context.find(text)
            best = {"text": text, "start": start, "end": start + len(text), "score": 0.0}
            n_best = [{**best, "probability": 1.0}] if text else []
            rows.append({"answer": text, "null_odds": None, "n_best": n_best})
        return rows

    def further_baselines(
        self, train: list, examples: Sequence, labels: Labels
    ) -> dict[str, list[dict]]:
        if all(example.answers for example in train):
            return {}
        return {"no_answer": [{"answer": "", "null_odds": None, "n_best": []} for _ in examples]}

    def outcomes(self, row: dict) -> list[tuple[Hashable, Hashable]]:
        """A threshold that withholds all answers says nothing of what was learned."""
        return [(tuple(row["gold"]), best_text(row))]

    def constant_loss(self, rows: list[dict], gold: list) -> float:
        """No loss is too low for answers that are all the same."""
        return -np.inf

    def files_of(self, rows: list[dict]) -> dict[str, dict]:
        """`predictions.json` and `null_odds.json`, as SQuAD's script reads them."""
        odds = {row["id"]: row["null_odds"] for row in rows if row["null_odds"] is not None}
        files = {"predictions.json": {row["id"]: row["answer"] for row in rows}}
        return files | ({"null_odds.json": odds} if odds else {})

    # What a reader sees

    def is_right(self, gold: Any, predicted: Any) -> bool | None:
        if not gold or not predicted:
            return not gold and not predicted
        return bool(scores.exact_match(predicted, gold))

    def confidence(self, row: dict) -> float | None:
        """The answer's share among the candidates."""
        candidates = row.get("n_best")
        return candidates[0]["probability"] if candidates else None

    def error(self, one: Any) -> float:
        """1 - F1 of the tokens, times how sure the model was of its answer."""
        if one.is_right:
            return 0.0
        share = scores.token_f1(one.predicted, one.gold) if one.gold else 0.0
        return (1 - share) * (1.0 if one.confidence is None else one.confidence)

    def in_words(self, one: Any, side: str) -> str:
        if side == "gold":
            return " | ".join(dict.fromkeys(one.gold)) or "(no answer)"
        return super().in_words(one, side)

    def segments(self, one: Any) -> list | None:
        return answer_segments(one) or None

    def model_options(self, task: Any, labels: Labels, config: FinetuneConfig) -> dict:
        answers = config.answers
        return {
            "answers": answers if task.has_answerability else answers.replace(null_threshold=None)
        }


def first_words(context: str, num_words: int) -> str:
    """The beginning of a context, as it stands there, up to the end of so many words."""
    words = context.split(maxsplit=num_words)
    if len(words) <= num_words:
        return context.strip()
    return context[: len(context.rstrip()) - len(words[-1].rstrip())].strip()


def answers_said(example: QuestionExample, answer) -> tuple[Answer, ...]:
    """The answer of a question: None or "" for none, a string of the context, (string, character)."""
    if answer is None or answer == "":
        return ()
    if isinstance(answer, Answer):
        return (answer,)
    if isinstance(answer, str):
        start = example.context.find(answer)
        if start < 0:
            raise ValueError(f"expected a string of the context, received {answer!r}")
        return (Answer(answer, start),)
    try:
        text, start = answer
        return (Answer(str(text), int(start)),)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"expected a string, (string, character) or None, received {answer!r}"
        ) from error
