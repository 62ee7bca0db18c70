"""The task models: a text, a number, words, an answer, a choice.

Shapes: B examples, T tokens, H hidden width, N labels, W words, C choices, K beams.
"""

import functools

import keras
from keras import ops

from keras_electra.config.finetune import AnswerConfig
from keras_electra.errors import InputError
from keras_electra.task_heads import AnswerHead, ChoiceHead, TaggingHead, TextHead
from keras_electra.task_models.base import (
    TaskModel,
    cross_entropy,
    example_weights,
    gold,
    hit,
)


@keras.saving.register_keras_serializable("keras_electra")
class TextClassifier(TaskModel):
    """One of N labels, or several at once, for a text or a pair of texts.

    Called with a batch; returns logits (B, N), float32. The loss is the cross-entropy of a softmax, or
    with `is_multi_label` the mean over the labels of that of N sigmoids; a mean over the examples.

    Args:
        backbone: `ElectraBackbone`.
        labels: their names, in the order of their numbers.
        is_multi_label: whether each label holds or not by itself.
        head: "original" (dropout, dense) or "huggingface" (dropout, dense, GELU, dropout, dense).
        head_dropout_rate: fraction dropped before each dense layer of the head.
        seed, accumulation_steps, name: see `TaskModel`.
    """

    def __init__(
        self,
        backbone,
        labels,
        *,
        is_multi_label=False,
        head="original",
        head_dropout_rate=0.1,
        seed=0,
        accumulation_steps=1,
        name="text_classifier",
    ):
        labels = checked_labels(labels)
        make_head = functools.partial(
            TextHead, len(labels), form=head, dropout_rate=head_dropout_rate
        )
        super().__init__(
            backbone, make_head, seed=seed, accumulation_steps=accumulation_steps, name=name
        )
        self.labels = labels
        self.is_multi_label = is_multi_label
        self.kind = "multi_label" if is_multi_label else "classification"

    def outputs(self, hidden, batch, training=None):
        logits = self.head(hidden, self.head_noise(training), training=training)
        return ops.cast(logits, "float32")

    def judged(self, batch, outputs):
        labels, weights = gold(batch, "labels"), example_weights(batch)
        if not self.is_multi_label:
            return cross_entropy(outputs, labels), weights, hit(outputs, labels), weights
        labels = ops.cast(labels, "float32")
        losses = ops.binary_crossentropy(labels, outputs, from_logits=True)
        hits = ops.cast(ops.equal(ops.cast(outputs > 0, "float32"), labels), "float32")
        return ops.mean(losses, axis=-1), weights, ops.mean(hits, axis=-1), weights

    def options(self):
        return {
            "labels": list(self.labels),
            "is_multi_label": self.is_multi_label,
            "head": self.head.form,
            "head_dropout_rate": self.head.dropout_rate,
        }


@keras.saving.register_keras_serializable("keras_electra")
class TextRegressor(TaskModel):
    """A number for a text or a pair of texts.

    Called with a batch; returns values (B,), float32, where 0 and 1 are the ends of `value_range`. The
    loss is the squared error on that scale, as in the original; a mean over the examples.

    Args:
        backbone: `ElectraBackbone`.
        value_range: the two numbers that 0 and 1 stand for; values outside can be said too.
        head, head_dropout_rate: as of `TextClassifier`.
        seed, accumulation_steps, name: see `TaskModel`.
    """

    kind = "regression"
    figures = ("loss",)

    def __init__(
        self,
        backbone,
        value_range=(0.0, 1.0),
        *,
        head="original",
        head_dropout_rate=0.1,
        seed=0,
        accumulation_steps=1,
        name="text_regressor",
    ):
        low, high = (float(end) for end in value_range)
        if not low < high:
            raise InputError(
                f"value_range: expected a lower and a higher number, received {value_range}"
            )
        make_head = functools.partial(TextHead, 1, form=head, dropout_rate=head_dropout_rate)
        super().__init__(
            backbone, make_head, seed=seed, accumulation_steps=accumulation_steps, name=name
        )
        self.value_range = (low, high)

    def outputs(self, hidden, batch, training=None):
        values = self.head(hidden, self.head_noise(training), training=training)
        return ops.cast(values[:, 0], "float32")

    def judged(self, batch, outputs):
        errors = outputs - ops.cast(gold(batch, "labels"), "float32")
        return ops.square(errors), example_weights(batch), None, None

    def options(self):
        return {
            "value_range": list(self.value_range),
            "head": self.head.form,
            "head_dropout_rate": self.head.dropout_rate,
        }


