"""A tag for each word of a sentence."""

import functools
import itertools
from collections import Counter, defaultdict

import numpy as np

from keras_electra.scoring import labels as label_scores
from keras_electra.scoring import spans
from keras_electra.tasks.checks import broken_spans, lonely_labels
from keras_electra.tasks.examples import TaggingExample
from keras_electra.tasks.fields import UnusableRow, check_column, id_of, label_name, words_in
from keras_electra.tasks.gold import check_known
from keras_electra.tasks.kinds.base import TaskKind, column
from keras_electra.tasks.kinds.texts import calibrated
from keras_electra.tasks.marking import tag_groups
from keras_electra.tasks.probabilities import softmax
from keras_electra.tasks.tag_encoding import encode_sentences, in_form
from keras_electra.tasks.tag_forms import SPAN_TAG, form_of_tags, sentence_on_tags


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
    metrics = ("span_precision", "span_recall", "span_f1", "token_accuracy")
    usual_metrics = ("span_f1", "span_precision", "span_recall", "token_accuracy")
    word_metrics = ("token_accuracy",)
    recipe = {"sequence_length": 256}  # noqa: RUF012
    given = "tags"
    chart = "confusion"
    fields = ("sentence",)
    raw = "a list of words, or a string of them"
    item = "a string, or a list of its words"
    warm_up = "warm up"
    line = '"Some text."'
    model = "task_models.TokenClassifier"
    positions_in = ("logits",)
    google = "tagging"
    transformers = "ElectraForTokenClassification"

    # Tables

    def find_roles(self, finder):
        return finder.tagging()

    def tag_form(self, tags):
        return form_of_tags(tags)

    def of_table(self, reader, table, found, value_range):
        """Without spans there are no metrics of them."""
        options, _ = super().of_table(reader, table, found, value_range)
        metrics = self.usual_metrics if reader.tag_form else self.word_metrics
        return {**options, "metrics": metrics}, sentence_on_tags(found.labels, reader.tag_form)

    def example_of(self, row, form):
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

    def gold_in(self, row, form):
        tags = tuple(map(label_name, words_in(row, form.roles.tags)))
        if "" in tags:
            raise UnusableRow(
                "missing tag",
                f"expected a tag at each position of column {form.roles.tags!r}, received an empty one",
            )
        return tags

    def checks(self, splits, value_range):
        return [lonely_labels(splits), broken_spans(splits)]

    # Examples as a user types them

    def read(self, item):
        if isinstance(item, str):
            return {"words": tuple(item.split())}
        are_strings = isinstance(item, list | tuple) and all(isinstance(w, str) for w in item)
        return {"words": tuple(item)} if are_strings else None

    def gold_fields(self, answer, example, model):
        return {"tags": tuple(answer.split() if isinstance(answer, str) else map(str, answer))}

    def from_boxes(self, texts):
        return texts["sentence"]

    def parts_of(self, item):
        return (item or None) if isinstance(item, list) else [item]

    # Token ids and batches

    def names_in(self, example):
        return example.tags or ()

    def in_form(self, examples, form):
        return in_form(examples, form)

    def encode(self, job):
        return encode_sentences(job)

    def collate(self, encoded, rows, batch):
        """As many slots for words as positions, so that T alone decides the shapes."""
        shape = batch["token_ids"].shape
        for name in ("word_positions", "labels"):
            batch[name] = encoded.padded(name, rows, shape, np.int32)
        batch["word_weights"] = encoded.padded("word_weights", rows, shape, np.float32)

    def labels_at(self, encoded, labels, length):
        """The tag at the first piece of each word."""
        tags = [None] * length
        names = ("word_positions", "labels", "word_weights")
        found = zip(*(encoded.fields[name][0] for name in names), strict=True)
        for position, label, weight in found:
            if weight:
                tags[int(position)] = labels[int(label)]
        return tags

    # Predictions

    def predictions(self, encoded, outputs, null_threshold=None):
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

    def from_exported(self, run, inputs, batch):
        return np.take_along_axis(run(**inputs)["logits"], batch["word_positions"][..., None], 1)

    def chances(self, outputs):
        return {"chances": softmax(outputs["logits"])}

    # Scores

    def metrics_of(self, rows, labels):
        gold, predicted = column(rows, "gold"), column(rows, "tags")
        found = functools.cache(lambda: spans.span_figures(gold, predicted))
        return {
            "token_accuracy": lambda: spans.token_accuracy(gold, predicted),
            "span_precision": lambda: found()["precision"],
            "span_recall": lambda: found()["recall"],
            "span_f1": lambda: found()["f1"],
        }

    def report_of(self, rows, labels):
        """ "per_label" and "confusion" of tags; "per_span_type" as of `per_type_report`, None where tags
        tell no spans; calibration over words."""
        gold, predicted = column(rows, "gold"), column(rows, "tags")
        words = [pair for row in rows for pair in self.outcomes(row)]
        tells_spans = spans.has_span_tags({tag for pair in words for tag in pair})
        confidences = [p for row in rows for p in row.get("probabilities") or ()]
        found = label_scores.names_report([a for a, _ in words], [b for _, b in words], labels)
        return {
            **found,
            "per_span_type": spans.per_type_report(gold, predicted) if tells_spans else None,
            "calibration": calibrated(confidences, [a == b for a, b in words]),
        }

    def gold_of(self, example):
        is_whole = example.tags is not None and len(example.tags) == len(example.words)
        return list(example.tags) if is_whole else None

    def simplest_rows(self, train, examples, labels):
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

    def outcomes(self, row):
        return list(zip(row["gold"], row["tags"], strict=True))

    # What a reader sees

    def texts(self, row, example):
        return [("sentence", " ".join(row["words"]))]

    def surest(self, row, probabilities):
        return min(probabilities)

    def error(self, one):
        """The probabilities of the wrong words' tags, summed."""
        pairs = list(zip(one.gold, one.predicted, strict=True))
        chances = one.row.get("probabilities") or [1.0] * len(pairs)
        return sum(p for (gold, given), p in zip(pairs, chances, strict=True) if gold != given)

    def decisions(self, one):
        gold = [None] * len(one.predicted) if one.gold is None else one.gold
        return list(zip(gold, one.predicted, strict=True))

    def in_words(self, one, side):
        """The spans of a sentence: "PER Ada Lovelace; LOC London"."""
        found = [
            f"{name} {' '.join(group.words[first:end])}"
            for group in self.spans(one)
            for name, first, end in getattr(group, side)
        ]
        return "; ".join(found) or "(none)"

    def spans(self, one):
        return tag_groups(one)

    def model_options(self, task, labels, config):
        options = super().model_options(task, labels, config)
        return {"labels": labels, "tagging_form": config.tagging_form, **options}
