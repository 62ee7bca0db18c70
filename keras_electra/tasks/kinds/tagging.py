"""A tag for each word of a sentence."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.scoring import labels as label_scores
from keras_electra.scoring import spans
from keras_electra.tasks.checks import Check, broken_spans, lonely_labels
from keras_electra.tasks.encoded import EncodedExamples
from keras_electra.tasks.examples import Example, TaggingExample
from keras_electra.tasks.fields import UnusableRow, check_column, id_of, label_name, words_in
from keras_electra.tasks.finding import Finder
from keras_electra.tasks.gold import RowForm, check_known
from keras_electra.tasks.kinds.base import Labels, TaskKind, column
from keras_electra.tasks.marking import tag_groups
from keras_electra.tasks.probabilities import softmax
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.tag_encoding import encode_sentences, in_form
from keras_electra.tasks.tag_forms import SPAN_TAG, form_of_tags, sentence_on_tags
from keras_electra.tasks.values import Row


class Tagging(TaskKind):
    """Tags of words, such as parts of speech, or spans in BIO and BIOES.

    Predictions are {"id", "words", "tags", "gold", "probabilities": [p of each word's tag]}. Baseline:
    "majority", the commonest tag of each word; of an unknown word, that of all words.
    """

    name = "tagging"
    record = TaggingExample
    roles = ("words", "tags", "id")
    gold_role = "tags"
    noun = "tag"
    has_labels = is_per_word = True
    metrics = {  # noqa: RUF012
        "span_precision": lambda gold, predicted: spans.span_figures(gold, predicted)["precision"],
        "span_recall": lambda gold, predicted: spans.span_figures(gold, predicted)["recall"],
        "span_f1": lambda gold, predicted: spans.span_figures(gold, predicted)["f1"],
        "token_accuracy": spans.token_accuracy,
    }
    usual_metrics = ("span_f1", "span_precision", "span_recall", "token_accuracy")
    word_metrics = ("token_accuracy",)
    recipe = {"sequence_length": 256}  # noqa: RUF012
    given = "tags"
    chart = "confusion"
    fields = ("sentence",)
    raw = "a list of words, or a string of them"
    item = "a string, or a list of its words"
    model = "task_models.TokenClassifier"
    positions_in = ("logits",)
    google = "tagging"
    transformers = "ElectraForTokenClassification"

    # Tables

    def find_roles(self, finder: Finder) -> Roles:
        return finder.tagging()

    tag_form = staticmethod(form_of_tags)

    def of_table(
        self, reader: Any, table: Any, found: Any, value_range: Any
    ) -> tuple[dict, str | None]:
        """Without spans there are no metrics of them."""
        metrics = self.usual_metrics if reader.tag_form else self.word_metrics
        return {"metrics": metrics}, sentence_on_tags(found.labels, reader.tag_form)

    def example_of(self, row: Row, form: RowForm) -> Any:
        check_column(row, form.roles.words)
        words = words_in(row, form.roles.words)
        name = form.roles.tags
        if form.has_labels:
            check_column(row, name, "missing tags")
        tags = () if name is None else self.gold_in(row, form)
        if not words:
            raise UnusableRow(
                "empty text", f"expected words in column {form.roles.words!r}, received none"
            )
        if not tags and not form.has_labels:
            return TaggingExample(id=id_of(row, form.roles.id), words=words)
        if len(tags) != len(words):
            raise UnusableRow(
                "wrong number of tags",
                f"expected {len(words)} tags in column {name!r}, received {len(tags)}",
            )
        wrong = next((tag for tag in tags if form.has_spans and not SPAN_TAG.fullmatch(tag)), None)
        if wrong is not None:
            raise UnusableRow(
                "tag that marks no span",
                f"expected a tag O, B-..., I-..., E-... or S-..., received {wrong!r}",
            )
        check_known(tags, name, form)
        return TaggingExample(id=id_of(row, form.roles.id), words=words, tags=tags)

    def gold_in(self, row: Row, form: RowForm) -> Any:
        tags = tuple(map(label_name, words_in(row, form.roles.tags)))
        if "" in tags:
            raise UnusableRow(
                "missing tag",
                f"expected a tag at each position of column {form.roles.tags!r}, received an empty one",
            )
        return tags

    def checks(self, splits: Mapping[str, Sequence[Example]], value_range: Any) -> list[Check]:
        return [lonely_labels(splits), broken_spans(splits)]

    # Examples as a user types them

    def read(self, item: Any) -> dict | None:
        if isinstance(item, str):
            return {"words": tuple(item.split())}
        are_strings = isinstance(item, list | tuple) and all(isinstance(w, str) for w in item)
        return {"words": tuple(item)} if are_strings else None

    def gold_fields(self, answer: Any, example: Any, model: Any) -> dict:
        return {"tags": tuple(answer.split() if isinstance(answer, str) else map(str, answer))}

    def from_boxes(self, texts: dict[str, str]) -> Any:
        return texts["sentence"]

    def parts_of(self, item: Any) -> list | None:
        return (item or None) if isinstance(item, list) else [item]

    # Token ids and batches

    def names_in(self, example: Any) -> tuple[str, ...]:
        return example.tags or ()

    in_form = staticmethod(in_form)
    encode = staticmethod(encode_sentences)

    def collate(self, encoded: EncodedExamples, rows: np.ndarray, batch: dict) -> None:
        """As many slots for words as positions, so that T alone decides the shapes."""
        shape = batch["token_ids"].shape
        for name in ("word_positions", "labels"):
            batch[name] = encoded.padded(name, rows, shape, np.int32)
        batch["word_weights"] = encoded.padded("word_weights", rows, shape, np.float32)

    def labels_at(self, encoded: EncodedExamples, labels: Any, length: int) -> list[str | None]:
        """The tag at the first piece of each word."""
        tags = [None] * length
        names = ("word_positions", "labels", "word_weights")
        found = zip(*(encoded.fields[name][0] for name in names), strict=True)
        for position, label, weight in found:
            if weight:
                tags[int(position)] = labels[int(label)]
        return tags

    # Predictions

    def predictions(
        self, encoded: EncodedExamples, outputs: Any, null_threshold: float | None = None
    ) -> list[dict]:
        """The likeliest tag of every word by logits (W, N), the rows of a long sentence put together.

        Where training cut a sentence, it ends with the last word that has a tag.
        """
        result = []
        row_numbers = range(len(encoded))
        for owner, group in itertools.groupby(row_numbers, key=lambda row: encoded.owners[row]):
            example, parts = encoded.examples[owner], []
            for row in group:
                num_words = len(encoded.fields["word_positions"][row])
                parts.append(np.asarray(outputs[row][:num_words], np.float64))
            chances = softmax(np.concatenate(parts))
            tags = [encoded.labels[number] for number in chances.argmax(-1)]
            gold = self.gold_of(example)
            result.append(
                {
                    "id": example.id,
                    "words": list(example.words[: len(tags)]),
                    "tags": tags,
                    "gold": None if gold is None else gold[: len(tags)],
                    "probabilities": chances.max(-1).tolist(),
                }
            )
        return result

    def from_exported(self, run: Callable[..., dict], inputs: dict, batch: dict) -> Any:
        return np.take_along_axis(run(**inputs)["logits"], batch["word_positions"][..., None], 1)

    # Scores

    def report_of(self, rows: list[dict], labels: Labels) -> dict:
        """ "per_label" and "confusion" of tags; "per_span_type" as of `per_type_report`, None where tags
        tell no spans; calibration over words."""
        gold, predicted = column(rows, "gold"), column(rows, "tags")
        words = [pair for row in rows for pair in self.outcomes(row)]
        tells_spans = spans.has_span_tags({tag for pair in words for tag in pair})
        found = label_scores.names_report([a for a, _ in words], [b for _, b in words], labels)
        types = spans.per_type_report(gold, predicted) if tells_spans else None
        return {**found, "per_span_type": types}

    def sureness(self, row: dict) -> list[tuple[float, bool]]:
        pairs = zip(row.get("probabilities") or (), self.outcomes(row), strict=False)
        return [(probability, gold == tag) for probability, (gold, tag) in pairs]

    def gold_of(self, example: Any) -> Any:
        is_whole = example.tags is not None and len(example.tags) == len(example.words)
        return list(example.tags) if is_whole else None

    def simplest_rows(self, train: list, examples: Sequence, labels: Labels) -> list[dict]:
        tags_of_word, all_tags = defaultdict(Counter), Counter()
        for example in train:
            all_tags.update(example.tags)
            for word, tag in zip(example.words, example.tags, strict=True):
                tags_of_word[word][tag] += 1
        rows = []
        for example in examples:
            counts = [tags_of_word.get(word, all_tags) for word in example.words]
            best = [counter.most_common(1)[0] for counter in counts]
            pairs = zip(best, counts, strict=True)
            shares = [count / counter.total() for (_, count), counter in pairs]
            words, tags = list(example.words), [tag for tag, _ in best]
            rows.append({"words": words, "tags": tags, "probabilities": shares})
        return rows

    def outcomes(self, row: dict) -> list[tuple[Hashable, Hashable]]:
        return list(zip(row["gold"], row["tags"], strict=True))

    # What a reader sees

    def texts(self, row: dict, example: dict) -> list[tuple[str, str]]:
        return [("sentence", " ".join(row["words"]))]

    def surest(self, row: dict, probabilities: Any) -> float:
        return min(probabilities)

    def error(self, one: Any) -> float:
        """The probabilities of the wrong words' tags, summed."""
        pairs = list(zip(one.gold, one.predicted, strict=True))
        chances = one.row.get("probabilities") or [1.0] * len(pairs)
        return sum(p for (gold, given), p in zip(pairs, chances, strict=True) if gold != given)

    def decisions(self, one: Any) -> list[tuple]:
        gold = [None] * len(one.predicted) if one.gold is None else one.gold
        return list(zip(gold, one.predicted, strict=True))

    def in_words(self, one: Any, side: str) -> str:
        """The spans of a sentence: "PER Ada Lovelace; LOC London"."""
        found = [
            f"{name} {' '.join(group.words[first:end])}"
            for group in self.spans(one)
            for name, first, end in getattr(group, side)
        ]
        return "; ".join(found) or "(none)"

    spans = staticmethod(tag_groups)

    def model_options(self, task: Any, labels: Labels, config: FinetuneConfig) -> dict:
        options = super().model_options(task, labels, config)
        return {"labels": labels, "tagging_form": config.tagging_form, **options}
