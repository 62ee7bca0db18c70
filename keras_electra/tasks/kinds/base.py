"""A kind of task: all that differs between kinds, asked of one object.

Shapes: B rows of a batch, T positions, R rows of a split, N labels, W words, C choices.
"""

import difflib
import importlib
import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.errors import InputError
from keras_electra.scoring.calibration import calibration_of
from keras_electra.scoring.trials import LEARNING_SHARE, entropy
from keras_electra.tasks.checks import Check
from keras_electra.tasks.encoded import EncodedExamples, EncodingJob, Rows
from keras_electra.tasks.examples import Example
from keras_electra.tasks.finding import Finder
from keras_electra.tasks.gold import RowForm
from keras_electra.tasks.label_forms import LabelForm
from keras_electra.tasks.probabilities import softmax
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.sample import Sample
from keras_electra.tasks.tag_forms import TagForm
from keras_electra.tasks.values import Row, plain

Labels: TypeAlias = Sequence[str] | None
"""Names of labels in the order of their numbers, where a kind has any."""


class TaskKind:
    """What an example, a label and a prediction are, and what is done with them.

    A subclass sets the attributes and overrides the methods that differ. Kinds that read a text or a pair
    derive from `texts.TextKind`. Examples are records of `tasks.examples`, rows the dicts of
    `predictions/*.jsonl`, and `one` is an `exploring.Judged`.

    Attributes:
        name: as `Task.kind`, model files and `--kind` have it.
        record: class of the examples.
        roles: roles that columns of a table may have.
        gold_role: the role of what is right.
        noun: what a label is called in sentences.
        has_labels, has_value_range: whether models have named labels, or a range of numbers.
        has_several, may_have_none: whether an example may have several labels; and no label or answer,
            which is then right.
        has_choices: whether a row has C inputs.
        is_per_word: whether each word has a label.
        metrics: name of each metric -> its function of gold and predicted values.
        usual_metrics: names of those that a task has unless it says others.
        main_metric: what trials are compared by; None for the first of the usual ones.
        less_is_better: metrics of which a smaller value is better.
        recipe: options of `FinetuneConfig` that differ.
        given: name of the prediction in rows.
        simplest_baseline: name of the first baseline.
        chart: "confusion", "values" or "bars", as `TaskExplorer` draws predictions.
        has_threshold: whether two labels can be told apart at another probability than one half.
        fields: names of the text boxes of one example; all but "second text" are needed.
        raw, item: what an example is to `predict`, and in a request, in words.
        warm_up: an example in the latter form.
        line: an example as an argument of a shell.
        model: class of the models, below `keras_electra`; see `model_class`.
        output, positions_in: name of the exported output, and names of outputs (B, T, ...).
        has_page: whether the exported web page can show it.
        google, transformers, problem_type: the kind as the original program has it, the class of
            `transformers` and its `problem_type`; None where there is none.
    """

    name: str
    record: type[Example]
    roles: tuple[str, ...]
    gold_role = "label"
    noun = "label"
    has_labels = has_value_range = has_several = may_have_none = has_choices = is_per_word = False
    metrics: Mapping[str, Callable[..., float]]
    usual_metrics: tuple[str, ...]
    main_metric: str | None = None
    less_is_better: tuple[str, ...] = ()
    recipe: Mapping[str, Any] = {}
    given: str
    simplest_baseline = "majority"
    chart = "bars"
    has_threshold = False
    fields: tuple[str, ...]
    raw: str
    item: str
    warm_up: Any = "warm up"
    line = '"Some text."'
    model: str
    output = "logits"
    positions_in: tuple[str, ...] = ()
    has_page = False
    google: str | None = None
    transformers: str | None = None
    problem_type: str | None = None

    # Tables

    def find_roles(self, finder: Finder) -> Roles:
        """The columns of a table."""
        raise NotImplementedError

    def label_form(self, sample: Sample, roles: Roles, separator: str | None) -> LabelForm:
        """How the labels of a table are written."""
        return LabelForm(kind=self.name)

    def first_choice(self, sample: Sample, roles: Roles) -> int | None:
        """The number that stands for the first choice; None where labels are texts of choices."""
        return 0

    def tag_form(self, tags: Sequence[str]) -> TagForm | None:
        """How tags of spans are written; None where there are none."""
        return None

    def of_table(
        self, reader: Any, table: Any, found: Any, value_range: Any
    ) -> tuple[dict, str | None]:
        """What a table decides of its task: arguments of `Task`, and what to tell the user.

        Args:
            reader: `TableReader`.
            table: the training part.
            found: `Guess`.
            value_range: as of `own_task`; only kinds with a range may be given one.
        """
        return {}, None

    def count_of(self, found: Any, sample: Sample) -> str:
        """How many labels a `Guess` has, in brackets."""
        if not found.labels:
            return ""
        where = "" if sample.is_whole else f" in the first {sample.num_rows} rows"
        number = len(found.labels)
        return f" ({number} {self.noun}{'s' * (number != 1)}{where})"

    def example_of(self, row: Row, form: RowForm) -> Any:
        """The example of a row of a table; `UnusableRow` where it makes none."""
        raise NotImplementedError

    def gold_in(self, row: Row, form: RowForm) -> Any:
        """What a row says is right; None where it says nothing and need not."""
        raise NotImplementedError

    def without_gold(self, example: Any) -> Any:
        """An example whose gold is not known; for kinds that `may_have_none`."""
        raise NotImplementedError

    def checks(self, splits: Mapping[str, Sequence[Example]], value_range: Any) -> list[Check]:
        """What a look over the data asks of this kind beyond what it asks of all."""
        return []

    # Examples as a user types them

    def read(self, item: Any) -> dict | None:
        """The fields of the record that an item is, which is no dict; None if it is none."""
        return None

    def gold_fields(self, answer: Any, example: Any, model: Any) -> dict:
        """The fields of a record that say what is right.

        Args:
            answer: as of `TaskModel.fit`.
            model: has `labels` and `value_range` where the kind has them.

        Raises:
            ValueError, TypeError, UnusableRow: for an answer that is none.
        """
        return {"label": self.label_said(plain(answer), model)}

    def label_said(self, answer: Any, model: Any) -> Any:
        """The label, labels, number or choice that an answer says."""
        if answer is None or isinstance(answer, list | Mapping):
            raise ValueError(f"expected a label or number, received {answer!r:.80}")
        return answer

    def from_line(self, text: str) -> Any:
        """A line of the command line, tabs between its parts, as `predict` takes one example."""
        return text

    def from_boxes(self, texts: dict[str, str]) -> Any:
        """The texts of `fields` as `predict` takes one example."""
        return texts

    def parts_of(self, item: Any) -> list | None:
        """The texts of an example in JSON; None if it has another form than `item`."""
        return [item]

    # Token ids and batches

    def names_in(self, example: Any) -> tuple[str, ...]:
        """The labels that are right of an example, as the data has them."""
        return ()

    def in_form(self, examples: list, form: str) -> list:
        """Examples with their tags as `FinetuneConfig.tagging_form` wants them."""
        return examples

    def encode(self, job: EncodingJob) -> Rows:
        """Examples as rows of token ids."""
        raise NotImplementedError

    def collate(self, encoded: EncodedExamples, rows: np.ndarray, batch: dict) -> None:
        """Add to a batch what the loss needs; see `collating.collate`."""
        raise NotImplementedError

    def cut_to(self, config: FinetuneConfig) -> tuple[str, int]:
        """What is cut, in words, and to how many tokens."""
        return "examples", config.sequence_length

    def labels_at(self, encoded: EncodedExamples, labels: Any, length: int) -> list[str | None]:
        """The label at each position of the first row, where positions have one."""
        return [None] * length

    # Predictions

    def predictions(
        self, encoded: EncodedExamples, outputs: Any, null_threshold: float | None = None
    ) -> list[dict]:
        """One row per example; see `predictions.predictions`."""
        # A pair and its swapped copy have one owner; the first row is the pair as it stands.
        owners, firsts = np.unique(encoded.owners, return_index=True)
        rows = []
        for owner, row in zip(owners, firsts, strict=True):
            example = encoded.examples[owner]
            said = self.prediction(encoded, example, np.asarray(outputs[row], np.float64))
            # A name that is none of the model's labels stays: left out, it would flatter the metrics.
            rows.append({"id": example.id, **said, "gold": self.gold_of(example)})
        return rows

    def prediction(self, encoded: EncodedExamples, example: Any, output: np.ndarray) -> dict:
        """The prediction of one example by the outputs of its row."""
        raise NotImplementedError

    def from_exported(self, run: Callable[..., dict], inputs: dict, batch: dict) -> Any:
        """Outputs as the task model gives them, of an exported network.

        Args:
            run: gives the network's outputs for token_ids, segment_ids and padding_mask (B, T).
            inputs: these three of the batch.
            batch: as of `collate`.
        """
        return run(**inputs)[self.output]

    def chances(self, outputs: dict) -> dict:
        """Exported outputs as probabilities, or as values of 0 to 1."""
        return {"chances": softmax(outputs["logits"])}

    # Scores

    def check_metrics(self, metrics: Sequence[str]) -> None:
        """Raise `InputError` for a name that is no metric of this kind; the nearest is named."""
        for name in metrics:
            if name not in self.metrics:
                near = difflib.get_close_matches(name, self.metrics, n=1, cutoff=0.4)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise InputError(
                    f"metrics: expected some of {', '.join(self.metrics)} for {self.name}, "
                    f"received {name!r}{hint}"
                )

    def figures(
        self,
        rows: Iterable[dict],
        *,
        metrics: Sequence[str],
        labels: Sequence[str] | None = None,
        null_threshold: float | None = None,
    ) -> dict[str, float]:
        """{metric: value} of prediction rows; those whose `gold` is None are left out.

        All are fractions, but correlations and Matthews' coefficient (from -1 to 1), `mse` (in the square
        of the values' unit) and thresholds (null odds).

        Args:
            metrics: names. For questions of which some have no answer, all of that kind
                are given (those that need null odds where the rows have them).
            labels: names in the order of their numbers; the last is the positive one that "f1" is of, as
                "1" in MRPC and QQP. None for those that occur, sorted.
            null_threshold: for question answering, null odds above which a question counts as without an
                answer. None for the best, by F1, on these very rows if some of them have no answer, else
                for taking the answers as they are.

        Raises:
            InputError: for an unknown name, or if no row has a gold answer.
        """
        self.check_metrics(metrics)
        rows = rows_with_gold(rows)
        gold, predicted = column(rows, "gold"), column(rows, self.given)
        return {name: float(self.metric(name, gold, predicted, labels)) for name in metrics}

    def metric(self, name: str, gold: list, predicted: list, labels: Labels) -> float:
        """One of `metrics`."""
        return self.metrics[name](gold, predicted)

    def report(self, rows: Iterable[dict], labels: Labels = None) -> dict:
        """A closer look at prediction rows, in the types of JSON; rows without a gold answer are left out.

        "num_examples", "calibration" as of `calibration_of` or None, and what `report_of` adds.

        Raises:
            InputError: if no row has a gold answer.
        """
        rows = rows_with_gold(rows)
        sure = [pair for row in rows for pair in self.sureness(row)]
        calibration = calibration_of(*zip(*sure, strict=True)) if sure else None
        found = {"num_examples": len(rows), **self.report_of(rows, labels)}
        return {**found, "calibration": calibration}

    def report_of(self, rows: list[dict], labels: Labels) -> dict:
        """The kind's part of `report`."""
        raise NotImplementedError

    def sureness(self, row: dict) -> list[tuple[float, bool]]:
        """(confidence, whether it is right) of each decision of a row that says how sure it is."""
        confidence = self.confidence(row)
        return [] if confidence is None else [(confidence, row["gold"] == row[self.given])]

    def gold_of(self, example: Any) -> Any:
        """What is right of an example, as in rows; None where it is not known."""
        return example.label

    def is_among(self, gold: Any, labels: Any) -> bool:
        """Whether all that is right is among the labels; None or none of them stand for any."""
        return True

    def baselines(
        self, train: Sequence, examples: Sequence, labels: Labels = None
    ) -> dict[str, list[dict]]:
        """{name: prediction rows} of what is reached without a network.

        Training examples whose label is not known, or is none of `labels`, are left out; of others what
        is right stays, and is missed.

        Args:
            train, examples: to learn from, and to predict.
            labels: names of the labels, which get a probability each; None for those in training.

        Raises:
            InputError: if no training example has a label.
        """
        known = self.known(train, labels)
        found = {self.simplest_baseline: self.simplest_rows(known, examples, labels)}
        found |= self.further_baselines(known, examples, labels)
        return {name: self.with_gold(examples, rows) for name, rows in found.items()}

    def simplest(self, train: Sequence, examples: Sequence, labels: Labels = None) -> list[dict]:
        """The rows of the first of `baselines` alone, which looks at no text."""
        rows = self.simplest_rows(self.known(train, labels), examples, labels)
        return self.with_gold(examples, rows)

    def simplest_rows(self, train: list, examples: Sequence, labels: Labels) -> list[dict]:
        """The predictions of the first baseline."""
        raise NotImplementedError

    def further_baselines(
        self, train: list, examples: Sequence, labels: Labels
    ) -> dict[str, list[dict]]:
        """The predictions of the other baselines, by name."""
        return {}

    def known(self, train: Sequence, labels: Labels) -> list:
        """The training examples whose answer is known; `InputError` if there is none."""
        golds = ((example, self.gold_of(example)) for example in train)
        known = [one for one, gold in golds if gold is not None and self.is_among(gold, labels)]
        if not known:
            raise InputError(
                f"baselines: expected labels in some of {len(train)} training examples, received none"
            )
        return known

    def with_gold(self, examples: Sequence, rows: list[dict]) -> list[dict]:
        """Rows with the example's name and what is right."""
        return [
            {"id": example.id, **row, "gold": self.gold_of(example)}
            for example, row in zip(examples, rows, strict=True)
        ]

    def has_diverged(self, rows: Sequence[dict], training_loss: float) -> bool:
        """Whether a trial learned nothing: its loss is not finite, or it gives everything one answer.

        The latter is when all of these hold:

        - the validation's gold answers differ, but the predictions do not: one label for all examples
          (one set of labels, one tag for all words, one choice), values that spread less than a hundredth
          of what the gold ones do, one text for all answers, whether or not a threshold withholds them;
        - but for values and answers, the training loss at the end is no more than 5 % below that of the
          best constant probabilities, which are how often each gold answer occurs (in nats).

        Examples with a label that the model does not have tell nothing of it, and are left out.
        A model that rightly finds one label the likeliest everywhere has a lower loss, and has not
        diverged. A loss that is summed over words, as the original's of tagging, only makes the second
        condition weaker.

        Args:
            rows: predictions on the validation part.
            training_loss: mean loss per example, or per word for tagging, of the last steps.
        """
        if not math.isfinite(training_loss):
            return True
        rows = [
            row
            for row in rows
            if row["gold"] is not None and self.is_among(row["gold"], row.get("probabilities"))
        ]
        return self.is_constant(rows, training_loss)

    def is_constant(self, rows: list[dict], training_loss: float) -> bool:
        """Whether rows say one thing of everything, and the loss says no more."""
        pairs = [pair for row in rows for pair in self.outcomes(row)]
        if len({gold for gold, _ in pairs}) < 2 or len({given for _, given in pairs}) > 1:
            return False
        gold = [gold for gold, _ in pairs]
        return training_loss > (1 - LEARNING_SHARE) * self.constant_loss(rows, gold)

    def outcomes(self, row: dict) -> list[tuple[Hashable, Hashable]]:
        """(what is right, what was given) of a row, or of each of its words."""
        return [(row["gold"], row[self.given])]

    def constant_loss(self, rows: list[dict], gold: list) -> float:
        """Cross-entropy (nats) of giving each answer with the probability that it occurs with."""
        return entropy(Counter(gold).values())

    def files_of(self, rows: list[dict]) -> dict[str, dict]:
        """Name -> content of JSON files that a benchmark takes."""
        return {}

    # What a reader sees of a prediction

    def texts(self, row: dict, example: dict) -> list[tuple[str, str]]:
        """(name, text) of what the model read."""
        names = ("text", "second_text", "question", "context")
        return [(name.replace("_", " "), example[name]) for name in names if example.get(name)]

    def is_right(self, gold: Any, predicted: Any) -> bool | None:
        """Whether a prediction is what is right; None where there is no right and wrong."""
        return gold == predicted

    def confidence(self, row: dict) -> float | None:
        """How sure the model is, in [0, 1]; of several decisions, of the least sure one."""
        probabilities = row.get("probabilities")
        return self.surest(row, probabilities) if probabilities else None

    def surest(self, row: dict, probabilities: Any) -> float:
        """`confidence` of a row with probabilities."""
        return probabilities[row[self.given]]

    def error(self, one: Any) -> float:
        """How wrong a prediction is, 0 at best."""
        raise NotImplementedError

    def verdict(self, one: Any) -> str:
        """ "right", "wrong" or "unknown"."""
        return {None: "unknown", True: "right", False: "wrong"}[one.is_right]

    def decisions(self, one: Any) -> list[tuple]:
        """(gold, predicted) of an example, or of each of its words; gold None where it is not known."""
        return [(one.gold, one.predicted)]

    def in_words(self, one: Any, side: str) -> str:
        """What is right ("gold") or was given ("predicted"), for people."""
        return getattr(one, side) or "(no answer)"

    def spans(self, one: Any) -> list | None:
        """Groups of words with the spans over them, as of `marking.tag_groups`; None for other kinds."""
        return None

    def segments(self, one: Any) -> list | None:
        """The context with the answers in it, as of `marking.answer_segments`; None for other kinds."""
        return None

    # Models

    def model_class(self) -> type:
        """The task model's class; imported here, for this package is below Keras."""
        module, name = self.model.rsplit(".", 1)
        return getattr(importlib.import_module(f"keras_electra.{module}"), name)

    def model_options(self, task: Any, labels: Labels, config: FinetuneConfig) -> dict:
        """Arguments of the model's class beyond backbone, head, seed, accumulation_steps and name."""
        return {"head_dropout_rate": config.head_dropout_rate}


def rows_with_gold(rows: Iterable[dict]) -> list[dict]:
    """The rows whose gold answer is known; `InputError` if there are none."""
    rows = list(rows)
    known = [row for row in rows if row["gold"] is not None]
    if not known:
        raise InputError(
            f"predictions: expected a known gold answer in some of {len(rows)} rows, received none"
        )
    return known


def column(rows: list[dict], name: str) -> list:
    """One value of every row."""
    return [row[name] for row in rows]
