"""The answer to a question, as a stretch of its context.

Shapes: B examples, T tokens.
"""

import functools

import keras
from keras import ops

from keras_electra.config.finetune import AnswerConfig
from keras_electra.task_heads import AnswerHead
from keras_electra.task_models import head_graphs
from keras_electra.task_models.base import (
    TaskModel,
    cross_entropy,
    example_weights,
    gold,
    hit,
)


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

    @property
    def null_threshold(self) -> float | None:
        """Null odds above which `predict` gives no answer; `answers` has it, so it is saved with them."""
        return self.answers.null_threshold

    @null_threshold.setter
    def null_threshold(self, value: float | None):
        self.answers = self.answers.replace(null_threshold=value)

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

    def plain_batch(self, inputs):
        return {**inputs, "answer_mask": inputs["padding_mask"].astype("float32")}

    def exported(self, hidden, inputs):
        """As of `AnswerHead`; the context is the second segment."""
        segment_ids = inputs["segment_ids"]
        is_first = ops.arange(ops.shape(segment_ids)[1], dtype="int32")[None] == 0
        in_context = ops.logical_and(segment_ids == 1, inputs["padding_mask"])
        return self.head(hidden, ops.logical_or(in_context, is_first))

    def graph_outputs(self, graph, hidden):
        return head_graphs.answer(graph, self.head, hidden)

    def options(self):
        return {"answers": self.answers.to_dict(), "head": self.head.form}