@keras.saving.register_keras_serializable("keras_electra")
class TokenClassifier(TaskModel):
    """A tag for each word of a sentence, from the word's first piece.

    Called with a batch; returns logits (B, W, N), float32. The loss is the cross-entropy of the words'
    tags: its mean over the words of a batch.

    Args:
        backbone: `ElectraBackbone`.
        labels: names of the tags, in the order of their numbers.
        head: "original" (dense) or "huggingface" (dropout, dense).
        head_dropout_rate: fraction dropped before the dense layer of the huggingface form.
        tagging_form: "correct"; or "original", where the loss is summed over the words of an example
            and averaged over examples, so that long sentences weigh more. It also decides how raw
            words are read, as in `FinetuneConfig`.
        seed, accumulation_steps, name: see `TaskModel`.
    """

    kind = "tagging"

    def __init__(
        self,
        backbone,
        labels,
        *,
        head="original",
        head_dropout_rate=0.1,
        tagging_form="correct",
        seed=0,
        accumulation_steps=1,
        name="token_classifier",
    ):
        labels = checked_labels(labels)
        if tagging_form not in ("correct", "original"):
            raise InputError(
                f"tagging_form: expected 'correct' or 'original', received {tagging_form!r}"
            )
        make_head = functools.partial(
            TaggingHead, len(labels), form=head, dropout_rate=head_dropout_rate
        )
        super().__init__(
            backbone, make_head, seed=seed, accumulation_steps=accumulation_steps, name=name
        )
        self.labels = labels
        self.tagging_form = tagging_form

    def outputs(self, hidden, batch, training=None):
        positions = ops.convert_to_tensor(batch["word_positions"], "int32")
        logits = self.head(hidden, positions, self.head_noise(training), training=training)
        return ops.cast(logits, "float32")

    def judged(self, batch, outputs):
        labels, weights = gold(batch, "labels"), self.word_weights(batch)
        losses, hits = cross_entropy(outputs, labels), hit(outputs, labels)
        if self.tagging_form == "correct":
            return losses, weights, hits, weights
        return ops.sum(losses * weights, axis=-1), example_weights(batch), hits, weights

    def word_weights(self, batch):
        """(B, W) of 0 and 1: the words that are tagged, in rows that count."""
        return ops.cast(gold(batch, "word_weights"), "float32") * example_weights(batch)[:, None]

    def loss_weights(self, batch):
        if self.tagging_form == "original":
            return example_weights(batch)
        return self.word_weights(batch)

    def options(self):
        return {
            "labels": list(self.labels),
            "head": self.head.form,
            "head_dropout_rate": self.head.dropout_rate,
            "tagging_form": self.tagging_form,
        }


@keras.saving.register_keras_serializable("keras_electra")
class ExtractiveQA(TaskModel):
    """The stretch of a context that answers a question, or that there is none.

    Called with a batch; returns the dict of `AnswerHead`: with joint ends the beams, else the logits of
    starts and ends (B, T); `answerability_logits` (B,), positive for unanswerable, if asked for. A
    batch with gold answers adds `losses` and `hits` (B,); in training there are no beams.

    The loss of an example is half the sum of the cross-entropies of start and end, plus
    `answerability_weight` times that of answerability; a mean over the examples.

    Args:
        backbone: `ElectraBackbone`.
        answers: `AnswerConfig` or its dict.
        head: "original" or "huggingface"; see `AnswerHead`.
        seed, accumulation_steps, name: see `TaskModel`.
    """

    kind = "question_answering"

    def __init__(
        self,
        backbone,
        answers=None,
        *,
        head="original",
        seed=0,
        accumulation_steps=1,
        name="extractive_qa",
    ):
        if not isinstance(answers, AnswerConfig):
            answers = AnswerConfig.from_dict(answers or {})
        make_head = functools.partial(
            AnswerHead,
            has_joint_ends=answers.has_joint_ends,
            answerability=answers.answerability,
            beam_size=answers.beam_size,
            form=head,
        )
        super().__init__(
            backbone, make_head, seed=seed, accumulation_steps=accumulation_steps, name=name
        )
        self.answers = answers

    def outputs(self, hidden, batch, training=None):
        has_gold = "start_positions" in batch
        starts = None
        if has_gold:
            starts = ops.convert_to_tensor(batch["start_positions"], "int32")
        mask = ops.convert_to_tensor(batch["answer_mask"])
        outputs = self.head(hidden, mask, starts, has_beam=not training, training=training)
        if has_gold:
            losses, hits = self.losses_and_hits(batch, outputs)
            outputs = {**outputs, "losses": losses, "hits": hits}
            if "start_top_positions" in outputs:
                # What the loss needed: ends after the gold start, which a prediction may not see.
                del outputs["start_logits"], outputs["end_logits"]
        return outputs

    def losses_and_hits(self, batch, outputs):
        """Per example (B,) the loss, and whether start and end are the most likely ones."""
        losses, hits = 0.0, 1.0
        for name in ("start", "end"):
            logits, positions = outputs[f"{name}_logits"], gold(batch, f"{name}_positions")
            losses += cross_entropy(logits, positions) / 2
            hits *= hit(logits, positions)
        if "answerability_logits" in outputs:
            is_impossible = ops.cast(gold(batch, "is_impossible"), "float32")
            logits = outputs["answerability_logits"]
            cost = ops.binary_crossentropy(is_impossible, logits, from_logits=True)
            losses += self.answers.answerability_weight * cost
        return losses, hits

    def judged(self, batch, outputs):
        weights = example_weights(batch)
        gold(batch, "start_positions")
        return outputs["losses"], weights, outputs["hits"], weights

    def options(self):
        return {"answers": self.answers.to_dict(), "head": self.head.form}


@keras.saving.register_keras_serializable("keras_electra")
class MultipleChoice(TaskModel):
    """One of several texts, such as answers to a question; each is read by itself with the question.

    Called with a batch whose inputs are (B, C, T); returns logits (B, C), float32, -1e9 for a choice
    that an example lacks. The loss is the cross-entropy of the right choice; a mean over the examples.

    Args:
        backbone: `ElectraBackbone`.
        head: "original" (dropout, dense) or "huggingface" (dense, GELU, dropout, dense).
        head_dropout_rate: fraction dropped in the head.
        seed, accumulation_steps, name: see `TaskModel`.
    """

    kind = "multiple_choice"

    def __init__(
        self,
        backbone,
        *,
        head="original",
        head_dropout_rate=0.1,
        seed=0,
        accumulation_steps=1,
        name="multiple_choice",
    ):
        make_head = functools.partial(ChoiceHead, form=head, dropout_rate=head_dropout_rate)
        super().__init__(
            backbone, make_head, seed=seed, accumulation_steps=accumulation_steps, name=name
        )

    def hidden(self, batch, training=None):
        """Last hidden states (B * C, T, H)."""
        length = ops.shape(batch["token_ids"])[-1]
        flat = {
            name: ops.reshape(batch[name], (-1, length))
            for name in ("token_ids", "segment_ids", "padding_mask")
            if batch.get(name) is not None
        }
        return super().hidden(flat, training)

    def outputs(self, hidden, batch, training=None):
        scores = self.head(hidden, self.head_noise(training), training=training)
        shape = ops.shape(batch["token_ids"])[:2]
        logits = ops.reshape(ops.cast(scores, "float32"), shape)
        if batch.get("choice_weights") is None:
            return logits
        return ops.where(ops.convert_to_tensor(batch["choice_weights"]) > 0, logits, -1e9)

    def judged(self, batch, outputs):
        labels, weights = gold(batch, "labels"), example_weights(batch)
        return cross_entropy(outputs, labels), weights, hit(outputs, labels), weights

    def options(self):
        return {"head": self.head.form, "head_dropout_rate": self.head.dropout_rate}


def checked_labels(labels) -> tuple[str, ...]:
    """The labels as a tuple; `InputError` unless they are two or more different names."""
    is_usable = not isinstance(labels, str) and all(isinstance(label, str) for label in labels)
    if not is_usable or len(set(labels)) < len(labels) or len(labels) < 2:
        raise InputError(f"labels: expected two or more different names, received {labels!r}")
    return tuple(labels)
